//! Authorizations that a client polls for while the person answers elsewhere (RFC 8628, CIBA Core).
//!
//! Each moves by conditional updates: pending, then allowed or denied once, then redeemed once. How often it is
//! polled is judged in SQL too, so that asking two replicas in turn is asking too often.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{ClientId, SubjectId};

use super::entity::pending_authorization::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, instant, millis};
use crate::oidc::backchannel::OF_ALL;

/// How the client came to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingKind {
    /// RFC 8628.
    Device,
    /// CIBA Core.
    Backchannel,
}

impl PendingKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Backchannel => "backchannel",
        }
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingState {
    /// The person has not answered.
    Pending,
    /// The person said yes; the tokens wait.
    Allowed(Uuid),
    /// The person said no.
    Denied,
    /// The tokens were fetched.
    Redeemed(Uuid),
}

/// One to be kept.
pub struct NewPending {
    /// Of what the client polls with.
    pub digest: String,
    pub kind: PendingKind,
    pub client: ClientId,
    /// Digest of what the person types, on a device's page.
    pub user_code: Option<String>,
    /// Whom it is for, where that is known.
    pub subject: Option<SubjectId>,
    /// Under which name requests are counted: those to one person, whether or not there is one of that name, and of
    /// devices those from one network.
    pub who: Option<String>,
    pub record: Value,
    /// What is needed to call the client, sealed.
    pub sealed: Option<Vec<u8>>,
    pub interval: Duration,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// One as it is kept.
#[derive(Clone)]
pub struct PendingRow {
    pub digest: String,
    pub client: ClientId,
    pub subject: Option<SubjectId>,
    pub record: Value,
    pub sealed: Option<Vec<u8>>,
    pub state: PendingState,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// Whether a client may be told how it stands.
pub enum Polled {
    /// There is no such thing.
    Unknown,
    /// It asked too often; from now on it has to wait longer (RFC 8628 §3.5).
    TooSoon(PendingRow),
    /// Here.
    Row(PendingRow),
}

impl TryFrom<Model> for PendingRow {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        let state = match (row.state.as_str(), row.grant_id) {
            (PENDING, _) => PendingState::Pending,
            (DENIED, _) => PendingState::Denied,
            (ALLOWED, Some(grant)) => PendingState::Allowed(grant),
            (REDEEMED, Some(grant)) => PendingState::Redeemed(grant),
            _ => return Err(StoreError::Unreadable("pending authorization")),
        };
        Ok(Self {
            digest: row.digest,
            client: ClientId(row.client_id),
            subject: row.subject_id.map(SubjectId),
            record: row.record,
            sealed: row.sealed,
            state,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
        })
    }
}

impl Store {
    /// Keeps one; `false` where its user code is taken, or where as many of one client, or [`OF_ALL`] times as many of all,
    /// wait for that person as may.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_pending(&self, new: &NewPending, waiting: u64) -> Result<bool> {
        let Some(who) = new
            .who
            .as_ref()
            .filter(|_| new.kind == PendingKind::Backchannel)
        else {
            return self.insert_pending(new, None).await;
        };
        // Whoever waits no more gives up its slot.
        Entity::update_many()
            .col_expr(Column::Slot, Expr::value(None::<String>))
            .filter(Column::Who.eq(who))
            .filter(
                Condition::any()
                    .add(Column::State.ne(PENDING))
                    .add(Column::ExpiresAt.lte(millis(new.created_at))),
            )
            .exec(&self.db)
            .await?;
        let all = Entity::find()
            .filter(Column::Who.eq(who))
            .filter(Column::Slot.is_not_null());
        if all.count(&self.db).await? >= OF_ALL * waiting {
            return Ok(false);
        }
        for slot in 0..waiting {
            let slot = format!("{who} {} {slot}", new.client.0);
            if self.insert_pending(new, Some(slot)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn insert_pending(&self, new: &NewPending, slot: Option<String>) -> Result<bool> {
        let row = ActiveModel {
            digest: Set(new.digest.clone()),
            kind: Set(new.kind.as_str().to_owned()),
            client_id: Set(new.client.0.clone()),
            user_code: Set(new.user_code.clone()),
            subject_id: Set(new.subject.map(|subject| subject.0)),
            who: Set(new.who.clone()),
            slot: Set(slot),
            record: Set(new.record.clone()),
            sealed: Set(new.sealed.clone()),
            state: Set(PENDING.to_owned()),
            grant_id: Set(None),
            interval_s: Set(new.interval.whole_seconds()),
            polled_at: Set(None),
            created_at: Set(millis(new.created_at)),
            expires_at: Set(millis(new.expires_at)),
        };
        // Not `on conflict do nothing`: that names one key, and here two others may be taken.
        let inserted = Entity::insert(row).exec_without_returning(&self.db).await;
        match inserted.map_err(StoreError::from) {
            Ok(_) => Ok(true),
            Err(StoreError::Exists) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// How many of a kind wait for an answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_count(&self, kind: PendingKind, now: OffsetDateTime) -> Result<u64> {
        let waiting = Entity::find()
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)));
        Ok(waiting.count(&self.db).await?)
    }

    /// How many of a client's wait for an answer: all, and those that are counted under this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_of(
        &self,
        kind: PendingKind,
        client: &ClientId,
        who: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(u64, u64)> {
        let waiting = Entity::find()
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::ClientId.eq(&client.0))
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)));
        let all = waiting.clone().count(&self.db).await?;
        let named = match who {
            Some(who) => waiting.filter(Column::Who.eq(who)).count(&self.db).await?,
            None => 0,
        };
        Ok((all, named))
    }

    /// How many were asked of one person since then: by this client, and by all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_since(
        &self,
        who: &str,
        client: &ClientId,
        since: OffsetDateTime,
    ) -> Result<(u64, u64)> {
        let asked = Entity::find()
            .filter(Column::Who.eq(who))
            .filter(Column::CreatedAt.gte(millis(since)));
        let all = asked.clone().count(&self.db).await?;
        let of_client = asked.filter(Column::ClientId.eq(&client.0));
        Ok((of_client.count(&self.db).await?, all))
    }

    /// The one that waits under a user code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_by_user_code(
        &self,
        digest: &str,
        now: OffsetDateTime,
    ) -> Result<Option<PendingRow>> {
        let row = Entity::find()
            .filter(Column::UserCode.eq(digest))
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The one of this digest, however it stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending(&self, digest: &str) -> Result<Option<PendingRow>> {
        let row = Entity::find_by_id(digest).one(&self.db).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The one of this digest that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting(&self, digest: &str, now: OffsetDateTime) -> Result<Option<PendingRow>> {
        let row = Entity::find_by_id(digest)
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// What waits for a subject's answer, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_for(
        &self,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<Vec<PendingRow>> {
        let rows = Entity::find()
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::Kind.eq(PendingKind::Backchannel.as_str()))
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_asc(Column::CreatedAt)
            .limit(MOST_SHOWN)
            .all(&self.db)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// How it stands, for the client that polls. While the person has not answered, one that asks again before its
    /// interval is over has to wait five seconds longer each time (RFC 8628 §3.5).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn poll(
        &self,
        digest: &str,
        kind: PendingKind,
        now: OffsetDateTime,
    ) -> Result<Polled> {
        let found = Entity::find_by_id(digest)
            .filter(Column::Kind.eq(kind.as_str()))
            .one(&self.db)
            .await?;
        let Some(found) = found else {
            return Ok(Polled::Unknown);
        };
        let (interval_s, waits) = (found.interval_s, found.state == PENDING);
        let row = PendingRow::try_from(found)?;
        if !waits {
            return Ok(Polled::Row(row));
        }
        let earliest = millis(now) - interval_s * 1000 + EARLY_MS;
        let in_time = Entity::update_many()
            .col_expr(Column::PolledAt, Expr::value(millis(now)))
            .filter(Column::Digest.eq(digest))
            .filter(
                Condition::any()
                    .add(Column::PolledAt.is_null())
                    .add(Column::PolledAt.lte(earliest)),
            )
            .exec(&self.db)
            .await?
            .rows_affected
            == 1;
        if in_time {
            return Ok(Polled::Row(row));
        }
        Entity::update_many()
            .col_expr(Column::PolledAt, Expr::value(millis(now)))
            .col_expr(
                Column::IntervalS,
                ExprTrait::add(Expr::col(Column::IntervalS), 5),
            )
            .filter(Column::Digest.eq(digest))
            .filter(Column::IntervalS.lt(LONGEST_INTERVAL_S))
            .exec(&self.db)
            .await?;
        Ok(Polled::TooSoon(row))
    }

    /// Takes the person's answer: a grant, or none. Of many answers one counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decide_pending(
        &self,
        digest: &str,
        grant: Option<Uuid>,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let state = if grant.is_some() { ALLOWED } else { DENIED };
        let done = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::GrantId, Expr::value(grant))
            .col_expr(Column::Slot, Expr::value(None::<String>))
            .filter(Column::Digest.eq(digest))
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Refuses what waits for a subject's answer; answers what that was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refuse_pending_of(
        &self,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<Vec<String>> {
        let theirs = Column::SubjectId.eq(subject.0);
        let waiting: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Digest)
            .filter(theirs)
            .filter(Column::State.eq(PENDING))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut refused = Vec::new();
        for digest in waiting {
            if self.decide_pending(&digest, None, now).await? {
                refused.push(digest);
            }
        }
        Ok(refused)
    }

    /// Fetches the tokens: of many callers one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeem_pending(&self, digest: &str) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::State, Expr::value(REDEEMED))
            .filter(Column::Digest.eq(digest))
            .filter(Column::State.eq(ALLOWED))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }
}

const PENDING: &str = "pending";
const ALLOWED: &str = "allowed";
const DENIED: &str = "denied";
const REDEEMED: &str = "redeemed";
/// How many a person is shown at once: all, where three of each client may wait.
const MOST_SHOWN: u64 = 30;
/// How much too early a poll may come: clocks and networks are not exact.
const EARLY_MS: i64 = 500;
const LONGEST_INTERVAL_S: i64 = 60;

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, store};
    use super::*;
    use crate::oidc::client::Client;

    const SLOTS: u64 = 3;

    #[tokio::test]
    async fn one_client_that_asks_a_person_without_end_leaves_the_others_theirs() {
        let (_folder, store) = store().await;
        for id in ["loud", "other", "third", "fourth", "tv"] {
            let client = Client::new(crate::oidc::client::ClientId::parse(id).expect("an id"));
            store.put_client(&client, NOW).await.expect("kept");
        }
        let mut made = 0;
        let mut ask = async |client: &str, kind: PendingKind| {
            made += 1;
            let new = NewPending {
                digest: format!("digest {made}"),
                kind,
                client: ClientId(client.into()),
                user_code: (kind == PendingKind::Device).then(|| format!("code {made}")),
                subject: None,
                who: Some("ada".into()),
                record: Value::Null,
                sealed: None,
                interval: Duration::seconds(5),
                created_at: NOW,
                expires_at: NOW + Duration::minutes(5),
            };
            store.add_pending(&new, SLOTS).await.expect("asks")
        };
        for client in ["loud", "other", "third"] {
            for _ in 0..SLOTS {
                assert!(ask(client, PendingKind::Backchannel).await, "{client}");
            }
            assert!(!ask(client, PendingKind::Backchannel).await, "{client}");
        }
        let fourth = ask("fourth", PendingKind::Backchannel).await;
        assert!(!fourth, "a person is asked by so many in all");
        for _ in 0..20 {
            assert!(
                ask("tv", PendingKind::Device).await,
                "devices have no slots"
            );
        }
        let asked = store
            .pending_since("ada", &ClientId("loud".into()), NOW)
            .await;
        assert_eq!(asked.expect("asks"), (SLOTS, 3 * SLOTS + 20));
        let tv = ClientId("tv".into());
        let of_tv = store
            .pending_of(PendingKind::Device, &tv, Some("ada"), NOW)
            .await;
        assert_eq!(of_tv.expect("asks"), (20, 20));
    }
}
