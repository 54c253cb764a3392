//! How an extraction agrees with the truth: how much of it was found, and how much of what was found is true.

use std::f32::consts::{PI, TAU};
use std::ops::AddAssign;

use super::{Impression, Touched};
use crate::fingerprint::{Minutia, Template};

/// Place and direction within which an extracted minutia is the true one: about a ridge, and the 25 degrees that comparison allows.
const NEAR_PX: f32 = 10.0;
const NEAR: f32 = 25.0 * PI / 180.0;
/// True minutiae nearer to the edge than this need not be found: extraction distrusts a rim of two ridges.
const DEEP_PX: f32 = 20.0;
/// Around a core or a delta no direction is meant, and minutiae there count neither way.
const SINGULAR_PX: f32 = 14.0;

/// Counts over any number of impressions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Agreement {
    /// True minutiae that should be found.
    pub expected: usize,
    /// Those that were.
    pub found: usize,
    /// Extracted minutiae.
    pub extracted: usize,
    /// Those that are true, however near to the edge.
    pub right: usize,
    /// Impressions that gave no template.
    pub refused: usize,
    /// Found ones whose kind is right too.
    pub same_kind: usize,
    /// Sum of the distances of found ones from their place, px.
    pub apart_px: f32,
    /// Sum of their angles from their direction, radians.
    pub apart: f32,
}

impl AddAssign for Agreement {
    fn add_assign(&mut self, other: Self) {
        self.expected += other.expected;
        self.found += other.found;
        self.extracted += other.extracted;
        self.right += other.right;
        self.refused += other.refused;
        self.same_kind += other.same_kind;
        self.apart_px += other.apart_px;
        self.apart += other.apart;
    }
}

impl Agreement {
    /// Of one impression with what was extracted from it, if anything was.
    #[must_use]
    pub fn new(made: &Impression, template: Option<&Template>) -> Self {
        let is_plain = |x: f32, y: f32| {
            let mut singular = made.singularities.iter();
            singular.all(|s| (s.x - x).hypot(s.y - y) >= SINGULAR_PX)
        };
        let expected = made.minutiae.iter().filter(|touched| {
            touched.depth_px >= DEEP_PX && is_plain(touched.minutia.x, touched.minutia.y)
        });
        let Some(template) = template else {
            return Self {
                expected: expected.count(),
                refused: 1,
                ..Self::default()
            };
        };
        let minutiae = template.minutiae().iter();
        let extracted: Vec<&Minutia> = minutiae.filter(|m| is_plain(m.x_px(), m.y_px())).collect();
        let is_true = |m: &Minutia| made.minutiae.iter().any(|touched| is_same(touched, m));
        let mut out = Self {
            extracted: extracted.len(),
            right: extracted.iter().filter(|m| is_true(m)).count(),
            ..Self::default()
        };
        for touched in expected {
            out.expected += 1;
            let nearest = extracted
                .iter()
                .filter(|m| is_same(touched, m))
                .min_by(|a, b| away_px(touched, a).total_cmp(&away_px(touched, b)));
            if let Some(m) = nearest {
                out.found += 1;
                out.apart_px += away_px(touched, m);
                out.apart += turn_between(touched.minutia.angle, m.angle());
                out.same_kind += usize::from(touched.minutia.kind == m.kind());
            }
        }
        out
    }

    /// Share of the expected minutiae that were found.
    #[must_use]
    pub fn recall(&self) -> f32 {
        self.found as f32 / self.expected.max(1) as f32
    }

    /// Share of the extracted minutiae that are true.
    #[must_use]
    pub fn precision(&self) -> f32 {
        self.right as f32 / self.extracted.max(1) as f32
    }

    /// Mean distance of found ones from their place, px, and from their direction, radians.
    #[must_use]
    pub fn error(&self) -> (f32, f32) {
        let count = self.found.max(1) as f32;
        (self.apart_px / count, self.apart / count)
    }
}

fn away_px(touched: &Touched, m: &Minutia) -> f32 {
    (touched.minutia.x - m.x_px()).hypot(touched.minutia.y - m.y_px())
}

fn is_same(touched: &Touched, m: &Minutia) -> bool {
    away_px(touched, m) < NEAR_PX && turn_between(touched.minutia.angle, m.angle()) < NEAR
}

/// The angle between two directions, 0 to pi.
pub(super) fn turn_between(a: f32, b: f32) -> f32 {
    ((a - b + 3.0 * PI).rem_euclid(TAU) - PI).abs()
}
