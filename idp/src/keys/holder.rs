//! Makes signing keys and opens them: the vault for the keys that we hold, a key service for those that it holds.

use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    KeyError, KeySource, KeyState, LocalSigner, Ring, Signer, SigningAlg, SigningKey, certificate,
    ring::Entry,
};
use crate::vault::{InlineBinding, KeyOwner, Part, Vault, VaultError, WrappedKey};

/// A key service that signs.
#[async_trait]
pub trait RemoteKeys: Send + Sync {
    /// Asks the service for the key named `name`, and signs with it once to see that it may.
    async fn adopt(&self, name: &str) -> Result<Adopted, KeyError>;

    /// The signer of a key adopted earlier. Makes no call, so that a replica starts while the service is down.
    fn open(&self, name: &str, key: &SigningKey) -> Arc<dyn Signer>;
}

/// A key that a key service holds.
pub struct Adopted {
    /// The service's own, unchanging name of it.
    pub name: String,
    /// Its signer.
    pub signer: Arc<dyn Signer>,
}

/// Makes and opens signing keys.
pub struct KeyHolder {
    /// Seals the private parts.
    pub vault: Arc<Vault>,
    /// The deployment's data key, from its SQL row.
    pub deployment_key: WrappedKey,
    /// Holds the keys that we do not hold, where one is configured.
    pub remote: Option<Arc<dyn RemoteKeys>>,
}

impl KeyHolder {
    /// A fresh key, its private part sealed.
    ///
    /// # Errors
    /// [`KeyError::Generate`], or the vault's.
    pub async fn generate(
        &self,
        alg: SigningAlg,
        state: KeyState,
        now: OffsetDateTime,
    ) -> Result<SigningKey, KeyError> {
        let (signer, pkcs8) = tokio::task::spawn_blocking(move || LocalSigner::generate(alg))
            .await
            .map_err(|error| VaultError::unavailable(Part::Signer, error))??;
        let binding = binding(signer.kid().as_str());
        let sealed = self
            .vault
            .seal_inline(&self.deployment_key, &binding, &pkcs8)
            .await?;
        let mut key = described(&signer, state, now, KeySource::Sealed(sealed));
        if certificate::is_wanted(alg) {
            let made = certificate::self_signed(&key.kid, &pkcs8, key.created_at)?;
            certificate::attach(&mut key.public_jwk, &made);
        }
        Ok(key)
    }

    /// The key with a certificate, where its kind should have one and it was made without; `None` where
    /// nothing is to be done. A key that a key service holds goes without.
    ///
    /// # Errors
    /// As [`KeyHolder::open`].
    pub async fn certified(&self, key: &SigningKey) -> Result<Option<SigningKey>, KeyError> {
        let KeySource::Sealed(sealed) = &key.source else {
            return Ok(None);
        };
        if !certificate::is_wanted(key.alg) || key.public_jwk.common.x509_chain.is_some() {
            return Ok(None);
        }
        let pkcs8 = self.private(key, sealed).await?;
        let made = certificate::self_signed(&key.kid, &pkcs8, key.created_at)?;
        let mut key = key.clone();
        certificate::attach(&mut key.public_jwk, &made);
        Ok(Some(key))
    }

    async fn private(
        &self,
        key: &SigningKey,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let binding = binding(key.kid.as_str());
        Ok(self
            .vault
            .open_inline(&self.deployment_key, &binding, sealed)
            .await?)
    }

    /// The key named `name` in the key service, which keeps it.
    ///
    /// # Errors
    /// [`KeyError::NoKeyService`], or the service's.
    pub async fn adopt(
        &self,
        name: &str,
        state: KeyState,
        now: OffsetDateTime,
    ) -> Result<SigningKey, KeyError> {
        let remote = self
            .remote
            .as_ref()
            .ok_or_else(|| KeyError::NoKeyService(super::Kid(name.to_owned())))?;
        let Adopted { name, signer } = remote.adopt(name).await?;
        Ok(described(&*signer, state, now, KeySource::Remote(name)))
    }

    /// The signer of `key`.
    ///
    /// # Errors
    /// The vault's; [`KeyError::Unusable`] or [`KeyError::Mismatch`] when the row does not fit itself.
    pub async fn open(&self, key: &SigningKey) -> Result<Arc<dyn Signer>, KeyError> {
        let sealed = match &key.source {
            KeySource::Sealed(sealed) => sealed,
            KeySource::Remote(name) => {
                return self
                    .remote
                    .as_ref()
                    .map(|remote| remote.open(name, key))
                    .ok_or_else(|| KeyError::NoKeyService(key.kid.clone()));
            }
        };
        let pkcs8 = self.private(key, sealed).await?;
        let signer = LocalSigner::from_pkcs8(key.alg, &pkcs8)?
            .ok_or_else(|| KeyError::Unusable(key.kid.clone()))?;
        if *signer.kid() != key.kid || *signer.public_jwk() != certificate::without(&key.public_jwk)
        {
            return Err(KeyError::Mismatch(key.kid.clone()));
        }
        Ok(Arc::new(signer))
    }

    /// The ring of `keys`, those that are active ready to sign.
    ///
    /// # Errors
    /// As [`KeyHolder::open`], for any active key.
    pub async fn ring(&self, keys: Vec<SigningKey>) -> Result<Ring, KeyError> {
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let signer = match key.state {
                KeyState::Active { .. } => Some(self.open(&key).await?),
                KeyState::Next | KeyState::Retired { .. } => None,
            };
            entries.push(Entry { key, signer });
        }
        Ok(Ring::new(entries))
    }
}

fn described(
    signer: &dyn Signer,
    state: KeyState,
    created_at: OffsetDateTime,
    source: KeySource,
) -> SigningKey {
    SigningKey {
        kid: signer.kid().clone(),
        alg: signer.alg(),
        state,
        created_at,
        public_jwk: signer.public_jwk().clone(),
        source,
    }
}

fn binding(kid: &str) -> InlineBinding<'_> {
    InlineBinding {
        owner: KeyOwner::Deployment,
        purpose: "signing key",
        id: kid,
    }
}
