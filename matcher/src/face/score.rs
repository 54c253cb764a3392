//! The comparison score of two face templates, and what it is worth.

use super::template::Template;
use crate::score::{Calibration, Knot};

/// The cosine between two templates, -1 to 1; NaN when different models made them, which every
/// calibration and every threshold takes for the least.
#[must_use]
pub fn compare(a: &Template, b: &Template) -> f64 {
    if a.model() != b.model() {
        return f64::NAN;
    }
    a.values()
        .iter()
        .zip(b.values())
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum()
}

/// The pack's embedder on the development data.
pub const CALIBRATION: Calibration = Calibration {
    knots: &[
        Knot {
            score: 0.0,
            llr: -4.0,
            log10_fmr: 0.0,
        },
        Knot {
            score: 1.0,
            llr: 0.0,
            log10_fmr: -2.0,
        },
    ],
};
