//! Minting: an issuance becomes an access token, an ID token that names it, and where due a refresh token.
//!
//! Access tokens are stateless, a JWT (RFC 9068) or opaque; what is written is the refresh token alone. Its row and the
//! spending of its predecessor are one transaction.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::access::token_type;
use super::{Tokens, TokensError, half_hash};
use crate::oidc::claims::{self, Profile};
use crate::oidc::client::Client;
use crate::oidc::confirmation::Confirmation;
use crate::oidc::grant::Validity;
use crate::oidc::grants::refresh_token::RefreshRecord;
use crate::oidc::grants::{Issuance, RefreshIssue};
use crate::oidc::id_token::IdToken;
use crate::oidc::response_type::ResponseType;
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
        let access_token = self.mint_access_token(issuance, client, now).await?;
        let id_token = if issuance.id_token {
            let profile = claims::in_id_token(profile, &issuance.grant, ResponseType::Code);
            let id_token = self
                .id_token(issuance, client, now)
                .with_access_token(access_token.expose_secret(), half_hash(client)?)
                .with_claims(profile);
            Some(self.protect_id_token(&id_token, client, now).await?)
        } else {
            None
        };
        let refresh_token = match self.refresh(issuance, client, presented, now).await? {
            Refreshed::Reused => return Ok(Minted::RefreshReused),
            Refreshed::Token(token) => token,
        };
        Ok(Minted::Response(TokenResponse {
            access_token,
            token_type: token_type(&issuance.confirmation),
            expires_in: self.lifetimes.access_token,
            id_token,
            refresh_token,
            scopes: issuance.scopes.clone(),
            details: issuance.details.clone(),
            issued_token_type: None,
        }))
    }

    /// The claims of an ID token, before what comes along is bound to it.
    pub(super) fn id_token(
        &self,
        issuance: &Issuance,
        client: &Client,
        now: OffsetDateTime,
    ) -> IdToken {
        let validity = Validity {
            issued_at: now,
            lifetime: self.lifetimes.id_token,
        };
        let sub = self.sub_of(issuance.grant.subject, client);
        IdToken {
            sid: self.sid_of(issuance.grant.authentication.sid, client),
            ..IdToken::new(&self.issuer, sub, issuance, validity)
        }
    }

    /// An ID token signed, and encrypted where its client registered that (OIDC Core §10.2).
    pub(super) async fn protect_id_token(
        &self,
        id_token: &IdToken,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<SecretString, TokensError> {
        let alg = client.id_token_alg;
        let signed = self.sign_for(client, alg, "JWT", id_token).await?;
        Ok(match client.id_token_encryption {
            Some(encryption) => self.encrypt_for(client, encryption, &signed, now).await?,
            None => signed,
        }
        .into())
    }

    async fn refresh(
        &self,
        issuance: &Issuance,
        client: &Client,
        presented: Option<&SecretString>,
        now: OffsetDateTime,
    ) -> Result<Refreshed, TokensError> {
        let first = match issuance.refresh {
            RefreshIssue::None | RefreshIssue::Keep => return Ok(Refreshed::Token(None)),
            RefreshIssue::First => true,
            RefreshIssue::Rotate => false,
        };
        let (token, expires_at) = (random::secret(), now + self.lifetimes.refresh_token);
        let record = RefreshRecord {
            grant: issuance.grant.clone(),
            expires_at,
            spent_at: None,
            // RFC 9449 §5, RFC 8705 §4: a confidential client proves itself, and may change its key.
            bound_to: if client.is_public() {
                issuance.confirmation.clone()
            } else {
                Confirmation::default()
            },
        };
        let record = serde_json::to_value(&record)
            .expect("invariant: a refresh token's record is plain JSON");
        let digest = random::digest(token.expose_secret());
        let (grant, new) = (issuance.grant.id.0, (digest.as_str(), record));
        match presented.filter(|_| !first) {
            None => self.store.add_refresh_token(grant, new, expires_at).await?,
            Some(old) => {
                let old = random::digest(old.expose_secret());
                let rotation = self
                    .store
                    .rotate_refresh_token(&old, grant, new, expires_at, now)
                    .await?;
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
