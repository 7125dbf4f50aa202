//! The database: one writer and several readers on SQLite, a pool on PostgreSQL, transactions that retry.
//!
//! SQLite: WAL with `synchronous=FULL`, because NORMAL loses acknowledged commits on power loss; write transactions are
//! `BEGIN IMMEDIATE`, because a read that turns into a write fails at once with SQLITE_BUSY whatever the busy timeout.
//! PostgreSQL: READ COMMITTED with row locks in one order (donation, wish item, matching pots, receipt series), so that writers wait instead of failing;
//! what still fails for concurrency (40001, 40P01) is tried again.

/// Thousands of rows, brought over as one text.
pub mod packed;

use crate::error::Error;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExprTrait, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
    sea_query::{Expr, Func, IntoColumnRef, LikeExpr},
};
use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often a write is tried before concurrency counts as a failure.
const WRITE_TRIES_MAX: u32 = 8;

/// The oldest SQLite without the WAL-reset corruption race.
const SQLITE_OLDEST: &str = "3.51.3";

tokio::task_local! {
    /// The database in whose transaction this task is now; only where debug assertions are on.
    static WRITING: usize;
}

/// The connections to one database.
#[derive(Clone, Debug)]
pub struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    commits: Arc<AtomicU64>,
}

/// Keeps connections open for as long as the pool lives; one that has died is noticed when it is taken out. With an end set, sqlx-core 0.9
/// (`pool/inner.rs`, `spawn_maintenance_tasks`) looks through as many connections as its count of idle ones says, without a pause. That count
/// goes below nothing for a moment when a connection is taken out between being put into the queue and being counted, and read then, one
/// thread of the program looks 2^64 times.
fn keep_connections(options: &mut ConnectOptions) {
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
}

impl Db {
    /// Opens the database at `url` (`sqlite://path` or `postgres://…`), making an SQLite file where there is none.
    pub async fn open(url: &str) -> Result<Self, Error> {
        Self::open_as(url, Commits::OnDisk).await
    }

    /// Opens an empty database to fill it, like the demo's: commits do not wait for the disk, because a filling that is interrupted is
    /// begun anew. End with [`Db::close_filled`], after which everything is on the disk.
    pub async fn open_for_filling(url: &str) -> Result<Self, Error> {
        Self::open_as(url, Commits::InMemory).await
    }

    async fn open_as(url: &str, commits: Commits) -> Result<Self, Error> {
        if let Some(path) = sqlite_path(url) {
            Self::open_sqlite(&path, commits).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url, commits).await
        } else {
            Err(Error::Invalid("DATABASE_URL must begin with sqlite:// or postgres://".to_owned()))
        }
    }

    async fn open_sqlite(path: &std::path::Path, commits: Commits) -> Result<Self, Error> {
        use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
        let synchronous = match commits {
            Commits::OnDisk => SqliteSynchronous::Full,
            Commits::InMemory => SqliteSynchronous::Off,
        };
        let connect = async |connections: u32, read_only: bool| {
            let file = path.to_owned();
            let mut options = ConnectOptions::new("sqlite://");
            options.max_connections(connections).min_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
            keep_connections(&mut options);
            options.map_sqlx_sqlite_opts(move |o| {
                let o = o
                    .filename(&file)
                    .create_if_missing(!read_only)
                    .busy_timeout(Duration::from_secs(5))
                    .foreign_keys(true)
                    .synchronous(synchronous)
                    .pragma("mmap_size", "0")
                    // Of a reader less, because there are several: what it reads again, the system has at hand.
                    .pragma("cache_size", if read_only { "-4000" } else { "-16000" })
                    // What is deleted or made shorter is overwritten with zeros: a supporter who was erased is not in the file any more.
                    .pragma("secure_delete", "on");
                if read_only { o.read_only(true) } else { o.journal_mode(SqliteJournalMode::Wal) }
            });
            Database::connect(options).await
        };
        let writer = connect(1, false).await.map_err(|error| {
            tracing::debug!(%error, "SQLite");
            Error::Unavailable(format!(
                "{} cannot be opened as an SQLite database: {}. Name another file in DATABASE_URL, or give this user the right to write it",
                path.display(),
                root_cause(&error)
            ))
        })?;
        let row = writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, "select sqlite_version() as v")).await?;
        let version: String = row.map(|r| r.try_get("", "v")).transpose()?.unwrap_or_default();
        if version_parts(&version) < version_parts(SQLITE_OLDEST) {
            return Err(Error::Invalid(format!("SQLite {version} can corrupt a database; {SQLITE_OLDEST} or newer is needed")));
        }
        let reader = connect(4, true).await?;
        Ok(Self { writer, reader, commits: Arc::default() })
    }

    async fn open_postgres(url: &str, commits: Commits) -> Result<Self, Error> {
        let synchronous_commit = match commits {
            Commits::OnDisk => "on",
            Commits::InMemory => "off",
        };
        let mut options = ConnectOptions::new(url);
        keep_connections(&mut options);
        options
            .max_connections(16)
            .sqlx_logging(false)
            .connect_timeout(Duration::from_secs(5))
            .acquire_timeout(Duration::from_secs(10))
            .statement_timeout(Duration::from_secs(15))
            .map_sqlx_postgres_opts(move |o| {
                o.application_name("wellwisher").options([
                    ("lock_timeout", "10s"),
                    ("idle_in_transaction_session_timeout", "30s"),
                    ("synchronous_commit", synchronous_commit),
                    // To compile a question takes longer than to answer any that a page asks.
                    ("jit", "off"),
                ])
            });
        let pool = Database::connect(options).await.map_err(|error| {
            // The driver's words name neither the user's password nor the address.
            Error::Unavailable(format!(
                "PostgreSQL at {} does not let us in: {}. Is it running, does the database exist, and are user and password right? \
                 DATABASE_URL is read as postgres://user:password@host:5432/name",
                host_of(url),
                root_cause(&error)
            ))
        })?;
        Ok(Self { writer: pool.clone(), reader: pool, commits: Arc::default() })
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
        Ok(Migrator::get_pending_migrations_read_only(self.read()).await?.len())
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.writer.get_database_backend() == DbBackend::Postgres
    }

    /// The connection to read from. On SQLite it refuses writes.
    pub fn read(&self) -> &DatabaseConnection {
        self.forbid_within_a_write();
        &self.reader
    }

    /// Within a transaction everything goes through it. A second connection would see what was before, and wait for the first to be given
    /// back: with as many writers as connections, all wait for each other while they hold their rows.
    fn forbid_within_a_write(&self) {
        let here = Arc::as_ptr(&self.commits) as usize;
        debug_assert!(WRITING.try_with(|writing| *writing != here).unwrap_or(true), "within `db.write`, ask the transaction that it gives");
    }

    /// How many transactions this process has committed: what was read at one count is still so, as far as this process goes, at the same.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Does `work` in one transaction: all of it, or none. It may run again when another writer was in the way, so it
    /// must do nothing but write to the transaction it is given.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&DatabaseTransaction) -> Result<T, Error> + for<'t> Work<'t, T>,
    {
        self.transact(work, End::Commit).await
    }

    /// Does `work` as [`Db::write`] does and takes all of it back, however it ends: nobody else ever sees anything of it. The locks that it takes
    /// (on SQLite, the only writer's place) are held until then.
    pub async fn rehearse<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&DatabaseTransaction) -> Result<T, Error> + for<'t> Work<'t, T>,
    {
        self.transact(work, End::Rollback).await
    }

    async fn transact<T, F>(&self, work: F, end: End) -> Result<T, Error>
    where
        F: for<'t> Work<'t, T>,
    {
        self.forbid_within_a_write();
        let mut tries = 0;
        loop {
            tries += 1;
            let result = self.transact_once(&work, end).await;
            match result {
                Err(WriteError::Concurrency(_)) if tries < WRITE_TRIES_MAX => tokio::time::sleep(Duration::from_millis(7 << tries)).await,
                Err(WriteError::Concurrency(why)) => return Err(Error::Unavailable(format!("the database is too busy: {why}"))),
                Err(WriteError::Other(error)) => return Err(error),
                Ok(value) => return Ok(value),
            }
        }
    }

    async fn transact_once<T, F>(&self, work: &F, end: End) -> Result<T, WriteError>
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
        let running: Pin<Box<dyn Future<Output = Result<T, Error>> + Send + '_>> = match cfg!(debug_assertions) {
            true => Box::pin(WRITING.scope(Arc::as_ptr(&self.commits) as usize, running)),
            false => running,
        };
        match running.await {
            Ok(value) if end == End::Rollback => {
                tx.rollback().await?;
                Ok(value)
            }
            Ok(value) => {
                tx.commit().await?;
                self.commits.fetch_add(1, Ordering::Release);
                Ok(value)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(match error {
                    Error::Internal(why) if is_concurrency(&why) => WriteError::Concurrency(why),
                    // Somebody held a row for as long as one may wait: trying again would keep the person waiting as long again.
                    Error::Internal(why) if why.contains("due to lock timeout") => {
                        WriteError::Other(Error::Unavailable(format!("the database is too busy: {why}")))
                    }
                    other => WriteError::Other(other),
                })
            }
        }
    }

    /// Gathers what the database knows of its tables when it chooses how to answer: a sample, so that it takes no longer with more rows.
    /// PostgreSQL does so by itself.
    pub async fn gather_statistics(&self) -> Result<(), Error> {
        if !self.is_postgres() {
            // 0x10000: of all tables, not only those that this connection has asked (sqlite.org/pragma.html#pragma_optimize).
            self.writer.execute_unprepared("pragma analysis_limit = 1000; pragma optimize = 0x10002").await?;
        }
        Ok(())
    }

    /// Brings the log of an SQLite database into its file and empties it, so that what was deleted is in neither. While somebody reads, a part of
    /// it waits for the next time. PostgreSQL clears its own away by vacuum.
    pub async fn clear_log(&self) -> Result<(), Error> {
        if !self.is_postgres() {
            self.writer.execute_unprepared("pragma wal_checkpoint(truncate)").await?;
        }
        Ok(())
    }

    /// Closes the connections, so that an SQLite file is left without its side files.
    pub async fn close(self) -> Result<(), Error> {
        self.reader.close().await?;
        Ok(self.writer.close().await?)
    }

    /// Closes a database that was filled, and has it on the disk. `url` is the one that it was opened with. Nobody else may have it open:
    /// the last one who closes an SQLite database brings everything into its one file.
    pub async fn close_filled(self, url: &str) -> Result<(), Error> {
        if self.is_postgres() {
            // The server writes its log in order: one commit that waits for the disk takes all before it along.
            self.write(async |tx| {
                tx.execute_unprepared("set local synchronous_commit = on; select pg_current_xact_id()").await?;
                Ok(())
            })
            .await?;
        }
        self.close().await?;
        if let Some(path) = sqlite_path(url) {
            let on_disk = std::fs::File::open(&path).and_then(|file| file.sync_all());
            on_disk.map_err(|e| Error::Unavailable(format!("{} cannot be brought to the disk: {e}", path.display())))?;
        }
        Ok(())
    }
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug)]
enum Commits {
    /// The disk: a commit survives a loss of power.
    OnDisk,
    /// Nothing: only for what can be made again.
    InMemory,
}

/// How a transaction that went well ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

/// The innermost words of a database error, without the layers around it.
fn root_cause(error: &DbErr) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.to_string() {
        text if text.contains("timed out") => "nobody answers".to_owned(),
        text => text.trim_end_matches('.').to_owned(),
    }
}

/// The host and port of a database's address, without who signs in.
fn host_of(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    let host = parsed.as_ref().and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port().unwrap_or(5432))));
    host.unwrap_or_else(|| "the address in DATABASE_URL".to_owned())
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

/// Whether a column of this database has `words` in it, capitals or not, with `%` and `_` as themselves. Each is asked as it is quickest at:
/// hundreds of thousands of texts are looked through.
pub fn has_text(of: DbBackend, column: impl IntoColumnRef, words: &str) -> Expr {
    let literal = words.trim().to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let column = Expr::col(column);
    let text = match of {
        // SQLite's LIKE heeds no capitals by itself, of the same letters as its LOWER: a second look at each text would only take time.
        DbBackend::Sqlite => column,
        // Letters of ASCII have one small form everywhere; by a language's rules PostgreSQL takes several times as long to find it.
        DbBackend::Postgres if words.is_ascii() => Expr::cust_with_exprs("lower($1 collate \"C\")", [column]),
        _ => Expr::expr(Func::lower(column)),
    };
    text.like(LikeExpr::new(format!("%{literal}%")).escape('\\'))
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
