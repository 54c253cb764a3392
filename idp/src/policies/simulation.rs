//! The logins that are kept, under another policy.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;
use wire::{PolicySimulation, PolicyTally, SubjectId};

use crate::login::policy::Policy;
use crate::login::policy::replay::{Past, Tally, Turn};
use crate::store::{Decision, Store, StoreError};

/// What would have become of them.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub all: Tally,
    /// How many people would have been stepped up or refused.
    pub people: usize,
    pub clients: BTreeMap<String, Tally>,
    /// Kept by a version whose records cannot be read.
    pub unreadable: u64,
    /// Whether a bound ended it before all were looked at.
    #[serde(skip)]
    pub is_cut: bool,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub logins: u64,
    pub time: Duration,
}

impl Bounds {
    /// For who waits at a terminal of the server.
    pub const NONE: Self = Self {
        logins: u64::MAX,
        time: Duration::MAX,
    };
}

/// Judges every login since then by a policy, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn replay(
    store: &Store,
    policy: &Arc<Policy>,
    since: OffsetDateTime,
    bounds: Bounds,
) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    let (mut people, mut behind, mut seen) = (BTreeSet::new(), None, 0);
    let began = Instant::now();
    loop {
        let some = store.decisions(since, behind, AT_ONCE).await?;
        let Some(last) = some.last() else {
            break;
        };
        if seen >= bounds.logins || began.elapsed() >= bounds.time {
            outcome.is_cut = true;
            break;
        }
        behind = Some(last.place());
        seen += some.len() as u64;
        let ids: Vec<SubjectId> = some.iter().map(|decision| decision.subject).collect();
        let names = store.usernames(&ids).await?;
        let policy = policy.clone();
        // A long policy over many logins is no work for a thread that others wait on.
        let judged = tokio::task::spawn_blocking(move || judged(&policy, &names, some)).await;
        for (client, subject, turn) in judged.unwrap_or_default() {
            let Some(turn) = turn else {
                outcome.unreadable += 1;
                continue;
            };
            outcome.all.add(turn);
            outcome.clients.entry(client).or_default().add(turn);
            if matches!(turn, Turn::SteppedUp | Turn::Refused) {
                people.insert(subject);
            }
        }
    }
    outcome.people = people.len();
    Ok(outcome)
}

/// Whose each login was and how it turns; none where it cannot be read.
fn judged(
    policy: &Policy,
    names: &HashMap<SubjectId, String>,
    some: Vec<Decision>,
) -> Vec<(String, uuid::Uuid, Option<Turn>)> {
    let judge = |decision: Decision| {
        let past = serde_json::from_value::<Past>(decision.past).ok();
        let past = past.map(|past| match names.get(&decision.subject) {
            Some(name) => past.by(name, policy),
            None => past,
        });
        let turn = past.map(|past| policy.turn(&past));
        (decision.client.0, decision.subject.0, turn)
    };
    some.into_iter().map(judge).collect()
}

impl Outcome {
    /// As the admin API tells it.
    #[must_use]
    pub fn told(&self, days: u32) -> PolicySimulation {
        let tally = |tally: &Tally| PolicyTally {
            logins: tally.logins,
            turns: tally
                .turns
                .iter()
                .map(|(turn, count)| (turn.key().to_owned(), *count))
                .collect(),
        };
        let clients = self.clients.iter();
        PolicySimulation {
            all: tally(&self.all),
            people: self.people as u64,
            clients: clients.map(|(id, own)| (id.clone(), tally(own))).collect(),
            unreadable: self.unreadable,
            days,
            is_complete: !self.is_cut,
        }
    }
}

/// Logins that are read at once.
const AT_ONCE: u64 = 500;
