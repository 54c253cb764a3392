//! The command line: a subcommand a file, each a thin caller of the library.

mod admin;
mod client;
mod connect;
mod demo;
mod doctor;
mod keys;
mod models;
mod policy;
mod scripted;
mod scripted_browser;
mod serve;

use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};

use crate::app::open_store;
use crate::config::{self, Config};
use crate::store::{NewEvent, Store};
use crate::telemetry;

/// An OpenID Provider that asks for a face, a finger or a passkey.
///
/// `whorl demo` shows everything on this machine. `whorl serve --config FILE` runs it.
#[derive(Parser)]
#[command(name = "whorl", version, propagate_version = true)]
pub struct Arguments {
    /// The configuration file; what it does not say is as `whorl config` prints.
    #[arg(long, short, global = true, env = "WHORL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop (SIGTERM or Ctrl-C).
    Serve,
    /// Try everything: the provider with embedded defaults and a demonstration application.
    ///
    /// With --face or --finger the whole login is done without a human, from image files; then the exit
    /// status is 0 when admitted, 10 when refused by face, 11 when refused by finger, 12 for a sample that
    /// cannot be used, and the last line printed is one JSON object.
    Demo(demo::Options),
    /// Check configuration, database, vault, keys and models, and say how to mend each.
    Doctor(doctor::Options),
    /// Bring the database's schema up to date.
    Migrate,
    /// Operators of the admin API and their tokens.
    #[command(subcommand)]
    Admin(admin::Command),
    /// Relying parties.
    #[command(subcommand)]
    Client(client::Command),
    /// Systems that delegate their logins to us: what to type there and here.
    #[command(subcommand)]
    Connect(connect::Command),
    /// Signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// The model pack of the face factor.
    #[command(subcommand)]
    Models(models::Command),
    /// What the policy asks for: check it, explain it, and try another one on the logins of the past.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Print the default configuration, commented.
    Config,
    /// Print completions for a shell.
    Completions { shell: clap_complete::Shell },
}

impl Arguments {
    /// Runs the subcommand.
    ///
    /// # Errors
    /// Whatever went wrong, with its causes.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let load =
            || Config::load(self.config.as_deref()).context("the configuration is not usable");
        match self.command {
            Command::Serve => {
                let config = load()?;
                telemetry::init(&config.log);
                block_on(serve::run(config))
            }
            Command::Demo(options) => demo::run(options),
            Command::Doctor(options) => block_on(doctor::run(load()?, options)),
            Command::Migrate => block_on(serve::migrate(load()?)),
            Command::Admin(command) => block_on(admin::run(load()?, command)),
            Command::Client(command) => block_on(client::run(load()?, command)),
            Command::Connect(command) => block_on(connect::run(load()?, command)),
            Command::Keys(command) => block_on(keys::run(load()?, command)),
            Command::Models(command) => block_on(models::run(load()?, command)),
            Command::Policy(command) => block_on(policy::run(self.config.as_deref(), command)),
            Command::Config => {
                print!("{}", config::DEFAULTS);
                Ok(ExitCode::SUCCESS)
            }
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "whorl", &mut script);
                match std::io::stdout().write_all(&script) {
                    // Who read enough of it has gone.
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
                    Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
                }
            }
        }
    }
}

/// The database for a command that only looks: an embedded one that is not there is not made.
async fn existing_store(config: &Config) -> anyhow::Result<Store> {
    if let Some(file) = config.embedded_database().filter(|file| !file.exists()) {
        anyhow::bail!("there is no database at {} yet", file.display());
    }
    Ok(open_store(config).await?)
}

/// The event with who acted: not an operator, but whoever may run commands on the server.
fn at_command_line(mut event: NewEvent) -> NewEvent {
    let by = format!("command line (unix user {})", unix_user());
    event.detail.insert("by".into(), by);
    event
}

/// The user of this process by the system's own records: its environment could say anything.
fn unix_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    user_of(uid, &known).unwrap_or_else(|| uid.to_string())
}

/// The name in a line of passwd(5).
fn user_of(uid: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::user_of;

    #[test]
    fn a_user_is_named_as_the_system_names_them() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nodd\nwhorl:x:1001:1001::/:/bin/false\n";
        assert_eq!(user_of(0, passwd).as_deref(), Some("root"));
        assert_eq!(user_of(1001, passwd).as_deref(), Some("whorl"));
        assert_eq!(user_of(7, passwd), None);
    }
}
