//! Detection: where the faces of an image are, with five landmarks each.
//!
//! YuNet (Wu, Peng and Yu 2023) is anchor-free: at strides 8, 16 and 32 every cell of the grid answers
//! with two scores, a box and five points. The image is letterboxed into the top left of the input.
//!
//! Faces are ranked by score x side x centrality, so that the first is the person in front of the camera
//! and not a sharper face behind.

use super::contract::DetectorContract;
use super::geometry::{Point, Rect};
use super::params::{CENTRAL_SHARE, DETECTOR_LEAST_SCORE, DETECTOR_OVERLAP, DETECTOR_SIDE};
use super::resample;
use crate::onnx::{Contract, Network, OnnxError, Outputs};
use crate::sample::RgbImage;

mod tiny;

/// One detected face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The box around forehead, chin and cheeks.
    pub bbox: Rect,
    /// How sure the detector is, 0 to 1.
    pub score: f64,
    /// Image-left eye, image-right eye, nose tip, image-left and image-right corner of the mouth.
    pub landmarks: [Point; 5],
    /// Score x side (pixels) x centrality: the order of the faces of an image.
    pub rank: f64,
}

impl Face {
    /// The distance between the eyes, pixels.
    #[must_use]
    pub fn eye_distance(&self) -> f64 {
        let [left, right, ..] = self.landmarks;
        left.distance(right)
    }
}

/// The detector network.
pub struct Detector {
    network: Network,
    contract: DetectorContract,
}

impl Detector {
    /// Loads the detector.
    ///
    /// # Errors
    /// [`OnnxError`] when the bytes are not a network of this contract.
    pub fn load(bytes: &[u8], contract: DetectorContract) -> Result<Self, OnnxError> {
        let shape = match contract {
            DetectorContract::YuNet320 => CONTRACT,
            DetectorContract::TinyFace256 => tiny::CONTRACT,
        };
        Ok(Self {
            network: Network::load(bytes, shape)?,
            contract,
        })
    }

    /// Whether its faces come with their five points; otherwise all five are the box's centre.
    #[must_use]
    pub fn has_points(&self) -> bool {
        match self.contract {
            DetectorContract::YuNet320 => true,
            DetectorContract::TinyFace256 => false,
        }
    }

    /// The faces of an image, best first. The image must have pixels.
    ///
    /// # Errors
    /// [`OnnxError`] when the engine fails.
    pub fn detect(&self, image: &RgbImage) -> Result<Vec<Face>, OnnxError> {
        Ok(match self.contract {
            DetectorContract::YuNet320 => suppress(self.yunet(image)?),
            DetectorContract::TinyFace256 => suppress(tiny::candidates(&self.network, image)?),
        })
    }

    fn yunet(&self, image: &RgbImage) -> Result<Vec<Face>, OnnxError> {
        let scale = DETECTOR_SIDE as f64 / image.width.max(image.height) as f64;
        let fitted = |side: usize| ((side as f64 * scale) as usize).clamp(1, DETECTOR_SIDE);
        let (width, height) = (fitted(image.width), fitted(image.height));
        let small = resample::resize(image, width, height);
        let outputs = self
            .network
            .run(|planes| letterbox(&small, width, planes))?;
        Ok(candidates(&outputs, image, scale))
    }
}

/// Writes RGB pixels as blue, green and red planes of 0 to 255.
fn letterbox(small: &[u8], width: usize, planes: &mut [f32]) {
    for (channel, plane) in planes
        .chunks_exact_mut(DETECTOR_SIDE * DETECTOR_SIDE)
        .rev()
        .enumerate()
    {
        for (row, line) in small
            .chunks_exact(width * 3)
            .zip(plane.chunks_exact_mut(DETECTOR_SIDE))
        {
            for (pixel, value) in row.chunks_exact(3).zip(line) {
                *value = f32::from(pixel[channel]);
            }
        }
    }
}

fn candidates(outputs: &Outputs, image: &RgbImage, scale: f64) -> Vec<Face> {
    let mut faces = Vec::new();
    for (level, stride) in STRIDES.into_iter().enumerate() {
        let [classes, objects, boxes, points] = [0, 3, 6, 9].map(|kind| outputs.get(kind + level));
        let cells = classes
            .iter()
            .zip(objects)
            .zip(boxes.chunks_exact(4).zip(points.chunks_exact(10)));
        for (cell, ((class, object), (offsets, points))) in cells.enumerate() {
            let score = f64::from(class * object).clamp(0.0, 1.0).sqrt();
            if score <= DETECTOR_LEAST_SCORE {
                continue;
            }
            let per_row = DETECTOR_SIDE / stride;
            let (row, column) = ((cell / per_row) as f64, (cell % per_row) as f64);
            let pixels = stride as f64 / scale;
            let offset = |i: usize| f64::from(offsets[i]);
            let (width, height) = (offset(2).exp() * pixels, offset(3).exp() * pixels);
            let middle = Point {
                x: (column + offset(0)) * pixels,
                y: (row + offset(1)) * pixels,
            };
            let face = Face {
                bbox: Rect {
                    x: middle.x - width / 2.0,
                    y: middle.y - height / 2.0,
                    width,
                    height,
                },
                score,
                landmarks: std::array::from_fn(|i| Point {
                    x: (f64::from(points[2 * i]) + column) * pixels,
                    y: (f64::from(points[2 * i + 1]) + row) * pixels,
                }),
                rank: score * (width * height).sqrt() * centrality(middle, image),
            };
            // An exponential can overflow: such a box is no face.
            if face.rank.is_finite() {
                faces.push(face);
            }
        }
    }
    faces
}

/// 1 in the middle of the image, less towards its edges.
fn centrality(middle: Point, image: &RgbImage) -> f64 {
    let centre = Point {
        x: image.width as f64 / 2.0,
        y: image.height as f64 / 2.0,
    };
    1.0 / (1.0 + middle.distance(centre) / (image.width as f64 * CENTRAL_SHARE))
}

/// Non-maximum suppression in the order of rank, so that the first face is the best ranked candidate.
fn suppress(mut candidates: Vec<Face>) -> Vec<Face> {
    candidates.sort_by(|a, b| b.rank.total_cmp(&a.rank));
    let mut faces: Vec<Face> = Vec::new();
    for candidate in candidates {
        if faces
            .iter()
            .all(|f| f.bbox.overlap(&candidate.bbox) <= DETECTOR_OVERLAP)
        {
            faces.push(candidate);
        }
    }
    faces
}

const STRIDES: [usize; 3] = [8, 16, 32];
const CONTRACT: Contract = Contract {
    role: "detector",
    input: [1, 3, DETECTOR_SIDE, DETECTOR_SIDE],
    // Class score, object score, box, points; each at the three strides.
    outputs: &[
        1600, 400, 100, 1600, 400, 100, 6400, 1600, 400, 16000, 4000, 1000,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f64, rank: f64) -> Face {
        let bbox = Rect {
            x,
            y: 0.0,
            width: 10.0,
            height: 10.0,
        };
        Face {
            bbox,
            score: 0.9,
            landmarks: [bbox.centre(); 5],
            rank,
        }
    }

    #[test]
    fn overlapping_boxes_are_one_face_and_the_best_ranked_stays() {
        let kept = suppress(vec![
            face(1.0, 5.0),
            face(0.0, 8.0),
            face(20.0, 2.0),
            face(8.0, 1.0),
        ]);
        let ranks: Vec<f64> = kept.iter().map(|f| f.rank).collect();
        assert_eq!(ranks, [8.0, 2.0, 1.0]);
    }

    #[test]
    fn the_letterbox_is_blue_green_red_in_the_top_left() {
        let mut planes = vec![0.0; 3 * DETECTOR_SIDE * DETECTOR_SIDE];
        letterbox(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, &mut planes);
        let plane = DETECTOR_SIDE * DETECTOR_SIDE;
        assert_eq!(planes[..3], [3.0, 6.0, 0.0]);
        assert_eq!(planes[plane..plane + 2], [2.0, 5.0]);
        assert_eq!(planes[2 * plane + DETECTOR_SIDE..][..3], [7.0, 10.0, 0.0]);
        assert!(planes[2 * DETECTOR_SIDE..plane].iter().all(|v| *v == 0.0));
    }
}
