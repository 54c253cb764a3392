//! How the skin of a fingertip slips on a sensor.
//!
//! The model of Cappelli, Maio and Maltoni (2001, "Modelling plastic distortion in fingerprint images"): the middle, pressed hard,
//! does not slip; the rim follows the finger, which shifts and turns; between them the skin stretches smoothly.

use std::f32::consts::PI;

use super::random::Draws;

/// A slip; places are pixels from the middle of the contact, y down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distortion {
    /// Semi-axes of the middle that does not slip.
    firm: (f32, f32),
    /// Shift of the rim.
    shift: (f32, f32),
    /// Turn of the rim.
    turn: f32,
    /// How far the stretched zone reaches, in sizes of the middle.
    reach: f32,
}

impl Distortion {
    /// A slip as strong as `strength` (0 none, 1 what a careless touch gives) of a contact with these semi-axes.
    pub(super) fn draw(strength: f32, contact: (f32, f32), draws: &mut Draws) -> Self {
        let direction = draws.within((-PI, PI));
        let length = MOST_SHIFT_PX * strength * draws.within((0.5, 1.0));
        let sign = if draws.chance(0.5) { 1.0 } else { -1.0 };
        Self {
            firm: (0.35 * contact.0, 0.35 * contact.1),
            shift: (length * direction.cos(), length * direction.sin()),
            turn: sign * MOST_TURN * strength * draws.within((0.3, 1.0)),
            reach: draws.within((1.2, 1.8)),
        }
    }

    /// Where the skin that lies at a place of the sensor lies on the finger at rest.
    pub(super) fn at_rest(&self, x: f32, y: f32) -> (f32, f32) {
        let away = ((x / self.firm.0).powi(2) + (y / self.firm.1).powi(2)).sqrt() - 1.0;
        let share = if away <= 0.0 {
            return (x, y);
        } else if away >= self.reach {
            1.0
        } else {
            0.5 * (1.0 - (PI * away / self.reach).cos())
        };
        let (sin, cos) = self.turn.sin_cos();
        let moved = (
            cos * x + sin * y + self.shift.0,
            cos * y - sin * x + self.shift.1,
        );
        (x + share * (moved.0 - x), y + share * (moved.1 - y))
    }
}

/// Shift at full strength: about a ridge and a half, the most that the paper's fits show.
const MOST_SHIFT_PX: f32 = 14.0;
/// Turn at full strength.
const MOST_TURN: f32 = 0.14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_stays_and_the_rim_moves_without_folding() {
        for seed in 0..20 {
            let distortion = Distortion::draw(1.0, (120.0, 150.0), &mut Draws::new(seed, 0));
            assert_eq!(distortion.at_rest(10.0, -12.0), (10.0, -12.0));
            let (x, y) = distortion.at_rest(110.0, 0.0);
            assert!((x - 110.0).hypot(y) > 2.0);
            for step in 0..400 {
                let (x, y) = (
                    (step % 20) as f32 * 12.0 - 114.0,
                    (step / 20) as f32 * 15.0 - 142.0,
                );
                let (o, r, d) = (
                    distortion.at_rest(x, y),
                    distortion.at_rest(x + 1.0, y),
                    distortion.at_rest(x, y + 1.0),
                );
                // The area of a pixel at rest: positive means that the map can be undone.
                let area = (r.0 - o.0) * (d.1 - o.1) - (r.1 - o.1) * (d.0 - o.0);
                assert!((0.4..2.0).contains(&area), "{area}");
            }
        }
    }
}
