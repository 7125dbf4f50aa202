//! The people of the desk.

use super::{Admin, DeskPage, people, store};
use crate::{
    app::App,
    error::Error,
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
use entity::{ids::StaffId, staff_invite, staff_member, words::Role};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/staff", get(show_staff))
        .route("/desk/staff/invites", post(invite))
        .route("/desk/staff/{id}/role", post(change_role))
        .route("/desk/staff/{id}/disable", post(disable))
        .route("/desk/staff/{id}/enable", post(enable))
        .route("/desk/staff/{id}/reset", post(reset))
}

#[derive(Template)]
#[template(path = "staff/staff.html")]
struct StaffPage {
    page: DeskPage,
    errors: FormErrors,
    members: Vec<staff_member::Model>,
    invites: Vec<staff_invite::Model>,
    roles: Vec<(String, String)>,
    email: String,
    role: String,
    /// A link that was just made, and for whom: shown once.
    link: Option<(String, String)>,
}

#[derive(Deserialize)]
struct InviteForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
}

#[derive(Deserialize)]
struct RoleForm {
    #[serde(default)]
    role: String,
}

async fn show_staff(State(app): State<App>, _who: Admin, page: DeskPage) -> Result<Response, Error> {
    web::html(&staff_page(&app, page).await?)
}

async fn staff_page(app: &App, page: DeskPage) -> Result<StaffPage, Error> {
    let roles = Role::ALL.iter().map(|role| (role.to_string(), page.role(role))).collect();
    let title = page.t("desk-nav-staff");
    Ok(StaffPage {
        page: page.titled(title),
        errors: FormErrors::default(),
        members: store::members(app.db.read()).await?,
        invites: store::open_invites(app.db.read(), app.now()).await?,
        roles,
        email: String::new(),
        role: Role::Editor.to_string(),
        link: None,
    })
}

async fn invite(State(app): State<App>, who: Admin, page: DeskPage, Form(form): Form<InviteForm>) -> Result<Response, Error> {
    let role: Result<Role, _> = form.role.parse();
    let mut errors = FormErrors::default();
    if !people::is_email(form.email.trim()) {
        errors.add("email", page.t("door-join-email-wrong"));
    } else if people::is_known(&app, Some(&people::normal_email(&form.email))).await? {
        errors.add("email", page.t("desk-staff-known"));
    }
    let Some(role) = role.ok().filter(|_| errors.is_empty()) else {
        if errors.is_empty() {
            errors.add("role", page.t("desk-staff-role-wrong"));
        }
        let mut shown = staff_page(&app, page).await?;
        (shown.errors, shown.email) = (errors, form.email);
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    };
    let link = people::invite(&app, &who.actor(), &form.email, role).await?;
    let mut shown = staff_page(&app, page).await?;
    shown.link = Some((link, form.email));
    web::html(&shown)
}

async fn change_role(State(app): State<App>, who: Admin, Path(id): Path<StaffId>, Form(form): Form<RoleForm>) -> Result<Response, Error> {
    let role: Role = form.role.parse().map_err(|_| Error::Invalid("Choose one of the roles.".to_owned()))?;
    people::change_role(&app, &who.actor(), id, role).await?;
    Ok(web::redirect("/desk/staff?done=saved"))
}

async fn disable(State(app): State<App>, who: Admin, Path(id): Path<StaffId>) -> Result<Response, Error> {
    people::disable(&app, &who.actor(), id).await?;
    Ok(web::redirect("/desk/staff?done=saved"))
}

async fn enable(State(app): State<App>, who: Admin, Path(id): Path<StaffId>) -> Result<Response, Error> {
    people::enable(&app, &who.actor(), id).await?;
    Ok(web::redirect("/desk/staff?done=saved"))
}

async fn reset(State(app): State<App>, who: Admin, page: DeskPage, Path(id): Path<StaffId>) -> Result<Response, Error> {
    let member = store::member(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let link = people::reset_link(&app, &who.actor(), &member.email).await?;
    let mut shown = staff_page(&app, page).await?;
    shown.link = Some((link, member.email));
    web::html(&shown)
}
