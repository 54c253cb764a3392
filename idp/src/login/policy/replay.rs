//! What would have become of the logins of the past under another policy.
//!
//! A login is kept as what it aimed for, in what circumstances, with what evidence, and how it ended. What was never
//! asked for then cannot be known: who would be asked for more now is counted as stepped up where they have it
//! enrolled, and as refused where they have not.

use std::collections::BTreeMap;

use matcher::anomaly::Recent;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use wire::FactorKind;

use super::{Circumstances, Moment, Policy};
use crate::factors::Evidence;
use crate::login::attempt::{Seen, Target};
use crate::oidc::acr::{Acr, AcrRequest};

/// One login of the past.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Past {
    /// What the request said, and what it came to under the policy of its day.
    pub asked: AcrRequest,
    pub targets: Vec<Target>,
    /// The default of that day.
    pub default_acr: Acr,
    pub circumstances: Circumstances,
    pub evidence: Vec<Evidence>,
    /// What the person could have shown.
    pub enrolled: Vec<FactorKind>,
    /// Where it was, for whoever learns from it.
    #[serde(default)]
    pub seen: Seen,
    /// What its risk was scored as.
    #[serde(default)]
    pub probability: Option<f64>,
    /// What had happened just before, and whether a sample was one of before: for whoever learns from it.
    #[serde(default)]
    pub recent: Recent,
    #[serde(default)]
    pub seen_again: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The acr that it ended with; none where it was refused.
    pub reached: Option<Acr>,
}

impl Past {
    /// The same, by whoever bears this name: who belongs together is for the policy that is tried to say, not for that of
    /// the day.
    #[must_use]
    pub fn by(mut self, username: &str, policy: &Policy) -> Self {
        self.circumstances.groups = Some(policy.groups_of(username));
        self
    }
}

/// What a policy makes of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It ends with this acr.
    Admitted { acr: Acr },
    /// These are still asked for.
    SteppedUp { acr: Acr, missing: Vec<FactorKind> },
    /// It cannot go on.
    Refused { why: &'static str },
}

/// How a login's fate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It would end as it did.
    Same,
    /// It would end with another acr.
    OtherAcr,
    /// It was admitted, and would be asked for more.
    SteppedUp,
    /// It was admitted, and would be refused.
    Refused,
    /// It was refused, and what was shown would suffice.
    Admitted,
}

impl Turn {
    /// Every turn, in the order of a table.
    pub const ALL: [Self; 5] = [
        Self::Same,
        Self::OtherAcr,
        Self::SteppedUp,
        Self::Refused,
        Self::Admitted,
    ];

    /// Its name in JSON.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::OtherAcr => "other_acr",
            Self::SteppedUp => "stepped_up",
            Self::Refused => "refused",
            Self::Admitted => "admitted",
        }
    }

    /// Its name in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::OtherAcr => "other acr",
            Self::SteppedUp => "stepped up",
            Self::Refused => "refused",
            Self::Admitted => "newly admitted",
        }
    }
}

impl Policy {
    /// What this policy makes of a login of the past.
    #[must_use]
    pub fn fate(&self, past: &Past) -> Fate {
        let at = Moment {
            since: past.since,
            now: past.at,
        };
        let mut why = "no such acr any more";
        for acr in self.aims(past) {
            let Some(demand) = self.demand(&acr, &past.circumstances) else {
                continue;
            };
            if demand.is_denied {
                return Fate::Refused {
                    why: "denied by a condition",
                };
            }
            let acr = demand.rule.name.clone();
            let missing = demand.missing(&past.evidence, at);
            if missing.iter().any(Vec::is_empty) {
                return Fate::Admitted { acr };
            }
            let missing = demand.within_reach().missing(&past.evidence, at);
            let can_show = |way: &&Vec<FactorKind>| way.iter().all(|f| past.enrolled.contains(f));
            if let Some(missing) = missing.iter().filter(can_show).min_by_key(|way| way.len()) {
                let missing = missing.clone();
                return Fate::SteppedUp { acr, missing };
            }
            why = "what is asked for is not enrolled";
        }
        Fate::Refused { why }
    }

    /// What it would aim for: where the default stood in, today's does.
    fn aims(&self, past: &Past) -> Vec<Acr> {
        let named = past.asked.values();
        let aims = past.targets.iter().map(|target| {
            let stood_in = target.told.is_none()
                && target.acr == past.default_acr
                && !named.contains(&target.acr);
            if stood_in {
                self.default_acr.clone()
            } else {
                target.acr.clone()
            }
        });
        aims.collect()
    }

    /// How a login's fate changes under this policy.
    #[must_use]
    pub fn turn(&self, past: &Past) -> Turn {
        match (self.fate(past), &past.reached) {
            (Fate::Admitted { acr }, Some(reached)) if acr == *reached => Turn::Same,
            (Fate::Admitted { .. }, Some(_)) => Turn::OtherAcr,
            (Fate::Admitted { .. }, None) => Turn::Admitted,
            (Fate::SteppedUp { .. }, Some(_)) => Turn::SteppedUp,
            (Fate::Refused { .. }, Some(_)) => Turn::Refused,
            (Fate::SteppedUp { .. } | Fate::Refused { .. }, None) => Turn::Same,
        }
    }
}

/// How many logins turn how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub logins: u64,
    pub turns: BTreeMap<Turn, u64>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, turn: Turn) {
        self.logins += 1;
        *self.turns.entry(turn).or_default() += 1;
    }

    /// How many turn so.
    #[must_use]
    pub fn of(&self, turn: Turn) -> u64 {
        self.turns.get(&turn).copied().unwrap_or(0)
    }
}
