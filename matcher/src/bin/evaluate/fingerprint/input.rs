//! Samples and records from files: an image is extracted, a minutiae record read, whichever the bytes are.

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use matcher::fingerprint::{Params, extract, interchange};
use matcher::sample::{GreyImage, Limits};

use crate::stopwatch::Stopwatch;

/// Endings of the files that are read, images first.
pub(super) const EXTENSIONS: [&str; 15] = [
    "png", "bmp", "tif", "tiff", "pgm", "jpg", "jpeg", "wsq", "raw", "iso", "iso19794", "fmr",
    "ist", "ansi", "378",
];

/// Width and height of raw pixels, written `300x400`.
#[derive(Clone, Copy)]
pub struct RawSize {
    width: u32,
    height: u32,
}

impl FromStr for RawSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(['x', 'X']);
        let number = |part: &str| part.parse::<u32>().ok();
        parts
            .and_then(|(width, height)| Some((number(width)?, number(height)?)))
            .map(|(width, height)| Self { width, height })
            .ok_or_else(|| format!("{text} is not a size such as 300x400"))
    }
}

/// What is known of all files.
#[derive(Clone, Copy)]
pub(super) struct Input {
    /// Resolution of the images, dots an inch.
    pub(super) dpi: Option<f64>,
    /// Size of the files that end in `raw`.
    pub(super) raw: Option<RawSize>,
}

impl Input {
    /// A template's bytes, and how long the extraction took (without reading and decoding the file).
    pub(super) fn template(
        &self,
        path: &Path,
        params: &Params,
    ) -> (Result<Vec<u8>, String>, Duration) {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return (Err(error.to_string()), Duration::ZERO),
        };
        if interchange::is_record(&bytes) {
            let start = Stopwatch::start();
            let made = interchange::read(&bytes).and_then(|record| {
                let view = record.best_view(None);
                view.ok_or(interchange::InterchangeError::NoViews)?
                    .to_template()
            });
            let time = start.time();
            return (
                made.map(|template| template.to_bytes())
                    .map_err(|e| e.to_string()),
                time,
            );
        }
        let image = self.image(path, &bytes);
        let start = Stopwatch::start();
        let made =
            image.and_then(|(image, dpi)| extract(&image, dpi, params).map_err(|e| e.to_string()));
        let time = start.time();
        (made.map(|extraction| extraction.template.to_bytes()), time)
    }

    /// The pixels, and their resolution where it is known: as stated, or as a WSQ image notes it.
    pub(super) fn image(
        &self,
        path: &Path,
        bytes: &[u8],
    ) -> Result<(GreyImage, Option<f64>), String> {
        let limits = Limits::default();
        let is_raw = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("raw"));
        let (image, noted) = match self.raw {
            Some(size) if is_raw => {
                let image = GreyImage::from_raw(bytes, size.width, size.height, &limits);
                (image.map_err(|e| e.to_string())?, None)
            }
            _ if is_raw => return Err("raw pixels need --raw WIDTHxHEIGHT".to_owned()),
            _ => GreyImage::decode_with_ppi(bytes, &limits).map_err(|e| e.to_string())?,
        };
        Ok((image, self.dpi.or(noted)))
    }
}
