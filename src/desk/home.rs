//! The page itself.

use super::{Figures, Need, add_up, needs};
use crate::{
    app::App,
    canary,
    error::Error,
    staff::{AnyStaff, DeskPage},
    web,
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use chrono::{DateTime, Utc};

/// The desk's home.
pub fn routes() -> Router<App> {
    Router::new().route("/desk", get(home))
}

#[derive(Template)]
#[template(path = "desk/home.html")]
struct HomePage {
    page: DeskPage,
    needs: Vec<Need>,
    /// None for who does not see money.
    figures: Option<Figures>,
    /// How the chain of a gift stands; none for who does not see money, or where it is not tried.
    chain: Option<canary::Report>,
    now: DateTime<Utc>,
}

async fn home(State(app): State<App>, _who: AnyStaff, page: DeskPage) -> Result<Response, Error> {
    let figures = if page.may_see_money() { Some(add_up(&app).await?) } else { None };
    let chain = if page.may_see_money() { canary::state(&app).await? } else { None };
    let needs = needs(&app, page.staff.role).await?;
    let title = page.t("desk-nav-home");
    web::html(&HomePage { page: page.titled(title), needs, figures, chain, now: app.now() })
}
