//! Model packs on this machine: where they lie, that they are what they should be, and the pipeline made of one.
//!
//! Two packs are built in by their digests (`models/*.toml`): a bare folder that holds one of them needs nothing
//! beside it. Any other pack carries its own manifest, signed by a key that the configuration trusts, and lies on
//! the [`Shelf`]; which of those is in use is a row in the database, so that every replica turns to it by itself.
//! Whoever works with a pipeline holds it until the work is done, whatever comes into use meanwhile.

mod find;
pub mod npm;
mod pull;
mod shelf;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub use find::{Found, cache_directory, find};
pub use pull::{Pulled, Source, pull};
pub use shelf::{DirectoryPacks, PackFile, PackFiles, Shelf, is_signed_pack};
pub use signature::{SigningKey, TrustedKey};
pub use verify::{FileState, Listed, list, verify};

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use matcher::face::FacePipeline;
use matcher::face::convert::ConvertError;
use matcher::face::pack::{Manifest, ManifestError, Model, Role};
use matcher::onnx::OnnxError;
use matcher::score::Calibration;

use crate::store::StoreError;
use crate::vault::VaultError;

/// One pack, loaded.
pub struct Loaded {
    face: Arc<FacePipeline>,
    manifest: Manifest,
    calibration: Calibration,
    /// Where it came from, for operators.
    place: String,
    /// The row that brought it into use; 0 for a bare folder.
    seq: i64,
}

/// The pack in use, and those before it whose templates are still about.
pub struct Models {
    current: RwLock<Arc<Loaded>>,
    older: Mutex<VecDeque<Arc<Loaded>>>,
    /// Held while a pack is loaded, so that a crowd loads it once.
    loading: tokio::sync::Mutex<()>,
    configured: Option<PathBuf>,
    shelf: Option<Shelf>,
}

/// Why there are no models; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// No place holds a pack.
    #[error("no model pack in {}: run `whorl models pull` (with --from for a folder or a URL), or set WHORL_MODELS to its folder", places(.searched))]
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
    /// The npm client is not installed.
    #[error(
        "npm is not on the PATH: install Node, or bring a pack from a folder or URL with --from"
    )]
    NoNpm,
    /// The npm client fails.
    #[error("npm cannot fetch {package}: {said}")]
    Npm { package: String, said: String },
    /// What npm fetched is not what was measured.
    #[error(
        "the archive of {package} is another one than this version knows (its digest is {found}, not {expected})"
    )]
    OtherArchive {
        package: String,
        expected: String,
        found: String,
    },
    /// The archive cannot be unpacked.
    #[error("the archive of {package} cannot be read")]
    Archive {
        package: String,
        #[source]
        source: std::io::Error,
    },
    /// The package's weights are not those of the network.
    #[error("{file} cannot be made of the package's weights")]
    Convert {
        file: String,
        #[source]
        source: ConvertError,
    },
    /// The pack is not made from a package.
    #[error("this pack is not made from an npm package")]
    NoPackage,
    /// The pack's manifest is none.
    #[error("the manifest of {place} is refused")]
    Manifest {
        place: String,
        #[source]
        source: ManifestError,
    },
    /// The pack's signature is none of a trusted key.
    #[error("the signature of {place} is refused: {why}")]
    Signature { place: String, why: &'static str },
    /// The shelf has no such pack.
    #[error("the pack {0} is not there: bring it with `whorl models pull --from <folder>`")]
    NoPack(String),
    /// The pack is another than was chosen.
    #[error("the pack {0} is another than the operator chose")]
    OtherPack(String),
    /// The pack is older than one that was in use.
    #[error(
        "{pack} is older than version {highest}, which was in use here: go back with --allow-older if you must"
    )]
    Older { pack: String, highest: u64 },
    /// The pack is worth nothing here.
    #[error("{0} looks for no presentation attacks, and serves a demonstration only")]
    DemonstrationOnly(String),
    /// The embedder is not measured far enough.
    #[error(
        "{pack} is validated down to a false match rate of {validated:.1e}, and [face] false_match_rate is lower"
    )]
    NotValidated { pack: String, validated: f64 },
    /// Where packs are kept is down.
    #[error("the packs cannot be reached")]
    Shelf(#[source] VaultError),
    /// The database is down.
    #[error("the database is not available")]
    Store(#[from] StoreError),
    /// Loading was broken off.
    #[error("loading was broken off")]
    Broken(#[from] tokio::task::JoinError),
    /// The manifest lacks a model that the face needs.
    #[error("the pack has no model for {0:?}")]
    NoRole(Role),
    /// The engine refuses a model.
    #[error("a model cannot be loaded")]
    Engine(#[from] OnnxError),
}

impl Loaded {
    /// Loads a pack; `read` brings the verified bytes of a file. Takes a good part of a second.
    fn of(
        manifest: Manifest,
        place: String,
        seq: i64,
        mut read: impl FnMut(&Model) -> Result<Vec<u8>, ModelsError>,
    ) -> Result<Self, ModelsError> {
        let face = FacePipeline::of_pack(&manifest, |role, model| {
            read(model.ok_or(ModelsError::NoRole(role))?)
        })?;
        let calibration = face.calibration().cloned();
        let calibration = calibration.ok_or(ModelsError::NoRole(Role::Embedder))?;
        Ok(Self {
            face: Arc::new(face),
            manifest,
            calibration,
            place,
            seq,
        })
    }

    fn of_folder(found: Found) -> Result<Self, ModelsError> {
        let place = found.directory.display().to_string();
        Self::of(found.manifest, place, 0, |model| {
            verify::read(&found.directory, model)
        })
    }

    /// The face pipeline.
    #[must_use]
    pub fn face(&self) -> &Arc<FacePipeline> {
        &self.face
    }

    /// What its scores are worth.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Whether its faces are worth the demonstration's acr and no other.
    #[must_use]
    pub fn is_demonstration_only(&self) -> bool {
        self.manifest.is_demonstration_only()
    }

    /// Whether it may serve where this false match rate is asked for.
    ///
    /// # Errors
    /// [`ModelsError::DemonstrationOnly`], [`ModelsError::NotValidated`].
    pub fn check(&self, demo: bool, false_match_rate: f64) -> Result<(), ModelsError> {
        let pack = name_of(&self.manifest);
        if self.is_demonstration_only() && !demo {
            return Err(ModelsError::DemonstrationOnly(pack));
        }
        let validated = self.calibration.false_match_rate(f64::INFINITY);
        // Written so that a rate that is no number is refused.
        let is_validated = false_match_rate * (1.0 + 1e-9) >= validated;
        if is_validated {
            Ok(())
        } else {
            Err(ModelsError::NotValidated { pack, validated })
        }
    }

    fn makes(&self, embedder: &str) -> bool {
        self.face.model() == embedder
    }
}

impl Models {
    /// Finds a pack in a folder and loads it; takes a good part of a second.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub fn find_and_load(configured: Option<&Path>) -> Result<Self, ModelsError> {
        let loaded = Loaded::of_folder(find(configured)?)?;
        Ok(Self::new(loaded, configured, None))
    }

    /// Loads the pack in a folder.
    ///
    /// # Errors
    /// [`ModelsError`], for the first file that is not the right one.
    pub fn load(directory: &Path) -> Result<Self, ModelsError> {
        Self::find_and_load(Some(directory))
    }

    /// The pack that the operators chose from the shelf, or the one of a folder where they chose none.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub async fn in_use(configured: Option<&Path>, shelf: Shelf) -> Result<Self, ModelsError> {
        let loaded = match shelf.store.pack_in_use().await? {
            Some(chosen) => shelf.load(&chosen).await?,
            None => {
                let found = find(configured)?;
                tokio::task::spawn_blocking(|| Loaded::of_folder(found)).await??
            }
        };
        Ok(Self::new(loaded, configured, Some(shelf)))
    }

    fn new(loaded: Loaded, configured: Option<&Path>, shelf: Option<Shelf>) -> Self {
        Self {
            current: RwLock::new(Arc::new(loaded)),
            older: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            configured: configured.map(Path::to_owned),
            shelf,
        }
    }

    /// The pack in use now. Work that began under it ends under it.
    #[must_use]
    pub fn current(&self) -> Arc<Loaded> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The face pipeline in use now.
    #[must_use]
    pub fn face(&self) -> Arc<FacePipeline> {
        self.current().face.clone()
    }

    /// Which pack is in use, and from where, for operators.
    #[must_use]
    pub fn describe(&self) -> String {
        let current = self.current();
        let worth = match current.is_demonstration_only() {
            true => "; it looks for no presentation attacks, and is worth urn:whorl:acr:demo alone",
            false => "",
        };
        format!(
            "{} ({}) in {}{worth}",
            name_of(&current.manifest),
            current.face.model(),
            current.place
        )
    }

    /// Turns to the pack that the operators chose, where it is another than the one in use; answers whether it did.
    ///
    /// # Errors
    /// [`ModelsError`]: the pack in use stays.
    pub async fn follow(&self, demo: bool, false_match_rate: f64) -> Result<bool, ModelsError> {
        let Some(shelf) = &self.shelf else {
            return Ok(false);
        };
        let Some(chosen) = shelf.store.pack_in_use().await? else {
            return Ok(false);
        };
        if chosen.seq == self.current().seq {
            return Ok(false);
        }
        let _one_at_a_time = self.loading.lock().await;
        let loaded = shelf.load(&chosen).await?;
        loaded.check(demo, false_match_rate)?;
        let fresh = Arc::new(loaded);
        let before = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, fresh)
        };
        self.keep(before);
        Ok(true)
    }

    /// The pack whose embedder made a template: the one in use, one before it, or one that is still in a folder or on
    /// the shelf. `None` where it is gone.
    ///
    /// # Errors
    /// [`ModelsError`], where it is there and cannot be loaded.
    pub async fn that_makes(&self, embedder: &str) -> Result<Option<Arc<Loaded>>, ModelsError> {
        if let Some(known) = self.known(embedder) {
            return Ok(Some(known));
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(known) = self.known(embedder) {
            return Ok(Some(known));
        }
        let loaded = match find::find_embedder(self.configured.as_deref(), embedder) {
            Some(found) => Some(tokio::task::spawn_blocking(|| Loaded::of_folder(found)).await??),
            None => self.on_the_shelf(embedder).await?,
        };
        let loaded = loaded.filter(|l| l.makes(embedder)).map(Arc::new);
        if let Some(loaded) = &loaded {
            self.keep(loaded.clone());
        }
        Ok(loaded)
    }

    async fn on_the_shelf(&self, embedder: &str) -> Result<Option<Loaded>, ModelsError> {
        let Some(shelf) = &self.shelf else {
            return Ok(None);
        };
        match shelf.store.pack_that_made(embedder).await? {
            Some(used) => shelf.load_older(&used).await.map(Some),
            None => Ok(None),
        }
    }

    fn known(&self, embedder: &str) -> Option<Arc<Loaded>> {
        let current = self.current();
        if current.makes(embedder) {
            return Some(current);
        }
        let older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        older.iter().find(|l| l.makes(embedder)).cloned()
    }

    /// Keeps an older pack at hand, the newest few.
    fn keep(&self, loaded: Arc<Loaded>) {
        let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        older.retain(|l| !l.makes(loaded.face.model()));
        older.push_back(loaded);
        if older.len() > MOST_OLDER {
            older.pop_front();
        }
    }
}

/// A pack by name and version.
fn name_of(manifest: &Manifest) -> String {
    format!("{} {}", manifest.name, manifest.version)
}

fn places(searched: &[PathBuf]) -> String {
    searched
        .iter()
        .map(|place| place.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Packs before the one in use that stay in memory.
const MOST_OLDER: usize = 2;
