//! A campaign's life with who, when and why; a deadline with a time of day; milestones and stretch goals; its texts in several languages.

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
        sql::make_append_only(manager, "campaign_step").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const TABLES: &str = "
alter table campaign add column ends_at_minute @int check (ends_at_minute between 0 and 1439);
create index campaign_by_status on campaign (status, ends_on);
create table campaign_step (
    id @serial, campaign_id @id not null references campaign(id), at @time not null, kind text not null, status text not null,
    staff_id @id, actor text not null, reason text not null, public_reason text not null,
    money text not null check (money in ('none', 'purpose', 'general', 'returned')));
create index campaign_step_by_campaign on campaign_step (campaign_id, id);
insert into campaign_step (campaign_id, at, kind, status, actor, reason, public_reason, money)
    select id, updated_at, case status when 'live' then 'launch' when 'paused' then 'pause' else 'close' end, status, 'system',
        'before steps were kept', '', 'none'
    from campaign where status <> 'draft' order by updated_at, id;
create table campaign_goal (
    id @id primary key, campaign_id @id not null references campaign(id), amount_minor @int not null check (amount_minor > 0),
    title text not null, text text not null, created_at @time not null, updated_at @time not null, unique (campaign_id, amount_minor));
create table campaign_text (
    id @serial, campaign_id @id not null references campaign(id), language text not null, title text not null, summary text not null,
    story_markdown text not null, updated_at @time not null, unique (campaign_id, language));
create table campaign_goal_text (
    id @serial, campaign_goal_id @id not null references campaign_goal(id) on delete cascade, language text not null, title text not null,
    text text not null, unique (campaign_goal_id, language));
";
