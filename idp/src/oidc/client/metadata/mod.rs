//! Client metadata as JSON: what comes in is read strictly into a [`Client`], and a [`Client`] is written
//! back as what it is (RFC 7591 §2, §3.2.1; OIDC Dynamic Client Registration §2).
//!
//! A stranger's registration, a table of the configuration and an operator's request are read by the same
//! parser. What differs is in [`Rules`]: only an operator may set the switches of
//! [`ClientProfile`](super::ClientProfile), and only an operator is told of a field that does not exist,
//! since a stranger's unknown fields must be ignored (RFC 7591 §2).

mod credentials;
mod parse;
mod protections;
mod read;
mod write;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use thiserror::Error;

use super::registered::registered;
use super::{Client, ClientError, ClientId, JwsAlg, KeySetError};
use crate::oidc::mtls::Mtls;
use crate::oidc::redirect_uri::RedirectUriError;
use crate::oidc::scope::Scopes;
use crate::oidc::signing_alg::SigningAlg;

pub use read::{Problem, is_invisible};

/// The fields of a registration.
pub type Fields = Map<String, Value>;

/// Who registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Anybody who can reach the registration endpoint.
    Stranger,
    /// An operator: in the configuration, on the command line or through the admin API.
    Operator,
}

/// What a registration is held to.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// Who registers.
    pub by: By,
    /// The scopes of a registration that names none; a stranger gets none beyond them.
    pub scopes: &'a Scopes,
    /// The algorithms that there is a signing key for.
    pub signing_algs: &'a [SigningAlg],
    /// What signs ID tokens where the registration does not say.
    pub id_token_alg: JwsAlg,
    /// Whether loopback redirect URIs are open to every kind of client, by http and by https.
    pub loopback_redirects: bool,
    /// Whether a confidential client may leave PKCE out where it does not say otherwise.
    pub pkce_optional: bool,
    /// How clients can show certificates here.
    pub mtls: Option<&'a Mtls>,
}

registered! {
    /// The registered error codes of a registration (RFC 7591 §3.2.2).
    pub enum RegistrationErrorCode {
        /// A redirect URI is missing or not acceptable.
        InvalidRedirectUri = "invalid_redirect_uri",
        /// Another field is not acceptable.
        InvalidClientMetadata = "invalid_client_metadata",
        /// The software statement is not valid.
        InvalidSoftwareStatement = "invalid_software_statement",
        /// The software statement is of somebody who is not trusted.
        UnapprovedSoftwareStatement = "unapproved_software_statement",
    }
}

/// Why metadata is refused. It names fields and rules, and never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// One field is not acceptable by itself.
    #[error("{field}: {problem}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is wrong.
        problem: Problem,
    },
    /// An operator named a field that does not exist.
    #[error("{0} is not a field of a client")]
    Unknown(String),
    /// The key set is not acceptable.
    #[error("jwks: {0}")]
    Keys(#[from] KeySetError),
    /// The fields do not fit each other.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl MetadataError {
    /// The registered code (RFC 7591 §3.2.2).
    pub fn code(&self) -> RegistrationErrorCode {
        match self {
            Self::Field {
                field: "redirect_uris",
                ..
            }
            | Self::Client(ClientError::RedirectUri { .. } | ClientError::RedirectUriMissing) => {
                RegistrationErrorCode::InvalidRedirectUri
            }
            Self::Field { .. } | Self::Unknown(_) | Self::Keys(_) | Self::Client(_) => {
                RegistrationErrorCode::InvalidClientMetadata
            }
        }
    }

    /// The text for a developer: with the cause, where one is behind it.
    pub fn description(&self) -> String {
        match self {
            Self::Client(
                error @ (ClientError::RedirectUri { source, .. }
                | ClientError::PostLogoutRedirectUri { source, .. }),
            ) => explained(error, *source),
            other => other.to_string(),
        }
    }
}

fn explained(error: &ClientError, source: RedirectUriError) -> String {
    format!("{error}: {source}")
}

impl Client {
    /// Reads a registration. The client has no secret yet: [`Client::needs_secret`] says whether it is to
    /// get one, after which [`Client::check`] has to be asked.
    ///
    /// # Errors
    /// [`MetadataError`], with the registered code.
    pub fn from_metadata(
        id: ClientId,
        fields: &Fields,
        rules: &Rules<'_>,
    ) -> Result<Self, MetadataError> {
        parse::client(id, fields, rules)
    }

    /// The registration as JSON: every field that has a value, defaults filled in (RFC 7591 §3.2.1).
    pub fn to_metadata(&self) -> Fields {
        write::fields(self)
    }
}

/// Reads a list that an older row may have as one value or as none.
pub(super) fn none_one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Many(Vec<T>),
        One(T),
    }
    let found: Option<Either<T>> = Option::deserialize(deserializer)?;
    Ok(match found {
        None => Vec::new(),
        Some(Either::One(one)) => vec![one],
        Some(Either::Many(many)) => many,
    })
}

#[cfg(test)]
mod tests;
