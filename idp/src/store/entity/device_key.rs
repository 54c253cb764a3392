//! A key that a browser keeps.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "device_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub thumbprint: String,
    pub id: Uuid,
    pub subject_id: Uuid,
    pub jwk: Json,
    pub user_agent: Option<String>,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
