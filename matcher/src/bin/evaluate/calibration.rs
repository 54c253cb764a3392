//! The knots of a comparator's calibration, from its scores on development data.
//!
//! The likelihood ratio is a logistic regression of the score and its square, both kinds weighing the same
//! (Brummer and du Preez 2006), made monotone by pooling adjacent violators. The false match rate is counted
//! down to one in a hundred; beyond, a generalised Pareto distribution is fitted to the scores above by
//! probability-weighted moments (Hosking and Wallis 1987), so that a rate of 1e-4 does not hang on a few
//! people. Where too few non-mated scores lie beyond, the data say nothing more: there the curve ends ([`Fit`]). Where several protocols are given, the worst false match
//! rate counts.

use matcher::score::Knot;

use super::pairs::Pairs;

/// What differs between comparators.
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// Distance of the knots, in score.
    step: f64,
    /// Non-mated scores that must lie beyond the last knot.
    beyond: usize,
}

impl Fit {
    /// Cosines. Doddington's rule of thirty.
    pub const FACE: Self = Self {
        step: 0.05,
        beyond: 30,
    };
    /// Raw scores of prints, of which there are too few for thirty: the rule of three (what was seen in none of n may
    /// still be 3 in n) ends the curve.
    pub const FINGERPRINT: Self = Self {
        step: 0.5,
        beyond: 3,
    };
}

/// The knots of the first protocol's sorted scores, with the highest false match rate of all of them.
pub fn knots(protocols: &[&Pairs], fit: Fit) -> Vec<Knot> {
    let Some(Pairs { mated, non_mated }) = protocols.first() else {
        return Vec::new();
    };
    let (Some(lowest), Some(highest)) = (
        mated.get(LEAST_MATED),
        non_mated
            .len()
            .checked_sub(fit.beyond)
            .map(|i| non_mated[i]),
    ) else {
        return Vec::new();
    };
    let tails: Vec<Tail> = protocols.iter().map(|p| Tail::of(&p.non_mated)).collect();
    let worst = |score: f64| tails.iter().map(|t| t.rate(score)).fold(0.0, f64::max);
    // Below the lowest validated ratio the false match rate is still known, up to 1 at the first knot.
    let first = non_mated.iter().copied().find(|s| s.is_finite());
    let first = (first.unwrap_or(*lowest) / fit.step).floor() as i32;
    let mut scores: Vec<f64> = (first..)
        .map(|i| f64::from(i) * fit.step)
        .take_while(|s| *s < highest)
        .collect();
    scores.push(highest);
    let weights = logistic(mated, non_mated);
    let ratios: Vec<f64> = scores
        .iter()
        .map(|s| s.max(*lowest))
        .map(|s| features(s).iter().zip(weights).map(|(f, w)| f * w).sum())
        .collect();
    scores
        .iter()
        .zip(ascending(&ratios))
        .map(|(score, llr)| Knot {
            score: *score,
            llr,
            log10_fmr: worst(*score).log10(),
        })
        .collect()
}

/// The upper end of non-mated scores: how many lie above any of them, fitted where few do.
struct Tail<'a> {
    ascending: &'a [f64],
    from: f64,
    share: f64,
    shape: f64,
    scale: f64,
}

impl<'a> Tail<'a> {
    fn of(ascending: &'a [f64]) -> Self {
        let first = ((ascending.len() as f64 * (1.0 - TAIL_SHARE)) as usize).max(1);
        let from = ascending[(first - 1).min(ascending.len() - 1)];
        let above = ascending.get(first..).unwrap_or_default();
        let count = above.len() as f64;
        let excess = |(i, s): (usize, &f64)| {
            let rank = (i as f64 + 1.0 - PLOTTING) / count;
            (s - from, (s - from) * (1.0 - rank))
        };
        let sums = above.iter().enumerate().map(excess);
        let (mean, weighted) =
            sums.fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count));
        Self {
            ascending,
            from,
            share: count / ascending.len() as f64,
            shape: mean / (mean - 2.0 * weighted) - 2.0,
            scale: 2.0 * mean * weighted / (mean - 2.0 * weighted),
        }
    }

    /// The share of non-mated scores at or above a score.
    fn rate(&self, score: f64) -> f64 {
        if score <= self.from || !(self.scale.is_finite() && self.scale > 0.0) {
            let above = self.ascending.len() - self.ascending.partition_point(|s| *s < score);
            return ((above as f64 + 1.0) / self.ascending.len() as f64).min(1.0);
        }
        let x = (score - self.from) / self.scale;
        let left = if self.shape.abs() < FLAT_SHAPE {
            (-x).exp()
        } else {
            (1.0 - self.shape * x).max(0.0).powf(1.0 / self.shape)
        };
        // A bounded fit may end before the data do: never less than one false match.
        (self.share * left).max(1.0 / self.ascending.len() as f64)
    }
}

/// Of a score: the constant, itself and its square.
fn features(score: f64) -> [f64; 3] {
    [1.0, score, score * score]
}

/// The weights of the log-likelihood ratio in [`features`], by Newton's method; failures take no part.
fn logistic(mated: &[f64], non_mated: &[f64]) -> [f64; 3] {
    let mut weights = [0.0; 3];
    for _ in 0..NEWTON_STEPS {
        let (mut slope, mut bend) = ([0.0; 3], [[0.0; 3]; 3]);
        for (scores, target) in [(mated, 1.0), (non_mated, 0.0)] {
            let share = 1.0 / scores.len() as f64;
            for score in scores.iter().filter(|s| s.is_finite()) {
                let f = features(*score);
                let ratio: f64 = f.iter().zip(weights).map(|(f, w)| f * w).sum();
                let p = 1.0 / (1.0 + (-ratio).exp());
                for i in 0..3 {
                    slope[i] += share * (target - p) * f[i];
                    for j in 0..3 {
                        bend[i][j] += share * p * (1.0 - p) * f[i] * f[j];
                    }
                }
            }
        }
        // A trace on the diagonal keeps kinds that do not overlap at all from running off.
        for (i, row) in bend.iter_mut().enumerate() {
            row[i] += RIDGE;
            slope[i] -= RIDGE * weights[i];
        }
        for (weight, step) in weights.iter_mut().zip(solve(bend, slope)) {
            *weight += step;
        }
    }
    weights
}

/// Gauss elimination of a positive definite system of three.
fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
    for i in 0..3 {
        let row = a[i];
        for j in i + 1..3 {
            let factor = a[j][i] / row[i];
            for (value, above) in a[j].iter_mut().zip(row).skip(i) {
                *value -= factor * above;
            }
            b[j] -= factor * b[i];
        }
    }
    for i in (0..3).rev() {
        for j in i + 1..3 {
            b[i] -= a[i][j] * b[j];
        }
        b[i] /= a[i][i];
    }
    b
}

/// The nearest ascending sequence: neighbours that descend are replaced by their mean.
fn ascending(values: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut block = (*value, 1);
        while let Some((mean, count)) = blocks.pop_if(|(mean, _)| *mean >= block.0) {
            let total = count + block.1;
            block = (
                (mean * count as f64 + block.0 * block.1 as f64) / total as f64,
                total,
            );
        }
        blocks.push(block);
    }
    blocks
        .into_iter()
        .flat_map(|(mean, count)| std::iter::repeat_n(mean, count))
        .collect()
}

/// Mated scores that must lie below the first ratio: a curve that ended where thirty lie would call every stranger
/// undecided.
const LEAST_MATED: usize = 5;
/// The share of non-mated scores that the tail is fitted to.
const TAIL_SHARE: f64 = 0.01;
/// Plotting position of Hosking and Wallis.
const PLOTTING: f64 = 0.35;
/// Below this, a generalised Pareto distribution is an exponential one.
const FLAT_SHAPE: f64 = 1e-6;
const NEWTON_STEPS: usize = 15;
const RIDGE: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled() {
        assert_eq!(ascending(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(ascending(&[3.0, 2.0, 1.0]), [2.0; 3]);
    }

    /// Sums of twelve uniform numbers: nearly normal, mean 0 and deviation `deviation` before the shift, sorted.
    fn normal(count: usize, mean: f64, deviation: f64, mut state: u64) -> Vec<f64> {
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut one = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let mut scores: Vec<f64> = (0..count).map(|_| mean + deviation * one()).collect();
        scores.sort_by(f64::total_cmp);
        scores
    }

    #[test]
    fn the_ratio_of_two_normal_kinds_is_found() {
        let pairs = Pairs {
            mated: normal(20_000, 0.6, 0.15, 1),
            non_mated: normal(60_000, 0.1, 0.1, 2),
        };
        let found = knots(&[&pairs], Fit::FACE);
        assert!(
            found
                .windows(2)
                .all(|k| k[0].score < k[1].score && k[0].llr <= k[1].llr)
        );
        assert!(found.windows(2).all(|k| k[0].log10_fmr >= k[1].log10_fmr));
        let exact = |s: f64| {
            let (m, n) = ((s - 0.6) / 0.15, (s - 0.1) / 0.1);
            (n * n - m * m) / 2.0 + (0.1f64 / 0.15).ln()
        };
        for knot in found.iter().filter(|k| (0.24..0.41).contains(&k.score)) {
            let expected = exact(knot.score);
            assert!((knot.llr - expected).abs() < 0.35, "{knot:?} {expected}");
        }
    }

    #[test]
    fn a_rate_beyond_the_scores_that_decide_it_is_that_of_their_tail() {
        // Exponential scores: a share of exp(-s) lies above s, whatever the sample.
        let scores: Vec<f64> = (0..50_000)
            .map(|i| -(1.0 - (f64::from(i) + 0.5) / 50_000.0).ln())
            .collect();
        let tail = Tail::of(&scores);
        for score in [2.0, 5.0, 7.0, 9.0] {
            let stated = tail.rate(score) / (-score).exp();
            assert!((0.9..1.1).contains(&stated), "{stated} at {score}");
        }
        assert_eq!(tail.rate(1e9), 1.0 / 50_000.0);
        assert_eq!(tail.rate(f64::NEG_INFINITY), 1.0);
    }

    #[test]
    fn kinds_that_do_not_overlap_have_a_finite_ratio() {
        let weights = logistic(&[0.8, 0.9], &[0.1, 0.2]);
        assert!(weights.iter().all(|w| w.is_finite()), "{weights:?}");
    }
}
