//! Keys that browsers keep, by which a person's browser is known again.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("device_key")
                    .col(text("thumbprint").primary_key())
                    .col(uuid("id").unique_key())
                    .col(uuid("subject_id"))
                    .col(json_binary("jwk"))
                    .col(text_null("user_agent"))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("last_used_at"))
                    .col(big_integer("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("device_key", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for column in ["subject_id", "expires_at"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("device_key_{column}"))
                        .table("device_key")
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("device_key").to_owned())
            .await
    }
}
