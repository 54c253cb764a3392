//! Turn: where the head points from rest, by how far each of the 68 points went for its depth.
//!
//! The detector's five points tell a turn to four degrees or so, and a picture that is tilted seems to
//! turn. Here the points of a frame are the points at rest, turned in the picture, grown, moved, and pushed
//! along in proportion to their depth on a common head; the push is the turn. All of it is linear, so least
//! squares solve it at once. What lies in a plane is not pushed: a print that is turned hardly turns.

use super::super::face::geometry::Point;
use super::super::face::params::LANDMARK_COUNT;
use super::depth::POINTS;
use super::params::{WHOLE_LEAST_FRAMES, WHOLE_LEAST_TURN_DEG};
use super::trace::Trace;

/// The points of some frames at rest, their mean in half distances between the eyes.
#[derive(Debug, Clone)]
pub(super) struct Rest(Vec<Point>);

impl Rest {
    /// Of frames' points; `None` of none.
    pub(super) fn of<'a>(
        frames: impl Iterator<Item = &'a [Point; LANDMARK_COUNT]>,
    ) -> Option<Self> {
        let (mut sum, mut count) = (vec![Point { x: 0.0, y: 0.0 }; POINTS.len()], 0.0);
        for points in frames {
            let (left, right) = (
                points[36].midpoint(points[39]),
                points[42].midpoint(points[45]),
            );
            let (middle, unit) = (left.midpoint(right), left.distance(right) / 2.0);
            if !(unit > 0.0 && unit.is_finite()) {
                continue;
            }
            for (s, (i, _)) in sum.iter_mut().zip(POINTS) {
                s.x += (points[i].x - middle.x) / unit;
                s.y += (points[i].y - middle.y) / unit;
            }
            count += 1.0;
        }
        (count > 0.0).then(|| {
            Self(
                sum.iter()
                    .map(|s| Point {
                        x: s.x / count,
                        y: s.y / count,
                    })
                    .collect(),
            )
        })
    }

    /// The turn of a frame from here, degrees: towards the image's right, and downwards.
    pub(super) fn turn_deg(&self, points: &[Point; LANDMARK_COUNT]) -> Option<(f64, f64)> {
        self.turn_of(points, |_| true)
    }

    /// As [`Self::turn_deg`], from the points of these numbers alone.
    fn turn_of(
        &self,
        points: &[Point; LANDMARK_COUNT],
        is_asked: impl Fn(usize) -> bool,
    ) -> Option<(f64, f64)> {
        let asked: Vec<(Point, Point, f64)> = POINTS
            .iter()
            .zip(&self.0)
            .filter(|((i, _), _)| is_asked(*i))
            .map(|((i, z), from)| (*from, points[*i], *z))
            .collect();
        let of = |read: fn(&(Point, Point, f64)) -> f64| free(asked.iter().map(read).collect());
        let depth = of(|(_, _, z)| *z);
        let from = [of(|(p, _, _)| p.x), of(|(p, _, _)| p.y)];
        let to = [of(|(_, p, _)| p.x), of(|(_, p, _)| p.y)];
        // What depth explains is taken out of both sides; a similarity explains the rest.
        let [fx, fy] = [0, 1].map(|n| without(&from[n], &depth));
        let [tx, ty] = [0, 1].map(|n| without(&to[n], &depth));
        let size = dot(&fx, &fx) + dot(&fy, &fy);
        let cos = (dot(&fx, &tx) + dot(&fy, &ty)) / size;
        let sin = (dot(&fx, &ty) - dot(&fy, &tx)) / size;
        let scale = cos.hypot(sin);
        let depth_size = dot(&depth, &depth);
        let pushed = |n: usize, across: f64, down: f64| {
            let along =
                dot(&to[n], &depth) - across * dot(&from[0], &depth) - down * dot(&from[1], &depth);
            along / depth_size
        };
        let (x, y) = (pushed(0, cos, -sin), pushed(1, sin, cos));
        // As the head has it, not as the picture: a tilted head's left and right are tilted too.
        let (x, y) = (
            (x * cos + y * sin) / scale.powi(2),
            (y * cos - x * sin) / scale.powi(2),
        );
        let degrees = |share: f64| share.clamp(-1.0, 1.0).asin().to_degrees();
        (x.is_finite() && y.is_finite()).then(|| (degrees(x), degrees(y)))
    }
}

/// How far nose and mouth alone turned, as a share of what all points did: 1 a head, whose parts turn together.
/// A print with holes before somebody's eyes turns by what shows in them, and its nose stays flat. `None`
/// where nobody turned.
#[must_use]
pub(super) fn whole(frames: &[Trace]) -> Option<f64> {
    let of = |is_framing: bool| {
        let asked = frames
            .iter()
            .filter(move |f| f.challenge.is_none() == is_framing);
        asked.filter_map(|f| f.points.as_deref())
    };
    together(&Rest::of(of(true))?, of(false))
}

fn together<'a>(
    rest: &Rest,
    frames: impl Iterator<Item = &'a [Point; LANDMARK_COUNT]>,
) -> Option<f64> {
    let (mut along, mut size, mut used) = (0.0, 0.0, 0);
    for points in frames {
        let all = rest.turn_deg(points);
        let (Some(all), Some(part)) = (all, rest.turn_of(points, is_nose_or_mouth)) else {
            continue;
        };
        let turned = all.0.powi(2) + all.1.powi(2);
        if turned >= WHOLE_LEAST_TURN_DEG.powi(2) {
            along += all.0 * part.0 + all.1 * part.1;
            size += turned;
            used += 1;
        }
    }
    (used >= WHOLE_LEAST_FRAMES).then(|| along / size)
}

fn is_nose_or_mouth(point: usize) -> bool {
    (27..=35).contains(&point) || point >= 48
}

/// Values about their mean.
fn free(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter_mut().for_each(|v| *v -= mean);
    values
}

/// What of `values` is not along `axis`.
fn without(values: &[f64], axis: &[f64]) -> Vec<f64> {
    let share = dot(values, axis) / dot(axis, axis);
    values
        .iter()
        .zip(axis)
        .map(|(v, a)| v - share * a)
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The 68 points of a drawn head, turned; with `depth` 0 those of its picture, turned. Only those that
    /// are looked at have places.
    pub(in crate::pad) fn head(
        depth: f64,
        (yaw, pitch): (f64, f64),
        (grown, rolled): (f64, f64),
    ) -> [Point; LANDMARK_COUNT] {
        let mut points = [Point { x: 0.0, y: 0.0 }; LANDMARK_COUNT];
        for (n, (i, z)) in POINTS.iter().enumerate() {
            // Brows above, nose in the middle, mouth below; not on a grid.
            let across = f64::from(n as u32 * 37 % 11) / 5.0 - 1.0;
            let down = match *i {
                17..=26 => -0.5,
                27..=30 => 0.3 * (*i as f64 - 27.0),
                31..=35 => 1.0,
                36..=47 => 0.0,
                _ => 1.8,
            };
            let x = match *i {
                27..=30 => 0.0,
                36 => -1.4,
                39 => -0.6,
                42 => 0.6,
                45 => 1.4,
                _ => across,
            };
            let z = depth * z;
            let (sy, cy) = yaw.to_radians().sin_cos();
            let (sp, cp) = pitch.to_radians().sin_cos();
            let (x, z) = (x * cy + z * sy, z * cy - x * sy);
            let y = down * cp + z * sp;
            let (s, c) = rolled.to_radians().sin_cos();
            points[*i] = Point {
                x: 300.0 + grown * (x * c - y * s),
                y: 220.0 + grown * (x * s + y * c),
            };
        }
        points
    }

    proptest! {
        #[test]
        fn a_head_s_turn_is_told_and_a_picture_s_is_not(
            yaw in -30.0..30.0f64, pitch in -12.0..12.0f64, grown in 20.0..60.0f64, rolled in -15.0..15.0f64,
        ) {
            let rest = Rest::of([head(1.0, (0.0, 0.0), (30.0, 0.0))].iter()).expect("points");
            let told = rest.turn_deg(&head(1.0, (yaw, pitch), (grown, rolled))).expect("a turn");
            let off = (told.0 - yaw).hypot(told.1 - pitch);
            prop_assert!(off < 4.0 + 0.25 * yaw.hypot(pitch), "{told:?} of {yaw} {pitch}");
            let rest = Rest::of([head(0.0, (0.0, 0.0), (30.0, 0.0))].iter()).expect("points");
            let told = rest.turn_deg(&head(0.0, (yaw, pitch), (grown, rolled))).expect("a turn");
            prop_assert!(told.0.hypot(told.1) < 2.0 + 0.3 * yaw.hypot(pitch), "{told:?} of {yaw} {pitch}");
        }
    }

    #[test]
    fn the_parts_of_a_head_turn_together_and_a_nose_on_paper_does_not() {
        let rest = Rest::of([head(1.0, (0.0, 0.0), (30.0, 0.0))].iter()).expect("points");
        let turns = [(-25.0, 0.0), (-20.0, 3.0), (22.0, 0.0), (26.0, -4.0)];
        let heads = turns.map(|turn| head(1.0, turn, (34.0, 5.0)));
        let share = together(&rest, heads.iter()).expect("turned");
        assert!((0.75..1.25).contains(&share), "{share}");
        // What shows in the holes turns, and the paper before it as paper does.
        let masks = turns.map(|turn| {
            let (behind, paper) = (head(1.0, turn, (34.0, 5.0)), head(0.0, turn, (34.0, 5.0)));
            std::array::from_fn(|i| match i {
                36..=47 => behind[i],
                _ => paper[i],
            })
        });
        let share = together(&rest, masks.iter());
        assert!(share.is_none_or(|share| share < 0.5), "{share:?}");
        assert!(together(&rest, heads[..1].iter()).is_none(), "too few");
    }

    #[test]
    fn points_in_one_place_tell_no_turn() {
        let one = [Point { x: 5.0, y: 5.0 }; LANDMARK_COUNT];
        assert!(Rest::of([one].iter()).is_none());
        let rest = Rest::of([head(1.0, (0.0, 0.0), (30.0, 0.0))].iter()).expect("points");
        assert!(rest.turn_deg(&one).is_none());
    }
}
