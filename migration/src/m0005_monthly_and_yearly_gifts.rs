//! Monthly and yearly gifts, and the pages on which a supporter looks after them.

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
        sql::run(manager, RECURRING).await?;
        sql::run(manager, PORTAL).await?;
        sql::make_append_only(manager, "recurring_step").await?;
        sql::refuse(manager, "recurring_donation", "delete", "true").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const RECURRING: &str = "
create table recurring_donation (
    id @id primary key, supporter_id @id not null references supporter(id),
    status text not null check (status in ('pending', 'active', 'past_due', 'paused', 'ended')),
    every text not null check (every in ('month', 'year')),
    amount_minor @int not null check (amount_minor > 0), fee_cover_minor @int not null check (fee_cover_minor >= 0), currency text not null,
    donor_name text not null, public_name boolean not null, language text not null,
    campaign_id @id references campaign(id), article_id @id references article(id),
    fund_id @id not null references fund(id), fund_code text not null, restriction text not null,
    subscription_id text unique, customer_id text unique, item_id text, product_id text, livemode boolean not null,
    started_at @time, ended_at @time, end_reason text not null, end_note text not null, asked_end text not null,
    failing_since @time, paused_until @time, next_at @time, card_exp_year @int, card_exp_month @int,
    heard_at @time, created_at @time not null, updated_at @time not null);
create index recurring_donation_by_supporter on recurring_donation (supporter_id);
create index recurring_donation_by_status on recurring_donation (status, id);
create index recurring_donation_by_time on recurring_donation (created_at, id);
create table recurring_step (
    id @serial, recurring_donation_id @id not null references recurring_donation(id), at @time not null, kind text not null,
    actor text not null, before_minor @int, after_minor @int, detail text not null);
create index recurring_step_by_gift on recurring_step (recurring_donation_id, id);
create index recurring_step_by_time on recurring_step (at, kind);
alter table donation add column recurring_donation_id @id references recurring_donation(id);
create index donation_by_recurring on donation (recurring_donation_id, id);
";

const PORTAL: &str = "
create table portal_link (
    token_hash text primary key, supporter_id @id not null references supporter(id), created_at @time not null, expires_at @time not null);
create index portal_link_by_supporter on portal_link (supporter_id, created_at);
create table portal_session (
    token_hash text primary key, supporter_id @id not null references supporter(id), created_at @time not null,
    expires_at @time not null);
create index portal_session_by_supporter on portal_session (supporter_id);
create index portal_session_by_end on portal_session (expires_at);
";
