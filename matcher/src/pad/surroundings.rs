//! Surroundings: a print or a screen that is moved carries its own background along; a person leaves the
//! wall where it is.
//!
//! A small grey copy of each frame is compared with one of a moment before, in a ring around the head and
//! above the shoulders: once where it was, once shifted as the face moved. The figure is +1 where the ring
//! moved with the face, -1 where it stayed.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::super::face::geometry::Rect;
use super::params::{SURROUNDINGS_GAP_S, SURROUNDINGS_LEAST_ERROR, SURROUNDINGS_LEAST_SHIFT};
use crate::face::Face;
use crate::sample::RgbImage;

/// The last moments, small and grey; wiped when dropped.
#[derive(Default)]
pub(super) struct Surroundings {
    recent: VecDeque<Small>,
    stayed: f64,
    moved: f64,
}

struct Small {
    at_s: f64,
    width: usize,
    height: usize,
    grey: Zeroizing<Vec<u8>>,
    /// In pixels of the small copy.
    bbox: Rect,
    eyes: (f64, f64),
}

impl Surroundings {
    /// Takes the next frame.
    pub(super) fn take(&mut self, at_s: f64, image: &RgbImage, face: &Face) {
        let Some(small) = Small::of(at_s, image, face) else {
            return;
        };
        if let Some(before) = self
            .recent
            .iter()
            .rev()
            .find(|s| at_s - s.at_s >= SURROUNDINGS_GAP_S)
            && (before.width, before.height) == (small.width, small.height)
        {
            let (stayed, moved) = errors(before, &small);
            self.stayed += stayed;
            self.moved += moved;
        }
        self.recent.push_back(small);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// -1 stayed to +1 moved with the face; `None` while the face has not moved before enough texture.
    pub(super) fn figure(&self) -> Option<f64> {
        let both = self.stayed + self.moved;
        (both >= SURROUNDINGS_LEAST_ERROR).then(|| (self.stayed - self.moved) / both)
    }
}

impl Small {
    fn of(at_s: f64, image: &RgbImage, face: &Face) -> Option<Self> {
        let step = (image.width / WIDTH).max(1);
        let (width, height) = (image.width / step, image.height / step);
        if width == 0 || height == 0 {
            return None;
        }
        let mut grey = Zeroizing::new(Vec::with_capacity(width * height));
        for y in 0..height {
            for x in 0..width {
                let mut sum = 0_u32;
                for row in y * step..(y + 1) * step {
                    let from = (row * image.width + x * step) * 3;
                    sum += image.pixels[from..from + step * 3]
                        .chunks_exact(3)
                        .map(|p| u32::from(p[1]))
                        .sum::<u32>();
                }
                grey.push((sum / (step * step) as u32) as u8);
            }
        }
        let scale = step as f64;
        let [left, right, ..] = face.landmarks;
        let eyes = left.midpoint(right);
        Some(Self {
            at_s,
            width,
            height,
            grey,
            bbox: Rect {
                x: face.bbox.x / scale,
                y: face.bbox.y / scale,
                width: face.bbox.width / scale,
                height: face.bbox.height / scale,
            },
            eyes: (eyes.x / scale, eyes.y / scale),
        })
    }
}

/// How wrong it is that the ring stayed, and that it moved with the face; both 0 when the face hardly moved.
fn errors(before: &Small, now: &Small) -> (f64, f64) {
    let (dx, dy) = (now.eyes.0 - before.eyes.0, now.eyes.1 - before.eyes.1);
    if dx.hypot(dy) < SURROUNDINGS_LEAST_SHIFT || !dx.is_finite() || !dy.is_finite() {
        return (0.0, 0.0);
    }
    let (dx, dy) = (dx.round() as i64, dy.round() as i64);
    let at = |small: &Small, x: i64, y: i64| -> Option<f64> {
        let inside = x >= 0 && y >= 0 && x < small.width as i64 && y < small.height as i64;
        inside.then(|| f64::from(small.grey[y as usize * small.width + x as usize]))
    };
    let (mut stayed, mut moved, mut n) = (0.0, 0.0, 0.0);
    for y in 0..now.height as i64 {
        for x in 0..now.width as i64 {
            if !(in_ring(&now.bbox, x, y) && in_ring(&before.bbox, x, y)) {
                continue;
            }
            if let (Some(here), Some(there), Some(carried)) =
                (at(now, x, y), at(before, x, y), at(before, x - dx, y - dy))
            {
                stayed += (here - there).abs();
                moved += (here - carried).abs();
                n += 1.0;
            }
        }
    }
    if n < LEAST_PIXELS {
        (0.0, 0.0)
    } else {
        (stayed / n, moved / n)
    }
}

/// Outside the hair, inside twice the box or so, above the chin.
fn in_ring(bbox: &Rect, x: i64, y: i64) -> bool {
    let centre = bbox.centre();
    let across = (x as f64 + 0.5 - centre.x).abs() / bbox.width;
    let down = (y as f64 + 0.5 - centre.y) / bbox.height;
    let outside_the_hair = across > 0.8 || down < -0.95;
    outside_the_hair && across < 1.4 && (-1.4..0.3).contains(&down)
}

/// Width of the small copy, pixels, or a little more.
const WIDTH: usize = 160;
/// Frames that are kept small.
const RECENT: usize = 8;
/// Fewer pixels of the ring say nothing.
const LEAST_PIXELS: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::super::super::face::geometry::Point;
    use super::*;

    fn frame(shift: f64, carried: bool) -> (RgbImage, Face) {
        let (width, height) = (640, 480);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let x = x as f64 - if carried { shift } else { 0.0 };
                let texture = (x * 0.11).sin() + (y as f64 * 0.07 + x * 0.05).cos();
                pixels.extend([(120.0 + 50.0 * texture) as u8; 3]);
            }
        }
        let bbox = Rect {
            x: 250.0 + shift,
            y: 170.0,
            width: 130.0,
            height: 160.0,
        };
        let p = |x: f64, y: f64| Point {
            x: bbox.x + x,
            y: bbox.y + y,
        };
        let landmarks = [
            p(35.0, 60.0),
            p(95.0, 60.0),
            p(65.0, 95.0),
            p(40.0, 125.0),
            p(90.0, 125.0),
        ];
        (
            RgbImage {
                width,
                height,
                pixels,
            },
            Face {
                bbox,
                score: 0.9,
                landmarks,
                rank: 1.0,
            },
        )
    }

    fn watched(carried: bool) -> Option<f64> {
        let mut surroundings = Surroundings::default();
        for i in 0..10 {
            let (image, face) = frame(f64::from(i) * 12.0, carried);
            surroundings.take(f64::from(i) * 0.3, &image, &face);
        }
        surroundings.figure()
    }

    #[test]
    fn a_carried_background_is_told_from_a_wall() {
        assert!(watched(true).expect("it moved") > 0.8);
        assert!(watched(false).expect("it moved") < -0.8);
    }
}
