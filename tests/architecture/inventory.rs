//! Whether every column of the database is said to be a supporter's or nobody's.

use crate::support::scratch;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeSet;
use wellwisher::{db::Db, privacy::inventory};

#[tokio::test]
async fn every_column_is_said_to_be_a_supporters_or_nobodys() {
    let file = scratch().join(format!("inventory-{}.db", std::process::id()));
    let db = Db::open(&format!("sqlite://{}", file.display())).await.unwrap();
    db.migrate().await.unwrap();
    let sql = "select m.name as t, p.name as c from sqlite_master m join pragma_table_info(m.name) p
        where m.type = 'table' and m.name not like 'sqlite_%' and m.name <> 'seaql_migrations'";
    let rows = db.read().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let there: BTreeSet<(String, String)> = rows.iter().map(|row| (row.try_get("", "t").unwrap(), row.try_get("", "c").unwrap())).collect();
    let hers = inventory::HERS.iter().flat_map(|table| table.columns().map(|column| (table.name.to_owned(), column.to_owned())));
    let nobodys =
        inventory::NOBODYS.iter().flat_map(|(table, columns)| columns.split(' ').map(|column| ((*table).to_owned(), column.to_owned())));
    let mut said = BTreeSet::new();
    for one in hers.chain(nobodys) {
        assert!(said.insert(one.clone()), "{one:?} is said twice in src/privacy/inventory.rs");
    }
    let unsaid: Vec<_> = there.difference(&said).collect();
    assert!(
        unsaid.is_empty(),
        "say in src/privacy/inventory.rs whether these columns are about a supporter, and what becomes of them: {unsaid:?}"
    );
    let gone: Vec<_> = said.difference(&there).collect();
    assert!(gone.is_empty(), "these columns of src/privacy/inventory.rs are not in the database: {gone:?}");
    db.close().await.unwrap();
    let _ = std::fs::remove_file(file);
}
