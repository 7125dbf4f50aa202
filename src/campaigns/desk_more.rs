//! Staff's pages for what belongs to a campaign: its milestones and stretch goals, and its texts in other languages.

use super::{
    GoalStep,
    goals::{self, RawGoal},
    store, texts,
};
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    staff::{DeskPage, Editor},
    web::{self, Form, FormErrors, Path},
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
    campaign, campaign_goal,
    ids::{CampaignGoalId, CampaignId},
};
use std::collections::HashMap;

/// The desk's pages for goals and texts.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/campaigns/{id}/goals", get(show_goals).post(add_goal))
        .route("/desk/campaigns/{id}/goals/{goal}", get(edit_goal).post(change_goal))
        .route("/desk/campaigns/{id}/goals/{goal}/remove", post(remove_goal))
        .route("/desk/campaigns/{id}/texts/{language}", get(show_texts).post(save_texts))
        .route("/desk/campaigns/{id}/texts/{language}/remove", post(remove_texts))
}

#[derive(Template)]
#[template(path = "campaigns/desk_goals.html")]
struct GoalsPage {
    page: DeskPage,
    campaign: campaign::Model,
    /// The one that is changed; nothing: a new one.
    id: Option<CampaignGoalId>,
    steps: Vec<GoalStep>,
    values: RawGoal,
    errors: FormErrors,
}

async fn goals_page(
    app: &App,
    page: DeskPage,
    campaign: campaign::Model,
    id: Option<CampaignGoalId>,
    values: RawGoal,
    errors: FormErrors,
) -> Result<GoalsPage, Error> {
    let db = app.db.read();
    let progress = super::progress(db, std::slice::from_ref(&campaign)).await?.remove(&campaign.id).ok_or(Error::NotFound)?;
    let goals = goals::of_campaigns(db, &[campaign.id]).await?.remove(&campaign.id).unwrap_or_default();
    let mut steps = goals::ladder(goals, &progress);
    goals::tell_when(db, &campaign, &mut steps).await?;
    let title = page.t1("desk-goals-of", "campaign", &campaign.title);
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(GoalsPage { page: page.titled(title), campaign, id, steps, values, errors })
}

async fn the_campaign(app: &App, id: CampaignId) -> Result<campaign::Model, Error> {
    store::campaign(app.db.read(), id).await?.ok_or(Error::NotFound)
}

async fn the_goal(app: &App, campaign: CampaignId, id: CampaignGoalId) -> Result<campaign_goal::Model, Error> {
    let goals = goals::of_campaigns(app.db.read(), &[campaign]).await?.remove(&campaign).unwrap_or_default();
    goals.into_iter().find(|goal| goal.id == id).ok_or(Error::NotFound)
}

async fn show_goals(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<CampaignId>) -> Result<Response, Error> {
    let campaign = the_campaign(&app, id).await?;
    web::html(&goals_page(&app, page, campaign, None, RawGoal::default(), FormErrors::default()).await?)
}

async fn edit_goal(
    State(app): State<App>,
    _: Editor,
    page: DeskPage,
    Path((id, goal)): Path<(CampaignId, CampaignGoalId)>,
) -> Result<Response, Error> {
    let campaign = the_campaign(&app, id).await?;
    let values = RawGoal::of(&the_goal(&app, id, goal).await?, &campaign);
    web::html(&goals_page(&app, page, campaign, Some(goal), values, FormErrors::default()).await?)
}

async fn add_goal(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<CampaignId>,
    Form(raw): Form<RawGoal>,
) -> Result<Response, Error> {
    save_goal(&app, &who, page, id, None, raw).await
}

async fn change_goal(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path((id, goal)): Path<(CampaignId, CampaignGoalId)>,
    Form(raw): Form<RawGoal>,
) -> Result<Response, Error> {
    the_goal(&app, id, goal).await?;
    save_goal(&app, &who, page, id, Some(goal), raw).await
}

async fn save_goal(
    app: &App,
    who: &Editor,
    page: DeskPage,
    id: CampaignId,
    goal: Option<CampaignGoalId>,
    raw: RawGoal,
) -> Result<Response, Error> {
    let campaign = the_campaign(app, id).await?;
    let errors = match goals::parse(&raw, &campaign) {
        Ok(details) => match goals::save(app, &who.actor(), id, goal, &details).await {
            Ok(_) => return Ok(web::redirect(&format!("/desk/campaigns/{id}/goals?done=saved"))),
            Err(Error::Conflict(why)) => {
                let mut errors = FormErrors::default();
                errors.add("amount", why);
                errors
            }
            Err(other) => return Err(other),
        },
        Err(errors) => errors,
    };
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &goals_page(app, page, campaign, goal, raw, errors).await?)
}

async fn remove_goal(State(app): State<App>, who: Editor, Path((id, goal)): Path<(CampaignId, CampaignGoalId)>) -> Result<Response, Error> {
    goals::remove(&app, &who.actor(), id, goal).await?;
    Ok(web::redirect(&format!("/desk/campaigns/{id}/goals?done=saved")))
}

/// A milestone or stretch goal to be translated: its id, its own texts, and those typed.
struct GoalTexts {
    id: CampaignGoalId,
    own_title: String,
    own_text: String,
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "campaigns/desk_texts.html")]
struct TextsPage {
    page: DeskPage,
    campaign: campaign::Model,
    language: Language,
    /// Whether there is something to remove.
    is_there: bool,
    title: String,
    summary: String,
    story: String,
    goals: Vec<GoalTexts>,
    errors: FormErrors,
}

/// A language that a campaign can be translated into: one of the pages', and not its own.
fn language_of(campaign: &campaign::Model, tag: &str) -> Result<Language, Error> {
    let language: Language = tag.parse().map_err(|()| Error::NotFound)?;
    if campaign.language == language.tag() { Err(Error::NotFound) } else { Ok(language) }
}

async fn texts_page(
    app: &App,
    page: DeskPage,
    campaign: campaign::Model,
    language: Language,
    typed: Option<&HashMap<String, String>>,
    errors: FormErrors,
) -> Result<TextsPage, Error> {
    let db = app.db.read();
    let known = texts::of_campaign(db, campaign.id).await?.into_iter().find(|text| text.language == language.tag());
    let is_there = known.is_some();
    let goals = goals::of_campaigns(db, &[campaign.id]).await?.remove(&campaign.id).unwrap_or_default();
    let written = texts::of_goals(db, language.tag(), &goals).await?;
    let of_typed = |key: &str| typed.map(|typed| typed.get(key).cloned().unwrap_or_default());
    let (title, summary, story) = known.map(|text| (text.title, text.summary, text.story_markdown)).unwrap_or_default();
    let goals = goals.into_iter().map(|goal| {
        let (title, text) = written.get(&goal.id).cloned().unwrap_or_default();
        GoalTexts {
            title: of_typed(&format!("goal-{}-title", goal.id)).unwrap_or(title),
            text: of_typed(&format!("goal-{}-text", goal.id)).unwrap_or(text),
            id: goal.id,
            own_title: goal.title,
            own_text: goal.text,
        }
    });
    let heading = page.t2("desk-texts-of", "campaign", &campaign.title, "language", language.name());
    let heading = if errors.is_empty() { heading } else { format!("{} {heading}", page.t("error-prefix")) };
    Ok(TextsPage {
        is_there,
        title: of_typed("title").unwrap_or(title),
        summary: of_typed("summary").unwrap_or(summary),
        story: of_typed("story").unwrap_or(story),
        goals: goals.collect(),
        page: page.titled(heading),
        campaign,
        language,
        errors,
    })
}

async fn show_texts(
    State(app): State<App>,
    _: Editor,
    page: DeskPage,
    Path((id, tag)): Path<(CampaignId, String)>,
) -> Result<Response, Error> {
    let campaign = the_campaign(&app, id).await?;
    let language = language_of(&campaign, &tag)?;
    web::html(&texts_page(&app, page, campaign, language, None, FormErrors::default()).await?)
}

async fn save_texts(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path((id, tag)): Path<(CampaignId, String)>,
    Form(typed): Form<HashMap<String, String>>,
) -> Result<Response, Error> {
    let campaign = the_campaign(&app, id).await?;
    let language = language_of(&campaign, &tag)?;
    let goals = goals::of_campaigns(app.db.read(), &[id]).await?.remove(&id).unwrap_or_default();
    match texts::parse(&typed, &goals) {
        Ok(texts) => {
            texts::save(&app, &who.actor(), id, language, &texts).await?;
            Ok(web::redirect(&format!("/desk/campaigns/{id}?done=saved")))
        }
        Err(errors) => {
            let again = texts_page(&app, page, campaign, language, Some(&typed), errors).await?;
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &again)
        }
    }
}

async fn remove_texts(State(app): State<App>, who: Editor, Path((id, tag)): Path<(CampaignId, String)>) -> Result<Response, Error> {
    let campaign = the_campaign(&app, id).await?;
    let language = language_of(&campaign, &tag)?;
    texts::remove(&app, &who.actor(), id, language).await?;
    Ok(web::redirect(&format!("/desk/campaigns/{id}?done=saved")))
}
