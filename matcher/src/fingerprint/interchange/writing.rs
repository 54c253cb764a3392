//! Writes a template as a record of one view: ISO/IEC 19794-2:2005 §7 or ANSI INCITS 378-2004 §6.
//!
//! Places are rounded to whole pixels at 500 dpi (197 pixels a centimetre); the orientation map has no place in a record.

use super::foreign::{PIXELS_PER_CM_500_DPI, ahead_px, along};
use super::reading::{ANSI_TURN, ISO_TURN, MAGIC};
use super::{Format, InterchangeError, PointKind};
use crate::fingerprint::template::{Kind, Template};

/// What a record says of a print besides its minutiae.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels {
    /// Finger position: 0 unknown, 1 to 5 right thumb to little finger, 6 to 10 left.
    pub finger: u8,
    /// Number of the view.
    pub number: u8,
    /// Impression type: 0 is live-scan plain.
    pub impression: u8,
}

/// Writes a template as a record.
///
/// # Errors
/// [`InterchangeError::UnknownVersion`] for a format that is only read; [`InterchangeError::OutOfRange`] for labels that the record
/// has no room for.
pub fn write(
    template: &Template,
    format: Format,
    labels: Labels,
) -> Result<Vec<u8>, InterchangeError> {
    let (header, turn) = match format {
        Format::Iso2005 => (24, ISO_TURN),
        Format::Ansi2004 => (26, ANSI_TURN),
        Format::Iso2011 | Format::Ansi2009 => return Err(InterchangeError::UnknownVersion),
    };
    if labels.finger > 10 || labels.number > 15 || labels.impression > 15 {
        return Err(InterchangeError::OutOfRange);
    }
    let minutiae = template.minutiae();
    let length = header + VIEW_HEADER + minutiae.len() * MINUTIA + EXTENDED_LENGTH;
    let mut out = Vec::with_capacity(length);
    out.extend(MAGIC);
    out.extend(b" 20\0");
    match format {
        Format::Ansi2004 => {
            out.extend((length as u16).to_be_bytes());
            // Owner and type of the format: none registered.
            out.extend([0; 4]);
        }
        _ => out.extend((length as u32).to_be_bytes()),
    }
    // Capture device: not known.
    out.extend([0; 2]);
    let (width, height) = size_px(template);
    for number in [width, height, PIXELS_PER_CM_500_DPI, PIXELS_PER_CM_500_DPI] {
        out.extend(number.to_be_bytes());
    }
    out.extend([1, 0]);
    let count = minutiae.len() as u8;
    out.extend([
        labels.finger,
        labels.number << 4 | labels.impression,
        template.quality(),
        count,
    ]);
    for m in minutiae {
        let (bits, kind) = match m.kind() {
            Kind::Ending => (1 << 14, PointKind::Ending),
            Kind::Bifurcation => (2 << 14, PointKind::Bifurcation),
        };
        let (x, y) = along((m.x_px(), m.y_px()), m.angle(), -ahead_px(kind));
        out.extend((bits | place(x)).to_be_bytes());
        out.extend(place(y).to_be_bytes());
        let units = (m.angle() / std::f32::consts::TAU * f32::from(turn)).round() as u16;
        // A quality of 0 would say that none was reported.
        out.extend([(units % turn) as u8, m.quality().max(1)]);
    }
    out.extend([0; EXTENDED_LENGTH]);
    Ok(out)
}

const VIEW_HEADER: usize = 4;
const MINUTIA: usize = 6;
/// No minutia is written farther than this from where ours is.
const FARTHEST_AHEAD_PX: f32 = 4.0;
const EXTENDED_LENGTH: usize = 2;
/// Largest place of 14 bits.
const FARTHEST: u16 = (1 << 14) - 1;

fn place(px: f32) -> u16 {
    (px.round() as u16).min(FARTHEST)
}

/// The image's size is not kept: the smallest that holds the map and every minutia.
fn size_px(template: &Template) -> (u16, u16) {
    let map = &template.map;
    let cell = u16::from(map.cell_px);
    let start = (u16::from(map.columns) * cell, u16::from(map.rows) * cell);
    template
        .minutiae()
        .iter()
        .fold(start, |(width, height), m| {
            (
                width.max(place(m.x_px() + FARTHEST_AHEAD_PX) + 1),
                height.max(place(m.y_px() + FARTHEST_AHEAD_PX) + 1),
            )
        })
}
