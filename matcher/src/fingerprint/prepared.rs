//! A template made ready to be compared many times: minutiae as columns, cylinders, and the orientation map as vectors.

use zeroize::Zeroize;

use super::mcc::{Cylinder, Points, cylinders};
use super::params::Params;
use super::template::Template;

/// A template ready for [`compare`](super::compare). Wiped when dropped.
pub struct Prepared {
    pub(crate) points: Points,
    pub(crate) cylinders: Vec<Cylinder>,
    pub(crate) map: VectorMap,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.cylinders.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl Prepared {
    /// Prepares a template; about a millisecond.
    #[must_use]
    pub fn new(template: &Template, params: &Params) -> Self {
        let minutiae = template.minutiae();
        let column = |f: &dyn Fn(usize) -> f32| (0..minutiae.len()).map(f).collect::<Vec<f32>>();
        let points = Points {
            x: column(&|i| minutiae[i].x_px()),
            y: column(&|i| minutiae[i].y_px()),
            angle: column(&|i| minutiae[i].angle()),
            cos: column(&|i| minutiae[i].angle().cos()),
            sin: column(&|i| minutiae[i].angle().sin()),
            weight: column(&|i| {
                (f32::from(minutiae[i].quality()) / 100.0 / params.pair.full_quality).min(1.0)
            }),
        };
        let map = VectorMap::new(template);
        let cylinders = cylinders(
            &points,
            |x, y| map.is_near_print(x, y, params.mcc.margin_px),
            &params.mcc,
        );
        Self {
            points,
            cylinders,
            map,
        }
    }
}

/// Ridge orientation a cell as a doubled-angle unit vector; zero outside the print.
pub(crate) struct VectorMap {
    pub(crate) cell_px: f32,
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
            columns,
            rows,
            cos2: part(f32::cos),
            sin2: part(f32::sin),
        }
    }

    /// The cell of a place, when it is on the print.
    pub(crate) fn cell(&self, x: f32, y: f32) -> Option<usize> {
        let (column, row) = ((x / self.cell_px).floor(), (y / self.cell_px).floor());
        if column < 0.0 || row < 0.0 || column >= self.columns as f32 || row >= self.rows as f32 {
            return None;
        }
        let index = row as usize * self.columns + column as usize;
        (self.cos2[index] != 0.0 || self.sin2[index] != 0.0).then_some(index)
    }

    /// Whether the print lies within `margin_px` of a place, tried in eight directions.
    fn is_near_print(&self, x: f32, y: f32, margin_px: f32) -> bool {
        self.cell(x, y).is_some()
            || (0..8).any(|k| {
                let (sin, cos) = (std::f32::consts::FRAC_PI_4 * k as f32).sin_cos();
                self.cell(x + margin_px * cos, y + margin_px * sin)
                    .is_some()
            })
    }
}

/// An order of prints that depends on nothing else, so that a comparison is the same both ways.
pub(crate) fn comes_first(a: &Prepared, b: &Prepared) -> bool {
    let count = a.points.len().cmp(&b.points.len());
    count.then_with(|| places(a).cmp(places(b))).is_lt()
}

fn places(print: &Prepared) -> impl Iterator<Item = (u32, u32)> {
    print
        .points
        .x
        .iter()
        .zip(&print.points.y)
        .map(|(x, y)| (x.to_bits(), y.to_bits()))
}
