//! Authorizations that a client waits for while the person answers elsewhere: devices and backchannel requests.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("pending_authorization")
                    .col(text("digest").primary_key())
                    .col(text("kind"))
                    .col(text("client_id"))
                    .col(text_null("user_code"))
                    .col(uuid_null("subject_id"))
                    .col(text_null("who"))
                    .col(text_null("slot"))
                    .col(json_binary("record"))
                    .col(binary_null("sealed"))
                    .col(text("state"))
                    .col(uuid_null("grant_id"))
                    .col(big_integer("interval_s"))
                    .col(big_integer_null("polled_at"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("pending_authorization", "client_id")
                            .to("client", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("pending_authorization", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("pending_authorization_user_code", "user_code"),
            // At most so many wait for one person at once as there are slots.
            ("pending_authorization_slot", "slot"),
        ] {
            manager
                .create_index(
                    Index::create()
                        .name(name)
                        .table("pending_authorization")
                        .col(column)
                        .unique()
                        .to_owned(),
                )
                .await?;
        }
        for (name, column) in [
            ("pending_authorization_subject", "subject_id"),
            ("pending_authorization_who", "who"),
            ("pending_authorization_expires_at", "expires_at"),
        ] {
            manager
                .create_index(
                    Index::create()
                        .name(name)
                        .table("pending_authorization")
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("pending_authorization").to_owned())
            .await
    }
}
