//! Sharpness: a picture of a picture has been blurred twice, and its background as much as its face.
//!
//! In a room the background is at another distance than the face, and mostly in other focus and light; in
//! a picture both lie in one plane. The figure is the face's fine detail beside its coarse detail.

use super::super::face::geometry::Rect;
use super::trace::Trace;
use crate::sample::RgbImage;

/// Energy of differences of neighbours over that of pixels four apart, in the middle of the box; `None`
/// where the face is outside the image or flat.
#[must_use]
pub fn ratio(image: &RgbImage, bbox: &Rect) -> Option<f64> {
    let clamp = |value: f64, end: usize| (value.max(0.0) as usize).min(end);
    let (x0, x1) = (
        clamp(bbox.x + 0.15 * bbox.width, image.width),
        clamp(bbox.x + 0.85 * bbox.width, image.width.saturating_sub(STEP)),
    );
    let (y0, y1) = (
        clamp(bbox.y + 0.15 * bbox.height, image.height),
        clamp(
            bbox.y + 0.85 * bbox.height,
            image.height.saturating_sub(STEP),
        ),
    );
    let luma = |x: usize, y: usize| f64::from(image.pixels[(y * image.width + x) * 3 + 1]);
    let (mut fine, mut coarse, mut n) = (0.0, 0.0, 0.0);
    for y in y0..y1 {
        for x in x0..x1 {
            let here = luma(x, y);
            fine += (here - luma(x + 1, y)).powi(2) + (here - luma(x, y + 1)).powi(2);
            coarse += (here - luma(x + STEP, y)).powi(2) + (here - luma(x, y + STEP)).powi(2);
            n += 2.0;
        }
    }
    (n > 0.0 && coarse / n > FLAT).then(|| fine / coarse)
}

/// The median over a capture's frames; `None` when fewer than three frames have a figure.
#[must_use]
pub(super) fn figure(frames: &[Trace]) -> Option<f64> {
    super::trace::median(frames.iter().filter_map(|f| f.sharpness).collect(), 3)
}

/// Pixels apart that count as coarse.
const STEP: usize = 4;
/// Mean squared difference below which there is nothing to compare.
const FLAT: f64 = 4.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn image(value: impl Fn(usize, usize) -> u8) -> RgbImage {
        let (width, height) = (80, 80);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                pixels.extend([value(x, y); 3]);
            }
        }
        RgbImage {
            width,
            height,
            pixels,
        }
    }

    #[test]
    fn a_blurred_edge_is_less_sharp_than_a_hard_one() {
        let bbox = Rect {
            x: -10.0,
            y: 0.0,
            width: 100.0,
            height: 90.0,
        };
        let hard = ratio(&image(|x, _| if x / 8 % 2 == 0 { 40 } else { 200 }), &bbox);
        let soft = ratio(
            &image(|x, _| (120.0 + 80.0 * (x as f64 * 0.4).sin()) as u8),
            &bbox,
        );
        assert!(hard.expect("contrast") > 2.0 * soft.expect("contrast"));
        assert_eq!(ratio(&image(|_, _| 90), &bbox), None);
    }
}
