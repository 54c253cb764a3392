//! The changes themselves.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;
use wire::{CredentialId, SessionId};

use super::{Owner, PortalError, Refused, suffices, usable};
use crate::app::App;
use crate::login::policy::Policy;
use crate::login::session::LiveSession;
use crate::store::{Change, Credential, Session, Subject};

impl App {
    /// Takes a factor away, and ends what other browsers had by it.
    ///
    /// # Errors
    /// [`PortalError::LastWay`] where nothing would be left to sign in with.
    pub async fn remove_own_credential(
        self: &Arc<Self>,
        owner: &Owner,
        id: CredentialId,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        let (change, _) = self.hold(owner).await?;
        let credentials = change.credentials(owner.subject).await?;
        let (removed, left): (Vec<Credential>, Vec<Credential>) =
            credentials.into_iter().partition(|held| held.id == id);
        if removed.is_empty() {
            return Err(PortalError::Unknown);
        }
        let policy = self.journey.policy();
        take_away(&change, owner, (&removed, &left), &policy, now).await?;
        let ended = end_resting_on(&change, owner, &[id], now).await?;
        change.commit().await?;
        self.announce(&ended, now).await;
        self.clear_away(&removed).await;
        Ok(())
    }

    /// Ends what other browsers had by credentials that were replaced.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions_by(
        self: &Arc<Self>,
        owner: &Owner,
        replaced: &[CredentialId],
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        if replaced.is_empty() {
            return Ok(());
        }
        let change = self.store.begin().await?;
        let ended = end_resting_on(&change, owner, replaced, now).await?;
        change.commit().await?;
        self.announce(&ended, now).await;
        Ok(())
    }

    /// Forgets a browser that was trusted.
    ///
    /// # Errors
    /// [`PortalError::Unknown`] where it is none of this person.
    pub async fn forget_own_device(
        &self,
        owner: &Owner,
        id: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        let (change, _) = self.hold(owner).await?;
        if !change.forget_device_key(owner.subject, id).await? {
            return Err(PortalError::Unknown);
        }
        let mut event = owner.did("device.forgotten");
        event.detail.insert("device".into(), id.to_string());
        change.append_event(event, now).await?;
        Ok(change.commit().await?)
    }

    /// Ends one other session, with all that it granted.
    ///
    /// # Errors
    /// [`PortalError::Unknown`] where it is not a live session of this person.
    pub async fn end_own_session(
        self: &Arc<Self>,
        owner: &Owner,
        sid: SessionId,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        let (change, _) = self.hold(owner).await?;
        if !change.is_session_live(sid, owner.subject, now).await? {
            return Err(PortalError::Unknown);
        }
        change.end_session(sid, now).await?;
        change.revoke_grants_of_sessions(&[sid], now).await?;
        let mut event = owner.did("session.revoked");
        event.detail.insert("session".into(), sid.to_string());
        change.append_event(event, now).await?;
        change.commit().await?;
        self.announce(&[sid], now).await;
        Ok(())
    }

    /// Ends every session but the one in which this is asked, with all that was granted in others, also in such as have run
    /// out, and refuses what waits for an answer: whose clients are to hear of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_other_sessions(
        self: &Arc<Self>,
        owner: &Owner,
        now: OffsetDateTime,
    ) -> Result<Refused, PortalError> {
        let (change, _) = self.hold(owner).await?;
        let live = change.sessions_of(owner.subject, now).await?;
        let others: Vec<SessionId> = live
            .iter()
            .map(|session| session.sid)
            .filter(|sid| *sid != owner.sid)
            .collect();
        for sid in &others {
            change.end_session(*sid, now).await?;
        }
        let spared = Some(owner.sid);
        let revoked = change.revoke_grants_but(owner.subject, spared, now).await?;
        let refused = change.refuse_pending_of(owner.subject, now).await?;
        let mut event = owner.did("sessions.revoked");
        let count = others.len().to_string();
        event.detail.insert("revoked".into(), count);
        event.detail.insert("grants".into(), revoked.to_string());
        change.append_event(event, now).await?;
        change.commit().await?;
        self.announce(&others, now).await;
        Ok(refused)
    }

    /// Withdraws what a client was allowed, and revokes what it got.
    ///
    /// # Errors
    /// [`PortalError::Unknown`] where it was allowed nothing and holds nothing.
    pub async fn withdraw_own_consent(
        &self,
        owner: &Owner,
        client: &str,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        let (change, _) = self.hold(owner).await?;
        let withdrawn = change.withdraw_consent(owner.subject, client).await?;
        let revoked = change.revoke_grants_to(owner.subject, client, now).await?;
        if !withdrawn && revoked == 0 {
            return Err(PortalError::Unknown);
        }
        let mut event = owner.did("consent.withdrawn");
        event.client = Some(wire::ClientId(client.to_owned()));
        change.append_event(event, now).await?;
        Ok(change.commit().await?)
    }

    pub(super) async fn hold(&self, owner: &Owner) -> Result<(Change, Subject), PortalError> {
        let change = self.store.begin().await?;
        let subject = change.hold_subject(owner.subject).await?;
        Ok((change, subject.ok_or(PortalError::Unknown)?))
    }

    /// The clients of sessions that were ended hear of it. What was done is done, whether or not they can be told.
    pub(super) async fn announce(self: &Arc<Self>, ended: &[SessionId], now: OffsetDateTime) {
        for sid in ended {
            if let Err(error) = self.announce_end(*sid, now).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "logout_not_queued");
            }
        }
    }
}

/// Takes factors away where those that are left are still a way to sign in, and notes each.
pub(super) async fn take_away(
    change: &Change,
    owner: &Owner,
    (removed, left): (&[Credential], &[Credential]),
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<(), PortalError> {
    if !suffices(policy, &usable(change, left.iter()).await?) {
        return Err(PortalError::LastWay);
    }
    for credential in removed {
        change
            .remove_credential(owner.subject, credential.id)
            .await?;
        let mut event = owner.did("credential.removed");
        event.factor = Some(credential.factor);
        let id = credential.id.to_string();
        event.detail.insert("credential".into(), id);
        change.append_event(event, now).await?;
    }
    Ok(())
}

/// Ends the other sessions that these credentials vouch for, with what they granted.
pub(super) async fn end_resting_on(
    change: &Change,
    owner: &Owner,
    credentials: &[CredentialId],
    now: OffsetDateTime,
) -> Result<Vec<SessionId>, PortalError> {
    let mut ended = Vec::new();
    for session in change.sessions_of(owner.subject, now).await? {
        let sid = session.sid;
        if sid != owner.sid && rests_on(session, credentials)? {
            change.end_session(sid, now).await?;
            ended.push(sid);
        }
    }
    change.revoke_grants_of_sessions(&ended, now).await?;
    Ok(ended)
}

fn rests_on(session: Session, credentials: &[CredentialId]) -> Result<bool, PortalError> {
    let session = LiveSession::try_from(session)?;
    let mut used = session.evidence.iter().filter_map(|it| it.credential);
    Ok(used.any(|id| credentials.contains(&id)))
}
