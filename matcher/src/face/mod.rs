//! Faces: image to template to score.
//!
//! ```text
//! detect -> align -> embed -> template -> score
//!              \-> quality, pose, landmarks, pad -> observation -> guidance
//! ```
//!
//! [`FacePipeline`] holds the loaded models and joins the stages; [`pack`] says which models. Every tuned
//! number is in [`params`].
//!
//! ```no_run
//! use matcher::face::{CALIBRATION, FaceError, FacePipeline, compare};
//! use matcher::sample::RgbImage;
//!
//! /// The false match rate at which two images would just be taken for the same person.
//! fn likeness(faces: &FacePipeline, a: &RgbImage, b: &RgbImage) -> Result<f64, FaceError> {
//!     let (a, b) = (faces.template(a)?, faces.template(b)?);
//!     Ok(CALIBRATION.false_match_rate(compare(&a.template, &b.template)))
//! }
//! ```
#![doc = include_str!("measured.md")]

pub mod align;
pub mod contract;
pub mod convert;
pub mod detect;
pub mod embed;
pub mod geometry;
pub mod guidance;
pub mod landmarks;
pub mod observation;
pub mod pack;
pub mod params;
pub mod pipeline;
pub mod pose;
pub mod quality;
pub mod refine;
pub(crate) mod resample;
pub mod score;
pub mod template;

pub use contract::Contracts;
pub use detect::Face;
pub use guidance::{Guidance, guidance};
pub use observation::Observation;
pub use pack::ModelBytes;
pub use pipeline::{Extraction, FaceError, FacePipeline};
pub use score::{CALIBRATION, calibration, compare};
pub use template::{Template, TemplateError};
