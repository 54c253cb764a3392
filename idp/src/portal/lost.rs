//! What went with a device that is lost: taken away at once, by the rules by which each is taken away alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;
use wire::{CredentialId, FactorKind, SessionId};

use super::changes::{end_resting_on, take_away};
use super::{Owner, PortalError, Refused};
use crate::app::App;
use crate::store::Credential;

/// What a person says is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    pub credentials: BTreeSet<CredentialId>,
    /// Browsers that were trusted.
    pub browsers: BTreeSet<Uuid>,
    pub sessions: BTreeSet<SessionId>,
    /// Whether it was said of the applications alone, where there is nothing else.
    pub applications: bool,
}

impl Lost {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.applications
            && self.credentials.is_empty()
            && self.browsers.is_empty()
            && self.sessions.is_empty()
    }
}

/// Whether a factor is on a device, and lost with it.
#[must_use]
pub fn is_on_a_device(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Passkey | FactorKind::Totp => true,
        FactorKind::Password
        | FactorKind::RecoveryCode
        | FactorKind::Face
        | FactorKind::Fingerprint => false,
    }
}

impl App {
    /// Takes away what is lost, all of it or nothing, and answers how much there was: what is gone already, is somebody
    /// else's or is this very session is passed over.
    ///
    /// All that applications were granted goes with it, whichever session it was granted in: one that may stay signed in has
    /// no need of a session that is still there, and nobody knows which of them were on the device. What waits for an answer
    /// is refused: the device may have asked.
    ///
    /// # Errors
    /// [`PortalError::LastWay`] where nothing would be left to sign in with.
    pub async fn lose(
        self: &Arc<Self>,
        owner: &Owner,
        lost: &Lost,
        now: OffsetDateTime,
    ) -> Result<(usize, Refused), PortalError> {
        let (change, _) = self.hold(owner).await?;
        let held = change.credentials(owner.subject).await?;
        let (removed, left): (Vec<Credential>, Vec<Credential>) = held
            .into_iter()
            .partition(|it| lost.credentials.contains(&it.id) && is_on_a_device(it.factor));
        let mut done = removed.len();
        let mut ended = Vec::new();
        if !removed.is_empty() {
            let policy = self.journey.policy();
            take_away(&change, owner, (&removed, &left), &policy, now).await?;
            let ids: Vec<CredentialId> = removed.iter().map(|it| it.id).collect();
            ended = end_resting_on(&change, owner, &ids, now).await?;
        }
        for id in &lost.browsers {
            if change.forget_device_key(owner.subject, *id).await? {
                let mut event = owner.did("device.forgotten");
                event.detail.insert("device".into(), id.to_string());
                change.append_event(event, now).await?;
                done += 1;
            }
        }
        for sid in &lost.sessions {
            let is_other = *sid != owner.sid;
            let was_ended = ended.contains(sid);
            if is_other && !was_ended && change.is_session_live(*sid, owner.subject, now).await? {
                change.end_session(*sid, now).await?;
                let mut event = owner.did("session.revoked");
                event.detail.insert("session".into(), sid.to_string());
                change.append_event(event, now).await?;
                ended.push(*sid);
                done += 1;
            }
        }
        let granted = change.revoke_grants_of(owner.subject, now).await?;
        let refused = change.refuse_pending_of(owner.subject, now).await?;
        if granted > 0 || !refused.is_empty() {
            let mut event = owner.did("grants.revoked");
            event.detail.insert("revoked".into(), granted.to_string());
            let count = refused.len().to_string();
            event.detail.insert("refused".into(), count);
            change.append_event(event, now).await?;
            done += 1;
        }
        change.commit().await?;
        self.announce(&ended, now).await;
        self.clear_away(&removed).await;
        Ok((done, refused))
    }
}
