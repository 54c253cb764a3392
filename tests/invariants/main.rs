//! The rules of the house that a compiler does not hold: what may depend on what, where a library may be named, how long a file may be.

mod dependencies;
mod sources;

use std::path::{Path, PathBuf};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("invariant: this crate lies in a folder of the workspace")
        .to_owned()
}
