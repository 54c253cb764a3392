//! Operators and their tokens.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{OperatorName, OperatorTokenId, Role};

use super::entity::{operator, operator_token};
use super::{Result, Store, StoreError, from_json, instant, millis};

/// A named administrator.
#[derive(Clone)]
pub struct OperatorRow {
    pub name: OperatorName,
    pub role: Role,
    pub created_at: OffsetDateTime,
}

/// A token, without what it is.
#[derive(Clone)]
pub struct OperatorTokenRow {
    pub id: OperatorTokenId,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
}

impl TryFrom<operator::Model> for OperatorRow {
    type Error = StoreError;

    fn try_from(row: operator::Model) -> Result<Self> {
        Ok(Self {
            name: row.name.into(),
            role: from_json(row.role.into(), "role")?,
            created_at: instant(row.created_at),
        })
    }
}

impl From<operator_token::Model> for OperatorTokenRow {
    fn from(row: operator_token::Model) -> Self {
        Self {
            id: OperatorTokenId(row.id),
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            revoked_at: row.revoked_at.map(instant),
        }
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::Exists`] where the name is taken.
    pub async fn create_operator(&self, name: &OperatorName, role: Role, now: OffsetDateTime) -> Result<OperatorRow> {
        let row = operator::ActiveModel {
            name: Set(name.0.clone()),
            role: Set(role.as_str().into()),
            created_at: Set(millis(now)),
        };
        operator::Entity::insert(row).exec_with_returning(&self.db).await?.try_into()
    }

    /// # Errors
    /// When the database fails.
    pub async fn operators(&self) -> Result<Vec<OperatorRow>> {
        let rows = operator::Entity::find().order_by_asc(operator::Column::Name).all(&self.db).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn operator(&self, name: &OperatorName) -> Result<Option<OperatorRow>> {
        operator::Entity::find_by_id(name.as_str()).one(&self.db).await?.map(TryInto::try_into).transpose()
    }

    /// # Errors
    /// When the database fails.
    pub async fn set_operator_role(&self, name: &OperatorName, role: Role) -> Result<bool> {
        let done = operator::Entity::update_many()
            .col_expr(operator::Column::Role, Expr::value(role.as_str()))
            .filter(operator::Column::Name.eq(name.as_str()))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// # Errors
    /// When the database fails.
    pub async fn remove_operator(&self, name: &OperatorName) -> Result<bool> {
        Ok(operator::Entity::delete_by_id(name.as_str()).exec(&self.db).await?.rows_affected == 1)
    }

    /// Keeps the digest of a new token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn issue_operator_token(
        &self,
        name: &OperatorName,
        digest: &str,
        expires_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<OperatorTokenRow> {
        let row = operator_token::ActiveModel {
            id: Set(Uuid::now_v7()),
            digest: Set(digest.into()),
            operator: Set(name.0.clone()),
            created_at: Set(millis(now)),
            expires_at: Set(millis(expires_at)),
            revoked_at: Set(None),
        };
        Ok(operator_token::Entity::insert(row).exec_with_returning(&self.db).await?.into())
    }

    /// The operator of a live token, and the token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operator_by_token(
        &self,
        digest: &str,
        now: OffsetDateTime,
    ) -> Result<Option<(OperatorRow, OperatorTokenRow)>> {
        let token = operator_token::Entity::find()
            .filter(operator_token::Column::Digest.eq(digest))
            .filter(operator_token::Column::RevokedAt.is_null())
            .filter(operator_token::Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        let Some(token) = token else { return Ok(None) };
        let operator = self.operator(&OperatorName(token.operator.clone())).await?;
        Ok(operator.map(|operator| (operator, token.into())))
    }

    /// # Errors
    /// When the database fails.
    pub async fn operator_tokens(&self, name: &OperatorName) -> Result<Vec<OperatorTokenRow>> {
        let rows = operator_token::Entity::find()
            .filter(operator_token::Column::Operator.eq(name.as_str()))
            .order_by_desc(operator_token::Column::CreatedAt)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// # Errors
    /// When the database fails.
    pub async fn revoke_operator_token(
        &self,
        name: &OperatorName,
        id: OperatorTokenId,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let done = operator_token::Entity::update_many()
            .col_expr(operator_token::Column::RevokedAt, Expr::value(millis(now)))
            .filter(operator_token::Column::Id.eq(id.0))
            .filter(operator_token::Column::Operator.eq(name.as_str()))
            .filter(operator_token::Column::RevokedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }
}
