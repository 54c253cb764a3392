//! Binarises the enhanced response and thins its ridges, or its valleys, to lines one pixel wide.
//!
//! The sign of the response decides, and islands smaller than a ridge is wide are flipped. Thinning removes simple border pixels from
//! four sides in turn, all of a side at once, which keeps every line connected (Rosenfeld 1975), and stops at line ends. Both work
//! on 64 pixels at a time; their plain twins are in the tests.

use std::ops::Range;

use super::bits::Bits;
use super::params::ThinParams;
use super::plane::{CELL_PX, Plane};
use super::segment::Mask;

/// Lines one pixel wide; the pixels of the frame are always off.
pub(crate) struct Binary {
    pub(crate) width: usize,
    pub(crate) on: Vec<bool>,
    /// Every pixel that is on, or was before lines were erased.
    pub(crate) pixels: Vec<usize>,
}

/// Offsets to the eight neighbours of a pixel, clockwise from north.
pub(crate) fn neighbours(width: usize) -> [isize; 8] {
    let w = width as isize;
    [-w, 1 - w, 1, 1 + w, w, w - 1, -1, -1 - w]
}

impl Binary {
    fn new(bits: &Bits) -> Self {
        let width = bits.width;
        let mut on = vec![false; width * bits.height];
        let pixels: Vec<usize> = (0..bits.height)
            .flat_map(|y| bits.pixels(y).map(move |x| y * width + x))
            .collect();
        for &index in &pixels {
            on[index] = true;
        }
        Self { width, on, pixels }
    }

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
pub(crate) fn binarise(response: &Plane, mask: &Mask, params: &ThinParams) -> (Bits, Bits) {
    let (width, height) = (response.width, response.height);
    let mut ridges = Bits::none(width, height);
    let mut valleys = Bits::none(width, height);
    for y in 1..height.saturating_sub(1) {
        let inside = &mask.inside[y / CELL_PX * mask.columns..][..mask.columns];
        let values = response.row(y).chunks(64);
        let words = ridges.row_mut(y).iter_mut().zip(valleys.row_mut(y));
        for ((values, cells), (ridge, valley)) in values.zip(inside.chunks(64 / CELL_PX)).zip(words)
        {
            let print = cells.iter().enumerate().fold(0u64, |word, (index, &cell)| {
                word | (u64::from(cell) * ((1 << CELL_PX) - 1)) << (index * CELL_PX)
            });
            let above = values
                .iter()
                .enumerate()
                .fold(0u64, |word, (index, &v)| word | u64::from(v > 0.0) << index);
            (*ridge, *valley) = (print & above, print & !above);
        }
        for side in [&mut ridges, &mut valleys] {
            side.switch(y, 0..1, false);
            side.switch(y, width - 1..side.row(y).len() * 64, false);
        }
    }
    flip_islands(&mut ridges, &mut valleys, params.least_island_px);
    flip_islands(&mut valleys, &mut ridges, params.least_island_px);
    (ridges, valleys)
}

/// A run of pixels, and the component that it belongs to.
struct Run {
    y: usize,
    pixels: Range<usize>,
    component: usize,
}

/// Moves components smaller than `least` pixels to the other side; joined by sides only: a diagonal touch does not save an island.
fn flip_islands(from: &mut Bits, to: &mut Bits, least: usize) {
    let mut runs: Vec<Run> = Vec::new();
    let mut sets = Sets::default();
    let mut above = 0..0;
    for y in 0..from.height {
        let first = runs.len();
        let mut candidate = above.start;
        for pixels in from.runs(y) {
            let component = sets.add(pixels.len());
            while candidate < above.end && runs[candidate].pixels.end <= pixels.start {
                candidate += 1;
            }
            let mut touching = candidate;
            while touching < above.end && runs[touching].pixels.start < pixels.end {
                sets.join(runs[touching].component, component);
                touching += 1;
            }
            runs.push(Run {
                y,
                pixels,
                component,
            });
        }
        above = first..runs.len();
    }
    for run in runs {
        if sets.size(run.component) < least {
            from.switch(run.y, run.pixels.clone(), false);
            to.switch(run.y, run.pixels, true);
        }
    }
}

/// Disjoint sets with their sizes (Tarjan 1975), the path halved at every look.
#[derive(Default)]
struct Sets {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Sets {
    fn add(&mut self, size: usize) -> usize {
        self.parent.push(self.parent.len());
        self.size.push(size);
        self.parent.len() - 1
    }

    fn root(&mut self, mut set: usize) -> usize {
        while self.parent[set] != set {
            self.parent[set] = self.parent[self.parent[set]];
            set = self.parent[set];
        }
        set
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            let (small, large) = if self.size[a] < self.size[b] {
                (a, b)
            } else {
                (b, a)
            };
            self.parent[small] = large;
            self.size[large] += self.size[small];
        }
    }

    fn size(&mut self, set: usize) -> usize {
        let root = self.root(set);
        self.size[root]
    }
}

/// Which neighbour of a border pixel is off, in the order of the passes: opposite sides in turn keep the line in the middle.
#[derive(Clone, Copy)]
enum Side {
    North,
    South,
    East,
    West,
}

const SIDES: [Side; 4] = [Side::North, Side::South, Side::East, Side::West];

/// Lines one pixel wide, in place of the components of `bits`.
pub(crate) fn thin(mut bits: Bits) -> Binary {
    // When each row last changed. A row whose surroundings have not changed since its side was last passed cannot change.
    let mut changed = vec![SIDES.len(); bits.height + 2];
    let mut pass = SIDES.len();
    let mut quiet = 0;
    while quiet < SIDES.len() {
        let mut any = false;
        // The row above as it was before this pass.
        let mut above = bits.framed_row(0).to_vec();
        for y in 0..bits.height {
            let row = bits.framed_row(y + 1).to_vec();
            if changed[y..y + 3]
                .iter()
                .any(|&last| last + SIDES.len() >= pass)
            {
                let below = bits.framed_row(y + 2).to_vec();
                let side = SIDES[pass % SIDES.len()];
                let mut removed = 0;
                for (index, word) in bits.row_mut(y).iter_mut().enumerate() {
                    let doomed = removable(&above[index..], &row[index..], &below[index..], side);
                    *word &= !doomed;
                    removed |= doomed;
                }
                if removed != 0 {
                    changed[y + 1] = pass;
                    any = true;
                }
            }
            above = row;
        }
        quiet = if any { 0 } else { quiet + 1 };
        pass += 1;
    }
    Binary::new(&bits)
}

/// Of 64 pixels (the second word of the middle row), those on this side's border that are simple and not the end of a line.
fn removable(above: &[u64], row: &[u64], below: &[u64], side: Side) -> u64 {
    let west = |w: &[u64]| w[1] << 1 | w[0] >> 63;
    let east = |w: &[u64]| w[1] >> 1 | w[2] << 63;
    if row[1] == 0 {
        return 0;
    }
    // Clockwise from north.
    let n = [
        above[1],
        east(above),
        east(row),
        east(below),
        below[1],
        west(below),
        west(row),
        west(above),
    ];
    // Yokoi's connectivity number for lines joined by sides and corners is the count of these; 1 means simple.
    let turn = |k: usize| !n[k] & (n[k + 1] | n[(k + 2) % 8]);
    let (a, b, c, d) = (turn(0), turn(2), turn(4), turn(6));
    let is_simple = (a ^ b ^ c ^ d) & !(a & b | c & d);
    let (mut one, mut two) = (0, 0);
    for neighbour in n {
        two |= one & neighbour;
        one |= neighbour;
    }
    let open = match side {
        Side::North => !n[0],
        Side::South => !n[4],
        Side::East => !n[2],
        Side::West => !n[6],
    };
    row[1] & is_simple & two & open
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::synthetic;

    /// Whether a pixel with these neighbours, clockwise from north, is simple and not the end of a line.
    fn is_removable(around: [bool; 8]) -> bool {
        let on = |bit: usize| around[bit % 8];
        let number: i32 = [0usize, 2, 4, 6]
            .into_iter()
            .map(|bit| i32::from(!on(bit)) - i32::from(!on(bit) && !on(bit + 1) && !on(bit + 2)))
            .sum();
        number == 1 && around.iter().filter(|on| **on).count() >= 2
    }

    /// Thinning a pixel at a time.
    fn plainly_thinned(mut on: Vec<bool>, width: usize) -> Vec<bool> {
        let steps = neighbours(width);
        loop {
            let before = on.clone();
            for side in [0usize, 4, 2, 6] {
                let old = on.clone();
                for index in (0..old.len()).filter(|&i| old[i]) {
                    let around = steps.map(|step| old[index.wrapping_add_signed(step)]);
                    on[index] = around[side] || !is_removable(around);
                }
            }
            if on == before {
                return on;
            }
        }
    }

    /// Components found by walking from pixel to pixel.
    fn plainly_without_islands(on: &[bool], width: usize, least: usize) -> Vec<bool> {
        let mut out = on.to_vec();
        let mut seen = vec![false; on.len()];
        for start in 0..on.len() {
            let mut component = vec![];
            let mut open = vec![start];
            while let Some(index) = open.pop() {
                if on[index] && !seen[index] {
                    seen[index] = true;
                    component.push(index);
                    open.extend(
                        neighbours(width)
                            .iter()
                            .step_by(2)
                            .map(|s| index.wrapping_add_signed(*s)),
                    );
                }
            }
            if component.len() < least {
                component.iter().for_each(|&index| out[index] = false);
            }
        }
        out
    }

    fn as_bits(on: &[bool], width: usize) -> Bits {
        let mut bits = Bits::none(width, on.len() / width);
        for index in (0..on.len()).filter(|&i| on[i]) {
            bits.switch(index / width, index % width..index % width + 1, true);
        }
        bits
    }

    /// Blots of noise inside a frame that is off.
    fn blots() -> impl Strategy<Value = (Vec<bool>, usize)> {
        (
            3usize..150,
            3usize..30,
            prop::collection::vec(any::<u8>(), 40),
        )
            .prop_map(|(width, height, seed)| {
                let on = (0..width * height).map(|index| {
                    let (x, y) = (index % width, index / width);
                    let inside = x > 0 && y > 0 && x + 1 < width && y + 1 < height;
                    let byte = |i: usize| usize::from(seed[i % seed.len()]);
                    inside && (byte(x / 3 + 5 * (y / 3)) + byte(x * 7 + y * 13) / 3) % 256 > 110
                });
                (on.collect(), width)
            })
    }

    proptest! {
        #[test]
        fn thinning_by_words_is_thinning_by_pixels((on, width) in blots()) {
            let fast = thin(as_bits(&on, width));
            prop_assert_eq!(fast.on, plainly_thinned(on, width));
        }

        #[test]
        fn islands_by_runs_are_islands_by_pixels((on, width) in blots(), least in 1usize..40) {
            let (mut from, mut to) = (as_bits(&on, width), Bits::none(width, on.len() / width));
            flip_islands(&mut from, &mut to, least);
            let kept = plainly_without_islands(&on, width, least);
            for index in 0..on.len() {
                let (x, y) = (index % width, index / width);
                prop_assert_eq!(from.is_on(x, y), kept[index]);
                prop_assert_eq!(to.is_on(x, y), on[index] && !kept[index]);
            }
        }
    }

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
        assert!((0..40).all(|y| ridges.pixels(y).next().is_none()));
        assert!(valleys.is_on(20, 20));
    }
}
