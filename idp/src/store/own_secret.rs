//! Sealed secrets of the deployment, made once and the same for every replica.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::own_secret::{ActiveModel, Column, Entity};
use super::{Result, Store, StoreError};

impl Store {
    /// The sealed secret of a purpose.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_secret(&self, purpose: &str) -> Result<Option<Vec<u8>>> {
        let row = Entity::find_by_id(purpose).one(&self.db).await?;
        Ok(row.map(|row| row.sealed))
    }

    /// The purposes that begin so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_secret_names(&self, prefix: &str) -> Result<Vec<String>> {
        let rows = Entity::find()
            .filter(Column::Purpose.starts_with(prefix))
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| row.purpose).collect())
    }

    /// Forgets the secret of a purpose.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_own_secret(&self, purpose: &str) -> Result<()> {
        Entity::delete_by_id(purpose).exec(&self.db).await?;
        Ok(())
    }

    /// Keeps a secret for a purpose that has none, and answers the one in force: of two replicas that start at
    /// once, the first wins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn found_own_secret(&self, purpose: &str, sealed: Vec<u8>) -> Result<Vec<u8>> {
        let row = ActiveModel {
            purpose: Set(purpose.to_owned()),
            sealed: Set(sealed),
        };
        Entity::insert(row)
            .on_conflict_do_nothing_on([Column::Purpose])
            .exec_without_returning(&self.db)
            .await?;
        self.own_secret(purpose)
            .await?
            .ok_or(StoreError::Unreadable("secret"))
    }
}
