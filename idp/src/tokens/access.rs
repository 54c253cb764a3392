//! Access tokens: a JWT (RFC 9068) or opaque, bound to a key where one was proved. None is written down.

use std::collections::BTreeSet;

use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Tokens, TokensError};
use crate::keys::jws::sign_claims;
use crate::oidc::access_token::{self, AccessToken, AccessTokenId, OwnAccess};
use crate::oidc::client::{AccessTokenFormat, Client};
use crate::oidc::confirmation::Confirmation;
use crate::oidc::fapi;
use crate::oidc::grant::Validity;
use crate::oidc::grants::Issuance;
use crate::oidc::resource::ResourceUri;
use crate::oidc::token_response::{TokenResponse, TokenType};

impl Tokens {
    /// Mints the access token of what was granted.
    ///
    /// # Errors
    /// When a key is not available.
    pub async fn mint_access_token(
        &self,
        issuance: &Issuance,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<SecretString, TokensError> {
        let sub = self.sub_of(issuance.grant.subject, client);
        let id = AccessTokenId(Uuid::new_v4());
        let validity = self.access_validity(now);
        let claims = AccessToken::new(&self.issuer, sub, issuance, id, validity);
        self.access(&claims, client, &issuance.resources).await
    }

    /// Mints what a client gets for itself (RFC 6749 §4.4).
    ///
    /// # Errors
    /// When a key is not available.
    pub async fn mint_own(
        &self,
        own: OwnAccess,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<TokenResponse, TokensError> {
        let (resources, scopes) = (own.resources.clone(), own.scopes.clone());
        let (details, token_type) = (own.details.clone(), token_type(&own.confirmation));
        let id = AccessTokenId(Uuid::new_v4());
        let claims = AccessToken::for_client(&self.issuer, own, id, self.access_validity(now));
        Ok(TokenResponse {
            access_token: self.access(&claims, client, &resources).await?,
            token_type,
            expires_in: self.lifetimes.access_token,
            id_token: None,
            refresh_token: None,
            scopes,
            details,
            issued_token_type: None,
        })
    }

    /// The access token of these claims, in the form that its resource or its client wants.
    ///
    /// # Errors
    /// When a key is not available.
    pub async fn access(
        &self,
        claims: &AccessToken,
        client: &Client,
        resources: &BTreeSet<ResourceUri>,
    ) -> Result<SecretString, TokensError> {
        let format = self.resources.format(resources);
        match format.unwrap_or(client.profile.access_token_format) {
            AccessTokenFormat::Opaque => Ok(self.opaque.seal(claims)),
            AccessTokenFormat::Jwt => {
                let ring = self.keyring.ring();
                // FAPI 2.0 Security Profile §5.4.1 has no RS256.
                let own = client.id_token_alg.signing();
                let own = own.filter(|_| fapi::limits_algs(client));
                let signer = ring.signer(own.unwrap_or(self.access_token_alg).into())?;
                let token = sign_claims(signer.as_ref(), access_token::TYP, claims).await?;
                Ok(token.into())
            }
        }
    }

    /// From now on for as long as an access token lives.
    pub fn access_validity(&self, now: OffsetDateTime) -> Validity {
        Validity {
            issued_at: now,
            lifetime: self.lifetimes.access_token,
        }
    }
}

/// How an access token that is bound so is presented.
pub fn token_type(confirmation: &Confirmation) -> TokenType {
    if confirmation.jkt.is_some() {
        TokenType::Dpop
    } else {
        TokenType::Bearer
    }
}
