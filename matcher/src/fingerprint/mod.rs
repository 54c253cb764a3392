//! Fingerprint comparison: an image becomes minutiae, two sets of minutiae become a score.
//!
//! Weights-free: every stage is published signal processing with its constants in [`params`]. An image goes through
//! `normalise` -> `segment` -> `orientation` -> `ridge_frequency` -> `enhance` (twice: the second time with the orientation of the first result)
//! -> `thin` -> `minutiae` -> [`Template`]; a comparison through `mcc` -> `pair` -> `align` -> `score`. Each stage is a
//! function of its input and its parameters, x is right, y is down, angles run counter-clockwise from +x in radians.
#![doc = include_str!("measured.md")]

mod align;
mod bits;
mod enhance;
mod extract;
mod identify;
pub mod interchange;
mod mcc;
mod minutiae;
mod normalise;
mod orientation;
mod pair;
pub mod params;
mod plane;
mod prepared;
mod quality;
mod reference;
mod ridge_frequency;
mod score;
mod segment;
pub mod synthetic;
mod template;
mod thin;
mod trace;
pub mod wsq;

use crate::simd;

pub use align::Evidence;
pub use extract::{Extraction, FingerprintError, extract};
pub use identify::{Candidate, compare_or_dismiss, glance_of, identify};
pub use params::Params;
pub use prepared::Prepared;
pub use quality::{Guidance, Measures};
pub use reference::{
    MOST_TEMPLATES, PreparedReference, REFERENCE_BYTES, Reference, ReferenceError,
    compare_reference, together,
};
pub use score::CALIBRATION;
pub use template::{Kind, MOST_BYTES, Minutia, Template, TemplateError};
pub use trace::{Explanation, Stage, Traced, explain, observe, trace};

/// The algorithm's name and version: templates of another one are not comparable.
pub const MODEL: &str = "whorl-minutiae-1";

/// Compares two prints: the raw score, higher for more alike; see [`CALIBRATION`] for what it is worth.
///
/// The order of the two does not matter. Nothing is allocated.
#[must_use]
pub fn compare(probe: &Prepared, reference: &Prepared, params: &Params) -> f64 {
    score::score(&evidence(probe, reference, params), &params.score)
}

/// What two prints have in common: the numbers that [`compare`] weighs.
#[must_use]
pub fn evidence(probe: &Prepared, reference: &Prepared, params: &Params) -> Evidence {
    let (a, b) = prepared::in_order(probe, reference);
    simd::dispatch(
        #[inline(always)]
        || {
            let pairs = pair::pair(a, b, &params.mcc, &params.pair);
            align::align(a, b, &pairs, params, &mut ())
        },
    )
}

#[cfg(test)]
mod tests;
