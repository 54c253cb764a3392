//! Big-endian numbers from the front of a slice, each within bounds.

use super::InterchangeError;

pub(super) struct Fields<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], InterchangeError> {
        let (first, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(InterchangeError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// The next bytes, however many.
    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], InterchangeError> {
        let (first, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(InterchangeError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    pub(super) fn u8(&mut self) -> Result<u8, InterchangeError> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, InterchangeError> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, InterchangeError> {
        self.take().map(u32::from_be_bytes)
    }
}
