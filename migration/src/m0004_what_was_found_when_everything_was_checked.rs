//! The last outcome of work that looks at everything: whether the books agree, and when Stripe was last asked.

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
        sql::run(manager, OUTCOMES).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const OUTCOMES: &str = "
create table last_outcome (
    name text primary key, ok boolean not null, summary text not null, report text not null, began_at @time not null,
    ended_at @time not null);
create index stripe_event_by_time on stripe_event (received_at);
";
