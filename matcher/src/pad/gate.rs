//! The gate: what each cue found, joined into one yes or no.
//!
//! A cue has a value beyond which no person's figure should lie: it refuses by itself. Between that and the
//! usual, cues add up: each gives evidence for or against a person, at most [`MOST_EVIDENCE`] either way,
//! and the sum has to reach [`LEAST_SUM`]. A silent cue gives none, and some must not be silent. The table
//! of cues is [`RULES`]; nothing here adds to a comparison score.

use super::answer::{Answer, Miss};
use super::depth;
use super::freshness::Freshness;
use super::motion;
use super::params::{LEAST_SUM, MOST_EVIDENCE, RULES};
use super::reflection;
use super::surroundings::Surroundings;
use super::trace::Trace;
use super::{continuity, moire, sharpness, texture, turn};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cue {
    /// The passive networks' mean answer, 0 to 1.
    Texture,
    /// 1 where the skin threw back the screen's colours, each told among all; else the share that it did.
    Colours,
    /// How strong the screen's light is on the skin, as a share of the room's.
    Reflection,
    /// How far the face turned as a head does: 0 a plane, 1 a common head.
    Depth,
    /// How far nose and mouth turned, as a share of what the whole face did.
    Whole,
    /// Whether the background moved with the face: -1 it stayed, +1 it moved.
    Surroundings,
    /// The strongest single frequency in skin, powers of ten over the median.
    Moire,
    /// Fine over coarse detail of the face.
    Sharpness,
    /// Repeated frames.
    Freshness,
    /// The fastest turn of the head, degrees a second.
    Turning,
    /// The fastest shift of the face, widths a second.
    Shifting,
    /// The share of frames with another face, or after which the face was elsewhere.
    Continuity,
    /// Tries beyond the first that the challenges took.
    Tries,
}

/// What one cue found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CueResult {
    /// In the cue's own unit; `None` where the capture does not hold what it looks at.
    pub figure: Option<f64>,
    /// For a person above 0, against below.
    pub evidence: f64,
    /// Whether it refuses by itself.
    pub refuses: bool,
}

/// How a cue's figure is read.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The cue.
    pub cue: Cue,
    /// The figure beyond which it refuses by itself.
    pub refuse: f64,
    /// The figure that is no evidence.
    pub even: f64,
    /// Evidence a unit of the figure; negative where a lower figure is a person's. The sign also says on
    /// which side of `refuse` it refuses.
    pub slope: f64,
    /// Whether a capture without the figure is refused.
    pub must: bool,
}

/// Why a capture is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No good frames in a row came in time.
    NotFramed,
    /// A challenge, by its number, was missed as often as it may be tried.
    NotAnswered(usize, Miss),
    /// A frame is not later than the one before it, or not at a time at all.
    TimeRunsBack,
    /// The page claims to have shown what it was not told to.
    OutOfStep,
    /// The page did not show what it was told to.
    NotShown,
    /// More frames than a capture takes.
    TooManyFrames,
    /// The whole capture took too long.
    TooLong,
    /// The face was gone for too long.
    FaceLost,
    /// The capture is not over.
    NotFinished,
    /// An enrolment with fewer good frames of different pose than it takes.
    TooFewPoses,
    /// A cue refuses by itself.
    Cue(Cue),
    /// A cue that has to has nothing to say.
    Silent(Cue),
    /// Nothing refuses by itself, but all together speak against a person.
    Sum,
}

/// The decision on a capture, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether a person was there.
    pub live: bool,
    /// Every cue, in the order of the rules.
    pub cues: Vec<(Cue, CueResult)>,
    /// The sum of the evidence.
    pub sum: f64,
    /// Why not; empty when live.
    pub reasons: Vec<Refusal>,
}

/// All that the cues look at.
pub(super) struct Evidence<'a> {
    pub(super) frames: &'a [Trace],
    pub(super) surroundings: &'a Surroundings,
    pub(super) freshness: &'a Freshness,
    pub(super) answers: &'a [Answer],
}

impl Cue {
    /// Its name, for reports and audits.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Texture => "texture",
            Self::Colours => "colours",
            Self::Reflection => "reflection",
            Self::Depth => "depth",
            Self::Whole => "whole",
            Self::Surroundings => "surroundings",
            Self::Moire => "moire",
            Self::Sharpness => "sharpness",
            Self::Freshness => "freshness",
            Self::Turning => "turning",
            Self::Shifting => "shifting",
            Self::Continuity => "continuity",
            Self::Tries => "tries",
        }
    }
}

impl Refusal {
    /// Its name, for reports and audits.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFramed => "not_framed",
            Self::NotAnswered(_, Miss::TooLate) => "answer_too_late",
            Self::NotAnswered(_, Miss::TooEarly) => "answer_too_early",
            Self::NotAnswered(_, Miss::Wrong) => "answer_wrong",
            Self::TimeRunsBack => "time_runs_back",
            Self::OutOfStep => "out_of_step",
            Self::NotShown => "not_shown",
            Self::TooManyFrames => "too_many_frames",
            Self::TooLong => "too_long",
            Self::FaceLost => "face_lost",
            Self::NotFinished => "not_finished",
            Self::TooFewPoses => "too_few_poses",
            Self::Cue(cue) | Self::Silent(cue) => cue.name(),
            Self::Sum => "sum",
        }
    }
}

impl Evidence<'_> {
    fn figure(&self, cue: Cue) -> Option<f64> {
        let frames = self.frames;
        match cue {
            Cue::Texture => texture::figure(frames),
            Cue::Colours => reflection::figures(frames).map(|r| r.told()),
            Cue::Reflection => reflection::figures(frames).map(|r| r.strength),
            Cue::Depth => depth::figure(frames),
            Cue::Whole => turn::whole(frames),
            Cue::Surroundings => self.surroundings.figure(),
            Cue::Moire => moire::figure(frames),
            Cue::Sharpness => sharpness::figure(frames),
            Cue::Freshness => self.freshness.figure(),
            Cue::Turning => motion::figures(frames).map(|m| m.turn_deg_s),
            Cue::Shifting => motion::figures(frames).map(|m| m.widths_s),
            Cue::Continuity => continuity::figure(frames),
            Cue::Tries => {
                let extra = self.answers.iter().map(|a| a.tries - 1).sum::<usize>();
                Some(extra as f64)
            }
        }
        .filter(|figure| figure.is_finite())
    }

    /// Joins the cues; `failed` are the reasons that are already known.
    pub(super) fn judge(&self, failed: Vec<Refusal>) -> Verdict {
        let mut verdict = Verdict {
            live: false,
            cues: Vec::with_capacity(RULES.len()),
            sum: 0.0,
            reasons: failed,
        };
        for rule in &RULES {
            let result = rule.read(self.figure(rule.cue));
            verdict.sum += result.evidence;
            if result.refuses {
                verdict.reasons.push(Refusal::Cue(rule.cue));
            } else if rule.must && result.figure.is_none() {
                verdict.reasons.push(Refusal::Silent(rule.cue));
            }
            verdict.cues.push((rule.cue, result));
        }
        if verdict.reasons.is_empty() && verdict.sum < LEAST_SUM {
            verdict.reasons.push(Refusal::Sum);
        }
        verdict.live = verdict.reasons.is_empty();
        verdict
    }
}

impl Rule {
    fn read(&self, figure: Option<f64>) -> CueResult {
        let Some(value) = figure else {
            return CueResult {
                figure,
                evidence: 0.0,
                refuses: false,
            };
        };
        CueResult {
            figure,
            evidence: ((value - self.even) * self.slope).clamp(-MOST_EVIDENCE, MOST_EVIDENCE),
            refuses: (value - self.refuse) * self.slope.signum() < 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_either_way() {
        let high = Rule {
            cue: Cue::Depth,
            refuse: 0.2,
            even: 0.5,
            slope: 4.0,
            must: true,
        };
        assert!(high.read(Some(0.1)).refuses && !high.read(Some(0.3)).refuses);
        assert!(high.read(Some(0.3)).evidence < 0.0 && high.read(Some(0.7)).evidence > 0.0);
        assert!(high.read(Some(99.0)).evidence <= MOST_EVIDENCE);
        let low = Rule {
            slope: -4.0,
            refuse: 0.9,
            ..high
        };
        assert!(low.read(Some(1.0)).refuses && !low.read(Some(0.3)).refuses);
        assert!(low.read(Some(0.3)).evidence > 0.0);
        let silent = high.read(None);
        assert!(!silent.refuses && silent.evidence == 0.0);
    }

    #[test]
    fn every_cue_has_one_rule_with_its_own_name() {
        let mut names: Vec<&str> = RULES.iter().map(|r| r.cue.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
        for rule in RULES {
            let usual = rule.read(Some(rule.even));
            assert!(!usual.refuses, "{:?} refuses what is no evidence", rule.cue);
        }
    }
}
