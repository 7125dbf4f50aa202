//! Differences between Stripe and us at the desk: what was found, and what was done about it.

use super::differences;
use crate::{
    app::App,
    error::Error,
    staff::{DeskPage, Finance},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::difference;
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/desk/differences", get(show)).route("/desk/differences/{id}/settle", post(settle))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    open: String,
    after: String,
}

#[derive(Template)]
#[template(path = "payouts/desk_differences.html")]
struct DifferencesPage {
    page: DeskPage,
    errors: FormErrors,
    /// The difference whose form was sent, and what was typed.
    typed: Option<(i64, String)>,
    only_open: bool,
    rows: Pager<difference::Model>,
    next: Option<String>,
}

async fn differences_page(app: &App, page: DeskPage, asked: &Asked) -> Result<DifferencesPage, Error> {
    let after = match asked.after.trim() {
        "" => None,
        after => Some(after.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?),
    };
    let only_open = !asked.open.is_empty();
    let rows = Pager::from_rows(differences::page(app.db.read(), only_open, after).await?, |row| row.id.to_string());
    let next = rows.next.as_ref().map(|after| format!("/desk/differences?{}after={after}", if only_open { "open=yes&" } else { "" }));
    let title = page.t("desk-differences-title");
    Ok(DifferencesPage { page: page.titled(title), errors: FormErrors::default(), typed: None, only_open, rows, next })
}

async fn show(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    web::html(&differences_page(&app, page, &asked).await?)
}

#[derive(Deserialize)]
struct SettleForm {
    #[serde(default)]
    done: String,
}

async fn settle(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<i64>,
    Form(form): Form<SettleForm>,
) -> Result<Response, Error> {
    let done = form.done.trim();
    if done.is_empty() || done.chars().count() > 500 {
        let mut shown = differences_page(&app, page, &Asked { open: "yes".to_owned(), after: String::new() }).await?;
        let title = format!("{} {}", shown.page.t("error-prefix"), shown.page.title);
        shown.errors.add("done", shown.page.t("desk-differences-done-wrong"));
        shown.page = shown.page.titled(title);
        shown.typed = Some((id, form.done));
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    differences::settle_by_hand(&app, &who.actor(), id, done).await?;
    Ok(web::redirect("/desk/differences?done=saved"))
}
