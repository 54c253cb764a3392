//! The changes themselves.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;
use wire::{CredentialId, SessionId};

use super::{Owner, PortalError, suffices, usable};
use crate::app::App;
use crate::login::policy::{Policy, is_biometric};
use crate::login::session::LiveSession;
use crate::store::{Change, Credential, Session, Subject};
use crate::vault::{KeyOwner, WrappedKey};

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

    /// Ends every session but the one in which this is asked, with all that they granted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_other_sessions(
        self: &Arc<Self>,
        owner: &Owner,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
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
        change.revoke_grants_of_sessions(&others, now).await?;
        let mut event = owner.did("sessions.revoked");
        let count = others.len().to_string();
        event.detail.insert("revoked".into(), count);
        change.append_event(event, now).await?;
        change.commit().await?;
        self.announce(&others, now).await;
        Ok(())
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

    /// Erases every face and finger of a person and withdraws the consent to them: the rows, the key that they were
    /// sealed under, wherever copies of them lie, and then the sealed templates. What else was sealed under that key is
    /// sealed under a new one. It is done also where nothing is left to sign in with: that is the person's to decide.
    ///
    /// # Errors
    /// [`PortalError::Moved`] where the key was made or replaced at the same moment; the erasure is to be asked for again.
    pub async fn erase_own_biometrics(
        self: &Arc<Self>,
        owner: &Owner,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        self.erase_biometrics(owner, None, now).await
    }

    /// As [`App::erase_own_biometrics`], for whoever takes the consent back while enrolling: that enrolment goes on. Whoever
    /// has nothing of the kind here has nothing erased.
    ///
    /// # Errors
    /// As [`App::erase_own_biometrics`].
    pub async fn erase_enrolled_biometrics(
        self: &Arc<Self>,
        owner: &Owner,
        enrolment: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        let credentials = self.store.credentials(owner.subject).await?;
        let consent = self.store.biometric_consent(owner.subject).await?;
        if consent.is_none() && !credentials.iter().any(|held| is_biometric(held.factor)) {
            return Ok(());
        }
        self.erase_biometrics(owner, Some(enrolment), now).await
    }

    async fn erase_biometrics(
        self: &Arc<Self>,
        owner: &Owner,
        spared: Option<Uuid>,
        now: OffsetDateTime,
    ) -> Result<(), PortalError> {
        let read = self.store.subject(owner.subject).await?;
        let key = read.and_then(|subject| subject.wrapped_key);
        // Keys come from the key service, which is not waited for with a row held.
        let fresh = match &key {
            Some(_) => Some(self.vault.new_subject_key(owner.subject.0).await),
            None => None,
        };
        let fresh = fresh
            .transpose()
            .map_err(|error| PortalError::Factor(crate::factors::FactorError::Vault(error)))?;
        let (change, subject) = self.hold(owner).await?;
        if subject.wrapped_key != key {
            return Err(PortalError::Moved);
        }
        let credentials = change.credentials(owner.subject).await?;
        let (removed, left): (Vec<Credential>, Vec<Credential>) = credentials
            .into_iter()
            .partition(|held| is_biometric(held.factor));
        for credential in &removed {
            change
                .remove_credential(owner.subject, credential.id)
                .await?;
        }
        change.withdraw_biometric_consent(owner.subject).await?;
        // What is half enrolled is sealed under the old key as well.
        change.end_enrolments_of(owner.subject, spared).await?;
        let old = key.map(WrappedKey);
        if let (Some(old), Some(new)) = (&old, &fresh) {
            self.rekey(&change, owner, &left, (old, new)).await?;
        }
        let ids: Vec<CredentialId> = removed.iter().map(|held| held.id).collect();
        let ended = end_resting_on(&change, owner, &ids, now).await?;
        let mut event = owner.did("biometrics.erased");
        let count = removed.len().to_string();
        event.detail.insert("erased".into(), count);
        change.append_event(event, now).await?;
        change.commit().await?;
        self.announce(&ended, now).await;
        if let Some(old) = old {
            let whose = KeyOwner::Subject(owner.subject.0);
            self.vault.forget(&old, whose).await;
        }
        self.clear_away(&removed).await;
        if let Err(error) = self.store.scrub().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "database_not_scrubbed");
        }
        Ok(())
    }

    /// Puts a new data key in the place of the old one, or none where nothing is left to be sealed.
    async fn rekey(
        &self,
        change: &Change,
        owner: &Owner,
        left: &[Credential],
        (old, new): (&WrappedKey, &WrappedKey),
    ) -> Result<(), PortalError> {
        let mut kept = None;
        for held in left.iter().filter(|held| held.sealed.is_some()) {
            let factor = self.journey.factors.factor(held.factor)?;
            if let Some(sealed) = factor.reseal(held, old, new).await? {
                change.reseal_credential(held.id, &sealed).await?;
                kept = Some(new.0.as_slice());
            }
        }
        match change
            .replace_wrapped_key(owner.subject, &old.0, kept)
            .await?
        {
            true => Ok(()),
            false => Err(PortalError::Moved),
        }
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
