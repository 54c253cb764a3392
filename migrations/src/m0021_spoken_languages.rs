//! What language each person is spoken to in.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("spoken_language")
                    .col(uuid("subject_id").primary_key())
                    .col(text("language"))
                    .col(boolean("is_chosen"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("spoken_language", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("spoken_language").to_owned())
            .await
    }
}
