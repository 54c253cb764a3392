//! Made-up ridges with known direction, period and dislocations: the oracle of the stages' tests.

use std::f32::consts::TAU;

use crate::fingerprint::plane::Plane;
use crate::sample::GreyImage;

/// Parallel ridges, +1 on a ridge and -1 in a valley, running at `angle` (counter-clockwise from +x).
pub(crate) fn ridges(width: usize, height: usize, angle: f32, period_px: f32) -> Plane {
    let mut plane = Plane::filled(width, height, 0.0);
    for y in 0..height {
        for x in 0..width {
            // Across the ridges: the normal of (cos, -sin), y down.
            let across = x as f32 * angle.sin() + y as f32 * angle.cos();
            plane.values[y * width + x] = (TAU * across / period_px).cos();
        }
    }
    plane
}

/// A print: bent ridges, with a phase spiral (one ridge more on one side) at each dislocation.
pub(crate) struct Print {
    pub(crate) side: usize,
    pub(crate) period_px: f32,
    /// Centre of the bent ridges, pixels.
    pub(crate) centre: (f32, f32),
    /// Place and sense (+1 or -1) of each dislocation.
    pub(crate) dislocations: Vec<(f32, f32, f32)>,
    /// Turn of the whole print about the middle of the frame, radians.
    pub(crate) turn: f32,
    /// Shift of the whole print, pixels.
    pub(crate) shift: (f32, f32),
}

impl Print {
    /// A print whose dislocations are drawn from a seed.
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut draw = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32
        };
        let mut dislocations: Vec<(f32, f32, f32)> = Vec::new();
        while dislocations.len() < 26 {
            let place = (50.0 + 220.0 * draw(), 50.0 + 220.0 * draw());
            let apart = |d: &(f32, f32, f32)| (d.0 - place.0).hypot(d.1 - place.1) > 28.0;
            if dislocations.iter().all(apart) {
                dislocations.push((place.0, place.1, if draw() < 0.5 { 1.0 } else { -1.0 }));
            }
        }
        let centre = (120.0 + 80.0 * draw(), 480.0 + 150.0 * draw());
        Self {
            side: 320,
            period_px: 9.0,
            centre,
            dislocations,
            turn: 0.0,
            shift: (0.0, 0.0),
        }
    }

    /// The print as a sensor would give it: dark ridges in a disc on white.
    pub(crate) fn draw(&self) -> GreyImage {
        let side = self.side;
        let middle = side as f32 / 2.0;
        let (sin, cos) = self.turn.sin_cos();
        let mut pixels = vec![255u8; side * side];
        for y in 0..side {
            for x in 0..side {
                let (u, v) = (
                    x as f32 - self.shift.0 - middle,
                    y as f32 - self.shift.1 - middle,
                );
                if u.hypot(v) > middle - 14.0 {
                    continue;
                }
                let (px, py) = (middle + cos * u - sin * v, middle + sin * u + cos * v);
                let mut phase =
                    TAU * (px - self.centre.0).hypot(py - self.centre.1) / self.period_px;
                for (dx, dy, sense) in &self.dislocations {
                    phase += sense * (py - dy).atan2(px - dx);
                }
                pixels[y * side + x] = (128.0 - 100.0 * phase.cos()) as u8;
            }
        }
        GreyImage {
            width: side,
            height: side,
            pixels,
        }
    }
}
