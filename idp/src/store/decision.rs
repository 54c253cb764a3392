//! Logins of the past, kept for a while so that a changed policy can be tried on them. They go with their subject.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{AttemptId, ClientId, SubjectId};

use super::entity::decision::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, instant, millis};

/// A login that has ended; `past` is `login::policy::replay::Past` as JSON.
pub struct Decision {
    pub attempt: AttemptId,
    pub subject: SubjectId,
    pub client: ClientId,
    pub past: Value,
    pub at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// What becomes of a login that is kept.
pub enum Rewrite {
    Keep,
    Remove,
    Write(Value),
}

/// How far a reader of the past has come.
#[derive(Clone, Copy)]
pub struct DecisionPlace {
    at: OffsetDateTime,
    attempt: AttemptId,
}

impl Decision {
    /// The place behind which to read on.
    #[must_use]
    pub fn place(&self) -> DecisionPlace {
        DecisionPlace {
            at: self.at,
            attempt: self.attempt,
        }
    }
}

impl From<Model> for Decision {
    fn from(row: Model) -> Self {
        Self {
            attempt: AttemptId(row.attempt_id),
            subject: SubjectId(row.subject_id),
            client: ClientId(row.client_id),
            past: row.past,
            at: instant(row.at),
            expires_at: instant(row.expires_at),
        }
    }
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn keep_decision(&self, decision: Decision) -> Result<()> {
        let row = ActiveModel {
            attempt_id: Set(decision.attempt.0),
            subject_id: Set(decision.subject.0),
            client_id: Set(decision.client.0),
            past: Set(decision.past),
            at: Set(millis(decision.at)),
            expires_at: Set(millis(decision.expires_at)),
        };
        let kept = Entity::insert(row).build(self.db.get_database_backend());
        Ok(self.db.keep(vec![kept]).await?)
    }

    /// The oldest since then, behind a place: some at a time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decisions(
        &self,
        since: OffsetDateTime,
        behind: Option<DecisionPlace>,
        limit: u64,
    ) -> Result<Vec<Decision>> {
        let mut query = Entity::find().filter(Column::At.gte(millis(since)));
        if let Some(DecisionPlace { at, attempt }) = behind {
            let at = millis(at);
            query = query.filter(
                Condition::any().add(Column::At.gt(at)).add(
                    Condition::all()
                        .add(Column::At.eq(at))
                        .add(Column::AttemptId.gt(attempt.0)),
                ),
            );
        }
        let rows = query
            .order_by_asc(Column::At)
            .order_by_asc(Column::AttemptId)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Decision::from).collect())
    }

    /// A person's, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decisions_of(&self, subject: SubjectId, limit: u64) -> Result<Vec<Decision>> {
        let rows = Entity::find()
            .filter(Column::SubjectId.eq(subject.0))
            .order_by_desc(Column::At)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Decision::from).collect())
    }

    /// Goes through a person's, the oldest first, and does with each what is answered; answers how many are not as they were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rewrite_decisions_of(
        &self,
        subject: SubjectId,
        rewrite: impl Fn(Value) -> Rewrite + Send,
    ) -> Result<u64> {
        let (mut behind, mut changed) = (Uuid::nil(), 0);
        loop {
            let rows = Entity::find()
                .filter(Column::SubjectId.eq(subject.0))
                .filter(Column::AttemptId.gt(behind))
                .order_by_asc(Column::AttemptId)
                .limit(AT_ONCE)
                .all(&self.db)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(changed);
            };
            behind = last.attempt_id;
            for row in rows {
                let one = Column::AttemptId.eq(row.attempt_id);
                changed += match rewrite(row.past) {
                    Rewrite::Keep => 0,
                    Rewrite::Remove => {
                        let gone = Entity::delete_many().filter(one).exec(&self.db).await?;
                        gone.rows_affected
                    }
                    Rewrite::Write(past) => {
                        let written = Entity::update_many()
                            .col_expr(Column::Past, Expr::value(past))
                            .filter(one);
                        written.exec(&self.db).await?.rows_affected
                    }
                };
            }
        }
    }

    /// The login of an attempt, where it is still kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decision(&self, attempt: AttemptId) -> Result<Option<Decision>> {
        let row = Entity::find_by_id(attempt.0).one(&self.db).await?;
        Ok(row.map(Decision::from))
    }
}

const AT_ONCE: u64 = 200;
