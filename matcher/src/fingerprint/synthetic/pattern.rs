//! The course of the ridges of a made-up finger: orientation from its cores and deltas, and the ridge period.
//!
//! Orientation follows the zero-pole model (Sherlock and Monro 1993): half the angle to every core minus half the angle to every delta;
//! each angle is bent by a piecewise linear correction (Vizcaya and Gerhardt 1996), so that no two loops are alike. Arches, which
//! have neither core nor delta, are a sine as in SFinGe (Cappelli; Handbook of Fingerprint Recognition, chapter 6).
//! Places are in pixels, y down; angles counter-clockwise.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use super::random::Draws;
use crate::fingerprint::plane::Plane;

/// Henry's classes, the two loops apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Ridges run from side to side over a low hill.
    Arch,
    /// A steep hill: a core right over a delta.
    TentedArch,
    /// A loop that opens to the left; its delta is on the right.
    LeftLoop,
    /// A loop that opens to the right.
    RightLoop,
    /// Closed ridges: two cores, two deltas.
    Whorl,
}

impl Class {
    /// In a file's text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Arch => "arch",
            Self::TentedArch => "tented arch",
            Self::LeftLoop => "left loop",
            Self::RightLoop => "right loop",
            Self::Whorl => "whorl",
        }
    }

    /// As often as among people (Wilson, Candela and Watson 1994: 3.7, 2.9, 33.8, 31.7 and 27.9 %).
    pub(super) fn draw(draws: &mut Draws) -> Self {
        let share = draws.unit();
        match share {
            s if s < 0.037 => Self::Arch,
            s if s < 0.066 => Self::TentedArch,
            s if s < 0.404 => Self::LeftLoop,
            s if s < 0.721 => Self::RightLoop,
            _ => Self::Whorl,
        }
    }
}

/// A core or a delta, pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Singularity {
    /// Pixels from the left.
    pub x: f32,
    /// Pixels from the top.
    pub y: f32,
    /// Core, otherwise delta.
    pub is_core: bool,
}

/// Corrections of one singular point's angle at eight directions around it.
type Bend = [f32; 8];

/// The course of the ridges.
pub(super) struct Pattern {
    points: Vec<(Singularity, Bend)>,
    /// Height of an arch's hill, radians of slope; 0 for other classes.
    arch: f32,
    /// How far ridges over the centre bow, radians at the edge.
    bow: f32,
    width: f32,
    height: f32,
    centre: (f32, f32),
    period_px: f32,
    period_slope: f32,
    period_noise: Plane,
}

impl Pattern {
    pub(super) fn new(
        class: Class,
        (width, height): (usize, usize),
        period_px: f32,
        draws: &mut Draws,
    ) -> Self {
        let (w, h) = (width as f32, height as f32);
        // Proportions from the middle of a finger; a whole print is about 20 periods to each side.
        let unit = w.min(h) / 2.0;
        let centre = (
            w / 2.0 + unit * draws.within((-0.1, 0.1)),
            h * draws.within((0.42, 0.5)),
        );
        let at = |x: f32, y: f32, is_core: bool| Singularity {
            x: centre.0 + x * unit,
            y: centre.1 + y * unit,
            is_core,
        };
        let mut spread = |middle: f32, by: f32| middle + by * draws.within((-1.0, 1.0));
        let places = match class {
            Class::Arch => vec![],
            Class::TentedArch => {
                let lean = spread(0.0, 0.04);
                vec![at(0.0, -0.1, true), at(lean, spread(0.4, 0.1), false)]
            }
            Class::LeftLoop | Class::RightLoop => {
                let side = if class == Class::LeftLoop { 1.0 } else { -1.0 };
                vec![
                    at(0.0, spread(-0.1, 0.05), true),
                    at(side * spread(0.55, 0.15), spread(0.6, 0.15), false),
                ]
            }
            Class::Whorl => {
                let apart = spread(0.14, 0.07);
                let lean = spread(0.0, 0.08);
                vec![
                    at(-lean, -apart, true),
                    at(lean, apart, true),
                    at(-spread(0.62, 0.12), spread(0.62, 0.12), false),
                    at(spread(0.62, 0.12), spread(0.62, 0.12), false),
                ]
            }
        };
        let bend = |_| std::array::from_fn(|_| draws.within((-0.22, 0.22)));
        let bends: Vec<Bend> = (0..places.len()).map(bend).collect();
        Self {
            points: places.into_iter().zip(bends).collect(),
            arch: if class == Class::Arch {
                draws.within((0.8, 1.3))
            } else {
                0.0
            },
            bow: draws.within((0.35, 0.6)),
            width: w,
            height: h,
            centre,
            period_px,
            period_slope: draws.within((0.0, 0.12)),
            period_noise: draws.field(width, height, 90.0),
        }
    }

    pub(super) fn singularities(&self) -> impl Iterator<Item = Singularity> {
        self.points.iter().map(|(point, _)| *point)
    }

    /// Ridge direction at a place, radians, modulo pi.
    pub(super) fn orientation(&self, x: f32, y: f32) -> f32 {
        let (u, v) = (
            2.0 * (x - self.centre.0) / self.width,
            2.0 * (y - self.centre.1) / self.height,
        );
        if self.arch > 0.0 {
            // Flat at the bottom, steepest a little above the middle of the finger, then bowed.
            let height = (1.0 - v).clamp(0.0, 2.0) * 0.5;
            let hill = self.arch * (-(v - 0.05).powi(2) / 0.5).exp() * -(PI * u).sin();
            return (hill.clamp(-1.5, 1.5)).atan() - self.bow * height * u;
        }
        let mut doubled = 0.0;
        for (point, bend) in &self.points {
            let angle = (point.y - y).atan2(x - point.x);
            let bent = angle + bend_at(bend, angle);
            doubled += if point.is_core { bent } else { -bent };
        }
        // Above the cores ridges bow down to both sides, as the tip of a finger does.
        let bow = self.bow * (0.5 - 0.5 * v).clamp(0.0, 1.0) * u;
        let loops = self.points.iter().filter(|(p, _)| p.is_core).count();
        // As many deltas as cores: far away the angles cancel, and ridges lie level.
        debug_assert!(2 * loops == self.points.len());
        0.5 * doubled - bow
    }

    /// The last column that the pattern was made for.
    pub(super) fn last_x(&self) -> usize {
        self.width as usize - 1
    }

    /// The last row that the pattern was made for.
    pub(super) fn last_y(&self) -> usize {
        self.height as usize - 1
    }

    /// Pixels from ridge to ridge: wider below the core, as on fingers, and uneven by a few per cent.
    pub(super) fn period_px(&self, x: usize, y: usize) -> f32 {
        let below = ((y as f32 - self.centre.1) / self.height).clamp(-0.5, 0.5);
        let noise = 0.05 * self.period_noise.at(x, y).clamp(-2.0, 2.0);
        self.period_px * (1.0 + 2.0 * self.period_slope * below + noise)
    }
}

fn bend_at(bend: &Bend, angle: f32) -> f32 {
    let place = angle.rem_euclid(TAU) / (FRAC_PI_2 / 2.0);
    let (index, share) = (place as usize % 8, place.fract());
    bend[index] * (1.0 - share) + bend[(index + 1) % 8] * share
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half turns of the orientation along a circle, counter-clockwise.
    fn half_turns(pattern: &Pattern, x: f32, y: f32, radius: f32) -> i32 {
        let at = |k: usize| {
            let (sin, cos) = (TAU * k as f32 / 90.0).sin_cos();
            pattern.orientation(x + radius * cos, y - radius * sin)
        };
        let sum: f32 = (0..90)
            .map(|k| {
                let step = at(k + 1) - at(k);
                step - PI * (step / PI).round()
            })
            .sum();
        (sum / PI).round() as i32
    }

    #[test]
    fn a_core_is_half_a_turn_and_a_delta_half_a_turn_back() {
        for class in [
            Class::TentedArch,
            Class::LeftLoop,
            Class::RightLoop,
            Class::Whorl,
        ] {
            let pattern = Pattern::new(class, (300, 360), 9.0, &mut Draws::new(1, 0));
            for point in pattern.singularities() {
                let turns = half_turns(&pattern, point.x, point.y, 6.0);
                assert_eq!(turns, if point.is_core { 1 } else { -1 }, "{class:?}");
            }
            assert_eq!(half_turns(&pattern, 150.0, 180.0, 700.0), 0, "{class:?}");
        }
        let arch = Pattern::new(Class::Arch, (300, 360), 9.0, &mut Draws::new(1, 0));
        assert_eq!(half_turns(&arch, 150.0, 180.0, 100.0), 0);
    }

    #[test]
    fn a_loop_opens_to_its_own_side() {
        for (class, side) in [(Class::LeftLoop, -1.0f32), (Class::RightLoop, 1.0)] {
            let pattern = Pattern::new(class, (300, 360), 9.0, &mut Draws::new(4, 0));
            let core = pattern
                .singularities()
                .find(|p| p.is_core)
                .expect("a loop has a core");
            // The direction in which the ridges run away from the core.
            let opens = (0..360)
                .map(|d| (d as f32).to_radians())
                .max_by(|a, b| {
                    let along = |angle: f32| {
                        let (sin, cos) = angle.sin_cos();
                        let ridge = pattern.orientation(core.x + 12.0 * cos, core.y - 12.0 * sin);
                        (ridge - angle).cos().abs()
                    };
                    along(*a).total_cmp(&along(*b))
                })
                .expect("not empty");
            assert!(
                opens.cos() * side > 0.0 && opens.sin() < 0.0,
                "{class:?}: {opens}"
            );
        }
    }
}
