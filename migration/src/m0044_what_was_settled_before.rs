//! Two steps before this one left something open. Of a promise that was declared before late payers were asked by themselves, staff were told
//! that late money stays with its campaign: that holds. And a letter about an order is discreet whoever it goes to.

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
        let declared = match manager.get_database_backend() {
            DbBackend::Sqlite => "unixepoch(created_at)",
            _ => "extract(epoch from created_at)",
        };
        let settled = format!(
            "update promise set after_step = coalesce(
                 (select max(s.id) from wish_step s where s.wish_item_id = promise.wish_item_id), 0)
             where {declared} <= (select applied_at from seaql_migrations where version = 'm0041_who_pays_late')
                 and not exists (select 1 from wish_step r
                     where r.wish_item_id = promise.wish_item_id and r.kind = 'reopened' and r.id > promise.after_step);"
        );
        manager.get_connection().execute_unprepared(&settled).await?;
        sql::run(manager, "update letter set discreet = true where kind = 'order_settled' and state <> 'sent';").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
