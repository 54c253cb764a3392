//! The outbox: what people are to be told of changes to their accounts. A row is kept with the audit event, in one
//! transaction, so that no change goes untold because a mail server was down; and it is claimed by one conditional
//! update, so that of several replicas one sends it.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AuditOutcome, FactorKind, SubjectId, SubjectStatus};

use super::entity::notice::{ActiveModel, Column, Entity, Model};
use super::entity::subject;
use super::{NewEvent, Result, Store, StoreError, from_json, millis, parse, to_json};

/// How a person, or whoever acts for them, is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Mail,
    Webhook,
}

impl Channel {
    /// Its name in the table and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

impl std::str::FromStr for Channel {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        [Self::Mail, Self::Webhook]
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or(())
    }
}

/// What is told: that it happened, to what, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The kind of the audit event.
    pub kind: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<FactorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether an operator did it.
    pub by_operator: bool,
}

/// One notice, by one way.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: Uuid,
    pub subject: SubjectId,
    pub channel: Channel,
    pub told: Told,
    /// How often it was tried.
    pub tries: u32,
}

impl TryFrom<Model> for Notice {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            subject: SubjectId(row.subject_id),
            channel: parse(&row.channel, "notice's channel")?,
            told: from_json(row.event, "notice")?,
            tries: row.tries.try_into().unwrap_or_default(),
        })
    }
}

/// Whether this is a change of an account that its person is told of.
pub(super) fn is_told(event: &NewEvent) -> bool {
    let is_change = event.outcome == AuditOutcome::Success && KINDS.contains(&event.kind);
    event.subject.is_some() && (is_change || event.kind == ALARM)
}

/// Keeps a notice for each way, where the event itself is kept.
pub(super) async fn queue(
    db: &impl ConnectionTrait,
    channels: &[Channel],
    event: &NewEvent,
    now: OffsetDateTime,
) -> Result<()> {
    let Some(subject) = event.subject else {
        return Ok(());
    };
    let told = Told {
        kind: event.kind.to_owned(),
        at: now,
        factor: event.factor,
        client: event.client.as_ref().map(|client| client.0.clone()),
        address: event.detail.get("address").cloned(),
        by_operator: event.operator.is_some(),
    };
    // Who makes an account and leaves it has nobody to be told, and would stand before others. Whom an operator invited
    // has an address, and hears of it when somebody else takes up the invitation.
    let of = subject::Entity::find_by_id(subject.0).one(db).await?;
    let is_stranger =
        |it: &subject::Model| it.status == SubjectStatus::Invited.as_str() && it.email.is_none();
    if of.as_ref().is_some_and(is_stranger) {
        return Ok(());
    }
    for channel in channels {
        if is_known_soon(db, subject, *channel, &told.kind).await? {
            continue;
        }
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            subject_id: Set(subject.0),
            channel: Set(channel.as_str().into()),
            event: Set(to_json(&told)),
            tries: Set(0),
            next_at: Set(millis(now)),
            expires_at: Set(millis(now + KEPT)),
        };
        Entity::insert(row).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Whether many notices wait for a subject, and one of them is of this kind: that it happened is told with that one.
async fn is_known_soon(
    db: &impl ConnectionTrait,
    subject: SubjectId,
    channel: Channel,
    kind: &str,
) -> Result<bool> {
    let waiting = Entity::find()
        .filter(Column::SubjectId.eq(subject.0))
        .filter(Column::Channel.eq(channel.as_str()))
        .limit(MOST_OF_ONE + KINDS.len() as u64)
        .all(db)
        .await?;
    let of_kind = |row: &Model| row.event.get("kind").and_then(|it| it.as_str()) == Some(kind);
    Ok(waiting.len() as u64 >= MOST_OF_ONE && waiting.iter().any(of_kind))
}

impl Store {
    /// The notices whose time has come: of each subject the first ones before anybody's second ones.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_notices(&self, now: OffsetDateTime, most: u64) -> Result<Vec<Notice>> {
        let rows = Entity::find()
            .filter(Column::NextAt.lte(millis(now)))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_asc(Column::NextAt)
            .limit(most * LOOKED_AHEAD)
            .all(&self.db)
            .await?;
        let mut turns: HashMap<Uuid, usize> = HashMap::new();
        let mut rows: Vec<(usize, Model)> = rows
            .into_iter()
            .map(|row| {
                let turn = turns.entry(row.subject_id).or_default();
                *turn += 1;
                (*turn, row)
            })
            .collect();
        rows.sort_by_key(|(turn, _)| *turn);
        let first = rows
            .into_iter()
            .take(usize::try_from(most).unwrap_or(usize::MAX));
        first.map(|(_, row)| row.try_into()).collect()
    }

    /// Takes a notice for one try, and sets when the next one is; of many callers one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_notice(&self, notice: &Notice, next: OffsetDateTime) -> Result<bool> {
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

    /// Forgets a notice: it was sent, or it never will be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_notice(&self, id: Uuid) -> Result<()> {
        Entity::delete_by_id(id).exec(&self.db).await?;
        Ok(())
    }
}

/// The changes that are told (NIST SP 800-63B-4 §4.6 names the first three). The language that somebody chose is not
/// among them: it opens nothing. Nor is an application that was newly allowed: its person was asked on a page of ours in that
/// very login, and `/me` has it among what happened.
const KINDS: [&str; 14] = [
    "credential.enrolled",
    // By an operator, from another system's records: as good as enrolled, and nothing that the person saw happen.
    "credential.imported",
    "credential.removed",
    "biometrics.erased",
    "biometric_consent.decided",
    "consent.withdrawn",
    "session.revoked",
    "sessions.revoked",
    "grants.revoked",
    "device.trusted",
    "device.forgotten",
    "data.downloaded",
    "subject.suspended",
    "subject.activated",
];

/// What is told whatever became of the login.
const ALARM: &str = "credential.alarm";

/// Notices that may wait for one subject on one channel before those of one kind are told as one.
const MOST_OF_ONE: u64 = 8;
/// How many batches are looked at to choose one.
const LOOKED_AHEAD: u64 = 16;

/// Later than this nobody needs to hear of it.
const KEPT: Duration = Duration::days(2);

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, store, subject};
    use super::*;
    use crate::login::Trail;

    fn event(subject: SubjectId, kind: &'static str, outcome: AuditOutcome) -> NewEvent {
        let trail = Trail {
            subject: Some(subject),
            client: None,
            attempt: None,
            address: Some([192, 0, 2, 7].into()),
        };
        trail.event(kind, outcome)
    }

    async fn active(store: &Store, username: &str) -> SubjectId {
        let id = subject(store, username).await.id;
        let status = SubjectStatus::Active;
        store.set_subject_status(id, status).await.expect("sets");
        id
    }

    #[tokio::test]
    async fn a_change_and_its_notices_are_kept_together_or_not_at_all() {
        let (_folder, quiet) = store().await;
        let ada = active(&quiet, "ada").await;
        let removed = || event(ada, "credential.removed", AuditOutcome::Success);
        quiet.append_event(removed(), NOW).await.expect("appends");
        assert!(quiet.due_notices(NOW, 9).await.expect("asks").is_empty());

        let store = quiet.telling(&[Channel::Mail, Channel::Webhook]);
        for (kind, outcome) in [
            ("login.finished", AuditOutcome::Success),
            ("credential.enrolled", AuditOutcome::Unusable),
        ] {
            let other = event(ada, kind, outcome);
            store.append_event(other, NOW).await.expect("appends");
        }
        let dropped = store.begin().await.expect("begins");
        dropped.append_event(removed(), NOW).await.expect("appends");
        drop(dropped);
        assert!(store.due_notices(NOW, 9).await.expect("asks").is_empty());

        let change = store.begin().await.expect("begins");
        change.append_event(removed(), NOW).await.expect("appends");
        change.commit().await.expect("commits");
        let due = store.due_notices(NOW, 9).await.expect("asks");
        let channels: Vec<Channel> = due.iter().map(|notice| notice.channel).collect();
        assert_eq!(channels.len(), 2);
        assert!(channels.contains(&Channel::Mail) && channels.contains(&Channel::Webhook));
        let told = &due[0].told;
        assert_eq!((told.kind.as_str(), told.at), ("credential.removed", NOW));
        assert_eq!(told.address.as_deref(), Some("192.0.2.7"));
        assert!(!told.by_operator);
    }

    #[tokio::test]
    async fn a_notice_is_sent_by_one_replica_at_a_time_until_it_is_heard_or_its_person_is_gone() {
        let (_folder, store) = store().await;
        let store = store.telling(&[Channel::Mail]);
        let ada = active(&store, "ada").await;
        for kind in ["credential.removed", "credential.enrolled"] {
            let event = event(ada, kind, AuditOutcome::Success);
            store.append_event(event, NOW).await.expect("appends");
        }
        let due = store.due_notices(NOW, 9).await.expect("asks");
        let later = NOW + Duration::seconds(5);
        assert!(store.claim_notice(&due[0], later).await.expect("asks"));
        assert!(!store.claim_notice(&due[0], later).await.expect("asks"));
        assert_eq!(store.due_notices(NOW, 9).await.expect("asks").len(), 1);
        let again = store.due_notices(later, 9).await.expect("asks");
        assert_eq!(again.iter().map(|it| it.tries).max(), Some(1));
        store.forget_notice(due[0].id).await.expect("forgets");
        assert_eq!(store.due_notices(later, 9).await.expect("asks").len(), 1);
        let stale = NOW + Duration::days(3);
        assert!(store.due_notices(stale, 9).await.expect("asks").is_empty());
        store.erase_subject(ada).await.expect("erases");
        assert!(store.due_notices(later, 9).await.expect("asks").is_empty());
    }

    #[tokio::test]
    async fn a_swarm_of_notices_of_one_person_delays_nobody_else_s() {
        let (_folder, store) = store().await;
        let store = store.telling(&[Channel::Mail]);
        let (loud, ada) = (active(&store, "loud").await, active(&store, "ada").await);
        let nobody = subject(&store, "nobody").await.id;
        let enrolled = event(nobody, "credential.enrolled", AuditOutcome::Success);
        store.append_event(enrolled, NOW).await.expect("appends");
        for n in 0..200 {
            let event = event(loud, "credential.removed", AuditOutcome::Success);
            let at = NOW + Duration::milliseconds(n);
            store.append_event(event, at).await.expect("appends");
        }
        let other = event(loud, "data.downloaded", AuditOutcome::Success);
        store.append_event(other, NOW).await.expect("appends");
        let later = NOW + Duration::seconds(1);
        let change = event(ada, "credential.removed", AuditOutcome::Success);
        store.append_event(change, later).await.expect("appends");
        let all = store.due_notices(later, 300).await.expect("asks");
        let of_loud: Vec<&Notice> = all.iter().filter(|it| it.subject == loud).collect();
        assert_eq!(
            of_loud.len() as u64,
            MOST_OF_ONE + 1,
            "as many as may wait, and the other kind"
        );
        assert_eq!(
            all.len(),
            of_loud.len() + 1,
            "nobody is told of an account that was never in use"
        );
        assert!(of_loud.iter().any(|it| it.told.kind == "data.downloaded"));
        let first = store.due_notices(later, 2).await.expect("asks");
        assert!(
            first.iter().any(|it| it.subject == ada),
            "the last one's turn comes with the first's"
        );
    }
}
