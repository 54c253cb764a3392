//! Tokens: minted for what was granted, verified when they come back, under keys that rotate.
//!
//! [`mint`] turns an issuance into the token response, `front` makes what comes back by way of the browser, [`verify`] reads our own tokens again, and
//! [`keyring`] keeps the signing keys in step with the store. What a token says is decided in `oidc`.

pub mod access;
mod external;
mod front;
pub mod keyring;
pub mod mint;
pub mod opaque;
mod protect;
pub mod verify;

use std::sync::Arc;

use time::Duration;

use crate::encryption_ring::EncryptionRing;
use crate::keys::{KeyError, jws::SignError};
use crate::oidc::client::{Client, JwsAlg};
use crate::oidc::provider::Issuer;
use crate::oidc::resource::Resources;
use crate::oidc::signing_alg::{HalfHash, SigningAlg};
use crate::oidc::subject::PairwiseKey;
use crate::outbound::KeySets;
use crate::store::{Store, StoreError};
use crate::vault::{OwnSecrets, VaultError};

pub use keyring::Keyring;
pub use opaque::OpaqueTokens;
pub use protect::Userinfo;

/// Mints and verifies.
pub struct Tokens {
    pub issuer: Issuer,
    pub keyring: Arc<Keyring>,
    pub store: Store,
    pub lifetimes: crate::oidc::grant::Lifetimes,
    /// The algorithm of access tokens, which no client chooses.
    pub access_token_alg: SigningAlg,
    /// The protected resources, some of which decide what their tokens look like.
    pub resources: Resources,
    pub opaque: OpaqueTokens,
    /// What pairwise identifiers are made with.
    pub pairwise: PairwiseKey,
    /// Our own keys to be encrypted to.
    pub encryption: Arc<EncryptionRing>,
    /// Opens what is kept sealed, such as the secrets that clients sign with.
    pub secrets: Arc<OwnSecrets>,
    /// The keys of clients.
    pub key_sets: Arc<KeySets>,
}

/// Why no token was issued although it should have been.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error("the token could not be signed")]
    Sign(#[from] SignError),
    #[error("the signing keys are not available")]
    Keys(#[from] KeyError),
    #[error("ID tokens are not signed with {0} here")]
    Algorithm(JwsAlg),
    #[error("the client has no key for what it registered")]
    ClientKey,
    #[error("the vault is not available")]
    Vault(#[from] VaultError),
    #[error("the database is not available")]
    Store(#[from] StoreError),
}

impl TokensError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Sign(SignError::Key(error)) | Self::Keys(error) => error.is_unavailable(),
            Self::Sign(SignError::Claims(_)) | Self::Algorithm(_) | Self::ClientKey => false,
            Self::Vault(error) => error.is_unavailable(),
            Self::Store(_) => true,
        }
    }
}

/// The hash that binds what comes along with a client's ID tokens (OIDC Core §3.1.3.6): that of their algorithm, which
/// for Ed25519 is SHA-512.
fn half_hash(client: &Client) -> Result<HalfHash, TokensError> {
    match client.id_token_alg {
        JwsAlg::Hs256 | JwsAlg::Rs256 | JwsAlg::Es256 => Ok(HalfHash::Sha256),
        JwsAlg::Hs384 => Ok(HalfHash::Sha384),
        JwsAlg::Hs512 | JwsAlg::EdDsa => Ok(HalfHash::Sha512),
        alg @ (JwsAlg::None
        | JwsAlg::Rs384
        | JwsAlg::Rs512
        | JwsAlg::Ps256
        | JwsAlg::Ps384
        | JwsAlg::Ps512
        | JwsAlg::Es384) => Err(TokensError::Algorithm(alg)),
    }
}

impl From<SigningAlg> for crate::keys::SigningAlg {
    fn from(alg: SigningAlg) -> Self {
        match alg {
            SigningAlg::Es256 => Self::Es256,
            SigningAlg::Rs256 => Self::Rs256,
            SigningAlg::EdDsa => Self::EdDsa,
        }
    }
}

/// How far the clocks of two replicas may disagree.
const LEEWAY: Duration = Duration::seconds(5);
