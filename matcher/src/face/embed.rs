//! Embedding: a face becomes 128 numbers that tell people apart.
//!
//! The recommended network is MobileFaceNet (Chen et al. 2018), run on the face and on its mirror image; adding the
//! two before normalising lowers the false non-match rate by a fifth to a quarter. Two runs, because this engine is
//! several times slower on a batch of two. What another network wants cut, and what its numbers mean, is its
//! contract.

use zeroize::Zeroizing;

use super::align::{AlignedFace, level_square, margin_square};
use super::contract::{EmbedderContract, EmbedderKind};
use super::detect::Face;
use super::params::{ALIGNED_SIDE, DLIB_SIDE, FACENET_SIDE};
use super::resample::{self, Pixels};
use super::template::{Measure, Template};
use crate::onnx::{Contract, Network, OnnxError};
use crate::sample::RgbImage;

/// The embedding network.
pub struct Embedder {
    network: Network,
    name: String,
    contract: EmbedderContract,
}

impl Embedder {
    /// Loads the embedder; `name` goes into every template, and only equal names compare.
    ///
    /// # Errors
    /// [`OnnxError`] when the bytes are not such a network.
    pub fn load(bytes: &[u8], name: String, contract: EmbedderContract) -> Result<Self, OnnxError> {
        let side = side(contract.kind);
        let shape = Contract {
            role: ROLE,
            input: [1, 3, side, side],
            outputs: match contract.length {
                512 => &[512],
                256 => &[256],
                _ => &[128],
            },
        };
        Ok(Self {
            network: Network::load(bytes, shape)?,
            name,
            contract,
        })
    }

    /// The template of a detected face, whose aligned pixels are at hand; `None` when it cannot be cut.
    ///
    /// # Errors
    /// [`OnnxError`] when the engine fails, or answers with a vector without a direction.
    pub fn template(
        &self,
        image: &RgbImage,
        face: &Face,
        aligned: &AlignedFace,
    ) -> Result<Option<Template>, OnnxError> {
        let side = side(self.contract.kind);
        let cut: Option<Pixels> = match self.contract.kind {
            EmbedderKind::ArcFace112 => None,
            EmbedderKind::FaceNet160 => Some(margin_square(image, face, side)),
            EmbedderKind::Dlib150 => match level_square(image, face, side) {
                Some(pixels) => Some(pixels),
                None => return Ok(None),
            },
        };
        let pixels = cut.as_ref().map_or(aligned.pixels(), |cut| cut.as_slice());
        let mirrored = resample::mirror(pixels, side);
        let mut sum = Zeroizing::new(vec![0f32; self.contract.length]);
        for pixels in [pixels, &mirrored] {
            let outputs = self.network.run(|planes| {
                write_planes(pixels, planes);
                self.contract.normalise(planes);
            })?;
            for (s, value) in sum.iter_mut().zip(outputs.get(0)) {
                *s += value;
            }
        }
        let template = match self.contract.kind.measure() {
            Measure::Cosine => Template::normalised(&self.name, &sum),
            Measure::Euclidean => {
                sum.iter_mut().for_each(|s| *s /= 2.0);
                Template::plain(&self.name, &sum)
            }
        };
        template
            .map(Some)
            .ok_or(OnnxError::NotFinite { role: ROLE })
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn side(kind: EmbedderKind) -> usize {
    match kind {
        EmbedderKind::ArcFace112 => ALIGNED_SIDE,
        EmbedderKind::FaceNet160 => FACENET_SIDE,
        EmbedderKind::Dlib150 => DLIB_SIDE,
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

const ROLE: &str = "embedder";

#[cfg(test)]
mod tests {
    use super::super::convert::toy;
    use super::super::geometry::{Point, Rect};
    use super::super::score::compare;
    use super::*;

    /// A picture of one colour on the left and another on the right, and a face in its middle.
    fn picture(left: u8, right: u8) -> (RgbImage, Face) {
        let pixels = (0..120 * 120).flat_map(|i| {
            let value = if i % 120 < 60 { left } else { right };
            [value, value / 2, 255 - value]
        });
        let image = RgbImage {
            width: 120,
            height: 120,
            pixels: pixels.collect(),
        };
        let at = [(45., 50.), (75., 50.), (60., 65.), (48., 80.), (72., 80.)];
        let face = Face {
            bbox: Rect {
                x: 30.0,
                y: 25.0,
                width: 60.0,
                height: 75.0,
            },
            score: 1.0,
            landmarks: at.map(|(x, y)| Point { x, y }),
            rank: 1.0,
        };
        (image, face)
    }

    fn template(embedder: &Embedder, (image, face): &(RgbImage, Face)) -> Template {
        let aligned = AlignedFace::of(image, face).expect("a face");
        let template = embedder.template(image, face, &aligned);
        template.expect("runs").expect("is cut")
    }

    #[test]
    fn a_network_of_any_contract_makes_templates_that_compare() {
        for (kind, side, length) in [
            (EmbedderKind::ArcFace112, 112, 512),
            (EmbedderKind::FaceNet160, 160, 512),
            (EmbedderKind::FaceNet160, 160, 128),
            (EmbedderKind::Dlib150, 150, 256),
        ] {
            let contract = EmbedderContract {
                length,
                ..EmbedderContract::usual(kind)
            };
            let embedder = Embedder::load(&toy::embedder(side, length), "toy-1".into(), contract);
            let embedder = embedder.expect("loads");
            let (a, b) = (picture(40, 220), picture(250, 30));
            let (one, other) = (template(&embedder, &a), template(&embedder, &b));
            assert_eq!(
                (one.values().len(), one.measure()),
                (length, kind.measure())
            );
            // Left and right are summed with their mirror image: the same picture, mirrored, is the same person.
            let mirrored = template(&embedder, &picture(220, 40));
            let (same, different) = (compare(&one, &mirrored), compare(&one, &other));
            assert!(same > different, "{kind:?}: {same} {different}");
            let read = Template::from_bytes(&one.to_bytes()).expect("reads");
            assert_eq!(compare(&one, &read), compare(&one, &one));
        }
    }

    #[test]
    fn a_network_of_another_contract_is_refused() {
        let load = |bytes: &[u8], kind| {
            Embedder::load(bytes, "toy-1".into(), EmbedderContract::usual(kind)).err()
        };
        let refused = load(&toy::embedder(160, 128), EmbedderKind::FaceNet160);
        assert!(
            matches!(refused, Some(OnnxError::Contract { .. })),
            "{refused:?}"
        );
        assert!(matches!(
            load(b"not a model", EmbedderKind::Dlib150),
            Some(OnnxError::Load { .. })
        ));
    }
}
