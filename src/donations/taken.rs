//! A gift that came another way than through a checkout: the same transaction of ledger, wish item, receipt and story as
//! [`super::settle`], without Stripe.

use super::{
    receipt,
    settle::{booked_purpose, purpose_of},
    store,
};
use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    ledger::{self, Posting},
    wishes,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    Money, donation, fund,
    ids::{ArticleId, CampaignId, DonationId, SupporterId, WishItemId},
    words::{Account, DonationSource, DonationStatus},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, IntoActiveModel};

/// Whether a receipt is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// With its letter.
    AndLetter,
    /// Issued; whoever wants it on paper prints it.
    Only,
    /// None: the system that the gift came from gave one.
    None,
}

/// How a gift came in.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// When it was given.
    pub paid_at: DateTime<Utc>,
    /// Where the money is.
    pub account: Account,
    /// What the ledger knows it by: `manual:<donation>`.
    pub source: String,
    /// Whether a receipt is given.
    pub receipt: Receipt,
}

/// A donation that no checkout made.
#[derive(Clone, Debug)]
pub(super) struct Unpaid<'a> {
    pub id: DonationId,
    /// What makes it one donation however often it is sent; unique.
    pub form_token: String,
    pub request_hash: String,
    pub supporter_id: SupporterId,
    pub donor_name: &'a str,
    pub public_name: bool,
    pub note: &'a str,
    pub wants_updates: bool,
    pub discreet: bool,
    pub language: &'a str,
    pub money: Money,
    pub campaign_id: Option<CampaignId>,
    pub item: Option<(WishItemId, i64)>,
    pub article_id: Option<ArticleId>,
    pub fund: &'a fund::Model,
    pub source: DonationSource,
    pub method: &'a str,
    pub reference: &'a str,
    pub expires_at: DateTime<Utc>,
    /// When it was given, or announced.
    pub created_at: DateTime<Utc>,
}

/// Writes the donation down, to be paid at once or later.
pub(super) async fn write_down(
    tx: &DatabaseTransaction,
    app: &App,
    new: &Unpaid<'_>,
    now: DateTime<Utc>,
) -> Result<donation::Model, sea_orm::DbErr> {
    let row = donation::ActiveModel {
        id: Set(new.id),
        token_hash: Set(sha256_hex(&super::token_of(app, new.id))),
        form_token: Set(new.form_token.clone()),
        request_hash: Set(new.request_hash.clone()),
        status: Set(DonationStatus::Pending),
        supporter_id: Set(new.supporter_id),
        donor_name: Set(new.donor_name.to_owned()),
        public_name: Set(new.public_name),
        note: Set(new.note.to_owned()),
        wants_updates: Set(new.wants_updates),
        discreet: Set(new.discreet),
        language: Set(new.language.to_owned()),
        amount_minor: Set(new.money.minor),
        fee_cover_minor: Set(0),
        currency: Set(new.money.currency),
        campaign_id: Set(new.campaign_id),
        wish_item_id: Set(new.item.map(|(item, _)| item)),
        wish_quantity: Set(new.item.map(|(_, quantity)| quantity)),
        article_id: Set(new.article_id),
        fund_id: Set(new.fund.id),
        fund_code: Set(new.fund.code.clone()),
        restriction: Set(new.fund.restriction),
        gl_income: Set(new.fund.gl_income.clone()),
        gl_fee: Set(new.fund.gl_fee.clone()),
        idempotency_key: Set(format!("v1:{}:{}", new.source, new.id)),
        livemode: Set(app.stripe.livemode()),
        expires_at: Set(new.expires_at),
        created_at: Set(new.created_at),
        updated_at: Set(now),
        source: Set(new.source),
        method: Set(new.method.to_owned()),
        reference: Set(new.reference.to_owned()),
        // What is Stripe's stays empty.
        ..Default::default()
    };
    row.insert(tx).await
}

/// The gift is there: donation, wish item, ledger, story, receipt. Returns when it counts, which is later than it was given where its
/// period was closed already.
pub(super) async fn take(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    taken: &Taken,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Error> {
    let mut row = donation.clone().into_active_model();
    row.status = Set(DonationStatus::Paid);
    row.paid_at = Set(Some(taken.paid_at));
    row.updated_at = Set(now);
    let donation = row.update(tx).await?;
    let amount = Money::new(donation.amount_minor, donation.currency);
    let item = wishes::pay(tx, donation.id, now).await?;
    let purpose = if donation.wish_item_id.is_some() { booked_purpose(tx, &donation).await? } else { purpose_of(&donation) };
    let posting = Posting::gift_to(taken.account, taken.source.clone(), donation.id, taken.paid_at, amount, purpose)?;
    if !ledger::post(tx, &posting, now).await? {
        return Err(Error::Internal(format!("donation {} is in the ledger but was not paid", donation.id)));
    }
    let booked = ledger::find_by_source(tx, &taken.source).await?.map_or(taken.paid_at, |(head, _)| head.booked_at);
    if let wishes::Outcome::PaidLate { counted } = item {
        let told = if counted { "the item was still free" } else { "the item was gone: the gift stays with its fund" };
        store::note(tx, donation.id, now, "item_paid_late", told).await?;
    }
    store::note(tx, donation.id, now, "paid", &amount.to_string()).await?;
    if booked != taken.paid_at {
        let day = booked.with_timezone(&app.config.org_timezone).date_naive();
        store::note(tx, donation.id, now, "booked_later", &day.to_string()).await?;
    }
    match taken.receipt {
        Receipt::AndLetter => receipt::give(tx, app, &donation, purpose.wish_item_id, taken.paid_at, now).await?,
        Receipt::Only => receipt::issue(tx, app, &donation, amount, purpose.wish_item_id, taken.paid_at, now).await?,
        Receipt::None => {}
    }
    Ok(booked)
}

/// The moment that stands for a day on which something was given by hand: noon of that day, so that it stays that day also when the
/// organisation moves to a neighbouring zone; of today, not later than now.
pub(super) fn moment_of(day: NaiveDate, zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    (crate::clock::start_of_day(zone, day) + TimeDelta::hours(12)).min(now)
}
