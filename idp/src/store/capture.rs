//! Capture ceremonies: which replica holds the frames, that each is finished once, and which samples were seen before.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, TryInsertResult,
};
use time::OffsetDateTime;

use super::entity::capture::{ActiveModel, Column, Entity};
use super::entity::sample_digest;
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
    pub async fn capture_replica(
        &self,
        nonce: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Result<Option<String>> {
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
    pub async fn finish_capture(
        &self,
        nonce: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Result<bool> {
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

    /// How many ceremonies an owner has begun that have not expired, whichever replica held them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn captures_of(&self, owner: &str, now: OffsetDateTime) -> Result<u64> {
        Ok(Entity::find()
            .filter(Column::Owner.eq(owner))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .count(&self.db)
            .await?)
    }

    /// Whether one of these samples was accepted before.
    ///
    /// # Errors
    /// When the database fails; then nothing may be accepted.
    pub async fn knows_sample(&self, digests: &[String], now: OffsetDateTime) -> Result<bool> {
        for some in digests.chunks(DIGESTS_AT_ONCE) {
            let found = sample_digest::Entity::find()
                .filter(sample_digest::Column::Digest.is_in(some.iter().map(String::as_str)))
                .filter(sample_digest::Column::ExpiresAt.gt(millis(now)))
                .one(&self.db)
                .await?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes samples as accepted; true where each of them is new, so that of two replicas that are shown one sample at once,
    /// one accepts it.
    ///
    /// # Errors
    /// When the database fails; then nothing may be accepted.
    pub async fn remember_samples(
        &self,
        digests: &[String],
        expires_at: OffsetDateTime,
    ) -> Result<bool> {
        let mut are_new = true;
        for digest in digests {
            let row = sample_digest::ActiveModel {
                digest: Set(digest.clone()),
                expires_at: Set(millis(expires_at)),
            };
            let inserted = sample_digest::Entity::insert(row)
                .on_conflict_do_nothing_on([sample_digest::Column::Digest])
                .exec_without_returning(&self.db)
                .await?;
            are_new &= matches!(inserted, TryInsertResult::Inserted(1));
        }
        Ok(are_new)
    }
}

/// Values of one question: within what both databases take.
const DIGESTS_AT_ONCE: usize = 500;
