//! Lists and pages of a million movements within a tenth of a second: what donations of one state come to, what came from an article, the
//! letters of a receipt and what was posted for a donation, each read off an index that holds all that is asked for.

use crate::sql;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, INDEXES).await?;
        match manager.get_database_backend() {
            DbBackend::Sqlite => Ok(()),
            _ => manager.get_connection().execute_unprepared(INDEXES_OF_POSTGRES).await.map(|_| ()),
        }
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const INDEXES: &str = "
drop index donation_sums;
create index donation_sums on donation (status, currency, amount_minor);
create index ledger_entry_by_article on ledger_entry (article_id, account, currency, amount_minor) where article_id is not null;
create index letter_by_receipt on letter (receipt_id) where receipt_id is not null;
";

/// An index of SQLite has the row's number anyway.
const INDEXES_OF_POSTGRES: &str = "
drop index ledger_transaction_by_donation;
create index ledger_transaction_by_donation on ledger_transaction (donation_id, kind, id);
drop index ledger_transaction_by_kind;
create index ledger_transaction_by_kind on ledger_transaction (kind, donation_id, id);
";
