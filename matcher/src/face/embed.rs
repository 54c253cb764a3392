//! Embedding: an aligned face becomes 128 numbers whose angle tells people apart.
//!
//! MobileFaceNet (Chen et al. 2018), run on the face and on its mirror image; adding the two before
//! normalising lowers the false non-match rate by a fifth to a quarter. Two runs, because this engine is
//! several times slower on a batch of two.

use zeroize::Zeroizing;

use super::align::AlignedFace;
use super::params::{ALIGNED_SIDE, EMBEDDING_LENGTH};
use super::template::Template;
use crate::onnx::{Contract, Network, OnnxError};

/// The embedding network.
pub struct Embedder {
    network: Network,
    name: String,
}

impl Embedder {
    /// Loads the embedder; `name` goes into every template, and only equal names compare.
    ///
    /// # Errors
    /// [`OnnxError`] when the bytes are not such a network.
    pub fn load(bytes: &[u8], name: String) -> Result<Self, OnnxError> {
        Ok(Self {
            network: Network::load(bytes, CONTRACT)?,
            name,
        })
    }

    /// The template of an aligned face.
    ///
    /// # Errors
    /// [`OnnxError`] when the engine fails, or answers with a vector without a direction.
    pub fn template(&self, face: &AlignedFace) -> Result<Template, OnnxError> {
        let mut sum = Zeroizing::new([0f32; EMBEDDING_LENGTH]);
        for face in [face, &face.mirrored()] {
            let outputs = self
                .network
                .run(|planes| write_planes(face.pixels(), planes))?;
            for (s, value) in sum.iter_mut().zip(outputs.get(0)) {
                *s += value;
            }
        }
        Template::normalised(&self.name, &sum).ok_or(OnnxError::NotFinite {
            role: CONTRACT.role,
        })
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Writes RGB pixels as red, green and blue planes of 0 to 255.
pub(super) fn write_planes(pixels: &[u8], planes: &mut [f32]) {
    let area = pixels.len() / 3;
    for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.chunks_exact(3)) {
            *value = f32::from(pixel[channel]);
        }
    }
}

const CONTRACT: Contract = Contract {
    role: "embedder",
    input: [1, 3, ALIGNED_SIDE, ALIGNED_SIDE],
    outputs: &[EMBEDDING_LENGTH],
};
