//! News of campaigns, wish items and the newsroom: their texts in several languages, whom they go to and how far that has come, and who
//! was asked for money when.

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
create table news_update (
    id @id primary key, slug text not null unique, campaign_id @id references campaign(id), wish_item_id @id references wish_item(id),
    language text not null, asks boolean not null,
    state text not null check (state in ('draft', 'published', 'scheduled', 'sending', 'paused', 'stopped', 'sent')),
    audience text not null check (audience in ('asked', 'gave')), only_language text not null,
    send_at @time, published_at @time, hidden boolean not null, mailing_id @id references mailing(id), expected @int not null,
    cursor_id @id, taken_in_at @time, sent_at @time, left_budget @int not null, left_given @int not null, left_other @int not null,
    written_by_name text not null, sent_by_name text not null, created_at @time not null, updated_at @time not null,
    check (campaign_id is null or wish_item_id is null),
    check (state not in ('sending', 'paused') or mailing_id is not null));
create index news_update_by_campaign on news_update (campaign_id, published_at);
create index news_update_by_item on news_update (wish_item_id, published_at);
create index news_update_by_publication on news_update (published_at, id);
create index news_update_by_state on news_update (state, send_at);
create table news_text (
    id @id primary key, update_id @id not null references news_update(id), language text not null, title text not null,
    body_markdown text not null, unique (update_id, language));
create table news_ask (
    supporter_id @id not null references supporter(id), update_id @id not null references news_update(id),
    letter_key text not null, asked_at @time not null, primary key (supporter_id, update_id));
create index news_ask_by_update on news_ask (update_id);
";
