//! How the vault tells what it does: one call on an observer for each call on a part, with labels from closed enums.

use std::{fmt, time::Duration};

use super::VaultError;

/// What the vault and the signing keys stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The key service that wraps data keys.
    KeyWrap,
    /// The store of sealed blobs.
    Blobs,
    /// The holder of signing keys.
    Signer,
}

impl Part {
    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyWrap => "key_wrap",
            Self::Blobs => "blobs",
            Self::Signer => "signer",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was asked of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Make a data key.
    Generate,
    /// Unwrap a data key.
    Unwrap,
    /// Put a blob.
    Put,
    /// Get a blob.
    Get,
    /// Delete a blob.
    Delete,
    /// Sign a message.
    Sign,
    /// Is the part there?
    Check,
}

impl Operation {
    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Unwrap => "unwrap",
            Self::Put => "put",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Sign => "sign",
            Self::Check => "check",
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did what was asked.
    Done,
    /// It answered, and refused.
    Refused,
    /// It did not answer, or not in time.
    Unavailable,
}

impl Outcome {
    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }

    /// The outcome that `result` tells of.
    pub fn of<T>(result: &Result<T, VaultError>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) if error.is_unavailable() => Self::Unavailable,
            Err(_) => Self::Refused,
        }
    }
}

/// Is told of each call that leaves the process; answers from a cache are not calls.
pub trait Observer: Send + Sync {
    /// `operation` on `part` ended in `outcome` after `took`.
    fn on_call(&self, part: Part, operation: Operation, outcome: Outcome, took: Duration);
}

/// An observer that looks away.
#[derive(Debug, Default, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn on_call(&self, _: Part, _: Operation, _: Outcome, _: Duration) {}
}
