//! Staff's pages for campaigns: list, preview, make, change, and the verbs of a campaign's life.

use super::{CampaignCard, Verb, cards, details, details::RawCampaign, life, life::Why, store, texts};
use crate::{
    app::App,
    asks,
    error::Error,
    i18n::Language,
    staff::{DeskPage, Editor},
    web::{self, Form, FormErrors, Path, Query, markdown, pager::Pager},
    wishes::{self, ItemCard},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::{
    campaign_step,
    ids::CampaignId,
    words::{CampaignMoney, CampaignStatus},
};
use serde::Deserialize;

/// The desk's pages for campaigns and funds.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/campaigns", get(list))
        .route("/desk/campaigns/new", get(blank).post(create))
        .route("/desk/campaigns/{id}", get(show))
        .route("/desk/campaigns/{id}/edit", get(edit).post(change))
        .route("/desk/campaigns/{id}/state/{verb}", post(apply))
        .merge(super::desk_funds::desk_routes())
        .merge(super::desk_more::desk_routes())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    q: String,
    status: String,
    after: String,
}

#[derive(Template)]
#[template(path = "campaigns/desk_list.html")]
struct ListPage {
    page: DeskPage,
    filter: Filter,
    states: Vec<(String, String)>,
    campaigns: Vec<CampaignCard>,
    next: Option<String>,
}

/// The campaigns, the newest first, by words of the title and by state.
async fn list(State(app): State<App>, _: Editor, page: DeskPage, Query(filter): Query<Filter>) -> Result<Response, Error> {
    let db = app.db.read();
    let rows = store::search(db, &filter.q, filter.status.parse().ok(), filter.after.parse().ok()).await?;
    let Pager { rows, next } = Pager::from_rows(rows, |campaign| campaign.id.to_string());
    let campaigns = cards(&app, db, rows).await?;
    let mut states = vec![(String::new(), page.t("desk-any"))];
    states.extend(CampaignStatus::ALL.iter().map(|status| (status.to_string(), page.t(&format!("campaigns-state-{status}")))));
    let title = page.t("desk-nav-campaigns");
    web::html(&ListPage { page: page.titled(title), filter, states, campaigns, next })
}

#[derive(Template)]
#[template(path = "campaigns/desk_campaign.html")]
struct CampaignPage {
    page: DeskPage,
    card: CampaignCard,
    story: String,
    items: Vec<ItemCard>,
    verbs: Vec<(String, String)>,
    fund: String,
    steps: Vec<campaign_step::Model>,
    /// The languages of the pages but its own: tag, name, and whether it is written in it.
    languages: Vec<(String, String, bool)>,
    sent: Why,
    money: Vec<(String, String)>,
    errors: FormErrors,
}

/// One campaign as readers see it or will see it, with what can be done to it.
async fn show(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<CampaignId>) -> Result<Response, Error> {
    web::html(&campaign_page(&app, page, id, Why::default(), FormErrors::default()).await?)
}

async fn campaign_page(app: &App, page: DeskPage, id: CampaignId, sent: Why, errors: FormErrors) -> Result<CampaignPage, Error> {
    let db = app.db.read();
    let campaign = store::campaign(db, id).await?.ok_or(Error::NotFound)?;
    let verbs = Verb::allowed(campaign.status).into_iter().map(|verb| (verb.to_string(), page.t(&format!("desk-campaign-{verb}"))));
    let verbs = verbs.collect();
    let items = wishes::cards(db, wishes::store::open_items(db, Some(id)).await?, app.now()).await?;
    let fund = store::fund(db, campaign.fund_id).await?.map(|fund| fund.name).unwrap_or_default();
    let (title, story) = (campaign.title.clone(), markdown::to_html(&campaign.story_markdown));
    let written = texts::of_campaign(db, id).await?;
    let others = page.languages().into_iter().filter(|language| language.tag() != campaign.language);
    let is_written = |language: &Language| written.iter().any(|text| text.language == language.tag());
    let languages = others.map(|language| (language.tag().to_owned(), language.name().to_owned(), is_written(&language))).collect();
    let money = CampaignMoney::ALL.iter().map(|word| (word.to_string(), page.t(&format!("desk-campaign-money-{word}")))).collect();
    let steps = life::steps(db, id).await?;
    let card = cards(app, db, vec![campaign]).await?.pop().ok_or(Error::NotFound)?;
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(CampaignPage { page: page.titled(title), card, story, items, verbs, fund, steps, languages, sent, money, errors })
}

#[derive(Template)]
#[template(path = "campaigns/desk_edit.html")]
struct EditPage {
    page: DeskPage,
    id: Option<CampaignId>,
    values: RawCampaign,
    errors: FormErrors,
    languages: Vec<(String, String)>,
    currencies: Vec<(String, String)>,
    funds: Vec<(String, String)>,
}

async fn edit_page(app: &App, page: DeskPage, id: Option<CampaignId>, values: RawCampaign, errors: FormErrors) -> Result<EditPage, Error> {
    let languages = page.languages().map(|language| (language.tag().to_owned(), language.name().to_owned()));
    let currencies = app.config.org_currencies.iter().map(|currency| (currency.to_string(), currency.to_string()));
    let funds = store::funds(app.db.read()).await?.into_iter().map(|fund| (fund.id.to_string(), format!("{} – {}", fund.code, fund.name)));
    let title = page.t(if id.is_some() { "desk-campaign-edit" } else { "desk-campaign-new" });
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let (currencies, funds) = (currencies.collect(), funds.collect());
    Ok(EditPage { page: page.titled(title), id, values, errors, languages: languages.into(), currencies, funds })
}

async fn blank(State(app): State<App>, _: Editor, page: DeskPage) -> Result<Response, Error> {
    let values = RawCampaign { language: page.lang.tag().to_owned(), ..RawCampaign::default() };
    web::html(&edit_page(&app, page, None, values, FormErrors::default()).await?)
}

async fn create(State(app): State<App>, who: Editor, page: DeskPage, Form(raw): Form<RawCampaign>) -> Result<Response, Error> {
    save(&app, &who, page, None, raw).await
}

async fn edit(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<CampaignId>) -> Result<Response, Error> {
    let campaign = store::campaign(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    web::html(&edit_page(&app, page, Some(id), RawCampaign::of(&campaign), FormErrors::default()).await?)
}

async fn change(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<CampaignId>,
    Form(raw): Form<RawCampaign>,
) -> Result<Response, Error> {
    save(&app, &who, page, Some(id), raw).await
}

/// Writes a new campaign or a change; what is wrong is said on the same page, with everything typed kept.
async fn save(app: &App, who: &Editor, page: DeskPage, id: Option<CampaignId>, raw: RawCampaign) -> Result<Response, Error> {
    let db = app.db.read();
    let errors = match details::parse(&raw, &store::funds(db).await?) {
        Ok(details) => {
            let other = asks::store::campaign_of_any_state(db, &details.slug).await?.filter(|campaign| Some(campaign.id) != id);
            let written = match (other, id) {
                (Some(_), _) => Err(Error::Conflict(page.t("desk-slug-taken"))),
                (None, Some(id)) => details::edit(app, &who.actor(), id, &details).await,
                (None, None) => details::create(app, &who.actor(), &details).await,
            };
            let mut errors = FormErrors::default();
            match written {
                Ok(campaign) => return Ok(web::redirect(&format!("/desk/campaigns/{}?done=saved", campaign.id))),
                Err(Error::Conflict(why)) => errors.add(field_of(&why), why),
                Err(other) => return Err(other),
            }
            errors
        }
        Err(errors) => errors,
    };
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &edit_page(app, page, id, raw, errors).await?)
}

/// The field that a refusal is about.
fn field_of(why: &str) -> &'static str {
    let fields = [("currency", "currency"), ("texts of its own", "language"), ("stretch goal", "goal")];
    fields.iter().find(|(word, _)| why.contains(word)).map_or("slug", |(_, field)| field)
}

/// Launches, pauses, resumes, closes or reopens a campaign.
async fn apply(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path((id, verb)): Path<(CampaignId, String)>,
    Form(sent): Form<Why>,
) -> Result<Response, Error> {
    let verb: Verb = verb.parse()?;
    let mut errors = FormErrors::default();
    if matches!(verb, Verb::Pause | Verb::Close) && sent.reason.trim().is_empty() {
        errors.add("reason", page.t("desk-campaign-reason-missing"));
    } else {
        match life::apply_with(&app, &who.actor(), id, verb, &sent).await {
            Ok(_) => return Ok(web::redirect(&format!("/desk/campaigns/{id}?done=saved"))),
            Err(Error::Conflict(why) | Error::Invalid(why)) => errors.add("reason", why),
            Err(other) => return Err(other),
        }
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &campaign_page(&app, page, id, sent, errors).await?)
}
