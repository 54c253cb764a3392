//! KMS as the key service of the vault: data keys by GenerateDataKey and Decrypt.
//!
//! The role needs `kms:GenerateDataKey`, `kms:Decrypt` and `kms:DescribeKey` on the key; a key policy can
//! demand `kms:EncryptionContext:whorl:deployment`. Rotation of the key-encryption key is KMS's own.

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{DataKeySpec, KeyState, KeyUsageType},
};
use zeroize::Zeroizing;

use super::{AwsConnection, unavailable};
use crate::vault::{DataKey, EncryptionContext, KeyWrap, Part, VaultError, WrappedKey};

/// Wraps data keys under a symmetric KMS key.
pub struct KmsKeyWrap {
    client: Client,
    key_id: String,
}

impl KmsKeyWrap {
    /// Under the key `key_id`: an identifier, ARN or alias.
    pub fn new(connection: &AwsConnection, key_id: impl Into<String>) -> Self {
        Self {
            client: Client::new(&connection.0),
            key_id: key_id.into(),
        }
    }
}

#[async_trait]
impl KeyWrap for KmsKeyWrap {
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), VaultError> {
        let mut request = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256);
        for (name, value) in context.pairs() {
            request = request.encryption_context(name, value);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| unavailable(Part::KeyWrap, &error))?;
        let key = plain(answer.plaintext)?;
        let wrapped = answer.ciphertext_blob.ok_or_else(incomplete)?;
        Ok((key, WrappedKey(wrapped.into_inner())))
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<DataKey, VaultError> {
        if wrapped.0.is_empty() || wrapped.0.len() > MAX_CIPHERTEXT_BYTES {
            return Err(VaultError::WrongContext);
        }
        let mut request = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(wrapped.0.as_slice()));
        for (name, value) in context.pairs() {
            request = request.encryption_context(name, value);
        }
        let answer = request.send().await.map_err(|error| {
            let refused = error.as_service_error().is_some_and(|refusal| {
                refusal.is_invalid_ciphertext_exception() || refusal.is_incorrect_key_exception()
            });
            if refused {
                VaultError::WrongContext
            } else {
                unavailable(Part::KeyWrap, &error)
            }
        })?;
        plain(answer.plaintext)
    }

    async fn check(&self) -> Result<(), VaultError> {
        let described = self
            .client
            .describe_key()
            .key_id(&self.key_id)
            .send()
            .await
            .map_err(|error| unavailable(Part::KeyWrap, &error))?;
        let key = described.key_metadata.ok_or_else(incomplete)?;
        if key.key_state != Some(KeyState::Enabled) {
            return Err(VaultError::unavailable(
                Part::KeyWrap,
                "the KMS key is not enabled",
            ));
        }
        // Some stand-ins for KMS leave the usage of a plain key out.
        let others = [
            KeyUsageType::SignVerify,
            KeyUsageType::GenerateVerifyMac,
            KeyUsageType::KeyAgreement,
        ];
        if key.key_usage.is_some_and(|usage| others.contains(&usage)) {
            return Err(VaultError::unavailable(
                Part::KeyWrap,
                "the KMS key is not for encryption",
            ));
        }
        Ok(())
    }

    fn key_id(&self) -> &str {
        &self.key_id
    }
}

fn plain(blob: Option<Blob>) -> Result<DataKey, VaultError> {
    let bytes = Zeroizing::new(blob.ok_or_else(incomplete)?.into_inner());
    DataKey::from_slice(&bytes).ok_or_else(incomplete)
}

fn incomplete() -> VaultError {
    VaultError::unavailable(Part::KeyWrap, "the answer of KMS is incomplete")
}

/// The longest ciphertext that Decrypt takes.
const MAX_CIPHERTEXT_BYTES: usize = 6144;
