//! Identification: one probe held against many references, most of which are another finger's.
//!
//! A comparison is given up as soon as its outcome is clear: after a glance at the probe's best minutiae, then after pairing. What is
//! dismissed can be a poor print of the right finger (how often has not been measured); what is not is compared in full, so
//! that its score is that of a verification.

use super::pair::{glance, pair};
use super::params::Params;
use super::prepared::{self, Prepared};
use super::{align, score};
use crate::simd;

/// A reference that was not dismissed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place in the gallery.
    pub index: usize,
    /// As of [`compare`](super::compare).
    pub score: f64,
}

/// The references that may be the probe's finger, best first.
#[must_use]
pub fn identify(probe: &Prepared, gallery: &[Prepared], params: &Params) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = gallery
        .iter()
        .enumerate()
        .filter_map(|(index, reference)| {
            let score = compare_or_dismiss(probe, reference, params)?;
            Some(Candidate { index, score })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    found
}

/// The score of [`compare`](super::compare), or nothing when the prints look like different fingers'. Allocates nothing.
#[must_use]
pub fn compare_or_dismiss(probe: &Prepared, reference: &Prepared, params: &Params) -> Option<f64> {
    let limits = &params.identify;
    let (a, b) = prepared::in_order(probe, reference);
    let evidence = simd::dispatch(
        #[inline(always)]
        || {
            if glance(probe, reference, &params.mcc, &params.pair) < limits.least_glance {
                return None;
            }
            let pairs = pair(a, b, &params.mcc, &params.pair);
            if pairs.relaxed < limits.least_relaxed {
                return None;
            }
            Some(align::align(a, b, &pairs, params, &mut ()))
        },
    )?;
    Some(score::score(&evidence, &params.score))
}

/// How alike the best minutiae of two prints are at a glance, 0 to 1; for choosing [`IdentifyParams`](super::params::IdentifyParams).
#[must_use]
pub fn glance_of(probe: &Prepared, reference: &Prepared, params: &Params) -> f32 {
    simd::dispatch(
        #[inline(always)]
        || glance(probe, reference, &params.mcc, &params.pair),
    )
}
