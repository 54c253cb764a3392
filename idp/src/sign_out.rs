//! The end of a session, for everybody who took part in it: the clients that it signed in hear of it, by the browser
//! (OpenID Connect Front-Channel Logout 1.0) or from server to server (Back-Channel Logout 1.0).
//!
//! What is to be sent is kept in SQL first and sent by a task of its own, with time limits and growing pauses, so that
//! a client that hangs holds up neither the person nor the other clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;
use wire::SessionId;

use crate::app::App;
use crate::oidc::client::Client;
use crate::oidc::grant::Validity;
use crate::oidc::logout_token::{self, LogoutToken};
use crate::oidc::subject::{SubjectId, SubjectIdentifier};
use crate::outbound::Send;
use crate::store::{LogoutNotice, StoreError};
use crate::tokens::TokensError;

impl App {
    /// Ends a session, queues what its clients hear from server to server, and answers with the frames in which the
    /// browser tells the others.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(
        self: &Arc<Self>,
        sid: SessionId,
        now: OffsetDateTime,
    ) -> Result<Vec<Url>, StoreError> {
        if !self.store.end_session(sid, now).await? {
            return Ok(Vec::new());
        }
        self.announce_end(sid, now).await
    }

    /// Tells the clients of a session that has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn announce_end(
        self: &Arc<Self>,
        sid: SessionId,
        now: OffsetDateTime,
    ) -> Result<Vec<Url>, StoreError> {
        let mut frames = Vec::new();
        let mut queued = false;
        for (client, subject) in self.clients_of(sid).await? {
            let settings = &client.logout;
            // Each by the name that it has in its ID tokens.
            let named = |sid: SessionId| {
                let sid = crate::oidc::grant::SessionId(sid.0);
                self.tokens.sid_of(sid, &client)
            };
            if let Some(uri) = &settings.frontchannel_logout_uri
                && let Ok(mut frame) = Url::parse(uri.as_str())
            {
                // Front-Channel Logout §3: both or neither; a query that the URI has is kept.
                frame
                    .query_pairs_mut()
                    .append_pair("iss", self.provider.issuer.as_str())
                    .append_pair("sid", &named(sid).to_string());
                frames.push(frame);
            }
            if settings.backchannel_logout_uri.is_some() {
                let notice = LogoutNotice {
                    id: Uuid::now_v7(),
                    client: client.id.to_string(),
                    sub: self.tokens.sub_of(subject, &client).to_string(),
                    sid,
                    tries: 0,
                    expires_at: now + KEPT,
                };
                self.store.queue_logout(&notice, now).await?;
                queued = true;
            }
        }
        if queued {
            let app = Arc::clone(self);
            tokio::spawn(async move { app.send_logouts(app.clock.now()).await });
        }
        Ok(frames)
    }

    /// Sends the notices whose time has come, all at once and each within the outbound client's time limit.
    pub async fn send_logouts(&self, now: OffsetDateTime) {
        let due = match self.store.due_logouts(now, AT_ONCE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "logouts_not_read");
                return;
            }
        };
        join_all(due.into_iter().map(|notice| self.send_logout(notice, now))).await;
    }

    async fn send_logout(&self, notice: LogoutNotice, now: OffsetDateTime) {
        let again = logout_token::next_try(notice.tries);
        let next = now + again.unwrap_or(KEPT);
        match self.store.claim_logout(&notice, next).await {
            Ok(true) => {}
            // Another replica has it.
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "logout_not_claimed"
                );
                return;
            }
        }
        let heard = self.post_logout(&notice, now).await;
        if let Err(reason) = &heard {
            tracing::info!(client = %notice.client, tries = notice.tries + 1, %reason, "logout_not_heard");
        }
        if (heard.is_ok() || again.is_none())
            && let Err(error) = self.store.forget_logout(notice.id).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "logout_not_forgotten"
            );
        }
    }

    async fn post_logout(&self, notice: &LogoutNotice, now: OffsetDateTime) -> Result<(), String> {
        let registered = self.store.client(&notice.client).await;
        let registered = registered.map_err(|error| error.to_string())?;
        // A client that was removed, or listens no more, has nothing to hear.
        let Some(client) = registered.map(|it| it.client) else {
            return Ok(());
        };
        let Some(uri) = &client.logout.backchannel_logout_uri else {
            return Ok(());
        };
        let token = self.logout_token(notice, &client, now).await;
        let token = token.map_err(|error| error.to_string())?;
        // Back-Channel Logout §2.5.
        let body = format!("logout_token={token}");
        let request = Send::post(
            uri.as_str(),
            "application/x-www-form-urlencoded",
            body.into(),
        );
        let answer = self.outbound.send(request).await;
        match answer.map_err(|error| error.to_string())?.status {
            // Back-Channel Logout §2.8; some frameworks turn an empty 200 into a 204.
            200 | 204 => Ok(()),
            status => Err(format!("the client answered {status}")),
        }
    }

    async fn logout_token(
        &self,
        notice: &LogoutNotice,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<String, TokensError> {
        let sub = SubjectIdentifier::parse(&notice.sub).ok_or(StoreError::Unreadable("notice"))?;
        let validity = Validity {
            issued_at: now,
            lifetime: logout_token::LIFETIME,
        };
        let sid = crate::oidc::grant::SessionId(notice.sid.0);
        let sid = self.tokens.sid_of(sid, client);
        let claims = LogoutToken::new(
            &self.provider.issuer,
            client.id.clone(),
            (sub, sid),
            Uuid::new_v4(),
            validity,
        );
        let signed = self
            .tokens
            .sign_for(client, client.id_token_alg, logout_token::TYP, &claims)
            .await?;
        // Back-Channel Logout §2.6: as the client's ID tokens are.
        match client.id_token_encryption {
            Some(encryption) => {
                let sealed = self.tokens.encrypt_for(client, encryption, &signed, now);
                sealed.await
            }
            None => Ok(signed),
        }
    }

    /// The clients that a session signed in, each once.
    async fn clients_of(&self, sid: SessionId) -> Result<Vec<(Client, SubjectId)>, StoreError> {
        let grants = self.store.grants_of_sessions(&[sid]).await?;
        let ids: BTreeMap<String, SubjectId> = grants
            .into_iter()
            .map(|grant| (grant.client.0, SubjectId(grant.subject.0)))
            .collect();
        let mut clients = Vec::new();
        for (id, subject) in ids {
            if let Some(registered) = self.store.client(&id).await? {
                clients.push((registered.client, subject));
            }
        }
        Ok(clients)
    }
}

/// How long a notice is kept at most.
const KEPT: time::Duration = time::Duration::hours(1);
/// How many notices are sent at once.
const AT_ONCE: u64 = 64;
