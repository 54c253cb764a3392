//! Brings a sample to 500 dpi and to even brightness and contrast; ridges become positive.
//!
//! The print is compared at one scale whatever the sensor, and a local mean and deviation make dry, wet and unevenly
//! pressed areas alike (Hong, Wan and Jain 1998, section 2.2, done locally).

use zeroize::Zeroize;

use super::params::NormaliseParams;
use super::plane::{CELL_PX, Plane, fold};
use crate::sample::GreyImage;
use crate::simd;

/// Grey values, 0 black to 255 white, scaled by `scale` (area mean when shrinking, bilinear otherwise).
pub(crate) fn resample(image: &GreyImage, scale: f64) -> Plane {
    let source = Plane {
        width: image.width,
        height: image.height,
        values: image.pixels.iter().map(|&v| f32::from(v)).collect(),
    };
    if (scale - 1.0).abs() < 1e-3 {
        return source;
    }
    // A box of about one target pixel, so that shrinking does not alias.
    let radius = ((0.5 / scale) as usize).min(16);
    let source = if radius > 0 {
        source.box_mean(radius)
    } else {
        source
    };
    let size = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    let mut out = Plane::filled(size(image.width), size(image.height), 0.0);
    let columns: Vec<Tap> = (0..out.width)
        .map(|x| Tap::new(x, scale, source.width))
        .collect();
    for y in 0..out.height {
        let down = Tap::new(y, scale, source.height);
        let (upper, lower) = (source.row(down.first), source.row(down.second));
        for (value, tap) in out.values[y * out.width..].iter_mut().zip(&columns) {
            let mix = |row: &[f32]| row[tap.first] + (row[tap.second] - row[tap.first]) * tap.share;
            let (a, b) = (mix(upper), mix(lower));
            *value = a + (b - a) * down.share;
        }
    }
    out
}

/// Two neighbouring source values and the share of the second.
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

impl Tap {
    fn new(target: usize, scale: f64, size: usize) -> Self {
        let place = ((target as f64 + 0.5) / scale - 0.5).clamp(0.0, (size - 1) as f64);
        let first = place as usize;
        Self {
            first,
            second: (first + 1).min(size - 1),
            share: (place - first as f64) as f32,
        }
    }
}

/// Local mean removed, divided by the local deviation, clipped; ridges (dark) are positive.
///
/// Mean and deviation are taken a cell at a time and laid smoothly over the pixels: they change slowly.
pub(crate) fn normalise(grey: &Plane, params: &NormaliseParams) -> Plane {
    simd::dispatch(
        #[inline(always)]
        || normalise_kernel(grey, params),
    )
}

#[inline(always)]
fn normalise_kernel(grey: &Plane, params: &NormaliseParams) -> Plane {
    let (mean, square) = cell_means(grey);
    let (mean, square) = (
        mean.smooth(params.radius_cells),
        square.smooth(params.radius_cells),
    );
    let floor = params.least_deviation * params.least_deviation;
    let gain = mean.zip(&square, |m, s| 1.0 / (s - m * m + floor).max(floor).sqrt());
    let (mean, gain) = (widened(&mean, grey.width), widened(&gain, grey.width));
    let mut out = Plane::filled(grey.width, grey.height, 0.0);
    for y in 0..grey.height {
        let (upper, lower, share) = between(y, mean.height);
        let rows = mean.row(upper).iter().zip(mean.row(lower));
        let gains = gain.row(upper).iter().zip(gain.row(lower));
        let values = out.values[y * grey.width..].iter_mut().zip(grey.row(y));
        for (((value, grey), (m0, m1)), (g0, g1)) in values.zip(rows).zip(gains) {
            let (m, g) = (m0 + (m1 - m0) * share, g0 + (g1 - g0) * share);
            *value = ((m - (grey - MIDDLE_GREY)) * g).clamp(-params.clip, params.clip);
        }
    }
    out
}

/// Taken from every value first, so that squares keep their precision in f32.
const MIDDLE_GREY: f32 = 128.0;

/// Mean and mean square of each cell.
#[inline(always)]
fn cell_means(grey: &Plane) -> (Plane, Plane) {
    let mut mean = Plane::of_cells(grey.width, grey.height);
    let mut square = mean.clone();
    let (mut sums, mut squares) = (vec![0f32; grey.width], vec![0f32; grey.width]);
    for row in 0..mean.height {
        let lines = row * CELL_PX..((row + 1) * CELL_PX).min(grey.height);
        sums.fill(0.0);
        squares.fill(0.0);
        for y in lines.clone() {
            for ((sum, square), v) in sums.iter_mut().zip(&mut squares).zip(grey.row(y)) {
                let v = v - MIDDLE_GREY;
                *sum += v;
                *square += v * v;
            }
        }
        let cells = row * mean.width..(row + 1) * mean.width;
        fold(&sums, &mut mean.values[cells.clone()]);
        fold(&squares, &mut square.values[cells.clone()]);
        for (column, index) in cells.enumerate() {
            let across = (grey.width - column * CELL_PX).min(CELL_PX);
            let share = 1.0 / (across * lines.len()) as f32;
            mean.values[index] *= share;
            square.values[index] *= share;
        }
    }
    sums.zeroize();
    squares.zeroize();
    (mean, square)
}

/// The two cells whose middles lie about a pixel, and the share of the second.
#[inline(always)]
fn between(pixel: usize, cells: usize) -> (usize, usize, f32) {
    let place = (pixel as f32 + 0.5) / CELL_PX as f32 - 0.5;
    if place <= 0.0 {
        return (0, 0, 0.0);
    }
    let first = (place as usize).min(cells - 1);
    (first, (first + 1).min(cells - 1), place - first as f32)
}

/// Rows of cells interpolated to `width` pixels.
#[inline(always)]
fn widened(cells: &Plane, width: usize) -> Plane {
    let mut out = Plane::filled(width, cells.height, 0.0);
    let taps: Vec<(usize, usize, f32)> = (0..width).map(|x| between(x, cells.width)).collect();
    for y in 0..cells.height {
        let row = cells.row(y);
        for (value, &(a, b, share)) in out.values[y * width..].iter_mut().zip(&taps) {
            *value = row[a] + (row[b] - row[a]) * share;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;

    fn ramp(width: usize, height: usize) -> GreyImage {
        GreyImage {
            width,
            height,
            pixels: (0..width * height).map(|i| (i % width) as u8).collect(),
        }
    }

    #[test]
    fn scaling_keeps_a_ramp_a_ramp() {
        for scale in [0.5, 1.0, 2.0, 2.3] {
            let out = resample(&ramp(100, 10), scale);
            assert_eq!(
                (out.width, out.height),
                (
                    (100.0f64 * scale).round() as usize,
                    (10.0f64 * scale).round() as usize
                )
            );
            let middle = out.at(out.width / 2, out.height / 2);
            assert!((middle - 50.0).abs() < 1.5, "{scale}: {middle}");
        }
    }

    #[test]
    fn brightness_and_contrast_do_not_matter() {
        let wave = |gain: f32, offset: f32| Plane {
            width: 90,
            height: 90,
            values: (0..8100)
                .map(|i| offset + gain * ((i % 90) as f32 * 0.7).sin())
                .collect(),
        };
        let params = Params::default().normalise;
        let (a, b) = (
            normalise(&wave(60.0, 120.0), &params),
            normalise(&wave(100.0, 150.0), &params),
        );
        assert!((a.at(45, 45) - b.at(45, 45)).abs() < 0.1);
    }
}
