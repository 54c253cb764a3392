//! A model pack that came into use, and when.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pack_use")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub pack: String,
    pub version: i64,
    pub digest: String,
    pub embedder: String,
    pub goes_back: bool,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
