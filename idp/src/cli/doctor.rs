//! `whorl doctor`: looks at every part that the configuration names, and says how to mend what is wrong.
//!
//! Each check stands alone and is bounded in time, so that one part that is down hides nothing about the
//! others. Nothing is made that is not taken away again, and no secret is printed.

mod configuration;
mod database;
mod keys;
mod machine;
mod models;
mod places;
mod policy;
mod report;
#[cfg(test)]
mod tests;
mod tls;
mod vault;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use self::policy::Counting;
use self::report::{Area, Finding, Report, Style};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;

#[derive(Args)]
pub struct Options {
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// Examines everything; the exit status is 1 where anything fails.
pub async fn run(config: Config, options: Options) -> anyhow::Result<ExitCode> {
    let report = examine(&config, &SystemClock).await;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text(style()));
    }
    Ok(if report.has_failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn examine(config: &Config, clock: &dyn Clock) -> Report {
    let now = clock.now();
    // The database says which policy counts, and so comes before what is told first.
    let (of_database, store) = within(Area::Database, database::examine(config, clock)).await;
    let asked = policy::counting(config, store.as_ref());
    let counts = tokio::time::timeout(LONGEST, asked).await;
    let counts = counts.unwrap_or_else(|_| Counting::of_file(config));
    let mut findings = configuration::examine(config, &counts);
    findings.extend(places::examine(config, now));
    findings.extend(tls::examine(config, now));
    findings.extend(of_database);
    let (found, vault) = within(Area::Vault, vault::examine(config, store.as_ref())).await;
    findings.extend(found);
    let (found, ()) = within(
        Area::Keys,
        keys::examine(config, store.as_ref(), vault, now),
    )
    .await;
    findings.extend(found);
    let (found, ()) = within(Area::Models, models::examine(config, &counts.policy)).await;
    findings.extend(found);
    let (found, ()) = within(Area::Machine, machine::examine(config, now)).await;
    findings.extend(found);
    Report::new(config.issuer_text(), findings)
}

/// What the work of one area finds, or that it took too long.
async fn within<T: Default>(
    area: Area,
    work: impl Future<Output = (Vec<Finding>, T)>,
) -> (Vec<Finding>, T) {
    tokio::time::timeout(LONGEST, work)
        .await
        .unwrap_or_else(|_| {
            let finding = Finding::fail(area, "answer", format!("none within {LONGEST:?}"))
                .mend("see whether a network, a disk or a service hangs");
            (vec![finding], T::default())
        })
}

/// Colour for people only, and not for those who ask for none (no-color.org).
fn style() -> Style {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !unwanted {
        Style::Coloured
    } else {
        Style::Plain
    }
}

const LONGEST: Duration = Duration::from_secs(30);
