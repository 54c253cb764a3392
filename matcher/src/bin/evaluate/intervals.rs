//! How sure a rate is: 95 % intervals by drawing fingers (or people) again.
//!
//! Comparisons that share a finger are not independent, so fingers are drawn with replacement, not comparisons: a drawn finger brings
//! its mated comparisons, a drawn pair of fingers its non-mated ones, as often as the product of how often each was
//! drawn (ISO/IEC 19795-1 on uncertainty; Bolle, Ratha and Pankanti 2004 on the subsets bootstrap).

use rayon::prelude::*;

use crate::rates::RATE_ROUNDING;

/// One comparison: whose the two samples are, by number, and its score; mated when both are the same.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    /// Whose the first sample is.
    pub a: u32,
    /// Whose the second sample is.
    pub b: u32,
    /// NaN where no template could be made: lower than every other.
    pub score: f64,
}

/// The rates of one threshold sweep, fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Equal error rate.
    pub eer: f64,
    /// FNMR at an FMR of at most 1 %.
    pub fmr100: f64,
    /// FNMR at an FMR of at most 0.1 %.
    pub fmr1000: f64,
    /// FNMR at an FMR of at most 0.01 %.
    pub fmr10000: f64,
    /// FNMR without a false match.
    pub zero_fmr: f64,
}

/// A point of the DET curve, fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// False match rate.
    pub fmr: f64,
    /// False non-match rate.
    pub fnmr: f64,
}

/// Comparisons from the highest score to the lowest.
pub struct Sweep {
    descending: Vec<Scored>,
    owners: usize,
}

impl Sweep {
    /// Sorts comparisons whose owners are numbered from 0.
    pub fn new(mut scored: Vec<Scored>) -> Self {
        let rank = |s: &Scored| {
            if s.score.is_nan() {
                f64::NEG_INFINITY
            } else {
                s.score
            }
        };
        scored.sort_by(|x, y| rank(y).total_cmp(&rank(x)));
        let owners = scored.iter().map(|s| s.a.max(s.b) as usize + 1).max();
        Self {
            descending: scored,
            owners: owners.unwrap_or(0),
        }
    }

    /// The DET curve, from no false match to no false non-match.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        self.walk(&vec![1; self.owners], |p| points.push(p));
        points
    }

    #[cfg(test)]
    fn rates(&self) -> Rates {
        self.weighted(&vec![1; self.owners])
    }

    /// 2.5 % and 97.5 % of each rate over `draws` draws of the owners.
    pub fn intervals(&self, draws: usize) -> (Rates, Rates) {
        let drawn: Vec<Rates> = (0..draws as u64)
            .into_par_iter()
            .map(|seed| self.weighted(&draw(self.owners, seed)))
            .collect();
        let ends = |rate: fn(&Rates) -> f64| ends(drawn.iter().map(rate).collect());
        let (eer, fmr100) = (ends(|r| r.eer), ends(|r| r.fmr100));
        let (fmr1000, fmr10000) = (ends(|r| r.fmr1000), ends(|r| r.fmr10000));
        let zero = ends(|r| r.zero_fmr);
        let of = |pick: fn((f64, f64)) -> f64| Rates {
            eer: pick(eer),
            fmr100: pick(fmr100),
            fmr1000: pick(fmr1000),
            fmr10000: pick(fmr10000),
            zero_fmr: pick(zero),
        };
        (of(|e| e.0), of(|e| e.1))
    }

    fn walk(&self, times: &[u32], mut visit: impl FnMut(Point)) {
        let weight = |s: &Scored| {
            let (a, b) = (times[s.a as usize], times[s.b as usize]);
            if s.a == s.b {
                (u64::from(a), 0)
            } else {
                (0, u64::from(a) * u64::from(b))
            }
        };
        let (mated, non_mated) = self
            .descending
            .iter()
            .map(weight)
            .fold((0, 0), |(m, n), (a, b)| (m + a, n + b));
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let (mut matched, mut false_matched) = (0, 0);
        let fnmr = |matched| {
            if mated == 0 {
                0.0
            } else {
                1.0 - share(matched, mated)
            }
        };
        visit(Point {
            fmr: 0.0,
            fnmr: fnmr(0),
        });
        for (index, s) in self.descending.iter().enumerate() {
            let (m, n) = weight(s);
            matched += m;
            false_matched += n;
            // A threshold stands between different scores only; failures stay refused.
            let next = self.descending.get(index + 1);
            if s.score.is_nan() || next.is_some_and(|next| next.score == s.score) {
                continue;
            }
            visit(Point {
                fmr: share(false_matched, non_mated),
                fnmr: fnmr(matched),
            });
        }
    }

    fn weighted(&self, times: &[u32]) -> Rates {
        let mut rates = Rates {
            eer: 1.0,
            fmr100: 1.0,
            fmr1000: 1.0,
            fmr10000: 1.0,
            zero_fmr: 1.0,
        };
        let (mut before, mut crossed): (Option<Point>, Option<Point>) = (None, None);
        self.walk(times, |p| {
            for (rate, most) in [
                (&mut rates.fmr100, 0.01),
                (&mut rates.fmr1000, 0.001),
                (&mut rates.fmr10000, 0.0001),
                (&mut rates.zero_fmr, 0.0),
            ] {
                if p.fmr <= most + RATE_ROUNDING {
                    *rate = p.fnmr;
                }
            }
            if p.fnmr >= p.fmr - RATE_ROUNDING {
                before = Some(p);
            }
            if p.fnmr <= p.fmr + RATE_ROUNDING && crossed.is_none() {
                crossed = Some(p);
            }
        });
        let sum = |p: &Point| p.fmr + p.fnmr;
        let equal = [before, crossed]
            .into_iter()
            .flatten()
            .min_by(|p, q| sum(p).total_cmp(&sum(q)));
        rates.eer = equal.map_or(1.0, |p| f64::midpoint(p.fmr, p.fnmr));
        rates
    }
}

/// How often each owner comes, in one draw of as many as there are.
pub fn draw(owners: usize, seed: u64) -> Vec<u32> {
    let mut times = vec![0; owners];
    // SplitMix64, so that a report can be had again.
    let mut state = seed.wrapping_mul(0xD1B5_4A32_D192_ED03);
    for _ in 0..owners {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        times[((z ^ (z >> 31)) % owners as u64) as usize] += 1;
    }
    times
}

/// 2.5 % and 97.5 % of the values; 0 where there are none.
pub fn ends(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (values.len().max(1) - 1) as f64 * share;
        values.get(place.round() as usize).copied().unwrap_or(0.0)
    };
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rates::figures;

    fn scored() -> impl Strategy<Value = Vec<Scored>> {
        let one = (0u32..5, 0u32..5, 0u8..30).prop_map(|(a, b, score)| Scored {
            a,
            b,
            score: if score == 0 { f64::NAN } else { score.into() },
        });
        prop::collection::vec(one, 1..80)
    }

    proptest! {
        #[test]
        fn rates_without_drawing_are_those_of_the_table(scored in scored()) {
            let of = |mated| scored.iter().filter(|s| (s.a == s.b) == mated).map(|s| s.score).collect::<Vec<f64>>();
            let (mated, non_mated) = (of(true), of(false));
            prop_assume!(!mated.is_empty() && !non_mated.is_empty());
            let figures = figures(&mated, &non_mated);
            let rates = Sweep::new(scored.clone()).rates();
            for (a, b) in [
                (rates.fmr100, figures.fmr100), (rates.fmr1000, figures.fmr1000),
                (rates.fmr10000, figures.fmr10000), (rates.zero_fmr, figures.zero_fmr),
            ] {
                prop_assert!((a - b).abs() < 1e-9, "{} against {}", a, b);
            }
            // Failures set aside, the equal error rate is the same too; with them it may stop at the last real threshold.
            if figures.failures == 0 {
                prop_assert!((rates.eer - figures.eer).abs() < 1e-9, "{} against {}", rates.eer, figures.eer);
            }
        }

        #[test]
        fn a_draw_brings_as_many_as_there_are(seed in any::<u64>()) {
            prop_assert_eq!(draw(7, seed).iter().sum::<u32>(), 7);
        }
    }

    #[test]
    fn an_interval_holds_the_rate_and_is_the_same_again() {
        let scored: Vec<Scored> = (0..900u32)
            .map(|i| {
                let (a, b) = (i % 30, i / 30);
                let noise = f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
                Scored {
                    a,
                    b,
                    score: noise + if a == b { 0.7 } else { 0.0 },
                }
            })
            .collect();
        let sweep = Sweep::new(scored);
        let rates = sweep.rates();
        let (low, high) = sweep.intervals(300);
        assert!(
            low.eer < rates.eer && rates.eer < high.eer,
            "{low:?} {rates:?} {high:?}"
        );
        assert_eq!((low, high), sweep.intervals(300));
    }

    #[test]
    fn one_kind_alone_does_no_harm() {
        for (a, b) in [(0, 0), (0, 1)] {
            let sweep = Sweep::new(vec![Scored { a, b, score: 1.0 }]);
            let (low, high) = sweep.intervals(5);
            assert!(low.eer <= high.eer && !sweep.points().is_empty());
        }
        assert!(Sweep::new(vec![]).intervals(0).0.eer == 0.0);
    }
}
