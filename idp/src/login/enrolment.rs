//! Enrolment from an invitation: one browser, explicit consent before anything biometric, every factor by
//! the same seam as at login.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AttemptId, AuditOutcome, FactorKind, SessionId, SubjectId, SubjectStatus};
use zeroize::Zeroizing;

use super::addition::Addition;
use super::attempt::{Notice, Pending};
use super::journey::{Journey, who};
use super::policy::is_biometric;
use super::{LoginError, Trail};
use crate::factors::{Answer, Ceremony, Challenge, FactorError, Outcome};
use crate::store::{Credential, EnrolmentRow, Replace, StoreError, Subject};

/// The version of the biometric consent text that the page shows. A change of the text changes it, and
/// asks everybody anew at their next enrolment.
pub const CONSENT_VERSION: &str = crate::http::pages::enrol::BiometricConsent::VERSION;

const PENDING: &str = "enrolment challenge";

/// One enrolment in progress.
#[derive(Clone, Serialize, Deserialize)]
pub struct Enrolment {
    #[serde(skip)]
    pub id: Uuid,
    #[serde(skip)]
    pub revision: i64,
    #[serde(skip)]
    pub browser: String,
    #[serde(skip)]
    pub invitation: String,
    #[serde(skip, default = "nobody")]
    pub subject: SubjectId,
    /// Where the present request on it comes from; for the audit trail.
    #[serde(skip)]
    pub address: Option<IpAddr>,
    /// Whether consent to biometric processing was answered, and how.
    pub consent: Option<bool>,
    /// Where no invitation began it: which factor alone is added, and in which session.
    #[serde(default)]
    pub addition: Option<Addition>,
    /// The challenge that waits, sealed: it holds secrets that are shown once (RFC 6238 keys, recovery codes).
    pub pending: Option<Vec<u8>>,
    pub notice: Option<Notice>,
    /// The login that waits for its end.
    #[serde(default)]
    pub login: Option<AttemptId>,
}

/// Which invitation is opened, and where.
#[derive(Clone, Copy)]
pub struct Opened<'a> {
    /// Its digest.
    pub invitation: &'a str,
    /// The digest of the browser's cookie.
    pub browser: &'a str,
    /// The login that waits for the end of the enrolment.
    pub login: Option<AttemptId>,
}

fn nobody() -> SubjectId {
    SubjectId(Uuid::nil())
}

/// An enrolment, whom it is for, and what is enrolled so far.
pub struct EnrolmentPosition {
    pub enrolment: Enrolment,
    pub subject: Subject,
    pub credentials: Vec<Credential>,
    /// Whether some acr that a login is held to by default could be reached now.
    pub is_sufficient: bool,
}

impl Journey {
    /// Opens an invitation in a browser, and begins or resumes its enrolment.
    ///
    /// # Errors
    /// [`LoginError::Invitation`] where it is unknown, expired, used or another browser's.
    pub async fn open_invitation(
        &self,
        opened: Opened<'_>,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let Opened {
            invitation,
            browser,
            login,
        } = opened;
        let subject = self
            .store
            .invited_subject(invitation, now)
            .await?
            .ok_or(LoginError::Invitation)?;
        if !self.store.open_invitation(invitation, browser, now).await? {
            return Err(LoginError::Invitation);
        }
        let fresh = Enrolment {
            id: Uuid::now_v7(),
            revision: 0,
            browser: browser.to_owned(),
            invitation: invitation.to_owned(),
            subject,
            address: None,
            consent: None,
            addition: None,
            pending: None,
            notice: None,
            login,
        };
        self.keep_enrolment(&fresh, now + lifetime).await?;
        self.store
            .append_event(
                trail(&fresh).event("enrolment.began", AuditOutcome::Success),
                now,
            )
            .await?;
        Ok(())
    }

    /// Stores an enrolment that begins.
    pub(super) async fn keep_enrolment(
        &self,
        fresh: &Enrolment,
        expires_at: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let row = EnrolmentRow {
            id: fresh.id,
            revision: fresh.revision,
            browser: fresh.browser.clone(),
            invitation: fresh.invitation.clone(),
            subject: fresh.subject,
            state: state_of(fresh),
            expires_at,
        };
        Ok(self.store.begin_enrolment(&row).await?)
    }

    /// The enrolment of a browser.
    ///
    /// # Errors
    /// [`LoginError::Gone`] where there is none.
    pub async fn enrolment(
        &self,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<EnrolmentPosition, LoginError> {
        let row = self
            .store
            .enrolment_of(browser, now)
            .await?
            .ok_or(LoginError::Gone)?;
        self.enrolment_at(row, now).await
    }

    /// The enrolment in which somebody who is signed in adds to what they have. No invitation stands behind it, so that
    /// it cannot be finished as one: it ends by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_enrolment(
        &self,
        subject: SubjectId,
        sid: SessionId,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<EnrolmentPosition, LoginError> {
        let fresh = Enrolment {
            id: Uuid::now_v7(),
            revision: 0,
            browser: browser.to_owned(),
            invitation: String::new(),
            subject,
            address: None,
            consent: None,
            addition: None,
            pending: None,
            notice: None,
            login: None,
        };
        let row = EnrolmentRow {
            id: fresh.id,
            revision: 0,
            browser: browser.to_owned(),
            invitation: String::new(),
            subject,
            state: state_of(&fresh),
            expires_at: now + self.attempt_lifetime,
        };
        let row = self.store.enrolment_of_session(sid, row, now).await?;
        self.enrolment_at(row, now).await
    }

    async fn enrolment_at(
        &self,
        row: EnrolmentRow,
        now: OffsetDateTime,
    ) -> Result<EnrolmentPosition, LoginError> {
        let state: Enrolment =
            serde_json::from_value(row.state).map_err(|_| StoreError::Unreadable("enrolment"))?;
        let enrolment = Enrolment {
            id: row.id,
            revision: row.revision,
            browser: row.browser,
            invitation: row.invitation,
            subject: row.subject,
            address: None,
            ..state
        };
        let subject = self
            .store
            .subject(enrolment.subject)
            .await?
            .ok_or(LoginError::Gone)?;
        if let Some(addition) = &enrolment.addition {
            self.still_added(addition, &subject, now).await?;
        }
        let credentials = self.store.credentials(subject.id).await?;
        let policy = self.policy();
        let rule = policy.rule(&policy.default_acr).ok_or(LoginError::Gone)?;
        let enrolled = |factor: &FactorKind| credentials.iter().any(|c| c.factor == *factor);
        let is_sufficient = rule.any_of.iter().any(|way| way.iter().all(enrolled));
        Ok(EnrolmentPosition {
            enrolment,
            subject,
            credentials,
            is_sufficient,
        })
    }

    /// Takes the answer to the biometric consent text of a version. What a consent that is taken back covered is erased
    /// before ([`crate::app::App::erase_enrolled_biometrics`]), with the key under which a challenge may be sealed.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where another version was shown.
    pub async fn decide_biometric_consent(
        &self,
        position: EnrolmentPosition,
        version: &str,
        granted: bool,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        if version != CONSENT_VERSION {
            return Err(LoginError::Moved);
        }
        let subject = position.subject.id;
        if granted {
            self.store
                .grant_biometric_consent(subject, version, now)
                .await?;
        } else {
            self.store.withdraw_biometric_consent(subject).await?;
        }
        let outcome = if granted {
            AuditOutcome::Success
        } else {
            AuditOutcome::Refused
        };
        let mut event = trail(&position.enrolment).event("biometric_consent.decided", outcome);
        event.detail.insert("version".into(), version.into());
        self.store.append_event(event, now).await?;
        let mut enrolment = position.enrolment;
        enrolment.consent = Some(granted);
        if !granted {
            enrolment.pending = None;
        }
        self.put_enrolment(enrolment).await.map(|_| ())
    }

    /// Begins the enrolment of a factor, or answers the challenge that waits already.
    ///
    /// # Errors
    /// [`LoginError::ConsentMissing`] for a biometric without consent to this version of the text.
    pub async fn enrol_begin(
        &self,
        position: EnrolmentPosition,
        factor: FactorKind,
        now: OffsetDateTime,
    ) -> Result<(EnrolmentPosition, Challenge), LoginError> {
        is_asked_for(&position, factor)?;
        self.consented(&position, factor).await?;
        if let Some(pending) = self
            .pending(&position.enrolment)
            .await?
            .filter(|p| p.factor == factor)
        {
            let mut position = position;
            // A refusal is told once: at a later visit nothing is there that it is about.
            if let Some(notice) = position.enrolment.notice.take() {
                position.enrolment = self.put_enrolment(position.enrolment).await?;
                position.enrolment.notice = Some(notice);
            }
            return Ok((position, pending.challenge));
        }
        let ceremony = Ceremony {
            subject: &position.subject,
            credentials: &position.credentials,
            now,
        };
        let issued = self.factors.factor(factor)?.enrol_begin(ceremony).await?;
        let mut enrolment = position.enrolment;
        // What there is to tell is about another factor.
        enrolment.notice = None;
        let challenge = issued.challenge.clone();
        let pending = Pending {
            factor,
            challenge: issued.challenge,
            remember: issued.remember,
        };
        let plain = Zeroizing::new(
            serde_json::to_vec(&pending).expect("invariant: a challenge is plain JSON"),
        );
        let sealed = self
            .secrets
            .seal(PENDING, &enrolment.id.to_string(), &plain)
            .await;
        enrolment.pending = Some(sealed.map_err(FactorError::Vault)?);
        let enrolment = self.put_enrolment(enrolment).await?;
        Ok((
            EnrolmentPosition {
                enrolment,
                ..position
            },
            challenge,
        ))
    }

    /// Ends the enrolment of a factor. What cannot be used leaves a notice and the challenge in place.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where nothing waits for this factor.
    pub async fn enrol_finish(
        &self,
        position: EnrolmentPosition,
        factor: FactorKind,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Outcome, LoginError> {
        is_asked_for(&position, factor)?;
        self.consented(&position, factor).await?;
        let mut enrolment = position.enrolment;
        let pending = match self.pending(&enrolment).await? {
            Some(pending) if pending.factor == factor => pending,
            _ => return Err(LoginError::Moved),
        };
        let subject = position.subject;
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &position.credentials,
            now,
        };
        let kind = self.factors.factor(factor)?;
        let enrolled = match kind.enrol_finish(ceremony, pending.remember, answer).await {
            Ok(enrolled) => enrolled,
            Err(FactorError::Unusable(advice) | FactorError::Refused(advice)) => {
                enrolment.notice = Some(Notice::Unusable { advice });
                let enrolment = self.put_enrolment(enrolment).await?;
                self.audit_enrolled(&enrolment, factor, Outcome::Unusable, now)
                    .await?;
                return Ok(Outcome::Unusable);
            }
            Err(FactorError::NotLive(advice, gate, cues)) => {
                enrolment.notice = Some(Notice::Unusable {
                    advice: advice.to_owned(),
                });
                let enrolment = self.put_enrolment(enrolment).await?;
                let trail = trail(&enrolment);
                let mut event = trail.factor("credential.enrolled", factor, Outcome::NoMatch);
                event.detail.insert("gate".into(), gate.as_str().into());
                if !cues.is_empty() {
                    event.detail.insert("cues".into(), cues.join(", "));
                }
                self.store.append_event(event, now).await?;
                return Ok(Outcome::NoMatch);
            }
            Err(FactorError::Malformed(_)) => {
                enrolment.notice = Some(Notice::NoMatch { factor });
                let enrolment = self.put_enrolment(enrolment).await?;
                self.audit_enrolled(&enrolment, factor, Outcome::NoMatch, now)
                    .await?;
                return Ok(Outcome::NoMatch);
            }
            Err(error) => return Err(error.into()),
        };
        enrolment.pending = None;
        enrolment.notice = None;
        let enrolment = self.put_enrolment(enrolment).await?;
        let replace = if enrolled.several {
            Replace::Nothing
        } else {
            Replace::SameFactor
        };
        // With the subject's row held: who withdraws the consent at this moment comes before or after, and what was
        // sealed under a key that has gone since is not kept.
        let change = self.store.begin().await?;
        let held = change.hold_subject(subject.id).await?;
        // Who was suspended meanwhile adds nothing to come back with.
        let held = held.filter(|held| held.status != SubjectStatus::Suspended);
        let held = held.ok_or(LoginError::Gone)?;
        if is_biometric(factor) {
            match change.biometric_consent(subject.id).await? {
                Some(consent) if consent.version == CONSENT_VERSION => {}
                _ => return Err(LoginError::ConsentMissing),
            }
        }
        let was_rekeyed = subject.wrapped_key.is_some() && subject.wrapped_key != held.wrapped_key;
        if was_rekeyed && (is_biometric(factor) || factor == FactorKind::Totp) {
            return Err(LoginError::Moved);
        }
        change
            .add_credential(subject.id, enrolled.credential, replace, now)
            .await?;
        let event = trail(&enrolment).factor("credential.enrolled", factor, Outcome::Match);
        change.append_event(event, now).await?;
        change.commit().await?;
        if replace == Replace::SameFactor {
            for old in position.credentials.iter().filter(|c| c.factor == factor) {
                kind.remove(old).await?;
            }
        }
        self.store
            .clear_tries(&who(&subject.username), factor)
            .await?;
        if enrolment.addition.is_some() {
            self.store.end_enrolment(enrolment.id).await?;
        }
        Ok(Outcome::Match)
    }

    /// Spends the invitation and lets the subject sign in.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where what is enrolled does not suffice yet.
    pub async fn finish_enrolment(
        &self,
        position: EnrolmentPosition,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let EnrolmentPosition {
            enrolment,
            subject,
            is_sufficient: true,
            ..
        } = position
        else {
            return Err(LoginError::Moved);
        };
        if !self
            .store
            .spend_invitation(&enrolment.invitation, &enrolment.browser, now)
            .await?
        {
            return Err(LoginError::Invitation);
        }
        // A suspended subject stays so: an old invitation lifts nothing.
        if subject.status == SubjectStatus::Invited {
            self.store
                .move_subject_status(subject.id, SubjectStatus::Invited, SubjectStatus::Active)
                .await?;
        }
        self.store.end_enrolment(enrolment.id).await?;
        self.store
            .append_event(
                trail(&enrolment).event("enrolment.finished", AuditOutcome::Success),
                now,
            )
            .await?;
        Ok(())
    }

    async fn pending(&self, enrolment: &Enrolment) -> Result<Option<Pending>, LoginError> {
        let Some(sealed) = &enrolment.pending else {
            return Ok(None);
        };
        let plain = self
            .secrets
            .open(PENDING, &enrolment.id.to_string(), sealed)
            .await
            .map_err(FactorError::Vault)?;
        let pending =
            serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("enrolment"))?;
        Ok(Some(pending))
    }

    async fn consented(
        &self,
        position: &EnrolmentPosition,
        factor: FactorKind,
    ) -> Result<(), LoginError> {
        if !is_biometric(factor) {
            return Ok(());
        }
        match self.store.biometric_consent(position.subject.id).await? {
            Some(consent) if consent.version == CONSENT_VERSION => Ok(()),
            _ => Err(LoginError::ConsentMissing),
        }
    }

    /// Names another login as the one that waits for the end of an enrolment.
    pub(super) async fn wait_for(
        &self,
        mut enrolment: Enrolment,
        login: AttemptId,
    ) -> Result<(), LoginError> {
        enrolment.login = Some(login);
        self.put_enrolment(enrolment).await.map(drop)
    }

    async fn put_enrolment(&self, mut enrolment: Enrolment) -> Result<Enrolment, LoginError> {
        if !self
            .store
            .move_enrolment(enrolment.id, enrolment.revision, state_of(&enrolment))
            .await?
        {
            return Err(LoginError::Moved);
        }
        enrolment.revision += 1;
        Ok(enrolment)
    }

    async fn audit_enrolled(
        &self,
        enrolment: &Enrolment,
        factor: FactorKind,
        outcome: Outcome,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        self.store
            .append_event(
                trail(enrolment).factor("credential.enrolled", factor, outcome),
                now,
            )
            .await?;
        Ok(())
    }
}

/// An addition is of one factor, and of no other that its page does not name.
fn is_asked_for(position: &EnrolmentPosition, factor: FactorKind) -> Result<(), LoginError> {
    match &position.enrolment.addition {
        Some(addition) if addition.factor != factor => Err(LoginError::Gone),
        _ => Ok(()),
    }
}

pub(super) fn trail(enrolment: &Enrolment) -> Trail {
    Trail {
        subject: Some(enrolment.subject),
        client: None,
        attempt: None,
        address: enrolment.address,
    }
}

fn state_of(enrolment: &Enrolment) -> Value {
    serde_json::to_value(enrolment).expect("invariant: an enrolment is plain JSON")
}
