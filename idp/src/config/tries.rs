//! `[tries]`: how failures are slowed, of one person and of many.

use serde::Deserialize;
use time::Duration;

use super::ConfigError;
use crate::login::guard::SharedLimits;

/// `[tries]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    pub free: u32,
    pub first_wait_s: u32,
    pub longest_wait_s: u32,
    per_address: u32,
    per_network: u32,
    per_service: u32,
    network_v4: u8,
    network_v6: u8,
    known_browser_days: u32,
}

impl Tries {
    /// Whether networks are some.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match (8..=32).contains(&self.network_v4) && (16..=128).contains(&self.network_v6) {
            true => Ok(()),
            false => Err(ConfigError::Tries(
                "network_v4 is from 8 to 32 bits, network_v6 from 16 to 128",
            )),
        }
    }

    /// What many count for together.
    #[must_use]
    pub fn shared(&self) -> SharedLimits {
        SharedLimits {
            per_address: self.per_address,
            per_network: self.per_network,
            per_service: self.per_service,
            network_v4: self.network_v4,
            network_v6: self.network_v6,
        }
    }

    /// How long a browser is known again.
    #[must_use]
    pub fn known_browser(&self) -> Duration {
        Duration::days(self.known_browser_days.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_network_has_some_bits() {
        for (toml, is_fine) in [
            ("network_v4 = 8", true),
            ("network_v4 = 33", false),
            ("network_v4 = 0", false),
            ("network_v6 = 48", true),
            ("network_v6 = 129", false),
            ("network_v6 = 8", false),
        ] {
            let read = Config::from_toml(&format!("[tries]\n{toml}"));
            assert_eq!(read.is_ok(), is_fine, "{toml}");
        }
    }
}
