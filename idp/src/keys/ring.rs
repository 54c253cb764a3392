//! One replica's view of all signing keys: what it signs with, what it publishes, what it accepts.
//!
//! A ring is immutable: a replica that reads the keys anew makes another ring. It may lag behind the
//! others by as long as the policy's `publish_before` without anything failing.

use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use time::OffsetDateTime;

use super::{KeyError, KeyState, Signer, SigningAlg, SigningKey};

/// All signing keys that count.
pub struct Ring {
    entries: Vec<Entry>,
    /// The public parts, in the order of the entries; none where one cannot be read.
    verifying: Vec<Option<DecodingKey>>,
}

/// A key, and the power to sign with it where it is active.
pub(super) struct Entry {
    pub(super) key: SigningKey,
    pub(super) signer: Option<Arc<dyn Signer>>,
}

/// What verifies a signature of one key.
pub struct Verifying<'a> {
    /// The key's one algorithm.
    pub alg: SigningAlg,
    /// Its public part, read once for the whole life of the ring.
    pub key: &'a DecodingKey,
}

impl Ring {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| (a.key.created_at, &a.key.kid).cmp(&(b.key.created_at, &b.key.kid)));
        let verifying = entries
            .iter()
            .map(|entry| DecodingKey::from_jwk(&entry.key.public_jwk).ok())
            .collect();
        Self { entries, verifying }
    }

    /// The signer for `alg`: of several active keys, the one that became active last.
    ///
    /// # Errors
    /// [`KeyError::NoActiveKey`].
    pub fn signer(&self, alg: SigningAlg) -> Result<&Arc<dyn Signer>, KeyError> {
        self.entries
            .iter()
            .filter(|entry| entry.key.alg == alg)
            .filter_map(|entry| match (entry.key.state, &entry.signer) {
                (KeyState::Active { since }, Some(signer)) => Some((since, signer)),
                (KeyState::Active { .. } | KeyState::Next | KeyState::Retired { .. }, _) => None,
            })
            .max_by_key(|(since, _)| *since)
            .map(|(_, signer)| signer)
            .ok_or(KeyError::NoActiveKey(alg))
    }

    /// The algorithms that can be signed with, for the discovery document.
    pub fn algs(&self) -> Vec<SigningAlg> {
        SigningAlg::ALL
            .into_iter()
            .filter(|alg| self.signer(*alg).is_ok())
            .collect()
    }

    /// The key set that relying parties read: next, active, and retired until they expire.
    pub fn jwks(&self, now: OffsetDateTime) -> JwkSet {
        JwkSet {
            keys: self
                .published(now)
                .map(|key| key.public_jwk.clone())
                .collect(),
        }
    }

    /// The key of that identifier, if its signatures are accepted at `now`.
    pub fn verifying_key(&self, kid: &str, now: OffsetDateTime) -> Option<Verifying<'_>> {
        let mut keys = self.entries.iter().zip(&self.verifying);
        let (entry, key) =
            keys.find(|(entry, _)| entry.key.kid.as_str() == kid && entry.key.is_published(now))?;
        Some(Verifying {
            alg: entry.key.alg,
            key: key.as_ref()?,
        })
    }

    /// All keys, in the order in which they were made, for rotation and for operators.
    pub fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.entries.iter().map(|entry| &entry.key)
    }

    fn published(&self, now: OffsetDateTime) -> impl Iterator<Item = &SigningKey> {
        self.keys().filter(move |key| key.is_published(now))
    }
}
