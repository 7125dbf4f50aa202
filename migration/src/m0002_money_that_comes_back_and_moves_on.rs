//! Money that comes back and moves on: refunds, disputes, Stripe's balance and payouts, gifts taken by hand, accounting periods.

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
        widen_the_ledger(manager).await?;
        for tables in [DONATIONS, BACK, ONWARD, PERIODS] {
            sql::run(manager, tables).await?;
        }
        for table in ["refund", "dispute", "payout", "balance_movement"] {
            sql::refuse(manager, table, "delete", "true").await?;
        }
        sql::refuse(
            manager,
            "balance_movement",
            "update",
            "new.id <> old.id or new.gross_minor <> old.gross_minor or new.fee_minor <> old.fee_minor or new.net_minor <> old.net_minor \
             or new.currency <> old.currency or new.category <> old.category or new.source_id <> old.source_id \
             or new.occurred_at <> old.occurred_at",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

/// The kinds and accounts were checked by the table itself. SQLite cannot change such a check, so there both tables are made anew
/// with their rows; the rows keep their numbers.
async fn widen_the_ledger(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        sql::run(manager, COPY_LEDGER).await?;
        sql::run(manager, &LEDGER.replace("@kinds", KINDS).replace("@accounts", ACCOUNTS)).await?;
        sql::run(manager, RETURN_LEDGER).await?;
        for table in ["ledger_transaction", "ledger_entry"] {
            sql::make_append_only(manager, table).await?;
        }
        return Ok(());
    }
    manager
        .get_connection()
        .execute_unprepared(&format!(
            "alter table ledger_transaction drop constraint ledger_transaction_kind_check;
             alter table ledger_transaction add constraint ledger_transaction_kind_check check (kind in ({KINDS}));
             alter table ledger_entry drop constraint ledger_entry_account_check;
             alter table ledger_entry add constraint ledger_entry_account_check check (account in ({ACCOUNTS}));
             alter table ledger_transaction add column booked_at timestamptz;
             alter table ledger_transaction disable trigger ledger_transaction_refuses_update;
             update ledger_transaction set booked_at = occurred_at;
             alter table ledger_transaction enable trigger ledger_transaction_refuses_update;
             alter table ledger_transaction alter column booked_at set not null;
             create index ledger_transaction_by_booking on ledger_transaction (booked_at, id);
             create index ledger_transaction_by_balance on ledger_transaction (stripe_balance_transaction);"
        ))
        .await
        .map(|_| ())
}

const KINDS: &str = "'donation', 'fee', 'refund', 'refund_failure', 'dispute', 'dispute_reversal', 'dispute_loss', 'payout', \
                     'payout_failure', 'stripe_fee', 'reserve', 'top_up', 'other', 'unmapped', 'reversal'";
const ACCOUNTS: &str = "'stripe_clearing', 'donations', 'stripe_fees', 'exchange', 'bank', 'undeposited', 'disputed', 'stripe_reserve', \
                        'other_activity', 'unmapped'";

const COPY_LEDGER: &str = "
create table ledger_transaction_before as select * from ledger_transaction;
create table ledger_entry_before as select * from ledger_entry;
drop table ledger_entry;
drop table ledger_transaction;
";

const LEDGER: &str = "
create table ledger_transaction (
    id @serial, kind text not null check (kind in (@kinds)),
    source text not null unique, donation_id @id references donation(id), occurred_at @time not null, posted_at @time not null,
    stripe_balance_transaction text, reverses_id @int references ledger_transaction(id), booked_at @time not null);
create index ledger_transaction_by_donation on ledger_transaction (donation_id);
create index ledger_transaction_by_time on ledger_transaction (posted_at, id);
create index ledger_transaction_by_booking on ledger_transaction (booked_at, id);
create index ledger_transaction_by_balance on ledger_transaction (stripe_balance_transaction);
create table ledger_entry (
    id @serial, transaction_id @int not null references ledger_transaction(id),
    account text not null check (account in (@accounts)),
    amount_minor @int not null check (amount_minor <> 0), currency text not null, fund_id @id references fund(id),
    campaign_id @id references campaign(id), wish_item_id @id references wish_item(id), article_id @id references article(id));
create index ledger_entry_by_transaction on ledger_entry (transaction_id);
create index ledger_entry_by_campaign on ledger_entry (campaign_id, account, currency, amount_minor);
";

const RETURN_LEDGER: &str = "
insert into ledger_transaction
    (id, kind, source, donation_id, occurred_at, posted_at, stripe_balance_transaction, reverses_id, booked_at)
    select id, kind, source, donation_id, occurred_at, posted_at, stripe_balance_transaction, reverses_id, occurred_at
    from ledger_transaction_before order by id;
insert into ledger_entry (id, transaction_id, account, amount_minor, currency, fund_id, campaign_id, wish_item_id, article_id)
    select id, transaction_id, account, amount_minor, currency, fund_id, campaign_id, wish_item_id, article_id
    from ledger_entry_before order by id;
drop table ledger_entry_before;
drop table ledger_transaction_before;
";

const DONATIONS: &str = "
alter table donation add column source text not null default 'checkout' check (source in ('checkout', 'recurring', 'manual', 'imported'));
alter table donation add column method text not null default '';
alter table donation add column reference text not null default '';
alter table donation add column invoice_id text;
create unique index donation_by_invoice on donation (invoice_id);
create index donation_by_payment on donation (paid_at, id);
alter table receipt add column replaces_id @id references receipt(id);
";

const BACK: &str = "
create table refund (
    id @id primary key, donation_id @id not null references donation(id), stripe_refund_id text unique,
    idempotency_key text not null unique, amount_minor @int not null check (amount_minor > 0), currency text not null,
    state text not null check (state in ('asked', 'pending', 'succeeded', 'failed', 'canceled')),
    reason text not null, failure text not null, asked_by @id, created_at @time not null, updated_at @time not null);
create index refund_by_donation on refund (donation_id);
create index refund_by_time on refund (created_at, id);
create table dispute (
    id @id primary key, donation_id @id not null references donation(id), stripe_dispute_id text not null unique,
    amount_minor @int not null check (amount_minor > 0), currency text not null, reason text not null, stripe_status text not null,
    outcome text not null check (outcome in ('inquiry', 'open', 'won', 'lost')),
    evidence_due_at @time, opened_at @time not null, closed_at @time, updated_at @time not null);
create index dispute_by_donation on dispute (donation_id);
create index dispute_by_time on dispute (opened_at, id);
";

const ONWARD: &str = "
create table payout (
    id @id primary key, stripe_payout_id text not null unique, amount_minor @int not null, currency text not null,
    state text not null check (state in ('pending', 'in_transit', 'paid', 'failed', 'canceled')),
    automatic boolean not null, arrives_on @date not null, statement_descriptor text not null, trace_id text not null,
    balance_transaction_id text, failure_balance_transaction_id text, failure_code text not null,
    original_payout_id text, reversed_by_id text,
    reconciliation text not null check (reconciliation in ('not_applicable', 'in_progress', 'completed')),
    livemode boolean not null, itemised_at @time, created_at @time not null, updated_at @time not null);
create index payout_by_time on payout (created_at, id);
create table balance_movement (
    id text primary key, category text not null, kind text not null, source_id text not null,
    gross_minor @int not null, fee_minor @int not null, net_minor @int not null check (net_minor = gross_minor - fee_minor),
    currency text not null, occurred_at @time not null, available_at @time not null, payout_id text, donation_id @id references donation(id),
    mapped_to text not null check (mapped_to in ('gift', 'refund', 'refund_failure', 'dispute', 'dispute_reversal', 'payout',
        'payout_failure', 'stripe_fee', 'reserve', 'top_up', 'other', 'unmapped')),
    heard_at @time not null);
create index balance_movement_by_payout on balance_movement (payout_id, id);
create index balance_movement_by_time on balance_movement (occurred_at, id);
create index balance_movement_by_donation on balance_movement (donation_id);
create index balance_movement_by_mapping on balance_movement (mapped_to, occurred_at);
";

const PERIODS: &str = "
create table accounting_period (
    id @id primary key, starts_on @date not null unique, ends_on @date not null, timezone text not null,
    starts_at @time not null unique, ends_at @time not null,
    state text not null check (state in ('open', 'closed')), entries @int not null, control_hash text not null,
    closed_by @id, closed_at @time, created_at @time not null, updated_at @time not null, check (starts_on < ends_on));
create table difference (
    id @serial, kind text not null, object_id text not null, detail text not null, found_at @time not null, done text not null,
    settled_at @time, unique (kind, object_id));
create index difference_by_time on difference (settled_at, found_at);
";
