//! What happened within the last hour, for every replica to see, and which of them fits the model.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("risk_traffic")
                    .col(uuid("id").primary_key())
                    .col(text("who"))
                    .col(text_null("address"))
                    .col(text("outcome"))
                    .col(big_integer("at"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("risk_traffic_who", &["who", "at"][..]),
            ("risk_traffic_address", &["address", "at"]),
            ("risk_traffic_at", &["at", "outcome"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("risk_traffic");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index.to_owned()).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("risk_training")
                    .col(integer("id").primary_key())
                    .col(text("holder"))
                    .col(big_integer("version"))
                    .col(double("part"))
                    .col(text_null("problem"))
                    .col(big_integer("began_at"))
                    .col(big_integer("held_until"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["risk_training", "risk_traffic"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
