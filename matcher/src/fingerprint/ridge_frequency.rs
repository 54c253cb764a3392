//! The ridge period: how many pixels from ridge to ridge, a cell at a time.
//!
//! In oriented windows the image is averaged along the ridges; the period is the strongest one in the spectrum of the resulting
//! signature across them (Hong, Wan and Jain 1998, section 2.4, with a spectrum for their peak counting, which noise upsets).

use std::f32::consts::TAU;

use super::orientation::Orientation;
use super::params::RidgeFrequencyParams;
use super::plane::{CELL_PX, Plane, quantile};
use super::segment::Mask;

/// The period a cell, pixels, and how far to trust it.
pub(crate) struct RidgePeriod {
    pub(crate) period_px: Plane,
    /// Median over the print, pixels; `None` when no window shows a period.
    pub(crate) median_px: Option<f32>,
}

/// Periods of a normalised image.
pub(crate) fn ridge_frequency(
    image: &Plane,
    field: &Orientation,
    mask: &Mask,
    params: &RidgeFrequencyParams,
) -> RidgePeriod {
    let step = params.step_cells;
    let (columns, rows) = (mask.columns.div_ceil(step), mask.rows.div_ceil(step));
    let spectrum = Spectrum::new(params);
    let mut weighted = Plane::filled(columns, rows, 0.0);
    let mut weights = Plane::filled(columns, rows, 0.0);
    let mut sure = Vec::new();
    let mut signature = vec![0f32; 2 * params.across_px + 1];
    for row in 0..rows {
        for column in 0..columns {
            let (cx, cy) = (column * step + step / 2, row * step + step / 2);
            if !mask.has_cell(cx, cy) {
                continue;
            }
            sign(image, (cx, cy), field.angle(cx, cy), params, &mut signature);
            let Some((period, share)) = spectrum.peak(&signature) else {
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
        };
    }
    let median = quantile(&mut sure, 0.5);
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
    }
}

/// The mean along the ridges at each distance across them.
fn sign(
    image: &Plane,
    cell: (usize, usize),
    angle: f32,
    params: &RidgeFrequencyParams,
    signature: &mut [f32],
) {
    let centre = |c: usize| (c * CELL_PX) as f32 + (CELL_PX as f32 - 1.0) / 2.0;
    let (x0, y0) = (centre(cell.0), centre(cell.1));
    let (sin, cos) = angle.sin_cos();
    let along = params.along_px as isize;
    for (index, value) in signature.iter_mut().enumerate() {
        let across = index as f32 - params.across_px as f32;
        let (x, y) = (x0 + across * sin, y0 + across * cos);
        let mut sum = 0.0;
        // Every second pixel along the ridge says as much as each.
        for t in (-along..=along).step_by(2) {
            sum += image.nearest(x + t as f32 * cos, y - t as f32 * sin);
        }
        *value = sum / (along + 1) as f32;
    }
}

/// Waves of the periods that are tried, under a Hann window.
struct Spectrum {
    window: Vec<f32>,
    periods: Vec<f32>,
    waves: Vec<(Vec<f32>, Vec<f32>)>,
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
        let last = (params.periods.max(3) - 1) as f32;
        // Even steps in frequency, as the resolution of a window is.
        let frequency = |i: usize| 1.0 / high + (1.0 / low - 1.0 / high) * i as f32 / last;
        let periods: Vec<f32> = (0..params.periods.max(3))
            .map(|i| 1.0 / frequency(i))
            .collect();
        let wave = |p: &f32| {
            let of = |f: fn(f32) -> f32| offsets.iter().map(|t| f(TAU * t / p)).collect();
            (of(f32::cos), of(f32::sin))
        };
        let waves = periods.iter().map(wave).collect();
        Self {
            window,
            periods,
            waves,
        }
    }

    /// The strongest period, and the share of the signature's energy that it explains (0 to about 1).
    fn peak(&self, signature: &[f32]) -> Option<(f32, f32)> {
        let total: f32 = self.window.iter().sum();
        let mean = signature
            .iter()
            .zip(&self.window)
            .map(|(s, w)| s * w)
            .sum::<f32>()
            / total;
        let windowed: Vec<f32> = signature
            .iter()
            .zip(&self.window)
            .map(|(s, w)| (s - mean) * w)
            .collect();
        let energy: f32 = windowed
            .iter()
            .zip(signature)
            .map(|(v, s)| v * (s - mean))
            .sum();
        if energy < 1e-3 {
            return None;
        }
        let dot = |wave: &[f32]| windowed.iter().zip(wave).map(|(a, b)| a * b).sum::<f32>();
        let power: Vec<f32> = self
            .waves
            .iter()
            .map(|(c, s)| dot(c).powi(2) + dot(s).powi(2))
            .collect();
        let best = (1..power.len() - 1).max_by(|&a, &b| power[a].total_cmp(&power[b]))?;
        let (before, at, after) = (power[best - 1], power[best], power[best + 1]);
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
                let found = ridge_frequency(&plane, &field, &mask, &params.ridge_frequency);
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
            ridge_frequency(&plane, &field, &mask, &params.ridge_frequency)
                .median_px
                .is_none()
        );
    }
}
