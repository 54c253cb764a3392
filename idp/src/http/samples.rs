//! Samples uploaded as files, in a demonstration: bounded in number and size.

use axum::extract::Multipart;
use zeroize::Zeroizing;

use super::HttpError;
use crate::factors::SampleBytes;

/// What a form brought.
pub struct Upload {
    pub samples: Vec<SampleBytes>,
    /// Resolution of a fingerprint image, dots per inch, where it was said.
    pub dpi: Option<f64>,
}

/// Reads the files named `sample` and the field `dpi`.
///
/// # Errors
/// When there is no file, more than five, or one is too large.
pub async fn read(mut multipart: Multipart) -> Result<Upload, HttpError> {
    let mut upload = Upload {
        samples: Vec::new(),
        dpi: None,
    };
    while let Some(field) = multipart.next_field().await.map_err(|_| broken())? {
        match field.name() {
            Some("sample") => {
                // A form in which nothing was chosen sends one part without a name; an empty file has one.
                let is_chosen = field.file_name().is_some_and(|name| !name.is_empty());
                let bytes = field.bytes().await.map_err(|_| broken())?;
                if bytes.is_empty() && !is_chosen {
                    continue;
                }
                if upload.samples.len() == MOST {
                    return Err(HttpError::bad_request(
                        "too_many_samples",
                        "Choose at most five files.",
                    ));
                }
                upload.samples.push(SampleBytes {
                    bytes: Zeroizing::new(bytes.to_vec()),
                });
            }
            Some("dpi") => {
                let text = field.text().await.map_err(|_| broken())?;
                upload.dpi = text
                    .trim()
                    .parse()
                    .ok()
                    .filter(|dpi| (50.0..=4000.0).contains(dpi));
            }
            _ => {}
        }
    }
    if upload.samples.is_empty() {
        return Err(HttpError::bad_request(
            "sample_missing",
            "Choose a picture first.",
        ));
    }
    Ok(upload)
}

fn broken() -> HttpError {
    HttpError::bad_request(
        "upload_broken",
        "The upload was cut short or is too large. Try again.",
    )
}

const MOST: usize = 5;
