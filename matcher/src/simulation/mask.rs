//! A print of a face with holes for the eyes, before somebody else's face.

use super::attack::printed;
use super::light::{Light, linear, smooth};
use super::params::{HOLE_MM, MASK_BEND, MASK_MM, PAGE};
use super::performer::Posture;
use super::person::Person;
use super::raster::{Corner, draw};
use super::space::project;
use super::subject::Scene;
use crate::pad::challenge::Shown;

/// Draws the victim's face in its true size over the head of whoever wears it.
pub(super) fn printed_face(
    frame: &mut Light,
    wearer: &Scene,
    victim: &Person,
    posture: &Posture,
    lit: &Shown,
) {
    let page = linear(lit.colour.map_or(PAGE, |c| c.srgb()));
    let (room, screen) = wearer.lamps(page);
    let (half, top, bottom) = MASK_MM;
    let cells = MASK_CELLS;
    let mut corners = Vec::with_capacity((cells + 1) * (cells + 1));
    for row in 0..=cells {
        for column in 0..=cells {
            let x = half * (2.0 * column as f32 / cells as f32 - 1.0);
            let y = top + (bottom - top) * row as f32 / cells as f32;
            // Held by its sides, paper bends a little around the head.
            let angle = x * MASK_BEND;
            let bent = [
                angle.sin() / MASK_BEND,
                y,
                (angle.cos() - 1.0) / MASK_BEND + MASK_BEFORE_MM,
            ];
            let (place, facing) = wearer.worn(bent, [angle.sin(), 0.0, angle.cos()], posture);
            let (px, py, depth) = project(place, wearer.distance_mm());
            corners.push(Corner {
                x: px,
                y: py,
                depth,
                seen: true,
                carried: [x, y, facing],
            });
        }
    }
    draw(frame, &corners, cells + 1, |[x, y, facing]| {
        let (skin, _) = victim.skin.at(x, y);
        let paper = printed(skin);
        let light = std::array::from_fn(|n| paper[n] * (room[n] + facing * screen[n]));
        let hole = victim
            .eyes
            .iter()
            .map(|eye| smooth(HOLE_MM + 0.7, HOLE_MM - 0.7, eye.distance([x, y])))
            .fold(0.0, f32::max);
        (light, 1.0 - hole)
    });
}

const MASK_CELLS: usize = 28;
/// Before the plane of the eyes: on the nose.
const MASK_BEFORE_MM: f32 = 22.0;
