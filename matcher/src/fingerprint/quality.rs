//! How good a print is, a cell at a time and as a whole.
//!
//! Ridges are clear where the orientation is certain and where the tuned filter keeps most of what was there: the orientation certainty
//! and local clarity of ISO/IEC 29794-4, without its trained forest.

mod guidance;
mod measure;

pub use guidance::Guidance;
pub(crate) use guidance::guidance;
pub use measure::Measures;
pub(crate) use measure::Stages;

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

/// Quality of the whole print, 0 to 100; 0 is what shows no print at all.
///
/// Linear in the print's share of the log-odds that it matches at a strict threshold. That, and how like a print it is, are sums of a few
/// measures, with weights fitted by logistic regression; see [`QualityParams`] for where they come from.
pub(crate) fn overall(measures: &Measures, params: &QualityParams) -> u8 {
    if likeness(measures, params) < 0.0 {
        return 0;
    }
    let minutiae = measures.minutiae.min(params.most_minutiae) + 1.0;
    let utility =
        params.bias + params.periodic * measures.periodic + params.minutiae * minutiae.ln();
    let (none, full) = params.utility_range;
    let grade = ((utility - none) / (full - none)).clamp(0.0, 1.0);
    // Little of a finger may be matched, but never by much.
    let area = (measures.clear_area / params.full_area).min(1.0);
    ((100.0 * grade * area).round() as u8).clamp(1, 100)
}

/// How like a fingerprint it is at all: below 0 it is a photograph or a texture.
fn likeness(m: &Measures, params: &QualityParams) -> f32 {
    let [
        unsteady,
        flow,
        clarity,
        periodic,
        certainty,
        unclear,
        density,
        bias,
    ] = params.likeness;
    bias + unsteady * (1.0 - m.steadiness).max(1e-4).ln()
        + flow * m.flow
        + clarity * m.clarity
        + periodic * (m.periodic + 0.02).ln()
        + certainty * m.certainty
        + unclear * m.unclear
        + density * (m.minutiae.max(1.0) / m.area.max(0.1)).ln()
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
    }

    /// Numbers of a clear print.
    fn clear() -> Measures {
        Measures {
            area: 70.0,
            clear_area: 63.0,
            clarity: 0.9,
            certainty: 0.65,
            steadiness: 0.993,
            flow: 0.9,
            periodic: 0.9,
            minutiae: 40.0,
            contrast: 0.4,
            dark_share: 0.46,
            sharpness: 1.2,
            ..Measures::default()
        }
    }

    #[test]
    fn quality_falls_with_what_makes_a_match_unlikely() {
        let params = Params::default().quality;
        let of = |change: fn(&mut Measures)| {
            let mut measures = clear();
            change(&mut measures);
            overall(&measures, &params)
        };
        assert!(of(|_| ()) > 80);
        assert!(of(|m| m.minutiae = 8.0) < of(|_| ()));
        assert!(of(|m| m.periodic = 0.4) < of(|_| ()));
        assert!(of(|m| m.clear_area = 10.0) < of(|_| ()));
        // As a face measures: no steady flow and hardly a ridge.
        let face = |m: &mut Measures| {
            *m = Measures {
                clarity: 0.5,
                certainty: 0.5,
                steadiness: 0.94,
                flow: 0.55,
                periodic: 0.07,
                ..*m
            };
        };
        assert_eq!(of(face), 0);
        assert_eq!(overall(&Measures::default(), &params), 0);
    }

    #[test]
    fn guidance_names_what_is_wrong_with_a_print() {
        let params = Params::default().quality.guidance;
        let of = |change: fn(&mut Measures)| {
            let mut measures = clear();
            change(&mut measures);
            guidance(&measures, &params)
        };
        assert_eq!(of(|_| ()), None);
        assert_eq!(of(|m| m.dark_share = 0.3), Some(Guidance::TooDry));
        assert_eq!(of(|m| m.dark_share = 0.6), Some(Guidance::TooWet));
        assert_eq!(of(|m| m.sharpness = 0.8), Some(Guidance::HoldStill));
        assert_eq!(of(|m| m.contrast = 0.05), Some(Guidance::PressHarder));
        assert_eq!(of(|m| m.area = 15.0), Some(Guidance::PressHarder));
        let aside = of(|m| (m.area, m.off_centre) = (15.0, 0.5));
        assert_eq!(aside, Some(Guidance::MoveToCentre));
    }
}
