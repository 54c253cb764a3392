//! Faces: image to template to score.
//!
//! ```text
//! detect -> align -> embed -> template -> score
//!              \-> quality, pose, landmarks, pad -> observation -> guidance
//! ```
//!
//! [`FacePipeline`] holds the loaded models and joins the stages; [`pack`] says which models. Every tuned
//! number is in [`params`].

pub mod align;
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
pub(crate) mod resample;
pub mod score;
pub mod template;

pub use detect::Face;
pub use guidance::{Guidance, guidance};
pub use observation::Observation;
pub use pack::ModelBytes;
pub use pipeline::{Extraction, FaceError, FacePipeline};
pub use score::{CALIBRATION, compare};
pub use template::{Template, TemplateError};
