//! A subject's wrapped data key: the one in its row, or a first one.

use crate::store::{Store, StoreError, Subject};
use crate::vault::{Vault, VaultError, WrappedKey};

use super::{FactorError, FactorKind};

/// Why a subject has no data key.
pub(super) enum KeyError {
    Vault(VaultError),
    Store(StoreError),
}

impl KeyError {
    pub(super) fn of(self, factor: FactorKind) -> FactorError {
        match self {
            Self::Vault(error) => FactorError::vault(factor, error),
            Self::Store(error) => FactorError::Store(error),
        }
    }
}

/// The subject's key, made where there is none. Of two replicas that make one at once, both go on with
/// the one that was kept.
pub(super) async fn claim(store: &Store, vault: &Vault, subject: &Subject) -> Result<WrappedKey, KeyError> {
    if let Some(key) = existing(subject) {
        return Ok(key);
    }
    let fresh = vault.new_subject_key(subject.id.0).await.map_err(KeyError::Vault)?;
    let kept = store.claim_wrapped_key(subject.id, &fresh.0).await.map_err(KeyError::Store)?;
    Ok(WrappedKey(kept))
}

/// The subject's key, where it has one.
pub(super) fn existing(subject: &Subject) -> Option<WrappedKey> {
    subject.wrapped_key.clone().map(WrappedKey)
}
