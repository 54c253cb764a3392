//! One login, from the authorization request to the code: an explicit state machine over stored attempts.
//!
//! [`policy`] and [`step`] decide, and are pure; [`journey`] reads and writes the store and calls the
//! factors; [`finish`] opens the session and mints the code; [`enrolment`] is the same for an invitation,
//! [`hand_over`] lets a phone do one step, [`raise`] says what is asked of who is signed in already,
//! [`addition`] lets who is signed in add a factor, and [`external`] for one factor that another provider asks for.
//! Policy decides what is required, factors what matched, and this folder counts failures: a try is
//! reserved in SQL before any comparison is made.

pub mod addition;
pub mod attempt;
mod consent;
pub mod device;
mod discoverable;
pub mod enrolment;
pub mod external;
pub mod finish;
pub mod guard;
pub mod hand_over;
pub mod journey;
pub mod mark;
pub mod own_pages;
mod pair;
pub mod policy;
pub mod raise;
mod record;
pub mod risk;
pub mod self_registration;
pub mod session;
pub mod step;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod weigh;

use std::net::IpAddr;

use time::OffsetDateTime;
use wire::{AttemptId, AuditOutcome, ClientId, FactorKind, SubjectId};

use crate::factors::{FactorError, Outcome};
use crate::store::{NewEvent, StoreError};

/// Why a login cannot go on from here. Each becomes one page or one answer to the client.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no such attempt or enrolment, or it has expired.
    #[error("the attempt is unknown or has expired")]
    Gone,
    /// It was begun in another browser.
    #[error("the attempt belongs to another browser")]
    OtherBrowser,
    /// Another request on it was faster, or the answer is not to what was asked: the page is to be shown anew.
    #[error("the attempt has moved on")]
    Moved,
    /// An invitation that is unknown, expired, used, or opened elsewhere.
    #[error("the invitation cannot be used")]
    Invitation,
    /// Biometric enrolment without consent to it.
    #[error("biometric enrolment needs consent first")]
    ConsentMissing,
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[error("the database is not available")]
    Store(#[from] StoreError),
}

/// The audit events of a login share their subject, client and attempt.
pub(crate) struct Trail {
    pub subject: Option<SubjectId>,
    pub client: Option<ClientId>,
    pub attempt: Option<AttemptId>,
    /// Where it came from, where that is known.
    pub address: Option<IpAddr>,
}

impl Trail {
    pub(crate) fn event(&self, kind: &'static str, outcome: AuditOutcome) -> NewEvent {
        let address = self
            .address
            .map(|it| ("address".to_owned(), it.to_string()));
        NewEvent {
            kind,
            outcome,
            subject: self.subject,
            client: self.client.clone(),
            attempt: self.attempt,
            operator: None,
            factor: None,
            detail: address.into_iter().collect(),
        }
    }

    pub(crate) fn factor(
        &self,
        kind: &'static str,
        factor: FactorKind,
        outcome: Outcome,
    ) -> NewEvent {
        let outcome = match outcome {
            Outcome::Match => AuditOutcome::Success,
            Outcome::NoMatch => AuditOutcome::Refused,
            Outcome::Unusable => AuditOutcome::Unusable,
        };
        NewEvent {
            factor: Some(factor),
            ..self.event(kind, outcome)
        }
    }
}

/// Whole seconds until then, at least one: what a person is told to wait.
pub(crate) fn seconds_until(then: OffsetDateTime, now: OffsetDateTime) -> u64 {
    u64::try_from((then - now).whole_seconds() + 1)
        .unwrap_or(1)
        .max(1)
}
