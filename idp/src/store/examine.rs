//! Questions to the database itself, for whoever runs it.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, Statement};
use serde_json::json;
use time::OffsetDateTime;

use super::entity::signing_key::{ActiveModel, Entity};
use super::{Result, Store, instant};

impl Store {
    /// Writes a row and takes it back: nobody ever sees it.
    ///
    /// # Errors
    /// Where the database cannot be written to.
    pub async fn try_write(&self) -> Result<()> {
        let transaction = self.db.begin().await?;
        let row = ActiveModel {
            kid: Set(format!("trial {}", uuid::Uuid::new_v4())),
            alg: Set("none".to_owned()),
            state: Set("trial".to_owned()),
            record: Set(json!({})),
            sealed: Set(None),
            created_at: Set(0),
        };
        Entity::insert(row)
            .exec_without_returning(&transaction)
            .await?;
        transaction.rollback().await?;
        Ok(())
    }

    /// The database's name and version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn version(&self) -> Result<String> {
        let (sql, name) = match self.backend() {
            "postgres" => ("SHOW server_version", "PostgreSQL"),
            _ => ("SELECT sqlite_version()", "SQLite"),
        };
        let version: String = self.ask(sql).await?;
        Ok(format!("{name} {version}"))
    }

    /// The time by the database's clock; none where it is this machine's own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn time(&self) -> Result<Option<OffsetDateTime>> {
        if self.backend() != "postgres" {
            return Ok(None);
        }
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        Ok(Some(instant(self.ask(sql).await?)))
    }

    async fn ask<T: sea_orm::TryGetable>(&self, sql: &str) -> Result<T> {
        let row = self
            .db
            .query_one_raw(Statement::from_string(self.db.get_database_backend(), sql))
            .await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
        Ok(row.try_get_by_index(0)?)
    }
}
