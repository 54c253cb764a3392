//! The signing keys of the provider: what a key is, how it signs, and where to find the rest.
//!
//! A [`SigningKey`] is data, one SQL row; a [`Signer`] is the power to use it, here or in a key service.
//! [`rotation`] decides purely what happens to which key when, [`KeyHolder`] makes and opens keys,
//! [`Ring`] is one replica's view of all of them, and [`jws`] signs and verifies our own tokens.

pub mod certificate;
pub mod ecdsa_der;
pub mod encryption;
mod holder;
pub mod jwe;
pub mod jwk;
pub mod jws;
mod local;
mod ring;
pub mod rotation;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, jwk::Jwk};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::{
    holder::{Adopted, KeyHolder, RemoteKeys},
    local::LocalSigner,
    ring::{Ring, Verifying},
    rotation::{Action, RotationPolicy, rotate},
};
use crate::vault::VaultError;

/// The signature algorithms that we sign with (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SigningAlg {
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, which every relying party knows (OIDC Core §15.1).
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlg {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The registered `alg` value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn jose(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not of an algorithm that we sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a signature algorithm of this provider")]
pub struct UnknownSigningAlg(pub String);

impl FromStr for SigningAlg {
    type Err = UnknownSigningAlg;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|alg| alg.name() == name)
            .ok_or_else(|| UnknownSigningAlg(name.to_owned()))
    }
}

/// A key's identifier: its RFC 7638 thumbprint, so that the same key never has two names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kid(pub String);

impl Kid {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, so that relying parties know it before it signs.
    Next,
    /// Signs.
    Active {
        /// Since when.
        since: OffsetDateTime,
    },
    /// Signs no more; published while signatures of it may still have to be verified.
    Retired {
        /// Since when.
        since: OffsetDateTime,
        /// From when on it is neither published nor accepted.
        until: OffsetDateTime,
    },
}

/// Where the private part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// PKCS#8, sealed by the vault under the deployment's data key.
    Sealed(Vec<u8>),
    /// In a key service, under this name; it never leaves it.
    Remote(String),
}

/// One signing key, as its SQL row holds it. The public part is plain, the private part never is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The thumbprint of the public part.
    pub kid: Kid,
    /// What it signs with; a key has one algorithm (RFC 8725 §3.1).
    pub alg: SigningAlg,
    /// Where it stands in its life.
    pub state: KeyState,
    /// When it was made, and first published.
    pub created_at: OffsetDateTime,
    /// The public part, with `kid`, `alg` and `use`.
    pub public_jwk: Jwk,
    /// Where the private part is.
    pub source: KeySource,
}

impl SigningKey {
    /// Whether relying parties may see it, and we accept its signatures, at `now`.
    pub fn is_published(&self, now: OffsetDateTime) -> bool {
        match self.state {
            KeyState::Next | KeyState::Active { .. } => true,
            KeyState::Retired { until, .. } => now < until,
        }
    }
}

/// The power to sign with one key.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The key's identifier.
    fn kid(&self) -> &Kid;

    /// The key's algorithm.
    fn alg(&self) -> SigningAlg;

    /// The public part, with `kid`, `alg` and `use`.
    fn public_jwk(&self) -> &Jwk;

    /// The signature of `message`, as a JWS carries it (RFC 7518 §3.4: r and s side by side for ES256).
    ///
    /// # Errors
    /// [`KeyError::Vault`] with [`VaultError::Unavailable`] when the key service is down.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// What can go wrong with a signing key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The vault, or the key service, refused or is down.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No key signs with that algorithm.
    #[error("there is no active {0} key")]
    NoActiveKey(SigningAlg),
    /// The private part is not a key of the algorithm that its row names.
    #[error("the private part of key {0} is not usable")]
    Unusable(Kid),
    /// The private part belongs to another public key than the row's.
    #[error("the private part of key {0} belongs to another key")]
    Mismatch(Kid),
    /// The public part cannot be read as a key of the algorithm.
    #[error("not a public key for {0}")]
    PublicKey(SigningAlg),
    /// The key is in a key service, and none is configured.
    #[error("key {0} is held by a key service, and none is configured")]
    NoKeyService(Kid),
    /// A key could not be made.
    #[error("making a {0} key failed")]
    Generate(SigningAlg),
}

impl KeyError {
    /// Whether the same call may succeed later, so that the answer is 503.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Vault(error) => error.is_unavailable(),
            Self::NoActiveKey(_)
            | Self::Unusable(_)
            | Self::Mismatch(_)
            | Self::PublicKey(_)
            | Self::NoKeyService(_)
            | Self::Generate(_) => false,
        }
    }
}
