//! The signing keys in force: read from the store, rotated when it is time, the same on every replica.
//!
//! The ring in memory may be stale for as long as a key is published before it signs, and is not: it is
//! read again every few minutes, and at once when a token names a key that it does not know.

use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::TokensError;
use crate::keys::rotation::{Action, RotationPolicy, rotate};
use crate::keys::{KeyHolder, KeySource, KeyState, Kid, Ring, SigningAlg, SigningKey};
use crate::store::{SigningKeyRow, Store, StoreError};

/// The signing keys in force.
pub struct Keyring {
    store: Store,
    holder: KeyHolder,
    algs: Vec<SigningAlg>,
    policy: RotationPolicy,
    ring: RwLock<Arc<Ring>>,
    read_at: RwLock<OffsetDateTime>,
}

impl Keyring {
    /// Reads the keys, and makes those that are missing.
    ///
    /// # Errors
    /// When the store or the vault is not available, or a key does not fit its row.
    pub async fn open(
        store: Store,
        holder: KeyHolder,
        algs: Vec<SigningAlg>,
        policy: RotationPolicy,
        now: OffsetDateTime,
    ) -> Result<Self, TokensError> {
        let empty = RwLock::new(Arc::new(holder.ring(Vec::new()).await?));
        let keyring = Self {
            store,
            holder,
            algs,
            policy,
            ring: empty,
            read_at: RwLock::new(now),
        };
        keyring.turn(now).await?;
        Ok(keyring)
    }

    /// The ring as last read.
    #[must_use]
    pub fn ring(&self) -> Arc<Ring> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the keys may be read again for an unknown key: not more than every few seconds, or whoever
    /// sends unknown keys would decide how often.
    #[must_use]
    pub fn refresh_is_due(&self, now: OffsetDateTime) -> bool {
        now - *self.read_at.read().unwrap_or_else(PoisonError::into_inner) > Duration::seconds(10)
    }

    /// Does what rotation asks for at `now`, and reads the keys anew. Each action is one statement on one
    /// row, so two replicas that turn at once agree, or make one key more than needed.
    ///
    /// # Errors
    /// As [`Keyring::open`]; the ring in force stays.
    pub async fn turn(&self, now: OffsetDateTime) -> Result<(), TokensError> {
        let mut keys = self.read().await?;
        for action in rotate(&keys, &self.algs, now, &self.policy) {
            match action {
                Action::Generate { alg, state } => {
                    let key = self.holder.generate(alg, state, now).await?;
                    tracing::info!(
                        kid = key.kid.as_str(),
                        alg = alg.name(),
                        "signing_key_generated"
                    );
                    self.store.put_signing_key(&row(&key)).await?;
                }
                Action::Activate { kid, state } | Action::Retire { kid, state } => {
                    if let Some(key) = keys.iter_mut().find(|key| key.kid == kid) {
                        key.state = state;
                        self.store.put_signing_key(&row(key)).await?;
                    }
                }
                Action::Delete { kid } => self.store.remove_signing_key(kid.as_str()).await?,
            }
        }
        let mut keys = self.read().await?;
        for key in &mut keys {
            // Keys of an earlier version were made without.
            if let Some(certified) = self.holder.certified(key).await? {
                self.store.put_signing_key(&row(&certified)).await?;
                *key = certified;
            }
        }
        let ring = Arc::new(self.holder.ring(keys).await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        *self.read_at.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Makes a new key of each algorithm sign at once, and retires the one before: for a key that may be
    /// known to somebody.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub async fn replace(&self, now: OffsetDateTime) -> Result<(), TokensError> {
        for alg in &self.algs {
            let key = self
                .holder
                .generate(*alg, KeyState::Active { since: now }, now)
                .await?;
            self.store.put_signing_key(&row(&key)).await?;
        }
        self.turn(now).await
    }

    /// The keys as the store has them; nothing is made, turned or opened.
    ///
    /// # Errors
    /// When the store is not available, or a row cannot be read.
    pub async fn stored(store: &Store) -> Result<Vec<SigningKey>, TokensError> {
        let rows = store.signing_keys().await?;
        let keys = rows.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
        Ok(keys)
    }

    async fn read(&self) -> Result<Vec<SigningKey>, TokensError> {
        Self::stored(&self.store).await
    }
}

/// What a key's row holds besides its sealed private part.
#[derive(Serialize, Deserialize)]
struct Record {
    jwk: Jwk,
    #[serde(with = "time::serde::timestamp::milliseconds::option")]
    since: Option<OffsetDateTime>,
    #[serde(with = "time::serde::timestamp::milliseconds::option")]
    until: Option<OffsetDateTime>,
    remote: Option<String>,
}

fn row(key: &SigningKey) -> SigningKeyRow {
    let (state, since, until) = match key.state {
        KeyState::Next => ("next", None, None),
        KeyState::Active { since } => ("active", Some(since), None),
        KeyState::Retired { since, until } => ("retired", Some(since), Some(until)),
    };
    let (sealed, remote) = match &key.source {
        KeySource::Sealed(sealed) => (Some(sealed.clone()), None),
        KeySource::Remote(name) => (None, Some(name.clone())),
    };
    let record = Record {
        jwk: key.public_jwk.clone(),
        since,
        until,
        remote,
    };
    SigningKeyRow {
        kid: key.kid.as_str().to_owned(),
        alg: key.alg.name().to_owned(),
        state: state.to_owned(),
        record: serde_json::to_value(record).expect("invariant: a public key is plain JSON"),
        sealed,
        created_at: key.created_at,
    }
}

fn key(row: SigningKeyRow) -> Result<SigningKey, StoreError> {
    let unreadable = || StoreError::Unreadable("signing key");
    let record: Record = serde_json::from_value(row.record).map_err(|_| unreadable())?;
    let state = match (row.state.as_str(), record.since, record.until) {
        ("next", _, _) => KeyState::Next,
        ("active", Some(since), _) => KeyState::Active { since },
        ("retired", Some(since), Some(until)) => KeyState::Retired { since, until },
        _ => return Err(unreadable()),
    };
    let source = match (row.sealed, record.remote) {
        (Some(sealed), None) => KeySource::Sealed(sealed),
        (None, Some(name)) => KeySource::Remote(name),
        _ => return Err(unreadable()),
    };
    Ok(SigningKey {
        kid: Kid(row.kid),
        alg: row.alg.parse().map_err(|_| unreadable())?,
        state,
        created_at: row.created_at,
        public_jwk: record.jwk,
        source,
    })
}
