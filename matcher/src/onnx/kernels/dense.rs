//! Convolutions that mix channels over more than one pixel: the first layer of a network, mostly.
//!
//! A tile of pixels is gathered into rows, one value a tap, and multiplied as a 1x1 convolution is. The first layer reads the image's
//! planes in place instead, away from the edges: gathering would cost as much there as the sums.

use super::super::level::{Kernel, Lanes};
use super::pointwise::{sums, widest};
use super::{Act, activate};

/// A convolution of some output rows.
pub(in super::super) struct Dense<'a> {
    /// The whole input, or of pixels its rows: row `y` lies at `y % kept`.
    pub input: &'a [f32],
    /// Rows that are kept of the input.
    pub kept: usize,
    /// How it lies.
    pub layout: Layout,
    /// Input rows and columns.
    pub size: (usize, usize),
    /// Input channels, as they lie.
    pub channels: usize,
    /// Packed as those of a 1x1 convolution, whose inputs are the taps: `[channel][row][column]` of planes, else `[row][column][channel]`.
    pub weights: &'a [f32],
    /// One value an output channel, padded.
    pub bias: &'a [f32],
    /// Kernel rows and columns.
    pub kernel: (usize, usize),
    /// Between output rows, between output columns.
    pub stride: (usize, usize),
    /// Pixels before the first row, before the first column.
    pub pad: (usize, usize),
    /// What an input channel holds outside the image.
    pub outside: &'a [f32],
    /// Before the residual is added.
    pub act: Act<'a>,
    /// Added at last; the rows that are computed.
    pub residual: Option<&'a [f32]>,
    /// The first output row.
    pub row: usize,
    /// Output columns.
    pub columns: usize,
    /// The output rows from `row` on.
    pub output: &'a mut [f32],
    /// Channels of an output pixel, padded.
    pub width: usize,
    /// Room for [`TILE`] gathered pixels.
    pub scratch: &'a mut [f32],
}

/// How channels lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Layout {
    /// One after the other (NCHW).
    Planes,
    /// Side by side (NHWC).
    Pixels,
}

/// Pixels of the widest tile.
pub(in super::super) const TILE: usize = 12;

impl Kernel for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let vectors = self.width / S::F32_LANES;
        let job = Job::<S> {
            simd,
            input: self.input,
            kept: self.kept,
            layout: self.layout,
            size: self.size,
            channels: self.channels,
            weights: S::as_simd_f32s(self.weights).0,
            bias: S::as_simd_f32s(self.bias).0,
            kernel: self.kernel,
            stride: self.stride,
            pad: self.pad,
            outside: self.outside,
            act: self.act,
            vectors,
            depth: self.kernel.0 * self.kernel.1 * self.channels,
        };
        let pitch = self.columns * vectors;
        let output = S::as_mut_simd_f32s(self.output).0;
        let residual = self.residual.map(|r| S::as_simd_f32s(r).0);
        for (i, output) in output.chunks_exact_mut(pitch).enumerate() {
            let residual = residual.map(|r| &r[i * pitch..][..pitch]);
            let y = self.row + i;
            match (vectors, S::REGISTER_COUNT >= 32) {
                (1, true) => job.row::<12>(y, output, residual, self.scratch),
                (1, false) => job.row::<8>(y, output, residual, self.scratch),
                // With six, sums would be spilled where three taps are in flight.
                (_, false) => job.row::<5>(y, output, residual, self.scratch),
                (_, true) => job.row::<6>(y, output, residual, self.scratch),
            }
        }
    }
}

struct Job<'a, S: Lanes> {
    simd: S,
    input: &'a [f32],
    kept: usize,
    layout: Layout,
    size: (usize, usize),
    channels: usize,
    weights: &'a [S::f32s],
    bias: &'a [S::f32s],
    kernel: (usize, usize),
    stride: (usize, usize),
    pad: (usize, usize),
    outside: &'a [f32],
    act: Act<'a>,
    vectors: usize,
    depth: usize,
}

impl<S: Lanes> Job<'_, S> {
    #[inline(always)]
    fn row<const M: usize>(
        &self,
        y: usize,
        output: &mut [S::f32s],
        residual: Option<&[S::f32s]>,
        scratch: &mut [f32],
    ) {
        let columns = output.len() / self.vectors;
        let mut x = 0;
        // What is read in place is not gathered for the sake of a first column outside the image.
        while x + M < columns && self.in_place::<M>((y, x)).is_none() {
            if self.in_place::<M>((y, x + 1)).is_none() {
                break;
            }
            self.tile::<1>((y, x), output, residual, scratch);
            x += 1;
        }
        while x + M <= columns {
            self.tile::<M>((y, x), output, residual, scratch);
            x += M;
        }
        if x < columns && columns >= M {
            self.tile::<M>((y, columns - M), output, residual, scratch);
            return;
        }
        while x < columns {
            self.tile::<1>((y, x), output, residual, scratch);
            x += 1;
        }
    }

    #[inline(always)]
    fn tile<const M: usize>(
        &self,
        at: (usize, usize),
        output: &mut [S::f32s],
        residual: Option<&[S::f32s]>,
        scratch: &mut [f32],
    ) {
        let direct = self.in_place::<M>(at);
        if direct.is_none() {
            for p in 0..M {
                self.gather(
                    (at.0, at.1 + p),
                    &mut scratch[p * self.depth..][..self.depth],
                );
            }
        }
        let scratch: &[f32] = scratch;
        let mut from = 0;
        let mut weights = self.weights;
        while from < self.vectors {
            let block = (self.vectors - from).min(widest(S::REGISTER_COUNT));
            let (panel, rest) = weights.split_at(block * self.depth);
            weights = rest;
            let place = (at.1, from);
            match block {
                1 => self.block::<M, 1>(place, panel, direct, scratch, output, residual),
                2 => self.block::<M, 2>(place, panel, direct, scratch, output, residual),
                3 => self.block::<M, 3>(place, panel, direct, scratch, output, residual),
                _ => self.block::<M, 4>(place, panel, direct, scratch, output, residual),
            }
            from += block;
        }
    }

    #[inline(always)]
    fn block<const M: usize, const B: usize>(
        &self,
        (x, from): (usize, usize),
        panel: &[S::f32s],
        direct: Option<usize>,
        scratch: &[f32],
        output: &mut [S::f32s],
        residual: Option<&[S::f32s]>,
    ) {
        let bias = &self.bias[from..from + B];
        let mut acc = match direct {
            Some(corner) => self.planes::<M, B>(corner, panel, bias),
            None => {
                let rows: [&[f32]; M] =
                    core::array::from_fn(|p| &scratch[p * self.depth..][..self.depth]);
                sums::<S, M, B>(self.simd, rows, panel, bias)
            }
        };
        activate::<S, M, B>(self.simd, self.act, from, &mut acc);
        if let Some(residual) = residual {
            for p in 0..M {
                let row = &residual[(x + p) * self.vectors + from..][..B];
                for v in 0..B {
                    acc[p][v] = self.simd.add_f32s(acc[p][v], row[v]);
                }
            }
        }
        for p in 0..M {
            let row = &mut output[(x + p) * self.vectors + from..][..B];
            for v in 0..B {
                row[v] = acc[p][v];
            }
        }
    }

    /// Where the first tap of a tile lies in its plane, if all taps are inside and the tile is of the kind that is read in place.
    #[inline(always)]
    fn in_place<const M: usize>(&self, (y, x): (usize, usize)) -> Option<usize> {
        if self.layout != Layout::Planes || self.kernel != (3, 3) || self.stride.1 != STRIDE {
            return None;
        }
        let top = (y * self.stride.0).checked_sub(self.pad.0)?;
        let left = (x * STRIDE).checked_sub(self.pad.1)?;
        let inside = top + 3 <= self.size.0 && left + (M - 1) * STRIDE + 3 <= self.size.1;
        inside.then_some(top * self.size.1 + left)
    }

    /// The sums of a tile of 3x3 taps in planes.
    #[inline(always)]
    fn planes<const M: usize, const B: usize>(
        &self,
        corner: usize,
        panel: &[S::f32s],
        bias: &[S::f32s],
    ) -> [[S::f32s; B]; M] {
        let area = self.size.0 * self.size.1;
        let mut acc: [[S::f32s; B]; M] = [core::array::from_fn(|v| bias[v]); M];
        let (panel, _) = panel.as_chunks::<B>();
        for (i, weights) in panel.as_chunks::<3>().0.iter().enumerate() {
            let from = corner + i / 3 * area + i % 3 * self.size.1;
            let values = &self.input[from..][..(M - 1) * STRIDE + 3];
            for (tap, weights) in weights.iter().enumerate() {
                for p in 0..M {
                    let value = self.simd.splat_f32s(values[p * STRIDE + tap]);
                    for v in 0..B {
                        acc[p][v] = self.simd.fma(value, weights[v], acc[p][v]);
                    }
                }
            }
        }
        acc
    }

    /// The taps of one output pixel.
    #[inline(always)]
    fn gather(&self, (y, x): (usize, usize), taps: &mut [f32]) {
        let (height, width) = self.size;
        let (tall, wide) = self.kernel;
        let row = |tap: usize| {
            (y * self.stride.0 + tap)
                .checked_sub(self.pad.0)
                .filter(|r| *r < height)
        };
        let column = |tap: usize| {
            (x * self.stride.1 + tap)
                .checked_sub(self.pad.1)
                .filter(|c| *c < width)
        };
        match self.layout {
            Layout::Planes => {
                for (i, taps) in taps.chunks_exact_mut(wide).enumerate() {
                    let (channel, row) = (i / tall, row(i % tall));
                    for (tap, value) in taps.iter_mut().enumerate() {
                        *value = match (row, column(tap)) {
                            (Some(r), Some(c)) => self.input[(channel * height + r) * width + c],
                            _ => self.outside[channel],
                        };
                    }
                }
            }
            Layout::Pixels => {
                for (i, taps) in taps.chunks_exact_mut(self.channels).enumerate() {
                    match (row(i / wide), column(i % wide)) {
                        (Some(r), Some(c)) => taps.copy_from_slice(
                            &self.input[(r % self.kept * width + c) * self.channels..]
                                [..self.channels],
                        ),
                        _ => taps.copy_from_slice(self.outside),
                    }
                }
            }
        }
    }
}

/// Between output columns of the layers that are read in place.
const STRIDE: usize = 2;
