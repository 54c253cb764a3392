//! The deployment's own keys that never leave it and do not turn: made at the first start, sealed by the vault, kept in
//! SQL, the same on every replica.

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::keys::jwe::JweError;
use crate::store::{Store, StoreError};
use crate::vault::{OwnSecrets, VaultError};

/// The keys, opened.
pub struct OwnKeys {
    /// What pairwise identifiers are made with: losing it would rename every subject.
    pub pairwise: Zeroizing<Vec<u8>>,
    /// What digests of samples are made with: losing it would forget which samples were seen.
    pub samples: Zeroizing<Vec<u8>>,
    /// What browsers are known again by: losing it would know none.
    pub marks: Zeroizing<Vec<u8>>,
}

/// Why they are not there.
#[derive(Debug, thiserror::Error)]
pub enum OwnKeysError {
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    #[error("the vault cannot be used")]
    Vault(#[from] VaultError),
    #[error("a key could not be made or read")]
    Key(#[from] JweError),
}

impl OwnKeys {
    /// Opens the keys, and makes those that are missing.
    ///
    /// # Errors
    /// When a part is down, or a stored key cannot be read.
    pub async fn open(store: &Store, secrets: &OwnSecrets) -> Result<Self, OwnKeysError> {
        let random = || {
            let mut bytes = Zeroizing::new(vec![0; 32]);
            rand::fill(&mut bytes).map_err(|_| JweError)?;
            Ok(bytes)
        };
        let pairwise = one(store, secrets, "pairwise", random).await?;
        let samples = one(store, secrets, "samples", random).await?;
        let marks = one(store, secrets, "marks", random).await?;
        Ok(Self {
            pairwise,
            samples,
            marks,
        })
    }
}

/// The secret of a name: the one that is kept, or a new one.
///
/// # Errors
/// As [`OwnKeys::open`].
pub(crate) async fn one(
    store: &Store,
    secrets: &OwnSecrets,
    name: &str,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, JweError>,
) -> Result<Zeroizing<Vec<u8>>, OwnKeysError> {
    let sealed = match store.own_secret(name).await? {
        Some(sealed) => sealed,
        None => {
            let sealed = secrets.seal(PURPOSE, name, &make()?).await?;
            // Of replicas that start together, the first one's is kept.
            store.found_own_secret(name, sealed).await?
        }
    };
    Ok(secrets.open(PURPOSE, name, &sealed).await?)
}

const PURPOSE: &str = "own key";
