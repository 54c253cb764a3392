//! Logouts that clients are still to hear of. A notice is claimed by one conditional update, so that of several
//! replicas one sends it.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::SessionId;

use super::entity::logout_notice::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, instant, millis};

/// One client's notice of one ended session.
#[derive(Clone, Debug)]
pub struct LogoutNotice {
    pub id: Uuid,
    pub client: String,
    /// The subject as the client knows it.
    pub sub: String,
    pub sid: SessionId,
    /// How often it was tried.
    pub tries: u32,
    pub expires_at: OffsetDateTime,
}

impl From<Model> for LogoutNotice {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            client: row.client_id,
            sub: row.sub,
            sid: SessionId(row.sid),
            tries: row.tries.try_into().unwrap_or_default(),
            expires_at: instant(row.expires_at),
        }
    }
}

impl Store {
    /// Keeps a notice, to be sent from `now` on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_logout(&self, notice: &LogoutNotice, now: OffsetDateTime) -> Result<()> {
        let row = ActiveModel {
            id: Set(notice.id),
            client_id: Set(notice.client.clone()),
            sub: Set(notice.sub.clone()),
            sid: Set(notice.sid.0),
            tries: Set(0),
            next_at: Set(millis(now)),
            expires_at: Set(millis(notice.expires_at)),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The notices whose time has come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_logouts(&self, now: OffsetDateTime, most: u64) -> Result<Vec<LogoutNotice>> {
        let rows = Entity::find()
            .filter(Column::NextAt.lte(millis(now)))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_asc(Column::NextAt)
            .limit(most)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Takes a notice for one try, and sets when the next one is; of many callers one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_logout(&self, notice: &LogoutNotice, next: OffsetDateTime) -> Result<bool> {
        let tries = i32::try_from(notice.tries).unwrap_or(i32::MAX);
        let done = Entity::update_many()
            .col_expr(Column::Tries, Expr::value(tries.saturating_add(1)))
            .col_expr(Column::NextAt, Expr::value(millis(next)))
            .filter(Column::Id.eq(notice.id))
            .filter(Column::Tries.eq(tries))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Forgets a notice: it was heard, or nobody will ever hear it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_logout(&self, id: Uuid) -> Result<()> {
        Entity::delete_by_id(id).exec(&self.db).await?;
        Ok(())
    }
}
