//! Token revocation (RFC 7009).

use secrecy::SecretString;

use super::client::{Client, ClientId};
use super::error::{TokenError, TokenErrorCode};
use super::parameters::Parameters;

/// What kind of token the client thinks it has (RFC 7009 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTypeHint {
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
}

/// A revocation request. It holds a credential, and is not printed.
pub struct RevocationRequest {
    /// The token to revoke.
    pub token: SecretString,
    /// Where to look first; the other kind is to be looked for too (RFC 7009 §2.1).
    pub hint: Option<TokenTypeHint>,
}

impl RevocationRequest {
    /// Reads the form. An unknown token is no error: the caller answers 200 (RFC 7009 §2.2).
    ///
    /// # Errors
    /// `invalid_request` when the token is missing or a parameter repeated.
    pub fn parse(form: &Parameters) -> Result<Self, TokenError> {
        let token = form.once()?.secret("token").ok_or(TokenError::new(
            TokenErrorCode::InvalidRequest,
            "token is missing",
        ))?;
        // RFC 7009 §2.1: a hint that is not understood may be ignored.
        let hint = match form.get("token_type_hint") {
            Some("access_token") => Some(TokenTypeHint::AccessToken),
            Some("refresh_token") => Some(TokenTypeHint::RefreshToken),
            Some(_) | None => None,
        };
        Ok(Self { token, hint })
    }
}

/// Whether this authenticated client may revoke a token that was issued to `owner`.
///
/// # Errors
/// `invalid_grant` where it was issued to another (RFC 7009 §2.1, RFC 6749 §5.2).
pub fn check(client: &Client, owner: &ClientId) -> Result<(), TokenError> {
    if client.id != *owner {
        return Err(TokenError::new(
            TokenErrorCode::InvalidGrant,
            "the token was issued to another client",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{confidential_client, public_client};

    #[test]
    fn every_outcome_of_a_revocation_request() {
        let parse = |text: &str| {
            let form = Parameters::from_urlencoded(text.as_bytes()).unwrap();
            RevocationRequest::parse(&form)
                .map(|it| it.hint)
                .map_err(|it| it.code())
        };
        assert_eq!(parse("token=x"), Ok(None));
        assert_eq!(parse("token=x&token_type_hint=pet"), Ok(None));
        assert_eq!(
            parse("token=x&token_type_hint=refresh_token"),
            Ok(Some(TokenTypeHint::RefreshToken))
        );
        assert_eq!(
            parse("token=x&token_type_hint=access_token"),
            Ok(Some(TokenTypeHint::AccessToken))
        );
        assert_eq!(parse(""), Err("invalid_request"));
        assert_eq!(parse("token="), Err("invalid_request"));
        assert_eq!(parse("token=x&token=y"), Err("invalid_request"));
    }

    #[test]
    fn a_client_revokes_its_own_tokens_alone() {
        let client = confidential_client();
        assert_eq!(check(&client, &client.id), Ok(()));
        let error = check(&client, &public_client().id).unwrap_err();
        assert_eq!((error.code(), error.status()), ("invalid_grant", 400));
    }
}
