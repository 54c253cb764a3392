//! Who a subject is at another issuer: keyed by issuer, tenant and the identifier there, and by nothing that
//! a person could choose or change, such as a name or an address.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use wire::SubjectId;

use super::entity::account_link;
use super::{Result, Store, instant, millis};

/// An account at another issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    /// The issuer, or the pattern of a family of issuers, as the configuration names it.
    pub issuer: String,
    /// The issuer's tenant; empty where it has none.
    pub tenant: String,
    /// The identifier that never changes there.
    pub id: String,
}

/// An account at another issuer, and whose it is.
pub struct AccountLink {
    pub account: ExternalAccount,
    pub subject: SubjectId,
    pub created_at: OffsetDateTime,
}

impl Store {
    /// Links an account to a subject. An account belongs to one subject: the later link counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link_account(
        &self,
        account: &ExternalAccount,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<()> {
        let row = account_link::ActiveModel {
            issuer: Set(account.issuer.clone()),
            tenant: Set(account.tenant.clone()),
            external_id: Set(account.id.clone()),
            subject_id: Set(subject.0),
            created_at: Set(millis(now)),
        };
        let key = [
            account_link::Column::Issuer,
            account_link::Column::Tenant,
            account_link::Column::ExternalId,
        ];
        account_link::Entity::insert(row)
            .on_conflict(
                OnConflict::columns(key)
                    .update_columns([
                        account_link::Column::SubjectId,
                        account_link::Column::CreatedAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// The subject that an account is linked to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn linked_subject(&self, account: &ExternalAccount) -> Result<Option<SubjectId>> {
        let row = account_link::Entity::find_by_id((
            account.issuer.clone(),
            account.tenant.clone(),
            account.id.clone(),
        ))
        .one(&self.db)
        .await?;
        Ok(row.map(|row| SubjectId(row.subject_id)))
    }

    /// Every account of a subject.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account_links(&self, subject: SubjectId) -> Result<Vec<AccountLink>> {
        let rows = account_link::Entity::find()
            .filter(account_link::Column::SubjectId.eq(subject.0))
            .order_by_asc(account_link::Column::Issuer)
            .order_by_asc(account_link::Column::Tenant)
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| AccountLink {
                account: ExternalAccount {
                    issuer: row.issuer,
                    tenant: row.tenant,
                    id: row.external_id,
                },
                subject: SubjectId(row.subject_id),
                created_at: instant(row.created_at),
            })
            .collect())
    }

    /// Removes a link; false where there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlink_account(&self, account: &ExternalAccount) -> Result<bool> {
        let done = account_link::Entity::delete_by_id((
            account.issuer.clone(),
            account.tenant.clone(),
            account.id.clone(),
        ))
        .exec(&self.db)
        .await?;
        Ok(done.rows_affected == 1)
    }
}
