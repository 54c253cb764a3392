//! Layers of little arithmetic: pooling, enlarging, sums, scales, activations.

use super::super::level::{Kernel, Lanes};
use super::{Act, activate};

/// `act(x * scale + shift) * factor + added`, each part optional; a channel at a time.
pub(in super::super) struct Map<'a> {
    /// The values.
    pub input: &'a [f32],
    /// Channels of a pixel, padded.
    pub channels: usize,
    /// A value a channel.
    pub scale: Option<&'a [f32]>,
    /// A value a channel.
    pub shift: Option<&'a [f32]>,
    /// Follows scale and shift.
    pub act: Act<'a>,
    /// Pixels as those of the input.
    pub added: Option<&'a [f32]>,
    /// As long as the input.
    pub output: &'a mut [f32],
}

impl Kernel for Map<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let vectors = self.channels / S::F32_LANES;
        let input = S::as_simd_f32s(self.input).0;
        let output = S::as_mut_simd_f32s(self.output).0;
        let added = self.added.map(|a| S::as_simd_f32s(a).0);
        let scale = self.scale.map(|s| &S::as_simd_f32s(s).0[..vectors]);
        let shift = self.shift.map(|s| &S::as_simd_f32s(s).0[..vectors]);
        let pixels = input
            .chunks_exact(vectors)
            .zip(output.chunks_exact_mut(vectors));
        for (i, (input, output)) in pixels.enumerate() {
            let added = added.map(|a| &a[i * vectors..][..vectors]);
            for v in 0..vectors {
                let mut value = input[v];
                if let Some(scale) = scale {
                    value = simd.mul_f32s(value, scale[v]);
                }
                if let Some(shift) = shift {
                    value = simd.add_f32s(value, shift[v]);
                }
                let mut acc = [[value]];
                activate::<S, 1, 1>(simd, self.act, v, &mut acc);
                let mut value = acc[0][0];
                if let Some(added) = added {
                    value = simd.add_f32s(value, added[v]);
                }
                output[v] = value;
            }
        }
    }
}

/// What becomes of the pixels of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Pooling {
    /// The largest; pixels outside the image count for nothing.
    Max,
    /// The sum times a factor.
    Sum(f32),
}

/// Pooling of some output rows.
pub(in super::super) struct Pool<'a> {
    /// The input's rows: row `y` lies at `y % kept`.
    pub input: &'a [f32],
    /// Rows that are kept of the input.
    pub kept: usize,
    /// Input rows and columns.
    pub size: (usize, usize),
    /// Channels, padded.
    pub channels: usize,
    /// What becomes of a window.
    pub pooling: Pooling,
    /// Window rows and columns.
    pub kernel: (usize, usize),
    /// Between output rows, between output columns.
    pub stride: (usize, usize),
    /// Pixels before the first row, before the first column.
    pub pad: (usize, usize),
    /// The first output row.
    pub row: usize,
    /// Output columns.
    pub columns: usize,
    /// The output rows from `row` on.
    pub output: &'a mut [f32],
}

impl Kernel for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let (height, width) = self.size;
        let vectors = self.channels / S::F32_LANES;
        let pitch = width * vectors;
        let input = S::as_simd_f32s(self.input).0;
        let output = S::as_mut_simd_f32s(std::mem::take(&mut self.output)).0;
        let quarters = self.pooling == Pooling::Max && self.kernel == (2, 2);
        for (i, output) in output.chunks_exact_mut(self.columns * vectors).enumerate() {
            let top = (self.row + i) * self.stride.0;
            let row = |tap: usize| {
                let y = inside(top + tap, self.pad.0, height)?;
                Some(&input[y % self.kept * pitch..][..pitch])
            };
            let pair = if quarters { row(0).zip(row(1)) } else { None };
            for (x, output) in output.chunks_exact_mut(vectors).enumerate() {
                let left = x * self.stride.1;
                // The commonest: the largest of two by two, inside the image.
                let columns =
                    inside(left, self.pad.1, width).zip(inside(left + 1, self.pad.1, width));
                if let (Some((upper, lower)), Some((first, _))) = (pair, columns) {
                    let (a, b) = upper[first * vectors..][..2 * vectors].split_at(vectors);
                    let (c, d) = lower[first * vectors..][..2 * vectors].split_at(vectors);
                    for v in 0..vectors {
                        let (upper, lower) = (simd.max_f32s(a[v], b[v]), simd.max_f32s(c[v], d[v]));
                        output[v] = simd.max_f32s(upper, lower);
                    }
                } else {
                    self.window(simd, row, left, output);
                }
            }
        }
    }
}

impl Pool<'_> {
    /// Any window, for one pixel.
    #[inline(always)]
    fn window<'r, S>(
        &self,
        simd: S,
        row: impl Fn(usize) -> Option<&'r [S::f32s]>,
        left: usize,
        output: &mut [S::f32s],
    ) where
        S: Lanes + 'r,
    {
        let (start, factor) = match self.pooling {
            Pooling::Max => (f32::NEG_INFINITY, None),
            Pooling::Sum(factor) => (0.0, Some(simd.splat_f32s(factor))),
        };
        let vectors = output.len();
        output.fill(simd.splat_f32s(start));
        for row in (0..self.kernel.0).filter_map(row) {
            for wide in 0..self.kernel.1 {
                let Some(column) = inside(left + wide, self.pad.1, self.size.1) else {
                    continue;
                };
                let pixel = &row[column * vectors..][..vectors];
                for (out, value) in output.iter_mut().zip(pixel) {
                    *out = match factor {
                        None => simd.max_f32s(*out, *value),
                        Some(_) => simd.add_f32s(*out, *value),
                    };
                }
            }
        }
        if let Some(factor) = factor {
            for out in output.iter_mut() {
                *out = simd.mul_f32s(*out, factor);
            }
        }
    }
}

#[inline(always)]
fn inside(at: usize, pad: usize, size: usize) -> Option<usize> {
    at.checked_sub(pad).filter(|at| *at < size)
}

/// Each pixel repeated, and something added: some output rows.
pub(in super::super) struct Enlarge<'a> {
    /// The input's rows: row `y` lies at `y % kept`.
    pub input: &'a [f32],
    /// Rows that are kept of the input.
    pub kept: usize,
    /// Input columns.
    pub width: usize,
    /// Channels, padded.
    pub channels: usize,
    /// How often a row, how often a column.
    pub times: (usize, usize),
    /// The rows that are computed.
    pub added: Option<&'a [f32]>,
    /// The first output row.
    pub row: usize,
    /// The output rows from `row` on.
    pub output: &'a mut [f32],
}

impl Kernel for Enlarge<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let vectors = self.channels / S::F32_LANES;
        let input = S::as_simd_f32s(self.input).0;
        let added = self.added.map(|a| S::as_simd_f32s(a).0);
        let output = S::as_mut_simd_f32s(self.output).0;
        let columns = self.width * self.times.1;
        let pitch = columns * vectors;
        for (i, output) in output.chunks_exact_mut(pitch).enumerate() {
            let from = (self.row + i) / self.times.0 % self.kept * self.width;
            let added = added.map(|a| &a[i * pitch..][..pitch]);
            for (x, output) in output.chunks_exact_mut(vectors).enumerate() {
                let pixel = &input[(from + x / self.times.1) * vectors..][..vectors];
                match added {
                    None => output.copy_from_slice(pixel),
                    Some(added) => {
                        let added = &added[x * vectors..][..vectors];
                        for v in 0..vectors {
                            output[v] = simd.add_f32s(pixel[v], added[v]);
                        }
                    }
                }
            }
        }
    }
}

/// The logistic function of each value, in place.
pub(in super::super) struct Sigmoid<'a> {
    /// The values.
    pub values: &'a mut [f32],
}

impl Kernel for Sigmoid<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        for value in self.values {
            *value = 1.0 / (1.0 + exp(-*value));
        }
    }
}

/// `e^x` for `x` within +-87, and its ends beyond: Cody and Waite's reduction to +-ln(2)/2, a Taylor polynomial of degree 7
/// (relative error below 2e-7), and the power of two put into the exponent. Without branches or calls, so that the compiler can
/// make vectors of it.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln(2) in two parts, the first short enough for exact products.
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let x = x.clamp(-87.0, 87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let whole = rounded - ROUND;
    let rest = (x - whole * LN_2.0) - whole * LN_2.1;
    let terms = [
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let mut sum = 0.0;
    for term in terms {
        sum = sum * rest + term;
    }
    let exponent = rounded
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127)
        << 23;
    sum * f32::from_bits(exponent)
}
