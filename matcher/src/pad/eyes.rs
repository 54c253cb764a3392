//! Eyes: how much both still look as they did at rest.
//!
//! The 68 points hardly see a blink: of nine photographs of shut eyes (AT&T), the aspect is between 0.77 and
//! 1.05 of the same person's open one. A lid that comes down changes the eye's own picture more than anything else does while the head
//! rests: iris and white give way to skin. So the grey patch around each eye is correlated with the patch of
//! the same eye at rest, wherever it fits best within a few pixels; brightness and contrast cancel. The
//! bridge of the nose is the control: what changes all of the face, or covers it, is no blink.

use zeroize::Zeroizing;

use super::super::face::geometry::Point;
use super::params::BLINK_LEAST_CONTROL;
use crate::face::Face;
use crate::sample::RgbImage;

/// The patches of one frame; wiped when dropped.
#[derive(Debug, Clone)]
pub struct Eyes {
    patches: [Patch; 3],
}

/// Grey values with a margin to search in.
#[derive(Debug, Clone)]
struct Patch(Zeroizing<Vec<f32>>);

/// How like two frames' patches are: correlations, -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Of the eyes: their mean.
    pub eyes: f64,
    /// Of the bridge of the nose.
    pub control: f64,
}

impl Eyes {
    /// The patches of a face; `None` where they do not lie in the image, or are too small.
    #[must_use]
    pub fn of(image: &RgbImage, face: &Face) -> Option<Self> {
        let [left, right, nose, ..] = face.landmarks;
        let distance = left.distance(right);
        if distance < LEAST_DISTANCE_PX || !distance.is_finite() {
            return None;
        }
        let along = (
            (right.x - left.x) / distance * CELL * distance,
            (right.y - left.y) / distance * CELL * distance,
        );
        let bridge = left.midpoint(right).midpoint(nose);
        let patch = |centre| Patch::of(image, centre, along);
        Some(Self {
            patches: [patch(left)?, patch(right)?, patch(bridge)?],
        })
    }

    /// Of some frames', those most like all the others: a blink among them is not the rest.
    pub(super) fn most_usual<'a>(frames: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let common = |one: &Self| -> f64 { frames.clone().map(|f| f.likeness(one).eyes).sum() };
        let best = frames
            .clone()
            .map(|f| (f, common(f)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(f, _)| f.clone())
    }

    /// How like they are to those at rest.
    #[must_use]
    pub fn likeness(&self, rest: &Self) -> Likeness {
        let [left, right, control] =
            [0, 1, 2].map(|i| self.patches[i].correlation(&rest.patches[i]));
        Likeness {
            eyes: f64::midpoint(left, right),
            control,
        }
    }
}

impl Likeness {
    /// Whether the face is the one at rest, but for the eyes.
    #[must_use]
    pub(super) fn holds(&self) -> bool {
        self.control >= BLINK_LEAST_CONTROL
    }
}

impl Patch {
    fn of(image: &RgbImage, centre: Point, (ux, uy): (f64, f64)) -> Option<Self> {
        let mut values = Zeroizing::new(Vec::with_capacity(WIDE * HIGH));
        for row in 0..HIGH {
            for column in 0..WIDE {
                let a = column as f64 - (WIDE - 1) as f64 / 2.0;
                let b = row as f64 - (HIGH - 1) as f64 / 2.0;
                let place = (centre.x + a * ux - b * uy, centre.y + a * uy + b * ux);
                values.push(grey(image, place)?);
            }
        }
        Some(Self(values))
    }

    /// The best correlation of this patch's middle with a part of the other.
    fn correlation(&self, rest: &Self) -> f64 {
        let mut best = -1.0f64;
        for down in 0..=2 * SEARCH {
            for across in 0..=2 * SEARCH {
                best = best.max(correlation(self, (SEARCH, SEARCH), rest, (across, down)));
            }
        }
        best
    }
}

/// The correlation of a window of one patch with a window of another; 0 where one is flat.
fn correlation(a: &Patch, from: (usize, usize), b: &Patch, to: (usize, usize)) -> f64 {
    let (mut n, mut sa, mut sb, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for row in 0..HIGH - 2 * SEARCH {
        for column in 0..WIDE - 2 * SEARCH {
            let x = f64::from(a.0[(from.1 + row) * WIDE + from.0 + column]);
            let y = f64::from(b.0[(to.1 + row) * WIDE + to.0 + column]);
            n += 1.0;
            sa += x;
            sb += y;
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
    }
    let (va, vb) = (aa - sa * sa / n, bb - sb * sb / n);
    if va < FLAT * n || vb < FLAT * n {
        return 0.0;
    }
    (ab - sa * sb / n) / (va * vb).sqrt()
}

/// Bilinear green; `None` outside the image.
fn grey(image: &RgbImage, (x, y): (f64, f64)) -> Option<f32> {
    let (x, y) = (x - 0.5, y - 0.5);
    let inside = x >= 0.0
        && y >= 0.0
        && x + 1.0 < (image.width - 1) as f64
        && y + 1.0 < (image.height - 1) as f64;
    if !inside {
        return None;
    }
    let (i, j) = (x as usize, y as usize);
    let (u, v) = (x - i as f64, y - j as f64);
    let at = |i: usize, j: usize| f64::from(image.pixels[(j * image.width + i) * 3 + 1]);
    let upper = at(i, j) * (1.0 - u) + at(i + 1, j) * u;
    let lower = at(i, j + 1) * (1.0 - u) + at(i + 1, j + 1) * u;
    Some((upper * (1.0 - v) + lower * v) as f32)
}

/// A cell of a patch in distances between the eyes: a millimetre and a quarter.
const CELL: f64 = 0.02;
/// Cells that a patch may lie elsewhere, each way.
const SEARCH: usize = 3;
/// Cells across and down: the opening of an eye and a little of its lids, and the margin.
const WIDE: usize = 26 + 2 * SEARCH;
const HIGH: usize = 14 + 2 * SEARCH;
/// Eyes closer than this have no picture.
const LEAST_DISTANCE_PX: f64 = 24.0;
/// Variance below which a patch is flat.
const FLAT: f64 = 4.0;

#[cfg(test)]
impl Eyes {
    /// Drawn eyes: 1 is open, 0 is shut.
    pub(super) fn drawn(open: f32) -> Self {
        let patch = |open: f32| {
            let value = |i: usize| {
                let (x, y) = ((i % WIDE) as f32 / 4.0, (i / WIDE) as f32 / 4.0);
                120.0 + 40.0 * (open * (x.sin() + y.cos()) + (1.0 - open) * (x + 2.0 * y).cos())
            };
            Patch(Zeroizing::new((0..WIDE * HIGH).map(value).collect()))
        };
        Self {
            patches: [patch(open), patch(open), patch(1.0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shut_eyes_are_unlike_open_ones_and_brightness_changes_nothing() {
        let open = Eyes::drawn(1.0);
        let same = open.likeness(&Eyes::drawn(1.0));
        assert!(same.eyes > 0.999 && same.holds(), "{same:?}");
        let shut = Eyes::drawn(0.0).likeness(&open);
        assert!(shut.eyes < 0.8 && shut.holds(), "{shut:?}");
        let mut bright = open.clone();
        for patch in &mut bright.patches {
            patch.0.iter_mut().for_each(|v| *v = 10.0 + 0.7 * *v);
        }
        assert!(bright.likeness(&open).eyes > 0.999);
    }

    #[test]
    fn a_blink_among_the_frames_is_not_the_rest() {
        let frames = [0.0, 1.0, 0.95, 0.9].map(Eyes::drawn);
        let rest = Eyes::most_usual(frames.iter()).expect("there are frames");
        assert!(rest.likeness(&frames[1]).eyes > 0.95);
        assert!(Eyes::most_usual(std::iter::empty::<&Eyes>()).is_none());
    }

    #[test]
    fn eyes_at_the_edge_have_no_picture() {
        let image = RgbImage {
            width: 100,
            height: 100,
            pixels: vec![90; 30_000],
        };
        let p = |x: f64, y: f64| Point { x, y };
        let mut face = Face {
            bbox: crate::face::geometry::Rect {
                x: 0.0,
                y: 0.0,
                width: 100.0,
                height: 100.0,
            },
            score: 0.9,
            landmarks: [
                p(30.0, 40.0),
                p(70.0, 40.0),
                p(50.0, 60.0),
                p(35.0, 80.0),
                p(65.0, 80.0),
            ],
            rank: 1.0,
        };
        let eyes = Eyes::of(&image, &face).expect("in the image");
        assert!(
            eyes.likeness(&eyes).eyes.abs() < f64::EPSILON,
            "flat eyes are like nothing"
        );
        face.landmarks[0] = p(2.0, 2.0);
        assert!(Eyes::of(&image, &face).is_none());
    }
}
