//! How the server and each of its parts are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a part, or the whole, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It works.
    Up,
    /// It works, with less than it should have.
    Degraded,
    /// It does not work.
    Down,
}

impl HealthStatus {
    /// The state's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the replica that answered is. The answer is 200 also where something is down: it reports, `/readyz` judges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// The worst of the parts.
    pub status: HealthStatus,
    /// The server's version.
    pub version: String,
    /// The issuer identifier.
    pub issuer: String,
    /// For how long it has been running.
    pub uptime_s: u64,
    /// Its parts: `database`, `vault`, `models`, `keys`, `queue` and what a deployment adds.
    pub parts: Vec<PartHealth>,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartHealth {
    /// What it is.
    pub name: String,
    /// How it is.
    pub status: HealthStatus,
    /// What it stands on, or what is wrong and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long its check took, in milliseconds; absent where there is nothing to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}
