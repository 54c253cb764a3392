//! The one ID token that answers a request for a factor.

use secrecy::SecretString;
use time::OffsetDateTime;

use super::{Tokens, TokensError};
use crate::keys::SigningAlg;
use crate::keys::jws::sign_claims;
use crate::oidc::external_method::{Answer, ExternalIdToken};
use crate::oidc::grant::Validity;

impl Tokens {
    /// The signed ID token of an answer: RS256, the one algorithm that Entra takes.
    ///
    /// # Errors
    /// When the key is not available.
    pub async fn mint_external(
        &self,
        answer: &Answer,
        now: OffsetDateTime,
    ) -> Result<SecretString, TokensError> {
        let validity = Validity {
            issued_at: now,
            lifetime: self.lifetimes.id_token,
        };
        let claims = ExternalIdToken::new(&self.issuer, answer, validity);
        let ring = self.keyring.ring();
        let signer = ring.signer(SigningAlg::Rs256)?;
        Ok(sign_claims(signer.as_ref(), "JWT", &claims).await?.into())
    }
}
