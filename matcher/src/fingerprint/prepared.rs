//! A template made ready to be compared many times: minutiae as columns, cylinders, and the orientation map as vectors.

use zeroize::Zeroize;

use super::mcc::{Cylinders, Points};
use super::params::Params;
use super::template::Template;

/// A template ready for [`compare`](super::compare). Wiped when dropped.
pub struct Prepared {
    pub(crate) points: Points,
    pub(crate) cylinders: Cylinders,
    pub(crate) map: VectorMap,
}

impl Prepared {
    /// Prepares a template; a fraction of a millisecond.
    #[must_use]
    pub fn new(template: &Template, params: &Params) -> Self {
        let minutiae = template.minutiae().iter();
        let points = Points::new(minutiae.map(|m| {
            let trust = f32::from(m.quality()) / 100.0 / params.pair.full_quality;
            (m.x_px(), m.y_px(), m.angle(), trust.min(1.0))
        }));
        let map = VectorMap::new(template);
        let near = map.near_print(params.mcc.margin_px);
        let on_print = |x: f32, y: f32| near.has(x, y);
        let cylinders = Cylinders::new(&points, on_print, &params.mcc);
        Self {
            points,
            cylinders,
            map,
        }
    }
}

#[cfg(test)]
impl Prepared {
    /// Minutiae alone, on a print without ridges.
    pub(crate) fn bare(points: Points, params: &Params) -> Self {
        Self {
            cylinders: Cylinders::new(&points, |_, _| true, &params.mcc),
            map: VectorMap {
                cell_px: 16.0,
                cells_a_px: 1.0 / 16.0,
                columns: 1,
                rows: 1,
                cos2: vec![0.0],
                sin2: vec![0.0],
            },
            points,
        }
    }
}

/// Ridge orientation a cell as a doubled-angle unit vector; zero outside the print.
pub(crate) struct VectorMap {
    pub(crate) cell_px: f32,
    cells_a_px: f32,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) cos2: Vec<f32>,
    pub(crate) sin2: Vec<f32>,
}

impl Drop for VectorMap {
    fn drop(&mut self) {
        self.cos2.zeroize();
        self.sin2.zeroize();
    }
}

impl VectorMap {
    fn new(template: &Template) -> Self {
        let map = &template.map;
        let (columns, rows) = (usize::from(map.columns), usize::from(map.rows));
        let part = |f: fn(f32) -> f32| {
            (0..columns * rows)
                .map(|i| {
                    map.angle(i % columns, i / columns)
                        .map_or(0.0, |angle| f(2.0 * angle))
                })
                .collect()
        };
        Self {
            cell_px: f32::from(map.cell_px),
            cells_a_px: 1.0 / f32::from(map.cell_px),
            columns,
            rows,
            cos2: part(f32::cos),
            sin2: part(f32::sin),
        }
    }

    /// The cell of a place, when it is on the print.
    #[inline(always)]
    pub(crate) fn cell(&self, x: f32, y: f32) -> Option<usize> {
        let (column, row) = (x * self.cells_a_px, y * self.cells_a_px);
        if !(column >= 0.0 && row >= 0.0) {
            return None;
        }
        let (column, row) = (column as u32 as usize, row as u32 as usize);
        if column >= self.columns || row >= self.rows {
            return None;
        }
        let index = row * self.columns + column;
        (self.cos2[index] != 0.0 || self.sin2[index] != 0.0).then_some(index)
    }

    /// The places that lie within `margin_px` of the print, tried in eight directions.
    fn near_print(&self, margin_px: f32) -> Near {
        let frame = (margin_px / NEAR_PX).ceil() as usize + 1;
        let size =
            |cells: usize| (cells as f32 * self.cell_px / NEAR_PX).ceil() as usize + 2 * frame;
        let (columns, rows) = (size(self.columns), size(self.rows));
        let steps: Vec<(f32, f32)> = (0..8)
            .map(|k| (std::f32::consts::FRAC_PI_4 * k as f32).sin_cos())
            .map(|(sin, cos)| (margin_px * cos, margin_px * sin))
            .chain([(0.0, 0.0)])
            .collect();
        let is_near = |index: usize| {
            let place = |cell: usize| (cell as f32 - frame as f32 + 0.5) * NEAR_PX;
            let (x, y) = (place(index % columns), place(index / columns));
            steps
                .iter()
                .any(|(dx, dy)| self.cell(x + dx, y + dy).is_some())
        };
        Near {
            frame,
            columns,
            inside: (0..columns * rows).map(is_near).collect(),
        }
    }
}

/// Side of the squares that [`Near`] knows, px.
const NEAR_PX: f32 = 8.0;

/// The squares that lie near a print.
struct Near {
    frame: usize,
    columns: usize,
    inside: Vec<bool>,
}

impl Near {
    fn has(&self, x: f32, y: f32) -> bool {
        let square = |v: f32| (v / NEAR_PX + self.frame as f32).floor();
        let (column, row) = (square(x), square(y));
        let is_inside = column >= 0.0 && row >= 0.0 && column < self.columns as f32;
        let index = row.max(0.0) as usize * self.columns + column.max(0.0) as usize;
        is_inside && self.inside.get(index) == Some(&true)
    }
}

/// Two prints in an order that depends on nothing else, so that a comparison is the same both ways.
pub(crate) fn in_order<'a>(a: &'a Prepared, b: &'a Prepared) -> (&'a Prepared, &'a Prepared) {
    let count = b.points.len().cmp(&a.points.len());
    if count.then_with(|| places(b).cmp(places(a))).is_lt() {
        (b, a)
    } else {
        (a, b)
    }
}

fn places(print: &Prepared) -> impl Iterator<Item = (u32, u32)> {
    let print = &print.points;
    print
        .x
        .iter()
        .zip(&print.y)
        .map(|(x, y)| (x.to_bits(), y.to_bits()))
}
