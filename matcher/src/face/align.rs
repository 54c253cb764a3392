//! Alignment: the face turned, scaled and shifted so that its five points lie where the embedder expects.

use super::detect::Face;
use super::geometry::{Affine, Point};
use super::params::{ALIGNED_POINTS, ALIGNED_SIDE, DLIB_EYE_TO_MOUTH, DLIB_MIDDLE, FACENET_MARGIN};
use super::resample::{self, Pixels};
use crate::sample::RgbImage;

/// A face in the embedder's frame: [`ALIGNED_SIDE`] squared RGB pixels, wiped when dropped.
pub struct AlignedFace {
    pixels: Pixels,
}

impl AlignedFace {
    /// Aligns a detected face; `None` when its landmarks coincide.
    #[must_use]
    pub fn of(image: &RgbImage, face: &Face) -> Option<Self> {
        // Fitted towards the frame and then inverted: the fit the other way has another scale when the
        // points do not agree exactly, and the embedder was measured behind this one.
        let map = Affine::similarity(&face.landmarks, &ALIGNED_POINTS)?.inverse()?;
        Some(Self {
            pixels: resample::warp(image, &map, ALIGNED_SIDE, ALIGNED_SIDE),
        })
    }

    /// RGB, row-major.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

/// The face in a square of `side` pixels, turned so that the eyes are level: dlib's frame. `None` when its eyes or
/// its mouth coincide.
pub(super) fn level_square(image: &RgbImage, face: &Face, side: usize) -> Option<Pixels> {
    let [left, right, _, mouth_left, mouth_right] = face.landmarks;
    let mouth = mouth_left.midpoint(mouth_right);
    let middle = Point {
        x: (left.x + right.x + mouth.x) / 3.0,
        y: (left.y + right.y + mouth.y) / 3.0,
    };
    let size = (left.distance(mouth) + right.distance(mouth)) / 2.0 / DLIB_EYE_TO_MOUTH;
    let (across, down) = (right.x - left.x, right.y - left.y);
    let eyes = across.hypot(down);
    let (cosine, sine) = (across / eyes, down / eyes);
    let scale = size / side as f64;
    let is_usable = [cosine, sine, scale].iter().all(|v| v.is_finite()) && scale > 0.0;
    let (a, d) = (cosine * scale, sine * scale);
    let (x, y) = (DLIB_MIDDLE.0 * side as f64, DLIB_MIDDLE.1 * side as f64);
    let map = Affine {
        a,
        b: -d,
        c: middle.x - a * x + d * y,
        d,
        e: a,
        f: middle.y - d * x - a * y,
    };
    is_usable.then(|| resample::warp(image, &map, side, side))
}

/// The face's box made square, with a margin, in `side` pixels: FaceNet's frame.
pub(super) fn margin_square(image: &RgbImage, face: &Face, side: usize) -> Pixels {
    let whole = face.bbox.width.max(face.bbox.height) * FACENET_MARGIN;
    let centre = face.bbox.centre();
    let origin = Point {
        x: centre.x - whole / 2.0,
        y: centre.y - whole / 2.0,
    };
    let scale = whole / side as f64;
    resample::warp(image, &Affine::stretch(origin, scale, scale), side, side)
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Rect;
    use super::*;

    /// A face whose eyes and mouth make an upright cross, turned by a right angle where asked.
    fn face(points: [(f64, f64); 5]) -> Face {
        Face {
            bbox: Rect {
                x: 20.0,
                y: 20.0,
                width: 60.0,
                height: 60.0,
            },
            score: 1.0,
            landmarks: points.map(|(x, y)| Point { x, y }),
            rank: 1.0,
        }
    }

    #[test]
    fn the_eyes_of_a_level_square_are_level() {
        let mut image = RgbImage {
            width: 100,
            height: 100,
            pixels: vec![0; 30_000],
        };
        // A face lying on its side: its left eye above, its right eye below, the mouth to the left.
        let points = [(60., 30.), (60., 70.), (50., 50.), (30., 40.), (30., 60.)];
        for (at, value) in [((60, 30), 100), ((60, 70), 200)] {
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let pixel: usize = ((at.1 - dy) * 100 + at.0 - dx) * 3;
                image.pixels[pixel..pixel + 3].fill(value);
            }
        }
        let square = level_square(&image, &face(points), 150).expect("a face");
        let brightest = |value: u8| {
            let at = square.chunks(3).position(|p| p[0].abs_diff(value) < 8);
            at.map(|at| (at % 150, at / 150)).expect("the eye")
        };
        let (left, right) = (brightest(100), brightest(200));
        assert!(left.1.abs_diff(right.1) <= 2, "{left:?} {right:?}");
        assert!(left.0.min(right.0) > 20 && left.0.max(right.0) < 130);
        let nowhere = [(5.0, 5.0); 5];
        assert!(level_square(&image, &face(nowhere), 150).is_none());
    }
}
