//! `evaluate fingerprint --enrol N`: the first N impressions of a finger as one reference, the rest as probes.
//!
//! What a reference scores is worked out of its members' scores as the matcher does it, so nothing is compared twice.

use std::collections::BTreeMap;

use matcher::fingerprint::together;

/// A comparison of two samples of a set, by finger and place within the finger.
pub struct Scored<'a> {
    pub a: (&'a str, usize),
    pub b: (&'a str, usize),
    pub score: f64,
}

/// Scores of probes against references.
#[derive(Default, Debug, PartialEq)]
pub struct Enrolled {
    pub mated: Vec<f64>,
    pub non_mated: Vec<f64>,
}

/// Every probe of a set against every reference of `enrolled` impressions.
pub fn scores<'a>(comparisons: impl Iterator<Item = Scored<'a>>, enrolled: usize) -> Enrolled {
    let mut out = Enrolled::default();
    for (reference, probe, score) in each(comparisons, enrolled) {
        if reference == probe {
            out.mated.push(score);
        } else {
            out.non_mated.push(score);
        }
    }
    out
}

/// The same one by one: whose the reference is, whose the probe is, and the score.
pub fn each<'a>(
    comparisons: impl Iterator<Item = Scored<'a>>,
    enrolled: usize,
) -> impl Iterator<Item = (&'a str, &'a str, f64)> {
    // By reference and probe: the scores against the members.
    let mut against: BTreeMap<(&str, (&str, usize)), Vec<f64>> = BTreeMap::new();
    for Scored { a, b, score } in comparisons {
        for (member, probe) in [(a, b), (b, a)] {
            let is_probe = probe.1 >= enrolled;
            if member.1 < enrolled && is_probe {
                against.entry((member.0, probe)).or_default().push(score);
            }
        }
    }
    against.into_iter().map(|((finger, probe), mut scores)| {
        // A member that could not be read is no member.
        scores.retain(|s| !s.is_nan());
        let score = if scores.is_empty() {
            f64::NAN
        } else {
            together(&scores)
        };
        (finger, probe.0, score)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_probe_meets_each_reference_once() {
        let mut all = Vec::new();
        for (f, g) in [("a", "a"), ("a", "b"), ("b", "b")] {
            for i in 0..4 {
                for j in (if f == g { i + 1 } else { 0 })..4 {
                    let score = if f == g { 5.0 } else { -5.0 };
                    all.push(Scored {
                        a: (f, i),
                        b: (g, j),
                        score,
                    });
                }
            }
        }
        let found = scores(all.into_iter(), 3);
        assert_eq!((found.mated.len(), found.non_mated.len()), (2, 2));
        assert!(found.mated.iter().all(|s| (s - 5.0).abs() < 1e-9));
        assert!(found.non_mated.iter().all(|s| (s + 5.0).abs() < 1e-9));
    }
}
