//! A data key, its wrapped form, and the seam behind which a key service wraps it.
//!
//! One data key belongs to one subject (or to the deployment itself). Its wrapped form is kept in the
//! owner's SQL row and nowhere else, so that deleting that row erases everything sealed under it.

use async_trait::async_trait;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{VaultError, binding::Fields};

/// A plain AES-256 key in memory, wiped when it is dropped.
pub struct DataKey(Zeroizing<[u8; DATA_KEY_BYTES]>);

impl DataKey {
    /// The key made of `bytes`.
    pub fn new(bytes: Zeroizing<[u8; DATA_KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    /// The key in `bytes`, if they are as many as a key has.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
        if bytes.len() != DATA_KEY_BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// A fresh random key.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] where the system's generator fails.
    pub fn random() -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| VaultError::Cipher)?;
        Ok(Self(key))
    }

    pub(crate) fn bytes(&self) -> &[u8; DATA_KEY_BYTES] {
        &self.0
    }
}

/// A data key as the key service wrapped it; opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey(pub Vec<u8>);

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    /// The deployment itself: signing keys and other secrets of the provider.
    Deployment,
    /// One subject, by internal identifier.
    Subject(Uuid),
}

/// The names under which a data key is wrapped: without the very same names it is not unwrapped.
///
/// Key services write these to their logs, so they hold internal identifiers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncryptionContext {
    /// The deployment.
    pub deployment: Uuid,
    /// The owner of the key.
    pub owner: KeyOwner,
}

impl EncryptionContext {
    /// The context as the pairs that a key service takes.
    pub fn pairs(&self) -> [(&'static str, String); 2] {
        let owner = match self.owner {
            KeyOwner::Deployment => ("whorl:owner", "deployment".to_owned()),
            KeyOwner::Subject(subject) => ("whorl:subject", subject.to_string()),
        };
        [("whorl:deployment", self.deployment.to_string()), owner]
    }

    /// The context as additional authenticated data, for wrapping without a key service.
    pub fn authenticated_bytes(&self) -> Vec<u8> {
        let mut fields = Fields::new("whorl encryption context 1");
        for (name, value) in self.pairs() {
            fields.push(name.as_bytes()).push(value.as_bytes());
        }
        fields.into_bytes()
    }
}

/// A key service: makes data keys and unwraps them, and keeps the key-encryption key to itself.
///
/// Implementations answer [`VaultError::Unavailable`] when they cannot tell, and
/// [`VaultError::WrongContext`] when the wrapped key is not theirs or was wrapped under other names.
#[async_trait]
pub trait KeyWrap: Send + Sync {
    /// A fresh data key, plain and wrapped under `context`.
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), VaultError>;

    /// The data key in `wrapped`.
    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<DataKey, VaultError>;

    /// Whether the service can be reached and the key-encryption key used.
    async fn check(&self) -> Result<(), VaultError>;

    /// The name of the key-encryption key, for operators.
    fn key_id(&self) -> &str;
}

/// The length of an AES-256 key.
pub const DATA_KEY_BYTES: usize = 32;
