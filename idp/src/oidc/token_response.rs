//! The successful answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3).

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use time::Duration;

use super::authorization_details::AuthorizationDetails;
use super::scope::Scopes;

/// How the access token is to be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// As it is, or over the TLS connection that it is bound to (RFC 6750, RFC 8705 §3).
    Bearer,
    /// With a proof by the key that it is bound to (RFC 9449 §5).
    Dpop,
}

impl TokenType {
    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What is issued. It holds credentials: it is neither printed nor serialised but by [`TokenResponse::body`].
pub struct TokenResponse {
    /// The access token.
    pub access_token: SecretString,
    /// How it is to be presented.
    pub token_type: TokenType,
    /// How long it is good for.
    pub expires_in: Duration,
    /// The ID token, where `openid` was granted.
    pub id_token: Option<SecretString>,
    /// A refresh token, where one is issued.
    pub refresh_token: Option<SecretString>,
    /// What the access token is good for; always told, since it may be less than was asked (RFC 6749 §3.3).
    pub scopes: Scopes,
    /// What the access token is good for in detail (RFC 9396 §7).
    pub details: AuthorizationDetails,
    /// What kind of token `access_token` is, where one was exchanged (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'static str>,
}

impl TokenResponse {
    /// The JSON body, to be sent with `Cache-Control: no-store` (RFC 6749 §5.1).
    pub fn body(&self) -> SecretString {
        let wire = Wire {
            access_token: self.access_token.expose_secret(),
            token_type: self.token_type.as_str(),
            expires_in: self.expires_in.whole_seconds(),
            id_token: self.id_token.as_ref().map(|token| token.expose_secret()),
            refresh_token: self
                .refresh_token
                .as_ref()
                .map(|token| token.expose_secret()),
            scope: self.scopes.to_string(),
            authorization_details: &self.details,
            issued_token_type: self.issued_token_type,
        };
        serde_json::to_string(&wire)
            .expect("invariant: strings and numbers are JSON")
            .into()
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: &'a AuthorizationDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreTokenResponse;
    use openidconnect::{OAuth2TokenResponse, TokenResponse as _};

    use super::*;

    #[test]
    fn a_relying_party_can_read_it() {
        let response = TokenResponse {
            access_token: "acc3ss".into(),
            token_type: TokenType::Bearer,
            expires_in: Duration::minutes(10),
            id_token: Some(
                "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJtZSIsImF1ZCI6ImFwcCIsImV4cCI6MSwiaWF0IjoxfQ.AA"
                    .into(),
            ),
            refresh_token: None,
            scopes: Scopes::parse("openid profile").unwrap(),
            details: AuthorizationDetails::default(),
            issued_token_type: None,
        };
        let body = response.body();
        let read: CoreTokenResponse = serde_json::from_str(body.expose_secret()).unwrap();
        assert_eq!(read.access_token().secret(), "acc3ss");
        assert_eq!(read.expires_in().map(|it| it.as_secs()), Some(600));
        assert!(read.id_token().is_some() && read.refresh_token().is_none());
        assert_eq!(read.scopes().map(Vec::len), Some(2));
    }

    #[test]
    fn what_is_not_issued_is_not_mentioned() {
        let response = TokenResponse {
            access_token: "acc3ss".into(),
            token_type: TokenType::Dpop,
            expires_in: Duration::minutes(10),
            id_token: None,
            refresh_token: None,
            scopes: Scopes::default(),
            details: AuthorizationDetails::default(),
            issued_token_type: None,
        };
        assert_eq!(
            response.body().expose_secret(),
            r#"{"access_token":"acc3ss","token_type":"DPoP","expires_in":600}"#
        );
    }
}
