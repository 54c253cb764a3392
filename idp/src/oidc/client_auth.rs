//! Client authentication at the token and revocation endpoints (RFC 6749 §2.3, OIDC Core §9).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::form_urlencoded;

use super::client::{Client, ClientId, SecretDigest, TokenEndpointAuthMethod};
use super::error::{TokenError, TokenErrorCode};
use super::parameters::Parameters;

/// What a request presents to authenticate its client. It may hold a secret, and is not printed.
pub enum Presented {
    /// `client_id` alone.
    None {
        /// Who it says it is.
        client_id: ClientId,
    },
    /// HTTP Basic.
    Basic {
        /// Who it says it is.
        client_id: ClientId,
        /// Its secret.
        secret: SecretString,
    },
    /// `client_id` and `client_secret` in the form.
    Post {
        /// Who it says it is.
        client_id: ClientId,
        /// Its secret.
        secret: SecretString,
    },
}

/// Why a client was not authenticated, for the log and the audit; the client learns less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientAuthRefusal {
    /// More than one method at once (RFC 6749 §2.3).
    #[error("more than one client authentication method")]
    SeveralMethods,
    /// The header and the form name different clients.
    #[error("the header and the form name different clients")]
    ClientIdMismatch,
    /// A parameter came more than once.
    #[error("a parameter is repeated")]
    ParameterRepeated,
    /// No client is named.
    #[error("no client is named")]
    Missing,
    /// The header or the identifier cannot be read.
    #[error("the client authentication cannot be read")]
    Malformed,
    /// A method that is not served: an assertion, or another scheme in the header.
    #[error("the client authentication method is not supported")]
    MethodUnsupported,
    /// No such client.
    #[error("the client is unknown")]
    ClientUnknown,
    /// Not the method that the client registered, or none where it has one.
    #[error("not the client's registered authentication method")]
    MethodMismatch,
    /// Not the client's secret.
    #[error("the client secret is wrong")]
    SecretMismatch,
}

impl From<ClientAuthRefusal> for TokenError {
    fn from(refusal: ClientAuthRefusal) -> Self {
        match refusal {
            // RFC 6749 §5.2 `invalid_request`: "utilizes more than one mechanism for authenticating the client".
            ClientAuthRefusal::SeveralMethods => Self::new(
                TokenErrorCode::InvalidRequest,
                "more than one client authentication method",
            ),
            ClientAuthRefusal::ClientIdMismatch => Self::new(
                TokenErrorCode::InvalidRequest,
                "the header and the form name different clients",
            ),
            ClientAuthRefusal::ParameterRepeated => {
                Self::new(TokenErrorCode::InvalidRequest, "a parameter is repeated")
            }
            // The rest look the same, so that nobody learns which clients exist.
            ClientAuthRefusal::Missing
            | ClientAuthRefusal::Malformed
            | ClientAuthRefusal::MethodUnsupported
            | ClientAuthRefusal::ClientUnknown
            | ClientAuthRefusal::MethodMismatch
            | ClientAuthRefusal::SecretMismatch => Self::new(
                TokenErrorCode::InvalidClient,
                "the client could not be authenticated",
            ),
        }
    }
}

impl Presented {
    /// Reads what the request presents: the Authorization header's value, and the form.
    ///
    /// # Errors
    /// When it presents nothing, something that cannot be read, or two things at once.
    pub fn parse(
        authorization: Option<&str>,
        form: &Parameters,
    ) -> Result<Self, ClientAuthRefusal> {
        if form.repeated() {
            return Err(ClientAuthRefusal::ParameterRepeated);
        }
        let assertion = ["client_assertion", "client_assertion_type"]
            .iter()
            .any(|name| form.get(name).is_some());
        let secret = form.secret("client_secret");
        let methods = [authorization.is_some(), assertion, secret.is_some()];
        if methods.iter().filter(|it| **it).count() > 1 {
            return Err(ClientAuthRefusal::SeveralMethods);
        }
        if assertion {
            return Err(ClientAuthRefusal::MethodUnsupported);
        }
        let named = match form.get("client_id") {
            Some(text) => Some(ClientId::parse(text).ok_or(ClientAuthRefusal::Malformed)?),
            None => None,
        };
        if let Some(header) = authorization {
            let (client_id, secret) = basic(header)?;
            // RFC 6749 §3.2.1 lets a client name itself in the form too; it must be the same one.
            if named.is_some_and(|named| named != client_id) {
                return Err(ClientAuthRefusal::ClientIdMismatch);
            }
            return Ok(Self::Basic { client_id, secret });
        }
        let client_id = named.ok_or(ClientAuthRefusal::Missing)?;
        Ok(match secret {
            Some(secret) => Self::Post { client_id, secret },
            None => Self::None { client_id },
        })
    }

    /// Who the request says it comes from.
    pub fn client_id(&self) -> &ClientId {
        match self {
            Self::None { client_id }
            | Self::Basic { client_id, .. }
            | Self::Post { client_id, .. } => client_id,
        }
    }

    fn method(&self) -> TokenEndpointAuthMethod {
        match self {
            Self::None { .. } => TokenEndpointAuthMethod::None,
            Self::Basic { .. } => TokenEndpointAuthMethod::ClientSecretBasic,
            Self::Post { .. } => TokenEndpointAuthMethod::ClientSecretPost,
        }
    }

    fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::None { .. } => None,
            Self::Basic { secret, .. } | Self::Post { secret, .. } => Some(secret),
        }
    }
}

/// Whether the client that the store found (or did not find) is the one that presents itself.
///
/// The same work is done for an unknown client as for a wrong secret: one hash and one comparison in
/// constant time. Answers with the client, so that what follows cannot take an unauthenticated one.
///
/// # Errors
/// When it is not; all causes are one answer to the outside.
pub fn authenticate<'client>(
    client: Option<&'client Client>,
    presented: &Presented,
) -> Result<&'client Client, ClientAuthRefusal> {
    let stored = client.and_then(|client| client.secret_digest);
    let expected = stored.unwrap_or(SecretDigest::from_bytes([0; 32]));
    let secret_matches = presented
        .secret()
        .is_some_and(|secret| SecretDigest::of(secret).ct_eq(&expected));
    let client = client.ok_or(ClientAuthRefusal::ClientUnknown)?;
    if client.id != *presented.client_id() {
        return Err(ClientAuthRefusal::ClientUnknown);
    }
    // OIDC Core §9: the registered method and no other; so a confidential client cannot step down to none.
    if presented.method() != client.auth_method {
        return Err(ClientAuthRefusal::MethodMismatch);
    }
    match client.auth_method {
        TokenEndpointAuthMethod::None => Ok(client),
        TokenEndpointAuthMethod::ClientSecretJwt
        | TokenEndpointAuthMethod::PrivateKeyJwt
        | TokenEndpointAuthMethod::TlsClientAuth
        | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {
            Err(ClientAuthRefusal::MethodUnsupported)
        }
        TokenEndpointAuthMethod::ClientSecretBasic | TokenEndpointAuthMethod::ClientSecretPost => {
            // Without a stored digest nothing matches, whatever the placeholder says.
            if secret_matches && stored.is_some() {
                Ok(client)
            } else {
                Err(ClientAuthRefusal::SecretMismatch)
            }
        }
    }
}

/// RFC 7617 §2; both parts are form-urlencoded first (RFC 6749 §2.3.1).
fn basic(header: &str) -> Result<(ClientId, SecretString), ClientAuthRefusal> {
    let (scheme, credentials) = header
        .split_once(' ')
        .ok_or(ClientAuthRefusal::MethodUnsupported)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(ClientAuthRefusal::MethodUnsupported);
    }
    let decoded = STANDARD
        .decode(credentials.trim_matches(' '))
        .map_err(|_| ClientAuthRefusal::Malformed)?;
    let decoded: SecretString = String::from_utf8(decoded)
        .map_err(|_| ClientAuthRefusal::Malformed)?
        .into();
    let (id, secret) = decoded
        .expose_secret()
        .split_once(':')
        .ok_or(ClientAuthRefusal::Malformed)?;
    let id = form_decoded(id)?;
    let secret = form_decoded(secret)?;
    if secret.expose_secret().is_empty() {
        return Err(ClientAuthRefusal::Malformed);
    }
    let id = ClientId::parse(id.expose_secret()).ok_or(ClientAuthRefusal::Malformed)?;
    Ok((id, secret))
}

fn form_decoded(text: &str) -> Result<SecretString, ClientAuthRefusal> {
    // A raw `&` would end the value; a properly encoded one is `%26`.
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    match (pairs.next(), pairs.next()) {
        (None, _) => Ok(SecretString::default()),
        // A raw `=` splits a value that was not encoded at all, and is put back.
        (Some((name, value)), None) if text.contains('=') => Ok(format!("{name}={value}").into()),
        (Some((name, _)), None) => Ok(name.into_owned().into()),
        (Some(_), Some(_)) => Err(ClientAuthRefusal::Malformed),
    }
}

#[cfg(test)]
mod tests;
