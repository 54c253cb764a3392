//! Logins in progress, sessions, invitations and enrolments.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("attempt")
                    .col(uuid("id").primary_key())
                    // Compare-and-set: every change names the revision that it read.
                    .col(big_integer("revision"))
                    .col(text("browser"))
                    .col(json_binary("state"))
                    .col(big_integer("expires_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("attempt_expiry")
                    .table("attempt")
                    .col("expires_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(uuid("sid").primary_key())
                    .col(text_uniq("cookie"))
                    .col(uuid("subject_id"))
                    .col(json_binary("evidence"))
                    .col(text_null("user_agent"))
                    .col(big_integer("created_at"))
                    .col(big_integer("auth_time"))
                    .col(big_integer("last_seen_at"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("ended_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("session", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("session_subject")
                    .table("session")
                    .col("subject_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("invitation")
                    .col(text("digest").primary_key())
                    .col(uuid("subject_id"))
                    .col(text("created_by"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    // Set by the one browser that opened it; nobody else can.
                    .col(text_null("opened_by"))
                    .col(big_integer_null("used_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("invitation", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("enrolment")
                    .col(uuid("id").primary_key())
                    .col(big_integer("revision"))
                    .col(text("browser"))
                    .col(text_uniq("invitation"))
                    .col(uuid("subject_id"))
                    .col(json_binary("state"))
                    .col(big_integer("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("enrolment", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("capture")
                    .col(text("nonce").primary_key())
                    .col(text("owner"))
                    .col(text("replica"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("finished_at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["capture", "enrolment", "invitation", "session", "attempt"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
