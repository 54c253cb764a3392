//! How good a print is, a cell at a time and as a whole.
//!
//! Ridges are clear where the orientation is certain and where the tuned filter keeps most of what was there: the orientation certainty
//! and local clarity of ISO/IEC 29794-4, without its trained forest.

use zeroize::Zeroize;

use super::orientation::Orientation;
use super::params::QualityParams;
use super::plane::{CELL_PX, Plane, fold};
use super::segment::Mask;
use crate::simd;

/// Quality of each cell, 0 to 1.
pub(crate) fn quality(
    image: &Plane,
    response: &Plane,
    field: &Orientation,
    mask: &Mask,
    params: &QualityParams,
) -> Plane {
    let power = |plane: &Plane| power(plane).smooth(params.smooth_cells);
    let kept = power(response).zip(&power(image), |kept, all| (kept / all.max(1e-6)).sqrt());
    let mut out = kept.zip(&field.coherence, |kept, coherence| {
        (kept / params.full_response).min(1.0) * coherence
    });
    for (value, &inside) in out.values.iter_mut().zip(&mask.inside) {
        *value = if inside { *value } else { 0.0 };
    }
    out
}

/// Sum of the squares in each cell.
fn power(plane: &Plane) -> Plane {
    simd::dispatch(
        #[inline(always)]
        || {
            let mut sums = Plane::of_cells(plane.width, plane.height);
            let mut squares = vec![0f32; plane.width];
            for y in 0..plane.height {
                for (square, v) in squares.iter_mut().zip(plane.row(y)) {
                    *square = v * v;
                }
                let first = y / CELL_PX * sums.width;
                let last = first + sums.width;
                fold(&squares, &mut sums.values[first..last]);
            }
            squares.zeroize();
            sums
        },
    )
}

/// Quality of the whole print, 0 to 100: clear area, its share of the print, and minutiae enough to compare.
pub(crate) fn overall(cells: &Plane, mask: &Mask, minutiae: usize, params: &QualityParams) -> u8 {
    let total: f32 = cells.values.iter().sum();
    let clarity = total / (mask.cells().max(1)) as f32;
    let area = (total * (CELL_PX * CELL_PX) as f32 / params.full_area_px).min(1.0);
    let count = (minutiae as f32 / params.full_minutiae).min(1.0);
    (100.0 * (clarity * area.sqrt() * count.sqrt()).clamp(0.0, 1.0)).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::orientation::orientation;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::synthetic;

    #[test]
    fn clear_ridges_are_better_than_what_the_filter_removed() {
        let params = Params::default();
        let plane = synthetic::ridges(160, 160, 0.5, 9.0);
        let mask = Mask {
            columns: 40,
            rows: 40,
            inside: vec![true; 1600],
        };
        let field = orientation(&plane, &mask, &params.orientation);
        let clear = quality(&plane, &plane, &field, &mask, &params.quality);
        let faint = quality(
            &plane,
            &plane.map(|v| v * 0.1),
            &field,
            &mask,
            &params.quality,
        );
        assert!(clear.at(20, 20) > 0.9 && faint.at(20, 20) < 0.3);
        let whole = |cells, minutiae| overall(cells, &mask, minutiae, &params.quality);
        assert!(whole(&clear, 40) > whole(&clear, 8) && whole(&clear, 40) > whole(&faint, 40));
        let nothing = Mask {
            columns: 40,
            rows: 40,
            inside: vec![false; 1600],
        };
        assert_eq!(
            overall(
                &quality(&plane, &plane, &field, &nothing, &params.quality),
                &nothing,
                0,
                &params.quality
            ),
            0
        );
    }
}
