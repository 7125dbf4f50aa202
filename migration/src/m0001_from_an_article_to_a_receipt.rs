//! The first tables: articles, campaigns, wish items, donations, the ledger, receipts, letters, readers, staff.

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
        for tables in [NEWSROOM, CAMPAIGNS, GIVING, BOOKS, LETTERS, WORK, READERS, STAFF] {
            sql::run(manager, tables).await?;
        }
        for table in ["ledger_transaction", "ledger_entry", "donation_step", "letter_attempt", "audit_entry"] {
            sql::make_append_only(manager, table).await?;
        }
        sql::refuse(manager, "stripe_event", "delete", "true").await?;
        sql::refuse(
            manager,
            "stripe_event",
            "update",
            "new.id <> old.id or new.payload <> old.payload or new.event_type <> old.event_type or new.livemode <> old.livemode \
             or new.object_id <> old.object_id or new.received_at <> old.received_at",
        )
        .await?;
        sql::refuse(manager, "receipt", "delete", "true").await?;
        sql::refuse(
            manager,
            "receipt",
            "update",
            "new.snapshot <> old.snapshot or new.code <> old.code or new.number <> old.number or new.series_id <> old.series_id \
             or new.donation_id <> old.donation_id or new.amount_minor <> old.amount_minor or new.currency <> old.currency \
             or new.gift_on <> old.gift_on or new.profile <> old.profile or new.language <> old.language \
             or new.issued_at <> old.issued_at or (old.status <> 'issued' and new.status <> old.status)",
        )
        .await?;
        sql::refuse(
            manager,
            "donation",
            "update",
            "old.paid_at is not null and (new.amount_minor <> old.amount_minor or new.currency <> old.currency \
             or new.paid_at is null or new.paid_at <> old.paid_at or new.status <> old.status \
             or new.fee_cover_minor <> old.fee_cover_minor or new.fund_id <> old.fund_id or new.fund_code <> old.fund_code \
             or new.restriction <> old.restriction or new.checkout_session_id <> old.checkout_session_id)",
        )
        .await?;
        sql::refuse(manager, "donation", "delete", "true").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const NEWSROOM: &str = "
create table category (
    id @id primary key, path text not null unique, slug text not null unique, created_at @time not null);
create table article (
    id @id primary key, slug text not null unique,
    kind text not null check (kind in ('hosted', 'elsewhere')),
    canonical_url text unique, title text not null, standfirst text not null, byline text not null, body_markdown text not null,
    source_name text not null, source_url text, source_date @date, category_id @id references category(id),
    language text not null, status text not null check (status in ('draft', 'published', 'unpublished')),
    sensitive boolean not null, published_at @time, imported_views @int not null check (imported_views >= 0),
    import_key text unique, import_hash text, created_at @time not null, updated_at @time not null,
    check (kind = 'hosted' or canonical_url is not null));
create index article_by_date on article (status, published_at, id);
create index article_by_category on article (category_id, published_at);
";

const CAMPAIGNS: &str = "
create table fund (
    id @id primary key, code text not null unique, name text not null,
    restriction text not null check (restriction in ('without', 'with', 'designated', 'endowment')),
    gl_income text not null, gl_fee text not null, created_at @time not null);
create table campaign (
    id @id primary key, slug text not null unique, title text not null, summary text not null, story_markdown text not null,
    language text not null, goal_minor @int not null check (goal_minor > 0), currency text not null,
    fund_id @id not null references fund(id),
    status text not null check (status in ('draft', 'live', 'paused', 'closed')),
    starts_on @date, ends_on @date, created_at @time not null, updated_at @time not null,
    check (starts_on is null or ends_on is null or starts_on <= ends_on));
create table wish_item (
    id @id primary key, slug text not null unique, title text not null, description text not null, language text not null,
    kind text not null check (kind in ('priced', 'link')), price_minor @int check (price_minor > 0), currency text,
    quantity @int not null check (quantity >= 1), shop_url text, campaign_id @id references campaign(id),
    fund_id @id not null references fund(id), status text not null check (status in ('open', 'cancelled')),
    created_at @time not null, updated_at @time not null,
    check ((kind = 'priced' and price_minor is not null and currency is not null) or (kind = 'link' and shop_url is not null)));
create index wish_item_by_campaign on wish_item (campaign_id);
create table attachment (
    id @id primary key, target text not null check (target in ('campaign', 'wish_item')),
    campaign_id @id references campaign(id), wish_item_id @id references wish_item(id),
    scope text not null check (scope in ('article', 'category', 'everywhere')),
    article_id @id references article(id), category_id @id references category(id),
    position @int not null, created_at @time not null,
    check ((target = 'campaign') = (campaign_id is not null) and (target = 'wish_item') = (wish_item_id is not null)),
    check ((scope = 'article') = (article_id is not null) and (scope = 'category') = (category_id is not null)));
create index attachment_by_article on attachment (article_id);
create index attachment_by_category on attachment (category_id);
";

const GIVING: &str = "
create table supporter (
    id @id primary key, email text not null unique, name text not null, language text not null,
    wants_updates boolean not null, wants_updates_since @time, created_at @time not null, updated_at @time not null);
create table donation (
    id @id primary key, token_hash text not null unique, form_token text not null unique, request_hash text not null,
    status text not null check (status in ('pending', 'processing', 'paid', 'failed', 'expired')),
    supporter_id @id not null references supporter(id), donor_name text not null, public_name boolean not null, note text not null,
    wants_updates boolean not null, language text not null,
    amount_minor @int not null check (amount_minor > 0),
    fee_cover_minor @int not null check (fee_cover_minor >= 0 and fee_cover_minor < amount_minor),
    currency text not null, campaign_id @id references campaign(id), wish_item_id @id references wish_item(id),
    wish_quantity @int check (wish_quantity >= 1), article_id @id references article(id),
    fund_id @id not null references fund(id), fund_code text not null, restriction text not null,
    idempotency_key text not null unique, checkout_session_id text unique, checkout_url text,
    payment_intent_id text unique, charge_id text unique, livemode boolean not null,
    expires_at @time not null, created_at @time not null, paid_at @time, updated_at @time not null,
    check ((wish_item_id is null) = (wish_quantity is null)), check ((status = 'paid') = (paid_at is not null)));
create index donation_by_time on donation (created_at, id);
create index donation_by_supporter on donation (supporter_id);
create index donation_by_campaign on donation (campaign_id, created_at);
create index donation_waiting on donation (status, expires_at);
create table donation_step (
    id @serial, donation_id @id not null references donation(id), at @time not null, kind text not null, detail text not null);
create index donation_step_by_donation on donation_step (donation_id, id);
create table wish_reservation (
    id @id primary key, wish_item_id @id not null references wish_item(id), donation_id @id not null unique references donation(id),
    quantity @int not null check (quantity >= 1), state text not null check (state in ('held', 'paid', 'released')),
    expires_at @time not null, created_at @time not null, updated_at @time not null);
create index wish_reservation_by_item on wish_reservation (wish_item_id, state);
create table stripe_event (
    id text primary key, event_type text not null, api_version text not null, livemode boolean not null, object_id text not null,
    donation_id @id, payload text not null, received_at @time not null, outcome text not null, settled_at @time);
create index stripe_event_by_donation on stripe_event (donation_id, received_at);
create index stripe_event_by_object on stripe_event (object_id);
";

const BOOKS: &str = "
create table ledger_transaction (
    id @serial, kind text not null check (kind in ('donation', 'fee')), source text not null unique,
    donation_id @id references donation(id), occurred_at @time not null, posted_at @time not null,
    stripe_balance_transaction text, reverses_id @int references ledger_transaction(id));
create index ledger_transaction_by_donation on ledger_transaction (donation_id);
create index ledger_transaction_by_time on ledger_transaction (posted_at, id);
create table ledger_entry (
    id @serial, transaction_id @int not null references ledger_transaction(id),
    account text not null check (account in ('stripe_clearing', 'donations', 'stripe_fees', 'exchange')),
    amount_minor @int not null check (amount_minor <> 0), currency text not null, fund_id @id references fund(id),
    campaign_id @id references campaign(id), wish_item_id @id references wish_item(id), article_id @id references article(id));
create index ledger_entry_by_transaction on ledger_entry (transaction_id);
create index ledger_entry_by_campaign on ledger_entry (campaign_id, account, currency, amount_minor);
create table receipt_series (
    id @id primary key, prefix text not null, year @int not null, next_number @int not null check (next_number >= 1),
    unique (prefix, year));
create table receipt (
    id @id primary key, series_id @id not null references receipt_series(id), number @int not null check (number >= 1),
    code text not null unique, donation_id @id not null references donation(id),
    status text not null check (status in ('issued', 'void', 'replaced')), status_reason text not null,
    gift_on @date not null, issued_at @time not null, amount_minor @int not null check (amount_minor > 0), currency text not null,
    profile text not null, language text not null, snapshot text not null, unique (series_id, number));
create unique index receipt_one_issued on receipt (donation_id) where status = 'issued';
";

const LETTERS: &str = "
create table letter (
    id @id primary key, kind text not null, dedupe_key text not null unique, donation_id @id references donation(id),
    receipt_id @id references receipt(id), to_address text not null, to_name text not null, subject text not null,
    text_body text not null, html_body text not null, language text not null, message_id text not null unique,
    state text not null check (state in ('queued', 'leased', 'sent', 'deferred', 'bounced', 'suppressed', 'unknown', 'dead')),
    attempts @int not null, next_at @time not null, lease_until @time, last_stage text, smtp_code @int, last_reply text not null,
    created_at @time not null, sent_at @time);
create index letter_due on letter (state, next_at);
create index letter_by_donation on letter (donation_id);
create index letter_by_time on letter (created_at, id);
create table letter_attempt (
    id @serial, letter_id @id not null references letter(id), at @time not null, stage text not null, state text not null,
    smtp_code @int, reply text not null);
create index letter_attempt_by_letter on letter_attempt (letter_id, id);
";

const WORK: &str = "
create table job (
    id @id primary key, kind text not null, payload text not null, dedupe_key text unique, run_at @time not null,
    attempts @int not null, lease_until @time, last_error text not null, given_up_at @time, created_at @time not null);
create index job_due on job (given_up_at, run_at);
create table schedule (name text primary key, last_run_at @time not null);
";

const READERS: &str = "
create table reader_day (
    scope text not null, scope_id text not null, day @date not null, source text not null, readers @int not null, views @int not null,
    duplicates @int not null, bots @int not null, prefetch @int not null, opt_out @int not null, malformed @int not null,
    unknown_article @int not null, capped @int not null, staff @int not null, received @int not null, epochs @int not null,
    readers_min @int not null, form text not null, rules_version @int not null, closed boolean not null,
    primary key (scope, scope_id, day, source));
create index reader_day_by_day on reader_day (day, scope);
create table reader_segment (
    id @serial, day @date not null, epoch @int not null, node text not null, body @blob not null);
create index reader_segment_by_day on reader_segment (day, epoch);
create @unlogged table reader_key (day @date not null, epoch @int not null, key @blob not null, primary key (day, epoch));
";

const STAFF: &str = "
create table staff_member (
    id @id primary key, email text not null unique, name text not null,
    role text not null check (role in ('admin', 'editor', 'finance')), password_hash text not null, totp_secret text,
    totp_last_step @int not null, disabled_at @time, created_at @time not null, updated_at @time not null);
create table staff_session (
    id @id primary key, staff_id @id not null references staff_member(id), token_hash text not null unique,
    verified boolean not null, created_at @time not null, last_seen_at @time not null, expires_at @time not null);
create index staff_session_by_staff on staff_session (staff_id);
create table staff_invite (
    token_hash text primary key, role text not null, email text, created_at @time not null, expires_at @time not null, used_at @time);
create table recovery_code (
    code_hash text primary key, staff_id @id not null references staff_member(id), used_at @time);
create table audit_entry (
    id @serial, at @time not null, staff_id @id, actor text not null, action text not null, object_kind text not null,
    object_id text not null, detail text not null, previous_hash text not null, hash text not null unique);
create index audit_entry_by_object on audit_entry (object_kind, object_id);
";
