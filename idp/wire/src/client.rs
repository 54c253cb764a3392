//! Relying parties as an operator registers and sees them.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ClientId, WireSecret};

/// Whether a client can keep a secret (RFC 6749 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// It can: a web application's server.
    Confidential,
    /// It cannot: a browser or native application.
    Public,
}

impl fmt::Display for ClientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        })
    }
}

/// How a client authenticates at the token endpoint (OIDC Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// Not at all: a public client.
    None,
    /// Its secret in the `Authorization` header.
    ClientSecretBasic,
    /// Its secret in the body.
    ClientSecretPost,
    /// An assertion under an HMAC keyed with its secret.
    ClientSecretJwt,
    /// An assertion signed with its own key.
    PrivateKeyJwt,
    /// A certificate of a trusted authority.
    TlsClientAuth,
    /// A certificate over a key that it registered.
    SelfSignedTlsClientAuth,
}

impl ClientAuthMethod {
    /// The method's registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }
}

impl fmt::Display for ClientAuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A client as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSummary {
    /// The `client_id`.
    pub id: ClientId,
    /// What people see on the consent page.
    pub name: String,
    /// Whether it can keep a secret.
    pub kind: ClientKind,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A client with all its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDetail {
    /// What a list shows; its fields stand beside the others on the wire.
    #[serde(flatten)]
    pub summary: ClientSummary,
    /// How it authenticates at the token endpoint.
    pub auth_method: ClientAuthMethod,
    /// Where an authorization response may go, compared character by character (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// The grant types it may use.
    pub grant_types: Vec<String>,
    /// The whole registration by its registered names (RFC 7591 §2), and the operator's own switches.
    #[serde(default)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// A client to register; the server chooses its `client_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewClient {
    /// What people see on the consent page.
    pub name: String,
    /// Whether it can keep a secret: a confidential one gets one, and `client_secret_basic`.
    pub kind: ClientKind,
    /// Where an authorization response may go; at least one.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// The scopes it may ask for; where there are none, `openid profile email`.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// A client that was just registered, and its secret, told once.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreatedClient {
    /// The client.
    pub client: ClientDetail,
    /// Its secret; absent for a public client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<WireSecret>,
}
