//! A picture as light: linear RGB, so that lamps add up and cameras can be exposed.

use std::sync::LazyLock;

use crate::sample::RgbImage;

/// Linear RGB, row-major.
#[derive(Clone)]
pub(super) struct Light {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<[f32; 3]>,
}

impl Light {
    pub(super) fn filled(width: usize, height: usize, value: [f32; 3]) -> Self {
        Self {
            width,
            height,
            pixels: vec![value; width * height],
        }
    }

    pub(super) fn of(image: &RgbImage) -> Self {
        Self {
            width: image.width,
            height: image.height,
            pixels: image
                .pixels
                .as_chunks::<3>()
                .0
                .iter()
                .map(|p| linear(*p))
                .collect(),
        }
    }

    /// Bilinear at pixel centres; the border goes on for ever.
    pub(super) fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let (i, u) = cell(x, self.width);
        let (j, v) = cell(y, self.height);
        let row = j * self.width;
        let next = if j + 1 < self.height {
            row + self.width
        } else {
            row
        };
        let k = if i + 1 < self.width { i + 1 } else { i };
        let (a, b) = (self.pixels[row + i], self.pixels[row + k]);
        let (c, d) = (self.pixels[next + i], self.pixels[next + k]);
        std::array::from_fn(|n| {
            let upper = a[n] + (b[n] - a[n]) * u;
            let lower = c[n] + (d[n] - c[n]) * u;
            upper + (lower - upper) * v
        })
    }

    /// Twice as large, by a cubic: enlarged bilinearly, a small photograph shows its grid.
    pub(super) fn doubled(&self) -> Self {
        let (width, height) = (self.width, self.height);
        let mut wide = Self::filled(2 * width, height, [0.0; 3]);
        for y in 0..height {
            for x in 0..2 * width {
                wide.pixels[y * 2 * width + x] =
                    half_step(x, width, |i| self.pixels[y * width + i]);
            }
        }
        let mut out = Self::filled(2 * width, 2 * height, [0.0; 3]);
        for y in 0..2 * height {
            for x in 0..2 * width {
                out.pixels[y * 2 * width + x] =
                    half_step(y, height, |j| wide.pixels[j * 2 * width + x]);
            }
        }
        out
    }

    /// Fills what has no weight from what has, each gap as smooth as it is wide (push and pull over a
    /// pyramid; Gortler and others 1996).
    pub(super) fn fill(&mut self, weights: &mut [f32]) {
        let (width, height) = (self.width, self.height);
        if width <= 1 && height <= 1 {
            return;
        }
        let (w, h) = (width.div_ceil(2), height.div_ceil(2));
        let mut small = Self::filled(w, h, [0.0; 3]);
        let mut small_weights = vec![0.0; w * h];
        for y in 0..height {
            for x in 0..width {
                let (from, to) = (y * width + x, y / 2 * w + x / 2);
                small_weights[to] += weights[from];
                for n in 0..3 {
                    small.pixels[to][n] += weights[from] * self.pixels[from][n];
                }
            }
        }
        for (pixel, weight) in small.pixels.iter_mut().zip(&mut small_weights) {
            if *weight > 0.0 {
                *pixel = pixel.map(|v| v / *weight);
            }
            *weight = weight.min(1.0);
        }
        small.fill(&mut small_weights);
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                if weights[at] < 1.0 {
                    let coarse = small.at(x as f32 / 2.0 + 0.25, y as f32 / 2.0 + 0.25);
                    let share = weights[at];
                    let own = self.pixels[at];
                    self.pixels[at] =
                        std::array::from_fn(|n| own[n] * share + coarse[n] * (1.0 - share));
                    weights[at] = 1.0;
                }
            }
        }
    }
}

/// The pixel left of a place and the share of the next.
fn cell(at: f32, size: usize) -> (usize, f32) {
    let at = (at - 0.5).clamp(0.0, (size - 1) as f32);
    let index = at as usize;
    (index, at - index as f32)
}

/// The value of an enlarged row at index `x`, a quarter beside the middle of a source pixel (Catmull and Rom).
fn half_step(x: usize, size: usize, value: impl Fn(usize) -> [f32; 3]) -> [f32; 3] {
    const NEAR: [f32; 4] = [-0.070_312_5, 0.867_187_5, 0.226_562_5, -0.023_437_5];
    let middle = (x / 2) as isize;
    let step = if x.is_multiple_of(2) { -1 } else { 1 };
    let mut sum = [0.0f32; 3];
    for (k, weight) in NEAR.into_iter().enumerate() {
        let i = (middle + step * (k as isize - 1)).clamp(0, size as isize - 1);
        let pixel = value(i as usize);
        for n in 0..3 {
            sum[n] += weight * pixel[n];
        }
    }
    sum.map(|v| v.max(0.0))
}

/// sRGB to linear.
pub(super) fn linear(srgb: [u8; 3]) -> [f32; 3] {
    static TABLE: LazyLock<[f32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|i| {
            let v = i as f32 / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        })
    });
    srgb.map(|v| TABLE[usize::from(v)])
}

/// Linear to sRGB, clipped.
pub(super) fn srgb(value: f32) -> u8 {
    static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        (0..=STEPS)
            .map(|i| {
                let v = i as f32 / STEPS as f32;
                let coded = if v <= 0.003_130_8 {
                    v * 12.92
                } else {
                    1.055 * v.powf(1.0 / 2.4) - 0.055
                };
                (coded * 255.0).round() as u8
            })
            .collect()
    });
    TABLE[(value.clamp(0.0, 1.0) * STEPS as f32) as usize]
}

const STEPS: usize = 8_191;

/// Luma of linear light (Rec. 709).
pub(super) fn luminance(p: [f32; 3]) -> f32 {
    0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]
}

/// 0 below `from`, 1 above `to`, smooth between.
pub(super) fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
