//! A sight: all that one frame tells the watch, measured once, so that no pixels but the eyes' need be kept.
//!
//! Beside the observation: the 68 points, the mean light that patches of skin and of background send back,
//! and the figures of fine texture. Light is linear (the sRGB curve undone), because reflections add in
//! linear light only.

use std::sync::LazyLock;

use super::super::face::geometry::{Point, Rect};
use super::super::face::params::LANDMARK_COUNT;
use super::eyes::Eyes;
use super::{moire, sharpness};
use crate::face::Observation;
use crate::sample::RgbImage;

/// One frame, for [`super::Watch::take`]; made by [`crate::face::FacePipeline::sight`].
#[derive(Debug, Clone)]
pub struct Sight {
    /// The facts that guide, with the best face.
    pub observation: Observation,
    /// The 68 points in image pixels, in the usual order; `None` without that model.
    pub points: Option<Box<[Point; LANDMARK_COUNT]>>,
    /// Faces that were found, small ones too.
    pub faces: usize,
    /// The light of patches of skin and of the background.
    pub light: Light,
    /// The picture of the eyes, to tell a blink from; `None` where the face is too small or cut off.
    pub eyes: Option<Eyes>,
    /// The strongest single frequency in the skin's fine texture, as [`moire::peak`] measures it; `None`
    /// where the face is too small.
    pub moire: Option<f64>,
    /// How sharp the face is beside its surroundings, as [`sharpness::ratio`] measures it; `None` where the
    /// surroundings are flat.
    pub sharpness: Option<f64>,
}

/// Mean red, green and blue in linear light, 0 to 1.
pub type Linear = [f64; 3];

/// The light of patches; `None` where a patch lies outside the image or is nearly all black or burnt out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Forehead, image-left cheek, image-right cheek, nose.
    pub skin: [Option<Linear>; 4],
    /// Beside and above the head: to the image's left, to its right, above.
    pub background: [Option<Linear>; 3],
}

impl Sight {
    /// Measures a frame around its observed face. The image must have the pixels that its sides say.
    #[must_use]
    pub fn measure(
        image: &RgbImage,
        observation: Observation,
        points: Option<[Point; LANDMARK_COUNT]>,
        faces: usize,
    ) -> Self {
        Self {
            light: Light::of(image, &observation),
            eyes: Eyes::of(image, &observation.face),
            moire: moire::peak(image, &observation.face),
            sharpness: sharpness::ratio(image, &observation.face.bbox),
            observation,
            points: points.map(Box::new),
            faces,
        }
    }
}

impl Light {
    fn of(image: &RgbImage, seen: &Observation) -> Self {
        let [left, right, ..] = seen.face.landmarks;
        let middle = left.midpoint(right);
        // Along the eyes and down the face, in units of half the distance between the eyes.
        let (ux, uy) = ((right.x - left.x) / 2.0, (right.y - left.y) / 2.0);
        let unit = ux.hypot(uy);
        let skin = SKIN.map(|(x, y, radius)| {
            let side = radius * unit * 2.0;
            let centre = (middle.x + x * ux - y * uy, middle.y + x * uy + y * ux);
            mean(
                image,
                &Rect {
                    x: centre.0 - side / 2.0,
                    y: centre.1 - side / 2.0,
                    width: side,
                    height: side,
                },
            )
        });
        let Rect {
            x,
            y,
            width,
            height,
        } = seen.face.bbox;
        let end = image.width as f64;
        let beside = |from: f64, to: f64| Rect {
            x: from,
            y: (y - 0.4 * height).max(0.0),
            width: to - from,
            height: (0.9 * height).min(y + 0.5 * height),
        };
        let background = [
            beside((x - 1.2 * width).max(0.0), x - BESIDE * width),
            beside(x + (1.0 + BESIDE) * width, (x + 2.2 * width).min(end)),
            Rect {
                x,
                y: 0.0,
                width,
                height: y - ABOVE * height,
            },
        ]
        .map(|rect| mean(image, &rect));
        Self { skin, background }
    }
}

/// The mean of a rectangle's pixels that are neither black nor burnt out.
fn mean(image: &RgbImage, rect: &Rect) -> Option<Linear> {
    let span = |from: f64, length: f64, end: usize| {
        let first = from.max(0.0).round();
        let last = (from + length).min(end as f64).round();
        (last - first >= LEAST_SIDE_PX).then_some((first as usize, last as usize))
    };
    let (x0, x1) = span(rect.x, rect.width, image.width)?;
    let (y0, y1) = span(rect.y, rect.height, image.height)?;
    // A few thousand pixels tell a mean as well as all of them.
    let step = (((x1 - x0) * (y1 - y0)) as f64 / MOST_PIXELS)
        .sqrt()
        .ceil()
        .max(1.0) as usize;
    let (mut sum, mut used, mut all) = ([0.0; 3], 0.0, 0.0);
    for y in (y0..y1).step_by(step) {
        for x in (x0..x1).step_by(step) {
            let at = (y * image.width + x) * 3;
            let pixel = &image.pixels[at..at + 3];
            all += 1.0;
            if pixel.iter().all(|v| *v < BURNT) && pixel.iter().any(|v| *v > BLACK) {
                used += 1.0;
                for (s, value) in sum.iter_mut().zip(pixel) {
                    *s += linear(*value);
                }
            }
        }
    }
    (used >= all * LEAST_USED).then(|| sum.map(|s| s / used))
}

/// A value of sRGB in linear light (IEC 61966-2-1), 0 to 1.
#[must_use]
pub fn linear(value: u8) -> f64 {
    static TABLE: LazyLock<[f64; 256]> = LazyLock::new(|| {
        std::array::from_fn(|v| {
            let v = v as f64 / 255.0;
            if v <= 0.040_45 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        })
    });
    TABLE[usize::from(value)]
}

/// Centre and half side of the patches of skin: x to the image's right and y down from the middle of the
/// eyes, in units of half the distance between the eyes. Brows, nostrils and most fringes stay out.
const SKIN: [(f64, f64, f64); 4] = [
    (0.0, -0.95, 0.4),
    (-0.9, 1.25, 0.35),
    (0.9, 1.25, 0.35),
    (0.0, 0.65, 0.2),
];
/// Share of the box's width beside it, and of its height above it, that hair takes.
const BESIDE: f64 = 0.45;
const ABOVE: f64 = 0.5;
/// Share of a patch that must not be: what is left of a bright face tells a colour as well.
const LEAST_USED: f64 = 0.1;
/// Values from which on a pixel is burnt out, and up to which it is black.
const BURNT: u8 = 252;
const BLACK: u8 = 4;
/// Shorter sides give no mean.
const LEAST_SIDE_PX: f64 = 3.0;
/// About as many pixels are read of a patch.
const MOST_PIXELS: f64 = 3000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_of_linear_light_and_skips_what_is_burnt_out() {
        let mut image = RgbImage {
            width: 10,
            height: 10,
            pixels: vec![188; 300],
        };
        let whole = Rect {
            x: -5.0,
            y: -5.0,
            width: 40.0,
            height: 40.0,
        };
        image.pixels[..30].fill(255);
        let [r, ..] = mean(&image, &whole).expect("mostly usable");
        // 188 is half the light of 255.
        assert!((r - 0.503).abs() < 0.002, "{r}");
        image.pixels.fill(255);
        assert_eq!(mean(&image, &whole), None);
    }

    #[test]
    fn a_patch_outside_the_image_has_no_mean() {
        let image = RgbImage {
            width: 4,
            height: 4,
            pixels: vec![100; 48],
        };
        let outside = Rect {
            x: 10.0,
            y: -20.0,
            width: 8.0,
            height: 8.0,
        };
        assert_eq!(mean(&image, &outside), None);
    }
}
