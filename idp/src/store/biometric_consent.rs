//! A subject's explicit consent to biometric processing, by the version of the text that was shown.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};
use time::OffsetDateTime;
use wire::SubjectId;

use super::entity::biometric_consent::{ActiveModel, Column, Entity};
use super::{Result, Store, instant, millis};

/// What was consented to, and when.
pub struct BiometricConsent {
    pub version: String,
    pub granted_at: OffsetDateTime,
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn grant_biometric_consent(&self, subject: SubjectId, version: &str, now: OffsetDateTime) -> Result<()> {
        let row = ActiveModel {
            subject_id: Set(subject.0),
            version: Set(version.into()),
            granted_at: Set(millis(now)),
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::SubjectId)
                    .update_columns([Column::Version, Column::GrantedAt])
                    .to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn biometric_consent(&self, subject: SubjectId) -> Result<Option<BiometricConsent>> {
        let row = Entity::find_by_id(subject.0).one(&self.db).await?;
        Ok(row.map(|row| BiometricConsent { version: row.version, granted_at: instant(row.granted_at) }))
    }

    /// # Errors
    /// When the database fails.
    pub async fn withdraw_biometric_consent(&self, subject: SubjectId) -> Result<bool> {
        Ok(Entity::delete_by_id(subject.0).exec(&self.db).await?.rows_affected == 1)
    }
}
