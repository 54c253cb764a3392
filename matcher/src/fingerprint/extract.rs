//! From an image to a template: runs the stages in order.

use super::enhance::Filter;
use super::minutiae::{Found, Lines, minutiae};
use super::normalise::{normalise, resample};
use super::orientation::{Orientation, orientation};
use super::params::{AcceptParams, Params, RidgeFrequencyParams};
use super::plane::{CELL_PX, Plane, framed};
use super::quality::{Guidance, Measures, Stages, guidance, overall, quality};
use super::ridge_frequency::{RidgePeriod, ridge_frequency};
use super::segment::{Mask, segment};
use super::template::{MOST_CELLS, Minutia, NO_RIDGES, OrientationMap, Template, orientation_byte};
use super::thin::{binarise, thin};
use super::trace::{Stage, Trace};
use crate::sample::GreyImage;

/// What was read from a sample.
pub struct Extraction {
    /// What is kept.
    pub template: Template,
    /// Quality of the print, 0 to 100.
    pub quality: u8,
    /// What its quality was read from.
    pub measures: Measures,
    /// What would help most, where the quality is low.
    pub guidance: Option<Guidance>,
}

/// Why a sample gives no template.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FingerprintError {
    /// The pixels do not fill the stated size.
    #[error("the image's pixels do not fill its size")]
    WrongSize,
    /// A resolution that no sensor has.
    #[error("a resolution of {0} dpi is not taken")]
    ResolutionOutOfRange(f64),
    /// Too few pixels for a print.
    #[error("the image is too small for a fingerprint")]
    TooSmall,
    /// Too many pixels for a finger.
    #[error("the image is too large for a fingerprint")]
    TooLarge,
    /// Nothing in the image looks like ridges.
    #[error("no ridges were found")]
    NoRidges,
    /// A print, but too little of it.
    #[error("only {found} minutiae were found; at least {least} are needed")]
    TooFewMinutiae {
        /// Found in the sample.
        found: usize,
        /// Needed.
        least: usize,
    },
}

impl FingerprintError {
    /// What its owner can do about it, where that is a matter of how the finger lay.
    #[must_use]
    pub fn guidance(&self) -> Option<Guidance> {
        match self {
            Self::NoRidges => Some(Guidance::NotAFinger),
            Self::TooFewMinutiae { .. } => Some(Guidance::PressHarder),
            Self::WrongSize | Self::ResolutionOutOfRange(_) | Self::TooSmall | Self::TooLarge => {
                None
            }
        }
    }
}

/// Reads a template from an image of one finger, ridges dark. Without a resolution, it is estimated from the ridge period.
///
/// # Errors
/// [`FingerprintError`] when the sample cannot be used.
pub fn extract(
    image: &GreyImage,
    dpi: Option<f64>,
    params: &Params,
) -> Result<Extraction, FingerprintError> {
    extract_traced(image, dpi, params, &mut ())
}

/// The same, telling `trace` what each stage made.
pub(crate) fn extract_traced(
    image: &GreyImage,
    dpi: Option<f64>,
    params: &Params,
    trace: &mut impl Trace,
) -> Result<Extraction, FingerprintError> {
    let accept = &params.accept;
    if image.width.checked_mul(image.height) != Some(image.pixels.len()) {
        return Err(FingerprintError::WrongSize);
    }
    if image.width == 0 || image.height == 0 {
        return Err(FingerprintError::TooSmall);
    }
    let scale = match dpi {
        Some(dpi) if dpi >= accept.dpi_range.0 && dpi <= accept.dpi_range.1 => STANDARD_DPI / dpi,
        Some(dpi) => return Err(FingerprintError::ResolutionOutOfRange(dpi)),
        None => {
            check_size(image, 1.0, accept)?;
            estimate_scale(image, params)?
        }
    };
    check_size(image, scale, accept)?;
    let grey = resample(image, scale);
    trace.plane(Stage::Grey, &grey);
    let is_enough = |mask: &Mask| mask.cells() * CELL_PX * CELL_PX >= accept.least_area_px;
    let mut mask = segment(&grey, &params.segment);
    if !is_enough(&mask) {
        mask = segment(&grey, &params.segment.faint());
    }
    trace.mask(&mask);
    if !is_enough(&mask) {
        return Err(FingerprintError::NoRidges);
    }
    let print = ridges(&grey, &mask, params, trace);
    let cells = quality(
        &print.normalised,
        &print.response,
        &print.field,
        &mask,
        &params.quality,
    );
    trace.plane(Stage::Quality, &cells);
    let (ridges, valleys) = binarise(&print.response, &mask, &params.thin);
    trace.bits(Stage::Ridges, &ridges);
    trace.bits(Stage::Valleys, &valleys);
    let lines = Lines {
        ridges: thin(ridges),
        valleys: thin(valleys),
        field: &print.field,
        mask: &mask,
        quality: &cells,
    };
    trace.binary(Stage::RidgeLines, &lines.ridges);
    trace.binary(Stage::ValleyLines, &lines.valleys);
    let found = minutiae(lines, &params.minutiae);
    if found.len() < accept.least_minutiae {
        return Err(FingerprintError::TooFewMinutiae {
            found: found.len(),
            least: accept.least_minutiae,
        });
    }
    let stages = Stages {
        grey: &grey,
        scale: scale as f32,
        normalised: &print.normalised,
        mask: &mask,
        first_field: &print.first_field,
        field: &print.field,
        period: &print.period,
        cells: &cells,
    };
    let measures = Measures::of(&stages, &found);
    let quality = overall(&measures, &params.quality);
    let guidance = match quality {
        0 => Some(Guidance::NotAFinger),
        low if low < params.quality.guided => guidance(&measures, &params.quality.guidance),
        _ => None,
    };
    Ok(Extraction {
        template: template(&found, &print.field, &mask, quality),
        quality,
        measures,
        guidance,
    })
}

/// The resolution that all stages work at.
const STANDARD_DPI: f64 = 500.0;

fn check_size(
    image: &GreyImage,
    scale: f64,
    accept: &AcceptParams,
) -> Result<(), FingerprintError> {
    let (width, height) = (image.width as f64 * scale, image.height as f64 * scale);
    if width.min(height) < accept.least_side_px as f64 {
        return Err(FingerprintError::TooSmall);
    }
    if width * height > accept.most_pixels as f64 {
        return Err(FingerprintError::TooLarge);
    }
    Ok(())
}

/// The scale that brings the median ridge period to that of an adult at 500 dpi.
fn estimate_scale(image: &GreyImage, params: &Params) -> Result<f64, FingerprintError> {
    let start = if image.width.min(image.height) < params.accept.small_side_px {
        2.0
    } else {
        1.0
    };
    let grey = resample(image, start);
    let mask = segment(&grey, &params.segment);
    let normalised = normalise(&grey, &params.normalise);
    let field = orientation(&normalised, &mask, &params.orientation);
    let period = ridge_frequency(
        &framed(&normalised),
        &field,
        &mask,
        &RidgeFrequencyParams::any_resolution(),
    );
    // Where no period shows, the resolution is the usual one, or the coarse sensors' half of it.
    let Some(median) = period.median_px.map(f64::from) else {
        return Ok(start);
    };
    let scale = start * params.accept.ridge_period_px / median;
    let is_usual = scale.max(1.0 / scale) <= params.accept.usual_scale;
    Ok(if is_usual { 1.0 } else { scale })
}

/// The print with its ridges made clear.
struct Clear {
    normalised: Plane,
    first_field: Orientation,
    field: Orientation,
    period: RidgePeriod,
    response: Plane,
}

/// Enhances twice: the orientation of the first result is surer than that of the image.
fn ridges(grey: &Plane, mask: &Mask, params: &Params, trace: &mut impl Trace) -> Clear {
    let normalised = normalise(grey, &params.normalise);
    trace.plane(Stage::Normalised, &normalised);
    let first_field = orientation(&normalised, mask, &params.orientation);
    trace.field(Stage::FirstOrientation, &first_field, mask);
    let mut image = normalised.clone();
    mask.clear_outside(&mut image);
    let image = framed(&image);
    let period = ridge_frequency(&image, &first_field, mask, &params.ridge_frequency);
    trace.plane(Stage::RidgePeriod, &period.period_px);
    let mut filter = Filter::new(image.width, &params.enhance);
    let first = filter.enhance(&image, &first_field, &period.period_px, mask);
    trace.plane(Stage::FirstEnhanced, &first);
    let field = orientation(&first, mask, &params.second_orientation.field);
    trace.field(Stage::Orientation, &field, mask);
    let response = filter.enhance(&image, &field, &period.period_px, mask);
    trace.plane(Stage::Enhanced, &response);
    Clear {
        normalised,
        first_field,
        field,
        period,
        response,
    }
}

fn template(found: &[Found], field: &Orientation, mask: &Mask, quality: u8) -> Template {
    let minutiae = found
        .iter()
        .map(|m| Minutia::new(m.x, m.y, m.angle, m.kind, m.quality))
        .collect();
    Template {
        quality,
        minutiae,
        map: orientation_map(field, mask),
    }
}

/// The field at the finest cells that a template has room for.
fn orientation_map(field: &Orientation, mask: &Mask) -> OrientationMap {
    let size = |cells: usize, step: usize| cells.div_ceil(step);
    let fits = |step: &usize| {
        let (columns, rows) = (size(mask.columns, *step), size(mask.rows, *step));
        columns <= 255 && rows <= 255 && columns * rows <= MOST_CELLS
    };
    let step = (FINEST_STEP..=COARSEST_STEP)
        .find(fits)
        .unwrap_or(COARSEST_STEP);
    // Beyond the coarsest cells, the right and lower rest is left out: the format's bounds come first.
    let columns = size(mask.columns, step).min(MAP_SIDE);
    let rows = size(mask.rows, step).min(MAP_SIDE);
    let mut cells = vec![NO_RIDGES; columns * rows];
    for (index, cell) in cells.iter_mut().enumerate() {
        let (column, row) = (index % columns * step, index / columns * step);
        let (mut inside, mut cos2, mut sin2) = (0, 0.0, 0.0);
        for y in row..(row + step).min(mask.rows) {
            for x in column..(column + step).min(mask.columns) {
                if mask.has_cell(x, y) {
                    inside += 1;
                    cos2 += field.cos2.at(x, y);
                    sin2 += field.sin2.at(x, y);
                }
            }
        }
        if 2 * inside >= step * step {
            *cell = orientation_byte(0.5 * f32::atan2(sin2, cos2));
        }
    }
    OrientationMap {
        cell_px: (step * CELL_PX) as u8,
        columns: columns as u8,
        rows: rows as u8,
        cells,
    }
}

/// Cells of the map: 16 px where there is room, at most 252.
const FINEST_STEP: usize = 4;
const COARSEST_STEP: usize = 63;
const MAP_SIDE: usize = 44;
