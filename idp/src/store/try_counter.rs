//! Tries are reserved before a comparison is made, so that a hundred parallel probes are compared at most
//! five times.
//!
//! A reservation counts as a failure until a match takes it back. Where a wait follows, the counter moves by
//! compare-and-set on the number of failures that was read: of two that read the same number, one wins and
//! the other reads again. Keyed by the name that was typed, so that an unknown name is slowed exactly like a known one.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryTrait,
    TryInsertResult,
};
use time::OffsetDateTime;
use wire::FactorKind;

use super::entity::try_counter::{ActiveModel, Column, Entity};
use super::{NewEvent, Result, Store, instant, millis};

/// How failures in a row are slowed.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Failures in a row before the first wait.
    pub free_tries: u32,
    /// The first wait; each further failure doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            free_tries: 5,
            first_wait: Duration::from_secs(30),
            longest_wait: Duration::from_secs(900),
        }
    }
}

impl Backoff {
    /// How long to wait after this many failures in a row.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free_tries) {
            None => Duration::ZERO,
            Some(beyond) => self
                .first_wait
                .saturating_mul(1 << beyond.min(16))
                .min(self.longest_wait),
        }
    }
}

/// Whether a comparison may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// Yes: it is counted as a failure until [`Store::clear_tries`] says otherwise.
    Granted,
    /// No, not before then.
    BlockedUntil(OffsetDateTime),
}

impl Store {
    /// Reserves one try of `who` (a digest of the typed name) at a factor.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reserve_try(
        &self,
        who: &str,
        factor: FactorKind,
        backoff: &Backoff,
        now: OffsetDateTime,
    ) -> Result<Reservation> {
        self.reserve_guess(who, factor.as_str(), backoff, now).await
    }

    /// Reserves one guess of `who` at `what`, which is no factor of a login: a device's user code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reserve_guess(
        &self,
        who: &str,
        what: &str,
        backoff: &Backoff,
        now: OffsetDateTime,
    ) -> Result<Reservation> {
        let key = (who.to_owned(), what.to_owned());
        loop {
            let first = ActiveModel {
                who: Set(key.0.clone()),
                factor: Set(key.1.clone()),
                failures: Set(1),
                blocked_until: Set(millis(now + backoff.wait(1))),
                updated_at: Set(millis(now)),
            };
            let created = Entity::insert(first)
                .on_conflict_do_nothing_on([Column::Who, Column::Factor])
                .exec_without_returning(&self.db)
                .await?;
            if matches!(created, TryInsertResult::Inserted(1))
                || self.reserve_free(who, what, backoff, now).await?
            {
                return Ok(Reservation::Granted);
            }
            let Some(row) = Entity::find_by_id(key.clone()).one(&self.db).await? else {
                continue;
            };
            if row.blocked_until > millis(now) {
                return Ok(Reservation::BlockedUntil(instant(row.blocked_until)));
            }
            let failures = row.failures.saturating_add(1);
            let blocked_until = millis(now + backoff.wait(failures.unsigned_abs()));
            let moved = Entity::update_many()
                .col_expr(Column::Failures, Expr::value(failures))
                .col_expr(Column::BlockedUntil, Expr::value(blocked_until))
                .col_expr(Column::UpdatedAt, Expr::value(millis(now)))
                .filter(Column::Who.eq(who))
                .filter(Column::Factor.eq(what))
                .filter(Column::Failures.eq(row.failures))
                .filter(Column::BlockedUntil.eq(row.blocked_until))
                .exec(&self.db)
                .await?;
            if moved.rows_affected == 1 {
                return Ok(Reservation::Granted);
            }
        }
    }

    /// One more failure that no wait follows: it depends on nothing that would have to be read before.
    async fn reserve_free(
        &self,
        who: &str,
        what: &str,
        backoff: &Backoff,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let counted = Entity::update_many()
            .col_expr(
                Column::Failures,
                sea_orm::ExprTrait::add(Expr::col(Column::Failures), 1),
            )
            .col_expr(Column::UpdatedAt, Expr::value(millis(now)))
            .filter(Column::Who.eq(who))
            .filter(Column::Factor.eq(what))
            .filter(Column::Failures.lt(i64::from(backoff.free_tries) - 1))
            .filter(Column::BlockedUntil.lte(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(counted.rows_affected == 1)
    }

    /// Forgets the failures after a match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_tries(&self, who: &str, factor: FactorKind) -> Result<()> {
        Entity::delete_by_id((who.to_owned(), factor.as_str().to_owned()))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Appends the event that tells of a match, and forgets the failures then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_tries_after(
        &self,
        event: NewEvent,
        who: &str,
        factor: FactorKind,
        now: OffsetDateTime,
    ) -> Result<()> {
        let cleared = Entity::delete_many()
            .filter(Column::Who.eq(who))
            .filter(Column::Factor.eq(factor.as_str()))
            .build(self.db.get_database_backend());
        self.append_event_before(event, cleared, now).await
    }

    /// Forgets the failures at every factor.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_tries(&self, who: &str) -> Result<()> {
        Entity::delete_many()
            .filter(Column::Who.eq(who))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Takes back one reservation whose sample could not be compared: no guess was made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn return_try(&self, who: &str, factor: FactorKind) -> Result<()> {
        Entity::update_many()
            .col_expr(
                Column::Failures,
                sea_orm::ExprTrait::sub(Expr::col(Column::Failures), 1),
            )
            .col_expr(Column::BlockedUntil, Expr::value(0_i64))
            .filter(Column::Who.eq(who))
            .filter(Column::Factor.eq(factor.as_str()))
            .filter(Column::Failures.gt(0))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Takes back one reservation of what many count for: it was no failure, and leaves no wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back_guess(&self, who: &str, what: &str) -> Result<()> {
        Entity::update_many()
            .col_expr(
                Column::Failures,
                sea_orm::ExprTrait::sub(Expr::col(Column::Failures), 1),
            )
            // Who comes to this has passed the wait before; what is taken back leaves none.
            .col_expr(Column::BlockedUntil, Expr::value(0_i64))
            .filter(Column::Who.eq(who))
            .filter(Column::Factor.eq(what))
            .filter(Column::Failures.gt(0))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// How often each of these has failed, and until when it is blocked; those that never failed are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn guesses(&self, who: &[&str]) -> Result<Vec<(String, u32, OffsetDateTime)>> {
        if who.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Entity::find()
            .filter(Column::Who.is_in(who.iter().copied()))
            .all(&self.db)
            .await?;
        let rows = rows.into_iter().map(|row| {
            let failures = row.failures.try_into().unwrap_or(0);
            (row.who, failures, instant(row.blocked_until))
        });
        Ok(rows.collect())
    }

    /// Failures in a row at any factor, the most, and until when that blocks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tries(&self, who: &str) -> Result<(u32, Option<OffsetDateTime>)> {
        let rows = Entity::find()
            .filter(Column::Who.eq(who))
            .all(&self.db)
            .await?;
        let failures = rows
            .iter()
            .map(|r| r.failures.unsigned_abs())
            .max()
            .unwrap_or(0);
        let blocked = rows
            .iter()
            .map(|r| r.blocked_until)
            .max()
            .filter(|at| *at > 0)
            .map(instant);
        Ok((failures, blocked))
    }
}
