//! Small secrets that live in an SQL column, sealed: signing keys, shared secrets of one-time passwords.

use zeroize::Zeroizing;

use super::{
    InlineBinding, Vault, VaultError, WrappedKey,
    data_key::KeyOwner,
    seal::{open, seal},
};

impl Vault {
    /// The data key of the deployment itself, wrapped; made once and kept in its SQL row.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn new_deployment_key(&self) -> Result<WrappedKey, VaultError> {
        self.new_key(KeyOwner::Deployment).await
    }

    /// Seals `secret` for an SQL column. `wrapped` is the data key of the binding's owner.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`]; [`VaultError::WrongContext`] if the key is not the owner's.
    pub async fn seal_inline(
        &self,
        wrapped: &WrappedKey,
        binding: &InlineBinding<'_>,
        secret: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.data_key(wrapped, binding.owner).await?;
        seal(&key, &binding.authenticated_bytes(self.deployment), secret)
    }

    /// Opens what [`Vault::seal_inline`] made under the same key and binding.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`]; [`VaultError::WrongContext`] or [`VaultError::Malformed`] if the
    /// column was altered or moved from another row.
    pub async fn open_inline(
        &self,
        wrapped: &WrappedKey,
        binding: &InlineBinding<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.data_key(wrapped, binding.owner).await?;
        open(&key, &binding.authenticated_bytes(self.deployment), sealed)
    }
}
