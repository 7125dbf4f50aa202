//! Cash and cheques are taken to the bank: several gifts become one line of the bank statement.
//!
//! A deposit moves what they come to from *undeposited* to the bank. One that was recorded wrongly is taken back by a reversing entry, and its
//! gifts wait again. Where a gift of it is taken back (a cheque that bounced), the bank takes back that one alone. A gift whose giver has her
//! money back was taken to the bank all the same: it stays in its deposit, and was paid from the bank or from what is not there yet.

use crate::{
    app::App,
    clock::start_of_day,
    donations::{store, taken::moment_of},
    error::Error,
    ledger::{self, Leg, Posting, Purpose},
    staff::{Actor, audit},
    web::pager::{PAGE_ROWS, Pager},
};
use chrono::{DateTime, Days, NaiveDate, Utc};
use entity::{
    Money, deposit, deposit_gift, donation,
    ids::{DepositId, DonationId},
    words::{Account, DonationSource, DonationStatus, MovementKind},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;

/// How many gifts one deposit has at most.
pub const GIFTS_MAX: usize = 500;

/// What was taken to the bank together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeposit {
    /// The gifts.
    pub gifts: Vec<DonationId>,
    /// The day on which the bank booked it.
    pub on: NaiveDate,
    /// What the paying-in slip or the statement says; may be empty.
    pub reference: String,
}

fn source_of(id: DepositId) -> String {
    format!("deposit:{id}")
}

/// From `from` to `to`, with nothing but the accounts.
fn moved(
    source: String,
    donation_id: Option<DonationId>,
    from: Account,
    to: Account,
    money: Money,
    at: DateTime<Utc>,
) -> Result<Posting, Error> {
    let leg = |account, amount| Leg { account, amount, purpose: Purpose::default() };
    Ok(Posting {
        kind: MovementKind::Deposit,
        source,
        donation_id,
        occurred_at: at,
        balance_transaction: None,
        reverses_id: None,
        legs: vec![leg(to, money), leg(from, money.negated()?)],
    })
}

/// Gifts by hand that are not at the bank yet: entered so, not taken back, in no deposit that counts. What was given back from the bank is still
/// where it was.
fn waiting() -> sea_orm::Select<donation::Entity> {
    use donation::Column as C;
    let is_undeposited = Expr::cust(
        "(select sum(e.amount_minor) from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
            where t.donation_id = donation.id and e.account = 'undeposited') > 0
         and not exists (select 1 from deposit_gift g where g.donation_id = donation.id and g.counts)",
    );
    donation::Entity::find().filter(C::Source.eq(DonationSource::Manual)).filter(C::Status.eq(DonationStatus::Paid)).filter(is_undeposited)
}

/// Whether the money of a gift waits to be taken to the bank.
pub async fn waits(db: &impl ConnectionTrait, id: DonationId) -> Result<bool, Error> {
    Ok(waiting().filter(donation::Column::Id.eq(id)).one(db).await?.is_some())
}

/// What waits to be taken to the bank, the oldest entry first, after the one with id `after`.
pub async fn list_waiting(db: &impl ConnectionTrait, after: Option<DonationId>) -> Result<Pager<donation::Model>, Error> {
    let mut find = waiting();
    if let Some(after) = after {
        find = find.filter(donation::Column::Id.gt(after));
    }
    let rows = find.order_by_asc(donation::Column::Id).limit(PAGE_ROWS + 1).all(db).await?;
    Ok(Pager::from_rows(rows, |gift| gift.id.to_string()))
}

/// The deposits, the newest first, after the one with id `after`.
pub async fn list(db: &impl ConnectionTrait, after: Option<DepositId>) -> Result<Pager<deposit::Model>, Error> {
    let mut find = deposit::Entity::find();
    if let Some(after) = after {
        find = find.filter(deposit::Column::Id.lt(after));
    }
    let rows = find.order_by_desc(deposit::Column::Id).limit(PAGE_ROWS + 1).all(db).await?;
    Ok(Pager::from_rows(rows, |deposit| deposit.id.to_string()))
}

/// A deposit and its gifts.
pub async fn find(
    db: &impl ConnectionTrait,
    id: DepositId,
) -> Result<(deposit::Model, Vec<(deposit_gift::Model, donation::Model)>), Error> {
    let head = deposit::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)?;
    let rows = deposit_gift::Entity::find().filter(deposit_gift::Column::DepositId.eq(id)).all(db).await?;
    let gifts = donation::Entity::find()
        .filter(donation::Column::Id.is_in(rows.iter().map(|row| row.donation_id)))
        .order_by_asc(donation::Column::Id)
        .all(db)
        .await?;
    let row_of = |gift: &donation::Model| rows.iter().find(|row| row.donation_id == gift.id).cloned();
    Ok((head, gifts.into_iter().filter_map(|gift| Some((row_of(&gift)?, gift))).collect()))
}

/// Records that gifts were taken to the bank together. The same gifts once more are the same deposit.
///
/// # Errors
/// Says in a sentence what does not fit; nothing was written then.
pub async fn record(app: &App, actor: &Actor, new: &NewDeposit) -> Result<DepositId, Error> {
    let mut gifts = new.gifts.clone();
    gifts.sort_unstable();
    gifts.dedup();
    if gifts.is_empty() {
        return Err(Error::Invalid("Choose the gifts that were taken to the bank.".to_owned()));
    }
    if gifts.len() > GIFTS_MAX {
        return Err(Error::Invalid(format!("A deposit has at most {GIFTS_MAX} gifts.")));
    }
    if new.on > app.today() {
        return Err(Error::Invalid("This day has not come yet.".to_owned()));
    }
    let id: DepositId = app.new_id();
    app.db.write(async |tx| record_in(tx, app, actor, id, &gifts, new).await).await
}

async fn record_in(
    tx: &DatabaseTransaction,
    app: &App,
    actor: &Actor,
    id: DepositId,
    gifts: &[DonationId],
    new: &NewDeposit,
) -> Result<DepositId, Error> {
    let (now, zone) = (app.now(), app.config.org_timezone);
    let mut sum: Option<Money> = None;
    let after_that_day = start_of_day(zone, new.on.checked_add_days(Days::new(1)).unwrap_or(new.on));
    // In the order of their ids, so that two who do it at once wait for each other instead of blocking each other.
    for gift in gifts {
        let gift = store::lock(tx, *gift).await?.ok_or(Error::NotFound)?;
        if gift.paid_at.is_some_and(|paid_at| paid_at >= after_that_day) {
            return Err(Error::Invalid("A gift among them was given after that day.".to_owned()));
        }
        let money = Money::new(gift.amount_minor, gift.currency);
        sum = Some(match sum {
            None => money,
            Some(sum) if sum.currency == money.currency => sum.checked_add(money)?,
            Some(_) => return Err(Error::Invalid("Gifts of several currencies are several deposits.".to_owned())),
        });
    }
    let fit = waiting().filter(donation::Column::Id.is_in(gifts.iter().copied())).all(tx).await?;
    if fit.len() != gifts.len() {
        return match find_same(tx, gifts).await? {
            Some(known) => Ok(known),
            None => Err(Error::Conflict("A gift among them is not waiting any more: it was deposited or taken back meanwhile.".to_owned())),
        };
    }
    let sum = sum.ok_or_else(|| Error::Internal("a deposit without gifts".to_owned()))?;
    let row = deposit::ActiveModel {
        id: Set(id),
        source: Set(source_of(id)),
        deposited_on: Set(new.on),
        reference: Set(new.reference.clone()),
        amount_minor: Set(sum.minor),
        currency: Set(sum.currency),
        made_by: Set(actor.staff_id),
        made_at: Set(now),
        reversed_at: Set(None),
        reason: Set(String::new()),
    };
    deposit::Entity::insert(row).exec_without_returning(tx).await?;
    let rows = gifts.iter().map(|gift| deposit_gift::ActiveModel {
        deposit_id: Set(id),
        donation_id: Set(*gift),
        counts: Set(true),
        returned_at: Set(None),
    });
    deposit_gift::Entity::insert_many(rows).exec_without_returning(tx).await?;
    for gift in gifts {
        store::note(tx, *gift, now, "deposited", &new.on.to_string()).await?;
    }
    let posting = moved(source_of(id), None, Account::Undeposited, Account::Bank, sum, moment_of(new.on, zone, now))?;
    ledger::post(tx, &posting, now).await?;
    let detail = json!({ "amount": sum.to_string(), "gifts": gifts.len(), "day": new.on });
    audit::record(tx, now, actor, "deposit.record", "deposit", &id.to_string(), detail).await?;
    Ok(id)
}

/// The deposit that has just these gifts.
async fn find_same(tx: &DatabaseTransaction, gifts: &[DonationId]) -> Result<Option<DepositId>, Error> {
    let of_first = Condition::all().add(deposit_gift::Column::DonationId.eq(gifts[0])).add(deposit_gift::Column::Counts.eq(true));
    let Some(first) = deposit_gift::Entity::find().filter(of_first).one(tx).await? else { return Ok(None) };
    let rows = deposit_gift::Entity::find()
        .filter(deposit_gift::Column::DepositId.eq(first.deposit_id))
        .order_by_asc(deposit_gift::Column::DonationId)
        .all(tx)
        .await?;
    Ok(rows.iter().map(|row| row.donation_id).eq(gifts.iter().copied()).then_some(first.deposit_id))
}

/// Takes a deposit back that was recorded wrongly: the ledger's other way round, today; its gifts wait again.
pub async fn reverse(app: &App, actor: &Actor, id: DepositId, reason: &str) -> Result<(), Error> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Error::Invalid("Say in up to 500 characters why the deposit is taken back: finance will ask.".to_owned()));
    }
    app.db.write(async |tx| reverse_in(tx, app, actor, id, reason).await).await
}

async fn reverse_in(tx: &DatabaseTransaction, app: &App, actor: &Actor, id: DepositId, reason: &str) -> Result<(), Error> {
    let now = app.now();
    let (_, gifts) = find(tx, id).await?;
    for (_, gift) in &gifts {
        store::lock(tx, gift.id).await?;
    }
    // Read again: somebody may have taken a gift back, or the deposit, before we held them.
    let (head, gifts) = find(tx, id).await?;
    if head.reversed_at.is_some() {
        return Err(Error::Conflict("This deposit was taken back already.".to_owned()));
    }
    if gifts.iter().any(|(row, _)| row.returned_at.is_some()) {
        return Err(Error::Conflict("A gift of this deposit was taken back since, so the deposit stays.".to_owned()));
    }
    let (entry, sides) =
        ledger::find_by_source(tx, &head.source).await?.ok_or_else(|| Error::Internal(format!("deposit {id} is not in the ledger")))?;
    ledger::post(tx, &Posting::reversal(&entry, &sides, now)?, now).await?;
    for (row, gift) in gifts {
        let mut row = row.into_active_model();
        row.counts = Set(false);
        row.update(tx).await?;
        store::note(tx, gift.id, now, "deposit_reversed", reason).await?;
    }
    let mut row = head.into_active_model();
    row.reversed_at = Set(Some(now));
    row.reason = Set(reason.to_owned());
    row.update(tx).await?;
    audit::record(tx, now, actor, "deposit.reverse", "deposit", &id.to_string(), json!({ "reason": reason })).await
}

/// A gift that was taken back is in a deposit: the bank took back its share too. Its row is locked by the caller.
pub(super) async fn take_out(tx: &DatabaseTransaction, gift: &donation::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let holding = Condition::all()
        .add(deposit_gift::Column::DonationId.eq(gift.id))
        .add(deposit_gift::Column::Counts.eq(true))
        .add(deposit_gift::Column::ReturnedAt.is_null());
    let Some(row) = deposit_gift::Entity::find().filter(holding).one(tx).await? else { return Ok(()) };
    let source = format!("{}:returned:{}", source_of(row.deposit_id), gift.id);
    let money = Money::new(gift.amount_minor, gift.currency);
    ledger::post(tx, &moved(source, Some(gift.id), Account::Bank, Account::Undeposited, money, now)?, now).await?;
    let mut row = row.into_active_model();
    row.returned_at = Set(Some(now));
    row.update(tx).await?;
    Ok(())
}

/// A gift by hand was given back from an account, and the entry that was taken back is of the one where it was `kept`: the difference is moved, on
/// the same day. Its row is locked by the caller.
pub(super) async fn pay_from(
    tx: &DatabaseTransaction,
    gift: &donation::Model,
    from: Account,
    kept: Account,
    reversal: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if from != kept {
        let money = Money::new(gift.amount_minor, gift.currency);
        ledger::post(tx, &moved(format!("{reversal}:paid"), Some(gift.id), from, kept, money, at)?, now).await?;
    }
    Ok(())
}

/// Whether a deposit can be taken back: it was not, and none of its gifts was.
pub fn can_be_reversed(head: &deposit::Model, gifts: &[(deposit_gift::Model, donation::Model)]) -> bool {
    head.reversed_at.is_none() && gifts.iter().all(|(row, _)| row.returned_at.is_none())
}
