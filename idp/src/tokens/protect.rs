//! Tokens as each client wants them: signed with the algorithm that it registered, and encrypted to its own key where
//! it registered that (OIDC Core §10).

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::Map;

use super::{Tokens, TokensError};
use crate::keys::jwe::{self, ContentAlg, KeyAlg, Recipient};
use crate::keys::jws::sign_claims;
use crate::oidc::client::{Client, Encryption, JwsAlg, SealedSecret};
use crate::oidc::fapi;
use crate::oidc::grant::SessionId;
use crate::oidc::signing_alg::SigningAlg;
use crate::oidc::subject::{SubjectId, SubjectIdentifier};

/// A userinfo response.
pub enum Userinfo {
    /// As JSON.
    Plain(Map<String, serde_json::Value>),
    /// As a JWT.
    Jwt(String),
}

impl Tokens {
    /// The subject as this client knows it (OIDC Core §8).
    #[must_use]
    pub fn sub_of(&self, subject: SubjectId, client: &Client) -> SubjectIdentifier {
        match client.sector() {
            Some(sector) => self.pairwise.identifier(&sector, subject),
            None => subject.public(),
        }
    }

    /// The session as this client knows it: by a name that its sector alone has where its subjects have such names
    /// (OIDC Core §8.1).
    #[must_use]
    pub fn sid_of(&self, session: SessionId, client: &Client) -> SessionId {
        match client.sector() {
            Some(sector) => self.pairwise.session(&sector, session),
            None => session,
        }
    }

    /// The session that this client calls so.
    #[must_use]
    pub fn session_of(&self, sid: SessionId, client: &Client) -> wire::SessionId {
        let session = match client.sector() {
            Some(sector) => self.pairwise.session_behind(&sector, sid),
            None => sid,
        };
        wire::SessionId(session.0)
    }

    /// Claims signed for this client: with a key of ours, or with its secret for the HMAC algorithms.
    ///
    /// # Errors
    /// When the key is not available.
    pub async fn sign_for(
        &self,
        client: &Client,
        alg: JwsAlg,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, TokensError> {
        if let Some(own) = alg.signing() {
            let ring = self.keyring.ring();
            let signer = ring.signer(own.into())?;
            return Ok(sign_claims(signer.as_ref(), typ, claims).await?);
        }
        let alg = match alg {
            JwsAlg::Hs256 => Algorithm::HS256,
            JwsAlg::Hs384 => Algorithm::HS384,
            JwsAlg::Hs512 => Algorithm::HS512,
            JwsAlg::None
            | JwsAlg::Rs256
            | JwsAlg::Rs384
            | JwsAlg::Rs512
            | JwsAlg::Ps256
            | JwsAlg::Ps384
            | JwsAlg::Ps512
            | JwsAlg::Es256
            | JwsAlg::Es384
            | JwsAlg::EdDsa => return Err(TokensError::ClientKey),
        };
        let secret = self.secret_of(client).await?;
        let secret = secret.ok_or(TokensError::ClientKey)?;
        let mut header = Header::new(alg);
        header.typ = Some(typ.to_owned());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&secret))
            .map_err(|_| TokensError::ClientKey)
    }

    /// Claims signed for whoever looks our keys up.
    ///
    /// # Errors
    /// When the key is not available.
    pub async fn sign_own(
        &self,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, TokensError> {
        let ring = self.keyring.ring();
        let signer = ring.signer(self.access_token_alg.into())?;
        Ok(sign_claims(signer.as_ref(), typ, claims).await?)
    }

    /// The client's secret itself, where it is kept sealed (OIDC Core §10.1).
    ///
    /// # Errors
    /// When the vault is not available.
    pub async fn secret_of(
        &self,
        client: &Client,
    ) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, TokensError> {
        match &client.sealed_secret {
            None => Ok(None),
            Some(sealed) => Ok(Some(
                self.secrets
                    .open(SealedSecret::PURPOSE, client.id.as_str(), sealed.as_bytes())
                    .await?,
            )),
        }
    }

    /// A signed token encrypted to the client's own key (OIDC Core §10.2: signed first, then encrypted).
    ///
    /// # Errors
    /// When the client has no key for it, or its keys cannot be fetched.
    pub async fn encrypt_for(
        &self,
        client: &Client,
        encryption: Encryption,
        token: &str,
        now: time::OffsetDateTime,
    ) -> Result<String, TokensError> {
        // RFC 7519 §5.2: what is inside is a JWT.
        let cty = Map::from_iter([("cty".to_owned(), "JWT".into())]);
        self.encrypt(client, encryption, (cty, token), now).await
    }

    /// A text encrypted to the client's own key, under a header that says what it is.
    ///
    /// # Errors
    /// When the client has no key for it, or its keys cannot be fetched.
    async fn encrypt(
        &self,
        client: &Client,
        encryption: Encryption,
        (said, text): (Map<String, serde_json::Value>, &str),
        now: time::OffsetDateTime,
    ) -> Result<String, TokensError> {
        let alg = KeyAlg::parse(encryption.alg.as_str()).ok_or(TokensError::ClientKey)?;
        let enc = ContentAlg::parse(encryption.enc.as_str()).ok_or(TokensError::ClientKey)?;
        let keys = self.key_sets.of(&client.keys, now).await;
        let keys = keys.map_err(|error| {
            tracing::info!(client = %client.id, %error, "client_keys_not_read");
            TokensError::ClientKey
        })?;
        let suits = |own: &Option<String>| own.as_deref().is_none_or(|own| own == alg.as_str());
        let fitting = keys.iter().filter(|key| key.encrypts && suits(&key.alg));
        for key in fitting {
            let jwk = serde_json::Value::Object(key.json().clone());
            let Ok(recipient) = Recipient::from_jwk(&jwk) else {
                continue;
            };
            let mut header = said.clone();
            header.extend(key.kid.clone().map(|kid| ("kid".to_owned(), kid.into())));
            if let Ok(sealed) = jwe::seal(&recipient, (alg, enc), header, text.as_bytes()) {
                return Ok(sealed);
            }
        }
        Err(TokensError::ClientKey)
    }

    /// The userinfo response as this client registered it: plain, signed, encrypted or both (OIDC Core §5.3.2).
    ///
    /// # Errors
    /// When a key is not available.
    pub async fn protect_userinfo(
        &self,
        mut claims: Map<String, serde_json::Value>,
        client: &Client,
        now: time::OffsetDateTime,
    ) -> Result<Userinfo, TokensError> {
        let protection = client.userinfo;
        let text = match protection.signed {
            Some(alg) => {
                // OIDC Core §5.3.2: a signed one says who says so, and to whom.
                claims.insert("iss".into(), self.issuer.as_str().into());
                claims.insert("aud".into(), client.id.as_str().into());
                self.sign_for(client, alg, "JWT", &claims).await?
            }
            None if protection.encrypted.is_none() => return Ok(Userinfo::Plain(claims)),
            None => serde_json::Value::Object(claims).to_string(),
        };
        Ok(Userinfo::Jwt(match protection.encrypted {
            Some(encryption) if protection.signed.is_some() => {
                self.encrypt_for(client, encryption, &text, now).await?
            }
            // The claims themselves, and no JWT.
            Some(encryption) => {
                let plain = (Map::new(), text.as_str());
                self.encrypt(client, encryption, plain, now).await?
            }
            None => text,
        }))
    }

    /// The algorithm of answers that a client may have signed and for which it registered none: RS256 (JARM §3, RFC 9701
    /// §6), or the first that there is a key for; for FAPI, which has no RS256, that of its ID tokens (FAPI 2.0 Security
    /// Profile §5.4.1).
    #[must_use]
    pub fn usual_alg(&self, client: &Client) -> JwsAlg {
        if fapi::limits_algs(client) {
            return client.id_token_alg;
        }
        let ring = self.keyring.ring();
        if ring.signer(SigningAlg::Rs256.into()).is_ok() {
            JwsAlg::Rs256
        } else {
            self.access_token_alg.into()
        }
    }
}
