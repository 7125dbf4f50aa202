//! Claims: which gifts can be claimed on, what is given back for gifts that were refunded since, and that no gift is claimed on twice.
//!
//! What can be claimed on a gift is its worth while a declaration covers it, and nothing otherwise. A claim has, for each gift, the difference to
//! what earlier claims have: more is a row of HMRC's schedule, less is an adjustment. So a refund, a lost dispute and a declaration that was never
//! right are given back in the next claim, however they came about.

use super::{
    ORAL_DAYS, covers,
    schedule::{Fault, ROWS_MAX, Row, tax_on},
    store,
};
use crate::{
    app::App,
    clock::start_of_day,
    db::is_unique_violation,
    error::Error,
    ledger,
    receipts::years,
    staff::{Actor, audit},
};
use chrono::{Datelike, Days, NaiveDate};
use entity::{
    Currency, Money, donation, gift_aid_claim, gift_aid_declaration, gift_aid_line,
    ids::{DonationId, GiftAidClaimId, SupporterId},
    words::{DonationSource, GiftAidClaimState, GiftAidMade},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::json;
use std::collections::HashSet;

/// How many supporters are looked at in one question.
const AT_ONCE: u64 = 200;

/// A gift that a claim would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimable {
    /// The gift.
    pub donation_id: DonationId,
    /// Its row.
    pub row: Row,
}

/// What a claim gives back for a gift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The gift.
    pub donation_id: DonationId,
    /// How many pence too much were claimed on, as a positive amount.
    pub too_much: Money,
}

/// A gift that cannot be claimed on as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The gift.
    pub donation_id: DonationId,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// What a claim would have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The rows, oldest gift first.
    pub gifts: Vec<Claimable>,
    /// What is given back.
    pub adjustments: Vec<Adjustment>,
    /// What is left out, and why.
    pub problems: Vec<Problem>,
}

/// The sums of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// How many gifts.
    pub count: usize,
    /// What they come to.
    pub gifts: Money,
    /// The tax on them.
    pub tax: Money,
    /// The tax to be given back: the adjustment that HMRC's form asks for.
    pub back: Money,
}

/// Pounds.
pub fn pounds() -> Result<Currency, Error> {
    "GBP".parse().map_err(Error::from)
}

/// The sums of gifts and of what is given back, in pence.
pub fn sums(gifts: &[i64], back: &[i64]) -> Result<Sums, Error> {
    let add = |all: &[i64]| all.iter().try_fold(0i64, |sum, pence| sum.checked_add(*pence)).ok_or(entity::MoneyError::Overflow);
    let (currency, total) = (pounds()?, add(gifts)?);
    Ok(Sums { count: gifts.len(), gifts: Money::new(total, currency), tax: tax_on(total, currency), back: tax_on(add(back)?, currency) })
}

impl Draft {
    /// Its sums.
    pub fn sums(&self) -> Result<Sums, Error> {
        let gifts: Vec<i64> = self.gifts.iter().map(|gift| gift.row.amount.minor).collect();
        let back: Vec<i64> = self.adjustments.iter().map(|adjustment| adjustment.too_much.minor).collect();
        sums(&gifts, &back)
    }

    /// Why it cannot be made into a claim: HMRC takes none without gifts, and none that gives back as much as it asks for.
    pub fn refusal(&self) -> Result<Option<&'static str>, Error> {
        let sums = self.sums()?;
        Ok(if sums.count == 0 {
            Some("There is no gift to claim on. What is to be given back waits for the next claim with gifts.")
        } else if sums.tax.minor <= sums.back.minor {
            Some("More would be given back than is claimed. Wait until more gifts have come: HMRC takes no claim of less than nothing.")
        } else {
            None
        })
    }
}

/// What a claim of all gifts up to a day would have.
pub async fn draft(db: &impl ConnectionTrait, app: &App, until_on: NaiveDate) -> Result<Draft, Error> {
    let zone = app.config.org_timezone;
    let until = start_of_day(zone, until_on + Days::new(1));
    let (mut draft, mut after) = (Draft::default(), None);
    loop {
        let who = store::declarers(db, after, AT_ONCE).await?;
        let Some(last) = who.last().copied() else { break };
        let gifts = store::gifts(db, &who, until).await?;
        add_gifts(db, app, &mut draft, &who, &gifts).await?;
        after = Some(last);
        if (who.len() as u64) < AT_ONCE {
            break;
        }
    }
    draft.gifts.sort_by_key(|gift| (gift.row.gift_on, gift.donation_id));
    Ok(draft)
}

async fn add_gifts(
    db: &impl ConnectionTrait,
    app: &App,
    draft: &mut Draft,
    who: &[SupporterId],
    gifts: &[donation::Model],
) -> Result<(), Error> {
    let declarations = store::declarations(db, who).await?;
    let proven = store::paid_of(db, &declarations).await?;
    let ids: Vec<DonationId> = gifts.iter().map(|gift| gift.id).collect();
    let disputed = years::disputed(db, &ids).await?;
    let (worths, claimed) = (ledger::worths_of(db, &ids).await?, store::claimed(db, &ids).await?);
    for gift in gifts {
        let before = claimed.get(&gift.id).copied();
        let declared = covering(&declarations, &proven, gift);
        let left = worths.get(&gift.id).map_or(0, |worth| worth.left.minor);
        let now = if declared.is_some() { left } else { 0 };
        let change = now.checked_sub(before.unwrap_or(0)).ok_or(entity::MoneyError::Overflow)?;
        if change < 0 && before.is_some_and(|before| before > 0) {
            let too_much = Money::new(change, gift.currency).negated()?;
            draft.adjustments.push(Adjustment { donation_id: gift.id, too_much });
        // Of a declaration that is sealed nothing more is claimed: nobody's name is in it.
        } else if let Some(declared) = declared.filter(|declared| change > 0 && declared.sealed_at.is_none()) {
            let gift_on = gift.paid_at.unwrap_or(gift.created_at).with_timezone(&app.config.org_timezone).date_naive();
            let row = Row::of(declared, gift_on, Money::new(change, gift.currency));
            let mut faults = faults_of(app, gift, declared, &row, before);
            if disputed.contains(&gift.id) {
                faults.push(Fault::Disputed);
            }
            if faults.is_empty() {
                draft.gifts.push(Claimable { donation_id: gift.id, row });
            } else {
                draft.problems.push(Problem { donation_id: gift.id, faults });
            }
        }
    }
    Ok(())
}

/// What keeps a gift out of a claim.
fn faults_of(app: &App, gift: &donation::Model, declared: &gift_aid_declaration::Model, row: &Row, claimed: Option<i64>) -> Vec<Fault> {
    if claimed.is_some() {
        return vec![Fault::ClaimedBefore];
    }
    let mut faults = row.faults();
    if gift.source == DonationSource::Imported && declared.donation_id != gift.id {
        faults.push(Fault::Imported);
    }
    // Until then she can cancel it as if it had never been made.
    let waits_until = declared.record_sent_on.and_then(|sent| sent.checked_add_days(Days::new(ORAL_DAYS)));
    if declared.made == GiftAidMade::Oral && waits_until.is_none_or(|until| app.today() <= until) {
        faults.push(Fault::OralWaits);
    }
    if last_day_to_claim(row.gift_on).is_none_or(|last| app.today() > last) {
        faults.push(Fault::TooLate);
    }
    faults
}

/// The last day on which a gift can be claimed on: four years after the end of its tax year, which is the financial period of a charity that
/// is a trust (gov.uk, "Claiming Gift Aid as a charity"). A company's own period may end at another time.
pub fn last_day_to_claim(gift_on: NaiveDate) -> Option<NaiveDate> {
    let ends_next_year = (gift_on.month(), gift_on.day()) >= (4, 6);
    NaiveDate::from_ymd_opt(gift_on.year() + i32::from(ends_next_year) + 4, 4, 5)
}

/// The declaration that covers a gift: the latest that does, so that a newer address counts. Only one whose own gift was paid, at any time, is
/// hers for sure, because anybody can type anybody's address.
fn covering<'a>(
    declarations: &'a [gift_aid_declaration::Model],
    paid: &HashSet<DonationId>,
    gift: &donation::Model,
) -> Option<&'a gift_aid_declaration::Model> {
    let own = |declared: &&gift_aid_declaration::Model| declared.supporter_id == gift.supporter_id && covers(declared, gift);
    let is_paid = |declared: &&gift_aid_declaration::Model| paid.contains(&declared.donation_id);
    declarations.iter().filter(own).rfind(is_paid)
}

/// Makes a claim of all gifts up to a day: they are set aside, in one transaction, until it is submitted or withdrawn.
pub async fn make(app: &App, actor: &Actor, until_on: NaiveDate) -> Result<GiftAidClaimId, Error> {
    if until_on > app.today() {
        return Err(Error::Invalid("Choose a last day that is not in the future.".to_owned()));
    }
    let (id, now): (GiftAidClaimId, _) = (app.new_id(), app.now());
    app.db
        .write(async |tx| {
            if store::made_claim(tx).await?.is_some() {
                return Err(Error::Conflict("A claim was made and not sent yet. Submit or withdraw it first.".to_owned()));
            }
            let draft = draft(tx, app, until_on).await?;
            if let Some(why) = draft.refusal()? {
                return Err(Error::Conflict(why.to_owned()));
            }
            let claim = gift_aid_claim::ActiveModel {
                id: Set(id),
                state: Set(GiftAidClaimState::Made),
                until_on: Set(until_on),
                reference: Set(String::new()),
                made_by: Set(actor.staff_id),
                made_at: Set(now),
                settled_at: Set(None),
            };
            let inserted = gift_aid_claim::Entity::insert(claim).exec_without_returning(tx).await;
            inserted.map_err(|error| match is_unique_violation(&error) {
                true => Error::Conflict("Somebody else has just made a claim. Submit or withdraw it first.".to_owned()),
                false => error.into(),
            })?;
            for lines in lines_of(id, &draft)?.chunks(500) {
                gift_aid_line::Entity::insert_many(lines.to_vec()).exec_without_returning(tx).await?;
            }
            let detail = json!({ "until": until_on, "gifts": draft.gifts.len(), "adjustments": draft.adjustments.len() });
            audit::record(tx, now, actor, "gift_aid.make", "gift_aid_claim", &id.to_string(), detail).await
        })
        .await?;
    Ok(id)
}

fn lines_of(claim: GiftAidClaimId, draft: &Draft) -> Result<Vec<gift_aid_line::ActiveModel>, Error> {
    let line = |donation_id, minor, schedule| gift_aid_line::ActiveModel {
        claim_id: Set(claim),
        donation_id: Set(donation_id),
        amount_minor: Set(minor),
        schedule: Set(schedule),
        locked: Set(false),
        sealed_at: Set(None),
    };
    let mut lines = Vec::with_capacity(draft.gifts.len() + draft.adjustments.len());
    for gift in &draft.gifts {
        lines.push(line(gift.donation_id, gift.row.amount.minor, serde_json::to_string(&gift.row)?));
    }
    for adjustment in &draft.adjustments {
        lines.push(line(adjustment.donation_id, adjustment.too_much.negated()?.minor, String::new()));
    }
    Ok(lines)
}

/// Notes that a claim was sent to HMRC, with HMRC's reference. From then on nothing of it changes.
pub async fn submit(app: &App, actor: &Actor, id: GiftAidClaimId, reference: &str) -> Result<(), Error> {
    let reference = reference.trim();
    if reference.is_empty() || reference.chars().count() > 60 {
        return Err(Error::Invalid("Write HMRC’s reference of the claim, up to 60 characters.".to_owned()));
    }
    settle(app, actor, id, GiftAidClaimState::Submitted, reference).await
}

/// Takes a claim back that was not sent: its gifts can be claimed on again.
pub async fn withdraw(app: &App, actor: &Actor, id: GiftAidClaimId) -> Result<(), Error> {
    settle(app, actor, id, GiftAidClaimState::Withdrawn, "").await
}

async fn settle(app: &App, actor: &Actor, id: GiftAidClaimId, state: GiftAidClaimState, reference: &str) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let claim = store::find_claim(tx, id).await?;
            if !store::settle(tx, id, state, reference, now).await? {
                return Err(Error::Conflict(format!("The claim is {} already.", claim.state)));
            }
            match state {
                GiftAidClaimState::Submitted => store::lock_lines(tx, id).await?,
                _ => store::free_lines(tx, id).await?,
            }
            let action = if state == GiftAidClaimState::Submitted { "gift_aid.submit" } else { "gift_aid.withdraw" };
            audit::record(tx, now, actor, action, "gift_aid_claim", &id.to_string(), json!({})).await
        })
        .await
}

/// A claim as it was made: its rows, and what it gives back.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The claim.
    pub head: gift_aid_claim::Model,
    /// The rows, oldest gift first.
    pub gifts: Vec<Claimable>,
    /// What is given back.
    pub adjustments: Vec<Adjustment>,
}

impl Claim {
    /// Its sums.
    pub fn sums(&self) -> Result<Sums, Error> {
        Draft { gifts: self.gifts.clone(), adjustments: self.adjustments.clone(), problems: Vec::new() }.sums()
    }

    /// How many files its rows are: each has as many as HMRC's spreadsheet takes.
    pub fn file_count(&self) -> usize {
        self.gifts.len().div_ceil(ROWS_MAX)
    }
}

/// Reads a claim. Its lines first: a withdrawal takes them away with the state, so lines that are gone never come with another state.
pub async fn read(db: &impl ConnectionTrait, id: GiftAidClaimId) -> Result<Claim, Error> {
    let lines = store::lines(db, id).await?;
    let head = store::find_claim(db, id).await?;
    let currency = pounds()?;
    let mut claim = Claim { head, gifts: Vec::new(), adjustments: Vec::new() };
    for line in lines {
        if line.amount_minor > 0 {
            claim.gifts.push(Claimable { donation_id: line.donation_id, row: serde_json::from_str(&line.schedule)? });
        } else {
            let too_much = Money::new(line.amount_minor, currency).negated()?;
            claim.adjustments.push(Adjustment { donation_id: line.donation_id, too_much });
        }
    }
    claim.gifts.sort_by_key(|gift| (gift.row.gift_on, gift.donation_id));
    Ok(claim)
}
