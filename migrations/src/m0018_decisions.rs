//! Logins of the past, as another policy would need to see them to judge them anew.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("decision")
                    .col(uuid("attempt_id").primary_key())
                    .col(uuid("subject_id"))
                    .col(text("client_id"))
                    .col(json_binary("past"))
                    .col(big_integer("at"))
                    .col(big_integer("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("decision", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for column in ["subject_id", "at", "expires_at"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("decision_{column}"))
                        .table("decision")
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("decision").to_owned())
            .await
    }
}
