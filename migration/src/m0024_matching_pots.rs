//! Matching pots: what sponsors promised to add to gifts, what each gift has of it, and what the sponsors paid.

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
        sql::make_append_only(manager, "match_step").await?;
        for table in ["match_pot", "match_hold", "match_payment"] {
            sql::refuse(manager, table, "delete", "true").await?;
        }
        // What a giver was promised at first is never raised, and a pot never goes to another campaign or currency.
        let raised = "new.promised_minor > old.promised_minor or new.ratio_bp <> old.ratio_bp or new.base_minor <> old.base_minor \
             or new.match_pot_id <> old.match_pot_id or new.donation_id <> old.donation_id";
        sql::refuse(manager, "match_hold", "update", raised).await?;
        sql::refuse(manager, "match_pot", "update", "new.campaign_id <> old.campaign_id or new.currency <> old.currency").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const TABLES: &str = "
create table match_pot (
    id @id primary key, campaign_id @id not null references campaign(id), sponsor_name text not null, public_name text not null,
    total_minor @int not null check (total_minor > 0), currency text not null,
    ratio_bp @int not null check (ratio_bp between 1 and 100000), gift_min_minor @int check (gift_min_minor > 0),
    match_max_minor @int check (match_max_minor > 0), starts_at @time, ends_at @time, position @int not null,
    status text not null check (status in ('draft', 'open', 'paused', 'closed')),
    held_minor @int not null check (held_minor >= 0), confirmed_minor @int not null check (confirmed_minor >= 0),
    version @int not null, created_at @time not null, updated_at @time not null,
    check (held_minor + confirmed_minor <= total_minor));
create index match_pot_by_campaign on match_pot (campaign_id, status);
create table match_hold (
    id @id primary key, match_pot_id @id not null references match_pot(id), donation_id @id not null references donation(id),
    position @int not null, ratio_bp @int not null check (ratio_bp between 1 and 100000), base_minor @int not null check (base_minor > 0),
    promised_minor @int not null check (promised_minor > 0), minor @int not null check (minor >= 0 and minor <= promised_minor),
    state text not null check (state in ('held', 'confirmed', 'freed')), expires_at @time not null,
    created_at @time not null, updated_at @time not null, unique (donation_id, match_pot_id),
    check (state = 'confirmed' or (state = 'held' and minor = promised_minor) or (state = 'freed' and minor = 0)));
create index match_hold_by_pot on match_hold (match_pot_id, state, expires_at);
create index match_hold_running_out on match_hold (state, expires_at);
create table match_step (
    id @serial, match_pot_id @id not null references match_pot(id), at @time not null, kind text not null, change_minor @int not null,
    donation_id @id references donation(id), staff_id @id, actor text not null, note text not null);
create index match_step_by_pot on match_step (match_pot_id, id);
create index match_step_by_donation on match_step (donation_id);
create table match_payment (
    id @serial, match_pot_id @id not null references match_pot(id), donation_id @id not null references donation(id),
    linked_by text not null, linked_at @time not null, unlinked_at @time);
create unique index match_payment_once on match_payment (donation_id) where unlinked_at is null;
create index match_payment_by_pot on match_payment (match_pot_id);
";
