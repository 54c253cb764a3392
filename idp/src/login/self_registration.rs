//! Registration of one's own: where an application asks for it (`prompt=create`, Initiating User Registration 1.0 §4)
//! and the operator lets everybody in, a name is taken, and the enrolment that an invitation would have opened begins in
//! the same browser. The login waits for its end.
//!
//! A name that is taken is told, as whoever chooses a name must be; how often an address asks is limited. Whoever comes
//! back to an enrolment in the same browser goes on with it, and a name whose enrolment nobody finished in its time is
//! free again.

use secrecy::ExposeSecret as _;
use time::{Duration, OffsetDateTime};
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::{
    GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection, skeleton,
};
use wire::{AuditOutcome, SubjectStatus};

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
        if !is_fit(&username) {
            attempt.notice = Some(match username.is_empty() {
                true => Notice::TryAgain,
                false => Notice::NameUnfit,
            });
            return self.asked_again(attempt).await;
        }
        // Of many answers to one page one makes a subject.
        let mut attempt = self.put(attempt).await?;
        let new = NewSubject {
            display_name: username.clone(),
            username: username.clone(),
            email: None,
        };
        let subject = match self.store.create_subject(new, now).await {
            Ok(subject) => subject,
            Err(StoreError::Exists) => {
                if self.goes_on(&attempt, &username, now).await? {
                    attempt.request.login_hint = Some(username);
                    self.pass(attempt, Prompt::Create, Account::Another).await?;
                    return Ok(Registered::Enrolling);
                }
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
            created_by: Invitation::THEMSELVES.into(),
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

    /// Whether the name is of an enrolment that this browser began and did not finish; the login that asks now is the one
    /// that waits for it then.
    async fn goes_on(
        &self,
        attempt: &Attempt,
        username: &str,
        now: OffsetDateTime,
    ) -> Result<bool, LoginError> {
        let begun = match self.enrolment(&attempt.browser, now).await {
            Ok(begun) => begun,
            Err(LoginError::Gone) => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_theirs = begun.subject.username == username
            && begun.subject.status == SubjectStatus::Invited
            && begun.enrolment.login.is_some();
        if is_theirs {
            self.wait_for(begun.enrolment, attempt.id).await?;
        }
        Ok(is_theirs)
    }

    async fn asked_again(&self, attempt: Attempt) -> Result<Registered, LoginError> {
        let attempt = self.put(attempt).await?;
        Ok(Registered::Refused(Box::new(attempt)))
    }
}

/// Whether somebody may give themselves this name: letters and digits that UTS #39 recommends for identifiers, of scripts
/// that are written together, and nothing that looks like a name of whoever runs the place. An address is no name, or
/// whoever reads it would take it for verified.
fn is_fit(username: &str) -> bool {
    let is_usual = |c: char| {
        let recommended = c.identifier_type() == Some(IdentifierType::Recommended);
        recommended || matches!(c, '.' | '_' | '-')
    };
    let looks_like = |name: &str| skeleton(username).eq(skeleton(name));
    (1..=64).contains(&username.chars().count())
        && username.starts_with(char::is_alphanumeric)
        && username.chars().all(is_usual)
        && username.check_restriction_level(RestrictionLevel::HighlyRestrictive)
        && !RESERVED.iter().any(|name| looks_like(name))
}

/// Offices of RFC 2142, and what else sounds like whoever runs the place.
const RESERVED: [&str; 24] = [
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "billing",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "it",
    "moderator",
    "nobody",
    "noc",
    "null",
    "operator",
    "owner",
    "postmaster",
    "root",
    "security",
    "support",
    "system",
    "webmaster",
    "whorl",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_letters_that_are_written_together() {
        for name in [
            "grace",
            "o.d-y_1",
            "josé",
            "анна",
            "李雷",
            "नेहा",
            "علي",
            "たなか太郎",
        ] {
            assert!(is_fit(name), "{name}");
        }
        for name in [
            "",
            "a b",
            "a\u{200b}dmin",
            "sup\u{202e}port",
            "\u{430}dmin",
            "admin",
            "\u{440}oot",
            "ro\u{43e}t",
            "<b>x</b>",
            "x@y.example",
            ".dot",
            "a\u{0}b",
            "grace\u{301}\u{200d}",
            &"a".repeat(65),
        ] {
            assert!(!is_fit(name), "{name:?}");
        }
    }
}
