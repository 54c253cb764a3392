//! Detection error trade-off of the traits and of their sums, from histograms of the ratios.

use super::held::{Judged, Trait};
use crate::intervals::Point;

/// Whether a comparison that does not pass its floor takes part in a sum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Floors {
    /// It is refused, whatever the other one says.
    Held,
    /// It adds like any other: what the floors cost.
    LeftOut,
}

/// The curve of one trait alone, by its ratio.
pub fn alone(part: &Trait) -> Vec<Point> {
    let of = |is_mated| shares(part, is_mated, Floors::LeftOut);
    points(&of(true), &of(false))
}

/// The curve of the sum of two, as the threshold on the sum goes down.
pub fn together(face: &Trait, finger: &Trait, floors: Floors) -> Vec<Point> {
    let sums = |is_mated| {
        let (a, b) = (
            shares(face, is_mated, floors),
            shares(finger, is_mated, floors),
        );
        let mut sums = vec![0.0; 2 * BINS - 1];
        for (i, x) in a.iter().enumerate().filter(|(_, x)| **x > 0.0) {
            for (j, y) in b.iter().enumerate() {
                sums[i + j] += x * y;
            }
        }
        sums
    };
    points(&sums(true), &sums(false))
}

/// The share of comparisons in each bin of ratios; what does not pass is in none.
fn shares(part: &Trait, is_mated: bool, floors: Floors) -> Vec<f64> {
    let mut bins = vec![0.0; BINS];
    let each = 1.0 / part.count(is_mated).max(1) as f64;
    let all = part.groups.iter().flat_map(|g| g.kind(is_mated));
    let takes_part = |j: &&Judged| j.passes || floors == Floors::LeftOut;
    for j in all.filter(takes_part) {
        let bin = ((j.llr - LOWEST) / WIDTH).round().max(0.0) as usize;
        bins[bin.min(BINS - 1)] += each;
    }
    bins
}

fn points(mated: &[f64], non_mated: &[f64]) -> Vec<Point> {
    let (mut matched, mut false_matched) = (0.0, 0.0);
    let mut points = vec![Point {
        fmr: 0.0,
        fnmr: 1.0,
    }];
    for (m, n) in mated.iter().zip(non_mated).rev() {
        if *m == 0.0 && *n == 0.0 {
            continue;
        }
        matched += m;
        false_matched += n;
        points.push(Point {
            fmr: false_matched,
            fnmr: f64::max(1.0 - matched, 0.0),
        });
    }
    points
}

/// The lowest FNMR with at most this FMR.
pub fn fnmr_at(points: &[Point], fmr: f64) -> f64 {
    let within = points.iter().filter(|p| p.fmr <= fmr * (1.0 + SLACK));
    within.map(|p| p.fnmr).fold(1.0, f64::min)
}

/// Ratios are capped well within.
const LOWEST: f64 = -15.0;
const WIDTH: f64 = 0.02;
const BINS: usize = 1_500;
const SLACK: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_nobody_to_everybody() {
        let curve = points(&[0.0, 0.5, 0.5], &[0.9, 0.1, 0.0]);
        let rates: Vec<(f64, f64)> = curve.iter().map(|p| (p.fmr, p.fnmr)).collect();
        assert_eq!(rates, [(0.0, 1.0), (0.0, 0.5), (0.1, 0.0), (1.0, 0.0)]);
        assert_eq!(fnmr_at(&curve, 0.05), 0.5);
        assert_eq!(fnmr_at(&curve, 0.1), 0.0);
    }
}
