//! Envelope encryption: biometric references sealed one data key per subject, and small secrets of the provider.
//!
//! A plaintext is sealed under a data key ([`seal`]); the data key is wrapped by a key service
//! ([`KeyWrap`]: [`local_key`], or KMS); the sealed blob lies in a store ([`Blobs`]: [`directory`], or S3)
//! and the wrapped key in the subject's SQL row. No one of the three is worth anything alone.
//!
//! The vault keeps no state of its own but two caches: data keys by digest of their wrapped form and
//! context, for a short while, and sealed blobs by digest. The caller's row is what counts: it hands
//! in the wrapped key, the version and the digest, so an erased subject, an old version or a swapped
//! blob is refused whatever the caches or the bucket hold.

pub mod binding;
pub mod blobs;
pub mod data_key;
pub mod directory;
mod error;
mod inline;
pub mod local_key;
pub mod observe;
mod own_secrets;
pub mod seal;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use tokio::time::Instant;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::{binding::Fields, seal::digest_of};
pub use self::{
    binding::{Binding, InlineBinding},
    blobs::{BlobKey, Blobs},
    data_key::{DataKey, EncryptionContext, KeyOwner, KeyWrap, WrappedKey},
    directory::DirectoryBlobs,
    error::VaultError,
    local_key::LocalKey,
    own_secrets::OwnSecrets,
    observe::{Observer, Operation, Outcome, Part, Unobserved},
    seal::{Sealed, SealedFormatError},
};

/// How much the vault remembers, and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultLimits {
    /// Unwrapped data keys in memory.
    pub data_keys: u64,
    /// How long an unwrapped data key is used.
    pub data_key_ttl: Duration,
    /// Bytes of sealed blobs in memory.
    pub sealed_bytes: u64,
    /// How long one call on a part may take, retries included.
    pub deadline: Duration,
}

impl Default for VaultLimits {
    fn default() -> Self {
        Self {
            data_keys: 10_000,
            data_key_ttl: Duration::from_secs(5 * 60),
            sealed_bytes: 64 << 20,
            deadline: Duration::from_secs(8),
        }
    }
}

/// The parts that a vault is assembled from.
pub struct VaultParts {
    /// Names this deployment in every binding, so that nothing sealed here opens elsewhere.
    pub deployment: Uuid,
    /// The key service.
    pub key_wrap: Arc<dyn KeyWrap>,
    /// The store of sealed blobs.
    pub blobs: Arc<dyn Blobs>,
    /// Is told of every call.
    pub observer: Arc<dyn Observer>,
    /// Bounds.
    pub limits: VaultLimits,
}

/// The vault: seals, stores, opens and removes.
pub struct Vault {
    deployment: Uuid,
    key_wrap: Arc<dyn KeyWrap>,
    blobs: Arc<dyn Blobs>,
    observer: Arc<dyn Observer>,
    deadline: Duration,
    data_keys: Cache<[u8; 32], Arc<DataKey>>,
    sealed: Cache<[u8; 32], Arc<Vec<u8>>>,
}

impl Vault {
    /// The vault made of `parts`.
    pub fn new(parts: VaultParts) -> Self {
        let limits = parts.limits;
        Self {
            deployment: parts.deployment,
            key_wrap: parts.key_wrap,
            blobs: parts.blobs,
            observer: parts.observer,
            deadline: limits.deadline,
            data_keys: Cache::builder()
                .max_capacity(limits.data_keys)
                .time_to_live(limits.data_key_ttl)
                .build(),
            sealed: Cache::builder()
                .max_capacity(limits.sealed_bytes)
                .weigher(|_, blob: &Arc<Vec<u8>>| u32::try_from(blob.len()).unwrap_or(u32::MAX))
                .build(),
        }
    }

    /// A data key for `subject`, wrapped; kept in the subject's SQL row and nowhere else.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn new_subject_key(&self, subject: Uuid) -> Result<WrappedKey, VaultError> {
        self.new_key(KeyOwner::Subject(subject)).await
    }

    /// Seals `plaintext` under the subject's data key, bound to `binding`, and stores nothing.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`]; [`VaultError::WrongContext`] if the key is another subject's;
    /// [`VaultError::TooLarge`].
    pub async fn seal(
        &self,
        wrapped: &WrappedKey,
        binding: &Binding<'_>,
        plaintext: &[u8],
    ) -> Result<Sealed, VaultError> {
        let key = self
            .data_key(wrapped, KeyOwner::Subject(binding.subject))
            .await?;
        let authenticated = binding.authenticated_bytes(self.deployment);
        let bytes = seal::seal(&key, &authenticated, plaintext)?;
        Ok(Sealed {
            digest: digest_of(&bytes),
            bytes,
        })
    }

    /// Seals and stores `plaintext`; the digest goes to the credential's row.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub async fn store(
        &self,
        wrapped: &WrappedKey,
        binding: &Binding<'_>,
        plaintext: &[u8],
    ) -> Result<[u8; 32], VaultError> {
        let Sealed { digest, bytes } = self.seal(wrapped, binding, plaintext).await?;
        let key = binding.blob_key(digest);
        let cached = Arc::new(bytes.clone());
        self.call(Part::Blobs, Operation::Put, self.blobs.put(&key, bytes))
            .await?;
        self.sealed.insert(digest, cached).await;
        Ok(digest)
    }

    /// The plaintext that `binding` names, whose blob has the digest `expected` in the credential's row.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when it cannot be told; [`VaultError::Missing`],
    /// [`VaultError::Tampered`], [`VaultError::WrongContext`] or [`VaultError::Malformed`] when the
    /// reference must not be used.
    pub async fn open(
        &self,
        wrapped: &WrappedKey,
        binding: &Binding<'_>,
        expected: &[u8; 32],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (sealed, key) = tokio::try_join!(
            self.fetch(binding.blob_key(*expected)),
            self.data_key(wrapped, KeyOwner::Subject(binding.subject)),
        )?;
        seal::open(&key, &binding.authenticated_bytes(self.deployment), &sealed)
    }

    /// Removes the blob that `binding` and `digest` name; none there is no error.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn remove(&self, binding: &Binding<'_>, digest: &[u8; 32]) -> Result<(), VaultError> {
        self.remove_blob(&binding.blob_key(*digest)).await
    }

    /// Removes the blob of that name, for a caller that knows the row but not the whole binding.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn remove_blob(&self, key: &BlobKey) -> Result<(), VaultError> {
        self.sealed.invalidate(&key.digest).await;
        self.call(Part::Blobs, Operation::Delete, self.blobs.delete(key))
            .await
    }

    /// Drops the unwrapped copy of an erased key from memory at once.
    pub async fn forget(&self, wrapped: &WrappedKey, owner: KeyOwner) {
        let context = self.context(owner);
        self.data_keys
            .invalidate(&cache_key(wrapped, &context))
            .await;
    }

    /// Whether both parts can be reached and used; the error names the part.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn check(&self) -> Result<(), VaultError> {
        tokio::try_join!(
            self.call(Part::KeyWrap, Operation::Check, self.key_wrap.check()),
            self.call(Part::Blobs, Operation::Check, self.blobs.check()),
        )?;
        Ok(())
    }

    /// The name of the key-encryption key, for operators.
    pub fn key_id(&self) -> &str {
        self.key_wrap.key_id()
    }

    async fn new_key(&self, owner: KeyOwner) -> Result<WrappedKey, VaultError> {
        let context = self.context(owner);
        let generate = self.key_wrap.generate(&context);
        let (key, wrapped) = self
            .call(Part::KeyWrap, Operation::Generate, generate)
            .await?;
        // An enrolment seals at once: the key that was just made is not fetched again.
        self.data_keys
            .insert(cache_key(&wrapped, &context), Arc::new(key))
            .await;
        Ok(wrapped)
    }

    async fn data_key(
        &self,
        wrapped: &WrappedKey,
        owner: KeyOwner,
    ) -> Result<Arc<DataKey>, VaultError> {
        let context = self.context(owner);
        let unwrap = async {
            let unwrap = self.key_wrap.unwrap(wrapped, &context);
            let key = self.call(Part::KeyWrap, Operation::Unwrap, unwrap).await?;
            Ok(Arc::new(key))
        };
        self.data_keys
            .try_get_with(cache_key(wrapped, &context), unwrap)
            .await
            .map_err(|shared: Arc<VaultError>| (*shared).clone())
    }

    async fn fetch(&self, key: BlobKey) -> Result<Arc<Vec<u8>>, VaultError> {
        let fetch = async {
            let blob = self
                .call(Part::Blobs, Operation::Get, self.blobs.get(&key))
                .await?
                .ok_or(VaultError::Missing)?;
            if digest_of(&blob) != key.digest {
                return Err(VaultError::Tampered);
            }
            Ok(Arc::new(blob))
        };
        self.sealed
            .try_get_with(key.digest, fetch)
            .await
            .map_err(|shared: Arc<VaultError>| (*shared).clone())
    }

    /// Bounds `work` in time and tells the observer how it ended.
    async fn call<T>(
        &self,
        part: Part,
        operation: Operation,
        work: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, VaultError> {
        let begun = Instant::now();
        let result = tokio::time::timeout(self.deadline, work)
            .await
            .unwrap_or_else(|_| Err(VaultError::timed_out(part, self.deadline)));
        self.observer
            .on_call(part, operation, Outcome::of(&result), begun.elapsed());
        result
    }

    fn context(&self, owner: KeyOwner) -> EncryptionContext {
        EncryptionContext {
            deployment: self.deployment,
            owner,
        }
    }
}

/// The context is part of the key: a data key unwrapped for one owner is never handed to another.
fn cache_key(wrapped: &WrappedKey, context: &EncryptionContext) -> [u8; 32] {
    let mut fields = Fields::new("whorl data key cache 1");
    fields.push(&wrapped.0).push(&context.authenticated_bytes());
    digest_of(&fields.into_bytes())
}
