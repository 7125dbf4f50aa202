//! The public wish list, and one item with its giving form.

use super::{ItemCard, asked_for, cards, find_target, store};
use crate::{
    app::App,
    asks::{GivingForm, Prefill},
    error::Error,
    web::{self, Page, Path, Query},
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

/// The public pages.
pub fn routes() -> Router<App> {
    Router::new().route("/wish-list", get(list)).route("/wish-list/{slug}", get(show))
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
}

/// One item, how far it has come, and its form; of a cancelled one the page says that it is not asked for any more. An item of a
/// draft campaign is not known to readers.
async fn show(State(app): State<App>, page: Page, Path(slug): Path<String>, Query(prefill): Query<Prefill>) -> Result<Response, Error> {
    let item = store::item_by_slug(app.db.read(), &slug).await?.ok_or(Error::NotFound)?;
    let target = find_target(&app, "", &slug, &prefill.article).await?;
    let card = cards(app.db.read(), vec![item], app.now()).await?.pop().ok_or(Error::NotFound)?;
    let page = page.preferring(&card.item.language).titled(card.item.title.clone());
    let form = GivingForm::new(&app, &page, &target, &[], &prefill);
    let campaign = target.campaign.map(|campaign| (campaign.slug, campaign.title, campaign.language));
    web::html(&ItemPage { page, card, campaign, form })
}
