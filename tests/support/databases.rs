//! A database of its own for each test, on SQLite and on PostgreSQL, copied from one that was migrated once per run.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, Database};
use sea_orm_migration::MigratorTrait;
use tokio::sync::OnceCell;

use super::postgres::{self, PostgresDatabase};

/// A migrated, empty database that goes with its test.
pub struct TestDatabase {
    /// What `DATABASE_URL` should say.
    pub url: String,
    /// Deleted, or dropped, when the test ends.
    keeper: Keeper,
}

enum Keeper {
    Sqlite(PathBuf),
    Postgres { _database: PostgresDatabase },
}

/// What `on_both_databases!` can hand to a test.
pub trait FromDatabase: Sized {
    /// Builds the thing on a fresh database.
    fn from_database(database: TestDatabase) -> impl Future<Output = Self> + Send;
}

impl FromDatabase for TestDatabase {
    async fn from_database(database: TestDatabase) -> Self {
        database
    }
}

impl TestDatabase {
    /// A fresh SQLite file.
    pub async fn sqlite() -> Self {
        static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(make_sqlite_template).await;
        let file = sqlite_directory().join(format!("{}.db", unique_number()));
        std::fs::copy(template, &file).expect("the migrated SQLite file can be copied");
        Self { url: sqlite_url(&file), keeper: Keeper::Sqlite(file) }
    }

    /// A fresh PostgreSQL database; `None` where PostgreSQL is not installed (in CI that is a failure).
    pub async fn postgres() -> Option<Self> {
        let database = postgres::fresh_database().await?;
        Some(Self { url: database.url.clone(), keeper: Keeper::Postgres { _database: database } })
    }

    /// Whether this one is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.keeper, Keeper::Postgres { .. })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Keeper::Sqlite(file) = &self.keeper {
            for suffix in ["", "-wal", "-shm"] {
                let mut path = file.clone().into_os_string();
                path.push(suffix);
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// Brings an empty database to the newest schema, and lets go of it.
pub async fn migrate_template(url: &str) {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).idle_timeout(None::<std::time::Duration>).max_lifetime(None::<std::time::Duration>);
    let database = Database::connect(options).await.expect("the template database opens");
    migration::Migrator::up(&database, None).await.expect("the migrations run on an empty database");
    database.close().await.expect("the template database closes");
}

/// A number that no other test of this process has.
pub fn unique_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A directory of this process's own; what earlier runs left behind is removed.
fn sqlite_directory() -> PathBuf {
    super::scratch().join(format!("sqlite-{}", std::process::id()))
}

async fn make_sqlite_template() -> PathBuf {
    remove_left_overs();
    let directory = sqlite_directory();
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    let file = directory.join("template.db");
    migrate_template(&sqlite_url(&file)).await;
    file
}

/// Runs that were killed leave their directory; one whose process is gone can be deleted.
fn remove_left_overs() {
    for entry in std::fs::read_dir(super::scratch()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("sqlite-"));
        if process.is_some_and(|process| !PathBuf::from("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn sqlite_url(file: &std::path::Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// Makes two tests of each function, `name::sqlite` and `name::postgres`. The argument's type says what the test gets
/// (anything that is `FromDatabase`, in practice `TestApp`).
///
/// ```ignore
/// on_both_databases! {
///     async fn a_paid_session_is_one_donation(app: TestApp) { … }
/// }
/// ```
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($($argument:ident)+: $kind:ty $(,)?) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$attribute])*
            async fn rule($($argument)+: $kind) $body

            // The bodies are boxed: unoptimised futures are large enough to overflow a test thread's stack.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let database = $crate::support::TestDatabase::sqlite().await;
                let given = <$kind as $crate::support::FromDatabase>::from_database(database).await;
                Box::pin(rule(given)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = $crate::support::TestDatabase::postgres().await {
                    let given = <$kind as $crate::support::FromDatabase>::from_database(database).await;
                    Box::pin(rule(given)).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both_databases;

mod tests {
    use sea_orm::{ConnectionTrait, Database};

    use super::TestDatabase;

    on_both_databases! {
        async fn a_test_gets_a_database_of_its_own(database: TestDatabase) {
            let ours = Database::connect(&database.url).await.unwrap();
            ours.execute_unprepared("CREATE TABLE only_here (id integer)").await.unwrap();
            let other = if database.is_postgres() { TestDatabase::postgres().await.unwrap() } else { TestDatabase::sqlite().await };
            let theirs = Database::connect(&other.url).await.unwrap();
            assert!(theirs.execute_unprepared("SELECT * FROM only_here").await.is_err());
            assert!(ours.execute_unprepared("SELECT * FROM only_here").await.is_ok());
            ours.close().await.unwrap();
            theirs.close().await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_keeps_what_it_acknowledged() {
        let Some(database) = TestDatabase::postgres().await else { return };
        let connection = Database::connect(&database.url).await.unwrap();
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let row =
                connection.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, format!("SHOW {setting}"))).await;
            let value: String = row.unwrap().unwrap().try_get_by_index(0).unwrap();
            assert_eq!(value, "on", "{setting}");
        }
        connection.close().await.unwrap();
    }
}
