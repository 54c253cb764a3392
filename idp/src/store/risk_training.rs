//! Which replica fits the next anomaly model: a lease in one row, taken by a conditional update, that ends by itself where
//! its holder does not come back.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TryInsertResult};
use time::{Duration, OffsetDateTime};

use super::entity::risk_training::{ActiveModel, Column, Entity};
use super::{Result, Store, instant, millis};

/// How the training stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    pub holder: String,
    /// Of the model to be.
    pub version: i64,
    /// From nought to one.
    pub part: f64,
    /// Why the last one came to nothing.
    pub problem: Option<String>,
    pub began_at: OffsetDateTime,
    pub held_until: OffsetDateTime,
}

impl Store {
    /// Takes the lease, where nobody has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_training(
        &self,
        holder: &str,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let until = millis(now + LEASE);
        let first = ActiveModel {
            id: Set(THE_ROW),
            holder: Set(holder.to_owned()),
            version: Set(version),
            part: Set(0.0),
            problem: Set(None),
            began_at: Set(millis(now)),
            held_until: Set(until),
        };
        let inserted = Entity::insert(first)
            .on_conflict_do_nothing_on([Column::Id])
            .exec_without_returning(&self.db)
            .await?;
        if matches!(inserted, TryInsertResult::Inserted(1)) {
            return Ok(true);
        }
        let taken = Entity::update_many()
            .col_expr(Column::Holder, Expr::value(holder))
            .col_expr(Column::Version, Expr::value(version))
            .col_expr(Column::Part, Expr::value(0.0))
            .col_expr(Column::Problem, Expr::value(Option::<String>::None))
            .col_expr(Column::BeganAt, Expr::value(millis(now)))
            .col_expr(Column::HeldUntil, Expr::value(until))
            .filter(Column::Id.eq(THE_ROW))
            .filter(Column::HeldUntil.lt(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(taken.rows_affected == 1)
    }

    /// Tells how far it is and keeps the lease; false where another holds it meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report_training(
        &self,
        holder: &str,
        part: f64,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let moved = Entity::update_many()
            .col_expr(Column::Part, Expr::value(part))
            .col_expr(Column::HeldUntil, Expr::value(millis(now + LEASE)))
            .filter(Column::Id.eq(THE_ROW))
            .filter(Column::Holder.eq(holder))
            .exec(&self.db)
            .await?;
        Ok(moved.rows_affected == 1)
    }

    /// Gives the lease back, for others to take from then on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_training(
        &self,
        holder: &str,
        problem: Option<String>,
        again_at: OffsetDateTime,
    ) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::Part, Expr::value(1.0))
            .col_expr(Column::Problem, Expr::value(problem))
            .col_expr(Column::HeldUntil, Expr::value(millis(again_at)))
            .filter(Column::Id.eq(THE_ROW))
            .filter(Column::Holder.eq(holder))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// How it stands, where there ever was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn training(&self) -> Result<Option<Training>> {
        let row = Entity::find_by_id(THE_ROW).one(&self.db).await?;
        Ok(row.map(|row| Training {
            holder: row.holder,
            version: row.version,
            part: row.part,
            problem: row.problem,
            began_at: instant(row.began_at),
            held_until: instant(row.held_until),
        }))
    }
}

const THE_ROW: i32 = 1;
/// Progress is told each few seconds: who is silent for as long is gone.
const LEASE: Duration = Duration::minutes(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{NOW, store};

    #[tokio::test]
    async fn one_replica_trains_and_another_takes_over_where_it_is_gone() {
        let (_folder, store) = store().await;
        assert_eq!(store.training().await.expect("asks"), None);
        let take = async |who: &str, at| store.take_training(who, 1, at).await.expect("asks");
        assert!(take("a", NOW).await);
        assert!(!take("b", NOW).await && !take("b", NOW + Duration::minutes(1)).await);
        let later = NOW + Duration::minutes(1);
        let kept = store.report_training("a", 0.5, later).await;
        assert!(kept.expect("asks"));
        assert!(!take("b", NOW + LEASE + Duration::seconds(1)).await, "kept");
        assert_eq!(
            store.training().await.expect("asks").expect("one").part,
            0.5
        );
        let gone = later + LEASE + Duration::seconds(1);
        assert!(take("b", gone).await);
        assert!(!store.report_training("a", 0.9, gone).await.expect("asks"));
        let problem = Some("499 of 500 logins".to_owned());
        let again = gone + Duration::minutes(10);
        store
            .end_training("b", problem.clone(), again)
            .await
            .expect("ends");
        let training = store.training().await.expect("asks").expect("one");
        assert_eq!((training.part, training.problem), (1.0, problem));
        assert!(!take("a", again).await);
        assert!(take("a", again + Duration::seconds(1)).await);
    }
}
