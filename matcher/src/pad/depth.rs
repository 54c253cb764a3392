//! Depth: when a head turns, the tip of the nose runs ahead of the brows and the mouth; on a flat thing
//! all points keep to one homography.
//!
//! Between the neutral pose and each turned frame the best homography is taken out of the 68 points'
//! motion ([`super::planar`]). What is left is held against what a common head would leave at that turn:
//! 1 is a head of common depth, 0 a plane. A print bent about its upright axis has depth across, none along
//! the middle line, and answers in between.

use super::super::face::geometry::Point;
use super::super::face::params::LANDMARK_COUNT;
use super::params::{DEPTH_LEAST_FRAMES, DEPTH_LEAST_TURN_DEG};
use super::planar;
use super::trace::Trace;

/// How far the points move as those of a head, 0 a plane and 1 a common head; `None` before three framing
/// frames and three turned frames have points.
#[must_use]
pub(super) fn figure(frames: &[Trace]) -> Option<f64> {
    let neutral = neutral(frames)?;
    let (mut along, mut expected, mut used) = (0.0, 0.0, 0);
    for frame in frames.iter().filter(|f| f.challenge.is_some()) {
        let (yaw, pitch) = frame.turn_deg;
        let turn = yaw.hypot(pitch);
        let Some(points) = frame
            .points
            .as_ref()
            .filter(|_| turn >= DEPTH_LEAST_TURN_DEG)
        else {
            continue;
        };
        let seen = chosen(points);
        // Where the neutral points would go, were they on a common head that turns so.
        let shift = turn.to_radians().sin();
        let (dx, dy) = (shift * yaw / turn, shift * pitch / turn);
        let head: Vec<Point> = neutral
            .iter()
            .zip(POINTS)
            .map(|(p, (_, z))| Point {
                x: p.x + dx * z,
                y: p.y + dy * z,
            })
            .collect();
        let (Some(left), Some(would)) = (
            planar::residuals(&neutral, &seen),
            planar::residuals(&neutral, &head),
        ) else {
            continue;
        };
        // Both in units of half the distance between the eyes.
        let unit = frame.eye_distance() / 2.0;
        for (l, w) in left.iter().zip(&would) {
            along += (l.x * w.x + l.y * w.y) / unit;
            expected += w.x * w.x + w.y * w.y;
        }
        used += 1;
    }
    (used >= DEPTH_LEAST_FRAMES && expected > 0.0).then(|| along / expected)
}

/// The mean of the framing frames' points about the middle of the eyes, in half distances between the eyes.
fn neutral(frames: &[Trace]) -> Option<Vec<Point>> {
    let (mut sum, mut count) = (vec![Point { x: 0.0, y: 0.0 }; POINTS.len()], 0.0);
    for frame in frames.iter().filter(|f| f.challenge.is_none()) {
        let Some(points) = &frame.points else {
            continue;
        };
        let [left, right, ..] = frame.landmarks;
        let (middle, unit) = (left.midpoint(right), frame.eye_distance() / 2.0);
        if unit <= 0.0 {
            continue;
        }
        for (s, p) in sum.iter_mut().zip(chosen(points)) {
            s.x += (p.x - middle.x) / unit;
            s.y += (p.y - middle.y) / unit;
        }
        count += 1.0;
    }
    (count >= 3.0).then(|| {
        sum.iter()
            .map(|s| Point {
                x: s.x / count,
                y: s.y / count,
            })
            .collect()
    })
}

fn chosen(points: &[Point; LANDMARK_COUNT]) -> Vec<Point> {
    POINTS.iter().map(|(i, _)| points[*i]).collect()
}

/// The points that neither lids nor lips move, and the outline not at all; and how far each stands before
/// the eyes on a common head, in half distances between the eyes (as `face::pose` has it: the nose tip .95,
/// corners of the mouth .25).
pub(super) const POINTS: [(usize, f64); 29] = [
    (17, -0.4),
    (18, -0.05),
    (19, 0.12),
    (20, 0.2),
    (21, 0.25),
    (22, 0.25),
    (23, 0.2),
    (24, 0.12),
    (25, -0.05),
    (26, -0.4),
    (27, 0.3),
    (28, 0.5),
    (29, 0.75),
    (30, 0.95),
    (31, 0.4),
    (32, 0.55),
    (33, 0.65),
    (34, 0.55),
    (35, 0.4),
    (36, -0.15),
    (39, 0.0),
    (42, 0.0),
    (45, -0.15),
    (48, 0.25),
    (50, 0.5),
    (51, 0.55),
    (52, 0.5),
    (54, 0.25),
    (57, 0.5),
];
