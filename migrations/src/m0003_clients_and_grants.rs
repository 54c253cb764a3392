//! Relying parties and what was issued to them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("client")
                    .col(text("id").primary_key())
                    .col(json_binary("registration"))
                    .col(text_null("secret_digest"))
                    .col(big_integer("created_at"))
                    .to_owned(),
            )
            .await?;
        // A grant is the family of all that one authorization gave: revoking it revokes every token.
        manager
            .create_table(
                Table::create()
                    .table("authorization_grant")
                    .col(uuid("id").primary_key())
                    .col(text("client_id"))
                    .col(uuid("subject_id"))
                    .col(uuid("sid"))
                    .col(json_binary("authorization"))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("revoked_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("authorization_grant", "client_id")
                            .to("client", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("authorization_grant", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, column) in [("grant_subject", "subject_id"), ("grant_sid", "sid")] {
            manager
                .create_index(
                    Index::create()
                        .name(name)
                        .table("authorization_grant")
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("authorization_code")
                    .col(text("digest").primary_key())
                    .col(uuid("grant_id"))
                    .col(json_binary("record"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("redeemed_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("authorization_code", "grant_id")
                            .to("authorization_grant", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("refresh_token")
                    .col(text("digest").primary_key())
                    .col(uuid("grant_id"))
                    .col(json_binary("record"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("rotated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("refresh_token", "grant_id")
                            .to("authorization_grant", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("revoked_access_token")
                    .col(text("jti").primary_key())
                    .col(big_integer("expires_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("consent")
                    .col(uuid("subject_id"))
                    .col(text("client_id"))
                    .col(text("scopes"))
                    .col(big_integer("granted_at"))
                    .primary_key(Index::create().col("subject_id").col("client_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("consent", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("consent", "client_id")
                            .to("client", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "consent",
            "revoked_access_token",
            "refresh_token",
            "authorization_code",
            "authorization_grant",
            "client",
        ] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
