//! What the page and the tables call things: actors, cues, challenges and reasons in words.

use matcher::pad::{Challenge, Cue, Miss, Refusal, Script, Side};
use matcher::simulation::Species;

/// What an actor is.
pub fn actor(species: Option<Species>) -> &'static str {
    match species {
        None => "a head with depth before a webcam, which does what is asked",
        Some(Species::FlatPrint) => "a flat print in the hand; half of them are turned as asked",
        Some(Species::BentPrint) => "a print that is bent, waved and turned as asked",
        Some(Species::ScreenPhoto) => "a photograph on a screen; half of them are turned as asked",
        Some(Species::CutOutEyes) => {
            "a print worn as a mask; the attacker's own eyes, and head, do what is asked"
        }
        Some(Species::ReplayOnScreen) => "a film of an earlier login, on a screen",
        Some(Species::ReplayFed) => "a film of an earlier login, from a virtual camera",
        Some(Species::TwoPeople) => "a print, and beside it somebody who does what is asked",
        Some(Species::FrozenFrame) => "one picture for ever, half of them with a camera's noise",
        Some(Species::WarpedStill) => {
            "a photograph that software turns as a plane; half of them take the screen's colour"
        }
        Some(Species::BlinkingPuppet) => "a photograph that software lets blink",
        Some(Species::Reordered) => "an honest login whose frames change places on the way",
        Some(Species::Repeated) => "an honest login of whose frames some come again",
    }
}

/// What a cue looks at.
pub fn cue(cue: Cue) -> &'static str {
    match cue {
        Cue::Texture => "What the passive networks take the picture for: 0 an attack, 1 a face.",
        Cue::Colours => {
            "Whether the colours that are read from the skin are those that were shown: 1 they are, else the share."
        }
        Cue::Reflection => {
            "How strong the screen's light is on the skin, as a share of the room's."
        }
        Cue::Depth => "How far a turning face moves as a head does: 0 a plane, 1 a common head.",
        Cue::Whole => "How far nose and mouth turned, as a share of the whole face: 1 a head.",
        Cue::Surroundings => "Whether what is behind moves with the face: -1 it stays, 1 it moves.",
        Cue::Moire => "The strongest single frequency in the skin, powers of ten over the median.",
        Cue::Sharpness => "Fine over coarse detail of the face.",
        Cue::Freshness => "The share of frames that were there before.",
        Cue::Turning => "The fastest turn of the head, degrees a second.",
        Cue::Shifting => "The fastest shift of the face, its own widths a second.",
        Cue::Continuity => "The share of frames with another face, or a face elsewhere.",
        Cue::Tries => "Tries beyond the first that the challenges took.",
    }
}

/// A challenge.
pub fn challenge(challenge: &Challenge) -> String {
    match challenge {
        Challenge::Turn(Side::Left) => "turn left".to_owned(),
        Challenge::Turn(Side::Right) => "turn right".to_owned(),
        Challenge::LookUp => "look up".to_owned(),
        Challenge::Blink => "close your eyes".to_owned(),
        Challenge::Follow(_) => "follow the dot".to_owned(),
    }
}

/// A reason, with the challenge that was missed.
pub fn said(reason: &Refusal, script: &Script) -> String {
    match reason {
        Refusal::NotAnswered(at, miss) => {
            let asked = script.challenges().get(*at).map(challenge);
            let asked = asked.unwrap_or_else(|| "a challenge".to_owned());
            let how = match miss {
                Miss::TooLate => "not done in time",
                Miss::TooEarly => "done before it was asked",
                Miss::Wrong => "something else was done",
            };
            format!("{asked}: {how}")
        }
        Refusal::Cue(cue) => format!("{} refuses", cue.name()),
        Refusal::Silent(cue) => format!("{} has nothing to go by", cue.name()),
        Refusal::NotFramed | Refusal::NotFinished => "never ready for the first prompt".to_owned(),
        Refusal::Sum => "all cues together".to_owned(),
        other => other.name().replace('_', " "),
    }
}
