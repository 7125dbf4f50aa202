//! From the form to Stripe's checkout: the donation and its reservation are written first, then Stripe is asked.

use super::{CHECKOUT_LASTS, HOLD_MARGIN, ending, path_of, store, token_of};
use crate::{
    app::App,
    asks::{self, Gift, Particulars},
    clock::sha256_hex,
    error::Error,
    gift_aid, matching,
    payments::{Checkout, CheckoutState, NewCheckout, NewRecurring, StripeFailure},
    receipts, supporters, wishes,
};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation, fund,
    ids::{DonationId, RecurringId, SupporterId},
    recurring_donation, recurring_step,
    words::{DonationSource, DonationStatus, GiftInterval, RecurringStatus},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, EntityTrait, IntoActiveModel, SqlErr};

/// The step that says that Stripe gave no usable answer.
const UNREACHABLE: &str = "stripe_unreachable";

/// Where the supporter goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// To the hosted checkout, at this address.
    Checkout(String),
    /// The checkout is over already: to the thank-you page, at this path.
    Over(String),
}

/// Why no checkout was opened. Nothing is half done, and the form can be sent again.
#[derive(Debug)]
pub enum OpenProblem {
    /// The same form was sent before with something else in it.
    AnotherGift,
    /// Fewer of the item are left than were asked for.
    NotEnough {
        /// How many are left.
        left: i64,
    },
    /// Less is missing for the item than was offered.
    TooMuch {
        /// How much is missing.
        left: Money,
    },
    /// The item is not asked for any more.
    ItemClosed,
    /// The article that it came from asks no more.
    ArticleClosed,
    /// Stripe did not answer, or said that it cannot now. The same form may be sent again and stays one donation.
    StripeDown,
    /// Stripe refused the request; sending it again changes nothing.
    StripeRefused,
    /// Something else; the error says what.
    Other(Error),
}

impl From<Error> for OpenProblem {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Writes down the donation that a form asks for (once, however often the form is sent) and opens its checkout.
pub async fn open(app: &App, gift: &Gift) -> Result<Opened, OpenProblem> {
    let donation = match write_down(app, gift).await {
        Ok(donation) => donation,
        // Another request with the same form was first: what it wrote is our donation too.
        Err(OpenProblem::Other(Error::Conflict(_))) => find_same(app, gift).await?,
        Err(problem) => return Err(problem),
    };
    if donation.request_hash != hash_request(gift) {
        return Err(OpenProblem::AnotherGift);
    }
    match (&donation.checkout_url, donation.status) {
        (Some(url), DonationStatus::Pending) if donation.expires_at > app.now() => Ok(Opened::Checkout(url.clone())),
        (None, DonationStatus::Pending) if donation.expires_at > app.now() => begin_checkout(app, donation).await,
        _ => Ok(Opened::Over(path_of(app, donation.id))),
    }
}

async fn find_same(app: &App, gift: &Gift) -> Result<donation::Model, OpenProblem> {
    let found = store::find_by_form(app.db.read(), &gift.form_token).await.map_err(Error::from)?;
    found.ok_or_else(|| Error::Unavailable("the form is being worked on; send it again".to_owned()).into())
}

/// What a form asked for, so that the same form with another request is noticed.
fn hash_request(gift: &Gift) -> String {
    let particulars = if gift.particulars == Particulars::default() { String::new() } else { format!("{:?}", gift.particulars) };
    let asked = format!(
        "{}|{}|{:?}|{:?}|{:?}|{:?}|{}|{}|{}|{}|{}",
        gift.money,
        gift.fee_cover_minor,
        gift.every,
        gift.campaign_id,
        gift.item,
        gift.article_id,
        gift.email.to_lowercase(),
        gift.name,
        gift.public_name,
        gift.note,
        gift.wants_updates
    );
    // What a form of an earlier version could not ask for changes nothing where it is not asked for: such a form may be sent again.
    let discreet = if gift.discreet { "|discreet" } else { "" };
    sha256_hex(&(asked + discreet + &particulars))
}

/// One transaction: supporter, donation, reservation, first step of the story.
async fn write_down(app: &App, gift: &Gift) -> Result<donation::Model, OpenProblem> {
    if let Some(found) = store::find_by_form(app.db.read(), &gift.form_token).await.map_err(Error::from)? {
        return Ok(found);
    }
    // Only what was refused before anything was written may end in a commit; every error takes all of it back.
    let write = async |tx: &DatabaseTransaction| match write_all(tx, app, gift).await {
        Err(OpenProblem::Other(error)) => Err(error),
        result => Ok(result),
    };
    match app.db.write(write).await {
        Ok(result) => result,
        Err(error) => Err(error.into()),
    }
}

/// Whether the article still asks and enough of the item is left, both locked from here on; the same form's twin where that was quicker.
async fn find_hindrance(tx: &DatabaseTransaction, gift: &Gift, now: DateTime<Utc>) -> Result<Option<donation::Model>, OpenProblem> {
    if !asks::store::holds_ask(tx, gift.article_id, now).await? {
        return Err(OpenProblem::ArticleClosed);
    }
    if let Some((item, quantity)) = gift.item
        && let Err(problem) = wishes::check_left(tx, item, share_of(quantity, gift), now).await
    {
        // After an error of the database, PostgreSQL answers nothing more in this transaction.
        if let wishes::ReserveError::Other(error) = problem {
            return Err(OpenProblem::Other(error));
        }
        // The same form sent twice at once: what is missing may be what its twin holds.
        let twin = store::find_by_form(tx, &gift.form_token).await.map_err(Error::from)?;
        return twin.map(Some).ok_or_else(|| tell_reserve_problem(problem));
    }
    Ok(None)
}

pub(super) async fn write_all(tx: &DatabaseTransaction, app: &App, gift: &Gift) -> Result<donation::Model, OpenProblem> {
    let now = app.now();
    let id: DonationId = app.new_id();
    if let Some(twin) = find_hindrance(tx, gift, now).await? {
        return Ok(twin);
    }
    let supporter = supporters::find_or_add(tx, app.new_id(), &gift.email, gift.language.tag(), now).await?;
    let fund = store::fund(tx, gift.fund_id, app.new_id(), now).await?;
    let recurring_id = match gift.every {
        Some(every) => Some(write_recurring(tx, app, gift, every, supporter.id, &fund, now).await?),
        None => None,
    };
    let row = donation::ActiveModel {
        id: Set(id),
        token_hash: Set(sha256_hex(&token_of(app, id))),
        form_token: Set(gift.form_token.clone()),
        request_hash: Set(hash_request(gift)),
        status: Set(DonationStatus::Pending),
        supporter_id: Set(supporter.id),
        donor_name: Set(gift.name.clone()),
        public_name: Set(gift.public_name),
        note: Set(gift.note.clone()),
        wants_updates: Set(gift.wants_updates),
        discreet: Set(gift.discreet),
        language: Set(gift.language.tag().to_owned()),
        amount_minor: Set(gift.money.minor),
        fee_cover_minor: Set(gift.fee_cover_minor),
        currency: Set(gift.money.currency),
        campaign_id: Set(gift.campaign_id),
        wish_item_id: Set(gift.item.map(|(item, _)| item)),
        wish_quantity: Set(gift.item.map(|(_, quantity)| quantity)),
        article_id: Set(gift.article_id),
        fund_id: Set(fund.id),
        fund_code: Set(fund.code),
        restriction: Set(fund.restriction),
        gl_income: Set(fund.gl_income),
        gl_fee: Set(fund.gl_fee),
        idempotency_key: Set(format!("v1:checkout:{id}")),
        livemode: Set(app.stripe.livemode()),
        expires_at: Set(now + CHECKOUT_LASTS),
        created_at: Set(now),
        updated_at: Set(now),
        source: Set(if recurring_id.is_some() { DonationSource::Recurring } else { DonationSource::Checkout }),
        method: Set(String::new()),
        reference: Set(String::new()),
        recurring_donation_id: Set(recurring_id),
        // What Stripe tells later stays empty.
        ..Default::default()
    };
    let donation = match row.insert(tx).await {
        Ok(donation) => donation,
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            return Err(OpenProblem::Other(Error::Conflict("the form was sent twice".to_owned())));
        }
        Err(error) => return Err(Error::from(error).into()),
    };
    if !gift.particulars.address.is_empty() {
        receipts::store::keep_address(tx, id, &gift.particulars.address, now).await?;
    }
    if let Some(declared) = &gift.particulars.gift_aid {
        gift_aid::declare(tx, app.new_id(), id, supporter.id, declared, now).await?;
    }
    if let Some((item, quantity)) = gift.item {
        let until = donation.expires_at + HOLD_MARGIN;
        wishes::reserve(tx, item, id, share_of(quantity, gift), until, now).await.map_err(tell_reserve_problem)?;
    }
    matching::reserve(tx, app, &donation, donation.expires_at + HOLD_MARGIN, now).await?;
    store::note(tx, id, now, "created", &Money::new(donation.amount_minor, donation.currency).to_string()).await.map_err(Error::from)?;
    Ok(donation)
}

/// The recurring donation that the form begins: pending until its first payment has come.
async fn write_recurring(
    tx: &DatabaseTransaction,
    app: &App,
    gift: &Gift,
    every: GiftInterval,
    supporter_id: SupporterId,
    fund: &fund::Model,
    now: DateTime<Utc>,
) -> Result<RecurringId, Error> {
    let id: RecurringId = app.new_id();
    let row = recurring_donation::ActiveModel {
        id: Set(id),
        supporter_id: Set(supporter_id),
        status: Set(RecurringStatus::Pending),
        every: Set(every),
        amount_minor: Set(gift.money.minor),
        fee_cover_minor: Set(gift.fee_cover_minor),
        currency: Set(gift.money.currency),
        donor_name: Set(gift.name.clone()),
        public_name: Set(gift.public_name),
        language: Set(gift.language.tag().to_owned()),
        campaign_id: Set(gift.campaign_id),
        article_id: Set(gift.article_id),
        fund_id: Set(fund.id),
        fund_code: Set(fund.code.clone()),
        restriction: Set(fund.restriction),
        livemode: Set(app.stripe.livemode()),
        end_reason: Set(String::new()),
        end_note: Set(String::new()),
        asked_end: Set(String::new()),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    recurring_donation::Entity::insert(row).exec_without_returning(tx).await?;
    let step = recurring_step::ActiveModel {
        recurring_donation_id: Set(id),
        at: Set(now),
        kind: Set("created".to_owned()),
        actor: Set("supporter".to_owned()),
        after_minor: Set(Some(gift.money.minor)),
        detail: Set(String::new()),
        ..Default::default()
    };
    recurring_step::Entity::insert(step).exec_without_returning(tx).await?;
    Ok(id)
}

/// What a gift asks of its item: what covers the fee does not pay for it.
pub(super) fn share_of(quantity: i64, gift: &Gift) -> wishes::Share {
    wishes::Share { quantity, money: Money::new(gift.money.minor - gift.fee_cover_minor, gift.money.currency) }
}

pub(super) fn tell_reserve_problem(error: wishes::ReserveError) -> OpenProblem {
    match error {
        wishes::ReserveError::NotEnough { left } => OpenProblem::NotEnough { left },
        wishes::ReserveError::TooMuch { left } => OpenProblem::TooMuch { left },
        wishes::ReserveError::NotOpen => OpenProblem::ItemClosed,
        wishes::ReserveError::Other(error) => OpenProblem::Other(error),
    }
}

/// Opens the checkout. Stripe repeats a 500 that it once gave for as long as it keeps the key, so after one the donation goes on under a
/// new key; but first we look whether Stripe made the session in spite of its answer.
async fn begin_checkout(app: &App, donation: donation::Model) -> Result<Opened, OpenProblem> {
    let last = store::steps(app.db.read(), donation.id).await.map_err(Error::from)?.pop();
    // Read after the story, so that the key is not older than what the story says of it.
    let donation = store::find(app.db.read(), donation.id).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
    if let Some(url) = donation.checkout_url {
        return Ok(Opened::Checkout(url));
    }
    if !last.is_some_and(|step| is_stored_by_stripe(&step)) {
        return ask_stripe(app, &donation).await;
    }
    let since = donation.created_at - super::CLOCK_MARGIN;
    match app.stripe.find_checkout_by_donation(&donation.id.to_string(), since).await {
        Ok(Some(CheckoutState { url: Some(url), session_id, expires_at, livemode, .. })) => {
            keep_checkout(app, donation.id, &Checkout { session_id, url, expires_at, livemode }).await
        }
        Ok(_) => {
            let donation = renew_key(app, &donation).await?;
            ask_stripe(app, &donation).await
        }
        Err(failure) => {
            tracing::warn!(donation_id = %donation.id, ?failure, "an earlier checkout could not be looked for");
            Err(OpenProblem::StripeDown)
        }
    }
}

/// Whether the last answer was one that Stripe repeats for its key.
fn is_stored_by_stripe(step: &entity::donation_step::Model) -> bool {
    step.kind == UNREACHABLE && step.detail.starts_with("status 5")
}

/// Gives the donation a new idempotency key, once for those who send the form at the same time.
async fn renew_key(app: &App, seen: &donation::Model) -> Result<donation::Model, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let donation = store::lock(tx, seen.id).await?.ok_or(Error::NotFound)?;
            if donation.idempotency_key != seen.idempotency_key || donation.checkout_session_id.is_some() {
                return Ok(donation);
            }
            let steps = store::steps(tx, seen.id).await?;
            // Somebody else may have renewed it between our look at the story and our look at the key.
            if !steps.last().is_some_and(is_stored_by_stripe) {
                return Ok(donation);
            }
            let steps = steps.len();
            let mut row = donation.into_active_model();
            row.idempotency_key = Set(format!("v1:checkout:{}:{steps}", seen.id));
            row.updated_at = Set(now);
            let donation = row.update(tx).await?;
            store::note(tx, seen.id, now, "key_renewed", &donation.idempotency_key).await?;
            Ok(donation)
        })
        .await
}

/// Asks Stripe for the checkout under the donation's own key: however often that is repeated, Stripe makes one session.
async fn ask_stripe(app: &App, donation: &donation::Model) -> Result<Opened, OpenProblem> {
    let supporter = entity::supporter::Entity::find_by_id(donation.supporter_id).one(app.db.read()).await.map_err(Error::from)?;
    let supporter = supporter.ok_or_else(|| Error::Internal(format!("donation {} has no supporter", donation.id)))?;
    let page = app.config.link(&path_of(app, donation.id));
    let recurring = match donation.recurring_donation_id {
        Some(id) => recurring_donation::Entity::find_by_id(id).one(app.db.read()).await.map_err(Error::from)?,
        None => None,
    };
    let recurring = recurring.map(|gift| NewRecurring { recurring_id: gift.id.to_string(), every: gift.every });
    let new = NewCheckout {
        idempotency_key: donation.idempotency_key.clone(),
        donation_id: donation.id.to_string(),
        money: Money::new(donation.amount_minor, donation.currency),
        // Neutral on purpose: no campaign and no article, because bank statements and dashboards are read by others.
        product_name: app.config.org_name.clone(),
        email: supporter.email,
        success_url: page,
        cancel_url: app.config.link(&cancel_path(app, donation)),
        locale: donation.language.clone(),
        expires_at: donation.expires_at,
        recurring,
    };
    match app.stripe.create_checkout(&new).await {
        Ok(checkout) => keep_checkout(app, donation.id, &checkout).await,
        Err(failure) => {
            tracing::warn!(donation_id = %donation.id, ?failure, "no checkout was opened");
            note_failure(app, donation.id, &failure).await?;
            Err(if failure.outcome_unknown() { OpenProblem::StripeDown } else { OpenProblem::StripeRefused })
        }
    }
}

/// Where the supporter comes back to without paying: her donation's page, which offers to go on or to change something.
fn cancel_path(app: &App, donation: &donation::Model) -> String {
    format!("{}?back=1", path_of(app, donation.id))
}

async fn keep_checkout(app: &App, id: DonationId, checkout: &Checkout) -> Result<Opened, OpenProblem> {
    let now = app.now();
    let is_open = app
        .db
        .write(async |tx| {
            let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            let is_open = donation.status == DonationStatus::Pending;
            if donation.checkout_session_id.as_deref() == Some(&checkout.session_id) {
                return Ok(is_open);
            }
            if donation.checkout_session_id.is_some() {
                return Err(Error::Internal(format!("donation {id} would get a second checkout")));
            }
            let mut row = donation.into_active_model();
            row.checkout_session_id = Set(Some(checkout.session_id.clone()));
            row.checkout_url = Set(is_open.then(|| checkout.url.clone()));
            row.updated_at = Set(now);
            row.update(tx).await?;
            store::note(tx, id, now, "checkout_opened", &checkout.session_id).await?;
            if !is_open {
                // It was ended while Stripe was being asked: nobody is sent there, and Stripe ends it too.
                ending::ask_one(tx, app, id, now).await?;
            }
            Ok(is_open)
        })
        .await?;
    Ok(if is_open { Opened::Checkout(checkout.url.clone()) } else { Opened::Over(path_of(app, id)) })
}

/// Keeps the attempt in the story. A refusal ends the donation and frees what it held.
async fn note_failure(app: &App, id: DonationId, failure: &StripeFailure) -> Result<(), Error> {
    let now = app.now();
    let detail = match failure {
        StripeFailure::Unreachable => "no answer".to_owned(),
        StripeFailure::Busy { status } => format!("status {status}"),
        StripeFailure::Refused { status, code, .. } => format!("status {status} {code}"),
        StripeFailure::BadAnswer { detail } => (*detail).to_owned(),
    };
    let refused = !failure.outcome_unknown();
    app.db
        .write(async |tx| {
            let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            store::note(tx, id, now, if refused { "stripe_refused" } else { UNREACHABLE }, &detail).await?;
            if refused && donation.status == DonationStatus::Pending && donation.checkout_session_id.is_none() {
                let mut row = donation.clone().into_active_model();
                row.status = Set(DonationStatus::Failed);
                row.updated_at = Set(now);
                row.update(tx).await?;
                wishes::release(tx, id, now).await?;
                matching::release(tx, &donation, now).await?;
            }
            Ok(())
        })
        .await
}
