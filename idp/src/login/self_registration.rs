//! Registration of one's own: where an application asks for it (`prompt=create`, Initiating User Registration 1.0 §4)
//! and the operator lets everybody in, a name is taken, and the enrolment that an invitation would have opened begins in
//! the same browser. The login waits for its end.
//!
//! A name that is taken is told, as whoever chooses a name must be; how often an address asks is limited.

use secrecy::ExposeSecret as _;
use time::{Duration, OffsetDateTime};
use wire::AuditOutcome;

use super::attempt::{Attempt, Notice};
use super::journey::{Account, Journey, trail};
use super::{LoginError, enrolment};
use crate::oidc::prompt::Prompt;
use crate::random;
use crate::store::{Invitation, NewEvent, NewSubject, StoreError, canonical_username};

/// How a registration went.
pub enum Registered {
    /// The name is theirs; what they sign in with is set up next.
    Enrolling,
    /// The page says why not.
    Refused(Box<Attempt>),
}

impl Journey {
    /// Takes a name for somebody new, and begins the enrolment in the attempt's browser.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where the attempt does not ask for that.
    pub async fn register(
        &self,
        mut attempt: Attempt,
        typed: &str,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Registered, LoginError> {
        let asked = attempt.request.prompt.contains(Prompt::Create);
        if !asked || attempt.passed.contains(&Prompt::Create) {
            return Err(LoginError::Moved);
        }
        let username = canonical_username(typed);
        if !is_name(&username) {
            attempt.notice = Some(Notice::TryAgain);
            return self.asked_again(attempt).await;
        }
        let new = NewSubject {
            display_name: username.clone(),
            username: username.clone(),
            email: None,
        };
        let subject = match self.store.create_subject(new, now).await {
            Ok(subject) => subject,
            Err(StoreError::Exists) => {
                attempt.notice = Some(Notice::NameTaken);
                return self.asked_again(attempt).await;
            }
            Err(error) => return Err(error.into()),
        };
        let (id, browser) = (attempt.id, attempt.browser.clone());
        let event = trail(&attempt).event("subject.registered", AuditOutcome::Success);
        attempt.request.login_hint = Some(username);
        self.pass(attempt, Prompt::Create, Account::Another).await?;
        // Nobody is told the secret of this invitation: it is opened here and now.
        let digest = random::digest(random::secret().expose_secret());
        let invitation = Invitation {
            digest: digest.clone(),
            subject: subject.id,
            created_by: CREATED_BY.into(),
            expires_at: now + lifetime,
        };
        self.store.create_invitation(&invitation, now).await?;
        let opened = enrolment::Opened {
            invitation: &digest,
            browser: &browser,
            login: Some(id),
        };
        self.open_invitation(opened, lifetime, now).await?;
        let event = NewEvent {
            subject: Some(subject.id),
            ..event
        };
        self.store.append_event(event, now).await?;
        Ok(Registered::Enrolling)
    }

    async fn asked_again(&self, attempt: Attempt) -> Result<Registered, LoginError> {
        let attempt = self.put(attempt).await?;
        Ok(Registered::Refused(Box::new(attempt)))
    }
}

fn is_name(username: &str) -> bool {
    (1..=64).contains(&username.chars().count()) && !username.chars().any(char::is_control)
}

/// In place of an operator's name.
const CREATED_BY: &str = "themselves";
