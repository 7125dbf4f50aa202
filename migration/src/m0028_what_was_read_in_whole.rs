//! What a million movements showed to be looked for by reading a whole table: the receipts of one donation, the donation of a charge, what
//! donations of a state come to, who gave in a year, what was raised since a day; on PostgreSQL also names and the beginnings of codes.

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
create index receipt_by_donation on receipt (donation_id, id);
create index donation_by_charge on donation (charge_id);
drop index donation_by_status;
create index donation_by_status on donation (status, created_at, id, currency, amount_minor);
drop index donation_by_supporter;
create index donation_by_supporter on donation (supporter_id, paid_at);
";

/// SQLite finds the first two through the indexes that it has, and would not use the last.
const INDEXES_OF_POSTGRES: &str = "
create index receipt_by_code on receipt (code text_pattern_ops);
drop index donation_by_name;
create index donation_by_name on donation (lower(donor_name), donor_name, id);
create index ledger_entry_of_income on ledger_entry (transaction_id, currency, amount_minor) where account = 'donations';
";
