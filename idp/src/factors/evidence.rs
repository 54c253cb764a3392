//! What a verification found: enough for policy to weigh, and nothing that helps an attacker.

use std::collections::BTreeSet;

use matcher::fusion::Weight;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use wire::{CredentialId, FactorKind};

use crate::oidc::amr::Amr;

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is the subject's.
    Match,
    /// It is not.
    NoMatch,
    /// The sample is too poor to say: no sign of attack, and no free guess either.
    Unusable,
}

/// How a sample came, the least assured first. Every acr states the least that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// A file: only in a demonstration, and worth only its acr.
    Uploaded,
    /// A live ceremony in a browser.
    LiveBrowser,
    /// A sensor that signed its capture.
    SignedSensor,
}

/// What stopped a sample before it was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// It looks like a presentation attack. The person is told no more than of any other no-match.
    PresentationAttack,
    /// It shows too little around the face to tell.
    Framing,
    /// It was accepted once before. The person is told no more than of any other no-match.
    Repeated,
}

impl Gate {
    /// Its name in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PresentationAttack => "presentation_attack",
            Self::Framing => "framing",
            Self::Repeated => "repeated",
        }
    }
}

/// What a proof shows that somebody should look at, whatever was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// The signature counter did not go up: there may be a copy of the key (WebAuthn Level 3 §6.1.1).
    SignCount,
    /// The key says other than at its registration whether it can be copied to other devices (WebAuthn Level 3 §7.2, 18).
    BackupEligibility,
}

impl Alarm {
    /// Its name in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignCount => "sign_count",
            Self::BackupEligibility => "backup_eligibility",
        }
    }
}

/// What one verification found. It is kept in the attempt and the session, and goes to no client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub factor: FactorKind,
    pub outcome: Outcome,
    /// What was used, by RFC 8176.
    pub amr: BTreeSet<Amr>,
    /// Natural log-likelihood ratio, where the factor has one; on a match and on a no-match.
    pub llr: Option<f64>,
    /// What the comparison is worth beside another trait's, where it passed the floor; on a match and on a no-match.
    #[serde(default)]
    pub weight: Option<Weight>,
    /// Bona fide probability, 0 to 1: a gate, never added.
    pub presentation_attack: Option<f32>,
    /// Sample quality, 0 to 100: a gate, never added.
    pub quality: Option<u8>,
    /// How the sample came; absent for factors without a sample.
    pub capture: Option<Capture>,
    /// Which model or algorithm version judged.
    pub model: Option<String>,
    /// What stopped the sample before it was compared; for the audit trail alone.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// Which cues of a live capture spoke against a person; for the audit trail alone.
    #[serde(default)]
    pub cues: Vec<String>,
    /// What somebody should look at.
    #[serde(default)]
    pub alarm: Option<Alarm>,
    /// Made by a pack that is worth the demonstration's acr and no other.
    #[serde(default)]
    pub demonstration: bool,
    /// The credential that matched, or that it was weighed against.
    pub credential: Option<CredentialId>,
    /// For a person: why the sample was unusable, and what to do.
    pub advice: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl Evidence {
    /// A proof that is not the subject's.
    #[must_use]
    pub fn no_match(factor: FactorKind, at: OffsetDateTime) -> Self {
        Self {
            factor,
            outcome: Outcome::NoMatch,
            amr: BTreeSet::new(),
            llr: None,
            weight: None,
            presentation_attack: None,
            quality: None,
            capture: None,
            model: None,
            gate: None,
            cues: Vec::new(),
            alarm: None,
            demonstration: false,
            credential: None,
            advice: None,
            at,
        }
    }

    /// A proof of the subject, by this credential.
    #[must_use]
    pub fn matched(
        factor: FactorKind,
        amr: impl IntoIterator<Item = Amr>,
        credential: CredentialId,
        at: OffsetDateTime,
    ) -> Self {
        Self {
            outcome: Outcome::Match,
            amr: amr.into_iter().collect(),
            credential: Some(credential),
            ..Self::no_match(factor, at)
        }
    }

    /// A proof that is not the subject's by itself, compared with this credential.
    #[must_use]
    pub fn compared(
        factor: FactorKind,
        amr: impl IntoIterator<Item = Amr>,
        credential: CredentialId,
        at: OffsetDateTime,
    ) -> Self {
        Self {
            outcome: Outcome::NoMatch,
            ..Self::matched(factor, amr, credential, at)
        }
    }

    /// A sample that cannot be compared, and what its holder can do.
    #[must_use]
    pub fn unusable(factor: FactorKind, advice: impl Into<String>, at: OffsetDateTime) -> Self {
        Self {
            outcome: Outcome::Unusable,
            advice: Some(advice.into()),
            ..Self::no_match(factor, at)
        }
    }
}
