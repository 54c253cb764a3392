//! How a client authenticates (OIDC Core §9, RFC 8705 §2), and what its certificate must say.

use serde::{Deserialize, Serialize};

use super::registered::registered;

registered! {
    /// How the client authenticates at the token endpoint (OIDC Core §9, RFC 8705 §2).
    pub enum TokenEndpointAuthMethod {
        /// A public client: it has no secret.
        None = "none",
        /// The secret in the Authorization header.
        ClientSecretBasic = "client_secret_basic",
        /// The secret in the form.
        ClientSecretPost = "client_secret_post",
        /// An assertion under an HMAC keyed with the secret.
        ClientSecretJwt = "client_secret_jwt",
        /// An assertion signed with the client's own key.
        PrivateKeyJwt = "private_key_jwt",
        /// A certificate of a trusted authority (RFC 8705 §2.1).
        TlsClientAuth = "tls_client_auth",
        /// A certificate over a key that the client registered (RFC 8705 §2.2).
        SelfSignedTlsClientAuth = "self_signed_tls_client_auth",
    }
}

impl TokenEndpointAuthMethod {
    /// Whether the client has a secret of ours.
    pub fn uses_secret(self) -> bool {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt => true,
            Self::None
            | Self::PrivateKeyJwt
            | Self::TlsClientAuth
            | Self::SelfSignedTlsClientAuth => false,
        }
    }

    /// Whether the client authenticates by its TLS certificate.
    pub fn is_tls(self) -> bool {
        match self {
            Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => true,
            Self::None
            | Self::ClientSecretBasic
            | Self::ClientSecretPost
            | Self::ClientSecretJwt
            | Self::PrivateKeyJwt => false,
        }
    }
}

/// What the certificate of a `tls_client_auth` client must say: exactly one of these (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsSubject {
    /// Its subject's distinguished name, in the form of RFC 4514.
    Dn(String),
    /// A dNSName among its alternative names.
    SanDns(String),
    /// A uniformResourceIdentifier among its alternative names.
    SanUri(String),
    /// An iPAddress among its alternative names.
    SanIp(std::net::IpAddr),
    /// An rfc822Name among its alternative names.
    SanEmail(String),
}

impl TlsSubject {
    /// The registered name of the metadata field and its value.
    pub fn field(&self) -> (&'static str, String) {
        match self {
            Self::Dn(name) => ("tls_client_auth_subject_dn", name.clone()),
            Self::SanDns(name) => ("tls_client_auth_san_dns", name.clone()),
            Self::SanUri(uri) => ("tls_client_auth_san_uri", uri.clone()),
            Self::SanIp(address) => ("tls_client_auth_san_ip", address.to_string()),
            Self::SanEmail(address) => ("tls_client_auth_san_email", address.clone()),
        }
    }
}
