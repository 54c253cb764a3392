//! What is kept of a frame once it was seen: measurements, no pixels.

use super::super::face::geometry::{Point, Rect};
use super::super::face::params::LANDMARK_COUNT;
use super::challenge::Shown;
use super::sight::{Light, Sight};

/// One frame of a capture, measured.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    /// Seconds since the capture began.
    pub(super) at_s: f64,
    /// What was on the screen.
    pub(super) shown: Shown,
    /// The challenge that was under way; `None` while framing.
    pub(super) challenge: Option<usize>,
    /// Where the head points from its neutral pose (from the camera while framing), degrees: yaw towards
    /// the image's right, pitch downwards.
    pub(super) turn_deg: (f64, f64),
    /// The box.
    pub(super) bbox: Rect,
    /// The detector's five points.
    pub(super) landmarks: [Point; 5],
    /// The 68 points.
    pub(super) points: Option<Box<[Point; LANDMARK_COUNT]>>,
    /// Of the patches.
    pub(super) light: Light,
    /// The passive networks' answer.
    pub(super) bona_fide: Option<f32>,
    /// As [`super::moire::peak`].
    pub(super) moire: Option<f64>,
    /// As [`super::sharpness::ratio`].
    pub(super) sharpness: Option<f64>,
    /// Whether a second face as large was in the frame.
    pub(super) another: bool,
}

impl Trace {
    pub(super) fn of(
        sight: &Sight,
        at_s: f64,
        shown: Shown,
        challenge: Option<usize>,
        turn_deg: (f64, f64),
    ) -> Self {
        let seen = &sight.observation;
        Self {
            at_s,
            shown,
            challenge,
            turn_deg,
            bbox: seen.face.bbox,
            landmarks: seen.face.landmarks,
            points: sight.points.clone(),
            light: sight.light,
            bona_fide: seen.bona_fide,
            moire: sight.moire,
            sharpness: sight.sharpness,
            another: seen.large_faces > 1,
        }
    }

    /// The distance between the eyes, pixels.
    pub(super) fn eye_distance(&self) -> f64 {
        let [left, right, ..] = self.landmarks;
        left.distance(right)
    }
}

/// The median; `None` of fewer than `least` values. Values that are no numbers are left out.
pub(super) fn median(mut values: Vec<f64>, least: usize) -> Option<f64> {
    values.retain(|v| v.is_finite());
    if values.len() < least.max(1) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    Some(if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, f64::NAN, 1.0, 2.0], 3), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0], 1), Some(2.5));
        assert_eq!(median(vec![4.0], 2), None);
        assert_eq!(median(Vec::new(), 0), None);
    }
}
