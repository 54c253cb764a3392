//! One touch of a made-up finger on a sensor: where it lay, how it slipped, how dry or wet it was, and what the sensor added.
//!
//! What is true moves along: every minutia is taken through the same placement and slip as the ridges. The appearance follows SFinGe's
//! rendering step (Handbook of Fingerprint Recognition, section 6.5): ridge width by moisture and pressure, breaks and pores,
//! filled valleys, scratches, blur, and an uneven background.

use std::f32::consts::{PI, TAU};

use super::distortion::Distortion;
use super::pattern::Singularity;
use super::random::{Draws, bilinear};
use super::{Condition, Finger, Minutia};
use crate::fingerprint::plane::Plane;
use crate::sample::GreyImage;

/// A picture of a touch and what is true of it.
pub struct Impression {
    /// Dark ridges on a light ground, 500 dpi.
    pub image: GreyImage,
    /// The minutiae that were touched down, in the picture's pixels.
    pub minutiae: Vec<Touched>,
    /// The cores and deltas in the picture's pixels, whether touched or not.
    pub singularities: Vec<Singularity>,
}

/// A minutia that lies in the contact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Touched {
    /// Place, direction and kind in the picture.
    pub minutia: Minutia,
    /// Distance to the edge of the contact or of the picture, about, px.
    pub depth_px: f32,
}

/// From the picture to the finger at rest.
struct Placement {
    frame_middle: (f32, f32),
    finger_middle: (f32, f32),
    cos: f32,
    sin: f32,
    distortion: Distortion,
    /// Centre of the contact from the middle of the finger, and its semi-axes.
    contact: (f32, f32),
    axes: (f32, f32),
}

impl Placement {
    /// A place of the picture as seen from the middle of the contact, the finger upright.
    fn upright(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = (x - self.frame_middle.0, y - self.frame_middle.1);
        (
            self.cos * dx - self.sin * dy - self.contact.0,
            self.cos * dy + self.sin * dx - self.contact.1,
        )
    }

    /// The place of the finger that lies at a place of the picture.
    fn on_finger(&self, x: f32, y: f32) -> (f32, f32) {
        let (u, v) = self.upright(x, y);
        let (u, v) = self.distortion.at_rest(u, v);
        (
            u + self.contact.0 + self.finger_middle.0,
            v + self.contact.1 + self.finger_middle.1,
        )
    }

    /// The place of the picture where a place of the finger comes to lie.
    fn in_picture(&self, x: f32, y: f32) -> (f32, f32) {
        let back = |u: f32, v: f32| (self.cos * u + self.sin * v, self.cos * v - self.sin * u);
        let (u, v) = back(x - self.finger_middle.0, y - self.finger_middle.1);
        let (mut px, mut py) = (u + self.frame_middle.0, v + self.frame_middle.1);
        // The slip is gentle, so walking by what is left over arrives.
        for _ in 0..SOLVE_ROUNDS {
            let (fx, fy) = self.on_finger(px, py);
            let (u, v) = back(x - fx, y - fy);
            (px, py) = (px + u, py + v);
        }
        (px, py)
    }

    /// Distance of a place of the picture to the edge of an even contact, about; negative outside.
    fn depth_px(&self, x: f32, y: f32) -> f32 {
        let (u, v) = self.upright(x, y);
        let radius = (u / self.axes.0).hypot(v / self.axes.1);
        (1.0 - radius) * self.axes.0.min(self.axes.1)
    }

    fn carry(&self, m: &Minutia) -> Minutia {
        let (x, y) = self.in_picture(m.x, m.y);
        let (sin, cos) = m.angle.sin_cos();
        let (ax, ay) = self.in_picture(m.x + cos, m.y - sin);
        Minutia {
            x,
            y,
            angle: (y - ay).atan2(ax - x).rem_euclid(TAU),
            kind: m.kind,
        }
    }
}

const SOLVE_ROUNDS: usize = 12;

pub(super) fn touch(finger: &Finger, seed: u64, condition: &Condition) -> Impression {
    let mut draws = Draws::new(seed, 0x70C4);
    let (width, height) = condition.frame_px;
    let (w, h) = finger.size_px;
    let contact = (
        condition.contact * 0.47 * w as f32 * draws.within((0.94, 1.06)),
        condition.contact * 0.47 * h as f32 * draws.within((0.94, 1.06)),
    );
    let (sin, cos) = condition.turn.sin_cos();
    let placement = Placement {
        frame_middle: (
            width as f32 / 2.0 + condition.shift_px.0,
            height as f32 / 2.0 + condition.shift_px.1,
        ),
        finger_middle: (w as f32 / 2.0, h as f32 / 2.0),
        cos,
        sin,
        distortion: Distortion::draw(condition.distortion, contact, &mut draws),
        contact: condition.contact_at_px,
        axes: contact,
    };
    let ragged = edge(&placement, width, height, &mut draws);
    let mut ink = ridges(finger, &placement, &ragged, condition, &mut draws);
    scratch(&mut ink, condition.scratches, &mut draws);
    pores(finger, &placement, &mut ink, condition, &mut draws);
    let image = sensed(
        &ink.box_mean(1).zip(&ink, |a, b| 0.5 * (a + b)),
        condition,
        &mut draws,
    );

    let to_frame = |m: &Minutia| {
        m.x.min(m.y)
            .min(width as f32 - 1.0 - m.x)
            .min(height as f32 - 1.0 - m.y)
    };
    let touched = |m: &Minutia| {
        let minutia = placement.carry(m);
        let frame = to_frame(&minutia);
        let depth_px = frame.min(ragged.nearest(minutia.x, minutia.y));
        (frame >= 0.0 && depth_px > 0.0).then_some(Touched { minutia, depth_px })
    };
    let moved = |s: &Singularity| {
        let (x, y) = placement.in_picture(s.x, s.y);
        Singularity { x, y, ..*s }
    };
    Impression {
        image,
        minutiae: finger.minutiae.iter().filter_map(touched).collect(),
        singularities: finger.singularities.iter().map(moved).collect(),
    }
}

/// Distance to the ragged edge of the contact, px; negative outside.
fn edge(placement: &Placement, width: usize, height: usize, draws: &mut Draws) -> Plane {
    let (coarse, fine) = (
        draws.field(width, height, 60.0),
        draws.field(width, height, 9.0),
    );
    let mut out = coarse.zip(&fine, |a, b| 3.5 * a + 1.5 * b);
    for (index, value) in out.values.iter_mut().enumerate() {
        *value += placement.depth_px((index % width) as f32, (index / width) as f32);
    }
    out
}

/// Ink of the ridges, 0 to 1.
fn ridges(
    finger: &Finger,
    placement: &Placement,
    ragged: &Plane,
    condition: &Condition,
    draws: &mut Draws,
) -> Plane {
    let (width, height) = condition.frame_px;
    let [broad, middle, fine] = [70.0, 22.0, 3.0].map(|grain| draws.field(width, height, grain));
    let breaks = draws.field(width, height, 7.0);
    let fills = draws.field(width, height, 12.0);
    let (dry, wet) = ((-condition.moisture).max(0.0), condition.moisture.max(0.0));
    let mut ink = Plane::filled(width, height, 0.0);
    for (index, value) in ink.values.iter_mut().enumerate() {
        let depth = ragged.values[index];
        if depth <= 0.0 {
            continue;
        }
        let (x, y) = placement.on_finger((index % width) as f32, (index / width) as f32);
        let ridge = if finger.holds(x, y) {
            bilinear(&finger.ridges, x, y)
        } else {
            -1.0
        };
        // Broad ridges where it is wet or pressed, narrow ones where dry and towards the rim.
        let rim = (-depth / 14.0).exp();
        let width_bias = 0.12 + 0.5 * wet - 0.35 * dry - 0.5 * rim
            + (0.12 + 0.2 * condition.unevenness) * broad.values[index]
            + (0.06 + 0.12 * condition.unevenness) * middle.values[index];
        let grain = (0.10 + 0.35 * dry + 0.1 * rim) * fine.values[index];
        let mut v = 0.5 + 0.5 * (2.4 * (ridge + width_bias + grain)).tanh();
        // Dry skin touches in patches; wet skin fills valleys.
        let gap = breaks.values[index] + 0.6 * broad.values[index] - (2.4 - 2.0 * dry);
        v *= 1.0 - (1.4 * gap).clamp(0.0, 0.95) * (2.0 * dry).min(1.0);
        let fill = fills.values[index] + 0.5 * broad.values[index] - (2.2 - 1.7 * wet);
        v = v.max((0.9 * fill).clamp(0.0, 0.85) * (2.0 * wet).min(1.0));
        *value = v * (depth / 3.0).min(1.0);
    }
    ink
}

/// White lines across everything: scars and creases.
fn scratch(ink: &mut Plane, count: usize, draws: &mut Draws) {
    let (w, h) = (ink.width as f32, ink.height as f32);
    for _ in 0..count {
        let (x0, y0) = (
            draws.within((0.15, 0.85)) * w,
            draws.within((0.15, 0.85)) * h,
        );
        let (sin, cos) = draws.within((0.0, PI)).sin_cos();
        let half_length = draws.within((15.0, 0.22 * w.min(h)));
        let half_width = draws.within((0.5, 1.6));
        let bend = draws.within((-0.0015, 0.0015));
        for y in 0..ink.height {
            for x in 0..ink.width {
                let (dx, dy) = (x as f32 - x0, y as f32 - y0);
                let along = dx * cos + dy * sin;
                let across = dy * cos - dx * sin - bend * along * along;
                // Thinner towards its ends.
                let share = 1.0 - (along / half_length).powi(2);
                if share > 0.0 && across.abs() < half_width * share.sqrt() {
                    ink.values[y * ink.width + x] *= 0.15;
                }
            }
        }
    }
}

/// Pores: light dots along the middle of the ridges, closed when wet.
fn pores(
    finger: &Finger,
    placement: &Placement,
    ink: &mut Plane,
    condition: &Condition,
    draws: &mut Draws,
) {
    let open = 0.55 - 0.6 * condition.moisture.max(0.0);
    if open <= 0.0 {
        return;
    }
    // The same on every touch: drawn from the finger.
    let mut places = Draws::new(finger.seed, 0x9083);
    let (w, h) = (finger.size_px.0 as f32, finger.size_px.1 as f32);
    let tries = (w * h / (finger.period_px * finger.period_px)) as usize * 4;
    for _ in 0..tries {
        let (fx, fy) = (places.unit() * w, places.unit() * h);
        if bilinear(&finger.ridges, fx, fy) < 0.85 || draws.chance(0.35) {
            continue;
        }
        let (x, y) = placement.in_picture(fx, fy);
        let (left, top) = (x.round() as isize - 2, y.round() as isize - 2);
        for j in top..=top + 4 {
            for i in left..=left + 4 {
                if i < 0 || j < 0 || i >= ink.width as isize || j >= ink.height as isize {
                    continue;
                }
                let square = (i as f32 - x).powi(2) + (j as f32 - y).powi(2);
                let index = j as usize * ink.width + i as usize;
                ink.values[index] *= 1.0 - open * (-square / 1.1).exp();
            }
        }
    }
}

/// The picture that a sensor gives of the ink.
fn sensed(ink: &Plane, condition: &Condition, draws: &mut Draws) -> GreyImage {
    let (width, height) = (ink.width, ink.height);
    let ground = draws.within((222.0, 246.0));
    let contrast = condition.contrast * draws.within((170.0, 200.0));
    let shade = draws.field(width, height, 130.0);
    let columns: Vec<f32> = (0..width).map(|_| draws.normal()).collect();
    let noise = 1.5 + 14.0 * condition.noise;
    let values = (0..width * height).map(|index| {
        let light = ground - contrast * ink.values[index];
        let uneven = 4.0 * shade.values[index] + (0.5 + condition.noise) * columns[index % width];
        (light + uneven + noise * draws.normal()).clamp(0.0, 255.0) as u8
    });
    GreyImage {
        width,
        height,
        pixels: values.collect(),
    }
}
