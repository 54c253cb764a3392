//! A test bed: `whorl serve` with one of the example configurations for checkers, as it stands but for its ports.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{keeper::free_port, missing::here, program};

/// A running test bed; killed when dropped.
#[derive(Debug)]
pub struct Bed {
    /// The issuer, without a slash at its end.
    pub issuer: String,
    folder: TempDir,
    process: Child,
}

/// What stands in every bed's environment.
pub const PASSWORD: &str = "drink me, said the bottle";
/// The secret of RFC 6238 appendix B, in base32.
pub const TOTP: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

impl Bed {
    /// Serves `config/<name>` in a folder of its own; `checker` is the port where the checker's side is.
    ///
    /// # Errors
    /// When it does not start; with its log.
    pub async fn start(
        name: &str,
        checker: u16,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::start_with(name, checker, environment, "").await
    }

    /// As [`Bed::start`], with further tables behind the configuration's own.
    ///
    /// # Errors
    /// When it does not start; with its log.
    pub async fn start_with(
        name: &str,
        checker: u16,
        environment: &[(&str, &str)],
        more: &str,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let workspace = here().parent().context("invariant: in the workspace")?;
        let text = fs::read_to_string(workspace.join("config").join(name))?;
        let text = text
            // One port may hold the digits of the other.
            .replace("9777", "CHECKER")
            .replace("4455", &port.to_string())
            .replace("CHECKER", &checker.to_string());
        fs::write(folder.path().join(name), format!("{text}\n{more}"))?;
        let log = fs::File::create(folder.path().join(LOG))?;
        let process = program::command("whorl", folder.path())
            .args(["serve", "--config", name])
            .envs([
                ("WHORL_CONFORMANCE_PASSWORD", PASSWORD),
                ("WHORL_CONFORMANCE_TOTP", TOTP),
                ("WHORL_MODELS", "no-models"),
            ])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("whorl")?;
        let mut bed = Self {
            issuer: format!("http://localhost:{port}"),
            folder,
            process,
        };
        bed.wait().await?;
        Ok(bed)
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let url = self.url("/readyz");
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Ok(answer) = reqwest::get(url.clone()).await
                && answer.status().is_success()
            {
                return Ok(());
            }
            if let Some(ended) = self.process.try_wait()? {
                bail!("ended with {ended}\n{}", self.log());
            }
            sleep(GLANCE).await;
        }
        bail!("not ready\n{}", self.log());
    }

    /// The URL of a path.
    ///
    /// # Panics
    /// When it is no path.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        let base = Url::parse(&self.issuer).expect("invariant: the issuer is a URL");
        base.join(path).expect("a path")
    }

    /// Its working directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration as it is served.
    #[must_use]
    pub fn config(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the bed's log\n{}", self.log());
        }
    }
}

const LOG: &str = "log";
const PATIENCE: Duration = Duration::from_secs(90);
const GLANCE: Duration = Duration::from_millis(50);
