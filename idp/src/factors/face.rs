//! The face: one to five pictures make a reference, the frames of a capture are compared and their scores averaged.
//!
//! Whether a live capture is a person's is for its watch to say, over all of its frames ([`crate::capture`]): one that is not,
//! or in which another person answered than is shown, is refused as a whole and never compared, and so is a sample that came
//! before. Of uploaded pictures, which only a demonstration takes, everything is reported and nothing gates. The work is the
//! same for a name that nobody has: the sample is read before anything is looked up.
//!
//! A reference compares under the model that made it. Where another model is in use since, and the old one is still at hand, a
//! match under the old one makes a reference under the new one of the very same frames, which replaces it once the login is
//! admitted. Where the old one is gone, the person is told to sign in another way and register anew: nothing can be compared.

use std::sync::Arc;

use async_trait::async_trait;
use matcher::face::template::Measure;
use matcher::face::{Extraction, FaceError, FacePipeline, Template, compare};
use matcher::pad::same_person;
use matcher::sample::{Limits, RgbImage};
use serde_json::Value;
use time::OffsetDateTime;
use wire::CredentialId;

use super::biometric::{
    Live, MOST_SAMPLES, OTHER_MODEL, Presented, Reference, References, Threshold, accepted_captures,
};
use super::candidates::Candidates;
use super::{
    Answer, Capture, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind,
    Gate, Issued, Liveness, SampleBytes,
};
use crate::capture::words;
use crate::models::{Loaded, Models};
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
    false_match_rate: f64,
    accepts_uploads: bool,
    accepted: Vec<Capture>,
    references: References,
    pool: Pool,
    models: Arc<Models>,
    /// References under the model in use, of people whose own are under an older one.
    candidates: Candidates<Template>,
}

/// What was read from an answer.
struct Probe {
    /// The pack that read it.
    pack: Arc<Loaded>,
    usable: Vec<Extraction>,
    /// The samples that `usable` came from, in its order.
    samples: Vec<SampleBytes>,
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
        // A pack that comes into use later is held to the same.
        let calibration = models.current().calibration().clone();
        Threshold::new(KIND, calibration, settings.false_match_rate)?;
        Ok(Self {
            false_match_rate: settings.false_match_rate,
            accepts_uploads: settings.accepts_uploads,
            accepted: accepted_captures(Some(Capture::LiveBrowser), settings.accepts_uploads),
            references: References {
                store,
                vault,
                factor: KIND,
                format: FORMAT,
            },
            pool,
            models,
            candidates: Candidates::default(),
        })
    }

    fn threshold(&self, pack: &Loaded) -> Result<Threshold, FactorError> {
        Threshold::new(KIND, pack.calibration().clone(), self.false_match_rate)
    }

    /// Reads the samples on the pool.
    async fn probe(&self, presented: Presented) -> Result<Probe, FactorError> {
        let pack = self.models.current();
        let face = pack.face().clone();
        let Presented {
            samples,
            capture,
            dpi: _,
            live,
        } = presented;
        // Nothing can be told of an attack: a demonstration goes on, and its evidence says what it is worth.
        let cannot_tell = !face.looks_for_attacks() && self.accepts_uploads;
        let mut probe = Probe {
            pack: pack.clone(),
            usable: Vec::new(),
            samples: Vec::new(),
            capture,
            bona_fide: None,
            gate: None,
            cues: Vec::new(),
        };
        let gate = live.as_ref().and_then(|live| gate_of(&live.liveness));
        if let Some((gate, cues)) = gate
            && !(cannot_tell && cues == [UNTOLD])
        {
            // Nothing of it is looked at any more.
            return Ok(Probe {
                gate: Some(gate),
                cues,
                ..probe
            });
        }
        let is_live = live.is_some();
        let threshold = self.threshold(&pack)?;
        let read = self
            .pool
            .run("face_extract", move || {
                let read = extract(&face, samples)?;
                let same = match &live {
                    Some(live) => is_one_person(&face, &read.usable, live, &threshold)?,
                    None => true,
                };
                Ok::<_, FactorError>((read, same))
            })
            .await;
        let (read, same) = read.map_err(|e| FactorError::pool(KIND, e))??;
        let judged = read.usable.iter().filter_map(|e| e.observation.bona_fide);
        probe.bona_fide = mean(&judged.collect::<Vec<f32>>());
        probe.usable = read.usable;
        probe.samples = read.samples;
        if !same {
            probe.gate = Some(Gate::PresentationAttack);
            probe.cues.push("same_person");
        } else if is_live && probe.bona_fide.is_none() && !cannot_tell {
            probe.gate = Some(Gate::Framing);
        }
        Ok(probe)
    }

    /// The score of a probe against a reference of an older model, by that model.
    async fn compare_older(
        &self,
        older: &Loaded,
        samples: &[SampleBytes],
        reference: &Template,
    ) -> Result<f64, FactorError> {
        let face = older.face().clone();
        let copies: Vec<SampleBytes> = samples.iter().map(copy).collect();
        let read = self
            .pool
            .run("face_extract", move || extract(&face, copies))
            .await;
        match read.map_err(|e| FactorError::pool(KIND, e))? {
            Ok(read) => Ok(mean_score(&read.usable, reference)),
            // The older detector may find nothing where the newer does: that speaks against nobody.
            Err(FactorError::Unusable(_)) => Ok(f64::NEG_INFINITY),
            Err(error) => Err(error),
        }
    }

    /// The score of a probe against one reference, under the pack that made it; `None` where that pack is gone.
    async fn score(
        &self,
        probe: &Probe,
        known: &Reference,
    ) -> Result<Option<(f64, Arc<Loaded>)>, FactorError> {
        let reference = Template::from_bytes(&known.plain)
            .map_err(|e| FactorError::Internal(KIND, e.into()))?;
        if probe.pack.face().model() == reference.model() {
            let score = mean_score(&probe.usable, &reference);
            return Ok(Some((score, probe.pack.clone())));
        }
        let found = self.models.that_makes(reference.model()).await;
        let older = match found {
            Ok(Some(older)) => older,
            Ok(None) => return Ok(None),
            Err(error) => return Err(FactorError::Internal(KIND, error.into())),
        };
        let score = self.compare_older(&older, &probe.samples, &reference);
        Ok(Some((score.await?, older)))
    }

    /// What is said of a probe whatever the outcome.
    fn about(&self, probe: &Probe, evidence: Evidence) -> Evidence {
        Evidence {
            presentation_attack: probe.bona_fide,
            quality: probe.usable.iter().map(|e| e.quality).max(),
            capture: Some(probe.capture),
            model: Some(probe.pack.face().model().to_owned()),
            gate: probe.gate,
            cues: probe.cues.iter().map(|cue| (*cue).to_owned()).collect(),
            demonstration: probe.pack.is_demonstration_only(),
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
        let threshold = self.threshold(&probe.pack)?;
        let reference = reference(&templates, &threshold)?;
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
        let references = self.references.open_any(&ceremony).await?;
        let mut best: Option<(f64, Arc<Loaded>, CredentialId)> = None;
        for known in &references {
            if let Some((score, pack)) = self.score(&probe, known).await?
                && best.as_ref().is_none_or(|(highest, ..)| score > *highest)
            {
                best = Some((score, pack, known.credential));
            }
        }
        let Some((score, pack, credential)) = best else {
            if !references.is_empty() {
                return Err(FactorError::Refused(OTHER_MODEL.into()));
            }
            return Ok(self.about(&probe, Evidence::no_match(KIND, ceremony.now)));
        };
        let threshold = self.threshold(&pack)?;
        let matches = threshold.accepts(score)
            && self
                .references
                .store
                .use_credential(credential, None, ceremony.now)
                .await?;
        let evidence = if matches {
            Evidence::matched(KIND, [Amr::Face], credential, ceremony.now)
        } else {
            Evidence::compared(KIND, [Amr::Face], credential, ceremony.now)
        };
        let about = self.about(&probe, evidence);
        let evidence = Evidence {
            llr: Some(threshold.llr(score)),
            weight: threshold.weigh(score),
            demonstration: about.demonstration || pack.is_demonstration_only(),
            // Which model judged, where it is not the one in use.
            model: Some(pack.face().model().to_owned()),
            ..about
        };
        let is_older = pack.face().model() != probe.pack.face().model();
        if matches && is_older {
            let threshold = self.threshold(&probe.pack)?;
            let templates: Vec<Template> = probe.usable.into_iter().map(|e| e.template).collect();
            // Frames that do not agree make no reference: the next login brings others.
            if let Ok(newer) = reference(&templates, &threshold) {
                self.candidates.hold(credential, ceremony.now, newer);
            }
        }
        Ok(evidence)
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
        let known = self.references.open_any(&ceremony).await?;
        let Some(old) = known.into_iter().find(|k| k.credential == credential) else {
            return Ok(false);
        };
        self.references
            .reseal(ceremony.subject, &old.row, newer.model(), &newer.to_bytes())
            .await
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

/// The samples that can be used, and what was read of each.
struct Read {
    usable: Vec<Extraction>,
    samples: Vec<SampleBytes>,
}

/// What the samples that can be used hold; where none can, why the first cannot.
fn extract(face: &FacePipeline, samples: Vec<SampleBytes>) -> Result<Read, FactorError> {
    let mut read = Read {
        usable: Vec::with_capacity(samples.len()),
        samples: Vec::with_capacity(samples.len()),
    };
    let mut obstacle = None;
    for sample in samples.into_iter().take(MOST_SAMPLES) {
        let image = match RgbImage::decode(&sample.bytes, &Limits::default()) {
            Ok(image) => image,
            Err(error) => {
                obstacle.get_or_insert_with(|| error.into());
                continue;
            }
        };
        match face.template(&image) {
            Ok(extraction) => {
                read.usable.push(extraction);
                read.samples.push(sample);
            }
            Err(error) if error.is_unusable() => {
                obstacle.get_or_insert_with(|| FactorError::Unusable(advice(&error)));
            }
            Err(error) => return Err(FactorError::Internal(KIND, error.into())),
        }
    }
    match obstacle {
        Some(obstacle) if read.usable.is_empty() => Err(obstacle),
        _ => Ok(read),
    }
}

/// Another copy of a sample, wiped like the first.
fn copy(sample: &SampleBytes) -> SampleBytes {
    SampleBytes {
        bytes: sample.bytes.clone(),
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
    threshold: &Threshold,
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
    match templates.first().map(Template::measure) {
        // The watch's own measure is of cosines.
        Some(Measure::Cosine) | None => Ok(same_person(&templates)),
        Some(Measure::Euclidean) => Ok(templates.iter().all(|one| {
            let others = templates.iter().filter(|other| !std::ptr::eq(one, *other));
            let scores: Vec<f64> = others.map(|other| compare(one, other)).collect();
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            scores.is_empty() || !threshold.is_strange(mean)
        })),
    }
}

/// The mean score of the frames, the least where there are none. The best of them would be accepted by chance more often
/// than the policy states.
fn mean_score(probes: &[Extraction], reference: &Template) -> f64 {
    if probes.is_empty() {
        return f64::NEG_INFINITY;
    }
    // A comparison of 128 numbers: not worth a place on the pool.
    let scores = probes.iter().map(|e| compare(&e.template, reference));
    scores.sum::<f64>() / probes.len() as f64
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
pub(super) const FORMAT: &str = "whorl-face-template-1";
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
/// The cue that has nothing to say under a pack without attack networks.
const UNTOLD: &str = "texture";
const DIFFERENT: &str =
    "These pictures do not seem to show one person. Take new ones, one after another.";
