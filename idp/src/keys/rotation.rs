//! When signing keys come and go: a pure decision over the keys, the time and the policy.
//!
//! A relying party caches the key set. So a key is published for `publish_before` before it signs, and
//! for `keep_after` after it has stopped; whoever caches for no longer than the first, and verifies
//! within the second, never meets a signature that it cannot verify. The only exception is a key that
//! signs at once because there is no other: at the first start, and after an operator's revocation.

use time::{Duration, OffsetDateTime};

use super::{KeyState, Kid, SigningAlg, SigningKey};

/// How long keys live. Always consistent: [`RotationPolicy::new`] is the only way to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    rotate_after: Duration,
    publish_before: Duration,
    keep_after: Duration,
}

/// Why periods make no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationPolicyError {
    /// A period is zero or negative.
    #[error("every period of key rotation is positive")]
    NotPositive,
    /// The successor would be published before its predecessor is even active.
    #[error("a key is published for less time than it is active")]
    PublishedTooLong,
}

impl RotationPolicy {
    /// A key signs for `rotate_after`, is published `publish_before` ahead of that, and `keep_after` it.
    ///
    /// `keep_after` is at least the longest lifetime of a token that we verify ourselves.
    ///
    /// # Errors
    /// When the periods contradict each other.
    pub fn new(
        rotate_after: Duration,
        publish_before: Duration,
        keep_after: Duration,
    ) -> Result<Self, RotationPolicyError> {
        if [rotate_after, publish_before, keep_after]
            .iter()
            .any(|period| !period.is_positive())
        {
            return Err(RotationPolicyError::NotPositive);
        }
        if publish_before >= rotate_after {
            return Err(RotationPolicyError::PublishedTooLong);
        }
        Ok(Self {
            rotate_after,
            publish_before,
            keep_after,
        })
    }
}

impl Default for RotationPolicy {
    /// Ninety days of signing, a week of notice, thirty days of memory.
    fn default() -> Self {
        Self {
            rotate_after: Duration::days(90),
            publish_before: Duration::days(7),
            keep_after: Duration::days(30),
        }
    }
}

/// What is to be done with one key. Each is one conditional statement on one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a key.
    Generate {
        /// Its algorithm.
        alg: SigningAlg,
        /// The state it begins in.
        state: KeyState,
    },
    /// A key that is next becomes active.
    Activate {
        /// Which.
        kid: Kid,
        /// Its state from now on.
        state: KeyState,
    },
    /// An active key becomes retired.
    Retire {
        /// Which.
        kid: Kid,
        /// Its state from now on.
        state: KeyState,
    },
    /// A key is of no more use: its row goes.
    Delete {
        /// Which.
        kid: Kid,
    },
}

/// What is to be done at `now` so that each of `algs` is signed with as the policy says.
///
/// Doing it and asking again at the same instant asks for nothing more.
pub fn rotate(
    keys: &[SigningKey],
    algs: &[SigningAlg],
    now: OffsetDateTime,
    policy: &RotationPolicy,
) -> Vec<Action> {
    let mut actions = Vec::new();
    for alg in SigningAlg::ALL {
        let keys = keys.iter().filter(|key| key.alg == alg);
        let wanted = algs.contains(&alg);
        let turn = Turn::of(keys, now, policy);
        if wanted {
            turn.rotate(alg, &mut actions);
        } else {
            turn.wind_down(&mut actions);
        }
        turn.expire(&mut actions);
    }
    actions
}

/// The keys of one algorithm, sorted by state.
struct Turn<'a> {
    now: OffsetDateTime,
    policy: &'a RotationPolicy,
    /// Oldest first.
    next: Vec<&'a SigningKey>,
    /// Latest first.
    active: Vec<(OffsetDateTime, &'a SigningKey)>,
    expired: Vec<&'a SigningKey>,
}

impl<'a> Turn<'a> {
    fn of(
        keys: impl Iterator<Item = &'a SigningKey>,
        now: OffsetDateTime,
        policy: &'a RotationPolicy,
    ) -> Self {
        let mut turn = Self {
            now,
            policy,
            next: Vec::new(),
            active: Vec::new(),
            expired: Vec::new(),
        };
        for key in keys {
            match key.state {
                KeyState::Next => turn.next.push(key),
                KeyState::Active { since } => turn.active.push((since, key)),
                KeyState::Retired { .. } if !key.is_published(now) => turn.expired.push(key),
                KeyState::Retired { .. } => {}
            }
        }
        turn.next.sort_by_key(|key| (key.created_at, &key.kid));
        turn.active.sort_by_key(|(since, key)| (*since, &key.kid));
        turn.active.reverse();
        turn
    }

    fn rotate(&self, alg: SigningAlg, actions: &mut Vec<Action>) {
        let now = self.now;
        let Some(((since, current), surplus)) = self.active.split_first() else {
            // Something must sign, published long enough or not.
            actions.push(match self.next.first() {
                Some(next) => self.activate(next),
                None => Action::Generate {
                    alg,
                    state: KeyState::Active { since: now },
                },
            });
            return;
        };
        // Two replicas may have started at once: the later key stays.
        actions.extend(surplus.iter().map(|(_, key)| self.retire(key)));
        match self.next.first() {
            None if now >= *since + self.policy.rotate_after - self.policy.publish_before => {
                actions.push(Action::Generate {
                    alg,
                    state: KeyState::Next,
                });
            }
            Some(next)
                if now >= *since + self.policy.rotate_after
                    && now >= next.created_at + self.policy.publish_before =>
            {
                actions.push(self.activate(next));
                actions.push(self.retire(current));
            }
            None | Some(_) => {}
        }
    }

    /// The algorithm is no longer wanted.
    fn wind_down(&self, actions: &mut Vec<Action>) {
        actions.extend(self.active.iter().map(|(_, key)| self.retire(key)));
        actions.extend(self.next.iter().map(|key| delete(key)));
    }

    fn expire(&self, actions: &mut Vec<Action>) {
        actions.extend(self.expired.iter().map(|key| delete(key)));
    }

    fn activate(&self, key: &SigningKey) -> Action {
        Action::Activate {
            kid: key.kid.clone(),
            state: KeyState::Active { since: self.now },
        }
    }

    fn retire(&self, key: &SigningKey) -> Action {
        Action::Retire {
            kid: key.kid.clone(),
            state: KeyState::Retired {
                since: self.now,
                until: self.now + self.policy.keep_after,
            },
        }
    }
}

fn delete(key: &SigningKey) -> Action {
    Action::Delete {
        kid: key.kid.clone(),
    }
}
