//! What the page is told after each message: what to say, what to show, how far it is. No score and no cue is in it.

use matcher::face::Guidance;
use matcher::pad::{Challenge, Phase, Shown, Side, Step};
use serde::Serialize;

use super::words::{BETWEEN, again, asking, asks, kind, name, once_more, text};

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    pub guidance: &'static str,
    /// The name of what to say, which the page has in its own language; `text` is the same in English.
    pub phrase: &'static str,
    pub text: &'static str,
    /// Whether the picture was as it should be.
    pub good: bool,
    /// `framing`, `challenge`, or `over`, and then the page's form ends the capture. It does not say how it ended.
    pub phase: &'static str,
    /// The challenge under way, from 0, and how many there are.
    pub step: usize,
    pub steps: usize,
    /// How far it is, 0 to 1.
    pub progress: f64,
    pub shown: Screen,
    /// When the next frame is wanted.
    pub next_ms: u32,
    /// Where the face is, as shares of the frame: left, top, width, height.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 4]>,
}

/// What the screen must show, and its number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Screen {
    pub cue: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<&'static str>,
    /// `left`, `right` or `up`, as the person has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// As CSS writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// On the unit circle around the middle of the screen: x to the right, y down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dot: Option<[f64; 2]>,
}

impl Screen {
    fn of(cue: u32, shown: Shown) -> Self {
        let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
        Self {
            cue,
            challenge: shown.challenge.map(kind),
            direction: shown.challenge.and_then(direction),
            colour: shown.colour.map(|colour| hex(colour.srgb())),
            dot: shown.dot.map(|spot| {
                let (x, y) = spot.place();
                [round(x), round(y)]
            }),
        }
    }
}

impl Reply {
    /// The answer to the page's hello.
    pub(super) fn first(steps: usize, cue: u32, shown: Shown) -> Self {
        Self {
            guidance: name(Guidance::NoFace),
            phrase: name(Guidance::NoFace),
            text: text(Guidance::NoFace),
            good: false,
            phase: "framing",
            step: 0,
            steps,
            progress: 0.0,
            shown: Screen::of(cue, shown),
            next_ms: NEXT_MS,
            at: None,
        }
    }

    /// The answer to a frame.
    pub(super) fn of(step: &Step, at: Option<[f64; 4]>, steps: usize, cue: u32) -> Self {
        let good = step.guidance == Guidance::Ready;
        let (phase, index) = match step.phase {
            Phase::Framing => ("framing", 0),
            Phase::Challenge(index) => ("challenge", index),
            Phase::Done | Phase::Failed(_) => ("over", steps),
        };
        let (guidance, text) = match (step.shown.challenge, step.phase) {
            // Who is not in the picture must come back first.
            (_, _) if !good => (name(step.guidance), text(step.guidance)),
            (Some(challenge), _) => (kind(challenge), asks(challenge)),
            (None, Phase::Challenge(_)) => ("between", step.again.map_or(BETWEEN, once_more)),
            (None, _) => (name(step.guidance), text(step.guidance)),
        };
        let phrase = match (step.shown.challenge, step.phase) {
            (_, _) if !good => guidance,
            (Some(challenge), _) => asking(challenge),
            (None, Phase::Challenge(_)) => step.again.map_or("between", again),
            (None, _) => guidance,
        };
        // Framing is a fifth of the way, the challenges share the rest.
        let parts = steps as f64 + 1.0;
        let progress = match step.phase {
            Phase::Framing => 0.0,
            Phase::Challenge(index) => (index as f64 + 1.0) / parts,
            Phase::Done | Phase::Failed(_) => 1.0,
        };
        Self {
            guidance,
            phrase,
            text,
            good,
            phase,
            step: index,
            steps,
            progress: round(progress),
            shown: Screen::of(cue, step.shown),
            next_ms: NEXT_MS,
            at: at.map(|shares| shares.map(round)),
        }
    }
}

fn direction(challenge: Challenge) -> Option<&'static str> {
    match challenge {
        Challenge::Turn(Side::Left) => Some("left"),
        Challenge::Turn(Side::Right) => Some("right"),
        Challenge::LookUp => Some("up"),
        Challenge::Blink | Challenge::Follow(_) => None,
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Between an answer and the next frame: what a page needs to draw, so that about fifteen come a second.
const NEXT_MS: u32 = 25;
