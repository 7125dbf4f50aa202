//! The database: what a transaction may do.

use crate::support::{TestDatabase, on_both_databases};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use wellwisher::db::Db;

on_both_databases! {
    async fn within_a_transaction_nothing_asks_beside_it(database: TestDatabase) {
        let db = Db::open(&database.url).await.unwrap();
        // Two writers and as many connections would wait for each other; here it is noticed at the first.
        let beside = AssertUnwindSafe(db.write(async |_tx| db.pending_migrations().await)).catch_unwind().await;
        assert_eq!(beside.is_err(), cfg!(debug_assertions), "a read beside the transaction");
        let twice = AssertUnwindSafe(db.write(async |_tx| db.write(async |_tx| Ok(())).await)).catch_unwind().await;
        assert!(!matches!(twice, Ok(Ok(()))) || db.is_postgres() && !cfg!(debug_assertions), "a transaction beside the transaction");
        // Another database is not beside it, and afterwards everything goes on.
        let other = TestDatabase::sqlite().await;
        let other = Db::open(&other.url).await.unwrap();
        assert_eq!(db.write(async |_tx| other.pending_migrations().await).await.unwrap(), 0);
        assert_eq!(db.write(async |_tx| Ok(1)).await.unwrap(), 1);
        assert_eq!(db.pending_migrations().await.unwrap(), 0);
    }
}
