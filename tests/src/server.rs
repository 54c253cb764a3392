//! `whorl serve`, the real binary: on a free port, with its state in a folder of its own and either backend.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    keeper::free_port,
    missing::{Missing, models_folder},
    moto::{Moto, Vault},
    plug::Plug,
    postgres::Cluster,
    program,
};

/// What stands behind the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// SQLite, a directory and a local key.
    Embedded,
    /// PostgreSQL, S3 and KMS, each behind a plug that a test can pull.
    Production,
}

/// How a server is to be set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// What stands behind it.
    pub backend: Backend,
    /// TOML over the settings that every test server has.
    pub toml: &'a str,
    /// Whether it gets the model pack, and so the face factor.
    pub faces: bool,
}

impl Setup<'_> {
    /// A server without models and without further settings.
    #[must_use]
    pub fn plain(backend: Backend) -> Self {
        Self {
            backend,
            toml: "",
            faces: false,
        }
    }
}

/// What a production server leans on.
#[derive(Debug)]
pub struct Production {
    /// Between server and PostgreSQL.
    pub database_plug: Plug,
    /// Between server and S3 and KMS.
    pub vault_plug: Plug,
    /// The server's database in the shared cluster.
    pub database: String,
    /// Its bucket and its key.
    pub vault: Vault,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// The issuer, without a slash at its end.
    pub issuer: String,
    /// The parts behind it, where it has any outside its folder.
    pub production: Option<Production>,
    folder: TempDir,
    with_models: bool,
    process: Option<Child>,
}

impl Server {
    /// Sets a server up and waits until it is ready.
    ///
    /// # Panics
    /// When a server that lacks nothing does not start: that is a finding, not a missing part.
    pub async fn start(setup: Setup<'_>) -> Result<Self, Missing> {
        if setup.faces {
            models_folder()?;
        }
        let parts = match setup.backend {
            Backend::Embedded => None,
            Backend::Production => Some((Cluster::shared()?, Moto::shared()?)),
        };
        let server = Self::set_up(setup, parts).await;
        Ok(server.unwrap_or_else(|e| panic!("whorl serve: {e:#}")))
    }

    async fn set_up(setup: Setup<'_>, parts: Option<(&Cluster, &Moto)>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let issuer = format!("http://localhost:{port}");
        let mut config = settings(&issuer, port, folder.path());
        let production = match parts {
            None => None,
            Some((cluster, moto)) => {
                let production = production(cluster, moto, folder.path()).await?;
                merge(
                    &mut config,
                    production_settings(cluster, &production).parse()?,
                );
                Some(production)
            }
        };
        merge(
            &mut config,
            setup.toml.parse().context(setup.toml.to_owned())?,
        );
        fs::write(folder.path().join(CONFIG), config.to_string())?;
        let mut server = Self {
            issuer,
            production,
            folder,
            with_models: setup.faces,
            process: None,
        };
        server.restart().await?;
        Ok(server)
    }

    /// The URL of a path of this server.
    ///
    /// # Panics
    /// When it is no path.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        let base = Url::parse(&self.issuer).expect("invariant: the issuer is a URL");
        base.join(path).expect("a path")
    }

    /// The folder of its state, its configuration and its log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that it has logged, over restarts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// The same as bytes: whatever was written, text or not.
    #[must_use]
    pub fn raw_log(&self) -> Vec<u8> {
        fs::read(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// The id of its process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn process(&self) -> anyhow::Result<u32> {
        let process = self.process.as_ref();
        Ok(process.context("it does not run")?.id())
    }

    /// Memory that its process holds now, KiB (`VmRSS` of proc(5)).
    ///
    /// # Errors
    /// When it does not run, or the system does not tell.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let id = self.process()?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let value = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        Ok(value.context("no VmRSS")?.trim().parse()?)
    }

    /// Runs another subcommand with the same configuration.
    pub fn whorl(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(self.command(arguments).output()?)
    }

    /// Starts the process anew on the same state, and waits until it is ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join(LOG))?;
        let child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("whorl")?;
        self.process = Some(child);
        self.wait_until(StatusCode::OK).await
    }

    /// Ends the process as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Asks the process to stop, and waits until it has.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let mut process = self.process.take().context("it does not run")?;
        let id = process.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = process.try_wait()? {
                return Ok(status);
            }
            sleep(GLANCE).await;
        }
        let _ = process.kill();
        bail!("still running {} s after SIGTERM", PATIENCE.as_secs());
    }

    /// Waits until `/readyz` answers with this status.
    ///
    /// # Errors
    /// When the process ends, or it takes too long; with the end of its log.
    pub async fn wait_until(&mut self, status: StatusCode) -> anyhow::Result<()> {
        let url = self.url("/readyz");
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let until = Instant::now() + PATIENCE;
        let mut last = String::from("no answer");
        while Instant::now() < until {
            match http.get(url.clone()).send().await {
                Ok(response) if response.status() == status => return Ok(()),
                Ok(response) => {
                    last = format!("{}: {}", response.status(), response.text().await?);
                }
                Err(error) => last = format!("{error:#}"),
            }
            let process = self.process.as_mut().context("it does not run")?;
            if let Some(ended) = process.try_wait()? {
                bail!("ended with {ended}\n{}", self.end_of_log());
            }
            sleep(GLANCE).await;
        }
        bail!("/readyz is not {status} but {last}\n{}", self.end_of_log());
    }

    /// What one of its metrics stands at: the sum over the series whose labels contain all of `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> anyhow::Result<f64> {
        let response = reqwest::get(self.url("/metrics"))
            .await?
            .error_for_status()?;
        let text = response.text().await?;
        let series = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    /// A second process on the same parts and under the same issuer, at an address of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn replica(&self) -> anyhow::Result<Replica> {
        let text = fs::read_to_string(self.folder.path().join(CONFIG))?;
        let mut config: toml::Table = text.parse()?;
        let address = format!("127.0.0.1:{}", free_port()?);
        config.insert("listen".into(), address.clone().into());
        let file = self.folder.path().join("replica.toml");
        fs::write(&file, config.to_string())?;
        let log = File::create(self.folder.path().join("replica.log"))?;
        let process = self
            .command_with(&["serve"], &file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("whorl")?;
        let replica = Replica {
            base: format!("http://{address}"),
            process,
        };
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let ready = reqwest::get(format!("{}/readyz", replica.base)).await;
            if ready.is_ok_and(|response| response.status().is_success()) {
                return Ok(replica);
            }
            sleep(GLANCE).await;
        }
        bail!("the replica is not ready")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_with(arguments, &self.folder.path().join(CONFIG))
    }

    fn command_with(&self, arguments: &[&str], config: &Path) -> Command {
        let mut command = program::command("whorl", self.folder.path());
        command.args(arguments).arg("--config").arg(config);
        command.envs([
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", Moto::REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        if !self.with_models {
            command.env("WHORL_MODELS", self.folder.path().join("no-models"));
        }
        command
    }

    fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

/// A second process beside a server; killed when dropped.
#[derive(Debug)]
pub struct Replica {
    /// Where it answers; the issuer is another address.
    pub base: String,
    process: Child,
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the end of the server's log\n{}", self.end_of_log());
        }
    }
}

fn settings(issuer: &str, port: u16, folder: &Path) -> toml::Table {
    let mut table = toml::Table::new();
    table.insert("issuer".into(), issuer.into());
    table.insert("listen".into(), format!("127.0.0.1:{port}").into());
    table.insert("state_dir".into(), path(folder.join("state")).into());
    // Every test comes from one address.
    merge(
        &mut table,
        "[limits]\nguesses_per_minute = 100000\n[log]\nlevel = \"info,whorl=trace\""
            .parse()
            .unwrap_or_default(),
    );
    table
}

async fn production(cluster: &Cluster, moto: &Moto, folder: &Path) -> anyhow::Result<Production> {
    let database = cluster.migrated_database(|url| migrate(url, folder))?;
    Ok(Production {
        database_plug: Plug::to(cluster.port()).await?,
        vault_plug: Plug::to(moto.port()).await?,
        database,
        vault: moto.vault().await?,
    })
}

fn production_settings(cluster: &Cluster, production: &Production) -> String {
    let url = cluster.url(&production.database, production.database_plug.port());
    let (vault, port) = (&production.vault, production.vault_plug.port());
    format!(
        "[database]\nurl = {url:?}\n\
         [vault]\nblobs = \"s3\"\nbucket = {:?}\nkey = \"kms\"\nkms_key_id = {:?}\n\
         [aws]\nendpoint_url = \"http://127.0.0.1:{port}\"\npath_style = true\n",
        vault.bucket, vault.key
    )
}

/// Applies the schema as an operator would.
fn migrate(url: &str, folder: &Path) -> anyhow::Result<()> {
    let output = program::command("whorl", folder)
        .args(["migrate"])
        .env("WHORL_DATABASE__URL", url)
        .env("WHORL_STATE_DIR", folder.join("migration"))
        .output()?;
    ensure!(
        output.status.success(),
        "migrate: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

fn path(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

const CONFIG: &str = "whorl.toml";
const LOG: &str = "log";

/// Lines of its log that a failure shows.
const LINES: usize = 40;

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at a condition.
const GLANCE: Duration = Duration::from_millis(50);
