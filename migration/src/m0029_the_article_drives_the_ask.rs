//! Articles that are corrected or retracted, checkouts that end when an article asks no more, attachments with days.

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
        sql::run(manager, NOTICES).await?;
        sql::run(manager, ENDINGS).await?;
        for table in ["article_notice", "checkout_ending"] {
            sql::refuse(manager, table, "delete", "true").await?;
        }
        // What readers were told stays as it was told; it can only be lifted.
        sql::refuse(
            manager,
            "article_notice",
            "update",
            "new.texts <> old.texts or new.kind <> old.kind or new.noted_on <> old.noted_on or old.lifted_at is not null",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const NOTICES: &str = "
alter table article add column retracted boolean not null default false;
alter table attachment add column starts_on @date;
alter table attachment add column ends_on @date;
create table article_notice (
    id @id primary key, article_id @id not null references article(id), kind text not null check (kind in ('corrected', 'retracted')),
    noted_on @date not null, texts text not null, made_by text not null, made_at @time not null,
    lifted_by text not null, lifted_at @time);
create index article_notice_by_article on article_notice (article_id, id);
";

const ENDINGS: &str = "
create table checkout_ending (
    donation_id @id primary key references donation(id), article_id @id not null references article(id),
    reason text not null check (reason in ('sensitive', 'retracted', 'unpublished')), asked_at @time not null,
    outcome text not null check (outcome in ('open', 'ended', 'paid', 'processing', 'over')), done_at @time,
    check ((outcome = 'open') = (done_at is null)));
create index checkout_ending_by_article on checkout_ending (article_id, donation_id);
create index checkout_ending_open on checkout_ending (outcome, asked_at);
create index donation_by_article on donation (article_id, status);
create index recurring_donation_by_article on recurring_donation (article_id, id);
";
