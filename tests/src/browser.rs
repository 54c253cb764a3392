//! Chromium, driven by a script beside this crate's Rust: `tests/browser/<name>.mjs`.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use crate::missing::{Missing, SETUP, cache_folder, here, on_path};

/// Chromium and what drives it.
#[derive(Debug, Clone)]
pub struct Browser {
    chromium: PathBuf,
    node: PathBuf,
    playwright: PathBuf,
}

impl Browser {
    /// Finds them.
    pub fn here() -> Result<Self, Missing> {
        let chromium = on_path(&["chromium", "chromium-browser", "google-chrome"])
            .ok_or_else(|| Missing::new("Chromium is missing", SETUP))?;
        let driver = driver().ok_or_else(|| Missing::new("playwright-core is missing", SETUP))?;
        Ok(Self {
            chromium,
            node: driver.join("node"),
            playwright: driver.join("package/index.mjs"),
        })
    }

    /// Runs a script with `arguments`, and answers what it returns.
    ///
    /// # Errors
    /// When the script throws, or takes too long; with all that it wrote.
    pub async fn run(&self, script: &str, arguments: &Value) -> anyhow::Result<Value> {
        let path = here().join("browser").join(format!("{script}.mjs"));
        ensure!(path.is_file(), "no such script: {}", path.display());
        let mut child = Command::new(&self.node)
            .arg(path)
            .env("WHORL_CHROMIUM", &self.chromium)
            .env("WHORL_PLAYWRIGHT", &self.playwright)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Chromium hangs on a pipe of Node's and ends with it.
            .kill_on_drop(true)
            .spawn()
            .context("node")?;
        let mut input = child
            .stdin
            .take()
            .context("invariant: standard input is piped")?;
        input.write_all(arguments.to_string().as_bytes()).await?;
        drop(input);
        let Ok(output) = timeout(PATIENCE, child.wait_with_output()).await else {
            bail!("{script} took longer than {} s", PATIENCE.as_secs());
        };
        let output = output?;
        let (said, answer) = (
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout),
        );
        ensure!(
            output.status.success(),
            "{script}: {}\n{answer}\n{said}",
            output.status
        );
        let last = answer
            .lines()
            .last()
            .with_context(|| format!("{script} said nothing"))?;
        serde_json::from_str(last).with_context(|| format!("{script} answered {last}"))
    }
}

/// The folder of playwright's Python package which has Node and playwright-core in it.
pub(crate) fn driver() -> Option<PathBuf> {
    let libraries = std::fs::read_dir(cache_folder().join("venv/lib")).ok()?;
    libraries
        .filter_map(Result::ok)
        .map(|python| python.path().join("site-packages/playwright/driver"))
        .find(|driver| driver.join("node").is_file() && driver.join("package/index.mjs").is_file())
}

/// The program that judges pages for accessibility, axe-core.
pub fn axe() -> Result<PathBuf, Missing> {
    let program = cache_folder().join("clients/npm/node_modules/axe-core/axe.min.js");
    Some(program)
        .filter(|program| program.is_file())
        .ok_or_else(|| Missing::new("axe-core is missing", SETUP))
}

/// The longest that a script may take: a registration and a login with captures on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
