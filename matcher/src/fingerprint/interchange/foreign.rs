//! A view of a record as a template that compares like one of ours.
//!
//! Places go to 500 dpi. The orientation map, which a record lacks, covers the hull of the minutiae, grown a little, and each cell
//! has the orientation of the minutiae around it: they run along the ridges.

use super::{InterchangeError, Point, PointKind, View};
use crate::fingerprint::template::{
    Kind, MOST_CELLS, MOST_MINUTIAE, Minutia, NO_RIDGES, OrientationMap, Template, orientation_byte,
};

/// 500 dpi as a record states it (ISO/IEC 19794-2:2005 §7.3.7 counts whole pixels a centimetre).
pub(super) const PIXELS_PER_CM_500_DPI: u16 = 197;
const CM_PER_INCH: f32 = 2.54;
const STANDARD_DPI: f32 = 500.0;
/// Resolutions are multiples of this; a record's rounding moves them by up to the tolerance.
const USUAL_DPI: f32 = 250.0;
const DPI_TOLERANCE: f32 = 2.6;
/// Resolutions that a record may have, pixels a centimetre (the units of cards among them).
const PIXELS_PER_CM: std::ops::RangeInclusive<f32> = 39.0..=1_600.0;

/// Fewest minutiae of a view that becomes a template: with fewer nothing can be compared.
const LEAST_MINUTIAE: usize = 4;
/// Farthest place, pixels at 500 dpi: what a template's eighths hold.
const FARTHEST_PX: f32 = 8_000.0;

/// Trust in a minutia whose quality was not reported: on 320 records without qualities, 0.7 and 0.9 are as good as each other at low
/// rates, and 0.9 has the lower EER among foreign records (2.8 against 3.2 %).
const QUALITY_NOT_REPORTED: f32 = 0.9;
/// How far the print reaches beyond its outermost minutiae, pixels.
const MARGIN_PX: f32 = 16.0;
/// How far a minutia speaks for the ridges around it (standard deviation), pixels.
const INFLUENCE_PX: f32 = 24.0;
/// Side of a cell of the map, pixels: the least, and the step to the next.
const CELL_PX: usize = 16;
const MOST_CELL_PX: usize = 240;

impl View {
    /// This view as a template.
    ///
    /// # Errors
    /// [`InterchangeError`] when it has too few minutiae, no usable resolution, or a place beyond any sensor's.
    pub fn to_template(&self) -> Result<Template, InterchangeError> {
        if self.points.len() < LEAST_MINUTIAE {
            return Err(InterchangeError::TooFewMinutiae {
                found: self.points.len(),
                least: LEAST_MINUTIAE,
            });
        }
        let (x_scale, y_scale) = (scale(self.pixels_per_cm.0)?, scale(self.pixels_per_cm.1)?);
        let mut points: Vec<Point> = self
            .points
            .iter()
            .map(|p| {
                let (sin, cos) = p.angle.sin_cos();
                // Where the two resolutions differ, directions turn with the places.
                let angle = f32::atan2(sin * y_scale, cos * x_scale);
                let (x, y) = along((p.x * x_scale, p.y * y_scale), angle, ahead_px(p.kind));
                Point { x, y, angle, ..*p }
            })
            .collect();
        if points.iter().any(|p| p.x.max(p.y) > FARTHEST_PX) {
            return Err(InterchangeError::OutOfRange);
        }
        // Best first, as ours are; where qualities are equal, the record's order stays.
        points.sort_by_key(|p| std::cmp::Reverse(p.quality));
        points.truncate(MOST_MINUTIAE);
        let minutiae = points.iter().map(minutia).collect();
        Ok(Template {
            quality: self.quality.unwrap_or_default(),
            minutiae,
            map: map(&points),
        })
    }
}

/// How far ahead of ours a record's minutia lies, against its direction, pixels.
///
/// Ours is the end of the line; the standards want the fork of the lines between which it ends (ISO/IEC 19794-2:2005 §6.3). On the
/// same 320 development images, those of one maker lay 1.4 to 3.1 px ahead (ridge endings) and 3.6 to 5.7 px (bifurcations), and
/// on nine other images those of another maker 2.0 px, both kinds: these are the middles.
pub(super) fn ahead_px(kind: PointKind) -> f32 {
    match kind {
        PointKind::Ending | PointKind::Other => 2.0,
        PointKind::Bifurcation => 3.5,
    }
}

/// A place moved along a direction, y down; never off the left or the top.
pub(super) fn along((x, y): (f32, f32), angle: f32, px: f32) -> (f32, f32) {
    let (sin, cos) = angle.sin_cos();
    ((x + px * cos).max(0.0), (y - px * sin).max(0.0))
}

/// From a record's pixels to pixels at 500 dpi.
fn scale(pixels_per_cm: f32) -> Result<f32, InterchangeError> {
    if !PIXELS_PER_CM.contains(&pixels_per_cm) {
        return Err(InterchangeError::OutOfRange);
    }
    let stated = pixels_per_cm * CM_PER_INCH;
    let usual = (stated / USUAL_DPI).round() * USUAL_DPI;
    let dpi = if (stated - usual).abs() <= DPI_TOLERANCE {
        usual
    } else {
        stated
    };
    Ok(STANDARD_DPI / dpi)
}

fn minutia(point: &Point) -> Minutia {
    let kind = match point.kind {
        PointKind::Ending | PointKind::Other => Kind::Ending,
        PointKind::Bifurcation => Kind::Bifurcation,
    };
    let quality = point
        .quality
        .map_or(QUALITY_NOT_REPORTED, |q| f32::from(q) / 100.0);
    Minutia::new(point.x, point.y, point.angle, kind, quality)
}

/// The orientation map that the minutiae suggest.
fn map(points: &[Point]) -> OrientationMap {
    let hull = Hull::around(points);
    let far = |of: fn(&Point) -> f32| points.iter().map(of).fold(0.0, f32::max) + MARGIN_PX;
    let (right, bottom) = (far(|p| p.x), far(|p| p.y));
    let cells = |length: f32, cell: usize| (length / cell as f32).ceil().max(1.0) as usize;
    let fits = |cell: &usize| {
        let (columns, rows) = (cells(right, *cell), cells(bottom, *cell));
        columns.max(rows) <= usize::from(u8::MAX) && columns * rows <= MOST_CELLS
    };
    let cell = (CELL_PX..=MOST_CELL_PX)
        .step_by(CELL_PX)
        .find(fits)
        .unwrap_or(MOST_CELL_PX);
    let (columns, rows) = (cells(right, cell), cells(bottom, cell));
    let cell_at = |index: usize| {
        let middle = |i: usize| (i as f32 + 0.5) * cell as f32;
        let (x, y) = (middle(index % columns), middle(index / columns));
        if !hull.is_within(x, y, MARGIN_PX) {
            return NO_RIDGES;
        }
        let (mut cos2, mut sin2) = (0.0, 0.0);
        for p in points {
            let square = (p.x - x).powi(2) + (p.y - y).powi(2);
            // A long tail, so that no cell is without an answer.
            let weight = 1.0 / (1.0 + square / (INFLUENCE_PX * INFLUENCE_PX)).powi(2);
            cos2 += weight * (2.0 * p.angle).cos();
            sin2 += weight * (2.0 * p.angle).sin();
        }
        orientation_byte(0.5 * f32::atan2(sin2, cos2))
    };
    OrientationMap {
        cell_px: cell as u8,
        columns: columns as u8,
        rows: rows as u8,
        cells: (0..columns * rows).map(cell_at).collect(),
    }
}

/// The convex hull of places, counter-clockwise as seen with y up.
struct Hull {
    corners: Vec<(f32, f32)>,
}

impl Hull {
    /// Andrew's monotone chain.
    fn around(points: &[Point]) -> Self {
        let mut places: Vec<(f32, f32)> = points.iter().map(|p| (p.x, p.y)).collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        places.dedup();
        let turn = |a: (f32, f32), b: (f32, f32), c: (f32, f32)| {
            (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
        };
        let only = places.first().copied();
        let mut corners: Vec<(f32, f32)> = Vec::new();
        let backwards: Vec<(f32, f32)> = places.iter().rev().copied().collect();
        for chain in [places, backwards] {
            let from = corners.len();
            for place in chain {
                while corners.len() >= from + 2
                    && turn(
                        corners[corners.len() - 2],
                        corners[corners.len() - 1],
                        place,
                    ) <= 0.0
                {
                    corners.pop();
                }
                corners.push(place);
            }
            corners.pop();
        }
        if corners.is_empty() {
            // All in one place.
            corners.extend(only);
        }
        Self { corners }
    }

    /// Whether a place is in the hull or at most `margin` from one of its sides.
    fn is_within(&self, x: f32, y: f32, margin: f32) -> bool {
        let count = self.corners.len();
        let sides = || (0..count).map(|i| (self.corners[i], self.corners[(i + 1) % count]));
        let is_left = |(a, b): ((f32, f32), (f32, f32))| {
            (b.0 - a.0) * (y - a.1) - (b.1 - a.1) * (x - a.0) >= 0.0
        };
        let is_near = |(a, b): ((f32, f32), (f32, f32))| {
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let along = ((x - a.0) * dx + (y - a.1) * dy) / (dx * dx + dy * dy).max(1e-9);
            let along = along.clamp(0.0, 1.0);
            (x - a.0 - along * dx).hypot(y - a.1 - along * dy) <= margin
        };
        (count > 2 && sides().all(is_left)) || sides().any(is_near)
    }
}
