//! Pushed authorization requests (RFC 9126): the parameters come by a back channel first, and the browser brings a
//! reference to them that is good once.

use serde::Serialize;
use time::Duration;

use super::client::{Client, ClientId};
use super::error::{AuthorizationError, TokenError, TokenErrorCode};
use super::parameters::Parameters;
use super::provider::Provider;
use super::request::{AuthorizationRequest, Refusal};

/// What every reference of ours begins with (RFC 9126 §2.2).
pub const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// How long a reference is good: the browser brings it at once, and a person may be asked to open a link first. FAPI
/// 2.0 §5.3.2.2 sets the bound of ten minutes.
pub const LIFETIME: Duration = Duration::minutes(5);

/// The secret part of a reference of ours.
pub fn reference(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(PREFIX)
}

/// The authorization request in a form that this authenticated client pushed: without its credentials.
///
/// # Errors
/// `invalid_request` (RFC 9126 §2.1).
pub fn request(form: &Parameters, client: &Client) -> Result<Parameters, TokenError> {
    let form = form.once()?;
    let invalid = |description| TokenError::new(TokenErrorCode::InvalidRequest, description);
    // RFC 9126 §2.1: the request must not refer to another one.
    if form.get("request_uri").is_some() {
        return Err(invalid("request_uri cannot be pushed"));
    }
    // RFC 9126 §2.1: `client_id` may be left to the client's authentication.
    let named = form.get("client_id").and_then(ClientId::parse);
    if form.get("client_id").is_some() && named.as_ref() != Some(&client.id) {
        return Err(invalid("client_id is another client's"));
    }
    let mut kept: Kept = form
        .iter()
        .filter(|(name, _)| *name != "client_id" && !OF_AUTHENTICATION.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    kept.push(("client_id".into(), client.id.to_string()));
    Parameters::parse(kept).map_err(TokenError::from)
}

/// The form without what stands beside its request object: it is no part of the request (RFC 9126 §3). It is passed over
/// and not refused, as RFC 9101 §5 has it and the certification plans of FAPI 2.0 expect.
///
/// # Errors
/// None that the form itself had not.
pub fn object_alone(form: &Parameters) -> Result<Parameters, TokenError> {
    let kept = form.iter();
    let kept = kept.filter(|(name, _)| matches!(*name, "request" | "client_id"));
    Parameters::parse(kept).map_err(TokenError::from)
}

/// The parameters to keep of a pushed request that this client may make.
///
/// # Errors
/// What the authorization endpoint would have said, as a token error (RFC 9126 §2.3).
pub fn accept(
    request: &Parameters,
    client: &Client,
    provider: &Provider,
) -> Result<Kept, TokenError> {
    let invalid = |description| TokenError::new(TokenErrorCode::InvalidRequest, description);
    match AuthorizationRequest::parse(request, client, provider) {
        Ok(_) => Ok(request
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()),
        Err(Refusal::Page(error)) => Err(invalid(error.sentence())),
        Err(Refusal::Redirect {
            error, description, ..
        }) => Err(TokenError::new(error.into(), description)),
    }
}

/// The parameters of a pushed request: names, and every value of those that may come more than once (RFC 8707 §2).
pub type Kept = Vec<(String, String)>;

/// What authenticates the client, and is no part of the request.
const OF_AUTHENTICATION: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// The answer, with status 201 (RFC 9126 §2.2).
#[derive(Serialize)]
pub struct Pushed {
    /// The reference.
    pub request_uri: String,
    /// How long it is good, seconds.
    pub expires_in: i64,
}

impl Pushed {
    /// The answer about a request that is kept under this secret.
    pub fn new(secret: &str) -> Self {
        Self {
            request_uri: format!("{PREFIX}{secret}"),
            expires_in: LIFETIME.whole_seconds(),
        }
    }
}

impl From<AuthorizationError> for TokenErrorCode {
    /// RFC 9126 §2.3: the codes of both endpoints may be used.
    fn from(error: AuthorizationError) -> Self {
        match error {
            AuthorizationError::UnauthorizedClient => Self::UnauthorizedClient,
            AuthorizationError::InvalidScope => Self::InvalidScope,
            AuthorizationError::ServerError => Self::ServerError,
            AuthorizationError::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            error => Self::Authorization(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{CHALLENGE, REDIRECT_URI, changed, confidential_client, provider};

    const GOOD: [(&str, &str); 8] = [
        ("client_id", "app"),
        ("client_secret", "s"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "xyz"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];

    fn push(name: &str, value: Option<&str>) -> Result<Kept, TokenError> {
        let client = confidential_client();
        let request = request(&changed(&GOOD, name, value), &client)?;
        accept(&request, &client, &provider())
    }

    #[test]
    fn what_is_kept_is_the_request_without_the_credentials() {
        let kept = push("client_id", None).unwrap();
        let value = |name: &str| {
            let found: Vec<&str> = kept
                .iter()
                .filter(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
                .collect();
            found
        };
        assert_eq!(value("client_id"), ["app"]);
        assert_eq!(value("state"), ["xyz"]);
        assert!(value("client_secret").is_empty());
        let answer = Pushed::new("s3cret");
        assert_eq!(reference(&answer.request_uri), Some("s3cret"));
        assert_eq!(reference("https://app.example/r"), None);
    }

    #[test]
    fn each_resource_is_kept() {
        let both = [
            ("resource", "https://a.example/"),
            ("resource", "https://b.example/"),
        ];
        let pushed = Parameters::parse(GOOD.into_iter().chain(both)).unwrap();
        let read = request(&pushed, &confidential_client()).unwrap();
        let read: Vec<&str> = read.all("resource").collect();
        assert_eq!(read, ["https://a.example/", "https://b.example/"]);
    }

    #[test]
    fn what_stands_beside_a_request_object_is_passed_over() {
        let form = [
            ("request", "a.b.c"),
            ("client_id", "app"),
            ("state", "x"),
            ("resource", "https://a.example/"),
        ];
        let alone = object_alone(&Parameters::parse(form).unwrap()).unwrap();
        let left: Vec<(&str, &str)> = alone.iter().collect();
        assert_eq!(left, [("client_id", "app"), ("request", "a.b.c")]);
    }

    #[test]
    fn every_refusal_of_a_pushed_request() {
        for (name, value, code) in [
            ("client_id", Some("other"), "invalid_request"),
            ("request_uri", Some("urn:x"), "invalid_request"),
            (
                "redirect_uri",
                Some("https://evil.example/"),
                "invalid_request",
            ),
            ("redirect_uri", None, "invalid_request"),
            ("response_type", Some("token"), "unsupported_response_type"),
            ("response_type", Some("id_token"), "unauthorized_client"),
            ("scope", Some("unheard-of"), "invalid_scope"),
            ("code_challenge", None, "invalid_request"),
        ] {
            let error = push(name, value).err();
            assert_eq!(error.map(TokenError::code), Some(code), "{name}={value:?}");
        }
        let twice = Parameters::parse(GOOD.into_iter().chain([("state", "b")])).unwrap();
        let error = request(&twice, &confidential_client()).err();
        assert_eq!(error.map(TokenError::code), Some("invalid_request"));
    }
}
