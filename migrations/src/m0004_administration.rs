//! The deployment's own keys, its operators, and what happened.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("deployment")
                    // One row: a second insert of the same number fails, so two replicas agree on the first.
                    .col(integer("only").primary_key())
                    .col(uuid("id"))
                    .col(blob("wrapped_key"))
                    .col(big_integer("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("signing_key")
                    .col(text("kid").primary_key())
                    .col(text("alg"))
                    .col(text("state"))
                    .col(json_binary("record"))
                    .col(blob_null("sealed"))
                    .col(big_integer("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("operator")
                    .col(text("name").primary_key())
                    .col(text("role"))
                    .col(big_integer("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("operator_token")
                    .col(uuid("id").primary_key())
                    .col(text_uniq("digest"))
                    .col(text("operator"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("revoked_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("operator_token", "operator")
                            .to("operator", "name")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_event")
                    .col(big_integer("seq").auto_increment().primary_key())
                    .col(integer("format"))
                    .col(big_integer("at"))
                    .col(text("kind"))
                    .col(text("outcome"))
                    .col(uuid_null("subject_id"))
                    .col(text_null("client_id"))
                    .col(uuid_null("attempt_id"))
                    .col(text_null("operator"))
                    .col(text_null("factor"))
                    .col(json_binary("detail"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_subject")
                    .table("audit_event")
                    .col("subject_id")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "audit_event",
            "operator_token",
            "operator",
            "signing_key",
            "deployment",
        ] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
