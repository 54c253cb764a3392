//! `[risk]`: whether logins are scored, and what a score is called.

use serde::Deserialize;
use time::Duration;

use super::ConfigError;
use crate::login::risk::Bands;

/// How logins are scored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    pub enabled: bool,
    pub medium: f64,
    pub high: f64,
    pub retrain_s: u32,
}

impl Risk {
    /// Whether the bands are in order.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // Written so that what is no number is refused.
        let is_ordered = self.medium > 0.0 && self.medium <= self.high && self.high <= 1.0;
        match is_ordered && self.retrain_s >= LEAST_RETRAIN_S {
            true => Ok(()),
            false => Err(ConfigError::Risk(
                "medium is above 0 and at most high, high at most 1, and retrain_s at least 3600",
            )),
        }
    }

    /// The bands, where logins are scored.
    #[must_use]
    pub fn bands(&self) -> Option<Bands> {
        self.enabled.then(|| Bands {
            medium: self.medium,
            high: self.high,
            retrain: Duration::seconds(self.retrain_s.into()),
        })
    }
}

/// Training takes a minute for a million logins.
const LEAST_RETRAIN_S: u32 = 3600;
