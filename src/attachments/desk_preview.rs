//! What would stand on any article on any day, at the desk: which attachment brings it, and why the others are left out.

use super::{
    desk::{Row, describe},
    judge, store,
};
use crate::{
    app::App,
    clock::parse_day,
    error::Error,
    staff::{DeskPage, Editor},
    web::{self, FormErrors, Query},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use entity::article;
use serde::Deserialize;

/// What was asked for: an article by its name or address, and a day; without one, today.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    article: String,
    on: String,
}

/// One attachment, and in a sentence why it is left out.
struct Line {
    row: Row,
    why: String,
}

#[derive(Template)]
#[template(path = "attachments/preview.html")]
struct PreviewPage {
    page: DeskPage,
    asked: Asked,
    errors: FormErrors,
    article: Option<article::Model>,
    stands: Vec<Line>,
    left_out: Vec<Line>,
}

/// The preview; with nothing asked for, the form alone.
pub(super) async fn show(State(app): State<App>, _: Editor, page: DeskPage, Query(mut asked): Query<Asked>) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    if asked.on.trim().is_empty() {
        asked.on = app.today().to_string();
    }
    let day = parse_day(asked.on.trim());
    if day.is_none() {
        errors.add("on", page.t("desk-article-fault-date"));
    }
    // The whole address may be pasted: its last part is the article's name.
    let slug = asked.article.trim().replace('\0', "");
    let slug = slug.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let article = if slug.is_empty() { None } else { store::article_by_slug(app.db.read(), slug).await? };
    if article.is_none() && !slug.is_empty() {
        errors.add("article", page.t("desk-attachment-no-such-article"));
    }
    let title = page.t("desk-attachment-preview-title");
    let mut shown = PreviewPage { page: page.titled(title), asked, errors, article, stands: Vec::new(), left_out: Vec::new() };
    if !shown.errors.is_empty() {
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    if let (Some(article), Some(day)) = (&shown.article, day) {
        let judged = judge(&app, article, day).await?;
        let rows = describe(&app, &shown.page, judged.iter().map(|one| one.row.clone()).collect()).await?;
        for (row, one) in rows.into_iter().zip(judged) {
            match one.left_out {
                Some(why) => shown.left_out.push(Line { row, why: shown.page.t(why.key()) }),
                None => shown.stands.push(Line { row, why: String::new() }),
            }
        }
    }
    web::html(&shown)
}
