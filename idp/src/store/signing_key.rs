//! Signing keys; the private part is sealed before it comes here.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait, QueryOrder};
use serde_json::Value;
use time::OffsetDateTime;

use super::entity::signing_key::{ActiveModel, Column, Entity};
use super::{Result, Store, instant, millis};

/// One key: `record` holds its public half and its times, `sealed` its private half unless a key service
/// has it.
pub struct SigningKeyRow {
    pub kid: String,
    pub alg: String,
    pub state: String,
    pub record: Value,
    pub sealed: Option<Vec<u8>>,
    pub created_at: OffsetDateTime,
}

impl Store {
    /// Writes a key, new or changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_signing_key(&self, key: &SigningKeyRow) -> Result<()> {
        let row = ActiveModel {
            kid: Set(key.kid.clone()),
            alg: Set(key.alg.clone()),
            state: Set(key.state.clone()),
            record: Set(key.record.clone()),
            sealed: Set(key.sealed.clone()),
            created_at: Set(millis(key.created_at)),
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::Kid).update_columns([Column::State, Column::Record]).to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// Every key, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>> {
        let rows = Entity::find().order_by_asc(Column::CreatedAt).all(&self.db).await?;
        Ok(rows
            .into_iter()
            .map(|row| SigningKeyRow {
                kid: row.kid,
                alg: row.alg,
                state: row.state,
                record: row.record,
                sealed: row.sealed,
                created_at: instant(row.created_at),
            })
            .collect())
    }

    /// # Errors
    /// When the database fails.
    pub async fn remove_signing_key(&self, kid: &str) -> Result<()> {
        Entity::delete_by_id(kid).exec(&self.db).await?;
        Ok(())
    }
}
