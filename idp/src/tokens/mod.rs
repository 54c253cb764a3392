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
pub mod verify;

use std::sync::Arc;

use time::Duration;

use crate::keys::{KeyError, jws::SignError};
use crate::oidc::client::{Client, JwsAlg};
use crate::oidc::provider::Issuer;
use crate::oidc::resource::Resources;
use crate::oidc::signing_alg::SigningAlg;
use crate::store::{Store, StoreError};

pub use keyring::Keyring;
pub use opaque::OpaqueTokens;

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
    #[error("the database is not available")]
    Store(#[from] StoreError),
}

impl TokensError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Sign(SignError::Key(error)) | Self::Keys(error) => error.is_unavailable(),
            Self::Sign(SignError::Claims(_)) | Self::Algorithm(_) => false,
            Self::Store(_) => true,
        }
    }
}

/// The key algorithm of a client's ID tokens.
fn id_token_alg(client: &Client) -> Result<SigningAlg, TokensError> {
    let alg = client.id_token_alg;
    alg.signing().ok_or(TokensError::Algorithm(alg))
}

/// The key algorithm of authorization responses that are JWTs (JARM §3): the ID tokens' where the client
/// registered none.
fn answer_alg(client: &Client) -> Result<SigningAlg, TokensError> {
    let alg = client.authorization_response.signed;
    let alg = alg.unwrap_or(client.id_token_alg);
    alg.signing().ok_or(TokensError::Algorithm(alg))
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
