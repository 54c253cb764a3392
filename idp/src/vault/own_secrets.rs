//! Small secrets of the deployment itself, sealed under its own data key and kept in SQL.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{InlineBinding, KeyOwner, Vault, VaultError, WrappedKey};

/// Seals and opens under the deployment's data key.
pub struct OwnSecrets {
    vault: Arc<Vault>,
    wrapped: WrappedKey,
}

impl OwnSecrets {
    /// Over a vault and the deployment's wrapped data key, as its row holds it.
    pub fn new(vault: Arc<Vault>, wrapped: WrappedKey) -> Self {
        Self { vault, wrapped }
    }

    /// Seals a secret for a purpose and the row that will hold it.
    ///
    /// # Errors
    /// As [`Vault::seal_inline`].
    pub async fn seal(&self, purpose: &str, id: &str, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.vault.seal_inline(&self.wrapped, &binding(purpose, id), secret).await
    }

    /// Opens what was sealed for the same purpose and row.
    ///
    /// # Errors
    /// As [`Vault::open_inline`].
    pub async fn open(&self, purpose: &str, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.vault.open_inline(&self.wrapped, &binding(purpose, id), sealed).await
    }
}

fn binding<'a>(purpose: &'a str, id: &'a str) -> InlineBinding<'a> {
    InlineBinding { owner: KeyOwner::Deployment, purpose, id }
}
