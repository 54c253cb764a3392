//! Minutiae as cards hold them: ISO/IEC 19794-2:2005 clause 8, without any header.
//!
//! The normal size has five bytes a minutia (places in hundredths of a millimetre, 256ths of a turn), the compact size three
//! (tenths of a millimetre, 64ths of a turn). Which one it is, and how many, the card says elsewhere.

use std::f32::consts::TAU;

use super::fields::Fields;
use super::{InterchangeError, Point, PointKind, View};

/// The two sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Five bytes a minutia.
    Normal,
    /// Three bytes a minutia.
    Compact,
}

/// Most minutiae on a card.
const MOST: usize = 255;

/// Reads a card's minutiae.
///
/// # Errors
/// [`InterchangeError`] when the bytes are not whole minutiae, or too many.
pub fn read(bytes: &[u8], size: Size) -> Result<View, InterchangeError> {
    let (each, units_per_cm) = match size {
        Size::Normal => (5, 1_000.0),
        Size::Compact => (3, 100.0),
    };
    if bytes.len() > MOST * each {
        return Err(InterchangeError::TooLong);
    }
    if !bytes.len().is_multiple_of(each) {
        return Err(InterchangeError::Truncated);
    }
    let points = bytes.chunks_exact(each).map(|bytes| {
        let mut fields = Fields::new(bytes);
        let (x, y, bits, angle) = match size {
            Size::Normal => {
                let (x, y, angle) = (fields.u16()?, fields.u16()?, fields.u8()?);
                let place = |v: u16| f32::from(v & 0x3fff);
                (
                    place(x),
                    place(y),
                    (x >> 14) as u8,
                    f32::from(angle) / 256.0,
                )
            }
            Size::Compact => {
                let [x, y, last] = fields.take()?;
                let turn = f32::from(last & 0x3f) / 64.0;
                (f32::from(x), f32::from(y), last >> 6, turn)
            }
        };
        Ok(Point {
            x,
            y,
            angle: angle * TAU,
            kind: PointKind::from_bits(bits).ok_or(InterchangeError::OutOfRange)?,
            quality: None,
        })
    });
    Ok(View {
        finger: 0,
        number: 0,
        impression: 0,
        quality: None,
        size_px: (0, 0),
        pixels_per_cm: (units_per_cm, units_per_cm),
        points: points.collect::<Result<_, InterchangeError>>()?,
    })
}
