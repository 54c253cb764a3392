//! Minutiae: where a ridge ends, and where a valley ends, which is where a ridge forks.
//!
//! Only line ends are read, of the thinned ridges and of the thinned valleys: by duality a fork of one is an end of the other, so
//! every minutia is found once and its direction is the run of one line. Ends that are traces of noise are
//! removed first: spurs, fragments, broken ridges, ends at the border of the print, crowds.

use super::orientation::Orientation;
use super::params::MinutiaeParams;
use super::plane::Plane;
use super::segment::Mask;
use super::template::Kind;
use super::thin::{Binary, neighbours};

/// A minutia before it is put into a template.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Found {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// From the end into its line, radians counter-clockwise from +x.
    pub(crate) angle: f32,
    pub(crate) kind: Kind,
    /// 0 to 1.
    pub(crate) quality: f32,
}

/// What the minutiae are read from.
pub(crate) struct Lines<'a> {
    pub(crate) ridges: Binary,
    pub(crate) valleys: Binary,
    pub(crate) field: &'a Orientation,
    pub(crate) mask: &'a Mask,
    pub(crate) quality: &'a Plane,
}

/// The minutiae of both sets of lines, best first, at most `params.most`.
pub(crate) fn minutiae(lines: Lines<'_>, params: &MinutiaeParams) -> Vec<Found> {
    let depth = lines.mask.depth_px();
    let mut all = Vec::new();
    for (mut binary, kind) in [
        (lines.ridges, Kind::Ending),
        (lines.valleys, Kind::Bifurcation),
    ] {
        for _ in 0..2 {
            erase_spurs(&mut binary, params);
        }
        let mut found = ends(&binary, kind, lines.field, params);
        drop_gaps(&mut found, params);
        found.retain(|m| {
            let inside = |x: f32, y: f32| {
                x >= 0.0 && y >= 0.0 && lines.mask.has_pixel(x as usize, y as usize)
            };
            let (sin, cos) = m.angle.sin_cos();
            depth.of_pixel(m.x as usize, m.y as usize) >= params.least_depth_px
                && inside(m.x - params.ahead_px * cos, m.y + params.ahead_px * sin)
        });
        for m in &mut found {
            m.quality = lines.quality.of_pixel(m.x as usize, m.y as usize);
        }
        all.extend(found);
    }
    all.retain(|m| m.quality >= params.least_quality);
    all.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    thin_crowds(&mut all, params);
    all.truncate(params.most);
    all
}

/// A walk along a line from one of its ends.
struct Walk {
    path: Vec<usize>,
    stop: Stop,
}

#[derive(PartialEq, Clone, Copy)]
enum Stop {
    Junction,
    End,
    Length,
}

/// How many lines leave a pixel.
fn arms(around: u8) -> u32 {
    (!around & around.rotate_right(1)).count_ones()
}

fn walk(binary: &Binary, start: usize, most: usize) -> Walk {
    let steps = neighbours(binary.width);
    let mut path = vec![start];
    let mut at = start;
    while path.len() < most {
        let recent = &path[path.len().saturating_sub(4)..];
        // Neighbours by side before those by corner, so that a stair is walked step by step.
        let next = [0usize, 2, 4, 6, 1, 3, 5, 7]
            .into_iter()
            .map(|bit| at.wrapping_add_signed(steps[bit]))
            .find(|index| binary.on[*index] && !recent.contains(index));
        let Some(next) = next else {
            return Walk {
                path,
                stop: Stop::End,
            };
        };
        if arms(binary.around(next)) >= 3 {
            return Walk {
                path,
                stop: Stop::Junction,
            };
        }
        path.push(next);
        at = next;
    }
    Walk {
        path,
        stop: Stop::Length,
    }
}

fn line_ends(binary: &Binary) -> Vec<usize> {
    let pixels = binary.pixels.iter().copied();
    pixels
        .filter(|&i| binary.on[i] && arms(binary.around(i)) <= 1)
        .collect()
}

/// Erases branches shorter than a spur and lines shorter than a fragment.
fn erase_spurs(binary: &mut Binary, params: &MinutiaeParams) {
    for start in line_ends(binary) {
        let walk = walk(binary, start, params.fragment_px.max(params.spur_px));
        let noise = match walk.stop {
            Stop::Junction => walk.path.len() <= params.spur_px,
            Stop::End => walk.path.len() <= params.fragment_px,
            Stop::Length => false,
        };
        if noise {
            for index in walk.path {
                binary.on[index] = false;
            }
        }
    }
}

fn ends(binary: &Binary, kind: Kind, field: &Orientation, params: &MinutiaeParams) -> Vec<Found> {
    let place = |index: usize| ((index % binary.width) as f32, (index / binary.width) as f32);
    let mut found = Vec::new();
    for start in line_ends(binary) {
        let walk = walk(binary, start, params.direction_px);
        if walk.path.len() < params.least_line_px {
            continue;
        }
        let (x, y) = place(start);
        let beyond = &walk.path[params.tip_px.min(walk.path.len() - 1)..];
        let count = beyond.len() as f32;
        let (sx, sy) = beyond
            .iter()
            .map(|&i| place(i))
            .fold((0.0, 0.0), |(a, b), (i, j)| (a + i, b + j));
        let (dx, dy) = (sx / count - x, sy / count - y);
        let traced = (-dy).atan2(dx);
        // The field knows the direction but not the sense; the trace knows the sense but follows every wiggle.
        let smooth = field.angle_at_pixel(x as usize, y as usize);
        let (fs, fc) = smooth.sin_cos();
        let (ts, tc) = traced.sin_cos();
        let sense = if fs * ts + fc * tc < 0.0 { -1.0 } else { 1.0 };
        let share = params.field_share;
        let angle = (ts * (1.0 - share) + sense * fs * share)
            .atan2(tc * (1.0 - share) + sense * fc * share);
        found.push(Found {
            x,
            y,
            angle,
            kind,
            quality: 0.0,
        });
    }
    found
}

/// Two ends that face each other over a short gap are one broken line.
fn drop_gaps(found: &mut Vec<Found>, params: &MinutiaeParams) {
    let mut broken = vec![false; found.len()];
    for i in 0..found.len() {
        for j in i + 1..found.len() {
            let (a, b) = (found[i], found[j]);
            let (dx, dy) = (b.x - a.x, b.y - a.y);
            let square = dx * dx + dy * dy;
            if square > params.gap_px * params.gap_px {
                continue;
            }
            let gap = square.sqrt();
            let facing = |angle: f32, sign: f32| {
                let (sin, cos) = angle.sin_cos();
                // Positive when the line runs away from the other end.
                -sign * (cos * dx - sin * dy) / gap.max(1.0)
            };
            let opposite = (a.angle - b.angle).cos() < -params.gap_cosine;
            let aligned = gap < params.touch_px
                || (facing(a.angle, 1.0) > params.gap_cosine
                    && facing(b.angle, -1.0) > params.gap_cosine);
            if opposite && aligned {
                broken[i] = true;
                broken[j] = true;
            }
        }
    }
    let mut index = 0;
    found.retain(|_| {
        index += 1;
        !broken[index - 1]
    });
}

/// Where many ends crowd, keeps the best few.
fn thin_crowds(best_first: &mut Vec<Found>, params: &MinutiaeParams) {
    let mut kept: Vec<Found> = Vec::with_capacity(best_first.len());
    for m in best_first.iter() {
        let near = kept
            .iter()
            .filter(|k| {
                (k.x - m.x).powi(2) + (k.y - m.y).powi(2) < params.crowd_px * params.crowd_px
            })
            .count();
        if near < params.crowd {
            kept.push(*m);
        }
    }
    *best_first = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::orientation::orientation;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::thin::{binarise, thin};

    /// One ridge more right of the middle than left of it.
    #[test]
    fn a_dislocation_is_one_minutia() {
        let (side, middle) = (160usize, 80.0f32);
        let mut plane = Plane::filled(side, side, 0.0);
        for y in 0..side {
            for x in 0..side {
                let spiral = (y as f32 + 0.5 - middle).atan2(x as f32 + 0.5 - middle);
                plane.values[y * side + x] =
                    (std::f32::consts::TAU * y as f32 / 9.0 - spiral).cos();
            }
        }
        let params = Params::default();
        let mask = Mask {
            columns: 40,
            rows: 40,
            inside: vec![true; 1600],
        };
        let field = orientation(&plane, &mask, &params.orientation);
        let quality = Plane::filled(40, 40, 1.0);
        let (ridges, valleys) = binarise(&plane, &mask, &params.thin);
        let lines = Lines {
            ridges: thin(ridges),
            valleys: thin(valleys),
            field: &field,
            mask: &mask,
            quality: &quality,
        };
        let found = minutiae(lines, &params.minutiae);
        assert_eq!(found.len(), 1);
        let m = found[0];
        assert!((m.x - middle).hypot(m.y - middle) < 9.0, "{}, {}", m.x, m.y);
        // The ridges run along x, so does the minutia.
        assert!(m.angle.sin().abs() < 0.3, "{}", m.angle);
    }

    #[test]
    fn a_broken_line_has_no_ends_inside() {
        let end = |x: f32, angle: f32| Found {
            x,
            y: 50.0,
            angle,
            kind: Kind::Ending,
            quality: 1.0,
        };
        let mut found = vec![
            end(50.0, std::f32::consts::PI),
            end(56.0, 0.0),
            end(90.0, 0.0),
        ];
        drop_gaps(&mut found, &Params::default().minutiae);
        assert!(found == vec![end(90.0, 0.0)]);
    }
}
