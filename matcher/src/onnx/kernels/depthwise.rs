//! Depthwise convolutions: each channel by itself.
//!
//! 3x3 with stride 1 sweeps two rows at once: a column of four values is loaded once and goes into the six sums that it belongs to, and
//! each weight, for which no register is left, serves both rows. Stride 2 shares too little for that. Every other size is a plain loop
//! over the taps.

use super::super::level::{Kernel, Lanes};
use super::{Act, activate};

/// A depthwise convolution of some output rows.
pub(in super::super) struct Depthwise<'a> {
    /// The input's rows: row `y` lies at `y % kept`.
    pub input: &'a [f32],
    /// Rows that are kept of the input.
    pub kept: usize,
    /// Input rows and columns.
    pub size: (usize, usize),
    /// Channels, padded.
    pub channels: usize,
    /// `[vector][kernel row][kernel column][lane]`: [`pack`].
    pub weights: &'a [f32],
    /// One value a channel, padded.
    pub bias: &'a [f32],
    /// Kernel rows and columns.
    pub kernel: (usize, usize),
    /// Between output rows, between output columns.
    pub stride: (usize, usize),
    /// Zeros before the first row, before the first column.
    pub pad: (usize, usize),
    /// Follows the sum.
    pub act: Act<'a>,
    /// The first output row.
    pub row: usize,
    /// Output columns.
    pub columns: usize,
    /// The output rows from `row` on.
    pub output: &'a mut [f32],
    /// At least a row of zeros.
    pub zeros: &'a [f32],
}

/// Packs weights given as `[channel][kernel row][kernel column]`; the padding is zero.
pub(in super::super) fn pack(weights: &[f32], taps: usize, lanes: usize) -> Vec<f32> {
    let channels = weights.len() / taps;
    let mut packed = Vec::with_capacity(channels.next_multiple_of(lanes) * taps);
    for block in 0..channels.div_ceil(lanes) {
        for tap in 0..taps {
            for channel in block * lanes..(block + 1) * lanes {
                packed.push(weights.get(channel * taps + tap).copied().unwrap_or(0.0));
            }
        }
    }
    packed
}

impl Kernel for Depthwise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let (height, width) = self.size;
        let vectors = self.channels / S::F32_LANES;
        let job = Job::<S> {
            simd,
            vectors,
            width,
            weights: S::as_simd_f32s(self.weights).0,
            bias: S::as_simd_f32s(self.bias).0,
            act: self.act,
            stride: self.stride.1,
            pad: self.pad.1,
        };
        let input = S::as_simd_f32s(self.input).0;
        let zeros = &S::as_simd_f32s(self.zeros).0[..width * vectors];
        let output = S::as_mut_simd_f32s(self.output).0;
        let pitch = self.columns * vectors;
        let at_once = match (self.kernel, self.stride, self.pad.1) {
            ((3, 3), (1, 1), 1) if self.columns == width => 2,
            _ => 1,
        };
        for (i, output) in output.chunks_mut(pitch * at_once).enumerate() {
            let top = (self.row + i * at_once) * self.stride.0;
            // A row outside the image is zeros.
            let row = |tap: usize| match (top + tap).checked_sub(self.pad.0) {
                Some(y) if y < height => {
                    &input[y % self.kept * width * vectors..][..width * vectors]
                }
                _ => zeros,
            };
            match (self.kernel, self.stride.1) {
                _ if at_once == 2 => match output.split_at_mut_checked(pitch) {
                    Some((upper, lower)) if lower.len() == pitch => {
                        job.sweep([row(0), row(1), row(2), row(3)], upper, lower);
                    }
                    _ => job.three([row(0), row(1), row(2)], output),
                },
                ((3, 3), 2) => job.three([row(0), row(1), row(2)], output),
                _ => job.any(self.kernel, row, output),
            }
        }
    }
}

struct Job<'a, S: Lanes> {
    simd: S,
    vectors: usize,
    width: usize,
    weights: &'a [S::f32s],
    bias: &'a [S::f32s],
    act: Act<'a>,
    stride: usize,
    pad: usize,
}

impl<S: Lanes> Job<'_, S> {
    /// 3x3, stride 1, one column of padding: two rows of output from four of input.
    #[inline(always)]
    fn sweep(&self, rows: [&[S::f32s]; 4], upper: &mut [S::f32s], lower: &mut [S::f32s]) {
        let (simd, vectors) = (self.simd, self.vectors);
        let size = self.width * vectors;
        let [a, b, c, d] = rows.map(|row| &row[..size]);
        let (upper, lower) = (&mut upper[..size], &mut lower[..size]);
        for v in 0..vectors {
            let w: [S::f32s; 9] = self.weights.as_chunks::<9>().0[v];
            let bias = self.bias[v];
            // The sums of the column to the left, and of the one that is read, so far: of the upper row and the lower one.
            let (mut left, mut here) = ((bias, bias), (bias, bias));
            let mut at = v;
            while at < size {
                let (i, j, k, l) = (a[at], b[at], c[at], d[at]);
                let mut right = (simd.fma(i, w[0], bias), simd.fma(j, w[0], bias));
                right = (simd.fma(j, w[3], right.0), simd.fma(k, w[3], right.1));
                right = (simd.fma(k, w[6], right.0), simd.fma(l, w[6], right.1));
                here = (simd.fma(i, w[1], here.0), simd.fma(j, w[1], here.1));
                here = (simd.fma(j, w[4], here.0), simd.fma(k, w[4], here.1));
                here = (simd.fma(k, w[7], here.0), simd.fma(l, w[7], here.1));
                left = (simd.fma(i, w[2], left.0), simd.fma(j, w[2], left.1));
                left = (simd.fma(j, w[5], left.0), simd.fma(k, w[5], left.1));
                left = (simd.fma(k, w[8], left.0), simd.fma(l, w[8], left.1));
                if let Some(done) = at.checked_sub(vectors) {
                    [upper[done], lower[done]] = self.finish(v, [left.0, left.1]);
                }
                (left, here) = (here, right);
                at += vectors;
            }
            [upper[at - vectors], lower[at - vectors]] = self.finish(v, [left.0, left.1]);
        }
    }

    /// 3x3 with any stride and padding: the inner columns without a test.
    #[inline(always)]
    fn three(&self, rows: [&[S::f32s]; 3], output: &mut [S::f32s]) {
        let (simd, vectors, width) = (self.simd, self.vectors, self.width);
        let rows = rows.map(|row| &row[..width * vectors]);
        let columns = output.len() / vectors;
        for v in 0..vectors {
            let w: &[S::f32s; 9] = &self.weights.as_chunks::<9>().0[v];
            for x in 0..columns {
                let mut sum = self.bias[v];
                match (x * self.stride).checked_sub(self.pad) {
                    Some(left) if left + 3 <= width => {
                        let at = left * vectors + v;
                        for (row, w) in rows.iter().zip(w.as_chunks::<3>().0) {
                            sum = simd.fma(row[at], w[0], sum);
                            sum = simd.fma(row[at + vectors], w[1], sum);
                            sum = simd.fma(row[at + 2 * vectors], w[2], sum);
                        }
                    }
                    _ => {
                        for (row, w) in rows.iter().zip(w.as_chunks::<3>().0) {
                            for (tap, w) in w.iter().enumerate() {
                                if let Some(from) = self.inside(x, tap) {
                                    sum = simd.fma(row[from * vectors + v], *w, sum);
                                }
                            }
                        }
                    }
                }
                [output[x * vectors + v]] = self.finish(v, [sum]);
            }
        }
    }

    /// Any kernel: a plain loop.
    #[inline(always)]
    fn any<'r>(
        &self,
        kernel: (usize, usize),
        row: impl Fn(usize) -> &'r [S::f32s],
        output: &mut [S::f32s],
    ) where
        S: 'r,
    {
        let vectors = self.vectors;
        for (x, output) in output.chunks_exact_mut(vectors).enumerate() {
            output.copy_from_slice(&self.bias[..vectors]);
            for tall in 0..kernel.0 {
                let row = row(tall);
                for wide in 0..kernel.1 {
                    let Some(from) = self.inside(x, wide) else {
                        continue;
                    };
                    let values = &row[from * vectors..][..vectors];
                    let tap = tall * kernel.1 + wide;
                    let taps = kernel.0 * kernel.1;
                    for (v, (sum, value)) in output.iter_mut().zip(values).enumerate() {
                        *sum = self.simd.fma(*value, self.weights[v * taps + tap], *sum);
                    }
                }
            }
            for (v, sum) in output.iter_mut().enumerate() {
                [*sum] = self.finish(v, [*sum]);
            }
        }
    }

    /// The input column of a tap, where there is one.
    #[inline(always)]
    fn inside(&self, x: usize, tap: usize) -> Option<usize> {
        (x * self.stride + tap)
            .checked_sub(self.pad)
            .filter(|from| *from < self.width)
    }

    #[inline(always)]
    fn finish<const N: usize>(&self, v: usize, sums: [S::f32s; N]) -> [S::f32s; N] {
        let mut acc = sums.map(|sum| [sum]);
        activate::<S, N, 1>(self.simd, self.act, v, &mut acc);
        acc.map(|[sum]| sum)
    }
}
