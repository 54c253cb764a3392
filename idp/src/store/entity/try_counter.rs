//! Failures in a row of one person at one factor.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "try_counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub who: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub factor: String,
    pub failures: i32,
    pub blocked_until: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
