//! The ridge period: how many pixels from ridge to ridge, a cell at a time.
//!
//! In oriented windows the image is averaged along the ridges; the period is the strongest one in the spectrum of the resulting
//! signature across them (Hong, Wan and Jain 1998, section 2.4, with a spectrum for their peak counting, which noise upsets).

use std::f32::consts::{PI, TAU};

use super::orientation::Orientation;
use super::params::RidgeFrequencyParams;
use super::plane::{CELL_PX, FRAME_PX, Plane, quantile};
use super::segment::Mask;
use crate::simd;

/// The period a cell, pixels, and how far to trust it.
pub(crate) struct RidgePeriod {
    pub(crate) period_px: Plane,
    /// Median over the print, pixels; `None` when no window shows a period.
    pub(crate) median_px: Option<f32>,
    /// Share of the windows that show a period.
    pub(crate) share: f32,
    /// Half the distance between the outer fifths of the periods, as a share of the median.
    pub(crate) spread: f32,
}

/// Periods of a normalised image, [`framed`](super::plane::framed).
pub(crate) fn ridge_frequency(
    image: &Plane,
    field: &Orientation,
    mask: &Mask,
    params: &RidgeFrequencyParams,
) -> RidgePeriod {
    let step = params.step_cells;
    let (columns, rows) = (mask.columns.div_ceil(step), mask.rows.div_ceil(step));
    let mut spectrum = Spectrum::new(params);
    let mut windows = Windows::new(image.width, params);
    let mut weighted = Plane::filled(columns, rows, 0.0);
    let mut weights = Plane::filled(columns, rows, 0.0);
    let mut sure = Vec::new();
    let mut looked_at = 0f32;
    for row in 0..rows {
        for column in 0..columns {
            let cell = (column * step + step / 2, row * step + step / 2);
            if !mask.has_cell(cell.0, cell.1) {
                continue;
            }
            looked_at += 1.0;
            let turn = field.angle(cell.0, cell.1) / PI;
            let signature = windows.signature(image, cell, turn);
            let Some((period, share)) = spectrum.peak(signature) else {
                continue;
            };
            if share < params.least_share {
                continue;
            }
            let index = row * columns + column;
            weights.values[index] = share * share;
            weighted.values[index] = share * share * period;
            sure.push(period);
        }
    }
    if sure.is_empty() {
        return RidgePeriod {
            period_px: Plane::filled(mask.columns, mask.rows, params.usual_px),
            median_px: None,
            share: 0.0,
            spread: 0.0,
        };
    }
    let median = quantile(&mut sure, 0.5);
    let spread = (quantile(&mut sure, 0.8) - quantile(&mut sure, 0.2)) / (2.0 * median);
    let share = sure.len() as f32 / looked_at;
    // Normalised convolution; the median stands in, lightly, where nothing is known.
    let (weighted, weights) = (
        weighted.smooth(params.smooth_steps),
        weights.smooth(params.smooth_steps),
    );
    let smooth = weighted.zip(&weights, |v, w| {
        (v + params.prior * median) / (w + params.prior)
    });
    let mut period_px = Plane::filled(mask.columns, mask.rows, 0.0);
    for row in 0..mask.rows {
        for column in 0..mask.columns {
            let place = |v: usize| v as f32 / step as f32 - 0.5 + 0.5 / step as f32;
            period_px.values[row * mask.columns + column] =
                bilinear(&smooth, place(column), place(row));
        }
    }
    RidgePeriod {
        period_px,
        median_px: Some(median),
        share,
        spread,
    }
}

/// Directions that a window can take; the pixels of a window are looked up.
const DIRECTIONS: usize = 64;

/// Oriented windows: which pixels each takes, relative to its middle, and the mean along the ridges at each distance across.
struct Windows {
    stride: usize,
    across_px: isize,
    along_px: isize,
    /// Offsets a direction, filled when first wanted: one run of pixels along the ridge after the other.
    offsets: Vec<Vec<isize>>,
    signature: Vec<f32>,
}

impl Windows {
    fn new(stride: usize, params: &RidgeFrequencyParams) -> Self {
        Self {
            stride,
            across_px: params.across_px as isize,
            along_px: params.along_px as isize,
            offsets: vec![Vec::new(); DIRECTIONS],
            signature: vec![0.0; 2 * params.across_px + 1],
        }
    }

    /// Every second pixel along the ridge says as much as each.
    fn run(&self) -> impl Iterator<Item = isize> {
        (-self.along_px..=self.along_px).step_by(2)
    }

    fn signature(&mut self, image: &Plane, cell: (usize, usize), turn: f32) -> &[f32] {
        let direction =
            ((turn * DIRECTIONS as f32).round() as isize).rem_euclid(DIRECTIONS as isize) as usize;
        if self.offsets[direction].is_empty() {
            let (sin, cos) = (PI * direction as f32 / DIRECTIONS as f32).sin_cos();
            let mut offsets = Vec::new();
            for across in -self.across_px..=self.across_px {
                for along in self.run() {
                    let (u, v) = (across as f32, along as f32);
                    // From the middle of a cell, which lies half a pixel beyond its second pixel.
                    let (dx, dy) = (0.5 + u * sin + v * cos, 0.5 + u * cos - v * sin);
                    // Halves go one way, or a window would skip a pixel in its middle.
                    let (dx, dy) = ((dx + 0.5).floor() as isize, (dy + 0.5).floor() as isize);
                    offsets.push(dy * self.stride as isize + dx);
                }
            }
            self.offsets[direction] = offsets;
        }
        let second = |c: usize| c * CELL_PX + CELL_PX / 2 - 1 + FRAME_PX;
        let middle = second(cell.1) * self.stride + second(cell.0);
        let length = self.run().count();
        let runs = self.offsets[direction].chunks_exact(length);
        for (value, run) in self.signature.iter_mut().zip(runs) {
            let sum: f32 = run
                .iter()
                .map(|&offset| {
                    let index = middle.wrapping_add_signed(offset);
                    image.values.get(index).copied().unwrap_or(0.0)
                })
                .sum();
            *value = sum / length as f32;
        }
        &self.signature
    }
}

/// Waves of the periods that are tried, under a Hann window.
struct Spectrum {
    window: Vec<f32>,
    periods: Vec<f32>,
    /// A row an offset, a column a period, so that a signature is laid on all waves at once.
    cosines: Vec<f32>,
    sines: Vec<f32>,
    windowed: Vec<f32>,
    real: Vec<f32>,
    imaginary: Vec<f32>,
}

impl Spectrum {
    fn new(params: &RidgeFrequencyParams) -> Self {
        let reach = params.across_px as isize;
        let offsets: Vec<f32> = (-reach..=reach).map(|t| t as f32).collect();
        let window: Vec<f32> = offsets
            .iter()
            .map(|t| 0.5 + 0.5 * (TAU * t / (2 * reach + 2) as f32).cos())
            .collect();
        let (low, high) = params.range_px;
        let count = params.periods.max(3);
        // Even steps in frequency, as the resolution of a window is.
        let frequency =
            |i: usize| 1.0 / high + (1.0 / low - 1.0 / high) * i as f32 / (count - 1) as f32;
        let periods: Vec<f32> = (0..count).map(|i| 1.0 / frequency(i)).collect();
        let waves = |f: fn(f32) -> f32| {
            let row = |t: &f32| periods.iter().map(|p| f(TAU * t / p)).collect::<Vec<f32>>();
            offsets.iter().flat_map(row).collect::<Vec<f32>>()
        };
        Self {
            cosines: waves(f32::cos),
            sines: waves(f32::sin),
            windowed: vec![0.0; offsets.len()],
            real: vec![0.0; count],
            imaginary: vec![0.0; count],
            window,
            periods,
        }
    }

    /// The strongest period, and the share of the signature's energy that it explains (0 to about 1).
    fn peak(&mut self, signature: &[f32]) -> Option<(f32, f32)> {
        let total: f32 = self.window.iter().sum();
        let both = || signature.iter().zip(&self.window);
        let mean = both().map(|(s, w)| s * w).sum::<f32>() / total;
        let mut energy = 0.0;
        for (value, (s, w)) in self.windowed.iter_mut().zip(both()) {
            *value = (s - mean) * w;
            energy += *value * (s - mean);
        }
        if energy < 1e-3 {
            return None;
        }
        simd::dispatch(
            #[inline(always)]
            || self.transform(),
        );
        let power = |i: usize| self.real[i] * self.real[i] + self.imaginary[i] * self.imaginary[i];
        let best = (1..self.periods.len() - 1).max_by(|&a, &b| power(a).total_cmp(&power(b)))?;
        let (before, at, after) = (power(best - 1), power(best), power(best + 1));
        if at < before || at < after {
            return None;
        }
        let bend = before - 2.0 * at + after;
        let shift = if bend < 0.0 {
            0.5 * (before - after) / bend
        } else {
            0.0
        };
        let frequency = 1.0 / self.periods[best];
        let next = 1.0 / self.periods[best + 1];
        Some((
            1.0 / (frequency + shift * (next - frequency)),
            2.0 * at / (energy * total),
        ))
    }

    #[inline(always)]
    fn transform(&mut self) {
        let count = self.periods.len();
        self.real.fill(0.0);
        self.imaginary.fill(0.0);
        let rows = self
            .cosines
            .chunks_exact(count)
            .zip(self.sines.chunks_exact(count));
        for (value, (cosines, sines)) in self.windowed.iter().zip(rows) {
            for (sum, wave) in self.real.iter_mut().zip(cosines) {
                *sum += value * wave;
            }
            for (sum, wave) in self.imaginary.iter_mut().zip(sines) {
                *sum += value * wave;
            }
        }
    }
}

fn bilinear(plane: &Plane, x: f32, y: f32) -> f32 {
    let (x, y) = (
        x.clamp(0.0, (plane.width - 1) as f32),
        y.clamp(0.0, (plane.height - 1) as f32),
    );
    let (i, j) = (x as usize, y as usize);
    let (i2, j2) = ((i + 1).min(plane.width - 1), (j + 1).min(plane.height - 1));
    let (u, v) = (x - i as f32, y - j as f32);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    mix(
        mix(plane.at(i, j), plane.at(i2, j), u),
        mix(plane.at(i, j2), plane.at(i2, j2), u),
        v,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::orientation::orientation;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::plane::framed;
    use crate::fingerprint::synthetic;

    #[test]
    fn the_period_of_parallel_ridges_is_found() {
        let params = Params::default();
        let mask = Mask {
            columns: 40,
            rows: 40,
            inside: vec![true; 1600],
        };
        for period in [6.0f32, 8.0, 9.5, 12.0] {
            for angle in [0.0f32, 0.6, 1.5] {
                let plane = synthetic::ridges(160, 160, angle, period);
                let field = orientation(&plane, &mask, &params.orientation);
                let found =
                    ridge_frequency(&framed(&plane), &field, &mask, &params.ridge_frequency);
                let middle = found.period_px.at(20, 20);
                assert!(
                    (middle - period).abs() < 0.4,
                    "{period} at {angle}: {middle}"
                );
            }
        }
    }

    #[test]
    fn a_flat_image_has_no_period() {
        let mask = Mask {
            columns: 10,
            rows: 10,
            inside: vec![true; 100],
        };
        let plane = Plane::filled(40, 40, 0.0);
        let params = Params::default();
        let field = orientation(&plane, &mask, &params.orientation);
        assert!(
            ridge_frequency(&framed(&plane), &field, &mask, &params.ridge_frequency)
                .median_px
                .is_none()
        );
    }
}
