//! What can go wrong in the vault, told apart by what the caller should do about it.

use std::{error::Error, sync::Arc, time::Duration};

use super::{observe::Part, seal::SealedFormatError};

/// A failure of the vault.
///
/// It can be cloned because one fetch is shared by all who wait for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// A part of the vault cannot be reached or does not work: try again later (503).
    #[error("{part} is unavailable")]
    Unavailable {
        /// Which part.
        part: Part,
        /// What it answered.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The blob that the credential names is not in the store.
    #[error("the sealed blob is missing")]
    Missing,
    /// The blob is not the one that the credential's row names: changed, swapped, or an old one put back.
    #[error("the sealed blob differs from the recorded digest")]
    Tampered,
    /// The bytes do not authenticate under this key and these names.
    #[error("the sealed bytes belong to another key or context")]
    WrongContext,
    /// The bytes are not of the layout that the vault writes.
    #[error("the sealed bytes are malformed")]
    Malformed(#[from] SealedFormatError),
    /// The plaintext exceeds what the vault accepts.
    #[error("{bytes} bytes are more than the vault seals at once")]
    TooLarge {
        /// The size that was offered.
        bytes: usize,
    },
    /// The cipher itself failed, which only a broken machine explains.
    #[error("the cipher failed")]
    Cipher,
}

impl VaultError {
    /// `part` cannot be used, because of `source`.
    pub fn unavailable(part: Part, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable {
            part,
            source: Arc::from(source.into()),
        }
    }

    /// `part` did not answer within `deadline`.
    pub(super) fn timed_out(part: Part, deadline: Duration) -> Self {
        Self::unavailable(part, format!("no answer within {deadline:?}"))
    }

    /// Whether the same call may succeed later, so that the answer is 503 and not a refusal.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Cipher => true,
            Self::Missing
            | Self::Tampered
            | Self::WrongContext
            | Self::Malformed(_)
            | Self::TooLarge { .. } => false,
        }
    }
}
