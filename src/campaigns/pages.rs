//! The public list of campaigns, and one campaign with its story, items and giving form.

use super::{CampaignCard, GoalStep, cards, life, published, texts};
use crate::{
    app::App,
    asks::{self, GivingForm, Prefill, Target, target::MatchOffer},
    error::Error,
    i18n::Language,
    matching,
    news::{self, About, Line},
    web::{self, Page, Path, Query, markdown},
    wishes::{self, ItemCard},
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use entity::{campaign_step, wish_item, words::CampaignMoney};

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
    let mut campaigns = published(&app).await?;
    texts::put_in(app.db.read(), page.lang, campaigns.iter_mut().map(|card| &mut card.campaign)).await?;
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
    goals: Vec<(GoalStep, String)>,
    /// Why it is not open, and what happened to the money.
    why: Option<campaign_step::Model>,
    /// The key of the sentence on the money.
    money_key: Option<&'static str>,
    /// The language of the reason for readers: the campaign's own.
    own_language: String,
    /// The other languages that it can be read in: tag and name.
    others: Vec<(String, String)>,
    /// Whether the reader's language is missing.
    is_missing: bool,
    form: GivingForm,
}

/// A campaign as readers are told of it, on its page and in the frames of other sites: in the reader's language where it is written.
#[derive(Clone, Debug)]
pub struct Told {
    /// The page, in the campaign's own language where the reader's is not written and she chose none.
    pub page: Page,
    /// The campaign with the texts of that language.
    pub card: CampaignCard,
    /// Why it is not open, and what happened to the money.
    pub why: Option<campaign_step::Model>,
    /// The key of the sentence on the money.
    pub money_key: Option<&'static str>,
    /// The campaign's own language: that of the reason for readers.
    pub own_language: String,
    /// The languages that the texts of its goals are written in, in their order.
    goal_languages: Vec<String>,
    /// The tags of the languages that it is written in, its own first.
    written: Vec<String>,
}

/// What readers are told of a campaign.
///
/// # Errors
/// `NotFound` for a slug that is not there and for a draft, which is not known to readers.
pub async fn tell(app: &App, page: Page, slug: &str) -> Result<Told, Error> {
    let db = app.db.read();
    let mut campaign = asks::store::campaign(db, slug).await?.ok_or(Error::NotFound)?;
    let own_language = campaign.language.clone();
    let others = texts::of_campaign(db, campaign.id).await?.into_iter().map(|text| text.language);
    let written: Vec<String> = std::iter::once(own_language.clone()).chain(others).collect();
    // The reader's own language where it is written; else, unless she chose one, the campaign's.
    let page = if written.iter().any(|tag| tag == page.lang.tag()) { page } else { page.preferring(&own_language) };
    texts::put_in(db, page.lang, std::iter::once(&mut campaign)).await?;
    let page = page.titled(campaign.title.clone());
    let why = life::why_not_open(db, &campaign).await?;
    let money_key = why.as_ref().and_then(|step| campaign_money_key(step.money));
    let mut card = cards(app, db, vec![campaign]).await?.pop().ok_or(Error::NotFound)?;
    let goal_languages = texts::put_in_goals(db, &card.campaign.language, &own_language, &mut card.goals).await?;
    Ok(Told { page, card, why, money_key, own_language, goal_languages, written })
}

/// One campaign; one that takes no gifts says so in the form's place.
async fn show(State(app): State<App>, page: Page, Path(slug): Path<String>, Query(prefill): Query<Prefill>) -> Result<Response, Error> {
    let db = app.db.read();
    let Told { page, card, why, money_key, own_language, goal_languages, written } = tell(&app, page, &slug).await?;
    let campaign = card.campaign.clone();
    let article = if prefill.article.is_empty() { None } else { asks::store::article(db, &prefill.article, app.now()).await? };
    let story = markdown::to_html(&campaign.story_markdown);
    let items = wishes::cards(db, wishes::store::open_items(db, Some(campaign.id)).await?, app.now()).await?;
    let offers: Vec<wish_item::Model> = items.iter().filter(|card| card.can_be_given()).map(|card| card.item.clone()).collect();
    let pots = matching::offers(db, campaign.id, app.now()).await?;
    let goals = card.goals.iter().cloned().zip(goal_languages).collect();
    let is_missing = Language::nearest(&campaign.language) != Some(page.lang);
    let name = |tag: &str| tag.parse::<Language>().map_or_else(|()| tag.to_owned(), |language| language.name().to_owned());
    let others = written.into_iter().filter(|tag| *tag != campaign.language).map(|tag| (tag.clone(), name(&tag))).collect();
    let matching = pots.iter().find(|pot| pot.left.minor > 0).cloned();
    let news = news::lines(db, About::Campaign(campaign.id), page.lang.tag(), app.now()).await?;
    let feed = format!("/campaigns/{}/feed.xml", campaign.slug);
    let target = Target { campaign: Some(campaign), item: None, article, matching };
    let form = GivingForm::new(&app, &page, &target, &offers, &prefill);
    web::html(&CampaignPage { page, card, story, items, pots, news, feed, goals, why, money_key, own_language, others, is_missing, form })
}

/// The key of the sentence that tells what happened to the money.
const fn campaign_money_key(money: CampaignMoney) -> Option<&'static str> {
    match money {
        CampaignMoney::None => None,
        CampaignMoney::Purpose => Some("campaigns-money-purpose"),
        CampaignMoney::General => Some("campaigns-money-general"),
        CampaignMoney::Returned => Some("campaigns-money-returned"),
    }
}
