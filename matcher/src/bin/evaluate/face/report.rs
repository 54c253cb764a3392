//! `evaluate face --report`: the outcome as one page, with the pairs that went worst as pictures.
//!
//! The page holds faces: it is for those who may see the images, and is not to be published.

use std::fs;
use std::path::Path;

use anyhow::Context;
use matcher::sample::{Limits, RgbImage};
use rayon::prelude::*;

use super::aside::Aside;
use super::protocol::{Protocols, SINGLE, THREE, owners};
use super::{Sample, breakdown, held};
use crate::canvas::Canvas;
use crate::report::{Pooling, Report, Set, Table, Worst};

/// What is reported.
pub(super) struct Outcome<'a> {
    pub(super) model: &'a str,
    pub(super) samples: &'a [Sample],
    pub(super) all: &'a Protocols,
    /// The images set aside, and the comparisons without them.
    pub(super) kept: Option<(&'a Aside, &'a Protocols)>,
}

/// Writes the page.
pub(super) fn write(path: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let mut sets = Vec::new();
    if let Some((aside, kept)) = outcome.kept {
        let left = |s: &&Sample| !aside.holds(&s.image.person, &s.image.name);
        let samples: Vec<&Sample> = outcome.samples.iter().filter(left).collect();
        sets.extend(sets_of(kept, &samples, ", set aside left out"));
    }
    let every: Vec<&Sample> = outcome.samples.iter().collect();
    sets.extend(sets_of(outcome.all, &every, ""));
    let mut tables = vec![acquisition(outcome.samples)];
    tables.extend(held_out(outcome));
    tables.push(breakdown::table(outcome.samples));
    tables.extend(outcome.kept.map(|(aside, _)| set_aside(aside)));
    let report = Report {
        title: "Face evaluation",
        model: outcome.model,
        sets,
        pooling: Pooling::Apart,
        tables,
        worst_mated: worst(outcome.samples, Kind::Mated)?,
        worst_non_mated: worst(outcome.samples, Kind::NonMated)?,
    };
    fs::write(path, report.page()).with_context(|| format!("cannot write {}", path.display()))
}

/// Both protocols; the last set of the page is the one whose scores are drawn.
fn sets_of(protocols: &Protocols, samples: &[&Sample], what: &str) -> [Set; 2] {
    let refused = samples.iter().filter(|s| s.template.is_none()).count();
    [(THREE, &protocols.three), (SINGLE, &protocols.single)].map(|(name, scored)| Set {
        name: format!("{name}{what}"),
        samples: samples.len(),
        refused,
        scored: scored.clone(),
    })
}

/// What a login would have refused, and which people could not have been enrolled.
fn acquisition(samples: &[Sample]) -> Table {
    let mut reasons: Vec<&str> = samples.iter().filter_map(|s| s.refusal).collect();
    let count = reasons.len();
    reasons.sort_unstable();
    let share = |part: usize, whole: usize| {
        format!(
            "{part} of {whole} ({:.2} %)",
            100.0 * part as f64 / whole.max(1) as f64
        )
    };
    let mut rows = vec![vec![
        "failure to acquire: images that a login refuses".to_owned(),
        share(count, samples.len()),
    ]];
    for same in reasons.chunk_by(|a, b| a == b) {
        rows.push(vec![
            format!("… {}", same[0]),
            share(same.len(), samples.len()),
        ]);
    }
    let people = samples.chunk_by(|a, b| a.image.person == b.image.person);
    let enrolling: Vec<&[Sample]> = people.filter_map(|p| p.get(..ENROLMENT)).collect();
    let failed = enrolling
        .iter()
        .filter(|first| first.iter().all(|s| s.refusal.is_some()))
        .count();
    rows.push(vec![
        format!("failure to enrol: people none of whose first {ENROLMENT} images is accepted"),
        share(failed, enrolling.len()),
    ]);
    Table {
        heading: "Failure to acquire and to enrol".to_owned(),
        columns: vec![String::new(), "count".to_owned()],
        rows,
        note: "The error rates above are those of the comparison alone: an image that a login refuses is compared all \
               the same, by its largest and most central face."
            .to_owned(),
    }
}

fn held_out(outcome: &Outcome) -> Option<Table> {
    let fit = outcome.kept.map_or(outcome.all, |(_, kept)| kept);
    let lines = held::cross_fitted(fit, fit)?;
    let rows = lines.iter().flat_map(|line| {
        line.rates.iter().map(|rate| {
            let [stated, measured, interval, times] = rate.cells();
            vec![line.protocol.to_owned(), stated, measured, interval, times]
        })
    });
    Some(Table {
        heading: "False match rates that are stated, on people not used in fitting".to_owned(),
        columns: ["protocol", "stated", "measured", "95 % interval", "times"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
        note: format!(
            "People are dealt into {} folds; each fold is judged by a calibration fitted to the others. {}",
            held::FOLDS,
            lines
                .iter()
                .map(|l| format!(
                    "{}: Cllr {:.3}, at its least {:.3}. ",
                    l.protocol, l.cllr, l.least_cllr
                ))
                .collect::<String>()
        ),
    })
}

fn set_aside(aside: &Aside) -> Table {
    Table {
        heading: "Images set aside".to_owned(),
        columns: vec!["image".to_owned(), "why".to_owned()],
        rows: aside
            .images()
            .map(|(image, reason)| vec![image.to_owned(), reason.to_owned()])
            .collect(),
        note: "Their labels are wrong. Both figures are in the first table.".to_owned(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Mated,
    NonMated,
}

/// Mated pairs from the lowest score, or non-mated ones from the highest.
fn worst(samples: &[Sample], kind: Kind) -> anyhow::Result<Vec<Worst>> {
    let owners = owners(samples);
    let mut found: Vec<(f64, usize, usize)> = Vec::new();
    for (a, b) in breakdown::pairs(samples.len()) {
        let (is_mated, score) = (owners[a] == owners[b], samples[a].score(&samples[b]));
        if is_mated != (kind == Kind::Mated) || score.is_nan() {
            continue;
        }
        let badness = if is_mated { -score } else { score };
        if found.len() < SHOWN || found.last().is_some_and(|(last, ..)| badness > *last) {
            let at = found.partition_point(|(other, ..)| *other >= badness);
            found.insert(at, (badness, a, b));
            found.truncate(SHOWN);
        }
    }
    let drawn = found.into_par_iter().map(|(badness, a, b)| {
        let (a, b) = (&samples[a], &samples[b]);
        let score = if kind == Kind::Mated {
            -badness
        } else {
            badness
        };
        Worst {
            caption: format!(
                "{}/{} and {}/{}: score {score:.3}",
                a.image.person, a.image.name, b.image.person, b.image.name
            ),
            // What cannot be drawn is still listed.
            picture: side_by_side(&a.image.path, &b.image.path).ok(),
        }
    });
    Ok(drawn.collect())
}

fn side_by_side(a: &Path, b: &Path) -> anyhow::Result<Vec<u8>> {
    let (a, b) = (thumbnail(a)?, thumbnail(b)?);
    let mut both = Canvas::new(a.width + GAP + b.width, SIDE, [255; 3]);
    both.paste(&a, 0, 0);
    both.paste(&b, a.width + GAP, 0);
    both.jpeg()
}

/// The image at a height of [`SIDE`], each pixel the mean of those that it covers.
fn thumbnail(path: &Path) -> anyhow::Result<Canvas> {
    let image = RgbImage::decode(&fs::read(path)?, &Limits::default())?;
    let width = (image.width * SIDE / image.height.max(1)).clamp(1, 3 * SIDE);
    let covered = |k: usize, of: usize, pixels: usize| {
        let first = k * pixels / of;
        first..((k + 1) * pixels / of).clamp(first + 1, pixels.max(first + 1))
    };
    Ok(Canvas::drawn(width, SIDE, |x, y| {
        let (mut sum, mut count) = ([0u32; 3], 0);
        for row in covered(y, SIDE, image.height) {
            for column in covered(x, width, image.width) {
                let start = 3 * (row * image.width + column);
                for (s, value) in sum.iter_mut().zip(&image.pixels[start..start + 3]) {
                    *s += u32::from(*value);
                }
                count += 1;
            }
        }
        sum.map(|s| (s / count.max(1)) as u8)
    }))
}

/// How many pairs of each kind are drawn, how high, and how far apart.
const SHOWN: usize = 12;
const SIDE: usize = 160;
const GAP: usize = 4;
/// Images that an enrolment takes.
const ENROLMENT: usize = 3;
