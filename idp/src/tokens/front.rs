//! What comes back by way of the browser: the tokens of an authorization response, and the JWT that a signed
//! response is (OIDC Core §3.2.2.5, §3.3.2.5; JARM).

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::{Tokens, TokensError, half_hash};
use crate::oidc::claims::{self, Profile};
use crate::oidc::client::Client;
use crate::oidc::confirmation::Confirmation;
use crate::oidc::grant::{Grant, Validity};
use crate::oidc::grants::{Issuance, RefreshIssue};
use crate::oidc::request::AuthorizationRequest;
use crate::oidc::response::{Answer, FrontAccessToken, JARM_LIFETIME, Success};

impl Tokens {
    /// The code, and the tokens that the response type has beside it.
    ///
    /// # Errors
    /// When a key or the database is not available; nothing was issued then.
    pub async fn mint_front(
        &self,
        request: &AuthorizationRequest,
        grant: &Grant,
        client: &Client,
        profile: Profile,
        code: Option<SecretString>,
        now: OffsetDateTime,
    ) -> Result<Success, TokensError> {
        let response_type = request.response_type;
        let issuance = Issuance {
            grant: grant.clone(),
            scopes: self
                .resources
                .scopes(&grant.resources, &grant.scopes, &self.issuer),
            id_token: response_type.has_id_token(),
            resources: grant.resources.clone(),
            details: grant.details.clone(),
            // No request to a browser proves a key: a client whose tokens must be bound gets none here.
            confirmation: Confirmation::default(),
            nonce: request.nonce.clone(),
            refresh: RefreshIssue::None,
        };
        let access_token = if response_type.has_token() {
            Some(self.mint_access_token(&issuance, client, now).await?)
        } else {
            None
        };
        let id_token = if response_type.has_id_token() {
            let hash = half_hash(client)?;
            let mut id_token = self.id_token(&issuance, client, now);
            if let Some(code) = &code {
                id_token = id_token.with_code(code.expose_secret(), hash);
            }
            if let Some(access_token) = &access_token {
                id_token = id_token.with_access_token(access_token.expose_secret(), hash);
            }
            if let Some(state) = &request.state {
                id_token = id_token.with_state(state, hash);
            }
            let profile = claims::in_id_token(profile, grant, response_type);
            let id_token = id_token.with_claims(profile);
            Some(self.protect_id_token(&id_token, client, now).await?)
        } else {
            None
        };
        Ok(Success {
            code,
            access_token: access_token.map(|token| FrontAccessToken {
                token,
                expires_in: self.lifetimes.access_token,
                scopes: grant.scopes.clone(),
            }),
            id_token,
            session_state: None,
        })
    }

    /// The JWT of a signed answer (JARM §2.1).
    ///
    /// # Errors
    /// When the key is not available.
    pub async fn sign_answer(
        &self,
        answer: &Answer,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<SecretString, TokensError> {
        let validity = Validity {
            issued_at: now,
            lifetime: JARM_LIFETIME,
        };
        let protection = client.authorization_response;
        let alg = protection.signed.unwrap_or_else(|| self.usual_alg(client));
        let claims = answer.claims(validity);
        let signed = self.sign_for(client, alg, "JWT", &claims).await?;
        Ok(match protection.encrypted {
            Some(encryption) => self.encrypt_for(client, encryption, &signed, now).await?,
            None => signed,
        }
        .into())
    }
}
