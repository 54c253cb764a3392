//! Enhancement: a filter bent along the ridges and tuned to their period lifts them out of noise.
//!
//! Each pixel is averaged along its own ridge, and a Gabor wave is then laid across those averages; as every average follows
//! its own direction, the filter as a whole is curved (Hong, Wan and Jain 1998; Gottschlich 2012, curved Gabor filters). Two
//! passes of lines cost a tenth of a square kernel.

use std::f32::consts::{PI, TAU};

use super::orientation::Orientation;
use super::params::EnhanceParams;
use super::plane::{CELL_PX, Plane};
use super::segment::Mask;

/// The filter's response, positive on ridges; zero outside the mask.
pub(crate) fn enhance(
    image: &Plane,
    field: &Orientation,
    period_px: &Plane,
    mask: &Mask,
    params: &EnhanceParams,
) -> Plane {
    let lines = Lines::new(image.width + 2 * REACH_PX, params);
    let classes = Classes::new(field, period_px, mask);
    let smooth = walk(&padded(image, mask), &classes, mask, |class| {
        (
            &lines.steps[class.direction],
            &lines.along[fold(class.direction)],
        )
    });
    let response = walk(&smooth, &classes, mask, |class| {
        let across = (class.direction + DIRECTIONS / 2) % DIRECTIONS;
        (
            &lines.steps[across],
            &lines.across[fold(across)][class.period],
        )
    });
    unpadded(&response, image)
}

/// Directions that a line can take; a multiple of 8, so that lines fold onto an eighth of a turn.
const DIRECTIONS: usize = 64;
/// Pixels, along the longer axis, that a line reaches from its middle.
const REACH_PX: usize = 18;
/// Ridge periods that kernels are made for: from this many pixels, in steps.
const FIRST_PERIOD_PX: f32 = 3.0;
const PERIOD_STEP_PX: f32 = 0.5;
const PERIODS: usize = 30;

/// What kernel a cell takes.
#[derive(Clone, Copy)]
struct Class {
    direction: usize,
    period: usize,
}

struct Classes {
    columns: usize,
    cells: Vec<Class>,
}

impl Classes {
    fn new(field: &Orientation, period_px: &Plane, mask: &Mask) -> Self {
        let class = |index: usize| {
            let (column, row) = (index % mask.columns, index / mask.columns);
            let turn = field.angle(column, row) / PI * DIRECTIONS as f32;
            let period = (period_px.values[index] - FIRST_PERIOD_PX) / PERIOD_STEP_PX;
            Class {
                direction: (turn.round() as isize).rem_euclid(DIRECTIONS as isize) as usize,
                period: (period.round().max(0.0) as usize).min(PERIODS - 1),
            }
        };
        Self {
            columns: mask.columns,
            cells: (0..mask.inside.len()).map(class).collect(),
        }
    }
}

/// One step of a line: the offset of a pixel, and the weight of the next one over along the minor axis.
#[derive(Clone, Copy)]
struct Step {
    offset: isize,
    neighbour: isize,
    share: f32,
}

/// Lines through the origin in every direction, one pixel of the major axis a step, and the kernels along them.
struct Lines {
    steps: Vec<Vec<Step>>,
    /// A kernel a folded direction.
    along: Vec<Vec<f32>>,
    /// A kernel a folded direction and period.
    across: Vec<Vec<Vec<f32>>>,
}

/// The length of a step depends on the direction only up to reflections.
fn fold(direction: usize) -> usize {
    let quarter = direction % (DIRECTIONS / 2);
    quarter.min(DIRECTIONS / 2 - quarter)
}

impl Lines {
    fn new(stride: usize, params: &EnhanceParams) -> Self {
        let reach = REACH_PX as isize;
        let stride = stride as isize;
        let steps = (0..DIRECTIONS)
            .map(|direction| {
                let (sin, cos) = (PI * direction as f32 / DIRECTIONS as f32).sin_cos();
                let line = |t: isize| {
                    let (major, minor, flat) = if cos.abs() >= sin.abs() {
                        (t, -sin / cos, true)
                    } else {
                        (t, -cos / sin, false)
                    };
                    let place = major as f32 * minor;
                    let whole = place.floor();
                    let (dx, dy) = if flat {
                        (major, whole as isize)
                    } else {
                        (whole as isize, major)
                    };
                    Step {
                        offset: dy * stride + dx,
                        neighbour: if flat { stride } else { 1 },
                        share: place - whole,
                    }
                };
                (-reach..=reach).map(line).collect()
            })
            .collect();
        let kernel = |direction: usize, weight: &dyn Fn(f32) -> f32| -> Vec<f32> {
            let (sin, cos) = (PI * direction as f32 / DIRECTIONS as f32).sin_cos();
            let step = 1.0 / cos.abs().max(sin.abs());
            (-reach..=reach).map(|t| weight(t as f32 * step)).collect()
        };
        let folded = 0..=DIRECTIONS / 4;
        let along = folded
            .clone()
            .map(|direction| scaled(kernel(direction, &|t| bell(t, params.along_px)), |v| v))
            .collect();
        let across = folded
            .map(|direction| {
                let of_period = |index: usize| {
                    let period = FIRST_PERIOD_PX + PERIOD_STEP_PX * index as f32;
                    let sigma = params.across_periods * period;
                    let envelope = kernel(direction, &|t| bell(t, sigma));
                    let wave = kernel(direction, &|t| bell(t, sigma) * (TAU * t / period).cos());
                    // Without its mean, so that brightness does not pass.
                    let mean = wave.iter().sum::<f32>() / envelope.iter().sum::<f32>();
                    let wave = wave
                        .iter()
                        .zip(&envelope)
                        .map(|(w, e)| w - mean * e)
                        .collect();
                    scaled(wave, f32::abs)
                };
                (0..PERIODS).map(of_period).collect()
            })
            .collect();
        Self {
            steps,
            along,
            across,
        }
    }
}

fn bell(t: f32, sigma: f32) -> f32 {
    (-0.5 * (t / sigma).powi(2)).exp()
}

fn scaled(mut kernel: Vec<f32>, measure: impl Fn(f32) -> f32) -> Vec<f32> {
    let sum: f32 = kernel.iter().map(|&v| measure(v)).sum();
    kernel.iter_mut().for_each(|v| *v /= sum);
    // The far ends weigh nothing; setting them to zero lets them be left out.
    let peak = kernel.iter().fold(0f32, |m, v| m.max(v.abs()));
    kernel
        .iter_mut()
        .for_each(|v| *v = if v.abs() < 5e-3 * peak { 0.0 } else { *v });
    kernel
}

/// A copy with a frame as wide as a line reaches, zero there and outside the mask.
fn padded(image: &Plane, mask: &Mask) -> Plane {
    let mut out = Plane::filled(
        image.width + 2 * REACH_PX,
        image.height + 2 * REACH_PX + 1,
        0.0,
    );
    for y in 0..image.height {
        for x in 0..image.width {
            if mask.has_pixel(x, y) {
                out.values[(y + REACH_PX) * out.width + x + REACH_PX] = image.at(x, y);
            }
        }
    }
    out
}

fn unpadded(padded: &Plane, like: &Plane) -> Plane {
    let mut out = Plane::filled(like.width, like.height, 0.0);
    for y in 0..like.height {
        let row = &padded.row(y + REACH_PX)[REACH_PX..REACH_PX + like.width];
        out.values[y * like.width..(y + 1) * like.width].copy_from_slice(row);
    }
    out
}

/// Lays each cell's kernel along its line at every pixel of the mask.
fn walk<'a>(
    source: &Plane,
    classes: &Classes,
    mask: &Mask,
    choose: impl Fn(Class) -> (&'a Vec<Step>, &'a Vec<f32>),
) -> Plane {
    let mut out = Plane::filled(source.width, source.height, 0.0);
    let mut taps: Vec<(isize, f32, isize, f32)> = Vec::with_capacity(2 * REACH_PX + 1);
    let (width, height) = (
        source.width - 2 * REACH_PX,
        source.height - 2 * REACH_PX - 1,
    );
    for row in 0..mask.rows {
        for column in 0..mask.columns {
            if !mask.has_cell(column, row) {
                continue;
            }
            let (steps, kernel) = choose(classes.cells[row * classes.columns + column]);
            taps.clear();
            taps.extend(
                steps
                    .iter()
                    .zip(kernel)
                    .filter(|(_, k)| **k != 0.0)
                    .map(|(step, k)| {
                        (
                            step.offset,
                            k * (1.0 - step.share),
                            step.offset + step.neighbour,
                            k * step.share,
                        )
                    }),
            );
            for y in row * CELL_PX..((row + 1) * CELL_PX).min(height) {
                for x in column * CELL_PX..((column + 1) * CELL_PX).min(width) {
                    let base = (y + REACH_PX) * source.width + x + REACH_PX;
                    let mut sum = 0.0;
                    for &(first, a, second, b) in &taps {
                        sum += a * source.values[base.wrapping_add_signed(first)]
                            + b * source.values[base.wrapping_add_signed(second)];
                    }
                    out.values[base] = sum;
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::orientation::orientation;
    use crate::fingerprint::params::Params;
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
            let out = enhance(&noisy, &field, &period, &mask, &params.enhance);
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
