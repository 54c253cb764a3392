//! Attacks that need nothing before the camera: a virtual camera feeds the page.

use std::sync::Arc;

use super::Actor;
use super::attack::{Film, portrait};
use super::camera::{Camera, recoded};
use super::light::{Light, linear};
use super::mask::printed_face;
use super::params::{PAGE, TINT};
use super::performer::{Performer, Posture};
use super::person::Person;
use super::subject::Scene;
use crate::fingerprint::synthetic::random::Draws;
use crate::pad::challenge::Shown;
use crate::sample::RgbImage;

/// One frame for ever.
pub(super) struct Frozen {
    pixels: Arc<Vec<u8>>,
    size: (usize, usize),
    camera: Option<(Camera, Light)>,
}

impl Frozen {
    /// Every other one is sent as it is; the rest get fresh noise, as from a camera whose picture hangs.
    pub(super) fn new(victim: &Arc<Person>, seed: u64) -> Self {
        let still = portrait(victim, seed);
        let noisy = Draws::new(seed, 0xF202).chance(0.5);
        Self {
            camera: noisy.then(|| (Camera::new(seed), Light::of(&still))),
            pixels: Arc::new(still.pixels.clone()),
            size: (still.width, still.height),
        }
    }
}

impl Actor for Frozen {
    fn frame(&mut self, _: f64, _: &Shown) -> RgbImage {
        match &mut self.camera {
            Some((camera, light)) => camera.develop(light),
            None => RgbImage {
                width: self.size.0,
                height: self.size.1,
                pixels: self.pixels.to_vec(),
            },
        }
    }
}

/// A film fed straight in.
pub(super) struct Fed {
    film: Film,
    quality: u8,
}

impl Fed {
    pub(super) fn new(victim: &Arc<Person>, seed: u64) -> Self {
        Self {
            film: Film::new(victim.clone(), seed),
            quality: Draws::new(seed, 0xFED0).within((80.0, 93.0)) as u8,
        }
    }
}

impl Actor for Fed {
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage {
        recoded(self.film.frame(at_s, shown), self.quality)
    }
}

/// A still that software moves.
pub(super) struct Animated {
    scene: Scene,
    performer: Performer,
    camera: Camera,
    /// Moves the head, or only shuts the eyes.
    turns: bool,
    /// Colours the whole picture as the screen does.
    tint: f32,
}

impl Animated {
    /// The still's face cut out and warped as a plane that turns; it blinks, and every other one is tinted.
    pub(super) fn warped(victim: &Arc<Person>, seed: u64) -> Self {
        let mut animated = Self::puppet(victim, seed);
        animated.turns = true;
        let mut draws = Draws::new(seed, 0x3A29);
        if draws.chance(0.5) {
            animated.tint = draws.within(TINT);
        }
        animated
    }

    /// The still, and eyelids.
    pub(super) fn puppet(victim: &Arc<Person>, seed: u64) -> Self {
        Self {
            scene: Scene::flat(victim.clone(), seed),
            performer: Performer::new(seed),
            camera: Camera::new(seed),
            turns: false,
            tint: 0.0,
        }
    }
}

impl Actor for Animated {
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage {
        let mut posture = self.performer.posture(at_s, shown);
        let lit = self.camera.lit(at_s, shown);
        if !self.turns {
            posture = Posture {
                closed: posture.closed,
                shift_mm: posture.shift_mm,
                ..Posture::default()
            };
        }
        let mut light = self.scene.seen(&posture, &Shown::default());
        if self.tint > 0.0 {
            let screen = linear(lit.colour.map_or(PAGE, |c| c.srgb()));
            let tint = screen.map(|v| 1.0 - self.tint + self.tint * v);
            for pixel in &mut light.pixels {
                for n in 0..3 {
                    pixel[n] *= tint[n];
                }
            }
        }
        self.camera.develop(&light)
    }
}

/// The attacker behind a print of the victim's face with holes for the eyes.
pub(super) struct Masked {
    scene: Scene,
    victim: Arc<Person>,
    performer: Performer,
    camera: Camera,
}

impl Masked {
    pub(super) fn new(victim: &Arc<Person>, attacker: &Arc<Person>, seed: u64) -> Self {
        Self {
            scene: Scene::new(attacker.clone(), seed),
            victim: victim.clone(),
            performer: Performer::new(seed),
            camera: Camera::new(seed),
        }
    }
}

impl Actor for Masked {
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage {
        let posture = self.performer.posture(at_s, shown);
        let lit = self.camera.lit(at_s, shown);
        let mut light = self.scene.seen(&posture, &lit);
        printed_face(&mut light, &self.scene, &self.victim, &posture, &lit);
        self.camera.develop(&light)
    }
}
