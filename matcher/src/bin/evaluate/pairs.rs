//! The scores of mated and non-mated comparisons, and the table of their error rates.

use crate::intervals::Scored;
use crate::rates;

/// Scores of one protocol; a failure to make a template is NaN until sorted, and then the least score.
#[derive(Default)]
pub struct Pairs {
    pub mated: Vec<f64>,
    pub non_mated: Vec<f64>,
}

impl Pairs {
    /// The scores of comparisons, mated where both samples are of one person.
    pub fn of(scored: impl IntoIterator<Item = Scored>) -> Self {
        let mut pairs = Self::default();
        for s in scored {
            pairs.add(s.a == s.b, s.score);
        }
        pairs
    }

    /// Adds the score of two images of one person, or of two people.
    pub fn add(&mut self, is_mated: bool, score: f64) {
        if is_mated {
            self.mated.push(score)
        } else {
            self.non_mated.push(score)
        }
    }

    /// Puts both kinds into ascending order.
    pub fn sort(&mut self) {
        for scores in [&mut self.mated, &mut self.non_mated] {
            scores
                .iter_mut()
                .filter(|s| s.is_nan())
                .for_each(|s| *s = f64::NEG_INFINITY);
            scores.sort_unstable_by(f64::total_cmp);
        }
    }

    /// Prints the error rates of sorted scores.
    pub fn report(&self, what: &str) {
        let (mated, non_mated) = (self.mated.len(), self.non_mated.len());
        if mated == 0 || non_mated == 0 {
            println!("{what}: too few images for an error rate");
            return;
        }
        println!("{what}: {mated} mated, {non_mated} non-mated comparisons");
        println!(
            "  EER {:.2} %",
            100.0 * rates::figures(&self.mated, &self.non_mated).eer
        );
        for fmr in RATES {
            match self.at_fmr(fmr) {
                Some((threshold, fnmr)) => println!(
                    "  FNMR at FMR {fmr:.0e}: {:.2} % (score {threshold:.3})",
                    100.0 * fnmr
                ),
                None => println!("  FNMR at FMR {fmr:.0e}: too few non-mated comparisons"),
            }
        }
    }

    /// The threshold above which at most `fmr` of the non-mated scores lie, and the share of mated scores
    /// not above it. `None` where not even one non-mated score makes that rate.
    fn at_fmr(&self, fmr: f64) -> Option<(f64, f64)> {
        let count = self.non_mated.len() as f64;
        if count * fmr < 1.0 - ROUNDING {
            return None;
        }
        let index = ((count * (1.0 - fmr)).ceil() as usize).min(self.non_mated.len() - 1);
        let threshold = *self.non_mated.get(index)?;
        let missed = self.mated.partition_point(|s| *s <= threshold);
        Some((threshold, missed as f64 / self.mated.len() as f64))
    }
}

const RATES: [f64; 3] = [1e-3, 1e-4, 1e-5];
/// Slack, so that rounding does not cost the last comparison.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_lets_the_stated_share_through() {
        let pairs = Pairs {
            mated: vec![500.0, 998.0, 999.0, 1500.0],
            non_mated: (0..1000).map(f64::from).collect(),
        };
        assert_eq!(pairs.at_fmr(1e-3), Some((999.0, 0.75)));
        assert_eq!(pairs.at_fmr(1e-2), Some((990.0, 0.25)));
        assert_eq!(pairs.at_fmr(1e-4), None);
    }

    #[test]
    fn a_failure_is_the_least_score() {
        let mut pairs = Pairs::default();
        for (is_mated, score) in [
            (true, 0.9),
            (true, f64::NAN),
            (false, 0.1),
            (false, f64::NAN),
        ] {
            pairs.add(is_mated, score);
        }
        pairs.sort();
        assert_eq!(pairs.mated, [f64::NEG_INFINITY, 0.9]);
        assert_eq!(pairs.non_mated, [f64::NEG_INFINITY, 0.1]);
    }
}
