//! What a person can do for a better print, read from the same numbers as its quality.
//!
//! Guidance speaks of one capture and of how it lay on the sensor. None of it is a score, and none comes from a comparison with what
//! is kept: who tries another's finger learns nothing. The two that need a second print are for an enrolment, between its own samples.

use super::Measures;
use crate::fingerprint::params::GuidanceParams;

/// What to do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guidance {
    /// The picture shows no fingerprint.
    NotAFinger,
    /// The ridges are smeared: the finger or the picture moved, or is out of focus.
    HoldStill,
    /// Little of the finger touches, and lies aside.
    MoveToCentre,
    /// Little of the finger touches, or only faintly.
    PressHarder,
    /// Ridges are thin and broken.
    TooDry,
    /// Ridges run into each other.
    TooWet,
    /// At an enrolment: a sample shares too little with the others.
    TooLittleOverlap,
    /// At an enrolment: the samples do not seem to be of one finger.
    DifferentFinger,
}

impl Guidance {
    /// A stable name, for a log or a page's own text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAFinger => "not_a_finger",
            Self::HoldStill => "hold_still",
            Self::MoveToCentre => "move_to_centre",
            Self::PressHarder => "press_harder",
            Self::TooDry => "too_dry",
            Self::TooWet => "too_wet",
            Self::TooLittleOverlap => "too_little_overlap",
            Self::DifferentFinger => "different_finger",
        }
    }

    /// The one thing to do, for a person.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotAFinger => {
                "This does not look like a fingerprint. Give the print of one finger."
            }
            Self::HoldStill => {
                "The ridges are blurred. Hold the finger still until the capture ends."
            }
            Self::MoveToCentre => "Move the finger to the centre of the sensor.",
            Self::PressHarder => "Lay the whole fingertip on and press a little harder.",
            Self::TooDry => "The finger is too dry. Breathe on it or moisten it, and try again.",
            Self::TooWet => {
                "The finger is too wet. Dry it and the sensor, press less, and try again."
            }
            Self::TooLittleOverlap => {
                "This print shares too little with the others. Lay the same part of the finger on."
            }
            Self::DifferentFinger => {
                "These prints do not seem to be of one finger. Use the same finger each time."
            }
        }
    }
}

/// What would help most, where something would.
pub(crate) fn guidance(measures: &Measures, params: &GuidanceParams) -> Option<Guidance> {
    let m = measures;
    let is_small = m.area < params.small_area;
    if m.sharpness < params.blurred_sharpness {
        Some(Guidance::HoldStill)
    } else if is_small && m.off_centre > params.off_centre {
        Some(Guidance::MoveToCentre)
    } else if is_small || m.contrast < params.faint_contrast {
        Some(Guidance::PressHarder)
    } else if m.dark_share < params.dry_share {
        Some(Guidance::TooDry)
    } else if m.dark_share > params.wet_share {
        Some(Guidance::TooWet)
    } else {
        None
    }
}
