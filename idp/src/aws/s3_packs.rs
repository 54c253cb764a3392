//! S3, or what speaks its protocol, as the place of signed model packs: beside the sealed blobs, under `packs/`.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::primitives::ByteStream;

use super::{AwsConnection, S3Settings, unavailable};
use crate::models::{PackFile, PackFiles};
use crate::vault::{Part, VaultError};

/// Packs in a bucket.
pub struct S3Packs {
    client: Client,
    settings: S3Settings,
}

impl S3Packs {
    /// The packs in the bucket that `settings` names.
    pub fn new(connection: &AwsConnection, settings: S3Settings) -> Self {
        let config = Builder::from(&connection.0)
            .force_path_style(settings.path_style)
            // Every file is held to its digest when it is read; other stores know no other sums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(config),
            settings,
        }
    }

    fn prefix(&self) -> String {
        format!("{}packs/", self.settings.prefix)
    }
}

#[async_trait]
impl PackFiles for S3Packs {
    async fn put(&self, file: &PackFile, bytes: Vec<u8>) -> Result<(), VaultError> {
        self.client
            .put_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .key(format!("{}{file}", self.prefix()))
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| unavailable(Part::Blobs, &error))?;
        Ok(())
    }

    async fn get(&self, file: &PackFile, most: u64) -> Result<Option<Vec<u8>>, VaultError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .key(format!("{}{file}", self.prefix()))
            .send()
            .await;
        let mut body = match answer {
            Ok(answer) => answer.body,
            Err(error) => {
                let refusal = error.as_service_error();
                return match refusal.is_some_and(|refusal| refusal.is_no_such_key()) {
                    true => Ok(None),
                    false => Err(unavailable(Part::Blobs, &error)),
                };
            }
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| unavailable(Part::Blobs, &error))?;
            if (bytes.len() + chunk.len()) as u64 > most {
                let long = std::io::Error::other("a file of a pack is too long");
                return Err(VaultError::unavailable(Part::Blobs, long));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    async fn packs(&self) -> Result<Vec<(String, u64)>, VaultError> {
        let prefix = self.prefix();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.settings.expected_bucket_owner.clone())
            .prefix(&prefix)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| unavailable(Part::Blobs, &error))?;
            for object in page.contents() {
                let key = object.key().and_then(|key| key.strip_prefix(&prefix));
                let parts: Vec<&str> = key.unwrap_or_default().split('/').collect();
                if let [pack, version, "manifest.toml"] = parts.as_slice()
                    && let Ok(version) = version.parse()
                {
                    found.push(((*pack).to_owned(), version));
                }
            }
        }
        found.sort();
        Ok(found)
    }
}
