//! Searches for people who are enrolled twice, and the pairs that they raised for somebody to look at.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("duplicate_search")
                    .col(uuid("id").primary_key())
                    .col(text("factor"))
                    .col(double("rate"))
                    .col(text("status"))
                    // Holds one word while the search runs and nothing after: so that one runs at a time.
                    .col(text_null("slot").unique_key())
                    .col(text("started_by"))
                    .col(big_integer("started_at"))
                    // When whoever carries it out was last heard of, and how often it was taken up.
                    .col(big_integer("seen_at"))
                    .col(integer("takes"))
                    .col(big_integer_null("ended_at"))
                    .col(big_integer("people"))
                    .col(big_integer("left_out"))
                    .col(big_integer("compared"))
                    .col(big_integer("comparisons"))
                    .col(double_null("false_match_rate"))
                    .col(big_integer("alike"))
                    .col(big_integer("raised"))
                    .col(text_null("problem"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("duplicate_pair")
                    .col(uuid("id").primary_key())
                    .col(uuid("search_id"))
                    .col(uuid("one_subject"))
                    .col(uuid("one_credential"))
                    .col(uuid("other_subject"))
                    .col(uuid("other_credential"))
                    .col(text("factor"))
                    .col(big_integer("found_at"))
                    .col(text_null("decision"))
                    .col(text_null("decided_by"))
                    .col(big_integer_null("decided_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("duplicate_pair", "search_id")
                            .to("duplicate_search", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    // Whom a credential was taken from is no longer a duplicate by it; so it goes with the subject too.
                    .foreign_key(
                        ForeignKey::create()
                            .from("duplicate_pair", "one_credential")
                            .to("credential", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("duplicate_pair", "other_credential")
                            .to("credential", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("duplicate_pair_credentials")
                    .table("duplicate_pair")
                    .col("one_credential")
                    .col("other_credential")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("duplicate_pair_other")
                    .table("duplicate_pair")
                    .col("other_credential")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["duplicate_pair", "duplicate_search"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
