//! The watch: one capture as it goes on. It frames the face, shows the prompts of the script one after
//! the other, judges the answers, says what to do better, and in the end gives the verdict. Before each
//! challenge but the first, and before a second try, the screen takes some colours, and the head comes back.
//!
//! When what is shown depends on what was seen and on the kind of challenge under way, and on nothing else of
//! the script. So whatever a film shows, it has one row of answers (`watch/film.rs`).
//!
//! The caller brings each frame with the time at which it came, what the page says was on the screen, and
//! what the pipeline saw; it passes on what is to be shown and said. Times, turns and memory are bounded:
//! whatever comes in whatever order, the watch ends.

use super::super::face::params::LANDMARK_COUNT;
use super::album::{Album, Change, Kept, is_straight};
use super::answer::{Answer, Head, Miss, Progress, Stand, Try};
use super::challenge::{Colour, Script, Shown};
use super::freshness::{Freshness, Novelty};
use super::gate::{Evidence, Refusal, Verdict};
use super::neutral::{Framed, Neutral};
use super::params::{
    CAPTURE_LIMIT_S, ENROL_LEAST_POSES, FRAMING_FRAMES, FRAMING_LIMIT_S, FRAMING_MOST_SPREAD_DEG,
    FRAMING_S, KEEP_LEAST_EYES, MORE_COLOURS, MOST_ABSENCE_S, MOST_FRAMES, MOST_OUT_OF_STEP,
    MOST_TRIES, REST_COLOURS, SHOW_LIMIT_S,
};
use super::reflection;
use super::sight::Sight;
use super::surroundings::Surroundings;
use super::trace::Trace;
use crate::face::{Guidance, guidance};
use crate::sample::RgbImage;

/// What a capture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To be compared with a reference.
    Verification,
    /// To become a reference: frames of at least three poses are needed.
    Enrolment,
}

/// One frame.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// When it came, seconds since the capture began, by the server's clock.
    pub at_s: f64,
    /// What was on the screen when it was filmed, as the page says.
    pub shown: Shown,
    /// Its pixels.
    pub image: &'a RgbImage,
    /// What the pipeline saw, or what the person can do about it.
    pub seen: Result<&'a Sight, Guidance>,
}

/// Where a capture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The face is being framed.
    Framing,
    /// The challenge of this number, from 0, is under way.
    Challenge(usize),
    /// Every challenge was answered: the verdict says the rest.
    Done,
    /// The capture has ended without an answer; a new one needs a new script.
    Failed(Refusal),
}

/// What a frame led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What to say.
    pub guidance: Guidance,
    /// What the page must show from now on.
    pub shown: Shown,
    /// Where the capture stands.
    pub phase: Phase,
    /// Why the present challenge is asked once more, from the miss until its next prompt is answered.
    pub again: Option<Miss>,
    /// Whether the frame is one of the best so far: then the caller keeps its bytes. Frames have the
    /// numbers 0, 1, 2 and so on in the order in which they were taken.
    pub keeps: bool,
    /// The frame that need not be kept any longer.
    pub drops: Option<usize>,
}

/// One capture as it goes on.
pub struct Watch {
    script: Script,
    purpose: Purpose,
    phase: Phase,
    /// What the page must show, and since when.
    shown: Shown,
    issued_s: f64,
    /// What the page may still be showing: its last screen, and those that it was told since.
    earlier: Vec<Shown>,
    out_of_step: usize,
    taken: usize,
    last_s: f64,
    face_s: f64,
    framed: Vec<Framed>,
    neutral: Option<Neutral>,
    asked: Option<Try>,
    /// Until the next prompt.
    between: Option<Between>,
    /// Colours that were shown.
    coloured: usize,
    head: Head,
    tries: usize,
    first_prompt_s: f64,
    again: Option<Miss>,
    answers: Vec<Answer>,
    frames: Vec<Trace>,
    album: Album,
    freshness: Freshness,
    surroundings: Surroundings,
}

/// The colours between two prompts.
#[derive(Debug, Clone, Default)]
struct Between {
    /// How many are left after the present one.
    left: usize,
    stand: Stand,
}

impl Watch {
    /// A capture that asks this script.
    #[must_use]
    pub fn new(script: Script, purpose: Purpose) -> Self {
        Self {
            script,
            purpose,
            phase: Phase::Framing,
            shown: Shown::default(),
            issued_s: 0.0,
            earlier: Vec::new(),
            out_of_step: 0,
            taken: 0,
            last_s: f64::NEG_INFINITY,
            face_s: 0.0,
            framed: Vec::new(),
            neutral: None,
            asked: None,
            between: None,
            coloured: 0,
            head: Head::default(),
            tries: 1,
            first_prompt_s: 0.0,
            again: None,
            answers: Vec::new(),
            frames: Vec::new(),
            album: Album::default(),
            freshness: Freshness::default(),
            surroundings: Surroundings::default(),
        }
    }

    /// What the page must show now.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.shown
    }

    /// Where the capture stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The answers so far.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// The frames that the caller holds, by their numbers.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        self.album.kept()
    }

    /// Takes the next frame. After the end nothing changes any more.
    pub fn take(&mut self, look: Look<'_>) -> Step {
        let number = self.taken;
        self.taken += 1;
        if self.is_over() {
            return self.step(Guidance::Ready, Change::default());
        }
        if let Some(refusal) = self.bounds(&look) {
            return self.fail(refusal);
        }
        self.last_s = look.at_s;
        if let Some(refusal) = self.in_step(&look) {
            return self.fail(refusal);
        }
        // A frame that was already seen answers nothing; the clock goes on.
        let novelty = self.freshness.take(look.image);
        let sight = match look.seen {
            Ok(sight) if novelty == Novelty::New => sight,
            Ok(sight) => return self.idle(look.at_s, guidance(&sight.observation)),
            Err(guidance) => {
                self.framed.clear();
                return self.idle(look.at_s, guidance);
            }
        };
        self.face_s = look.at_s;
        let says = guidance(&sight.observation);
        match self.phase {
            Phase::Framing => self.frame(number, &look, sight, says),
            Phase::Challenge(index) => self.challenge(number, &look, sight, says, index),
            Phase::Done | Phase::Failed(_) => self.step(says, Change::default()),
        }
    }

    /// The verdict on what was seen so far; live only when all is done.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut reasons = Vec::new();
        match self.phase {
            Phase::Done => {
                if self.purpose == Purpose::Enrolment && self.album.poses() < ENROL_LEAST_POSES {
                    reasons.push(Refusal::TooFewPoses);
                }
            }
            Phase::Failed(refusal) => reasons.push(refusal),
            Phase::Framing | Phase::Challenge(_) => reasons.push(Refusal::NotFinished),
        }
        Evidence {
            frames: &self.frames,
            surroundings: &self.surroundings,
            freshness: &self.freshness,
            answers: &self.answers,
        }
        .judge(reasons)
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Failed(_))
    }

    /// What no frame may do, whatever it shows.
    fn bounds(&self, look: &Look<'_>) -> Option<Refusal> {
        // Written so that what is no number is refused.
        let is_later = look.at_s.is_finite() && look.at_s >= 0.0 && look.at_s > self.last_s;
        if !is_later {
            Some(Refusal::TimeRunsBack)
        } else if look.at_s > CAPTURE_LIMIT_S {
            Some(Refusal::TooLong)
        } else if self.taken > MOST_FRAMES {
            Some(Refusal::TooManyFrames)
        } else if self.phase == Phase::Framing && look.at_s > FRAMING_LIMIT_S {
            Some(Refusal::NotFramed)
        } else if self.phase != Phase::Framing && look.at_s - self.face_s > MOST_ABSENCE_S {
            Some(Refusal::FaceLost)
        } else {
            None
        }
    }

    /// Holds the page's claim against what it was told: the last screen until the new one is there, and
    /// never another.
    fn in_step(&mut self, look: &Look<'_>) -> Option<Refusal> {
        if look.shown == self.shown {
            self.earlier.clear();
        } else if let Some(at) = self.earlier.iter().position(|s| *s == look.shown) {
            self.earlier.drain(..at);
            if look.at_s - self.issued_s > SHOW_LIMIT_S {
                return Some(Refusal::NotShown);
            }
        } else {
            self.out_of_step += 1;
            if self.out_of_step > MOST_OUT_OF_STEP {
                return Some(Refusal::OutOfStep);
            }
        }
        None
    }

    /// A frame without an answer: only the time goes on.
    fn idle(&mut self, at_s: f64, says: Guidance) -> Step {
        self.check_time(at_s);
        self.step(says, Change::default())
    }

    fn frame(&mut self, number: usize, look: &Look<'_>, sight: &Sight, says: Guidance) -> Step {
        let pose = sight.observation.pose;
        if says != Guidance::Ready {
            self.framed.clear();
            return self.step(says, Change::default());
        }
        let turn_deg = (pose.yaw_deg, pose.pitch_deg);
        self.surroundings
            .take(look.at_s, look.image, &sight.observation.face);
        self.frames
            .push(Trace::of(sight, look.at_s, look.shown, None, turn_deg));
        self.framed.push(Framed::of(sight, look.at_s));
        // Only straight looks at the camera get here, so they count as straight.
        let change = self
            .album
            .offer(number, sight.observation.quality, (0.0, 0.0));
        if let Some(neutral) = self.rest() {
            self.neutral = Some(neutral);
            self.framed.clear();
            self.first_prompt_s = look.at_s;
            self.begin(0, look.at_s);
        }
        self.step(says, change)
    }

    /// The person at rest, once enough good frames in a row agree; else the oldest of them is forgotten.
    fn rest(&mut self) -> Option<Neutral> {
        let first = self.framed.first()?;
        let last = self.framed.last()?;
        if self.framed.len() < FRAMING_FRAMES || last.at_s - first.at_s < FRAMING_S {
            return None;
        }
        let spread = |of: fn(&Framed) -> f64| {
            let values = || self.framed.iter().map(of);
            values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
        };
        let calm = spread(|f| f.yaw_deg).max(spread(|f| f.pitch_deg)) <= FRAMING_MOST_SPREAD_DEG;
        if !calm {
            self.framed.remove(0);
            return None;
        }
        Neutral::of(&self.framed)
    }

    fn challenge(
        &mut self,
        number: usize,
        look: &Look<'_>,
        sight: &Sight,
        says: Guidance,
        index: usize,
    ) -> Step {
        let seen = &sight.observation;
        let gesture = Neutral::gesture(self.neutral.as_ref(), sight);
        self.head.take(&gesture);
        self.surroundings.take(look.at_s, look.image, &seen.face);
        self.frames.push(Trace::of(
            sight,
            look.at_s,
            look.shown,
            Some(index),
            Neutral::five_points_turn_deg(self.neutral.as_ref(), sight),
        ));
        let says = while_moving(says);
        if says == Guidance::OnePersonOnly {
            return self.idle(look.at_s, says);
        }
        let mut change = None;
        if look.shown != self.shown {
            // The page does not show it yet.
        } else if let Some(between) = &mut self.between {
            if between.stand.has_stood(look.at_s) {
                self.go_on(index, look.at_s);
            }
        } else if let Some(asked) = &mut self.asked {
            match asked.take(look.at_s, &gesture, &mut self.head) {
                Progress::Waiting => {}
                Progress::Next => {
                    asked.advance(look.at_s);
                    self.prompt(look.at_s);
                }
                Progress::Answered => {
                    change = Some(
                        self.album
                            .answer(number, seen.quality, gesture.turn_deg, index),
                    );
                    self.answered(index, look.at_s);
                }
                Progress::Missed(miss) => self.missed(miss, look.at_s),
            }
        }
        self.check_time(look.at_s);
        // A frame under coloured light is not like the others, and only an enrolment needs turned ones.
        let is_straight = is_straight(gesture.turn_deg);
        let has_eyes = gesture.eyes.is_none_or(|e| e.eyes >= KEEP_LEAST_EYES);
        let is_wanted = says == Guidance::Ready
            && (has_eyes || !is_straight)
            && match self.purpose {
                Purpose::Verification => is_straight && look.shown.colour.is_none(),
                // Who shuts his eyes on request turns to the dot's places only.
                Purpose::Enrolment => {
                    look.shown.colour.is_none() || look.shown.dot.is_some() && !is_straight
                }
            };
        let change = match change {
            Some(change) => change,
            None if is_wanted => self.album.offer(number, seen.quality, gesture.turn_deg),
            None => Change::default(),
        };
        self.step(says, change)
    }

    fn answered(&mut self, index: usize, at_s: f64) {
        self.answers.push(Answer {
            challenge: index,
            tries: self.tries,
            took_s: at_s - self.first_prompt_s,
        });
        self.again = None;
        self.tries = 1;
        self.first_prompt_s = at_s;
        self.asked = None;
        let is_last = index + 1 == self.script.challenges().len();
        if !is_last {
            self.rest_before(index + 1, REST_COLOURS, at_s);
        } else if reflection::figures(&self.frames).is_some_and(|r| r.is_right()) {
            self.done(at_s);
        } else {
            // Once more, now that the head comes back.
            self.rest_before(index, MORE_COLOURS, at_s);
        }
    }

    fn done(&mut self, at_s: f64) {
        self.phase = Phase::Done;
        self.show(Shown::default(), at_s);
    }

    fn missed(&mut self, miss: Miss, at_s: f64) {
        let Phase::Challenge(index) = self.phase else {
            return;
        };
        self.asked = None;
        if self.tries == MOST_TRIES {
            self.phase = Phase::Failed(Refusal::NotAnswered(index, miss));
            self.show(Shown::default(), at_s);
            return;
        }
        self.tries += 1;
        self.again = Some(miss);
        self.rest_before(index, REST_COLOURS, at_s);
    }

    /// Shows so many colours, which come before a challenge or the end.
    fn rest_before(&mut self, index: usize, left: usize, at_s: f64) {
        self.phase = Phase::Challenge(index);
        self.between = Some(Between {
            left,
            stand: Stand::default(),
        });
        self.go_on(index, at_s);
    }

    /// The next colour between two challenges; after the last one the challenge.
    fn go_on(&mut self, index: usize, at_s: f64) {
        match self.between.take() {
            Some(Between { left, .. }) if left > 0 => {
                self.between = Some(Between {
                    left: left - 1,
                    stand: Stand::default(),
                });
                let colour = self.next_colour();
                self.show(
                    Shown {
                        colour,
                        ..Shown::default()
                    },
                    at_s,
                );
            }
            _ if self.answers.len() == self.script.challenges().len() => self.done(at_s),
            _ => self.begin(index, at_s),
        }
    }

    /// Begins a try of a challenge.
    fn begin(&mut self, index: usize, at_s: f64) {
        let Some(challenge) = self.script.challenges().get(index) else {
            return;
        };
        self.phase = Phase::Challenge(index);
        self.between = None;
        self.asked = Some(Try::new(*challenge, at_s));
        self.prompt(at_s);
    }

    /// Shows what is asked.
    fn prompt(&mut self, at_s: f64) {
        let Some(mut shown) = self.asked.as_ref().map(Try::shown) else {
            return;
        };
        if shown.dot.is_some() {
            shown.colour = self.next_colour();
        }
        self.show(shown, at_s);
    }

    fn next_colour(&mut self) -> Option<Colour> {
        let colours = self.script.colours();
        let next = colours.get(self.coloured % colours.len()).copied();
        self.coloured += 1;
        next
    }

    fn check_time(&mut self, at_s: f64) {
        if self.asked.as_ref().is_some_and(|a| a.is_late(at_s)) {
            self.missed(Miss::TooLate, at_s);
        }
    }

    fn show(&mut self, shown: Shown, at_s: f64) {
        if shown != self.shown {
            self.earlier.push(self.shown);
            self.shown = shown;
            self.issued_s = at_s;
        }
    }

    fn fail(&mut self, refusal: Refusal) -> Step {
        self.phase = Phase::Failed(refusal);
        self.asked = None;
        self.show(Shown::default(), self.last_s);
        self.step(Guidance::Ready, Change::default())
    }

    fn step(&self, guidance: Guidance, change: Change) -> Step {
        Step {
            guidance,
            shown: self.shown,
            phase: self.phase,
            again: self.again,
            keeps: change.keeps,
            drops: change.drops,
        }
    }
}

/// During the challenges the head turns and the light changes, as asked.
fn while_moving(says: Guidance) -> Guidance {
    match says {
        Guidance::LookStraight
        | Guidance::HoldStill
        | Guidance::ShowWholeFace
        | Guidance::TurnToLight
        | Guidance::TooBright
        | Guidance::Centre
        | Guidance::Ready => Guidance::Ready,
        Guidance::NoFace | Guidance::OnePersonOnly | Guidance::ComeCloser | Guidance::MoveBack => {
            says
        }
    }
}

/// Frames hold the 68 points in a box each; a capture's all fit into a few megabytes.
const _: () = assert!(MOST_FRAMES * LANDMARK_COUNT * 16 < 4 << 20);

#[cfg(test)]
mod film;
#[cfg(test)]
mod tests;
