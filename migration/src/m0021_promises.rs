//! Promises that cannot be kept: who funded an item that cannot be bought chooses what becomes of the money, and the ledger can move it
//! from one purpose to another.

use crate::sql;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        allow_reclassification(manager).await?;
        sql::run(manager, TABLES).await?;
        for table in ["promise", "promise_choice"] {
            sql::refuse(manager, table, "delete", "true").await?;
        }
        sql::refuse(
            manager,
            "promise_choice",
            "update",
            "old.carried_at is not null and (new.way <> old.way or new.carried_at is null or new.carried_at <> old.carried_at \
             or new.moved_minor <> old.moved_minor or new.source <> old.source or new.refund_key <> old.refund_key)",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

/// One of the kinds that the ledger's table allows, and what it allows besides from now on.
const LAST: &str = "'reversal'";
const WIDER: &str = "'reversal', 'reclassification'";

/// SQLite cannot change a check, so there both tables of the ledger are made anew from their own description, with every index and
/// refusal that they have by now; the rows keep their numbers.
async fn allow_reclassification(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() != DbBackend::Sqlite {
        let described = "select pg_get_constraintdef(oid) as def from pg_constraint where conname = 'ledger_transaction_kind_check'
            and connamespace = to_regnamespace(current_schema())";
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, described)).await?;
        let def: String = row.ok_or_else(|| DbErr::Migration("the ledger's kinds are not checked".to_owned()))?.try_get("", "def")?;
        let wider = def.replacen("'reversal'::text", "'reversal'::text, 'reclassification'::text", 1);
        if wider == def {
            return Err(DbErr::Migration("the ledger's kinds are not those that this step knows".to_owned()));
        }
        let change = format!(
            "alter table ledger_transaction drop constraint ledger_transaction_kind_check;
             alter table ledger_transaction add constraint ledger_transaction_kind_check {wider}"
        );
        return db.execute_unprepared(&change).await.map(|_| ());
    }
    let (head, head_others) = describe(db, "ledger_transaction").await?;
    let (entry, entry_others) = describe(db, "ledger_entry").await?;
    if !head.contains(LAST) {
        return Err(DbErr::Migration("the ledger's kinds are not those that this step knows".to_owned()));
    }
    db.execute_unprepared(
        "create table ledger_transaction_before as select * from ledger_transaction;
         create table ledger_entry_before as select * from ledger_entry;
         drop table ledger_entry; drop table ledger_transaction;",
    )
    .await?;
    db.execute_unprepared(&head.replacen(LAST, WIDER, 1)).await?;
    db.execute_unprepared(&entry).await?;
    db.execute_unprepared(
        "insert into ledger_transaction select * from ledger_transaction_before order by id;
         insert into ledger_entry select * from ledger_entry_before order by id;
         drop table ledger_entry_before; drop table ledger_transaction_before;",
    )
    .await?;
    for other in head_others.iter().chain(&entry_others) {
        db.execute_unprepared(other).await?;
    }
    Ok(())
}

/// How a table of SQLite was made, and its indexes and refusals.
async fn describe(db: &impl ConnectionTrait, table: &str) -> Result<(String, Vec<String>), DbErr> {
    let question =
        format!("select type, sql from sqlite_master where tbl_name = '{table}' and sql is not null order by type = 'table' desc, name");
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, question)).await?;
    let mut described = rows.iter().map(|row| row.try_get("", "sql")).collect::<Result<Vec<String>, _>>()?;
    if described.is_empty() {
        return Err(DbErr::Migration(format!("there is no table {table}")));
    }
    let made = described.remove(0);
    Ok((made, described))
}

const TABLES: &str = "
create table promise (
    id @id primary key, wish_item_id @id not null references wish_item(id),
    reason text not null check (reason in ('price', 'unavailable', 'border', 'danger', 'not_needed', 'other')),
    note text not null, decide_by @time not null, declared_by @id, declared_by_name text not null, created_at @time not null);
create index promise_by_item on promise (wish_item_id);
create table promise_choice (
    id @id primary key, promise_id @id not null references promise(id), donation_id @id not null references donation(id),
    token_hash text not null unique, quantity @int not null check (quantity >= 1), share_minor @int check (share_minor > 0),
    amount_minor @int not null check (amount_minor > 0), currency text not null, is_whole boolean not null,
    way text not null check (way in ('open', 'item', 'general', 'refund')), to_item_id @id references wish_item(id),
    chosen_by text not null check (chosen_by in ('', 'supporter', 'default')), chosen_at @time, carried_at @time,
    moved_minor @int not null, source text not null, refund_key text not null, trouble text not null,
    created_at @time not null, updated_at @time not null, unique (promise_id, donation_id));
create index promise_choice_waiting on promise_choice (carried_at, id);
create index promise_choice_by_donation on promise_choice (donation_id);
create index promise_choice_by_source on promise_choice (source);
";
