//! Whether a calibration holds for people whom it was not fitted to: people are dealt into folds, each fold is
//! judged by a calibration fitted to the others.

use matcher::score::Calibration;
use rayon::prelude::*;

use super::protocol::{Protocols, SINGLE, THREE};
use crate::calibration::{Fit, knots};
use crate::cost::{cllr, least_cllr};
use crate::intervals::{Scored, draw, ends};
use crate::pairs::Pairs;

/// What a calibration states of a protocol's comparisons, and what was measured.
pub(super) struct Line {
    pub(super) protocol: &'static str,
    pub(super) non_mated: usize,
    pub(super) rates: Vec<Held>,
    /// The cost of the ratios, and what the best monotone map would make of it.
    pub(super) cllr: f64,
    pub(super) least_cllr: f64,
}

/// Each fold is judged by a calibration of the other folds' people: fitted to `fit`, tried on `test`, which have the
/// same people by number. `None` where there are too few comparisons to fit.
pub(super) fn cross_fitted(fit: &Protocols, test: &Protocols) -> Option<Vec<Line>> {
    let mut calibrations = Vec::new();
    for fold in 0..FOLDS {
        let others = |s: &&Scored| fold_of(s.a) != fold && fold_of(s.b) != fold;
        let fitted = |scored: &[Scored]| {
            let mut pairs = Pairs::of(scored.iter().filter(others).copied());
            pairs.sort();
            pairs
        };
        let found = knots(&[&fitted(&fit.single), &fitted(&fit.three)], Fit::FACE);
        if found.len() < 2 {
            return None;
        }
        calibrations.push(Calibration {
            knots: found.into(),
        });
    }
    Some(lines(test, |s| {
        // A comparison across folds would be of people that one of the calibrations has seen.
        let is_held = fold_of(s.a) == fold_of(s.b);
        is_held.then(|| &calibrations[fold_of(s.a) as usize])
    }))
}

/// All comparisons, by one calibration.
pub(super) fn judged_by(calibration: &Calibration, test: &Protocols) -> Vec<Line> {
    lines(test, |_| Some(calibration))
}

/// Prints them.
pub(super) fn print(lines: &[Line]) {
    for line in lines {
        println!(
            "  {}: {} non-mated comparisons",
            line.protocol, line.non_mated
        );
        for rate in &line.rates {
            let [stated, measured, interval, times] = rate.cells();
            println!("    stated {stated}: measured {measured} ({interval}), {times} times");
        }
        println!(
            "    Cllr {:.4}, at its least {:.4}",
            line.cllr, line.least_cllr
        );
    }
}

fn lines<'a>(
    test: &Protocols,
    calibration: impl Fn(&Scored) -> Option<&'a Calibration>,
) -> Vec<Line> {
    let line = |(protocol, scored): (&'static str, &Vec<Scored>)| {
        let judged: Vec<Judged> = scored
            .iter()
            .filter_map(|s| calibration(s).map(|c| Judged::of(s, c)))
            .collect();
        let ratios = |mated: bool| {
            let of = judged.iter().filter(|j| (j.a == j.b) == mated);
            of.map(|j| j.llr).collect::<Vec<_>>()
        };
        let (mated, non_mated) = (ratios(true), ratios(false));
        Line {
            protocol,
            non_mated: non_mated.len(),
            rates: rates(&judged, test.people),
            cllr: cllr(&mated, &non_mated),
            least_cllr: least_cllr(&mated, &non_mated),
        }
    };
    [(SINGLE, &test.single), (THREE, &test.three)]
        .map(line)
        .into()
}

/// A comparison as a calibration sees it.
struct Judged {
    a: u32,
    b: u32,
    /// How many of [`STATED`] it is accepted at: the first ones.
    accepted: usize,
    llr: f64,
}

impl Judged {
    fn of(scored: &Scored, calibration: &Calibration) -> Self {
        let rate = calibration.false_match_rate(scored.score);
        Self {
            a: scored.a,
            b: scored.b,
            accepted: STATED.partition_point(|stated| rate <= stated * (1.0 + SLACK)),
            llr: calibration.llr(scored.score),
        }
    }
}

/// A rate that a policy could state, and the one that was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    stated: f64,
    measured: f64,
    low: f64,
    high: f64,
    /// Whether any score at all is accepted at it.
    is_reached: bool,
}

impl Held {
    /// Stated, measured, interval, and how many times what was stated.
    pub(super) fn cells(&self) -> [String; 4] {
        let Self {
            stated,
            measured,
            low,
            high,
            is_reached,
        } = self;
        let stated_text = format!("{stated:.0e}");
        match is_reached {
            true => [
                stated_text,
                format!("{measured:.2e}"),
                format!("{low:.1e} to {high:.1e}"),
                format!("{:.2}", measured / stated),
            ],
            // Beyond what the data validate.
            false => [
                stated_text,
                "nothing is accepted".into(),
                "–".into(),
                "–".into(),
            ],
        }
    }
}

/// The rates with 95 % intervals by drawing people again.
fn rates(judged: &[Judged], people: usize) -> Vec<Held> {
    let of = |times: &[u32]| {
        let (mut matched, mut all) = ([0u64; STATED.len()], 0u64);
        for j in judged.iter().filter(|j| j.a != j.b) {
            let weight = u64::from(times[j.a as usize]) * u64::from(times[j.b as usize]);
            all += weight;
            matched[..j.accepted].iter_mut().for_each(|m| *m += weight);
        }
        matched.map(|m| m as f64 / all.max(1) as f64)
    };
    let measured = of(&vec![1; people]);
    let drawn: Vec<_> = (0..DRAWS)
        .into_par_iter()
        .map(|seed| of(&draw(people, seed)))
        .collect();
    let reached = judged.iter().map(|j| j.accepted).max().unwrap_or(0);
    (0..STATED.len())
        .map(|i| {
            let (low, high) = ends(drawn.iter().map(|d| d[i]).collect());
            Held {
                stated: STATED[i],
                measured: measured[i],
                low,
                high,
                is_reached: i < reached,
            }
        })
        .collect()
}

/// People are numbered by name; neighbours go to different folds.
fn fold_of(person: u32) -> u32 {
    person % FOLDS
}

/// Into how many parts people are dealt.
pub(super) const FOLDS: u32 = 3;
const DRAWS: u64 = 400;
/// What a policy could state, in descending order.
const STATED: [f64; 4] = [1e-2, 1e-3, 1e-4, 1e-5];
/// The rates are powers of ten, computed.
const SLACK: f64 = 1e-9;
