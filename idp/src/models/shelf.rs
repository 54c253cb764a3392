//! Where signed packs are kept: a folder or a bucket, trusted with nothing.
//!
//! `NAME/VERSION/` holds `manifest.toml`, `manifest.sig` and the files that the manifest names. Whatever comes from
//! here is held to the signature and the digests each time, and to the digest of the manifest that the operator chose.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use matcher::face::pack::{Manifest, Role};

use super::signature::{self, TrustedKey};
use super::{Loaded, ModelsError, name_of, verify};
use crate::store::{PackUse, Store};
use crate::vault::{Part, VaultError};

/// The name of one file of a pack. All three parts are plain names: a manifest that says otherwise is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackFile {
    pub pack: String,
    pub version: u64,
    pub file: String,
}

impl fmt::Display for PackFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.pack, self.version, self.file)
    }
}

/// A place for packs.
#[async_trait]
pub trait PackFiles: Send + Sync {
    /// Keeps a file durably.
    async fn put(&self, file: &PackFile, bytes: Vec<u8>) -> Result<(), VaultError>;

    /// The file, or none; one longer than `most` bytes is refused unread.
    async fn get(&self, file: &PackFile, most: u64) -> Result<Option<Vec<u8>>, VaultError>;

    /// Every pack and version that has a manifest here.
    async fn packs(&self) -> Result<Vec<(String, u64)>, VaultError>;
}

/// Packs, the keys that are trusted, and the record of what was in use.
#[derive(Clone)]
pub struct Shelf {
    pub files: Arc<dyn PackFiles>,
    pub trusted: Vec<TrustedKey>,
    pub store: Store,
}

/// A pack whose signature is good.
pub struct Signed {
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes.
    pub digest: [u8; 32],
}

impl Shelf {
    /// Takes a pack from a folder, if its signature and every file are good.
    ///
    /// # Errors
    /// [`ModelsError`]; a pack that was not taken whole is never loaded.
    pub async fn take(&self, folder: &Path) -> Result<Manifest, ModelsError> {
        let place = folder.display().to_string();
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| ModelsError::File { path, source })
        };
        let (manifest, signature) = (read(MANIFEST)?, read(SIGNATURE)?);
        let signed = self.signed(&place, &manifest, &signature)?.manifest;
        let mut files = Vec::new();
        for model in &signed.models {
            files.push((model.file.clone(), verify::read(folder, model)?));
        }
        files.push((SIGNATURE.to_owned(), signature));
        // Last, so that whoever sees the manifest sees all of the pack.
        files.push((MANIFEST.to_owned(), manifest));
        for (file, bytes) in files {
            let file = of(&signed.name, signed.number(), &file);
            let kept = self.files.put(&file, bytes).await;
            kept.map_err(ModelsError::Shelf)?;
        }
        Ok(signed)
    }

    /// The manifest of a pack here, if its signature is good.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub async fn look(&self, name: &str, version: u64) -> Result<Signed, ModelsError> {
        let place = format!("{name} {version}");
        let mut parts = Vec::new();
        for part in [MANIFEST, SIGNATURE] {
            let file = of(name, version, part);
            let bytes = self.files.get(&file, LONGEST_PART).await;
            let bytes = bytes.map_err(ModelsError::Shelf)?;
            parts.push(bytes.ok_or_else(|| ModelsError::NoPack(place.clone()))?);
        }
        let signed = self.signed(&place, &parts[0], &parts[1])?;
        let manifest = &signed.manifest;
        if manifest.name != name || manifest.number() != version {
            return Err(ModelsError::OtherPack(place));
        }
        Ok(signed)
    }

    /// Whether a version may come into use after what was in use before.
    ///
    /// # Errors
    /// [`ModelsError::Older`] where it goes back.
    pub async fn check_age(&self, manifest: &Manifest) -> Result<(), ModelsError> {
        match self.store.highest_pack_version(&manifest.name).await? {
            Some(highest) if manifest.number() < highest => Err(ModelsError::Older {
                pack: name_of(manifest),
                highest,
            }),
            _ => Ok(()),
        }
    }

    /// Loads the pack that was chosen.
    pub(super) async fn load(&self, chosen: &PackUse) -> Result<Loaded, ModelsError> {
        let signed = self.look(&chosen.pack, chosen.version).await?;
        if signed.digest != chosen.digest {
            return Err(ModelsError::OtherPack(name_of(&signed.manifest)));
        }
        if !chosen.goes_back {
            self.check_age(&signed.manifest).await?;
        }
        self.read_all(signed.manifest, chosen.seq).await
    }

    /// Loads a pack that was in use once, to read the templates that it made.
    pub(super) async fn load_older(&self, used: &PackUse) -> Result<Loaded, ModelsError> {
        let signed = self.look(&used.pack, used.version).await?;
        if signed.digest != used.digest {
            return Err(ModelsError::OtherPack(name_of(&signed.manifest)));
        }
        self.read_all(signed.manifest, used.seq).await
    }

    async fn read_all(&self, manifest: Manifest, seq: i64) -> Result<Loaded, ModelsError> {
        let mut bytes: HashMap<Role, Vec<u8>> = HashMap::new();
        for model in &manifest.models {
            let file = of(&manifest.name, manifest.number(), &model.file);
            let got = self.files.get(&file, model.bytes).await;
            let got = got.map_err(ModelsError::Shelf)?;
            let got = got.ok_or_else(|| ModelsError::NoPack(file.to_string()))?;
            verify::check(Path::new(&file.to_string()), model, &got)?;
            bytes.insert(model.role, got);
        }
        let load = move || {
            Loaded::of(manifest, "the shelf".to_owned(), seq, |model| {
                bytes
                    .remove(&model.role)
                    .ok_or(ModelsError::NoRole(model.role))
            })
        };
        tokio::task::spawn_blocking(load).await?
    }

    fn signed(
        &self,
        place: &str,
        manifest: &[u8],
        signature: &[u8],
    ) -> Result<Signed, ModelsError> {
        // Not a byte of it is read before somebody answers for it.
        signature::check(manifest, signature, &self.trusted).map_err(|why| {
            ModelsError::Signature {
                place: place.to_owned(),
                why,
            }
        })?;
        let text = std::str::from_utf8(manifest).map_err(|_| ModelsError::Signature {
            place: place.to_owned(),
            why: "what it covers is not text",
        })?;
        let digest = digest(&SHA256, manifest).as_ref().try_into();
        Ok(Signed {
            manifest: Manifest::parse(text).map_err(|source| ModelsError::Manifest {
                place: place.to_owned(),
                source,
            })?,
            digest: digest.expect("invariant: SHA-256 has 32 bytes"),
        })
    }
}

/// Whether a folder holds a manifest of its own with a signature.
#[must_use]
pub fn is_signed_pack(folder: &Path) -> bool {
    [MANIFEST, SIGNATURE]
        .iter()
        .all(|part| folder.join(part).is_file())
}

fn of(pack: &str, version: u64, file: &str) -> PackFile {
    PackFile {
        pack: pack.to_owned(),
        version,
        file: file.to_owned(),
    }
}

/// Packs in a folder.
pub struct DirectoryPacks {
    root: PathBuf,
}

impl DirectoryPacks {
    /// The packs in `root`, which the first pack makes.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

#[async_trait]
impl PackFiles for DirectoryPacks {
    async fn put(&self, file: &PackFile, bytes: Vec<u8>) -> Result<(), VaultError> {
        let path = self.root.join(file.to_string());
        blocking(move || {
            use std::io::Write as _;
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            // Beside its place and renamed: it is there whole or not at all.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        })
        .await
    }

    async fn get(&self, file: &PackFile, most: u64) -> Result<Option<Vec<u8>>, VaultError> {
        let path = self.root.join(file.to_string());
        blocking(move || {
            use std::io::Read as _;
            let file = match std::fs::File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let mut bytes = Vec::new();
            file.take(most + 1).read_to_end(&mut bytes)?;
            match bytes.len() as u64 > most {
                true => Err(std::io::Error::other("a file of a pack is too long")),
                false => Ok(Some(bytes)),
            }
        })
        .await
    }

    async fn packs(&self) -> Result<Vec<(String, u64)>, VaultError> {
        let root = self.root.clone();
        blocking(move || {
            let mut found = Vec::new();
            if !root.is_dir() {
                return Ok(found);
            }
            for pack in std::fs::read_dir(&root)? {
                let pack = pack?.path();
                for version in std::fs::read_dir(&pack)? {
                    let version = version?.path();
                    let number = version.file_name().and_then(|n| n.to_str()?.parse().ok());
                    let name = pack.file_name().and_then(|n| n.to_str());
                    if let (Some(name), Some(number)) = (name, number)
                        && version.join(MANIFEST).is_file()
                    {
                        found.push((name.to_owned(), number));
                    }
                }
            }
            found.sort();
            Ok(found)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| VaultError::unavailable(Part::Blobs, error))?
        .map_err(|error| VaultError::unavailable(Part::Blobs, error))
}

/// A pack's own list.
const MANIFEST: &str = "manifest.toml";
/// Who answers for it.
const SIGNATURE: &str = "manifest.sig";
const LONGEST_PART: u64 = 64 * 1024;
