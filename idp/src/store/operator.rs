//! Operators and their tokens.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
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
    /// To the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

/// What a presented operator token turns out to be.
pub enum Presented {
    Live { operator: OperatorRow, token: OperatorTokenRow },
    Expired(OperatorName),
    Revoked(OperatorName),
    Unknown,
}

/// How exactly the last use of a token is known: a busy console is not a write a second.
const USE_NOTED_EVERY: Duration = Duration::MINUTE;

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
            last_used_at: row.last_used_at.map(instant),
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
            last_used_at: Set(None),
        };
        Ok(operator_token::Entity::insert(row).exec_with_returning(&self.db).await?.into())
    }

    /// What the token of a digest is. The same two questions are asked whatever the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operator_by_token(&self, digest: &str, now: OffsetDateTime) -> Result<Presented> {
        let row = operator_token::Entity::find()
            .filter(operator_token::Column::Digest.eq(digest))
            .one(&self.db)
            .await?;
        let name = OperatorName(row.as_ref().map_or_else(String::new, |row| row.operator.clone()));
        let operator = self.operator(&name).await?;
        let (Some(row), Some(operator)) = (row, operator) else { return Ok(Presented::Unknown) };
        let token = OperatorTokenRow::from(row);
        Ok(match token.revoked_at {
            Some(_) => Presented::Revoked(operator.name),
            None if token.expires_at <= now => Presented::Expired(operator.name),
            None => Presented::Live { operator, token },
        })
    }

    /// Notes that a token was used, to the minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_token_use(&self, token: &OperatorTokenRow, now: OffsetDateTime) -> Result<()> {
        if token.last_used_at.is_some_and(|then| now - then < USE_NOTED_EVERY) {
            return Ok(());
        }
        operator_token::Entity::update_many()
            .col_expr(operator_token::Column::LastUsedAt, Expr::value(millis(now)))
            .filter(operator_token::Column::Id.eq(token.id.0))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Operators in order of name, from behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operators_after(&self, after: Option<&str>, limit: u64) -> Result<Vec<OperatorRow>> {
        let mut query = operator::Entity::find().order_by_asc(operator::Column::Name).limit(limit);
        if let Some(after) = after {
            query = query.filter(operator::Column::Name.gt(after));
        }
        query.all(&self.db).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Whether somebody else than this operator is an owner.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_other_owner(&self, name: &OperatorName) -> Result<bool> {
        let other = operator::Entity::find()
            .filter(operator::Column::Role.eq(Role::Owner.as_str()))
            .filter(operator::Column::Name.ne(name.as_str()))
            .one(&self.db)
            .await?;
        Ok(other.is_some())
    }

    /// The live tokens of these operators, the newest first, in one question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_tokens(
        &self,
        names: &[OperatorName],
        now: OffsetDateTime,
    ) -> Result<HashMap<OperatorName, Vec<OperatorTokenRow>>> {
        let rows = operator_token::Entity::find()
            .filter(operator_token::Column::Operator.is_in(names.iter().map(OperatorName::as_str)))
            .filter(operator_token::Column::RevokedAt.is_null())
            .filter(operator_token::Column::ExpiresAt.gt(millis(now)))
            .order_by_desc(operator_token::Column::CreatedAt)
            .order_by_desc(operator_token::Column::Id)
            .all(&self.db)
            .await?;
        let mut out: HashMap<OperatorName, Vec<OperatorTokenRow>> = HashMap::new();
        for row in rows {
            out.entry(OperatorName(row.operator.clone())).or_default().push(row.into());
        }
        Ok(out)
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
