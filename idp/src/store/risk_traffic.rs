//! How attempts ended within the last hour, by name, by address and over the whole service: what one replica sees,
//! all do. A name is a digest, known or not; rows go after an hour.

use matcher::anomaly::{Outcome, Recent};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::entity::risk_traffic::{ActiveModel, Column, Entity};
use super::{Result, Store, millis};

impl Store {
    /// Counts how an attempt of `who` (a digest of the typed name) ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_attempt(
        &self,
        who: &str,
        address: Option<&str>,
        outcome: Outcome,
        now: OffsetDateTime,
    ) -> Result<()> {
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            who: Set(who.to_owned()),
            address: Set(address.map(str::to_owned)),
            outcome: Set(word(outcome).to_owned()),
            at: Set(millis(now)),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// What happened to a name and at an address within the last hour; nothing of the service.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recent_attempts(
        &self,
        who: &str,
        address: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Recent> {
        let hour_ago = millis(now - HOUR);
        let person_failures = Entity::find()
            .filter(Column::Who.eq(who))
            .filter(Column::At.gte(hour_ago))
            .filter(Column::Outcome.eq(word(Outcome::Failed)))
            .count(&self.db)
            .await?;
        let mut recent = Recent {
            person_failures: few(person_failures),
            ..Recent::default()
        };
        let Some(address) = address else {
            return Ok(recent);
        };
        let others: Vec<(String, String)> = Entity::find()
            .select_only()
            .columns([Column::Who, Column::Outcome])
            .filter(Column::Address.eq(address))
            .filter(Column::At.gte(hour_ago))
            .filter(Column::Who.ne(who))
            .order_by_desc(Column::At)
            .limit(MOST_OF_ADDRESS)
            .into_tuple()
            .all(&self.db)
            .await?;
        let failed = word(Outcome::Failed);
        recent.address_failures = few(others.iter().filter(|(_, it)| it == failed).count() as u64);
        let regular = word(Outcome::Regular);
        let strangers = others.iter().filter(|(_, outcome)| outcome != regular);
        let mut strangers: Vec<&str> = strangers.map(|(who, _)| who.as_str()).collect();
        strangers.sort_unstable();
        strangers.dedup();
        recent.address_strangers = few(strangers.len() as u64);
        Ok(recent)
    }

    /// Attempts at the whole service within the last ten minutes, and failures among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn service_attempts(&self, now: OffsetDateTime) -> Result<(u32, u32)> {
        let since = millis(now - TEN_MINUTES);
        let lately = || Entity::find().filter(Column::At.gte(since));
        let all = lately().count(&self.db).await?;
        let failed = lately().filter(Column::Outcome.eq(word(Outcome::Failed)));
        Ok((few(all), few(failed.count(&self.db).await?)))
    }

    /// Forgets what is older than an hour.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn forget_attempts(&self, now: OffsetDateTime) -> Result<u64> {
        let old = Entity::delete_many().filter(Column::At.lt(millis(now - HOUR)));
        Ok(old.exec(&self.db).await?.rows_affected)
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed => "failed",
        Outcome::Regular => "regular",
        Outcome::Stranger => "stranger",
    }
}

fn few(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const HOUR: Duration = Duration::hours(1);
const TEN_MINUTES: Duration = Duration::minutes(10);
/// Attempts of an address that are looked at: more say no more.
const MOST_OF_ADDRESS: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{NOW, store};

    #[tokio::test]
    async fn what_one_replica_counts_another_sees_and_an_hour_later_nobody_does() {
        let (_folder, store) = store().await;
        let at = Some("192.0.2.7");
        for who in ["a", "b", "c"] {
            store
                .count_attempt(who, at, Outcome::Failed, NOW)
                .await
                .expect("counts");
        }
        for (who, outcome) in [("d", Outcome::Regular), ("e", Outcome::Stranger)] {
            store
                .count_attempt(who, at, outcome, NOW)
                .await
                .expect("counts");
        }
        let soon = NOW + Duration::minutes(5);
        let recent = store.recent_attempts("a", at, soon).await.expect("asks");
        let expected = Recent {
            person_failures: 1,
            address_failures: 2,
            address_strangers: 3,
            ..Recent::default()
        };
        assert_eq!(recent, expected);
        let elsewhere = store.recent_attempts("a", None, soon).await.expect("asks");
        assert_eq!(
            (elsewhere.person_failures, elsewhere.address_failures),
            (1, 0)
        );
        assert_eq!(store.service_attempts(soon).await.expect("asks"), (5, 3));
        let later = NOW + Duration::minutes(61);
        assert_eq!(store.service_attempts(later).await.expect("asks"), (0, 0));
        let recent = store.recent_attempts("a", at, later).await.expect("asks");
        assert_eq!(recent, Recent::default());
        assert_eq!(store.forget_attempts(soon).await.expect("goes"), 0);
        assert_eq!(store.forget_attempts(later).await.expect("goes"), 5);
    }
}
