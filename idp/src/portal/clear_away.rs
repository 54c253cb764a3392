//! Subjects that go, and what lies outside the rows of credentials that are gone.

use time::OffsetDateTime;
use wire::{AuditOutcome, SubjectStatus};

use crate::app::App;
use crate::login::Trail;
use crate::login::journey::who;
use crate::store::{Change, Credential, NewEvent, StoreError, Subject};
use crate::vault::{BlobKey, KeyOwner, WrappedKey};

impl App {
    /// Erases a subject that the change holds, and ends the change: the row goes with the wrapped data key, and so do the
    /// credentials, sessions, grants, consents and invitations. What was sealed is unreadable from then on, wherever
    /// copies of it lie. The trail keeps that there was a subject of this identifier, and not its name.
    ///
    /// # Errors
    /// When the database fails; nothing is erased then.
    pub async fn erase(
        &self,
        change: Change,
        subject: Subject,
        event: NewEvent,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let credentials = change.credentials(subject.id).await?;
        change.forget_tries(&who(&subject.username)).await?;
        change.erase_subject(subject.id).await?;
        change.append_event(event, now).await?;
        change.commit().await?;
        if let Some(wrapped) = subject.wrapped_key {
            let owner = KeyOwner::Subject(subject.id.0);
            self.vault.forget(&WrappedKey(wrapped), owner).await;
        }
        self.clear_away(&credentials).await;
        if let Err(error) = self.store.scrub().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "database_not_scrubbed"
            );
        }
        Ok(())
    }

    /// Erases whom nobody invited and who did not finish what they began: their names are for others.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn free_names(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        for id in self.store.abandoned_registrations(now).await? {
            let change = self.store.begin().await?;
            // Another replica may have been here, or the person at the last moment.
            let held = change.hold_subject(id).await?;
            let Some(subject) = held.filter(|it| it.status == SubjectStatus::Invited) else {
                continue;
            };
            let trail = Trail {
                subject: Some(id),
                client: None,
                attempt: None,
                address: None,
            };
            let event = trail.event("subject.expired", AuditOutcome::Success);
            self.erase(change, subject, event, now).await?;
        }
        Ok(())
    }

    /// Removes what lies outside the rows that are gone. What cannot be removed now is worth nothing to whoever
    /// finds it: no row names it any more.
    pub async fn clear_away(&self, removed: &[Credential]) {
        for credential in removed {
            let done = match self.journey.factors.factor(credential.factor) {
                Ok(factor) => factor.remove(credential).await.map_err(anyhow::Error::from),
                // The factor is off in this deployment (no models): its blobs are as sealed as any.
                Err(_) => self.remove_blob(credential).await,
            };
            if let Err(error) = done {
                let (credential, error) = (credential.id, format!("{error:#}"));
                tracing::warn!(%credential, error, "credential_remains");
            }
        }
    }

    async fn remove_blob(&self, credential: &Credential) -> anyhow::Result<()> {
        let Some(digest) = credential.blob_digest else {
            return Ok(());
        };
        let key = BlobKey {
            subject: credential.subject.0,
            credential: credential.id.0,
            version: credential.version.into(),
            digest,
        };
        Ok(self.vault.remove_blob(&key).await?)
    }
}
