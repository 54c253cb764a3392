//! The file of an embedded database: where it is, what SQLite writes beside it, and that nobody else reads it.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file of an SQLite URL; none for a database in memory or elsewhere.
#[must_use]
pub fn of_url(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some(PathBuf::from(path)).filter(|_| !path.is_empty() && path != ":memory:")
}

/// Sees to it that a database's file is its owner's alone, whatever the folder lets others do: it holds names and password
/// hashes. SQLite gives its log and its index the same permissions. What cannot be made so is logged, and `whorl doctor` says
/// it again.
pub fn keep_private(file: &Path) {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => return,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        // SQLite says better what is wrong with the path.
        Err(_) => return,
    }
    for path in files_of(file) {
        let is_open = |found: std::fs::Metadata| found.permissions().mode() & 0o077 != 0;
        if !std::fs::metadata(&path).is_ok_and(is_open) {
            continue;
        }
        if let Err(error) = std::fs::set_permissions(&path, Permissions::from_mode(0o600)) {
            tracing::warn!(path = %path.display(), %error, "database_file_open_to_others");
        }
    }
}

/// A database's file and what SQLite writes beside it.
#[must_use]
pub fn files_of(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}
