//! Accounting periods: stretches of days whose books are closed together.
//!
//! A period is the instants [start, end) of its days in the organisation's zone, kept as both, because the zone's rules may change later. Closing
//! keeps how many entries it holds and a hash over them, which `verify` computes again. What is heard of later counts in the first
//! open moment after (`ledger::post` does that), so a closed period never changes. Closing and posting exclude each other: on PostgreSQL by
//! a lock that posts share and closing takes alone, on SQLite because there is one writer.

use crate::{
    app::App,
    clock::{hex, start_of_day},
    error::Error,
    staff::{Actor, audit, outcomes},
};
use chrono::{DateTime, Datelike, Days, NaiveDate, SecondsFormat, Utc};
use entity::{accounting_period, accounting_period::Column, ids::AccountingPeriodId, words::PeriodState};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QueryResult,
    Statement, Value, prelude::Uuid,
};
use serde_json::json;

/// The PostgreSQL advisory lock that posts share and that changing a period takes alone.
const LOCK: i64 = 770_042_003;

/// The name under which reconciling keeps when Stripe was last asked for everything (`payouts::reconcile`).
const RECONCILE: &str = "reconcile";

/// The same of recurring gifts (`payouts::keeping`).
const RECONCILE_RECURRING: &str = "reconcile_recurring";

/// The longest period, in days: a long business year.
const DAYS_MAX: i64 = 550;

/// How many entries are read at a time for the control hash.
const PAGE: i64 = 2_000;

/// Keeps periods from changing until the transaction ends; every post calls it before it looks for its period.
pub(super) async fn hold(tx: &impl ConnectionTrait) -> Result<(), Error> {
    lock(tx, "pg_advisory_xact_lock_shared").await
}

async fn lock(tx: &impl ConnectionTrait, how: &str) -> Result<(), Error> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_raw(Statement::from_string(DbBackend::Postgres, format!("select {how}({LOCK})"))).await?;
    }
    Ok(())
}

/// All periods, the newest first.
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<accounting_period::Model>, Error> {
    Ok(accounting_period::Entity::find().order_by_desc(Column::StartsAt).all(db).await?)
}

/// A period by its id.
pub async fn find(db: &impl ConnectionTrait, id: AccountingPeriodId) -> Result<Option<accounting_period::Model>, Error> {
    Ok(accounting_period::Entity::find_by_id(id).one(db).await?)
}

/// The days that are offered for the next period: the month after the last one, else the last month that is over.
pub fn suggest(periods: &[accounting_period::Model], today: NaiveDate) -> (NaiveDate, NaiveDate) {
    let newest = periods.iter().map(|period| period.ends_on).max();
    let this_month = today.with_day(1).unwrap_or(today);
    let first = newest.unwrap_or_else(|| (this_month - Days::new(1)).with_day(1).unwrap_or(this_month));
    let next_month = (first.with_day(1).unwrap_or(first) + Days::new(31)).with_day(1).unwrap_or(first);
    (first, next_month - Days::new(1))
}

/// Makes a period of the days from `first` to `last`, both included, in the organisation's zone.
pub async fn make(app: &App, actor: &Actor, first: NaiveDate, last: NaiveDate) -> Result<accounting_period::Model, Error> {
    let (now, zone) = (app.now(), app.config.org_timezone);
    if last < first {
        return Err(Error::Invalid("The last day is before the first.".to_owned()));
    }
    let ends_on = last.succ_opt().ok_or_else(|| Error::Invalid("The last day is too late.".to_owned()))?;
    if (ends_on - first).num_days() > DAYS_MAX {
        return Err(Error::Invalid(format!("A period has at most {DAYS_MAX} days.")));
    }
    let period = accounting_period::Model {
        id: app.new_id(),
        starts_on: first,
        ends_on,
        timezone: zone.name().to_owned(),
        starts_at: start_of_day(zone, first),
        ends_at: start_of_day(zone, ends_on),
        state: PeriodState::Open,
        entries: 0,
        control_hash: String::new(),
        closed_by: None,
        closed_at: None,
        created_at: now,
        updated_at: now,
    };
    app.db
        .write(async |tx| {
            lock(tx, "pg_advisory_xact_lock").await?;
            let (starts_at, ends_at) = beside_its_neighbours(tx, &period).await?;
            if starts_at >= ends_at {
                return Err(Error::Conflict("The periods beside these days leave no time between them.".to_owned()));
            }
            let other =
                accounting_period::Entity::find().filter(Column::StartsAt.lt(ends_at)).filter(Column::EndsAt.gt(starts_at)).one(tx).await?;
            if let Some(other) = other {
                let last = other.ends_on - Days::new(1);
                return Err(Error::Conflict(format!("These days overlap with the period from {} to {last}.", other.starts_on)));
            }
            let made = accounting_period::Model { starts_at, ends_at, ..period.clone() };
            accounting_period::Entity::insert(made.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
            let detail = json!({ "first": first, "last": last, "timezone": made.timezone });
            audit::record(tx, now, actor, "period.make", "period", &made.id.to_string(), detail).await?;
            Ok(made)
        })
        .await
}

/// The instants of a period. It begins where the period of the days before ends, and ends where the one of the days after begins, also when
/// the organisation's zone was another then: no moment is in two periods or in none.
async fn beside_its_neighbours(
    tx: &impl ConnectionTrait,
    period: &accounting_period::Model,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
    let before = accounting_period::Entity::find().filter(Column::EndsOn.eq(period.starts_on)).one(tx).await?;
    let after = accounting_period::Entity::find().filter(Column::StartsOn.eq(period.ends_on)).one(tx).await?;
    Ok((before.map_or(period.starts_at, |one| one.ends_at), after.map_or(period.ends_at, |one| one.starts_at)))
}

/// Takes away a period that is open; what was booked in it stays where it is.
pub async fn remove(app: &App, actor: &Actor, id: AccountingPeriodId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            lock(tx, "pg_advisory_xact_lock").await?;
            let period = find(tx, id).await?.ok_or(Error::NotFound)?;
            if period.state == PeriodState::Closed {
                return Err(Error::Conflict("A closed period is not taken away: open it again first.".to_owned()));
            }
            accounting_period::Entity::delete_by_id(id).exec(tx).await?;
            let detail = json!({ "first": period.starts_on, "last": period.ends_on - Days::new(1) });
            audit::record(tx, now, actor, "period.remove", "period", &id.to_string(), detail).await
        })
        .await
}

/// What keeps a period from being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is not over yet.
    NotOver,
    /// Stripe was not asked for everything since it ended.
    NotAsked,
    /// Movements of Stripe's balance of a kind that nobody has mapped.
    Unmapped(i64),
    /// Movements of our donations in a balance of Stripe's that is not known, and that nobody has settled.
    UnknownBalance(i64),
    /// Movements of our donations that are not in the ledger.
    NotPosted(i64),
    /// Lists that Stripe does not give, and that nobody has settled.
    Unlisted(i64),
    /// Movements and payouts at Stripe that could not be read, and that nobody has settled.
    Unread(i64),
    /// Automatic payouts that Stripe has not itemised yet.
    NotItemised(i64),
    /// Payouts that their parts do not add up to.
    Remainder(i64),
    /// Currencies of which Stripe holds other than the books say, or does not say what it holds, where payouts were made by hand in them and
    /// nobody has settled it: of those Stripe tells no parts, so what it holds is the only proof.
    Held(i64),
    /// Events of Stripe's that wait or were refused, and that nobody has settled.
    Events(i64),
}

impl Obstacle {
    /// The end of the key of its text.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotOver => "not-over",
            Self::NotAsked => "not-asked",
            Self::Unmapped(_) => "unmapped",
            Self::UnknownBalance(_) => "unknown-balance",
            Self::NotPosted(_) => "not-posted",
            Self::Unlisted(_) => "unlisted",
            Self::Unread(_) => "unread",
            Self::NotItemised(_) => "not-itemised",
            Self::Remainder(_) => "remainder",
            Self::Held(_) => "held",
            Self::Events(_) => "events",
        }
    }

    /// How many things are in the way.
    pub const fn count(&self) -> i64 {
        match self {
            Self::NotOver | Self::NotAsked => 1,
            Self::Unmapped(n)
            | Self::UnknownBalance(n)
            | Self::NotPosted(n)
            | Self::Unlisted(n)
            | Self::Unread(n)
            | Self::NotItemised(n)
            | Self::Remainder(n)
            | Self::Held(n)
            | Self::Events(n) => *n,
        }
    }
}

const USES_STRIPE: &str = "select case when exists (select 1 from balance_movement)
    or exists (select 1 from donation where payment_intent_id is not null) then cast(1 as bigint) else cast(0 as bigint) end as n";
const UNMAPPED: &str = "select count(*) as n from balance_movement m join ledger_transaction t on t.stripe_balance_transaction = m.id
    where m.mapped_to = 'unmapped' and t.kind = 'unmapped' and t.booked_at >= $1 and t.booked_at < $2";
// Those of payments under way are posted when they are decided. What was heard of after its own period was closed keeps the next one open.
const NOT_POSTED: &str = "select count(*) as n from balance_movement m where m.occurred_at < $2
    and (m.occurred_at >= $1 or m.id in (select object_id from difference where kind = 'not_posted' and settled_at is null))
    and not exists (select 1 from ledger_transaction t where t.stripe_balance_transaction = m.id and t.source not like '%:held_back%')
    and (m.mapped_to <> 'reserve' or m.balance in ('payments', 'issuing', 'refund_and_dispute_prefunding'))
    and not exists (select 1 from donation d where d.id = m.donation_id and d.status = 'processing')";
const HAS_RECURRING: &str = "select count(*) as n from (select id from recurring_donation limit 1) r";
// What Stripe holds is no list, and all else can be known without it.
const UNLISTED: &str = "select count(*) as n from difference where kind = 'unlisted' and object_id <> 'balance' and settled_at is null";
const UNREAD: &str = "select count(*) as n from difference where kind in ('unread_movement', 'unread_payout') and settled_at is null";
// A gift's money that is in a balance which is not known, until somebody has looked.
const UNKNOWN_BALANCE: &str = "select count(*) as n from difference where kind = 'unknown_balance' and settled_at is null";
const NOT_ITEMISED: &str = "select count(*) as n from payout p where p.created_at >= $1 and p.created_at < $2 and p.automatic
    and p.itemised_at is null and p.reconciliation <> 'not_applicable' and p.state not in ('failed', 'canceled')";
const REMAINDER: &str = "select count(*) as n from payout p where p.created_at >= $1 and p.created_at < $2 and p.itemised_at is not null
    and (p.amount_minor <> (select coalesce(sum(m.net_minor), 0) from balance_movement m
            where m.payout_id = p.stripe_payout_id and m.source_id <> p.stripe_payout_id and m.currency = p.currency and m.balance = 'payments')
        or exists (select 1 from balance_movement m where m.payout_id = p.stripe_payout_id and m.currency <> p.currency and m.balance = 'payments'
            group by m.currency having sum(m.net_minor) <> 0))";
// What is of payments under way is told at the end and waits for nobody; what stands behind it, or instead of it, nobody can explain. Where Stripe
// does not even say what it holds, nothing is proven either.
const HELD: &str = "select count(*) as n from difference d where d.settled_at is null and exists (
        select 1 from payout p where p.created_at >= $1 and p.created_at < $2 and not p.automatic and p.state not in ('failed', 'canceled')
            and (p.currency = d.object_id or d.kind = 'unlisted'))
    and ((d.kind = 'balance' and d.detail not like '%whose fee Stripe has not told yet.') or (d.kind = 'unlisted' and d.object_id = 'balance'))";
const EVENTS: &str = "select count(*) as n from stripe_event v where v.received_at >= $1 and v.received_at < $2
    and (v.outcome = 'waiting' or v.outcome like 'refused%') and not exists (
        select 1 from difference d where d.kind = 'event' and d.object_id = v.id and d.settled_at is not null)";

/// What keeps a period from being closed now.
pub async fn obstacles(db: &impl ConnectionTrait, period: &accounting_period::Model, now: DateTime<Utc>) -> Result<Vec<Obstacle>, Error> {
    let mut found = Vec::new();
    if now < period.ends_at {
        found.push(Obstacle::NotOver);
    }
    let has_movements = count(db, USES_STRIPE, period).await? > 0;
    let mut asked = outcomes::last(db, RECONCILE).await?.is_some_and(|last| last.began_at >= period.ends_at);
    // A renewal whose events were lost would be taken for somebody else's payment.
    if asked && count(db, HAS_RECURRING, period).await? > 0 {
        asked = outcomes::last(db, RECONCILE_RECURRING).await?.is_some_and(|last| last.began_at >= period.ends_at);
    }
    if has_movements && !asked && now >= period.ends_at {
        found.push(Obstacle::NotAsked);
    }
    type Make = fn(i64) -> Obstacle;
    let questions: [(&str, Make); 9] = [
        (UNMAPPED, Obstacle::Unmapped),
        (UNKNOWN_BALANCE, Obstacle::UnknownBalance),
        (UNLISTED, Obstacle::Unlisted),
        (UNREAD, Obstacle::Unread),
        (NOT_POSTED, Obstacle::NotPosted),
        (NOT_ITEMISED, Obstacle::NotItemised),
        (REMAINDER, Obstacle::Remainder),
        (HELD, Obstacle::Held),
        (EVENTS, Obstacle::Events),
    ];
    for (question, obstacle) in questions {
        let n = count(db, question, period).await?;
        if n > 0 {
            found.push(obstacle(n));
        }
    }
    Ok(found)
}

async fn count(db: &impl ConnectionTrait, question: &str, period: &accounting_period::Model) -> Result<i64, Error> {
    let values: Vec<Value> = if question.contains("$1") { vec![period.starts_at.into(), period.ends_at.into()] } else { Vec::new() };
    let row = db.query_one_raw(Statement::from_sql_and_values(db.get_database_backend(), question, values)).await?;
    Ok(row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0))
}

/// Closes a period, unless something keeps it from that.
pub async fn close(app: &App, actor: &Actor, id: AccountingPeriodId) -> Result<accounting_period::Model, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            lock(tx, "pg_advisory_xact_lock").await?;
            let mut period = find(tx, id).await?.ok_or(Error::NotFound)?;
            if period.state == PeriodState::Closed {
                return Err(Error::Conflict("This period is closed already.".to_owned()));
            }
            if !obstacles(tx, &period, now).await?.is_empty() {
                return Err(Error::Conflict("Something keeps this period from being closed; its page says what.".to_owned()));
            }
            let control = control(tx, period.starts_at, period.ends_at).await?;
            period.state = PeriodState::Closed;
            period.entries = control.entries;
            period.control_hash = control.hash;
            period.closed_by = actor.staff_id;
            period.closed_at = Some(now);
            period.updated_at = now;
            period.clone().into_active_model().reset_all().update(tx).await?;
            let detail = json!({ "entries": period.entries, "control_hash": period.control_hash });
            audit::record(tx, now, actor, "period.close", "period", &id.to_string(), detail).await?;
            Ok(period)
        })
        .await
}

/// Opens a closed period again; the trail keeps why, and what it was closed with.
pub async fn reopen(app: &App, actor: &Actor, id: AccountingPeriodId, reason: &str) -> Result<(), Error> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Error::Invalid("Say why, in at most 500 characters.".to_owned()));
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            lock(tx, "pg_advisory_xact_lock").await?;
            let mut period = find(tx, id).await?.ok_or(Error::NotFound)?;
            if period.state == PeriodState::Open {
                return Err(Error::Conflict("This period is open.".to_owned()));
            }
            let detail = json!({ "reason": reason, "entries": period.entries, "control_hash": period.control_hash });
            period.state = PeriodState::Open;
            period.entries = 0;
            period.control_hash = String::new();
            period.closed_by = None;
            period.closed_at = None;
            period.updated_at = now;
            period.into_active_model().reset_all().update(tx).await?;
            audit::record(tx, now, actor, "period.reopen", "period", &id.to_string(), detail).await
        })
        .await
}

/// What a stretch of the ledger holds: the same as long as no entry of it is changed, added or taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// How many entries.
    pub entries: i64,
    /// SHA-256 (hex) over all of them with their transactions, in the order of their numbers.
    pub hash: String,
}

const ENTRIES: &str = "select e.id as entry, e.account as account, e.amount_minor as amount, e.currency as currency, e.fund_id as fund,
        e.campaign_id as campaign, e.wish_item_id as item, e.article_id as article, t.id as transaction_id, t.kind as kind, t.source as source,
        t.donation_id as donation, t.occurred_at as occurred_at, t.booked_at as booked_at, t.reverses_id as reverses
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where t.booked_at >= $1 and t.booked_at < $2 and e.id > $3 order by e.id limit $4";

/// Counts and hashes the entries that count in [starts, ends), a few thousand at a time.
pub async fn control(db: &impl ConnectionTrait, starts: DateTime<Utc>, ends: DateTime<Utc>) -> Result<Control, Error> {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let (mut entries, mut last) = (0i64, 0i64);
    loop {
        let values: Vec<Value> = vec![starts.into(), ends.into(), last.into(), PAGE.into()];
        let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), ENTRIES, values)).await?;
        for row in &rows {
            last = row.try_get("", "entry")?;
            digest.update(line(row, last)?.as_bytes());
            entries += 1;
        }
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(Control { entries, hash: hex(digest.finish().as_ref()) });
        }
    }
}

/// An entry as it is hashed: every column, in this order, as a line of JSON.
fn line(row: &QueryResult, entry: i64) -> Result<String, Error> {
    let text = |name| row.try_get::<String>("", name);
    let id = |name| row.try_get::<Option<Uuid>>("", name);
    let time = |name| Ok::<_, Error>(row.try_get::<DateTime<Utc>>("", name)?.to_rfc3339_opts(SecondsFormat::Micros, true));
    let number = |name| row.try_get::<i64>("", name);
    let mut line = json!([
        entry,
        text("account")?,
        number("amount")?,
        text("currency")?,
        id("fund")?,
        id("campaign")?,
        id("item")?,
        id("article")?,
        number("transaction_id")?,
        text("kind")?,
        text("source")?,
        id("donation")?,
        time("occurred_at")?,
        time("booked_at")?,
        row.try_get::<Option<i64>>("", "reverses")?,
    ])
    .to_string();
    line.push('\n');
    Ok(line)
}
