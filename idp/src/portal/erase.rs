//! Biometrics erased (GDPR article 17): faces and fingers with their key, and what was measured of the person in logins: how they
//! type and move the pointer, and how well faces and fingers matched.
//!
//! No replica keeps a person's profile, logins or sessions: each reads them from the database, and writes a profile only
//! where it is still as it was read. The model of the service holds sums over everybody.

use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::CredentialId;

use super::changes::end_resting_on;
use super::{Owner, PortalError};
use crate::app::App;
use crate::factors::Evidence;
use crate::login::policy::is_biometric;
use crate::login::policy::replay::Past;
use crate::login::risk::without_biometrics;
use crate::store::{Change, Credential, Rewrite};
use crate::vault::{KeyOwner, WrappedKey};

impl App {
    /// Erases every face and finger of a person and withdraws the consent to them: the rows, the key that they were
    /// sealed under, wherever copies of them lie, and then the sealed templates. What else was sealed under that key is
    /// sealed under a new one. What was measured in logins goes as well, and how the person types is not kept from then on.
    /// It is done also where nothing is left to sign in with: that is the person's to decide.
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
        let logins = forget_measures(&change, owner, now).await?;
        let mut event = owner.did("biometrics.erased");
        let count = removed.len().to_string();
        event.detail.insert("erased".into(), count);
        event.detail.insert("logins".into(), logins.to_string());
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
}

/// Forgets what was measured of the person in logins, and keeps it from being measured anew by those that are under way. The
/// subject is held. Answers how many logins of the past are not kept as they were.
async fn forget_measures(
    change: &Change,
    owner: &Owner,
    now: OffsetDateTime,
) -> Result<u64, PortalError> {
    let subject = owner.subject;
    change.note_biometrics_erased(subject, now).await?;
    change.end_attempts_about(subject).await?;
    let mut tries = 0;
    loop {
        // Also where there is none: what is learned at this moment is then not the first.
        let kept = change.risk_profile(subject).await?;
        let bytes = without_biometrics(&kept.bytes);
        if change.put_risk_profile(subject, &kept, bytes, now).await? {
            break;
        }
        tries += 1;
        if tries == MOST_TRIES {
            return Err(PortalError::Moved);
        }
    }
    change.rewrite_evidence_of(subject, other_evidence).await?;
    Ok(change.rewrite_decisions_of(subject, other_past).await?)
}

/// A session's evidence without biometrics; none where there are none.
fn other_evidence(evidence: Value) -> Option<Value> {
    let Ok(evidence) = serde_json::from_value::<Vec<Evidence>>(evidence) else {
        // What cannot be read vouches for nothing.
        return Some(Value::Array(Vec::new()));
    };
    let count = evidence.len();
    let left: Vec<Evidence> = evidence
        .into_iter()
        .filter(|it| !is_biometric(it.factor))
        .collect();
    (left.len() < count)
        .then(|| serde_json::to_value(left).expect("invariant: evidence is plain JSON"))
}

/// A login in which a face or a finger had a part is not kept: without how well it matched no policy can judge it anew.
fn other_past(past: Value) -> Rewrite {
    let Ok(mut past) = serde_json::from_value::<Past>(past) else {
        return Rewrite::Remove;
    };
    if past.evidence.iter().any(|it| is_biometric(it.factor)) {
        return Rewrite::Remove;
    }
    let page = past.seen.page.without_the_person();
    if page == past.seen.page {
        return Rewrite::Keep;
    }
    past.seen.page = page;
    Rewrite::Write(serde_json::to_value(past).expect("invariant: evidence is plain JSON"))
}

/// How often a profile is read again that somebody else wrote meanwhile.
const MOST_TRIES: u32 = 3;
