//! The comparisons of several folders together, for whoever weighs them beside another trait.

use std::collections::BTreeMap;
use std::path::PathBuf;

use matcher::fingerprint::Params;

use super::input::Input;
use super::{Kept, evaluate};
use crate::enrolment::{self, Scored};
use crate::intervals;

/// The comparisons of several folders, one impression against one and references of three; fingers are numbered alike
/// in both, those of different folders apart.
pub struct Compared {
    /// Every pair of impressions.
    pub single: Vec<intervals::Scored>,
    /// References of three impressions.
    pub three: Vec<intervals::Scored>,
}

/// Compares the impressions of each folder with each other.
pub fn compared(folders: &[PathBuf], dpi: Option<f64>) -> anyhow::Result<Compared> {
    let params = Params::default();
    let input = Input { dpi, raw: None };
    let mut numbers: BTreeMap<(usize, String), u32> = BTreeMap::new();
    let (mut single, mut three) = (Vec::new(), Vec::new());
    for (folder, path) in folders.iter().enumerate() {
        let outcome = evaluate(path, input, &Kept::default(), &params)?;
        let mut number = |finger: &str| {
            let next = numbers.len() as u32;
            *numbers.entry((folder, finger.to_owned())).or_insert(next)
        };
        let finger = |i: usize| outcome.impressions[i].finger.as_str();
        for c in &outcome.comparisons {
            let (a, b) = (number(finger(c.a)), number(finger(c.b)));
            let score = c.score;
            single.push(intervals::Scored { a, b, score });
        }
        let places = outcome.places();
        let scored = outcome.comparisons.iter().map(|c| Scored {
            a: (finger(c.a), places[c.a]),
            b: (finger(c.b), places[c.b]),
            score: c.score,
        });
        for (reference, probe, score) in enrolment::each(scored, ENROLLED) {
            let (a, b) = (number(reference), number(probe));
            three.push(intervals::Scored { a, b, score });
        }
    }
    Ok(Compared { single, three })
}

/// Impressions of a finger that make a reference.
const ENROLLED: usize = 3;
