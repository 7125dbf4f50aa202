//! The organisation's genuine links, and the keys that its list of them was signed with.

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
        sql::run(manager, TABLES).await?;
        sql::make_append_only(manager, "genuine_key").await?;
        sql::make_append_only(manager, "genuine_shown").await?;
        sql::refuse(manager, "genuine_link", "delete", "true").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const TABLES: &str = "
create table genuine_link (
    id @id primary key, kind text not null check (kind in ('site', 'donate', 'channel', 'onion', 'email', 'bank', 'other')),
    label text not null, address text not null, added_by text not null, added_at @time not null,
    removed_by text not null, removed_at @time);
create index genuine_link_standing on genuine_link (removed_at, id);
create table genuine_key (
    number @int primary key check (number >= 2), old_public text not null, vouched boolean not null,
    begun_by text not null, begun_at @time not null);
create table genuine_shown (
    number @int primary key check (number >= 1), public_key text not null, shown_at @time not null);
";
