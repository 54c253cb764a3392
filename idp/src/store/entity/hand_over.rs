//! One step of a login that is handed over to a phone.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "hand_over")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub link: String,
    pub attempt_id: Uuid,
    pub sealed: Vec<u8>,
    pub phone: Option<String>,
    pub number: i32,
    pub tries: i32,
    pub state: String,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
