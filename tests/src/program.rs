//! Our own binaries, as this very test run built them.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, ensure};

use crate::missing::here;

/// The path of one of the workspace's binaries, up to date.
///
/// # Panics
/// When the workspace does not build: there is nothing to test then.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    // The controls play the scenarios with binaries of their own.
    if let Some(folder) = env::var_os("WHORL_TEST_BINARIES") {
        return PathBuf::from(folder).join(name);
    }
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| build().unwrap_or_else(|e| panic!("{e:#}")));
    folder.join(name)
}

/// Has cargo bring the binaries up to date, in the profile of this test. With a test among the targets, so that the
/// features are those of the tests: no dependency is compiled again where `cargo test --workspace` did it.
fn build() -> anyhow::Result<PathBuf> {
    // <target>/<profile>/deps/<test>
    let test = env::current_exe()?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("a test lies in a target folder")?
        .to_owned();
    let workspace = here()
        .parent()
        .context("invariant: this crate lies in the workspace")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace).args([
        "build",
        "--workspace",
        "--bins",
        "--test",
        "scenarios",
        "--quiet",
    ]);
    if folder.file_name() == Some("release".as_ref()) {
        cargo.arg("--release");
    }
    if let Some(target) = folder.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let output = cargo.output().context("cargo")?;
    ensure!(
        output.status.success(),
        "cargo build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        folder.join("whorl").is_file(),
        "no whorl in {}",
        folder.display()
    );
    Ok(folder)
}

/// A command of one of our binaries, shielded from this process's environment.
#[must_use]
pub fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary(name));
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("NO_COLOR", "1");
    for kept in [
        "PATH",
        "WHORL_MODELS",
        "RUST_BACKTRACE",
        "TMPDIR",
        "WHORL_WITHOUT",
    ] {
        if let Some(value) = env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}
