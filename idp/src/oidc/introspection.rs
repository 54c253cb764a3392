//! Token introspection (RFC 7662), plain or as a signed answer (RFC 9701).

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::access_token::AccessToken;
use super::client::{Client, ClientId};
use super::error::{TokenError, TokenErrorCode};
use super::grants::refresh_token::RefreshRecord;
use super::parameters::Parameters;
use super::provider::Issuer;
use super::resource::Resources;
use super::subject::SubjectIdentifier;

/// The header's `typ` of a signed answer (RFC 9701 §5).
pub const TYP: &str = "token-introspection+jwt";
/// The media type that asks for a signed answer, and that it has (RFC 9701 §4, §5).
pub const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// An introspection request. It holds a credential, and is not printed.
pub struct IntrospectionRequest {
    /// The token in question. A hint is not needed: our tokens tell themselves apart (RFC 7662 §2.1).
    pub token: SecretString,
}

impl IntrospectionRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request` when the token is missing or a parameter repeated.
    pub fn parse(form: &Parameters) -> Result<Self, TokenError> {
        let token = form.once()?.secret("token").ok_or(TokenError::new(
            TokenErrorCode::InvalidRequest,
            "token is missing",
        ))?;
        Ok(Self { token })
    }
}

/// Whether this client may introspect at all: whoever only says its name has not authenticated (RFC 7662 §2.1, §4).
///
/// # Errors
/// `invalid_client`.
pub fn check_client(client: &Client) -> Result<(), TokenError> {
    if client.is_public() {
        return Err(TokenError::new(
            TokenErrorCode::InvalidClient,
            "the client could not be authenticated",
        ));
    }
    Ok(())
}

/// Whether this client may know about an access token: its own, or one for a resource that it speaks for.
pub fn may_know(client: &Client, token: &AccessToken, resources: &Resources) -> bool {
    token.client_id == client.id || resources.is_introspector(&client.id, token.aud.iter())
}

/// What is said of a token that is not active, or not the asker's business: nothing more (RFC 7662 §2.2).
pub fn inactive() -> Map<String, Value> {
    object(json!({"active": false}))
}

/// What is said of an active access token: what stands in it (RFC 7662 §2.2, RFC 9449 §6.2, RFC 9396 §9.2,
/// RFC 9470 §6.2).
pub fn active(token: &AccessToken) -> Map<String, Value> {
    let mut said = object(json!(token));
    said.remove("grant_id");
    said.insert("active".into(), true.into());
    let bound = token.cnf.as_ref().is_some_and(|cnf| cnf.jkt.is_some());
    let token_type = if bound { "DPoP" } else { "Bearer" };
    said.insert("token_type".into(), token_type.into());
    said
}

/// What is said of an active refresh token to the client that has it.
pub fn active_refresh(
    record: &RefreshRecord,
    sub: &SubjectIdentifier,
    issuer: &Issuer,
) -> Map<String, Value> {
    let mut said = object(json!({
        "active": true,
        "iss": issuer,
        "sub": sub,
        "client_id": record.grant.client_id,
        "scope": record.grant.scopes,
        "exp": record.expires_at.unix_timestamp(),
    }));
    if !record.bound_to.is_empty() {
        said.insert("cnf".into(), json!(record.bound_to));
    }
    said
}

/// The claims of a signed answer (RFC 9701 §5).
#[derive(Clone, Debug, Serialize)]
pub struct SignedIntrospection {
    /// Who says so.
    pub iss: Issuer,
    /// Who asked.
    pub aud: ClientId,
    /// When.
    #[serde(with = "time::serde::timestamp")]
    pub iat: OffsetDateTime,
    /// What would be the plain answer.
    pub token_introspection: Map<String, Value>,
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::oidc::access_token::{AccessTokenId, Audience};
    use crate::oidc::confirmation::{Confirmation, Thumbprint};
    use crate::oidc::fixtures::{
        confidential_client, grant, issuance, provider, public_client, ten_minutes,
    };
    use crate::oidc::resource::{Resource, ResourceUri};
    use crate::oidc::scope::Scopes;

    fn token() -> AccessToken {
        let issuance = issuance(grant(&confidential_client()));
        let sub = issuance.grant.subject.public();
        let jti = AccessTokenId(Uuid::from_u128(9));
        AccessToken::new(&provider().issuer, sub, &issuance, jti, ten_minutes())
    }

    #[test]
    fn a_token_is_known_to_its_client_and_to_whoever_speaks_for_its_resource() {
        let owner = confidential_client();
        let api = Client {
            id: ClientId::parse("api").unwrap(),
            ..confidential_client()
        };
        let resources = Resources(vec![Resource {
            uri: ResourceUri::parse("https://api.example").unwrap(),
            scopes: Scopes::default(),
            format: None,
            clients: None,
            introspectors: [api.id.clone()].into(),
        }]);
        let at_api = AccessToken {
            aud: Audience::One("https://api.example".into()),
            ..token()
        };
        assert!(may_know(&owner, &token(), &resources));
        assert!(!may_know(&api, &token(), &resources));
        assert!(may_know(&api, &at_api, &resources));
        assert!(check_client(&owner).is_ok());
        let error = check_client(&public_client()).unwrap_err();
        assert_eq!(error.status(), 401);
    }

    #[test]
    fn an_answer_says_what_stands_in_the_token_and_else_nothing() {
        assert_eq!(Value::Object(inactive()), json!({"active": false}));
        let bound = AccessToken {
            cnf: Some(Confirmation {
                jkt: Some(Thumbprint::of_certificate(b"a")),
                certificate: None,
            }),
            ..token()
        };
        let said = active(&bound);
        assert_eq!(said.get("token_type"), Some(&"DPoP".into()));
        assert!(said.get("cnf").is_some_and(|cnf| cnf.get("jkt").is_some()));
        assert_eq!(said.get("active"), Some(&true.into()));
        assert_eq!(said.get("grant_id"), None, "our own business");
        assert_eq!(active(&token()).get("token_type"), Some(&"Bearer".into()));
    }

    #[test]
    fn every_refusal_of_an_introspection_request() {
        let parse = |text: &str| {
            let form = Parameters::from_urlencoded(text.as_bytes()).unwrap();
            IntrospectionRequest::parse(&form)
                .map(|_| ())
                .map_err(|it| it.code())
        };
        assert_eq!(parse("token=x&token_type_hint=pet"), Ok(()));
        for bad in ["", "token=", "token=x&token=y"] {
            assert_eq!(parse(bad), Err("invalid_request"), "{bad}");
        }
    }
}
