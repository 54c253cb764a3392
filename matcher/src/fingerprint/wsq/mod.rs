//! WSQ, the compression in which police and border records hold fingerprints: a decoder.
//!
//! WSQ Gray-scale Fingerprint Image Compression Specification (FBI IAFIS-IC-0110, version 3.1): a wavelet transform into 64
//! subbands (`bands`, `wavelet`), uniform scalar quantisation (`quantisation`), runs and values in Huffman codes
//! (`huffman`), in JPEG-like segments (`segments`). No kept crate reads it. Every count is bounded by the frame's size, and
//! the frame's size by the caller's limits before anything is allocated; what is left over or missing at the end is an error.
//!
//! Symmetric filters of odd length are read (every encoder certified today uses the 9/7 pair); those of even length are refused.

mod bands;
#[cfg(test)]
mod encode;
mod huffman;
mod quantisation;
mod segments;
mod wavelet;

use self::bands::Layout;
use self::huffman::{BitReader, HuffmanTable, decode_block};
use self::quantisation::Sink;
use self::segments::{Frame, Quantisation, Segments, marker};
use self::wavelet::{Filters, synthesise};
use crate::sample::{GreyImage, Limits};

/// Why bytes are not a WSQ image that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WsqError {
    /// The first bytes are not WSQ's.
    #[error("not a WSQ image")]
    NotWsq,
    /// The bytes end before the image does.
    #[error("the WSQ image is cut short")]
    Truncated,
    /// A frame without pixels, or with more than allowed.
    #[error("a WSQ image of {width}x{height} is not accepted")]
    Size {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
    },
    /// A marker where it may not stand, or one that WSQ does not have.
    #[error("the WSQ marker {0:#06x} is out of place")]
    UnexpectedMarker(u16),
    /// A segment whose length does not fit its content.
    #[error("the WSQ segment {0:#06x} has a wrong length")]
    SegmentLength(u16),
    /// A block of data before a table that it needs.
    #[error("the WSQ image lacks its segment {0:#06x}")]
    Missing(u16),
    /// A Huffman table that no encoder writes.
    #[error("the WSQ image has an impossible Huffman table")]
    HuffmanTable,
    /// Wavelet filters of even length, of too many taps, or out of range.
    #[error("the wavelet filters of the WSQ image are not supported")]
    Filters,
    /// A code that the block's table does not have.
    #[error("the WSQ image holds a code without a meaning")]
    UnknownCode,
    /// More or fewer coefficients than the subbands have.
    #[error("the WSQ image holds a wrong number of coefficients")]
    CoefficientCount,
}

/// A decoded image and what it says of itself.
pub struct Wsq {
    /// The pixels.
    pub image: GreyImage,
    /// Resolution, pixels an inch, where the encoder noted it (`PPI` of a NIST comment).
    pub ppi: Option<u16>,
}

/// Whether the bytes begin like a WSQ image.
#[must_use]
pub fn is_wsq(bytes: &[u8]) -> bool {
    bytes.starts_with(&marker::START.to_be_bytes())
}

/// Decodes a WSQ image.
///
/// # Errors
/// [`WsqError`] when the bytes are not a whole WSQ image within the limits.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Wsq, WsqError> {
    if !is_wsq(bytes) {
        return Err(WsqError::NotWsq);
    }
    let mut segments = Segments::after_start(bytes);
    let mut filters: Option<Filters> = None;
    let mut quantisation: Option<Quantisation> = None;
    let mut tables: [Option<HuffmanTable>; HUFFMAN_TABLES] = Default::default();
    let mut frame: Option<Frame> = None;
    let mut sink: Option<Sink> = None;
    let mut selected = None;
    let mut ppi = None;
    loop {
        match segments.marker()? {
            marker::END => break,
            marker::TRANSFORM if sink.is_none() => filters = Some(segments.filters()?),
            marker::QUANTISATION if sink.is_none() => {
                quantisation = Some(segments.quantisation()?);
            }
            marker::HUFFMAN => segments.huffman(&mut tables)?,
            marker::RESTART_INTERVAL => segments.skip(marker::RESTART_INTERVAL)?,
            marker::COMMENT => ppi = segments.comment()?.or(ppi),
            marker::FRAME if frame.is_none() => {
                frame = Some(segments.frame(limits)?);
            }
            marker::BLOCK => {
                let index = usize::from(segments.block()?);
                let frame = frame.as_ref().ok_or(WsqError::Missing(marker::FRAME))?;
                let quantisation = quantisation
                    .as_ref()
                    .ok_or(WsqError::Missing(marker::QUANTISATION))?;
                if filters.is_none() {
                    return Err(WsqError::Missing(marker::TRANSFORM));
                }
                let sink = sink.get_or_insert_with(|| {
                    Sink::new(Layout::new(frame.width, frame.height), quantisation)
                });
                selected = Some(index);
                read_block(&mut segments, &tables, index, sink)?;
            }
            // A restart begins at a whole byte and goes on with the same block.
            restart if marker::RESTARTS.contains(&restart) => {
                let (Some(index), Some(sink)) = (selected, sink.as_mut()) else {
                    return Err(WsqError::UnexpectedMarker(restart));
                };
                read_block(&mut segments, &tables, index, sink)?;
            }
            other => return Err(WsqError::UnexpectedMarker(other)),
        }
    }
    let frame = frame.ok_or(WsqError::Missing(marker::FRAME))?;
    let filters = filters.ok_or(WsqError::Missing(marker::TRANSFORM))?;
    let sink = sink.ok_or(WsqError::Missing(marker::BLOCK))?;
    let (layout, mut plane) = sink.finish()?;
    synthesise(&mut plane, &layout, &filters);
    let image = GreyImage {
        width: frame.width,
        height: frame.height,
        // The last step of decoding undoes the shift to the mean and the scaling; a cast saturates at 0 and 255.
        pixels: plane
            .iter()
            .map(|v| (v * frame.scale + frame.shift + 0.5) as u8)
            .collect(),
    };
    plane.fill(0.0);
    Ok(Wsq { image, ppi })
}

/// Tables that a stream may define.
const HUFFMAN_TABLES: usize = 8;

fn read_block(
    segments: &mut Segments<'_>,
    tables: &[Option<HuffmanTable>; HUFFMAN_TABLES],
    index: usize,
    sink: &mut Sink,
) -> Result<(), WsqError> {
    let table = tables
        .get(index)
        .and_then(Option::as_ref)
        .ok_or(WsqError::Missing(marker::HUFFMAN))?;
    let mut reader = BitReader::new(segments.rest());
    decode_block(&mut reader, table, sink)?;
    let read = reader.bytes_read();
    segments.advance(read);
    Ok(())
}

#[cfg(test)]
mod tests;
