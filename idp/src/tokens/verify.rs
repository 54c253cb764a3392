//! Our own tokens, coming back: access tokens at userinfo, ID tokens as hints.

use time::OffsetDateTime;

use super::{LEEWAY, Tokens, TokensError};
use crate::keys::SigningAlg;
use crate::keys::jws::{Audience, Expected, Lifetime, VerifyError, verify};
use crate::oidc::access_token::{self, AccessToken};
use crate::oidc::bearer::BearerRefusal;
use crate::oidc::id_token::IdToken;
use crate::store::Grant;

impl Tokens {
    /// The access token and its grant, if it is ours, current, good for `scope`, and not revoked by itself,
    /// with its family, or with its session.
    ///
    /// # Errors
    /// The inner error is the client's; the outer one a part that is down.
    pub async fn access_token(
        &self,
        token: &str,
        scope: &'static str,
        now: OffsetDateTime,
    ) -> Result<Result<(AccessToken, Grant), BearerRefusal>, TokensError> {
        let audience = [self.issuer.as_str()];
        let expected = Expected {
            typ: access_token::TYP,
            issuer: self.issuer.as_str(),
            audience: Audience::OneOf(&audience),
            algs: &SigningAlg::ALL,
            lifetime: Lifetime::Current { leeway: LEEWAY },
        };
        let Ok(claims) = self.verified::<AccessToken>(token, &expected, now).await else {
            return Ok(Err(BearerRefusal::InvalidToken));
        };
        if let Err(refusal) = claims.check(&self.issuer, scope, now) {
            return Ok(Err(refusal));
        }
        if self.store.is_access_token_revoked(&claims.jti.0.to_string()).await? {
            return Ok(Err(BearerRefusal::InvalidToken));
        }
        Ok(match self.store.grant(claims.grant_id.0).await? {
            Some(grant) if grant.revoked_at.is_none() => Ok((claims, grant)),
            _ => Err(BearerRefusal::InvalidToken),
        })
    }

    /// An access token of ours whether or not it is still good, for its revocation.
    pub async fn access_token_to_revoke(&self, token: &str, now: OffsetDateTime) -> Option<AccessToken> {
        let audience = [self.issuer.as_str()];
        let expected = Expected {
            typ: access_token::TYP,
            issuer: self.issuer.as_str(),
            audience: Audience::OneOf(&audience),
            algs: &SigningAlg::ALL,
            lifetime: Lifetime::EvenExpired,
        };
        self.verified(token, &expected, now).await.ok()
    }

    /// An ID token of ours given back as a hint; it may have expired (RP-Initiated Logout §2).
    pub async fn id_token_hint(&self, token: &str, now: OffsetDateTime) -> Option<IdToken> {
        let expected = Expected {
            typ: "JWT",
            issuer: self.issuer.as_str(),
            audience: Audience::Any,
            algs: &SigningAlg::ALL,
            lifetime: Lifetime::EvenExpired,
        };
        self.verified(token, &expected, now).await.ok()
    }

    /// Verifies, and where the key is unknown reads the keys once more: another replica may have made it.
    async fn verified<T: serde::de::DeserializeOwned>(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now: OffsetDateTime,
    ) -> Result<T, VerifyError> {
        match verify(token, &self.keyring.ring(), expected, now) {
            Err(VerifyError::UnknownKey) if self.keyring.refresh_is_due(now) => {
                if let Err(error) = self.keyring.turn(now).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "signing_keys_not_read");
                }
                verify(token, &self.keyring.ring(), expected, now)
            }
            verified => verified,
        }
    }
}
