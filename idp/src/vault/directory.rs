//! Sealed blobs in a directory: the embedded default.
//!
//! A blob is written beside its place, synced and renamed, so that it is there whole or not at all,
//! also after a power failure. Names come from identifiers only, never from outside text.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;

use super::{BlobKey, Blobs, Part, SealedFormatError, VaultError, seal::MAX_SEALED_BYTES};

/// A directory of sealed blobs.
#[derive(Debug, Clone)]
pub struct DirectoryBlobs {
    root: Arc<Path>,
}

/// Why a directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It cannot be made or read.
    #[error("cannot use the directory {path}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may enter it.
    #[error("the directory {path} has mode {mode:03o}: only its owner may have access (chmod 700)")]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl DirectoryBlobs {
    /// The store in the directory `root`, which is made if there is none.
    ///
    /// # Errors
    /// Whatever makes the directory unusable, or readable by others.
    pub fn open(root: &Path) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Io {
            path: root.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(failed)?;
        let mode = fs::metadata(root).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(DirectoryError::Exposed {
                path: root.to_owned(),
                mode,
            });
        }
        Ok(Self { root: root.into() })
    }

    /// Runs file work on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || work(&root))
            .await
            .map_err(|error| VaultError::unavailable(Part::Blobs, error))?
    }
}

#[async_trait]
impl Blobs for DirectoryBlobs {
    async fn put(&self, key: &BlobKey, sealed: Vec<u8>) -> Result<(), VaultError> {
        let key = *key;
        self.run(move |root| match write(root, &key, &sealed) {
            // A removal took the emptied folder away in between: make it again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write(root, &key, &sealed).map_err(unavailable)
            }
            result => result.map_err(unavailable),
        })
        .await
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, VaultError> {
        let key = *key;
        self.run(move |root| read(root, &key)).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), VaultError> {
        let key = *key;
        self.run(move |root| remove(root, &key).map_err(unavailable))
            .await
    }

    async fn check(&self) -> Result<(), VaultError> {
        self.run(|root| probe(root).map_err(unavailable)).await
    }
}

fn write(root: &Path, key: &BlobKey, sealed: &[u8]) -> io::Result<()> {
    let folder = folder_of(root, key);
    // One by one below the root: a root that is gone (an unmounted volume) is not made anew.
    for folder in [root.join(key.subject.to_string()), folder.clone()] {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut file = tempfile::Builder::new()
        .prefix(".unfinished-")
        .tempfile_in(&folder)?;
    file.write_all(sealed)?;
    file.as_file().sync_all()?;
    file.persist(root.join(key.to_string()))
        .map_err(|error| error.error)?;
    // The new name, and the folders that hold it, are durable only when their folders are synced.
    for folder in folder.ancestors().take(FOLDERS_DEEP) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn read(root: &Path, key: &BlobKey) -> Result<Option<Vec<u8>>, VaultError> {
    let file = match File::open(root.join(key.to_string())) {
        Ok(file) => file,
        // Without its root the store is down, not empty.
        Err(error) if error.kind() == io::ErrorKind::NotFound && root.is_dir() => return Ok(None),
        Err(error) => return Err(unavailable(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SEALED_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unavailable)?;
    if bytes.len() > MAX_SEALED_BYTES {
        return Err(SealedFormatError::TooLong(bytes.len()).into());
    }
    Ok(Some(bytes))
}

fn remove(root: &Path, key: &BlobKey) -> io::Result<()> {
    match fs::remove_file(root.join(key.to_string())) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound && root.is_dir() => return Ok(()),
        Err(error) => return Err(error),
    }
    let folder = folder_of(root, key);
    File::open(&folder)?.sync_all()?;
    // Emptied folders go too; one that still holds something refuses, which is as it should be.
    for folder in folder.ancestors().take(FOLDERS_DEEP - 1) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

fn probe(root: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".check-")
        .tempfile_in(root)?;
    file.write_all(b"check")?;
    file.as_file().sync_all()
}

fn folder_of(root: &Path, key: &BlobKey) -> PathBuf {
    root.join(key.subject.to_string())
        .join(key.credential.to_string())
}

fn unavailable(error: io::Error) -> VaultError {
    VaultError::unavailable(Part::Blobs, error)
}

/// The credential's folder, the subject's, and the root.
const FOLDERS_DEEP: usize = 3;

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(version: u64) -> BlobKey {
        BlobKey {
            subject: Uuid::from_u128(1),
            credential: Uuid::from_u128(2),
            version,
            digest: [version as u8; 32],
        }
    }

    fn store() -> (tempfile::TempDir, DirectoryBlobs) {
        let folder = tempfile::tempdir().expect("folder");
        let blobs = DirectoryBlobs::open(&folder.path().join("blobs")).expect("opened");
        (folder, blobs)
    }

    #[tokio::test]
    async fn blobs_come_back_and_go_away() {
        let (folder, blobs) = store();
        assert_eq!(blobs.get(&key(1)).await.expect("answered"), None);
        blobs.put(&key(1), vec![1]).await.expect("put");
        blobs.put(&key(2), vec![2]).await.expect("put");
        blobs.put(&key(2), vec![2]).await.expect("put again");
        assert_eq!(blobs.get(&key(1)).await.expect("answered"), Some(vec![1]));
        assert_eq!(blobs.get(&key(2)).await.expect("answered"), Some(vec![2]));
        for version in [1, 1, 2] {
            blobs.delete(&key(version)).await.expect("deleted");
        }
        assert_eq!(blobs.get(&key(2)).await.expect("answered"), None);
        let left = fs::read_dir(folder.path().join("blobs")).expect("listed");
        assert_eq!(left.count(), 0, "emptied folders are removed");
        blobs.check().await.expect("usable");
    }

    #[tokio::test]
    async fn only_the_owner_may_look() {
        let (folder, blobs) = store();
        blobs.put(&key(1), vec![1]).await.expect("put");
        let root = folder.path().join("blobs");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(&folder_of(&root, &key(1))), 0o700);
        assert_eq!(mode(&root.join(key(1).to_string())), 0o600);
        fs::set_permissions(&root, fs::Permissions::from_mode(0o750)).expect("chmod");
        assert!(matches!(
            DirectoryBlobs::open(&root),
            Err(DirectoryError::Exposed { mode: 0o750, .. })
        ));
    }

    #[tokio::test]
    async fn an_interrupted_write_is_never_read() {
        let (folder, blobs) = store();
        blobs.put(&key(1), vec![1]).await.expect("put");
        let place = folder_of(&folder.path().join("blobs"), &key(1));
        fs::write(place.join(".unfinished-x"), [9]).expect("written");
        assert_eq!(blobs.get(&key(1)).await.expect("answered"), Some(vec![1]));
        assert_eq!(blobs.get(&key(2)).await.expect("answered"), None);
    }

    #[tokio::test]
    async fn a_vanished_root_is_down_and_not_empty() {
        let (folder, blobs) = store();
        blobs.put(&key(1), vec![1]).await.expect("put");
        fs::rename(folder.path().join("blobs"), folder.path().join("gone")).expect("moved");
        for error in [
            blobs.get(&key(1)).await.expect_err("refused"),
            blobs.put(&key(2), vec![2]).await.expect_err("refused"),
            blobs.delete(&key(1)).await.expect_err("refused"),
            blobs.check().await.expect_err("refused"),
        ] {
            assert!(
                matches!(
                    error,
                    VaultError::Unavailable {
                        part: Part::Blobs,
                        ..
                    }
                ),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn an_oversized_blob_is_refused() {
        let (_folder, blobs) = store();
        blobs
            .put(&key(1), vec![0; MAX_SEALED_BYTES + 1])
            .await
            .expect("put");
        assert!(matches!(
            blobs.get(&key(1)).await,
            Err(VaultError::Malformed(_))
        ));
    }
}
