//! A person as the simulation knows one: a photograph laid over a head with depth.
//!
//! The photograph is taken as seen from far away; its 68 points give the head's size and place, common head
//! measurements the depth. What is behind the head is not in the photograph and is filled in smoothly.

use super::light::{Light, linear, luminance, smooth};
use super::params::{
    CROWN_MM, DEPTHS_MM, HEAD_HALF_WIDTH_MM, MESH_STEP_MM, NECK_LENGTH_MM, NECK_MM,
    OUTLINE_SOFT_MM, PUPILS_MM, SKULL_MM, SURFACE_SLACK,
};
use super::space::{Vector, unit};
use super::surface::Surface;
use crate::face::geometry::Point;
use crate::face::params::LANDMARK_COUNT;
use crate::sample::RgbImage;

/// A photograph made into a head; shared by all sessions that this person plays.
pub struct Person {
    pub(super) skin: Skin,
    pub(super) mesh: Mesh,
    pub(super) eyes: [Eye; 2],
    /// Chin below the eyes.
    pub(super) chin_mm: f32,
    outline: Vec<[f32; 2]>,
    photo: Light,
    known: Vec<bool>,
    frame: HeadFrame,
}

/// The photograph in the head's own frame, upright, a texel every [`TEXEL_MM`].
#[derive(Clone)]
pub(super) struct Skin {
    pub(super) light: Light,
    pub(super) cover: Vec<f32>,
}

/// The relief, row by row.
pub(super) struct Mesh {
    pub(super) columns: usize,
    pub(super) corners: Vec<Relief>,
}

/// A corner of the relief.
#[derive(Clone, Copy)]
pub(super) struct Relief {
    pub(super) place: Vector,
    pub(super) normal: Vector,
    /// How much of the head's movement it takes: 1 the head, 0 the trunk.
    pub(super) follows: f32,
    pub(super) seen: bool,
}

/// An eye's opening, in the head's frame.
#[derive(Clone, Copy)]
pub(super) struct Eye {
    /// Six points, clockwise from the image-left corner.
    rim: [[f32; 2]; 6],
    /// Free skin between the lid and the brow.
    lid_mm: f32,
}

/// From the head's millimetres to the photograph's pixels.
#[derive(Clone, Copy)]
struct HeadFrame {
    middle: Point,
    cos: f64,
    sin: f64,
    px_per_mm: f64,
}

impl HeadFrame {
    fn of(points: &[Point; LANDMARK_COUNT]) -> Option<Self> {
        let centre = |first: usize| Point {
            x: points[first..first + 6].iter().map(|p| p.x).sum::<f64>() / 6.0,
            y: points[first..first + 6].iter().map(|p| p.y).sum::<f64>() / 6.0,
        };
        let (left, right) = (centre(36), centre(42));
        let distance = left.distance(right);
        let usable = distance.is_finite() && distance >= LEAST_PUPILS_PX && right.x > left.x;
        usable.then(|| Self {
            middle: left.midpoint(right),
            cos: (right.x - left.x) / distance,
            sin: (right.y - left.y) / distance,
            px_per_mm: distance / f64::from(PUPILS_MM),
        })
    }

    fn to_photo(self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (f64::from(x) * self.px_per_mm, f64::from(y) * self.px_per_mm);
        (
            (self.middle.x + self.cos * x - self.sin * y) as f32,
            (self.middle.y + self.sin * x + self.cos * y) as f32,
        )
    }

    fn to_head(self, p: Point) -> [f32; 2] {
        let (x, y) = (p.x - self.middle.x, p.y - self.middle.y);
        [
            ((self.cos * x + self.sin * y) / self.px_per_mm) as f32,
            ((self.cos * y - self.sin * x) / self.px_per_mm) as f32,
        ]
    }
}

impl Person {
    /// The head of the person whose face these 68 points mark; `None` when they make none, or one too small.
    #[must_use]
    pub fn new(photo: &RgbImage, points: &[Point; LANDMARK_COUNT]) -> Option<Self> {
        if photo.pixels.len() != photo.width * photo.height * 3 || photo.pixels.is_empty() {
            return None;
        }
        let frame = HeadFrame::of(points)?;
        let marks = points.map(|p| frame.to_head(p));
        let chin_mm = marks[8][1];
        let plausible = (60.0..190.0).contains(&chin_mm)
            && marks.iter().all(|m| m.iter().all(|v| v.abs() < 250.0));
        if !plausible {
            return None;
        }
        let outline = outline(&marks);
        let mut light = Light::of(photo);
        if is_grey(photo) {
            tint(&mut light, &frame, &outline, &marks);
        }
        let known = known(photo);
        let photo = light.doubled();
        let surface = Surface::through(&controls(&marks), SURFACE_SLACK)?;
        let skin = skin(&photo, &frame, &outline, chin_mm);
        let mesh = mesh(&surface, &skin, chin_mm);
        let eye = |first: usize, brow: [usize; 2]| {
            let rim: [[f32; 2]; 6] = std::array::from_fn(|i| marks[first + i]);
            let lid = f32::midpoint(rim[1][1], rim[2][1]);
            let above = f32::midpoint(marks[brow[0]][1], marks[brow[1]][1]);
            Eye {
                rim,
                lid_mm: (0.6 * (lid - above)).clamp(3.0, 10.0),
            }
        };
        Some(Self {
            eyes: [eye(36, [19, 20]), eye(42, [23, 24])],
            skin,
            mesh,
            chin_mm,
            outline,
            photo,
            known,
            frame,
        })
    }

    /// What is at a place of the plane of the trunk, and how far it is known: neither the head nor the
    /// outside of the photograph.
    pub(super) fn behind(&self, x: f32, y: f32) -> ([f32; 3], f32) {
        let (px, py) = self.frame.to_photo(x, y);
        let (width, height) = (self.photo.width / 2, self.photo.height / 2);
        if px < EDGE_PX
            || py < EDGE_PX
            || px > width as f32 - EDGE_PX
            || py > height as f32 - EDGE_PX
        {
            return ([0.0; 3], 0.0);
        }
        let at = py as usize * width + px as usize;
        let inside = distance(&self.outline, [x, y]) < BEHIND_MARGIN_MM && y < self.chin_mm - 15.0;
        let weight = if inside || !self.known[at] { 0.0 } else { 1.0 };
        (self.photo.at(2.0 * px, 2.0 * py), weight)
    }
}

impl Skin {
    /// Light and cover at a place of the head's frame.
    pub(super) fn at(&self, x: f32, y: f32) -> ([f32; 3], f32) {
        let (u, v) = texel(x, y);
        let (i, j) = (
            (u.max(0.0) as usize).min(SKIN.0 - 1),
            (v.max(0.0) as usize).min(SKIN.1 - 1),
        );
        (self.light.at(u, v), self.cover[j * SKIN.0 + i])
    }

    /// Draws the lid down over an eye: `closed` from 0 (as photographed) to 1. The lid is the skin above the
    /// eye drawn out, its lashes at its edge.
    pub(super) fn close(&mut self, open: &Self, eye: &Eye, closed: f32) {
        let (left, right) = (eye.rim[0][0], eye.rim[3][0]);
        let (from, to) = (texel(left, 0.0).0 as usize, texel(right, 0.0).0 as usize);
        for i in from..=to.min(SKIN.0 - 1) {
            let x = (i as f32 + 0.5) * TEXEL_MM - SKIN_ORIGIN_MM.0;
            let upper = eye.edge(x, [0, 1, 2, 3]);
            let lower = eye.edge(x, [0, 5, 4, 3]);
            let top = upper - eye.lid_mm;
            let line = upper + closed * (lower + LID_OVERLAP_MM - upper).max(0.0);
            let rows = texel(0.0, top).1.max(0.0) as usize
                ..=(texel(0.0, lower + 3.0).1.max(0.0) as usize).min(SKIN.1 - 1);
            for j in rows {
                let y = (j as f32 + 0.5) * TEXEL_MM - SKIN_ORIGIN_MM.1;
                let source = if y < top || y > line {
                    y
                } else {
                    top + (y - top) * (upper - top) / (line - top).max(1e-3)
                };
                let (u, v) = texel(x, source);
                self.light.pixels[j * SKIN.0 + i] = open.light.at(u, v);
            }
        }
    }
}

impl Eye {
    /// The middle of the opening.
    pub(super) fn middle(&self) -> [f32; 2] {
        let mean = |n: usize| self.rim.iter().map(|p| p[n]).sum::<f32>() / 6.0;
        [mean(0), mean(1)]
    }

    /// Signed distance to the opening, negative inside.
    pub(super) fn distance(&self, place: [f32; 2]) -> f32 {
        distance(&self.rim, place)
    }

    /// The height of a rim at `x`, along four of its points.
    fn edge(&self, x: f32, along: [usize; 4]) -> f32 {
        let points = along.map(|i| self.rim[i]);
        for pair in points.windows(2) {
            let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
            if x <= x1 && x1 > x0 {
                return y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0);
            }
        }
        points[3][1]
    }
}

/// The place in the skin's grid, texels.
fn texel(x: f32, y: f32) -> (f32, f32) {
    (
        (x + SKIN_ORIGIN_MM.0) / TEXEL_MM,
        (y + SKIN_ORIGIN_MM.1) / TEXEL_MM,
    )
}

/// The jaw, and an arch over hair and ears.
fn outline(marks: &[[f32; 2]; LANDMARK_COUNT]) -> Vec<[f32; 2]> {
    let (left, right) = (marks[0], marks[16]);
    let mut outline: Vec<[f32; 2]> = marks[..17].to_vec();
    let middle = f32::midpoint(left[0], right[0]);
    let half = (0.5 * (right[0] - left[0]) + EARS_MM).clamp(60.0, HEAD_HALF_WIDTH_MM + 8.0);
    let foot = f32::midpoint(left[1], right[1]) - 4.0;
    for step in 0..=ARCH_STEPS {
        let angle = std::f32::consts::PI * step as f32 / ARCH_STEPS as f32;
        // Flatter than a circle at the sides: temples go straight up.
        let lift = angle.sin().max(0.0).powf(0.75);
        outline.push([middle + half * angle.cos(), foot - (CROWN_MM + foot) * lift]);
    }
    outline
}

/// Signed distance to a closed polygon, negative inside.
fn distance(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> f32 {
    let mut least = f32::INFINITY;
    let mut inside = false;
    for (i, a) in polygon.iter().enumerate() {
        let b = polygon[(i + 1) % polygon.len()];
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let t =
            (((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
        least = least.min((x - a[0] - t * dx).hypot(y - a[1] - t * dy));
        if (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * dx {
            inside = !inside;
        }
    }
    if inside { -least } else { least }
}

fn controls(marks: &[[f32; 2]; LANDMARK_COUNT]) -> Vec<Vector> {
    let chin = marks[8][1];
    let of_marks = marks
        .iter()
        .zip(DEPTHS_MM)
        .map(|(mark, depth)| [mark[0], mark[1], depth]);
    let of_neck = NECK_MM.map(|[x, y, z]| [x, chin + y, z]);
    of_marks.chain(SKULL_MM).chain(of_neck).collect()
}

fn skin(photo: &Light, frame: &HeadFrame, outline: &[[f32; 2]], chin_mm: f32) -> Skin {
    let mut light = Light::filled(SKIN.0, SKIN.1, [0.0; 3]);
    let mut cover = vec![0.0; SKIN.0 * SKIN.1];
    for j in 0..SKIN.1 {
        for i in 0..SKIN.0 {
            let x = (i as f32 + 0.5) * TEXEL_MM - SKIN_ORIGIN_MM.0;
            let y = (j as f32 + 0.5) * TEXEL_MM - SKIN_ORIGIN_MM.1;
            let (px, py) = frame.to_photo(x, y);
            let at = j * SKIN.0 + i;
            light.pixels[at] = photo.at(2.0 * px, 2.0 * py);
            let head = 1.0
                - smooth(
                    -OUTLINE_SOFT_MM / 2.0,
                    OUTLINE_SOFT_MM / 2.0,
                    distance(outline, [x, y]),
                );
            let neck = (1.0 - smooth(NECK_HALF_MM - 10.0, NECK_HALF_MM, x.abs()))
                * smooth(chin_mm - 60.0, chin_mm - 40.0, y)
                * (1.0 - smooth(chin_mm + NECK_LENGTH_MM - 12.0, chin_mm + NECK_LENGTH_MM, y));
            cover[at] = head.max(neck);
        }
    }
    Skin { light, cover }
}

fn mesh(surface: &Surface, skin: &Skin, chin_mm: f32) -> Mesh {
    let extent = (SKIN.0 as f32 * TEXEL_MM, SKIN.1 as f32 * TEXEL_MM);
    let columns = (extent.0 / MESH_STEP_MM) as usize + 1;
    let rows = (extent.1 / MESH_STEP_MM) as usize + 1;
    let depth = |x: f32, y: f32| surface.at(x, y).clamp(-110.0, 40.0);
    let mut corners = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let x = column as f32 * MESH_STEP_MM - SKIN_ORIGIN_MM.0;
            let y = row as f32 * MESH_STEP_MM - SKIN_ORIGIN_MM.1;
            let step = MESH_STEP_MM / 2.0;
            let slope = (
                depth(x + step, y) - depth(x - step, y),
                depth(x, y + step) - depth(x, y - step),
            );
            corners.push(Relief {
                place: [x, y, depth(x, y)],
                normal: unit([-slope.0, -slope.1, MESH_STEP_MM]),
                follows: 1.0 - smooth(chin_mm - 5.0, chin_mm + NECK_LENGTH_MM, y),
                seen: skin.at(x, y).1 > 0.0,
            });
        }
    }
    Mesh { columns, corners }
}

/// Whether the photograph has no colour.
fn is_grey(photo: &RgbImage) -> bool {
    let (pixels, _) = photo.pixels.as_chunks::<3>();
    pixels
        .iter()
        .all(|[r, g, b]| r.abs_diff(*g) <= GREY_SPREAD && g.abs_diff(*b) <= GREY_SPREAD)
}

/// Gives a grey photograph the colours of skin, hair and a room.
fn tint(
    light: &mut Light,
    frame: &HeadFrame,
    outline: &[[f32; 2]],
    marks: &[[f32; 2]; LANDMARK_COUNT],
) {
    let ear = f32::midpoint(marks[0][1], marks[16][1]);
    for j in 0..light.height {
        for i in 0..light.width {
            let [x, y] = frame.to_head(Point {
                x: i as f64 + 0.5,
                y: j as f64 + 0.5,
            });
            let pixel = &mut light.pixels[j * light.width + i];
            let value = luminance(*pixel);
            let head = 1.0 - smooth(-4.0, 4.0, distance(outline, [x, y]));
            let neck = (1.0 - smooth(45.0, 60.0, x.abs()))
                * (1.0 - smooth(marks[8][1] + 15.0, marks[8][1] + 40.0, y))
                * smooth(ear, ear + 30.0, y);
            let lips = 1.0 - smooth(-1.0, 1.5, distance(&marks[48..60], [x, y]));
            let skin = head.max(neck) * smooth(0.015, 0.06, value);
            let blend = |n: usize| {
                let face = SKIN_TINT[n] + (LIP_TINT[n] - SKIN_TINT[n]) * lips;
                ROOM_TINT[n] + (face - ROOM_TINT[n]) * skin
            };
            *pixel = [0, 1, 2].map(|n| value * blend(n));
        }
    }
}

/// Which pixels are of the picture: a black border, left by turning it upright, is not.
fn known(photo: &RgbImage) -> Vec<bool> {
    let (width, height) = (photo.width, photo.height);
    let black: Vec<bool> = photo
        .pixels
        .as_chunks::<3>()
        .0
        .iter()
        .map(|p| luminance(linear(*p)) < BORDER_BLACK)
        .collect();
    let mut border = vec![false; black.len()];
    let mut open: Vec<usize> = (0..width)
        .flat_map(|x| [x, (height - 1) * width + x])
        .chain((0..height).flat_map(|y| [y * width, y * width + width - 1]))
        .collect();
    while let Some(at) = open.pop() {
        if border[at] || !black[at] {
            continue;
        }
        border[at] = true;
        let (x, y) = (at % width, at / width);
        if x > 0 {
            open.push(at - 1);
        }
        if x + 1 < width {
            open.push(at + 1);
        }
        if y > 0 {
            open.push(at - width);
        }
        if y + 1 < height {
            open.push(at + width);
        }
    }
    // JPEG smears the border a little.
    (0..black.len())
        .map(|at| {
            let (x, y) = (at % width, at / width);
            let near = |a: usize, size: usize| {
                a.saturating_sub(BORDER_SMEAR_PX)..(a + BORDER_SMEAR_PX + 1).min(size)
            };
            !near(y, height).any(|v| near(x, width).any(|u| border[v * width + u]))
        })
        .collect()
}

/// Size of the skin's grid, what one texel is, and where the middle of the eyes lies in it.
const SKIN: (usize, usize) = (340, 480);
const TEXEL_MM: f32 = 0.7;
const SKIN_ORIGIN_MM: (f32, f32) = (119.0, 142.0);
/// Eyes closer than this in the photograph make a face without features.
const LEAST_PUPILS_PX: f64 = 24.0;
/// From the last point of the jaw to the outside of the ear.
const EARS_MM: f32 = 13.0;
const ARCH_STEPS: usize = 24;
const NECK_HALF_MM: f32 = 62.0;
/// The lid's edge when shut, below the rim of the lower lid.
const LID_OVERLAP_MM: f32 = 0.4;
/// What is closer to the head than this is taken for its hair, not for what is behind.
const BEHIND_MARGIN_MM: f32 = 20.0;
/// Left out at the photograph's edges, pixels.
const EDGE_PX: f32 = 2.0;
const BORDER_BLACK: f32 = 0.004;
const BORDER_SMEAR_PX: usize = 2;
const GREY_SPREAD: u8 = 6;
/// Colours over luma: skin (all tones lie near one hue), lips, indoor things.
const SKIN_TINT: [f32; 3] = [1.42, 0.93, 0.68];
const LIP_TINT: [f32; 3] = [1.62, 0.84, 0.74];
const ROOM_TINT: [f32; 3] = [1.02, 1.0, 0.96];
