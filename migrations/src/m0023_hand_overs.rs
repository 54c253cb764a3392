//! Steps of logins that are handed over to the person's phone.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("hand_over")
                    .col(text("link").primary_key())
                    .col(uuid("attempt_id"))
                    .col(blob("sealed"))
                    .col(text_null("phone"))
                    .col(integer("number"))
                    .col(integer("tries"))
                    .col(text("state"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    .to_owned(),
            )
            .await?;
        for column in ["attempt_id", "phone"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("hand_over_{column}"))
                        .table("hand_over")
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("hand_over").to_owned())
            .await
    }
}
