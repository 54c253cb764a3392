//! Something flat that is held before the camera: where each of its places is seen and how it is lit.

use super::light::{Light, smooth};
use super::params::{PANEL_CELLS, SCREEN_BELOW_MM, SCREEN_HALF_MM};
use super::performer::Posture;
use super::raster::{Corner, draw};
use super::space::{Turn, Vector, add, dot, project, sub, unit};

/// A rectangle in a hand, flat or bent about its upright axis.
#[derive(Clone)]
pub(super) struct Panel {
    pub(super) size_mm: (f32, f32),
    /// One over the radius, 1/mm; positive with the edges away from the camera.
    pub(super) bend: f32,
    pub(super) distance_mm: f32,
    pub(super) place: Vector,
    /// How it is tilted when nobody moves it.
    pub(super) rest: Posture,
}

/// How a place of a panel is seen and lit.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    /// 0 to 1 across and down.
    pub(super) u: f32,
    pub(super) v: f32,
    /// Share of the screen's light that a matt surface takes.
    pub(super) diffuse: f32,
    /// Where a mirror there would show the plane of the camera, millimetres.
    pub(super) mirrored: (f32, f32),
}

impl Panel {
    /// Draws it as it is held; `shade` gives light and cover.
    pub(super) fn draw(
        &self,
        frame: &mut Light,
        held: &Posture,
        shade: impl Fn(Spot) -> ([f32; 3], f32),
    ) {
        let turn = Turn::new(
            self.rest.yaw_deg + held.yaw_deg,
            self.rest.pitch_deg + held.pitch_deg,
            self.rest.roll_deg + held.roll_deg,
        );
        let mut corners = Vec::with_capacity((PANEL_CELLS + 1) * (PANEL_CELLS + 1));
        for row in 0..=PANEL_CELLS {
            for column in 0..=PANEL_CELLS {
                let share = |k: usize| k as f32 / PANEL_CELLS as f32;
                corners.push(self.corner(&turn, held, (share(column), share(row))));
            }
        }
        draw(frame, &corners, PANEL_CELLS + 1, |[u, v, diffuse, x, y]| {
            shade(Spot {
                u,
                v,
                diffuse,
                mirrored: (x, y),
            })
        });
    }

    /// Where a place of it lies, `u` and `v` from 0 to 1.
    fn corner(&self, turn: &Turn, held: &Posture, (u, v): (f32, f32)) -> Corner<5> {
        let (across, down) = ((u - 0.5) * self.size_mm.0, (v - 0.5) * self.size_mm.1);
        let angle = across * self.bend;
        let (local, normal) = if angle.abs() < 1e-4 {
            ([across, down, 0.0], [0.0, 0.0, 1.0])
        } else {
            (
                [
                    angle.sin() / self.bend,
                    down,
                    (angle.cos() - 1.0) / self.bend,
                ],
                [angle.sin(), 0.0, angle.cos()],
            )
        };
        let place = add(add(turn.of(local), self.place), held.shift_mm);
        let normal = turn.of(normal);
        let (x, y, depth) = project(place, self.distance_mm);
        let screen = [0.0, SCREEN_BELOW_MM, self.distance_mm];
        let towards = sub(screen, place);
        let fall = self.distance_mm.powi(2) / dot(towards, towards).max(1e4);
        let eye = unit(sub([0.0, 0.0, self.distance_mm], place));
        let along = 2.0 * dot(normal, eye);
        let ray = sub(normal.map(|n| n * along), eye);
        let reach = (self.distance_mm - place[2]) / ray[2].max(0.05);
        Corner {
            x,
            y,
            depth,
            seen: true,
            carried: [
                u,
                v,
                dot(normal, unit(towards)).max(0.0) * fall,
                place[0] + ray[0] * reach,
                place[1] + ray[1] * reach,
            ],
        }
    }
}

/// How much of the page's screen a mirror shows at a place of the camera's plane, its edges `blur_mm` soft.
pub(super) fn screen_in_mirror((x, y): (f32, f32), blur_mm: f32) -> f32 {
    let inside = |at: f32, half: f32| smooth(half + blur_mm, half - blur_mm, at.abs());
    inside(x, SCREEN_HALF_MM.0) * inside(y - SCREEN_BELOW_MM, SCREEN_HALF_MM.1)
}

/// A lamp of the room in a mirror.
pub(super) fn lamp_in_mirror((x, y): (f32, f32), lamp: (f32, f32), wide_mm: f32) -> f32 {
    let square = ((x - lamp.0).powi(2) + (y - lamp.1).powi(2)) / (wide_mm * wide_mm);
    (-square).exp()
}
