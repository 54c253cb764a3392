//! Relying parties' registrations.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::entity::client::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, from_json, instant, millis, to_json};
use crate::oidc::client::Client;

/// A client and when it was registered.
#[derive(Clone)]
pub struct RegisteredClient {
    pub client: Client,
    pub created_at: OffsetDateTime,
}

impl TryFrom<Model> for RegisteredClient {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self { client: from_json(row.registration, "client")?, created_at: instant(row.created_at) })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::Exists`] where the identifier is taken.
    pub async fn register_client(&self, client: &Client, now: OffsetDateTime) -> Result<()> {
        let row = ActiveModel {
            id: Set(client.id.as_str().to_owned()),
            registration: Set(to_json(client)),
            secret_digest: Set(None),
            created_at: Set(millis(now)),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn client(&self, id: &str) -> Result<Option<RegisteredClient>> {
        Entity::find_by_id(id).one(&self.db).await?.map(TryInto::try_into).transpose()
    }

    /// Clients in order of identifier, from behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients(&self, after: Option<&str>, limit: u64) -> Result<Vec<RegisteredClient>> {
        let mut query = Entity::find().order_by_asc(Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after));
        }
        query.all(&self.db).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn remove_client(&self, id: &str) -> Result<bool> {
        Ok(Entity::delete_by_id(id).exec(&self.db).await?.rows_affected == 1)
    }
}
