//! The database: one writer and several readers on SQLite, a pool on PostgreSQL, transactions that retry.
//!
//! SQLite: WAL with `synchronous=FULL`, because NORMAL loses acknowledged commits on power loss; write transactions are
//! `BEGIN IMMEDIATE`, because a read that turns into a write fails at once with SQLITE_BUSY whatever the busy timeout.
//! PostgreSQL: READ COMMITTED with row locks in one order (donation, wish item, receipt series), so that writers wait instead of failing;
//! what still fails for concurrency (40001, 40P01) is tried again.

use crate::error::Error;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use std::{path::PathBuf, pin::Pin, time::Duration};

/// How often a write is tried before concurrency counts as a failure.
const WRITE_TRIES_MAX: u32 = 8;

/// The oldest SQLite without the WAL-reset corruption race.
const SQLITE_OLDEST: &str = "3.51.3";

/// The connections to one database.
#[derive(Clone, Debug)]
pub struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
}

impl Db {
    /// Opens the database at `url` (`sqlite://path` or `postgres://…`), making an SQLite file where there is none.
    pub async fn open(url: &str) -> Result<Self, Error> {
        if let Some(path) = sqlite_path(url) {
            Self::open_sqlite(&path).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url).await
        } else {
            Err(Error::Invalid("DATABASE_URL must begin with sqlite:// or postgres://".to_owned()))
        }
    }

    async fn open_sqlite(path: &std::path::Path) -> Result<Self, Error> {
        use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
        let connect = async |connections: u32, read_only: bool| {
            let file = path.to_owned();
            let mut options = ConnectOptions::new("sqlite://");
            options.max_connections(connections).min_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
            options.map_sqlx_sqlite_opts(move |o| {
                let o = o
                    .filename(&file)
                    .create_if_missing(!read_only)
                    .busy_timeout(Duration::from_secs(5))
                    .foreign_keys(true)
                    .synchronous(SqliteSynchronous::Full)
                    .pragma("mmap_size", "0")
                    .pragma("cache_size", "-16000");
                if read_only { o.read_only(true) } else { o.journal_mode(SqliteJournalMode::Wal) }
            });
            Database::connect(options).await
        };
        let writer = connect(1, false).await?;
        let row = writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, "select sqlite_version() as v")).await?;
        let version: String = row.map(|r| r.try_get("", "v")).transpose()?.unwrap_or_default();
        if version_parts(&version) < version_parts(SQLITE_OLDEST) {
            return Err(Error::Invalid(format!("SQLite {version} can corrupt a database; {SQLITE_OLDEST} or newer is needed")));
        }
        let reader = connect(4, true).await?;
        Ok(Self { writer, reader })
    }

    async fn open_postgres(url: &str) -> Result<Self, Error> {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(16)
            .sqlx_logging(false)
            .connect_timeout(Duration::from_secs(5))
            .acquire_timeout(Duration::from_secs(10))
            .statement_timeout(Duration::from_secs(15))
            .map_sqlx_postgres_opts(|o| {
                o.application_name("wellwisher").options([
                    ("lock_timeout", "10s"),
                    ("idle_in_transaction_session_timeout", "30s"),
                    ("synchronous_commit", "on"),
                ])
            });
        let pool = Database::connect(options).await?;
        Ok(Self { writer: pool.clone(), reader: pool })
    }

    /// Brings the tables up to date; safe when several processes start at once on PostgreSQL.
    pub async fn migrate(&self) -> Result<(), Error> {
        if self.is_postgres() {
            // One session-wide lock around all steps: the transaction stays open beside the migration's own connection.
            let guard = self.writer.begin().await?;
            guard.execute_raw(Statement::from_string(DbBackend::Postgres, "select pg_advisory_xact_lock(770042001)")).await?;
            Migrator::up(&self.writer, None).await?;
            guard.commit().await?;
        } else {
            Migrator::up(&self.writer, None).await?;
        }
        Ok(())
    }

    /// How many steps are still to run; the readiness check asks.
    pub async fn pending_migrations(&self) -> Result<usize, Error> {
        Ok(Migrator::get_pending_migrations_read_only(&self.reader).await?.len())
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.writer.get_database_backend() == DbBackend::Postgres
    }

    /// The connection to read from. On SQLite it refuses writes.
    pub fn read(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Does `work` in one transaction: all of it, or none. It may run again when another writer was in the way, so it
    /// must do nothing but write to the transaction it is given.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&DatabaseTransaction) -> Result<T, Error> + for<'t> Work<'t, T>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let result = self.write_once(&work).await;
            match result {
                Err(WriteError::Concurrency(_)) if tries < WRITE_TRIES_MAX => tokio::time::sleep(Duration::from_millis(7 << tries)).await,
                Err(WriteError::Concurrency(why)) => return Err(Error::Unavailable(format!("the database is too busy: {why}"))),
                Err(WriteError::Other(error)) => return Err(error),
                Ok(value) => return Ok(value),
            }
        }
    }

    async fn write_once<T, F>(&self, work: &F) -> Result<T, WriteError>
    where
        F: for<'t> Work<'t, T>,
    {
        let tx = self
            .writer
            .begin_with_options(TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            })
            .await?;
        let running: Pin<Box<dyn Future<Output = Result<T, Error>> + Send + '_>> = Box::pin(work.begin(&tx));
        match running.await {
            Ok(value) => {
                tx.commit().await?;
                Ok(value)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(match error {
                    Error::Internal(why) if is_concurrency(&why) => WriteError::Concurrency(why),
                    other => WriteError::Other(other),
                })
            }
        }
    }

    /// Closes the connections, so that an SQLite file is left without its side files.
    pub async fn close(self) -> Result<(), Error> {
        self.reader.close().await?;
        Ok(self.writer.close().await?)
    }
}

/// What [`Db::write`] does in its transaction: any `async |tx| …`. The trait says that its future may move between threads, which a
/// bound on `AsyncFn` cannot say yet; without it no handler or task could call `write`.
pub trait Work<'t, T> {
    /// The work under way.
    type Running: Future<Output = Result<T, Error>> + Send;

    /// Starts the work in a transaction.
    fn begin(&self, tx: &'t DatabaseTransaction) -> Self::Running;
}

impl<'t, T, F, R> Work<'t, T> for F
where
    F: Fn(&'t DatabaseTransaction) -> R,
    R: Future<Output = Result<T, Error>> + Send,
{
    type Running = R;

    fn begin(&self, tx: &'t DatabaseTransaction) -> R {
        self(tx)
    }
}

enum WriteError {
    Concurrency(String),
    Other(Error),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        let text = error.to_string();
        if is_concurrency(&text) { Self::Concurrency(text) } else { Self::Other(error.into()) }
    }
}

/// Whether a database error says that another writer was in the way (PostgreSQL 40001 and 40P01, SQLite busy).
fn is_concurrency(text: &str) -> bool {
    ["could not serialize access", "deadlock detected", "database is locked", "database table is locked"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// Whether a database error says that a unique value was there already: somebody else was first.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

/// The file of an SQLite URL (`sqlite://data/x.db`, `sqlite:///var/lib/x.db`), or nothing for another database.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(rest.split('?').next().unwrap_or(rest)))
}

fn version_parts(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
