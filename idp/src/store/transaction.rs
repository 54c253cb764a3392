//! Several statements that hold together or not at all: what changes, and the audit event that says so.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};

use super::{Result, Store, StoreError};

/// Where a store's statements go: each for itself, or all into one transaction.
#[derive(Clone)]
pub(super) enum Db {
    Pool(DatabaseConnection),
    Transaction(Arc<Begun>),
}

/// A transaction that has begun.
pub(super) struct Begun {
    transaction: DatabaseTransaction,
    /// What is to be written before anything else is asked, and before the end.
    kept: Mutex<Vec<Statement>>,
}

impl Begun {
    fn new(transaction: DatabaseTransaction) -> Self {
        Self {
            transaction,
            kept: Mutex::default(),
        }
    }

    /// The transaction, with everything written that was kept so far.
    async fn caught_up(&self) -> std::result::Result<&DatabaseTransaction, DbErr> {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        if !kept.is_empty() {
            execute_in_turn(&self.transaction, kept).await?;
        }
        Ok(&self.transaction)
    }

    async fn commit(self) -> std::result::Result<(), DbErr> {
        self.caught_up().await?;
        self.transaction.commit().await
    }

    async fn rollback(self) -> std::result::Result<(), DbErr> {
        self.transaction.rollback().await
    }
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
            Self::Transaction(outer) => outer.caught_up().await?.begin().await,
        }
    }

    /// Writes all of these or none, where nothing has to be known of each. Within a transaction they may be written as
    /// late as before its next other statement, so that several go together.
    pub(super) async fn keep(&self, statements: Vec<Statement>) -> std::result::Result<(), DbErr> {
        match self {
            Self::Transaction(open) => {
                let mut kept = open.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(statements);
                Ok(())
            }
            Self::Pool(pool) if statements.len() == 1 => execute_in_turn(pool, statements).await,
            Self::Pool(_) => {
                let begun = self.begin().await?;
                execute_in_turn(&begun, statements).await?;
                begun.commit().await
            }
        }
    }

    /// Executes these in turn, each for itself, as if one were asked after the other.
    pub(super) async fn execute_in_turn(
        &self,
        statements: Vec<Statement>,
    ) -> std::result::Result<(), DbErr> {
        execute_in_turn(self, statements).await
    }

    /// The connections themselves, for what cannot be done within a transaction.
    pub(super) fn pool(&self) -> std::result::Result<&DatabaseConnection, DbErr> {
        match self {
            Self::Pool(pool) => Ok(pool),
            Self::Transaction(_) => Err(DbErr::Custom("not within a transaction".into())),
        }
    }
}

/// SQLite's driver takes several statements together: each by itself wakes its thread and waits for it once more, which
/// costs as much as the statement.
async fn execute_in_turn(
    db: &impl ConnectionTrait,
    statements: Vec<Statement>,
) -> std::result::Result<(), DbErr> {
    if db.get_database_backend() != DatabaseBackend::Sqlite {
        for statement in statements {
            db.execute_raw(statement).await?;
        }
        return Ok(());
    }
    let texts: Vec<&str> = statements.iter().map(|it| it.sql.as_str()).collect();
    let sql = texts.join("; ");
    let values = statements.into_iter().filter_map(|it| it.values);
    let values: Vec<Value> = values.flat_map(|values| values.0).collect();
    let together = Statement::from_sql_and_values(DatabaseBackend::Sqlite, sql, values);
    db.execute_raw(together).await.map(drop)
}

/// The same question for one row, without the bound limit that sea-orm gives it: SQLite looks at a bound limit when it
/// plans, and so plans such a statement anew each time that it is asked.
fn one_by_its_text(mut statement: Statement) -> Statement {
    if statement.db_backend == DatabaseBackend::Sqlite
        && let Some(before) = statement.sql.strip_suffix(" LIMIT ?")
        && let Some(values) = &mut statement.values
        && values.0.last() == Some(&Value::BigUnsigned(Some(1)))
    {
        statement.sql = format!("{before} LIMIT 1");
        values.0.pop();
    }
    statement
}

#[async_trait]
impl ConnectionTrait for Db {
    fn get_database_backend(&self) -> DatabaseBackend {
        match self {
            Self::Pool(pool) => pool.get_database_backend(),
            Self::Transaction(open) => open.transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> std::result::Result<ExecResult, DbErr> {
        match self {
            Self::Pool(pool) => pool.execute_raw(statement).await,
            Self::Transaction(open) => open.caught_up().await?.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> std::result::Result<ExecResult, DbErr> {
        match self {
            Self::Pool(pool) => pool.execute_unprepared(sql).await,
            Self::Transaction(open) => open.caught_up().await?.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(
        &self,
        statement: Statement,
    ) -> std::result::Result<Option<QueryResult>, DbErr> {
        let statement = one_by_its_text(statement);
        match self {
            Self::Pool(pool) => pool.query_one_raw(statement).await,
            Self::Transaction(open) => open.caught_up().await?.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(
        &self,
        statement: Statement,
    ) -> std::result::Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Pool(pool) => pool.query_all_raw(statement).await,
            Self::Transaction(open) => open.caught_up().await?.query_all_raw(statement).await,
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
        let transaction = Arc::new(Begun::new(self.db.begin().await?));
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

    fn transaction(self) -> Result<Begun> {
        let only = match self.store.db {
            Db::Transaction(transaction) => Arc::into_inner(transaction),
            Db::Pool(_) => None,
        };
        only.ok_or_else(|| {
            StoreError::Unavailable(DbErr::Custom("the transaction is still in use".into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_limit_to_one_row_goes_into_the_text() {
        let asked = |backend, sql: &str, values: &[Value]| {
            let statement = Statement::from_sql_and_values(backend, sql, values.iter().cloned());
            let said = one_by_its_text(statement);
            (said.sql, said.values.map_or(0, |values| values.0.len()))
        };
        let sqlite = DatabaseBackend::Sqlite;
        let (id, one) = (Value::from("id"), Value::BigUnsigned(Some(1)));
        let by_id = "SELECT a FROM b WHERE id = ? LIMIT ?";
        assert_eq!(
            asked(sqlite, by_id, &[id.clone(), one.clone()]),
            ("SELECT a FROM b WHERE id = ? LIMIT 1".into(), 1)
        );
        let two = Value::BigUnsigned(Some(2));
        for (backend, sql, values) in [
            (sqlite, by_id, [id.clone(), two]),
            (sqlite, by_id, [id.clone(), id.clone()]),
            (
                sqlite,
                "SELECT a FROM b LIMIT ? OFFSET ?",
                [one.clone(), one.clone()],
            ),
            (
                DatabaseBackend::Postgres,
                "SELECT a FROM b WHERE id = $1 LIMIT $2",
                [id.clone(), one],
            ),
        ] {
            assert_eq!(asked(backend, sql, &values), (sql.to_owned(), 2));
        }
    }
}
