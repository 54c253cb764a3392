//! What a capture says to a person: guidance and challenges, each by its name and in plain words.
//!
//! No full stops: each stands alone, on the screen and when it is read aloud.

use matcher::face::Guidance;
use matcher::pad::{Challenge, Miss, Side};

/// What to say.
#[must_use]
pub fn text(guidance: Guidance) -> &'static str {
    match guidance {
        Guidance::NoFace => "Look into the oval",
        Guidance::OnePersonOnly => "Only one person, please",
        Guidance::ComeCloser => "Come a little closer",
        Guidance::MoveBack => "Move back a little",
        Guidance::Centre => "Bring your face to the middle",
        Guidance::TurnToLight => "Turn towards the light",
        Guidance::TooBright => "Turn away from the bright light",
        Guidance::LookStraight => "Look straight into the camera",
        Guidance::HoldStill => "Hold still",
        Guidance::ShowWholeFace => "Uncover your eyes and your mouth",
        Guidance::Ready => "Good, hold still",
    }
}

/// Its name, for tests and translations.
#[must_use]
pub fn name(guidance: Guidance) -> &'static str {
    match guidance {
        Guidance::NoFace => "no_face",
        Guidance::OnePersonOnly => "one_person_only",
        Guidance::ComeCloser => "come_closer",
        Guidance::MoveBack => "move_back",
        Guidance::Centre => "centre",
        Guidance::TurnToLight => "turn_to_light",
        Guidance::TooBright => "too_bright",
        Guidance::LookStraight => "look_straight",
        Guidance::HoldStill => "hold_still",
        Guidance::ShowWholeFace => "show_whole_face",
        Guidance::Ready => "ready",
    }
}

/// What a challenge asks for.
#[must_use]
pub fn asks(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Turn(Side::Left) => "Turn your head to the left",
        Challenge::Turn(Side::Right) => "Turn your head to the right",
        Challenge::LookUp => "Look up with your whole head",
        Challenge::Blink => "Close both eyes for a second",
        Challenge::Follow(_) => "Point your nose at the dot",
    }
}

/// Its name.
#[must_use]
pub fn kind(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Turn(_) => "turn",
        Challenge::LookUp => "look_up",
        Challenge::Blink => "blink",
        Challenge::Follow(_) => "follow",
    }
}

/// The name of what a challenge asks for, by which a page finds it in its own language.
#[must_use]
pub fn asking(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Turn(Side::Left) => "turn_left",
        Challenge::Turn(Side::Right) => "turn_right",
        Challenge::LookUp => "look_up",
        Challenge::Blink => "blink",
        Challenge::Follow(_) => "follow",
    }
}

/// The name of what is said before a challenge is asked once more.
#[must_use]
pub fn again(miss: Miss) -> &'static str {
    match miss {
        Miss::TooLate => "again_late",
        Miss::TooEarly => "again_early",
        Miss::Wrong => "again",
    }
}

/// What to say before a challenge is asked once more.
#[must_use]
pub fn once_more(miss: Miss) -> &'static str {
    match miss {
        Miss::TooLate => "Once more, a little quicker",
        Miss::TooEarly => "Once more: wait until you are asked",
        Miss::Wrong => "Once more",
    }
}

/// Between two challenges.
pub const BETWEEN: &str = "Look straight into the camera";
