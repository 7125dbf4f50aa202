//! Where in the life of its item a promise was declared, so that it is known what was paid later, whatever the clocks of two machines say.

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
            "alter table promise add column after_step @int not null default 0;
             update promise set after_step = coalesce(
                 (select max(s.id) from wish_step s where s.wish_item_id = promise.wish_item_id and s.at <= promise.created_at), 0);",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
