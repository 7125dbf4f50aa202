//! The canary tries every link of the chain that a gift goes through, and keeps what it found of each.

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
        // Runs of one link say nothing of the others: the next start begins one of the whole chain.
        sql::run(
            manager,
            "drop table canary_run;
             create table canary_run (id text primary key, started_at @time not null, unfinished text not null);
             create index canary_run_by_time on canary_run (started_at);
             create table canary_link (
                 run_id text not null references canary_run(id) on delete cascade,
                 link text not null check (link in ('checkout', 'payment', 'message', 'books', 'letter')),
                 tried_at @time not null, well_at @time, failure text not null, reference text not null, silent_since @time,
                 primary key (run_id, link));
             create index canary_link_by_time on canary_link (link, tried_at);
             delete from schedule where name = 'canary';",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
