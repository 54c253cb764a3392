//! One capture as it goes on: its key, its frames in their order, what was shown, and what is kept.

use std::collections::BTreeMap;

use matcher::face::Guidance;
use matcher::pad::album::Place;
use matcher::pad::{Kept as Best, Look, Phase, Purpose, Refusal, Script, Shown, Sight, Watch};
use matcher::sample::RgbImage;
use time::OffsetDateTime;
use tokio::sync::OwnedSemaphorePermit;
use zeroize::Zeroizing;

use super::CaptureError;
use super::key::{PageKey, SignatureError};
use super::message::{Frame, Hello};
use super::repeat::Digests;
use super::reply::Reply;
use crate::factors::{LiveCapture, Liveness, SampleBytes};

/// One live capture's memory; all of it is wiped when it ends.
pub(super) struct Session {
    watch: Watch,
    purpose: Purpose,
    steps: usize,
    key: Option<PageKey>,
    sequence: u32,
    /// What the page was told to show, by number; the last is the present one.
    shown: Vec<Shown>,
    /// The number that the last frame named.
    cue: u32,
    captured_us: u64,
    began_at: OffsetDateTime,
    /// Frames that the watch has taken.
    taken: usize,
    kept: BTreeMap<usize, Kept>,
    digests: Vec<Digests>,
    ended: bool,
}

/// A frame that is kept, and its share of the memory for all of them.
struct Kept {
    jpeg: Zeroizing<Vec<u8>>,
    digests: Digests,
    _room: OwnedSemaphorePermit,
}

/// A frame that may be looked at.
pub(super) struct Admitted {
    at_s: f64,
    shown: Shown,
}

/// What was found in an admitted frame.
pub(super) struct Seen<'a> {
    pub(super) image: &'a RgbImage,
    /// The face, or what its holder can do that there is one.
    pub(super) seen: Result<Sight, Guidance>,
    /// The face's box as shares of the frame: left, top, width, height.
    pub(super) place: Option<[f64; 4]>,
    pub(super) digests: Digests,
    pub(super) jpeg: Zeroizing<Vec<u8>>,
    pub(super) room: OwnedSemaphorePermit,
}

impl Session {
    pub(super) fn new(script: Script, purpose: Purpose, now: OffsetDateTime) -> Self {
        let watch = Watch::new(script, purpose);
        Self {
            steps: script.challenges().len(),
            shown: vec![watch.shown()],
            watch,
            purpose,
            key: None,
            sequence: 0,
            cue: 0,
            captured_us: 0,
            began_at: now,
            taken: 0,
            kept: BTreeMap::new(),
            digests: Vec::new(),
            ended: false,
        }
    }

    /// Takes the page's key: once, and before any frame.
    pub(super) fn introduce(
        &mut self,
        nonce: &str,
        hello: &Hello<'_>,
        now: OffsetDateTime,
    ) -> Result<Reply, CaptureError> {
        if self.key.is_some() {
            return Err(CaptureError::OutOfOrder);
        }
        self.key = Some(PageKey::introduce(nonce, hello)?);
        self.began_at = now;
        Ok(Reply::first(self.steps, self.cue(), self.watch.shown()))
    }

    /// Lets a frame in: signed by the page's key, the next in its order, of something that the page was told to show.
    pub(super) fn admit(
        &mut self,
        frame: &Frame<'_>,
        now: OffsetDateTime,
    ) -> Result<Admitted, CaptureError> {
        if self.ended || self.sequence >= MOST_FRAMES {
            return Err(CaptureError::Gone);
        }
        if frame.sequence != self.sequence + 1 || frame.captured_us < self.captured_us {
            return Err(CaptureError::OutOfOrder);
        }
        // Back to what was shown before, or ahead to what never was.
        let shown = self.shown.get(frame.cue as usize);
        let Some(shown) = shown.filter(|_| frame.cue >= self.cue) else {
            return Err(CaptureError::OutOfOrder);
        };
        let admitted = Admitted {
            at_s: (now - self.began_at).as_seconds_f64(),
            shown: *shown,
        };
        self.key.as_mut().ok_or(SignatureError)?.check(frame)?;
        self.sequence = frame.sequence;
        self.captured_us = frame.captured_us;
        self.cue = frame.cue;
        Ok(admitted)
    }

    /// Takes in what an admitted frame shows, and keeps it where it is wanted.
    pub(super) fn take(&mut self, admitted: &Admitted, frame: Seen<'_>) -> Reply {
        let step = self.watch.take(Look {
            at_s: admitted.at_s,
            shown: admitted.shown,
            image: frame.image,
            seen: frame.seen.as_ref().map_err(|guidance| *guidance),
        });
        let number = self.taken;
        self.taken += 1;
        if let Some(dropped) = step.drops {
            self.kept.remove(&dropped);
        }
        if frame.seen.is_ok() {
            self.digests.push(frame.digests.clone());
        }
        if step.keeps && self.kept.len() < MOST_KEPT {
            let kept = Kept {
                jpeg: frame.jpeg,
                digests: frame.digests,
                _room: frame.room,
            };
            self.kept.insert(number, kept);
        }
        if self.shown.last() != Some(&step.shown) {
            self.shown.push(step.shown);
        }
        self.ended = matches!(step.phase, Phase::Done | Phase::Failed(_));
        Reply::of(&step, frame.place, self.steps, self.cue())
    }

    /// Whether the watch has come to its end, well or not.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Digests of every frame with a face in it.
    pub(super) fn digests(&self) -> Vec<String> {
        self.digests.iter().flat_map(Digests::each).collect()
    }

    /// Digests of the frames that were kept.
    pub(super) fn kept_digests(&self) -> Vec<String> {
        let kept = self.kept.values();
        let mut all: Vec<String> = kept.flat_map(|kept| kept.digests.each()).collect();
        // One picture may have come twice, and be kept for two reasons.
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Hands over the frames and the verdict; `repeated` says that a sample was seen before.
    pub(super) fn finish(&mut self, repeated: bool) -> LiveCapture {
        let verdict = self.watch.verdict();
        let best = self.watch.kept().to_vec();
        let wanted = to_compare(self.purpose, &best);
        let mut taken = |numbers: Vec<usize>| -> Vec<SampleBytes> {
            let kept = numbers.iter().filter_map(|n| self.kept.remove(n));
            kept.map(|kept| SampleBytes { bytes: kept.jpeg }).collect()
        };
        let samples = taken(wanted);
        let answers = taken(
            best.iter()
                .filter(|kept| kept.answers.is_some())
                .map(|kept| kept.frame)
                .collect(),
        );
        let liveness = match verdict.reasons.as_slice() {
            [] if repeated => Liveness::Repeated,
            [] => Liveness::Live,
            // Nothing was asked yet, or all was answered: a person who does it better is let in.
            [Refusal::NotFramed] => Liveness::NotFramed,
            [Refusal::TooFewPoses] if !repeated => Liveness::TooFewPoses,
            reasons => {
                let known = repeated.then_some("repeated");
                let cues = reasons.iter().map(|reason| reason.name());
                Liveness::Attack {
                    cues: cues.chain(known).collect(),
                }
            }
        };
        LiveCapture {
            samples,
            answers,
            liveness,
        }
    }

    fn cue(&self) -> u32 {
        u32::try_from(self.shown.len() - 1).unwrap_or(u32::MAX)
    }
}

/// Frames of one capture: its whole time at fifteen a second.
const MOST_FRAMES: u32 = 1_500;
/// Frames kept at once: for each direction of an enrolment, and for each challenge.
const MOST_KEPT: usize = 16;

/// The frames that are compared, or enrolled: for a verification the straight ones, for an enrolment the best of each pose.
fn to_compare(purpose: Purpose, best: &[Best]) -> Vec<usize> {
    let straight = || {
        let of = |kept: &&Best| kept.place == Place::Straight && kept.answers.is_none();
        best.iter().filter(of)
    };
    match purpose {
        Purpose::Verification => straight().map(|kept| kept.frame).collect(),
        Purpose::Enrolment => {
            let ahead = straight().max_by_key(|kept| kept.quality);
            let turned = (0..QUARTERS).filter_map(|quarter| {
                let of = |kept: &&Best| kept.place == Place::Turned(quarter);
                best.iter().filter(of).max_by_key(|kept| kept.quality)
            });
            let chosen = ahead.into_iter().chain(turned);
            chosen.map(|kept| kept.frame).collect()
        }
    }
}

/// Directions in which a head may be turned.
const QUARTERS: usize = 4;
