//! The public wish list, and one item with its giving form, or with what to say after ordering it at a shop.

use super::{
    ItemCard, asked_for, cards, find_target,
    orders::{self, RawOrder, Told},
    pictures, pictures_desk, proofs, steps, store,
};
use crate::{
    app::App,
    asks::{GivingForm, Prefill, token},
    error::Error,
    limits::HourlyLimit,
    news::{self, About, Line},
    web::{self, Form, FormErrors, Page, Path, Query, client::ClientAddress},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use entity::{wish_proof, words::ProofState};
use std::sync::Arc;

/// The public pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/wish-list", get(list))
        .route("/wish-list/{slug}", get(show))
        .route("/wish-list/{slug}/orders", post(take_order))
        .merge(pictures_desk::public_routes())
}

#[derive(Template)]
#[template(path = "wishes/list.html")]
struct ListPage {
    page: Page,
    items: Vec<ItemCard>,
}

/// What readers are asked for today, with links to shops' lists for what is bought elsewhere.
async fn list(State(app): State<App>, page: Page) -> Result<Response, Error> {
    let items = asked_for(&app).await?;
    let title = page.t("wishes-title");
    web::html(&ListPage { page: page.titled(title), items })
}

#[derive(Template)]
#[template(path = "wishes/item.html")]
struct ItemPage {
    page: Page,
    card: ItemCard,
    campaign: Option<(String, String, String)>,
    form: GivingForm,
    order: RawOrder,
    errors: FormErrors,
    /// Whether she was just thanked for ordering it.
    ordered: bool,
    history: Vec<steps::Month>,
    proofs: Vec<Proof>,
    news: Vec<Line>,
}

impl ItemPage {
    /// What she agrees to with her address, and what becomes of it.
    fn email_hint(&self) -> String {
        format!("{} {}", self.page.t("wishes-order-news"), self.page.t("wishes-order-email-hint"))
    }
}

/// A proof of delivery as readers see it.
struct Proof {
    proof: wish_proof::Model,
    photo: Option<pictures::Shown>,
    month: String,
}

/// What a link to an item may say besides filling in the form.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Said {
    ordered: String,
}

/// One item, how far it has come, and its form; of a cancelled one the page says that it is not asked for any more. An item of a
/// draft campaign is not known to readers.
async fn show(
    State(app): State<App>,
    page: Page,
    Path(slug): Path<String>,
    Query(prefill): Query<Prefill>,
    Query(said): Query<Said>,
) -> Result<Response, Error> {
    let order = RawOrder { quantity: page.number(1), form_token: token::issue(&app), ..RawOrder::default() };
    let mut shown = item_page(&app, page, &slug, &prefill, order, FormErrors::default()).await?;
    shown.ordered = !said.ordered.is_empty();
    web::html(&shown)
}

async fn item_page(app: &App, page: Page, slug: &str, prefill: &Prefill, order: RawOrder, errors: FormErrors) -> Result<ItemPage, Error> {
    let item = store::item_by_slug(app.db.read(), slug).await?.ok_or(Error::NotFound)?;
    let target = find_target(app, "", slug, &prefill.article).await?;
    let card = cards(app.db.read(), vec![item], app.now()).await?.pop().ok_or(Error::NotFound)?;
    let page = page.preferring(&card.item.language);
    let title = card.item.title.clone();
    let page = page.clone().titled(if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) });
    let form = GivingForm::new(app, &page, &target, &[], prefill);
    let campaign = target.campaign.map(|campaign| (campaign.slug, campaign.title, campaign.language));
    let history = steps::history(app, &card.item, page.lang).await?;
    let released = proofs::of_item(app.db.read(), card.item.id, Some(ProofState::Released)).await?;
    let photos = pictures::shown(app.db.read(), proofs::photos(&released)).await?;
    let proof = |proof: wish_proof::Model| Proof {
        photo: proof.picture_id.and_then(|id| photos.get(&id)).cloned(),
        month: proof.month.map(|month| steps::month_of(month, page.lang).1).unwrap_or_default(),
        proof,
    };
    let proofs = released.into_iter().map(proof).collect();
    let news = news::lines(app.db.read(), About::Item(card.item.id), page.lang.tag(), app.now()).await?;
    Ok(ItemPage { page, card, campaign, form, order, errors, ordered: false, history, proofs, news })
}

#[derive(Clone)]
struct OrderLimit(Arc<HourlyLimit>);

/// Holds what a supporter says that she ordered; or shows the page again with what she typed and why.
async fn take_order(
    State(app): State<App>,
    page: Page,
    client: ClientAddress,
    Path(slug): Path<String>,
    Form(raw): Form<RawOrder>,
) -> Result<Response, Error> {
    // An item of a draft campaign is not known here either.
    let target = find_target(&app, "", &slug, "").await?;
    let item = target.item.as_ref().map(|target| target.item.clone()).ok_or(Error::NotFound)?;
    let order = match orders::parse(&app, &page, &raw) {
        Ok(order) => order,
        Err(errors) => return show_again(&app, page, &slug, raw, errors, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    let open = async || Ok(OrderLimit(Arc::new(HourlyLimit::new(orders::PER_HOUR, &app.random.bytes()))));
    let limit: OrderLimit = app.shelf.get_or_open(open).await?;
    let known = store::order_by_form(app.db.read(), &order.form_token).await?.is_some();
    let mut errors = FormErrors::default();
    if !known && !limit.0.allows(client.network(), app.now()) {
        errors.add("ordered", page.t("wishes-order-too-many"));
        return show_again(&app, page, &slug, raw, errors, StatusCode::TOO_MANY_REQUESTS).await;
    }
    match orders::tell(&app, item.id, &order, page.lang.tag()).await? {
        Told::Held => return Ok(web::redirect(&format!("/wish-list/{}?ordered=yes", item.slug))),
        Told::NotEnough { left } => errors.add("quantity", page.tn("wishes-order-left", left)),
        Told::Closed => errors.add("ordered", page.t("asks-problem-item")),
    }
    show_again(&app, page, &slug, raw, errors, StatusCode::CONFLICT).await
}

async fn show_again(
    app: &App,
    page: Page,
    slug: &str,
    mut raw: RawOrder,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    if !matches!(token::check(app, &raw.form_token), Ok(_) | Err(token::TokenError::TooFast)) {
        raw.form_token = token::issue(app);
    }
    raw.website.clear();
    let shown = item_page(app, page, slug, &Prefill::default(), raw, errors).await?;
    let mut response = web::html_status(status, &shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
