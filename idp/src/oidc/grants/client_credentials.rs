//! A client that acts for itself (RFC 6749 §4.4).

use thiserror::Error;

use crate::oidc::client::{Client, GrantType};
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::parameters::Parameters;
use crate::oidc::scope::{self, Scopes};

/// A request of a client for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRequest {
    /// The scopes that it wants; all that it may have where it does not say.
    pub scopes: Option<Scopes>,
}

impl OwnRequest {
    pub(super) fn parse(form: &Parameters) -> Result<Self, TokenError> {
        Ok(Self {
            scopes: super::scopes(form)?,
        })
    }
}

/// Why a client gets nothing for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OwnRefusal {
    /// The client may not use this grant.
    #[error("the client may not use the client credentials grant")]
    GrantTypeNotAllowed,
    /// The client has no credentials (RFC 6749 §4.4: confidential clients only).
    #[error("a public client cannot act for itself")]
    Public,
    /// A scope that it may not have.
    #[error("a scope is not one of the client's")]
    ScopeNotAllowed,
    /// Nothing is left of the scopes that it asked for.
    #[error("no scope that was asked for means anything to a client for itself")]
    NothingLeft,
}

impl From<OwnRefusal> for TokenError {
    fn from(refusal: OwnRefusal) -> Self {
        match refusal {
            OwnRefusal::GrantTypeNotAllowed | OwnRefusal::Public => Self::new(
                TokenErrorCode::UnauthorizedClient,
                "the client may not use this grant_type",
            ),
            OwnRefusal::ScopeNotAllowed => Self::new(
                TokenErrorCode::InvalidScope,
                "the scope is not one of the client's",
            ),
            OwnRefusal::NothingLeft => Self::new(
                TokenErrorCode::InvalidScope,
                "no scope of these can be had by a client for itself, or for this resource",
            ),
        }
    }
}

/// The scopes that this authenticated client gets for itself. Scopes about a subject mean nothing here and are left
/// out, which the answer says (RFC 6749 §3.3).
///
/// # Errors
/// When it may not.
pub fn check(request: &OwnRequest, client: &Client) -> Result<Scopes, OwnRefusal> {
    if !client.grant_types.contains(&GrantType::ClientCredentials) {
        return Err(OwnRefusal::GrantTypeNotAllowed);
    }
    if client.is_public() {
        return Err(OwnRefusal::Public);
    }
    let asked = request.scopes.as_ref().unwrap_or(&client.scopes);
    if !asked.is_subset(&client.scopes) {
        return Err(OwnRefusal::ScopeNotAllowed);
    }
    Ok(asked.all_but(&scope::OF_SUBJECTS))
}

/// What is left of the scopes for the resources that the token is for, `left`, where that answers the request: fewer
/// than were asked for are told in the answer (RFC 6749 §3.3), which cannot tell of none at all (`scope` has at least
/// one token there), so that nothing is issued then (§5.2 `invalid_scope`).
///
/// # Errors
/// Where scopes were asked for and none is left.
pub fn granted(request: &OwnRequest, left: Scopes) -> Result<Scopes, OwnRefusal> {
    let asked = request.scopes.as_ref().is_some_and(|it| !it.is_empty());
    match asked && left.is_empty() {
        true => Err(OwnRefusal::NothingLeft),
        false => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::client::TokenEndpointAuthMethod;
    use crate::oidc::fixtures::confidential_client;

    fn good() -> Client {
        Client {
            grant_types: [GrantType::ClientCredentials].into(),
            scopes: Scopes::parse("openid email read write").unwrap(),
            ..confidential_client()
        }
    }

    fn run(client: &Client, scopes: Option<&str>) -> Result<String, OwnRefusal> {
        let scopes = scopes.map(|text| Scopes::parse(text).unwrap());
        let request = OwnRequest { scopes };
        let left = check(&request, client)?;
        granted(&request, left).map(|it| it.to_string())
    }

    #[test]
    fn a_client_gets_its_own_scopes_and_none_about_a_subject() {
        assert_eq!(run(&good(), None), Ok("read write".into()));
        assert_eq!(run(&good(), Some("read")), Ok("read".into()));
        assert_eq!(run(&good(), Some("openid read")), Ok("read".into()));
    }

    #[test]
    fn every_refusal_of_a_client_for_itself() {
        let refused = run(&good(), Some("admin"));
        assert_eq!(refused, Err(OwnRefusal::ScopeNotAllowed));
        let refused = run(&good(), Some("openid email"));
        assert_eq!(refused, Err(OwnRefusal::NothingLeft));
        let people_only = Client {
            scopes: Scopes::parse("openid").unwrap(),
            ..good()
        };
        assert_eq!(
            run(&people_only, None),
            Ok(String::new()),
            "none was asked for"
        );
        let client = Client {
            grant_types: [GrantType::AuthorizationCode].into(),
            ..good()
        };
        assert_eq!(run(&client, None), Err(OwnRefusal::GrantTypeNotAllowed));
        let client = Client {
            auth_method: TokenEndpointAuthMethod::None,
            ..good()
        };
        assert_eq!(run(&client, None), Err(OwnRefusal::Public));
        assert_eq!(
            TokenError::from(OwnRefusal::ScopeNotAllowed).code(),
            "invalid_scope"
        );
        assert_eq!(
            TokenError::from(OwnRefusal::NothingLeft).code(),
            "invalid_scope"
        );
        assert_eq!(
            TokenError::from(OwnRefusal::Public).code(),
            "unauthorized_client"
        );
    }
}
