//! Places in front of the camera and how things are turned there.
//!
//! Millimetres; x to the image's right, y down, z towards the camera, measured from a thing's own middle.
//! Angles have the signs of [`crate::face::pose::Pose`].

use super::params::{FOCAL_PX, FRAME};

pub(super) type Vector = [f32; 3];

/// Yaw, then pitch, then roll.
#[derive(Clone, Copy)]
pub(super) struct Turn([Vector; 3]);

impl Turn {
    pub(super) fn new(yaw_deg: f32, pitch_deg: f32, roll_deg: f32) -> Self {
        let (sy, cy) = yaw_deg.to_radians().sin_cos();
        let (sp, cp) = pitch_deg.to_radians().sin_cos();
        let (sr, cr) = roll_deg.to_radians().sin_cos();
        let apply = |[x, y, z]: Vector| {
            let (x, z) = (x * cy + z * sy, z * cy - x * sy);
            let (y, z) = (y * cp + z * sp, z * cp - y * sp);
            [x * cr - y * sr, x * sr + y * cr, z]
        };
        Self([
            apply([1.0, 0.0, 0.0]),
            apply([0.0, 1.0, 0.0]),
            apply([0.0, 0.0, 1.0]),
        ])
    }

    pub(super) fn of(&self, v: Vector) -> Vector {
        std::array::from_fn(|n| v[0] * self.0[0][n] + v[1] * self.0[1][n] + v[2] * self.0[2][n])
    }
}

/// Where a place is seen, pixels, with its distance along the camera's axis; `z` is before the plane at
/// `distance`.
pub(super) fn project(place: Vector, distance: f32) -> (f32, f32, f32) {
    let depth = (distance - place[2]).max(NEAREST_MM);
    (
        FRAME.0 as f32 / 2.0 + FOCAL_PX * place[0] / depth,
        FRAME.1 as f32 / 2.0 + FOCAL_PX * place[1] / depth,
        depth,
    )
}

pub(super) fn add(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|n| a[n] + b[n])
}

pub(super) fn sub(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|n| a[n] - b[n])
}

pub(super) fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn unit(a: Vector) -> Vector {
    let length = dot(a, a).sqrt().max(1e-6);
    a.map(|v| v / length)
}

/// Nothing is drawn nearer than this.
const NEAREST_MM: f32 = 60.0;
