//! Probes that matched so well that they may renew their reference, until the login that they belong to is admitted.
//!
//! They live in this process alone and nowhere else: a template that no admitted login stands behind is never stored. One that is
//! lost, because the login ended on another replica, is no loss: the next login brings another.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};
use wire::CredentialId;

struct Candidate<T> {
    credential: CredentialId,
    at: OffsetDateTime,
    template: T,
}

/// The newest few candidates. Each is wiped when it is dropped.
pub(super) struct Candidates<T>(Mutex<VecDeque<Candidate<T>>>);

impl<T> Default for Candidates<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Candidates<T> {
    /// Holds the template that matched a credential at a moment.
    pub(super) fn hold(&self, credential: CredentialId, at: OffsetDateTime, template: T) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|c| at - c.at < LONGEST);
        if held.len() >= MOST {
            held.pop_front();
        }
        held.push_back(Candidate {
            credential,
            at,
            template,
        });
    }

    /// Hands out the template of just this match, once.
    pub(super) fn take(&self, credential: CredentialId, at: OffsetDateTime) -> Option<T> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = held
            .iter()
            .position(|c| c.credential == credential && c.at == at)?;
        held.remove(found).map(|c| c.template)
    }
}

const MOST: usize = 64;
/// No attempt takes longer.
const LONGEST: Duration = Duration::hours(1);

#[cfg(test)]
mod tests {
    use matcher::fingerprint::Template;

    use super::*;
    use crate::store::tests::NOW;

    fn template() -> Template {
        Template::from_bytes(b"WhFM\x01\x32\x10\x01\x01\x00\xff").expect("a template")
    }

    #[test]
    fn a_candidate_is_handed_out_once_and_only_for_its_own_match() {
        let (candidates, id) = (Candidates::default(), CredentialId(uuid::Uuid::now_v7()));
        candidates.hold(id, NOW, template());
        assert!(candidates.take(id, NOW + Duration::SECOND).is_none());
        assert!(
            candidates
                .take(CredentialId(uuid::Uuid::now_v7()), NOW)
                .is_none()
        );
        assert!(candidates.take(id, NOW).is_some());
        assert!(candidates.take(id, NOW).is_none());
    }

    #[test]
    fn many_and_old_candidates_are_dropped() {
        let (candidates, id) = (Candidates::default(), CredentialId(uuid::Uuid::now_v7()));
        let at = |n: usize| NOW + Duration::SECOND * n as u32;
        (0..=MOST).for_each(|n| candidates.hold(id, at(n), template()));
        assert!(candidates.take(id, at(0)).is_none() && candidates.take(id, at(1)).is_some());
        candidates.hold(id, at(2) + LONGEST, template());
        assert!(candidates.take(id, at(2)).is_none());
    }
}
