//! Grows the ridges of a made-up finger along its pattern, and reads off where they are dislocated.
//!
//! A plane with a few specks is filtered again and again with a Gabor filter turned and tuned to the pattern; ridges spread from the
//! specks and minutiae arise of themselves where the growths meet (SFinGe: Cappelli, Maio and Maltoni 2000). Growth runs at half
//! the resolution, then sharpens at full. What is true is then exact: the ridges are the cosine of a phase (Larkin and Fletcher
//! 2007), and a minutia is a place around which that phase turns once, with the sense of that turn for its direction.

use std::f32::consts::{PI, TAU};

use super::pattern::{Pattern, Singularity};
use super::random::{Draws, bilinear};
use super::{FingerParams, Minutia};
use crate::fingerprint::plane::Plane;
use crate::fingerprint::template::Kind;

/// Full-grown ridges: +1 in the middle of a ridge, -1 in the middle of a valley.
pub(super) struct Grown {
    pub(super) ridges: Plane,
    pub(super) minutiae: Vec<Minutia>,
}

pub(super) fn grow(pattern: &Pattern, params: &FingerParams, draws: &mut Draws) -> Grown {
    let (width, height) = params.size_px;
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let half = Courses::new(pattern, (half_width, half_height), 2);
    let mut ridges = specks(
        half_width,
        half_height,
        params.speck_spacing_px / 2.0,
        draws,
    );
    for _ in 0..params.rounds {
        ridges = half
            .filter(&ridges, Part::Even)
            .map(|v| (GAIN * v).clamp(-1.0, 1.0));
    }
    let full = Courses::new(pattern, (width, height), 1);
    let mut ridges = doubled(&ridges, width, height);
    for _ in 0..SHARPEN_ROUNDS {
        ridges = full
            .filter(&ridges, Part::Even)
            .map(|v| (GAIN * v).clamp(-1.0, 1.0));
    }
    let (even, odd) = (
        full.filter(&ridges, Part::Even),
        full.filter(&ridges, Part::Odd),
    );
    let amplitude = even.zip(&odd, f32::hypot);
    let minutiae = dislocations(&even, &odd, &full, pattern);
    Grown {
        ridges: even.zip(&amplitude, |e, a| e / (a + LEAST_AMPLITUDE)),
        minutiae,
    }
}

/// What a filtered value is multiplied with before it is cut at one: the edge of a growth must not fade.
const GAIN: f32 = 2.5;
/// Rounds at full resolution, after which no stair of the half one is left.
const SHARPEN_ROUNDS: usize = 3;
/// Amplitude, of about 1, below which a dislocation's middle fades.
const LEAST_AMPLITUDE: f32 = 0.1;

/// Specks on a loose lattice.
fn specks(width: usize, height: usize, spacing_px: f32, draws: &mut Draws) -> Plane {
    let mut plane = Plane::filled(width, height, 0.0);
    let steps = |n: usize| (n as f32 / spacing_px).ceil() as usize;
    for row in 0..steps(height) {
        for column in 0..steps(width) {
            let x = ((column as f32 + draws.unit()) * spacing_px) as usize;
            let y = ((row as f32 + draws.unit()) * spacing_px) as usize;
            let value = if draws.chance(0.5) { 1.0 } else { -1.0 };
            for (i, j) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
                if i < width && j < height {
                    plane.values[j * width + i] = value;
                }
            }
        }
    }
    plane
}

fn doubled(half: &Plane, width: usize, height: usize) -> Plane {
    let mut out = Plane::filled(width, height, 0.0);
    for y in 0..height {
        for x in 0..width {
            let place = |v: usize| (v as f32 - 0.5) / 2.0;
            out.values[y * width + x] = bilinear(half, place(x).max(0.0), place(y).max(0.0));
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Even,
    Odd,
}

/// Directions of kernels, in half a turn.
const DIRECTIONS: usize = 60;
/// Periods of kernels: a step of this many pixels.
const PERIOD_STEP_PX: f32 = 0.5;
/// Deviation of a kernel's bell, periods.
const SIGMA_PERIODS: f32 = 0.42;
/// A kernel reaches this many deviations.
const REACH_SIGMAS: f32 = 2.4;

/// Direction and period at every pixel, and the kernels for them.
struct Courses {
    width: usize,
    height: usize,
    /// Ridge direction a pixel, radians.
    angle: Vec<f32>,
    /// Kernel a pixel.
    class: Vec<u16>,
    first_period: usize,
    reach: usize,
    /// Even and odd kernels: rows padded to whole lanes.
    kernels: [Vec<Vec<f32>>; 2],
}

const LANES: usize = 8;

impl Courses {
    /// Of the pattern at every `step`-th pixel.
    fn new(pattern: &Pattern, (width, height): (usize, usize), step: usize) -> Self {
        let places = || (0..width * height).map(|i| (i % width * step, i / width * step));
        let angle: Vec<f32> = places()
            .map(|(x, y)| pattern.orientation(x as f32, y as f32).rem_euclid(PI))
            .collect();
        let last = |(x, y): (usize, usize)| {
            pattern.period_px(x.min(pattern.last_x()), y.min(pattern.last_y())) / step as f32
        };
        let period: Vec<usize> = places()
            .map(|place| (last(place) / PERIOD_STEP_PX).round() as usize)
            .collect();
        let first_period = period.iter().copied().min().unwrap_or(1);
        let last_period = period.iter().copied().max().unwrap_or(1);
        let class = angle.iter().zip(&period).map(|(angle, period)| {
            let direction = (angle / PI * DIRECTIONS as f32).round() as usize % DIRECTIONS;
            ((period - first_period) * DIRECTIONS + direction) as u16
        });
        let longest = last_period as f32 * PERIOD_STEP_PX;
        let reach = (REACH_SIGMAS * SIGMA_PERIODS * longest).ceil() as usize;
        let kernels = [Part::Even, Part::Odd].map(|part| {
            (first_period..=last_period)
                .flat_map(|period| {
                    (0..DIRECTIONS).map(move |direction| {
                        let angle = PI * direction as f32 / DIRECTIONS as f32;
                        kernel(angle, period as f32 * PERIOD_STEP_PX, reach, part)
                    })
                })
                .collect()
        });
        Self {
            class: class.collect(),
            angle,
            width,
            height,
            first_period,
            reach,
            kernels,
        }
    }

    /// The response of each pixel's own kernel: 1 on a ridge of a full-grown wave.
    fn filter(&self, source: &Plane, part: Part) -> Plane {
        let row = padded_row(self.reach);
        let stride = self.width + row;
        let mut padded = vec![0f32; stride * (self.height + 2 * self.reach)];
        for y in 0..self.height {
            let start = (y + self.reach) * stride + self.reach;
            padded[start..start + self.width].copy_from_slice(source.row(y));
        }
        let kernels = &self.kernels[usize::from(part == Part::Odd)];
        let mut out = Plane::filled(self.width, self.height, 0.0);
        for y in 0..self.height {
            for x in 0..self.width {
                let index = y * self.width + x;
                let kernel = &kernels[usize::from(self.class[index])];
                let mut lanes = [0f32; LANES];
                for (j, weights) in kernel.chunks_exact(row).enumerate() {
                    let pixels = &padded[(y + j) * stride + x..][..row];
                    let chunks = weights.as_chunks::<LANES>().0.iter();
                    for (w, p) in chunks.zip(pixels.as_chunks::<LANES>().0) {
                        for lane in 0..LANES {
                            lanes[lane] += w[lane] * p[lane];
                        }
                    }
                }
                out.values[index] = lanes.iter().sum();
            }
        }
        out
    }

    /// The direction that a pixel's kernel was made for: it says which way phase is counted.
    fn kernel_angle(&self, index: usize) -> f32 {
        (usize::from(self.class[index]) % DIRECTIONS) as f32 * PI / DIRECTIONS as f32
    }

    fn period_px(&self, index: usize) -> f32 {
        (usize::from(self.class[index]) / DIRECTIONS + self.first_period) as f32 * PERIOD_STEP_PX
    }
}

fn padded_row(reach: usize) -> usize {
    (2 * reach + 1).next_multiple_of(LANES)
}

/// A Gabor kernel without mean, scaled so that its own wave answers 1.
fn kernel(angle: f32, period: f32, reach: usize, part: Part) -> Vec<f32> {
    let (sin, cos) = angle.sin_cos();
    let sigma = SIGMA_PERIODS * period;
    let row = padded_row(reach);
    let mut out = vec![0f32; row * (2 * reach + 1)];
    let mut bells = out.clone();
    let mut waves = out.clone();
    for j in 0..=2 * reach {
        for i in 0..=2 * reach {
            let (x, y) = (i as f32 - reach as f32, j as f32 - reach as f32);
            // Across the ridges: the normal of (cos, -sin), y down.
            let across = x * sin + y * cos;
            let index = j * row + i;
            bells[index] = (-0.5 * (x * x + y * y) / (sigma * sigma)).exp();
            waves[index] = match part {
                Part::Even => (TAU * across / period).cos(),
                // Against the wave's sense, so that the answers are a cosine and a sine of its phase.
                Part::Odd => -(TAU * across / period).sin(),
            };
            out[index] = bells[index] * waves[index];
        }
    }
    let mean = out.iter().sum::<f32>() / bells.iter().sum::<f32>();
    out.iter_mut().zip(&bells).for_each(|(k, b)| *k -= mean * b);
    let own: f32 = out.iter().zip(&waves).map(|(k, w)| k * w).sum();
    out.iter_mut().for_each(|k| *k /= own);
    out
}

/// The places around which the phase turns once.
fn dislocations(even: &Plane, odd: &Plane, courses: &Courses, pattern: &Pattern) -> Vec<Minutia> {
    let (width, height) = (even.width, even.height);
    let mut found: Vec<(Minutia, f32, i32)> = Vec::new();
    for y in 0..height - 1 {
        for x in 0..width - 1 {
            let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
            let own = courses.kernel_angle(y * width + x);
            // A direction has two ways to be written; all four corners must count phase the same way.
            let phase = corners.map(|(i, j)| {
                let index = j * width + i;
                let is_same = (courses.kernel_angle(index) - own).cos() >= 0.0;
                let odd = if is_same {
                    odd.values[index]
                } else {
                    -odd.values[index]
                };
                odd.atan2(even.values[index])
            });
            let turns: f32 = (0..4).map(|k| wrapped(phase[(k + 1) % 4] - phase[k])).sum();
            let sense = (turns / TAU).round() as i32;
            if sense == 0 {
                continue;
            }
            // One ridge more on the side to which the phase runs faster.
            let rough = if sense > 0 { own } else { own + PI };
            let exact = courses.angle[y * width + x];
            let angle = if (exact - rough).cos() > 0.0 {
                exact
            } else {
                exact + PI
            };
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let period = courses.period_px(y * width + x);
            let (sin, cos) = angle.sin_cos();
            let line: f32 = [0.5, 0.75, 1.0]
                .map(|t| bilinear(even, px + t * period * cos, py - t * period * sin))
                .iter()
                .sum();
            let kind = if line > 0.0 {
                Kind::Ending
            } else {
                Kind::Bifurcation
            };
            let minutia = Minutia {
                x: px,
                y: py,
                angle: angle.rem_euclid(TAU),
                kind,
            };
            found.push((minutia, period, sense));
        }
    }
    let is_near =
        |point: Singularity, m: &Minutia, by: f32| (point.x - m.x).hypot(point.y - m.y) < by;
    // Right at a core or a delta no direction is meant, and two that undo each other within a ridge are none.
    found.retain(|(m, period, _)| !pattern.singularities().any(|p| is_near(p, m, 0.6 * period)));
    let undone: Vec<bool> = found
        .iter()
        .map(|(m, period, sense)| {
            found.iter().any(|(other, _, opposite)| {
                opposite != sense && (other.x - m.x).hypot(other.y - m.y) < 0.7 * period
            })
        })
        .collect();
    let kept = found.into_iter().zip(undone).filter(|(_, undone)| !undone);
    kept.map(|((minutia, ..), _)| minutia).collect()
}

fn wrapped(angle: f32) -> f32 {
    angle - TAU * (angle / TAU).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_answers_one_to_its_own_wave_and_nothing_to_a_flat_plane() {
        for (angle, period) in [(0.3f32, 9.0f32), (1.9, 5.0)] {
            let reach = 12;
            let kernel = kernel(angle, period, reach, Part::Even);
            let row = padded_row(reach);
            let response = |value: &dyn Fn(f32, f32) -> f32| -> f32 {
                let at = |k: usize| ((k % row) as f32 - 12.0, (k / row) as f32 - 12.0);
                kernel
                    .iter()
                    .enumerate()
                    .map(|(k, w)| w * value(at(k).0, at(k).1))
                    .sum()
            };
            let (sin, cos) = angle.sin_cos();
            let wave = response(&|x, y| (TAU * (x * sin + y * cos) / period).cos());
            assert!((wave - 1.0).abs() < 0.01, "{wave}");
            assert!(response(&|_, _| 1.0).abs() < 1e-3);
        }
    }
}
