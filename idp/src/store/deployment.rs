//! The deployment's identity and its own wrapped data key, made once.

use sea_orm::{ActiveValue::Set, EntityTrait};
use time::OffsetDateTime;
use uuid::Uuid;

use super::entity::deployment::{ActiveModel, Column, Entity};
use super::{Result, Store, StoreError, millis};

/// Who this deployment is; its id is bound into everything that is sealed.
#[derive(Clone)]
pub struct Deployment {
    pub id: Uuid,
    pub wrapped_key: Vec<u8>,
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn deployment(&self) -> Result<Option<Deployment>> {
        let row = Entity::find_by_id(1).one(&self.db).await?;
        Ok(row.map(|row| Deployment {
            id: row.id,
            wrapped_key: row.wrapped_key,
        }))
    }

    /// Keeps the deployment, and answers the one in force: of two replicas that start at once, the first
    /// wins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn found_deployment(
        &self,
        new: Deployment,
        now: OffsetDateTime,
    ) -> Result<Deployment> {
        let row = ActiveModel {
            only: Set(1),
            id: Set(new.id),
            wrapped_key: Set(new.wrapped_key),
            created_at: Set(millis(now)),
        };
        Entity::insert(row)
            .on_conflict_do_nothing_on([Column::Only])
            .exec_without_returning(&self.db)
            .await?;
        self.deployment()
            .await?
            .ok_or(StoreError::Unreadable("deployment"))
    }
}
