//! What a flat thing can do between two views: a homography, fitted to points.
//!
//! The direct linear transform on normalised points (Hartley 1997), with the last element fixed at 1: the
//! plane's horizon never runs through a face.

use super::super::face::geometry::Point;

/// The residual of each point of `to` after the homography from `from` that explains most, by least
/// squares; `None` when the points do not fix one.
pub(super) fn residuals(from: &[Point], to: &[Point]) -> Option<Vec<Point>> {
    let (source, _, _) = normalised(from)?;
    let (target, _, scale) = normalised(to)?;
    let mut normal = [[0.0; 9]; 8];
    for (p, q) in source.iter().zip(&target) {
        let rows = [
            ([p.x, p.y, 1.0, 0.0, 0.0, 0.0, -q.x * p.x, -q.x * p.y], q.x),
            ([0.0, 0.0, 0.0, p.x, p.y, 1.0, -q.y * p.x, -q.y * p.y], q.y),
        ];
        for (row, value) in rows {
            for (i, line) in normal.iter_mut().enumerate() {
                for (j, cell) in line.iter_mut().take(8).enumerate() {
                    *cell += row[i] * row[j];
                }
                line[8] += row[i] * value;
            }
        }
    }
    let h = solve(normal)?;
    let residuals = source
        .iter()
        .zip(&target)
        .map(|(p, q)| {
            let w = h[6] * p.x + h[7] * p.y + 1.0;
            Point {
                x: (q.x - (h[0] * p.x + h[1] * p.y + h[2]) / w) * scale,
                y: (q.y - (h[3] * p.x + h[4] * p.y + h[5]) / w) * scale,
            }
        })
        .collect::<Vec<_>>();
    residuals
        .iter()
        .all(|r| r.x.is_finite() && r.y.is_finite())
        .then_some(residuals)
}

/// The points about their centroid at unit mean distance; and the centroid and the scale.
fn normalised(points: &[Point]) -> Option<(Vec<Point>, Point, f64)> {
    let n = points.len() as f64;
    let centre = Point {
        x: points.iter().map(|p| p.x).sum::<f64>() / n,
        y: points.iter().map(|p| p.y).sum::<f64>() / n,
    };
    let scale = points.iter().map(|p| p.distance(centre)).sum::<f64>() / n;
    (scale.is_finite() && scale > 0.0).then(|| {
        let moved = points.iter().map(|p| Point {
            x: (p.x - centre.x) / scale,
            y: (p.y - centre.y) / scale,
        });
        (moved.collect(), centre, scale)
    })
}

/// Gaussian elimination with pivots; `None` for a singular system.
fn solve(mut a: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let pivot =
            (column..8).max_by(|i, j| a[*i][column].abs().total_cmp(&a[*j][column].abs()))?;
        a.swap(column, pivot);
        let divisor = a[column][column];
        if divisor.abs() < 1e-9 || !divisor.is_finite() {
            return None;
        }
        let top = a[column];
        for (row, line) in a.iter_mut().enumerate() {
            if row != column {
                let times = line[column] / divisor;
                for (cell, t) in line.iter_mut().zip(top) {
                    *cell -= times * t;
                }
            }
        }
    }
    Some(std::array::from_fn(|i| a[i][8] / a[i][i]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(depth: impl Fn(f64, f64) -> f64, yaw: f64) -> Vec<Point> {
        (0..25)
            .map(|i| {
                let (x, y) = (f64::from(i % 5) - 2.0, f64::from(i / 5) - 2.0);
                let z = depth(x, y);
                let (x, z) = (x * yaw.cos() + z * yaw.sin(), z * yaw.cos() - x * yaw.sin());
                Point {
                    x: 300.0 + 400.0 * x / (12.0 - z),
                    y: 200.0 + 400.0 * y / (12.0 - z),
                }
            })
            .collect()
    }

    fn size(residuals: &[Point]) -> f64 {
        residuals.iter().map(|r| r.x.hypot(r.y)).sum::<f64>() / residuals.len() as f64
    }

    proptest! {
        #[test]
        fn a_turned_plane_is_explained_and_a_turned_bump_is_not(yaw in 0.2..0.6f64, slope in -0.3..0.3f64) {
            let flat = |x: f64, _: f64| slope * x;
            let flat = residuals(&grid(flat, 0.0), &grid(flat, yaw)).expect("fixed");
            let bump = |x: f64, y: f64| 2.0 - 0.4 * (x * x + y * y);
            let bump = residuals(&grid(bump, 0.0), &grid(bump, yaw)).expect("fixed");
            prop_assert!(size(&flat) < 0.5, "{}", size(&flat));
            prop_assert!(size(&bump) > 1.5, "{}", size(&bump));
        }
    }

    #[test]
    fn points_in_one_place_fix_no_homography() {
        let one = [Point { x: 1.0, y: 1.0 }; 9];
        assert!(residuals(&one, &one).is_none());
        let line: Vec<Point> = (0..9)
            .map(|i| Point {
                x: f64::from(i),
                y: 0.0,
            })
            .collect();
        assert!(residuals(&line, &line).is_none());
    }
}
