//! The audit trail: appended, read by place, never changed.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue::{NotSet, Set}, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{AttemptId, AuditEvent, AuditOutcome, ClientId, FactorKind, OperatorName, SubjectId};

use super::entity::audit_event::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, from_json, instant, millis, parse, to_json};

/// The layout of `detail`; a reader of older rows looks at it.
const FORMAT: i32 = 1;

/// An event to append.
#[derive(Clone)]
pub struct NewEvent {
    /// `noun.verb`.
    pub kind: &'static str,
    pub outcome: AuditOutcome,
    pub subject: Option<SubjectId>,
    pub client: Option<ClientId>,
    pub attempt: Option<AttemptId>,
    pub operator: Option<OperatorName>,
    pub factor: Option<FactorKind>,
    /// Never a secret, a score, a sample or a template.
    pub detail: BTreeMap<String, String>,
}

/// Which events are wanted.
#[derive(Default)]
pub struct AuditFilter {
    pub subject: Option<SubjectId>,
    /// The kind, or what it starts with before a full stop.
    pub kind: Option<String>,
    pub after: Option<i64>,
    pub before: Option<i64>,
}

impl TryFrom<Model> for AuditEvent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        let mut detail: BTreeMap<String, String> = from_json(row.detail, "audit event")?;
        Ok(Self {
            seq: row.seq,
            at: instant(row.at),
            kind: row.kind,
            outcome: from_json(row.outcome.into(), "audit outcome")?,
            subject: row.subject_id.map(SubjectId),
            username: detail.remove("username"),
            client: row.client_id.map(ClientId),
            attempt: row.attempt_id.map(AttemptId),
            operator: row.operator.map(OperatorName),
            factor: row.factor.as_deref().map(|f| parse(f, "factor")).transpose()?,
            detail,
        })
    }
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn append_event(&self, event: NewEvent, now: OffsetDateTime) -> Result<i64> {
        let row = ActiveModel {
            seq: NotSet,
            format: Set(FORMAT),
            at: Set(millis(now)),
            kind: Set(event.kind.into()),
            outcome: Set(event.outcome.as_str().into()),
            subject_id: Set(event.subject.map(|id| id.0)),
            client_id: Set(event.client.map(|id| id.0)),
            attempt_id: Set(event.attempt.map(|id| id.0)),
            operator: Set(event.operator.map(|name| name.0)),
            factor: Set(event.factor.map(|factor| factor.as_str().into())),
            detail: Set(to_json(&event.detail)),
        };
        Ok(Entity::insert(row).exec(&self.db).await?.last_insert_id)
    }

    /// Events in order of `seq`: the oldest behind `after`, or else the newest in front of `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events(&self, filter: &AuditFilter, limit: u64) -> Result<Vec<AuditEvent>> {
        let mut query = Entity::find().limit(limit);
        if let Some(SubjectId(subject)) = filter.subject {
            let subject: Uuid = subject;
            query = query.filter(Column::SubjectId.eq(subject));
        }
        if let Some(kind) = &filter.kind {
            let below = format!("{}.%", kind.replace(['%', '_'], ""));
            query = query.filter(Condition::any().add(Column::Kind.eq(kind)).add(Column::Kind.like(below)));
        }
        let rows = if let Some(after) = filter.after {
            query.filter(Column::Seq.gt(after)).order_by_asc(Column::Seq).all(&self.db).await?
        } else {
            if let Some(before) = filter.before {
                query = query.filter(Column::Seq.lt(before));
            }
            let mut rows = query.order_by_desc(Column::Seq).all(&self.db).await?;
            rows.reverse();
            rows
        };
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The greatest place in the trail, 0 where it is empty.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_event(&self) -> Result<i64> {
        Ok(Entity::find().order_by_desc(Column::Seq).one(&self.db).await?.map_or(0, |row| row.seq))
    }
}
