//! Login attempts, moved by compare-and-set: whoever read an older revision changes nothing.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use serde_json::Value;
use time::OffsetDateTime;
use wire::{AttemptId, SubjectId};

use super::entity::attempt::{ActiveModel, Column, Entity};
use super::{Result, Store, instant, like, millis};

/// A stored attempt; `state` is `login::Attempt` as JSON.
pub struct AttemptRow {
    pub id: AttemptId,
    pub revision: i64,
    /// Digest of the cookie of the browser that began it.
    pub browser: String,
    pub state: Value,
    pub expires_at: OffsetDateTime,
}

impl AttemptRow {
    /// What stands for the browser of an attempt that came without its cookies: the digest of nothing.
    pub const NO_BROWSER: &str = "";
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn begin_attempt(&self, row: &AttemptRow) -> Result<()> {
        let row = ActiveModel {
            id: Set(row.id.0),
            revision: Set(row.revision),
            browser: Set(row.browser.clone()),
            state: Set(row.state.clone()),
            expires_at: Set(millis(row.expires_at)),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The attempt, unless it has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempt(&self, id: AttemptId, now: OffsetDateTime) -> Result<Option<AttemptRow>> {
        let row = Entity::find_by_id(id.0)
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        Ok(row.map(|row| AttemptRow {
            id,
            revision: row.revision,
            browser: row.browser,
            state: row.state,
            expires_at: instant(row.expires_at),
        }))
    }

    /// Gives an attempt that no browser has yet to this one; answers whether it was still free.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn adopt_attempt(&self, id: AttemptId, browser: &str) -> Result<bool> {
        let adopted = Entity::update_many()
            .col_expr(Column::Browser, Expr::value(browser))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Browser.eq(AttemptRow::NO_BROWSER))
            .exec(&self.db)
            .await?;
        Ok(adopted.rows_affected == 1)
    }

    /// Writes the state if the revision is still the one that was read; answers whether it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_attempt(&self, id: AttemptId, read: i64, state: Value) -> Result<bool> {
        let moved = Entity::update_many()
            .col_expr(Column::Revision, Expr::value(read + 1))
            .col_expr(Column::State, Expr::value(state))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Revision.eq(read))
            .exec(&self.db)
            .await?;
        Ok(moved.rows_affected == 1)
    }

    /// Removes the attempt if its revision is still the one that was read: it ends once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_attempt(&self, id: AttemptId, read: i64) -> Result<bool> {
        let ended = Entity::delete_many()
            .filter(Column::Id.eq(id.0))
            .filter(Column::Revision.eq(read))
            .exec(&self.db)
            .await?;
        Ok(ended.rows_affected == 1)
    }

    /// Removes every attempt that is about a subject: whose they are stands in their state alone, and there are but those of
    /// the last minutes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_attempts_about(&self, subject: SubjectId) -> Result<u64> {
        let named = like("%", &subject.0.hyphenated().to_string(), "%");
        let state = Expr::expr(Expr::col(Column::State).cast_as("text"));
        let ended = Entity::delete_many().filter(ExprTrait::like(state, named));
        Ok(ended.exec(&self.db).await?.rows_affected)
    }
}
