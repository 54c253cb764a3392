//! Attacks with something held before the camera: prints, screens, masks, a second person.

use std::sync::Arc;

use super::Actor;
use super::camera::Camera;
use super::light::{Light, linear, luminance};
use super::panel::{Panel, Spot, lamp_in_mirror, screen_in_mirror};
use super::params::{
    CROP, FACE_SHARE, FOCAL_PX, FRAME, GLASS, GLOSSY_PAPER, HAND_DEG, HAND_MM, MOIRE, PAGE, PAPER,
    PIXEL_PITCH_MM, PRINT_WIDTH_MM, SCREEN_LUMINANCE, SCREEN_SHARE, SCREEN_WIDTH_MM, SHOWN_LIGHT,
    WAVE,
};
use super::performer::{Performer, Posture};
use super::person::Person;
use super::rehearsal;
use super::subject::{Scene, Subject};
use crate::fingerprint::synthetic::random::Draws;
use crate::pad::challenge::{Script, Shown};
use crate::sample::RgbImage;

/// A picture of the victim in the attacker's hand.
pub(super) struct Held {
    performer: Performer,
    /// The attacker moves what is held as a head would move.
    answers: bool,
    camera: Camera,
    tremor: [(f32, f32); 3],
    panel: Panel,
    crop: Crop,
    medium: Medium,
    picture: Picture,
    behind: Behind,
    room: [f32; 3],
    screen_share: f32,
    lamp: (f32, f32),
}

/// What the picture is on.
enum Medium {
    /// Paper: the share of its gloss; `wave` is how its bend comes and goes.
    Paper { gloss: f32, wave: Option<Wave> },
    /// A screen: its own light, its pixels, its frame.
    Screen {
        luminance: f32,
        pitch_mm: f32,
        moire: f32,
        bezel: f32,
        case: [f32; 3],
    },
}

struct Wave {
    base: f32,
    swing: f32,
    hertz: f32,
}

/// What the picture shows.
enum Picture {
    Still(Light),
    /// An earlier success.
    Film(Box<Film>),
}

/// What is behind what is held.
enum Behind {
    Room(Light),
    /// Somebody who answers the page.
    Accomplice(Box<(Scene, Performer)>),
}

/// The part of the victim's picture that is used, shares of its width and height.
#[derive(Clone, Copy)]
struct Crop {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

/// A film of the victim's earlier success, made for another script.
pub(super) struct Film {
    subject: Subject,
    script: Script,
}

impl Film {
    pub(super) fn new(victim: Arc<Person>, seed: u64) -> Self {
        let mut draws = Draws::new(seed, 0xF113);
        let number = (u64::from((draws.unit() * 1e6) as u32) << 20) ^ seed;
        Self {
            subject: Subject::new(victim, seed ^ 0x5EED_F113),
            script: Script::draw(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        }
    }
}

impl Actor for Film {
    fn frame(&mut self, at_s: f64, _: &Shown) -> RgbImage {
        let then = rehearsal::shown(&self.script, at_s % rehearsal::length_s(&self.script));
        self.subject.frame(at_s, &then)
    }
}

/// A good picture of the victim, as a camera gave it.
pub(super) fn portrait(victim: &Arc<Person>, seed: u64) -> RgbImage {
    Subject::new(victim.clone(), seed ^ 0x9027_A417).frame(0.0, &Shown::default())
}

impl Held {
    /// A flat print; every other attacker turns it as a head would turn.
    pub(super) fn print(victim: &Arc<Person>, attacker: &Arc<Person>, seed: u64) -> Self {
        let mut draws = Draws::new(seed, 0x9217);
        let gloss = draws.within(GLOSSY_PAPER);
        let answers = draws.chance(0.5);
        let paper = Medium::Paper { gloss, wave: None };
        Self::still(paper, victim, attacker, seed, answers)
    }

    /// A print bent into a cylinder and waved.
    pub(super) fn bent_print(victim: &Arc<Person>, attacker: &Arc<Person>, seed: u64) -> Self {
        let mut draws = Draws::new(seed, 0xBE47);
        let paper = Medium::Paper {
            gloss: draws.within(GLOSSY_PAPER),
            wave: Some(Wave {
                base: draws.within(WAVE.0),
                swing: draws.within(WAVE.1),
                hertz: draws.within((0.2, 0.7)),
            }),
        };
        Self::still(paper, victim, attacker, seed, true)
    }

    /// A photograph on a screen.
    pub(super) fn screen(victim: &Arc<Person>, attacker: &Arc<Person>, seed: u64) -> Self {
        let answers = Draws::new(seed, 0x5C43).chance(0.5);
        Self::still(a_screen(seed), victim, attacker, seed, answers)
    }

    /// A film on a screen, held still.
    pub(super) fn film(victim: &Arc<Person>, attacker: &Arc<Person>, seed: u64) -> Self {
        let film = Picture::Film(Box::new(Film::new(victim.clone(), seed)));
        Self::new(a_screen(seed), film, attacker, seed, false)
    }

    /// A print in front, and the attacker beside it, who answers.
    pub(super) fn accompanied(victim: &Arc<Person>, attacker: &Arc<Person>, seed: u64) -> Self {
        let mut held = Self::print(victim, attacker, seed);
        held.answers = false;
        let mut draws = Draws::new(seed, 0x2FE0);
        let side = if draws.chance(0.5) { 1.0 } else { -1.0 };
        let mut scene = Scene::new(attacker.clone(), seed ^ 0xACC0);
        scene.stand(
            [side * draws.within((150.0, 190.0)), -20.0, 0.0],
            draws.within((520.0, 640.0)),
        );
        held.panel.place[0] -= side * draws.within((35.0, 60.0));
        held.behind = Behind::Accomplice(Box::new((scene, Performer::new(seed ^ 0xACC0))));
        held
    }

    fn still(
        medium: Medium,
        victim: &Arc<Person>,
        attacker: &Arc<Person>,
        seed: u64,
        answers: bool,
    ) -> Self {
        let picture = Picture::Still(Light::of(&portrait(victim, seed)));
        Self::new(medium, picture, attacker, seed, answers)
    }

    fn new(
        medium: Medium,
        picture: Picture,
        attacker: &Arc<Person>,
        seed: u64,
        answers: bool,
    ) -> Self {
        let mut draws = Draws::new(seed, 0x4E1D);
        let crop = Crop::draw(&mut draws);
        let width = match medium {
            Medium::Paper { .. } => draws.within(PRINT_WIDTH_MM),
            Medium::Screen { .. } => draws.within(SCREEN_WIDTH_MM),
        };
        let height = width * crop.height * FRAME.1 as f32 / (crop.width * FRAME.0 as f32);
        // The face in the picture is brought to the size that a face has.
        let face_mm = FACE_IN_PORTRAIT * height / crop.height;
        let face_px = draws.within(FACE_SHARE) * FRAME.1 as f32;
        let distance_mm = face_mm * FOCAL_PX / face_px;
        let behind = Scene::new(attacker.clone(), seed ^ 0xBE41);
        Self {
            performer: Performer::new(seed),
            answers,
            camera: Camera::new(seed),
            tremor: std::array::from_fn(|_| (draws.within((6.0, 9.0)), draws.unit())),
            panel: Panel {
                size_mm: (width, height),
                bend: 0.0,
                distance_mm,
                place: [6.0 * draws.normal(), 8.0 + 6.0 * draws.normal(), 0.0],
                rest: Posture {
                    yaw_deg: 4.0 * draws.normal(),
                    pitch_deg: 5.0 * draws.normal(),
                    roll_deg: 2.5 * draws.normal(),
                    ..Posture::default()
                },
            },
            crop,
            medium,
            picture,
            behind: Behind::Room(behind.empty()),
            room: [draws.within((0.94, 1.08)), 1.0, draws.within((0.88, 1.04))],
            screen_share: draws.within(SCREEN_SHARE),
            lamp: (350.0 * draws.normal(), -250.0 + 250.0 * draws.normal()),
        }
    }

    /// How the hand holds it: it sways as people do and trembles as hands do.
    fn hold(&mut self, at_s: f64, shown: &Shown) -> Posture {
        let quiet = Shown::default();
        let seen = if self.answers { shown } else { &quiet };
        let mut held = self.performer.posture(at_s, seen);
        for (axis, (hertz, phase)) in self.tremor.into_iter().enumerate() {
            let wave = (std::f64::consts::TAU * (f64::from(hertz) * at_s + f64::from(phase))).sin();
            held.shift_mm[axis] = HAND_MM * held.shift_mm[axis] + 0.25 * wave as f32;
        }
        held.roll_deg *= HAND_DEG;
        held.closed = 0.0;
        held
    }
}

impl Actor for Held {
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage {
        let held = self.hold(at_s, shown);
        let lit = self.camera.lit(at_s, shown);
        let page = linear(lit.colour.map_or(PAGE, |c| c.srgb()));
        let screen = page.map(|v| v * self.screen_share);
        let mut frame = match &mut self.behind {
            Behind::Room(light) => {
                let mut room = light.clone();
                for pixel in &mut room.pixels {
                    for n in 0..3 {
                        pixel[n] *= self.room[n] + 0.2 * screen[n];
                    }
                }
                room
            }
            Behind::Accomplice(both) => {
                let (scene, performer) = &mut **both;
                scene.seen(&performer.posture(at_s, shown), &lit)
            }
        };
        if let Medium::Paper {
            wave: Some(wave), ..
        } = &self.medium
        {
            let turns = std::f64::consts::TAU * f64::from(wave.hertz) * at_s;
            self.panel.bend = wave.base + wave.swing * turns.sin() as f32;
        }
        let picture = match &mut self.picture {
            Picture::Still(still) => still,
            Picture::Film(film) => &Light::of(&film.frame(at_s, shown)),
        };
        let light = Lit {
            room: self.room,
            screen,
            lamp: self.lamp,
        };
        let (crop, medium, panel) = (self.crop, &self.medium, &self.panel);
        panel.draw(&mut frame, &held, |spot| {
            medium.shade(picture, crop, panel.size_mm, spot, &light)
        });
        self.camera.develop(&frame)
    }
}

/// The light that falls on what is held.
struct Lit {
    room: [f32; 3],
    screen: [f32; 3],
    lamp: (f32, f32),
}

impl Lit {
    /// What a mirror shows at a place: the page's screen and a lamp, per unit of reflectance.
    fn mirrored(&self, spot: &Spot, (blur_mm, lamp_mm): (f32, f32)) -> [f32; 3] {
        let screen = SHOWN_LIGHT * screen_in_mirror(spot.mirrored, blur_mm);
        let lamp = LAMP * lamp_in_mirror(spot.mirrored, self.lamp, lamp_mm);
        std::array::from_fn(|n| screen * self.screen[n] + lamp * self.room[n])
    }
}

impl Medium {
    fn shade(
        &self,
        picture: &Light,
        crop: Crop,
        size_mm: (f32, f32),
        spot: Spot,
        lit: &Lit,
    ) -> ([f32; 3], f32) {
        match self {
            Self::Paper { gloss, .. } => {
                let ink = crop.of(picture, spot.u, spot.v);
                let mirror = lit.mirrored(&spot, PAPER_MIRROR_MM);
                let paper = printed(ink);
                let light = std::array::from_fn(|n| {
                    paper[n] * (lit.room[n] + spot.diffuse * lit.screen[n]) + gloss * mirror[n]
                });
                (light, 1.0)
            }
            Self::Screen {
                luminance,
                pitch_mm,
                moire,
                bezel,
                case,
            } => {
                let mirror = lit.mirrored(&spot, GLASS_MIRROR_MM);
                // The glass goes on over the frame.
                let (u, v) = bezel_in(spot, *bezel, size_mm);
                if !(0.0..=1.0).contains(&u) || !(0.0..=1.0).contains(&v) {
                    let light = std::array::from_fn(|n| case[n] * lit.room[n] + GLASS * mirror[n]);
                    return (light, 1.0);
                }
                let own = crop.of(picture, u, v);
                let (x, y) = (spot.u * size_mm.0 / pitch_mm, spot.v * size_mm.1 / pitch_mm);
                let light = std::array::from_fn(|n| {
                    // Stripes of red, green and blue across, rows down, taken at the camera's own grid.
                    let across = (std::f32::consts::TAU * (x + n as f32 / 3.0)).cos();
                    let down = (std::f32::consts::TAU * y).cos();
                    let grid = 1.0 + moire * (across + 0.6 * down);
                    // A screen's black is not black in a lit room.
                    let black = 0.012 * (lit.room[n] + spot.diffuse * lit.screen[n]);
                    luminance * own[n] * grid + black + GLASS * mirror[n]
                });
                (light, 1.0)
            }
        }
    }
}

impl Crop {
    fn draw(draws: &mut Draws) -> Self {
        let height = draws.within(CROP);
        let width = height * draws.within((0.62, 1.0));
        Self {
            left: 0.5 - width / 2.0,
            top: (0.47 - height / 2.0).max(0.0),
            width,
            height,
        }
    }

    fn of(self, picture: &Light, u: f32, v: f32) -> [f32; 3] {
        picture.at(
            (self.left + self.width * u) * picture.width as f32,
            (self.top + self.height * v) * picture.height as f32,
        )
    }
}

fn a_screen(seed: u64) -> Medium {
    let mut draws = Draws::new(seed, 0x7AB1);
    let case = if draws.chance(0.75) { 0.015 } else { 0.6 };
    Medium::Screen {
        luminance: draws.within(SCREEN_LUMINANCE),
        pitch_mm: draws.within(PIXEL_PITCH_MM),
        moire: draws.within(MOIRE),
        bezel: draws.within((4.0, 14.0)),
        case: [case; 3],
    }
}

/// The place within the shining part of a screen with a frame of `bezel` millimetres.
fn bezel_in(spot: Spot, bezel: f32, (width, height): (f32, f32)) -> (f32, f32) {
    let inner = |at: f32, size: f32| (at * size - bezel) / (size - 2.0 * bezel);
    (inner(spot.u, width), inner(spot.v, height))
}

/// What ink on paper makes of a colour: no black, no white, a little greyer.
pub(super) fn printed(colour: [f32; 3]) -> [f32; 3] {
    let grey = luminance(colour);
    let (black, white) = PAPER;
    colour.map(|v| black + (white - black) * (0.9 * v + 0.1 * grey).min(1.0))
}

/// Height of a face in a portrait, as a share of the picture's.
const FACE_IN_PORTRAIT: f32 = 0.42;
/// How far paper and glass blur what they mirror, and how wide a lamp then is.
const PAPER_MIRROR_MM: (f32, f32) = (80.0, 110.0);
const GLASS_MIRROR_MM: (f32, f32) = (6.0, 30.0);
/// A lamp over the light that it gives a wall.
const LAMP: f32 = 6.0;
