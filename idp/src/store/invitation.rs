//! Invitations: a link that one browser may open, once, before it expires.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use wire::SubjectId;

use super::entity::enrolment;
use super::entity::invitation::{ActiveModel, Column, Entity};
use super::{Result, Store, millis};

/// An invitation to keep.
pub struct Invitation {
    /// SHA-256 of the token in the link, lower-case hex.
    pub digest: String,
    pub subject: SubjectId,
    /// The operator, `demo`, or [`Invitation::THEMSELVES`].
    pub created_by: String,
    pub expires_at: OffsetDateTime,
}

impl Invitation {
    /// In place of an operator's name, where somebody registers without one.
    pub const THEMSELVES: &str = "themselves";
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn create_invitation(&self, new: &Invitation, now: OffsetDateTime) -> Result<()> {
        let row = ActiveModel {
            digest: Set(new.digest.clone()),
            subject_id: Set(new.subject.0),
            created_by: Set(new.created_by.clone()),
            created_at: Set(millis(now)),
            expires_at: Set(millis(new.expires_at)),
            opened_by: Set(None),
            used_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// Makes every unused invitation of a subject worthless, and ends the enrolments that they began.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn void_invitations_of(
        &self,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<u64> {
        let done = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(millis(now)))
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::UsedAt.is_null())
            .exec(&self.db)
            .await?;
        enrolment::Entity::delete_many()
            .filter(enrolment::Column::SubjectId.eq(subject.0))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected)
    }

    /// The subject an invitation is for, while it can still be opened by somebody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invited_subject(
        &self,
        digest: &str,
        now: OffsetDateTime,
    ) -> Result<Option<SubjectId>> {
        let row = Entity::find_by_id(digest)
            .filter(Column::UsedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        Ok(row.map(|row| SubjectId(row.subject_id)))
    }

    /// Until when an invitation is good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invitation_end(&self, digest: &str) -> Result<Option<OffsetDateTime>> {
        Ok(Entity::find_by_id(digest)
            .one(&self.db)
            .await?
            .map(|row| super::instant(row.expires_at)))
    }

    /// Binds an invitation to the browser that opens it; false for every other browser, after use, and
    /// after expiry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_invitation(
        &self,
        digest: &str,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::OpenedBy, Expr::value(browser))
            .filter(Column::Digest.eq(digest))
            .filter(Column::UsedAt.is_null())
            .filter(Column::ExpiresAt.gt(millis(now)))
            .filter(
                Condition::any()
                    .add(Column::OpenedBy.is_null())
                    .add(Column::OpenedBy.eq(browser)),
            )
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Spends an invitation at the end of its enrolment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_invitation(
        &self,
        digest: &str,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(millis(now)))
            .filter(Column::Digest.eq(digest))
            .filter(Column::OpenedBy.eq(browser))
            .filter(Column::UsedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }
}
