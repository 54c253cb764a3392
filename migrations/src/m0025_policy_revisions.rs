//! Policies that were written at the console: rows that are only ever added, the newest counts.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("policy_revision")
                    .col(big_integer("number").primary_key())
                    .col(text_null("toml"))
                    .col(text("changed_by"))
                    .col(text_null("note"))
                    .col(big_integer("at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("policy_revision").to_owned())
            .await
    }
}
