//! Forgetting: a supporter is made nameless, what the law wants kept is sealed under a key of her own, and the database lets exactly these
//! two things happen to what is otherwise never edited.

use crate::sql;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, TABLES).await?;
        for (table, condition) in REFUSALS {
            refuse_otherwise(manager, table, condition).await?;
        }
        sql::refuse(manager, "erasure", "delete", "true").await?;
        sql::refuse(
            manager,
            "erasure",
            "update",
            "new.supporter_id <> old.supporter_id or new.erased_at <> old.erased_at or new.asked_by <> old.asked_by \
             or new.documents <> old.documents or new.kept_until is distinct from old.kept_until \
             or (old.key_destroyed_at is not null and (new.key_destroyed_at is null or new.wrapped_key is not null)) \
             or (new.wrapped_key is not null and new.wrapped_key is distinct from old.wrapped_key)",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

/// Puts another condition in place of the one under which a table refuses updates.
async fn refuse_otherwise(manager: &SchemaManager<'_>, table: &str, condition: &str) -> Result<(), DbErr> {
    let drop = match manager.get_database_backend() {
        DbBackend::Sqlite => format!("drop trigger {table}_refuses_update;"),
        _ => format!("drop trigger {table}_refuses_update on {table}; drop function {table}_refuses_update();"),
    };
    manager.get_connection().execute_unprepared(&drop).await?;
    sql::refuse(manager, table, "update", condition).await
}

const TABLES: &str = "
create table erasure (
    supporter_id @id primary key references supporter(id), erased_at @time not null,
    asked_by text not null check (asked_by in ('supporter', 'staff', 'operator', 'retention')),
    documents @int not null check (documents >= 0), kept_until @date, wrapped_key @blob, key_destroyed_at @time, stripe_done_at @time,
    check ((documents = 0) = (kept_until is null)), check (documents > 0 or wrapped_key is null));
create index erasure_by_end on erasure (kept_until) where wrapped_key is not null;
create table sealed_document (
    id @id primary key, supporter_id @id not null references erasure(supporter_id),
    kind text not null check (kind in ('receipt', 'statement', 'gift_aid_declaration', 'gift_aid_line')),
    object_id @id not null, code text not null, sealed @blob not null, sealed_at @time not null);
create unique index sealed_document_once on sealed_document (kind, object_id);
create index sealed_document_by_supporter on sealed_document (supporter_id);
create table letter_to_forget (
    letter_id @id primary key references letter(id), since @time not null);
alter table receipt add column sealed_at @time;
alter table statement add column sealed_at @time;
alter table gift_aid_declaration add column sealed_at @time;
alter table gift_aid_line add column sealed_at @time;
alter table stripe_event add column stripped_at @time;
create index stripe_event_unstripped on stripe_event (received_at) where stripped_at is null;
create index letter_with_text on letter (created_at) where text_body <> '';
";

/// What these tables refuse from now on. A text that names somebody may be changed once, together with the note that it was: `sealed_at`,
/// `stripped_at`. The words of a step and of a mail server may be taken away, and not be changed.
const REFUSALS: &[(&str, &str)] = &[
    (
        "receipt",
        "(new.snapshot <> old.snapshot and not (old.sealed_at is null and new.sealed_at is not null)) \
         or (old.sealed_at is not null and new.sealed_at is distinct from old.sealed_at) \
         or new.code <> old.code or new.number <> old.number or new.series_id <> old.series_id \
         or new.donation_id <> old.donation_id or new.amount_minor <> old.amount_minor or new.currency <> old.currency \
         or new.gift_on <> old.gift_on or new.profile <> old.profile or new.language <> old.language \
         or new.issued_at <> old.issued_at or (old.status <> 'issued' and new.status <> old.status)",
    ),
    (
        "statement",
        "(new.snapshot <> old.snapshot and not (old.sealed_at is null and new.sealed_at is not null)) \
         or (old.sealed_at is not null and new.sealed_at is distinct from old.sealed_at) \
         or new.code <> old.code or new.number <> old.number or new.series_id <> old.series_id \
         or new.supporter_id <> old.supporter_id or new.starts_on <> old.starts_on or new.ends_on <> old.ends_on \
         or new.profile <> old.profile or new.language <> old.language or new.issued_at <> old.issued_at \
         or (old.status <> 'issued' and new.status <> old.status)",
    ),
    (
        "gift_aid_declaration",
        "new.donation_id <> old.donation_id or new.supporter_id <> old.supporter_id or new.scope <> old.scope \
         or new.wording_version <> old.wording_version or new.wording <> old.wording or new.declared_at <> old.declared_at \
         or new.made <> old.made or new.record_sent_on is distinct from old.record_sent_on \
         or ((new.title <> old.title or new.first_name <> old.first_name or new.last_name <> old.last_name or new.house <> old.house \
         or new.postcode <> old.postcode) and not (old.sealed_at is null and new.sealed_at is not null)) \
         or (old.sealed_at is not null and new.sealed_at is distinct from old.sealed_at) \
         or (old.cancelled_at is not null and (not (old.sealed_at is null and new.sealed_at is not null) \
         or new.cancelled_at is distinct from old.cancelled_at or new.void_from is distinct from old.void_from))",
    ),
    (
        "gift_aid_line",
        "new.claim_id <> old.claim_id or new.donation_id <> old.donation_id or new.amount_minor <> old.amount_minor \
         or (old.locked and not new.locked) \
         or (old.locked and not (old.sealed_at is null and new.sealed_at is not null)) \
         or (new.schedule <> old.schedule and not (old.sealed_at is null and new.sealed_at is not null)) \
         or (old.sealed_at is not null and new.sealed_at is distinct from old.sealed_at)",
    ),
    (
        "stripe_event",
        "new.id <> old.id or new.event_type <> old.event_type or new.livemode <> old.livemode \
         or new.object_id <> old.object_id or new.received_at <> old.received_at \
         or (new.payload <> old.payload and not (old.stripped_at is null and new.stripped_at is not null)) \
         or (old.stripped_at is not null and new.stripped_at is distinct from old.stripped_at)",
    ),
    (
        "donation_step",
        "new.detail <> '' or new.id <> old.id or new.donation_id <> old.donation_id or new.at <> old.at or new.kind <> old.kind",
    ),
    (
        "letter_attempt",
        "new.reply <> '' or new.id <> old.id or new.letter_id <> old.letter_id or new.at <> old.at or new.stage <> old.stage \
         or new.state <> old.state or new.smtp_code is distinct from old.smtp_code",
    ),
];
