//! Capture ceremonies: which replica holds the frames, and that each is finished once.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::entity::capture::{ActiveModel, Column, Entity};
use super::{Result, Store, millis};

impl Store {
    /// Notes a ceremony: `nonce` is a digest, `owner` the attempt or enrolment that it is bound to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_capture(
        &self,
        nonce: &str,
        owner: &str,
        replica: &str,
        expires_at: OffsetDateTime,
    ) -> Result<()> {
        let row = ActiveModel {
            nonce: Set(nonce.into()),
            owner: Set(owner.into()),
            replica: Set(replica.into()),
            expires_at: Set(millis(expires_at)),
            finished_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The replica that holds a live ceremony of this owner.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn capture_replica(&self, nonce: &str, owner: &str, now: OffsetDateTime) -> Result<Option<String>> {
        let row = Entity::find_by_id(nonce)
            .filter(Column::Owner.eq(owner))
            .filter(Column::FinishedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        Ok(row.map(|row| row.replica))
    }

    /// Finishes a ceremony; true once, for its owner, before it expires.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_capture(&self, nonce: &str, owner: &str, now: OffsetDateTime) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::FinishedAt, Expr::value(millis(now)))
            .filter(Column::Nonce.eq(nonce))
            .filter(Column::Owner.eq(owner))
            .filter(Column::FinishedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }
}
