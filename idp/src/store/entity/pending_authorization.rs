//! One authorization that a client waits for, by the digest of what it polls with.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_authorization")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    pub kind: String,
    pub client_id: String,
    pub user_code: Option<String>,
    pub subject_id: Option<Uuid>,
    pub who: Option<String>,
    pub slot: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub record: Json,
    pub sealed: Option<Vec<u8>>,
    pub state: String,
    pub grant_id: Option<Uuid>,
    pub interval_s: i64,
    pub polled_at: Option<i64>,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
