//! The simulated subject: a head with depth before a camera, lit by the room and by the screen.

use std::sync::Arc;

use super::Actor;
use super::camera::Camera;
use super::light::{Light, linear};
use super::params::{
    BACKGROUND_SHARE, CORNEA_GLOSS, CORNEA_MM, DISTANCE_MM, FOCAL_PX, FRAME, PAGE, PIVOT_MM,
    SCREEN_BELOW_MM, SCREEN_SHARE, SKIN_GLOSS, TRUNK_MM,
};
use super::performer::{Performer, Posture};
use super::person::{Person, Skin};
use super::raster::{Corner, draw};
use super::space::{Turn, Vector, add, dot, project, sub, unit};
use crate::fingerprint::synthetic::random::Draws;
use crate::pad::challenge::Shown;
use crate::sample::RgbImage;

/// A person who sits before the camera and answers the page.
pub struct Subject {
    performer: Performer,
    camera: Camera,
    scene: Scene,
}

impl Subject {
    /// The person of one session; the seed draws the place, the light, the camera and the manner.
    #[must_use]
    pub fn new(person: Arc<Person>, seed: u64) -> Self {
        Self {
            performer: Performer::new(seed),
            camera: Camera::new(seed),
            scene: Scene::new(person, seed),
        }
    }
}

impl Actor for Subject {
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage {
        let posture = self.performer.posture(at_s, shown);
        let lit = self.camera.lit(at_s, shown);
        self.camera.develop(&self.scene.seen(&posture, &lit))
    }
}

/// A person in a room.
pub(super) struct Scene {
    person: Arc<Person>,
    skin: Skin,
    closed: f32,
    distance_mm: f32,
    place: Vector,
    rest: (f32, f32),
    room: [f32; 3],
    screen_share: f32,
    gloss: f32,
    backdrop: Backdrop,
    flat: bool,
}

/// What is behind the head, and how much of the screen's light reaches it.
struct Backdrop {
    light: Light,
    share: Vec<f32>,
}

impl Scene {
    pub(super) fn new(person: Arc<Person>, seed: u64) -> Self {
        let mut draws = Draws::new(seed, 0x5CE7);
        let distance_mm = draws.within(DISTANCE_MM);
        let place = [
            18.0 * draws.normal().clamp(-2.0, 2.0),
            14.0 + 8.0 * draws.normal().clamp(-2.0, 2.0) - 0.25 * person.chin_mm,
            0.0,
        ];
        let backdrop = Backdrop::of(&person, place, distance_mm);
        Self {
            skin: person.skin.clone(),
            closed: 0.0,
            distance_mm,
            place,
            rest: (2.0 * draws.normal(), 2.0 * draws.normal()),
            room: [draws.within((0.94, 1.08)), 1.0, draws.within((0.88, 1.04))],
            screen_share: draws.within(SCREEN_SHARE),
            gloss: SKIN_GLOSS.0 * draws.within((0.5, 1.5)),
            backdrop,
            flat: false,
            person,
        }
    }

    /// The same person cut out of a still: all of the head in one plane.
    pub(super) fn flat(person: Arc<Person>, seed: u64) -> Self {
        Self {
            flat: true,
            ..Self::new(person, seed)
        }
    }

    /// Puts the person elsewhere.
    pub(super) fn stand(&mut self, offset: Vector, distance_mm: f32) {
        self.place = add(self.place, offset);
        self.distance_mm = distance_mm;
        self.backdrop = Backdrop::of(&self.person, self.place, distance_mm);
    }

    /// The room without the person's head.
    pub(super) fn empty(self) -> Light {
        self.backdrop.light
    }

    /// From the camera to the person's eyes.
    pub(super) fn distance_mm(&self) -> f32 {
        self.distance_mm
    }

    /// The room's light and the screen's, which shows this colour.
    pub(super) fn lamps(&self, page: Vector) -> (Vector, Vector) {
        (self.room, page.map(|v| v * self.screen_share))
    }

    /// Where a place that goes with the head comes to lie, and how it faces the screen.
    pub(super) fn worn(&self, place: Vector, normal: Vector, posture: &Posture) -> (Vector, f32) {
        let turn = self.turn(posture);
        let moved = self.moved(place, posture, &turn);
        let (facing, _) = self.faces(moved, turn.of(normal));
        (moved, facing)
    }

    /// The light that comes into the camera.
    pub(super) fn seen(&mut self, posture: &Posture, lit: &Shown) -> Light {
        let screen = linear(lit.colour.map_or(PAGE, |c| c.srgb())).map(|v| v * self.screen_share);
        let room = self.room;
        let mut frame = Light {
            width: FRAME.0,
            height: FRAME.1,
            pixels: self
                .backdrop
                .light
                .pixels
                .iter()
                .zip(&self.backdrop.share)
                .map(|(p, share)| std::array::from_fn(|n| p[n] * (room[n] + share * screen[n])))
                .collect(),
        };
        self.shut_eyes(posture.closed);
        let turn = self.turn(posture);
        let corners = self.corners(posture, &turn);
        draw(
            &mut frame,
            &corners,
            self.person.mesh.columns,
            |[x, y, diffuse, mirror]| {
                let (skin, cover) = self.skin.at(x, y);
                let light = std::array::from_fn(|n| {
                    skin[n] * (room[n] + diffuse * screen[n]) + mirror * screen[n]
                });
                (light, cover)
            },
        );
        self.glint(&mut frame, posture, &turn, screen);
        frame
    }

    fn turn(&self, posture: &Posture) -> Turn {
        Turn::new(
            posture.yaw_deg + self.rest.0,
            posture.pitch_deg + self.rest.1,
            posture.roll_deg,
        )
    }

    fn corners(&self, posture: &Posture, turn: &Turn) -> Vec<Corner<4>> {
        let corners = self.person.mesh.corners.iter();
        corners
            .map(|relief| {
                let [x, y, z] = relief.place;
                let own = [x, y, if self.flat { 0.0 } else { z }];
                let moved = self.moved(own, posture, turn);
                let still = add(own, self.place);
                let follows = relief.follows;
                let place = std::array::from_fn(|n| still[n] + (moved[n] - still[n]) * follows);
                let (diffuse, mirror) = self.faces(place, turn.of(relief.normal));
                let (u, v, depth) = project(place, self.distance_mm);
                Corner {
                    x: u,
                    y: v,
                    depth,
                    seen: relief.seen,
                    carried: [x, y, diffuse, self.gloss * mirror],
                }
            })
            .collect()
    }

    /// The screen's light on a place: what a matt surface takes, and what a glossy one throws at the camera.
    fn faces(&self, place: Vector, normal: Vector) -> (f32, f32) {
        let towards = sub([0.0, SCREEN_BELOW_MM, self.distance_mm], place);
        let fall = self.distance_mm.powi(2) / dot(towards, towards).max(1e4);
        let light = unit(towards);
        let eye = unit(sub([0.0, 0.0, self.distance_mm], place));
        let half = unit(add(light, eye));
        let mirror = dot(normal, half).max(0.0).powf(SKIN_GLOSS.1);
        (dot(normal, light).max(0.0) * fall, mirror * fall)
    }

    /// Where a place of the head comes to lie.
    fn moved(&self, place: Vector, posture: &Posture, turn: &Turn) -> Vector {
        let pivot = [0.0, PIVOT_MM.1, -PIVOT_MM.0];
        let turned = add(turn.of(sub(place, pivot)), pivot);
        add(add(turned, self.place), posture.shift_mm)
    }

    fn shut_eyes(&mut self, closed: f32) {
        if (closed - self.closed).abs() > 1e-3 {
            for eye in &self.person.eyes {
                self.skin.close(&self.person.skin, eye, closed);
            }
            self.closed = closed;
        }
    }

    /// The screen in the corneas.
    fn glint(&self, frame: &mut Light, posture: &Posture, turn: &Turn, screen: Vector) {
        let open = (1.0 - 1.6 * posture.closed).max(0.0) * CORNEA_GLOSS;
        for eye in &self.person.eyes {
            let [x, y] = eye.middle();
            let place = self.moved([x, y + 0.8, 2.0], posture, turn);
            let (x, y, depth) = project(place, self.distance_mm);
            let half = (
                CORNEA_MM * FOCAL_PX / depth,
                0.6 * CORNEA_MM * FOCAL_PX / depth,
            );
            let range = |at: f32, half: f32, size: usize| {
                (at - half - 1.0).max(0.0) as usize..((at + half + 2.0).max(0.0) as usize).min(size)
            };
            for j in range(y, half.1, FRAME.1) {
                for i in range(x, half.0, FRAME.0) {
                    let cover = |at: f32, middle: f32, half: f32| {
                        (half + 0.5 - (at + 0.5 - middle).abs()).clamp(0.0, 1.0)
                    };
                    let share = open * cover(i as f32, x, half.0) * cover(j as f32, y, half.1);
                    let pixel = &mut frame.pixels[j * FRAME.0 + i];
                    for n in 0..3 {
                        pixel[n] += share * screen[n];
                    }
                }
            }
        }
    }
}

impl Backdrop {
    fn of(person: &Person, place: Vector, distance_mm: f32) -> Self {
        let mut light = Light::filled(FRAME.0, FRAME.1, [0.0; 3]);
        let mut weights = vec![0.0; FRAME.0 * FRAME.1];
        let mut share = vec![BACKGROUND_SHARE; FRAME.0 * FRAME.1];
        let scale = (distance_mm + TRUNK_MM) / FOCAL_PX;
        for j in 0..FRAME.1 {
            for i in 0..FRAME.0 {
                let x = (i as f32 + 0.5 - FRAME.0 as f32 / 2.0) * scale - place[0];
                let y = (j as f32 + 0.5 - FRAME.1 as f32 / 2.0) * scale - place[1];
                let at = j * FRAME.0 + i;
                (light.pixels[at], weights[at]) = person.behind(x, y);
                let below = y - person.chin_mm;
                let trunk = super::light::smooth(10.0, -10.0, x.abs() - 65.0 - 1.4 * below)
                    * super::light::smooth(0.0, 40.0, below);
                share[at] += (TRUNK_SHARE - BACKGROUND_SHARE) * trunk;
            }
        }
        light.fill(&mut weights);
        Self { light, share }
    }
}

/// What of the screen's light reaches the chest.
const TRUNK_SHARE: f32 = 0.55;
