//! The news that she gets: begun and ended one by one, or all at once.

use super::{session::AtHome, store};
use crate::{
    app::App,
    consents,
    error::Error,
    mail::topic::Topic,
    web::{self, Form, Page},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use entity::supporter;
use serde::Deserialize;

/// One kind of news.
struct Kind {
    /// As a word: `updates`, `campaign:<id>`, `item:<id>`.
    topic: String,
    /// What it is about: all, or a title.
    title: Option<String>,
    /// Whether she gets it.
    gets: bool,
}

#[derive(Template)]
#[template(path = "portal/news.html")]
struct NewsPage {
    page: Page,
    kinds: Vec<Kind>,
    done: Option<String>,
    problem: Option<String>,
}

impl NewsPage {
    fn gets_any(&self) -> bool {
        self.kinds.iter().any(|kind| kind.gets)
    }
}

async fn page_of(app: &App, page: Page, who: &supporter::Model) -> Result<NewsPage, Error> {
    let db = app.db.read();
    let gets: Vec<String> = consents::in_force_for_supporter(db, who.id).await?.into_iter().map(|one| one.topic).collect();
    let mut kinds = vec![Kind { topic: Topic::Updates.to_string(), title: None, gets: false }];
    for (topic, title) in store::topics_of(db, who.id, &gets).await? {
        kinds.push(Kind { topic: topic.to_string(), title: Some(title), gets: false });
    }
    for kind in &mut kinds {
        kind.gets = gets.contains(&kind.topic);
    }
    let title = page.t("portal-news-title");
    Ok(NewsPage { page: page.titled(title), kinds, done: None, problem: None })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    done: String,
}

/// What she gets, and what else there is.
pub(super) async fn show(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    web::Query(asked): web::Query<Asked>,
) -> Result<Response, Error> {
    let done = ["begun", "ended", "all-ended"].contains(&asked.done.as_str()).then(|| page.t(&format!("portal-news-{}", asked.done)));
    web::html(&NewsPage { done, ..page_of(&app, page, &supporter).await? })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    topic: String,
    /// `begin`, `end`, or `end-all`.
    change: String,
}

/// Begins or ends it.
pub(super) async fn change(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Form(typed): Form<Change>,
) -> Result<Response, Error> {
    if typed.change == "end-all" {
        app.db.write(async |tx| consents::own::end_all(tx, &app, &supporter).await).await?;
        return Ok(web::redirect("/me/news?done=all-ended"));
    }
    let topic: Topic = typed.topic.parse().map_err(|_| Error::NotFound)?;
    if typed.change == "end" {
        let now = app.now();
        app.db.write(async |tx| consents::end_for_supporter(tx, supporter.id, topic, now).await).await?;
        return Ok(web::redirect("/me/news?done=ended"));
    }
    let shown = page_of(&app, page, &supporter).await?;
    if !shown.kinds.iter().any(|kind| kind.topic == typed.topic) {
        return Err(Error::NotFound);
    }
    // The words that she agrees to: those of the button, with what it is about.
    let wording = shown.page.t("portal-news-wording");
    let request = consents::Request { supporter: &supporter, topic, language: shown.page.lang, wording: &wording };
    if app.db.write(async |tx| consents::own::begin_proven(tx, &app, &request).await).await? {
        return Ok(web::redirect("/me/news?done=begun"));
    }
    let problem = Some(shown.page.t("portal-news-complained"));
    web::html_status(StatusCode::CONFLICT, &NewsPage { problem, ..shown })
}
