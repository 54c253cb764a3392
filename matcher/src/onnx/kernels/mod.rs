//! The arithmetic of the plan, one kind of layer a file.
//!
//! Activations lie as rows of pixels, the channels of a pixel side by side and padded with zeros to whole vectors (NHWC). A kernel
//! computes a range of output rows, so that the plan can walk several layers in step while their rows are still in the cache.

#![expect(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "sums stay in registers only while every index into them is known when the loop is unrolled"
)]

pub(super) mod dense;
pub(super) mod depthwise;
pub(super) mod plain;
pub(super) mod pointwise;

use super::level::Lanes;

/// What follows a sum before it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act<'a> {
    /// Nothing.
    None,
    /// The nearest value of a range.
    Clamp(f32, f32),
    /// `max(x, slope * x)` with a slope a channel, padded as the channels are.
    Slope(&'a [f32]),
}

/// Applies an activation to the vectors of one pixel; `slopes` are those of the same channels, empty without any.
#[inline(always)]
pub(super) fn activate<S: Lanes, const M: usize, const V: usize>(
    simd: S,
    act: Act<'_>,
    from: usize,
    acc: &mut [[S::f32s; V]; M],
) {
    match act {
        Act::None => {}
        Act::Clamp(least, most) => {
            let (least, most) = (simd.splat_f32s(least), simd.splat_f32s(most));
            for row in acc.iter_mut() {
                for value in row.iter_mut() {
                    *value = simd.min_f32s(simd.max_f32s(*value, least), most);
                }
            }
        }
        Act::Slope(slopes) => {
            let slopes = &S::as_simd_f32s(slopes).0[from..from + V];
            for v in 0..V {
                for row in acc.iter_mut() {
                    row[v] = simd.max_f32s(row[v], simd.mul_f32s(row[v], slopes[v]));
                }
            }
        }
    }
}
