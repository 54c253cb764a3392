//! How good a print is, a cell at a time and as a whole.
//!
//! Ridges are clear where the orientation is certain and where the tuned filter keeps most of what was there: the orientation certainty
//! and local clarity of ISO/IEC 29794-4, without its trained forest.

use super::orientation::Orientation;
use super::params::QualityParams;
use super::plane::{CELL_PX, Plane};
use super::segment::Mask;

/// Quality of each cell, 0 to 1.
pub(crate) fn quality(
    image: &Plane,
    response: &Plane,
    field: &Orientation,
    mask: &Mask,
    params: &QualityParams,
) -> Plane {
    let power = |plane: &Plane| {
        let mut sums = Plane::of_cells(plane.width, plane.height);
        for y in 0..plane.height {
            for (x, v) in plane.row(y).iter().enumerate() {
                sums.values[(y / CELL_PX) * mask.columns + x / CELL_PX] += v * v;
            }
        }
        sums.smooth(params.smooth_cells)
    };
    let kept = power(response).zip(&power(image), |kept, all| (kept / all.max(1e-6)).sqrt());
    let mut out = kept.zip(&field.coherence, |kept, coherence| {
        (kept / params.full_response).min(1.0) * coherence
    });
    for (value, &inside) in out.values.iter_mut().zip(&mask.inside) {
        *value = if inside { *value } else { 0.0 };
    }
    out
}

/// Quality of the whole print, 0 to 100: clear area, its share of the print, and minutiae enough to compare.
pub(crate) fn overall(cells: &Plane, mask: &Mask, minutiae: usize, params: &QualityParams) -> u8 {
    let total: f32 = cells.values.iter().sum();
    let clarity = total / (mask.cells().max(1)) as f32;
    let area = (total * (CELL_PX * CELL_PX) as f32 / params.full_area_px).min(1.0);
    let count = (minutiae as f32 / params.full_minutiae).min(1.0);
    (100.0 * (clarity * area.sqrt() * count.sqrt()).clamp(0.0, 1.0)).round() as u8
}
