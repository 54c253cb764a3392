//! Minutia Cylinder-Code: what stands around each minutia, as bits that do not depend on place or turn.
//!
//! A cylinder has a square base turned with its minutia and a height of one turn; each cell collects the neighbours near it in
//! place and direction, and becomes one bit (Cappelli, Ferrara and Maltoni, PAMI 2010). Bits of one height are whole words, so
//! that similarity is a few population counts.

use std::f32::consts::{PI, TAU};

use zeroize::Zeroize;

use super::params::MccParams;

/// Minutiae as columns of numbers; angles counter-clockwise, y down.
///
/// Columns are filled up to whole vectors with minutiae that lie far from everything.
#[derive(Default)]
pub(crate) struct Points {
    len: usize,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<f32>,
    pub(crate) angle: Vec<f32>,
    pub(crate) cos: Vec<f32>,
    pub(crate) sin: Vec<f32>,
    /// Trust, 0 to 1.
    pub(crate) weight: Vec<f32>,
}

impl Drop for Points {
    fn drop(&mut self) {
        for column in self.columns() {
            column.zeroize();
        }
    }
}

/// Numbers that are handled at once.
pub(crate) const LANES: usize = 8;
/// Where the minutiae that fill columns up lie, px.
const FAR_PX: f32 = 1e6;

impl Points {
    /// Places (px), angles (radians) and trust (0 to 1).
    pub(crate) fn new(minutiae: impl IntoIterator<Item = (f32, f32, f32, f32)>) -> Self {
        let mut out = Self::default();
        for (x, y, angle, weight) in minutiae {
            out.push((x, y), angle, weight);
            out.len += 1;
        }
        while !out.x.len().is_multiple_of(LANES) {
            out.push((FAR_PX, FAR_PX), 0.0, 0.0);
        }
        out
    }

    fn push(&mut self, (x, y): (f32, f32), angle: f32, weight: f32) {
        let values = [x, y, angle, angle.cos(), angle.sin(), weight];
        for (column, value) in self.columns().into_iter().zip(values) {
            column.push(value);
        }
    }

    fn columns(&mut self) -> [&mut Vec<f32>; 6] {
        [
            &mut self.x,
            &mut self.y,
            &mut self.angle,
            &mut self.cos,
            &mut self.sin,
            &mut self.weight,
        ]
    }

    /// The minutiae, without those that only fill up.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// Cells along a side of the base: one word holds them.
const SIDE: usize = 8;
/// Sections of a turn.
const SECTIONS: usize = 6;

/// The surroundings of one minutia.
#[derive(Clone, Copy, Default)]
struct Cylinder {
    bits: [u64; SECTIONS],
    /// Base cells that lie on the print.
    valid: u64,
}

/// The cylinders of a print as columns, one of a minutia; empty where there is not enough to compare.
pub(crate) struct Cylinders {
    bits: [Vec<u64>; SECTIONS],
    valid: Vec<u64>,
}

impl Drop for Cylinders {
    fn drop(&mut self) {
        self.bits.iter_mut().for_each(Zeroize::zeroize);
        self.valid.zeroize();
    }
}

impl Cylinders {
    /// The cylinder of every minutia; `on_print` says whether a place belongs to the print.
    pub(crate) fn new(
        points: &Points,
        on_print: impl Fn(f32, f32) -> bool,
        params: &MccParams,
    ) -> Self {
        let turns = Turns::new(params);
        let mut out = Self {
            bits: std::array::from_fn(|_| vec![0; points.x.len()]),
            valid: vec![0; points.x.len()],
        };
        for index in 0..points.len() {
            let cylinder = cylinder(points, index, &turns, &on_print, params);
            for (column, bits) in out.bits.iter_mut().zip(cylinder.bits) {
                column[index] = bits;
            }
            out.valid[index] = cylinder.valid;
        }
        out
    }

    /// Whether a minutia has enough around it.
    pub(crate) fn is_usable(&self, index: usize) -> bool {
        self.valid[index] != 0
    }

    fn cylinder(&self, index: usize) -> Cylinder {
        Cylinder {
            bits: std::array::from_fn(|section| self.bits[section][index]),
            valid: self.valid[index],
        }
    }
}

/// What a neighbour adds to each section, by how far its direction is turned from the middle minutia's.
struct Turns {
    /// The contributions at each of [`STEPS`] turns.
    table: Vec<[f32; SECTIONS]>,
}

/// Turns that the contributions are tabulated at: as fine as a template's angles.
const STEPS: usize = 256;

impl Turns {
    fn new(params: &MccParams) -> Self {
        let of = |step: usize| {
            let turn = step as f32 / STEPS as f32 * TAU;
            std::array::from_fn(|section| {
                let middle = -PI + (section as f32 + 0.5) * TAU / SECTIONS as f32;
                let apart = (middle - turn + 3.0 * PI).rem_euclid(TAU) - PI;
                (-0.5 * (apart / params.sigma_angle).powi(2)).exp()
            })
        };
        Self {
            table: (0..STEPS).map(of).collect(),
        }
    }

    fn of(&self, turn: f32) -> &[f32; SECTIONS] {
        let step = (turn / TAU * STEPS as f32).round() as isize;
        &self.table[step.rem_euclid(STEPS as isize) as usize]
    }
}

/// A neighbour of a minutia: where it lies, and what it adds to each section.
struct Neighbour<'a> {
    x: f32,
    y: f32,
    weight: f32,
    sections: &'a [f32; SECTIONS],
}

fn cylinder(
    points: &Points,
    centre: usize,
    turns: &Turns,
    on_print: &impl Fn(f32, f32) -> bool,
    params: &MccParams,
) -> Cylinder {
    let mut out = Cylinder::default();
    let (cos, sin) = (points.cos[centre], points.sin[centre]);
    let (x0, y0) = (points.x[centre], points.y[centre]);
    let step = 2.0 * params.radius_px / SIDE as f32;
    let reach = 3.0 * params.sigma_px;
    let within = params.radius_px + reach;
    let mut contributing = 0;
    let mut near: Vec<Neighbour<'_>> = Vec::new();
    for t in (0..points.len()).filter(|&t| t != centre) {
        let (x, y) = (points.x[t] - x0, points.y[t] - y0);
        let square = x * x + y * y;
        if square <= within * within {
            near.push(Neighbour {
                x,
                y,
                weight: points.weight[t],
                sections: turns.of(points.angle[centre] - points.angle[t]),
            });
            contributing += usize::from(square <= params.radius_px * params.radius_px);
        }
    }
    if contributing < params.least_neighbours {
        return out;
    }
    let sharpness = -0.5 / (params.sigma_px * params.sigma_px);
    let mut base = 0usize;
    for cell in 0..SIDE * SIDE {
        let offset = |i: usize| (i as f32 - (SIDE as f32 - 1.0) / 2.0) * step;
        let (u, v) = (offset(cell % SIDE), offset(cell / SIDE));
        if u * u + v * v > params.radius_px * params.radius_px {
            continue;
        }
        base += 1;
        // Along the minutia, then across it, y down.
        let (dx, dy) = (u * cos + v * sin, v * cos - u * sin);
        if !on_print(x0 + dx, y0 + dy) {
            continue;
        }
        let bit = 1u64 << cell;
        out.valid |= bit;
        let mut sums = [0f32; SECTIONS];
        for neighbour in &near {
            let square = (neighbour.x - dx).powi(2) + (neighbour.y - dy).powi(2);
            if square > reach * reach {
                continue;
            }
            let spatial = neighbour.weight * (sharpness * square).exp();
            for (sum, section) in sums.iter_mut().zip(neighbour.sections) {
                *sum += spatial * section;
            }
        }
        for (section, sum) in out.bits.iter_mut().zip(sums) {
            if sum > params.least_sum {
                *section |= bit;
            }
        }
    }
    if (out.valid.count_ones() as f32) < params.least_valid * base as f32 {
        return Cylinder::default();
    }
    out
}

/// How alike one cylinder of `a` is to each of `b`, 0 to 1; 0 where too little of them can be compared.
#[inline(always)]
pub(crate) fn similarities(
    a: &Cylinders,
    index: usize,
    b: &Cylinders,
    params: &MccParams,
    out: &mut [f32],
) {
    let x = a.cylinder(index);
    let least_a = params.least_common * x.valid.count_ones() as f32;
    let columns = |section: usize| &b.bits[section][..out.len()];
    let (b0, b1, b2) = (columns(0), columns(1), columns(2));
    let (b3, b4, b5) = (columns(3), columns(4), columns(5));
    let valid = &b.valid[..out.len()];
    for (j, out) in out.iter_mut().enumerate() {
        let common = x.valid & valid[j];
        let count = common.count_ones() as f32;
        let (mut ones_a, mut ones_b, mut differ) = (0u32, 0u32, 0u32);
        for (x, y) in x
            .bits
            .iter()
            .zip([b0[j], b1[j], b2[j], b3[j], b4[j], b5[j]])
        {
            let (x, y) = (x & common, y & common);
            ones_a += x.count_ones();
            ones_b += y.count_ones();
            differ += (x ^ y).count_ones();
        }
        let length = (ones_a as f32).sqrt() + (ones_b as f32).sqrt();
        let alike = 1.0 - (differ as f32).sqrt() / length.max(1.0);
        let least_b = params.least_common * valid[j].count_ones() as f32;
        let is_comparable = count >= least_a.max(least_b) && ones_a + ones_b > 0;
        *out = if is_comparable { alike } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::params::Params;
    use crate::simd;

    const PLACES: [(f32, f32, f32); 5] = [
        (100.0, 100.0, 0.3),
        (130.0, 90.0, 1.0),
        (80.0, 130.0, 2.5),
        (110.0, 140.0, 4.0),
        (70.0, 80.0, 5.5),
    ];

    fn points(turn: f32, shift: f32) -> Points {
        let (sin, cos) = turn.sin_cos();
        Points::new(PLACES.map(|(x, y, angle)| {
            (
                cos * x + sin * y + shift,
                cos * y - sin * x + shift,
                angle + turn,
                1.0,
            )
        }))
    }

    /// The similarity of two cylinders, a bit at a time (Cappelli, Ferrara and Maltoni 2010, equation 20).
    fn plain_similarity(a: &Cylinder, b: &Cylinder, params: &MccParams) -> f32 {
        let both = |cell: usize| a.valid >> cell & b.valid >> cell & 1 == 1;
        let common = (0..64).filter(|&cell| both(cell)).count() as f32;
        let most = a.valid.count_ones().max(b.valid.count_ones()) as f32;
        let (mut ones_a, mut ones_b, mut differ) = (0, 0, 0);
        for cell in (0..64).filter(|&cell| both(cell)) {
            for (x, y) in a.bits.iter().zip(&b.bits) {
                let (x, y) = (x >> cell & 1, y >> cell & 1);
                ones_a += x;
                ones_b += y;
                differ += x ^ y;
            }
        }
        if common < params.least_common * most || ones_a + ones_b == 0 {
            return 0.0;
        }
        1.0 - (differ as f32).sqrt() / ((ones_a as f32).sqrt() + (ones_b as f32).sqrt())
    }

    fn all_similarities(a: &Cylinders, index: usize, b: &Cylinders) -> Vec<f32> {
        let mut out = vec![0.0; b.valid.len()];
        let params = Params::default().mcc;
        simd::dispatch(
            #[inline(always)]
            || similarities(a, index, b, &params, &mut out),
        );
        out
    }

    /// Bits, bits that they are cut by, and the words that valid cells are on in either of.
    type Words = ([u64; SECTIONS], [u64; SECTIONS], u64, u64);

    fn cylinder_of((bits, others, valid, more): &Words) -> Cylinder {
        let valid = valid | more;
        Cylinder {
            bits: std::array::from_fn(|i| bits[i] & others[i] & valid),
            valid,
        }
    }

    proptest! {
        #[test]
        fn similarity_by_words_is_similarity_by_bits(words in prop::collection::vec(any::<Words>(), 1..20)) {
            let params = Params::default().mcc;
            let list: Vec<Cylinder> = words.iter().map(cylinder_of).collect();
            let columns = Cylinders {
                bits: std::array::from_fn(|section| list.iter().map(|c| c.bits[section]).collect()),
                valid: list.iter().map(|c| c.valid).collect(),
            };
            for (index, a) in list.iter().enumerate() {
                for (b, found) in list.iter().zip(all_similarities(&columns, index, &columns)) {
                    prop_assert!((plain_similarity(a, b, &params) - found).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_cylinder_does_not_depend_on_place_or_turn() {
        let params = Params::default().mcc;
        let of = |points: &Points| Cylinders::new(points, |_, _| true, &params);
        let (still, moved) = (of(&points(0.0, 0.0)), of(&points(0.9, 40.0)));
        for i in 0..PLACES.len() {
            assert!(all_similarities(&still, i, &still)[i] > 0.999);
            let found = all_similarities(&still, i, &moved);
            assert!(found[i] > 0.9);
            let others = (0..found.len()).filter(|&j| j != i);
            assert!(others.map(|j| found[j]).all(|v| v < 0.8));
        }
    }

    #[test]
    fn what_only_fills_a_column_up_is_like_nothing() {
        let params = Params::default().mcc;
        let print = Cylinders::new(&points(0.0, 0.0), |_, _| true, &params);
        assert_eq!(print.valid.len(), LANES);
        for i in 0..LANES {
            let found = all_similarities(&print, i, &print);
            assert!(found[PLACES.len()..].iter().all(|&v| v == 0.0));
        }
    }
}
