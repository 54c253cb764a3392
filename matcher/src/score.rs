//! A comparison score turned into a log-likelihood ratio, so that a policy can state a false match rate.
//!
//! Each comparator has a [`Calibration`]: a monotone, piecewise linear map from raw score to the natural
//! logarithm of P(score | mated) / P(score | non-mated), and beside it the false match rate that each
//! threshold had on development data. Values outside the range which data validated are capped, never
//! extrapolated (ISO/IEC 19795-1; Ramos and Gonzalez-Rodriguez 2013 on calibrated likelihood ratios).

use std::borrow::Cow;

/// One knot of a calibration curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knot {
    /// Raw comparison score; higher is more alike.
    pub score: f64,
    /// Natural log-likelihood ratio at that score.
    pub llr: f64,
    /// log10 of the false match rate when this score is the threshold.
    pub log10_fmr: f64,
}

/// A comparator's curve; knots ascend in score and llr, and descend in false match rate.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// The knots, at least two.
    pub knots: Cow<'static, [Knot]>,
}

impl Calibration {
    /// The natural log-likelihood ratio of a raw score, capped at the validated range.
    #[must_use]
    pub fn llr(&self, score: f64) -> f64 {
        self.interpolate(score, |k| k.llr)
    }

    /// The false match rate at which this score would just be accepted, capped at the validated range.
    #[must_use]
    pub fn false_match_rate(&self, score: f64) -> f64 {
        10f64.powf(self.interpolate(score, |k| k.log10_fmr))
    }

    fn interpolate(&self, score: f64, value: impl Fn(&Knot) -> f64) -> f64 {
        let (first, last) = (&self.knots[0], &self.knots[self.knots.len() - 1]);
        // NaN compares false everywhere: it is worth the least.
        if score >= last.score {
            return value(last);
        }
        if score.is_nan() || score <= first.score {
            return value(first);
        }
        let upper = self.knots.partition_point(|k| k.score <= score);
        let (a, b) = (&self.knots[upper - 1], &self.knots[upper]);
        value(a) + (value(b) - value(a)) * (score - a.score) / (b.score - a.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Calibration = Calibration {
        knots: Cow::Borrowed(&[
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
            Knot {
                score: 2.0,
                llr: 8.0,
                log10_fmr: -4.0,
            },
        ]),
    };

    #[test]
    fn a_score_is_interpolated_and_capped() {
        assert_eq!(LINE.llr(1.5), 4.0);
        assert_eq!(LINE.llr(9.0), 8.0);
        assert_eq!(LINE.llr(f64::NAN), -4.0);
        assert!((LINE.false_match_rate(1.5) - 1e-3).abs() < 1e-12);
    }
}
