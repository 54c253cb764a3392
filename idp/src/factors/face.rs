//! The face: one to five pictures make a reference, the frames of a capture are compared and their scores averaged.
//!
//! Whether a live capture is a person's is for its watch to say, over all of its frames ([`crate::capture`]): one that is not,
//! or in which another person answered than is shown, is refused as a whole and never compared, and so is a sample that came
//! before. Of uploaded pictures, which only a demonstration takes, everything is reported and nothing gates. The work is the
//! same for a name that nobody has: the sample is read before anything is looked up.

use std::sync::Arc;

use async_trait::async_trait;
use matcher::face::{CALIBRATION, Extraction, FaceError, FacePipeline, Template, compare};
use matcher::pad::same_person;
use matcher::sample::{Limits, RgbImage};
use serde_json::Value;
use time::OffsetDateTime;
use wire::CredentialId;

use super::biometric::{Live, MOST_SAMPLES, Presented, References, Threshold, accepted_captures};
use super::{
    Answer, Capture, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind,
    Gate, Issued, Liveness, SampleBytes,
};
use crate::capture::words;
use crate::models::Models;
use crate::oidc::amr::Amr;
use crate::pool::Pool;
use crate::store::{Credential, NewCredential, Store};
use crate::vault::Vault;

/// How the face factor decides.
#[derive(Clone, Copy, Debug)]
pub struct FaceSettings {
    /// Accepted false match rate of one comparison.
    pub false_match_rate: f64,
    /// Whether pictures from files are taken: in a demonstration only.
    pub accepts_uploads: bool,
}

/// The face factor.
pub struct Face {
    threshold: Threshold,
    accepted: Vec<Capture>,
    references: References,
    pool: Pool,
    models: Arc<Models>,
}

/// What was read from an answer.
struct Probe {
    usable: Vec<Extraction>,
    capture: Capture,
    /// Mean over the frames; none where no frame showed enough around the face.
    bona_fide: Option<f32>,
    gate: Option<Gate>,
    /// What spoke against a person, where that is the gate.
    cues: Vec<&'static str>,
}

impl Face {
    /// The factor; its comparisons run on `pool`.
    ///
    /// # Errors
    /// Where the comparator is not validated at the false match rate that is asked for.
    pub fn new(
        settings: FaceSettings,
        store: Store,
        vault: Arc<Vault>,
        pool: Pool,
        models: Arc<Models>,
    ) -> Result<Self, FactorError> {
        Ok(Self {
            threshold: Threshold::new(KIND, CALIBRATION, settings.false_match_rate)?,
            accepted: accepted_captures(Some(Capture::LiveBrowser), settings.accepts_uploads),
            references: References {
                store,
                vault,
                factor: KIND,
                format: FORMAT,
            },
            pool,
            models,
        })
    }

    /// Reads the samples on the pool.
    async fn probe(&self, presented: Presented) -> Result<Probe, FactorError> {
        let face = self.models.face().clone();
        let Presented {
            samples,
            capture,
            dpi: _,
            live,
        } = presented;
        let mut probe = Probe {
            usable: Vec::new(),
            capture,
            bona_fide: None,
            gate: None,
            cues: Vec::new(),
        };
        if let Some((gate, cues)) = live.as_ref().and_then(|live| gate_of(&live.liveness)) {
            // Nothing of it is looked at any more.
            return Ok(Probe {
                gate: Some(gate),
                cues,
                ..probe
            });
        }
        let is_live = live.is_some();
        let read = self
            .pool
            .run("face_extract", move || {
                let usable = extract(&face, &samples)?;
                let same = match &live {
                    Some(live) => is_one_person(&face, &usable, live)?,
                    None => true,
                };
                Ok::<_, FactorError>((usable, same))
            })
            .await;
        let (usable, same) = read.map_err(|e| FactorError::pool(KIND, e))??;
        let judged = usable.iter().filter_map(|e| e.observation.bona_fide);
        probe.bona_fide = mean(&judged.collect::<Vec<f32>>());
        probe.usable = usable;
        if !same {
            probe.gate = Some(Gate::PresentationAttack);
            probe.cues.push("same_person");
        } else if is_live && probe.bona_fide.is_none() {
            probe.gate = Some(Gate::Framing);
        }
        Ok(probe)
    }

    /// What is said of a probe whatever the outcome.
    fn about(&self, probe: &Probe, evidence: Evidence) -> Evidence {
        Evidence {
            presentation_attack: probe.bona_fide,
            quality: probe.usable.iter().map(|e| e.quality).max(),
            capture: Some(probe.capture),
            model: Some(self.models.face().model().to_owned()),
            gate: probe.gate,
            cues: probe.cues.iter().map(|cue| (*cue).to_owned()).collect(),
            ..evidence
        }
    }

    /// The evidence of a probe that is not to be compared.
    fn gated(&self, probe: &Probe, now: OffsetDateTime) -> Option<Evidence> {
        let evidence = match probe.gate? {
            Gate::Framing => Evidence::unusable(KIND, FRAMING, now),
            Gate::PresentationAttack | Gate::Repeated => Evidence::no_match(KIND, now),
        };
        Some(self.about(probe, evidence))
    }
}

#[async_trait]
impl Factor for Face {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        Ok(Issued {
            challenge: Challenge::Face {
                frames: ENROLMENT_FRAMES,
            },
            remember: Value::Null,
        })
    }

    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        let presented = Presented::of(answer, &self.accepted)?;
        let is_live = presented.live.is_some();
        if let Some(Live {
            liveness: Liveness::TooFewPoses,
            ..
        }) = &presented.live
        {
            return Err(FactorError::Unusable(POSES.into()));
        }
        let mut probe = self.probe(presented).await?;
        match probe.gate {
            None => {}
            Some(Gate::Framing) => return Err(FactorError::Unusable(FRAMING.into())),
            Some(gate @ (Gate::PresentationAttack | Gate::Repeated)) => {
                return Err(FactorError::NotLive(NOT_LIVE, gate, probe.cues));
            }
        }
        if is_live {
            probe.usable.retain(|e| e.quality >= LEAST_QUALITY);
            if probe.usable.len() < usize::from(ENROLMENT_FRAMES) {
                return Err(FactorError::Unusable(POSES.into()));
            }
        }
        let templates: Vec<Template> = probe.usable.into_iter().map(|e| e.template).collect();
        let reference = reference(&templates, &self.threshold)?;
        let (id, model) = (
            CredentialId(uuid::Uuid::now_v7()),
            reference.model().to_owned(),
        );
        let digest = self
            .references
            .seal(ceremony.subject, id, &model, &reference.to_bytes())
            .await?;
        let credential = NewCredential {
            id,
            factor: KIND,
            label: String::new(),
            model: Some(model),
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
            challenge: Challenge::Face {
                frames: LOGIN_FRAMES,
            },
            remember: Value::Null,
        })
    }

    async fn verify(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError> {
        let presented = Presented::of(answer, &self.accepted)?;
        let probe = self.probe(presented).await?;
        if let Some(evidence) = self.gated(&probe, ceremony.now) {
            return Ok(evidence);
        }
        let references = self
            .references
            .open(&ceremony, self.models.face().model())
            .await?;
        let mut best: Option<(f64, CredentialId)> = None;
        for known in &references {
            let reference = Template::from_bytes(&known.plain)
                .map_err(|e| FactorError::Internal(KIND, e.into()))?;
            let Some(score) = mean_score(&probe.usable, &reference) else {
                continue;
            };
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, known.credential));
            }
        }
        let Some((score, credential)) = best else {
            return Ok(self.about(&probe, Evidence::no_match(KIND, ceremony.now)));
        };
        let matches = self.threshold.accepts(score)
            && self
                .references
                .store
                .use_credential(credential, None, ceremony.now)
                .await?;
        let evidence = if matches {
            Evidence::matched(KIND, [Amr::Face], credential, ceremony.now)
        } else {
            Evidence::no_match(KIND, ceremony.now)
        };
        Ok(Evidence {
            llr: Some(self.threshold.llr(score)),
            ..self.about(&probe, evidence)
        })
    }

    async fn verify_nobody(
        &self,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Evidence, FactorError> {
        let probe = self.probe(Presented::of(answer, &self.accepted)?).await?;
        let gated = self.gated(&probe, now);
        Ok(gated.unwrap_or_else(|| self.about(&probe, Evidence::no_match(KIND, now))))
    }

    async fn remove(&self, removed: &Credential) -> Result<(), FactorError> {
        self.references.remove(removed).await
    }
}

/// The templates of the samples that can be used; where none can, why the first cannot.
fn extract(face: &FacePipeline, samples: &[SampleBytes]) -> Result<Vec<Extraction>, FactorError> {
    let mut usable = Vec::with_capacity(samples.len());
    let mut obstacle = None;
    for sample in samples.iter().take(MOST_SAMPLES) {
        let image = match RgbImage::decode(&sample.bytes, &Limits::default()) {
            Ok(image) => image,
            Err(error) => {
                obstacle.get_or_insert_with(|| error.into());
                continue;
            }
        };
        match face.template(&image) {
            Ok(extraction) => usable.push(extraction),
            Err(error) if error.is_unusable() => {
                obstacle.get_or_insert_with(|| FactorError::Unusable(advice(&error)));
            }
            Err(error) => return Err(FactorError::Internal(KIND, error.into())),
        }
    }
    match obstacle {
        Some(obstacle) if usable.is_empty() => Err(obstacle),
        _ => Ok(usable),
    }
}

fn mean(values: &[f32]) -> Option<f32> {
    (!values.is_empty()).then(|| values.iter().sum::<f32>() / values.len() as f32)
}

/// How a live capture that is not a person's is refused; nothing for one that is.
fn gate_of(liveness: &Liveness) -> Option<(Gate, Vec<&'static str>)> {
    match liveness {
        Liveness::Live => None,
        // A login needs no poses; an enrolment was told before.
        Liveness::NotFramed | Liveness::TooFewPoses => Some((Gate::Framing, Vec::new())),
        Liveness::Repeated => Some((Gate::Repeated, Vec::new())),
        Liveness::Attack { cues } => Some((Gate::PresentationAttack, cues.clone())),
    }
}

/// Whether who answered the challenges is who is compared: each is one face to the detector, and may be of two people.
fn is_one_person(
    face: &FacePipeline,
    usable: &[Extraction],
    live: &Live,
) -> Result<bool, FactorError> {
    let mut templates = Vec::with_capacity(usable.len() + live.answers.len());
    for one in usable {
        // A template is a secret that does not copy itself.
        let copy = Template::from_bytes(&one.template.to_bytes());
        templates.push(copy.map_err(|e| FactorError::Internal(KIND, e.into()))?);
    }
    for answer in &live.answers {
        let image = RgbImage::decode(&answer.bytes, &Limits::default())?;
        match face.template(&image) {
            Ok(extraction) => templates.push(extraction.template),
            Err(error) if error.is_unusable() => {}
            Err(error) => return Err(FactorError::Internal(KIND, error.into())),
        }
    }
    Ok(same_person(&templates))
}

/// The mean score of the frames, where there are any. The best of them would be accepted by chance more often than the
/// policy states.
fn mean_score(probes: &[Extraction], reference: &Template) -> Option<f64> {
    // A cosine of 128 numbers: not worth a place on the pool.
    let scores = probes.iter().map(|e| compare(&e.template, reference));
    (!probes.is_empty()).then(|| scores.sum::<f64>() / probes.len() as f64)
}

fn advice(error: &FaceError) -> String {
    let what_to_do = error.guidance().map_or("Please try again", words::text);
    let mut found = error.to_string();
    if let Some(first) = found.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{found}. {what_to_do}.")
}

/// The mean of templates that are plausibly of one person.
fn reference(templates: &[Template], threshold: &Threshold) -> Result<Template, FactorError> {
    for one in templates {
        let strange = templates
            .iter()
            .all(|other| std::ptr::eq(one, other) || threshold.is_strange(compare(one, other)));
        if templates.len() > 1 && strange {
            return Err(FactorError::Unusable(DIFFERENT.into()));
        }
    }
    Template::mean(templates).ok_or_else(|| FactorError::Unusable(DIFFERENT.into()))
}

const KIND: FactorKind = FactorKind::Face;
/// The layout of a sealed reference: that of the matcher's template.
const FORMAT: &str = "whorl-face-template-1";
const ENROLMENT_FRAMES: u8 = 3;
const LOGIN_FRAMES: u8 = 2;
/// Of a live enrolment's frames: as the album keeps them.
const LEAST_QUALITY: u8 = matcher::pad::params::ENROL_LEAST_QUALITY;
const FRAMING: &str =
    "Move back a little, so that the camera sees your whole head and what is around it.";
const NOT_LIVE: &str = "It could not be told that you are in front of the camera yourself. Go where the light is \
                        even, look straight into the camera, and try again.";
const POSES: &str = "Too few good pictures came together. Go where the light is even, and turn your head as far as you are \
                     asked to.";
const DIFFERENT: &str =
    "These pictures do not seem to show one person. Take new ones, one after another.";
