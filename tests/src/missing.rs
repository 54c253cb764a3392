//! A part that a test needs and this machine lacks: said plainly, and a failure where everything must run.

use std::{
    env, fmt,
    io::Write,
    path::{Path, PathBuf},
};

/// Why a test cannot run here, and what would mend it.
#[derive(Debug, Clone)]
pub struct Missing {
    what: String,
    remedy: String,
}

impl Missing {
    /// `what` as a sentence ("Chromium is missing"), `remedy` as another ("tests/setup installs it").
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// Says that the test was not run.
    ///
    /// # Panics
    /// Where `WHORL_TEST_ALL=1` promises that every part is there.
    pub fn report(&self) {
        assert!(
            env::var_os("WHORL_TEST_ALL").is_none_or(|v| v != "1"),
            "WHORL_TEST_ALL=1, but {self}"
        );
        // Past the test harness, which would keep the word of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "not run: {self}");
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// The value, or the end of this test with a word on what is missing.
#[macro_export]
macro_rules! need {
    ($part:expr) => {
        match $part {
            Ok(part) => part,
            Err(missing) => {
                $crate::missing::Missing::report(&missing);
                return;
            }
        }
    };
}

/// The folder with development images, `WHORL_SHARED`.
pub fn shared_folder() -> Result<PathBuf, Missing> {
    folder(
        "WHORL_SHARED",
        "the folder that holds data/faces and data/fingerprints",
    )
}

/// The folder with the model pack, `WHORL_MODELS`.
pub fn models_folder() -> Result<PathBuf, Missing> {
    folder("WHORL_MODELS", "the folder that holds the model pack")
}

fn folder(variable: &str, means: &str) -> Result<PathBuf, Missing> {
    match env::var_os(variable).map(PathBuf::from) {
        Some(path) if path.is_dir() => Ok(path),
        Some(path) => Err(Missing::new(
            format!("{variable} is {}, which is no folder", path.display()),
            format!("set it to {means}"),
        )),
        None => Err(Missing::new(
            format!("{variable} is not set"),
            format!("set it to {means}"),
        )),
    }
}

/// Where `tests/setup` keeps what it installs.
#[must_use]
pub fn cache_folder() -> PathBuf {
    let own = env::var_os("WHORL_CACHE").map(PathBuf::from);
    let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    own.unwrap_or_else(|| home.join(".cache/whorl"))
}

/// The first of `names` on PATH.
#[must_use]
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names.iter().find_map(|name| {
        env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    })
}

/// A program of the Python environment that `tests/setup` makes, else the one on PATH.
pub fn python_program(name: &str) -> Result<PathBuf, Missing> {
    let own = cache_folder().join("venv/bin").join(name);
    Some(own)
        .filter(|program| program.is_file())
        .or_else(|| on_path(&[name]))
        .ok_or_else(|| Missing::new(format!("{name} is missing"), SETUP))
}

/// What mends most of what can be missing.
pub const SETUP: &str = "tests/setup installs it";

/// This crate's folder, for the files that lie beside the Rust.
#[must_use]
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
