//! Several statements that hold together or not at all: what changes, and the audit event that says so.

use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use super::{Result, Store, StoreError};

/// Where a store's statements go: each for itself, or all into one transaction.
#[derive(Clone)]
pub(super) enum Db {
    Pool(DatabaseConnection),
    Transaction(Arc<DatabaseTransaction>),
}

impl Db {
    /// Begins a transaction, within the present one if there is one.
    pub(super) async fn begin(&self) -> std::result::Result<DatabaseTransaction, DbErr> {
        match self {
            // SQLite has one writer: to ask for its place at the start is to wait for it, where asking
            // after a read would fail at once if somebody else wrote in between.
            Self::Pool(pool) => {
                let options = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                pool.begin_with_options(options).await
            }
            Self::Transaction(outer) => outer.begin().await,
        }
    }

    /// The connections themselves, for what cannot be done within a transaction.
    pub(super) fn pool(&self) -> std::result::Result<&DatabaseConnection, DbErr> {
        match self {
            Self::Pool(pool) => Ok(pool),
            Self::Transaction(_) => Err(DbErr::Custom("not within a transaction".into())),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Db {
    fn get_database_backend(&self) -> DatabaseBackend {
        match self {
            Self::Pool(pool) => pool.get_database_backend(),
            Self::Transaction(open) => open.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> std::result::Result<ExecResult, DbErr> {
        match self {
            Self::Pool(pool) => pool.execute_raw(statement).await,
            Self::Transaction(open) => open.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> std::result::Result<ExecResult, DbErr> {
        match self {
            Self::Pool(pool) => pool.execute_unprepared(sql).await,
            Self::Transaction(open) => open.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(
        &self,
        statement: Statement,
    ) -> std::result::Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Pool(pool) => pool.query_one_raw(statement).await,
            Self::Transaction(open) => open.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(
        &self,
        statement: Statement,
    ) -> std::result::Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Pool(pool) => pool.query_all_raw(statement).await,
            Self::Transaction(open) => open.query_all_raw(statement).await,
        }
    }
}

/// A store all of whose statements are kept by [`Change::commit`], or, where it is dropped, none.
pub struct Change {
    store: Store,
}

impl Deref for Change {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Store {
    /// Begins a change of several statements.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(&self) -> Result<Change> {
        let transaction = Arc::new(self.db.begin().await?);
        let store = Store {
            db: Db::Transaction(transaction),
            appended: self.appended.clone(),
            channels: self.channels.clone(),
            asked: self.asked.clone(),
        };
        Ok(Change { store })
    }
}

impl Change {
    /// Keeps everything, and wakes those who wait for the events in it.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    pub async fn commit(self) -> Result<()> {
        let appended = self.store.appended.clone();
        self.transaction()?.commit().await?;
        appended.send_replace(());
        Ok(())
    }

    /// Keeps nothing, as when it is dropped; but the database has taken it back before this returns.
    ///
    /// # Errors
    /// When the database fails; nothing is kept then either.
    pub async fn take_back(self) -> Result<()> {
        Ok(self.transaction()?.rollback().await?)
    }

    fn transaction(self) -> Result<DatabaseTransaction> {
        let only = match self.store.db {
            Db::Transaction(transaction) => Arc::into_inner(transaction),
            Db::Pool(_) => None,
        };
        only.ok_or_else(|| {
            StoreError::Unavailable(DbErr::Custom("the transaction is still in use".into()))
        })
    }
}
