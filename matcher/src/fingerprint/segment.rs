//! Tells the print from its background, a decision a cell.
//!
//! A smoothed gradient magnitude under one threshold, relative to the image's own, then morphology, is as good as trained
//! methods on FVC data (Thai, Huckemann and Gottschlich 2016; the gradient-magnitude method GMFS).

use std::collections::VecDeque;

use zeroize::Zeroize;

use super::params::SegmentParams;
use super::plane::{CELL_PX, Plane, fold, quantile};
use crate::simd;

/// The cells that belong to the print.
#[derive(Clone)]
pub(crate) struct Mask {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) inside: Vec<bool>,
}

impl Mask {
    pub(crate) fn has_cell(&self, column: usize, row: usize) -> bool {
        column < self.columns && row < self.rows && self.inside[row * self.columns + column]
    }

    pub(crate) fn has_pixel(&self, x: usize, y: usize) -> bool {
        self.has_cell(x / CELL_PX, y / CELL_PX)
    }

    /// Sets what lies outside to zero.
    pub(crate) fn clear_outside(&self, plane: &mut Plane) {
        let width = plane.width;
        for (y, row) in plane.values.chunks_exact_mut(width.max(1)).enumerate() {
            let cells = &self.inside[y / CELL_PX * self.columns..];
            for (run, inside) in row.chunks_mut(CELL_PX).zip(cells) {
                if !inside {
                    run.fill(0.0);
                }
            }
        }
    }

    pub(crate) fn cells(&self) -> usize {
        self.inside.iter().filter(|v| **v).count()
    }

    /// Distance from each cell to the nearest cell outside, pixels; the frame of the image is outside too.
    pub(crate) fn depth_px(&self) -> Plane {
        let mut depth = Plane::filled(self.columns, self.rows, 0.0);
        let far = (self.columns + self.rows) as f32;
        let read = |plane: &Plane, c: isize, r: isize| {
            if c < 0 || r < 0 || c >= self.columns as isize || r >= self.rows as isize {
                0.0
            } else {
                plane.at(c as usize, r as usize)
            }
        };
        // Chamfer distance in two passes; weights 1 and sqrt 2.
        let diagonal = std::f32::consts::SQRT_2;
        for pass in [1isize, -1] {
            for step in 0..self.rows * self.columns {
                let index = if pass == 1 {
                    step
                } else {
                    self.rows * self.columns - 1 - step
                };
                let (c, r) = (
                    (index % self.columns) as isize,
                    (index / self.columns) as isize,
                );
                if !self.inside[index] {
                    continue;
                }
                let own = if pass == 1 { far } else { depth.values[index] };
                let near = [
                    read(&depth, c - pass, r) + 1.0,
                    read(&depth, c, r - pass) + 1.0,
                    read(&depth, c - pass, r - pass) + diagonal,
                    read(&depth, c + pass, r - pass) + diagonal,
                ];
                depth.values[index] = near.into_iter().fold(own, f32::min);
            }
        }
        depth.map(|v| v * CELL_PX as f32)
    }
}

/// The print's cells of an image at 500 dpi (grey values 0 to 255).
pub(crate) fn segment(grey: &Plane, params: &SegmentParams) -> Mask {
    let strength = gradient_strength(grey).smooth(params.smooth_cells);
    let typical = quantile(&mut strength.values.clone(), params.typical_share);
    let threshold = (typical * params.share_of_typical).max(params.least_gradient);
    let mut mask = Mask {
        columns: strength.width,
        rows: strength.height,
        inside: strength.values.iter().map(|&v| v > threshold).collect(),
    };
    majority(&mut mask, params.majority_cells);
    keep_large(&mut mask, params.least_component);
    fill_holes(&mut mask);
    mask
}

/// Mean gradient magnitude a cell, grey levels a pixel.
fn gradient_strength(grey: &Plane) -> Plane {
    simd::dispatch(
        #[inline(always)]
        || gradient_strength_kernel(grey),
    )
}

#[inline(always)]
fn gradient_strength_kernel(grey: &Plane) -> Plane {
    let (width, height) = (grey.width, grey.height);
    let mut out = Plane::of_cells(width, height);
    if width < 3 || height < 3 {
        return out;
    }
    let mut sums = vec![0f32; width];
    for row in 0..out.height {
        let lines = (row * CELL_PX).max(1)..((row + 1) * CELL_PX).min(height - 1);
        sums.fill(0.0);
        for y in lines.clone() {
            let (above, here, below) = (grey.row(y - 1), grey.row(y), grey.row(y + 1));
            let across = here.iter().zip(&here[2..]);
            let down = above[1..].iter().zip(&below[1..]);
            for ((sum, (left, right)), (up, low)) in sums[1..].iter_mut().zip(across).zip(down) {
                let (gx, gy) = (right - left, low - up);
                *sum += 0.5 * (gx * gx + gy * gy).sqrt();
            }
        }
        let cells = &mut out.values[row * out.width..(row + 1) * out.width];
        fold(&sums, cells);
        for (column, cell) in cells.iter_mut().enumerate() {
            let first = (column * CELL_PX).max(1);
            let across = ((column + 1) * CELL_PX)
                .min(width - 1)
                .saturating_sub(first);
            *cell /= (across * lines.len()).max(1) as f32;
        }
    }
    sums.zeroize();
    out
}

fn majority(mask: &mut Mask, radius: usize) {
    let votes = Plane {
        width: mask.columns,
        height: mask.rows,
        values: mask
            .inside
            .iter()
            .map(|&v| f32::from(u8::from(v)))
            .collect(),
    };
    mask.inside = votes
        .box_mean(radius)
        .values
        .iter()
        .map(|&v| v > 0.5)
        .collect();
}

/// Drops components smaller than a share of the largest.
fn keep_large(mask: &mut Mask, least_share: f32) {
    let (labels, sizes) = components(mask, true);
    let largest = sizes.iter().copied().max().unwrap_or(0) as f32;
    for (inside, label) in mask.inside.iter_mut().zip(labels) {
        *inside = label.is_some_and(|l| sizes[l] as f32 >= largest * least_share);
    }
}

/// Background that does not reach the frame is inside.
fn fill_holes(mask: &mut Mask) {
    let (labels, sizes) = components(mask, false);
    let mut open = vec![false; sizes.len()];
    for row in 0..mask.rows {
        for column in 0..mask.columns {
            let at_frame =
                row == 0 || column == 0 || row + 1 == mask.rows || column + 1 == mask.columns;
            if let (true, Some(label)) = (at_frame, labels[row * mask.columns + column]) {
                open[label] = true;
            }
        }
    }
    for (inside, label) in mask.inside.iter_mut().zip(labels) {
        *inside |= label.is_some_and(|l| !open[l]);
    }
}

/// Components, joined by sides, of the cells whose state is `inside`: a label a cell, and the sizes.
fn components(mask: &Mask, inside: bool) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut labels = vec![None; mask.inside.len()];
    let mut sizes = Vec::new();
    let mut queue = VecDeque::new();
    for start in 0..labels.len() {
        if mask.inside[start] != inside || labels[start].is_some() {
            continue;
        }
        let label = sizes.len();
        sizes.push(0);
        labels[start] = Some(label);
        queue.push_back(start);
        while let Some(index) = queue.pop_front() {
            sizes[label] += 1;
            let (column, row) = (index % mask.columns, index / mask.columns);
            let mut visit = |next: usize| {
                if mask.inside[next] == inside && labels[next].is_none() {
                    labels[next] = Some(label);
                    queue.push_back(next);
                }
            };
            if column > 0 {
                visit(index - 1);
            }
            if column + 1 < mask.columns {
                visit(index + 1);
            }
            if row > 0 {
                visit(index - mask.columns);
            }
            if row + 1 < mask.rows {
                visit(index + mask.columns);
            }
        }
    }
    (labels, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;

    /// Ridges in a disc on white.
    fn disc() -> Plane {
        let mut grey = Plane::filled(200, 200, 255.0);
        for y in 0..200 {
            for x in 0..200 {
                let (dx, dy) = (x as f32 - 100.0, y as f32 - 100.0);
                if dx * dx + dy * dy < 70.0 * 70.0 {
                    grey.values[y * 200 + x] = 128.0 + 100.0 * (x as f32 * 0.7).sin();
                }
            }
        }
        grey
    }

    #[test]
    fn a_disc_of_ridges_is_found() {
        let mask = segment(&disc(), &Params::default().segment);
        assert!(mask.has_pixel(100, 100));
        assert!(!mask.has_pixel(5, 5));
        let expected = std::f32::consts::PI * 70.0 * 70.0 / (CELL_PX * CELL_PX) as f32;
        assert!(
            (mask.cells() as f32 / expected - 1.0).abs() < 0.35,
            "{} cells",
            mask.cells()
        );
    }

    #[test]
    fn a_flat_image_has_no_print() {
        let mask = segment(&Plane::filled(120, 90, 255.0), &Params::default().segment);
        assert_eq!(mask.cells(), 0);
    }

    #[test]
    fn depth_counts_from_the_edge() {
        let mask = Mask {
            columns: 9,
            rows: 9,
            inside: vec![true; 81],
        };
        let depth = mask.depth_px();
        assert_eq!((depth.at(0, 4), depth.at(4, 4)), (4.0, 20.0));
    }
}
