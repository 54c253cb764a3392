//! A biometric sample: outside bytes decoded into pixels, under limits, wiped when dropped.
//!
//! Decoding is the first parser that an attacker reaches, so dimensions and memory are bounded before
//! any pixel is read. A sample is never stored or logged: it has no `Debug`, `Clone` or `Serialize`.
//! PNG, JPEG, BMP, TIFF and PNM are read by the `image` crate, WSQ by [`wsq`], raw pixels as they
//! are; 16 bits become 8, palettes their colours, and what is transparent lies on white, as on a scanner's lid.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits as DecoderLimits,
};
use zeroize::Zeroize;

use crate::fingerprint::wsq::{self, WsqError};

/// What a decoder may spend on one sample.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest encoded size, bytes.
    pub encoded_bytes: usize,
    /// Largest width or height, pixels.
    pub side_px: u32,
    /// Largest number of pixels.
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            encoded_bytes: 12 << 20,
            side_px: 8_192,
            pixels: 24_000_000,
        }
    }
}

/// Why bytes are not a usable sample.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// More encoded bytes than allowed.
    #[error("the file holds {bytes} bytes; at most {limit} are accepted")]
    TooManyBytes {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More pixels than allowed.
    #[error(
        "the image is {width}x{height}; at most {side} pixels a side and {pixels} in all are accepted"
    )]
    TooManyPixels {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Largest side allowed.
        side: u32,
        /// Most pixels allowed.
        pixels: u64,
    },
    /// An image without pixels.
    #[error("the image has no pixels")]
    NoPixels,
    /// No image format that we read.
    #[error("not an image that can be read (PNG, JPEG, BMP, TIFF, PNM or WSQ)")]
    UnknownFormat,
    /// A damaged WSQ image.
    #[error(transparent)]
    Wsq(WsqError),
    /// Raw pixels that do not fill the stated size.
    #[error("{bytes} bytes are not {width}x{height} raw pixels")]
    RawLength {
        /// Bytes given.
        bytes: usize,
        /// Width stated, pixels.
        width: u32,
        /// Height stated, pixels.
        height: u32,
    },
    /// A known format, but broken.
    #[error("the image is damaged or cut short")]
    Damaged,
}

/// Colour pixels of one sample, row-major RGB, 8 bits a channel; orientation from EXIF applied.
pub struct RgbImage {
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    /// `3 * width * height` bytes, RGB.
    pub pixels: Vec<u8>,
}

/// Grey pixels of one sample, row-major, 8 bits, 0 black.
pub struct GreyImage {
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    /// `width * height` bytes.
    pub pixels: Vec<u8>,
}

impl Drop for RgbImage {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}

impl Drop for GreyImage {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}

impl RgbImage {
    /// Decodes PNG, JPEG, BMP, TIFF or PNM bytes.
    ///
    /// # Errors
    /// [`SampleError`] when the bytes are too many, not an image, damaged, or the image too large.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, SampleError> {
        let rgb = on_white(decode(bytes, limits)?).into_rgb8();
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        Ok(Self {
            width,
            height,
            pixels: rgb.into_raw(),
        })
    }
}

impl GreyImage {
    /// Decodes PNG, JPEG, BMP, TIFF, PNM or WSQ bytes; colour becomes luma.
    ///
    /// # Errors
    /// [`SampleError`] when the bytes are too many, not an image, damaged, or the image too large.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, SampleError> {
        Self::decode_with_ppi(bytes, limits).map(|(image, _)| image)
    }

    /// [`GreyImage::decode`], and the resolution in pixels an inch where a WSQ image notes it.
    ///
    /// The other formats' resolution is not read: cameras and editors write 72 or 96 into it, whatever the sensor was.
    ///
    /// # Errors
    /// As [`GreyImage::decode`].
    pub fn decode_with_ppi(
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(Self, Option<f64>), SampleError> {
        if wsq::is_wsq(bytes) {
            check_bytes(bytes, limits)?;
            let decoded = wsq::decode(bytes, limits).map_err(|error| match error {
                WsqError::Size { width: 0, .. } | WsqError::Size { height: 0, .. } => {
                    SampleError::NoPixels
                }
                WsqError::Size { width, height } => too_many_pixels(width, height, limits),
                other => SampleError::Wsq(other),
            })?;
            return Ok((decoded.image, decoded.ppi.map(f64::from)));
        }
        let grey = on_white(decode(bytes, limits)?).into_luma8();
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        let image = Self {
            width,
            height,
            pixels: grey.into_raw(),
        };
        Ok((image, None))
    }

    /// Raw pixels: a byte each, row by row, without a header.
    ///
    /// # Errors
    /// [`SampleError`] when the bytes do not fill the size, or the size is none or too large.
    pub fn from_raw(
        bytes: &[u8],
        width: u32,
        height: u32,
        limits: &Limits,
    ) -> Result<Self, SampleError> {
        check_size(width, height, limits)?;
        if bytes.len() as u64 != u64::from(width) * u64::from(height) {
            return Err(SampleError::RawLength {
                bytes: bytes.len(),
                width,
                height,
            });
        }
        Ok(Self {
            width: width as usize,
            height: height as usize,
            pixels: bytes.to_vec(),
        })
    }
}

fn check_bytes(bytes: &[u8], limits: &Limits) -> Result<(), SampleError> {
    if bytes.len() > limits.encoded_bytes {
        return Err(SampleError::TooManyBytes {
            bytes: bytes.len(),
            limit: limits.encoded_bytes,
        });
    }
    Ok(())
}

fn check_size(width: u32, height: u32, limits: &Limits) -> Result<(), SampleError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(SampleError::NoPixels);
    }
    if width > limits.side_px || height > limits.side_px || pixels > limits.pixels {
        return Err(too_many_pixels(width, height, limits));
    }
    Ok(())
}

fn too_many_pixels(width: u32, height: u32, limits: &Limits) -> SampleError {
    SampleError::TooManyPixels {
        width,
        height,
        side: limits.side_px,
        pixels: limits.pixels,
    }
}

/// What is transparent shows white; an image without transparency stays as it is.
fn on_white(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let mut rgba = image.into_rgba8();
    for pixel in rgba.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        let blend = |v: u8| {
            let (v, a) = (u32::from(v), u32::from(alpha));
            ((v * a + 255 * (255 - a) + 127) / 255) as u8
        };
        pixel.0 = [blend(red), blend(green), blend(blue), u8::MAX];
    }
    DynamicImage::ImageRgba8(rgba)
}

fn decode(bytes: &[u8], limits: &Limits) -> Result<DynamicImage, SampleError> {
    check_bytes(bytes, limits)?;
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| SampleError::UnknownFormat)?;
    if reader.format().is_none() {
        return Err(SampleError::UnknownFormat);
    }
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let mut bounds = DecoderLimits::default();
    bounds.max_alloc = Some(limits.pixels * 8);
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    if is_jpeg && is_cut_short(bytes) {
        return Err(SampleError::Damaged);
    }
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(fault)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether a JPEG file has no end of image after its last scan (ITU-T T.81 §B.1.1.3). Decoders fill up what is missing,
/// and half a face must not be taken for one. Within a scan's data no such marker can stand.
fn is_cut_short(jpeg: &[u8]) -> bool {
    let last = |marker: [u8; 2]| jpeg.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) < last([0xff, 0xda])
}

fn fault(error: ImageError) -> SampleError {
    match error {
        // Named by its first bytes, but read by nothing that is built in.
        ImageError::Unsupported(_) => SampleError::UnknownFormat,
        _ => SampleError::Damaged,
    }
}

#[cfg(test)]
mod tests;
