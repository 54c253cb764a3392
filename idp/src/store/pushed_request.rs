//! Pushed authorization requests: kept under the digest of their reference, used once.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::entity::pushed_request::{ActiveModel, Column, Entity};
use super::{Result, Store, from_json, millis, to_json};

impl Store {
    /// Keeps the parameters of a request.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn push_request(
        &self,
        digest: &str,
        client: &str,
        parameters: &[(String, String)],
        expires_at: OffsetDateTime,
    ) -> Result<()> {
        let row = ActiveModel {
            digest: Set(digest.into()),
            client_id: Set(client.into()),
            parameters: Set(to_json(&parameters)),
            expires_at: Set(millis(expires_at)),
            used_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The parameters that this client pushed, where they are neither expired nor used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_request(
        &self,
        digest: &str,
        client: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<(String, String)>>> {
        let row = Entity::find_by_id(digest)
            .filter(Column::ClientId.eq(client))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .filter(Column::UsedAt.is_null())
            .one(&self.db)
            .await?;
        row.map(|row| from_json(row.parameters, "pushed request"))
            .transpose()
    }

    /// Spends a pushed request: of many callers one is the first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_pushed_request(&self, digest: &str, now: OffsetDateTime) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(millis(now)))
            .filter(Column::Digest.eq(digest))
            .filter(Column::UsedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }
}
