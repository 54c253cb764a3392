//! Guidance as a page shows it: its name, and what it says to a person.

use matcher::face::Guidance;

/// What to say; no full stop, it stands alone.
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
        Guidance::Ready => "ready",
    }
}
