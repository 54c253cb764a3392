//! A client (relying party) as registered, and what a registration must satisfy
//! (RFC 6749 §2, OIDC Dynamic Client Registration §2).

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::acr::Acr;
use super::redirect_uri::{RedirectUri, RedirectUriError};
use super::response_type::ResponseType;
use super::scope::{self, Scopes};
use super::signing_alg::SigningAlg;

/// A client identifier (RFC 6749 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    /// Reads an identifier: 1 to 255 characters of RFC 6749 appendix A.1.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a client identifier")
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

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

/// How the client authenticates at the token endpoint (OIDC Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// A public client: it has no secret.
    None,
    /// The secret in the Authorization header.
    ClientSecretBasic,
    /// The secret in the form.
    ClientSecretPost,
}

impl TokenEndpointAuthMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost];

    /// The registered value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

/// A grant that a client may use (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
}

impl GrantType {
    /// Every grant.
    pub const ALL: [Self; 2] = [Self::AuthorizationCode, Self::RefreshToken];

    /// The registered value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// Where the client runs (OIDC Dynamic Client Registration §2 `application_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a web server, or in a page.
    #[default]
    Web,
    /// On the subject's own device: private schemes and any loopback port are open to it (RFC 8252).
    Native,
}

/// A registered client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// Its name, as people see it.
    pub name: String,
    /// Where it runs.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// The digest of its secret; `None` for a public client.
    pub secret_digest: Option<SecretDigest>,
    /// How it authenticates.
    pub auth_method: TokenEndpointAuthMethod,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where the browser may go after logout.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The grants that it may use.
    pub grant_types: BTreeSet<GrantType>,
    /// What its authorization requests may ask for; a code, where the registration does not say.
    #[serde(default = "code_alone")]
    pub response_types: BTreeSet<ResponseType>,
    /// The scopes that it may ask for.
    pub scopes: Scopes,
    /// What signs its ID tokens.
    #[serde(default)]
    pub id_token_alg: SigningAlg,
    /// Whether an authorization request must have a code challenge (RFC 9700 §2.1.1).
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// The assurance to aim for where a request names none.
    #[serde(default)]
    pub default_acr: Option<Acr>,
    /// A client of the operator's own, for which consent is not asked.
    #[serde(default)]
    pub trusted: bool,
}

/// Why a client may not be registered like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The name is empty, longer than 200 characters, or has control characters.
    #[error("the name must have 1 to 200 printable characters")]
    Name,
    /// A client that uses codes has nowhere to get them.
    #[error("at least one redirect URI is needed")]
    RedirectUriMissing,
    /// A redirect URI cannot be registered.
    #[error("redirect URI {index} cannot be registered")]
    RedirectUri {
        /// Which one, from 0.
        index: usize,
        /// Why.
        #[source]
        source: RedirectUriError,
    },
    /// A post-logout redirect URI cannot be registered.
    #[error("post-logout redirect URI {index} cannot be registered")]
    PostLogoutRedirectUri {
        /// Which one, from 0.
        index: usize,
        /// Why.
        #[source]
        source: RedirectUriError,
    },
    /// A secret method without a secret.
    #[error("a client that authenticates with a secret needs one")]
    SecretMissing,
    /// A public client with a secret.
    #[error("a public client has no secret")]
    SecretUnexpected,
    /// A public client that could leave PKCE out.
    #[error("a public client must use PKCE")]
    PublicWithoutPkce,
    /// Refresh tokens come from codes.
    #[error("the refresh token grant needs the authorization code grant")]
    GrantTypes,
    /// Every client here authenticates subjects.
    #[error("the scopes must include openid")]
    OpenIdMissing,
    /// `offline_access` asks for refresh tokens, which the client may not use.
    #[error("offline_access needs the refresh token grant")]
    OfflineAccessWithoutRefresh,
}

impl Client {
    /// Whether the client has no credentials of its own (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.auth_method == TokenEndpointAuthMethod::None
    }

    /// The registered redirect URI that the presented one is, as it was presented.
    pub fn match_redirect_uri(&self, presented: &str) -> Option<RedirectUri> {
        self.redirect_uris
            .iter()
            .any(|registered| registered.matches(presented, self.application_type))
            .then(|| RedirectUri::new(presented))
    }

    /// Whether the registration holds together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), ClientError> {
        let name_length = self.name.chars().count();
        if !(1..=200).contains(&name_length) || self.name.chars().any(char::is_control) {
            return Err(ClientError::Name);
        }
        self.check_redirect_uris()?;
        match (self.auth_method, &self.secret_digest) {
            (TokenEndpointAuthMethod::None, Some(_)) => return Err(ClientError::SecretUnexpected),
            // RFC 9700 §2.1.1: public clients must use PKCE.
            (TokenEndpointAuthMethod::None, None) if !self.require_pkce => {
                return Err(ClientError::PublicWithoutPkce);
            }
            (
                TokenEndpointAuthMethod::ClientSecretBasic
                | TokenEndpointAuthMethod::ClientSecretPost,
                None,
            ) => return Err(ClientError::SecretMissing),
            (_, _) => {}
        }
        let refreshes = self.grant_types.contains(&GrantType::RefreshToken);
        if refreshes && !self.grant_types.contains(&GrantType::AuthorizationCode) {
            return Err(ClientError::GrantTypes);
        }
        if !self.scopes.contains(scope::OPENID) {
            return Err(ClientError::OpenIdMissing);
        }
        if self.scopes.contains(scope::OFFLINE_ACCESS) && !refreshes {
            return Err(ClientError::OfflineAccessWithoutRefresh);
        }
        Ok(())
    }

    fn check_redirect_uris(&self) -> Result<(), ClientError> {
        let uses_codes = self.grant_types.contains(&GrantType::AuthorizationCode);
        if uses_codes && self.redirect_uris.is_empty() {
            return Err(ClientError::RedirectUriMissing);
        }
        for (index, uri) in self.redirect_uris.iter().enumerate() {
            uri.check(self.application_type)
                .map_err(|source| ClientError::RedirectUri { index, source })?;
        }
        for (index, uri) in self.post_logout_redirect_uris.iter().enumerate() {
            uri.check(self.application_type)
                .map_err(|source| ClientError::PostLogoutRedirectUri { index, source })?;
        }
        Ok(())
    }
}

/// Dynamic Client Registration §2 `response_types`: the default.
pub fn code_alone() -> BTreeSet<ResponseType> {
    BTreeSet::from([ResponseType::Code])
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{confidential_client, public_client};

    #[test]
    fn a_registration_must_hold_together() {
        assert_eq!(confidential_client().check(), Ok(()));
        assert_eq!(public_client().check(), Ok(()));
        type Mutation = fn(&mut Client);
        let table: [(Mutation, ClientError); 12] = [
            (|c| c.name.clear(), ClientError::Name),
            (|c| c.name = "a\u{7}b".into(), ClientError::Name),
            (|c| c.name = "x".repeat(201), ClientError::Name),
            (|c| c.redirect_uris.clear(), ClientError::RedirectUriMissing),
            (
                |c| {
                    c.redirect_uris
                        .push(RedirectUri::new("http://app.example/"))
                },
                ClientError::RedirectUri {
                    index: 1,
                    source: RedirectUriError::Insecure,
                },
            ),
            (
                |c| c.post_logout_redirect_uris = vec![RedirectUri::new("/x")],
                ClientError::PostLogoutRedirectUri {
                    index: 0,
                    source: RedirectUriError::NotAbsolute,
                },
            ),
            (|c| c.secret_digest = None, ClientError::SecretMissing),
            (
                |c| c.auth_method = TokenEndpointAuthMethod::None,
                ClientError::SecretUnexpected,
            ),
            (
                |c| {
                    c.auth_method = TokenEndpointAuthMethod::None;
                    c.secret_digest = None;
                    c.require_pkce = false;
                },
                ClientError::PublicWithoutPkce,
            ),
            (
                |c| {
                    c.grant_types.remove(&GrantType::AuthorizationCode);
                },
                ClientError::GrantTypes,
            ),
            (
                |c| c.scopes = Scopes::parse("profile").unwrap(),
                ClientError::OpenIdMissing,
            ),
            (
                |c| {
                    c.grant_types.remove(&GrantType::RefreshToken);
                },
                ClientError::OfflineAccessWithoutRefresh,
            ),
        ];
        for (mutate, expected) in table {
            let mut client = confidential_client();
            mutate(&mut client);
            assert_eq!(client.check(), Err(expected));
        }
    }

    #[test]
    fn a_secret_digest_is_not_printed() {
        let digest = SecretDigest::of(&"secret".into());
        assert_eq!(format!("{digest:?}"), "SecretDigest");
        assert!(digest.ct_eq(&SecretDigest::of(&"secret".into())));
        assert!(!digest.ct_eq(&SecretDigest::of(&"Secret".into())));
    }

    #[test]
    fn a_client_is_read_as_it_was_written() {
        let json = serde_json::to_string(&confidential_client()).unwrap();
        let client: Client = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&client).unwrap(), json);
    }
}
