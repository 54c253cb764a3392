//! Something that happened; appended, never changed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub format: i32,
    pub at: i64,
    pub kind: String,
    pub outcome: String,
    pub subject_id: Option<Uuid>,
    pub client_id: Option<String>,
    pub attempt_id: Option<Uuid>,
    pub operator: Option<String>,
    pub factor: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub detail: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
