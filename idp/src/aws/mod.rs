//! The AWS sides of the vault and the signing keys: KMS and S3, and no other file names their SDKs.
//!
//! Every call is bounded: connecting, each attempt, the whole operation, and the number of attempts. An
//! error keeps the SDK's messages but not its debug form, which holds the raw answer and with it,
//! after a parsing failure, perhaps a plain data key.

pub mod kms;
pub mod kms_signer;
pub mod s3;
pub mod s3_packs;
#[cfg(test)]
mod tests;

use std::{error::Error, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kms::config::Credentials;
use secrecy::{ExposeSecret, SecretString};

pub use self::{
    kms::KmsKeyWrap,
    kms_signer::KmsKeys,
    s3::{S3Blobs, S3Settings},
    s3_packs::S3Packs,
};
use crate::vault::{Part, VaultError};

/// What the SDKs log under; below warnings they can hold whole requests.
pub const LOG_TARGETS: &[&str] = &["aws_smithy_runtime", "aws_sdk_kms", "aws_sdk_s3"];

/// How to reach AWS, or what speaks its protocols.
#[derive(Default)]
pub struct AwsSettings {
    /// Where the service is, if not at AWS itself.
    pub endpoint_url: Option<String>,
    /// The region; without one the environment's.
    pub region: Option<String>,
    /// An access key for stores outside AWS; without one the environment's chain (role, profile, metadata).
    pub credentials: Option<AccessKey>,
    /// Bounds.
    pub bounds: AwsBounds,
}

/// A fixed access key.
pub struct AccessKey {
    /// Its identifier.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
}

/// How long calls may take and how often they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsBounds {
    /// Connecting.
    pub connect: Duration,
    /// One attempt.
    pub attempt: Duration,
    /// All attempts together.
    pub operation: Duration,
    /// The number of attempts.
    pub attempts: u32,
}

impl Default for AwsBounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_millis(2_500),
            operation: Duration::from_secs(5),
            attempts: 3,
        }
    }
}

/// What all clients of one endpoint share.
#[derive(Clone)]
pub struct AwsConnection(SdkConfig);

impl AwsConnection {
    /// Resolves `settings`; makes no call on KMS or S3.
    pub async fn open(settings: &AwsSettings) -> Self {
        let bounds = settings.bounds;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(bounds.attempts)
                    .with_initial_backoff(INITIAL_BACKOFF),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(bounds.connect)
                    .operation_attempt_timeout(bounds.attempt)
                    .operation_timeout(bounds.operation)
                    .build(),
            );
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(key) = &settings.credentials {
            loader = loader.credentials_provider(Credentials::new(
                key.id.clone(),
                key.secret.expose_secret(),
                None,
                None,
                "configuration",
            ));
        }
        Self(Box::pin(loader.load()).await)
    }
}

/// `part` is unavailable, in the words of the SDK's error and its causes.
fn unavailable(part: Part, error: &(dyn Error + 'static)) -> VaultError {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let word = error.to_string();
        if !words.contains(&word) {
            words.push_str(": ");
            words.push_str(&word);
        }
        cause = error.source();
    }
    VaultError::unavailable(part, words)
}

const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
