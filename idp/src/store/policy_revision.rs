//! The policies that operators wrote: rows that are only ever added, the newest counts.
//!
//! A number is given once, so that of two who change the same revision one is told that the other was faster.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::entity::policy_revision::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, instant, millis};

/// A change of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRevision {
    /// Its place among all, from 1.
    pub number: i64,
    /// The policy as it was written; none where it went back to the configuration's.
    pub text: Option<String>,
    /// An operator's name, or who was at the command line.
    pub changed_by: String,
    /// What they said of it.
    pub note: Option<String>,
    pub at: OffsetDateTime,
}

impl From<Model> for PolicyRevision {
    fn from(row: Model) -> Self {
        Self {
            number: row.number,
            text: row.toml,
            changed_by: row.changed_by,
            note: row.note,
            at: instant(row.at),
        }
    }
}

impl Store {
    /// Keeps a change.
    ///
    /// # Errors
    /// [`StoreError::Exists`](super::StoreError::Exists) where its number is given already.
    pub async fn keep_policy_revision(&self, revision: &PolicyRevision) -> Result<()> {
        let row = ActiveModel {
            number: Set(revision.number),
            toml: Set(revision.text.clone()),
            changed_by: Set(revision.changed_by.clone()),
            note: Set(revision.note.clone()),
            at: Set(millis(revision.at)),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The number of the newest change; 0 where there is none. Cheap, for who asks again and again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_policy_number(&self) -> Result<i64> {
        let newest: Option<i64> = Entity::find()
            .select_only()
            .column(Column::Number)
            .order_by_desc(Column::Number)
            .into_tuple()
            .one(&self.db)
            .await?;
        Ok(newest.unwrap_or(0))
    }

    /// The newest change, which counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_policy(&self) -> Result<Option<PolicyRevision>> {
        let newest = Entity::find().order_by_desc(Column::Number);
        Ok(newest.one(&self.db).await?.map(Into::into))
    }

    /// One change, with its text.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn policy_revision(&self, number: i64) -> Result<Option<PolicyRevision>> {
        let found = Entity::find_by_id(number).one(&self.db).await?;
        Ok(found.map(Into::into))
    }

    /// The changes before a number, the newest first and without their texts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn policy_revisions(
        &self,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<(PolicyRevision, bool)>> {
        let mut query = Entity::find()
            .select_only()
            .columns([Column::Number, Column::ChangedBy, Column::Note, Column::At])
            .column_as(Column::Toml.is_not_null(), "has_text")
            .order_by_desc(Column::Number)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(Column::Number.lt(before));
        }
        let rows: Vec<(i64, String, Option<String>, i64, bool)> =
            query.into_tuple().all(&self.db).await?;
        let row = |(number, changed_by, note, at, has_text)| {
            let revision = PolicyRevision {
                number,
                text: None,
                changed_by,
                note,
                at: instant(at),
            };
            (revision, has_text)
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::StoreError;
    use super::super::tests::{NOW, store};
    use super::*;

    fn revision(number: i64, text: Option<&str>) -> PolicyRevision {
        PolicyRevision {
            number,
            text: text.map(str::to_owned),
            changed_by: "ada".into(),
            note: None,
            at: NOW,
        }
    }

    #[tokio::test]
    async fn the_newest_revision_counts_and_a_number_is_given_once() {
        let (_folder, store) = store().await;
        assert_eq!(store.newest_policy_number().await.expect("asks"), 0);
        assert_eq!(store.newest_policy().await.expect("asks"), None);
        let (first, second) = (revision(1, Some("[policy]")), revision(2, None));
        for row in [&first, &second] {
            store.keep_policy_revision(row).await.expect("kept");
        }
        let again = store
            .keep_policy_revision(&revision(2, Some("other")))
            .await;
        assert!(matches!(again, Err(StoreError::Exists)));
        assert_eq!(store.newest_policy_number().await.expect("asks"), 2);
        assert_eq!(store.newest_policy().await.expect("asks"), Some(second));
        let listed = store.policy_revisions(None, 9).await.expect("lists");
        let listed: Vec<_> = listed.iter().map(|(r, text)| (r.number, *text)).collect();
        assert_eq!(listed, [(2, false), (1, true)]);
        let before = store.policy_revisions(Some(2), 9).await.expect("lists");
        assert_eq!(before.len(), 1);
    }
}
