//! What log-likelihood ratios cost whoever decides by them, and how much of it is calibration.

/// The cost of log-likelihood ratios in bits (Brummer and du Preez 2006): 0 is perfect, 1 says nothing.
pub fn cllr(mated: &[f64], non_mated: &[f64]) -> f64 {
    let mean = |ratios: &[f64], sign: f64| {
        let cost = ratios.iter().map(|r| (sign * r).exp().ln_1p());
        cost.sum::<f64>() / ratios.len().max(1) as f64
    };
    f64::midpoint(mean(mated, -1.0), mean(non_mated, 1.0)) / std::f64::consts::LN_2
}

/// The cost that the best monotone map of the same scores would have.
pub fn least_cllr(mated: &[f64], non_mated: &[f64]) -> f64 {
    let (m, n) = (mated.len().max(1) as f64, non_mated.len().max(1) as f64);
    let all = mated.iter().map(|s| (*s, 1.0 / m, 0.0));
    let mut all: Vec<_> = all
        .chain(non_mated.iter().map(|s| (*s, 0.0, 1.0 / n)))
        .collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
    for (score, a, b) in all {
        let mut block = (score, a, b);
        let joins = |last: &mut (f64, f64, f64), block: &(f64, f64, f64)| {
            last.0 == block.0 || last.1 * block.2 >= block.1 * last.2
        };
        while let Some(last) = blocks.pop_if(|last| joins(last, &block)) {
            block = (block.0, last.1 + block.1, last.2 + block.2);
        }
        blocks.push(block);
    }
    // Of a block, p is the share of mated weight; its ratio is p / (1 - p).
    let cost = blocks.iter().map(|(_, a, b)| {
        let p = a / (a + b);
        let part = |weight: f64, p: f64| {
            if weight > 0.0 {
                -weight * p.log2()
            } else {
                0.0
            }
        };
        part(*a, p) + part(*b, 1.0 - p)
    });
    cost.sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_nothing_for_a_sure_and_right_ratio_and_one_for_a_silent_one() {
        assert!(cllr(&[40.0], &[-40.0]) < 1e-12);
        assert!((cllr(&[0.0, 0.0], &[0.0]) - 1.0).abs() < 1e-12);
        assert!(cllr(&[-5.0], &[5.0]) > 5.0);
    }

    #[test]
    fn the_least_cost_depends_on_the_order_alone() {
        assert_eq!(least_cllr(&[3.0, 2.0], &[1.0, 0.5, 0.0]), 0.0);
        assert!((least_cllr(&[1.0], &[1.0, 1.0]) - 1.0).abs() < 1e-12);
        let (mated, non_mated) = ([0.2, 1.0, 2.0, 3.0], [-2.0, -1.0, 0.5, 0.1]);
        let least = least_cllr(&mated, &non_mated);
        assert!(least > 0.0 && least <= cllr(&mated, &non_mated));
        let tenfold = |scores: [f64; 4]| scores.map(|s| 10.0 * s + 7.0);
        assert!((least_cllr(&tenfold(mated), &tenfold(non_mated)) - least).abs() < 1e-12);
    }
}
