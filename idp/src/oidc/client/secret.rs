//! What is kept of a client's secret: a digest, or, where the secret itself keys an HMAC, the sealed secret.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// SHA-256 of a client secret.
///
/// The secret is 256 random bits of our own making, so that a plain hash of it cannot be searched.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of a secret.
    pub fn of(secret: &SecretString) -> Self {
        let mut bytes = [0; 32];
        let digest = digest::digest(&digest::SHA256, secret.expose_secret().as_bytes());
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// A stored digest.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the digests are equal, in constant time.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

/// A client secret sealed by the vault: `client_secret_jwt` and the HMAC algorithms need the secret itself
/// (OIDC Core §9, §10.1).
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SealedSecret(Vec<u8>);

impl SealedSecret {
    /// The purpose that the vault binds the sealed bytes to; the client's identifier is the row.
    pub const PURPOSE: &'static str = "client_secret";

    /// What the vault sealed.
    pub fn new(sealed: Vec<u8>) -> Self {
        Self(sealed)
    }

    /// The sealed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret")
    }
}

impl TryFrom<String> for SealedSecret {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD_NO_PAD.decode(text).map(Self)
    }
}

impl From<SealedSecret> for String {
    fn from(sealed: SealedSecret) -> Self {
        STANDARD_NO_PAD.encode(sealed.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_digest_is_not_printed() {
        let digest = SecretDigest::of(&"secret".into());
        assert_eq!(format!("{digest:?}"), "SecretDigest");
        assert!(digest.ct_eq(&SecretDigest::of(&"secret".into())));
        assert!(!digest.ct_eq(&SecretDigest::of(&"Secret".into())));
    }

    #[test]
    fn a_sealed_secret_is_read_as_it_was_written() {
        let sealed = SealedSecret::new(vec![0, 1, 254, 255]);
        let json = serde_json::to_string(&sealed).unwrap();
        let read: SealedSecret = serde_json::from_str(&json).unwrap();
        assert_eq!(read.as_bytes(), sealed.as_bytes());
        assert_eq!(format!("{read:?}"), "SealedSecret");
    }
}
