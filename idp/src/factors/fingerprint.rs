//! The fingerprint: one to five impressions are kept, and the best comparison with any of them counts.
//!
//! A sensor that signs its captures is to come: until then only a demonstration takes fingerprints, from
//! image files. Keeping every impression instead of one merged template lets a later, better comparison
//! of several use them all.

use std::sync::Arc;

use async_trait::async_trait;
use matcher::fingerprint::interchange::{self, InterchangeError};
use matcher::fingerprint::{
    CALIBRATION, FingerprintError, MODEL, Params, Prepared, Template, compare, extract,
};
use matcher::sample::{GreyImage, Limits};
use serde_json::Value;
use time::OffsetDateTime;
use wire::CredentialId;

use super::biometric::{MOST_SAMPLES, Presented, References, Threshold, accepted_captures};
use super::impressions;
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
    /// Whether images from files are taken: in a demonstration only.
    pub accepts_uploads: bool,
}

/// The fingerprint factor.
pub struct Fingerprint {
    threshold: Threshold,
    accepted: Vec<Capture>,
    references: References,
    pool: Pool,
    params: Arc<Params>,
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
                format: impressions::FORMAT,
            },
            pool,
            params: Arc::default(),
        })
    }

    async fn probe(&self, presented: Presented) -> Result<Probe, FactorError> {
        let params = self.params.clone();
        let Presented {
            samples,
            capture,
            dpi,
        } = presented;
        let read = move || read(&samples, dpi, &params);
        let usable = self
            .pool
            .run("fingerprint_extract", read)
            .await
            .map_err(|e| FactorError::pool(KIND, e))??;
        Ok(Probe { usable, capture })
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
        let usable = match answer {
            Answer::Records(records) => import(&records)?,
            answer => {
                let presented = Presented::of(answer, &self.accepted)?;
                self.probe(presented).await?.usable
            }
        };
        let plain = impressions::to_bytes(&usable);
        let id = CredentialId(uuid::Uuid::now_v7());
        let digest = self
            .references
            .seal(ceremony.subject, id, MODEL, &plain)
            .await?;
        let credential = NewCredential {
            id,
            factor: KIND,
            label: String::new(),
            model: Some(MODEL.to_owned()),
            blob_digest: Some(digest),
            sealed: None,
            public: None,
            counter: 0,
            recovery: Vec::new(),
        };
        Ok(Enrolled {
            credential,
            several: false,
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
        let mut best: Option<(f64, CredentialId)> = None;
        for known in self.references.open(&ceremony, MODEL).await? {
            let enrolled = impressions::from_bytes(&known.plain)
                .map_err(|e| FactorError::Internal(KIND, e.into()))?;
            let (probe, params) = (probe.clone(), self.params.clone());
            let compare = move || best_score(&probe.usable, &enrolled, &params);
            let score = self
                .pool
                .run("fingerprint_compare", compare)
                .await
                .map_err(|e| FactorError::pool(KIND, e))?;
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, known.credential));
            }
        }
        let Some((score, credential)) = best else {
            return Ok(Self::about(&probe, Evidence::no_match(KIND, ceremony.now)));
        };
        let matches = self.threshold.accepts(score)
            && self
                .references
                .store
                .use_credential(credential, None, ceremony.now)
                .await?;
        let evidence = if matches {
            Evidence::matched(KIND, [Amr::Fpt], credential, ceremony.now)
        } else {
            Evidence::no_match(KIND, ceremony.now)
        };
        Ok(Evidence {
            llr: Some(self.threshold.llr(score)),
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

    async fn remove(&self, removed: &Credential) -> Result<(), FactorError> {
        self.references.remove(removed).await
    }
}

/// The templates of the samples that can be used; where none can, why the first cannot.
fn read(
    samples: &[SampleBytes],
    dpi: Option<f64>,
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
            Ok(extraction) => usable.push(extraction.template),
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

/// The best score of any probe with any enrolled impression.
fn best_score(probes: &[Template], enrolled: &[Template], params: &Params) -> f64 {
    let prepare = |templates: &[Template]| -> Vec<Prepared> {
        templates
            .iter()
            .map(|template| Prepared::new(template, params))
            .collect()
    };
    let (probes, enrolled) = (prepare(probes), prepare(enrolled));
    let scores = probes
        .iter()
        .flat_map(|probe| enrolled.iter().map(|known| compare(probe, known, params)));
    // The largest that is a number; none is worth less than any.
    scores.fold(f64::NEG_INFINITY, f64::max)
}

fn advice(error: FingerprintError) -> String {
    match error {
        FingerprintError::WrongSize => "The picture is damaged. Take it again.".into(),
        FingerprintError::ResolutionOutOfRange(dpi) => {
            format!("No sensor takes {dpi} dots per inch. State the sensor's resolution, often 500.")
        }
        FingerprintError::TooSmall => "The picture is too small for a fingerprint. Lay the whole fingertip on.".into(),
        FingerprintError::TooLarge => "The picture is too large for one finger. Cut it to one, or state its resolution.".into(),
        FingerprintError::NoRidges => "No ridges are seen. Clean the sensor, dry or moisten the finger, and try again.".into(),
        FingerprintError::TooFewMinutiae { .. } => {
            "Too little of the finger is seen. Lay it flat on the middle of the sensor and try again.".into()
        }
    }
}

const KIND: FactorKind = FactorKind::Fingerprint;
/// Finger position 0 (ISO/IEC 19794-2:2005 §7.4.1.1): any of the ten.
const UNKNOWN_FINGER: u8 = 0;
const ENROLMENT_IMPRESSIONS: u8 = 3;
