//! The access token's claims (RFC 9068 §2.2).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::acr::Acr;
use super::bearer::BearerRefusal;
use super::client::ClientId;
use super::grant::{GrantId, Validity};
use super::grants::Issuance;
use super::provider::Issuer;
use super::scope::Scopes;
use super::subject::SubjectIdentifier;

/// The header's `typ`, so that no other JWT passes for an access token (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// The `jti`: names one access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessTokenId(pub Uuid);

/// The claims of an access token; dates are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// Who issued it.
    pub iss: Issuer,
    /// On whose behalf it is used.
    pub sub: SubjectIdentifier,
    /// The resource server; without a resource indicator, this provider's own userinfo (RFC 9068 §3).
    pub aud: String,
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
    pub scope: Scopes,
    /// The assurance that was reached (RFC 9068 §2.2.1).
    pub acr: Acr,
    /// When the subject authenticated (RFC 9068 §2.2.1).
    #[serde(with = "time::serde::timestamp")]
    pub auth_time: OffsetDateTime,
    /// The grant that it follows from, with which it is revoked.
    pub grant_id: GrantId,
}

impl AccessToken {
    /// The claims of what is issued, for this provider's own userinfo endpoint.
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
            aud: issuer.as_str().to_owned(),
            exp: validity.expires_at(),
            iat: validity.issued_at,
            jti,
            client_id: grant.client_id.clone(),
            scope: issuance.scopes.clone(),
            acr: grant.authentication.acr.clone(),
            auth_time: grant.authentication.auth_time,
            grant_id: grant.id,
        }
    }

    /// Whether the token, whose signature and `typ` the caller has verified, is good here now for this scope.
    ///
    /// Whether its grant was revoked is for the caller to ask the store.
    ///
    /// # Errors
    /// `invalid_token` or `insufficient_scope` (RFC 6750 §3.1).
    pub fn check(
        &self,
        issuer: &Issuer,
        scope: &'static str,
        now: OffsetDateTime,
    ) -> Result<(), BearerRefusal> {
        // RFC 9068 §4: issuer, audience and expiry.
        if self.iss != *issuer || self.aud != issuer.as_str() || now >= self.exp {
            return Err(BearerRefusal::InvalidToken);
        }
        if !self.scope.contains(scope) {
            return Err(BearerRefusal::InsufficientScope { scope });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{confidential_client, grant, now, provider, ten_minutes};
    use crate::oidc::grants::RefreshIssue;
    use crate::oidc::scope::{EMAIL, OPENID};

    fn token() -> AccessToken {
        let grant = grant(&confidential_client());
        let issuance = Issuance {
            scopes: Scopes::parse("openid profile").unwrap(),
            nonce: None,
            refresh: RefreshIssue::None,
            grant,
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
                "auth_time": 1_799_999_700,
                "grant_id": "00000000-0000-0000-0000-000000000001",
            })
        );
    }

    #[test]
    fn it_is_good_here_for_its_scopes_until_it_expires() {
        let issuer = provider().issuer;
        let other = Issuer::parse("https://other.example").unwrap();
        let good = token();
        assert_eq!(good.check(&issuer, OPENID, now()), Ok(()));
        assert_eq!(
            good.check(&issuer, EMAIL, now()),
            Err(BearerRefusal::InsufficientScope { scope: EMAIL })
        );
        let invalid = Err(BearerRefusal::InvalidToken);
        assert_eq!(good.check(&issuer, OPENID, good.exp), invalid);
        assert_eq!(good.check(&other, OPENID, now()), invalid);
        let elsewhere = AccessToken {
            aud: "https://api.example".into(),
            ..token()
        };
        assert_eq!(elsewhere.check(&issuer, OPENID, now()), invalid);
    }
}
