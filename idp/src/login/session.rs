//! The single sign-on session of a browser: what was proved, and when.

use time::OffsetDateTime;
use wire::{SessionId, SubjectId};

use super::LoginError;
use crate::factors::Evidence;
use crate::store::{Session, Store, StoreError};

/// A live session as a login sees it.
#[derive(Clone)]
pub struct LiveSession {
    pub sid: SessionId,
    /// Digest of its cookie.
    pub cookie: String,
    pub subject: SubjectId,
    pub evidence: Vec<Evidence>,
    pub auth_time: OffsetDateTime,
}

impl TryFrom<Session> for LiveSession {
    type Error = StoreError;

    fn try_from(row: Session) -> Result<Self, StoreError> {
        Ok(Self {
            sid: row.sid,
            cookie: row.cookie,
            subject: row.subject,
            evidence: serde_json::from_value(row.evidence).map_err(|_| StoreError::Unreadable("session"))?,
            auth_time: row.auth_time,
        })
    }
}

/// The live session of a cookie's digest.
///
/// # Errors
/// When the database fails.
pub async fn of_cookie(store: &Store, digest: &str, now: OffsetDateTime) -> Result<Option<LiveSession>, LoginError> {
    let session = store.session_by_cookie(digest, now).await?;
    Ok(session.map(LiveSession::try_from).transpose()?)
}
