//! Reports: receipts by when they were issued, and what the list of donations adds up.

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
create index receipt_by_time on receipt (issued_at, id);
create index donation_sums on donation (currency, status, amount_minor);
create index payout_by_arrival on payout (arrives_on, id);
";
