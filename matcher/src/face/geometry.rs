//! Points, rectangles and affine maps in image pixels.
//!
//! Coordinates are continuous, x to the right and y down: the pixel in column 3 covers 3.0 to 4.0, and its
//! centre is 3.5.

/// A point in image pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f64,
    /// Pixels from the top edge.
    pub y: f64,
}

impl Point {
    /// The distance to another point, pixels.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point half way to another.
    #[must_use]
    pub fn midpoint(self, other: Self) -> Self {
        Self {
            x: (self.x + other.x) / 2.0,
            y: (self.y + other.y) / 2.0,
        }
    }
}

/// A rectangle in image pixels; parts may lie outside the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// The centre.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point {
            x: self.x + self.width / 2.0,
            y: self.y + self.height / 2.0,
        }
    }

    /// The area, square pixels.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.width * self.height
    }

    /// Intersection over union with another rectangle, 0 to 1.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> f64 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let both = width * height;
        both / (self.area() + other.area() - both)
    }
}

/// The map (x, y) -> (a x + b y + c, d x + e y + f).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// x to x.
    pub a: f64,
    /// y to x.
    pub b: f64,
    /// Shift of x.
    pub c: f64,
    /// x to y.
    pub d: f64,
    /// y to y.
    pub e: f64,
    /// Shift of y.
    pub f: f64,
}

impl Affine {
    /// The map that takes (0, 0) to `origin` and stretches both axes by `scale_x` and `scale_y`.
    #[must_use]
    pub fn stretch(origin: Point, scale_x: f64, scale_y: f64) -> Self {
        Self {
            a: scale_x,
            b: 0.0,
            c: origin.x,
            d: 0.0,
            e: scale_y,
            f: origin.y,
        }
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, p: Point) -> Point {
        Point {
            x: self.a * p.x + self.b * p.y + self.c,
            y: self.d * p.x + self.e * p.y + self.f,
        }
    }

    /// How many times longer lengths become: the square root of the change of area.
    #[must_use]
    pub fn magnification(&self) -> f64 {
        (self.a * self.e - self.b * self.d).abs().sqrt()
    }

    /// The map that undoes this one, or `None` when it flattens the plane.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let determinant = self.a * self.e - self.b * self.d;
        let (a, b) = (self.e / determinant, -self.b / determinant);
        let (d, e) = (-self.d / determinant, self.a / determinant);
        [a, b, d, e].iter().all(|v| v.is_finite()).then(|| Self {
            a,
            b,
            c: -(a * self.c + b * self.f),
            d,
            e,
            f: -(d * self.c + e * self.f),
        })
    }

    /// The similarity (turn, scale, shift; no reflection) that takes `from` to `to` with the least squared
    /// error, or `None` when the points of `from` coincide. In the plane Umeyama's solution (PAMI 1991) is
    /// one complex division: the turn and scale are the correlation of the centred points.
    #[must_use]
    pub fn similarity<const N: usize>(from: &[Point; N], to: &[Point; N]) -> Option<Self> {
        let (centre_from, centre_to) = (centroid(from), centroid(to));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (p.x - centre_from.x, p.y - centre_from.y);
            let (qx, qy) = (q.x - centre_to.x, q.y - centre_to.y);
            along += px * qx + py * qy;
            across += px * qy - py * qx;
            spread += px * px + py * py;
        }
        let (a, d) = (along / spread, across / spread);
        (a.is_finite() && d.is_finite() && a.hypot(d) > 0.0).then(|| Self {
            a,
            b: -d,
            c: centre_to.x - a * centre_from.x + d * centre_from.y,
            d,
            e: a,
            f: centre_to.y - d * centre_from.x - a * centre_from.y,
        })
    }
}

fn centroid<const N: usize>(points: &[Point; N]) -> Point {
    let n = N as f64;
    Point {
        x: points.iter().map(|p| p.x).sum::<f64>() / n,
        y: points.iter().map(|p| p.y).sum::<f64>() / n,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_similarity_is_found_again(
            angle in -3.0..3.0f64, scale in 0.1..5.0f64, x in -99.0..99.0f64, y in -99.0..99.0f64,
        ) {
            let truth = Affine {
                a: scale * angle.cos(), b: -scale * angle.sin(), c: x,
                d: scale * angle.sin(), e: scale * angle.cos(), f: y,
            };
            let from = [(0.0, 0.0), (40.0, 3.0), (21.0, 22.0)].map(|(x, y)| Point { x, y });
            let found = Affine::similarity(&from, &from.map(|p| truth.apply(p))).expect("distinct points");
            for p in from {
                prop_assert!(found.apply(p).distance(truth.apply(p)) < 1e-9);
            }
            prop_assert!((found.magnification() - scale).abs() < 1e-9);
            let back = found.inverse().expect("a similarity has an inverse");
            for p in from {
                prop_assert!(back.apply(found.apply(p)).distance(p) < 1e-9);
            }
        }
    }

    #[test]
    fn points_that_coincide_have_no_similarity() {
        let one = [Point { x: 2.0, y: 2.0 }; 5];
        assert_eq!(Affine::similarity(&one, &one), None);
    }

    #[test]
    fn rectangles_overlap_by_their_shared_area() {
        let a = Rect {
            x: 0.0,
            y: 0.0,
            width: 2.0,
            height: 2.0,
        };
        let b = Rect {
            x: 1.0,
            y: 0.0,
            ..a
        };
        let c = Rect {
            x: 2.0,
            y: 0.0,
            ..a
        };
        assert_eq!((a.overlap(&a), a.overlap(&c)), (1.0, 0.0));
        assert!((a.overlap(&b) - 1.0 / 3.0).abs() < 1e-12);
    }
}
