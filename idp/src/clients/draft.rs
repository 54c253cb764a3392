//! A registration whose secret is still at hand, and what of the secret is kept: its digest, or, where the
//! secret keys an HMAC, the secret sealed by the vault.

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::oidc::client::metadata::MetadataError;
use crate::oidc::client::{Client, ClientError, SealedSecret, SecretDigest};
use crate::vault::{OwnSecrets, VaultError};

/// A registration before its secret is put away.
pub struct Draft {
    /// The client, without a secret.
    pub client: Client,
    /// The secret.
    pub secret: Option<SecretString>,
}

/// Why a draft became no client.
#[derive(Debug, Error)]
pub enum DraftError {
    /// It does not hold together.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The vault refused or is down.
    #[error("the client's secret cannot be sealed")]
    Vault(#[from] VaultError),
}

impl Draft {
    /// Whether it holds together, before anything is sealed.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), MetadataError> {
        self.with_stand_ins().check()?;
        Ok(())
    }

    /// The client, with what is kept of its secret.
    ///
    /// # Errors
    /// When it does not hold together, or the vault is down.
    pub async fn finish(self, secrets: &OwnSecrets) -> Result<Client, DraftError> {
        let mut client = self.client;
        if let Some(secret) = &self.secret {
            if client.needs_sealed_secret() {
                let sealed = secrets
                    .seal(
                        SealedSecret::PURPOSE,
                        client.id.as_str(),
                        secret.expose_secret().as_bytes(),
                    )
                    .await?;
                client.sealed_secret = Some(SealedSecret::new(sealed));
            }
            if !client.needs_sealed_secret() || client.compares_secret() {
                client.secret_digest = Some(SecretDigest::of(secret));
            }
        }
        client.check()?;
        Ok(client)
    }

    fn with_stand_ins(&self) -> Client {
        let mut client = self.client.clone();
        if self.secret.is_some() {
            client.secret_digest = Some(SecretDigest::from_bytes([0; 32]));
            client.sealed_secret = client
                .needs_sealed_secret()
                .then(|| SealedSecret::new(Vec::new()));
        }
        client
    }
}
