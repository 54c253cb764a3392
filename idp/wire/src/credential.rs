//! Credentials as an operator sees them: which factor, since when, never what is in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{CredentialId, WireSecret};

/// The factors there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// A password.
    Password,
    /// A time-based one-time password (RFC 6238).
    Totp,
    /// A recovery code, usable once.
    RecoveryCode,
    /// A passkey or another WebAuthn authenticator.
    Passkey,
    /// Face comparison.
    Face,
    /// Fingerprint comparison.
    Fingerprint,
}

impl FactorKind {
    /// Every factor.
    pub const ALL: [Self; 6] = [
        Self::Password,
        Self::Totp,
        Self::RecoveryCode,
        Self::Passkey,
        Self::Face,
        Self::Fingerprint,
    ];

    /// The factor's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
            Self::Face => "face",
            Self::Fingerprint => "fingerprint",
        }
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that the text names no factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFactor;

impl fmt::Display for UnknownFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such factor")
    }
}

impl std::error::Error for UnknownFactor {}

impl FromStr for FactorKind {
    type Err = UnknownFactor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownFactor)
    }
}

/// One enrolled credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialSummary {
    /// What to remove it by.
    pub id: CredentialId,
    /// The kind of proof.
    pub factor: FactorKind,
    /// What its holder calls it ("Ada's phone", "right index finger").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Which model or algorithm made the reference, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How often the reference has been written: 1 when enrolled, one more at each refresh.
    pub version: u32,
    /// When it was enrolled.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last proved anything.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_used_at: Option<OffsetDateTime>,
}

/// Minutiae records of one finger to enrol: one to five of ISO/IEC 19794-2 or ANSI INCITS 378, base64.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintRecords {
    /// The records, each of one impression.
    pub records: Vec<WireSecret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factors_name_is_one_word_everywhere() {
        for kind in FactorKind::ALL {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("iris".parse::<FactorKind>(), Err(UnknownFactor));
    }
}
