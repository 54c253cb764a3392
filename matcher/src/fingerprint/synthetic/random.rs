//! Draws from a seed, the same on every machine: the generator takes no outside randomness.
//!
//! SplitMix64 (Steele, Lea and Flood 2014): one word of state, every seed is good, and a draw costs nanoseconds.

use std::f32::consts::TAU;

use crate::fingerprint::plane::Plane;

/// A source of draws.
pub(crate) struct Draws(u64);

impl Draws {
    /// The draws of a seed; `stream` keeps the uses of one seed apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut draws = Self(seed ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03));
        draws.next();
        draws
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Even over 0 to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Even over a range.
    pub(crate) fn within(&mut self, (low, high): (f32, f32)) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Normal, mean 0, deviation 1 (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// True this often.
    pub(crate) fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// Smooth noise of mean 0 and deviation 1, whose lumps are about `grain_px` wide.
    pub(super) fn field(&mut self, width: usize, height: usize, grain_px: f32) -> Plane {
        // Noise on a lattice of half a grain, smoothed there, then drawn out: a lump costs the same at every size.
        let step = (grain_px / 2.0).max(1.0);
        let size = |n: usize| (n as f32 / step).ceil() as usize + 3;
        let mut lattice = Plane::filled(size(width), size(height), 0.0);
        lattice.values.iter_mut().for_each(|v| *v = self.normal());
        let lattice = lattice.box_mean(1);
        let mut out = Plane::filled(width, height, 0.0);
        for y in 0..height {
            for x in 0..width {
                out.values[y * width + x] =
                    bilinear(&lattice, 1.0 + x as f32 / step, 1.0 + y as f32 / step);
            }
        }
        let count = out.values.len().max(1) as f32;
        let mean = out.values.iter().sum::<f32>() / count;
        let square = out.values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
        let share = 1.0 / square.sqrt().max(1e-6);
        out.values.iter_mut().for_each(|v| *v = (*v - mean) * share);
        out
    }
}

/// The value at a place between four others; the border goes on for ever.
pub(super) fn bilinear(plane: &Plane, x: f32, y: f32) -> f32 {
    let x = x.clamp(0.0, (plane.width - 1) as f32);
    let y = y.clamp(0.0, (plane.height - 1) as f32);
    let (i, j) = (x as usize, y as usize);
    let (next_i, next_j) = ((i + 1).min(plane.width - 1), (j + 1).min(plane.height - 1));
    let (u, v) = (x - i as f32, y - j as f32);
    let upper = plane.at(i, j) * (1.0 - u) + plane.at(next_i, j) * u;
    let lower = plane.at(i, next_j) * (1.0 - u) + plane.at(next_i, next_j) * u;
    upper * (1.0 - v) + lower * v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_seed_and_stream_alone() {
        let draw = |seed, stream| Draws::new(seed, stream).unit();
        assert_eq!(draw(7, 1), draw(7, 1));
        assert!(draw(7, 1) != draw(7, 2) && draw(7, 1) != draw(8, 1));
    }

    #[test]
    fn a_normal_draw_has_mean_nothing_and_deviation_one() {
        let mut draws = Draws::new(3, 0);
        let values: Vec<f32> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = values.iter().sum::<f32>() / 20_000.0;
        let square = values.iter().map(|v| v * v).sum::<f32>() / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (square - 1.0).abs() < 0.05,
            "{mean} {square}"
        );
    }

    #[test]
    fn lumps_are_as_wide_as_asked() {
        let field = Draws::new(5, 0).field(200, 200, 20.0);
        let correlation = |shift: usize| {
            let pairs = (0..200 * (200 - shift)).map(|i| (i / (200 - shift), i % (200 - shift)));
            let sum: f32 = pairs
                .map(|(y, x)| field.at(x, y) * field.at(x + shift, y))
                .sum();
            sum / (200 * (200 - shift)) as f32
        };
        assert!(correlation(3) > 0.8 && correlation(60).abs() < 0.3);
    }
}
