//! The access token's claims (RFC 9068 §2.2), whatever the token looks like on the wire.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::acr::Acr;
use super::amr::Amr;
use super::authorization_details::AuthorizationDetails;
use super::bearer::BearerRefusal;
use super::client::ClientId;
use super::confirmation::Confirmation;
use super::grant::{GrantId, Validity};
use super::grants::Issuance;
use super::provider::Issuer;
use super::resource::{ResourceUri, USERINFO};
use super::scope::Scopes;
use super::subject::SubjectIdentifier;

/// The header's `typ`, so that no other JWT passes for an access token (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// The `jti`: names one access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessTokenId(pub Uuid);

/// Whom a token is for; written as one string where it is one (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One resource.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Audience {
    /// The resources; without any, this provider's own userinfo endpoint (RFC 9068 §3).
    pub fn of(resources: &BTreeSet<ResourceUri>, issuer: &Issuer) -> Self {
        let mut uris: Vec<_> = resources.iter().map(|it| it.as_str().to_owned()).collect();
        match (uris.pop(), uris.is_empty()) {
            (None, _) => Self::One(issuer.as_str().to_owned()),
            (Some(only), true) => Self::One(only),
            (Some(last), false) => {
                uris.push(last);
                Self::Several(uris)
            }
        }
    }

    /// The values.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let values = match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Several(all) => all.as_slice(),
        };
        values.iter().map(String::as_str)
    }

    /// Whether it names this provider's userinfo endpoint.
    pub fn is_own(&self, issuer: &Issuer) -> bool {
        let userinfo = issuer.endpoint(USERINFO);
        self.iter()
            .any(|it| it == issuer.as_str() || it == userinfo)
    }
}

/// Who acts for the subject (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub sub: SubjectIdentifier,
    /// The client that asked on the actor's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// For whom that one acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// How many stand in the chain.
    pub fn depth(&self) -> usize {
        1 + self.act.as_ref().map_or(0, |earlier| earlier.depth())
    }
}

/// The claims of an access token; dates are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// Who issued it.
    pub iss: Issuer,
    /// On whose behalf it is used; the client itself where there is no subject (RFC 9068 §2.2).
    pub sub: SubjectIdentifier,
    /// The resource servers.
    pub aud: Audience,
    /// Until when it is good.
    #[serde(with = "time::serde::timestamp")]
    pub exp: OffsetDateTime,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub iat: OffsetDateTime,
    /// Names it.
    pub jti: AccessTokenId,
    /// Who uses it.
    pub client_id: ClientId,
    /// What it is good for.
    #[serde(default, skip_serializing_if = "Scopes::is_empty")]
    pub scope: Scopes,
    /// The assurance that was reached (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// The methods that were used (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub amr: BTreeSet<Amr>,
    /// When the subject authenticated (RFC 9068 §2.2.1).
    #[serde(
        default,
        with = "time::serde::timestamp::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub auth_time: Option<OffsetDateTime>,
    /// The grant that it follows from, with which it is revoked; none where the client acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
    /// The key that its user must prove to hold (RFC 9449 §6.1, RFC 8705 §3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts for the subject (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// What was granted in detail (RFC 9396 §9.1).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
}

impl AccessToken {
    /// The claims of what is issued on a subject's behalf.
    pub fn new(
        issuer: &Issuer,
        sub: SubjectIdentifier,
        issuance: &Issuance,
        jti: AccessTokenId,
        validity: Validity,
    ) -> Self {
        let grant = &issuance.grant;
        Self {
            iss: issuer.clone(),
            sub,
            aud: Audience::of(&issuance.resources, issuer),
            exp: validity.expires_at(),
            iat: validity.issued_at,
            jti,
            client_id: grant.client_id.clone(),
            scope: issuance.scopes.clone(),
            acr: Some(grant.authentication.acr.clone()),
            amr: grant.authentication.amr.clone(),
            auth_time: Some(grant.authentication.auth_time),
            grant_id: Some(grant.id),
            cnf: issuance.confirmation.clone().or_none(),
            act: None,
            authorization_details: issuance.details.clone(),
        }
    }

    /// The claims of what a client gets for itself (RFC 6749 §4.4).
    pub fn for_client(
        issuer: &Issuer,
        own: OwnAccess,
        jti: AccessTokenId,
        validity: Validity,
    ) -> Self {
        Self {
            iss: issuer.clone(),
            sub: SubjectIdentifier::of_client(&own.client_id),
            aud: Audience::of(&own.resources, issuer),
            exp: validity.expires_at(),
            iat: validity.issued_at,
            jti,
            client_id: own.client_id,
            scope: own.scopes,
            acr: None,
            amr: BTreeSet::new(),
            auth_time: None,
            grant_id: None,
            cnf: own.confirmation.or_none(),
            act: None,
            authorization_details: own.details,
        }
    }

    /// Whether the token, which the caller knows to be ours, is good at our own protected resources now for this
    /// scope, used by whoever proved this.
    ///
    /// Whether its grant was revoked is for the caller to ask the store.
    ///
    /// # Errors
    /// `invalid_token` or `insufficient_scope` (RFC 6750 §3.1).
    pub fn check(
        &self,
        issuer: &Issuer,
        scope: &'static str,
        proved: &Confirmation,
        now: OffsetDateTime,
    ) -> Result<(), BearerRefusal> {
        // RFC 9068 §4: issuer, audience and expiry.
        if self.iss != *issuer || !self.aud.is_own(issuer) || now >= self.exp {
            return Err(BearerRefusal::InvalidToken);
        }
        let bound = self.cnf.clone().unwrap_or_default();
        // RFC 9449 §7.1: a token that is not bound is no DPoP token, and a bound one is no bearer token (§7.2).
        if !bound.is_met_by(proved) || (proved.jkt.is_some() && bound.jkt.is_none()) {
            return Err(BearerRefusal::InvalidToken);
        }
        if !self.scope.contains(scope) {
            return Err(BearerRefusal::InsufficientScope { scope });
        }
        Ok(())
    }
}

/// What a client gets for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAccess {
    /// Who.
    pub client_id: ClientId,
    /// What.
    pub scopes: Scopes,
    /// Where.
    pub resources: BTreeSet<ResourceUri>,
    /// Under which key.
    pub confirmation: Confirmation,
    /// What in detail.
    pub details: AuthorizationDetails,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::confirmation::Thumbprint;
    use crate::oidc::fixtures::{confidential_client, grant, issuance, now, provider, ten_minutes};
    use crate::oidc::scope::{EMAIL, OPENID};

    fn token() -> AccessToken {
        let issuance = Issuance {
            scopes: Scopes::parse("openid profile").unwrap(),
            ..issuance(grant(&confidential_client()))
        };
        let sub = issuance.grant.subject.public();
        let jti = AccessTokenId(Uuid::from_u128(9));
        AccessToken::new(&provider().issuer, sub, &issuance, jti, ten_minutes())
    }

    #[test]
    fn the_claims_are_those_of_rfc_9068() {
        assert_eq!(
            serde_json::to_value(token()).unwrap(),
            serde_json::json!({
                "iss": "https://id.example",
                "sub": "00000000-0000-0000-0000-000000000002",
                "aud": "https://id.example",
                "exp": 1_800_000_600,
                "iat": 1_800_000_000,
                "jti": "00000000-0000-0000-0000-000000000009",
                "client_id": "app",
                "scope": "openid profile",
                "acr": "urn:whorl:acr:two",
                "amr": ["face", "mfa", "pwd"],
                "auth_time": 1_799_999_700,
                "grant_id": "00000000-0000-0000-0000-000000000001",
            })
        );
    }

    #[test]
    fn a_client_that_acts_for_itself_is_the_subject() {
        let own = OwnAccess {
            client_id: ClientId::parse("a job").unwrap(),
            scopes: Scopes::default(),
            resources: ["urn:a", "urn:b"]
                .into_iter()
                .filter_map(ResourceUri::parse)
                .collect(),
            confirmation: Confirmation::default(),
            details: AuthorizationDetails::default(),
        };
        let jti = AccessTokenId(Uuid::from_u128(9));
        let token = AccessToken::for_client(&provider().issuer, own, jti, ten_minutes());
        assert_eq!(
            serde_json::to_value(&token).unwrap(),
            serde_json::json!({
                "iss": "https://id.example",
                "sub": "a%20job",
                "aud": ["urn:a", "urn:b"],
                "exp": 1_800_000_600,
                "iat": 1_800_000_000,
                "jti": "00000000-0000-0000-0000-000000000009",
                "client_id": "a job",
            })
        );
        let json = serde_json::to_string(&token).unwrap();
        assert_eq!(serde_json::from_str::<AccessToken>(&json).unwrap(), token);
    }

    #[test]
    fn it_is_good_here_for_its_scopes_until_it_expires() {
        let issuer = provider().issuer;
        let other = Issuer::parse("https://other.example").unwrap();
        let nothing = Confirmation::default();
        let good = token();
        assert_eq!(good.check(&issuer, OPENID, &nothing, now()), Ok(()));
        assert_eq!(
            good.check(&issuer, EMAIL, &nothing, now()),
            Err(BearerRefusal::InsufficientScope { scope: EMAIL })
        );
        let invalid = Err(BearerRefusal::InvalidToken);
        assert_eq!(good.check(&issuer, OPENID, &nothing, good.exp), invalid);
        assert_eq!(good.check(&other, OPENID, &nothing, now()), invalid);
        let elsewhere = AccessToken {
            aud: Audience::One("https://api.example".into()),
            ..token()
        };
        assert_eq!(elsewhere.check(&issuer, OPENID, &nothing, now()), invalid);
        let userinfo = AccessToken {
            aud: Audience::Several(vec!["urn:x".into(), "https://id.example/userinfo".into()]),
            ..token()
        };
        assert_eq!(userinfo.check(&issuer, OPENID, &nothing, now()), Ok(()));
    }

    #[test]
    fn a_bound_token_is_no_bearer_token_and_an_unbound_one_no_dpop_token() {
        let issuer = provider().issuer;
        let (a, b) = (
            Thumbprint::of_certificate(b"a"),
            Thumbprint::of_certificate(b"b"),
        );
        let dpop = |jkt: &Thumbprint| Confirmation {
            jkt: Some(jkt.clone()),
            certificate: None,
        };
        let bound = AccessToken {
            cnf: Some(dpop(&a)),
            ..token()
        };
        let check = |token: &AccessToken, proved: &Confirmation| {
            token.check(&issuer, OPENID, proved, now())
        };
        let invalid = Err(BearerRefusal::InvalidToken);
        assert_eq!(check(&bound, &dpop(&a)), Ok(()));
        assert_eq!(check(&bound, &dpop(&b)), invalid);
        assert_eq!(check(&bound, &Confirmation::default()), invalid);
        assert_eq!(check(&token(), &dpop(&a)), invalid);
    }
}
