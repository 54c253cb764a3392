//! Keys that browsers keep: the public halves, each of one person, for as long as it is good.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, TryInsertResult,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::SubjectId;

use super::entity::device_key::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, instant, millis};

/// A key of a browser.
#[derive(Clone, Debug)]
pub struct DeviceKey {
    /// What the person calls it by.
    pub id: Uuid,
    /// What the browser calls it by (RFC 7638).
    pub thumbprint: String,
    pub subject: SubjectId,
    /// The public key.
    pub jwk: Value,
    pub user_agent: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
    pub expires_at: OffsetDateTime,
}

impl From<Model> for DeviceKey {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            thumbprint: row.thumbprint,
            subject: SubjectId(row.subject_id),
            jwk: row.jwk,
            user_agent: row.user_agent,
            created_at: instant(row.created_at),
            last_used_at: row.last_used_at.map(instant),
            expires_at: instant(row.expires_at),
        }
    }
}

impl Store {
    /// Keeps a key, unless it is kept already, whosever it is; of a person's keys the oldest beyond `most` go. Answers
    /// whether it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_device_key(&self, key: &DeviceKey, most: usize) -> Result<bool> {
        let row = ActiveModel {
            thumbprint: Set(key.thumbprint.clone()),
            id: Set(key.id),
            subject_id: Set(key.subject.0),
            jwk: Set(key.jwk.clone()),
            user_agent: Set(key.user_agent.clone()),
            created_at: Set(millis(key.created_at)),
            last_used_at: Set(None),
            expires_at: Set(millis(key.expires_at)),
        };
        let added = Entity::insert(row)
            .on_conflict_do_nothing_on([Column::Thumbprint])
            .exec_without_returning(&self.db)
            .await?;
        if !matches!(added, TryInsertResult::Inserted(1)) {
            return Ok(false);
        }
        let all = Entity::find()
            .filter(Column::SubjectId.eq(key.subject.0))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .all(&self.db)
            .await?;
        let beyond: Vec<Uuid> = all.iter().skip(most).map(|row| row.id).collect();
        if !beyond.is_empty() {
            Entity::delete_many()
                .filter(Column::Id.is_in(beyond))
                .exec(&self.db)
                .await?;
        }
        Ok(true)
    }

    /// The keys with these thumbprints that are good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_keys(
        &self,
        thumbprints: &[&str],
        now: OffsetDateTime,
    ) -> Result<Vec<DeviceKey>> {
        let rows = Entity::find()
            .filter(Column::Thumbprint.is_in(thumbprints.iter().copied()))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// A person's keys that are good, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_keys_of(
        &self,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<Vec<DeviceKey>> {
        let rows = Entity::find()
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_desc(Column::CreatedAt)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Notes that somebody signed in by this browser.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_device_key(&self, id: Uuid, now: OffsetDateTime) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(millis(now)))
            .filter(Column::Id.eq(id))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Forgets a key of this person; answers whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_device_key(&self, subject: SubjectId, id: Uuid) -> Result<bool> {
        let done = Entity::delete_many()
            .filter(Column::Id.eq(id))
            .filter(Column::SubjectId.eq(subject.0))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Forgets every key of a person; answers how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_device_keys(&self, subject: SubjectId) -> Result<u64> {
        let gone = Entity::delete_many()
            .filter(Column::SubjectId.eq(subject.0))
            .exec(&self.db)
            .await?;
        Ok(gone.rows_affected)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;

    use super::*;
    use crate::store::tests::{NOW, store, subject};

    #[tokio::test]
    async fn a_key_is_one_persons_until_it_ends_and_the_oldest_go_first() {
        let (_folder, store) = store().await;
        let (ada, bob) = (
            subject(&store, "ada").await.id,
            subject(&store, "bob").await.id,
        );
        let key = |name: &str, subject, age: i64| DeviceKey {
            id: Uuid::now_v7(),
            thumbprint: name.to_owned(),
            subject,
            jwk: json!({ "kty": "EC" }),
            user_agent: None,
            created_at: NOW - Duration::days(age),
            last_used_at: None,
            expires_at: NOW + Duration::days(90 - age),
        };
        let first = key("first", ada, 3);
        for (one, is_kept) in [(&first, true), (&key("first", bob, 0), false)] {
            assert_eq!(store.add_device_key(one, 2).await.expect("asks"), is_kept);
        }
        let names = async |now| -> Vec<String> {
            let keys = store.device_keys_of(ada, now).await.expect("reads");
            keys.into_iter().map(|key| key.thumbprint).collect()
        };
        store
            .add_device_key(&key("second", ada, 2), 2)
            .await
            .expect("kept");
        assert_eq!(names(NOW).await, ["second", "first"]);
        store
            .add_device_key(&key("third", ada, 1), 2)
            .await
            .expect("kept");
        assert_eq!(names(NOW).await, ["third", "second"]);
        assert!(
            store
                .device_keys(&["first"], NOW)
                .await
                .expect("reads")
                .is_empty()
        );
        let later = NOW + Duration::days(88);
        assert_eq!(names(later).await, ["third"]);
        assert!(
            store
                .device_keys(&["second"], later)
                .await
                .expect("reads")
                .is_empty()
        );

        let third = store
            .device_keys(&["third", "none"], NOW)
            .await
            .expect("reads")
            .remove(0);
        store.use_device_key(third.id, NOW).await.expect("noted");
        let used = store
            .device_keys(&["third"], NOW)
            .await
            .expect("reads")
            .remove(0);
        assert_eq!(used.last_used_at, Some(NOW));
        assert!(!store.forget_device_key(bob, third.id).await.expect("asks"));
        assert!(store.forget_device_key(ada, third.id).await.expect("asks"));
        assert_eq!(names(NOW).await, ["second"]);
        let swept = store.sweep(later + Duration::SECOND).await;
        assert_eq!(swept.expect("sweeps"), 1);

        let (fourth, fifth) = (key("fourth", ada, 0), key("fifth", bob, 0));
        for one in [&fourth, &fifth] {
            assert!(store.add_device_key(one, 2).await.expect("kept"));
        }
        assert_eq!(store.forget_device_keys(ada).await.expect("gone"), 1);
        assert!(names(NOW).await.is_empty());
        assert!(store.erase_subject(bob).await.expect("erased"));
        let left = store.device_keys(&["fourth", "fifth"], NOW).await;
        assert!(left.expect("reads").is_empty(), "with the account");
    }
}
