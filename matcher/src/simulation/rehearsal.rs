//! A script by the clock: what a page shows that waits for nobody.
//!
//! The page itself goes on when it has seen the answer; this one goes on when a person would have given it.
//! It is for looking at actors, and for the earlier success that a replay replays.

use crate::pad::challenge::{Challenge, Script, Shown};

/// What is shown at a time.
#[must_use]
pub fn shown(script: &Script, at_s: f64) -> Shown {
    let mut left = at_s - FRAMING_S;
    for challenge in script.challenges() {
        if left < 0.0 {
            return Shown::default();
        }
        let lasts = duration_s(challenge);
        if left < lasts {
            let step = |each: f64, count: usize| ((left / each) as usize).min(count - 1);
            let (colour, dot) = match challenge {
                Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => (None, None),
                Challenge::Follow(spots) => (None, Some(spots[step(DOT_S, spots.len())])),
                Challenge::Colours(colours) => (Some(colours[step(COLOUR_S, colours.len())]), None),
            };
            return Shown {
                challenge: Some(*challenge),
                colour,
                dot,
            };
        }
        left -= lasts + PAUSE_S;
    }
    Shown::default()
}

/// When the script is over.
#[must_use]
pub fn length_s(script: &Script) -> f64 {
    let challenges = script.challenges();
    let lasts: f64 = challenges.iter().map(duration_s).sum();
    FRAMING_S + lasts + PAUSE_S * challenges.len() as f64
}

fn duration_s(challenge: &Challenge) -> f64 {
    match challenge {
        Challenge::Turn(_) | Challenge::LookUp => 1.7,
        Challenge::Blink => 1.2,
        Challenge::Follow(spots) => DOT_S * spots.len() as f64,
        Challenge::Colours(colours) => COLOUR_S * colours.len() as f64,
    }
}

const FRAMING_S: f64 = 1.0;
const PAUSE_S: f64 = 0.3;
const DOT_S: f64 = 1.3;
/// At most three changes a second (WCAG 2.2, 2.3.1).
const COLOUR_S: f64 = 0.4;
