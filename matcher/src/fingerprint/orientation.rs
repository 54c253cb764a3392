//! The orientation field: the direction of the ridges, a cell at a time, modulo 180 degrees.
//!
//! The gradient's structure tensor is averaged as doubled-angle vectors at several scales, and each cell takes the finest
//! scale that is coherent, so that cores stay sharp and scars are bridged (Bazen and Gerez 2002; Kass and Witkin 1987).

use std::f32::consts::{FRAC_PI_2, PI};

use zeroize::Zeroize;

use super::params::OrientationParams;
use super::plane::{CELL_PX, Plane, fold};
use super::segment::Mask;
use crate::simd;

/// Ridge direction a cell as a doubled-angle unit vector; angles counter-clockwise from +x.
#[derive(Clone)]
pub(crate) struct Orientation {
    pub(crate) cos2: Plane,
    pub(crate) sin2: Plane,
    /// 0 no direction, 1 all gradients parallel.
    pub(crate) coherence: Plane,
}

impl Orientation {
    /// The ridge direction of a cell, radians, in (-pi/2, pi/2].
    pub(crate) fn angle(&self, column: usize, row: usize) -> f32 {
        0.5 * self.sin2.at(column, row).atan2(self.cos2.at(column, row))
    }

    /// The ridge direction at a pixel.
    pub(crate) fn angle_at_pixel(&self, x: usize, y: usize) -> f32 {
        let column = (x / CELL_PX).min(self.cos2.width - 1);
        let row = (y / CELL_PX).min(self.cos2.height - 1);
        self.angle(column, row)
    }
}

/// The direction of a doubled-angle vector as a share of half a turn, 0 to 1, by a cubic that errs by less than 0.002 radians.
pub(crate) fn turn_of(sin: f32, cos: f32) -> f32 {
    let (s, c) = (sin.abs(), cos.abs());
    let (small, large) = (s.min(c), s.max(c).max(f32::MIN_POSITIVE));
    let t = small / large;
    // Rajan et al. 2006, "Efficient approximations for the arctangent function", equation 9.
    let first = t * (FRAC_PI_2 / 2.0 + (1.0 - t) * (0.2447 + 0.0663 * t));
    let quarter = if s > c { FRAC_PI_2 - first } else { first };
    let half = if cos < 0.0 { PI - quarter } else { quarter };
    let turn = half / (2.0 * PI);
    if sin < 0.0 { 1.0 - turn } else { turn }
}

/// The field of a plane whose ridges differ from its valleys.
pub(crate) fn orientation(image: &Plane, mask: &Mask, params: &OrientationParams) -> Orientation {
    let tensor = tensor(image, mask);
    let mut field: Option<Orientation> = None;
    // From coarse to fine: a finer scale takes over as far as it is coherent.
    for &radius in params.scales_cells.iter().rev() {
        let scale = at_scale(&tensor, radius);
        field = Some(match field {
            None => scale,
            Some(coarse) => blend(&coarse, &scale, params),
        });
    }
    let mut field = field.unwrap_or_else(|| at_scale(&tensor, 1));
    let energy = field.cos2.zip(&field.sin2, |c, s| {
        (c * c + s * s).sqrt().max(f32::MIN_POSITIVE)
    });
    field.cos2 = field.cos2.zip(&energy, |c, e| c / e);
    field.sin2 = field.sin2.zip(&energy, |s, e| s / e);
    field
}

/// Sums over each cell: doubled-angle ridge vector, and its largest possible length.
struct Tensor {
    cos2: Plane,
    sin2: Plane,
    energy: Plane,
}

fn tensor(image: &Plane, mask: &Mask) -> Tensor {
    simd::dispatch(
        #[inline(always)]
        || tensor_kernel(image, mask),
    )
}

#[inline(always)]
fn tensor_kernel(image: &Plane, mask: &Mask) -> Tensor {
    let (width, height) = (image.width, image.height);
    let zero = Plane::of_cells(width, height);
    let columns = zero.width;
    let mut out = Tensor {
        cos2: zero.clone(),
        sin2: zero.clone(),
        energy: zero,
    };
    if width < 3 || height < 3 {
        return out;
    }
    let inner = width - 2;
    let (mut cos2, mut sin2, mut energy) =
        (vec![0f32; width], vec![0f32; width], vec![0f32; width]);
    for row in 0..out.cos2.height {
        cos2.fill(0.0);
        sin2.fill(0.0);
        energy.fill(0.0);
        for y in (row * CELL_PX).max(1)..((row + 1) * CELL_PX).min(height - 1) {
            let (above, here, below) = (image.row(y - 1), image.row(y), image.row(y + 1));
            let (a0, a1, a2) = (&above[..inner], &above[1..=inner], &above[2..]);
            let (h0, h2) = (&here[..inner], &here[2..]);
            let (b0, b1, b2) = (&below[..inner], &below[1..=inner], &below[2..]);
            let (c, s, e) = (
                &mut cos2[1..=inner],
                &mut sin2[1..=inner],
                &mut energy[1..=inner],
            );
            for x in 0..inner {
                // Sobel's operator: a central difference, smoothed across.
                let gx = (a2[x] - a0[x]) + 2.0 * (h2[x] - h0[x]) + (b2[x] - b0[x]);
                let gy = (b0[x] - a0[x]) + 2.0 * (b1[x] - a1[x]) + (b2[x] - a2[x]);
                // The ridge is across the gradient (both components change sign), and y is down (the sine changes again).
                c[x] += gy * gy - gx * gx;
                s[x] += 2.0 * gx * gy;
                e[x] += gx * gx + gy * gy;
            }
        }
        let cells = row * columns..(row + 1) * columns;
        fold(&cos2, &mut out.cos2.values[cells.clone()]);
        fold(&sin2, &mut out.sin2.values[cells.clone()]);
        fold(&energy, &mut out.energy.values[cells]);
    }
    for (index, _) in mask
        .inside
        .iter()
        .enumerate()
        .filter(|(_, inside)| !**inside)
    {
        out.cos2.values[index] = 0.0;
        out.sin2.values[index] = 0.0;
        out.energy.values[index] = 0.0;
    }
    for buffer in [&mut cos2, &mut sin2, &mut energy] {
        buffer.zeroize();
    }
    out
}

fn at_scale(tensor: &Tensor, radius: usize) -> Orientation {
    let energy = tensor.energy.smooth(radius).map(|e| e.max(1e-6));
    let cos2 = tensor.cos2.smooth(radius).zip(&energy, |v, e| v / e);
    let sin2 = tensor.sin2.smooth(radius).zip(&energy, |v, e| v / e);
    let coherence = cos2.zip(&sin2, |c, s| (c * c + s * s).sqrt().min(1.0));
    Orientation {
        cos2,
        sin2,
        coherence,
    }
}

fn blend(coarse: &Orientation, fine: &Orientation, params: &OrientationParams) -> Orientation {
    let (low, high) = params.coherence_range;
    let share = fine.coherence.map(|c| {
        let t = ((c - low) / (high - low)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    });
    let mix = |fine: &Plane, coarse: &Plane| {
        let mut out = fine.clone();
        for ((value, &old), &t) in out.values.iter_mut().zip(&coarse.values).zip(&share.values) {
            *value = *value * t + old * (1.0 - t);
        }
        out
    };
    Orientation {
        cos2: mix(&fine.cos2, &coarse.cos2),
        sin2: mix(&fine.sin2, &coarse.sin2),
        coherence: mix(&fine.coherence, &coarse.coherence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::synthetic;

    #[test]
    fn the_turn_of_a_vector_is_its_angle() {
        for step in 0..1_000 {
            let turn = step as f32 / 1_000.0;
            let (sin, cos) = (2.0 * PI * turn).sin_cos();
            let apart = (turn_of(sin, cos) - turn + 0.5).rem_euclid(1.0) - 0.5;
            assert!(apart.abs() < 0.002 / (2.0 * PI), "{turn}: {apart}");
        }
        assert!(turn_of(0.0, 0.0).is_finite());
    }

    #[test]
    fn the_field_of_parallel_ridges_is_their_direction() {
        for degrees in [0f32, 20.0, 45.0, 90.0, 130.0, 179.0] {
            let plane = synthetic::ridges(160, 160, degrees.to_radians(), 9.0);
            let mask = Mask {
                columns: 40,
                rows: 40,
                inside: vec![true; 1600],
            };
            let field = orientation(&plane, &mask, &Params::default().orientation);
            let found = field.angle(20, 20).to_degrees();
            let apart = (found - degrees + 270.0).rem_euclid(180.0) - 90.0;
            assert!(apart.abs() < 2.0, "{degrees}: {found}");
            assert!(field.coherence.at(20, 20) > 0.9);
        }
    }
}
