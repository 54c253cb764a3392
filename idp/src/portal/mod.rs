//! What people do to their own accounts: take a factor away, end sessions, withdraw what they allowed, have their
//! biometrics erased, and get all that is kept about them.
//!
//! Each change is one transaction that holds the subject's row first and ends with the audit event, as an operator's is;
//! what lies outside the database goes after it. A change of a factor needs one that was proved a moment ago
//! ([`is_fresh`]): a browser that was left open, or a cookie that was taken, changes nothing (NIST SP 800-63B-4 §4.1.2).

mod changes;
mod clear_away;
mod device;
mod erase;
mod export;
mod history;
mod lost;

use std::net::IpAddr;

use time::OffsetDateTime;
use wire::{AuditOutcome, SessionId, SubjectId};

pub use device::device;
pub use history::{Happened, Line, OURSELVES, PER_PAGE};
pub use lost::{Lost, is_on_a_device};

use crate::factors::{Evidence, FactorError, FactorKind};
use crate::login::Trail;
pub use crate::login::own_pages::FRESH;
use crate::login::own_pages::{binds, was_shown};
use crate::login::policy::{Demand, Moment, Policy};
use crate::store::{Credential, NewEvent, Store, StoreError};

/// A person at work on the own account.
#[derive(Clone, Copy)]
pub struct Owner {
    pub subject: SubjectId,
    /// The session in which it is done.
    pub sid: SessionId,
    pub address: Option<IpAddr>,
}

impl Owner {
    fn did(&self, kind: &'static str) -> NewEvent {
        let trail = Trail {
            subject: Some(self.subject),
            client: None,
            attempt: None,
            address: self.address,
        };
        trail.event(kind, AuditOutcome::Success)
    }
}

/// What waited for the person's answer and was refused, by the digest that its client polls with.
pub type Refused = Vec<String>;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// There is no such thing, or it is somebody else's.
    #[error("there is no such thing in this account")]
    Unknown,
    /// Without it the person could not sign in any more.
    #[error("it is part of the last way to sign in")]
    LastWay,
    /// Something else was done to it at the same moment.
    #[error("it has changed meanwhile")]
    Moved,
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[error("the database is not available")]
    Store(#[from] StoreError),
}

/// The evidence whose credential is still there.
#[must_use]
pub fn standing(evidence: &[Evidence], credentials: &[Credential]) -> Vec<Evidence> {
    let stands = |it: &&Evidence| {
        it.credential
            .is_some_and(|id| credentials.iter().any(|held| held.id == id))
    };
    evidence.iter().filter(stands).cloned().collect()
}

/// Whether what the person is held to was proved within the last minutes.
#[must_use]
pub fn is_fresh(demand: &Demand, standing: &[Evidence], now: OffsetDateTime) -> bool {
    demand.is_reached(standing, lately(now))
}

/// Whether a further way to sign in may be bound: by one of those that are more than a password, where there is one.
#[must_use]
pub fn may_bind(standing: &[Evidence], credentials: &[Credential], now: OffsetDateTime) -> bool {
    was_shown(standing, credentials, binds, now)
        || !credentials.iter().any(|held| binds(held.factor))
}

fn lately(now: OffsetDateTime) -> Moment {
    Moment {
        since: Some(now - FRESH),
        now,
    }
}

/// What of these there is to sign in with: recovery codes that are all spent are none.
///
/// # Errors
/// When the database fails.
pub async fn usable<'a>(
    store: &Store,
    credentials: impl Iterator<Item = &'a Credential> + Send,
) -> Result<Vec<FactorKind>, StoreError> {
    let mut usable = Vec::new();
    for held in credentials {
        let is_spent = held.factor == FactorKind::RecoveryCode
            && store.recovery_codes_left(held.id).await? == 0;
        if !is_spent {
            usable.push(held.factor);
        }
    }
    Ok(usable)
}

/// Whether somebody who has these factors can sign in where nothing special is asked for.
#[must_use]
pub fn suffices(policy: &Policy, factors: &[FactorKind]) -> bool {
    policy.rule(&policy.default_acr).is_some_and(|rule| {
        let mut ways = rule.any_of.iter();
        ways.any(|way| way.iter().all(|factor| factors.contains(factor)))
    })
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use wire::CredentialId;

    use super::*;
    use crate::config::Config;
    use crate::store::tests::NOW;

    fn held(id: u128, factor: FactorKind) -> Credential {
        Credential {
            id: CredentialId(uuid::Uuid::from_u128(id)),
            subject: SubjectId(uuid::Uuid::from_u128(1)),
            factor,
            label: String::new(),
            model: None,
            version: 1,
            blob_digest: None,
            sealed: None,
            public: None,
            counter: 0,
            created_at: NOW,
            last_used_at: None,
        }
    }

    fn proof(id: u128, factor: FactorKind, ago: i64) -> Evidence {
        let id = CredentialId(uuid::Uuid::from_u128(id));
        Evidence::matched(factor, [], id, NOW - Duration::seconds(ago))
    }

    #[test]
    fn all_factors_of_a_way_must_have_been_proved_a_moment_ago() {
        use FactorKind::{Passkey, Password, Totp};
        let policy = Config::from_toml("").expect("defaults").policy;
        let credentials = [held(1, Password), held(2, Totp), held(3, Passkey)];
        let rule = policy.rule(&policy.default_acr).expect("a rule").clone();
        let demand = Demand::of(rule);
        let fresh =
            |evidence: &[Evidence]| is_fresh(&demand, &standing(evidence, &credentials), NOW);
        let password = |ago| proof(1, Password, ago);
        for (evidence, expected) in [
            (vec![], false),
            (vec![password(10)], false),
            (vec![password(10), proof(2, Totp, 10)], true),
            (vec![password(300), proof(2, Totp, 300)], true),
            (vec![password(301), proof(2, Totp, 10)], false),
            (vec![password(10), proof(2, Totp, 301)], false),
            (vec![proof(3, Passkey, 299)], true),
            (vec![proof(3, Passkey, 301)], false),
            // Its credential was taken away since.
            (vec![proof(4, Passkey, 10)], false),
            (vec![Evidence::no_match(Passkey, NOW)], false),
        ] {
            assert_eq!(fresh(&evidence), expected, "{evidence:?}");
        }
    }

    #[test]
    fn a_password_alone_binds_nothing_beside_what_is_more() {
        use FactorKind::{Passkey, Password, RecoveryCode, Totp};
        let password = proof(1, Password, 10);
        let bare = [held(1, Password)];
        assert!(may_bind(std::slice::from_ref(&password), &bare, NOW));
        let held = [(1, Password), (2, Totp), (3, RecoveryCode), (4, Passkey)];
        let held = held.map(|(id, factor)| self::held(id, factor));
        assert!(!may_bind(std::slice::from_ref(&password), &held, NOW));
        for (evidence, expected) in [
            (proof(2, Totp, 10), true),
            (proof(3, RecoveryCode, 10), true),
            (proof(4, Passkey, 10), true),
            (proof(5, Passkey, 10), false),
            (proof(2, Totp, 301), false),
            (Evidence::no_match(Totp, NOW), false),
        ] {
            let shown = [password.clone(), evidence];
            assert_eq!(may_bind(&shown, &held, NOW), expected, "{shown:?}");
        }
    }

    #[test]
    fn what_is_left_must_be_a_way_to_sign_in() {
        use FactorKind::{Face, Passkey, Password, RecoveryCode, Totp};
        let policy = Config::from_toml("").expect("defaults").policy;
        for (factors, expected) in [
            (vec![], false),
            (vec![Password], false),
            (vec![Totp, RecoveryCode], false),
            (vec![Password, Totp], true),
            (vec![Password, RecoveryCode], true),
            (vec![Passkey], true),
            (vec![Face, Password], false),
        ] {
            assert_eq!(suffices(&policy, &factors), expected, "{factors:?}");
        }
    }
}
