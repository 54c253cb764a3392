//! People as other issuers know them, and the claims of a person beyond name and e-mail.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("account_link")
                    .col(text("issuer"))
                    .col(text("tenant"))
                    .col(text("external_id"))
                    .col(uuid("subject_id"))
                    .col(big_integer("created_at"))
                    .primary_key(
                        Index::create()
                            .col("issuer")
                            .col("tenant")
                            .col("external_id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("account_link", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("account_link_subject")
                    .table("account_link")
                    .col("subject_id")
                    .to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("subject")
                    .add_column(json_binary_null("claims"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("subject")
                    .drop_column("claims")
                    .to_owned(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table("account_link").to_owned())
            .await
    }
}
