//! S3, or what speaks its protocol, as the store of sealed blobs.
//!
//! The role needs `s3:PutObject`, `s3:GetObject`, `s3:DeleteObject` on the prefix and `s3:ListBucket` on
//! the bucket, without which a missing object reads as a refusal. Names carry the digest, so putting
//! twice is putting once and retries are safe. In a versioned bucket a deleted blob leaves versions
//! behind: what erases a subject is the deletion of the wrapped key.

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation},
    primitives::ByteStream,
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{AwsConnection, unavailable};
use crate::vault::{BlobKey, Blobs, Part, SealedFormatError, VaultError, seal::MAX_SEALED_BYTES};

/// Which bucket, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// What every name begins with; empty, or ending with a slash.
    pub prefix: String,
    /// The bucket in the path and not in the host name, as stores outside AWS want it.
    pub path_style: bool,
    /// The account that must own the bucket, so that a lost name is not another's gain.
    pub expected_bucket_owner: Option<String>,
}

/// Sealed blobs in a bucket.
pub struct S3Blobs {
    client: Client,
    settings: S3Settings,
}

impl S3Blobs {
    /// The store in the bucket that `settings` names.
    pub fn new(connection: &AwsConnection, settings: S3Settings) -> Self {
        let config = Builder::from(&connection.0)
            .force_path_style(settings.path_style)
            // We send SHA-256 with each blob and verify it on return; other stores know no other sums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(config),
            settings,
        }
    }

    fn name(&self, key: &BlobKey) -> String {
        format!("{}{key}", self.settings.prefix)
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, key: &BlobKey, sealed: Vec<u8>) -> Result<(), VaultError> {
        self.client
            .put_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .key(self.name(key))
            .content_type("application/octet-stream")
            // The store refuses what was damaged on the way.
            .checksum_sha256(STANDARD.encode(key.digest))
            .body(ByteStream::from(sealed))
            .send()
            .await
            .map_err(|error| unavailable(Part::Blobs, &error))?;
        Ok(())
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, VaultError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .key(self.name(key))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let missing = error
                    .as_service_error()
                    .is_some_and(|refusal| refusal.is_no_such_key());
                return if missing {
                    Ok(None)
                } else {
                    Err(unavailable(Part::Blobs, &error))
                };
            }
        };
        let mut body = answer.body;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| unavailable(Part::Blobs, &error))?;
            if bytes.len() + chunk.len() > MAX_SEALED_BYTES {
                let length = bytes.len() + chunk.len();
                return Err(SealedFormatError::TooLong(length).into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), VaultError> {
        self.client
            .delete_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .key(self.name(key))
            .send()
            .await
            .map_err(|error| unavailable(Part::Blobs, &error))?;
        Ok(())
    }

    async fn check(&self) -> Result<(), VaultError> {
        self.client
            .head_bucket()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .send()
            .await
            .map_err(|error| unavailable(Part::Blobs, &error))?;
        Ok(())
    }
}
