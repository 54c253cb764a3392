//! What a subject lets each client see.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use wire::SubjectId;

use super::entity::consent::{ActiveModel, Column, Entity};
use super::{Result, Store, instant, millis};

impl Store {
    /// Keeps the scopes and the single claims (each space-separated) that a subject allowed, in place of what was
    /// allowed before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grant_consent(
        &self,
        subject: SubjectId,
        client: &str,
        (scopes, claims): (&str, &str),
        now: OffsetDateTime,
    ) -> Result<()> {
        let row = ActiveModel {
            subject_id: Set(subject.0),
            client_id: Set(client.into()),
            scopes: Set(scopes.into()),
            granted_at: Set(millis(now)),
            claims: Set(claims.into()),
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::columns([Column::SubjectId, Column::ClientId])
                    .update_columns([Column::Scopes, Column::Claims, Column::GrantedAt])
                    .to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// The scopes and the single claims that a subject allowed a client, each space-separated.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consent(
        &self,
        subject: SubjectId,
        client: &str,
    ) -> Result<Option<(String, String)>> {
        let row = Entity::find_by_id((subject.0, client.to_owned()))
            .one(&self.db)
            .await?;
        Ok(row.map(|row| (row.scopes, row.claims)))
    }

    /// Takes a consent back; false where there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw_consent(&self, subject: SubjectId, client: &str) -> Result<bool> {
        let done = Entity::delete_by_id((subject.0, client.to_owned()))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Every consent of a subject: client, scopes, when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consents_of(
        &self,
        subject: SubjectId,
    ) -> Result<Vec<(String, String, OffsetDateTime)>> {
        let rows = Entity::find()
            .filter(Column::SubjectId.eq(subject.0))
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.client_id, row.scopes, instant(row.granted_at)))
            .collect())
    }
}
