//! Authentication method references: which methods were used (RFC 8176 §2).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A registered method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amr {
    /// Facial recognition.
    Face,
    /// Fingerprint.
    Fpt,
    /// Geolocation.
    Geo,
    /// Proof of possession of a hardware-secured key.
    Hwk,
    /// Iris scan.
    Iris,
    /// Knowledge-based authentication.
    Kba,
    /// Multiple-channel authentication.
    Mca,
    /// Multiple-factor authentication.
    Mfa,
    /// One-time password.
    Otp,
    /// Personal identification number or pattern that unlocks a key.
    Pin,
    /// Proof of possession of a key.
    Pop,
    /// Password.
    Pwd,
    /// Risk-based authentication.
    Rba,
    /// Retina scan.
    Retina,
    /// Smart card.
    Sc,
    /// Confirmation by text message.
    Sms,
    /// Proof of possession of a software-secured key.
    Swk,
    /// Confirmation by telephone call.
    Tel,
    /// User presence test.
    User,
    /// Voice biometric.
    Vbm,
    /// Windows integrated authentication.
    Wia,
}

/// The kind of thing that a method proves (NIST SP 800-63B-4 §2): two of one kind are still one factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactorKind {
    /// Something the subject knows.
    Knowledge,
    /// Something the subject holds.
    Possession,
    /// Something the subject is.
    Inherence,
}

impl Amr {
    /// Every registered method.
    pub const ALL: [Self; 21] = [
        Self::Face,
        Self::Fpt,
        Self::Geo,
        Self::Hwk,
        Self::Iris,
        Self::Kba,
        Self::Mca,
        Self::Mfa,
        Self::Otp,
        Self::Pin,
        Self::Pop,
        Self::Pwd,
        Self::Rba,
        Self::Retina,
        Self::Sc,
        Self::Sms,
        Self::Swk,
        Self::Tel,
        Self::User,
        Self::Vbm,
        Self::Wia,
    ];

    /// The registered value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Fpt => "fpt",
            Self::Geo => "geo",
            Self::Hwk => "hwk",
            Self::Iris => "iris",
            Self::Kba => "kba",
            Self::Mca => "mca",
            Self::Mfa => "mfa",
            Self::Otp => "otp",
            Self::Pin => "pin",
            Self::Pop => "pop",
            Self::Pwd => "pwd",
            Self::Rba => "rba",
            Self::Retina => "retina",
            Self::Sc => "sc",
            Self::Sms => "sms",
            Self::Swk => "swk",
            Self::Tel => "tel",
            Self::User => "user",
            Self::Vbm => "vbm",
            Self::Wia => "wia",
        }
    }

    /// The method of this registered value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|amr| amr.as_str() == text)
    }

    /// What kind of thing the method proves; `None` where it is a circumstance and no factor.
    pub fn kind(self) -> Option<FactorKind> {
        match self {
            Self::Kba | Self::Pin | Self::Pwd => Some(FactorKind::Knowledge),
            Self::Hwk | Self::Otp | Self::Pop | Self::Sc | Self::Sms | Self::Swk | Self::Tel => {
                Some(FactorKind::Possession)
            }
            Self::Face | Self::Fpt | Self::Iris | Self::Retina | Self::Vbm => {
                Some(FactorKind::Inherence)
            }
            Self::Geo | Self::Mca | Self::Mfa | Self::Rba | Self::User | Self::Wia => None,
        }
    }
}

impl fmt::Display for Amr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The methods of a whole login: all of them, and `mfa` where they are of at least two kinds.
///
/// Face and finger are both inherence, and together they are not `mfa`.
pub fn combine(methods: impl IntoIterator<Item = Amr>) -> BTreeSet<Amr> {
    let mut methods: BTreeSet<Amr> = methods.into_iter().collect();
    let kinds: BTreeSet<FactorKind> = methods.iter().filter_map(|amr| amr.kind()).collect();
    if kinds.len() > 1 {
        methods.insert(Amr::Mfa);
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_written_and_read_by_its_registered_value() {
        for amr in Amr::ALL {
            assert_eq!(
                serde_json::to_value(amr).unwrap(),
                serde_json::json!(amr.as_str())
            );
            assert_eq!(Amr::parse(amr.as_str()), Some(amr));
        }
        assert_eq!(Amr::parse("fido"), None);
    }

    #[test]
    fn two_kinds_are_multi_factor_and_two_of_a_kind_are_not() {
        assert!(combine([Amr::Pwd, Amr::Otp]).contains(&Amr::Mfa));
        assert!(combine([Amr::Pwd, Amr::Face]).contains(&Amr::Mfa));
        assert!(!combine([Amr::Face, Amr::Fpt]).contains(&Amr::Mfa));
        assert!(!combine([Amr::Pwd, Amr::User, Amr::Rba]).contains(&Amr::Mfa));
    }
}
