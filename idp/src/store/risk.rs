//! What is remembered to tell others' logins from a person's own: a profile each, moved by compare-and-set, and the
//! versions of the model. A profile goes with its subject.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    TryInsertResult,
};
use time::OffsetDateTime;
use wire::SubjectId;

use super::entity::{risk_model, risk_profile};
use super::{Result, Store, StoreError, instant, millis};

/// One person's habits as bytes, and their revision; 0 where nothing is remembered yet.
#[derive(Default)]
pub struct RiskProfile {
    pub revision: i64,
    pub bytes: Vec<u8>,
}

/// A version of the model.
pub struct RiskModel {
    pub version: i64,
    pub bytes: Vec<u8>,
    pub logins: u64,
    pub trained_at: OffsetDateTime,
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn risk_profile(&self, subject: SubjectId) -> Result<RiskProfile> {
        let row = risk_profile::Entity::find_by_id(subject.0)
            .one(&self.db)
            .await?;
        Ok(row.map_or_else(RiskProfile::default, |row| RiskProfile {
            revision: row.revision,
            bytes: row.profile,
        }))
    }

    /// Writes what was learned, if nobody else did meanwhile; answers whether it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_risk_profile(
        &self,
        subject: SubjectId,
        read: &RiskProfile,
        bytes: Vec<u8>,
        now: OffsetDateTime,
    ) -> Result<bool> {
        use risk_profile::{ActiveModel, Column, Entity};
        if read.revision == 0 {
            let row = ActiveModel {
                subject_id: Set(subject.0),
                revision: Set(1),
                profile: Set(bytes),
                updated_at: Set(millis(now)),
            };
            // Not by a failure, which would end the transaction that this may be in.
            let inserted = Entity::insert(row)
                .on_conflict_do_nothing_on([Column::SubjectId])
                .exec_without_returning(&self.db)
                .await?;
            return Ok(matches!(inserted, TryInsertResult::Inserted(1)));
        }
        let moved = Entity::update_many()
            .col_expr(Column::Profile, Expr::value(bytes))
            .col_expr(Column::Revision, Expr::value(read.revision + 1))
            .col_expr(Column::UpdatedAt, Expr::value(millis(now)))
            .filter(Column::SubjectId.eq(subject.0))
            .filter(Column::Revision.eq(read.revision))
            .exec(&self.db)
            .await?;
        Ok(moved.rows_affected == 1)
    }

    /// The version of the newest model, and when it was trained.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn risk_model_version(&self) -> Result<Option<(i64, OffsetDateTime)>> {
        use risk_model::{Column, Entity};
        let newest: Option<(i64, i64)> = Entity::find()
            .select_only()
            .columns([Column::Version, Column::TrainedAt])
            .order_by_desc(Column::Version)
            .into_tuple()
            .one(&self.db)
            .await?;
        Ok(newest.map(|(version, at)| (version, instant(at))))
    }

    /// To how many logins a version was fitted, and when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn risk_model_facts(&self, version: i64) -> Result<Option<(u64, OffsetDateTime)>> {
        use risk_model::{Column, Entity};
        let facts: Option<(i64, i64)> = Entity::find_by_id(version)
            .select_only()
            .columns([Column::Logins, Column::TrainedAt])
            .into_tuple()
            .one(&self.db)
            .await?;
        Ok(facts.map(|(logins, at)| (logins.unsigned_abs(), instant(at))))
    }

    /// A version of the model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn risk_model(&self, version: i64) -> Result<Option<RiskModel>> {
        let row = risk_model::Entity::find_by_id(version)
            .one(&self.db)
            .await?;
        Ok(row.map(|row| RiskModel {
            version: row.version,
            bytes: row.model,
            logins: row.logins.unsigned_abs(),
            trained_at: instant(row.trained_at),
        }))
    }

    /// Adds a version, unless another replica was faster, and lets go of all but the one before it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_risk_model(&self, model: RiskModel) -> Result<bool> {
        use risk_model::{ActiveModel, Column, Entity};
        let row = ActiveModel {
            version: Set(model.version),
            model: Set(model.bytes),
            logins: Set(i64::try_from(model.logins).unwrap_or(i64::MAX)),
            trained_at: Set(millis(model.trained_at)),
        };
        let inserted = Entity::insert(row).exec_without_returning(&self.db).await;
        match inserted.map_err(StoreError::from) {
            Ok(_) => {}
            Err(StoreError::Exists) => return Ok(false),
            Err(error) => return Err(error),
        }
        Entity::delete_many()
            .filter(Column::Version.lt(model.version - 1))
            .exec(&self.db)
            .await?;
        Ok(true)
    }
}
