//! The model pack on this machine: where it lies, that it is the one that this version was measured with, and
//! the pipeline made of it.
//!
//! What a pack must hold is built in (`models/manifest.toml`), so that no list that lies beside the files
//! decides what is loaded. Files whose digest differs are refused.

mod find;
mod pull;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub use find::{cache_directory, find};
pub use pull::{Source, pull};
pub use verify::{FileState, Listed, list, verify};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use matcher::face::pack::{Manifest, Role};
use matcher::face::{FacePipeline, ModelBytes};
use matcher::onnx::OnnxError;

/// The loaded models.
pub struct Models {
    face: Arc<FacePipeline>,
    directory: PathBuf,
    manifest: Manifest,
}

/// Why there are no models; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// No place holds a pack.
    #[error("no model pack in {}: run `whorl models pull --from <folder or URL>`, or set WHORL_MODELS to its folder", places(.searched))]
    NotFound { searched: Vec<PathBuf> },
    /// The folder that is named holds no whole pack.
    #[error("{} is not there: run `whorl models pull --from <folder or URL>`, or name a folder that holds it", .path.display())]
    Missing { path: PathBuf },
    /// A file is not the one that was measured.
    #[error("{} is another file than this version was measured with (its SHA-256 is {found}, not {expected}): pull the pack again", .path.display())]
    Changed {
        path: PathBuf,
        expected: String,
        found: String,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be used", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be fetched.
    #[error("{url} cannot be fetched")]
    Fetch {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    /// The server has no such file.
    #[error("{url} answers {status}")]
    Answer { url: String, status: u16 },
    /// A model has no place to be fetched from.
    #[error("the pack names no place to fetch {file} from: give its folder or URL with --from")]
    NoSource { file: String },
    /// The manifest lacks a model that the face needs.
    #[error("the pack has no model for {0:?}")]
    NoRole(Role),
    /// The engine refuses a model.
    #[error("a model cannot be loaded")]
    Engine(#[from] OnnxError),
}

impl Models {
    /// Finds the pack and loads it; takes a good part of a second.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub fn find_and_load(configured: Option<&Path>) -> Result<Self, ModelsError> {
        Self::load(&find(configured)?)
    }

    /// Loads the pack in a folder.
    ///
    /// # Errors
    /// [`ModelsError`], for the first file that is not the right one.
    pub fn load(directory: &Path) -> Result<Self, ModelsError> {
        let manifest = Manifest::builtin();
        let read = |role| {
            let model = manifest.model(role).ok_or(ModelsError::NoRole(role))?;
            verify::read(directory, model)
        };
        let (detector, embedder) = (read(Role::Detector)?, read(Role::Embedder)?);
        let (near, far) = (
            read(Role::PresentationAttackNear)?,
            read(Role::PresentationAttackFar)?,
        );
        let landmarks = read(Role::Landmarks)?;
        let embedder_name = manifest
            .model(Role::Embedder)
            .ok_or(ModelsError::NoRole(Role::Embedder))?
            .name
            .clone();
        let face = FacePipeline::load(ModelBytes {
            detector: &detector,
            embedder: &embedder,
            pad: Some((&near, &far)),
            landmarks: Some(&landmarks),
            embedder_name,
        })?;
        Ok(Self {
            face: Arc::new(face),
            directory: directory.to_owned(),
            manifest,
        })
    }

    /// The face pipeline.
    #[must_use]
    pub fn face(&self) -> &Arc<FacePipeline> {
        &self.face
    }

    /// Which pack is loaded, and from where, for operators.
    #[must_use]
    pub fn describe(&self) -> String {
        let Manifest { name, version, .. } = &self.manifest;
        format!(
            "{name} {version} ({}) in {}",
            self.face.model(),
            self.directory.display()
        )
    }
}

fn places(searched: &[PathBuf]) -> String {
    searched
        .iter()
        .map(|place| place.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
