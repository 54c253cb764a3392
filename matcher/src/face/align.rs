//! Alignment: the face turned, scaled and shifted so that its five points lie where the embedder expects.

use super::detect::Face;
use super::geometry::Affine;
use super::params::{ALIGNED_POINTS, ALIGNED_SIDE};
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

    /// The face mirrored from left to right.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self {
            pixels: resample::mirror(&self.pixels, ALIGNED_SIDE),
        }
    }
}
