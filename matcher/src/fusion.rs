//! Several comparisons held against one false match rate: the log-likelihood ratios of independent traits add.
//!
//! A [`Weight`] is what one comparison is worth, with the tail of its comparator's calibration: which ratio has which
//! false match rate, from the floor that every comparison must pass by itself to where data validated the curve. Ratios are
//! capped there. The false match rate of a sum follows from the tails alone: a stranger passes both floors and reaches
//! the sum with the probability that the convolution of the two tails gives, **if strangers' scores of the two traits are
//! independent**, which is assumed and not shown. Presentation attack detection and quality never come in here: they
//! gate before anything is weighed, so that a perfect trait cannot carry a spoofed one
//! (ISO/IEC TR 24722 on fusion at score level; Nandakumar et al. 2008 on likelihood ratios).

use serde::{Deserialize, Serialize};

use crate::score::Calibration;

/// The false match rate that every comparison must pass by itself before it adds to another.
pub const FLOOR: f64 = 1e-2;

/// What one comparison is worth; made of a score that passes [`FLOOR`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    llr: f64,
    /// Ratio and log10 of the false match rate: ratios ascend, rates descend; the first is at the floor, the last where
    /// validation ends.
    tail: Vec<[f64; 2]>,
}

impl Calibration {
    /// What a raw score is worth beside others; `None` where it does not pass [`FLOOR`], or is no number.
    #[must_use]
    pub fn weigh(&self, score: f64) -> Option<Weight> {
        let passes = self.false_match_rate(score) <= FLOOR * (1.0 + ROUNDING);
        passes.then(|| Weight {
            llr: self.llr(score),
            tail: self.tail(),
        })
    }

    /// The part of the curve at and beyond the floor.
    fn tail(&self) -> Vec<[f64; 2]> {
        let floor = FLOOR.log10();
        let mut tail: Vec<[f64; 2]> = Vec::new();
        for pair in self.knots.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            if b.log10_fmr > floor {
                continue;
            }
            if tail.is_empty() {
                let share = (floor - a.log10_fmr) / (b.log10_fmr - a.log10_fmr);
                let share = if share.is_finite() {
                    share.clamp(0.0, 1.0)
                } else {
                    1.0
                };
                tail.push([a.llr + share * (b.llr - a.llr), floor]);
            }
            tail.push([b.llr, b.log10_fmr]);
        }
        tail
    }
}

impl Weight {
    /// The natural log-likelihood ratio, capped at the validated range.
    #[must_use]
    pub fn llr(&self) -> f64 {
        self.llr
    }

    /// The false match rate of this comparison alone.
    #[must_use]
    pub fn false_match_rate(&self) -> f64 {
        self.beyond(self.llr)
    }

    /// The highest ratio that the comparator was validated to.
    fn cap(&self) -> f64 {
        self.tail.last().map_or(f64::NEG_INFINITY, |knot| knot[0])
    }

    /// The share of strangers who pass the floor and reach a ratio; 0 above the cap, which no ratio exceeds.
    fn beyond(&self, llr: f64) -> f64 {
        let upper = self.tail.partition_point(|knot| knot[0] < llr);
        let Some(b) = self.tail.get(upper) else {
            return 0.0;
        };
        let log10 = match upper.checked_sub(1).map(|i| self.tail[i]) {
            Some(a) if b[0] > a[0] => a[1] + (b[1] - a[1]) * (llr - a[0]) / (b[0] - a[0]),
            // At or below the floor, or where several rates have one ratio: the highest.
            Some(_) | None => b[1],
        };
        10f64.powf(log10.min(FLOOR.log10()))
    }
}

/// The false match rate of several comparisons of independent traits, all of which passed their floors: the probability
/// that strangers' do too and their ratios sum to as much. It errs upwards, by what one step of the convolution is wide.
/// 1 where there is no comparison; the work is [`STEPS`] to the power of one less than there are.
#[must_use]
pub fn false_match_rate(weights: &[&Weight]) -> f64 {
    if weights.is_empty() {
        return 1.0;
    }
    sum_false_match_rate(weights, weights.iter().map(|weight| weight.llr).sum())
}

/// The false match rate that a sum of ratios has among these comparators, whatever their own ratios.
#[must_use]
pub fn sum_false_match_rate(weights: &[&Weight], sum: f64) -> f64 {
    reach(weights, sum)
}

/// The least rate that these comparators can show together: each at its cap.
#[must_use]
pub fn least_false_match_rate(weights: &[&Weight]) -> f64 {
    weights.iter().map(|w| w.beyond(w.cap())).product()
}

/// The probability that strangers pass every floor and reach a sum.
fn reach(weights: &[&Weight], sum: f64) -> f64 {
    let Some((first, rest)) = weights.split_first() else {
        return if sum <= ROUNDING { 1.0 } else { 0.0 };
    };
    if rest.is_empty() {
        return first.beyond(sum - ROUNDING);
    }
    let (from, to) = (first.tail.first().map_or(0.0, |knot| knot[0]), first.cap());
    let width = (to - from) / STEPS as f64;
    let mut total = 0.0;
    for step in 0..STEPS {
        let low = from + width * step as f64;
        let mass = first.beyond(low) - first.beyond(low + width);
        // All of a step counts as if it lay at its upper end.
        total += mass.max(0.0) * reach(rest, sum - (low + width));
    }
    // What lies at the cap.
    total + first.beyond(to) * reach(rest, sum - to)
}

/// Steps of a convolution.
pub const STEPS: usize = 256;
/// Slack for sums and powers of ten that are computed.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::score::Knot;

    fn knot(score: f64, llr: f64, log10_fmr: f64) -> Knot {
        Knot {
            score,
            llr,
            log10_fmr,
        }
    }

    /// Rates fall by a decade for every two of score and every two of ratio; validated to 1e-5.
    fn line() -> Calibration {
        Calibration {
            knots: Cow::Owned(vec![knot(0.0, -5.0, 0.0), knot(10.0, 5.0, -5.0)]),
        }
    }

    fn weight(score: f64) -> Weight {
        line().weigh(score).expect("passes the floor")
    }

    #[test]
    fn what_does_not_pass_the_floor_has_no_weight() {
        for score in [3.9, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(line().weigh(score), None, "{score}");
        }
        let at = weight(4.0);
        assert!((at.false_match_rate() - FLOOR).abs() < 1e-12, "{at:?}");
        assert!((at.llr() + 1.0).abs() < 1e-12);
    }

    #[test]
    fn alone_a_comparison_has_the_rate_of_its_calibration() {
        for score in [4.0, 5.5, 8.0, 10.0, 99.0] {
            let (alone, stated) = (weight(score), line().false_match_rate(score));
            assert!(
                (alone.false_match_rate() / stated - 1.0).abs() < 1e-9,
                "{score}"
            );
            assert!((false_match_rate(&[&alone]) / stated - 1.0).abs() < 1e-6);
        }
        assert_eq!(false_match_rate(&[]), 1.0);
    }

    #[test]
    fn two_at_the_floor_have_the_product_of_the_floors() {
        let floor = weight(4.0);
        let both = false_match_rate(&[&floor, &floor]);
        assert!((both / (FLOOR * FLOOR) - 1.0).abs() < 1e-6, "{both}");
        let caps = (weight(20.0), weight(20.0));
        let least = least_false_match_rate(&[&caps.0, &caps.1]);
        assert!((least / 1e-10 - 1.0).abs() < 1e-6);
        assert!(false_match_rate(&[&caps.0, &caps.1]) >= least);
    }

    /// The rate by drawing strangers, who pass the floors by construction.
    #[test]
    fn the_rate_of_a_sum_is_what_drawn_strangers_reach() {
        let mut state = 7u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        };
        // Of those who pass: a ratio of x or more has a share of 10^(-(x + 1) / 2), and none is above 5.
        let mut ratio = || ((-2.0 * f64::log10(uniform())) - 1.0).min(5.0);
        let sums: Vec<f64> = (0..400_000).map(|_| ratio() + ratio()).collect();
        for score in [4.5, 5.0, 6.0] {
            let pair = weight(score);
            let sum = 2.0 * pair.llr();
            let drawn = sums.iter().filter(|s| **s >= sum).count() as f64 / sums.len() as f64;
            let stated = false_match_rate(&[&pair, &pair]) / (FLOOR * FLOOR);
            assert!(
                (0.97..1.10).contains(&(stated / drawn)),
                "{stated} {drawn} at {score}"
            );
        }
    }

    proptest! {
        #[test]
        fn more_of_either_never_raises_the_rate(a in 4.0f64..12.0, b in 4.0f64..12.0, more in 0.0f64..4.0) {
            let (x, y, higher) = (weight(a), weight(b), weight(a + more));
            let before = false_match_rate(&[&x, &y]);
            prop_assert!(false_match_rate(&[&higher, &y]) <= before * (1.0 + 1e-9));
            // Reaching each is a way to reach the sum.
            prop_assert!(before * (1.0 + 1e-9) >= x.false_match_rate() * y.false_match_rate());
            // A second trait never makes a first one worth less than the first alone.
            prop_assert!(before <= FLOOR * FLOOR * (1.0 + 1e-9));
        }

        #[test]
        fn the_order_does_not_matter(a in 4.0f64..12.0, b in 4.0f64..12.0) {
            let (x, y) = (weight(a), weight(b));
            let (one, other) = (false_match_rate(&[&x, &y]), false_match_rate(&[&y, &x]));
            prop_assert!((one / other - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn the_comparators_in_use_reach_the_rate_of_a_pair() {
        let face = crate::face::CALIBRATION.weigh(1.0).expect("a face");
        let finger = crate::fingerprint::CALIBRATION
            .weigh(99.0)
            .expect("a finger");
        let least = least_false_match_rate(&[&face, &finger]);
        assert!(least < 1e-8, "{least}");
        // Just within a thousandth each, they reach one in a million together.
        let (face, finger) = (
            crate::face::CALIBRATION.weigh(0.36).expect("a face"),
            crate::fingerprint::CALIBRATION
                .weigh(2.0)
                .expect("a finger"),
        );
        assert!(face.false_match_rate() > 1e-4 && finger.false_match_rate() > 1e-4);
        let both = false_match_rate(&[&face, &finger]);
        assert!((1e-8..1e-5).contains(&both), "{both}");
    }
}
