//! A search for people who are enrolled twice.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "duplicate_search")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub factor: String,
    pub rate: f64,
    pub status: String,
    pub slot: Option<String>,
    pub started_by: String,
    pub started_at: i64,
    pub seen_at: i64,
    pub takes: i32,
    pub ended_at: Option<i64>,
    pub people: i64,
    pub left_out: i64,
    pub compared: i64,
    pub comparisons: i64,
    pub false_match_rate: Option<f64>,
    pub alike: i64,
    pub raised: i64,
    pub problem: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
