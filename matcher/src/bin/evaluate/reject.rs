//! Error versus reject: how many mated comparisons fail when the worst samples are turned away (ISO/IEC 29794-1, annex on ERC).
//!
//! The threshold stays where it is with all samples, so that only the quality decides. Intervals are bootstrapped over fingers.

/// A mated comparison of two samples, by their place among the qualities.
#[derive(Clone, Copy)]
pub struct Mated {
    pub a: usize,
    pub b: usize,
    pub finger: usize,
    pub score: f64,
}

/// One point of the characteristic; rates are fractions.
#[derive(Debug, PartialEq)]
pub struct Point {
    /// Share of samples turned away.
    pub rejected: f64,
    /// Quality that the rest has at least.
    pub least_quality: u8,
    /// FNMR of the rest.
    pub fnmr: f64,
    /// Reduction of the FNMR against all samples, and its interval of 95 %.
    pub reduction: (f64, [f64; 2]),
}

/// The characteristic at these shares. A score that is not above `threshold`, or is no number, does not match.
pub fn characteristic(
    qualities: &[u8],
    mated: &[Mated],
    threshold: f64,
    shares: &[f64],
) -> Vec<Point> {
    let mut order: Vec<usize> = (0..qualities.len()).collect();
    order.sort_by_key(|&i| (qualities[i], i));
    let fingers = mated.iter().map(|m| m.finger + 1).max().unwrap_or(0);
    let count = |dropped: &[bool]| {
        let mut counts = vec![[0u32; 2]; fingers];
        for m in mated.iter().filter(|m| !dropped[m.a] && !dropped[m.b]) {
            counts[m.finger][0] += 1;
            let matches = m.score > threshold;
            counts[m.finger][1] += u32::from(!matches);
        }
        counts
    };
    let all = count(&vec![false; qualities.len()]);
    let point = |&share: &f64| {
        let worst = (share * qualities.len() as f64).round() as usize;
        let mut dropped = vec![false; qualities.len()];
        order.iter().take(worst).for_each(|&i| dropped[i] = true);
        let kept = count(&dropped);
        let every: Vec<usize> = (0..fingers).collect();
        Point {
            rejected: share,
            least_quality: order.get(worst).map_or(100, |&i| qualities[i]),
            fnmr: rate(&kept, &every),
            reduction: (reduction(&all, &kept, &every), interval(&all, &kept)),
        }
    };
    shares.iter().map(point).collect()
}

/// The lowest threshold above which at most `fmr` of the non-mated scores lie.
pub fn threshold_at(non_mated: &[f64], fmr: f64) -> f64 {
    let mut scores: Vec<f64> = non_mated.iter().copied().filter(|s| !s.is_nan()).collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let allowed = (non_mated.len() as f64 * fmr + 1e-9) as usize;
    scores.get(allowed).copied().unwrap_or(f64::NEG_INFINITY)
}

fn rate(counts: &[[u32; 2]], fingers: &[usize]) -> f64 {
    let sum = |k: usize| {
        fingers
            .iter()
            .map(|&f| f64::from(counts[f][k]))
            .sum::<f64>()
    };
    if sum(0) > 0.0 { sum(1) / sum(0) } else { 0.0 }
}

fn reduction(all: &[[u32; 2]], kept: &[[u32; 2]], fingers: &[usize]) -> f64 {
    let before = rate(all, fingers);
    if before > 0.0 {
        1.0 - rate(kept, fingers) / before
    } else {
        0.0
    }
}

fn interval(all: &[[u32; 2]], kept: &[[u32; 2]]) -> [f64; 2] {
    let fingers = all.len();
    if fingers == 0 {
        return [0.0; 2];
    }
    // Knuth's MMIX constants: the same draws in every run.
    let mut state = 1u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % fingers
    };
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let some: Vec<usize> = (0..fingers).map(|_| draw()).collect();
            reduction(all, kept, &some)
        })
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    [drawn[DRAWS / 40], drawn[DRAWS - 1 - DRAWS / 40]]
}

const DRAWS: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejecting_the_worst_sample_takes_its_comparisons_away() {
        let mated = |a, b, finger, score| Mated {
            a,
            b,
            finger,
            score,
        };
        // Sample 0 is poor, and what it takes part in fails.
        let all = [
            mated(0, 1, 0, -1.0),
            mated(1, 2, 0, 5.0),
            mated(3, 4, 1, 5.0),
            mated(0, 2, 0, f64::NAN),
        ];
        let points = characteristic(&[10, 80, 70, 60, 90], &all, 1.0, &[0.0, 0.2, 1.0]);
        assert_eq!((points[0].fnmr, points[0].least_quality), (0.5, 10));
        assert_eq!((points[1].fnmr, points[1].least_quality), (0.0, 60));
        assert_eq!(points[1].reduction.0, 1.0);
        assert_eq!(points[2].fnmr, 0.0);
        assert!(characteristic(&[], &[], 0.0, &[0.1])[0].fnmr == 0.0);
    }

    #[test]
    fn the_threshold_leaves_the_allowed_share_above_it() {
        let scores: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(threshold_at(&scores, 0.001), 998.0);
        assert_eq!(threshold_at(&scores, 0.0), 999.0);
        assert_eq!(threshold_at(&[f64::NAN], 0.0), f64::NEG_INFINITY);
    }
}
