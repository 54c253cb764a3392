//! A single sign-on session.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sid: Uuid,
    pub cookie: String,
    pub subject_id: Uuid,
    #[sea_orm(column_type = "JsonBinary")]
    pub evidence: Json,
    pub user_agent: Option<String>,
    pub created_at: i64,
    pub auth_time: i64,
    pub last_seen_at: i64,
    pub expires_at: i64,
    pub ended_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
