//! Client authentication at the token and revocation endpoints (RFC 6749 §2.3, OIDC Core §9).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use url::form_urlencoded;

use super::client::{Client, ClientId, JwsAlg, SecretDigest, TokenEndpointAuthMethod};
use super::error::{TokenError, TokenErrorCode};
use super::fapi;
use super::mtls::Mtls;
use super::parameters::Parameters;
use super::signed::{
    AudienceRule, Expectations, Keys, Once, SignedRefusal, Unverified, check_claims,
};

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
    /// A signed assertion in the form (RFC 7523 §2.2).
    Assertion {
        /// Who it says it is.
        client_id: ClientId,
        /// The JWT.
        jwt: SecretString,
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
    /// The assertion is not the client's, or not for us, or not now.
    #[error("the client assertion is refused: {0}")]
    Assertion(SignedRefusal),
    /// The assertion was used before.
    #[error("the client assertion was used before")]
    AssertionReplayed,
    /// The client's keys cannot be fetched.
    #[error("the client's keys cannot be fetched")]
    KeysUnavailable,
    /// No certificate came with the connection.
    #[error("no client certificate was shown")]
    CertificateMissing,
    /// Nobody whom the operator trusts vouches for the certificate, or not at this time.
    #[error("no trusted authority vouches for the client certificate")]
    CertificateUntrusted,
    /// Not the name, or not the certificate, that was registered.
    #[error("the client certificate is not the registered one")]
    CertificateMismatch,
    /// The client's certificates cannot be fetched.
    #[error("the client's certificates cannot be fetched")]
    CertificatesUnavailable,
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
            | ClientAuthRefusal::SecretMismatch
            | ClientAuthRefusal::Assertion(_)
            | ClientAuthRefusal::AssertionReplayed
            | ClientAuthRefusal::KeysUnavailable
            | ClientAuthRefusal::CertificateMissing
            | ClientAuthRefusal::CertificateUntrusted
            | ClientAuthRefusal::CertificateMismatch
            | ClientAuthRefusal::CertificatesUnavailable => Self::new(
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
        if assertion {
            return Self::assertion(named, form);
        }
        let client_id = named.ok_or(ClientAuthRefusal::Missing)?;
        Ok(match secret {
            Some(secret) => Self::Post { client_id, secret },
            None => Self::None { client_id },
        })
    }

    /// RFC 7521 §4.2: the type, the assertion, and a `client_id` that is the assertion's subject if it is there.
    fn assertion(named: Option<ClientId>, form: &Parameters) -> Result<Self, ClientAuthRefusal> {
        if form.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(ClientAuthRefusal::MethodUnsupported);
        }
        let jwt = form
            .secret("client_assertion")
            .ok_or(ClientAuthRefusal::Malformed)?;
        let read = Unverified::parse(jwt.expose_secret()).map_err(ClientAuthRefusal::Assertion)?;
        let subject = read.unverified_text("sub").and_then(ClientId::parse);
        let subject = subject.ok_or(ClientAuthRefusal::Malformed)?;
        if named.is_some_and(|named| named != subject) {
            return Err(ClientAuthRefusal::ClientIdMismatch);
        }
        Ok(Self::Assertion {
            client_id: subject,
            jwt,
        })
    }

    /// Who the request says it comes from.
    pub fn client_id(&self) -> &ClientId {
        match self {
            Self::None { client_id }
            | Self::Assertion { client_id, .. }
            | Self::Basic { client_id, .. }
            | Self::Post { client_id, .. } => client_id,
        }
    }

    /// Whether it is presented as this method would.
    fn is_by(&self, method: TokenEndpointAuthMethod) -> bool {
        match self {
            Self::None { .. } => method == TokenEndpointAuthMethod::None,
            Self::Basic { .. } => method == TokenEndpointAuthMethod::ClientSecretBasic,
            Self::Post { .. } => method == TokenEndpointAuthMethod::ClientSecretPost,
            Self::Assertion { .. } => matches!(
                method,
                TokenEndpointAuthMethod::PrivateKeyJwt | TokenEndpointAuthMethod::ClientSecretJwt
            ),
        }
    }

    fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::None { .. } | Self::Assertion { .. } => None,
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
    proof: &Proof<'_>,
) -> Result<Authenticated<'client>, ClientAuthRefusal> {
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
    if !presented.is_by(client.auth_method) {
        return Err(ClientAuthRefusal::MethodMismatch);
    }
    match client.auth_method {
        TokenEndpointAuthMethod::None => Ok(Authenticated { client, once: None }),
        TokenEndpointAuthMethod::ClientSecretJwt | TokenEndpointAuthMethod::PrivateKeyJwt => {
            let Presented::Assertion { jwt, .. } = presented else {
                return Err(ClientAuthRefusal::MethodMismatch);
            };
            let once = assertion(client, jwt.expose_secret(), proof)
                .map_err(ClientAuthRefusal::Assertion)?;
            Ok(Authenticated { client, once })
        }
        TokenEndpointAuthMethod::TlsClientAuth
        | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {
            Err(ClientAuthRefusal::MethodUnsupported)
        }
        TokenEndpointAuthMethod::ClientSecretBasic | TokenEndpointAuthMethod::ClientSecretPost => {
            // Without a stored digest nothing matches, whatever the placeholder says.
            if secret_matches && stored.is_some() {
                Ok(Authenticated { client, once: None })
            } else {
                Err(ClientAuthRefusal::SecretMismatch)
            }
        }
    }
}

/// What an assertion is held to; gathered for the client that the request names.
pub struct Proof<'a> {
    /// The client's keys, or its secret.
    pub keys: Keys<'a>,
    /// Our issuer.
    pub issuer: &'a str,
    /// Everything that an assertion may be for: the issuer and the endpoints that take assertions.
    pub audiences: &'a [String],
    /// The time.
    pub now: OffsetDateTime,
}

/// A client that showed who it is.
#[derive(Debug)]
pub struct Authenticated<'client> {
    /// The client.
    pub client: &'client Client,
    /// What must now be used for the first time.
    pub once: Option<Once>,
}

/// RFC 7523 §3 and OIDC Core §9: issued by the client about itself, for us, for a short while, once.
fn assertion(client: &Client, jwt: &str, proof: &Proof<'_>) -> Result<Option<Once>, SignedRefusal> {
    let read = Unverified::parse(jwt)?;
    // RFC 8725 §3.11: a JWT of another kind, signed by the same client, is no assertion.
    let usual = ["jwt", "client-authentication+jwt"];
    if read.typ.as_deref().is_some_and(|typ| !usual.contains(&typ)) {
        return Err(SignedRefusal::Type);
    }
    let registered = client.auth_signing_alg;
    let allowed = match client.auth_method {
        TokenEndpointAuthMethod::ClientSecretJwt => JwsAlg::HMAC,
        TokenEndpointAuthMethod::PrivateKeyJwt => fapi::signing_algs(client),
        TokenEndpointAuthMethod::None
        | TokenEndpointAuthMethod::ClientSecretBasic
        | TokenEndpointAuthMethod::ClientSecretPost
        | TokenEndpointAuthMethod::TlsClientAuth
        | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => &[],
    };
    if registered.is_some_and(|alg| alg != read.alg) {
        return Err(SignedRefusal::Algorithm);
    }
    let claims = read.verify(&proof.keys, allowed)?;
    let expected = Expectations {
        issuer: client.id.as_str(),
        subject: Some(client.id.as_str()),
        audience: match fapi::is_on(client) {
            // FAPI 2.0 §5.3.2.1: the issuer as a string, and nothing else.
            true => AudienceRule::Exactly(proof.issuer),
            false => AudienceRule::Within(proof.audiences),
        },
        longest: LONGEST_ASSERTION,
        oldest: None,
        needs_jti: true,
    };
    check_claims(&claims, &expected, proof.now)
}

/// Whether clients can authenticate by this method; by a certificate where certificates can reach us.
pub fn is_served(method: TokenEndpointAuthMethod, mtls: Option<&Mtls>) -> bool {
    match method {
        TokenEndpointAuthMethod::None
        | TokenEndpointAuthMethod::ClientSecretBasic
        | TokenEndpointAuthMethod::ClientSecretPost
        | TokenEndpointAuthMethod::ClientSecretJwt
        | TokenEndpointAuthMethod::PrivateKeyJwt => true,
        TokenEndpointAuthMethod::TlsClientAuth => mtls.is_some_and(|mtls| mtls.has_authorities),
        TokenEndpointAuthMethod::SelfSignedTlsClientAuth => mtls.is_some(),
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

/// The only type of assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far ahead an assertion may end: its `jti` is kept until then.
const LONGEST_ASSERTION: Duration = Duration::hours(1);

#[cfg(test)]
mod tests;
