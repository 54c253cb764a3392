//! A passkey that says itself whose it is, offered beside the question for a name (WebAuthn Level 3 §5.1.4).

use serde_json::Value;
use time::OffsetDateTime;
use wire::{FactorKind, SubjectStatus};

use super::LoginError;
use super::attempt::{Attempt, Identity, Notice, Pending};
use super::guard::Counted;
use super::journey::{Journey, trail, who};
use crate::factors::{Answer, Evidence, Outcome};

impl Journey {
    /// Judges a passkey that names its subject itself, from the page that asks for a name.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where no such challenge waits.
    pub async fn answer_discoverable(
        &self,
        mut attempt: Attempt,
        credential: Value,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        let factor = FactorKind::Passkey;
        let discoverable = attempt.identity.is_none() && attempt.external.is_none();
        let Some(pending) = attempt
            .pending
            .take()
            .filter(|p| p.factor == factor && discoverable)
        else {
            return Err(LoginError::Moved);
        };
        let subject = match self.passkeys.identify(&credential) {
            Some(id) => self
                .store
                .subject(id)
                .await?
                .filter(|s| s.status == SubjectStatus::Active),
            None => None,
        };
        let Some(subject) = subject else {
            attempt.notice = Some(Notice::NoMatch { factor });
            let refused = trail(&attempt).factor("factor.verified", factor, Outcome::NoMatch);
            self.store.append_event(refused, now).await?;
            return self.put(attempt).await;
        };
        attempt.notice = None;
        let attempt = self.put(attempt).await?;
        let mut named = attempt;
        named.risk = Default::default();
        named.identity = Some(Identity {
            username: subject.username.clone(),
            subject: Some(subject.id),
        });
        let counted = Counted::alone(who(&subject.username));
        let answer = Answer::Credential {
            json: credential,
            label: None,
        };
        let verified = self
            .verify(&named, factor, pending.remember, answer, now)
            .await;
        // What raises an alarm is signed by the person's own key, and the person is to hear of it.
        let is_signed =
            |evidence: &Evidence| evidence.outcome == Outcome::Match || evidence.alarm.is_some();
        if !verified.as_ref().is_ok_and(is_signed) {
            // Who it is was only claimed: the page that asks for a name comes again.
            named.identity = None;
        }
        // On the heap: every handler that ends in it would be as large.
        Box::pin(self.weigh(named, factor, &counted, verified, now)).await
    }

    /// Issues the challenge of [`Journey::answer_discoverable`], for the page that asks for a name.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn ask_discoverable(&self, mut attempt: Attempt) -> Result<Attempt, LoginError> {
        if attempt
            .pending
            .as_ref()
            .is_some_and(|pending| pending.factor == FactorKind::Passkey)
        {
            return Ok(attempt);
        }
        attempt.pending = Some(self.discoverable()?);
        self.put(attempt).await
    }

    /// Whether there are passkeys here at all.
    #[must_use]
    pub fn offers_passkeys(&self) -> bool {
        self.factors.kinds().any(|kind| kind == FactorKind::Passkey)
    }

    pub(super) fn discoverable(&self) -> Result<Pending, LoginError> {
        let issued = self.passkeys.discoverable_challenge()?;
        Ok(Pending {
            factor: FactorKind::Passkey,
            challenge: issued.challenge,
            remember: issued.remember,
        })
    }
}
