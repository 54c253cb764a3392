//! Operators: who administers, in which role, by which tokens.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Action, OperatorName, OperatorTokenId, WireSecret};

/// What an operator may do. Each role includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything, changes nothing.
    Viewer,
    /// Brings subjects in and looks after their credentials and sessions.
    Enroller,
    /// Everything: also clients, operators and the erasure of subjects.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Enroller, Self::Owner];

    /// Whether this role suffices for the action.
    ///
    /// ```
    /// use wire::{Action, Role};
    /// assert!(Role::Enroller.may(Action::InviteSubject));
    /// assert!(!Role::Enroller.may(Action::EraseSubject));
    /// ```
    pub fn may(self, action: Action) -> bool {
        self >= action.least_role()
    }

    /// The role's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Enroller => "enroller",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The operator whose token the request carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Who it is.
    pub name: OperatorName,
    /// What the operator may do.
    pub role: Role,
    /// When the token in use expires.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// An operator as the owners see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorDetail {
    /// Who it is.
    pub name: OperatorName,
    /// What the operator may do.
    pub role: Role,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The operator's live tokens, the newest first.
    pub tokens: Vec<OperatorTokenSummary>,
}

/// An operator token without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorTokenSummary {
    /// What to revoke it by.
    pub id: OperatorTokenId,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When it was last presented.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_used_at: Option<OffsetDateTime>,
}

/// A new operator, who has no token yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOperator {
    /// Who it is.
    pub name: OperatorName,
    /// What the operator may do.
    pub role: Role,
}

/// A token to issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOperatorToken {
    /// For how long; the server lowers it to the longest it allows and has a default of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<u64>,
}

/// A token as it is told, once.
#[derive(Debug, Serialize, Deserialize)]
pub struct IssuedOperatorToken {
    /// What to revoke it by.
    pub id: OperatorTokenId,
    /// The token itself.
    pub token: WireSecret,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
