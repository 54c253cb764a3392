//! A bearer token in a request, and the challenge where it will not do (RFC 6750).

use secrecy::SecretString;
use thiserror::Error;

use super::parameters::Parameters;
use super::provider::Issuer;

/// Why a request to a protected resource is refused (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BearerRefusal {
    /// No token came; the challenge names no error (RFC 6750 §3.1).
    #[error("no access token")]
    Missing,
    /// The token came twice, in the query, or cannot be read.
    #[error("the access token is in the query, repeated or malformed")]
    InvalidRequest,
    /// The token is expired, revoked, not ours, or not for this resource.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The token is good, and not for this.
    #[error("the access token lacks the scope {scope}")]
    InsufficientScope {
        /// What it would need.
        scope: &'static str,
    },
}

impl BearerRefusal {
    /// The registered code, where there is one to tell.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope { .. } => Some("insufficient_scope"),
        }
    }

    /// The HTTP status (RFC 6750 §3.1).
    pub fn status(self) -> u16 {
        match self {
            Self::Missing | Self::InvalidToken => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope { .. } => 403,
        }
    }

    /// A plain sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "An access token is needed.",
            Self::InvalidRequest => "The access token must come once, in the Authorization header.",
            Self::InvalidToken => "The access token is expired, revoked or not valid here.",
            Self::InsufficientScope { .. } => "The access token is not good for this.",
        }
    }

    /// The value of the `WWW-Authenticate` header (RFC 6750 §3).
    pub fn www_authenticate(self, issuer: &Issuer) -> String {
        // An issuer is a URL without a quote or a backslash in it, and so needs no escape.
        let mut challenge = format!(r#"Bearer realm="{issuer}""#);
        if let Some(code) = self.code() {
            let sentence = self.sentence();
            challenge += &format!(r#", error="{code}", error_description="{sentence}""#);
        }
        if let Self::InsufficientScope { scope } = self {
            challenge += &format!(r#", scope="{scope}""#);
        }
        challenge
    }
}

/// Finds the access token: in the Authorization header (RFC 6750 §2.1) or in the form (§2.2).
///
/// In the query it is refused (RFC 9700 §4.3.2): it would stay in logs and histories.
///
/// # Errors
/// When there is none, more than one, or one in the query.
pub fn extract(
    authorization: Option<&str>,
    query: &Parameters,
    form: Option<&Parameters>,
) -> Result<SecretString, BearerRefusal> {
    const NAME: &str = "access_token";
    if query.get(NAME).is_some() || query.is_repeated(NAME) {
        return Err(BearerRefusal::InvalidRequest);
    }
    if form.is_some_and(Parameters::repeated) {
        return Err(BearerRefusal::InvalidRequest);
    }
    let posted = form.and_then(|form| form.get(NAME));
    let token = match (authorization, posted) {
        // RFC 6750 §2: no more than one method.
        (Some(_), Some(_)) => return Err(BearerRefusal::InvalidRequest),
        (Some(header), None) => from_header(header)?,
        (None, Some(token)) => token,
        (None, None) => return Err(BearerRefusal::Missing),
    };
    if is_b64token(token) {
        Ok(token.into())
    } else {
        Err(BearerRefusal::InvalidRequest)
    }
}

fn from_header(header: &str) -> Result<&str, BearerRefusal> {
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BearerRefusal::Missing);
    }
    Ok(token.trim_matches(' '))
}

/// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::oidc::fixtures::provider;

    #[test]
    fn where_a_token_may_be() {
        use BearerRefusal as R;
        type Case<'a> = (
            Option<&'a str>,
            &'a [u8],
            Option<&'a [u8]>,
            Result<&'a str, R>,
        );
        let table: [Case<'_>; 15] = [
            (Some("Bearer a.b-c"), b"", None, Ok("a.b-c")),
            (Some("bearer  abc=="), b"", None, Ok("abc==")),
            (None, b"", Some(b"access_token=abc"), Ok("abc")),
            (None, b"", None, Err(R::Missing)),
            (None, b"", Some(b"x=1"), Err(R::Missing)),
            (Some("Basic abc"), b"", None, Err(R::Missing)),
            (Some("Bearer"), b"", None, Err(R::InvalidRequest)),
            (Some("Bearer "), b"", None, Err(R::InvalidRequest)),
            (Some("Bearer a b"), b"", None, Err(R::InvalidRequest)),
            (Some("Bearer a=b"), b"", None, Err(R::InvalidRequest)),
            (None, b"access_token=abc", None, Err(R::InvalidRequest)),
            (
                Some("Bearer abc"),
                b"access_token=abc",
                None,
                Err(R::InvalidRequest),
            ),
            (
                None,
                b"access_token=a&access_token=b",
                None,
                Err(R::InvalidRequest),
            ),
            (
                Some("Bearer abc"),
                b"",
                Some(b"access_token=abc"),
                Err(R::InvalidRequest),
            ),
            (
                None,
                b"",
                Some(b"access_token=a&access_token=b"),
                Err(R::InvalidRequest),
            ),
        ];
        for (index, (header, query, form, expected)) in table.into_iter().enumerate() {
            let query = Parameters::from_urlencoded(query).unwrap();
            let form = form.map(|form| Parameters::from_urlencoded(form).unwrap());
            let found = extract(header, &query, form.as_ref());
            let found = found
                .as_ref()
                .map(|it| it.expose_secret())
                .map_err(|it| *it);
            assert_eq!(found, expected, "case {index}");
        }
    }

    #[test]
    fn challenges_name_what_is_wrong_and_nothing_where_no_token_came() {
        let issuer = provider().issuer;
        assert_eq!(
            BearerRefusal::Missing.www_authenticate(&issuer),
            r#"Bearer realm="https://id.example""#
        );
        assert_eq!(
            BearerRefusal::InsufficientScope { scope: "openid" }.www_authenticate(&issuer),
            r#"Bearer realm="https://id.example", error="insufficient_scope", error_description="The access token is not good for this.", scope="openid""#
        );
        assert_eq!(BearerRefusal::InvalidToken.status(), 401);
        assert_eq!(BearerRefusal::InvalidRequest.status(), 400);
    }
}
