//! `whorl policy`: whether the policy holds together, why it decides as it does, and what another one would change.

mod check;
mod explain;
mod simulate;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::config::Config;

#[derive(Subcommand)]
pub enum Command {
    /// Say what each acr asks for, and whether the rules hold together; the exit status is 1 where they do not.
    Check {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say why the policy admits, steps up or denies: in circumstances that are given, or a login of the past.
    Explain(explain::Options),
    /// Replay the logins that are kept under another policy: how many would be stepped up or refused.
    Simulate(simulate::Options),
}

/// Runs it.
pub async fn run(file: Option<&Path>, command: Command) -> anyhow::Result<ExitCode> {
    let load = || Config::load(file).context("the configuration is not usable");
    match command {
        // A policy with faults is what this one is for.
        Command::Check { json } => check::run(&Config::load_unchecked(file)?, json),
        Command::Explain(options) => explain::run(load()?, options).await,
        Command::Simulate(options) => simulate::run(load()?, options).await,
    }
}

/// Prints one JSON object.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
