//! Money that is being given back by hand says so, and money that comes back to what cannot be bought is asked about anew. What came back
//! before this step stays as finance has settled it.

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
        sql::run(
            manager,
            "alter table promise_choice add column returning_at @time;
             alter table promise_choice add column after_entry @int not null default 0;
             update promise_choice set after_entry = coalesce(
                 (select max(t.id) from ledger_transaction t where t.donation_id = promise_choice.donation_id), 0)
                 where carried_at is not null;",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
