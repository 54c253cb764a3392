//! Clients that register themselves: who made a registration, the token that manages it, and the tokens
//! that allow one (RFC 7591 §3, RFC 7592 §2).

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text("origin").default("operator").to_owned(),
            text_null("registration_token").to_owned(),
            big_integer_null("refreshed_at").to_owned(),
        ] {
            manager
                .alter_table(Table::alter().table("client").add_column(column).to_owned())
                .await?;
        }
        manager
            .create_index(
                Index::create()
                    .name("client_origin")
                    .table("client")
                    .col("origin")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("initial_access_token")
                    .col(text("digest").primary_key())
                    .col(text("label"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    .col(integer("uses_left"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("initial_access_token").to_owned())
            .await?;
        manager
            .drop_index(
                Index::drop()
                    .name("client_origin")
                    .table("client")
                    .to_owned(),
            )
            .await?;
        for column in ["refreshed_at", "registration_token", "origin"] {
            manager
                .alter_table(
                    Table::alter()
                        .table("client")
                        .drop_column(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}
