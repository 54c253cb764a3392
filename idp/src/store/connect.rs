//! Opening the database, with the settings each of the two wants, and bringing its schema up to date.

use std::time::Duration;

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr};

use super::{Result, Store};

impl Store {
    /// Opens `sqlite://path?mode=rwc` or `postgres://…`, without changing the schema.
    ///
    /// # Errors
    /// When the database cannot be reached within five seconds.
    pub async fn open(url: &str, connections: u32) -> Result<Self> {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(connections)
            .connect_timeout(Duration::from_secs(5))
            .acquire_timeout(Duration::from_secs(5))
            .sqlx_logging(false);
        if url.starts_with("sqlite:") {
            options.map_sqlx_sqlite_opts(|sqlite| {
                // A write-ahead log lets readers go on beside the one writer, and NORMAL keeps every commit
                // across a crash of the process.
                sqlite
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(Duration::from_secs(5))
                    .foreign_keys(true)
            });
        } else {
            options.min_connections(1);
        }
        Ok(Self { db: Database::connect(options).await? })
    }

    /// Applies every outstanding schema change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn migrate(&self) -> Result<()> {
        Migrator::up(&self.db, None).await.map_err(Into::into)
    }

    /// How many schema changes are still to be applied.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_migrations(&self) -> Result<usize> {
        Ok(Migrator::get_pending_migrations(&self.db).await?.len())
    }

    /// Takes every change back again; for tests of the way down.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn migrate_down(&self) -> Result<()> {
        Migrator::down(&self.db, None).await.map_err(Into::into)
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn check(&self) -> Result<()> {
        let answer = tokio::time::timeout(Duration::from_secs(3), self.db.execute_unprepared("SELECT 1")).await;
        match answer {
            Ok(result) => result.map(|_| ()).map_err(Into::into),
            Err(_) => Err(DbErr::Custom("no answer within three seconds".into()).into()),
        }
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        match self.db.get_database_backend() {
            sea_orm::DatabaseBackend::Sqlite => "sqlite",
            sea_orm::DatabaseBackend::Postgres => "postgres",
            _ => "other",
        }
    }
}
