//! Our own tokens, coming back: access tokens at userinfo, ID tokens as hints.

use std::borrow::Cow;

use time::OffsetDateTime;

use super::{LEEWAY, Tokens, TokensError};
use crate::keys::SigningAlg;
use crate::keys::jws::{Audience, Expected, Lifetime, VerifyError, verify};
use crate::oidc::access_token::{self, AccessToken};
use crate::oidc::bearer::BearerRefusal;
use crate::oidc::client::Client;
use crate::oidc::confirmation::Confirmation;
use crate::oidc::id_token::IdToken;
use crate::oidc::signed::{Keys, Unverified};
use crate::oidc::subject::{SubjectId, SubjectIdentifier};
use crate::store::Grant;

/// Whether an access token stands.
pub enum Standing {
    /// It does, with its grant where it follows from one.
    Good(Option<Box<Grant>>),
    /// It was revoked.
    Revoked,
}

impl Tokens {
    /// The access token and its grant, if it is ours, current, good for `scope` at our own protected resources, used
    /// by whoever it is bound to, and not revoked by itself, with its family, or with its session.
    ///
    /// # Errors
    /// The inner error is the client's; the outer one a part that is down.
    pub async fn access_token(
        &self,
        token: &str,
        scope: &'static str,
        proved: &Confirmation,
        now: OffsetDateTime,
    ) -> Result<Result<(AccessToken, Grant), BearerRefusal>, TokensError> {
        let Some(claims) = self.own_access_token(token, now).await else {
            return Ok(Err(BearerRefusal::InvalidToken));
        };
        if let Err(refusal) = claims.check(&self.issuer, scope, proved, now) {
            return Ok(Err(refusal));
        }
        Ok(match self.standing(&claims).await? {
            Standing::Good(Some(grant)) => Ok((claims, *grant)),
            Standing::Good(None) | Standing::Revoked => Err(BearerRefusal::InvalidToken),
        })
    }

    /// The claims of an access token of ours that has not expired; whether it was revoked is for
    /// [`Tokens::standing`] to say.
    pub async fn own_access_token(&self, token: &str, now: OffsetDateTime) -> Option<AccessToken> {
        let lifetime = Lifetime::Current { leeway: LEEWAY };
        let claims = self.any_access_token(token, lifetime, now).await?;
        (now < claims.exp + LEEWAY).then_some(claims)
    }

    /// An access token of ours whether or not it is still good, for its revocation.
    pub async fn access_token_to_revoke(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Option<AccessToken> {
        self.any_access_token(token, Lifetime::EvenExpired, now)
            .await
    }

    /// Whether an access token stands, or was revoked by itself, with its family or with its session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(&self, claims: &AccessToken) -> Result<Standing, TokensError> {
        let id = claims.jti.0.to_string();
        if self.store.is_access_token_revoked(&id).await? {
            return Ok(Standing::Revoked);
        }
        let Some(grant) = claims.grant_id else {
            return Ok(Standing::Good(None));
        };
        Ok(match self.store.grant(grant.0).await? {
            Some(grant) if grant.revoked_at.is_none() => Standing::Good(Some(Box::new(grant))),
            Some(_) | None => Standing::Revoked,
        })
    }

    async fn any_access_token(
        &self,
        token: &str,
        lifetime: Lifetime,
        now: OffsetDateTime,
    ) -> Option<AccessToken> {
        if !token.contains('.') {
            return self.opaque.open(token);
        }
        let expected = Expected {
            typ: access_token::TYP,
            issuer: self.issuer.as_str(),
            audience: Audience::Any,
            algs: &SigningAlg::ALL,
            lifetime,
        };
        self.verified(token, &expected, now).await.ok()
    }

    /// The subject of an ID token that this client got: a pairwise name is looked up by the session that it names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_of(
        &self,
        token: &IdToken,
        client: &Client,
    ) -> Result<Option<SubjectId>, TokensError> {
        if let Some(subject) = token.sub.public_subject() {
            return Ok(Some(subject));
        }
        // Or, in a token of a release that had one name for all clients, the session's own.
        let named = [
            self.session_of(token.sid, client),
            wire::SessionId(token.sid.0),
        ];
        let grants = self.store.grants_of_sessions(&named).await?;
        Ok(grants
            .into_iter()
            .filter(|grant| grant.client.0 == client.id.as_str())
            .map(|grant| SubjectId(grant.subject.0))
            .find(|subject| self.sub_of(*subject, client) == token.sub))
    }

    /// Whom a client calls so: by the public name, or by the pairwise one that it has for somebody who signed in to it
    /// (OIDC Core §8.1).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_called(
        &self,
        sub: &SubjectIdentifier,
        client: &Client,
    ) -> Result<Option<SubjectId>, TokensError> {
        if client.sector().is_none() {
            return Ok(sub.public_subject());
        }
        let subjects = self.store.subjects_of_client(client.id.as_str()).await?;
        let mut subjects = subjects.into_iter().map(|id| SubjectId(id.0));
        Ok(subjects.find(|subject| self.sub_of(*subject, client) == *sub))
    }

    /// An ID token of ours given back as a hint; it may have expired (RP-Initiated Logout §2). One that came encrypted
    /// may come back encrypted to us (OIDC Core §3.1.2.1 `id_token_hint`).
    ///
    /// A client whose ID tokens are under its own secret could have made one itself (OIDC Core §16.3): as a hint it
    /// says no more than what the client may say anyway.
    pub async fn id_token_hint(&self, token: &str, now: OffsetDateTime) -> Option<IdToken> {
        let opened = self.opened(token)?;
        match self.own_id_token(&opened, now).await {
            Some(claims) => Some(claims),
            None => self.id_token_by_secret(&opened).await,
        }
    }

    /// An ID token under a key of ours, which nobody else can have made; it may have expired.
    pub async fn own_id_token(&self, token: &str, now: OffsetDateTime) -> Option<IdToken> {
        let token = self.opened(token)?;
        let expected = Expected {
            typ: ID_TOKEN_TYP,
            issuer: self.issuer.as_str(),
            audience: Audience::Any,
            algs: &SigningAlg::ALL,
            lifetime: Lifetime::EvenExpired,
        };
        self.verified(&token, &expected, now).await.ok()
    }

    /// An ID token under the secret of the client that it is for (OIDC Core §10.1), by the algorithm that the client
    /// registered.
    async fn id_token_by_secret(&self, token: &str) -> Option<IdToken> {
        let read = Unverified::parse(token).ok()?;
        let typ = read.typ.as_deref();
        if !read.alg.is_hmac() || typ.is_none_or(|typ| !typ.eq_ignore_ascii_case(ID_TOKEN_TYP)) {
            return None;
        }
        let client = self
            .store
            .client(read.unverified_text("aud")?)
            .await
            .ok()??;
        let client = client.client;
        let secret = self.secret_of(&client).await.ok()??;
        let claims = read.verify(&Keys::Secret(&secret), &[client.id_token_alg]);
        let claims = serde_json::Value::Object(claims.ok()?);
        let token: IdToken = serde_json::from_value(claims).ok()?;
        (token.iss == self.issuer).then_some(token)
    }

    /// The JWS of a token that may be encrypted to us.
    fn opened<'a>(&self, token: &'a str) -> Option<Cow<'a, str>> {
        if token.split('.').count() != 5 {
            return Some(Cow::Borrowed(token));
        }
        let plaintext = self.encryption.decrypt(token).ok()?.plaintext;
        String::from_utf8(plaintext.to_vec()).ok().map(Cow::Owned)
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
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "signing_keys_not_read"
                    );
                }
                verify(token, &self.keyring.ring(), expected, now)
            }
            verified => verified,
        }
    }
}

/// The header of our ID tokens says so.
const ID_TOKEN_TYP: &str = "JWT";
