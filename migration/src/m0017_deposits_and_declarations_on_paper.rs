//! Cash and cheques are taken to the bank, and Gift Aid is declared on paper and by word of mouth too.

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
        know_deposits(manager).await?;
        sql::run(manager, TABLES).await?;
        sql::refuse(manager, "deposit", "delete", "true").await?;
        sql::refuse(
            manager,
            "deposit",
            "update",
            "new.source <> old.source or new.deposited_on <> old.deposited_on or new.amount_minor <> old.amount_minor \
             or new.currency <> old.currency or old.reversed_at is not null",
        )
        .await?;
        sql::refuse(manager, "deposit_gift", "delete", "true").await?;
        protect_declarations(manager).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const TABLES: &str = "
create table deposit (
    id @id primary key, source text not null unique, deposited_on @date not null, reference text not null,
    amount_minor @int not null check (amount_minor > 0), currency text not null, made_by @id, made_at @time not null,
    reversed_at @time, reason text not null);
create index deposit_by_time on deposit (made_at, id);
create table deposit_gift (
    deposit_id @id not null references deposit(id), donation_id @id not null references donation(id), counts boolean not null,
    returned_at @time, primary key (deposit_id, donation_id));
create unique index deposit_gift_once on deposit_gift (donation_id) where counts;
alter table gift_aid_declaration add column made text not null default 'online' check (made in ('online', 'paper', 'oral'));
alter table gift_aid_declaration add column recorded_by @id;
alter table gift_aid_declaration add column record_sent_on @date;
";

/// The ledger learns another kind. SQLite cannot change a check, so there the table is made anew from its own description, with every column,
/// index and refusal that it has by now; its rows keep their numbers.
async fn know_deposits(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() != DbBackend::Sqlite {
        let question = "select pg_get_constraintdef(oid) as rule from pg_constraint
            where conname = 'ledger_transaction_kind_check' and conrelid = 'ledger_transaction'::regclass";
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, question)).await?;
        let rule: String = row.ok_or_else(unknown)?.try_get("", "rule")?;
        let wider = with_deposit(&rule, "'reversal'::text", "'deposit'::text")?;
        return db
            .execute_unprepared(&format!(
                "alter table ledger_transaction drop constraint ledger_transaction_kind_check;
                 alter table ledger_transaction add constraint ledger_transaction_kind_check {wider};"
            ))
            .await
            .map(|_| ());
    }
    let question =
        "select sql from sqlite_master where tbl_name = 'ledger_transaction' and sql is not null order by type = 'table' desc, name";
    let described = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, question)).await?;
    let described = described.iter().map(|row| row.try_get("", "sql")).collect::<Result<Vec<String>, _>>()?;
    let (table, others) = described.split_first().ok_or_else(unknown)?;
    let wider = with_deposit(table, "'reversal'", "'deposit'")?;
    // The entries refer to the table while it is away: that is checked when all is done.
    db.execute_unprepared(
        "pragma defer_foreign_keys = on; create table ledger_transaction_before as select * from ledger_transaction; drop table ledger_transaction;",
    )
    .await?;
    db.execute_unprepared(&wider).await?;
    db.execute_unprepared(
        "insert into ledger_transaction select * from ledger_transaction_before order by id; drop table ledger_transaction_before;",
    )
    .await?;
    for other in others {
        db.execute_unprepared(other).await?;
    }
    Ok(())
}

fn with_deposit(rule: &str, last: &str, new: &str) -> Result<String, DbErr> {
    if rule.matches(last).count() == 1 { Ok(rule.replace(last, &format!("{last}, {new}"))) } else { Err(unknown()) }
}

fn unknown() -> DbErr {
    DbErr::Migration("the table of ledger transactions is not the one that this step knows".to_owned())
}

/// What was declared, how, and when its record was sent stays as it was said too.
async fn protect_declarations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let drop = match manager.get_database_backend() {
        DbBackend::Sqlite => "drop trigger gift_aid_declaration_refuses_update;",
        _ => {
            "drop trigger gift_aid_declaration_refuses_update on gift_aid_declaration;
             drop function gift_aid_declaration_refuses_update();"
        }
    };
    manager.get_connection().execute_unprepared(drop).await?;
    sql::refuse(
        manager,
        "gift_aid_declaration",
        "update",
        "new.donation_id <> old.donation_id or new.supporter_id <> old.supporter_id or new.title <> old.title \
         or new.first_name <> old.first_name or new.last_name <> old.last_name or new.house <> old.house \
         or new.postcode <> old.postcode or new.scope <> old.scope or new.wording_version <> old.wording_version \
         or new.wording <> old.wording or new.declared_at <> old.declared_at or new.made <> old.made \
         or new.record_sent_on is distinct from old.record_sent_on or old.cancelled_at is not null",
    )
    .await
}
