//! The outbox: what people are to be told of changes to their accounts. A row is kept with the audit event, in one
//! transaction, so that no change goes untold because a mail server was down; and it is claimed by one conditional
//! update, so that of several replicas one sends it.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AuditOutcome, FactorKind, SubjectId};

use super::entity::notice::{ActiveModel, Column, Entity, Model};
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
    for channel in channels {
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

impl Store {
    /// The notices whose time has come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_notices(&self, now: OffsetDateTime, most: u64) -> Result<Vec<Notice>> {
        let rows = Entity::find()
            .filter(Column::NextAt.lte(millis(now)))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_asc(Column::NextAt)
            .limit(most)
            .all(&self.db)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
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

/// The changes that are told (NIST SP 800-63B-4 §4.6 names the first two).
const KINDS: [&str; 9] = [
    "credential.enrolled",
    "credential.removed",
    "biometrics.erased",
    "biometric_consent.decided",
    "consent.withdrawn",
    "session.revoked",
    "sessions.revoked",
    "data.downloaded",
    "subject.suspended",
];

/// What is told whatever became of the login.
const ALARM: &str = "credential.alarm";

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

    #[tokio::test]
    async fn a_change_and_its_notices_are_kept_together_or_not_at_all() {
        let (_folder, quiet) = store().await;
        let ada = subject(&quiet, "ada").await.id;
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
        let ada = subject(&store, "ada").await.id;
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
}
