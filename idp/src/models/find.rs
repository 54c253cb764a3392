//! Where the pack is looked for: the configuration, `WHORL_MODELS`, `./models`, the user's cache.

use std::path::{Path, PathBuf};

use matcher::face::pack::Manifest;

use super::ModelsError;

/// The folder of the pack. A folder that was named must hold it: no other is tried in its place.
///
/// # Errors
/// [`ModelsError::Missing`] or [`ModelsError::NotFound`].
pub fn find(configured: Option<&Path>) -> Result<PathBuf, ModelsError> {
    let environment = std::env::var_os("WHORL_MODELS")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    find_among(
        configured.map(Path::to_owned).or(environment),
        &usual_places(),
    )
}

/// The folder into which the pack is pulled when none is named.
#[must_use]
pub fn cache_directory() -> Option<PathBuf> {
    dirs::cache_dir().map(|cache| cache.join("whorl").join("models"))
}

fn usual_places() -> Vec<PathBuf> {
    [Some(PathBuf::from("models")), cache_directory()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn find_among(
    named: Option<PathBuf>,
    usual: &[PathBuf],
) -> Result<PathBuf, ModelsError> {
    if let Some(named) = named {
        return match first_missing(&named) {
            Some(path) => Err(ModelsError::Missing { path }),
            None => Ok(named),
        };
    }
    let whole = usual.iter().find(|place| first_missing(place).is_none());
    whole.cloned().ok_or_else(|| ModelsError::NotFound {
        searched: usual.to_vec(),
    })
}

/// The first file of the pack that a folder lacks.
fn first_missing(directory: &Path) -> Option<PathBuf> {
    Manifest::builtin()
        .models
        .iter()
        .map(|model| directory.join(&model.file))
        .find(|path| !path.is_file())
}
