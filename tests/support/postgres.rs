//! A throw-away PostgreSQL server, started once for all tests from the installed binaries. It dies with the test process,
//! however that ends (see `postgres.sh`). Each test gets a database of its own, copied from one that was migrated once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::sync::{mpsc, oneshot};

/// The name of the database that all others are copied from.
const TEMPLATE: &str = "wellwisher_template";

static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();

/// What the keeper of the cluster is asked to do.
enum Order {
    Create { name: String, done: oneshot::Sender<()> },
    Drop { name: String },
}

struct Cluster {
    port: u16,
    orders: mpsc::UnboundedSender<Order>,
    /// The server lives as long as the pipe to its watcher is open, that is, as long as this process.
    _watcher: Child,
}

/// A PostgreSQL database of one test's own; dropped with it.
pub struct PostgresDatabase {
    name: String,
    /// What `DATABASE_URL` should say.
    pub url: String,
}

/// Makes a migrated, empty database. `None`, said once on stderr, where PostgreSQL is not installed; with `CI=true` that is a failure.
pub async fn fresh_database() -> Option<PostgresDatabase> {
    let cluster = tokio::task::spawn_blocking(cluster).await.expect("the cluster starts")?;
    let name = format!("test_{}", super::unique_number());
    let (done, created) = oneshot::channel();
    cluster.orders.send(Order::Create { name: name.clone(), done }).expect("the keeper of the cluster lives");
    created.await.expect("the keeper of the cluster made the database; its panic is above");
    let url = url(cluster.port, &name);
    Some(PostgresDatabase { name, url })
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if let Some(Some(cluster)) = CLUSTER.get() {
            // Nobody waits for this, and at the end of the process the whole cluster goes anyway.
            let _ = cluster.orders.send(Order::Drop { name: std::mem::take(&mut self.name) });
        }
    }
}

fn cluster() -> Option<&'static Cluster> {
    CLUSTER.get_or_init(start).as_ref()
}

fn start() -> Option<Cluster> {
    let Some(binaries) = find_binaries() else {
        let advice = "PostgreSQL's server binaries (initdb, postgres) were not found in /usr/lib/postgresql/*/bin or PATH: install the package `postgresql`";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{advice}.");
        // Not `eprintln!`, which the test harness swallows.
        let _ = writeln!(std::io::stderr(), "{advice}. Until then the PostgreSQL half of the tests is SKIPPED.");
        return None;
    };
    let (port, watcher) = start_server(&binaries);
    let (orders, received) = mpsc::unbounded_channel();
    std::thread::Builder::new().name("postgres-keeper".into()).spawn(move || keep(port, received)).expect("a thread");
    Some(Cluster { port, orders, _watcher: watcher })
}

/// The newest installed version, else what `PATH` has.
fn find_binaries() -> Option<PathBuf> {
    let has_server = |directory: &Path| directory.join("initdb").is_file() && directory.join("postgres").is_file();
    let version = |directory: &PathBuf| directory.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or(0);
    let mut installed: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    installed.sort_by_key(version);
    let packaged = installed.into_iter().rev().map(|directory| directory.join("bin"));
    let on_path: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    packaged.chain(on_path).find(|directory| has_server(directory))
}

/// Starts the server on a free port. Somebody else may take the port between our look and the start, hence the attempts.
fn start_server(binaries: &Path) -> (u16, Child) {
    let mut complaint = String::new();
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let mut watcher: Child = Command::new("sh")
            .args(["-c", include_str!("postgres.sh"), "postgres.sh"])
            .arg(binaries)
            .arg(port.to_string())
            // Ctrl-C goes to the whole group; the watcher must outlive it to clean up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut answer = String::new();
        BufReader::new(watcher.stdout.take().expect("piped")).read_line(&mut answer).expect("readable");
        if answer.trim() == "ready" {
            return (port, watcher);
        }
        complaint.clear();
        let _ = watcher.stderr.take().expect("piped").read_to_string(&mut complaint);
        let _ = watcher.wait();
    }
    panic!("PostgreSQL from {} does not start:\n{complaint}", binaries.display());
}

/// Makes and drops databases, one at a time: a template can be copied only while nobody is connected to it.
fn keep(port: u16, mut orders: mpsc::UnboundedReceiver<Order>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = connect(&url(port, "postgres")).await;
        run(&server, &format!("CREATE DATABASE {TEMPLATE}")).await;
        super::migrate_template(&url(port, TEMPLATE)).await;
        while let Some(order) = orders.recv().await {
            match order {
                Order::Create { name, done } => {
                    run(&server, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
                    let _ = done.send(());
                }
                Order::Drop { name } => run(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await,
            }
        }
    });
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).idle_timeout(None::<std::time::Duration>).max_lifetime(None::<std::time::Duration>);
    Database::connect(options).await.expect("the throw-away PostgreSQL answers")
}

async fn run(server: &DatabaseConnection, sql: &str) {
    if let Err(error) = server.execute_unprepared(sql).await {
        panic!("{sql}: {error}");
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://wellwisher@127.0.0.1:{port}/{database}")
}
