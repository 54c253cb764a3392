//! Subjects: created by an operator, found by username, suspended, erased.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;
use wire::{SubjectId, SubjectStatus};

use super::entity::invitation;
use super::entity::subject::{ActiveModel, Column, Entity, Model};
use super::{Invitation, Result, Store, StoreError, from_json, instant, like, millis, to_json};
use crate::oidc::claims::Profile;

/// A person or account.
#[derive(Clone)]
pub struct Subject {
    pub id: SubjectId,
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub status: SubjectStatus,
    /// The subject's data key, wrapped; absent before the first biometric enrolment and after erasure.
    pub wrapped_key: Option<Vec<u8>>,
    pub created_at: OffsetDateTime,
    pub last_login_at: Option<OffsetDateTime>,
    /// What is known beyond the fields above, which have precedence.
    pub claims: Profile,
    /// From then on it is not kept how they type.
    pub biometrics_erased_at: Option<OffsetDateTime>,
}

/// A subject to create.
pub struct NewSubject {
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
}

impl TryFrom<Model> for Subject {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: SubjectId(row.id),
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            email_verified: row.email_verified,
            status: from_json(row.status.into(), "subject status")?,
            wrapped_key: row.wrapped_key,
            created_at: instant(row.created_at),
            last_login_at: row.last_login_at.map(instant),
            claims: match row.claims {
                Some(claims) => from_json(claims, "subject's claims")?,
                None => Profile::default(),
            },
            biometrics_erased_at: row.biometrics_erased_at.map(instant),
        })
    }
}

/// Usernames are compared without regard to case, to width or composition of letters, or to surrounding blanks
/// (RFC 8265 §3.3, with the compatibility forms of all letters).
#[must_use]
pub fn canonical_username(typed: &str) -> String {
    let folded = typed.nfkc().collect::<String>().to_lowercase();
    folded.nfc().collect::<String>().trim().to_owned()
}

impl Store {
    /// # Errors
    /// [`StoreError::Exists`] where the username is taken.
    pub async fn create_subject(&self, new: NewSubject, now: OffsetDateTime) -> Result<Subject> {
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            username: Set(canonical_username(&new.username)),
            display_name: Set(new.display_name),
            email: Set(new.email),
            email_verified: Set(false),
            status: Set(SubjectStatus::Invited.as_str().into()),
            wrapped_key: Set(None),
            created_at: Set(millis(now)),
            last_login_at: Set(None),
            claims: Set(None),
            biometrics_erased_at: Set(None),
        };
        Entity::insert(row)
            .exec_with_returning(&self.db)
            .await?
            .try_into()
    }

    /// # Errors
    /// When the database fails.
    pub async fn subject(&self, id: SubjectId) -> Result<Option<Subject>> {
        Entity::find_by_id(id.0)
            .one(&self.db)
            .await?
            .map(Subject::try_from)
            .transpose()
    }

    /// # Errors
    /// When the database fails.
    pub async fn subject_by_username(&self, typed: &str) -> Result<Option<Subject>> {
        let row = Entity::find()
            .filter(Column::Username.eq(canonical_username(typed)))
            .one(&self.db)
            .await?;
        row.map(Subject::try_from).transpose()
    }

    /// Subjects in order of username, from behind `after`; `search` looks into names and e-mail.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subjects(
        &self,
        search: Option<&str>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Subject>> {
        let mut query = Entity::find().order_by_asc(Column::Username).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Username.gt(after));
        }
        if let Some(search) = search.map(str::trim).filter(|s| !s.is_empty()) {
            let lower =
                |column: Column| Expr::expr(sea_orm::sea_query::Func::lower(Expr::col(column)));
            let lowered = search.to_lowercase();
            let part = || like("%", &lowered, "%");
            query = query.filter(
                Condition::any()
                    .add(Column::Username.like(part()))
                    .add(sea_orm::ExprTrait::like(lower(Column::DisplayName), part()))
                    // SQLite's lower() knows ASCII alone: other letters are found as they were typed.
                    .add(Column::DisplayName.like(like("%", search, "%")))
                    .add(sea_orm::ExprTrait::like(lower(Column::Email), part())),
            );
        }
        query
            .all(&self.db)
            .await?
            .into_iter()
            .map(Subject::try_from)
            .collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn set_subject_status(&self, id: SubjectId, status: SubjectStatus) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::Status, Expr::value(status.as_str()))
            .filter(Column::Id.eq(id.0))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Moves a subject from one state to another; false where it was not in that state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_subject_status(
        &self,
        id: SubjectId,
        from: SubjectStatus,
        to: SubjectStatus,
    ) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::Status, Expr::value(to.as_str()))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.eq(from.as_str()))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// A subject, whose row nobody else changes until the end of the present change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold_subject(&self, id: SubjectId) -> Result<Option<Subject>> {
        Entity::find_by_id(id.0)
            .lock_exclusive()
            .one(&self.db)
            .await?
            .map(Subject::try_from)
            .transpose()
    }

    /// The usernames of those of these subjects that there still are, in one question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usernames(&self, ids: &[SubjectId]) -> Result<HashMap<SubjectId, String>> {
        let rows: Vec<(Uuid, String)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Username])
            .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, username)| (SubjectId(id), username))
            .collect())
    }

    /// Keeps the wrapped data key of a subject that has none, and answers the one that is now in force:
    /// where two replicas generate at once, the first wins and both seal under it.
    ///
    /// # Errors
    /// When the database fails or the subject is gone.
    pub async fn claim_wrapped_key(&self, id: SubjectId, wrapped: &[u8]) -> Result<Vec<u8>> {
        Entity::update_many()
            .col_expr(Column::WrappedKey, Expr::value(wrapped.to_vec()))
            .filter(Column::Id.eq(id.0))
            .filter(Column::WrappedKey.is_null())
            .exec(&self.db)
            .await?;
        let subject = self
            .subject(id)
            .await?
            .ok_or(StoreError::Unreadable("subject"))?;
        subject
            .wrapped_key
            .ok_or(StoreError::Unreadable("wrapped key"))
    }

    /// Puts another wrapped data key, or none, in the place of the one that was read; false where it is not that one
    /// any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_wrapped_key(
        &self,
        id: SubjectId,
        read: &[u8],
        wrapped: Option<&[u8]>,
    ) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::WrappedKey, Expr::value(wrapped.map(<[u8]>::to_vec)))
            .filter(Column::Id.eq(id.0))
            .filter(Column::WrappedKey.eq(read.to_vec()))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Says what a subject's claims are: the columns of its own, and all the rest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn describe_subject(&self, id: SubjectId, claims: &Profile) -> Result<()> {
        let row = ActiveModel {
            id: Set(id.0),
            display_name: Set(claims.name.clone().unwrap_or_default()),
            email: Set(claims.email.clone()),
            email_verified: Set(claims.email_verified),
            claims: Set(Some(to_json(claims))),
            ..Default::default()
        };
        Entity::update(row).exec(&self.db).await?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn note_login(&self, id: SubjectId, now: OffsetDateTime) -> Result<()> {
        let noted = Entity::update_many()
            .col_expr(Column::LastLoginAt, Expr::value(millis(now)))
            .filter(Column::Id.eq(id.0))
            .build(self.db.get_database_backend());
        Ok(self.db.keep(vec![noted]).await?)
    }

    /// Whom nobody invited, who did not finish in time what they began: their names are for others.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn abandoned_registrations(&self, now: OffsetDateTime) -> Result<Vec<SubjectId>> {
        use invitation::Column as Invited;
        let invited = |which: Condition| {
            let mut query = Query::select();
            query
                .column(Invited::SubjectId)
                .from(invitation::Entity)
                .cond_where(which);
            query
        };
        let own = Condition::all()
            .add(Invited::CreatedBy.eq(Invitation::THEMSELVES))
            .add(Invited::UsedAt.is_null())
            .add(Invited::ExpiresAt.lt(millis(now)));
        let other = Condition::any()
            .add(Invited::CreatedBy.ne(Invitation::THEMSELVES))
            .add(Invited::UsedAt.is_not_null())
            .add(Invited::ExpiresAt.gte(millis(now)));
        let rows = Entity::find()
            .filter(Column::Status.eq(SubjectStatus::Invited.as_str()))
            .filter(Column::Id.in_subquery(invited(own)))
            .filter(Column::Id.not_in_subquery(invited(other)))
            .limit(100)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| SubjectId(row.id)).collect())
    }

    /// Notes that a person had the biometrics erased.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_biometrics_erased(&self, id: SubjectId, now: OffsetDateTime) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::BiometricsErasedAt, Expr::value(millis(now)))
            .filter(Column::Id.eq(id.0))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Deletes the subject with its wrapped data key, credentials, sessions and grants. What lies in the
    /// blob store is unreadable from then on. Audit events stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erase_subject(&self, id: SubjectId) -> Result<bool> {
        Ok(Entity::delete_by_id(id.0)
            .exec(&self.db)
            .await?
            .rows_affected
            == 1)
    }
}
