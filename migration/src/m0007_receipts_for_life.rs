//! Receipts for life: postal addresses for countries that ask for them, one statement a year, and Gift Aid.

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
        for tables in [STATEMENTS, GIFT_AID] {
            sql::run(manager, tables).await?;
        }
        for table in ["statement", "gift_aid_declaration", "gift_aid_claim"] {
            sql::refuse(manager, table, "delete", "true").await?;
        }
        sql::refuse(
            manager,
            "statement",
            "update",
            "new.snapshot <> old.snapshot or new.code <> old.code or new.number <> old.number or new.series_id <> old.series_id \
             or new.supporter_id <> old.supporter_id or new.starts_on <> old.starts_on or new.ends_on <> old.ends_on \
             or new.profile <> old.profile or new.language <> old.language or new.issued_at <> old.issued_at \
             or (old.status <> 'issued' and new.status <> old.status)",
        )
        .await?;
        // What was declared stays as it was said; only that it is cancelled may be added, once.
        sql::refuse(
            manager,
            "gift_aid_declaration",
            "update",
            "new.donation_id <> old.donation_id or new.supporter_id <> old.supporter_id or new.title <> old.title \
             or new.first_name <> old.first_name or new.last_name <> old.last_name or new.house <> old.house \
             or new.postcode <> old.postcode or new.scope <> old.scope or new.wording_version <> old.wording_version \
             or new.wording <> old.wording or new.declared_at <> old.declared_at or old.cancelled_at is not null",
        )
        .await?;
        sql::refuse(manager, "gift_aid_claim", "update", "old.state <> 'made'").await?;
        sql::refuse(manager, "gift_aid_line", "delete", "old.locked").await?;
        sql::refuse(
            manager,
            "gift_aid_line",
            "update",
            "old.locked or new.claim_id <> old.claim_id or new.donation_id <> old.donation_id or new.amount_minor <> old.amount_minor \
             or new.schedule <> old.schedule",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const STATEMENTS: &str = "
create table donation_address (
    donation_id @id primary key references donation(id), address text not null, updated_at @time not null);
create table statement (
    id @id primary key, series_id @id not null references receipt_series(id), number @int not null check (number >= 1),
    code text not null unique, supporter_id @id not null references supporter(id), starts_on @date not null, ends_on @date not null,
    status text not null check (status in ('issued', 'void', 'replaced')), status_reason text not null, issued_at @time not null,
    profile text not null, language text not null, snapshot text not null, replaces_id @id references statement(id),
    unique (series_id, number), check (starts_on < ends_on));
create unique index statement_one_issued on statement (supporter_id, starts_on) where status = 'issued';
create index statement_by_year on statement (starts_on, id);
create table confirmation (
    donation_id @id primary key references donation(id), receipt_id @id references receipt(id),
    statement_id @id references statement(id), check ((receipt_id is null) <> (statement_id is null)));
create index confirmation_by_receipt on confirmation (receipt_id);
create index confirmation_by_statement on confirmation (statement_id);
create index receipt_by_day on receipt (gift_on, id);
";

const GIFT_AID: &str = "
create table gift_aid_declaration (
    id @id primary key, donation_id @id not null unique references donation(id), supporter_id @id not null references supporter(id),
    title text not null, first_name text not null, last_name text not null, house text not null, postcode text not null,
    scope text not null check (scope in ('this', 'all')), wording_version text not null, wording text not null,
    declared_at @time not null, void_from @time, cancelled_at @time, cancel_reason text not null,
    check ((void_from is null) = (cancelled_at is null)));
create index gift_aid_declaration_by_supporter on gift_aid_declaration (supporter_id);
create index gift_aid_declaration_by_time on gift_aid_declaration (declared_at, id);
create table gift_aid_claim (
    id @id primary key, state text not null check (state in ('made', 'submitted', 'withdrawn')), until_on @date not null,
    reference text not null, made_by @id, made_at @time not null, settled_at @time);
create unique index gift_aid_claim_one_made on gift_aid_claim (state) where state = 'made';
create table gift_aid_line (
    claim_id @id not null references gift_aid_claim(id), donation_id @id not null references donation(id),
    amount_minor @int not null check (amount_minor <> 0), schedule text not null, locked boolean not null,
    primary key (claim_id, donation_id));
create unique index gift_aid_line_once on gift_aid_line (donation_id) where amount_minor > 0;
";
