//! Clients that registered themselves, and the tokens that allow it (RFC 7591 §3, RFC 7592 §2).

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use time::OffsetDateTime;

use super::client::row;
use super::entity::{client, initial_access_token};
use super::{ClientOrigin, RegisteredClient, Result, Store, millis, to_json};
use crate::oidc::client::Client;

impl Store {
    /// Registers a client that manages itself with the token of this digest.
    ///
    /// # Errors
    /// [`StoreError::Exists`](super::StoreError::Exists) where the identifier is taken.
    pub async fn register_dynamic_client(
        &self,
        client: &Client,
        token_digest: &str,
        now: OffsetDateTime,
    ) -> Result<()> {
        let mut row = row(client, ClientOrigin::Dynamic, now);
        row.registration_token = Set(Some(token_digest.to_owned()));
        client::Entity::insert(row)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// The client of this identifier that manages itself with the token of this digest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn managed_client(
        &self,
        id: &str,
        token_digest: &str,
    ) -> Result<Option<RegisteredClient>> {
        client::Entity::find_by_id(id)
            .filter(client::Column::RegistrationToken.eq(token_digest))
            .one(&self.db)
            .await?
            .map(TryInto::try_into)
            .transpose()
    }

    /// Changes the registration that manages itself with the token of this digest; `false` where there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_managed_client(
        &self,
        client: &Client,
        token_digest: &str,
    ) -> Result<bool> {
        let changed = client::Entity::update_many()
            .col_expr(client::Column::Registration, Expr::value(to_json(client)))
            .filter(client::Column::Id.eq(client.id.as_str()))
            .filter(client::Column::RegistrationToken.eq(token_digest))
            .exec(&self.db)
            .await?;
        Ok(changed.rows_affected == 1)
    }

    /// Keeps what a client's metadata document says; never in the place of a registration of another origin.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_document_client(&self, client: &Client, now: OffsetDateTime) -> Result<()> {
        let row = row(client, ClientOrigin::Document, now);
        let known = OnConflict::column(client::Column::Id)
            .update_column(client::Column::Registration)
            .action_and_where(
                Expr::col((client::Entity, client::Column::Origin))
                    .eq(ClientOrigin::Document.as_str()),
            )
            .to_owned();
        client::Entity::insert(row)
            .on_conflict(known)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// How many clients registered themselves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn dynamic_clients(&self) -> Result<u64> {
        Ok(client::Entity::find()
            .filter(client::Column::Origin.eq("dynamic"))
            .count(&self.db)
            .await?)
    }

    /// Keeps a token that allows this many registrations until then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_initial_access_token(
        &self,
        digest: &str,
        (label, uses): (&str, u32),
        expires_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<()> {
        let row = initial_access_token::ActiveModel {
            digest: Set(digest.to_owned()),
            label: Set(label.to_owned()),
            created_at: Set(millis(now)),
            expires_at: Set(millis(expires_at)),
            uses_left: Set(i32::try_from(uses).unwrap_or(i32::MAX)),
        };
        initial_access_token::Entity::insert(row)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// Takes one registration off a token; `false` where there is none left, or no such token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_initial_access_token(
        &self,
        digest: &str,
        now: OffsetDateTime,
    ) -> Result<bool> {
        use initial_access_token::Column::{Digest, ExpiresAt, UsesLeft};
        let changed = initial_access_token::Entity::update_many()
            .col_expr(UsesLeft, Expr::col(UsesLeft).sub(1))
            .filter(Digest.eq(digest))
            .filter(UsesLeft.gt(0))
            .filter(ExpiresAt.gt(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(changed.rows_affected == 1)
    }
}
