//! `[risk]`: whether logins are scored, and what a score is called.

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use time::Duration;

use super::ConfigError;
use crate::login::policy::RiskBand;
use crate::login::risk::{Bands, Risk as Scorer, Travel, Trips};
use crate::places::Places;

/// How logins are scored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    pub enabled: bool,
    pub medium: f64,
    pub high: f64,
    pub retrain_s: u32,
    /// Databases of places, in MaxMind's format.
    pub places: Vec<PathBuf>,
    pub fastest_km_per_h: f64,
    pub impossible_travel: RiskBand,
    pub new_country: RiskBand,
    pub settled_logins: f32,
    pub tunnel_networks: Vec<IpNet>,
    pub tunnel_systems: Vec<u32>,
}

impl Risk {
    /// Whether the bands are in order.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // Written so that what is no number is refused.
        let is_ordered = self.medium > 0.0 && self.medium <= self.high && self.high <= 1.0;
        if !is_ordered || self.retrain_s < LEAST_RETRAIN_S {
            return Err(ConfigError::Risk(
                "medium is above 0 and at most high, high at most 1, and retrain_s at least 3600",
            ));
        }
        let is_speed = self.fastest_km_per_h >= 1.0 && self.fastest_km_per_h.is_finite();
        if !is_speed || self.impossible_travel == RiskBand::Unknown {
            return Err(ConfigError::Risk(
                "fastest_km_per_h is at least 1, and impossible_travel one of low, medium and high",
            ));
        }
        let is_count = self.settled_logins >= 0.0 && self.settled_logins.is_finite();
        if !is_count || self.new_country == RiskBand::Unknown {
            return Err(ConfigError::Risk(
                "settled_logins is at least 0, and new_country one of low, medium and high",
            ));
        }
        Ok(())
    }

    /// What scores logins, where that is wanted.
    #[must_use]
    pub fn scorer(&self, places: &Arc<Places>, trips: Trips) -> Option<Arc<Scorer>> {
        let bands = Bands {
            medium: self.medium,
            high: self.high,
            retrain: Duration::seconds(self.retrain_s.into()),
        };
        let travel = Travel {
            fastest_km_per_h: self.fastest_km_per_h,
            impossible: self.impossible_travel,
            new_country: self.new_country,
            settled_logins: self.settled_logins,
            tunnel_networks: self.tunnel_networks.clone(),
            tunnel_systems: self.tunnel_systems.clone(),
        };
        self.enabled
            .then(|| Arc::new(Scorer::new(bands, travel, places.clone(), trips)))
    }
}

/// Training takes a minute for a million logins.
const LEAST_RETRAIN_S: u32 = 3600;
