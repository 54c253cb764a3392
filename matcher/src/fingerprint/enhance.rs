//! Enhancement: a filter bent along the ridges and tuned to their period lifts them out of noise.
//!
//! Each pixel is averaged along its own ridge, and a Gabor wave is then laid across those averages; as every average follows
//! its own direction, the filter as a whole is curved (Hong, Wan and Jain 1998; Gottschlich 2012, curved Gabor filters). Two
//! passes of lines cost a tenth of a square kernel. Tiles of 8 x 4 pixels share a kernel, so that a row of a tile is one vector.

use std::f32::consts::{PI, TAU};

use super::orientation::{Orientation, turn_of};
use super::params::EnhanceParams;
use super::plane::{CELL_PX, FRAME_PX, Plane};
use super::segment::Mask;
use crate::simd;

/// Directions that a line can take.
const DIRECTIONS: usize = 64;
/// Pixels, along the longer axis, that a line reaches from its middle.
const REACH_PX: isize = 18;
/// Ridge periods that kernels are made for: from this many pixels, in steps.
const FIRST_PERIOD_PX: f32 = 3.0;
const PERIOD_STEP_PX: f32 = 0.5;
const PERIODS: usize = 30;
/// A tile's width and height, pixels and cells.
const TILE_PX: usize = 8;
const TILE_ROWS: usize = 4;
const TILE_CELLS: usize = TILE_PX / CELL_PX;
const TILE_CELL_ROWS: usize = TILE_ROWS / CELL_PX;

/// The kernels of one image's width, each made when it is first wanted.
pub(crate) struct Filter<'a> {
    params: &'a EnhanceParams,
    stride: usize,
    /// A kernel a direction.
    along: Vec<Kernel>,
    /// A kernel a direction and period.
    across: Vec<Kernel>,
}

/// Weights along a line.
#[derive(Clone, Default)]
struct Kernel {
    /// Whether the line runs along x: then the next pixel over is the one below, else the one to the right.
    is_flat: bool,
    taps: Vec<Tap>,
}

/// One pixel of a line, and its next one over along the minor axis, with their weights.
#[derive(Clone, Copy)]
struct Tap {
    offset: isize,
    first: f32,
    second: f32,
}

/// What kernel a tile takes.
#[derive(Clone, Copy)]
struct Class {
    direction: usize,
    period: usize,
}

impl<'a> Filter<'a> {
    /// For [`framed`](super::plane::framed) images of this width.
    pub(crate) fn new(framed_width: usize, params: &'a EnhanceParams) -> Self {
        Self {
            params,
            stride: framed_width,
            along: vec![Kernel::default(); DIRECTIONS],
            across: vec![Kernel::default(); DIRECTIONS * PERIODS],
        }
    }

    /// The filter's response, positive on ridges; zero outside the mask, without the frame. The image is framed and zero outside the mask.
    pub(crate) fn enhance(
        &mut self,
        image: &Plane,
        field: &Orientation,
        period_px: &Plane,
        mask: &Mask,
    ) -> Plane {
        let tiles = Tiles::new(field, period_px, mask);
        for class in tiles.classes.iter().flatten() {
            self.make(*class);
        }
        let mut smooth = Plane::filled(image.width, image.height, 0.0);
        tiles.walk(image, |class| &self.along[class.direction], &mut smooth);
        let mut response = Plane::filled(image.width, image.height, 0.0);
        let across = |class: Class| &self.across[class.direction * PERIODS + class.period];
        tiles.walk(&smooth, across, &mut response);
        unframed(&response, mask)
    }

    fn make(&mut self, class: Class) {
        let along = &mut self.along[class.direction];
        if along.taps.is_empty() {
            let sigma = self.params.along_px;
            let weights = scaled(weights(class.direction, |t| bell(t, sigma)), |v| v);
            *along = Kernel::new(class.direction, &weights, self.stride);
        }
        let across = &mut self.across[class.direction * PERIODS + class.period];
        if across.taps.is_empty() {
            let direction = (class.direction + DIRECTIONS / 2) % DIRECTIONS;
            let period = FIRST_PERIOD_PX + PERIOD_STEP_PX * class.period as f32;
            let sigma = self.params.across_periods * period;
            let envelope = weights(direction, |t| bell(t, sigma));
            let wave = weights(direction, |t| bell(t, sigma) * (TAU * t / period).cos());
            // Without its mean, so that brightness does not pass.
            let mean = wave.iter().sum::<f32>() / envelope.iter().sum::<f32>();
            let wave = wave.iter().zip(&envelope).map(|(w, e)| w - mean * e);
            *across = Kernel::new(direction, &scaled(wave.collect(), f32::abs), self.stride);
        }
    }
}

fn sin_cos(direction: usize) -> (f32, f32) {
    (PI * direction as f32 / DIRECTIONS as f32).sin_cos()
}

/// The weight of each step of a line, by its distance from the middle, px.
fn weights(direction: usize, weight: impl Fn(f32) -> f32) -> Vec<f32> {
    let (sin, cos) = sin_cos(direction);
    let step = 1.0 / cos.abs().max(sin.abs());
    (-REACH_PX..=REACH_PX)
        .map(|t| weight(t as f32 * step))
        .collect()
}

fn bell(t: f32, sigma: f32) -> f32 {
    (-0.5 * (t / sigma).powi(2)).exp()
}

fn scaled(mut weights: Vec<f32>, measure: impl Fn(f32) -> f32) -> Vec<f32> {
    let sum: f32 = weights.iter().map(|&v| measure(v)).sum();
    weights.iter_mut().for_each(|v| *v /= sum);
    weights
}

/// Steps that weigh less than this share of the heaviest are left out.
const LEAST_SHARE: f32 = 5e-3;

impl Kernel {
    fn new(direction: usize, weights: &[f32], stride: usize) -> Self {
        let (sin, cos) = sin_cos(direction);
        let is_flat = cos.abs() >= sin.abs();
        let slope = if is_flat { -sin / cos } else { -cos / sin };
        let peak = weights.iter().fold(0f32, |most, v| most.max(v.abs()));
        let tap = |(t, weight): (isize, &f32)| {
            let place = t as f32 * slope;
            let whole = place.floor();
            let (dx, dy) = if is_flat {
                (t, whole as isize)
            } else {
                (whole as isize, t)
            };
            let share = place - whole;
            Tap {
                offset: dy * stride as isize + dx,
                first: weight * (1.0 - share),
                second: weight * share,
            }
        };
        let steps = (-REACH_PX..=REACH_PX).zip(weights);
        let heavy = steps.filter(|(_, weight)| weight.abs() >= LEAST_SHARE * peak);
        Self {
            is_flat,
            taps: heavy.map(tap).collect(),
        }
    }
}

/// The tiles of a mask, and the kernel that each takes; none where there is no print.
struct Tiles {
    columns: usize,
    classes: Vec<Option<Class>>,
}

impl Tiles {
    fn new(field: &Orientation, period_px: &Plane, mask: &Mask) -> Self {
        let columns = mask.columns.div_ceil(TILE_CELLS);
        let class = |tile: usize| {
            let (left, top) = (tile % columns * TILE_CELLS, tile / columns * TILE_CELL_ROWS);
            let (mut count, mut cos2, mut sin2, mut period) = (0, 0.0, 0.0, 0.0);
            for row in top..(top + TILE_CELL_ROWS).min(mask.rows) {
                for column in left..(left + TILE_CELLS).min(mask.columns) {
                    if mask.has_cell(column, row) {
                        count += 1;
                        cos2 += field.cos2.at(column, row);
                        sin2 += field.sin2.at(column, row);
                        period += period_px.at(column, row);
                    }
                }
            }
            let period = (period / count as f32 - FIRST_PERIOD_PX) / PERIOD_STEP_PX + 0.5;
            (count > 0).then_some(Class {
                direction: (turn_of(sin2, cos2) * DIRECTIONS as f32 + 0.5) as usize % DIRECTIONS,
                period: (period.max(0.0) as usize).min(PERIODS - 1),
            })
        };
        Self {
            columns,
            classes: (0..columns * mask.rows.div_ceil(TILE_CELL_ROWS))
                .map(class)
                .collect(),
        }
    }

    /// Lays each tile's kernel along its line at every pixel.
    fn walk<'a>(&self, source: &Plane, kernel: impl Fn(Class) -> &'a Kernel, out: &mut Plane) {
        let stride = source.width;
        for (tile, class) in self.classes.iter().enumerate() {
            let Some(class) = class else { continue };
            let (left, top) = (
                tile % self.columns * TILE_PX,
                tile / self.columns * TILE_ROWS,
            );
            let base = (top + FRAME_PX) * stride + left + FRAME_PX;
            let kernel = kernel(*class);
            let sums = simd::dispatch(
                #[inline(always)]
                || lay(&source.values, stride, base, kernel),
            );
            for (y, values) in sums.iter().enumerate() {
                let start = base + y * stride;
                out.values[start..start + TILE_PX].copy_from_slice(values);
            }
        }
    }
}

/// The sums of a tile's pixels.
type Sums = [[f32; TILE_PX]; TILE_ROWS];

#[inline(always)]
fn lay(source: &[f32], stride: usize, base: usize, kernel: &Kernel) -> Sums {
    let mut sums = Sums::default();
    for tap in &kernel.taps {
        let start = base.wrapping_add_signed(tap.offset);
        // One more row, or one more column, than the tile has.
        let Some(window) = source.get(start..start + TILE_ROWS * stride + TILE_PX) else {
            continue;
        };
        let mut rows = window.chunks(stride);
        if kernel.is_flat {
            let mut above = first(rows.next());
            for (sums, row) in sums.iter_mut().zip(rows) {
                let below = first(Some(row));
                add(sums, tap, above, below);
                above = below;
            }
        } else {
            for (sums, row) in sums.iter_mut().zip(rows) {
                add(sums, tap, first(Some(row)), first(row.get(1..)));
            }
        }
    }
    sums
}

#[inline(always)]
fn first(row: Option<&[f32]>) -> [f32; TILE_PX] {
    row.and_then(|row| row.first_chunk().copied())
        .unwrap_or([0.0; TILE_PX])
}

#[inline(always)]
fn add(sums: &mut [f32; TILE_PX], tap: &Tap, a: [f32; TILE_PX], b: [f32; TILE_PX]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += tap.first * a + tap.second * b;
    }
}

/// Without the frame; zero outside the mask, which cuts through tiles.
fn unframed(framed: &Plane, mask: &Mask) -> Plane {
    let mut out = Plane::filled(
        framed.width - 2 * FRAME_PX,
        framed.height - 2 * FRAME_PX,
        0.0,
    );
    for y in 0..out.height {
        let row = &framed.row(y + FRAME_PX)[FRAME_PX..FRAME_PX + out.width];
        out.values[y * out.width..(y + 1) * out.width].copy_from_slice(row);
    }
    mask.clear_outside(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::orientation::orientation;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::plane::framed;
    use crate::fingerprint::synthetic;

    #[test]
    fn ridges_pass_and_noise_does_not() {
        let params = Params::default();
        let mask = Mask {
            columns: 40,
            rows: 40,
            inside: vec![true; 1600],
        };
        for angle in [0.0f32, 0.4, 1.1, 1.57, 2.5] {
            let clean = synthetic::ridges(160, 160, angle, 9.0);
            let mut state = 7u32;
            let noisy = clean.map(|v| v);
            let mut noisy = noisy;
            for value in &mut noisy.values {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value += 3.0 * ((state >> 8) as f32 / (1u32 << 24) as f32 - 0.5);
            }
            let field = orientation(&noisy, &mask, &params.orientation);
            let period = Plane::filled(40, 40, 9.0);
            let framed = framed(&noisy);
            let mut filter = Filter::new(framed.width, &params.enhance);
            let out = filter.enhance(&framed, &field, &period, &mask);
            let (mut same, mut all) = (0, 0);
            for y in 30..130 {
                for x in 30..130 {
                    if clean.at(x, y).abs() > 0.3 {
                        all += 1;
                        same += usize::from((clean.at(x, y) > 0.0) == (out.at(x, y) > 0.0));
                    }
                }
            }
            assert!(same as f32 > 0.98 * all as f32, "{angle}: {same} of {all}");
        }
    }
}
