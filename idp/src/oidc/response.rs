//! The authorization response: code, tokens or error, back to the client (OIDC Core §3.1.2.5, §3.2.2.5,
//! §3.3.2.5; RFC 6749 §4.1.2; issuer identification: RFC 9207; signed: JARM).

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use time::Duration;
use url::form_urlencoded;

use super::client::ClientId;
use super::error::{AuthorizationError, PageError};
use super::grant::Validity;
use super::provider::Issuer;
use super::redirect_uri::RedirectUri;
use super::request::{AuthorizationRequest, Refusal};
use super::response_type::ResponseMode;
use super::scope::Scopes;

/// Where an answer goes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Whose request it was.
    pub client_id: ClientId,
    /// Where; one of the client's.
    pub redirect_uri: RedirectUri,
    /// How.
    pub mode: ResponseMode,
    /// The request's `state`, as it came.
    pub state: Option<String>,
}

/// What a successful answer holds, by the request's response type. It holds credentials, and is not printed.
#[derive(Default)]
pub struct Success {
    /// The authorization code.
    pub code: Option<SecretString>,
    /// The access token.
    pub access_token: Option<FrontAccessToken>,
    /// The ID token.
    pub id_token: Option<SecretString>,
    /// For the session frame, where there is one (OIDC Session Management §2).
    pub session_state: Option<String>,
}

/// An access token of an authorization response (RFC 6749 §4.2.2).
pub struct FrontAccessToken {
    /// The token.
    pub token: SecretString,
    /// How long it is good for.
    pub expires_in: Duration,
    /// What it is good for.
    pub scopes: Scopes,
}

/// An answer whose fields are known and which is not yet in its form.
pub struct Answer {
    /// Where it goes.
    pub to: ReplyTo,
    fields: Vec<(&'static str, SecretString)>,
}

/// An answer on its way to the client. It may hold a code, and is not printed.
pub enum AuthorizationResponse {
    /// Answer 303 with this Location (RFC 9700 §4.12: never 307).
    Redirect(SecretString),
    /// Answer with a page whose form the browser posts (OAuth 2.0 Form Post Response Mode §2).
    FormPost(FormPost),
}

/// The form of a form post response; the values are to be escaped where they are shown.
pub struct FormPost {
    /// Where the form goes.
    pub action: RedirectUri,
    /// Its hidden fields.
    pub fields: Vec<(&'static str, SecretString)>,
}

/// The successful answer: what the response type asks for, `state`, `iss`.
pub fn success(request: &AuthorizationRequest, success: Success, issuer: &Issuer) -> Answer {
    let mut fields = Vec::new();
    fields.extend(success.code.map(|code| ("code", code)));
    if let Some(access) = success.access_token {
        // RFC 6749 §4.2.2.
        let seconds = access.expires_in.whole_seconds().to_string();
        fields.push(("access_token", access.token));
        fields.push(("token_type", "Bearer".into()));
        fields.push(("expires_in", seconds.into()));
        fields.push(("scope", access.scopes.to_string().into()));
    }
    fields.extend(success.id_token.map(|token| ("id_token", token)));
    fields.extend(
        success
            .session_state
            .map(|state| ("session_state", state.into())),
    );
    answer(request.reply_to(), fields, issuer)
}

/// The answer to a refused request.
///
/// # Errors
/// The page's error, where the client may not be told (RFC 6749 §4.1.2.1).
pub fn refusal(refusal: &Refusal, issuer: &Issuer) -> Result<Answer, PageError> {
    match refusal {
        Refusal::Page(error) => Err(*error),
        Refusal::Redirect {
            to,
            error,
            description,
        } => Ok(refused(to.clone(), *error, description, issuer)),
    }
}

/// The answer to a request that was well formed and is refused for a reason found later.
pub fn error(request: &AuthorizationRequest, error: AuthorizationError, issuer: &Issuer) -> Answer {
    refused(request.reply_to(), error, error.sentence(), issuer)
}

fn refused(
    to: ReplyTo,
    error: AuthorizationError,
    description: &'static str,
    issuer: &Issuer,
) -> Answer {
    let fields = vec![
        ("error", error.code().into()),
        ("error_description", description.into()),
    ];
    answer(to, fields, issuer)
}

fn answer(to: ReplyTo, mut fields: Vec<(&'static str, SecretString)>, issuer: &Issuer) -> Answer {
    // RFC 6749 §4.1.2: `state` is required if it was present.
    fields.extend(to.state.as_deref().map(|state| ("state", state.into())));
    // RFC 9207 §2: so that a client of several providers knows whose answer this is; in errors too.
    fields.push(("iss", issuer.as_str().into()));
    Answer { to, fields }
}

impl Answer {
    /// What the JWT of a signed answer says: the fields, with whose it is, for whom and until when (JARM §2.1).
    /// `iss` stands in it once, as the claim that it is, and not beside the JWT (RFC 9207 §2.4, JARM §2.1).
    pub fn claims(&self, validity: Validity) -> Map<String, Value> {
        let mut claims = Map::new();
        for (name, value) in &self.fields {
            let text = value.expose_secret();
            let value = match *name {
                // A number in a JWT as in a token response (RFC 6749 §5.1).
                "expires_in" => text.parse::<i64>().map_or(Value::Null, Value::from),
                _ => Value::from(text),
            };
            claims.insert((*name).to_owned(), value);
        }
        claims.insert("aud".into(), self.to.client_id.as_str().into());
        claims.insert("exp".into(), validity.expires_at().unix_timestamp().into());
        claims.insert("iat".into(), validity.issued_at.unix_timestamp().into());
        claims
    }

    /// The answer in the form that was asked for; a signed one has `jwt` in it, which is [`Answer::claims`] signed.
    pub fn deliver(self, jwt: Option<SecretString>) -> AuthorizationResponse {
        let fields = match jwt {
            // JARM §2.3: the one parameter.
            Some(jwt) => vec![("response", jwt)],
            None => self.fields,
        };
        deliver(&self.to, fields)
    }
}

/// How long the JWT of a signed answer is good for (JARM §2.1: ten minutes at most).
pub const JARM_LIFETIME: Duration = Duration::minutes(5);

fn deliver(to: &ReplyTo, fields: Vec<(&'static str, SecretString)>) -> AuthorizationResponse {
    let redirect_uri = &to.redirect_uri;
    let separator = match to.mode {
        ResponseMode::FormPost | ResponseMode::FormPostJwt => {
            return AuthorizationResponse::FormPost(FormPost {
                action: redirect_uri.clone(),
                fields,
            });
        }
        ResponseMode::Fragment | ResponseMode::FragmentJwt => '#',
        // RFC 6749 §3.1.2: a query that the redirect URI has is kept.
        ResponseMode::Query | ResponseMode::QueryJwt if redirect_uri.as_str().contains('?') => '&',
        ResponseMode::Query | ResponseMode::QueryJwt => '?',
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| (*name, value.expose_secret()));
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let location = format!("{redirect_uri}{separator}{encoded}");
    AuthorizationResponse::Redirect(location.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{REDIRECT_URI, provider, ten_minutes};
    use crate::oidc::request::tests::parsed;

    fn location(response: AuthorizationResponse) -> String {
        match response {
            AuthorizationResponse::Redirect(location) => location.expose_secret().to_owned(),
            AuthorizationResponse::FormPost(_) => panic!("a form"),
        }
    }

    fn request(mode: ResponseMode, redirect_uri: &str) -> AuthorizationRequest {
        AuthorizationRequest {
            client_id: ClientId::parse("app").unwrap(),
            redirect_uri: RedirectUri::new(redirect_uri),
            response_mode: mode,
            state: Some("a&b=\"<ü>\r\n".into()),
            ..parsed()
        }
    }

    fn code() -> Success {
        Success {
            code: Some("c0de".into()),
            ..Success::default()
        }
    }

    fn all() -> Success {
        Success {
            access_token: Some(FrontAccessToken {
                token: "acc3ss".into(),
                expires_in: Duration::minutes(10),
                scopes: Scopes::parse("openid email").unwrap(),
            }),
            id_token: Some("e.y.J".into()),
            session_state: Some("h.s".into()),
            ..code()
        }
    }

    #[test]
    fn a_code_goes_back_with_state_and_issuer() {
        let issuer = provider().issuer;
        let at = |mode, uri| location(success(&request(mode, uri), code(), &issuer).deliver(None));
        let query = "code=c0de&state=a%26b%3D%22%3C%C3%BC%3E%0D%0A&iss=https%3A%2F%2Fid.example";
        assert_eq!(
            at(ResponseMode::Query, REDIRECT_URI),
            format!("{REDIRECT_URI}&{query}")
        );
        assert_eq!(
            at(ResponseMode::Query, "com.example.app:/cb"),
            format!("com.example.app:/cb?{query}")
        );
        assert_eq!(
            at(ResponseMode::Fragment, REDIRECT_URI),
            format!("{REDIRECT_URI}#{query}")
        );
    }

    #[test]
    fn a_form_has_the_same_fields() {
        let request = request(ResponseMode::FormPost, REDIRECT_URI);
        let answer = success(&request, all(), &provider().issuer);
        let AuthorizationResponse::FormPost(form) = answer.deliver(None) else {
            panic!("no form");
        };
        assert_eq!(form.action.as_str(), REDIRECT_URI);
        let names: Vec<_> = form.fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "code",
                "access_token",
                "token_type",
                "expires_in",
                "scope",
                "id_token",
                "session_state",
                "state",
                "iss"
            ]
        );
    }

    #[test]
    fn a_signed_answer_has_one_parameter_and_names_issuer_audience_and_expiry() {
        let issuer = provider().issuer;
        let request = request(ResponseMode::FragmentJwt, REDIRECT_URI);
        let answer = success(&request, all(), &issuer);
        let claims = Value::from(answer.claims(ten_minutes()));
        for (name, expected) in [
            ("iss", Value::from("https://id.example")),
            ("aud", "app".into()),
            ("exp", 1_800_000_600.into()),
            ("code", "c0de".into()),
            ("expires_in", 600.into()),
            ("state", "a&b=\"<ü>\r\n".into()),
        ] {
            assert_eq!(claims.get(name), Some(&expected), "{name}");
        }
        assert_eq!(
            location(answer.deliver(Some("h.c.s".into()))),
            format!("{REDIRECT_URI}#response=h.c.s")
        );
        let refused = error(&request, AuthorizationError::AccessDenied, &issuer);
        let claims = refused.claims(ten_minutes());
        assert_eq!(claims.get("error"), Some(&"access_denied".into()));
    }

    #[test]
    fn an_error_goes_back_with_state_and_issuer_and_a_page_error_does_not() {
        let issuer = provider().issuer;
        let request = request(ResponseMode::Query, REDIRECT_URI);
        let denied = error(&request, AuthorizationError::AccessDenied, &issuer);
        let sent = location(denied.deliver(None));
        assert_eq!(
            sent,
            format!(
                "{REDIRECT_URI}&error=access_denied&error_description=The+sign-in+was+declined.\
                 &state=a%26b%3D%22%3C%C3%BC%3E%0D%0A&iss=https%3A%2F%2Fid.example"
            )
        );
        let again = request.refuse(AuthorizationError::AccessDenied);
        let again = refusal(&again, &issuer).unwrap();
        assert_eq!(location(again.deliver(None)), sent);
        let page = Refusal::Page(PageError::ClientUnknown);
        assert_eq!(
            refusal(&page, &issuer).err(),
            Some(PageError::ClientUnknown)
        );
    }
}
