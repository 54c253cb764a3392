//! The knots of a comparator's calibration, from its scores on development data.
//!
//! At each knot, the likelihood ratio is that of the scores around it, made monotone by pooling adjacent
//! violators; the false match rate is that of the knot as a threshold. Where fewer than thirty scores of a
//! kind lie beyond, the data say nothing more (Doddington's rule of thirty): there the ratio stays, and the
//! curve ends. Where several protocols are given, the worst false match rate counts.

use matcher::score::Knot;

use super::pairs::Pairs;

/// The knots of the first protocol's sorted scores, with the highest false match rate of all of them.
pub(super) fn knots(protocols: &[&Pairs]) -> Vec<Knot> {
    let Some(Pairs { mated, non_mated }) = protocols.first() else {
        return Vec::new();
    };
    let (Some(lowest), Some(highest)) = (
        mated.get(LEAST_COUNT),
        non_mated
            .len()
            .checked_sub(LEAST_COUNT)
            .map(|i| non_mated[i]),
    ) else {
        return Vec::new();
    };
    // Below the lowest validated ratio the false match rate is still known, up to 1 at the first knot.
    let first = (non_mated.first().unwrap_or(lowest) / STEP).floor() as i32;
    let mut scores: Vec<f64> = (first..)
        .map(|i| f64::from(i) * STEP)
        .take_while(|s| *s < highest)
        .collect();
    scores.push(highest);

    let ratios: Vec<f64> = scores
        .iter()
        .map(|s| s.max(*lowest))
        .map(|s| (share_around(mated, s) / share_around(non_mated, s)).ln())
        .collect();
    let worst = |score: f64| {
        protocols
            .iter()
            .map(|p| false_match_rate(&p.non_mated, score))
            .fold(0.0, f64::max)
    };
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

/// Share of the scores within half a step of `score`; the added half keeps an empty window from being infinite.
fn share_around(scores: &[f64], score: f64) -> f64 {
    let (from, to) = (score - STEP / 2.0, score + STEP / 2.0);
    (above(scores, from) - above(scores, to) + 0.5) / (scores.len() as f64 + 1.0)
}

/// One more false match than was seen: a small protocol states no rate that it could not have shown.
fn false_match_rate(non_mated: &[f64], threshold: f64) -> f64 {
    ((above(non_mated, threshold) + 1.0) / non_mated.len() as f64).min(1.0)
}

fn above(ascending: &[f64], score: f64) -> f64 {
    (ascending.len() - ascending.partition_point(|s| *s < score)) as f64
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

/// Distance of the knots, in score.
const STEP: f64 = 0.05;
/// Scores of a kind that must lie beyond a knot.
const LEAST_COUNT: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled() {
        assert_eq!(ascending(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(ascending(&[3.0, 2.0, 1.0]), [2.0; 3]);
    }

    #[test]
    fn knots_ascend_and_state_the_rate_of_their_score() {
        let non_mated: Vec<f64> = (0..10_000).map(|i| f64::from(i) / 20_000.0).collect();
        let mated: Vec<f64> = (0..10_000).map(|i| 0.3 + f64::from(i) / 20_000.0).collect();
        let found = knots(&[&Pairs { mated, non_mated }]);
        assert!(
            found
                .windows(2)
                .all(|k| k[0].score < k[1].score && k[0].llr <= k[1].llr)
        );
        assert!(found.windows(2).all(|k| k[0].log10_fmr >= k[1].log10_fmr));
        let middle = found
            .iter()
            .find(|k| (k.score - 0.4).abs() < 1e-9)
            .expect("a knot at 0.4");
        assert_eq!(found[0].log10_fmr, 0.0);
        assert!((middle.log10_fmr - 0.2f64.log10()).abs() < 1e-3 && middle.llr.abs() < 0.02);
    }
}
