//! `[devices]`: whether people may have browsers known again, and for how long.

use serde::Deserialize;
use time::Duration;
use url::Url;

use super::ConfigError;
use crate::login::device::DeviceRules;

/// `[devices]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    enabled: bool,
    lifetime_days: u32,
    most: usize,
}

impl Devices {
    /// Whether any key could be kept, where one is wanted too.
    pub(crate) fn check(&self, is_wanted: bool) -> Result<(), ConfigError> {
        if is_wanted && !self.enabled {
            return Err(ConfigError::Devices(
                "enabled = false keeps no key, and a condition of [policy] wants one (untrusted_device)",
            ));
        }
        let is_fine = (1..=730).contains(&self.lifetime_days) && (1..=100).contains(&self.most);
        match is_fine || !self.enabled {
            true => Ok(()),
            false => Err(ConfigError::Devices(
                "lifetime_days is from 1 to 730 and most from 1 to 100; enabled = false keeps none",
            )),
        }
    }

    /// How browsers are trusted, where they are.
    #[must_use]
    pub fn rules(&self, issuer: &Url) -> Option<DeviceRules> {
        self.enabled.then(|| DeviceRules {
            lifetime: Duration::days(self.lifetime_days.into()),
            most: self.most,
            audience: issuer.origin().ascii_serialization(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_key_that_a_condition_wants_can_be_kept() {
        let condition = "[[policy.condition]]\nname = \"unknown browsers\"\nuntrusted_device = true\nlow = \"deny\"\n";
        for (toml, is_fine) in [("", true), ("[devices]\nenabled = false\n", false)] {
            let read = Config::from_toml(&format!("{toml}{condition}"));
            assert_eq!(read.is_ok(), is_fine, "{toml}");
        }
    }

    #[test]
    fn keys_that_nobody_could_keep_are_refused() {
        for (toml, is_fine) in [
            ("lifetime_days = 0", false),
            ("lifetime_days = 731", false),
            ("most = 0", false),
            ("enabled = false\nmost = 0", true),
            ("lifetime_days = 1\nmost = 1", true),
        ] {
            let read = Config::from_toml(&format!("[devices]\n{toml}"));
            assert_eq!(read.is_ok(), is_fine, "{toml}");
        }
    }
}
