//! Money that did not come through Stripe goes back by hand. Its giver chooses so by her link, and the choice waits for finance, who says first
//! that it is being given back: from then on she cannot choose otherwise, so that it is not given twice. Once it is done, finance says when,
//! how and from where, and the gift's entry is taken back like any that was made by hand.

use super::{at_stake, letters, lock, store};
use crate::{
    app::App,
    donations::{
        by_hand::{self, GivenBack, deposits, parse_day, parse_text},
        store as gifts,
    },
    error::Error,
    ledger,
    staff::{Actor, DeskPage, Finance, audit},
    web::{self, Form, FormErrors, Path},
    wishes,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation,
    ids::PromiseChoiceId,
    promise_choice,
    words::{Account, PromiseWay},
};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use serde_json::json;

/// The longest account of how money was given back.
const HOW_CHARACTERS_MAX: usize = 300;

/// Whether a gift can be given back by hand: nothing of it came through Stripe, and all of it stands for what cannot be bought. Where a part
/// is spent or stands elsewhere, its entry cannot be taken back.
pub(super) async fn is_possible(db: &impl ConnectionTrait, choice: &promise_choice::Model, gift: &donation::Model) -> Result<bool, Error> {
    if !choice.is_whole || gift.payment_intent_id.is_some() || !by_hand::can_be_reversed(gift) || by_hand::is_reversed(db, gift).await? {
        return Ok(false);
    }
    let promise = store::promise(db, choice.promise_id).await?.ok_or(Error::NotFound)?;
    let held = at_stake(&ledger::places_of_gift(db, gift.id).await?, promise.wish_item_id, gift.currency)?;
    Ok(held.minor == gift.amount_minor)
}

/// Whether a choice waits until its money is given back by hand.
pub(super) fn is_waited_for(choice: &promise_choice::Model, gift: &donation::Model) -> bool {
    choice.carried_at.is_none() && choice.way == PromiseWay::Refund && gift.payment_intent_id.is_none()
}

/// Says that finance is giving the money of a choice back by hand, or is not after all. While it is, its giver cannot choose otherwise.
///
/// # Errors
/// `Conflict` when the choice does not wait for it, or not all of the gift is there to be given back.
pub async fn giving_back(app: &App, actor: &Actor, id: PromiseChoiceId, begins: bool) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (gift, choice) = lock(tx, id).await?;
            refuse_unless_waited_for(tx, &choice, &gift).await?;
            match (choice.returning_at, begins) {
                // Who presses it second would pay a second time.
                (Some(since), true) => {
                    let since = since.with_timezone(&app.config.org_timezone).format("%Y-%m-%d %H:%M");
                    return Err(Error::Conflict(format!(
                        "It is being given back since {since}: the audit trail says by whom. Do not pay it again."
                    )));
                }
                (None, false) => return Ok(()),
                _ => {}
            }
            let (step, action) = match begins {
                true => ("promise_returning", "promise.return"),
                false => ("promise_not_returned", "promise.return_not"),
            };
            store::update(tx, promise_choice::Model { returning_at: begins.then_some(now), updated_at: now, ..choice }).await?;
            gifts::note(tx, gift.id, now, step, "").await?;
            audit::record(tx, now, actor, action, "promise_choice", &id.to_string(), json!({ "donation": gift.id })).await
        })
        .await
}

/// The money of a choice was given back by hand: on that day, in this way. The gift's entry is taken back, its receipt is void, and its giver
/// is told.
///
/// # Errors
/// `Conflict` when nobody said before that it is being given back, or not all of the gift is there to be given back.
pub async fn given_back(app: &App, actor: &Actor, id: PromiseChoiceId, back: &GivenBack) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (gift, choice) = lock(tx, id).await?;
            refuse_unless_waited_for(tx, &choice, &gift).await?;
            if choice.returning_at.is_none() {
                return Err(Error::Conflict(
                    "Say first that you are giving it back: until then its giver can choose otherwise.".to_owned(),
                ));
            }
            by_hand::give_back_in(tx, app, actor, gift.id, back).await?;
            gifts::note(tx, gift.id, now, "promise_moved", PromiseWay::Refund.as_str()).await?;
            let carried = promise_choice::Model {
                carried_at: Some(now),
                moved_minor: gift.amount_minor,
                source: by_hand::reversal_of(&gift),
                trouble: String::new(),
                updated_at: now,
                ..choice
            };
            store::update(tx, carried.clone()).await?;
            letters::tell(tx, app, &carried, &gift, now).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(())
}

async fn refuse_unless_waited_for(db: &impl ConnectionTrait, choice: &promise_choice::Model, gift: &donation::Model) -> Result<(), Error> {
    if is_waited_for(choice, gift) && is_possible(db, choice, gift).await? {
        return Ok(());
    }
    let why = "The money of this choice does not wait to be given back by hand: its giver chose otherwise, or it was done already.";
    Err(Error::Conflict(why.to_owned()))
}

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawReturn {
    given_on: String,
    from: String,
    how: String,
}

/// Whether it begins, or not after all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawMark {
    begins: String,
}

/// From where money is paid by hand.
const ACCOUNTS: [Account; 2] = [Account::Undeposited, Account::Bank];

#[derive(Template)]
#[template(path = "promises/desk_given_back.html")]
struct ReturnPage {
    page: DeskPage,
    choice: promise_choice::Model,
    gift: donation::Model,
    given_at: DateTime<Utc>,
    amount: Money,
    item: String,
    values: RawReturn,
    accounts: Vec<(String, String)>,
    errors: FormErrors,
}

async fn return_page(app: &App, page: DeskPage, id: PromiseChoiceId) -> Result<ReturnPage, Error> {
    let db = app.db.read();
    let choice = store::choice(db, id).await?.ok_or(Error::NotFound)?;
    let gift = gifts::find(db, choice.donation_id).await?.ok_or(Error::NotFound)?;
    refuse_unless_waited_for(db, &choice, &gift).await?;
    let promise = store::promise(db, choice.promise_id).await?.ok_or(Error::NotFound)?;
    let item = wishes::store::item(db, promise.wish_item_id).await?.map(|item| item.title).unwrap_or_default();
    let from = if deposits::waits(db, gift.id).await? { Account::Undeposited } else { Account::Bank };
    let values = RawReturn { given_on: app.today().to_string(), from: from.to_string(), how: String::new() };
    let accounts = ACCOUNTS.iter().map(|account| (account.to_string(), page.word("desk-promise-back-from", account.as_str()))).collect();
    let title = page.t("desk-promise-back-title");
    let (amount, given_at) = (Money::new(gift.amount_minor, gift.currency), gift.paid_at.unwrap_or(gift.created_at));
    let errors = FormErrors::default();
    Ok(ReturnPage { page: page.titled(title), choice, gift, given_at, amount, item, values, accounts, errors })
}

pub(super) async fn mark(
    State(app): State<App>,
    who: Finance,
    Path(id): Path<PromiseChoiceId>,
    Form(raw): Form<RawMark>,
) -> Result<Response, Error> {
    giving_back(&app, &who.actor(), id, raw.begins == "yes").await?;
    Ok(web::redirect(&format!("/desk/promises/choices/{id}/given-back?done=saved")))
}

pub(super) async fn show(State(app): State<App>, _: Finance, page: DeskPage, Path(id): Path<PromiseChoiceId>) -> Result<Response, Error> {
    web::html(&return_page(&app, page, id).await?)
}

pub(super) async fn close(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<PromiseChoiceId>,
    Form(raw): Form<RawReturn>,
) -> Result<Response, Error> {
    let mut shown = return_page(&app, page, id).await?;
    let mut errors = FormErrors::default();
    let on = parse_day(&app, &shown.page, &raw.given_on, &mut errors);
    if on.is_some_and(|on| on < shown.choice.created_at.with_timezone(&app.config.org_timezone).date_naive()) {
        errors.add("given_on", shown.page.t("desk-promise-back-error-early"));
    }
    let from = ACCOUNTS.into_iter().find(|account| account.as_str() == raw.from);
    if from.is_none() {
        errors.add("from", shown.page.t("desk-promise-back-error-from"));
    }
    let how = parse_text(&shown.page, &raw.how, "how", HOW_CHARACTERS_MAX, &mut errors);
    if how.is_empty() {
        errors.add("how", shown.page.t("desk-promise-back-error-how"));
    }
    let (Some(on), Some(from), true) = (on, from, errors.is_empty()) else {
        let title = format!("{} {}", shown.page.t("error-prefix"), shown.page.t("desk-promise-back-title"));
        (shown.page, shown.values, shown.errors) = (shown.page.titled(title), raw, errors);
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    };
    given_back(&app, &who.actor(), id, &GivenBack { on, from, how }).await?;
    Ok(web::redirect(&format!("/desk/promises/{}?done=saved", shown.choice.promise_id)))
}
