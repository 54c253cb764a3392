//! Minting: an issuance becomes an access token, an ID token that names it, and where due a refresh token.
//!
//! Access tokens are stateless (RFC 9068); what is written is the refresh token alone. Its row and the
//! spending of its predecessor are one transaction.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Tokens, TokensError};
use crate::keys::jws::sign_claims;
use crate::oidc::access_token::{self, AccessToken, AccessTokenId};
use crate::oidc::claims::{self, Profile};
use crate::oidc::client::Client;
use crate::oidc::grant::Validity;
use crate::oidc::grants::refresh_token::RefreshRecord;
use crate::oidc::grants::{Issuance, RefreshIssue};
use crate::oidc::id_token::IdToken;
use crate::oidc::token_response::TokenResponse;
use crate::random;
use crate::store::Rotation;

/// The end of minting.
pub enum Minted {
    /// To be sent to the client.
    Response(TokenResponse),
    /// The presented refresh token was spent meanwhile: its family is to be revoked.
    RefreshReused,
}

impl Tokens {
    /// Mints what an issuance says. `presented` is the refresh token that is to be rotated, if one is.
    ///
    /// # Errors
    /// When a key or the database is not available; nothing was issued then.
    pub async fn mint(
        &self,
        issuance: &Issuance,
        client: &Client,
        profile: Profile,
        presented: Option<&SecretString>,
        now: OffsetDateTime,
    ) -> Result<Minted, TokensError> {
        let ring = self.keyring.ring();
        let sub = issuance.grant.subject.public();
        let validity = |lifetime| Validity { issued_at: now, lifetime };
        let access = AccessToken::new(
            &self.issuer,
            sub.clone(),
            issuance,
            AccessTokenId(Uuid::new_v4()),
            validity(self.lifetimes.access_token),
        );
        let signer = ring.signer(self.access_token_alg.into())?;
        let access_token = sign_claims(signer.as_ref(), access_token::TYP, &access).await?;
        let id_token = IdToken::new(&self.issuer, sub, issuance, validity(self.lifetimes.id_token))
            .with_access_token(&access_token, client.id_token_alg)
            .with_claims(claims::in_id_token(profile, &issuance.grant));
        let signer = ring.signer(client.id_token_alg.into())?;
        let id_token = sign_claims(signer.as_ref(), "JWT", &id_token).await?;
        let refresh_token = match self.refresh(issuance, presented, now).await? {
            Refreshed::Reused => return Ok(Minted::RefreshReused),
            Refreshed::Token(token) => token,
        };
        Ok(Minted::Response(TokenResponse {
            access_token: access_token.into(),
            expires_in: self.lifetimes.access_token,
            id_token: id_token.into(),
            refresh_token,
            scopes: issuance.scopes.clone(),
        }))
    }

    async fn refresh(
        &self,
        issuance: &Issuance,
        presented: Option<&SecretString>,
        now: OffsetDateTime,
    ) -> Result<Refreshed, TokensError> {
        let first = match issuance.refresh {
            RefreshIssue::None | RefreshIssue::Keep => return Ok(Refreshed::Token(None)),
            RefreshIssue::First => true,
            RefreshIssue::Rotate => false,
        };
        let (token, expires_at) = (random::secret(), now + self.lifetimes.refresh_token);
        let record = RefreshRecord { grant: issuance.grant.clone(), expires_at, spent_at: None };
        let record = serde_json::to_value(&record).expect("invariant: a refresh token's record is plain JSON");
        let digest = random::digest(token.expose_secret());
        let (grant, new) = (issuance.grant.id.0, (digest.as_str(), record));
        match presented.filter(|_| !first) {
            None => self.store.add_refresh_token(grant, new, expires_at).await?,
            Some(old) => {
                let old = random::digest(old.expose_secret());
                let rotation = self.store.rotate_refresh_token(&old, grant, new, expires_at, now).await?;
                if rotation == Rotation::Reused {
                    return Ok(Refreshed::Reused);
                }
            }
        }
        Ok(Refreshed::Token(Some(token)))
    }
}

enum Refreshed {
    Token(Option<SecretString>),
    Reused,
}
