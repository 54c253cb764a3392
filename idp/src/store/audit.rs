//! The audit trail: appended, read by place, never changed.
//!
//! Whoever follows the trail asks for what lies behind the last place seen. Places are given out before
//! they are committed, so that with several writers a smaller one can appear after a greater: a reader is
//! told to go on only from the front of a young gap ([`Store::events_after`]), and so misses nothing.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Statement,
};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;
use uuid::Uuid;
use wire::{AttemptId, AuditEvent, AuditOutcome, ClientId, FactorKind, OperatorName, SubjectId};

use super::entity::audit_event::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, from_json, instant, like, millis, notice, to_json};

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

/// How long a writer may take from its place in the trail to its commit, at the very most.
const SETTLED_AFTER: Duration = Duration::seconds(10);

/// How many places one question looks at.
const LOOKED_AT: u64 = 1_000;

/// Events in the order of `seq`, and where to go on.
pub struct AuditSlice {
    pub events: Vec<AuditEvent>,
    /// The greatest place that was looked at, also where the filter left it out.
    pub last_seq: i64,
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
            // A newer replica may know a factor that this one does not.
            factor: row.factor.as_deref().and_then(|factor| factor.parse().ok()),
            detail,
        })
    }
}

fn row(event: NewEvent, now: OffsetDateTime) -> ActiveModel {
    ActiveModel {
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
    }
}

impl Store {
    /// Appends an event; with it goes the notice to its person, where one is to be told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append_event(&self, event: NewEvent, now: OffsetDateTime) -> Result<i64> {
        let seq = if self.is_told(&event) {
            let transaction = self.db.begin().await?;
            notice::queue(&transaction, &self.channels, &event, now).await?;
            let appended = Entity::insert(row(event, now)).exec(&transaction).await?;
            transaction.commit().await?;
            appended.last_insert_id
        } else {
            let appended = Entity::insert(row(event, now)).exec(&self.db).await?;
            appended.last_insert_id
        };
        self.appended.send_replace(());
        Ok(seq)
    }

    /// Appends an event whose place nobody asks for; within a change, together with what else it keeps.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_event(&self, event: NewEvent, now: OffsetDateTime) -> Result<()> {
        if self.is_told(&event) {
            return self.append_event(event, now).await.map(drop);
        }
        self.db.keep(vec![self.appending(event, now)]).await?;
        self.appended.send_replace(());
        Ok(())
    }

    /// Appends an event, and then executes what follows from it: each for itself.
    pub(super) async fn append_event_before(
        &self,
        event: NewEvent,
        after: Statement,
        now: OffsetDateTime,
    ) -> Result<()> {
        if self.is_told(&event) {
            self.append_event(event, now).await?;
            return Ok(self.db.execute_in_turn(vec![after]).await?);
        }
        let both = vec![self.appending(event, now), after];
        self.db.execute_in_turn(both).await?;
        self.appended.send_replace(());
        Ok(())
    }

    fn appending(&self, event: NewEvent, now: OffsetDateTime) -> Statement {
        Entity::insert(row(event, now)).build(self.db.get_database_backend())
    }

    /// Whether a notice to its person goes with an event.
    fn is_told(&self, event: &NewEvent) -> bool {
        !self.channels.is_empty() && notice::is_told(event)
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
            let below = like("", &format!("{kind}."), "%");
            query = query.filter(
                Condition::any()
                    .add(Column::Kind.eq(kind))
                    .add(Column::Kind.like(below)),
            );
        }
        let rows = if let Some(after) = filter.after {
            if let Some(before) = filter.before {
                query = query.filter(Column::Seq.lt(before));
            }
            query
                .filter(Column::Seq.gt(after))
                .order_by_asc(Column::Seq)
                .all(&self.db)
                .await?
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

    /// The newest events of a subject of exactly these kinds and, where one is given, outcomes, the newest first, from in front of `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(
        &self,
        subject: SubjectId,
        kinds: &[(&str, Option<&str>)],
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditEvent>> {
        let wanted = kinds.iter().fold(Condition::any(), |any, (kind, outcome)| {
            let kind = Condition::all().add(Column::Kind.eq(*kind));
            any.add(kind.add_option(outcome.map(|it| Column::Outcome.eq(it))))
        });
        let mut query = Entity::find()
            .filter(Column::SubjectId.eq(subject.0))
            .filter(wanted)
            .order_by_desc(Column::Seq)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(Column::Seq.lt(before));
        }
        let rows = query.all(&self.db).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The newest events, and from where to follow the trail.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_events(
        &self,
        filter: AuditFilter,
        limit: u64,
        now: OffsetDateTime,
    ) -> Result<AuditSlice> {
        let recent = self
            .last_event()
            .await?
            .saturating_sub(LOOKED_AT as i64)
            .max(0);
        let last_seq = self.settled(recent, now).await?;
        let filter = AuditFilter {
            after: None,
            before: Some(last_seq.saturating_add(1)),
            ..filter
        };
        Ok(AuditSlice {
            events: self.events(&filter, limit).await?,
            last_seq,
        })
    }

    /// The oldest events behind a place, and from where to go on. Where nothing new has come the slice is
    /// empty; where the filter left out much it may be too, and still go on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_after(
        &self,
        filter: AuditFilter,
        after: i64,
        limit: u64,
        now: OffsetDateTime,
    ) -> Result<AuditSlice> {
        let through = self.settled(after, now).await?;
        if through == after {
            return Ok(AuditSlice {
                events: Vec::new(),
                last_seq: after,
            });
        }
        let filter = AuditFilter {
            after: Some(after),
            before: Some(through.saturating_add(1)),
            ..filter
        };
        let events = self.events(&filter, limit).await?;
        let last_seq = match events.last() {
            Some(last) if events.len() as u64 >= limit => last.seq,
            _ => through,
        };
        Ok(AuditSlice { events, last_seq })
    }

    /// Is told of whatever this process appends. Other replicas' events are found by asking now and then.
    #[must_use]
    pub fn appended(&self) -> watch::Receiver<()> {
        self.appended.subscribe()
    }

    /// How far behind `after` the trail holds no place that somebody may still be about to commit.
    async fn settled(&self, after: i64, now: OffsetDateTime) -> Result<i64> {
        let places: Vec<(i64, i64)> = Entity::find()
            .select_only()
            .columns([Column::Seq, Column::At])
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(LOOKED_AT)
            .into_tuple()
            .all(&self.db)
            .await?;
        let young = millis(now - SETTLED_AFTER);
        let mut through = after;
        for (seq, at) in places {
            if seq != through.saturating_add(1) && at > young {
                break;
            }
            through = seq;
        }
        Ok(through)
    }

    /// The greatest place in the trail, 0 where it is empty.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_event(&self) -> Result<i64> {
        Ok(Entity::find()
            .order_by_desc(Column::Seq)
            .one(&self.db)
            .await?
            .map_or(0, |row| row.seq))
    }
}
