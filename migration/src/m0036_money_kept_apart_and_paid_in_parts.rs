//! Which of its balances Stripe moved, and several payments for one invoice.

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
        // What was read before is taken for the balance that is paid out, as it was until now; reading it again puts it right. So the next
        // run reads from the beginning once, however long ago that was.
        sql::run(manager, "alter table balance_movement add column balance text not null default 'payments';").await?;
        sql::run(manager, "delete from last_outcome where name = 'balance';").await?;
        // A payment is still one donation: its own id is unique.
        sql::run(manager, "drop index donation_by_invoice; create index donation_by_invoice on donation (invoice_id);").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
