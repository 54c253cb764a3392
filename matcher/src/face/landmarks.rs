//! The 68-point landmarks, for how far the eyes are open and for where the face is aligned.
//!
//! A blink is the one small movement that everybody can make and a photograph cannot. The eye's aspect
//! ratio (Soukupova and Cech 2016) is its height over its width: 0.25 to 0.34 open, near 0.1 shut.

use super::detect::Face;
use super::embed::write_planes;
use super::geometry::{Affine, Point};
use super::params::{LANDMARK_COUNT, LANDMARK_SIDE};
use super::resample::{self, Pixels};
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
        let square = Square::of(image, face);
        Ok(square.in_image(&self.shares(&square.pixels)?))
    }

    /// As [`Self::points`], from the face and from its mirror image: the mean errs less, and the template of a face
    /// depends on where its points are. Twice the time.
    ///
    /// # Errors
    /// [`OnnxError`] when the engine fails.
    pub fn points_both_ways(
        &self,
        image: &RgbImage,
        face: &Face,
    ) -> Result<[Point; LANDMARK_COUNT], OnnxError> {
        let square = Square::of(image, face);
        let straight = self.shares(&square.pixels)?;
        let mirrored = self.shares(&resample::mirror(&square.pixels, LANDMARK_SIDE))?;
        Ok(square.in_image(&mean_with_mirrored(&straight, &mirrored)))
    }

    /// The points as shares of the square's side.
    fn shares(&self, square: &[u8]) -> Result<[Point; LANDMARK_COUNT], OnnxError> {
        let outputs = self.network.run(|planes| write_planes(square, planes))?;
        let (pairs, _) = outputs.get(0).as_chunks::<2>();
        let mut points = [Point { x: 0.0, y: 0.0 }; LANDMARK_COUNT];
        for (point, [x, y]) in points.iter_mut().zip(pairs) {
            *point = Point {
                x: f64::from(*x),
                y: f64::from(*y),
            };
        }
        Ok(points)
    }
}

/// The square around a face's box, as the network takes it.
struct Square {
    origin: Point,
    side: f64,
    pixels: Pixels,
}

impl Square {
    fn of(image: &RgbImage, face: &Face) -> Self {
        let side = face.bbox.width.max(face.bbox.height);
        let centre = face.bbox.centre();
        let origin = Point {
            x: centre.x - side / 2.0,
            y: centre.y - side / 2.0,
        };
        let scale = side / LANDMARK_SIDE as f64;
        let map = Affine::stretch(origin, scale, scale);
        Self {
            origin,
            side,
            pixels: resample::warp(image, &map, LANDMARK_SIDE, LANDMARK_SIDE),
        }
    }

    fn in_image(&self, shares: &[Point; LANDMARK_COUNT]) -> [Point; LANDMARK_COUNT] {
        shares.map(|p| Point {
            x: self.origin.x + p.x * self.side,
            y: self.origin.y + p.y * self.side,
        })
    }
}

/// The mean of points and those of the mirror image, turned back.
fn mean_with_mirrored(
    straight: &[Point; LANDMARK_COUNT],
    mirrored: &[Point; LANDMARK_COUNT],
) -> [Point; LANDMARK_COUNT] {
    std::array::from_fn(|i| {
        let (p, q) = (straight[i], mirrored[usize::from(OPPOSITE[i])]);
        Point {
            x: f64::midpoint(p.x, 1.0 - q.x),
            y: f64::midpoint(p.y, q.y),
        }
    })
}

/// The five points of a detector, from the 68: the middles of the eyes, the tip of the nose, the corners of the mouth.
#[must_use]
pub fn five_points(points: &[Point; LANDMARK_COUNT]) -> [Point; 5] {
    let eye = |first: usize| {
        let six = &points[first..first + EYE_POINTS];
        Point {
            x: six.iter().map(|p| p.x).sum::<f64>() / EYE_POINTS as f64,
            y: six.iter().map(|p| p.y).sum::<f64>() / EYE_POINTS as f64,
        }
    };
    [
        eye(IMAGE_LEFT_EYE),
        eye(IMAGE_RIGHT_EYE),
        points[NOSE_TIP],
        points[MOUTH_CORNERS.0],
        points[MOUTH_CORNERS.1],
    ]
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

/// The point at the other side of the face, for each of the 68: jaw, brows, nose, eyes, outer and inner lips.
const OPPOSITE: [u8; LANDMARK_COUNT] = [
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, //
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17, //
    27, 28, 29, 30, 35, 34, 33, 32, 31, //
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, //
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, //
    64, 63, 62, 61, 60, 67, 66, 65,
];
const IMAGE_LEFT_EYE: usize = 36;
const IMAGE_RIGHT_EYE: usize = 42;
const EYE_POINTS: usize = 6;
const NOSE_TIP: usize = 30;
const MOUTH_CORNERS: (usize, usize) = (48, 54);
const CONTRACT: Contract = Contract {
    role: "landmarks",
    input: [1, 3, LANDMARK_SIDE, LANDMARK_SIDE],
    outputs: &[2 * LANDMARK_COUNT],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_points_are_taken_from_the_68() {
        let points = std::array::from_fn(|i| Point {
            x: i as f64,
            y: 2.0 * i as f64,
        });
        let at = five_points(&points).map(|p| p.x);
        assert_eq!(at, [38.5, 44.5, 30.0, 48.0, 54.0]);
    }

    #[test]
    fn a_mirrored_face_has_its_points_at_the_other_side() {
        for (i, opposite) in OPPOSITE.iter().enumerate() {
            assert_eq!(usize::from(OPPOSITE[usize::from(*opposite)]), i);
        }
        // A face that is seen the same both ways keeps its points.
        let straight = std::array::from_fn(|i| Point {
            x: 0.2 + 0.01 * i as f64,
            y: 0.01 * i as f64,
        });
        let mirrored = std::array::from_fn(|i| {
            let p = straight[usize::from(OPPOSITE[i])];
            Point {
                x: 1.0 - p.x,
                y: p.y,
            }
        });
        for (mean, p) in mean_with_mirrored(&straight, &mirrored)
            .iter()
            .zip(&straight)
        {
            assert!(mean.distance(*p) < 1e-12, "{mean:?} {p:?}");
        }
    }

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
