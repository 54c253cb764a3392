//! Models and profiles as bytes: little-endian, with a mark and a version, every count bounded before it is believed.
//!
//! What comes back from a store is outside bytes: an error, or the same value that was written, in memory bounded by
//! the length of what came.

use thiserror::Error;

/// Why stored bytes are no model.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum ModelError {
    /// More bytes than such a thing may have.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// It ends before its end.
    #[error("cut short")]
    CutShort,
    /// It goes on after its end.
    #[error("bytes after the end")]
    TooLong,
    /// The mark is not ours.
    #[error("not of this kind")]
    WrongKind,
    /// Written by another version.
    #[error("version {0} is not read")]
    WrongVersion(u16),
    /// A count beyond its bound.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// A number that can't be.
    #[error("impossible {0}")]
    Impossible(&'static str),
}

/// Writes.
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn new(mark: [u8; 4], version: u16) -> Self {
        let mut writer = Self(mark.to_vec());
        writer.u16(version);
        writer
    }

    pub fn u8(&mut self, v: u8) {
        self.0.push(v);
    }

    pub fn u16(&mut self, v: u16) {
        self.0.extend(v.to_le_bytes());
    }

    pub fn u32(&mut self, v: u32) {
        self.0.extend(v.to_le_bytes());
    }

    pub fn u64(&mut self, v: u64) {
        self.0.extend(v.to_le_bytes());
    }

    pub fn i64(&mut self, v: i64) {
        self.0.extend(v.to_le_bytes());
    }

    pub fn f32(&mut self, v: f32) {
        self.0.extend(v.to_le_bytes());
    }

    pub fn f32s(&mut self, values: &[f32]) {
        values.iter().for_each(|v| self.f32(*v));
    }
}

/// Reads.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(
        bytes: &'a [u8],
        mark: [u8; 4],
        version: u16,
        most: usize,
    ) -> Result<Self, ModelError> {
        Self::among(bytes, mark, version..=version, most).map(|(reader, _)| reader)
    }

    /// As [`Reader::new`], for any of these versions; answers which it is.
    pub fn among(
        bytes: &'a [u8],
        mark: [u8; 4],
        versions: core::ops::RangeInclusive<u16>,
        most: usize,
    ) -> Result<(Self, u16), ModelError> {
        if bytes.len() > most {
            return Err(ModelError::TooLarge(most));
        }
        let mut reader = Self(bytes);
        if reader.array::<4>()? != mark {
            return Err(ModelError::WrongKind);
        }
        match reader.u16()? {
            found if versions.contains(&found) => Ok((reader, found)),
            found => Err(ModelError::WrongVersion(found)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(ModelError::CutShort)?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, ModelError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, ModelError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, ModelError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, ModelError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A finite number within bounds.
    pub fn f32(&mut self, what: &'static str, low: f32, high: f32) -> Result<f32, ModelError> {
        let value = f32::from_le_bytes(self.array()?);
        match value >= low && value <= high {
            true => Ok(value),
            false => Err(ModelError::Impossible(what)),
        }
    }

    pub fn f32s<const N: usize>(
        &mut self,
        what: &'static str,
        low: f32,
        high: f32,
    ) -> Result<[f32; N], ModelError> {
        let mut out = [0.0; N];
        for slot in &mut out {
            *slot = self.f32(what, low, high)?;
        }
        Ok(out)
    }

    /// A count of things that take at least so many bytes each.
    pub fn count(
        &mut self,
        what: &'static str,
        most: usize,
        least_bytes: usize,
    ) -> Result<usize, ModelError> {
        let count = self.u32()? as usize;
        if count > most {
            return Err(ModelError::TooMany(what));
        }
        if count * least_bytes > self.0.len() {
            return Err(ModelError::CutShort);
        }
        Ok(count)
    }

    pub fn end(self) -> Result<(), ModelError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(ModelError::TooLong),
        }
    }
}
