//! Which key the hashes of addresses were made with, so that a changed SECRET_KEY is noticed before somebody who wants no letters gets one.

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
        sql::run(manager, "create table mail_key (id @int primary key check (id = 1), mark text not null, noted_at @time not null);").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
