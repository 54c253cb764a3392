//! What the authorization endpoint and logout keep: consent to single claims, pushed
//! requests, and logouts that clients are still to hear of.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("consent")
                    .add_column(text("claims").default(""))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("pushed_request")
                    .col(text("digest").primary_key())
                    .col(text("client_id"))
                    .col(json_binary("parameters"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("used_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("logout_notice")
                    .col(uuid("id").primary_key())
                    .col(text("client_id"))
                    // The subject as the client knows it, and its session.
                    .col(text("sub"))
                    .col(uuid("sid"))
                    .col(integer("tries"))
                    .col(big_integer("next_at"))
                    .col(big_integer("expires_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("logout_notice_next")
                    .table("logout_notice")
                    .col("next_at")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["logout_notice", "pushed_request"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("consent")
                    .drop_column("claims")
                    .to_owned(),
            )
            .await
    }
}
