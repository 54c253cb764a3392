//! Minutia Cylinder-Code: what stands around each minutia, as bits that do not depend on place or turn.
//!
//! A cylinder has a square base turned with its minutia and a height of one turn; each cell collects the neighbours near it in
//! place and direction, and becomes one bit (Cappelli, Ferrara and Maltoni, PAMI 2010). Bits of one height are whole words, so
//! that similarity is a few population counts.

use std::f32::consts::{PI, TAU};

use zeroize::Zeroize;

use super::params::MccParams;

/// Minutiae as columns of numbers; angles counter-clockwise, y down.
pub(crate) struct Points {
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
        for column in [
            &mut self.x,
            &mut self.y,
            &mut self.angle,
            &mut self.cos,
            &mut self.sin,
            &mut self.weight,
        ] {
            column.zeroize();
        }
    }
}

impl Points {
    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }
}

/// Cells along a side of the base.
const SIDE: usize = 8;
/// Sections of a turn.
const SECTIONS: usize = 6;
/// Words of one section, and of the mask.
const WORDS: usize = SIDE * SIDE / 64;

/// The surroundings of one minutia.
#[derive(Clone, Default)]
pub(crate) struct Cylinder {
    bits: [[u64; WORDS]; SECTIONS],
    /// Base cells that lie on the print.
    valid: [u64; WORDS],
    valid_count: u32,
    /// Whether there is enough to compare.
    pub(crate) is_usable: bool,
}

impl Zeroize for Cylinder {
    fn zeroize(&mut self) {
        self.bits.iter_mut().for_each(|section| section.zeroize());
        self.valid.zeroize();
    }
}

/// The cylinder of every minutia; `on_print` says whether a place belongs to the print.
pub(crate) fn cylinders(
    points: &Points,
    on_print: impl Fn(f32, f32) -> bool,
    params: &MccParams,
) -> Vec<Cylinder> {
    (0..points.len())
        .map(|i| cylinder(points, i, &on_print, params))
        .collect()
}

fn cylinder(
    points: &Points,
    centre: usize,
    on_print: &impl Fn(f32, f32) -> bool,
    params: &MccParams,
) -> Cylinder {
    let mut out = Cylinder::default();
    let (cos, sin) = (points.cos[centre], points.sin[centre]);
    let (x0, y0) = (points.x[centre], points.y[centre]);
    let step = 2.0 * params.radius_px / SIDE as f32;
    let reach = 3.0 * params.sigma_px;
    let within = params.radius_px + reach;
    let near: Vec<(f32, f32, f32, f32)> = (0..points.len())
        .filter(|&t| t != centre)
        .map(|t| {
            (
                points.x[t] - x0,
                points.y[t] - y0,
                points.angle[centre] - points.angle[t],
                points.weight[t],
            )
        })
        .filter(|(dx, dy, ..)| dx.hypot(*dy) <= within)
        .collect();
    let contributing = near
        .iter()
        .filter(|(dx, dy, ..)| dx.hypot(*dy) <= params.radius_px)
        .count();
    let mut base = 0usize;
    for cell in 0..SIDE * SIDE {
        let offset = |i: usize| (i as f32 - (SIDE as f32 - 1.0) / 2.0) * step;
        let (u, v) = (offset(cell % SIDE), offset(cell / SIDE));
        if u.hypot(v) > params.radius_px {
            continue;
        }
        base += 1;
        // Along the minutia, then across it, y down.
        let (dx, dy) = (u * cos + v * sin, v * cos - u * sin);
        if !on_print(x0 + dx, y0 + dy) {
            continue;
        }
        let bit = 1u64 << (cell % 64);
        out.valid[cell / 64] |= bit;
        out.valid_count += 1;
        let mut sums = [0f32; SECTIONS];
        for &(nx, ny, turn, weight) in &near {
            let square = (nx - dx).powi(2) + (ny - dy).powi(2);
            if square > reach * reach {
                continue;
            }
            let spatial = weight * (-0.5 * square / (params.sigma_px * params.sigma_px)).exp();
            for (section, sum) in sums.iter_mut().enumerate() {
                let middle = -PI + (section as f32 + 0.5) * TAU / SECTIONS as f32;
                let apart = (middle - turn + 3.0 * PI).rem_euclid(TAU) - PI;
                *sum += spatial * (-0.5 * (apart / params.sigma_angle).powi(2)).exp();
            }
        }
        for (section, sum) in out.bits.iter_mut().zip(sums) {
            if sum > params.least_sum {
                section[cell / 64] |= bit;
            }
        }
    }
    out.is_usable = contributing >= params.least_neighbours
        && out.valid_count as f32 >= params.least_valid * base as f32;
    out
}

/// How alike two cylinders are, 0 to 1; 0 when too little of them can be compared.
pub(crate) fn similarity(a: &Cylinder, b: &Cylinder, params: &MccParams) -> f32 {
    let mut common = [0u64; WORDS];
    let mut count = 0;
    for ((common, x), y) in common.iter_mut().zip(&a.valid).zip(&b.valid) {
        *common = x & y;
        count += common.count_ones();
    }
    if (count as f32) < params.least_common * a.valid_count.max(b.valid_count) as f32 {
        return 0.0;
    }
    let (mut ones_a, mut ones_b, mut differ) = (0u32, 0u32, 0u32);
    for (x, y) in a.bits.iter().zip(&b.bits) {
        for ((x, y), common) in x.iter().zip(y).zip(&common) {
            let (x, y) = (x & common, y & common);
            ones_a += x.count_ones();
            ones_b += y.count_ones();
            differ += (x ^ y).count_ones();
        }
    }
    if ones_a + ones_b == 0 {
        return 0.0;
    }
    1.0 - (differ as f32).sqrt() / ((ones_a as f32).sqrt() + (ones_b as f32).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;

    fn points(turn: f32, shift: f32) -> Points {
        let places = [
            (100.0, 100.0, 0.3),
            (130.0, 90.0, 1.0),
            (80.0, 130.0, 2.5),
            (110.0, 140.0, 4.0),
            (70.0, 80.0, 5.5f32),
        ];
        let (sin, cos) = turn.sin_cos();
        let mut out = Points {
            x: vec![],
            y: vec![],
            angle: vec![],
            cos: vec![],
            sin: vec![],
            weight: vec![],
        };
        for (x, y, angle) in places {
            out.x.push(cos * x + sin * y + shift);
            out.y.push(cos * y - sin * x + shift);
            out.angle.push(angle + turn);
            out.cos.push((angle + turn).cos());
            out.sin.push((angle + turn).sin());
            out.weight.push(1.0);
        }
        out
    }

    #[test]
    fn a_cylinder_does_not_depend_on_place_or_turn() {
        let params = Params::default().mcc;
        let still = cylinders(&points(0.0, 0.0), |_, _| true, &params);
        let moved = cylinders(&points(0.9, 40.0), |_, _| true, &params);
        for (i, a) in still.iter().enumerate() {
            assert!(similarity(a, a, &params) > 0.999);
            assert!(similarity(a, &moved[i], &params) > 0.9);
            for (j, b) in still.iter().enumerate() {
                assert!(i == j || similarity(a, b, &params) < 0.8);
            }
        }
    }

    #[test]
    fn nothing_in_common_is_not_alike() {
        let params = Params::default().mcc;
        let empty = Cylinder::default();
        assert_eq!(similarity(&empty, &empty, &params), 0.0);
    }
}
