//! A row-major plane of numbers, at pixel or at cell resolution, and the smoothing that every stage uses.
//!
//! x is right, y is down. A plane holds what was derived from a biometric sample, so it is wiped when dropped.

use zeroize::Zeroize;

use crate::simd;

/// Side of a cell, pixels at 500 dpi: mask, orientation, ridge period and quality are kept at this resolution.
pub(crate) const CELL_PX: usize = 4;

/// A rectangle of numbers.
#[derive(Clone)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl Plane {
    pub(crate) fn filled(width: usize, height: usize, value: f32) -> Self {
        Self {
            width,
            height,
            values: vec![value; width * height],
        }
    }

    /// A plane of the cells which cover `width` x `height` pixels.
    pub(crate) fn of_cells(width: usize, height: usize) -> Self {
        Self::filled(width.div_ceil(CELL_PX), height.div_ceil(CELL_PX), 0.0)
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// The value nearest to a place, which may lie outside.
    pub(crate) fn nearest(&self, x: f32, y: f32) -> f32 {
        let clamp = |v: f32, n: usize| (v.round().max(0.0) as usize).min(n - 1);
        self.at(clamp(x, self.width), clamp(y, self.height))
    }

    /// The value of the cell that holds a pixel.
    pub(crate) fn of_pixel(&self, x: usize, y: usize) -> f32 {
        self.at(
            (x / CELL_PX).min(self.width - 1),
            (y / CELL_PX).min(self.height - 1),
        )
    }

    pub(crate) fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width..(y + 1) * self.width]
    }

    pub(crate) fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self {
            width: self.width,
            height: self.height,
            values: self.values.iter().map(|&v| f(v)).collect(),
        }
    }

    pub(crate) fn zip(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self {
            width: self.width,
            height: self.height,
            values: self
                .values
                .iter()
                .zip(&other.values)
                .map(|(&a, &b)| f(a, b))
                .collect(),
        }
    }

    /// Mean over a square of `2 * radius + 1`, cut at the border.
    pub(crate) fn box_mean(&self, radius: usize) -> Self {
        simd::dispatch(
            #[inline(always)]
            || self.box_mean_kernel(radius),
        )
    }

    /// A running sum down the columns, then shifted sums along the rows: both run over whole rows, which vectorises.
    #[inline(always)]
    fn box_mean_kernel(&self, radius: usize) -> Self {
        let (width, height) = (self.width, self.height);
        let mut out = Self::filled(width, height, 0.0);
        // The sums of the current row, with zeros beyond both ends.
        let mut sums = vec![0f32; width + 2 * radius];
        let share_x: Vec<f32> = (0..width)
            .map(|x| 1.0 / ((x + radius + 1).min(width) - x.saturating_sub(radius)) as f32)
            .collect();
        for y in 0..radius.min(height) {
            add(&mut sums[radius..radius + width], self.row(y), 1.0);
        }
        for y in 0..height {
            if y + radius < height {
                add(&mut sums[radius..radius + width], self.row(y + radius), 1.0);
            }
            if y > radius {
                add(
                    &mut sums[radius..radius + width],
                    self.row(y - radius - 1),
                    -1.0,
                );
            }
            let share_y = 1.0 / ((y + radius + 1).min(height) - y.saturating_sub(radius)) as f32;
            let row = &mut out.values[y * width..(y + 1) * width];
            for shift in 0..=2 * radius {
                add(row, &sums[shift..shift + width], 1.0);
            }
            for (value, share_x) in row.iter_mut().zip(&share_x) {
                *value *= share_x * share_y;
            }
        }
        sums.zeroize();
        out
    }

    /// Two box means, close to a Gaussian of standard deviation `sqrt(2 (radius² + radius) / 3)`.
    pub(crate) fn smooth(&self, radius: usize) -> Self {
        self.box_mean(radius).box_mean(radius)
    }
}

#[inline(always)]
fn add(sums: &mut [f32], row: &[f32], sign: f32) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += sign * value;
    }
}

/// Width of a [`framed`] plane's frame, pixels: as far as any window or line reaches from its middle.
pub(crate) const FRAME_PX: usize = 26;

/// A copy with a frame of [`FRAME_PX`] zeros on every side.
pub(crate) fn framed(plane: &Plane) -> Plane {
    let mut out = Plane::filled(plane.width + 2 * FRAME_PX, plane.height + 2 * FRAME_PX, 0.0);
    for y in 0..plane.height {
        let start = (y + FRAME_PX) * out.width + FRAME_PX;
        out.values[start..start + plane.width].copy_from_slice(plane.row(y));
    }
    out
}

/// Adds the values of a row of pixels to the cells that they lie in.
#[inline(always)]
pub(crate) fn fold(row: &[f32], cells: &mut [f32]) {
    let (runs, rest) = row.as_chunks::<CELL_PX>();
    for (cell, run) in cells.iter_mut().zip(runs) {
        *cell += (run[0] + run[1]) + (run[2] + run[3]);
    }
    if let Some(last) = cells.get_mut(runs.len()) {
        *last += rest.iter().sum::<f32>();
    }
}

/// The value below which `share` of the values lie; 0 when there are none.
pub(crate) fn quantile(values: &mut [f32], share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = ((values.len() - 1) as f32 * share) as usize;
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_running_mean_agrees_with_the_plain_one(
            width in 1usize..12, height in 1usize..12, radius in 0usize..6, seed in prop::collection::vec(-1f32..1.0, 144),
        ) {
            let plane = Plane { width, height, values: seed[..width * height].to_vec() };
            let fast = plane.box_mean(radius);
            for y in 0..height {
                for x in 0..width {
                    let (mut sum, mut count) = (0.0, 0.0);
                    for j in y.saturating_sub(radius)..(y + radius + 1).min(height) {
                        for i in x.saturating_sub(radius)..(x + radius + 1).min(width) {
                            sum += plane.at(i, j);
                            count += 1.0;
                        }
                    }
                    prop_assert!((fast.at(x, y) - sum / count).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn a_quantile_is_a_value_of_the_list() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
