//! Model packs that came into use.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("pack_use")
                    .col(big_integer("seq").auto_increment().primary_key())
                    .col(text("pack"))
                    .col(big_integer("version"))
                    .col(text("digest"))
                    .col(text("embedder"))
                    .col(boolean("goes_back"))
                    .col(big_integer("at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("pack_use").to_owned())
            .await
    }
}
