//! What a capture asks for, as a pure decision over what each frame shows.
//!
//! A login wants two good frames. An enrolment wants three of slightly different pose, because a
//! reference made of them is compared better; whoever cannot or will not turn is not held up: after a few
//! seconds without a gain any good frame is taken.

use matcher::face::{Guidance, Observation, guidance};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::guidance::{name, text};

/// What the capture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A probe.
    Login,
    /// A reference.
    Enrol,
}

/// What the page is told after each frame. No score is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    pub guidance: &'static str,
    pub text: &'static str,
    /// Whether this frame was taken.
    pub ok: bool,
    pub captured: usize,
    pub needed: usize,
    pub done: bool,
    /// When the next frame is wanted.
    pub next_ms: u32,
    /// Where the face is, as shares of the frame: left, top, width, height.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 4]>,
}

/// What a frame shows.
pub(super) enum Seen {
    Nobody(Guidance),
    Face {
        observation: Box<Observation>,
        at: [f64; 4],
    },
}

/// What was taken so far.
pub(super) struct Progress {
    pub(super) mode: Mode,
    /// The yaw of each frame that was taken, degrees.
    pub(super) yaws: Vec<f64>,
    /// When the last one was taken, or the capture began.
    pub(super) gained_at: OffsetDateTime,
}

/// Whether a frame is taken, and what to say.
pub(super) struct Verdict {
    pub(super) takes: bool,
    name: &'static str,
    text: &'static str,
}

impl Progress {
    pub(super) fn needed(&self) -> usize {
        match self.mode {
            Mode::Login => 2,
            Mode::Enrol => 3,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.yaws.len() >= self.needed()
    }

    /// Judges a frame.
    pub(super) fn judge(&self, seen: &Seen, now: OffsetDateTime) -> Verdict {
        let say = |guidance| Verdict {
            takes: false,
            name: name(guidance),
            text: text(guidance),
        };
        let seen = match seen {
            Seen::Nobody(guidance) => return say(*guidance),
            Seen::Face { observation, .. } => observation,
        };
        let asked = guidance(seen);
        let turn = self.turn_wanted(now);
        let is_turning = turn.is_some() && seen.pose.yaw_deg.abs() <= FARTHEST_TURN_DEG;
        match asked {
            Guidance::Ready => {}
            // Asked to turn, and turned: a straight look is not what is wanted.
            Guidance::LookStraight if is_turning && is_level(seen) => {}
            Guidance::NoFace
            | Guidance::OnePersonOnly
            | Guidance::ComeCloser
            | Guidance::MoveBack
            | Guidance::Centre
            | Guidance::TurnToLight
            | Guidance::TooBright
            | Guidance::LookStraight
            | Guidance::HoldStill => return say(asked),
        }
        if seen.bona_fide.is_none() {
            // The face fills the frame so far that nothing can be said of its surroundings.
            return say(Guidance::MoveBack);
        }
        match turn {
            Some(turn) if !turn.is_done(seen.pose.yaw_deg) => Verdict {
                takes: false,
                name: "turn",
                text: turn.text(),
            },
            Some(_) | None => Verdict {
                takes: true,
                name: name(Guidance::Ready),
                text: text(Guidance::Ready),
            },
        }
    }

    pub(super) fn reply(&self, verdict: &Verdict, seen: &Seen) -> Reply {
        let at = match seen {
            Seen::Nobody(_) => None,
            Seen::Face { at, .. } => Some(*at),
        };
        Reply {
            guidance: verdict.name,
            text: verdict.text,
            ok: verdict.takes,
            captured: self.yaws.len(),
            needed: self.needed(),
            done: self.is_done(),
            next_ms: if verdict.takes {
                AFTER_GAIN_MS
            } else {
                BETWEEN_MS
            },
            at,
        }
    }

    /// The turn of the head that the next frame should show; none once patience has run out.
    fn turn_wanted(&self, now: OffsetDateTime) -> Option<Turn> {
        if self.mode == Mode::Login || now - self.gained_at > PATIENCE {
            return None;
        }
        match self.yaws.as_slice() {
            [] => None,
            [_] => Some(Turn::ToOneSide),
            [.., last] => Some(Turn::ToOther { than: *last }),
        }
    }
}

/// A turn of the head, without left or right: a mirror swaps them.
#[derive(Clone, Copy)]
enum Turn {
    ToOneSide,
    ToOther { than: f64 },
}

impl Turn {
    fn is_done(self, yaw_deg: f64) -> bool {
        match self {
            Self::ToOneSide => yaw_deg.abs() >= LEAST_TURN_DEG,
            Self::ToOther { than } => yaw_deg * -than.signum() >= LEAST_TURN_DEG,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::ToOneSide => "Turn your head a little to one side",
            Self::ToOther { .. } => "Now a little to the other side",
        }
    }
}

/// Whether a turned head is otherwise held as it should be.
fn is_level(seen: &Observation) -> bool {
    seen.pose.pitch_deg.abs() <= MOST_LEAN_DEG && seen.pose.roll_deg.abs() <= MOST_LEAN_DEG
}

/// A turn that adds to the reference.
const LEAST_TURN_DEG: f64 = 8.0;
/// A turn beyond which a face compares worse.
const FARTHEST_TURN_DEG: f64 = 30.0;
const MOST_LEAN_DEG: f64 = 20.0;
/// How long a turn is asked for.
const PATIENCE: Duration = Duration::seconds(4);
const BETWEEN_MS: u32 = 200;
/// Time to see that it went well, and for the pose to change.
const AFTER_GAIN_MS: u32 = 350;
