//! Subjects, what they enrolled, and how often they failed.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("subject")
                    .col(uuid("id").primary_key())
                    .col(text_uniq("username"))
                    .col(text("display_name"))
                    .col(text_null("email"))
                    .col(boolean("email_verified").default(false))
                    .col(text("status"))
                    // The only copy of the subject's wrapped data key: deleting it erases the biometrics.
                    .col(blob_null("wrapped_key"))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("last_login_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("credential")
                    .col(uuid("id").primary_key())
                    .col(uuid("subject_id"))
                    .col(text("factor"))
                    .col(text("label"))
                    .col(text_null("model"))
                    // Bumped by every change; names the sealed blob that is current.
                    .col(integer("version"))
                    .col(text_null("blob_digest"))
                    .col(blob_null("sealed"))
                    .col(json_binary_null("public"))
                    // TOTP time step or WebAuthn signature counter: only ever moves up.
                    .col(big_integer("counter").default(0))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("last_used_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("credential", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("credential_subject")
                    .table("credential")
                    .col("subject_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("recovery_code")
                    .col(text("digest").primary_key())
                    .col(uuid("credential_id"))
                    .col(big_integer_null("used_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("recovery_code", "credential_id")
                            .to("credential", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("try_counter")
                    .col(text("who"))
                    .col(text("factor"))
                    .col(integer("failures"))
                    .col(big_integer("blocked_until"))
                    .col(big_integer("updated_at"))
                    .primary_key(Index::create().col("who").col("factor"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("biometric_consent")
                    .col(uuid("subject_id").primary_key())
                    .col(text("version"))
                    .col(big_integer("granted_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("biometric_consent", "subject_id")
                            .to("subject", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "biometric_consent",
            "try_counter",
            "recovery_code",
            "credential",
            "subject",
        ] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
