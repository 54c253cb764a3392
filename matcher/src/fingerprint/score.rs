//! One number from what two prints have in common, and what that number is worth.
//!
//! The raw score is a weighted sum of the evidence, fitted by logistic regression on development data; the calibration gives, for a
//! raw score, its log-likelihood ratio and the false match rate that it had there.

use std::borrow::Cow;

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
///
/// From 2,688 mated and 63,040 non-mated comparisons: the four FVC sets that the score was fitted on, and two sets of Neurotechnology's
/// that nothing was fitted on. Ratios are isotonic regression's, smoothed; false match rates are those of whichever
/// collection had more at that score. The last knots are as far as so many comparisons reach: 3 in 63,040 cannot be excluded.
pub const CALIBRATION: Calibration = Calibration {
    knots: Cow::Borrowed(&[
        knot(-10.0, -4.6, 0.0),
        knot(-7.0, -4.4, -0.35),
        knot(-5.0, -3.9, -0.8),
        knot(-3.0, -2.7, -1.4),
        knot(-1.0, -0.8, -2.1),
        knot(0.0, 0.3, -2.48),
        knot(1.0, 1.4, -2.96),
        knot(2.0, 2.5, -3.4),
        knot(3.0, 3.9, -3.85),
        knot(4.5, 6.0, -4.2),
        knot(6.0, 8.0, -4.3),
    ]),
};

const fn knot(score: f64, llr: f64, log10_fmr: f64) -> Knot {
    Knot {
        score,
        llr,
        log10_fmr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;

    #[test]
    fn more_in_common_is_a_higher_score() {
        let params = Params::default().score;
        let some = Evidence {
            relaxed: 0.1,
            matched: 10.0,
            expected: 20.0,
            closeness: 0.6,
            edges: 1.0,
            orientation: 0.8,
        };
        let base = score(&some, &params);
        let more = [
            Evidence {
                relaxed: 0.2,
                ..some
            },
            Evidence {
                matched: 12.0,
                ..some
            },
            Evidence {
                closeness: 0.7,
                ..some
            },
            Evidence { edges: 1.2, ..some },
            Evidence {
                orientation: 0.9,
                ..some
            },
        ];
        assert!(more.iter().all(|evidence| score(evidence, &params) > base));
        assert!(
            score(
                &Evidence {
                    expected: 30.0,
                    ..some
                },
                &params
            ) < base
        );
        assert!(score(&Evidence::default(), &params) < -10.0);
    }

    #[test]
    fn the_calibration_ascends() {
        for pair in CALIBRATION.knots.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            assert!(a.score < b.score && a.llr < b.llr && a.log10_fmr > b.log10_fmr);
        }
    }
}
