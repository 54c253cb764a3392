//! What the words of others promise, so that no rule is called what it is not.
//!
//! NIST SP 800-63B-4 §2 for the assurance levels; OpenID Connect Extended Authentication Profile ACR Values 1.0 §2 for
//! `phr` and `phrh`. Other names are an operator's own, and promise nothing that could be held against a rule.

/// What a name promises of every way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A biometric beside something that the subject holds, or none (NIST SP 800-63B-4 §3.2.3).
    BiometricBound,
    /// Two different kinds of factor.
    TwoKinds,
    /// A proof that a false page cannot pass on.
    PhishingResistant,
    /// A key that does not leave its device.
    HardwareBound,
}

impl Claim {
    /// What a way without it does, after its name.
    #[must_use]
    pub fn lacking(self) -> &'static str {
        match self {
            Self::BiometricBound => "takes a biometric beside nothing that is held",
            Self::TwoKinds => "shows one kind of factor alone",
            Self::PhishingResistant => "can be passed on by a false page: it has no passkey",
            Self::HardwareBound => {
                "takes keys that can be copied: say hardware_bound = true, and have a passkey in it"
            }
        }
    }
}

/// What a name promises.
#[must_use]
pub fn claims(word: &str) -> &'static [Claim] {
    match word {
        "http://idmanagement.gov/ns/assurance/aal/1" => &[Claim::BiometricBound],
        "http://idmanagement.gov/ns/assurance/aal/2" => &[Claim::BiometricBound, Claim::TwoKinds],
        "http://idmanagement.gov/ns/assurance/aal/3" => &[
            Claim::BiometricBound,
            Claim::TwoKinds,
            Claim::PhishingResistant,
            Claim::HardwareBound,
        ],
        "phr" => &[Claim::PhishingResistant],
        "phrh" => &[Claim::PhishingResistant, Claim::HardwareBound],
        _ => &[],
    }
}
