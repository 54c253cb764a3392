//! A small picture to draw on: dots, rings and lines with soft edges, written as PNG or JPEG.
//!
//! Places are in pixels of the picture, x right, y down, the middle of the first pixel at 0.

use std::io::Cursor;
use std::path::Path;

use anyhow::Context;
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// Row-major RGB.
#[derive(Clone)]
pub struct Canvas {
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// A picture of one colour.
    pub fn new(width: usize, height: usize, ground: Colour) -> Self {
        Self {
            width,
            height,
            pixels: ground.repeat(width * height),
        }
    }

    /// A picture whose pixels are computed.
    pub fn drawn(width: usize, height: usize, colour: impl Fn(usize, usize) -> Colour) -> Self {
        let mut out = Self::new(width, height, [0; 3]);
        for y in 0..height {
            for x in 0..width {
                out.set(x, y, colour(x, y));
            }
        }
        out
    }

    fn set(&mut self, x: usize, y: usize, colour: Colour) {
        let start = 3 * (y * self.width + x);
        self.pixels[start..start + 3].copy_from_slice(&colour);
    }

    /// Mixes a colour in, `share` 0 to 1; outside the picture nothing happens.
    fn mix(&mut self, x: isize, y: isize, colour: Colour, share: f32) {
        if x < 0 || y < 0 || x as usize >= self.width || y as usize >= self.height {
            return;
        }
        let start = 3 * (y as usize * self.width + x as usize);
        for (value, new) in self.pixels[start..start + 3].iter_mut().zip(colour) {
            *value = (f32::from(*value) * (1.0 - share) + f32::from(new) * share).round() as u8;
        }
    }

    /// Another picture with its upper left corner here.
    pub fn paste(&mut self, other: &Self, left: usize, top: usize) {
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            for x in 0..other.width.min(self.width.saturating_sub(left)) {
                let start = 3 * (y * other.width + x);
                let colour = [
                    other.pixels[start],
                    other.pixels[start + 1],
                    other.pixels[start + 2],
                ];
                self.set(left + x, top + y, colour);
            }
        }
    }

    /// A straight line of some width.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: Colour) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let square = (dx * dx + dy * dy).max(1e-6);
        self.soft((from, to), width / 2.0 + 1.0, colour, |x, y| {
            let t = (((x - from.0) * dx + (y - from.1) * dy) / square).clamp(0.0, 1.0);
            (x - from.0 - t * dx).hypot(y - from.1 - t * dy) - width / 2.0
        });
    }

    /// A circle's rim of some width.
    pub fn ring(&mut self, at: (f32, f32), radius: f32, width: f32, colour: Colour) {
        self.soft((at, at), radius + width, colour, |x, y| {
            ((x - at.0).hypot(y - at.1) - radius).abs() - width / 2.0
        });
    }

    /// A square's rim of some width.
    pub fn square(&mut self, at: (f32, f32), radius: f32, width: f32, colour: Colour) {
        self.soft((at, at), radius + width, colour, |x, y| {
            ((x - at.0).abs().max((y - at.1).abs()) - radius).abs() - width / 2.0
        });
    }

    /// Fills where a distance is negative, softly over one pixel, within `reach` of two places.
    fn soft(
        &mut self,
        (a, b): ((f32, f32), (f32, f32)),
        reach: f32,
        colour: Colour,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        let low = |v: f32, w: f32| ((v.min(w) - reach).floor().max(-1.0)) as isize;
        let high = |v: f32, w: f32, n: usize| ((v.max(w) + reach).ceil().min(n as f32)) as isize;
        for y in low(a.1, b.1)..=high(a.1, b.1, self.height) {
            for x in low(a.0, b.0)..=high(a.0, b.0, self.width) {
                let share = (0.5 - distance(x as f32, y as f32)).clamp(0.0, 1.0);
                if share > 0.0 {
                    self.mix(x, y, colour, share);
                }
            }
        }
    }

    /// Each pixel `factor` times as wide and high.
    pub fn enlarged(&self, factor: usize) -> Self {
        Self::drawn(self.width * factor, self.height * factor, |x, y| {
            let start = 3 * (y / factor * self.width + x / factor);
            [
                self.pixels[start],
                self.pixels[start + 1],
                self.pixels[start + 2],
            ]
        })
    }

    /// The picture as PNG.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        let mut out = Cursor::new(Vec::new());
        PngEncoder::new(&mut out).write_image(
            &self.pixels,
            self.width as u32,
            self.height as u32,
            ExtendedColorType::Rgb8,
        )?;
        Ok(out.into_inner())
    }

    /// The picture as JPEG, for embedding.
    pub fn jpeg(&self) -> anyhow::Result<Vec<u8>> {
        let mut out = Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY).write_image(
            &self.pixels,
            self.width as u32,
            self.height as u32,
            ExtendedColorType::Rgb8,
        )?;
        Ok(out.into_inner())
    }

    /// Writes the PNG.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, self.png()?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

const JPEG_QUALITY: u8 = 82;

/// Grey from 0 black to 1 white.
pub fn grey(value: f32) -> Colour {
    [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3]
}

/// A hue, in turns, at full strength.
pub fn hue(turns: f32) -> Colour {
    [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|shift: f32| {
        let wave = (std::f32::consts::TAU * (turns - shift)).cos();
        ((0.5 + 0.45 * wave) * 255.0).round() as u8
    })
}

/// From dark blue over green to yellow, 0 to 1: equal steps look equal (the ends and middles of the viridis map).
pub fn scale(value: f32) -> Colour {
    const STOPS: [Colour; 5] = [
        [68, 1, 84],
        [59, 82, 139],
        [33, 145, 140],
        [94, 201, 98],
        [253, 231, 37],
    ];
    let place = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let index = (place as usize).min(STOPS.len() - 2);
    let share = place - index as f32;
    std::array::from_fn(|k| {
        let (low, high) = (f32::from(STOPS[index][k]), f32::from(STOPS[index + 1][k]));
        (low + (high - low) * share).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_outside_is_cut_off() {
        let mut canvas = Canvas::new(8, 6, [0; 3]);
        canvas.line((-20.0, 3.0), (40.0, 3.0), 1.0, [255; 3]);
        canvas.ring((100.0, -50.0), 9.0, 2.0, [255; 3]);
        canvas.square((3.0, 3.0), 2.0, 1.0, [9, 9, 9]);
        assert_eq!(&canvas.pixels[3 * 3 * 8..3 * 3 * 8 + 3], &[255; 3]);
        assert_eq!(&canvas.pixels[..3], &[0; 3]);
        let read = image::load_from_memory(&canvas.png().expect("encodes")).expect("reads back");
        assert_eq!((read.width(), read.height()), (8, 6));
        let jpeg = canvas.jpeg().expect("encodes");
        assert!(image::load_from_memory(&jpeg).is_ok());
    }

    #[test]
    fn a_scale_begins_and_ends_where_it_says() {
        assert_eq!((scale(-1.0), scale(2.0)), ([68, 1, 84], [253, 231, 37]));
        assert!(hue(0.0)[0] > 200 && hue(1.0 / 3.0)[1] > 200);
    }
}
