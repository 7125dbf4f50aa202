//! Letters at scale: two streams, mailings to many, who wants no letters, who asked for news.

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
        sql::run(manager, MAILINGS).await?;
        sql::run(manager, LETTERS).await?;
        sql::run(manager, CONSENT).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

/// A text that goes to many is kept once for each language.
const MAILINGS: &str = "
create table mailing (
    id @id primary key, name text not null, created_at @time not null, paused_at @time, stopped_at @time, reason text not null);
create table letter_content (
    id @id primary key, mailing_id @id not null references mailing(id), language text not null, subject text not null,
    text_body text not null, html_body text not null, unique (mailing_id, language));
create table mail_stream (stream text primary key, paused_at @time, reason text not null);
create table mail_domain (
    stream text not null, domain text not null, strikes @int not null, struck_at @time not null, wait_until @time,
    primary key (stream, domain));
";

/// What is due is found by stream and time alone: a letter that is not tried again has a time that never comes.
const LETTERS: &str = "
alter table letter add column stream text not null default 'transactional';
alter table letter add column domain text not null default '';
alter table letter add column topic text not null default '';
alter table letter add column mailing_id @id references mailing(id);
alter table letter add column content_id @id references letter_content(id);
create index letter_due_in_stream on letter (stream, next_at);
create index letter_by_mailing on letter (mailing_id, state);
drop index letter_due;
create index letter_by_state on letter (state, created_at);
update letter set next_at = (select max(sent.next_at) from letter sent where sent.state = 'sent')
    where state = 'suppressed' and exists (select 1 from letter sent where sent.state = 'sent');
alter table supporter add column discreet boolean not null default false;
";

const CONSENT: &str = "
create table suppression (
    id @id primary key, address_hash text not null, topic text not null,
    reason text not null check (reason in ('unsubscribed', 'hard_bounce', 'complaint', 'staff')), note text not null,
    letter_id @id, made_by text not null, made_at @time not null, renewed_at @time not null,
    lifted_by text not null, lifted_at @time, lift_note text not null);
create unique index suppression_in_force on suppression (address_hash, topic, reason) where lifted_at is null;
create table bounce (
    id @serial, letter_id @id not null references letter(id), via text not null, severity text not null, status text not null,
    diagnostic text not null, address_hash text not null, at @time not null, unique (letter_id, via));
create index bounce_by_address on bounce (address_hash, at);
create table subscription (
    id @id primary key, supporter_id @id not null references supporter(id), address_hash text not null, topic text not null,
    language text not null, wording text not null, wording_version text not null, token_hash text not null unique,
    requested_at @time not null, expires_at @time not null, confirmed_at @time, ended_at @time, ended_by text not null);
create unique index subscription_in_force on subscription (supporter_id, topic) where ended_at is null;
create index subscription_by_topic on subscription (topic, confirmed_at);
create index subscription_by_address on subscription (address_hash);
";
