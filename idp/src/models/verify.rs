//! Whether the files of a folder are those of the pack.

use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use matcher::face::pack::{Manifest, Model};

use super::ModelsError;

/// How a file of the pack stands in a folder.
#[derive(Debug)]
pub enum FileState {
    /// It is the one that was measured.
    Good,
    /// It is not there.
    Missing,
    /// It is another one, or cannot be read.
    Bad(ModelsError),
}

/// A model of the pack, and its file in a folder.
pub struct Listed {
    pub model: Model,
    pub path: PathBuf,
    pub state: FileState,
}

/// Every model of a pack, and how its file stands in a folder.
#[must_use]
pub fn list(directory: &Path, manifest: Manifest) -> Vec<Listed> {
    let listed = |model: Model| {
        let path = directory.join(&model.file);
        let state = match read(directory, &model) {
            Ok(_) => FileState::Good,
            Err(ModelsError::Missing { .. }) => FileState::Missing,
            Err(error) => FileState::Bad(error),
        };
        Listed { model, path, state }
    };
    manifest.models.into_iter().map(listed).collect()
}

/// Holds every file of a folder against a pack.
///
/// # Errors
/// [`ModelsError`], for the first that is not the right one.
pub fn verify(directory: &Path, manifest: &Manifest) -> Result<(), ModelsError> {
    manifest
        .models
        .iter()
        .try_for_each(|model| read(directory, model).map(|_| ()))
}

/// The bytes of a model's file, if they are the right ones.
pub(super) fn read(directory: &Path, model: &Model) -> Result<Vec<u8>, ModelsError> {
    let path = directory.join(&model.file);
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ModelsError::Missing { path: path.clone() },
        _ => ModelsError::File {
            path: path.clone(),
            source,
        },
    };
    let file = std::fs::File::open(&path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One more than there should be: a longer file is another file, however long.
    file.take(model.bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    check(&path, model, &bytes)?;
    Ok(bytes)
}

/// Whether bytes are those of the model.
pub(super) fn check(path: &Path, model: &Model, bytes: &[u8]) -> Result<(), ModelsError> {
    let found = hex::encode(digest(&SHA256, bytes));
    if found == model.sha256 {
        return Ok(());
    }
    Err(ModelsError::Changed {
        path: path.to_owned(),
        expected: model.sha256.clone(),
        found,
    })
}
