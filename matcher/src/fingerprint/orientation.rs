//! The orientation field: the direction of the ridges, a cell at a time, modulo 180 degrees.
//!
//! The gradient's structure tensor is averaged as doubled-angle vectors at several scales, and each cell takes the finest
//! scale that is coherent, so that cores stay sharp and scars are bridged (Bazen and Gerez 2002; Kass and Witkin 1987).

use super::params::OrientationParams;
use super::plane::{CELL_PX, Plane};
use super::segment::Mask;

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
    let zero = Plane::of_cells(image.width, image.height);
    let mut sums = Tensor {
        cos2: zero.clone(),
        sin2: zero.clone(),
        energy: zero,
    };
    for y in 1..image.height.saturating_sub(1) {
        let (above, row, below) = (image.row(y - 1), image.row(y), image.row(y + 1));
        let cells = (y / CELL_PX) * sums.cos2.width;
        for x in 1..image.width.saturating_sub(1) {
            let cell = cells + x / CELL_PX;
            if !mask.inside[cell] {
                continue;
            }
            // Sobel's operator: a central difference, smoothed across.
            let gx = (above[x + 1] - above[x - 1])
                + 2.0 * (row[x + 1] - row[x - 1])
                + (below[x + 1] - below[x - 1]);
            let gy = (below[x - 1] - above[x - 1])
                + 2.0 * (below[x] - above[x])
                + (below[x + 1] - above[x + 1]);
            // The ridge is across the gradient (both components change sign), and y is down (the sine changes again).
            sums.cos2.values[cell] += gy * gy - gx * gx;
            sums.sin2.values[cell] += 2.0 * gx * gy;
            sums.energy.values[cell] += gx * gx + gy * gy;
        }
    }
    sums
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
