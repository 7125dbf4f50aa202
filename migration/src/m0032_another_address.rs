//! Another address: a supporter's e-mail address changes only when both mailboxes had their say.

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
        sql::run(manager, TABLES).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const TABLES: &str = "
create table address_change (
    id @id primary key, supporter_id @id not null references supporter(id),
    asked_by text not null check (asked_by in ('supporter', 'staff', 'operator', 'retention')),
    old_address text not null, new_address text not null,
    old_token_hash text not null unique, new_token_hash text not null unique, old_letter_id @id not null,
    asked_at @time not null, expires_at @time not null, old_agreed_at @time, new_agreed_at @time,
    done_at @time, undo_until @time, ended_at @time,
    ended_why text not null check (ended_why in ('', 'refused', 'undone', 'replaced', 'taken')),
    check ((done_at is null) = (undo_until is null)), check ((ended_at is null) = (ended_why = '')));
create index address_change_by_supporter on address_change (supporter_id, asked_at);
create unique index address_change_one_open on address_change (supporter_id) where done_at is null and ended_at is null;
";
