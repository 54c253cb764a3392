//! What people are still to be told of changes to their accounts.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice")
                    .col(uuid("id").primary_key())
                    .col(uuid("subject_id"))
                    .col(text("channel"))
                    .col(json_binary("event"))
                    .col(integer("tries"))
                    .col(big_integer("next_at"))
                    .col(big_integer("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("notice", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for column in ["next_at", "subject_id"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("notice_{column}"))
                        .table("notice")
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("notice").to_owned())
            .await
    }
}
