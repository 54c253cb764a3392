//! Error rates by how a face was taken: pose, light, sharpness, size. A comparison counts where the worse of its two
//! images belongs (ISO/IEC 19795-1 on reporting by condition).

use matcher::face::Observation;
use rayon::prelude::*;

use super::Sample;
use super::protocol::owners;
use crate::intervals::{draw, ends};
use crate::reject::threshold_at;
use crate::report::Table;

/// Something that is measured of every image.
struct Condition {
    name: &'static str,
    unit: &'static str,
    decimals: usize,
    measure: fn(&Observation) -> f64,
    /// Whether more of it is worse; otherwise less is.
    worse: Worse,
}

#[derive(Clone, Copy)]
enum Worse {
    Higher,
    Lower,
}

const CONDITIONS: [Condition; 5] = [
    Condition {
        name: "turned to a side",
        unit: "°",
        decimals: 0,
        measure: |o| o.pose.yaw_deg.abs(),
        worse: Worse::Higher,
    },
    Condition {
        name: "nodding",
        unit: "°",
        decimals: 0,
        measure: |o| o.pose.pitch_deg.abs(),
        worse: Worse::Higher,
    },
    Condition {
        name: "brightness, the darker",
        unit: "",
        decimals: 2,
        measure: |o| o.appearance.brightness,
        worse: Worse::Lower,
    },
    Condition {
        name: "sharpness, the more blurred",
        unit: "",
        decimals: 3,
        measure: |o| o.appearance.sharpness,
        worse: Worse::Lower,
    },
    Condition {
        name: "face size, between the eyes",
        unit: " px",
        decimals: 1,
        measure: |o| o.face.eye_distance(),
        worse: Worse::Lower,
    },
];

/// The table of all conditions over every pair of images.
pub(super) fn table(samples: &[Sample]) -> Table {
    let owners = owners(samples);
    let people = owners.last().map_or(0, |n| *n as usize + 1);
    let non_mated: Vec<f64> = pairs(samples.len())
        .filter(|(a, b)| owners[*a] != owners[*b])
        .map(|(a, b)| samples[a].score(&samples[b]))
        .collect();
    let fmr = FMRS
        .into_iter()
        .find(|fmr| non_mated.len() as f64 * fmr >= ENOUGH)
        .unwrap_or(FMRS[FMRS.len() - 1]);
    let threshold = threshold_at(&non_mated, fmr);
    let rows = CONDITIONS
        .iter()
        .flat_map(|condition| rows(condition, samples, &owners, people, threshold));
    Table {
        heading: "Breakdown by condition".to_owned(),
        columns: [
            "worse image of the pair",
            "images",
            "mated",
            "FNMR, %",
            "non-mated",
            "FMR",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
        note: format!(
            "Single images, at the one threshold where the FMR over all of them is {fmr:.0e}. Each measure is cut at the quartiles of \
             the images; a pair counts where its worse image lies, the worst quarter last. Small figures: 95 % intervals from {DRAWS} draws of the people."
        ),
    }
}

fn rows(
    condition: &Condition,
    samples: &[Sample],
    owners: &[u32],
    people: usize,
    threshold: f64,
) -> Vec<Vec<String>> {
    // Signed, so that higher is always worse.
    let sign = match condition.worse {
        Worse::Higher => 1.0,
        Worse::Lower => -1.0,
    };
    let values: Vec<Option<f64>> = samples
        .iter()
        .map(|s| s.seen.as_ref().map(|o| sign * (condition.measure)(o)))
        .collect();
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    if sorted.is_empty() {
        return Vec::new();
    }
    sorted.sort_by(f64::total_cmp);
    let cuts = [1, 2, 3].map(|k| sorted[(sorted.len() * k / 4).min(sorted.len() - 1)]);
    let group = |value: f64| cuts.iter().filter(|cut| value >= **cut).count();
    let mut groups: [Group; 4] = std::array::from_fn(|_| Group::new(people));
    for value in values.iter().flatten() {
        groups[group(*value)].images += 1;
    }
    for (a, b) in pairs(samples.len()) {
        let (Some(x), Some(y)) = (values[a], values[b]) else {
            continue;
        };
        let matches = samples[a].score(&samples[b]) > threshold;
        groups[group(x.max(y))].add(owners[a], owners[b], matches);
    }
    let text = |value: f64| format!("{:.*}{}", condition.decimals, sign * value, condition.unit);
    let ranges = [
        (sorted[0], cuts[0]),
        (cuts[0], cuts[1]),
        (cuts[1], cuts[2]),
        (cuts[2], sorted[sorted.len() - 1]),
    ];
    ranges
        .iter()
        .zip(&groups)
        .map(|((from, to), group)| {
            let name = format!("{}: {} to {}", condition.name, text(*from), text(*to));
            group.row(name)
        })
        .collect()
}

/// The comparisons of one range.
struct Group {
    images: usize,
    /// Of each person: mated comparisons, and those that failed.
    mated: Vec<[u32; 2]>,
    non_mated: u64,
    false_matches: u64,
}

impl Group {
    fn new(people: usize) -> Self {
        Self {
            images: 0,
            mated: vec![[0; 2]; people],
            non_mated: 0,
            false_matches: 0,
        }
    }

    fn add(&mut self, a: u32, b: u32, matches: bool) {
        if a == b {
            let [all, failed] = &mut self.mated[a as usize];
            *all += 1;
            *failed += u32::from(!matches);
        } else {
            self.non_mated += 1;
            self.false_matches += u64::from(matches);
        }
    }

    fn fnmr(&self, times: &[u32]) -> Option<f64> {
        let sum = |k: usize| {
            let counts = self.mated.iter().zip(times);
            counts
                .map(|(m, t)| u64::from(m[k]) * u64::from(*t))
                .sum::<u64>() as f64
        };
        (sum(0) > 0.0).then(|| sum(1) / sum(0))
    }

    fn row(&self, name: String) -> Vec<String> {
        let people = self.mated.len();
        let mated: u32 = self.mated.iter().map(|m| m[0]).sum();
        let fnmr = self.fnmr(&vec![1; people]).map_or_else(
            || "–".to_owned(),
            |rate| {
                let drawn = (0..DRAWS)
                    .into_par_iter()
                    .filter_map(|seed| self.fnmr(&draw(people, seed)));
                let (low, high) = ends(drawn.collect());
                format!(
                    "{:.2} [{:.2}–{:.2}]",
                    100.0 * rate,
                    100.0 * low,
                    100.0 * high
                )
            },
        );
        let fmr = self.false_matches as f64 / self.non_mated.max(1) as f64;
        vec![
            name,
            self.images.to_string(),
            mated.to_string(),
            fnmr,
            self.non_mated.to_string(),
            format!("{fmr:.1e} ({})", self.false_matches),
        ]
    }
}

/// Every pair of so many samples.
pub(super) fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
}

/// False match rates in the order of preference, and the non-mated comparisons beyond the threshold that one takes.
const FMRS: [f64; 3] = [1e-4, 1e-3, 1e-2];
const ENOUGH: f64 = 100.0;
const DRAWS: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_both_kinds_and_says_how_sure_it_is() {
        let mut group = Group::new(3);
        for (a, b, matches) in [
            (0, 0, true),
            (0, 0, false),
            (1, 1, true),
            (0, 1, true),
            (1, 2, false),
        ] {
            group.add(a, b, matches);
        }
        assert_eq!(group.fnmr(&[1, 1, 1]), Some(1.0 / 3.0));
        assert_eq!(group.fnmr(&[0, 2, 1]), Some(0.0));
        assert_eq!(group.fnmr(&[0, 0, 3]), None);
        let row = group.row("x".to_owned());
        assert_eq!(row[3], "33.33 [0.00–50.00]");
        assert_eq!(row[5], "5.0e-1 (1)");
    }

    #[test]
    fn every_pair_comes_once() {
        assert_eq!(pairs(3).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 2)]);
    }
}
