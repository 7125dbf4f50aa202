//! Gifts that come by hand: their giver may have no e-mail address, and they are looked for by their reference.

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
        allow_no_address(manager).await?;
        sql::run(manager, INDEXES).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const INDEXES: &str = "
create unique index supporter_by_email on supporter (email) where email <> '';
create index donation_by_reference on donation (reference) where reference <> '';
create table canary_run (id text primary key, started_at @time not null, heard_at @time, failure text not null);
create index canary_run_by_time on canary_run (started_at);
create index donation_by_source on donation (source, status, created_at);
";

/// An address stays unique; the empty one stands for none and may stand often. SQLite cannot take a constraint away, so there the table
/// is made anew from its own description, with every column and index that it has by now.
async fn allow_no_address(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() != DbBackend::Sqlite {
        return db.execute_unprepared("alter table supporter drop constraint supporter_email_key").await.map(|_| ());
    }
    let described = db
        .query_all_raw(Statement::from_string(
            DbBackend::Sqlite,
            "select type, sql from sqlite_master where tbl_name = 'supporter' and sql is not null order by type = 'table' desc, name",
        ))
        .await?;
    let described = described.iter().map(|row| row.try_get("", "sql")).collect::<Result<Vec<String>, _>>()?;
    let Some((table, others)) = described.split_first() else {
        return Err(DbErr::Migration("there is no table of supporters".to_owned()));
    };
    let with_rule = "email text not null unique";
    if !table.contains(with_rule) {
        return Err(DbErr::Migration("the table of supporters is not the one that this step knows".to_owned()));
    }
    // The donations refer to the table while it is away: that is checked when all is done.
    db.execute_unprepared(
        "pragma defer_foreign_keys = on; create table supporter_before as select * from supporter; drop table supporter;",
    )
    .await?;
    db.execute_unprepared(&table.replace(with_rule, "email text not null")).await?;
    db.execute_unprepared("insert into supporter select * from supporter_before; drop table supporter_before;").await?;
    for other in others {
        db.execute_unprepared(other).await?;
    }
    Ok(())
}
