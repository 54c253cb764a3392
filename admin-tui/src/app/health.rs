//! The health tab: the last answer, and how long answers took lately.

use std::collections::{BTreeMap, VecDeque};

use time::{Duration, OffsetDateTime};
use wire::Health;

use super::{App, Command};
use crate::keys::Act;

/// The state of the tab.
#[derive(Debug, Default)]
pub struct HealthBoard {
    /// The last answer.
    pub health: Option<Health>,
    /// When it came.
    pub at: Option<OffsetDateTime>,
    /// How long a request and its answer took.
    pub round_trips: Trend,
    /// How long each part's check took.
    pub latencies: BTreeMap<String, Trend>,
    /// The part the cursor is on.
    pub row: usize,
    asked_at: Option<OffsetDateTime>,
}

/// The last measurements of one thing, in milliseconds, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend(VecDeque<f64>);

impl Trend {
    /// Adds a measurement.
    pub fn push(&mut self, ms: f64) {
        if self.0.len() == TREND_LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(ms);
    }

    /// The last `count` measurements in microseconds, for a sparkline, which draws whole numbers.
    pub fn last_us(&self, count: usize) -> Vec<u64> {
        let skip = self.0.len().saturating_sub(count);
        self.0
            .iter()
            .skip(skip)
            .map(|ms| (ms.max(0.0) * 1000.0) as u64)
            .collect()
    }

    /// The last measurement.
    pub fn last(&self) -> Option<f64> {
        self.0.back().copied()
    }
}

impl HealthBoard {
    /// Asks now.
    pub fn ask(&mut self, now: OffsetDateTime) -> Vec<Command> {
        self.asked_at = Some(now);
        vec![Command::Health]
    }

    /// Asks where the last time is long enough ago: often while it is looked at, seldom for the header otherwise.
    pub fn due(&mut self, now: OffsetDateTime, is_shown: bool) -> Vec<Command> {
        let rest = if is_shown { SHOWN_REST } else { HIDDEN_REST };
        if self.asked_at.is_none_or(|at| now - at >= rest) {
            return self.ask(now);
        }
        Vec::new()
    }

    /// Takes an answer.
    pub fn accept(&mut self, health: Health, took: std::time::Duration, now: OffsetDateTime) {
        self.round_trips.push(took.as_secs_f64() * 1000.0);
        for part in &health.parts {
            if let Some(ms) = part.latency_ms {
                self.latencies
                    .entry(part.name.clone())
                    .or_default()
                    .push(ms);
            }
        }
        self.latencies
            .retain(|name, _| health.parts.iter().any(|part| part.name == *name));
        self.row = self.row.min(health.parts.len().saturating_sub(1));
        self.health = Some(health);
        self.at = Some(now);
    }
}

impl App {
    pub(super) fn act_on_health(&mut self, act: Act) -> Vec<Command> {
        if let (Act::Move(motion), Some(health)) = (act, &self.health.health) {
            self.health.row = motion.apply(self.health.row, health.parts.len(), self.page_rows());
        }
        Vec::new()
    }
}

const SHOWN_REST: Duration = Duration::seconds(2);
const HIDDEN_REST: Duration = Duration::seconds(30);
const TREND_LENGTH: usize = 240;
