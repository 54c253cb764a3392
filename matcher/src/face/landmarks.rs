//! The 68-point landmarks, for how far the eyes are open.
//!
//! A blink is the one small movement that everybody can make and a photograph cannot. The eye's aspect
//! ratio (Soukupova and Cech 2016) is its height over its width: 0.25 to 0.34 open, near 0.1 shut.

use super::detect::Face;
use super::embed::write_planes;
use super::geometry::{Affine, Point};
use super::params::{LANDMARK_COUNT, LANDMARK_SIDE};
use super::resample;
use crate::onnx::{Contract, Network, OnnxError};
use crate::sample::RgbImage;

/// The 68-point network.
pub struct Landmarker {
    network: Network,
}

impl Landmarker {
    /// Loads the network.
    ///
    /// # Errors
    /// [`OnnxError`] when the bytes are not such a network.
    pub fn load(bytes: &[u8]) -> Result<Self, OnnxError> {
        Ok(Self {
            network: Network::load(bytes, CONTRACT)?,
        })
    }

    /// The 68 points in image pixels, in the usual order (jaw, brows, nose, eyes, mouth).
    ///
    /// # Errors
    /// [`OnnxError`] when the engine fails.
    pub fn points(
        &self,
        image: &RgbImage,
        face: &Face,
    ) -> Result<[Point; LANDMARK_COUNT], OnnxError> {
        let side = face.bbox.width.max(face.bbox.height);
        let centre = face.bbox.centre();
        let origin = Point {
            x: centre.x - side / 2.0,
            y: centre.y - side / 2.0,
        };
        let scale = side / LANDMARK_SIDE as f64;
        let map = Affine::stretch(origin, scale, scale);
        let square = resample::warp(image, &map, LANDMARK_SIDE, LANDMARK_SIDE);
        let outputs = self.network.run(|planes| write_planes(&square, planes))?;
        let (pairs, _) = outputs.get(0).as_chunks::<2>();
        let mut points = [origin; LANDMARK_COUNT];
        for (point, [x, y]) in points.iter_mut().zip(pairs) {
            point.x += f64::from(*x) * side;
            point.y += f64::from(*y) * side;
        }
        Ok(points)
    }
}

/// Mean aspect ratio of both eyes; 0 where an eye has no width.
#[must_use]
pub fn eye_aspect(points: &[Point; LANDMARK_COUNT]) -> f64 {
    (aspect(points, IMAGE_LEFT_EYE) + aspect(points, IMAGE_RIGHT_EYE)) / 2.0
}

/// Six points of an eye, clockwise from its image-left corner.
fn aspect(points: &[Point; LANDMARK_COUNT], first: usize) -> f64 {
    let p = |i: usize| points[first + i];
    let (width, height) = (
        p(0).distance(p(3)),
        p(1).distance(p(5)) + p(2).distance(p(4)),
    );
    if width > 0.0 {
        height / (2.0 * width)
    } else {
        0.0
    }
}

const IMAGE_LEFT_EYE: usize = 36;
const IMAGE_RIGHT_EYE: usize = 42;
const CONTRACT: Contract = Contract {
    role: "landmarks",
    input: [1, 3, LANDMARK_SIDE, LANDMARK_SIDE],
    outputs: &[2 * LANDMARK_COUNT],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aspect_is_height_over_width() {
        let mut points = [Point { x: 0.0, y: 0.0 }; LANDMARK_COUNT];
        let eye = [
            (0.0, 0.0),
            (3.0, -1.5),
            (7.0, -1.5),
            (10.0, 0.0),
            (7.0, 1.5),
            (3.0, 1.5),
        ];
        for (i, (x, y)) in eye.into_iter().enumerate() {
            points[IMAGE_LEFT_EYE + i] = Point { x, y };
        }
        // One eye is 3 high and 10 wide; the other is a single point.
        assert!((eye_aspect(&points) - 0.15).abs() < 1e-12);
    }
}
