//! The store of sealed blobs: a seam with a directory on one side and an object store on the other.

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use super::VaultError;

/// The name of one sealed blob, made of identifiers only.
///
/// Each version has a name of its own, so that a crash between the blob and its row never loses the
/// blob that the row still names. The digest is part of the name, so that two who refresh the same
/// template at once do not overwrite each other: whoever loses in SQL removes only what is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobKey {
    /// The subject.
    pub subject: Uuid,
    /// The credential.
    pub credential: Uuid,
    /// The version of its template.
    pub version: u64,
    /// SHA-256 of the blob.
    pub digest: [u8; 32],
}

impl fmt::Display for BlobKey {
    /// `{subject}/{credential}/{version}-{digest in hexadecimal}`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}-{}",
            self.subject,
            self.credential,
            self.version,
            hex::encode(self.digest)
        )
    }
}

/// A store of sealed blobs. It is trusted with nothing: what it returns is verified.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Keeps `sealed` durably under `key`. Putting the same blob twice is putting it once.
    async fn put(&self, key: &BlobKey, sealed: Vec<u8>) -> Result<(), VaultError>;

    /// The blob under `key`, or none. An answer larger than the vault writes is refused unread.
    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, VaultError>;

    /// Removes the blob under `key`; none there is no error.
    async fn delete(&self, key: &BlobKey) -> Result<(), VaultError>;

    /// Whether the store can be reached and used.
    async fn check(&self) -> Result<(), VaultError>;
}
