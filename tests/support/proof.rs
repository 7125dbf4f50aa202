//! Every test that wrote money down ends with `verify`: it is run when the test lets go of its [`TestApp`], whether anybody thought of it or
//! not. A test whose books cannot agree, because of what it did to them, says so and why.

use super::TestApp;
use sea_orm::{ConnectionTrait, Statement};
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use wellwisher::{app::App, db::Db, reports};

impl TestApp {
    /// The books of this test do not agree in the end; `why` says what was done to them. It is a mistake to say so of books that agree.
    pub fn books_end_broken(&self, why: &'static str) {
        assert!(why.contains(' '), "a sentence says why");
        let _ = self.broken_books.set(why);
    }

    /// Runs `verify` where money was written down. Called when the test ends well; one that failed has said enough.
    pub(super) fn prove_books(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let broken = match runtime.runtime_flavor() {
            // A runtime of one thread cannot wait for itself, and the connections it has let go of come back to their pool only when it runs
            // again: the books are read over connections of their own.
            RuntimeFlavor::CurrentThread => std::thread::scope(|scope| {
                let asked = scope.spawn(|| Runtime::new().expect("a runtime").block_on(find_broken_elsewhere(&self.app)));
                asked.join().expect("verify does not panic")
            }),
            _ => tokio::task::block_in_place(|| runtime.block_on(find_broken(&self.app))),
        };
        match (broken, self.broken_books.get()) {
            (None, _) => {}
            (Some(broken), None) => assert!(broken.is_empty(), "the books do not agree at the end of the test: {broken:#?}"),
            (Some(broken), Some(why)) => assert!(!broken.is_empty(), "the books agree at the end, although it was said: {why}"),
        }
    }
}

/// The same over new connections to the same database.
async fn find_broken_elsewhere(app: &App) -> Option<Vec<String>> {
    let db = Db::open(&app.config.database_url).await.expect("the test's database opens at the end");
    let app = App { db, ..app.clone() };
    let broken = find_broken(&app).await;
    app.db.close().await.expect("the connections close");
    broken
}

/// The rules that do not hold, with the rows that break them; none when no money was ever written down.
async fn find_broken(app: &App) -> Option<Vec<String>> {
    let db = app.db.read();
    let sql = "select 1 as n where exists (select 1 from donation) or exists (select 1 from ledger_transaction)
        or exists (select 1 from balance_movement)";
    let found = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("the database answers at the end");
    found?;
    let report = reports::verify(app).await.expect("verify runs at the end");
    Some(report.broken().map(|check| format!("{}: {:?}", check.name, check.findings)).collect())
}
