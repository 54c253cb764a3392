//! The segments of a WSQ stream: markers, lengths and tables, every read within bounds.
//!
//! IAFIS-IC-0110, the compressed data format: a marker of two bytes, then a length that counts itself, big-endian. Numbers with a
//! fraction are an exponent of ten and a whole number.

use std::ops::RangeInclusive;

use super::bands::SENT;
use super::huffman::{HuffmanTable, LONGEST};
use super::wavelet::Filters;
use super::{HUFFMAN_TABLES, WsqError};
use crate::sample::Limits;

/// The markers.
pub(super) mod marker {
    use super::RangeInclusive;

    pub(in super::super) const START: u16 = 0xffa0;
    pub(in super::super) const END: u16 = 0xffa1;
    pub(in super::super) const FRAME: u16 = 0xffa2;
    pub(in super::super) const BLOCK: u16 = 0xffa3;
    pub(in super::super) const TRANSFORM: u16 = 0xffa4;
    pub(in super::super) const QUANTISATION: u16 = 0xffa5;
    pub(in super::super) const HUFFMAN: u16 = 0xffa6;
    pub(in super::super) const RESTART_INTERVAL: u16 = 0xffa7;
    pub(in super::super) const COMMENT: u16 = 0xffa8;
    pub(in super::super) const RESTARTS: RangeInclusive<u16> = 0xffb0..=0xffb7;
}

/// The frame: size, and how pixels were shifted and scaled.
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) shift: f32,
    pub(super) scale: f32,
}

/// The quantisation table.
pub(super) struct Quantisation {
    /// Where in its bin a value is put back.
    pub(super) centre: f32,
    /// Width of the bins and of the zero bin of each subband.
    pub(super) bins: [(f32, f32); SENT],
}

/// Subbands that the table speaks of, sent or not.
const SUBBANDS: usize = 64;

/// Reads a stream from its front.
pub(super) struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    /// The stream behind its first marker.
    pub(super) fn after_start(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes.get(2..).unwrap_or_default(),
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// The next marker.
    pub(super) fn marker(&mut self) -> Result<u16, WsqError> {
        let mut bytes = Fields { rest: self.rest };
        let marker = bytes.u16().ok_or(WsqError::Truncated)?;
        self.rest = bytes.rest;
        Ok(marker)
    }

    /// The content of a segment, behind its length.
    fn content(&mut self, marker: u16) -> Result<Fields<'a>, WsqError> {
        let mut bytes = Fields { rest: self.rest };
        let length = usize::from(bytes.u16().ok_or(WsqError::Truncated)?);
        let length = length
            .checked_sub(2)
            .ok_or(WsqError::SegmentLength(marker))?;
        let (content, rest) = bytes
            .rest
            .split_at_checked(length)
            .ok_or(WsqError::Truncated)?;
        self.rest = rest;
        Ok(Fields { rest: content })
    }

    pub(super) fn skip(&mut self, marker: u16) -> Result<(), WsqError> {
        self.content(marker).map(drop)
    }

    /// The resolution that a comment states: NIST's has a line `PPI 500`.
    pub(super) fn comment(&mut self) -> Result<Option<u16>, WsqError> {
        let text = self.content(marker::COMMENT)?.rest;
        let stated = text.split(|byte| *byte == b'\n').find_map(|line| {
            let number = std::str::from_utf8(line.strip_prefix(b"PPI ")?).ok()?;
            number.trim().parse().ok()
        });
        Ok(stated.filter(|ppi| *ppi > 0))
    }

    pub(super) fn frame(&mut self, limits: &Limits) -> Result<Frame, WsqError> {
        let mut content = self.content(marker::FRAME)?;
        let mut read = || {
            let (_black, _white) = (content.u8()?, content.u8()?);
            let (height, width) = (content.u16()?, content.u16()?);
            let (shift, scale) = (content.scaled_u16()?, content.scaled_u16()?);
            let (_encoder, _software) = (content.u8()?, content.u16()?);
            Some((width, height, shift, scale))
        };
        let (width, height, shift, scale) = content_or(read(), marker::FRAME)?;
        content.end(marker::FRAME)?;
        let (w, h) = (u32::from(width), u32::from(height));
        let pixels = u64::from(w) * u64::from(h);
        if pixels == 0 || w.max(h) > limits.side_px || pixels > limits.pixels {
            return Err(WsqError::Size {
                width: w,
                height: h,
            });
        }
        Ok(Frame {
            width: usize::from(width),
            height: usize::from(height),
            shift,
            scale,
        })
    }

    pub(super) fn quantisation(&mut self) -> Result<Quantisation, WsqError> {
        let mut content = self.content(marker::QUANTISATION)?;
        let centre = content_or(content.scaled_u16(), marker::QUANTISATION)?;
        let mut bins = [(0.0, 0.0); SENT];
        for index in 0..SUBBANDS {
            let pair = (|| Some((content.scaled_u16()?, content.scaled_u16()?)))();
            let pair = content_or(pair, marker::QUANTISATION)?;
            if let Some(bin) = bins.get_mut(index) {
                *bin = pair;
            }
        }
        content.end(marker::QUANTISATION)?;
        Ok(Quantisation { centre, bins })
    }

    /// The analysis filters: how long each is, then its taps from the middle outwards.
    pub(super) fn filters(&mut self) -> Result<Filters, WsqError> {
        let mut content = self.content(marker::TRANSFORM)?;
        let lengths = (|| Some((content.u8()?, content.u8()?)))();
        let (low, high) = content_or(lengths, marker::TRANSFORM)?;
        if low.is_multiple_of(2) || high.is_multiple_of(2) {
            return Err(WsqError::Filters);
        }
        let mut half = |length: u8| {
            (0..=length / 2)
                .map(|_| content_or(content.signed_scaled_u32(), marker::TRANSFORM))
                .collect::<Result<Vec<f32>, _>>()
        };
        let (low, high) = (half(low)?, half(high)?);
        content.end(marker::TRANSFORM)?;
        Filters::from_analysis(&low, &high)
    }

    pub(super) fn huffman(
        &mut self,
        tables: &mut [Option<HuffmanTable>; HUFFMAN_TABLES],
    ) -> Result<(), WsqError> {
        let mut content = self.content(marker::HUFFMAN)?;
        while !content.rest.is_empty() {
            let index = content_or(content.u8(), marker::HUFFMAN)?;
            let (counts, rest) =
                content_or(content.rest.split_first_chunk::<LONGEST>(), marker::HUFFMAN)?;
            let codes = counts.iter().map(|c| usize::from(*c)).sum();
            let (symbols, rest) = content_or(rest.split_at_checked(codes), marker::HUFFMAN)?;
            content.rest = rest;
            let table = tables
                .get_mut(usize::from(index))
                .ok_or(WsqError::HuffmanTable)?;
            *table = Some(HuffmanTable::new(counts, symbols)?);
        }
        Ok(())
    }

    /// The table that a block's codes are of.
    pub(super) fn block(&mut self) -> Result<u8, WsqError> {
        let mut content = self.content(marker::BLOCK)?;
        let table = content_or(content.u8(), marker::BLOCK)?;
        content.end(marker::BLOCK)?;
        Ok(table)
    }
}

fn content_or<T>(read: Option<T>, marker: u16) -> Result<T, WsqError> {
    read.ok_or(WsqError::SegmentLength(marker))
}

/// Big-endian numbers from the front of a slice.
struct Fields<'a> {
    rest: &'a [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*first)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    /// A whole number over a power of ten.
    fn scaled_u16(&mut self) -> Option<f32> {
        let exponent = self.u8()?;
        Some(over_ten(f64::from(self.u16()?), exponent))
    }

    fn signed_scaled_u32(&mut self) -> Option<f32> {
        let (negative, exponent) = (self.u8()? != 0, self.u8()?);
        let value = over_ten(f64::from(self.take().map(u32::from_be_bytes)?), exponent);
        Some(if negative { -value } else { value })
    }

    fn end(&self, marker: u16) -> Result<(), WsqError> {
        match self.rest {
            [] => Ok(()),
            _ => Err(WsqError::SegmentLength(marker)),
        }
    }
}

fn over_ten(value: f64, exponent: u8) -> f32 {
    (value / 10f64.powi(i32::from(exponent))) as f32
}
