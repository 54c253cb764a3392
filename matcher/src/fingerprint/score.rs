//! One number from what two prints have in common, and what that number is worth.
//!
//! The raw score is a weighted sum of the evidence, fitted by logistic regression on development data; the calibration gives, for a
//! raw score, its log-likelihood ratio and the false match rate that it had there.

use super::align::Evidence;
use super::params::ScoreParams;
use crate::score::{Calibration, Knot};

/// The raw score; higher is more alike.
pub(crate) fn score(evidence: &Evidence, params: &ScoreParams) -> f64 {
    let share = evidence.matched / (evidence.expected + params.expected_prior) * evidence.closeness;
    let sum = params.bias
        + params.relaxed * (evidence.relaxed + params.relaxed_floor).ln()
        + params.share * share
        + params.edges * evidence.edges
        + params.orientation * evidence.orientation.max(params.orientation_least);
    f64::from(sum)
}

/// Raw scores of development data against what they are worth.
pub const CALIBRATION: Calibration = Calibration {
    knots: &[
        Knot {
            score: -10.0,
            llr: -4.0,
            log10_fmr: 0.0,
        },
        Knot {
            score: 10.0,
            llr: 4.0,
            log10_fmr: -4.0,
        },
    ],
};
