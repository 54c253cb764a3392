//! The plug-in seam: a kind of proof, from enrolment to removal.
//!
//! A factor owns its ceremony and its evidence, and nothing else: policy decides what is required and what
//! suffices, `login` reserves tries and counts failures, `tokens` issues. A challenge is data, so that a
//! page can render it and so can a phone or a back-channel request. Adding a factor is one file here, one
//! line in [`Registry::new`] and one line in `tests.rs` that runs the contract tests.

mod biometric;
pub mod breached;
mod candidates;
pub mod duplicates;
mod evidence;
pub mod face;
pub mod fingerprint;
pub mod passkey;
pub mod password;
pub mod recovery_code;
mod subject_key;
#[cfg(test)]
pub(crate) mod tests;
pub mod totp;

pub use evidence::{Alarm, Capture, Evidence, Gate, Outcome};
pub use wire::FactorKind;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use matcher::sample::SampleError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::pool::PoolError;
use crate::store::{Credential, NewCredential, StoreError, Subject};
use crate::vault::{VaultError, WrappedKey};

/// What a person must be shown to answer; data, not markup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Challenge {
    Password,
    /// For an enrolment, the `otpauth:` URI to be shown as a QR code and typed as text.
    Totp {
        provisioning: Option<String>,
    },
    RecoveryCode {
        fresh: Vec<String>,
    },
    /// WebAuthn options as JSON, for `navigator.credentials`.
    Passkey {
        options: Value,
    },
    Face {
        frames: u8,
    },
    Fingerprint {
        impressions: u8,
    },
}

/// A challenge, and what the attempt must remember to judge the answer. It is consumed by the answer.
pub struct Issued {
    pub challenge: Challenge,
    pub remember: Value,
}

/// Biometric pixels, still encoded, wiped when dropped.
pub struct SampleBytes {
    pub bytes: Zeroizing<Vec<u8>>,
}

/// A live capture's frames, and whether a person was there.
pub struct LiveCapture {
    /// To compare, or to enrol.
    pub samples: Vec<SampleBytes>,
    /// In which the challenges were answered: they must show the same person.
    pub answers: Vec<SampleBytes>,
    pub liveness: Liveness,
}

/// What a live capture says of who was in front of the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// A person, as far as can be told.
    Live,
    /// No face was framed before anything was asked.
    NotFramed,
    /// An enrolment in which the head did not turn far enough.
    TooFewPoses,
    /// A sample that was accepted before.
    Repeated,
    /// What speaks against a person; names for the audit trail.
    Attack { cues: Vec<&'static str> },
}

/// What a person answered.
pub enum Answer {
    /// What was typed: a password, a one-time password, a recovery code.
    Text(Zeroizing<String>),
    /// A WebAuthn credential as JSON, and for an enrolment what its holder calls it.
    Credential { json: Value, label: Option<String> },
    /// One sample or several, and how they came.
    Samples {
        samples: Vec<SampleBytes>,
        capture: Capture,
        dpi: Option<f64>,
    },
    /// What a live capture came to.
    Live(LiveCapture),
    /// Minutiae records of one finger, from an operator alone: no page makes this answer.
    Records(Vec<SampleBytes>),
}

/// What every ceremony is told.
#[derive(Clone, Copy)]
pub struct Ceremony<'a> {
    pub subject: &'a Subject,
    /// All of the subject's credentials; a factor looks at its own.
    pub credentials: &'a [Credential],
    pub now: OffsetDateTime,
}

impl Ceremony<'_> {
    /// The subject's credentials of one factor.
    pub fn of(&self, factor: FactorKind) -> impl Iterator<Item = &Credential> {
        self.credentials.iter().filter(move |c| c.factor == factor)
    }
}

/// An enrolment's end: what to keep, and what to show once.
pub struct Enrolled {
    pub credential: NewCredential,
    /// Whether the subject may have several of this factor.
    pub several: bool,
}

/// Why a factor cannot go on. A proof that does not match is no error: it is `Evidence` with `NoMatch`.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The answer is not one that this factor reads; nothing was compared.
    #[error("the answer cannot be read: {0}")]
    Malformed(&'static str),
    /// The sample cannot be used; the text says what to do.
    #[error("{0}")]
    Unusable(String),
    /// What would be enrolled is not good enough; the text says why.
    #[error("{0}")]
    Refused(String),
    /// A live capture that is not taken for a person's; the trail is told why, the person is not.
    #[error("{0}")]
    NotLive(&'static str, Gate, Vec<&'static str>),
    /// This deployment has no models, or the factor is switched off.
    #[error("{0} is not available here")]
    NotAvailable(FactorKind),
    /// Too much biometric work at once: come back later.
    #[error("too many comparisons are waiting")]
    Busy,
    /// A stored reference must not be used.
    #[error("the stored reference of {0} was refused")]
    Reference(FactorKind, #[source] VaultError),
    /// A part is down.
    #[error("the vault is not available")]
    Vault(#[source] VaultError),
    #[error("the database is not available")]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("{0} failed")]
    Internal(FactorKind, #[source] anyhow::Error),
}

impl FactorError {
    /// Sorts what the vault says: a part that is down, or a reference that is not to be trusted.
    pub fn vault(factor: FactorKind, error: VaultError) -> Self {
        match error {
            VaultError::Unavailable { .. } => Self::Vault(error),
            _ => Self::Reference(factor, error),
        }
    }

    /// Sorts what a pool says: too much at once, or a fault.
    pub fn pool(factor: FactorKind, error: PoolError) -> Self {
        match error {
            PoolError::Busy => Self::Busy,
            PoolError::Failed(_) => Self::Internal(factor, error.into()),
        }
    }
}

impl From<SampleError> for FactorError {
    fn from(error: SampleError) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// A kind of proof.
#[async_trait]
pub trait Factor: Send + Sync {
    fn kind(&self) -> FactorKind;

    /// Begins the enrolment of a credential.
    async fn enrol_begin(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError>;

    /// Ends it with the answer and what [`Factor::enrol_begin`] remembered.
    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        remembered: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError>;

    /// Asks for a proof.
    async fn challenge(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError>;

    /// Judges an answer against the subject's credentials and what [`Factor::challenge`] remembered.
    /// Single use (of a one-time password, a recovery code, a signature counter) is decided in the store
    /// before `Match` is answered.
    async fn verify(
        &self,
        ceremony: Ceremony<'_>,
        remembered: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError>;

    /// Spends as much time as [`Factor::verify`] would, for a name that nobody has.
    async fn verify_nobody(
        &self,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Evidence, FactorError> {
        drop(answer);
        Ok(Evidence::no_match(self.kind(), now))
    }

    /// After an admitted login: renews what the credential of this evidence holds (a template by a newer one, a hash under new
    /// parameters), and answers whether it did. Most factors have nothing to renew.
    async fn refresh(
        &self,
        ceremony: Ceremony<'_>,
        evidence: &Evidence,
    ) -> Result<bool, FactorError> {
        let _nothing_to_renew = (ceremony.subject.id, evidence.at);
        Ok(false)
    }

    /// Seals what the credential's row holds under another data key of its subject: the new text, where there is any.
    async fn reseal(
        &self,
        held: &Credential,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<Option<Vec<u8>>, FactorError> {
        let _nothing_sealed = (held.id, old, new);
        Ok(None)
    }

    /// Removes what lies outside the credential's row, after the row is gone.
    async fn remove(&self, removed: &Credential) -> Result<(), FactorError> {
        let _nothing_outside = removed.id;
        Ok(())
    }
}

/// The factors of this deployment.
pub struct Registry {
    factors: Vec<Arc<dyn Factor>>,
    /// One whose parts came after the start: the face, when its models do.
    late: OnceLock<Arc<dyn Factor>>,
}

impl Registry {
    /// The factors that are on, in the order in which people are offered them.
    #[must_use]
    pub fn new(factors: Vec<Arc<dyn Factor>>) -> Self {
        Self {
            factors,
            late: OnceLock::new(),
        }
    }

    /// Takes a factor whose parts came after the start; the first one counts.
    pub fn take_late(&self, factor: Arc<dyn Factor>) {
        let _first_counts = self.late.set(factor);
    }

    /// Every factor, in the order in which people are offered them: a late one before those that are offered last.
    fn all(&self) -> impl Iterator<Item = &Arc<dyn Factor>> {
        let is_last = |factor: &Arc<dyn Factor>| {
            matches!(
                factor.kind(),
                FactorKind::Fingerprint | FactorKind::RecoveryCode
            )
        };
        let at = self.factors.iter().position(is_last);
        let (first, last) = self.factors.split_at(at.unwrap_or(self.factors.len()));
        first.iter().chain(self.late.get()).chain(last)
    }

    /// The factor of a kind.
    ///
    /// # Errors
    /// [`FactorError::NotAvailable`] where it is off.
    pub fn factor(&self, kind: FactorKind) -> Result<&dyn Factor, FactorError> {
        let found = self.all().find(|f| f.kind() == kind);
        found
            .map(AsRef::as_ref)
            .ok_or(FactorError::NotAvailable(kind))
    }

    /// The kinds that are on.
    pub fn kinds(&self) -> impl Iterator<Item = FactorKind> + '_ {
        self.all().map(|f| f.kind())
    }
}

/// What an attempt or an enrolment keeps until the answer.
fn remember(state: &impl Serialize) -> Value {
    serde_json::to_value(state).expect("invariant: our own records are plain JSON")
}

/// What was kept, where it is this factor's.
fn recall<T: serde::de::DeserializeOwned>(remembered: Value) -> Result<T, FactorError> {
    serde_json::from_value(remembered)
        .map_err(|_| FactorError::Malformed("the steps came out of order"))
}
