//! A key service without a service: data keys wrapped under a key file on this machine.
//!
//! The embedded default. Whoever reads the file reads everything, so it is refused when anyone but its
//! owner may, and it belongs on another volume than the blobs. Production wraps with KMS instead.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{
    VaultError,
    binding::Fields,
    data_key::{DATA_KEY_BYTES, DataKey, EncryptionContext, KeyWrap, WrappedKey},
    seal::{digest_of, open, seal},
};

/// Wraps data keys with AES-256-GCM, the encryption context as additional authenticated data.
pub struct LocalKey {
    key: DataKey,
    id: String,
}

/// Why a local key file is not used.
#[derive(Debug, thiserror::Error)]
pub enum LocalKeyError {
    /// It cannot be read or made.
    #[error("cannot use the key file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("the key file {path} has mode {mode:03o}: only its owner may have access (chmod 600)")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not a regular file of exactly 32 bytes.
    #[error("the key file {path} does not hold exactly {DATA_KEY_BYTES} bytes")]
    Length {
        /// The file.
        path: PathBuf,
    },
    /// The system's random generator failed.
    #[error("no random bytes for the key file {path}")]
    Random {
        /// The file.
        path: PathBuf,
    },
}

impl LocalKey {
    /// The key in the file at `path`, which is made if there is none.
    ///
    /// It appears complete or not at all, and when several make it at once, all use the same one.
    ///
    /// # Errors
    /// Whatever makes the file unusable or unsafe to use.
    pub fn load_or_create(path: &Path) -> Result<Self, LocalKeyError> {
        let failed = |source| LocalKeyError::Io {
            path: path.to_owned(),
            source,
        };
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path)?;
                Self::read(path, File::open(path).map_err(failed)?)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The key in the file at `path`, which must be there.
    ///
    /// # Errors
    /// Whatever makes the file unusable or unsafe to use.
    pub fn load(path: &Path) -> Result<Self, LocalKeyError> {
        let file = File::open(path).map_err(|source| LocalKeyError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::read(path, file)
    }

    fn read(path: &Path, file: File) -> Result<Self, LocalKeyError> {
        let failed = |source| LocalKeyError::Io {
            path: path.to_owned(),
            source,
        };
        // Of the open file, not of the name, which might point elsewhere a moment later.
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(LocalKeyError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let length = LocalKeyError::Length {
            path: path.to_owned(),
        };
        if !metadata.is_file() {
            return Err(length);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(DATA_KEY_BYTES + 1));
        file.take(DATA_KEY_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let key = DataKey::from_slice(&bytes).ok_or(length)?;
        let mut named = Fields::new("whorl local key name 1");
        named.push(key.bytes());
        let fingerprint = hex::encode(digest_of(&Zeroizing::new(named.into_bytes())));
        let id = format!("local:{}", &fingerprint[..16]);
        Ok(Self { key, id })
    }
}

#[async_trait]
impl KeyWrap for LocalKey {
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), VaultError> {
        let key = DataKey::random()?;
        let wrapped = seal(&self.key, &wrapping_bytes(context), key.bytes())?;
        Ok((key, WrappedKey(wrapped)))
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<DataKey, VaultError> {
        let bytes = open(&self.key, &wrapping_bytes(context), &wrapped.0)?;
        DataKey::from_slice(&bytes).ok_or(VaultError::WrongContext)
    }

    async fn check(&self) -> Result<(), VaultError> {
        Ok(())
    }

    fn key_id(&self) -> &str {
        &self.id
    }
}

fn wrapping_bytes(context: &EncryptionContext) -> Vec<u8> {
    let mut fields = Fields::new("whorl wrapped key 1");
    fields.push(&context.authenticated_bytes());
    fields.into_bytes()
}

fn create(path: &Path) -> Result<(), LocalKeyError> {
    let failed = |source| LocalKeyError::Io {
        path: path.to_owned(),
        source,
    };
    let key = DataKey::random().map_err(|_| LocalKeyError::Random {
        path: path.to_owned(),
    })?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    // A temporary file has mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(key.bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        // Somebody else made it first: theirs is the key.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error.error)),
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// The permission bits of group and others.
const OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use uuid::Uuid;

    use super::*;
    use crate::vault::KeyOwner;

    fn context(subject: u128) -> EncryptionContext {
        EncryptionContext {
            deployment: Uuid::from_u128(1),
            owner: KeyOwner::Subject(Uuid::from_u128(subject)),
        }
    }

    #[tokio::test]
    async fn a_key_survives_a_restart() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("deep/er/local.key");
        let first = LocalKey::load_or_create(&path).expect("made");
        let (key, wrapped) = first.generate(&context(2)).await.expect("wraps");
        let second = LocalKey::load(&path).expect("read");
        let again = second.unwrap(&wrapped, &context(2)).await.expect("unwraps");
        assert_eq!(key.bytes(), again.bytes());
        assert_eq!(first.key_id(), second.key_id());
        assert_eq!(
            fs::metadata(&path).expect("there").permissions().mode() & 0o777,
            0o600
        );
        second.check().await.expect("usable");
    }

    #[tokio::test]
    async fn another_context_key_or_bit_does_not_unwrap() {
        let folder = tempfile::tempdir().expect("folder");
        let mine = LocalKey::load_or_create(&folder.path().join("a")).expect("made");
        let other = LocalKey::load_or_create(&folder.path().join("b")).expect("made");
        let (_, wrapped) = mine.generate(&context(2)).await.expect("wraps");
        assert!(matches!(
            mine.unwrap(&wrapped, &context(3)).await,
            Err(VaultError::WrongContext)
        ));
        assert!(matches!(
            other.unwrap(&wrapped, &context(2)).await,
            Err(VaultError::WrongContext)
        ));
        for bit in 0..wrapped.0.len() * 8 {
            let mut altered = wrapped.clone();
            altered.0[bit / 8] ^= 1 << (bit % 8);
            assert!(
                mine.unwrap(&altered, &context(2)).await.is_err(),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_file_that_others_may_touch_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("local.key");
        LocalKey::load_or_create(&path).expect("made");
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            assert!(
                matches!(LocalKey::load_or_create(&path), Err(LocalKeyError::Exposed { mode: found, .. }) if found == mode),
                "{mode:o}"
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("chmod");
        LocalKey::load(&path).expect("read-only is fine");
    }

    #[test]
    fn a_file_of_another_length_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("local.key");
        for length in [0, 31, 33, 4096] {
            let _ = fs::remove_file(&path);
            fs::write(&path, vec![7; length]).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
            assert!(matches!(
                LocalKey::load_or_create(&path),
                Err(LocalKeyError::Length { .. })
            ));
            assert_eq!(fs::read(&path).expect("still there").len(), length);
        }
        assert!(LocalKey::load(&folder.path().join("none")).is_err());
        assert!(LocalKey::load(folder.path()).is_err());
    }

    #[test]
    fn those_who_make_it_at_once_share_one_key() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("local.key");
        let ids: Vec<String> = thread::scope(|scope| {
            let makers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| LocalKey::load_or_create(&path).expect("made").id))
                .collect();
            makers
                .into_iter()
                .map(|maker| maker.join().expect("joined"))
                .collect()
        });
        assert!(ids.iter().all(|id| id == &ids[0]), "{ids:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
