//! The minutiae template: what is kept of a print, and its compact serialisation.
//!
//! Everything is held as it is stored, in whole numbers, so a template that was written and read back is the same template.
//! Layout, little-endian: magic `WhFM`, version 1, quality, cell side (px), columns, rows, number of minutiae; 6 bytes a
//! minutia (x and y in eighths of a pixel at 500 dpi, angle in 256ths of a turn, then kind in the high bit and
//! quality below); one byte a cell of the orientation map. Nothing may follow.

use std::f32::consts::{PI, TAU};

use zeroize::Zeroize;

/// What kind of dislocation a minutia is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ridge ends.
    Ending,
    /// A ridge forks (a valley ends).
    Bifurcation,
}

/// One minutia, quantised; x right, y down, 500 dpi.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Minutia {
    pub(crate) x_eighths: u16,
    pub(crate) y_eighths: u16,
    pub(crate) turn: u8,
    pub(crate) kind: Kind,
    pub(crate) quality: u8,
}

impl Minutia {
    /// Quantises a place (pixels), an angle (radians) and a quality (0 to 1).
    #[must_use]
    pub fn new(x_px: f32, y_px: f32, angle: f32, kind: Kind, quality: f32) -> Self {
        let eighths = |v: f32| (v * 8.0).round().clamp(0.0, f32::from(u16::MAX)) as u16;
        let turn = (angle / TAU * 256.0).round() as i32;
        Self {
            x_eighths: eighths(x_px),
            y_eighths: eighths(y_px),
            turn: turn.rem_euclid(256) as u8,
            kind,
            quality: (quality * 100.0).round().clamp(0.0, 100.0) as u8,
        }
    }

    /// Pixels from the left.
    #[must_use]
    pub fn x_px(&self) -> f32 {
        f32::from(self.x_eighths) / 8.0
    }

    /// Pixels from the top.
    #[must_use]
    pub fn y_px(&self) -> f32 {
        f32::from(self.y_eighths) / 8.0
    }

    /// From the end into its line, radians counter-clockwise from +x, 0 to 2 pi.
    #[must_use]
    pub fn angle(&self) -> f32 {
        f32::from(self.turn) / 256.0 * TAU
    }

    /// Ending or bifurcation.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// 0 to 100.
    #[must_use]
    pub fn quality(&self) -> u8 {
        self.quality
    }
}

/// Ridge orientation of each cell of the print; [`NO_RIDGES`] outside it.
pub(crate) struct OrientationMap {
    pub(crate) cell_px: u8,
    pub(crate) columns: u8,
    pub(crate) rows: u8,
    pub(crate) cells: Vec<u8>,
}

/// A cell outside the print.
pub(crate) const NO_RIDGES: u8 = u8::MAX;
/// Orientations of half a turn: 0 to 254.
const ORIENTATIONS: f32 = 255.0;

/// An orientation modulo pi as a map's byte.
pub(crate) fn orientation_byte(angle: f32) -> u8 {
    ((angle.rem_euclid(PI) / PI * ORIENTATIONS).round() as u16 % 255) as u8
}

impl OrientationMap {
    /// The orientation of a cell in radians, 0 to pi, where there are ridges.
    pub(crate) fn angle(&self, column: usize, row: usize) -> Option<f32> {
        if column >= usize::from(self.columns) || row >= usize::from(self.rows) {
            return None;
        }
        let byte = self.cells[row * usize::from(self.columns) + column];
        (byte != NO_RIDGES).then(|| f32::from(byte) / ORIENTATIONS * PI)
    }
}

/// What is kept of a print. Wiped when dropped; has no `Debug`, `Clone` or `Serialize`.
pub struct Template {
    pub(crate) quality: u8,
    pub(crate) minutiae: Vec<Minutia>,
    pub(crate) map: OrientationMap,
}

impl Drop for Template {
    fn drop(&mut self) {
        self.map.cells.zeroize();
        for m in &mut self.minutiae {
            m.x_eighths.zeroize();
            m.y_eighths.zeroize();
            m.turn.zeroize();
            m.quality.zeroize();
        }
    }
}

/// Why bytes are not a template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TemplateError {
    /// More bytes than any template has.
    #[error("a template has at most {MOST_BYTES} bytes")]
    TooLong,
    /// Not a template's first bytes.
    #[error("not a fingerprint template")]
    UnknownMagic,
    /// Written by another version.
    #[error("template version {0} is not read here")]
    UnknownVersion(u8),
    /// Fewer or more bytes than the header says.
    #[error("the template's length does not agree with its header")]
    WrongLength,
    /// A number out of its range.
    #[error("the template holds a value out of range")]
    OutOfRange,
}

/// Longest template, bytes.
pub const MOST_BYTES: usize = 3_072;
/// Most minutiae of a template.
pub(crate) const MOST_MINUTIAE: usize = 128;
/// Most cells of a template's orientation map.
pub(crate) const MOST_CELLS: usize = MOST_BYTES - HEADER_BYTES - MOST_MINUTIAE * MINUTIA_BYTES;

const MAGIC: &[u8; 4] = b"WhFM";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 10;
const MINUTIA_BYTES: usize = 6;
const BIFURCATION_BIT: u8 = 0x80;

impl Template {
    /// The minutiae, best first.
    #[must_use]
    pub fn minutiae(&self) -> &[Minutia] {
        &self.minutiae
    }

    /// Quality of the print, 0 to 100.
    #[must_use]
    pub fn quality(&self) -> u8 {
        self.quality
    }

    /// Area of the print, pixels.
    pub(crate) fn area_px(&self) -> usize {
        let inside = self.map.cells.iter().filter(|cell| **cell != NO_RIDGES);
        inside.count() * usize::from(self.map.cell_px).pow(2)
    }

    /// The stored form, at most [`MOST_BYTES`] long.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(
            HEADER_BYTES + self.minutiae.len() * MINUTIA_BYTES + self.map.cells.len(),
        );
        out.extend_from_slice(MAGIC);
        let count = self.minutiae.len() as u8;
        out.extend_from_slice(&[
            VERSION,
            self.quality,
            self.map.cell_px,
            self.map.columns,
            self.map.rows,
            count,
        ]);
        for m in &self.minutiae {
            out.extend_from_slice(&m.x_eighths.to_le_bytes());
            out.extend_from_slice(&m.y_eighths.to_le_bytes());
            let kind = match m.kind {
                Kind::Ending => 0,
                Kind::Bifurcation => BIFURCATION_BIT,
            };
            out.extend_from_slice(&[m.turn, kind | m.quality]);
        }
        out.extend_from_slice(&self.map.cells);
        out
    }

    /// Reads a stored template.
    ///
    /// # Errors
    /// [`TemplateError`] when the bytes are not exactly what [`Template::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TemplateError> {
        if bytes.len() > MOST_BYTES {
            return Err(TemplateError::TooLong);
        }
        let (header, rest) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(TemplateError::UnknownMagic)?;
        let [
            m0,
            m1,
            m2,
            m3,
            version,
            quality,
            cell_px,
            columns,
            rows,
            count,
        ] = *header;
        if [m0, m1, m2, m3] != *MAGIC {
            return Err(TemplateError::UnknownMagic);
        }
        if version != VERSION {
            return Err(TemplateError::UnknownVersion(version));
        }
        let cells = usize::from(columns) * usize::from(rows);
        if quality > 100
            || cell_px == 0
            || cells == 0
            || cells > MOST_CELLS
            || usize::from(count) > MOST_MINUTIAE
        {
            return Err(TemplateError::OutOfRange);
        }
        let (packed, map) = rest
            .split_at_checked(usize::from(count) * MINUTIA_BYTES)
            .ok_or(TemplateError::WrongLength)?;
        if map.len() != cells {
            return Err(TemplateError::WrongLength);
        }
        let minutiae = packed
            .as_chunks::<MINUTIA_BYTES>()
            .0
            .iter()
            .map(|&[x0, x1, y0, y1, turn, last]| {
                let quality = last & !BIFURCATION_BIT;
                let kind = if last & BIFURCATION_BIT == 0 {
                    Kind::Ending
                } else {
                    Kind::Bifurcation
                };
                let (x_eighths, y_eighths) =
                    (u16::from_le_bytes([x0, x1]), u16::from_le_bytes([y0, y1]));
                (quality <= 100).then_some(Minutia {
                    x_eighths,
                    y_eighths,
                    turn,
                    kind,
                    quality,
                })
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(TemplateError::OutOfRange)?;
        let map = OrientationMap {
            cell_px,
            columns,
            rows,
            cells: map.to_vec(),
        };
        Ok(Self {
            quality,
            minutiae,
            map,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a template is built from: a template itself has no `Debug`, which a strategy's value needs.
    type Parts = (u8, Vec<(u16, u16, u8, bool, u8)>, u8, u8, u8);

    fn parts() -> impl Strategy<Value = Parts> {
        let minutia = (
            any::<u16>(),
            any::<u16>(),
            any::<u8>(),
            any::<bool>(),
            0u8..=100,
        );
        let minutiae = prop::collection::vec(minutia, 0..=MOST_MINUTIAE);
        (0u8..=100, minutiae, 1u8..=40, 1u8..=40, any::<u8>())
    }

    fn built((quality, minutiae, columns, rows, fill): Parts) -> Template {
        let minutia = |(x_eighths, y_eighths, turn, fork, quality)| Minutia {
            x_eighths,
            y_eighths,
            turn,
            kind: if fork {
                Kind::Bifurcation
            } else {
                Kind::Ending
            },
            quality,
        };
        let cells = vec![fill; usize::from(columns) * usize::from(rows)];
        let minutiae = minutiae.into_iter().map(minutia).collect();
        Template {
            quality,
            minutiae,
            map: OrientationMap {
                cell_px: 16,
                columns,
                rows,
                cells,
            },
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(parts in parts()) {
            let template = built(parts);
            let bytes = template.to_bytes();
            prop_assert!(bytes.len() <= MOST_BYTES);
            let read = Template::from_bytes(&bytes).expect("reads back");
            prop_assert!(read.minutiae == template.minutiae && read.quality == template.quality);
            prop_assert_eq!(read.to_bytes(), bytes);
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), count in any::<u8>()) {
            if let Ok(read) = Template::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes.clone());
            }
            let mut dressed = b"WhFM\x01\x32\x10\x04\x05".to_vec();
            dressed.push(count);
            dressed.extend(&bytes);
            if let Ok(read) = Template::from_bytes(&dressed) {
                prop_assert_eq!(read.to_bytes(), dressed);
            }
        }

        #[test]
        fn a_cut_or_longer_template_is_refused(parts in parts(), cut in 1usize..50) {
            let mut bytes = built(parts).to_bytes();
            bytes.push(0);
            prop_assert!(Template::from_bytes(&bytes).is_err());
            bytes.truncate(bytes.len().saturating_sub(1 + cut));
            prop_assert!(Template::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        let good = b"WhFM\x01\x32\x10\x01\x01\x00\xff".to_vec();
        let with = |index: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[index] = value;
            Template::from_bytes(&bytes).err()
        };
        assert!(Template::from_bytes(&good).is_ok());
        assert_eq!(with(0, b'w'), Some(TemplateError::UnknownMagic));
        assert_eq!(with(4, 2), Some(TemplateError::UnknownVersion(2)));
        assert_eq!(with(5, 101), Some(TemplateError::OutOfRange));
        assert_eq!(with(6, 0), Some(TemplateError::OutOfRange));
        assert_eq!(with(9, 1), Some(TemplateError::WrongLength));
        assert_eq!(
            Template::from_bytes(&[0; MOST_BYTES + 1]).err(),
            Some(TemplateError::TooLong)
        );
    }

    #[test]
    fn angles_and_orientations_wrap() {
        assert_eq!(
            Minutia::new(1.0, 2.0, -TAU / 4.0, Kind::Ending, 0.5).turn,
            192
        );
        assert_eq!(orientation_byte(PI - 1e-4), 0);
        assert_eq!(orientation_byte(-PI / 2.0), orientation_byte(PI / 2.0));
    }
}
