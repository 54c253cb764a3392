//! The webcam: exposure that drifts, a lens that blurs, a sensor that is noisy, a stream that is compressed.
//!
//! Everything that is held before it goes through the same camera, the person and the attacks alike.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::LazyLock;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::light::{Light, luminance, smooth, srgb};
use super::params::{BLUR, EXPOSURE, EXPOSURE_STEP, JPEG_QUALITY, LATENCY_S, METER_MIDDLE, NOISE};
use crate::fingerprint::synthetic::random::Draws;
use crate::pad::challenge::Shown;
use crate::sample::{Limits, RgbImage};

/// A camera of a seed.
pub(super) struct Camera {
    draws: Draws,
    gain: Option<f32>,
    exposure: f32,
    white: [f32; 3],
    noise: (f32, f32),
    blur: f32,
    quality: u8,
    latency_s: f64,
    seen: VecDeque<(f64, Shown)>,
    lit: Shown,
}

impl Camera {
    pub(super) fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed, 0xCA3E);
        Self {
            gain: None,
            exposure: draws.within(EXPOSURE),
            white: [draws.within((0.95, 1.05)), 1.0, draws.within((0.94, 1.06))],
            noise: (draws.within(NOISE.0), draws.within(NOISE.1)),
            blur: draws.within(BLUR),
            quality: draws.within(JPEG_QUALITY) as u8,
            latency_s: f64::from(draws.within(LATENCY_S)),
            seen: VecDeque::new(),
            lit: Shown::default(),
            draws,
        }
    }

    /// What lit the scene when the frame that arrives now was taken.
    pub(super) fn lit(&mut self, at_s: f64, shown: &Shown) -> Shown {
        self.seen.push_back((at_s, *shown));
        while let Some((since, earlier)) = self.seen.front()
            && *since <= at_s - self.latency_s
        {
            self.lit = *earlier;
            self.seen.pop_front();
        }
        self.lit
    }

    /// The frame as the page gets it.
    pub(super) fn develop(&mut self, scene: &Light) -> RgbImage {
        let gain = self.expose(scene);
        let gains = self.white.map(|w| w * gain);
        let (width, height) = (scene.width, scene.height);
        let mut raw = vec![[0.0f32; 3]; width * height];
        for (row, line) in scene
            .pixels
            .chunks_exact(width)
            .zip(raw.chunks_exact_mut(width))
        {
            let from = (self.draws.unit() * (GRAIN.len() - 3 * width) as f32) as usize;
            let (grain, _) = GRAIN[from..from + 3 * width].as_chunks::<3>();
            for ((pixel, out), grain) in row.iter().zip(line).zip(grain) {
                for n in 0..3 {
                    let value = pixel[n] * gains[n];
                    let deviation = self.noise.0 + self.noise.1 * value.max(0.0).sqrt();
                    out[n] = value + deviation * grain[n];
                }
            }
        }
        let blurred = blur(&raw, width, self.blur);
        let mut pixels = Vec::with_capacity(width * height * 3);
        for p in &blurred {
            pixels.extend_from_slice(&[srgb(p[0]), srgb(p[1]), srgb(p[2])]);
        }
        recoded(
            RgbImage {
                width,
                height,
                pixels,
            },
            self.quality,
        )
    }

    fn expose(&mut self, scene: &Light) -> f32 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for at in (0..scene.pixels.len()).step_by(97) {
            let x = (at % scene.width) as f32 / scene.width as f32 - 0.5;
            let y = (at / scene.width) as f32 / scene.height.max(1) as f32 - 0.5;
            let weight = 1.0 + METER_MIDDLE * smooth(0.4, 0.2, x.hypot(y));
            // As cameras do, what is over-bright counts no further.
            sum += weight * luminance(scene.pixels[at]).min(1.5);
            weights += weight;
        }
        let mean = sum / f32::max(weights, 1.0);
        let wanted = (self.exposure / mean.max(1e-3)).clamp(0.2, 6.0);
        let hunting = 1.0 + 0.004 * self.draws.normal();
        let gain = match self.gain {
            None => wanted,
            Some(gain) => gain + (wanted - gain) * EXPOSURE_STEP,
        };
        self.gain = Some(gain);
        gain * hunting
    }
}

/// The picture after compression; as it was where that fails, which it does not.
pub(super) fn recoded(image: RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::with_capacity(image.pixels.len() / 8);
    let written = JpegEncoder::new_with_quality(Cursor::new(&mut bytes), quality).write_image(
        &image.pixels,
        image.width as u32,
        image.height as u32,
        ExtendedColorType::Rgb8,
    );
    match written
        .ok()
        .and_then(|()| RgbImage::decode(&bytes, &Limits::default()).ok())
    {
        Some(decoded) => decoded,
        None => image,
    }
}

fn blur(raw: &[[f32; 3]], width: usize, weight: f32) -> Vec<[f32; 3]> {
    let middle = 1.0 - 2.0 * weight;
    let mut across = vec![[0.0f32; 3]; raw.len()];
    for (row, out) in raw.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        for x in 0..width {
            let (a, b, c) = (
                row[x.saturating_sub(1)],
                row[x],
                row[(x + 1).min(width - 1)],
            );
            out[x] = std::array::from_fn(|n| weight * (a[n] + c[n]) + middle * b[n]);
        }
    }
    let height = raw.len() / width.max(1);
    let mut out = vec![[0.0f32; 3]; raw.len()];
    for y in 0..height {
        let row = |y: usize| &across[y * width..(y + 1) * width];
        let (above, here, below) = (
            row(y.saturating_sub(1)),
            row(y),
            row((y + 1).min(height - 1)),
        );
        for (x, pixel) in out[y * width..(y + 1) * width].iter_mut().enumerate() {
            *pixel =
                std::array::from_fn(|n| weight * (above[x][n] + below[x][n]) + middle * here[x][n]);
        }
    }
    out
}

/// Normal draws to read noise from: drawing a million a frame would cost more than the rest.
static GRAIN: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut draws = Draws::new(0x6A17, 0);
    (0..1 << 18).map(|_| draws.normal()).collect()
});
