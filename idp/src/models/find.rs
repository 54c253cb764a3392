//! Where a pack is looked for: the configuration, `WHORL_MODELS`, `./models`, the user's cache.

use std::path::{Path, PathBuf};

use matcher::face::pack::{Manifest, Model};

use super::ModelsError;

/// A folder and the built-in pack that it wholly holds.
#[derive(Debug)]
pub struct Found {
    pub directory: PathBuf,
    pub manifest: Manifest,
}

/// The best pack that a folder wholly holds. A folder that was named must hold one: no other is tried in its place.
///
/// # Errors
/// [`ModelsError::Missing`] or [`ModelsError::NotFound`].
pub fn find(configured: Option<&Path>) -> Result<Found, ModelsError> {
    find_among(named(configured), &usual_places())
}

/// A folder that wholly holds the built-in pack of this embedder, for templates that it made.
pub(super) fn find_embedder(configured: Option<&Path>, embedder: &str) -> Option<Found> {
    let places = named(configured).into_iter().chain(usual_places());
    let places: Vec<PathBuf> = places.collect();
    Manifest::builtins().into_iter().find_map(|manifest| {
        let role = matcher::face::pack::Role::Embedder;
        let is_it = manifest.model(role).is_some_and(|m| m.name == embedder);
        let place = places.iter().filter(|_| is_it);
        let mut whole = place.filter(|place| first_missing(place, &manifest).is_none());
        let directory = whole.next()?.clone();
        Some(Found {
            directory,
            manifest,
        })
    })
}

/// The folder into which the pack is pulled when none is named.
#[must_use]
pub fn cache_directory() -> Option<PathBuf> {
    dirs::cache_dir().map(|cache| cache.join("whorl").join("models"))
}

/// Whether a folder was named, by the configuration or the environment.
fn named(configured: Option<&Path>) -> Option<PathBuf> {
    let environment = std::env::var_os("WHORL_MODELS")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    configured.map(Path::to_owned).or(environment)
}

fn usual_places() -> Vec<PathBuf> {
    [Some(PathBuf::from("models")), cache_directory()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn find_among(named: Option<PathBuf>, usual: &[PathBuf]) -> Result<Found, ModelsError> {
    let places = named.as_ref().map_or(usual, std::slice::from_ref);
    // The best pack wherever it lies, before a lesser one that lies nearer.
    for manifest in Manifest::builtins() {
        let mut whole = places.iter();
        if let Some(place) = whole.find(|place| first_missing(place, &manifest).is_none()) {
            return Ok(Found {
                directory: place.clone(),
                manifest,
            });
        }
    }
    Err(match named {
        Some(named) => ModelsError::Missing {
            path: first_missing(&named, &Manifest::builtin()).unwrap_or(named),
        },
        None => ModelsError::NotFound {
            searched: usual.to_vec(),
        },
    })
}

/// The first file of a pack that a folder lacks.
pub(super) fn first_missing(directory: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let path = |model: &Model| directory.join(&model.file);
    manifest
        .models
        .iter()
        .map(path)
        .find(|path| !path.is_file())
}
