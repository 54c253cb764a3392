//! A running session that is raised: by what is missing of what is asked for, and nothing else (RFC 9470 §4).
//!
//! The attempt begins with the session's evidence and its person. What still counts is not asked for again, nobody else
//! may answer, and at the end the session has its new proof and a new cookie. Whoever cancels leaves it as it was.

use time::OffsetDateTime;

use super::LoginError;
use super::attempt::Attempt;
use super::journey::Journey;

/// What is asked of somebody who is signed in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// One proof beside those that still count.
    OneMore,
    /// More than that, or all of it anew.
    Again,
}

impl Journey {
    /// What an attempt asks of who is signed in; nothing where nobody is.
    ///
    /// # Errors
    /// [`LoginError::Gone`] where the policy knows the attempt's acr no more.
    pub fn raise(
        &self,
        attempt: &Attempt,
        now: OffsetDateTime,
    ) -> Result<Option<Raise>, LoginError> {
        if attempt.session.is_none() {
            return Ok(None);
        }
        let (demand, at) = (self.demand(attempt)?, attempt.moment(now));
        let missing = demand.missing(&attempt.evidence, at);
        let shortest = missing.iter().map(Vec::len).min();
        let counts = !demand.counted(&attempt.evidence, at).is_empty();
        Ok(Some(match (counts, shortest) {
            (true, Some(1)) => Raise::OneMore,
            (true | false, Some(_) | None) => Raise::Again,
        }))
    }
}
