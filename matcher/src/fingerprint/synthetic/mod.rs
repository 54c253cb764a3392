//! Made-up fingerprints whose minutiae are known: for measuring extraction and comparison with no person's data.
//!
//! A [`Finger`] is grown from a seed: class and orientation field (zero-pole model of Sherlock and Monro, bent as by Vizcaya and
//! Gerhardt), ridge period, ridges by iterated Gabor filtering (SFinGe; Cappelli, Maio and Maltoni), minutiae read
//! exactly off the phase of the ridges. An [`Impression`] is one touch of it under a [`Condition`]: turned, shifted, partial,
//! slipped (Cappelli, Maio and Maltoni 2001), dry or wet, scratched, noisy; what is true moves along. The same seed gives the
//! same finger. Figures on made-up prints guard against getting worse; they say little about real skin.
//!
//! ```
//! use matcher::fingerprint::synthetic::{Condition, Finger, FingerParams};
//!
//! let finger = Finger::grow(7, &FingerParams { size_px: (160, 180), ..FingerParams::default() });
//! let touch = finger.impression(1, &Condition { frame_px: (160, 180), ..Condition::clear() });
//! assert_eq!(touch.image.pixels.len(), 160 * 180);
//! assert!(touch.minutiae.iter().all(|m| m.minutia.x < 160.0 && m.depth_px > 0.0));
//! ```

mod agreement;
mod distortion;
mod growth;
mod impression;
mod pattern;
#[cfg(test)]
mod plain;
pub(crate) mod random;

use super::plane::Plane;
use super::template::Kind;
use random::Draws;

pub use agreement::Agreement;
pub use impression::{Impression, Touched};
pub use pattern::{Class, Singularity};
#[cfg(test)]
pub(crate) use plain::{Print, ridges};

/// A true minutia: x right, y down, pixels at 500 dpi.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minutia {
    /// Pixels from the left.
    pub x: f32,
    /// Pixels from the top.
    pub y: f32,
    /// From the end into its line, radians counter-clockwise from +x, 0 to 2 pi.
    pub angle: f32,
    /// Whether a ridge or a valley ends there.
    pub kind: Kind,
}

/// How fingers are grown.
#[derive(Debug, Clone)]
pub struct FingerParams {
    /// Width and height of the finger's print, px.
    pub size_px: (usize, usize),
    /// The class; drawn as often as among people when left out.
    pub class: Option<Class>,
    /// Least and most ridge period, px: adults at 500 dpi (Handbook of Fingerprint Recognition, section 3.2).
    pub period_px: (f32, f32),
    /// Distance of the specks that ridges grow from, px: closer ones give more minutiae.
    pub speck_spacing_px: f32,
    /// Rounds of growth; more of them remove more minutiae.
    pub rounds: usize,
}

impl Default for FingerParams {
    fn default() -> Self {
        Self {
            size_px: (360, 460),
            class: None,
            period_px: (8.0, 10.0),
            speck_spacing_px: 75.0,
            rounds: 24,
        }
    }
}

/// A made-up finger.
pub struct Finger {
    seed: u64,
    class: Class,
    size_px: (usize, usize),
    period_px: f32,
    ridges: Plane,
    minutiae: Vec<Minutia>,
    singularities: Vec<Singularity>,
}

impl Finger {
    /// Grows the finger of a seed.
    #[must_use]
    pub fn grow(seed: u64, params: &FingerParams) -> Self {
        let mut draws = Draws::new(seed, 0xF16E);
        let drawn = Class::draw(&mut draws);
        let class = params.class.unwrap_or(drawn);
        let period_px = draws.within(params.period_px);
        let pattern = pattern::Pattern::new(class, params.size_px, period_px, &mut draws);
        let grown = growth::grow(&pattern, params, &mut draws);
        Self {
            seed,
            class,
            size_px: params.size_px,
            period_px,
            ridges: grown.ridges,
            minutiae: grown.minutiae,
            singularities: pattern.singularities().collect(),
        }
    }

    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// All its minutiae, on the finger at rest.
    #[must_use]
    pub fn minutiae(&self) -> &[Minutia] {
        &self.minutiae
    }

    /// One touch; `number` draws what the condition leaves to chance.
    #[must_use]
    pub fn impression(&self, number: u64, condition: &Condition) -> Impression {
        let seed = self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ number;
        impression::touch(self, seed, condition)
    }

    fn holds(&self, x: f32, y: f32) -> bool {
        x >= 0.0 && y >= 0.0 && x < self.size_px.0 as f32 && y < self.size_px.1 as f32
    }
}

/// How a finger was touched down.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Width and height of the picture, px.
    pub frame_px: (usize, usize),
    /// Turn of the finger, radians counter-clockwise.
    pub turn: f32,
    /// Shift of the finger in the picture, px.
    pub shift_px: (f32, f32),
    /// Size of the contact, as a share of the whole print.
    pub contact: f32,
    /// Middle of the contact from the middle of the finger, px: the part that is touched down.
    pub contact_at_px: (f32, f32),
    /// Slip of the skin: 0 none, 1 careless.
    pub distortion: f32,
    /// -1 very dry (broken ridges), 0 normal, 1 very wet (filled valleys).
    pub moisture: f32,
    /// Uneven pressure, 0 to 1.
    pub unevenness: f32,
    /// Noise of the sensor, 0 to 1.
    pub noise: f32,
    /// Contrast of ridges and ground, 0 to 1.
    pub contrast: f32,
    /// White lines across the print.
    pub scratches: usize,
}

impl Condition {
    /// A careful touch on a good sensor.
    #[must_use]
    pub fn clear() -> Self {
        Self {
            frame_px: (360, 460),
            turn: 0.0,
            shift_px: (0.0, 0.0),
            contact: 0.95,
            contact_at_px: (0.0, 0.0),
            distortion: 0.0,
            moisture: 0.0,
            unevenness: 0.2,
            noise: 0.15,
            contrast: 1.0,
            scratches: 0,
        }
    }

    /// Dry skin: narrow, broken ridges.
    #[must_use]
    pub fn dry() -> Self {
        Self {
            moisture: -0.9,
            contrast: 0.75,
            ..Self::clear()
        }
    }

    /// Wet skin: broad ridges, filled valleys.
    #[must_use]
    pub fn wet() -> Self {
        Self {
            moisture: 0.9,
            ..Self::clear()
        }
    }

    /// Half of the print, off the middle.
    #[must_use]
    pub fn partial() -> Self {
        Self {
            contact: 0.6,
            contact_at_px: (45.0, -40.0),
            ..Self::clear()
        }
    }

    /// A careless slip.
    #[must_use]
    pub fn distorted() -> Self {
        Self {
            distortion: 1.0,
            ..Self::clear()
        }
    }

    /// What people do: everything at once, each as much as it happens to be; `hardness` 0 is easy, 1 as hard as FVC2004.
    #[must_use]
    pub fn varied(seed: u64, frame_px: (usize, usize), hardness: f32) -> Self {
        let mut draws = Draws::new(seed, 0xC0D1);
        let side = frame_px.0.min(frame_px.1) as f32 * hardness;
        Self {
            frame_px,
            turn: 0.3 * hardness * draws.normal().clamp(-2.0, 2.0),
            shift_px: (0.06 * side * draws.normal(), 0.06 * side * draws.normal()),
            contact: 0.95 - 0.35 * hardness * draws.unit(),
            contact_at_px: (0.08 * side * draws.normal(), 0.08 * side * draws.normal()),
            distortion: hardness * draws.unit(),
            moisture: (0.55 * hardness * draws.normal()).clamp(-1.0, 1.0),
            unevenness: 0.2 + 0.8 * hardness * draws.unit(),
            noise: 0.1 + 0.5 * hardness * draws.unit(),
            contrast: 1.0 - 0.4 * hardness * draws.unit(),
            scratches: (4.0 * hardness * draws.unit()) as usize,
        }
    }
}

#[cfg(test)]
mod tests;
