//! Fetches from addresses that others named: clients' keys, request objects, logout endpoints, metadata.
//!
//! Whoever can name an address could make this server ask inside its own network. So every fetch goes
//! through one guard: the URL is read strictly ([`target`]), its name is resolved here, every resolved
//! address must be a public one ([`address`]), and the connection goes to one of these very addresses, so
//! that a second answer of the name server changes nothing. No redirects, no proxy, a bound on size and on
//! time ([`client`]). What is fetched is data for the pure functions of `oidc`; callers hold a
//! [`Fetch`], which a test can stand in for.

pub mod address;
mod client;
mod key_sets;
mod target;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use thiserror::Error;

pub use client::{Outbound, OutboundSettings, SettingsError};
pub use key_sets::KeySets;
pub use target::{Target, TargetError};

/// What is sent.
pub struct Send<'a> {
    /// Where to: as it was registered.
    pub url: &'a str,
    /// What is wanted back.
    pub accept: &'static str,
    /// The bearer token to present.
    pub bearer: Option<&'a SecretString>,
    /// The body of a POST, and its type; a GET without.
    pub body: Option<(&'static str, SecretString)>,
}

impl<'a> Send<'a> {
    /// A GET.
    #[must_use]
    pub fn get(url: &'a str, accept: &'static str) -> Self {
        Self {
            url,
            accept,
            bearer: None,
            body: None,
        }
    }

    /// A POST of a body that may hold tokens.
    #[must_use]
    pub fn post(url: &'a str, content_type: &'static str, body: SecretString) -> Self {
        Self {
            body: Some((content_type, body)),
            ..Self::get(url, "*/*")
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type, lower-case and without its parameters; empty where there was none.
    pub media_type: String,
    /// How long it may be kept, in seconds, where it says (RFC 9111 §5.2.2.1).
    pub max_age: Option<u32>,
    /// The body, within the bound.
    pub body: Bytes,
}

impl Answer {
    /// The body of a plain success.
    ///
    /// # Errors
    /// [`OutboundError::Status`] for every other status; redirects are among them.
    pub fn ok(self) -> Result<Bytes, OutboundError> {
        match self.status {
            200 => Ok(self.body),
            status => Err(OutboundError::Status(status)),
        }
    }
}

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OutboundError {
    /// The URL itself is refused.
    #[error("the URL is refused: {0}")]
    Target(#[from] TargetError),
    /// The name has no address.
    #[error("the host's name has no address")]
    Unresolved,
    /// One of the name's addresses is not public.
    #[error("the host has an address that is not public")]
    NotPublic,
    /// No connection, no TLS, or an answer that breaks off.
    #[error("the host could not be reached")]
    Unreachable,
    /// The answer took too long.
    #[error("the host took too long")]
    TimedOut,
    /// The answer is too large.
    #[error("the host's answer is too large")]
    TooLarge,
    /// Not the status that was wanted.
    #[error("the host answered {0}")]
    Status(u16),
    /// The document is not what it should be.
    #[error("the host's document cannot be used")]
    Document,
}

/// The power to fetch.
#[async_trait]
pub trait Fetch: std::marker::Send + Sync {
    /// Sends one request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// [`OutboundError`] where the guard refuses, or there is no answer within the bounds.
    async fn send(&self, request: Send<'_>) -> Result<Answer, OutboundError>;

    /// Fetches a document.
    ///
    /// # Errors
    /// As [`Fetch::send`], and every status but 200.
    async fn get(&self, url: &str, accept: &'static str) -> Result<Bytes, OutboundError> {
        self.send(Send::get(url, accept)).await?.ok()
    }
}
