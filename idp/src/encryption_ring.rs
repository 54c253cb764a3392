//! Our own keys to be encrypted to, in turn: made ahead of their time, published in theirs, and kept for what was
//! encrypted to them before (OIDC Core §10.2.1). The same on every replica.
//!
//! A pair of keys is known by the second from which it is published. Replicas agree on the next one's, so that each has
//! the keys that another publishes.

use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;

use crate::config;
use crate::keys::encryption::{self, EncryptionKeys, Opened, Pair};
use crate::keys::jwe::JweError;
use crate::own_keys::{OwnKeysError, one};
use crate::store::Store;
use crate::vault::OwnSecrets;

/// The keys in force.
pub struct EncryptionRing {
    store: Store,
    secrets: Arc<OwnSecrets>,
    turns: Turns,
    keys: RwLock<Arc<EncryptionKeys>>,
}

/// How long keys live, seconds.
#[derive(Debug, Clone, Copy)]
pub struct Turns {
    /// How long one is published.
    pub published: i64,
    /// How long before that it is made.
    pub ahead: i64,
    /// How long after that it opens.
    pub kept: i64,
}

impl From<&config::Keys> for Turns {
    fn from(keys: &config::Keys) -> Self {
        Self {
            published: keys.rotate_after_s.into(),
            ahead: keys.publish_before_s.into(),
            kept: keys.keep_after_s.into(),
        }
    }
}

/// What is to be done about the pairs that there are.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    made: Option<i64>,
    dropped: Vec<i64>,
}

impl Turns {
    fn plan(self, pairs: &[i64], now: i64) -> Plan {
        let last = pairs.iter().max().copied();
        let grain = GRAIN.min(self.published).max(1);
        let made = match last {
            // Replicas that start together agree.
            None => Some(now - now.rem_euclid(grain)),
            Some(last) if last + self.published < now => Some(now - now.rem_euclid(grain)),
            Some(last) if last + self.published - self.ahead <= now => Some(last + self.published),
            Some(_) => None,
        };
        // The one made in this grain already.
        let made = made.filter(|made| !pairs.contains(made));
        let dropped = pairs.iter().copied().filter(|pair| {
            let next = pairs.iter().filter(|next| *next > pair).min();
            next.is_some_and(|next| next + self.kept < now)
        });
        Plan {
            dropped: dropped.collect(),
            made,
        }
    }
}

/// The pair that is published: the latest whose time has come.
fn published(pairs: &[i64], now: i64) -> Option<i64> {
    let come = pairs.iter().filter(|pair| **pair <= now);
    come.max().or(pairs.iter().min()).copied()
}

impl EncryptionRing {
    /// Opens the keys, and makes those that are missing.
    ///
    /// # Errors
    /// When a part is down, or a stored key cannot be read.
    pub async fn open(
        store: Store,
        secrets: Arc<OwnSecrets>,
        turns: Turns,
        now: OffsetDateTime,
    ) -> Result<Self, OwnKeysError> {
        let ring = Self {
            store,
            secrets,
            turns,
            keys: RwLock::new(Arc::new(EncryptionKeys::open(&[])?)),
        };
        ring.turn(now).await?;
        Ok(ring)
    }

    /// The keys as last read.
    #[must_use]
    pub fn keys(&self) -> Arc<EncryptionKeys> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }

    /// Opens what was encrypted to one of the keys.
    ///
    /// # Errors
    /// [`JweError`], whatever was wrong.
    pub fn decrypt(&self, token: &str) -> Result<Opened, JweError> {
        self.keys().decrypt(token)
    }

    /// Makes and drops what the time asks for, and reads the keys anew.
    ///
    /// # Errors
    /// As [`EncryptionRing::open`]; the keys in force stay.
    pub async fn turn(&self, now: OffsetDateTime) -> Result<(), OwnKeysError> {
        let now = now.unix_timestamp();
        let mut pairs = self.pairs().await?;
        let plan = self.turns.plan(&pairs, now);
        for pair in &plan.dropped {
            for kind in [RSA, P256] {
                self.store.remove_own_secret(&name(kind, *pair)).await?;
            }
        }
        pairs.retain(|pair| !plan.dropped.contains(pair));
        pairs.extend(plan.made);
        let mut opened = Vec::new();
        for pair in &pairs {
            let (rsa, p256) = (name(RSA, *pair), name(P256, *pair));
            let rsa = one(&self.store, &self.secrets, &rsa, encryption::generate_rsa).await?;
            let p256 = one(&self.store, &self.secrets, &p256, encryption::generate_p256).await?;
            opened.push((*pair, suffix(*pair), rsa, p256));
        }
        let current = published(&pairs, now);
        let opened: Vec<Pair<'_>> = opened
            .iter()
            .map(|(pair, suffix, rsa, p256)| Pair {
                rsa,
                p256,
                suffix,
                published: Some(*pair) == current,
            })
            .collect();
        let keys = Arc::new(EncryptionKeys::open(&opened)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    async fn pairs(&self) -> Result<Vec<i64>, OwnKeysError> {
        let names = self.store.own_secret_names(RSA).await?;
        let starts = names
            .iter()
            .filter_map(|name| match name.strip_prefix(RSA)? {
                "" => Some(0),
                start => start.strip_prefix('-')?.parse().ok(),
            });
        Ok(starts.collect())
    }
}

/// The first pair was made when there was only one.
fn suffix(pair: i64) -> String {
    match pair {
        0 => String::new(),
        pair => format!("-{pair}"),
    }
}

fn name(kind: &str, pair: i64) -> String {
    format!("{kind}{}", suffix(pair))
}

const RSA: &str = "encryption rsa";
const P256: &str = "encryption p256";
/// Seconds within which replicas that start together make one pair.
const GRAIN: i64 = 60;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TURNS: Turns = Turns {
        published: 900,
        ahead: 300,
        kept: 400,
    };

    #[test]
    fn a_pair_is_made_ahead_published_in_turn_and_kept_for_a_while() {
        let check = |pairs: &[i64], now, made, dropped: &[i64], shown| {
            let plan = TURNS.plan(pairs, now);
            assert_eq!(
                (plan.made, plan.dropped.as_slice()),
                (made, dropped),
                "{pairs:?} at {now}"
            );
            let pairs: Vec<i64> = pairs.iter().copied().chain(plan.made).collect();
            assert_eq!(published(&pairs, now), Some(shown), "{pairs:?} at {now}");
        };
        check(&[], 6_010, Some(6_000), &[], 6_000);
        check(&[6_000], 6_599, None, &[], 6_000);
        check(&[6_000], 6_600, Some(6_900), &[], 6_000);
        check(&[6_000, 6_900], 6_899, None, &[], 6_000);
        check(&[6_000, 6_900], 6_900, None, &[], 6_900);
        check(&[6_000, 6_900], 7_300, None, &[], 6_900);
        check(&[6_000, 6_900], 7_301, None, &[6_000], 6_900);
        // Of an earlier version, and after a long sleep.
        check(&[0], 600_030, Some(600_000), &[], 600_000);
    }

    proptest! {
        #[test]
        fn what_one_replica_publishes_another_opens(first in 0i64..10_000, steps in prop::collection::vec((1i64..90, any::<bool>()), 1..200)) {
            let (mut stored, mut now) = (Vec::<i64>::new(), 600_000 + first);
            // What each replica read last, and when: none looks less often than every three minutes.
            let mut read = [(Vec::<i64>::new(), 0_i64), (Vec::new(), 0)];
            for (step, which) in steps {
                now += step;
                for (replica, read) in read.iter_mut().enumerate() {
                    if usize::from(which) == replica || now - read.1 > 90 {
                        let plan = TURNS.plan(&stored, now);
                        stored.retain(|pair| !plan.dropped.contains(pair));
                        stored.extend(plan.made);
                        *read = (stored.clone(), now);
                    }
                }
                for (one, other) in [(0, 1), (1, 0)] {
                    let shown = published(&read[one].0, read[one].1);
                    prop_assert!(shown.is_some_and(|pair| read[other].0.contains(&pair)));
                }
            }
        }
    }
}
