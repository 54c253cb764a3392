//! Reads records: the four layouts differ in their headers, and hold minutiae of six (or five) bytes alike.
//!
//! All numbers are big-endian. The two records of version `20` are told apart by their length field: four bytes in
//! ISO/IEC 19794-2:2005 (§7.3.3), two bytes, or two zeros and four bytes, in ANSI INCITS 378-2004 (§6.4.3). The two of version
//! `030`: each view of ISO/IEC 19794-2:2011 begins with its own length (§8.4.2), and these add up to the record's. Extended data
//! are passed over, within bounds. Reserved bits are not looked at.

use std::f32::consts::TAU;

use super::fields::Fields;
use super::{Format, InterchangeError, MOST_RECORD_BYTES, Point, PointKind, Record, View};

/// What every record begins with.
pub(super) const MAGIC: &[u8; 4] = b"FMR\0";

/// Reads a record of any of the four layouts.
///
/// # Errors
/// [`InterchangeError`] when the bytes are not exactly one record.
pub fn read(bytes: &[u8]) -> Result<Record, InterchangeError> {
    if bytes.len() > MOST_RECORD_BYTES {
        return Err(InterchangeError::TooLong);
    }
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(InterchangeError::UnknownMagic)?;
    let mut fields = Fields::new(rest);
    let (format, views) = match &fields.take::<4>()? {
        b" 20\0" | b"020\0" => {
            if is_ansi_2004(fields.rest) {
                (Format::Ansi2004, ansi_2004(&mut fields, bytes.len())?)
            } else {
                (Format::Iso2005, iso_2005(&mut fields, bytes.len())?)
            }
        }
        b"030\0" => {
            if is_iso_2011(fields.rest) {
                (Format::Iso2011, iso_2011(&mut fields, bytes.len())?)
            } else {
                (Format::Ansi2009, ansi_2009(&mut fields, bytes.len())?)
            }
        }
        _ => return Err(InterchangeError::UnknownVersion),
    };
    if !fields.rest.is_empty() {
        return Err(InterchangeError::WrongLength);
    }
    if views.is_empty() {
        return Err(InterchangeError::NoViews);
    }
    Ok(Record { format, views })
}

/// Whether the length behind the version is written as ANSI INCITS 378-2004 does.
///
/// A record of either kind has at least 24 bytes, so two bytes of 26 or more are the whole length, and two zeros are the upper
/// half of ISO's or the sign of a long ANSI record, whose next two bytes are then small.
fn is_ansi_2004(rest: &[u8]) -> bool {
    let mut fields = Fields::new(rest);
    match (fields.u16(), fields.u16()) {
        (Ok(0), Ok(next)) => next < ISO_2005_HEADER,
        (Ok(first), Ok(_)) => first >= ANSI_2004_HEADER,
        _ => false,
    }
}

/// Whether the lengths of the views add up to the record's, as in ISO/IEC 19794-2:2011.
fn is_iso_2011(rest: &[u8]) -> bool {
    let mut fields = Fields::new(rest);
    let mut add_up = || {
        let total = fields.u32()?;
        let (count, _certified) = (fields.u16()?, fields.u8()?);
        let mut sum = ISO_2011_HEADER;
        for _ in 0..count {
            let length = fields.u32()?;
            if length < ISO_2011_VIEW {
                return Ok(false);
            }
            fields.slice(length as usize - 4)?;
            sum += u64::from(length);
        }
        Ok::<bool, InterchangeError>(u64::from(total) == sum)
    };
    add_up().unwrap_or(false)
}

/// Bytes of the headers, and the fewest of a view.
const ISO_2005_HEADER: u16 = 24;
const ANSI_2004_HEADER: u16 = 26;
const ISO_2011_HEADER: u64 = 15;
const ISO_2011_VIEW: u32 = 34;

/// Size and resolution of a record's image.
#[derive(Clone, Copy)]
struct Image {
    size_px: (u16, u16),
    pixels_per_cm: (f32, f32),
}

fn resolution(x: u16, y: u16) -> (f32, f32) {
    (f32::from(x), f32::from(y))
}

/// Size, then resolution (the order of all but ISO/IEC 19794-2:2011).
fn image(fields: &mut Fields<'_>) -> Result<Image, InterchangeError> {
    let size_px = (fields.u16()?, fields.u16()?);
    Ok(Image {
        size_px,
        pixels_per_cm: resolution(fields.u16()?, fields.u16()?),
    })
}

fn check_length(stated: u32, actual: usize) -> Result<(), InterchangeError> {
    match (stated as usize).cmp(&actual) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(InterchangeError::Truncated),
        std::cmp::Ordering::Less => Err(InterchangeError::WrongLength),
    }
}

/// ISO/IEC 19794-2:2005 §7.3.
fn iso_2005(fields: &mut Fields<'_>, length: usize) -> Result<Vec<View>, InterchangeError> {
    check_length(fields.u32()?, length)?;
    let _device = fields.u16()?;
    let image = image(fields)?;
    let (count, _reserved) = (fields.u8()?, fields.u8()?);
    (0..count)
        .map(|_| view_2004(fields, image, ISO_TURN))
        .collect()
}

/// ANSI INCITS 378-2004 §6.4.
fn ansi_2004(fields: &mut Fields<'_>, length: usize) -> Result<Vec<View>, InterchangeError> {
    let stated = match fields.u16()? {
        0 => fields.u32()?,
        short => u32::from(short),
    };
    check_length(stated, length)?;
    let (_owner, _type, _device) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let image = image(fields)?;
    let (count, _reserved) = (fields.u8()?, fields.u8()?);
    (0..count)
        .map(|_| view_2004(fields, image, ANSI_TURN))
        .collect()
}

/// ISO/IEC 19794-2:2005 §7.4 and ANSI INCITS 378-2004 §6.5: the two are alike but for the unit of angles.
fn view_2004(fields: &mut Fields<'_>, image: Image, turn: u16) -> Result<View, InterchangeError> {
    let [finger, number_and_impression, quality, count] = fields.take()?;
    let points = points(fields, count, 6, turn)?;
    extended(fields)?;
    Ok(View {
        finger,
        number: number_and_impression >> 4,
        impression: number_and_impression & 0x0f,
        quality: percent(quality)?,
        size_px: image.size_px,
        pixels_per_cm: image.pixels_per_cm,
        points,
    })
}

/// ANSI INCITS 378-2009: size, resolution and who judged the quality are each view's own.
fn ansi_2009(fields: &mut Fields<'_>, length: usize) -> Result<Vec<View>, InterchangeError> {
    check_length(fields.u32()?, length)?;
    let (_owner, _type) = (fields.u16()?, fields.u16()?);
    let (_compliance, _device) = (fields.u8()?, fields.u16()?);
    let (count, _reserved) = (fields.u8()?, fields.u8()?);
    (0..count)
        .map(|_| {
            let [finger, number, impression, quality] = fields.take()?;
            let (_judge, _algorithm) = (fields.u16()?, fields.u16()?);
            let image = image(fields)?;
            let count = fields.u8()?;
            let points = points(fields, count, 6, ANSI_TURN)?;
            extended(fields)?;
            Ok(View {
                finger,
                number,
                impression,
                quality: percent(quality)?,
                size_px: image.size_px,
                pixels_per_cm: image.pixels_per_cm,
                points,
            })
        })
        .collect()
}

/// ISO/IEC 19794-2:2011 §8.3: the general header, then the representations.
fn iso_2011(fields: &mut Fields<'_>, length: usize) -> Result<Vec<View>, InterchangeError> {
    check_length(fields.u32()?, length)?;
    let (count, certified) = (fields.u16()?, fields.u8()?);
    (0..count)
        .map(|_| {
            let length = (fields.u32()? as usize)
                .checked_sub(4)
                .ok_or(InterchangeError::WrongLength)?;
            let mut own = Fields::new(fields.slice(length)?);
            let view = view_2011(&mut own, certified != 0)?;
            if !own.rest.is_empty() {
                return Err(InterchangeError::WrongLength);
            }
            Ok(view)
        })
        .collect()
}

/// ISO/IEC 19794-2:2011 §8.4, behind the length: when, by what device, how good, certified by whom; then what.
fn view_2011(fields: &mut Fields<'_>, certified: bool) -> Result<View, InterchangeError> {
    const DATE_AND_DEVICE: usize = 9 + 1 + 2 + 2;
    const CERTIFICATE: usize = 3;
    fields.slice(DATE_AND_DEVICE)?;
    let judgements = fields.u8()?;
    let mut quality = None;
    for _ in 0..judgements {
        let [score, ..] = fields.take::<5>()?;
        quality = quality.or(percent(score)?);
    }
    if certified {
        let certificates = usize::from(fields.u8()?);
        fields.slice(certificates * CERTIFICATE)?;
    }
    let [finger, number] = fields.take()?;
    let pixels_per_cm = resolution(fields.u16()?, fields.u16()?);
    let impression = fields.u8()?;
    let size_px = (fields.u16()?, fields.u16()?);
    let (shape, count) = (fields.u8()?, fields.u8()?);
    let bytes_each = usize::from(shape >> 4);
    if bytes_each != 5 && bytes_each != 6 {
        return Err(InterchangeError::OutOfRange);
    }
    let points = points(fields, count, bytes_each, ISO_TURN)?;
    extended(fields)?;
    Ok(View {
        finger,
        number,
        impression,
        quality,
        size_px,
        pixels_per_cm,
        points,
    })
}

/// Units of a turn: 256ths in ISO's records, two degrees in ANSI's.
pub(super) const ISO_TURN: u16 = 256;
pub(super) const ANSI_TURN: u16 = 180;
/// The low 14 bits are the place; the two above are the kind.
const PLACE_BITS: u32 = 14;

/// ISO/IEC 19794-2:2005 §7.4.2: kind and x, reserved bits and y, angle, quality.
fn points(
    fields: &mut Fields<'_>,
    count: u8,
    bytes_each: usize,
    turn: u16,
) -> Result<Vec<Point>, InterchangeError> {
    let packed = fields.slice(usize::from(count) * bytes_each)?;
    packed
        .chunks_exact(bytes_each)
        .map(|bytes| {
            let mut own = Fields::new(bytes);
            let (x, y, angle) = (own.u16()?, own.u16()?, u16::from(own.u8()?));
            let quality = match own.rest {
                [] => None,
                [quality, ..] => percent(*quality)?,
            };
            if angle >= turn {
                return Err(InterchangeError::OutOfRange);
            }
            let place = |v: u16| f32::from(v & ((1 << PLACE_BITS) - 1));
            Ok(Point {
                x: place(x),
                y: place(y),
                angle: f32::from(angle) / f32::from(turn) * TAU,
                kind: PointKind::from_bits((x >> PLACE_BITS) as u8)
                    .ok_or(InterchangeError::OutOfRange)?,
                quality,
            })
        })
        .collect()
}

/// A quality: 0, and 254 and 255 since 2011, say that none was reported (ISO/IEC 19794-2:2005 §7.4.2.5).
fn percent(quality: u8) -> Result<Option<u8>, InterchangeError> {
    match quality {
        1..=100 => Ok(Some(quality)),
        0 | 254 | 255 => Ok(None),
        101..=253 => Err(InterchangeError::OutOfRange),
    }
}

/// Extended data (§7.5): a length and as many bytes, passed over.
fn extended(fields: &mut Fields<'_>) -> Result<(), InterchangeError> {
    let length = fields.u16()?;
    fields.slice(usize::from(length)).map(drop)
}
