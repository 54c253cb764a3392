//! Single sign-on sessions, found by the digest of their cookie.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QueryTrait,
};
use serde_json::Value;
use time::OffsetDateTime;
use wire::{SessionId, SubjectId};

use super::entity::session::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, instant, millis};

/// A session; `evidence` is the factors that opened or raised it, as JSON.
pub struct Session {
    pub sid: SessionId,
    /// Digest of the cookie.
    pub cookie: String,
    pub subject: SubjectId,
    pub evidence: Value,
    pub user_agent: Option<String>,
    pub created_at: OffsetDateTime,
    pub auth_time: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

impl From<Model> for Session {
    fn from(row: Model) -> Self {
        Self {
            sid: SessionId(row.sid),
            cookie: row.cookie,
            subject: SubjectId(row.subject_id),
            evidence: row.evidence,
            user_agent: row.user_agent,
            created_at: instant(row.created_at),
            auth_time: instant(row.auth_time),
            last_seen_at: instant(row.last_seen_at),
            expires_at: instant(row.expires_at),
        }
    }
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn open_session(&self, session: &Session) -> Result<()> {
        let row = ActiveModel {
            sid: Set(session.sid.0),
            cookie: Set(session.cookie.clone()),
            subject_id: Set(session.subject.0),
            evidence: Set(session.evidence.clone()),
            user_agent: Set(session.user_agent.clone()),
            created_at: Set(millis(session.created_at)),
            auth_time: Set(millis(session.auth_time)),
            last_seen_at: Set(millis(session.last_seen_at)),
            expires_at: Set(millis(session.expires_at)),
            ended_at: Set(None),
        };
        let opened = Entity::insert(row).build(self.db.get_database_backend());
        Ok(self.db.keep(vec![opened]).await?)
    }

    /// The live session of a cookie.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_by_cookie(
        &self,
        digest: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Session>> {
        let row = Entity::find()
            .filter(Column::Cookie.eq(digest))
            .filter(Column::EndedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        Ok(row.map(Into::into))
    }

    /// Whether this session of this subject is live.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_session_live(
        &self,
        sid: SessionId,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let row = Entity::find_by_id(sid.0)
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::EndedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        Ok(row.is_some())
    }

    /// Gives a session a new cookie and more evidence: at a login and at each step-up the identifier
    /// changes, so that one that was planted before is worth nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn raise_session(&self, old_cookie: &str, raised: &Session) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::Cookie, Expr::value(&raised.cookie))
            .col_expr(Column::Evidence, Expr::value(raised.evidence.clone()))
            .col_expr(Column::AuthTime, Expr::value(millis(raised.auth_time)))
            .col_expr(Column::LastSeenAt, Expr::value(millis(raised.last_seen_at)))
            .filter(Column::Sid.eq(raised.sid.0))
            .filter(Column::Cookie.eq(old_cookie))
            .filter(Column::EndedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Ends one session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, sid: SessionId, now: OffsetDateTime) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(millis(now)))
            .filter(Column::Sid.eq(sid.0))
            .filter(Column::EndedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Ends every session of a subject; answers how many were live.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions_of(&self, subject: SubjectId, now: OffsetDateTime) -> Result<u64> {
        let done = Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(millis(now)))
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::EndedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected)
    }

    /// Puts other evidence in the place of that of a subject's sessions, those that have ended too, where it is answered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rewrite_evidence_of(
        &self,
        subject: SubjectId,
        rewrite: impl Fn(Value) -> Option<Value> + Send,
    ) -> Result<()> {
        let of_theirs = Entity::find().filter(Column::SubjectId.eq(subject.0));
        for row in of_theirs.all(&self.db).await? {
            if let Some(evidence) = rewrite(row.evidence) {
                Entity::update_many()
                    .col_expr(Column::Evidence, Expr::value(evidence))
                    .filter(Column::Sid.eq(row.sid))
                    .exec(&self.db)
                    .await?;
            }
        }
        Ok(())
    }

    /// The live sessions of a subject, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_of(
        &self,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<Vec<Session>> {
        let rows = Entity::find()
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::EndedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_desc(Column::CreatedAt)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
