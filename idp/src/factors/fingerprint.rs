//! The fingerprint: several fingers a person, each by one to five impressions that are compared and weighed together.
//!
//! A sensor that signs its captures is to come: until then only a demonstration takes fingerprints, from
//! image files. What is too poor to compare, or no finger at all, is refused with what to do about it; guidance comes from one
//! sample, or at an enrolment from its samples, never from a comparison with what is kept.

use std::sync::Arc;

use async_trait::async_trait;
use matcher::fingerprint::interchange::{self, InterchangeError};
use matcher::fingerprint::{
    CALIBRATION, FingerprintError, Guidance, MODEL, Params, Prepared, Reference, ReferenceError,
    Template, compare_reference, extract,
};
use matcher::sample::{GreyImage, Limits};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use wire::CredentialId;
use zeroize::Zeroizing;

use super::biometric::{MOST_SAMPLES, Presented, References, Threshold, accepted_captures};
use super::candidates::Candidates;
use super::{
    Answer, Capture, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind,
    Issued, SampleBytes,
};
use crate::oidc::amr::Amr;
use crate::pool::Pool;
use crate::store::{Credential, NewCredential, Store};
use crate::vault::Vault;

/// How the fingerprint factor decides.
#[derive(Clone, Copy, Debug)]
pub struct FingerprintSettings {
    /// Accepted false match rate of one comparison.
    pub false_match_rate: f64,
    /// Quality, 0 to 100, below which a sample is not used.
    pub least_quality: u8,
    /// Whether a good login renews the reference.
    pub update: TemplateUpdate,
    /// Whether images from files are taken: in a demonstration only.
    pub accepts_uploads: bool,
}

/// When a reference takes in the print of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateUpdate {
    /// What was enrolled stays as it is.
    Never,
    /// After an admitted login whose print matches the first enrolment as surely as can be told, and is good.
    WhenCertain,
}

/// The fingerprint factor.
pub struct Fingerprint {
    threshold: Threshold,
    accepted: Vec<Capture>,
    references: References,
    pool: Pool,
    params: Arc<Params>,
    least_quality: u8,
    update: TemplateUpdate,
    candidates: Candidates<Template>,
}

/// What was read from an answer.
struct Probe {
    usable: Vec<Template>,
    capture: Capture,
}

impl Fingerprint {
    /// The factor; its comparisons run on `pool`.
    ///
    /// # Errors
    /// Where the comparator is not validated at the false match rate that is asked for.
    pub fn new(
        settings: FingerprintSettings,
        store: Store,
        vault: Arc<Vault>,
        pool: Pool,
    ) -> Result<Self, FactorError> {
        Ok(Self {
            threshold: Threshold::new(KIND, CALIBRATION, settings.false_match_rate)?,
            accepted: accepted_captures(None, settings.accepts_uploads),
            references: References {
                store,
                vault,
                factor: KIND,
                format: FORMAT,
            },
            pool,
            params: Arc::default(),
            least_quality: settings.least_quality,
            update: settings.update,
            candidates: Candidates::default(),
        })
    }

    async fn probe(&self, presented: Presented) -> Result<Probe, FactorError> {
        let params = self.params.clone();
        let Presented {
            samples,
            capture,
            dpi,
            live: _,
        } = presented;
        let least_quality = self.least_quality;
        let read = move || read(&samples, dpi, least_quality, &params);
        let usable = self
            .pool
            .run("fingerprint_extract", read)
            .await
            .map_err(|e| FactorError::pool(KIND, e))??;
        Ok(Probe { usable, capture })
    }

    /// Whether a finger that is enrolled already matches this one.
    async fn is_known(
        &self,
        known: &[super::biometric::Reference],
        fresh: Arc<Reference>,
    ) -> Result<bool, FactorError> {
        for finger in known {
            let enrolled = read_reference(&finger.plain)?;
            let (fresh, params) = (fresh.clone(), self.params.clone());
            let compare = move || best_of(fresh.templates(), &enrolled, &params).score;
            let score = self.pool.run("fingerprint_compare", compare).await;
            if self
                .threshold
                .accepts(score.map_err(|e| FactorError::pool(KIND, e))?)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn about(probe: &Probe, evidence: Evidence) -> Evidence {
        Evidence {
            quality: probe.usable.iter().map(Template::quality).max(),
            capture: Some(probe.capture),
            model: Some(MODEL.to_owned()),
            ..evidence
        }
    }
}

#[async_trait]
impl Factor for Fingerprint {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        let challenge = Challenge::Fingerprint {
            impressions: ENROLMENT_IMPRESSIONS,
        };
        Ok(Issued {
            challenge,
            remember: Value::Null,
        })
    }

    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        // An import is an operator's, and takes the place of what was there; a person's own finger joins the others.
        let (usable, is_import) = match answer {
            Answer::Records(records) => (import(&records)?, true),
            answer => {
                let presented = Presented::of(answer, &self.accepted)?;
                (self.probe(presented).await?.usable, false)
            }
        };
        let (params, threshold) = (self.params.clone(), self.threshold.clone());
        let enrol = move || {
            let is_alike = |score| threshold.is_alike(score);
            Reference::enrol(usable, is_alike, &params).map_err(different)
        };
        let reference = self.pool.run("fingerprint_compare", enrol).await;
        let reference = reference.map_err(|e| FactorError::pool(KIND, e))??;
        let known = if is_import {
            Vec::new()
        } else {
            self.references.open(&ceremony, MODEL).await?
        };
        if known.len() >= MOST_FINGERS {
            return Err(FactorError::Refused(FULL.into()));
        }
        let reference = Arc::new(reference);
        if self.is_known(&known, reference.clone()).await? {
            return Err(FactorError::Refused(KNOWN.into()));
        }
        let plain = reference.to_bytes();
        let id = CredentialId(uuid::Uuid::now_v7());
        let digest = self
            .references
            .seal(ceremony.subject, id, MODEL, &plain)
            .await?;
        let credential = NewCredential {
            id,
            factor: KIND,
            label: format!("Finger {}", known.len() + 1),
            model: Some(MODEL.to_owned()),
            blob_digest: Some(digest),
            sealed: None,
            public: None,
            counter: 0,
            recovery: Vec::new(),
        };
        Ok(Enrolled {
            credential,
            several: !is_import,
        })
    }

    async fn challenge(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        Ok(Issued {
            challenge: Challenge::Fingerprint { impressions: 1 },
            remember: Value::Null,
        })
    }

    async fn verify(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError> {
        let probe = Arc::new(self.probe(Presented::of(answer, &self.accepted)?).await?);
        let known = self.references.open(&ceremony, MODEL).await?;
        let mut best: Option<(Best, CredentialId)> = None;
        for finger in &known {
            let enrolled = read_reference(&finger.plain)?;
            let (probe, params) = (probe.clone(), self.params.clone());
            let compare = move || best_of(&probe.usable, &enrolled, &params);
            let found = self
                .pool
                .run("fingerprint_compare", compare)
                .await
                .map_err(|e| FactorError::pool(KIND, e))?;
            let is_better = |(best, _): &(Best, _)| found.score > best.score;
            if best.as_ref().is_none_or(is_better) {
                best = Some((found, finger.credential));
            }
        }
        let Some((found, credential)) = best else {
            return Ok(Self::about(&probe, Evidence::no_match(KIND, ceremony.now)));
        };
        // Each finger is another chance for a stranger: the best of n is worth an n-th.
        let score = found.score - (known.len() as f64).ln();
        let matches = self.threshold.accepts(score)
            && self
                .references
                .store
                .use_credential(credential, None, ceremony.now)
                .await?;
        let is_good = found.quality >= RENEWING_QUALITY && self.threshold.is_certain(score);
        if matches && is_good && self.update == TemplateUpdate::WhenCertain {
            let held = Template::from_bytes(&found.template)
                .map_err(|e| FactorError::Internal(KIND, e.into()))?;
            self.candidates.hold(credential, ceremony.now, held);
        }
        let evidence = if matches {
            Evidence::matched(KIND, [Amr::Fpt], credential, ceremony.now)
        } else {
            Evidence::compared(KIND, [Amr::Fpt], credential, ceremony.now)
        };
        Ok(Evidence {
            llr: Some(self.threshold.llr(score)),
            weight: self.threshold.weigh(score),
            ..Self::about(&probe, evidence)
        })
    }

    async fn verify_nobody(
        &self,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Evidence, FactorError> {
        let probe = self.probe(Presented::of(answer, &self.accepted)?).await?;
        Ok(Self::about(&probe, Evidence::no_match(KIND, now)))
    }

    async fn refresh(
        &self,
        ceremony: Ceremony<'_>,
        evidence: &Evidence,
    ) -> Result<bool, FactorError> {
        let Some(credential) = evidence.credential else {
            return Ok(false);
        };
        let Some(newer) = self.candidates.take(credential, evidence.at) else {
            return Ok(false);
        };
        let known = self.references.open(&ceremony, MODEL).await?;
        let Some(finger) = known.into_iter().find(|k| k.credential == credential) else {
            return Ok(false);
        };
        let mut reference = read_reference(&finger.plain)?;
        let (params, threshold) = (self.params.clone(), self.threshold.clone());
        let renew = move || {
            let is_certain = |score| threshold.is_certain(score);
            let changed = reference.renew(newer, is_certain, &params);
            changed.then(|| reference.to_bytes())
        };
        let renewed = self.pool.run("fingerprint_compare", renew).await;
        match renewed.map_err(|e| FactorError::pool(KIND, e))? {
            Some(plain) => {
                self.references
                    .reseal(ceremony.subject, &finger.row, MODEL, &plain)
                    .await
            }
            None => Ok(false),
        }
    }

    async fn remove(&self, removed: &Credential) -> Result<(), FactorError> {
        self.references.remove(removed).await
    }
}

/// The templates of the samples that can be used; where none can, why the first cannot.
fn read(
    samples: &[SampleBytes],
    dpi: Option<f64>,
    least_quality: u8,
    params: &Params,
) -> Result<Vec<Template>, FactorError> {
    let mut usable = Vec::with_capacity(samples.len());
    let mut obstacle = None;
    for sample in samples.iter().take(MOST_SAMPLES) {
        let image = match GreyImage::decode(&sample.bytes, &Limits::default()) {
            Ok(image) => image,
            Err(error) => {
                obstacle.get_or_insert_with(|| error.into());
                continue;
            }
        };
        match extract(&image, dpi, params) {
            Ok(extraction) if extraction.quality >= least_quality => {
                usable.push(extraction.template);
            }
            Ok(extraction) => {
                let guidance = extraction.guidance.unwrap_or(Guidance::PressHarder);
                obstacle.get_or_insert_with(|| FactorError::Unusable(guidance.text().into()));
            }
            Err(error) => {
                obstacle.get_or_insert_with(|| FactorError::Unusable(advice(error)));
            }
        }
    }
    match obstacle {
        Some(obstacle) if usable.is_empty() => Err(obstacle),
        _ => Ok(usable),
    }
}

/// The templates of another maker's records: the best view of each. Only records of one finger make a reference.
fn import(records: &[SampleBytes]) -> Result<Vec<Template>, FactorError> {
    if records.is_empty() || records.len() > MOST_SAMPLES {
        return Err(FactorError::Malformed("one to five records are taken"));
    }
    let mut finger = UNKNOWN_FINGER;
    let mut templates = Vec::with_capacity(records.len());
    for (place, record) in (1..).zip(records) {
        let unusable =
            |error: InterchangeError| FactorError::Unusable(format!("Record {place}: {error}."));
        let record = interchange::read(&record.bytes).map_err(unusable)?;
        let view = record.best_view(None).ok_or(InterchangeError::NoViews);
        let view = view.map_err(unusable)?;
        if finger == UNKNOWN_FINGER {
            finger = view.finger;
        } else if ![UNKNOWN_FINGER, finger].contains(&view.finger) {
            return Err(FactorError::Refused(
                "The records are of several fingers.".into(),
            ));
        }
        templates.push(view.to_template().map_err(unusable)?);
    }
    Ok(templates)
}

/// The probe that scored best, and how.
struct Best {
    score: f64,
    quality: u8,
    /// As it would be stored.
    template: Zeroizing<Vec<u8>>,
}

/// The best probe against all that is kept of a finger.
fn best_of(probes: &[Template], enrolled: &Reference, params: &Params) -> Best {
    let enrolled = enrolled.prepare(params);
    let mut best = Best {
        score: f64::NEG_INFINITY,
        quality: 0,
        template: Zeroizing::default(),
    };
    for probe in probes {
        let score = compare_reference(&Prepared::new(probe, params), &enrolled, params);
        if score > best.score {
            best = Best {
                score,
                quality: probe.quality(),
                template: Zeroizing::new(probe.to_bytes()),
            };
        }
    }
    best
}

fn read_reference(plain: &[u8]) -> Result<Reference, FactorError> {
    Reference::from_bytes(plain).map_err(|e| FactorError::Internal(KIND, e.into()))
}

fn different(error: ReferenceError) -> FactorError {
    match error.guidance() {
        Some(guidance) => FactorError::Unusable(guidance.text().into()),
        None => FactorError::Internal(KIND, error.into()),
    }
}

fn advice(error: FingerprintError) -> String {
    match error {
        FingerprintError::WrongSize => "The picture is damaged. Take it again.".into(),
        FingerprintError::ResolutionOutOfRange(dpi) => {
            format!(
                "No sensor takes {dpi} dots per inch. State the sensor's resolution, often 500."
            )
        }
        FingerprintError::TooSmall => {
            "The picture is too small for a fingerprint. Lay the whole fingertip on.".into()
        }
        FingerprintError::TooLarge => {
            "The picture is too large for one finger. Cut it to one, or state its resolution."
                .into()
        }
        FingerprintError::NoRidges | FingerprintError::TooFewMinutiae { .. } => error
            .guidance()
            .map_or(String::new(), |guidance| guidance.text().into()),
    }
}

const KIND: FactorKind = FactorKind::Fingerprint;
/// Finger position 0 (ISO/IEC 19794-2:2005 §7.4.1.1): any of the ten.
const UNKNOWN_FINGER: u8 = 0;
const ENROLMENT_IMPRESSIONS: u8 = 3;
/// The layout of a sealed reference: that of the matcher's own.
pub(super) const FORMAT: &str = "whorl-impressions-1";
/// Most fingers of one person: at ten, a stranger would have ten chances.
const MOST_FINGERS: usize = 4;
/// Quality that a print must have to renew a reference: three in four development prints are better.
const RENEWING_QUALITY: u8 = 80;
const FULL: &str = "Four fingers are set up already. Ask an administrator to remove one first.";
const KNOWN: &str = "This finger is set up already. Use another one, or ask an administrator to remove this one first.";
