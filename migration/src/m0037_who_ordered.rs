//! Who wants to hear of what she ordered is known as a supporter, so that she is asked whether she wants it, and can be forgotten. Addresses
//! of orders that are over have no use any more.

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
            "alter table wish_order add column supporter_id @id references supporter(id);
             create index wish_order_by_supporter on wish_order (supporter_id);
             update wish_order set email = '' where state <> 'held';",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
