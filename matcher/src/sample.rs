//! A biometric sample: outside bytes decoded into pixels, under limits, wiped when dropped.
//!
//! Decoding is the first parser that an attacker reaches, so dimensions and memory are bounded before
//! any pixel is read. A sample is never stored or logged: it has no `Debug`, `Clone` or `Serialize`.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits as DecoderLimits};
use zeroize::Zeroize;

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
    /// No image format that we read.
    #[error("not an image that can be read (PNG, JPEG, BMP, TIFF or PNM)")]
    UnknownFormat,
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
        let rgb = decode(bytes, limits)?.into_rgb8();
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        Ok(Self {
            width,
            height,
            pixels: rgb.into_raw(),
        })
    }
}

impl GreyImage {
    /// Decodes PNG, JPEG, BMP, TIFF or PNM bytes; colour becomes luma.
    ///
    /// # Errors
    /// [`SampleError`] when the bytes are too many, not an image, damaged, or the image too large.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, SampleError> {
        let grey = decode(bytes, limits)?.into_luma8();
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        Ok(Self {
            width,
            height,
            pixels: grey.into_raw(),
        })
    }
}

fn decode(bytes: &[u8], limits: &Limits) -> Result<DynamicImage, SampleError> {
    if bytes.len() > limits.encoded_bytes {
        return Err(SampleError::TooManyBytes {
            bytes: bytes.len(),
            limit: limits.encoded_bytes,
        });
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| SampleError::UnknownFormat)?;
    if reader.format().is_none() {
        return Err(SampleError::UnknownFormat);
    }
    let mut bounds = DecoderLimits::default();
    bounds.max_alloc = Some(limits.pixels * 8);
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(|_| SampleError::Damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width > limits.side_px || height > limits.side_px || pixels > limits.pixels {
        return Err(SampleError::TooManyPixels {
            width,
            height,
            side: limits.side_px,
            pixels: limits.pixels,
        });
    }
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| SampleError::Damaged)?;
    image.apply_orientation(orientation);
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height)
            .write_to(&mut out, image::ImageFormat::Png)
            .expect("encodes");
        out.into_inner()
    }

    #[test]
    fn a_png_is_read() {
        let image = RgbImage::decode(&png(7, 5), &Limits::default()).expect("decodes");
        assert_eq!((image.width, image.height, image.pixels.len()), (7, 5, 105));
    }

    #[test]
    fn bad_bytes_get_a_typed_error() {
        let good = png(64, 64);
        let small = Limits {
            side_px: 32,
            ..Limits::default()
        };
        let tiny = Limits {
            encoded_bytes: 10,
            ..Limits::default()
        };
        assert!(matches!(
            GreyImage::decode(b"", &Limits::default()),
            Err(SampleError::UnknownFormat)
        ));
        assert!(matches!(
            GreyImage::decode(b"GIF89a..", &Limits::default()),
            Err(SampleError::UnknownFormat | SampleError::Damaged)
        ));
        assert!(matches!(
            GreyImage::decode(&good[..good.len() / 2], &Limits::default()),
            Err(SampleError::Damaged)
        ));
        assert!(matches!(
            GreyImage::decode(&good, &small),
            Err(SampleError::TooManyPixels { .. })
        ));
        assert!(matches!(
            GreyImage::decode(&good, &tiny),
            Err(SampleError::TooManyBytes { .. })
        ));
    }
}
