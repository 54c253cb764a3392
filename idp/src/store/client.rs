//! Relying parties' registrations.

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::entity::client::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, from_json, instant, millis, to_json};
use crate::oidc::client::Client;

/// A client, when it was registered, and by whom.
#[derive(Clone)]
pub struct RegisteredClient {
    pub client: Client,
    pub created_at: OffsetDateTime,
    pub origin: ClientOrigin,
}

/// Who made a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOrigin {
    /// An operator: in the configuration, on the command line or through the admin API.
    Operator,
    /// The client itself (RFC 7591).
    Dynamic,
    /// The client's metadata document, whose URL its identifier is.
    Document,
}

impl ClientOrigin {
    const ALL: [Self; 3] = [Self::Operator, Self::Dynamic, Self::Document];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Dynamic => "dynamic",
            Self::Document => "document",
        }
    }
}

impl TryFrom<Model> for RegisteredClient {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            client: from_json(row.registration, "client")?,
            created_at: instant(row.created_at),
            origin: ClientOrigin::ALL
                .into_iter()
                .find(|origin| origin.as_str() == row.origin)
                .ok_or(StoreError::Unreadable("client"))?,
        })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::Exists`] where the identifier is taken.
    pub async fn register_client(&self, client: &Client, now: OffsetDateTime) -> Result<()> {
        let row = row(client, ClientOrigin::Operator, now);
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// Registers a client, or changes the registration of that identifier.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_client(&self, client: &Client, now: OffsetDateTime) -> Result<()> {
        let row = row(client, ClientOrigin::Operator, now);
        Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::Id)
                    .update_columns([Column::Registration, Column::Origin])
                    .to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn client(&self, id: &str) -> Result<Option<RegisteredClient>> {
        Entity::find_by_id(id)
            .one(&self.db)
            .await?
            .map(TryInto::try_into)
            .transpose()
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
        query
            .all(&self.db)
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// What these clients are called, in one question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn client_names(&self, ids: &[String]) -> Result<HashMap<String, String>> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids))
            .all(&self.db)
            .await?;
        rows.into_iter()
            .map(|row| {
                let id = row.id.clone();
                Ok((id, RegisteredClient::try_from(row)?.client.name))
            })
            .collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn remove_client(&self, id: &str) -> Result<bool> {
        Ok(Entity::delete_by_id(id).exec(&self.db).await?.rows_affected == 1)
    }
}

pub(super) fn row(client: &Client, origin: ClientOrigin, now: OffsetDateTime) -> ActiveModel {
    ActiveModel {
        id: Set(client.id.as_str().to_owned()),
        registration: Set(to_json(client)),
        created_at: Set(millis(now)),
        origin: Set(origin.as_str().to_owned()),
        ..ActiveModel::default()
    }
}
