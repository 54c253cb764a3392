//! The successful answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3).

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use time::Duration;

use super::scope::Scopes;

/// What is issued. It holds credentials: it is neither printed nor serialised but by [`TokenResponse::body`].
pub struct TokenResponse {
    /// The access token.
    pub access_token: SecretString,
    /// How long it is good for.
    pub expires_in: Duration,
    /// The ID token.
    pub id_token: SecretString,
    /// A refresh token, where one is issued.
    pub refresh_token: Option<SecretString>,
    /// What the access token is good for; always told, since it may be less than was asked (RFC 6749 §3.3).
    pub scopes: Scopes,
}

impl TokenResponse {
    /// The JSON body, to be sent with `Cache-Control: no-store` (RFC 6749 §5.1).
    pub fn body(&self) -> SecretString {
        let wire = Wire {
            access_token: self.access_token.expose_secret(),
            token_type: "Bearer",
            expires_in: self.expires_in.whole_seconds(),
            id_token: self.id_token.expose_secret(),
            refresh_token: self
                .refresh_token
                .as_ref()
                .map(|token| token.expose_secret()),
            scope: self.scopes.to_string(),
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
    id_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
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
            expires_in: Duration::minutes(10),
            id_token: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJtZSIsImF1ZCI6ImFwcCIsImV4cCI6MSwiaWF0IjoxfQ.AA"
                .into(),
            refresh_token: None,
            scopes: Scopes::parse("openid profile").unwrap(),
        };
        let body = response.body();
        let read: CoreTokenResponse = serde_json::from_str(body.expose_secret()).unwrap();
        assert_eq!(read.access_token().secret(), "acc3ss");
        assert_eq!(read.expires_in().map(|it| it.as_secs()), Some(600));
        assert!(read.id_token().is_some() && read.refresh_token().is_none());
        assert_eq!(read.scopes().map(Vec::len), Some(2));
    }
}
