//! The token endpoint's grants: a form becomes a typed request, a request and its record become an
//! [`Issuance`], and nothing here touches the record's store.
//!
//! The caller authenticates the client, finds the record by the hash of what was presented, asks `check`,
//! redeems the record by one conditional update, and only then mints. A grant to come is one more file with
//! its `Request`, `Record` and `check`, and one more variant of [`TokenRequest`].

pub mod authorization_code;
pub mod client_credentials;
pub mod refresh_token;
pub mod token_exchange;
pub mod waiting;

use std::collections::BTreeSet;

use super::authorization_details::AuthorizationDetails;
use super::client::{GrantType, Registered as _};
use super::confirmation::Confirmation;
use super::error::{TokenError, TokenErrorCode};
use super::grant::Grant;
use super::parameters::Parameters;
use super::provider::Provider;
use super::resource::{self, ResourceUri};
use super::scope::Scopes;

/// A token request (RFC 6749 §4.1.3, §6). It holds a credential, and is not printed.
pub enum TokenRequest {
    /// A code to redeem.
    AuthorizationCode(authorization_code::CodeRequest),
    /// A refresh token to use.
    RefreshToken(refresh_token::RefreshRequest),
    /// A client for itself.
    ClientCredentials(client_credentials::OwnRequest),
    /// For what a person allows elsewhere.
    Waiting(waiting::WaitingRequest),
    /// One token for another.
    Exchange(token_exchange::ExchangeRequest),
}

impl TokenRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_grant` or `invalid_scope` (RFC 6749 §5.2).
    pub fn parse(form: &Parameters) -> Result<Self, TokenError> {
        let grant_type = required(form.once()?, "grant_type", "grant_type is missing")?;
        let grant_type = GrantType::named(grant_type).ok_or(UNSUPPORTED)?;
        Ok(match grant_type {
            GrantType::AuthorizationCode => {
                Self::AuthorizationCode(authorization_code::CodeRequest::parse(form)?)
            }
            GrantType::RefreshToken => {
                Self::RefreshToken(refresh_token::RefreshRequest::parse(form)?)
            }
            GrantType::ClientCredentials => {
                Self::ClientCredentials(client_credentials::OwnRequest::parse(form)?)
            }
            GrantType::DeviceCode => Self::Waiting(waiting::WaitingRequest::device(form)?),
            GrantType::Ciba => Self::Waiting(waiting::WaitingRequest::backchannel(form)?),
            GrantType::TokenExchange => {
                Self::Exchange(token_exchange::ExchangeRequest::parse(form)?)
            }
            GrantType::Implicit | GrantType::JwtBearer => return Err(UNSUPPORTED),
        })
    }

    /// The grant that is used.
    pub fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
            Self::RefreshToken(_) => GrantType::RefreshToken,
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
            Self::Waiting(request) => request.grant_type,
            Self::Exchange(_) => GrantType::TokenExchange,
        }
    }
}

/// Whether the grant is served: at the token endpoint, or, for the implicit one, at the authorization endpoint.
pub const fn is_served(grant: GrantType) -> bool {
    match grant {
        GrantType::AuthorizationCode
        | GrantType::RefreshToken
        | GrantType::Implicit
        | GrantType::ClientCredentials
        | GrantType::DeviceCode
        | GrantType::Ciba
        | GrantType::TokenExchange => true,
        GrantType::JwtBearer => false,
    }
}

const UNSUPPORTED: TokenError = TokenError::new(
    TokenErrorCode::UnsupportedGrantType,
    "the grant_type is not supported",
);

/// What to issue on a subject's behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuance {
    /// What was granted.
    pub grant: Grant,
    /// The access token's scopes: the grant's, or fewer.
    pub scopes: Scopes,
    /// Whether an ID token goes along: where `openid` was granted, and is not left out of what is asked for.
    pub id_token: bool,
    /// The access token's resources: the grant's, or fewer.
    pub resources: BTreeSet<ResourceUri>,
    /// What the access token is good for in detail: as the grant, or less.
    pub details: AuthorizationDetails,
    /// The key that the access token is bound to.
    pub confirmation: Confirmation,
    /// The ID token's nonce. A refreshed ID token has none (OIDC Core §12.2).
    pub nonce: Option<String>,
    /// What to do about refresh tokens.
    pub refresh: RefreshIssue,
}

/// What to do about refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshIssue {
    /// Issue none.
    None,
    /// Issue the family's first.
    First,
    /// Mark the presented one as spent and issue its successor (RFC 9700 §4.14.2).
    Rotate,
    /// Leave the presented one as it is, and send none.
    Keep,
}

/// What any token request may narrow: where its access token is for, and what in detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// `resource` (RFC 8707 §2.2).
    pub resources: BTreeSet<ResourceUri>,
    /// `authorization_details` (RFC 9396 §6).
    pub details: AuthorizationDetails,
}

impl Narrowing {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_target` or `invalid_authorization_details`.
    pub fn parse(form: &Parameters) -> Result<Self, TokenError> {
        Ok(Self {
            resources: resource::requested(form)?,
            details: AuthorizationDetails::parse(form.get("authorization_details"))?,
        })
    }
}

impl Issuance {
    /// The same, for no more than the token request asks for, and bound to what it proved.
    ///
    /// # Errors
    /// `invalid_target` or `invalid_authorization_details` where it asks for what was not granted.
    pub fn narrowed(
        self,
        asked: &Narrowing,
        provider: &Provider,
        confirmation: Confirmation,
    ) -> Result<Self, TokenError> {
        let issuer = &provider.issuer;
        let resources = resource::narrowed(&self.grant.resources, &asked.resources, issuer)?;
        let details = self.grant.details.narrowed(&asked.details)?;
        Ok(Self {
            scopes: provider.resources.scopes(&resources, &self.scopes, issuer),
            resources,
            details,
            confirmation,
            ..self
        })
    }
}

fn scopes(form: &Parameters) -> Result<Option<Scopes>, TokenError> {
    let Some(text) = form.get("scope") else {
        return Ok(None);
    };
    let says = "scope has a forbidden character";
    let error = TokenError::new(TokenErrorCode::InvalidScope, says);
    Scopes::parse(text).map(Some).ok_or(error)
}

fn required<'form>(
    form: &'form Parameters,
    name: &str,
    description: &'static str,
) -> Result<&'form str, TokenError> {
    form.get(name)
        .ok_or(TokenError::new(TokenErrorCode::InvalidRequest, description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{REDIRECT_URI, VERIFIER, changed};

    #[test]
    fn every_refusal_of_a_token_request() {
        use TokenErrorCode as E;
        let code = [
            ("grant_type", "authorization_code"),
            ("code", "c0de"),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let refresh = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "r3fresh"),
            ("scope", "openid"),
        ];
        assert!(TokenRequest::parse(&changed(&code, "", None)).is_ok());
        assert!(TokenRequest::parse(&changed(&refresh, "", None)).is_ok());
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>, E);
        let table: Vec<Case<'_>> = vec![
            (&code, "grant_type", None, E::InvalidRequest),
            (
                &code,
                "grant_type",
                Some("password"),
                E::UnsupportedGrantType,
            ),
            (
                &code,
                "grant_type",
                Some("Authorization_Code"),
                E::UnsupportedGrantType,
            ),
            (&code, "code", None, E::InvalidRequest),
            (&code, "code", Some(""), E::InvalidRequest),
            (&code, "code_verifier", Some("short"), E::InvalidGrant),
            (&refresh, "refresh_token", None, E::InvalidRequest),
            (&refresh, "scope", Some("a\"b"), E::InvalidScope),
        ];
        for (pairs, name, value, expected) in table {
            let error = TokenRequest::parse(&changed(pairs, name, value)).err();
            assert_eq!(error.map(|it| it.code), Some(expected), "{name}={value:?}");
        }
        for (name, value) in code {
            let twice = Parameters::parse(code.into_iter().chain([(name, value)])).unwrap();
            let error = TokenRequest::parse(&twice).err();
            assert_eq!(error.map(|it| it.code), Some(E::InvalidRequest), "{name}");
        }
    }
}
