//! What a client registered about its requests, its logins, its subjects and its tokens.

use super::web_uri::WebUri;
use serde::{Deserialize, Serialize};

use super::algorithms::{Encryption, JwsAlg};
use super::registered::registered;

registered! {
    /// Whether two clients see the same subject under one name (OIDC Core §8).
    pub enum SubjectType {
        /// The same name everywhere.
        Public = "public",
        /// A name for each sector.
        Pairwise = "pairwise",
    }
}

/// How this client's subjects are named (OIDC Core §8.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectSettings {
    /// `subject_type`.
    pub subject_type: SubjectType,
    /// `sector_identifier_uri`: a document with every redirect URI of the sector.
    pub sector_identifier_uri: Option<WebUri>,
}

impl Default for SubjectSettings {
    fn default() -> Self {
        Self {
            subject_type: SubjectType::Public,
            sector_identifier_uri: None,
        }
    }
}

/// How requests come (OIDC Dynamic Client Registration §2, RFC 9101 §10.5, RFC 9126 §6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestSettings {
    /// `request_object_signing_alg`: any that is served where absent.
    pub object_alg: Option<JwsAlg>,
    /// `request_object_encryption_alg` and `_enc`.
    pub object_encryption: Option<Encryption>,
    /// `request_uris`: what `request_uri` may name.
    pub uris: Vec<WebUri>,
    /// `require_signed_request_object` (RFC 9101 §10.5).
    pub signed_required: bool,
    /// `require_pushed_authorization_requests` (RFC 9126 §6).
    pub pushed_required: bool,
    /// `authorization_details_types` (RFC 9396 §10).
    pub authorization_details_types: Vec<String>,
}

/// What holds for a login where the request does not say (OIDC Dynamic Client Registration §2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginSettings {
    /// `default_max_age`, seconds.
    pub default_max_age: Option<u32>,
    /// `require_auth_time`.
    pub require_auth_time: bool,
    /// `initiate_login_uri` (OIDC Core §4).
    pub initiate_login_uri: Option<WebUri>,
}

/// What access tokens are bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenBinding {
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2).
    pub dpop: bool,
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 §3.4).
    pub tls_certificate: bool,
}
