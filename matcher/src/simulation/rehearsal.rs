//! A script by the clock: what a page shows that waits for nobody.
//!
//! The page itself goes on when it has seen the answer; this one goes on when a person would have given it.
//! It is for looking at actors, and for the earlier success that a replay replays.

use crate::pad::challenge::{Challenge, Colour, Script, Shown};

/// What is shown at a time.
#[must_use]
pub fn shown(script: &Script, at_s: f64) -> Shown {
    let mut left = at_s;
    for (shown, lasts_s) in scenes(script) {
        if left < lasts_s {
            return shown;
        }
        left -= lasts_s;
    }
    Shown::default()
}

/// When the script is over.
#[must_use]
pub fn length_s(script: &Script) -> f64 {
    scenes(script).iter().map(|(_, lasts_s)| lasts_s).sum()
}

/// What is shown one after the other, and for how long.
fn scenes(script: &Script) -> Vec<(Shown, f64)> {
    let mut colours = script.colours().iter().copied();
    let mut scenes = vec![(Shown::default(), FRAMING_S)];
    for (index, challenge) in script.challenges().iter().enumerate() {
        if index > 0 {
            let colour = |colour: Option<Colour>| Shown {
                colour,
                ..Shown::default()
            };
            scenes.extend([0, 1].map(|_| (colour(colours.next()), COLOUR_S)));
        }
        let asked = Shown {
            challenge: Some(*challenge),
            ..Shown::default()
        };
        match challenge {
            Challenge::Turn(_) | Challenge::LookUp => scenes.push((asked, 1.2)),
            Challenge::Blink => scenes.push((asked, 1.5)),
            Challenge::Follow(spots) => scenes.extend(spots.map(|spot| {
                let shown = Shown {
                    dot: Some(spot),
                    colour: colours.next(),
                    ..asked
                };
                (shown, DOT_S)
            })),
        }
    }
    scenes.push((Shown::default(), PAUSE_S));
    scenes
}

const FRAMING_S: f64 = 1.0;
/// At the end, before it begins again.
const PAUSE_S: f64 = 0.5;
const DOT_S: f64 = 1.3;
/// At most three changes a second (WCAG 2.2, 2.3.1).
const COLOUR_S: f64 = 0.45;
