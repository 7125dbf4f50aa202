//! A giver's page about a promise that cannot be kept: GET shows, POST decides.

use super::{Offer, WayBack, choose, offers, store, way_back};
use crate::{
    app::App,
    error::Error,
    web::{self, Form, FormErrors, Page, Path, Query},
    wishes,
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use entity::{Money, promise, promise_choice, wish_item, words::PromiseWay};
use serde::Deserialize;

/// The public page.
pub fn routes() -> Router<App> {
    Router::new().route("/promises/{token}", get(show).post(decide))
}

#[derive(Template)]
#[template(path = "promises/choice.html")]
struct ChoicePage {
    page: Page,
    choice: promise_choice::Model,
    promise: promise::Model,
    item: wish_item::Model,
    amount: Money,
    moved: Money,
    offers: Vec<Offer>,
    /// The other item that was chosen, when there is one.
    to_item: Option<wish_item::Model>,
    way_back: Option<WayBack>,
    is_saved: bool,
    /// The value of the chosen answer: `general`, `refund`, or `item:<slug>`.
    chosen: String,
    path: String,
    errors: FormErrors,
}

impl ChoicePage {
    fn is_chosen(&self, value: &str) -> bool {
        self.chosen == value
    }

    fn is_offer_chosen(&self, offer: &Offer) -> bool {
        self.chosen.strip_prefix("item:") == Some(offer.item.slug.as_str())
    }

    fn is_by_hand(&self) -> bool {
        self.way_back == Some(WayBack::ByHand)
    }

    fn to_title(&self) -> String {
        self.to_item.as_ref().map(|item| item.title.clone()).unwrap_or_default()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    saved: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    way: String,
}

async fn show(State(app): State<App>, page: Page, Path(token): Path<String>, Query(said): Query<Said>) -> Result<Response, Error> {
    let mut shown = choice_page(&app, page, &token, FormErrors::default()).await?;
    shown.is_saved = !said.saved.is_empty();
    private(StatusCode::OK, &shown)
}

async fn decide(State(app): State<App>, page: Page, Path(token): Path<String>, Form(answer): Form<Answer>) -> Result<Response, Error> {
    let mut shown = choice_page(&app, page, &token, FormErrors::default()).await?;
    let chosen = match answer.way.as_str() {
        "general" => Some((PromiseWay::General, None)),
        "refund" if shown.way_back.is_some() => Some((PromiseWay::Refund, None)),
        other => {
            let slug = other.strip_prefix("item:").unwrap_or_default();
            shown.offers.iter().find(|offer| offer.item.slug == slug).map(|offer| (PromiseWay::Item, Some(offer.item.id)))
        }
    };
    let (status, why) = match chosen {
        Some((way, to)) => match choose(&app, shown.choice.id, way, to).await {
            Ok(()) => return Ok(web::redirect(&format!("/promises/{token}?saved=yes"))),
            Err(Error::Conflict(_)) => (StatusCode::CONFLICT, "promises-error-done"),
            Err(other) => return Err(other),
        },
        None => (StatusCode::UNPROCESSABLE_ENTITY, "promises-error-choose"),
    };
    let text = shown.page.t(why);
    shown.errors.add("way", text);
    private(status, &shown)
}

async fn choice_page(app: &App, page: Page, token: &str, errors: FormErrors) -> Result<ChoicePage, Error> {
    let db = app.db.read();
    let choice = store::choice_by_token(db, token).await?.ok_or(Error::NotFound)?;
    let promise = store::promise(db, choice.promise_id).await?.ok_or(Error::NotFound)?;
    let item = wishes::store::item(db, promise.wish_item_id).await?.ok_or(Error::NotFound)?;
    let gift = crate::donations::store::find(db, choice.donation_id).await?.ok_or(Error::NotFound)?;
    let page = page.preferring(&gift.language);
    let title = page.t("promises-title");
    let to_item = match choice.to_item_id {
        Some(id) => wishes::store::item(db, id).await?,
        None => None,
    };
    let chosen = match (choice.way, &to_item) {
        (PromiseWay::Item, Some(item)) => format!("item:{}", item.slug),
        (way, _) => way.to_string(),
    };
    Ok(ChoicePage {
        offers: offers(app, &choice, item.id).await?,
        way_back: way_back(app, &choice).await?,
        amount: Money::new(choice.amount_minor, choice.currency),
        moved: Money::new(choice.moved_minor, choice.currency),
        page: page.titled(title),
        path: format!("/promises/{token}"),
        is_saved: false,
        choice,
        promise,
        item,
        to_item,
        chosen,
        errors,
    })
}

/// The address is a secret: no browser keeps the page.
fn private(status: StatusCode, shown: &ChoicePage) -> Result<Response, Error> {
    let mut response = web::html_status(status, shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
