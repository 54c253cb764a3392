//! `whorl policy simulate`: the logins that are kept, under another policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::print_json;
use super::table::columns;
use crate::app::{make_state_directory, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::login::policy::Policy;
use crate::login::policy::replay::{Past, Tally, Turn};
use crate::store::Store;

#[derive(Args)]
pub struct Options {
    /// A configuration whose [policy] is to be tried.
    #[arg(long = "with", value_name = "FILE")]
    with: PathBuf,
    /// How many days back.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    days: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What would have become of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    #[serde(flatten)]
    pub(super) all: Tally,
    /// How many people would have been stepped up or refused.
    pub(super) people: usize,
    pub(super) clients: BTreeMap<String, Tally>,
    /// Kept by a version whose records cannot be read.
    pub(super) unreadable: u64,
}

pub(super) async fn run(config: Config, options: Options) -> anyhow::Result<ExitCode> {
    let other = Config::load(Some(&options.with))
        .with_context(|| format!("{} is not usable", options.with.display()))?;
    make_state_directory(&config)?;
    let store = open_store(&config).await?;
    let since = SystemClock.now() - Duration::days(options.days.into());
    let outcome = replay(&store, &other.policy, since).await?;
    if options.json {
        print_json(&outcome)?;
    } else {
        print!("{}", outcome.text(options.days, config.policy.history_days));
    }
    Ok(ExitCode::SUCCESS)
}

/// Judges every login since then by a policy.
pub(super) async fn replay(
    store: &Store,
    policy: &Policy,
    since: OffsetDateTime,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut people = BTreeSet::new();
    let mut behind = None;
    loop {
        let some = store.decisions(since, behind, AT_ONCE).await?;
        let Some(last) = some.last() else {
            break;
        };
        behind = Some(last.place());
        for decision in some {
            let Ok(past) = serde_json::from_value::<Past>(decision.past) else {
                outcome.unreadable += 1;
                continue;
            };
            let turn = policy.turn(&past);
            outcome.all.add(turn);
            outcome
                .clients
                .entry(decision.client.0)
                .or_default()
                .add(turn);
            if matches!(turn, Turn::SteppedUp | Turn::Refused) {
                people.insert(decision.subject.0);
            }
        }
    }
    outcome.people = people.len();
    Ok(outcome)
}

impl Outcome {
    pub(super) fn text(&self, days: u32, kept: u32) -> String {
        if self.all.logins == 0 {
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
        let mut rows: Vec<Vec<String>> = self.clients.iter().map(|(c, t)| row(c, t)).collect();
        rows.push(row("all", &self.all));
        let mut heads = vec!["client", "logins"];
        heads.extend(Turn::ALL.map(Turn::as_str));
        let mut out = columns(&heads, &rows);
        let (stepped_up, refused) = (self.all.of(Turn::SteppedUp), self.all.of(Turn::Refused));
        out += &format!(
            "\nof {} logins of the last {days} days {stepped_up} would have been stepped up and {refused} refused, of {} people\n",
            self.all.logins, self.people
        );
        if self.unreadable > 0 {
            out += &format!("{} more cannot be read by this version\n", self.unreadable);
        }
        out
    }
}

/// Logins that are read at once.
const AT_ONCE: u64 = 500;
