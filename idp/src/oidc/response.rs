//! The authorization response: code or error, back to the client (OIDC Core §3.1.2.5, §3.1.2.6;
//! RFC 6749 §4.1.2; issuer identification: RFC 9207).

use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use super::error::{AuthorizationError, PageError};
use super::provider::Issuer;
use super::redirect_uri::RedirectUri;
use super::request::{AuthorizationRequest, Refusal, ResponseMode};

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

/// The successful answer: `code`, `state`, `iss`.
pub fn success(
    request: &AuthorizationRequest,
    code: &SecretString,
    issuer: &Issuer,
) -> AuthorizationResponse {
    let mut fields = vec![("code", code.clone())];
    // RFC 6749 §4.1.2: `state` is required if it was present.
    fields.extend(
        request
            .state
            .as_deref()
            .map(|state| ("state", state.into())),
    );
    // RFC 9207 §2: so that a client of several providers knows whose code this is.
    fields.push(("iss", issuer.as_str().into()));
    deliver(&request.redirect_uri, request.response_mode, fields)
}

/// The answer to a refused request.
///
/// # Errors
/// The page's error, where the client may not be told (RFC 6749 §4.1.2.1).
pub fn refusal(refusal: &Refusal, issuer: &Issuer) -> Result<AuthorizationResponse, PageError> {
    match refusal {
        Refusal::Page(error) => Err(*error),
        Refusal::Redirect {
            redirect_uri,
            state,
            error,
            description,
            response_mode,
        } => {
            let fields = error_fields(*error, description, state.as_deref(), issuer);
            Ok(deliver(redirect_uri, *response_mode, fields))
        }
    }
}

/// The answer to a request that was well formed and is refused for a reason found later.
pub fn error(
    request: &AuthorizationRequest,
    error: AuthorizationError,
    issuer: &Issuer,
) -> AuthorizationResponse {
    let fields = error_fields(error, error.sentence(), request.state.as_deref(), issuer);
    deliver(&request.redirect_uri, request.response_mode, fields)
}

fn error_fields(
    error: AuthorizationError,
    description: &'static str,
    state: Option<&str>,
    issuer: &Issuer,
) -> Vec<(&'static str, SecretString)> {
    let mut fields = vec![
        ("error", error.code().into()),
        ("error_description", description.into()),
    ];
    fields.extend(state.map(|state| ("state", state.into())));
    // RFC 9207 §2: in error responses too.
    fields.push(("iss", issuer.as_str().into()));
    fields
}

fn deliver(
    redirect_uri: &RedirectUri,
    mode: ResponseMode,
    fields: Vec<(&'static str, SecretString)>,
) -> AuthorizationResponse {
    let separator = match mode {
        ResponseMode::FormPost => {
            return AuthorizationResponse::FormPost(FormPost {
                action: redirect_uri.clone(),
                fields,
            });
        }
        ResponseMode::Fragment => '#',
        // RFC 6749 §3.1.2: a query that the redirect URI has is kept.
        ResponseMode::Query if redirect_uri.as_str().contains('?') => '&',
        ResponseMode::Query => '?',
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
    use crate::oidc::client::ClientId;
    use crate::oidc::fixtures::{REDIRECT_URI, provider};
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

    #[test]
    fn a_code_goes_back_with_state_and_issuer() {
        let issuer = provider().issuer;
        let at = |mode, uri| location(success(&request(mode, uri), &"c0de".into(), &issuer));
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
        let AuthorizationResponse::FormPost(form) =
            success(&request, &"c0de".into(), &provider().issuer)
        else {
            panic!("no form");
        };
        assert_eq!(form.action.as_str(), REDIRECT_URI);
        let names: Vec<_> = form.fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["code", "state", "iss"]);
    }

    #[test]
    fn an_error_goes_back_with_state_and_issuer_and_a_page_error_does_not() {
        let issuer = provider().issuer;
        let request = request(ResponseMode::Query, REDIRECT_URI);
        let sent = location(error(&request, AuthorizationError::AccessDenied, &issuer));
        assert_eq!(
            sent,
            format!(
                "{REDIRECT_URI}&error=access_denied&error_description=The+sign-in+was+declined.\
                 &state=a%26b%3D%22%3C%C3%BC%3E%0D%0A&iss=https%3A%2F%2Fid.example"
            )
        );
        let again = request.refuse(AuthorizationError::AccessDenied);
        assert_eq!(location(refusal(&again, &issuer).unwrap()), sent);
        let page = Refusal::Page(PageError::ClientUnknown);
        assert_eq!(
            refusal(&page, &issuer).err(),
            Some(PageError::ClientUnknown)
        );
    }
}
