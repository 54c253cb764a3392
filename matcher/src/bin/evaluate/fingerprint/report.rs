//! `evaluate fingerprint --report`: the outcome of an evaluation as one page, with the pairs that went worst drawn.

use std::fs;
use std::path::Path;

use anyhow::Context;
use matcher::fingerprint::{MODEL, Params};
use rayon::prelude::*;

use super::compare::{Compared, worth};
use super::input::Input;
use super::{Comparison, Outcome, progress};
use crate::intervals::Scored;
use crate::report::{Pooling, Report, Set, Worst};

/// Writes the page.
pub(super) fn write(path: &Path, outcomes: &[Outcome], input: Input) -> anyhow::Result<()> {
    let report = Report {
        title: "Fingerprint evaluation",
        model: MODEL,
        sets: outcomes.iter().map(set).collect(),
        pooling: Pooling::Together,
        tables: Vec::new(),
        worst_mated: worst(outcomes, true, input)?,
        worst_non_mated: worst(outcomes, false, input)?,
    };
    fs::write(path, report.page()).with_context(|| format!("cannot write {}", path.display()))
}

fn set(outcome: &Outcome) -> Set {
    let mut fingers: Vec<&str> = outcome
        .impressions
        .iter()
        .map(|i| i.finger.as_str())
        .collect();
    fingers.dedup();
    let number = |i: usize| {
        let own = outcome.impressions[i].finger.as_str();
        // The impressions are sorted by finger.
        fingers.binary_search(&own).unwrap_or(0) as u32
    };
    let scored = |c: &Comparison| Scored {
        a: number(c.a),
        b: number(c.b),
        score: c.score,
    };
    Set {
        name: outcome.name.clone(),
        samples: outcome.impressions.len(),
        refused: outcome.impressions.len() - outcome.templates,
        scored: outcome.comparisons.iter().map(scored).collect(),
    }
}

/// How many pairs of each kind are drawn.
const SHOWN: usize = 6;

/// Mated pairs from the lowest score, or non-mated ones from the highest.
fn worst(outcomes: &[Outcome], is_mated: bool, input: Input) -> anyhow::Result<Vec<Worst>> {
    let mut pairs: Vec<(&Outcome, &Comparison)> = outcomes
        .iter()
        .flat_map(|o| o.comparisons.iter().map(move |c| (o, c)))
        .filter(|(o, c)| {
            let same = o.impressions[c.a].finger == o.impressions[c.b].finger;
            same == is_mated && !c.score.is_nan()
        })
        .collect();
    let sign = if is_mated { 1.0 } else { -1.0 };
    pairs.sort_by(|(_, x), (_, y)| (sign * x.score).total_cmp(&(sign * y.score)));
    pairs.truncate(SHOWN);
    let bar = progress(pairs.len(), "pictures of the worst pairs".to_owned())?;
    let drawn = pairs
        .into_par_iter()
        .map(|(outcome, comparison)| {
            let (a, b) = (
                &outcome.impressions[comparison.a],
                &outcome.impressions[comparison.b],
            );
            let compared = Compared::new((&a.path, &b.path), input, &Params::default());
            // What cannot be drawn is still listed.
            let picture = compared.and_then(|c| c.side_by_side(1).jpeg()).ok();
            bar.inc(1);
            Worst {
                caption: format!(
                    "{}: {} {} and {} {}: score {:.2}, {}",
                    outcome.name,
                    a.finger,
                    a.number,
                    b.finger,
                    b.number,
                    comparison.score,
                    worth(comparison.score)
                ),
                picture,
            }
        })
        .collect();
    bar.finish_and_clear();
    Ok(drawn)
}
