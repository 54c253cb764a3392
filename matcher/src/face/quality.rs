//! Quality: what can be measured of an aligned face, and one number for how well it will compare.
//!
//! The number gates and guides; it never adds to a comparison score. It is the product of terms between
//! 0 and 1, each of which falls where its measure starts to cost accuracy, so that one bad thing is
//! enough to make it low.

use super::align::AlignedFace;
use super::detect::Face;
use super::params::{
    ALIGNED_SIDE, COVERED_CONTRAST, COVERED_SHADE, QUALITY_BRIGHTNESS, QUALITY_DETECTION,
    QUALITY_EYE_DISTANCE_PX, QUALITY_PITCH_DEG, QUALITY_SHARPNESS, QUALITY_YAW_DEG,
};
use super::pose::Pose;

/// How the skin between brows and chin is lit and drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Appearance {
    /// Mean luma, 0 black to 1 white.
    pub brightness: f64,
    /// Energy of the Laplacian over the variance of luma: fine detail beside coarse contrast.
    pub sharpness: f64,
    /// Contrast of the flatter eye: the deviation of its luma over the face's median. What lies over an eye is flatter than an eye.
    pub eyes: f64,
    /// The same of the mouth.
    pub mouth: f64,
    /// The eyes' mean luma over the cheeks': dark glasses take the light from one and not from the other.
    pub shade: f64,
}

impl Appearance {
    /// Measures an aligned face, at 112 pixels whatever the photograph's size.
    #[must_use]
    pub fn of(face: &AlignedFace) -> Self {
        let luma: Vec<f64> = face
            .pixels()
            .chunks_exact(3)
            .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
            .collect();
        let (mut n, mut sum, mut squares, mut edges) = (0.0, 0.0, 0.0, 0.0);
        for y in ROWS {
            for x in COLUMNS {
                let at = y * ALIGNED_SIDE + x;
                let around =
                    luma[at - 1] + luma[at + 1] + luma[at - ALIGNED_SIDE] + luma[at + ALIGNED_SIDE];
                let laplacian = around - 4.0 * luma[at];
                n += 1.0;
                sum += luma[at];
                squares += luma[at] * luma[at];
                edges += laplacian * laplacian;
            }
        }
        let mean = sum / n;
        let variance = squares / n - mean * mean;
        let [left, right, mouth] = [LEFT_EYE, RIGHT_EYE, MOUTH].map(|part| part.of(&luma));
        let cheeks = [LEFT_CHEEK, RIGHT_CHEEK].map(|part| part.of(&luma).mean);
        let skin = median(&luma);
        Self {
            brightness: mean / 255.0,
            sharpness: edges / n / (variance + FLAT_VARIANCE),
            eyes: left.deviation.min(right.deviation) / skin,
            mouth: mouth.deviation / skin,
            shade: (left.mean + right.mean) / (cheeks[0] + cheeks[1]).max(1.0),
        }
    }

    /// Whether something lies over the eyes or the mouth.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.eyes < COVERED_CONTRAST || self.mouth < COVERED_CONTRAST || self.shade < COVERED_SHADE
    }
}

/// A rectangle of the aligned face: columns and rows, the last of each left out.
struct Part {
    columns: (usize, usize),
    rows: (usize, usize),
}

/// The luma of a part.
struct Luma {
    mean: f64,
    deviation: f64,
}

impl Part {
    fn of(&self, luma: &[f64]) -> Luma {
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for y in self.rows.0..self.rows.1 {
            for value in &luma[y * ALIGNED_SIDE..][self.columns.0..self.columns.1] {
                n += 1.0;
                sum += value;
                squares += value * value;
            }
        }
        let mean = sum / n;
        Luma {
            mean,
            deviation: (squares / n - mean * mean).max(0.0).sqrt(),
        }
    }
}

/// The median luma of the face, at least 1.
fn median(luma: &[f64]) -> f64 {
    let rows = ROWS.flat_map(move |y| &luma[y * ALIGNED_SIDE..][COLUMNS]);
    let mut values: Vec<f64> = rows.copied().collect();
    let middle = values.len() / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    median.max(1.0)
}

/// 0 (will not compare) to 100 (as good as the development data's best).
#[must_use]
pub fn quality(face: &Face, pose: &Pose, appearance: &Appearance) -> u8 {
    let (dark, bright) = QUALITY_BRIGHTNESS;
    let terms = [
        ramp(face.eye_distance(), QUALITY_EYE_DISTANCE_PX),
        ramp(face.score, QUALITY_DETECTION),
        ramp(pose.yaw_deg.abs(), QUALITY_YAW_DEG),
        ramp(pose.pitch_deg.abs(), QUALITY_PITCH_DEG),
        ramp(appearance.sharpness, QUALITY_SHARPNESS),
        ramp(appearance.brightness, dark),
        ramp(appearance.brightness, bright),
    ];
    (terms.iter().product::<f64>() * 100.0).round() as u8
}

/// 0 at `from`, 1 at `to`, straight between, whichever is the larger; NaN is 0.
fn ramp(value: f64, (from, to): (f64, f64)) -> f64 {
    let share = (value - from) / (to - from);
    if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    }
}

/// Between the brows and the lower lip, within the cheeks: the background and most hair stay out.
const ROWS: std::ops::Range<usize> = 38..102;
const COLUMNS: std::ops::Range<usize> = 26..86;
/// Eyes with their lids, lips, and cheeks, where [`super::params::ALIGNED_POINTS`] puts them.
const LEFT_EYE: Part = part((29, 48), (46, 59));
const RIGHT_EYE: Part = part((64, 83), (46, 59));
const MOUTH: Part = part((40, 72), (84, 101));
const LEFT_CHEEK: Part = part((30, 42), (68, 80));
const RIGHT_CHEEK: Part = part((70, 82), (68, 80));
const fn part(columns: (usize, usize), rows: (usize, usize)) -> Part {
    Part { columns, rows }
}
/// Variance of luma that sensor noise alone has; keeps a flat patch from counting as sharp.
const FLAT_VARIANCE: f64 = 25.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_goes_either_way() {
        assert_eq!(
            [0.0, 5.0, 9.0].map(|v| ramp(v, (0.0, 10.0))),
            [0.0, 0.5, 0.9]
        );
        assert_eq!(
            [0.0, 5.0, 20.0].map(|v| ramp(v, (10.0, 0.0))),
            [1.0, 0.5, 0.0]
        );
        assert_eq!(ramp(f64::NAN, (0.0, 1.0)), 0.0);
    }
}
