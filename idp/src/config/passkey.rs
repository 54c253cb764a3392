//! `[passkey]`: which passkeys are taken, and what a counter that does not go up comes to.

use std::path::PathBuf;

use serde::Deserialize;
use uuid::Uuid;

use super::ConfigError;
use crate::factors::passkey::attestation::{Trusted, TrustedError};
use crate::factors::passkey::{PasskeyRules, SignCount};

/// `[passkey]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkey {
    attestation: Attestation,
    attestation_roots: PathBuf,
    aaguids: Vec<Uuid>,
    sign_count: SignCount,
}

/// Whether a passkey's maker has to vouch for it.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Attestation {
    None,
    Direct,
}

impl Passkey {
    /// Whether what is asked for can be given.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let has_roots = !self.attestation_roots.as_os_str().is_empty();
        let has_models = !self.aaguids.is_empty();
        if self.attestation == Attestation::Direct && !(has_roots && has_models) {
            return Err(ConfigError::Passkey(
                "attestation = \"direct\" wants attestation_roots, the makers' certificates, and aaguids, the models",
            ));
        }
        if has_roots != has_models {
            return Err(ConfigError::Passkey(
                "attestation_roots and aaguids go together: an authority vouches for the models that are named",
            ));
        }
        // Without attestation browsers put this in a model's place.
        if self.aaguids.contains(&Uuid::nil()) {
            return Err(ConfigError::Passkey(
                "the AAGUID of zeros is no model's: leave it out",
            ));
        }
        Ok(())
    }

    /// Whether an authority's word is taken that a key is in hardware.
    #[must_use]
    pub fn trusts_any(&self) -> bool {
        !self.aaguids.is_empty()
    }

    /// What passkeys are held to.
    ///
    /// # Errors
    /// When the authorities' file cannot be used.
    pub fn rules(&self) -> Result<PasskeyRules, TrustedError> {
        let trusted = self
            .trusts_any()
            .then(|| Trusted::open(&self.attestation_roots, &self.aaguids))
            .transpose()?;
        Ok(PasskeyRules {
            trusted,
            requires_attestation: self.attestation == Attestation::Direct,
            sign_count: self.sign_count,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::factors::passkey::SignCount;

    fn says(toml: &str) -> Option<String> {
        let read = Config::from_toml(&format!("[passkey]\n{toml}"));
        read.err().map(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_checked_is_not_asked_for() {
        let model = "aaguids = [\"ee882879-721c-4913-9775-3dfcce97072a\"]\n";
        let roots = "attestation_roots = \"roots.pem\"\n";
        let direct = "attestation = \"direct\"\n";
        assert_eq!(says(&format!("{direct}{model}{roots}")), None);
        assert_eq!(says(&format!("{model}{roots}")), None);
        for bad in [
            direct.to_owned(),
            format!("{direct}{model}"),
            format!("{direct}{roots}"),
            model.to_owned(),
            roots.to_owned(),
            format!("{roots}aaguids = [\"00000000-0000-0000-0000-000000000000\"]"),
            "aaguids = [\"a model\"]".to_owned(),
            "attestation = \"indirect\"".to_owned(),
            "sign_count = \"ignore\"".to_owned(),
        ] {
            assert!(says(&bad).is_some(), "{bad}");
        }
        let usual = Config::from_toml("").expect("valid").passkey;
        let rules = usual.rules().expect("no file");
        assert!(rules.trusted.is_none() && !rules.requires_attestation);
        assert_eq!(rules.sign_count, SignCount::Refuse);
    }
}
