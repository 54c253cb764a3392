//! Moire: the camera's pixels and those of a filmed screen beat against each other, and leave a single
//! frequency in skin, whose own fine texture has none.
//!
//! Five windows on the face are transformed at the frame's own scale, their spectra averaged, and each
//! frequency compared with the others of about its length: the figure is the strongest one, as a power of
//! ten above the median. Multiples of an eighth are skipped: JPEG's blocks have those.

use std::sync::{Arc, LazyLock};

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::params::{MOIRE_BAND, MOIRE_LEAST_FACE_PX};
use super::trace::Trace;
use crate::face::Face;
use crate::sample::RgbImage;

/// The strongest single frequency of a face, log10 of its power over the median; `None` where the face is
/// too small to hold the windows.
#[must_use]
pub fn peak(image: &RgbImage, face: &Face) -> Option<f64> {
    let unit = face.eye_distance() / 2.0;
    if unit * 2.0 < MOIRE_LEAST_FACE_PX {
        return None;
    }
    let [left, right, ..] = face.landmarks;
    let middle = left.midpoint(right);
    let mut spectrum = vec![0.0; SIDE * SIDE];
    let mut windows = 0;
    for (x, y) in WINDOWS {
        let corner = (
            middle.x + x * unit - SIDE as f64 / 2.0,
            middle.y + y * unit - SIDE as f64 / 2.0,
        );
        windows += usize::from(add_power(image, corner, &mut spectrum));
    }
    (windows >= 3).then(|| strongest(&spectrum))
}

/// The median over a capture's frames; `None` when fewer than three frames have a figure.
#[must_use]
pub(super) fn figure(frames: &[Trace]) -> Option<f64> {
    super::trace::median(frames.iter().filter_map(|f| f.moire).collect(), 3)
}

/// Adds the power of one window; false when it is not all in the image or has no contrast.
fn add_power(image: &RgbImage, (x, y): (f64, f64), spectrum: &mut [f64]) -> bool {
    let inside = x >= 0.0
        && y >= 0.0
        && x + SIDE as f64 <= image.width as f64
        && y + SIDE as f64 <= image.height as f64;
    if !inside {
        return false;
    }
    let (x, y) = (x as usize, y as usize);
    let mut values: Vec<Complex<f64>> = Vec::with_capacity(SIDE * SIDE);
    for row in y..y + SIDE {
        let from = (row * image.width + x) * 3;
        for pixel in image.pixels[from..from + SIDE * 3].chunks_exact(3) {
            let luma = f64::from(pixel[0]) + 2.0 * f64::from(pixel[1]) + f64::from(pixel[2]);
            values.push(Complex::new(luma / 4.0, 0.0));
        }
    }
    let mean = values.iter().map(|v| v.re).sum::<f64>() / values.len() as f64;
    for (i, value) in values.iter_mut().enumerate() {
        value.re = (value.re - mean) * hann(i % SIDE) * hann(i / SIDE);
    }
    PLAN.process(&mut values);
    let mut turned: Vec<Complex<f64>> = (0..SIDE * SIDE)
        .map(|i| values[(i % SIDE) * SIDE + i / SIDE])
        .collect();
    PLAN.process(&mut turned);
    for (sum, value) in spectrum.iter_mut().zip(&turned) {
        *sum += value.norm_sqr();
    }
    true
}

/// The largest power over the median of its ring.
fn strongest(spectrum: &[f64]) -> f64 {
    let signed = |i: usize| if i > SIDE / 2 { i as f64 - SIDE as f64 } else { i as f64 } / SIDE as f64;
    let mut rings: Vec<Vec<f64>> = vec![Vec::new(); RINGS];
    let (low, high) = MOIRE_BAND;
    for v in 0..SIDE {
        for u in 0..=SIDE / 2 {
            let (fu, fv) = (signed(u), signed(v));
            let length = fu.hypot(fv);
            // On the axes a window's edges and the blocks of JPEG are strong.
            let on_an_axis = u <= 1 || v <= 1 || v == SIDE - 1;
            let of_blocks = u % (SIDE / 8) == 0 && v % (SIDE / 8) == 0;
            if length >= low && length < high && !on_an_axis && !of_blocks {
                let ring = ((length - low) / (high - low) * RINGS as f64) as usize;
                rings[ring.min(RINGS - 1)].push(spectrum[v * SIDE + u]);
            }
        }
    }
    let mut best: f64 = 0.0;
    for ring in &mut rings {
        ring.sort_by(f64::total_cmp);
        if let (Some(median), Some(largest)) = (ring.get(ring.len() / 2), ring.last()) {
            best = best.max((largest + FLOOR).log10() - (median + FLOOR).log10());
        }
    }
    best
}

fn hann(i: usize) -> f64 {
    let turn = std::f64::consts::TAU * (i as f64 + 0.5) / SIDE as f64;
    0.5 - 0.5 * turn.cos()
}

/// Made once: to plan takes longer than to transform.
static PLAN: LazyLock<Arc<dyn Fft<f64>>> =
    LazyLock::new(|| FftPlanner::new().plan_fft_forward(SIDE));
/// Side of a window, pixels.
const SIDE: usize = 64;
/// Windows: x and y from the middle of the eyes, in half distances between the eyes.
const WINDOWS: [(f64, f64); 5] = [(0.0, -0.6), (-0.8, 1.1), (0.8, 1.1), (0.0, 0.8), (0.0, 2.2)];
/// Rings of frequencies that are compared among themselves.
const RINGS: usize = 6;
/// Power that rounding to 8 bits leaves, so that a flat window has no peak.
const FLOOR: f64 = 200.0;

#[cfg(test)]
mod tests {
    use super::super::super::face::geometry::{Point, Rect};
    use super::*;

    fn face() -> Face {
        let p = |x: f64, y: f64| Point { x, y };
        Face {
            bbox: Rect {
                x: 60.0,
                y: 40.0,
                width: 120.0,
                height: 150.0,
            },
            score: 0.9,
            landmarks: [
                p(90.0, 100.0),
                p(150.0, 100.0),
                p(120.0, 135.0),
                p(95.0, 165.0),
                p(145.0, 165.0),
            ],
            rank: 1.0,
        }
    }

    /// Noise of a linear congruential generator, and a wave over it.
    fn waved(amplitude: f64) -> RgbImage {
        let (width, height) = (240, 240);
        let mut state = 7_u32;
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f64::from(state >> 16) / 65_536.0 * 12.0;
                let wave = amplitude * (x as f64 * 1.7 + y as f64 * 0.9).sin();
                pixels.extend([(128.0 + noise + wave) as u8; 3]);
            }
        }
        RgbImage {
            width,
            height,
            pixels,
        }
    }

    #[test]
    fn a_wave_stands_out_of_noise() {
        let plain = peak(&waved(0.0), &face()).expect("large enough");
        let beaten = peak(&waved(5.0), &face()).expect("large enough");
        assert!(plain < 1.1 && beaten > plain + 0.7, "{plain} {beaten}");
    }
}
