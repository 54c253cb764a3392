//! Every face comparison beside every finger comparison: what a policy states of them alone and together, and what was
//! measured.

use matcher::fusion::{Weight, false_match_rate, least_false_match_rate};
use rayon::prelude::*;

use super::held::{Judged, Trait};
use crate::cost::{cllr, least_cllr};
use crate::intervals::{draw, ends};

/// A rate or a ratio with its 95 % interval.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// A decision, and what came of it.
pub struct Row {
    pub what: String,
    pub fnmr: Measured,
    pub fmr: Measured,
}

impl Row {
    /// For the terminal.
    pub fn in_words(&self) -> String {
        let percent = |m: &Measured| {
            format!(
                "{:.2} % [{:.2}-{:.2}]",
                100.0 * m.value,
                100.0 * m.low,
                100.0 * m.high
            )
        };
        format!(
            "{:<42} FNMR {}, FMR measured {:.1e} [{:.1e}-{:.1e}]",
            self.what,
            percent(&self.fnmr),
            self.fmr.value,
            self.fmr.low,
            self.fmr.high
        )
    }
}

/// What was measured of a pair of traits.
pub struct Outcome {
    pub rows: Vec<Row>,
    /// FNMR of the pair at [`RATE_OF_TWO`] over that of the better trait at [`RATE_OF_ONE`].
    pub ratio: Measured,
    /// Of the sums of drawn pairs of comparisons.
    pub cllr: f64,
    pub least_cllr: f64,
}

impl Outcome {
    /// Measures both traits alone, the floors, and the pair.
    pub fn of(face: &Trait, finger: &Trait) -> Self {
        let pair = Pair::of(face, finger);
        let measure = |times: &[Vec<u32>; 2]| Rates::of(&pair, times);
        let once = [vec![1; face.people], vec![1; finger.people]];
        let value = measure(&once);
        let drawn: Vec<Rates> = (0..DRAWS)
            .into_par_iter()
            .map(|seed| {
                // Different seeds, or the two draws would go together.
                measure(&[
                    draw(face.people, 2 * seed),
                    draw(finger.people, 2 * seed + 1),
                ])
            })
            .collect();
        let with = |of: &dyn Fn(&Rates) -> f64| {
            let (low, high) = ends(drawn.iter().map(of).collect());
            let value = of(&value);
            Measured { value, low, high }
        };
        let rows = DECISIONS.iter().enumerate().map(|(k, what)| Row {
            what: (*what).to_owned(),
            fnmr: with(&|rates| 1.0 - rates.mated[k]),
            fmr: with(&|rates| rates.non_mated[k]),
        });
        let (mated, non_mated) = (pair.sums(true), pair.sums(false));
        Self {
            rows: rows.collect(),
            ratio: with(&Rates::ratio),
            cllr: cllr(&mated, &non_mated),
            least_cllr: least_cllr(&mated, &non_mated),
        }
    }
}

/// Shares accepted by each of [`DECISIONS`].
struct Rates {
    mated: [f64; DECISIONS.len()],
    non_mated: [f64; DECISIONS.len()],
}

impl Rates {
    fn of(pair: &Pair, times: &[Vec<u32>; 2]) -> Self {
        let shares = |is_mated: bool| {
            let alone = |k: usize, rate: f64| {
                let accepts = |j: &Judged| j.false_match_rate <= rate * (1.0 + SLACK);
                share(pair.traits[k], is_mated, &times[k], accepts)
            };
            let floors: [f64; 2] =
                [0, 1].map(|k| share(pair.traits[k], is_mated, &times[k], |j| j.passes));
            [
                alone(0, RATE_OF_ONE),
                alone(1, RATE_OF_ONE),
                alone(0, RATE_OF_ONE) * alone(1, RATE_OF_ONE),
                floors[0] * floors[1],
                pair.share(is_mated, times),
            ]
        };
        Self {
            mated: shares(true),
            non_mated: shares(false),
        }
    }

    fn ratio(&self) -> f64 {
        let fnmr = self.mated.map(|share| 1.0 - share);
        let better = fnmr[0].min(fnmr[1]);
        // Where the better one alone misses nobody there is nothing to gain.
        if better > 0.0 { fnmr[4] / better } else { 1.0 }
    }
}

fn weight(j: &Judged, times: &[u32]) -> f64 {
    let a = f64::from(times[j.a as usize]);
    if j.a == j.b {
        a
    } else {
        a * f64::from(times[j.b as usize])
    }
}

fn share(part: &Trait, is_mated: bool, times: &[u32], accepts: impl Fn(&Judged) -> bool) -> f64 {
    let (mut accepted, mut all) = (0.0, 0.0);
    for j in part.groups.iter().flat_map(|g| g.kind(is_mated)) {
        let weight = weight(j, times);
        all += weight;
        if accepts(j) {
            accepted += weight;
        }
    }
    accepted / f64::max(all, 1.0)
}

/// Both traits, and for each pair of their curves the least sum that is accepted.
struct Pair<'a> {
    traits: [&'a Trait; 2],
    least_sums: Vec<Vec<f64>>,
}

impl<'a> Pair<'a> {
    fn of(face: &'a Trait, finger: &'a Trait) -> Self {
        let least_sums = face.groups.par_iter().map(|f| {
            let with = |g: &Weight| least_sum(&f.certain, g);
            finger.groups.iter().map(|g| with(&g.certain)).collect()
        });
        Self {
            traits: [face, finger],
            least_sums: least_sums.collect(),
        }
    }

    /// The share of all pairs of comparisons in which both pass their floors and the sum is accepted.
    fn share(&self, is_mated: bool, times: &[Vec<u32>; 2]) -> f64 {
        let [face, finger] = self.traits;
        // Of each finger curve: the ratios that pass, from the highest, and how much lies above each.
        let above: Vec<Vec<(f64, f64)>> = finger
            .groups
            .iter()
            .map(|group| {
                let passing = group.kind(is_mated).iter().filter(|j| j.passes);
                let mut sorted: Vec<(f64, f64)> =
                    passing.map(|j| (j.llr, weight(j, &times[1]))).collect();
                sorted.sort_by(|x, y| y.0.total_cmp(&x.0));
                let mut sum = 0.0;
                sorted.iter_mut().for_each(|(_, weight)| {
                    sum += *weight;
                    *weight = sum;
                });
                sorted
            })
            .collect();
        let total = |part: &Trait, times: &[u32]| -> f64 {
            let all = part.groups.iter().flat_map(|g| g.kind(is_mated));
            all.map(|j| weight(j, times)).sum()
        };
        let mut accepted = 0.0;
        for (group, sums) in face.groups.iter().zip(&self.least_sums) {
            for j in group.kind(is_mated).iter().filter(|j| j.passes) {
                let reached: f64 = above
                    .iter()
                    .zip(sums)
                    .map(|(ratios, least)| {
                        let count = ratios.partition_point(|(llr, _)| llr + j.llr >= least - SLACK);
                        count.checked_sub(1).map_or(0.0, |last| ratios[last].1)
                    })
                    .sum();
                accepted += weight(j, &times[0]) * reached;
            }
        }
        accepted / f64::max(total(face, &times[0]) * total(finger, &times[1]), 1.0)
    }

    /// The sums of pairs of comparisons, drawn evenly over both.
    fn sums(&self, is_mated: bool) -> Vec<f64> {
        let [face, finger] = self.traits.map(|part| {
            let all = part.groups.iter().flat_map(|g| g.kind(is_mated));
            all.map(|j| j.llr).collect::<Vec<f64>>()
        });
        let count = DRAWN_SUMS.min(face.len() * finger.len());
        (0..count)
            .map(|k| {
                let at = |all: &[f64], stride: usize| all[k.wrapping_mul(stride) % all.len()];
                at(&face, STRIDES[0]) + at(&finger, STRIDES[1])
            })
            .collect()
    }
}

/// The least sum whose false match rate is accepted; infinite where no sum is.
fn least_sum(face: &Weight, finger: &Weight) -> f64 {
    if least_false_match_rate(&[face, finger]) > RATE_OF_TWO {
        return f64::INFINITY;
    }
    let rate = |sum: f64| matcher::fusion::sum_false_match_rate(&[face, finger], sum);
    let (mut low, mut high) = (-LARGE, face.llr() + finger.llr());
    debug_assert!(false_match_rate(&[face, finger]) <= RATE_OF_TWO);
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if rate(middle) <= RATE_OF_TWO * (1.0 + SLACK) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// What a policy accepts of one trait alone, and of two together.
pub const RATE_OF_ONE: f64 = 1e-4;
pub const RATE_OF_TWO: f64 = 1e-6;
const DECISIONS: [&str; 5] = [
    "face alone, stated FMR 1e-4",
    "finger alone, stated FMR 1e-4",
    "both, each at a stated FMR of 1e-4",
    "both floors, each at a stated FMR of 1e-2",
    "the pair: floors and sum, stated FMR 1e-6",
];
const DRAWS: u64 = 400;
const DRAWN_SUMS: usize = 1_000_000;
/// Primes, so that a drawn pair of comparisons goes through all of both.
const STRIDES: [usize; 2] = [7_919, 104_729];
const BISECTIONS: usize = 40;
/// Further than any sum of ratios goes.
const LARGE: f64 = 50.0;
const SLACK: f64 = 1e-9;
