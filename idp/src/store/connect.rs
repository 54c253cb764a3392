//! Opening the database, with the settings each of the two wants, and bringing its schema up to date.

use std::sync::Arc;
use std::time::Duration;

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr};
use tokio::sync::watch;

use super::transaction::Db;
use super::{Channel, Result, Store};

impl Store {
    /// Opens `sqlite://path?mode=rwc` or `postgres://…`, without changing the schema.
    ///
    /// # Errors
    /// When the database cannot be reached within five seconds.
    pub async fn open(url: &str, connections: u32) -> Result<Self> {
        Self::connect(url, connections, true).await
    }

    /// Opens a database that is there, for who only looks: a file that is not there is not made, whatever the URL says.
    ///
    /// # Errors
    /// When there is none, or it cannot be reached within five seconds.
    pub async fn open_existing(url: &str, connections: u32) -> Result<Self> {
        Self::connect(url, connections, false).await
    }

    async fn connect(url: &str, connections: u32, is_made: bool) -> Result<Self> {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(connections)
            .connect_timeout(Duration::from_secs(5))
            .acquire_timeout(Duration::from_secs(5))
            .sqlx_logging(false);
        if url.starts_with("sqlite:") {
            // A file does not hang up: to ask each time whether it is still there doubles what a statement costs.
            options.test_before_acquire(false);
            // One writes, another reads: more only wait for each other, and each reads anew what another wrote.
            options.max_connections(connections.min(SQLITE_CONNECTIONS));
            options.map_sqlx_sqlite_opts(move |sqlite| {
                // A write-ahead log lets readers go on beside the one writer, and NORMAL keeps every commit
                // across a crash of the process.
                sqlite
                    .create_if_missing(is_made)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(Duration::from_secs(5))
                    .foreign_keys(true)
                    // What is deleted is overwritten: an erased subject's key is not left in a free page.
                    .pragma("secure_delete", "on")
            });
        } else {
            options.min_connections(1);
        }
        Ok(Self {
            db: Db::Pool(Database::connect(options).await?),
            appended: watch::Sender::new(()),
            channels: Arc::default(),
            asked: Arc::default(),
        })
    }

    /// The same store, which keeps a notice for each of these ways with every change that people are told of.
    #[must_use]
    pub fn telling(self, channels: &[Channel]) -> Self {
        Self {
            channels: channels.into(),
            ..self
        }
    }

    /// Applies every outstanding schema change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn migrate(&self) -> Result<()> {
        Migrator::up(self.db.pool()?, None)
            .await
            .map_err(Into::into)
    }

    /// How many schema changes are still to be applied. Only reads: the role that serves need not be one that
    /// may change the schema.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_migrations(&self) -> Result<usize> {
        Ok(Migrator::get_pending_migrations_read_only(self.db.pool()?)
            .await?
            .len())
    }

    /// Takes every change back again; for tests of the way down.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn migrate_down(&self) -> Result<()> {
        Migrator::down(self.db.pool()?, None)
            .await
            .map_err(Into::into)
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn check(&self) -> Result<()> {
        let answer = tokio::time::timeout(
            Duration::from_secs(3),
            self.db.execute_unprepared("SELECT 1"),
        )
        .await;
        match answer {
            Ok(result) => result.map(|_| ()).map_err(Into::into),
            Err(_) => Err(DbErr::Custom("no answer within three seconds".into()).into()),
        }
    }

    /// Overwrites what deleted rows have left in the write-ahead log, where there is one. Readers may keep it
    /// from happening now; it happens by itself when the log wraps around.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scrub(&self) -> Result<()> {
        if self.db.get_database_backend() == sea_orm::DatabaseBackend::Sqlite {
            self.db
                .pool()?
                .execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
                .await?;
        }
        Ok(())
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

/// Measured: with ten, a login costs the server a fifth more.
const SQLITE_CONNECTIONS: u32 = 2;
