//! One trait's comparisons, each judged by a curve that neither of its two people had a part in.

use std::collections::BTreeMap;

use matcher::fusion::Weight;
use matcher::score::Calibration;
use rayon::prelude::*;

use crate::calibration::{Fit, knots};
use crate::cost::{cllr, least_cllr};
use crate::intervals::Scored;
use crate::pairs::Pairs;

/// One comparison as its curve sees it.
#[derive(Debug, Clone)]
pub struct Judged {
    pub a: u32,
    pub b: u32,
    pub llr: f64,
    /// Of this comparison alone.
    pub false_match_rate: f64,
    /// Whether it passes the floor.
    pub passes: bool,
}

/// The comparisons that one curve judges.
pub struct Group {
    /// A weight at the curve's cap: it carries the tail.
    pub certain: Weight,
    pub mated: Vec<Judged>,
    pub non_mated: Vec<Judged>,
}

/// A trait, judged.
pub struct Trait {
    pub name: &'static str,
    /// How many people or fingers there are.
    pub people: usize,
    pub groups: Vec<Group>,
    pub cllr: f64,
    pub least_cllr: f64,
}

impl Trait {
    /// Judges comparisons by curves fitted to the people outside both of their folds, as the comparator's own curve is:
    /// ratios of the first protocol of `fit`, false match rates of whichever has more. `None` where too few are left.
    pub fn judged(
        name: &'static str,
        test: &[Scored],
        fit: &[&[Scored]],
        (how, folds): (Fit, u32),
    ) -> Option<Self> {
        let key = |s: &Scored| {
            let (a, b) = (s.a % folds, s.b % folds);
            (a.min(b), a.max(b))
        };
        let mut groups: BTreeMap<(u32, u32), Vec<Scored>> = BTreeMap::new();
        for scored in test {
            groups.entry(key(scored)).or_default().push(*scored);
        }
        let groups: Option<Vec<Group>> = groups
            .into_par_iter()
            .map(|((i, j), scored)| {
                let is_outside = |person: u32| person % folds != i && person % folds != j;
                let fitted = fit.iter().map(|protocol| {
                    let outside = protocol
                        .iter()
                        .filter(|s| is_outside(s.a) && is_outside(s.b));
                    let mut pairs = Pairs::of(outside.copied());
                    pairs.sort();
                    pairs
                });
                let fitted: Vec<Pairs> = fitted.collect();
                let curve = knots(&fitted.iter().collect::<Vec<_>>(), how);
                let curve = (curve.len() > 1).then(|| Calibration {
                    knots: curve.into(),
                })?;
                Group::of(&curve, &scored)
            })
            .collect();
        let groups = groups?;
        let ratios = |is_mated: bool| -> Vec<f64> {
            let of = |group: &Group| -> Vec<f64> {
                group.kind(is_mated).iter().map(|j| j.llr).collect()
            };
            groups.iter().flat_map(of).collect()
        };
        let (mated, non_mated) = (ratios(true), ratios(false));
        let people = test.iter().map(|s| s.a.max(s.b) as usize + 1).max()?;
        Some(Self {
            name,
            people,
            cllr: cllr(&mated, &non_mated),
            least_cllr: least_cllr(&mated, &non_mated),
            groups,
        })
    }

    /// How many comparisons of a kind there are.
    pub fn count(&self, is_mated: bool) -> usize {
        self.groups.iter().map(|g| g.kind(is_mated).len()).sum()
    }

    /// Where the curves end.
    pub fn tail_in_words(&self) -> String {
        let rates = self.groups.iter().map(|g| g.certain.false_match_rate());
        let (least, most) = rates.fold((1.0, 0.0), |(a, b): (f64, f64), r| (a.min(r), b.max(r)));
        let caps = self.groups.iter().map(|g| g.certain.llr());
        let (low, high) = caps.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), c| {
            (a.min(c), b.max(c))
        });
        format!("to {least:.1e}..{most:.1e}, ratios to {low:.1}..{high:.1}")
    }
}

impl Group {
    fn of(curve: &Calibration, scored: &[Scored]) -> Option<Self> {
        let certain = curve.weigh(f64::INFINITY)?;
        let judge = |s: &Scored| Judged {
            a: s.a,
            b: s.b,
            llr: curve.llr(s.score),
            false_match_rate: curve.false_match_rate(s.score),
            passes: curve.weigh(s.score).is_some(),
        };
        let (mated, non_mated): (Vec<&Scored>, Vec<&Scored>) =
            scored.iter().partition(|s| s.a == s.b);
        Some(Self {
            certain,
            mated: mated.into_iter().map(judge).collect(),
            non_mated: non_mated.into_iter().map(judge).collect(),
        })
    }

    /// Its comparisons of one kind.
    pub fn kind(&self, is_mated: bool) -> &[Judged] {
        if is_mated {
            &self.mated
        } else {
            &self.non_mated
        }
    }
}
