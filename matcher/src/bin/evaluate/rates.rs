//! Error rates of a comparator from its mated and non-mated scores, as the FVC protocol defines them.
//!
//! A comparison is accepted when its score reaches the threshold. Every distinct score is tried as a threshold, and one above
//! all of them. A score of NaN means that a template could not be made: it counts as lower than every other score, which
//! is how FVC counts a failure to enrol (Maio et al., FVC2000; ISO/IEC 19795-1 generalised rates).

/// The figures of one comparator on one set of comparisons; rates are fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Mated comparisons.
    pub mated: usize,
    /// Non-mated comparisons.
    pub non_mated: usize,
    /// Comparisons of both kinds for which no template could be made.
    pub failures: usize,
    /// Equal error rate: the mean of FMR and FNMR where they are closest.
    pub eer: f64,
    /// Threshold at the equal error rate.
    pub eer_threshold: f64,
    /// Lowest FNMR with an FMR of at most 1 %.
    pub fmr100: f64,
    /// Lowest FNMR with an FMR of at most 0.1 %.
    pub fmr1000: f64,
    /// Lowest FNMR with an FMR of at most 0.01 %.
    pub fmr10000: f64,
    /// Lowest FNMR without any false match.
    pub zero_fmr: f64,
    /// Lowest score that no non-mated comparison reaches.
    pub zero_threshold: f64,
}

/// Rates over all thresholds. Without a comparison of one kind, the rate of that kind is 0.
pub fn figures(mated: &[f64], non_mated: &[f64]) -> Figures {
    let failures = mated.iter().chain(non_mated).filter(|s| s.is_nan()).count();
    let (mated, non_mated) = (ascending(mated), ascending(non_mated));
    let mut thresholds: Vec<f64> = mated.iter().chain(&non_mated).copied().collect();
    thresholds.sort_unstable_by(f64::total_cmp);
    thresholds.dedup();
    thresholds.push(f64::INFINITY);

    let points: Vec<Point> = thresholds
        .iter()
        .map(|&threshold| Point {
            threshold,
            fmr: 1.0 - share_below(&non_mated, threshold, 1.0),
            fnmr: share_below(&mated, threshold, 0.0),
        })
        .collect();
    let equal = equal_error(&points);
    Figures {
        mated: mated.len(),
        non_mated: non_mated.len(),
        failures,
        eer: f64::midpoint(equal.fmr, equal.fnmr),
        eer_threshold: equal.threshold,
        fmr100: least_accepting(&points, 0.01).fnmr,
        fmr1000: least_accepting(&points, 0.001).fnmr,
        fmr10000: least_accepting(&points, 0.0001).fnmr,
        zero_fmr: least_accepting(&points, 0.0).fnmr,
        zero_threshold: least_accepting(&points, 0.0).threshold,
    }
}

#[derive(Clone, Copy)]
struct Point {
    threshold: f64,
    fmr: f64,
    fnmr: f64,
}

/// Slack on a rate, so that rounding in a division does not cost a threshold.
pub const RATE_ROUNDING: f64 = 1e-12;

fn ascending(scores: &[f64]) -> Vec<f64> {
    let mut scores: Vec<f64> = scores
        .iter()
        .map(|s| {
            if s.is_nan() {
                f64::NEG_INFINITY
            } else {
                *s + 0.0
            }
        })
        .collect();
    scores.sort_unstable_by(f64::total_cmp);
    scores
}

fn share_below(ascending: &[f64], threshold: f64, when_empty: f64) -> f64 {
    if ascending.is_empty() {
        return when_empty;
    }
    ascending.partition_point(|s| *s < threshold) as f64 / ascending.len() as f64
}

/// FVC: of the greatest threshold with FNMR <= FMR and the least with FNMR >= FMR, the one with the smaller sum.
fn equal_error(points: &[Point]) -> Point {
    let last = points.len() - 1;
    let upper = points
        .iter()
        .position(|p| p.fnmr >= p.fmr - RATE_ROUNDING)
        .unwrap_or(last);
    let lower = if points[upper].fnmr > points[upper].fmr + RATE_ROUNDING {
        upper.saturating_sub(1)
    } else {
        upper
    };
    let sum = |p: &Point| p.fmr + p.fnmr;
    if sum(&points[lower]) <= sum(&points[upper]) {
        points[lower]
    } else {
        points[upper]
    }
}

fn least_accepting(points: &[Point], fmr: f64) -> Point {
    points
        .iter()
        .find(|p| p.fmr <= fmr + RATE_ROUNDING)
        .copied()
        .unwrap_or(points[points.len() - 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn separated_scores_have_no_errors() {
        let f = figures(&[0.9, 0.8, 0.7], &[0.1, 0.2, 0.3, 0.4]);
        assert_eq!(
            (f.eer, f.fmr100, f.zero_fmr, f.zero_threshold),
            (0.0, 0.0, 0.0, 0.7)
        );
    }

    #[test]
    fn one_overlapping_pair_costs_what_it_should() {
        // One of four mated scores lies below one of four non-mated scores.
        let f = figures(&[0.9, 0.8, 0.7, 0.35], &[0.1, 0.2, 0.3, 0.4]);
        assert_eq!((f.eer, f.fmr100, f.zero_fmr), (0.25, 0.25, 0.25));
    }

    #[test]
    fn a_failure_counts_as_the_lowest_score() {
        let f = figures(&[0.9, f64::NAN], &[0.1, f64::NAN]);
        assert_eq!(
            (f.failures, f.zero_fmr, f.mated, f.non_mated),
            (2, 0.5, 2, 2)
        );
    }

    #[test]
    fn an_empty_kind_has_rate_zero() {
        let f = figures(&[], &[]);
        assert_eq!((f.eer, f.zero_fmr), (0.0, 0.0));
        assert_eq!(figures(&[1.0], &[]).zero_fmr, 0.0);
    }

    proptest! {
        #[test]
        fn rates_agree_with_counting(mated in prop::collection::vec(0u8..20, 1..40), non_mated in prop::collection::vec(0u8..20, 1..40)) {
            let (m, n): (Vec<f64>, Vec<f64>) = (mated.iter().map(|&v| v.into()).collect(), non_mated.iter().map(|&v| v.into()).collect());
            let highest = non_mated.iter().max().expect("not empty");
            let missed = mated.iter().filter(|v| *v <= highest).count() as f64 / mated.len() as f64;
            let f = figures(&m, &n);
            prop_assert!((f.zero_fmr - missed).abs() < 1e-12);
            prop_assert!(f.fmr100 <= f.fmr1000 && f.fmr1000 <= f.fmr10000 && f.fmr10000 <= f.zero_fmr && (0.0..=1.0).contains(&f.eer));
        }
    }
}
