//! Texture and surroundings: two small networks on two crops of the same frame.
//!
//! MiniFASNet V2 looks at 2.7 times the face's box and V1SE at 4.0 times: the edge of a screen, the hand
//! that holds it, moire. Their classes are print, bona fide and screen; the two answers are averaged.
//! A crop must lie in the camera's own frame: on a tightly cut portrait both networks guess, so such a
//! frame gets no answer.

use super::super::face::geometry::{Affine, Point, Rect};
use super::super::face::resample;
use crate::onnx::{Contract, Network, OnnxError};
use crate::sample::RgbImage;

/// The pair of networks.
pub struct MiniFasNet {
    near: Network,
    far: Network,
}

impl MiniFasNet {
    /// Loads the network for 2.7 times the box (V2) and the one for 4.0 times (V1SE).
    ///
    /// # Errors
    /// [`OnnxError`] when the bytes are not such networks.
    pub fn load(near: &[u8], far: &[u8]) -> Result<Self, OnnxError> {
        let contract = |role| Contract {
            role,
            input: [1, 3, SIDE, SIDE],
            outputs: &[3],
        };
        let (near, far) = rayon::join(
            || Network::load(near, contract("presentation-attack-2.7")),
            || Network::load(far, contract("presentation-attack-4.0")),
        );
        Ok(Self {
            near: near?,
            far: far?,
        })
    }

    /// The probability that the face in `bbox` is bona fide; `None` when the frame shows too little
    /// around it.
    ///
    /// # Errors
    /// [`OnnxError`] when the engine fails.
    pub fn bona_fide(&self, image: &RgbImage, bbox: &Rect) -> Result<Option<f32>, OnnxError> {
        if context(image, bbox) < LEAST_CONTEXT {
            return Ok(None);
        }
        let near = probability(&self.near, image, &crop(image, bbox, NEAR))?;
        let far = probability(&self.far, image, &crop(image, bbox, FAR))?;
        Ok(Some((near + far) / 2.0))
    }
}

/// How many times the box fits into the image, in the tighter direction.
#[must_use]
pub fn context(image: &RgbImage, bbox: &Rect) -> f64 {
    let (width, height) = (image.width as f64 - 1.0, image.height as f64 - 1.0);
    (width / bbox.width).min(height / bbox.height)
}

/// `times` the box about its centre, shrunk to fit into the image and then shifted inside, in whole pixels.
fn crop(image: &RgbImage, bbox: &Rect, times: f64) -> Rect {
    let times = times.min(context(image, bbox));
    let centre = bbox.centre();
    let span = |middle: f64, side: f64, end: usize| {
        let last = end as f64 - 1.0;
        let from = (middle - side * times / 2.0)
            .min(last - side * times)
            .max(0.0);
        let to = (from + side * times).min(last);
        // Both ends are pixels of the crop.
        (from.floor(), to.floor() - from.floor() + 1.0)
    };
    let (x, width) = span(centre.x, bbox.width, image.width);
    let (y, height) = span(centre.y, bbox.height, image.height);
    Rect {
        x,
        y,
        width,
        height,
    }
}

fn probability(network: &Network, image: &RgbImage, crop: &Rect) -> Result<f32, OnnxError> {
    let origin = Point {
        x: crop.x,
        y: crop.y,
    };
    let map = Affine::stretch(origin, crop.width / SIDE as f64, crop.height / SIDE as f64);
    // One look-up a pixel: the networks were trained on crops shrunk without antialiasing, and what they
    // look for is fine texture.
    let pixels = resample::warp_plain(image, &map, SIDE, SIDE);
    let outputs = network.run(|planes| {
        for (channel, plane) in planes.chunks_exact_mut(SIDE * SIDE).rev().enumerate() {
            for (value, pixel) in plane.iter_mut().zip(pixels.chunks_exact(3)) {
                *value = f32::from(pixel[channel]);
            }
        }
    })?;
    Ok(softmax(outputs.get(0), BONA_FIDE))
}

/// The share of `class` among the exponentials of the logits; 0 when there is no such class.
fn softmax(logits: &[f32], class: usize) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = logits.iter().map(|l| (l - largest).exp()).sum();
    logits
        .get(class)
        .map_or(0.0, |l| (l - largest).exp() / total)
}

/// Side of both inputs, pixels.
const SIDE: usize = 80;
/// Times the box that each network was trained on.
const NEAR: f64 = 2.7;
const FAR: f64 = 4.0;
/// Times the box that the frame must show. The authors' own sample frames have 2.1 to 2.5; on portraits cut
/// at 1.2 the answers are noise.
const LEAST_CONTEXT: f64 = 1.5;
/// The class of real people.
const BONA_FIDE: usize = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(width: usize, height: usize) -> RgbImage {
        RgbImage {
            width,
            height,
            pixels: vec![0; width * height * 3],
        }
    }

    proptest! {
        #[test]
        fn a_crop_lies_inside_the_image(
            x in -50.0..600.0f64, y in -50.0..500.0f64, w in 5.0..900.0f64, h in 5.0..900.0f64,
        ) {
            let image = frame(64, 48);
            let cut = crop(&image, &Rect { x, y, width: w, height: h }, FAR);
            prop_assert!(cut.x >= 0.0 && cut.y >= 0.0 && cut.width >= 1.0 && cut.height >= 1.0);
            prop_assert!(cut.x + cut.width <= 64.0 && cut.y + cut.height <= 48.0);
        }
    }

    #[test]
    fn a_crop_with_room_is_about_the_centre() {
        let bbox = Rect {
            x: 300.0,
            y: 220.0,
            width: 40.0,
            height: 40.0,
        };
        let cut = crop(&frame(640, 480), &bbox, FAR);
        assert_eq!(
            (cut.x, cut.y, cut.width, cut.height),
            (240.0, 160.0, 161.0, 161.0)
        );
    }

    #[test]
    fn a_face_as_large_as_guidance_allows_has_context() {
        assert!(1.0 / crate::face::params::GUIDE_SIZE.1 > LEAST_CONTEXT);
    }

    #[test]
    fn the_softmax_sums_to_one() {
        let logits = [1.0, 3.0, -200.0];
        let total: f32 = (0..3).map(|c| softmax(&logits, c)).sum();
        assert!((total - 1.0).abs() < 1e-6 && softmax(&logits, 1) > 0.85);
        assert_eq!(softmax(&[], 1), 0.0);
    }
}
