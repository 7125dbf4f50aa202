//! Lists, totals and reports of a million movements: indexes that hold all that is asked for, so that the tables are not read for it.

use crate::sql;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, INDEXES).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const INDEXES: &str = "
drop index donation_by_time;
create index donation_by_time on donation (created_at, id, currency, status, amount_minor);
drop index donation_by_campaign;
create index donation_by_campaign on donation (campaign_id, created_at, id, currency, status, amount_minor);
create index donation_by_fund on donation (fund_code, created_at, id, currency, status, amount_minor);
create index donation_by_status on donation (status, created_at, id);
create index donation_by_name on donation (donor_name, id);
create index letter_by_words on letter (to_address, subject, id);
create index receipt_by_status on receipt (status, id);
create index receipt_by_profile on receipt (profile, id);
drop index ledger_entry_by_transaction;
create index ledger_entry_by_transaction on ledger_entry (transaction_id, currency, account, amount_minor);
drop index ledger_transaction_by_booking;
create index ledger_transaction_by_booking on ledger_transaction (booked_at, id, kind);
";
