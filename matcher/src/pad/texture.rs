//! Texture: the two passive networks, over all frames in which the face looked nearly straight.
//!
//! One frame can fool them or be refused for its blur; the mean of the middle half of many does neither.

use super::params::{TEXTURE_LEAST_FRAMES, TEXTURE_MOST_TURN_DEG};
use super::trace::Trace;

/// The mean of the middle half of the networks' answers, 0 to 1; `None` of fewer than three.
#[must_use]
pub(super) fn figure(frames: &[Trace]) -> Option<f64> {
    let mut answers: Vec<f64> = frames
        .iter()
        .filter(|f| {
            f.challenge.is_none() || f.turn_deg.0.hypot(f.turn_deg.1) < TEXTURE_MOST_TURN_DEG
        })
        .filter(|f| f.shown.colour.is_none())
        .filter_map(|f| f.bona_fide.map(f64::from))
        .collect();
    if answers.len() < TEXTURE_LEAST_FRAMES {
        return None;
    }
    answers.sort_by(f64::total_cmp);
    let quarter = answers.len() / 4;
    let middle = &answers[quarter..answers.len() - quarter];
    Some(middle.iter().sum::<f64>() / middle.len() as f64)
}
