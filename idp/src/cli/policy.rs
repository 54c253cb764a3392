//! `whorl policy`: whether the policy holds together, why it decides as it does, and what another one would change.
//!
//! What counts is what an operator wrote at the console, and the configuration's where nobody did; each command says which
//! it looks at, beside its answer.

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
use wire::AuditOutcome;

use self::check::Report;
use super::{at_command_line, existing_store, unix_user};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::login::Trail;
use crate::policies::{InForce, PolicyRefused};
use crate::store::{PolicyRevision, Store};

#[derive(Subcommand)]
pub enum Command {
    /// Say what each acr asks for, and whether the rules hold together; the exit status is 1 where they do not.
    Check {
        /// The configuration's [policy], also where another one counts.
        #[arg(long)]
        file: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say why the policy admits, steps up or denies: in circumstances that are given, or a login of the past.
    Explain(explain::Options),
    /// Replay the logins that are kept under another policy: how many would be stepped up or refused.
    Simulate(simulate::Options),
    /// Go back to the configuration's [policy], where the one of the console does not let the server start.
    Reset,
}

/// Runs it.
pub async fn run(file: Option<&Path>, command: Command) -> anyhow::Result<ExitCode> {
    let load = || Config::load(file).context("the configuration is not usable");
    match command {
        Command::Check { file: only, json } => {
            // A policy with faults is what this one is for.
            let mut config = Config::load_unchecked(file)?;
            let found = match only {
                true => Ok(None),
                false => take_stored(&mut config).await,
            };
            let report = match found {
                Ok(revision) => Report {
                    revision,
                    ..Report::of(&config)
                },
                Err(PolicyRefused::Faulty { number, faults }) => {
                    eprintln!("policy revision {number} counts, and cannot be used");
                    let faults = faults.iter().map(ToString::to_string);
                    Report::of_faults(number, faults.collect())
                }
                Err(other) => return Err(other.into()),
            };
            check::run(&report, json)
        }
        Command::Explain(options) => {
            let mut config = load()?;
            take_stored(&mut config).await?;
            explain::run(config, options).await
        }
        Command::Simulate(options) => {
            let mut config = load()?;
            take_stored(&mut config).await?;
            simulate::run(config, options).await
        }
        Command::Reset => reset(&load()?).await,
    }
}

/// Puts the policy that counts into the place of the configuration's, and says which it is; its number, where an operator
/// wrote it. Without a database that answers it is the configuration's.
pub(super) async fn take_stored(config: &mut Config) -> Result<Option<i64>, PolicyRefused> {
    let store = match existing(config).await {
        Ok(Some(store)) => store,
        Ok(None) => return Ok(None),
        Err(error) => {
            eprintln!(
                "the database does not say which policy counts ({error:#}): this is the configuration's"
            );
            return Ok(None);
        }
    };
    let stored = InForce::newest(&store, config).await?;
    let (number, is_own) = (stored.number(), stored.text.is_some());
    let Some(change) = stored.change.clone().filter(|_| is_own) else {
        return Ok(None);
    };
    eprintln!(
        "policy revision {number}, by {} on {}: the configuration's [policy] does not count",
        change.by,
        change.at.date()
    );
    config.policy = stored.into_policy();
    Ok(Some(number))
}

/// A database that is there and up to date; it is not changed by who only looks.
async fn existing(config: &Config) -> anyhow::Result<Option<Store>> {
    if config
        .embedded_database()
        .is_some_and(|file| !file.exists())
    {
        return Ok(None);
    }
    let store = Store::open_existing(&config.database_url(), 1).await?;
    Ok((store.pending_migrations().await? == 0).then_some(store))
}

async fn reset(config: &Config) -> anyhow::Result<ExitCode> {
    let (store, now) = (existing_store(config).await?, SystemClock.now());
    let change = store.begin().await?;
    let newest = change.newest_policy().await?;
    let Some(newest) = newest.filter(|newest| newest.text.is_some()) else {
        println!("the configuration's [policy] counts already");
        return Ok(ExitCode::SUCCESS);
    };
    let revision = PolicyRevision {
        number: newest.number + 1,
        text: None,
        changed_by: format!("command line (unix user {})", unix_user()),
        note: None,
        at: now,
    };
    change.keep_policy_revision(&revision).await?;
    let trail = Trail {
        subject: None,
        client: None,
        attempt: None,
        address: None,
    };
    let mut event = at_command_line(trail.event("policy.changed", AuditOutcome::Success));
    event.detail.extend([
        ("revision".to_owned(), revision.number.to_string()),
        ("origin".to_owned(), "file".to_owned()),
    ]);
    change.append_event(event, now).await?;
    change.commit().await?;
    println!(
        "the configuration's [policy] counts again, as revision {}",
        revision.number
    );
    Ok(ExitCode::SUCCESS)
}

/// Prints one JSON object.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
