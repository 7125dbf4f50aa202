//! A gift keeps the general-ledger codes that its fund had when it was given, and what is moved to another fund those that fund had then.

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
        // Until now the books went by the funds as they are: so what is there keeps what it was shown with.
        sql::run(manager, CODES).await?;
        let drop = match manager.get_database_backend() {
            DbBackend::Sqlite => "drop trigger donation_refuses_update;",
            _ => "drop trigger donation_refuses_update on donation; drop function donation_refuses_update();",
        };
        manager.get_connection().execute_unprepared(drop).await?;
        // A code that there was none of may be given later; one that is there stays.
        sql::refuse(
            manager,
            "donation",
            "update",
            "old.paid_at is not null and (new.amount_minor <> old.amount_minor or new.currency <> old.currency \
             or new.paid_at is null or new.paid_at <> old.paid_at or new.status <> old.status \
             or new.fee_cover_minor <> old.fee_cover_minor or new.fund_id <> old.fund_id or new.fund_code <> old.fund_code \
             or new.restriction <> old.restriction or new.checkout_session_id <> old.checkout_session_id \
             or (old.gl_income <> '' and new.gl_income <> old.gl_income) or (old.gl_fee <> '' and new.gl_fee <> old.gl_fee))",
        )
        .await?;
        sql::refuse(
            manager,
            "donation_fund",
            "update",
            "new.donation_id <> old.donation_id or new.fund_id <> old.fund_id or new.fund_code <> old.fund_code \
             or new.restriction <> old.restriction or (old.gl_income <> '' and new.gl_income <> old.gl_income) \
             or (old.gl_fee <> '' and new.gl_fee <> old.gl_fee)",
        )
        .await?;
        sql::refuse(manager, "donation_fund", "delete", "true").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const CODES: &str = "
alter table donation add column gl_income text not null default '';
alter table donation add column gl_fee text not null default '';
update donation set gl_income = f.gl_income, gl_fee = f.gl_fee from fund f
    where f.id = donation.fund_id and (f.gl_income <> '' or f.gl_fee <> '');
create table donation_fund (
    donation_id @id not null references donation(id), fund_id @id not null references fund(id), fund_code text not null,
    restriction text not null check (restriction in ('without', 'with', 'designated', 'endowment')),
    gl_income text not null, gl_fee text not null, primary key (donation_id, fund_id));
insert into donation_fund (donation_id, fund_id, fund_code, restriction, gl_income, gl_fee)
    select distinct d.id, f.id, f.code, f.restriction, f.gl_income, f.gl_fee
    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id join donation d on d.id = t.donation_id
    join fund f on f.id = e.fund_id where t.kind = 'reclassification' and f.id <> d.fund_id;
";
