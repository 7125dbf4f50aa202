//! Somebody ordered something for us at a shop, staff settle it, and she has not answered yet whether she wants to hear of it: whose the
//! order is, is kept until her answer, or until the question is too old.

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
            "alter table wish_order add column answer_due boolean not null default false
                 check (not answer_due or (state <> 'held' and supporter_id is not null));
             create index wish_order_unanswered on wish_order (id) where answer_due;",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
