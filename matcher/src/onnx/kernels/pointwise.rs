//! 1x1 convolutions: each pixel's channels times a matrix.
//!
//! A register tile of `M` pixels by `V` vectors of output channels runs over all input channels, so that a sum never leaves its register.
//! The weights lie as panels: for each block of up to [`Shape::widest`] vectors, the vectors of input channel 0, then of 1, and so on.

use super::super::level::{Kernel, Lanes};
use super::{Act, activate};

/// A 1x1 convolution of a run of pixels.
pub(in super::super) struct Pointwise<'a> {
    /// The input pixels.
    pub input: &'a [f32],
    /// Channels of an input pixel.
    pub depth: usize,
    /// The same, padded.
    pub pitch: usize,
    /// Packed weights: [`pack`].
    pub weights: &'a [f32],
    /// One value an output channel, padded.
    pub bias: &'a [f32],
    /// Before the residual is added.
    pub act: Act<'a>,
    /// Added at last; pixels as those of the output.
    pub residual: Option<&'a [f32]>,
    /// The output pixels, as many as of the input.
    pub output: &'a mut [f32],
    /// Channels of an output pixel, padded.
    pub width: usize,
}

impl Kernel for Pointwise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let vectors = self.width / S::F32_LANES;
        let mut from = 0;
        let mut weights = S::as_simd_f32s(self.weights).0;
        let bias = S::as_simd_f32s(self.bias).0;
        let mut job = Job {
            input: self.input,
            depth: self.depth,
            pitch: self.pitch,
            act: self.act,
            residual: self.residual.map(|r| S::as_simd_f32s(r).0),
            output: S::as_mut_simd_f32s(self.output).0,
            vectors,
        };
        while from < vectors {
            let block = (vectors - from).min(widest(S::REGISTER_COUNT));
            let (panel, rest) = weights.split_at(block * self.depth);
            weights = rest;
            let bias = &bias[from..from + block];
            // Tiles that fill the registers: 32 of AVX-512, 16 of the others.
            match (block, S::REGISTER_COUNT >= 32) {
                (4, true) => job.panel::<S, 6, 4>(simd, panel, bias, from),
                (3, true) => job.panel::<S, 8, 3>(simd, panel, bias, from),
                (2, true) => job.panel::<S, 12, 2>(simd, panel, bias, from),
                (1, true) => job.panel::<S, 12, 1>(simd, panel, bias, from),
                (2, false) => job.panel::<S, 6, 2>(simd, panel, bias, from),
                _ => job.panel::<S, 8, 1>(simd, panel, bias, from),
            }
            from += block;
        }
    }
}

/// Vectors of the widest panel for a number of registers.
#[inline(always)]
pub(in super::super) fn widest(registers: usize) -> usize {
    if registers >= 32 { 4 } else { 2 }
}

/// Packs `[output][input]` weights of `depth` inputs for vectors of `lanes` and panels of `widest` vectors; the padding is zero.
pub(in super::super) fn pack(
    weights: &[f32],
    depth: usize,
    lanes: usize,
    widest: usize,
) -> Vec<f32> {
    let outputs = weights.len() / depth.max(1);
    let vectors = outputs.div_ceil(lanes);
    let mut packed = Vec::with_capacity(vectors * lanes * depth);
    let mut from = 0;
    while from < vectors {
        let block = (vectors - from).min(widest);
        for i in 0..depth {
            for o in from * lanes..(from + block) * lanes {
                let weight = (o < outputs).then(|| weights[o * depth + i]);
                packed.push(weight.unwrap_or(0.0));
            }
        }
        from += block;
    }
    packed
}

struct Job<'a, V> {
    input: &'a [f32],
    depth: usize,
    pitch: usize,
    act: Act<'a>,
    residual: Option<&'a [V]>,
    output: &'a mut [V],
    vectors: usize,
}

impl<V> Job<'_, V> {
    /// All pixels times one panel.
    #[inline(always)]
    fn panel<S: Lanes<f32s = V>, const M: usize, const B: usize>(
        &mut self,
        simd: S,
        panel: &[V],
        bias: &[V],
        from: usize,
    ) where
        V: Copy,
    {
        let pixels = self.input.len() / self.pitch;
        let mut pixel = 0;
        while pixel + M <= pixels {
            self.tile::<S, M, B>(simd, panel, bias, from, pixel);
            pixel += M;
        }
        if pixel < pixels && pixels >= M {
            // The last tile overlaps the one before it: the same sums again.
            self.tile::<S, M, B>(simd, panel, bias, from, pixels - M);
            return;
        }
        while pixel < pixels {
            self.tile::<S, 1, B>(simd, panel, bias, from, pixel);
            pixel += 1;
        }
    }

    #[inline(always)]
    fn tile<S: Lanes<f32s = V>, const M: usize, const B: usize>(
        &mut self,
        simd: S,
        panel: &[V],
        bias: &[V],
        from: usize,
        pixel: usize,
    ) where
        V: Copy,
    {
        let rows: [&[f32]; M] =
            core::array::from_fn(|p| &self.input[(pixel + p) * self.pitch..][..self.depth]);
        let mut acc = sums::<S, M, B>(simd, rows, panel, bias);
        activate::<S, M, B>(simd, self.act, from, &mut acc);
        if let Some(residual) = self.residual {
            for p in 0..M {
                let row = &residual[(pixel + p) * self.vectors + from..][..B];
                for v in 0..B {
                    acc[p][v] = simd.add_f32s(acc[p][v], row[v]);
                }
            }
        }
        for p in 0..M {
            let row = &mut self.output[(pixel + p) * self.vectors + from..][..B];
            for v in 0..B {
                row[v] = acc[p][v];
            }
        }
    }
}

/// The sums of `M` pixels and `B` vectors of output channels over the values of `rows`.
#[inline(always)]
pub(super) fn sums<S: Lanes, const M: usize, const B: usize>(
    simd: S,
    rows: [&[f32]; M],
    panel: &[S::f32s],
    bias: &[S::f32s],
) -> [[S::f32s; B]; M] {
    let depth = rows[0].len();
    let rows = rows.map(|row| &row[..depth]);
    let mut acc: [[S::f32s; B]; M] = [core::array::from_fn(|v| bias[v]); M];
    let (panel, _) = panel.as_chunks::<B>();
    for (i, weights) in panel[..depth].iter().enumerate() {
        for p in 0..M {
            let value = simd.splat_f32s(rows[p][i]);
            for v in 0..B {
                acc[p][v] = simd.fma(value, weights[v], acc[p][v]);
            }
        }
    }
    acc
}
