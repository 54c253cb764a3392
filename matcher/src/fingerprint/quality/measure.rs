//! What the stages say of a print as a whole: the numbers that its quality and the advice to its owner come from.
//!
//! The terms are those of ISO/IEC 29794-4: orientation certainty, local clarity, ridge flow, frequency, area and minutiae. They are read
//! from what extraction has made anyway; only the grey levels are looked at again, every second pixel.

use crate::fingerprint::minutiae::Found;
use crate::fingerprint::orientation::Orientation;
use crate::fingerprint::plane::{CELL_PX, Plane};
use crate::fingerprint::ridge_frequency::RidgePeriod;
use crate::fingerprint::segment::Mask;

/// What the stages made of an image.
pub(crate) struct Stages<'a> {
    pub(crate) grey: &'a Plane,
    /// By how much the image was enlarged to 500 dpi.
    pub(crate) scale: f32,
    pub(crate) normalised: &'a Plane,
    pub(crate) mask: &'a Mask,
    /// Orientation of the image as it came.
    pub(crate) first_field: &'a Orientation,
    /// Orientation of the enhanced image.
    pub(crate) field: &'a Orientation,
    pub(crate) period: &'a RidgePeriod,
    /// Quality of each cell.
    pub(crate) cells: &'a Plane,
}

/// A print in numbers. Shares and means are over the cells of the print.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measures {
    /// Area of the print, thousands of pixels at 500 dpi.
    pub area: f32,
    /// Area weighted by the quality of its cells, thousands of pixels.
    pub clear_area: f32,
    /// Mean quality of the cells, 0 to 1.
    pub clarity: f32,
    /// Share of cells whose quality is below a third.
    pub unclear: f32,
    /// Orientation certainty of the image as it came, 0 to 1.
    pub certainty: f32,
    /// Mean cosine of twice the angle between the orientation before and after enhancement.
    pub steadiness: f32,
    /// Mean cosine of twice the angle between the orientations of cells three ridges apart: the ridge flow.
    pub flow: f32,
    /// Median ridge period, pixels.
    pub period: f32,
    /// Share of windows that show a ridge period.
    pub periodic: f32,
    /// Half the distance between the outer fifths of the periods, as a share of the median.
    pub period_spread: f32,
    /// Minutiae found.
    pub minutiae: f32,
    /// The same, each weighing its quality.
    pub clear_minutiae: f32,
    /// Mean grey level of the print, 0 black to 1 white.
    pub brightness: f32,
    /// Mean deviation of the grey levels over a ridge or two, 0 to 1.
    pub contrast: f32,
    /// Share of the print that is darker than its surroundings: ridges against valleys.
    pub dark_share: f32,
    /// Steepness of the ridges' flanks: the gradient against that of a pure wave of the median period.
    pub sharpness: f32,
    /// Distance of the print's middle from the frame's, as a share of the frame's half diagonal.
    pub off_centre: f32,
    /// Share of the frame's border that the print touches.
    pub cut: f32,
}

impl Measures {
    /// The numbers by name, for fitting.
    #[must_use]
    pub fn columns(&self) -> [(&'static str, f32); 18] {
        [
            ("area", self.area),
            ("clear_area", self.clear_area),
            ("clarity", self.clarity),
            ("unclear", self.unclear),
            ("certainty", self.certainty),
            ("steadiness", self.steadiness),
            ("flow", self.flow),
            ("period", self.period),
            ("periodic", self.periodic),
            ("period_spread", self.period_spread),
            ("minutiae", self.minutiae),
            ("clear_minutiae", self.clear_minutiae),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("dark_share", self.dark_share),
            ("sharpness", self.sharpness),
            ("off_centre", self.off_centre),
            ("cut", self.cut),
        ]
    }

    /// Reads the numbers off the stages.
    pub(crate) fn of(stages: &Stages<'_>, found: &[Found]) -> Self {
        let mut out = Self {
            minutiae: found.len() as f32,
            clear_minutiae: found.iter().map(|m| m.quality).sum(),
            period: stages.period.median_px.unwrap_or_default(),
            periodic: stages.period.share,
            period_spread: stages.period.spread,
            ..Self::default()
        };
        out.read_cells(stages);
        out.read_grey(stages);
        out
    }

    fn read_cells(&mut self, stages: &Stages<'_>) {
        let Stages {
            mask,
            first_field,
            field,
            cells,
            ..
        } = *stages;
        let (mut inside, mut clear, mut unclear, mut certain) = (0f32, 0.0, 0.0, 0.0);
        let (mut steady, mut flow, mut flowing) = (0.0, 0.0, 0f32);
        let (mut sum_x, mut sum_y, mut border, mut touched) = (0.0, 0.0, 0f32, 0.0);
        for row in 0..mask.rows {
            for column in 0..mask.columns {
                let edge =
                    row == 0 || column == 0 || row + 1 == mask.rows || column + 1 == mask.columns;
                border += f32::from(u8::from(edge));
                let index = row * mask.columns + column;
                if !mask.inside[index] {
                    continue;
                }
                touched += f32::from(u8::from(edge));
                inside += 1.0;
                sum_x += column as f32;
                sum_y += row as f32;
                let quality = cells.values[index];
                clear += quality;
                unclear += f32::from(u8::from(quality < UNCLEAR));
                certain += first_field.coherence.values[index];
                let (c, s) = (field.cos2.values[index], field.sin2.values[index]);
                steady += c * first_field.cos2.values[index] + s * first_field.sin2.values[index];
                for (x, y) in [(column + FLOW_CELLS, row), (column, row + FLOW_CELLS)] {
                    if mask.has_cell(x, y) {
                        flow += c * field.cos2.at(x, y) + s * field.sin2.at(x, y);
                        flowing += 1.0;
                    }
                }
            }
        }
        let cells_in_k = (CELL_PX * CELL_PX) as f32 / 1_000.0;
        let count = inside.max(1.0);
        (self.area, self.clear_area) = (inside * cells_in_k, clear * cells_in_k);
        (self.clarity, self.unclear) = (clear / count, unclear / count);
        (self.certainty, self.steadiness) = (certain / count, steady / count);
        self.flow = flow / flowing.max(1.0);
        let (half_x, half_y) = (mask.columns as f32 / 2.0, mask.rows as f32 / 2.0);
        let away = (sum_x / count + 0.5 - half_x).hypot(sum_y / count + 0.5 - half_y);
        self.off_centre = away / half_x.hypot(half_y);
        self.cut = touched / border.max(1.0);
    }

    fn read_grey(&mut self, stages: &Stages<'_>) {
        let Stages {
            grey,
            normalised,
            mask,
            ..
        } = *stages;
        let (mut count, mut sum, mut within) = (0f32, 0f32, 0f32);
        let (mut dark, mut power, mut steep) = (0f32, 0f32, 0f32);
        let side = BLOCK_CELLS * CELL_PX;
        for top in (0..mask.rows * CELL_PX).step_by(side) {
            for left in (0..mask.columns * CELL_PX).step_by(side) {
                let (mut n, mut one, mut two) = (0f32, 0f32, 0f32);
                for y in (top..(top + side).min(grey.height - 1)).step_by(2) {
                    for x in (left..(left + side).min(grey.width - 1)).step_by(2) {
                        if !mask.has_pixel(x, y) {
                            continue;
                        }
                        let (level, value) = (grey.at(x, y), normalised.at(x, y));
                        n += 1.0;
                        one += level;
                        two += level * level;
                        // Ridges are positive once normalised.
                        dark += f32::from(u8::from(value > 0.0));
                        power += value * value;
                        steep += (normalised.at(x + 1, y) - value).powi(2)
                            + (normalised.at(x, y + 1) - value).powi(2);
                    }
                }
                if n > 0.0 {
                    let mean = one / n;
                    within += n * (two / n - mean * mean).max(0.0).sqrt();
                    count += n;
                    sum += one;
                }
            }
        }
        let count = count.max(1.0);
        self.brightness = sum / count / 255.0;
        self.contrast = within / count / 128.0;
        self.dark_share = dark / count;
        let wave = std::f32::consts::TAU / self.period.max(1.0);
        // An enlarged image cannot be steeper than its pixels were.
        self.sharpness = (steep / power.max(1e-6)).sqrt() / wave * stages.scale.max(1.0);
    }
}

/// Quality below which a cell counts as unclear.
const UNCLEAR: f32 = 1.0 / 3.0;
/// Distance over which the ridge flow is judged, cells: about three ridges.
const FLOW_CELLS: usize = 6;
/// Side of the blocks whose contrast is measured, cells: about two ridges.
const BLOCK_CELLS: usize = 4;
