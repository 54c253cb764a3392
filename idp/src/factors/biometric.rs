//! What face and fingerprint share: which scores are accepted, which captures, and how a reference is kept.

use std::sync::Arc;

use matcher::fusion::{FLOOR, Weight};
use matcher::score::Calibration;
use wire::CredentialId;
use zeroize::Zeroizing;

use super::{
    Answer, Capture, Ceremony, FactorError, FactorKind, LiveCapture, Liveness, SampleBytes,
    subject_key,
};
use crate::store::{Credential, CredentialChange, Store, Subject};
use crate::vault::{Binding, BlobKey, Vault, VaultError, WrappedKey};

/// What a comparison must reach.
#[derive(Clone, Debug)]
pub(super) struct Threshold {
    calibration: Calibration,
    false_match_rate: f64,
}

impl Threshold {
    /// The threshold at a false match rate; no laxer than the floor that every comparison must pass.
    pub(super) fn new(
        factor: FactorKind,
        calibration: Calibration,
        false_match_rate: f64,
    ) -> Result<Self, FactorError> {
        let validated = calibration.false_match_rate(f64::INFINITY);
        // Written so that a rate that is no number is refused.
        let is_validated = false_match_rate * (1.0 + ROUNDING) >= validated;
        if !is_validated {
            let problem = anyhow::anyhow!(
                "[{factor}] false_match_rate = {false_match_rate:e}: this comparator is validated down to \
                 {validated:.1e} and accepts nobody below; set at least that"
            );
            return Err(FactorError::Internal(factor, problem));
        }
        Ok(Self {
            calibration,
            false_match_rate: false_match_rate.min(LAXEST),
        })
    }

    /// Whether a raw score is accepted; one that is not a number never is.
    pub(super) fn accepts(&self, score: f64) -> bool {
        self.calibration.false_match_rate(score) <= self.false_match_rate * (1.0 + ROUNDING)
    }

    /// What a raw score is worth beside another trait's; nothing where it does not pass the floor.
    pub(super) fn weigh(&self, score: f64) -> Option<Weight> {
        self.calibration.weigh(score)
    }

    /// What a raw score is worth.
    pub(super) fn llr(&self, score: f64) -> f64 {
        self.calibration.llr(score)
    }

    /// Whether a score speaks for one person in both samples, so that they can make a reference together.
    pub(super) fn is_alike(&self, score: f64) -> bool {
        self.calibration.false_match_rate(score) <= LAXEST * (1.0 + ROUNDING)
    }

    /// Whether a score is as high as the comparator was validated to, and accepted.
    pub(super) fn is_certain(&self, score: f64) -> bool {
        let highest = self.calibration.false_match_rate(f64::INFINITY);
        self.accepts(score)
            && self.calibration.false_match_rate(score) <= highest * (1.0 + ROUNDING)
    }

    /// Whether a score speaks plainly against one person in both samples.
    pub(super) fn is_strange(&self, score: f64) -> bool {
        self.calibration.false_match_rate(score) > STRANGE
    }
}

/// One to five samples, of a capture that is accepted here.
pub(super) struct Presented {
    pub(super) samples: Vec<SampleBytes>,
    pub(super) capture: Capture,
    pub(super) dpi: Option<f64>,
    /// What a live capture came to, beside its samples.
    pub(super) live: Option<Live>,
}

/// What a live capture says beside the samples to compare.
pub(super) struct Live {
    pub(super) answers: Vec<SampleBytes>,
    pub(super) liveness: Liveness,
}

impl Presented {
    pub(super) fn of(answer: Answer, accepted: &[Capture]) -> Result<Self, FactorError> {
        let (samples, capture, dpi, live) = match answer {
            Answer::Samples {
                samples,
                capture,
                dpi,
            } => (samples, capture, dpi, None),
            Answer::Live(LiveCapture {
                samples,
                answers,
                liveness,
            }) => {
                let live = Some(Live { answers, liveness });
                (samples, Capture::LiveBrowser, None, live)
            }
            Answer::Text(_) | Answer::Credential { .. } | Answer::Records(_) => {
                return Err(FactorError::Malformed("a biometric answers with samples"));
            }
        };
        // A live capture that ended early has none, and is refused for that.
        let is_empty = samples.is_empty() && live.is_none();
        if is_empty || samples.len() > MOST_SAMPLES {
            return Err(FactorError::Malformed("one to five samples are taken"));
        }
        if !accepted.contains(&capture) {
            return Err(FactorError::Refused(match capture {
                Capture::Uploaded => {
                    "Pictures from files are taken in a demonstration only.".into()
                }
                Capture::LiveBrowser => "This cannot be captured in a browser.".into(),
                Capture::SignedSensor => "No signed sensors are known here.".into(),
            }));
        }
        // Frames of a camera come with what their capture found, or they are files.
        if capture == Capture::LiveBrowser && live.is_none() {
            return Err(FactorError::Malformed(
                "a live capture comes with its verdict",
            ));
        }
        Ok(Self {
            samples,
            capture,
            dpi,
            live,
        })
    }
}

/// The captures that are taken: live ones of the factor's own, and uploads in a demonstration.
pub(super) fn accepted_captures(live: Option<Capture>, uploads: bool) -> Vec<Capture> {
    live.into_iter()
        .chain(uploads.then_some(Capture::Uploaded))
        .collect()
}

/// A reference as it was opened, with the row that named it.
pub(super) struct Reference {
    pub(super) credential: CredentialId,
    pub(super) row: Credential,
    pub(super) plain: Zeroizing<Vec<u8>>,
}

/// Keeps the references of one factor in the vault.
pub(super) struct References {
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
    pub(super) factor: FactorKind,
    /// How the plaintext is laid out.
    pub(super) format: &'static str,
}

impl References {
    /// Seals and stores the first reference of a credential; answers the digest for its row.
    pub(super) async fn seal(
        &self,
        subject: &Subject,
        credential: CredentialId,
        model: &str,
        plain: &[u8],
    ) -> Result<[u8; 32], FactorError> {
        let key = subject_key::claim(&self.store, &self.vault, subject)
            .await
            .map_err(|e| e.of(self.factor))?;
        let binding = self.binding(subject, credential, model, FIRST_VERSION);
        self.vault
            .store(&key, &binding, plain)
            .await
            .map_err(|e| FactorError::vault(self.factor, e))
    }

    /// Replaces what a credential holds by its next version, if nobody did meanwhile; answers whether it did.
    pub(super) async fn reseal(
        &self,
        subject: &Subject,
        known: &Credential,
        model: &str,
        plain: &[u8],
    ) -> Result<bool, FactorError> {
        let key = subject_key::claim(&self.store, &self.vault, subject)
            .await
            .map_err(|e| e.of(self.factor))?;
        let version = u64::from(known.version) + 1;
        let binding = self.binding(subject, known.id, model, version);
        let sealed = self.vault.store(&key, &binding, plain).await;
        let digest = sealed.map_err(|e| FactorError::vault(self.factor, e))?;
        let change = CredentialChange {
            blob_digest: Some(digest),
            public: None,
            model: Some(model.to_owned()),
        };
        if self.store.change_credential(known, change).await? {
            self.remove(known).await?;
            return Ok(true);
        }
        let ours = BlobKey {
            subject: subject.id.0,
            credential: known.id.0,
            version,
            digest,
        };
        let removed = self.vault.remove_blob(&ours).await;
        removed.map_err(|e| FactorError::vault(self.factor, e))?;
        Ok(false)
    }

    /// The subject's references, all of this model.
    pub(super) async fn open(
        &self,
        ceremony: &Ceremony<'_>,
        model: &str,
    ) -> Result<Vec<Reference>, FactorError> {
        let references = self.open_any(ceremony).await?;
        let is_of_it = |known: &Reference| known.row.model.as_deref() == Some(model);
        match references.iter().all(is_of_it) {
            true => Ok(references),
            false => Err(FactorError::Refused(OTHER_MODEL.into())),
        }
    }

    /// The subject's references, whatever model made them, as the rows of this moment name them: a credential that
    /// was removed, or replaced, since the ceremony began is not used.
    pub(super) async fn open_any(
        &self,
        ceremony: &Ceremony<'_>,
    ) -> Result<Vec<Reference>, FactorError> {
        let Some(subject) = self.store.subject(ceremony.subject.id).await? else {
            return Ok(Vec::new());
        };
        let mut references = Vec::new();
        for known in self
            .store
            .credentials(subject.id)
            .await?
            .into_iter()
            .filter(|c| c.factor == self.factor)
        {
            let model = known.model.clone().unwrap_or_default();
            let plain = self.open_one(&subject, &known, &model).await;
            let plain = plain.map_err(|e| FactorError::vault(self.factor, e))?;
            references.push(Reference {
                credential: known.id,
                row: known,
                plain,
            });
        }
        Ok(references)
    }

    async fn open_one(
        &self,
        subject: &Subject,
        known: &Credential,
        model: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key: WrappedKey = subject_key::existing(subject).ok_or(VaultError::WrongContext)?;
        let digest = known.blob_digest.ok_or(VaultError::Missing)?;
        let binding = self.binding(subject, known.id, model, u64::from(known.version));
        self.vault.open(&key, &binding, &digest).await
    }

    /// Removes the blob of a credential whose row is gone.
    pub(super) async fn remove(&self, removed: &Credential) -> Result<(), FactorError> {
        let Some(digest) = removed.blob_digest else {
            return Ok(());
        };
        let key = BlobKey {
            subject: removed.subject.0,
            credential: removed.id.0,
            version: u64::from(removed.version),
            digest,
        };
        self.vault
            .remove_blob(&key)
            .await
            .map_err(|e| FactorError::vault(self.factor, e))
    }

    fn binding<'a>(
        &self,
        subject: &Subject,
        credential: CredentialId,
        model: &'a str,
        version: u64,
    ) -> Binding<'a> {
        Binding {
            subject: subject.id.0,
            credential: credential.0,
            factor: self.factor.as_str(),
            format: self.format,
            model,
            version,
        }
    }
}

/// Most samples of one answer.
pub(super) const MOST_SAMPLES: usize = 5;
/// The version of a credential's row when it is new.
const FIRST_VERSION: u64 = 1;
/// No configuration accepts a comparison above this false match rate.
const LAXEST: f64 = FLOOR;
/// Two samples of one person that score below this rate's threshold make no reference together.
const STRANGE: f64 = 5e-2;
/// The rates are powers of ten, computed.
const ROUNDING: f64 = 1e-9;
pub(super) const OTHER_MODEL: &str = "What you registered was made by a version that is no longer here, and cannot be compared. \
                           Sign in another way and register anew.";

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use matcher::score::Knot;

    use super::*;

    const LINE: Calibration = Calibration {
        knots: Cow::Borrowed(&[
            Knot {
                score: 0.0,
                llr: -4.0,
                log10_fmr: 0.0,
            },
            Knot {
                score: 4.0,
                llr: 8.0,
                log10_fmr: -4.0,
            },
        ]),
    };

    #[test]
    fn a_record_is_no_proof() {
        let record = SampleBytes {
            bytes: Zeroizing::new(b"FMR\0 20\0".to_vec()),
        };
        let accepted = accepted_captures(Some(Capture::SignedSensor), true);
        let presented = Presented::of(Answer::Records(vec![record]), &accepted);
        assert!(matches!(presented, Err(FactorError::Malformed(_))));
    }

    #[test]
    fn a_threshold_is_neither_laxer_than_the_floor_nor_beyond_what_was_validated() {
        let at = |rate| Threshold::new(FactorKind::Face, LINE, rate);
        let strict = at(1e-4).expect("validated");
        assert!(strict.accepts(4.0) && strict.accepts(f64::INFINITY) && !strict.accepts(3.9));
        assert!(!strict.accepts(f64::NAN));
        assert!(strict.is_certain(4.0) && !strict.is_certain(3.9) && !strict.is_certain(f64::NAN));
        assert!(strict.is_alike(2.0) && !strict.is_alike(1.9) && !strict.is_alike(f64::NAN));
        let lax = at(0.5).expect("validated");
        assert!(lax.accepts(2.0) && !lax.accepts(1.9));
        for impossible in [1e-5, 0.0, -1.0, f64::NAN] {
            assert!(
                matches!(at(impossible), Err(FactorError::Internal(..))),
                "{impossible}"
            );
        }
    }
}
