//! The public pages of giving: the form on a page of its own, what happens when it is sent, and the thank-you page.

use super::{OpenProblem, Opened, back, by_hand::transfers, ending, explain, open, store};
use crate::{
    app::App,
    asks::{GivingForm, Prefill, RawGift, Target, amount, gift::OTHER, parse_gift, token},
    campaigns,
    error::Error,
    matching,
    web::{self, Form, FormErrors, Page, Path, Query, client::ClientAddress},
    wishes,
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use entity::{
    Money, campaign, donation, receipt,
    words::{DonationStatus, ReceiptStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// The public routes of giving.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/donate", get(show_form))
        .route("/donations", post(send_form))
        .route("/donations/transfer", post(announce_transfer))
        .route("/donations/{token}", get(show_donation))
}

#[derive(Template)]
#[template(path = "donations/donate.html")]
struct DonatePage {
    page: Page,
    form: GivingForm,
    target: Target,
    /// Said above the form: why it is shown again.
    notice: Option<String>,
    /// Where to look first when the form was sent before with something else in it.
    earlier: Option<String>,
}

async fn show_form(State(app): State<App>, page: Page, Query(prefill): Query<Prefill>) -> Result<Response, Error> {
    let target = wishes::find_target(&app, &prefill.campaign, &prefill.item, &prefill.article).await?;
    let title = page.t("donations-heading");
    let page = page.titled(title);
    let offers = find_offers(&app, &target).await?;
    let form = GivingForm::new(&app, &page, &target, &offers, &prefill);
    let is_closed = !prefill.article.trim().is_empty() && target.article.is_none();
    let notice = is_closed.then(|| closed_text(&page, &target));
    let mut response = web::html(&DonatePage { page, form, target, notice, earlier: None })?;
    // The form's token is for one person and one gift.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn find_offers(app: &App, target: &Target) -> Result<Vec<entity::wish_item::Model>, Error> {
    match target.campaign_id() {
        Some(id) => wishes::store::open_items(app.db.read(), Some(id)).await,
        None => Ok(Vec::new()),
    }
}

/// Parses, opens the checkout, and sends the browser there (303); or shows the form again with everything typed kept and why.
async fn send_form(State(app): State<App>, page: Page, client: ClientAddress, Form(raw): Form<RawGift>) -> Result<Response, Error> {
    let page = page.preferring(&raw.language);
    let target = find_target(&app, &raw).await?;
    if asks_no_more(&raw, &target) {
        return show_closed(&app, page, &target, raw).await;
    }
    let gift = match parse_gift(&app, &page, &raw, &target) {
        Ok(gift) => gift,
        Err(errors) => return show_again(&app, page, &target, raw, errors, StatusCode::UNPROCESSABLE_ENTITY, None).await,
    };
    let known = store::find_by_form(app.db.read(), &gift.form_token).await?.is_some();
    if !known && !app.checkout_limit.allows(client.network(), app.now()) {
        let errors = one_error(page.t("donations-too-many"));
        return show_again(&app, page, &target, raw, errors, StatusCode::TOO_MANY_REQUESTS, None).await;
    }
    match open(&app, &gift).await {
        Ok(Opened::Checkout(url)) => Ok(web::redirect(&tell_match_first(&app, &raw, &gift.form_token).await?.unwrap_or(url))),
        Ok(Opened::Over(path)) => Ok(web::redirect(&path)),
        Err(problem) => show_problem(&app, page, &target, raw, &gift.form_token, problem).await,
    }
}

/// Where she is told first that less is added to her gift than the form said: the donation's own page, which leads on to the checkout.
async fn tell_match_first(app: &App, raw: &RawGift, form_token: &str) -> Result<Option<String>, Error> {
    if raw.match_offered.is_empty() {
        return Ok(None);
    }
    let Some(donation) = store::find_by_form(app.db.read(), form_token).await? else { return Ok(None) };
    Ok(match matching::told(app.db.read(), &donation, app.now()).await? {
        Some(matching::Told::Held { money, full, .. }) if money == full => None,
        _ => Some(format!("{}?back=1&matching=1", super::path_of(app, donation.id))),
    })
}

/// The same form, sent by the button for a bank transfer: no checkout, but a page with the bank details and a code.
async fn announce_transfer(State(app): State<App>, page: Page, client: ClientAddress, Form(raw): Form<RawGift>) -> Result<Response, Error> {
    if !transfers::is_offered(&app) {
        return Err(Error::NotFound);
    }
    let page = page.preferring(&raw.language);
    let target = find_target(&app, &raw).await?;
    if asks_no_more(&raw, &target) {
        return show_closed(&app, page, &target, raw).await;
    }
    let gift = match parse_gift(&app, &page, &raw, &target) {
        Ok(gift) => gift,
        Err(errors) => return show_again(&app, page, &target, raw, errors, StatusCode::UNPROCESSABLE_ENTITY, None).await,
    };
    let known = store::find_by_form(app.db.read(), &gift.form_token).await?.is_some();
    if !known && !app.checkout_limit.allows(client.network(), app.now()) {
        let errors = one_error(page.t("donations-too-many"));
        return show_again(&app, page, &target, raw, errors, StatusCode::TOO_MANY_REQUESTS, None).await;
    }
    match transfers::announce(&app, &gift).await {
        Ok(path) => Ok(web::redirect(&path)),
        Err(problem) => show_problem(&app, page, &target, raw, &gift.form_token, problem).await,
    }
}

/// What a sent form is for. What an earlier sending of the same form keeps of the item counts as left for it.
async fn find_target(app: &App, raw: &RawGift) -> Result<Target, Error> {
    let mut target = wishes::find_target(app, &raw.campaign, &raw.item, &raw.article).await?;
    if let Some(of_item) = &mut target.item
        && let Ok(token) = token::check(app, &raw.form_token)
        && let Some(earlier) = store::find_by_form(app.db.read(), &token.id).await?
        && earlier.wish_item_id == Some(of_item.item.id)
    {
        let (quantity, minor) = wishes::kept_for(app.db.read(), earlier.id, app.now()).await?;
        of_item.left += quantity;
        of_item.missing = of_item.missing.map(|missing| Money::new(missing.minor + minor, missing.currency));
    }
    Ok(target)
}

/// Whether a form comes from an article that asks no more. Of an article that never was, the same is said.
fn asks_no_more(raw: &RawGift, target: &Target) -> bool {
    !raw.article.trim().is_empty() && target.article.is_none()
}

/// The form came from a page loaded before the article's ask was taken away. A gift that was begun with it has its own page; else the same
/// can be given to the campaign itself, with everything typed kept.
async fn show_closed(app: &App, page: Page, target: &Target, mut raw: RawGift) -> Result<Response, Error> {
    if let Ok(token) = token::check(app, &raw.form_token)
        && let Some(earlier) = store::find_by_form(app.db.read(), &token.id).await?
    {
        return Ok(web::redirect(&super::path_of(app, earlier.id)));
    }
    raw.article.clear();
    let errors = one_error(closed_text(&page, target));
    show_again(app, page, target, raw, errors, StatusCode::CONFLICT, None).await
}

fn closed_text(page: &Page, target: &Target) -> String {
    page.t(if target.campaign.is_some() { "donations-article-closed-campaign" } else { "donations-article-closed" })
}

fn one_error(text: String) -> FormErrors {
    let mut errors = FormErrors::default();
    errors.add("donate", text);
    errors
}

async fn show_problem(
    app: &App,
    page: Page,
    target: &Target,
    mut raw: RawGift,
    form_token: &str,
    problem: OpenProblem,
) -> Result<Response, Error> {
    let (status, text, earlier) = match problem {
        OpenProblem::AnotherGift => {
            // The first gift stands; sending again makes a second one, and she is told so.
            raw.form_token = token::issue(app);
            let first = store::find_by_form(app.db.read(), form_token).await?;
            (StatusCode::CONFLICT, page.t("donations-another-gift"), first.map(|d| super::path_of(app, d.id)))
        }
        OpenProblem::NotEnough { left } => (StatusCode::CONFLICT, page.tn("donations-not-enough", left), None),
        OpenProblem::TooMuch { left } => (StatusCode::CONFLICT, page.t1("donations-too-much", "left", page.money(left)), None),
        OpenProblem::ArticleClosed => {
            raw.article.clear();
            (StatusCode::CONFLICT, closed_text(&page, target), None)
        }
        OpenProblem::ItemClosed => (StatusCode::CONFLICT, page.t("asks-problem-item"), None),
        OpenProblem::StripeDown => (StatusCode::SERVICE_UNAVAILABLE, page.t("donations-stripe-down"), None),
        OpenProblem::StripeRefused => {
            raw.form_token = token::issue(app);
            (StatusCode::SERVICE_UNAVAILABLE, page.t("donations-stripe-refused"), None)
        }
        OpenProblem::Other(Error::Unavailable(why)) => {
            tracing::warn!(why, "a donation could not be written");
            (StatusCode::SERVICE_UNAVAILABLE, page.t("donations-not-stored"), None)
        }
        OpenProblem::Other(error) => return Err(error),
    };
    show_again(app, page, target, raw, one_error(text), status, earlier).await
}

async fn show_again(
    app: &App,
    page: Page,
    target: &Target,
    mut raw: RawGift,
    mut errors: FormErrors,
    status: StatusCode,
    earlier: Option<String>,
) -> Result<Response, Error> {
    target.campaign_slug().clone_into(&mut raw.campaign);
    // What is left of an item may have changed since the form was read.
    let mut target = find_target(app, &raw).await?;
    if let Some(of_item) = target.item.take_if(|of_item| of_item.left < 1) {
        // The item is gone: what it would have cost can be given all the same, and nothing typed is lost.
        raw.item.clear();
        errors.items.iter_mut().filter(|error| error.field == "quantity").for_each(|error| error.field = "other_amount");
        let is_shared = wishes::is_shared(&of_item.item);
        if is_shared && raw.other_amount.trim().is_empty() && raw.amount != OTHER {
            raw.other_amount.clone_from(&raw.amount);
        }
        OTHER.clone_into(&mut raw.amount);
        let count = amount::parse_count(&raw.quantity).unwrap_or(1);
        if let (Some(price), Some(currency)) = (of_item.item.price_minor, of_item.item.currency)
            && let Ok(total) = Money::new(price, currency).checked_mul(count)
            && !is_shared
        {
            raw.other_amount = total.decimal();
            currency.code().clone_into(&mut raw.currency);
        }
    }
    let title = format!("{} {}", page.t("error-prefix"), page.t("asks-heading"));
    let page = page.titled(title);
    let offers = find_offers(app, &target).await?;
    let form = GivingForm::again(app, &page, &target, &offers, raw, errors);
    let mut response = web::html_status(status, &DonatePage { page, form, target, notice: None, earlier })?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[derive(Template)]
#[template(path = "donations/thanks.html")]
struct ThanksPage {
    page: Page,
    donation: donation::Model,
    amount: Money,
    /// What was given back of a paid gift, or taken back by a bank for good.
    given_back: Option<Money>,
    campaign: Option<campaign::Model>,
    /// What the campaign has and what it needs, as written in the page's language.
    progress: Option<(String, String)>,
    receipt_code: Option<String>,
    /// Where to transfer the money to, and the code to write on it, while an announced transfer is waited for.
    transfer: Option<Transfer>,
    /// Whether we ended the checkout, because its article asks no more.
    was_ended: bool,
    /// What happened, day by day.
    told: Vec<(String, String)>,
    /// What a sponsor adds to the gift, in a sentence.
    matched: Option<String>,
    /// Where to go on paying, while the checkout is open.
    checkout_url: Option<String>,
    /// In how many seconds the page looks again, while something is awaited.
    look_again: Option<u32>,
    donate_path: String,
}

async fn given_back(app: &App, donation: &donation::Model) -> Result<Option<Money>, Error> {
    if donation.status != DonationStatus::Paid {
        return Ok(None);
    }
    let worth = crate::ledger::worth_of(app.db.read(), donation.id, donation.currency).await?;
    let back = Money::new(donation.amount_minor, donation.currency).checked_add(worth.negated()?)?;
    Ok(Some(back).filter(|back| back.minor > 0))
}

/// What a supporter needs for her bank.
struct Transfer {
    details: Vec<String>,
    code: String,
    until: chrono::DateTime<chrono::Utc>,
}

/// How many thank-you pages may ask Stripe at once; the others show what is known.
static ASKING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4));

/// How often a waiting page looks again by itself.
const LOOKS_MAX: u32 = 6;

#[derive(Deserialize)]
struct Look {
    /// How often the page has looked.
    #[serde(default)]
    look: u32,
    /// Set when the supporter came back from the checkout without paying.
    #[serde(default)]
    back: u8,
    /// Set when the form said that a sponsor adds to the gift, and it is less.
    #[serde(default)]
    matching: u8,
}

async fn show_donation(State(app): State<App>, page: Page, Path(token): Path<String>, Query(look): Query<Look>) -> Result<Response, Error> {
    let mut donation = store::find_by_token(app.db.read(), &token).await?.ok_or(Error::NotFound)?;
    if matches!(donation.status, DonationStatus::Pending | DonationStatus::Processing) {
        ask_stripe(&app, &donation).await;
        donation = store::find(app.db.read(), donation.id).await?.ok_or(Error::NotFound)?;
    }
    let campaign = match donation.campaign_id {
        Some(id) => campaign::Entity::find_by_id(id).one(app.db.read()).await?,
        None => None,
    };
    let receipt = receipt::Entity::find()
        .filter(receipt::Column::DonationId.eq(donation.id))
        .filter(receipt::Column::Status.eq(ReceiptStatus::Issued))
        .one(app.db.read())
        .await?;
    let page = page.preferring(&donation.language);
    let progress = match &campaign {
        Some(campaign) => {
            let progress = campaigns::progress(app.db.read(), std::slice::from_ref(campaign)).await?;
            progress.get(&campaign.id).map(|of| (page.money(of.raised), page.money(of.goal)))
        }
        None => None,
    };
    let transfer = (donation.status == DonationStatus::Pending && transfers::is_waited_for(&donation)).then(|| Transfer {
        details: app.config.org_bank_details.clone(),
        code: donation.reference.clone(),
        until: donation.expires_at,
    });
    let told = explain::for_supporter(&app, &page, &donation).await?;
    let was_ended = donation.status == DonationStatus::Expired && ending::was_ended(app.db.read(), donation.id).await?;
    let waits = donation.status == DonationStatus::Pending && transfer.is_none() && look.back == 0 && look.look < LOOKS_MAX;
    let matched = tell_match(&app, &page, &donation, look.matching > 0).await?;
    let shown = ThanksPage {
        matched,
        page: page.clone().titled(page.t(&format!("donations-title-{}", donation.status))),
        amount: Money::new(donation.amount_minor, donation.currency),
        given_back: given_back(&app, &donation).await?,
        progress,
        receipt_code: receipt.map(|r| r.code),
        transfer,
        told: told.into_iter().map(|line| (page.day(line.at), line.text)).collect(),
        was_ended,
        checkout_url: donation
            .checkout_url
            .clone()
            .filter(|_| donation.status == DonationStatus::Pending && donation.expires_at > app.now()),
        look_again: waits.then_some(look.look + 1),
        donate_path: campaign.as_ref().map_or_else(|| "/donate".to_owned(), |c| format!("/donate?campaign={}", c.slug)),
        campaign,
        donation,
    };
    let mut response = web::html(&shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What a sponsor adds to the gift; `was_offered`: the form said that somebody does.
async fn tell_match(app: &App, page: &Page, donation: &donation::Model, was_offered: bool) -> Result<Option<String>, Error> {
    let now = app.now();
    Ok(match matching::told(app.db.read(), donation, now).await? {
        Some(matching::Told::Held { money, full, until }) => {
            let key = if money == full { "donations-match-held" } else { "donations-match-held-part" };
            let minutes = (until.min(donation.expires_at) - now).num_minutes().max(0);
            let held = page.t2(key, "match", page.money(money), "gift", page.money(Money::new(donation.amount_minor, donation.currency)));
            let is_waiting = donation.status == DonationStatus::Pending;
            Some(if is_waiting { format!("{held} {}", page.tn("donations-match-minutes", minutes)) } else { held })
        }
        Some(matching::Told::Confirmed(money)) => Some(page.t1("donations-match-confirmed", "match", page.money(money))),
        Some(matching::Told::TooLate) => Some(page.t("donations-match-late")),
        None if was_offered && donation.status == DonationStatus::Pending => Some(page.t("donations-match-none")),
        None => None,
    })
}

/// Asks Stripe itself when the webhook is late. What goes wrong here is only logged: the page then shows what is known.
async fn ask_stripe(app: &App, donation: &donation::Model) {
    let (Some(session), Ok(_asking)) = (&donation.checkout_session_id, ASKING.try_acquire()) else { return };
    match back::ask(app, donation, Some(session), false).await {
        Ok(present) => {
            if let Err(error) = back::apply(app, donation.id, &present).await {
                tracing::error!(donation_id = %donation.id, %error, "a checkout's state could not be applied");
            }
        }
        Err(failure) => tracing::warn!(donation_id = %donation.id, ?failure, "Stripe did not tell how a checkout stands"),
    }
}
