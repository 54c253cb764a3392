//! Which policy counts: the newest that an operator wrote, and the configuration's where there is none.
//!
//! A running server holds it in [`Policies`], and whoever decides asks for it anew each time. The function that decides,
//! [`crate::login::policy`], knows nothing of that.

pub mod draft;
pub mod simulation;
pub mod table;

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;

use self::draft::Fault;
use crate::config::Config;
use crate::login::policy::Policy;
use crate::oidc::provider::Acrs;
use crate::store::{PolicyRevision, Store, StoreError};

/// A policy, and where it comes from.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The newest change; none where the policy was never changed.
    pub change: Option<Change>,
    /// As it was written; none where it is the configuration's.
    pub text: Option<String>,
    policy: Policy,
}

/// Who changed the policy.
#[derive(Clone, Debug)]
pub struct Change {
    pub number: i64,
    pub by: String,
    pub note: Option<String>,
    pub at: OffsetDateTime,
}

impl Deref for InForce {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

/// Why the newest policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyRefused {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was right when it was kept, and is not for this configuration or this version.
    #[error(
        "policy revision {number} cannot be used: {}; `whorl policy check` says more, and `whorl policy reset` goes back to the configuration's",
        draft::in_one_line(.faults)
    )]
    Faulty { number: i64, faults: Vec<Fault> },
}

impl InForce {
    /// The configuration's.
    #[must_use]
    pub fn of_file(config: &Config) -> Self {
        Self {
            change: None,
            text: None,
            policy: config.policy.clone(),
        }
    }

    /// What a change made of it.
    ///
    /// # Errors
    /// [`PolicyRefused::Faulty`].
    pub fn of(revision: PolicyRevision, config: &Config) -> Result<Self, PolicyRefused> {
        let number = revision.number;
        let policy = match &revision.text {
            Some(text) => draft::read(text, config)
                .map_err(|faults| PolicyRefused::Faulty { number, faults })?,
            None => config.policy.clone(),
        };
        Ok(Self {
            change: Some(Change {
                number,
                by: revision.changed_by,
                note: revision.note,
                at: revision.at,
            }),
            text: revision.text,
            policy,
        })
    }

    /// The one that counts in a store.
    ///
    /// # Errors
    /// [`PolicyRefused`].
    pub async fn newest(store: &Store, config: &Config) -> Result<Self, PolicyRefused> {
        match store.newest_policy().await? {
            Some(revision) => Self::of(revision, config),
            None => Ok(Self::of_file(config)),
        }
    }

    /// The number of the newest change; 0 where there is none.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.change.as_ref().map_or(0, |change| change.number)
    }

    /// The policy alone.
    #[must_use]
    pub fn into_policy(self) -> Policy {
        self.policy
    }
}

/// What a running server holds.
pub struct Policies {
    now: RwLock<Arc<InForce>>,
    /// What clients may ask for, which follows.
    acrs: Acrs,
}

impl Policies {
    /// Begins with this one.
    #[must_use]
    pub fn new(first: InForce) -> Self {
        Self {
            acrs: first.names().cloned().collect(),
            now: RwLock::new(Arc::new(first)),
        }
    }

    /// The policy of this moment.
    #[must_use]
    pub fn in_force(&self) -> Arc<InForce> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// The names of its acrs, from one moment to the next.
    #[must_use]
    pub fn acrs(&self) -> Acrs {
        self.acrs.clone()
    }

    /// Turns to the newest in the store, where that is another; whether it did.
    ///
    /// # Errors
    /// [`PolicyRefused`]: then the one before goes on.
    pub async fn follow(&self, store: &Store, config: &Config) -> Result<bool, PolicyRefused> {
        if store.newest_policy_number().await? == self.in_force().number() {
            return Ok(false);
        }
        Ok(self.turn_to(InForce::newest(store, config).await?))
    }

    /// Of two that turn at once, the newer one stays.
    fn turn_to(&self, next: InForce) -> bool {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if next.number() <= now.number() {
            return false;
        }
        self.acrs.replace(next.names().cloned());
        *now = Arc::new(next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::acr::Acr;
    use crate::store::tests::{NOW, store};

    fn revision(number: i64, text: Option<&str>) -> PolicyRevision {
        PolicyRevision {
            number,
            text: text.map(str::to_owned),
            changed_by: "ada".into(),
            note: None,
            at: NOW,
        }
    }

    const OTHER: &str =
        "[policy]\ndefault_acr = 'urn:x'\n[[policy.acr]]\nname = 'urn:x'\nany_of = [['passkey']]";

    #[tokio::test]
    async fn the_newest_revision_is_taken_up_and_one_with_faults_is_not() {
        let (_folder, store) = store().await;
        let config = Config::from_toml("").expect("defaults");
        let first = InForce::newest(&store, &config).await.expect("the file's");
        assert_eq!(first.number(), 0);
        let policies = Policies::new(first);
        let acr = Acr::parse("urn:x").expect("an acr");
        let keep = async |row: PolicyRevision| {
            let kept = store.keep_policy_revision(&row).await;
            kept.expect("kept");
        };
        let follow = async || policies.follow(&store, &config).await;
        assert!(!follow().await.expect("nothing new"));

        keep(revision(1, Some(OTHER))).await;
        assert!(follow().await.expect("taken up"));
        assert_eq!(policies.in_force().default_acr, acr);
        assert!(policies.acrs().now().iter().eq([&acr]));

        keep(revision(2, Some("[policy]"))).await;
        let refused = follow().await.expect_err("has no acr");
        assert!(refused.to_string().contains("revision 2"), "{refused}");
        assert_eq!(policies.in_force().number(), 1, "the one before goes on");

        keep(revision(3, None)).await;
        assert!(follow().await.expect("taken up"));
        assert_eq!(policies.in_force().default_acr, config.policy.default_acr);
        assert!(!policies.acrs().now().contains(&acr));
    }

    #[test]
    fn an_older_one_does_not_come_after_a_newer() {
        let config = Config::from_toml("").expect("defaults");
        let of = |number| InForce::of(revision(number, Some(OTHER)), &config).expect("usable");
        let policies = Policies::new(of(2));
        assert!(!policies.turn_to(of(1)));
        assert_eq!(policies.in_force().number(), 2);
        assert!(policies.turn_to(of(3)));
    }
}
