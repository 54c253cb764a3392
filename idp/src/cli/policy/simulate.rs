//! `whorl policy simulate`: the logins that are kept, under another policy.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use time::Duration;

use super::print_json;
use super::table::columns;
use crate::app::{make_state_directory, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::login::policy::replay::{Tally, Turn};
use crate::policies::simulation::{Bounds, Outcome, replay};

#[derive(Args)]
pub struct Options {
    /// A configuration whose [policy] is to be tried [default: the policy that counts].
    #[arg(long = "with", value_name = "FILE")]
    with: Option<PathBuf>,
    /// How many days back.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    days: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Tries a policy; `config` has the one that counts.
pub(super) async fn run(config: Config, options: Options) -> anyhow::Result<ExitCode> {
    let tried = match &options.with {
        Some(file) => {
            let other = Config::load(Some(file));
            let other = other.with_context(|| format!("{} is not usable", file.display()))?;
            other.policy
        }
        None => config.policy.clone(),
    };
    make_state_directory(&config)?;
    let store = open_store(&config).await?;
    let since = SystemClock.now() - Duration::days(options.days.into());
    let outcome = replay(&store, &Arc::new(tried), since, Bounds::NONE).await?;
    if options.json {
        print_json(&outcome)?;
    } else {
        print!(
            "{}",
            text(&outcome, options.days, config.policy.history_days)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The outcome as a table and a sentence.
pub(super) fn text(outcome: &Outcome, days: u32, kept: u32) -> String {
    if outcome.all.logins == 0 {
        return format!(
            "no login of the last {days} days is kept ([policy] history_days = {kept})\n"
        );
    }
    let row = |name: &str, tally: &Tally| {
        let turns = Turn::ALL.map(|turn| tally.of(turn).to_string());
        let mut cells = vec![name.to_owned(), tally.logins.to_string()];
        cells.extend(turns);
        cells
    };
    let mut rows: Vec<Vec<String>> = outcome.clients.iter().map(|(c, t)| row(c, t)).collect();
    rows.push(row("all", &outcome.all));
    let mut heads = vec!["client", "logins"];
    heads.extend(Turn::ALL.map(Turn::as_str));
    let mut out = columns(&heads, &rows);
    let (stepped_up, refused) = (
        outcome.all.of(Turn::SteppedUp),
        outcome.all.of(Turn::Refused),
    );
    out += &format!(
        "\nof {} logins of the last {days} days {stepped_up} would have been stepped up and {refused} refused, of {} people\n",
        outcome.all.logins, outcome.people
    );
    if outcome.unreadable > 0 {
        out += &format!(
            "{} more cannot be read by this version\n",
            outcome.unreadable
        );
    }
    out
}
