//! Minutiae records of other makers: read into templates, and templates written as records.
//!
//! | Record | Read | Written | Layout |
//! | --- | --- | --- | --- |
//! | ISO/IEC 19794-2:2005 | yes | yes | `reading`, clause 7 of the standard |
//! | ANSI INCITS 378-2004 | yes | yes | `reading`, clause 6 |
//! | ISO/IEC 19794-2:2011 | yes | no | `reading`, clause 8 |
//! | ANSI INCITS 378-2009 | yes | no | `reading` |
//! | ISO/IEC 19794-2:2005 on cards, normal and compact | yes | no | [`card`], clause 8 |
//!
//! All have one convention, which is ours too: the origin at the top left, y down, angles counter-clockwise from +x, and the
//! direction of a minutia from the end of a ridge (of a valley, at a fork) into its line (ISO/IEC 19794-2:2005 §6.4).
//! They differ in units: `reading` turns angles into radians, and `foreign` brings places to 500 dpi.
//! A record has no orientation map; `foreign` makes one from the minutiae, because a comparison asks where a print lies.

pub mod card;
mod fields;
mod foreign;
mod reading;
mod writing;

use zeroize::Zeroize;

pub use self::reading::read;
pub use self::writing::{Labels, write};

/// Longest record that is read, bytes: 255 minutiae in each of a few dozen views, with extended data.
pub const MOST_RECORD_BYTES: usize = 256 << 10;

/// The layout of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ISO/IEC 19794-2:2005, record format.
    Iso2005,
    /// ISO/IEC 19794-2:2011.
    Iso2011,
    /// ANSI INCITS 378-2004.
    Ansi2004,
    /// ANSI INCITS 378-2009.
    Ansi2009,
}

/// Why bytes are not a record that can be read, or a view not a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InterchangeError {
    /// More bytes than any record has.
    #[error("a minutiae record has at most {MOST_RECORD_BYTES} bytes")]
    TooLong,
    /// Not a minutiae record's first bytes.
    #[error("not a minutiae record")]
    UnknownMagic,
    /// A version of the format that is not read.
    #[error("this version of the minutiae record is not read")]
    UnknownVersion,
    /// Fewer bytes than the record's counts say.
    #[error("the minutiae record is cut short")]
    Truncated,
    /// The stated length is not the record's.
    #[error("the minutiae record's length does not agree with its header")]
    WrongLength,
    /// A number out of its range.
    #[error("the minutiae record holds a value out of range")]
    OutOfRange,
    /// A record without views.
    #[error("the minutiae record holds no view of a finger")]
    NoViews,
    /// Fewer minutiae than a comparison needs.
    #[error("the minutiae record has only {found} minutiae; at least {least} are needed")]
    TooFewMinutiae {
        /// In the view.
        found: usize,
        /// Needed.
        least: usize,
    },
}

/// A whole record. Has no `Debug` or `Clone`: it is a biometric reference.
pub struct Record {
    /// Its layout.
    pub format: Format,
    /// The views, in the record's order; never empty.
    pub views: Vec<View>,
}

impl Record {
    /// The view of best quality, of one finger position where one is given; the first of equals.
    #[must_use]
    pub fn best_view(&self, finger: Option<u8>) -> Option<&View> {
        self.views
            .iter()
            .filter(|view| finger.is_none_or(|wanted| view.finger == wanted))
            .reduce(|best, view| {
                if view.quality > best.quality {
                    view
                } else {
                    best
                }
            })
    }
}

/// One view of one finger. Wiped when dropped.
pub struct View {
    /// Finger position: 0 unknown, 1 to 5 right thumb to little finger, 6 to 10 left.
    pub finger: u8,
    /// Number of the view of this finger.
    pub number: u8,
    /// Impression type, as the standard codes it.
    pub impression: u8,
    /// Quality, 0 to 100, where it was reported.
    pub quality: Option<u8>,
    /// Width and height of the image, pixels; 0 where it is not known.
    pub size_px: (u16, u16),
    /// Pixels a centimetre along x and y.
    pub pixels_per_cm: (f32, f32),
    /// The minutiae.
    pub points: Vec<Point>,
}

impl Drop for View {
    fn drop(&mut self) {
        for point in &mut self.points {
            point.x.zeroize();
            point.y.zeroize();
            point.angle.zeroize();
        }
    }
}

/// One minutia of a record.
#[derive(Clone, Copy, PartialEq)]
pub struct Point {
    /// Pixels from the left, at the record's resolution.
    pub x: f32,
    /// Pixels from the top.
    pub y: f32,
    /// Radians counter-clockwise from +x, 0 to 2 pi.
    pub angle: f32,
    /// What it is.
    pub kind: PointKind,
    /// Quality, 0 to 100, where it was reported.
    pub quality: Option<u8>,
}

/// What a record says that a minutia is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointKind {
    /// Neither, or not known.
    Other,
    /// A ridge ends.
    Ending,
    /// A ridge forks.
    Bifurcation,
}

impl PointKind {
    /// The two bits of the record; `None` for the reserved code.
    fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Other),
            1 => Some(Self::Ending),
            2 => Some(Self::Bifurcation),
            _ => None,
        }
    }
}

/// Whether the bytes begin like a minutiae record.
#[must_use]
pub fn is_record(bytes: &[u8]) -> bool {
    bytes.starts_with(reading::MAGIC)
}

#[cfg(test)]
mod tests;
