//! Client-initiated backchannel authentication: a client asks about a person who answers on a device of their own
//! (OpenID Connect CIBA Core 1.0).

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use time::Duration;

use super::acr::{Acr, AcrRequest};
use super::authorization_details::AuthorizationDetails;
use super::client::{CibaSettings, Client, ClientId, GrantType, TokenDelivery};
use super::error::{TokenError, TokenErrorCode};
use super::parameters::Parameters;
use super::provider::Provider;
use super::request::{IdTokenHint, MAX_LIST, MAX_LOGIN_HINT};
use super::resource::{self, ResourceUri};
use super::scope::{self, Scopes};
use super::signed::SignedRefusal;

/// The longest message, characters: it is read on a telephone (CIBA Core §7.1).
pub const MAX_BINDING_MESSAGE: usize = 128;
/// How long a person has where the client does not say.
pub const LIFETIME: Duration = Duration::minutes(2);
/// How long a client may ask for.
pub const LONGEST: Duration = Duration::minutes(10);
/// How long the client waits between two polls (CIBA Core §7.3).
pub const INTERVAL: Duration = Duration::seconds(5);
/// How many times as much all clients together may send one person as one of them may.
pub const OF_ALL: u64 = 3;

/// Whom a client asks about: exactly one hint (CIBA Core §7.1).
pub enum Hint {
    /// What the person signs in with.
    Login(String),
    /// An ID token of ours, not verified yet.
    IdToken(IdTokenHint),
    /// A JWT of the client's that names the person, not verified yet.
    LoginToken(SecretString),
}

/// A backchannel authentication request. It holds a credential, and is not printed.
pub struct BackchannelRequest {
    /// What is asked for.
    pub asked: Asked,
    /// About whom.
    pub hint: Hint,
    /// What the provider shows the client when it calls, for ping.
    pub notification_token: Option<SecretString>,
    /// How long the person has.
    pub lifetime: Duration,
}

/// What is asked for, as it is kept until it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// By whom.
    pub client_id: ClientId,
    /// Scopes.
    pub scopes: Scopes,
    /// The assurance.
    pub acr: AcrRequest,
    /// The message that both sides show.
    pub binding_message: Option<String>,
    /// A number that both sides show, where the client shows it.
    pub matching_number: u8,
    /// Where it is to be good.
    #[serde(default)]
    pub resources: BTreeSet<ResourceUri>,
    /// In detail.
    #[serde(default)]
    pub details: AuthorizationDetails,
    /// The address that the client asked from.
    #[serde(default)]
    pub place: Option<String>,
}

/// Why a backchannel request is refused (CIBA Core §13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BackchannelRefusal {
    /// The client may not use CIBA, or registered nothing about it.
    #[error("the client may not use backchannel authentication")]
    NotAllowed,
    /// No hint, or more than one.
    #[error("there must be exactly one hint")]
    Hints,
    /// `openid` is missing, or a scope is malformed.
    #[error("the scope must contain openid")]
    Scope,
    /// Ping without a token to call with, or one that is too short, too long or no bearer token.
    #[error("the client notification token is missing or malformed")]
    NotificationToken,
    /// Too long, or with characters that cannot be shown.
    #[error("the binding message cannot be shown")]
    BindingMessage,
    /// Not a positive whole number.
    #[error("the requested expiry is malformed")]
    Expiry,
    /// Requests must be signed, and this one is not; or the reverse.
    #[error("the request must be signed, and everything must stand in it")]
    Signature,
    /// The request object is not the client's, not for us, or not now.
    #[error("the signed request is refused: {0}")]
    Object(SignedRefusal),
    /// The request object was used before.
    #[error("the signed request was used before")]
    Replayed,
    /// A hint that is malformed, or not ours to read.
    #[error("the hint is malformed")]
    Hint,
    /// The hint's token has expired.
    #[error("the login hint token has expired")]
    HintExpired,
    /// None of the `acr` values can be reached.
    #[error("the acr values are malformed")]
    Acr,
    /// As many requests wait for this person as may, or came within the hour.
    #[error("too many requests to one person")]
    TooMany,
}

impl From<BackchannelRefusal> for TokenError {
    fn from(refusal: BackchannelRefusal) -> Self {
        use TokenErrorCode as E;
        let (code, description) = match refusal {
            BackchannelRefusal::NotAllowed => (
                E::UnauthorizedClient,
                "the client may not use backchannel authentication",
            ),
            BackchannelRefusal::Hints => (
                E::InvalidRequest,
                "exactly one of login_hint, id_token_hint and login_hint_token is needed",
            ),
            BackchannelRefusal::Scope => (E::InvalidScope, "the scope must contain openid"),
            BackchannelRefusal::NotificationToken => (
                E::InvalidRequest,
                "client_notification_token is missing or malformed",
            ),
            BackchannelRefusal::BindingMessage => (
                E::InvalidBindingMessage,
                "binding_message is too long or cannot be shown",
            ),
            BackchannelRefusal::Expiry => (E::InvalidRequest, "requested_expiry is malformed"),
            BackchannelRefusal::Signature => (
                E::InvalidRequest,
                "the request must be a signed one as registered",
            ),
            // CIBA Core §13 has no code of its own for these.
            BackchannelRefusal::Object(_) | BackchannelRefusal::Replayed => (
                E::InvalidRequest,
                "the signed request is not the client's, not for this provider, not current, or used before",
            ),
            BackchannelRefusal::Hint => (E::InvalidRequest, "the hint is malformed"),
            BackchannelRefusal::HintExpired => {
                (E::ExpiredLoginHintToken, "the login_hint_token has expired")
            }
            BackchannelRefusal::Acr => (E::InvalidRequest, "acr_values is malformed"),
            BackchannelRefusal::TooMany => (E::AccessDenied, "too many requests to one person"),
        };
        Self::new(code, description)
    }
}

/// The client's CIBA registration.
///
/// # Errors
/// Where it has none.
pub fn settings(client: &Client) -> Result<&CibaSettings, BackchannelRefusal> {
    let allowed = client.grant_types.contains(&GrantType::Ciba) && !client.is_public();
    let settings = client.ciba.as_ref().filter(|_| allowed);
    settings.ok_or(BackchannelRefusal::NotAllowed)
}

impl BackchannelRequest {
    /// Reads the request of this authenticated client; `parameters` are the form's, or those of a verified request
    /// object. `number` is random.
    ///
    /// # Errors
    /// CIBA Core §13.
    pub fn parse(
        parameters: &Parameters,
        client: &Client,
        provider: &Provider,
        number: u8,
    ) -> Result<Self, TokenError> {
        parameters.once()?;
        let settings = settings(client)?;
        let scopes = scopes(parameters, client, provider)?;
        let notification_token = notification_token(parameters, settings)?;
        let resources = resource::requested(parameters)?;
        provider
            .resources
            .check(&resources, &client.id, &provider.issuer)?;
        let details = AuthorizationDetails::parse(parameters.get("authorization_details"))?;
        provider.detail_types.check(&details, &client.id)?;
        Ok(Self {
            hint: hint(parameters)?,
            notification_token,
            lifetime: lifetime(parameters)?,
            asked: Asked {
                client_id: client.id.clone(),
                scopes,
                acr: acr(parameters)?,
                binding_message: binding_message(parameters)?,
                matching_number: 10 + number % 90,
                resources,
                details,
                place: None,
            },
        })
    }
}

fn scopes(
    parameters: &Parameters,
    client: &Client,
    provider: &Provider,
) -> Result<Scopes, BackchannelRefusal> {
    let asked = parameters.get("scope").and_then(Scopes::parse);
    let granted = asked
        .ok_or(BackchannelRefusal::Scope)?
        .intersection(&client.scopes)
        .intersection(&provider.scopes);
    // CIBA Core §7.1: openid must be there.
    if granted.contains(scope::OPENID) {
        Ok(granted)
    } else {
        Err(BackchannelRefusal::Scope)
    }
}

fn hint(parameters: &Parameters) -> Result<Hint, BackchannelRefusal> {
    let hints = [
        parameters.get("login_hint"),
        parameters.get("id_token_hint"),
        parameters.get("login_hint_token"),
    ];
    match hints {
        [Some(name), None, None] if name.len() > MAX_LOGIN_HINT => Err(BackchannelRefusal::Hint),
        [Some(name), None, None] => Ok(Hint::Login(name.to_owned())),
        [None, Some(token), None] => Ok(Hint::IdToken(IdTokenHint::new(token))),
        [None, None, Some(token)] => Ok(Hint::LoginToken(token.into())),
        _ => Err(BackchannelRefusal::Hints),
    }
}

/// CIBA Core §7.1: required for ping, at most 1024 characters of RFC 6750 §2.1, at least 128 bits.
fn notification_token(
    parameters: &Parameters,
    settings: &CibaSettings,
) -> Result<Option<SecretString>, BackchannelRefusal> {
    match (
        settings.delivery,
        parameters.get("client_notification_token"),
    ) {
        (TokenDelivery::Poll, _) => Ok(None),
        (TokenDelivery::Ping, Some(token))
            if (22..=1024).contains(&token.len())
                && token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)) =>
        {
            Ok(Some(token.into()))
        }
        (TokenDelivery::Ping, _) => Err(BackchannelRefusal::NotificationToken),
    }
}

fn lifetime(parameters: &Parameters) -> Result<Duration, BackchannelRefusal> {
    let Some(text) = parameters.get("requested_expiry") else {
        return Ok(LIFETIME);
    };
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<u32>().ok().filter(|it| digits && *it > 0);
    let seconds = seconds.ok_or(BackchannelRefusal::Expiry)?;
    Ok(Duration::seconds(seconds.into()).min(LONGEST))
}

fn binding_message(parameters: &Parameters) -> Result<Option<String>, BackchannelRefusal> {
    let Some(text) = parameters.get("binding_message") else {
        return Ok(None);
    };
    // Characters that turn text around or hide would let a message read as another one.
    let shown = |letter: char| {
        !letter.is_control()
            && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.chars().count() <= MAX_BINDING_MESSAGE && text.chars().all(shown) {
        Ok(Some(text.to_owned()))
    } else {
        Err(BackchannelRefusal::BindingMessage)
    }
}

fn acr(parameters: &Parameters) -> Result<AcrRequest, BackchannelRefusal> {
    let Some(text) = parameters.get("acr_values") else {
        return Ok(AcrRequest::Any);
    };
    let values: Option<Vec<Acr>> = text
        .split(' ')
        .filter(|value| !value.is_empty())
        .take(MAX_LIST)
        .map(Acr::parse)
        .collect();
    values
        .map(AcrRequest::Voluntary)
        .ok_or(BackchannelRefusal::Acr)
}

/// The answer (CIBA Core §7.3). `matching_number` is ours: a client that shows it lets the person compare.
pub fn response(auth_req_id: &str, lifetime: Duration, asked: &Asked) -> Value {
    json!({
        "auth_req_id": auth_req_id,
        "expires_in": lifetime.whole_seconds(),
        "interval": INTERVAL.whole_seconds(),
        "matching_number": asked.matching_number,
    })
}

/// What a client is called with when its request is answered (CIBA Core §10.2).
#[derive(Serialize)]
pub struct Ping<'a> {
    /// Which request.
    pub auth_req_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{changed, confidential_client, provider};

    fn client(delivery: TokenDelivery) -> Client {
        Client {
            grant_types: [GrantType::Ciba].into(),
            ciba: Some(CibaSettings {
                delivery,
                notification_endpoint: None,
                request_alg: None,
                user_code: false,
            }),
            ..confidential_client()
        }
    }

    const GOOD: [(&str, &str); 4] = [
        ("scope", "openid profile"),
        ("login_hint", "ada"),
        (
            "client_notification_token",
            "8d67dc78-7faa-4d41-aabd-67707b374255",
        ),
        ("binding_message", "W4SCT"),
    ];

    fn run(name: &str, value: Option<&str>) -> Result<BackchannelRequest, &'static str> {
        let form = changed(&GOOD, name, value);
        BackchannelRequest::parse(&form, &client(TokenDelivery::Ping), &provider(), 100)
            .map_err(|error| error.code())
    }

    #[test]
    fn a_good_request_is_typed() {
        let request = run("", None).unwrap();
        assert_eq!(request.asked.binding_message.as_deref(), Some("W4SCT"));
        assert_eq!(request.asked.matching_number, 20);
        assert_eq!(request.lifetime, LIFETIME);
        assert!(request.notification_token.is_some());
        let long = run("requested_expiry", Some("86400")).unwrap();
        assert_eq!(long.lifetime, LONGEST);
        let json = serde_json::to_value(&request.asked).unwrap();
        assert_eq!(
            serde_json::from_value::<Asked>(json).unwrap(),
            request.asked
        );
        let form = changed(&GOOD, "client_notification_token", None);
        assert!(
            BackchannelRequest::parse(&form, &client(TokenDelivery::Poll), &provider(), 0).is_ok()
        );
    }

    #[test]
    fn every_refusal_of_a_backchannel_request() {
        let long = "x".repeat(MAX_BINDING_MESSAGE + 1);
        let name = "x".repeat(MAX_LOGIN_HINT + 1);
        let table = [
            ("scope", None, "invalid_scope"),
            ("scope", Some("profile"), "invalid_scope"),
            ("login_hint", None, "invalid_request"),
            ("login_hint", Some(name.as_str()), "invalid_request"),
            ("id_token_hint", Some("a.b.c"), "invalid_request"),
            ("client_notification_token", None, "invalid_request"),
            (
                "client_notification_token",
                Some("short"),
                "invalid_request",
            ),
            (
                "client_notification_token",
                Some("with space in it, and long enough"),
                "invalid_request",
            ),
            ("binding_message", Some(&long), "invalid_binding_message"),
            ("binding_message", Some("a\nb"), "invalid_binding_message"),
            (
                "binding_message",
                Some("a\u{202e}b"),
                "invalid_binding_message",
            ),
            ("requested_expiry", Some("0"), "invalid_request"),
            ("requested_expiry", Some("-1"), "invalid_request"),
            ("requested_expiry", Some("+5"), "invalid_request"),
            ("requested_expiry", Some("soon"), "invalid_request"),
            ("acr_values", Some("ä"), "invalid_request"),
            ("resource", Some("urn:x"), "invalid_target"),
            (
                "authorization_details",
                Some("[]"),
                "invalid_authorization_details",
            ),
        ];
        for (name, value, expected) in table {
            assert_eq!(run(name, value).err(), Some(expected), "{name}={value:?}");
        }
        let other = Client {
            ciba: None,
            ..client(TokenDelivery::Poll)
        };
        let form = changed(&GOOD, "", None);
        let error = BackchannelRequest::parse(&form, &other, &provider(), 0).err();
        assert_eq!(error.map(|it| it.code()), Some("unauthorized_client"));
    }
}
