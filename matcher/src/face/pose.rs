//! Head pose from five points: a generic head fitted under weak perspective.
//!
//! POS (DeMenthon and Davis 1995): with depth small beside the distance, the image is an affine map of the
//! model, found by least squares; its two rows are the head's axes up to scale. Good to several degrees:
//! enough to ask for a straight look or to see a head turn, not to measure one.

use super::geometry::Point;

/// Where the head points; degrees, all zero when it looks straight into the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Positive towards the right of the image.
    pub yaw_deg: f64,
    /// Positive downwards.
    pub pitch_deg: f64,
    /// Positive when the head leans clockwise in the image.
    pub roll_deg: f64,
}

impl Pose {
    /// The pose of a face whose landmarks these are (in the detector's order).
    #[must_use]
    pub fn of(landmarks: &[Point; 5]) -> Self {
        let [left, right, ..] = landmarks;
        let roll = (right.y - left.y).atan2(right.x - left.x);
        let n = landmarks.len() as f64;
        let centre = Point {
            x: landmarks.iter().map(|p| p.x).sum::<f64>() / n,
            y: landmarks.iter().map(|p| p.y).sum::<f64>() / n,
        };
        // The roll is taken out first, so that yaw and pitch are those of the upright head.
        let (sin, cos) = (-roll).sin_cos();
        let (mut row_x, mut row_y) = ([0.0; 3], [0.0; 3]);
        for (point, weights) in landmarks.iter().zip(fit()) {
            let (dx, dy) = (point.x - centre.x, point.y - centre.y);
            let (x, y) = (cos * dx - sin * dy, sin * dx + cos * dy);
            for axis in 0..3 {
                row_x[axis] += x * weights[axis];
                row_y[axis] += y * weights[axis];
            }
        }
        let tilt = |row: [f64; 3]| row[2].atan2(row[0].hypot(row[1])).to_degrees();
        let pose = Self {
            yaw_deg: tilt(row_x),
            pitch_deg: tilt(row_y) - NEUTRAL_PITCH_DEG,
            roll_deg: roll.to_degrees(),
        };
        debug_assert!(pose.yaw_deg.is_finite() && pose.pitch_deg.is_finite());
        pose
    }
}

/// The pseudo-inverse of the centred head, a row a landmark: image coordinates times it give the affine map.
fn fit() -> [[f64; 3]; 5] {
    let mut centred = HEAD;
    for axis in 0..3 {
        let mean = HEAD.iter().map(|p| p[axis]).sum::<f64>() / HEAD.len() as f64;
        for point in &mut centred {
            point[axis] -= mean;
        }
    }
    let mut normal = [[0.0; 3]; 3];
    for point in &centred {
        for (i, row) in normal.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value += point[i] * point[j];
            }
        }
    }
    let inverse = inverse(&normal);
    centred.map(|p| inverse.map(|row| row.iter().zip(p).map(|(a, b)| a * b).sum()))
}

/// The inverse of a symmetric 3x3 matrix by cofactors.
fn inverse(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    std::array::from_fn(|r| std::array::from_fn(|c| minor(c, r) / determinant))
}

/// Eyes, nose tip and corners of the mouth in units of half the distance between the eyes; x to the right
/// and y down as in the image, z towards the camera. Across, the proportions of the aligned frame; depth
/// from common head measurements (nose tip 30 mm before the eyes, corners of the mouth 8 mm).
const HEAD: [[f64; 3]; 5] = [
    [-1.0, 0.0, 0.0],
    [1.0, 0.0, 0.0],
    [0.0, 1.14, 0.95],
    [-0.83, 2.31, 0.25],
    [0.83, 2.31, 0.25],
];
/// What the fit answers for people who look straight ahead: the median of the development data.
const NEUTRAL_PITCH_DEG: f64 = 0.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The head turned by yaw, then pitch, then roll, seen from far away.
    fn seen(yaw: f64, pitch: f64, roll: f64) -> [Point; 5] {
        HEAD.map(|[x, y, z]| {
            let (x, z) = (x * yaw.cos() + z * yaw.sin(), z * yaw.cos() - x * yaw.sin());
            let y = y * pitch.cos() + z * pitch.sin();
            Point {
                x: 200.0 + 40.0 * (x * roll.cos() - y * roll.sin()),
                y: 90.0 + 40.0 * (x * roll.sin() + y * roll.cos()),
            }
        })
    }

    proptest! {
        #[test]
        fn a_turned_head_is_measured(yaw in -0.7..0.7f64, roll in -1.0..1.0f64) {
            let pose = Pose::of(&seen(yaw, 0.0, roll));
            prop_assert!((pose.yaw_deg - yaw.to_degrees()).abs() < 1e-6);
            prop_assert!((pose.roll_deg - roll.to_degrees()).abs() < 1e-6);
        }

        #[test]
        fn a_nod_is_measured(pitch in -0.6..0.6f64) {
            let pose = Pose::of(&seen(0.0, pitch, 0.0));
            prop_assert!((pose.pitch_deg + NEUTRAL_PITCH_DEG - pitch.to_degrees()).abs() < 1e-6);
            prop_assert!(pose.yaw_deg.abs() < 1e-6);
        }
    }
}
