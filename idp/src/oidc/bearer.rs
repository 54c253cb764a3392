//! An access token in a request, and the challenge where it will not do (RFC 6750, RFC 9449 §7, RFC 9470).

use secrecy::SecretString;
use thiserror::Error;

use super::acr::Acr;
use super::dpop::{self, DpopRefusal};
use super::parameters::Parameters;
use super::provider::Issuer;
use super::resource::USERINFO;

/// How an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750 §2.
    Bearer,
    /// With a proof (RFC 9449 §7.1).
    Dpop,
}

/// An access token as it was presented.
pub struct Presented {
    /// How.
    pub scheme: Scheme,
    /// The token.
    pub token: SecretString,
}

/// Why a request to a protected resource is refused (RFC 6750 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BearerRefusal {
    /// No token came; the challenge names no error (RFC 6750 §3.1).
    #[error("no access token")]
    Missing,
    /// The token came twice, in the query, or cannot be read.
    #[error("the access token is in the query, repeated or malformed")]
    InvalidRequest,
    /// The token is expired, revoked, not ours, not for this resource, or bound to what was not proved.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The token is good, and not for this.
    #[error("the access token lacks the scope {scope}")]
    InsufficientScope {
        /// What it would need.
        scope: &'static str,
    },
    /// The proof that goes with the token does not hold (RFC 9449 §7.1).
    #[error(transparent)]
    Dpop(#[from] DpopRefusal),
    /// The token is good, and whoever it is about must authenticate better or anew (RFC 9470 §3).
    #[error("the authentication is too weak or too old")]
    InsufficientAuthentication(StepUp),
}

/// What a resource wants of the authentication behind a token (RFC 9470 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// Any of these; none is any.
    pub acr_values: Vec<Acr>,
    /// Not older than so many seconds.
    pub max_age_s: Option<u32>,
}

impl BearerRefusal {
    /// The registered code, where there is one to tell.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope { .. } => Some("insufficient_scope"),
            Self::Dpop(refusal) => Some(refusal.code().as_str()),
            Self::InsufficientAuthentication(_) => Some("insufficient_user_authentication"),
        }
    }

    /// The HTTP status (RFC 6750 §3.1, RFC 9449 §7.1, RFC 9470 §3).
    pub fn status(&self) -> u16 {
        match self {
            Self::Missing
            | Self::InvalidToken
            | Self::Dpop(_)
            | Self::InsufficientAuthentication(_) => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope { .. } => 403,
        }
    }

    /// A plain sentence.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Missing => "An access token is needed.",
            Self::InvalidRequest => "The access token must come once, in the Authorization header.",
            Self::InvalidToken => "The access token is expired, revoked or not valid here.",
            Self::InsufficientScope { .. } => "The access token is not good for this.",
            Self::Dpop(refusal) if refusal.wants_nonce() => {
                "The DPoP proof needs the nonce of the DPoP-Nonce header."
            }
            Self::Dpop(_) => "The DPoP proof is missing or not valid.",
            Self::InsufficientAuthentication(_) => {
                "The person has to sign in again, or with more than was used."
            }
        }
    }

    /// The values of the `WWW-Authenticate` header (RFC 6750 §3, RFC 9449 §7.1): both schemes where nothing came, and
    /// else the one that was used.
    pub fn www_authenticate(&self, issuer: &Issuer, used: Scheme) -> Vec<String> {
        match self {
            Self::Missing => vec![
                self.challenge(issuer, Scheme::Bearer),
                self.challenge(issuer, Scheme::Dpop),
            ],
            Self::InvalidRequest
            | Self::InvalidToken
            | Self::InsufficientScope { .. }
            | Self::Dpop(_)
            | Self::InsufficientAuthentication(_) => vec![self.challenge(issuer, used)],
        }
    }

    fn challenge(&self, issuer: &Issuer, scheme: Scheme) -> String {
        // An issuer is a URL without a quote or a backslash in it, and so needs no escape.
        let mut challenge = match scheme {
            Scheme::Bearer => format!(r#"Bearer realm="{issuer}""#),
            Scheme::Dpop => format!(r#"DPoP realm="{issuer}", algs="{}""#, dpop::ALGS.join(" ")),
        };
        if let Some(code) = self.code() {
            let sentence = self.sentence();
            challenge += &format!(r#", error="{code}", error_description="{sentence}""#);
        }
        if let Self::InsufficientScope { scope } = self {
            challenge += &format!(r#", scope="{scope}""#);
        }
        if let Self::InsufficientAuthentication(wanted) = self {
            let acrs: Vec<&str> = wanted.acr_values.iter().map(Acr::as_str).collect();
            if !acrs.is_empty() {
                // A quote or a backslash in a configured value would end the string.
                let acrs = acrs.join(" ").replace(['"', '\\'], "");
                challenge += &format!(r#", acr_values="{acrs}""#);
            }
            if let Some(age) = wanted.max_age_s {
                challenge += &format!(r#", max_age="{age}""#);
            }
        }
        // RFC 9728 §5.1.
        let metadata = issuer.well_known("oauth-protected-resource", USERINFO);
        challenge + &format!(r#", resource_metadata="{metadata}""#)
    }
}

/// Finds the access token: in the Authorization header (RFC 6750 §2.1, RFC 9449 §7.1) or in the form (RFC 6750 §2.2).
///
/// In the query it is refused (RFC 9700 §4.3.2): it would stay in logs and histories.
///
/// # Errors
/// When there is none, more than one, or one in the query.
pub fn extract(
    authorization: Option<&str>,
    query: &Parameters,
    form: Option<&Parameters>,
) -> Result<Presented, BearerRefusal> {
    const NAME: &str = "access_token";
    if query.get(NAME).is_some() || query.is_repeated(NAME) {
        return Err(BearerRefusal::InvalidRequest);
    }
    if form.is_some_and(Parameters::repeated) {
        return Err(BearerRefusal::InvalidRequest);
    }
    let posted = form.and_then(|form| form.get(NAME));
    let (scheme, token) = match (authorization, posted) {
        // RFC 6750 §2: no more than one method.
        (Some(_), Some(_)) => return Err(BearerRefusal::InvalidRequest),
        (Some(header), None) => from_header(header)?,
        (None, Some(token)) => (Scheme::Bearer, token),
        (None, None) => return Err(BearerRefusal::Missing),
    };
    if is_b64token(token) {
        let token = token.into();
        Ok(Presented { scheme, token })
    } else {
        Err(BearerRefusal::InvalidRequest)
    }
}

/// The scheme of an Authorization header, for the challenge that answers it.
pub fn scheme_of(authorization: Option<&str>) -> Scheme {
    match authorization.map(from_header) {
        Some(Ok((scheme, _))) => scheme,
        Some(Err(_)) | None => Scheme::Bearer,
    }
}

fn from_header(header: &str) -> Result<(Scheme, &str), BearerRefusal> {
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    let scheme = if scheme.eq_ignore_ascii_case("bearer") {
        Scheme::Bearer
    } else if scheme.eq_ignore_ascii_case("dpop") {
        Scheme::Dpop
    } else {
        return Err(BearerRefusal::Missing);
    };
    Ok((scheme, token.trim_matches(' ')))
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
    use crate::oidc::fixtures::{acr, provider};

    #[test]
    fn where_a_token_may_be() {
        use BearerRefusal as R;
        type Case<'a> = (
            Option<&'a str>,
            &'a [u8],
            Option<&'a [u8]>,
            Result<(Scheme, &'a str), R>,
        );
        let bearer = |token| Ok((Scheme::Bearer, token));
        let table: [Case<'_>; 18] = [
            (Some("Bearer a.b-c"), b"", None, bearer("a.b-c")),
            (Some("bearer  abc=="), b"", None, bearer("abc==")),
            (Some("DPoP abc"), b"", None, Ok((Scheme::Dpop, "abc"))),
            (Some("dpop abc"), b"", None, Ok((Scheme::Dpop, "abc"))),
            (Some("DPoP"), b"", None, Err(R::InvalidRequest)),
            (None, b"", Some(b"access_token=abc"), bearer("abc")),
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
                .map(|it| (it.scheme, it.token.expose_secret()))
                .map_err(Clone::clone);
            assert_eq!(found, expected, "case {index}");
        }
    }

    #[test]
    fn challenges_name_what_is_wrong_and_nothing_where_no_token_came() {
        let issuer = provider().issuer;
        let metadata = r#"resource_metadata="https://id.example/.well-known/oauth-protected-resource/userinfo""#;
        assert_eq!(
            BearerRefusal::Missing.www_authenticate(&issuer, Scheme::Bearer),
            [
                format!(r#"Bearer realm="https://id.example", {metadata}"#),
                format!(r#"DPoP realm="https://id.example", algs="ES256 EdDSA PS256", {metadata}"#),
            ]
        );
        let refusal = BearerRefusal::InsufficientScope { scope: "openid" };
        assert_eq!(
            refusal.www_authenticate(&issuer, Scheme::Bearer),
            [format!(
                r#"Bearer realm="https://id.example", error="insufficient_scope", error_description="The access token is not good for this.", scope="openid", {metadata}"#
            )]
        );
        let refusal = BearerRefusal::from(DpopRefusal::NonceMissing);
        let challenge = refusal.www_authenticate(&issuer, Scheme::Dpop).concat();
        assert!(challenge.starts_with("DPoP ") && challenge.contains(r#"error="use_dpop_nonce""#));
        assert_eq!(BearerRefusal::InvalidToken.status(), 401);
        assert_eq!(BearerRefusal::InvalidRequest.status(), 400);
    }

    #[test]
    fn a_step_up_says_what_is_wanted() {
        let refusal = BearerRefusal::InsufficientAuthentication(StepUp {
            acr_values: vec![acr("urn:a"), acr("urn:b")],
            max_age_s: Some(60),
        });
        let challenge = refusal
            .www_authenticate(&provider().issuer, Scheme::Bearer)
            .concat();
        assert!(challenge.contains(r#"error="insufficient_user_authentication""#));
        assert!(challenge.contains(r#"acr_values="urn:a urn:b", max_age="60""#));
        assert_eq!(refusal.status(), 401);
    }
}
