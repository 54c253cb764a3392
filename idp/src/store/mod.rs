//! All shared state, in SQL: an entity a table, a file an aggregate. This folder alone names sea-orm.
//!
//! Whatever must happen once is a conditional `UPDATE` whose row count says who won; whatever moves in
//! steps carries a revision. Replicas are therefore alike, and a crash between two statements leaves
//! either the old state or the new one. Secrets arrive here as SHA-256 digests only.

mod account_link;
mod attempt;
mod audit;
mod biometric_consent;
mod capture;
mod client;
mod connect;
mod consent;
mod credential;
mod decision;
mod deployment;
mod device_key;
mod duplicate;
mod enrolment;
mod entity;
mod examine;
mod grant;
mod hand_over;
mod invitation;
mod logout_notice;
mod notice;
mod operator;
mod own_secret;
mod pack_use;
mod pending;
mod policy_revision;
mod pushed_request;
mod registration;
mod revoked;
mod risk;
mod risk_traffic;
mod risk_training;
mod session;
mod signing_key;
mod single_use;
mod spoken_language;
mod subject;
mod sweep;
mod transaction;
mod try_counter;

pub use account_link::{AccountLink, ExternalAccount};
pub use attempt::AttemptRow;
pub use audit::{AuditFilter, AuditSlice, NewEvent};
pub use biometric_consent::BiometricConsent;
pub use client::{ClientOrigin, RegisteredClient};
pub use credential::{Credential, CredentialChange, NewCredential, Recovery, Replace};
pub use decision::{Decision, DecisionPlace, Rewrite};
pub use deployment::Deployment;
pub use device_key::DeviceKey;
pub use duplicate::{
    AlikePair, DuplicatePairRow, DuplicateSearchRow, NewDuplicateSearch, SearchEnd, SearchTally,
};
pub use enrolment::EnrolmentRow;
pub use grant::{Grant, KeptCode, Redemption, Rotation};
pub use hand_over::{HandOver, HandOverState};
pub use invitation::Invitation;
pub use logout_notice::LogoutNotice;
pub use notice::{Channel, Notice, Told};
pub use operator::{OperatorRow, OperatorTokenRow, Presented};
pub use pack_use::PackUse;
pub use pending::{NewPending, PendingKind, PendingRow, PendingState, Polled};
pub use policy_revision::PolicyRevision;
pub use risk::{RiskModel, RiskProfile};
pub use risk_training::Training;
pub use session::Session;
pub use signing_key::SigningKeyRow;
pub use single_use::SingleUse;
pub use spoken_language::SpokenLanguage;
pub use subject::{NewSubject, Subject, canonical_username};
pub use transaction::Change;
pub use try_counter::{Backoff, Reservation};

use std::sync::Arc;

use sea_orm::sea_query::LikeExpr;
use sea_orm::{DbErr, SqlErr};
use time::OffsetDateTime;
use tokio::sync::watch;

use self::transaction::Db;

/// What the database's driver logs under; below warnings it can hold whole statements.
pub const LOG_TARGETS: &[&str] = &["sqlx", "sea_orm"];

/// The database, whichever of the two it is.
#[derive(Clone)]
pub struct Store {
    db: Db,
    /// Changes whenever this process appends to the audit trail.
    appended: watch::Sender<()>,
    /// How people are told of changes to their accounts.
    channels: Arc<[Channel]>,
    /// Which tokens are asked for just now.
    asked: Arc<revoked::Asked>,
}

/// Why a statement did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row that was to be created is there already.
    #[error("it exists already")]
    Exists,
    /// The database is unreachable or failed; trying again later may help.
    #[error("the database failed")]
    Unavailable(#[source] DbErr),
    /// A row holds what this version cannot read.
    #[error("a stored {0} cannot be read")]
    Unreadable(&'static str),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::Exists,
            _ => Self::Unavailable(error),
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// Milliseconds since the epoch, as every time is stored.
fn millis(at: OffsetDateTime) -> i64 {
    (at.unix_timestamp_nanos() / 1_000_000) as i64
}

fn instant(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What holds `text` as it stands: its own wildcards stand for themselves.
fn like(before: &str, text: &str, after: &str) -> LikeExpr {
    let mut pattern = before.to_owned();
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    LikeExpr::new(pattern + after).escape('\\')
}

fn parse<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| StoreError::Unreadable(what))
}

fn from_json<T: serde::de::DeserializeOwned>(
    value: serde_json::Value,
    what: &'static str,
) -> Result<T> {
    serde_json::from_value(value).map_err(|_| StoreError::Unreadable(what))
}

fn to_json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).expect("invariant: our own records are plain JSON")
}

#[cfg(test)]
pub(crate) mod tests;
