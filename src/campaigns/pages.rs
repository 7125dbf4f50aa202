//! The public list of campaigns, and one campaign with its story, items and giving form.

use super::{CampaignCard, cards, published};
use crate::{
    app::App,
    asks::{self, GivingForm, Prefill, Target, target::MatchOffer},
    error::Error,
    matching,
    news::{self, About, Line},
    web::{self, Page, Path, Query, markdown},
    wishes::{self, ItemCard},
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use entity::wish_item;

/// The public pages.
pub fn routes() -> Router<App> {
    Router::new().route("/campaigns", get(list)).route("/campaigns/{slug}", get(show))
}

#[derive(Template)]
#[template(path = "campaigns/list.html")]
struct ListPage {
    page: Page,
    campaigns: Vec<CampaignCard>,
}

/// Every campaign that is not a draft: those that take gifts first.
async fn list(State(app): State<App>, page: Page) -> Result<Response, Error> {
    let campaigns = published(&app).await?;
    let title = page.t("campaigns-title");
    web::html(&ListPage { page: page.titled(title), campaigns })
}

#[derive(Template)]
#[template(path = "campaigns/campaign.html")]
struct CampaignPage {
    page: Page,
    card: CampaignCard,
    story: String,
    items: Vec<ItemCard>,
    pots: Vec<MatchOffer>,
    news: Vec<Line>,
    feed: String,
    form: GivingForm,
}

/// One campaign. A draft is not known to readers; a campaign that takes no gifts says so in the form's place.
async fn show(State(app): State<App>, page: Page, Path(slug): Path<String>, Query(prefill): Query<Prefill>) -> Result<Response, Error> {
    let db = app.db.read();
    let campaign = asks::store::campaign(db, &slug).await?.ok_or(Error::NotFound)?;
    let article = if prefill.article.is_empty() { None } else { asks::store::article(db, &prefill.article, app.now()).await? };
    let page = page.preferring(&campaign.language).titled(campaign.title.clone());
    let story = markdown::to_html(&campaign.story_markdown);
    let items = wishes::cards(db, wishes::store::open_items(db, Some(campaign.id)).await?, app.now()).await?;
    let offers: Vec<wish_item::Model> = items.iter().filter(|card| card.can_be_given()).map(|card| card.item.clone()).collect();
    let pots = matching::offers(db, campaign.id, app.now()).await?;
    let card = cards(&app, db, vec![campaign.clone()]).await?.pop().ok_or(Error::NotFound)?;
    let matching = pots.iter().find(|pot| pot.left.minor > 0).cloned();
    let news = news::lines(db, About::Campaign(campaign.id), page.lang.tag(), app.now()).await?;
    let feed = format!("/campaigns/{}/feed.xml", campaign.slug);
    let target = Target { campaign: Some(campaign), item: None, article, matching };
    let form = GivingForm::new(&app, &page, &target, &offers, &prefill);
    web::html(&CampaignPage { page, card, story, items, pots, news, feed, form })
}
