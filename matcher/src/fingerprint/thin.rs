//! Binarises the enhanced response and thins its ridges, or its valleys, to lines one pixel wide.
//!
//! The sign of the response decides, and islands smaller than a ridge is wide are flipped. Thinning removes simple border pixels from
//! four sides in turn, which keeps every line connected (Rosenfeld 1975), and stops at line ends.

use std::sync::LazyLock;

use super::params::ThinParams;
use super::plane::Plane;
use super::segment::Mask;

/// Pixels that are on, with a frame of one pixel that is always off.
pub(crate) struct Binary {
    pub(crate) width: usize,
    pub(crate) on: Vec<bool>,
}

/// Offsets to the eight neighbours of a pixel, clockwise from north.
pub(crate) fn neighbours(width: usize) -> [isize; 8] {
    let w = width as isize;
    [-w, 1 - w, 1, 1 + w, w, w - 1, -1, -1 - w]
}

impl Binary {
    /// The neighbours that are on, a bit each, clockwise from north. The pixel must not be on the frame.
    pub(crate) fn around(&self, index: usize) -> u8 {
        neighbours(self.width)
            .iter()
            .enumerate()
            .map(|(bit, &step)| u8::from(self.on[index.wrapping_add_signed(step)]) << bit)
            .sum()
    }
}

/// Ridge pixels and valley pixels of the masked response.
pub(crate) fn binarise(response: &Plane, mask: &Mask, params: &ThinParams) -> (Binary, Binary) {
    let (width, height) = (response.width, response.height);
    let mut ridges = Binary {
        width,
        on: vec![false; width * height],
    };
    let mut valleys = Binary {
        width,
        on: vec![false; width * height],
    };
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            if mask.has_pixel(x, y) {
                let side = if response.at(x, y) > 0.0 {
                    &mut ridges
                } else {
                    &mut valleys
                };
                side.on[y * width + x] = true;
            }
        }
    }
    flip_islands(&mut ridges, &mut valleys, params.least_island_px);
    flip_islands(&mut valleys, &mut ridges, params.least_island_px);
    (ridges, valleys)
}

/// Moves components smaller than `least` pixels to the other side.
fn flip_islands(from: &mut Binary, to: &mut Binary, least: usize) {
    let steps = neighbours(from.width);
    let mut seen = vec![false; from.on.len()];
    let mut component = Vec::new();
    for start in 0..from.on.len() {
        if !from.on[start] || seen[start] {
            continue;
        }
        component.clear();
        component.push(start);
        seen[start] = true;
        let mut next = 0;
        while let Some(&index) = component.get(next) {
            next += 1;
            // Joined by sides only: a diagonal touch does not save an island.
            for step in steps.iter().step_by(2) {
                let neighbour = index.wrapping_add_signed(*step);
                if from.on[neighbour] && !seen[neighbour] {
                    seen[neighbour] = true;
                    component.push(neighbour);
                }
            }
        }
        if component.len() < least {
            for &index in &component {
                from.on[index] = false;
                to.on[index] = true;
            }
        }
    }
}

/// Lines one pixel wide, in place of the components of `binary`.
pub(crate) fn thin(mut binary: Binary) -> Binary {
    let mut border: Vec<usize> = (0..binary.on.len()).filter(|&i| binary.on[i]).collect();
    let steps = neighbours(binary.width);
    let mut doomed = Vec::new();
    loop {
        let before = border.len();
        // North, south, east, west: opposite sides in turn keep the line in the middle.
        for side in [0usize, 4, 2, 6] {
            doomed.clear();
            for &index in &border {
                let open = !binary.on[index.wrapping_add_signed(steps[side])];
                if open && REMOVABLE[usize::from(binary.around(index))] {
                    doomed.push(index);
                }
            }
            // One after the other: a removal can make the next pixel one that must stay.
            for &index in &doomed {
                if REMOVABLE[usize::from(binary.around(index))] {
                    binary.on[index] = false;
                }
            }
            border.retain(|&index| binary.on[index]);
        }
        if border.len() == before {
            return binary;
        }
    }
}

/// Whether a pixel with these neighbours is simple and not the end of a line.
static REMOVABLE: LazyLock<[bool; 256]> =
    LazyLock::new(|| std::array::from_fn(|around| is_removable(around as u8)));

fn is_removable(around: u8) -> bool {
    let on = |bit: usize| around >> (bit % 8) & 1 == 1;
    // Yokoi's connectivity number for lines joined by sides and corners; 1 means simple.
    let number: i32 = [0usize, 2, 4, 6]
        .into_iter()
        .map(|bit| i32::from(!on(bit)) - i32::from(!on(bit) && !on(bit + 1) && !on(bit + 2)))
        .sum();
    number == 1 && around.count_ones() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::synthetic;

    #[test]
    fn parallel_ridges_thin_to_unbroken_lines() {
        for angle in [0.0f32, 0.5, 1.2, 2.2] {
            let plane = synthetic::ridges(120, 120, angle, 9.0);
            let mask = Mask {
                columns: 30,
                rows: 30,
                inside: vec![true; 900],
            };
            let (ridges, valleys) = binarise(&plane, &mask, &Params::default().thin);
            for side in [ridges, valleys] {
                let lines = thin(side);
                for y in 15..105 {
                    for x in 15..105 {
                        let index = y * 120 + x;
                        if lines.on[index] {
                            let count = lines.around(index).count_ones();
                            assert!(
                                (2..=3).contains(&count),
                                "{angle}: {count} neighbours at {x}, {y}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_island_is_flipped() {
        let mut plane = Plane::filled(40, 40, -1.0);
        for index in [20 * 40 + 20, 20 * 40 + 21] {
            plane.values[index] = 1.0;
        }
        let mask = Mask {
            columns: 10,
            rows: 10,
            inside: vec![true; 100],
        };
        let (ridges, valleys) = binarise(&plane, &mask, &Params::default().thin);
        assert!(ridges.on.iter().all(|on| !on));
        assert!(valleys.on[20 * 40 + 20]);
    }
}
