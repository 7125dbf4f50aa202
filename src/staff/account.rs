//! One's own account: password, second factor, recovery codes, the browsers one is signed in with.

use super::{
    DeskPage, door, password,
    session::{self, IDLE, SignedIn},
    sign_in::{self, Outcome},
    store,
};
use crate::{
    app::App,
    error::Error,
    web::{self, Form, FormErrors, Page, Path},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use entity::{ids::SessionId, staff_session};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/account", get(show))
        .route("/desk/account/password", post(change_password))
        .route("/desk/account/second-factor", post(change_second_factor))
        .route("/desk/account/recovery-codes", post(renew_recovery_codes))
        .route("/desk/account/sessions/end-others", post(end_other_sessions))
        .route("/desk/account/sessions/{id}/end", post(end_session))
}

#[derive(Template)]
#[template(path = "staff/account.html")]
struct AccountPage {
    page: DeskPage,
    errors: FormErrors,
    sessions: Vec<staff_session::Model>,
    current: SessionId,
    recovery_codes: u64,
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    new_password: String,
}

#[derive(Deserialize)]
struct AgainForm {
    #[serde(default)]
    password: String,
}

async fn show(State(app): State<App>, who: SignedIn, page: DeskPage) -> Result<Response, Error> {
    render(&app, &who, page, FormErrors::default(), StatusCode::OK).await
}

async fn render(app: &App, who: &SignedIn, page: DeskPage, errors: FormErrors, status: StatusCode) -> Result<Response, Error> {
    let now = app.now();
    let title = page.t("desk-account-title");
    let shown = AccountPage {
        page: page.titled(title),
        errors,
        sessions: store::sessions_of(app.db.read(), who.staff.id, now, now - IDLE).await?,
        current: who.session.id,
        recovery_codes: store::count_recovery_codes(app.db.read(), who.staff.id).await?,
    };
    web::html_status(status, &shown)
}

async fn change_password(State(app): State<App>, who: SignedIn, page: DeskPage, Form(form): Form<PasswordForm>) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let mut status = confirm(&app, &who, &page, form.current_password, "current_password", &mut errors).await?;
    if let Err(weakness) = password::check(&form.new_password, &[&app.config.org_name, &who.staff.name, &who.staff.email]) {
        errors.add("new_password", page.t(weakness.key()));
        status = status.max(StatusCode::UNPROCESSABLE_ENTITY);
    }
    if !errors.is_empty() {
        return render(&app, &who, page, errors, status).await;
    }
    let token = sign_in::change_password(&app, &who, form.new_password).await?;
    Ok(([session::cookie(&app, &token)], web::redirect("/desk/account?done=password")).into_response())
}

/// Notes in `errors` when the password typed again is not hers; the status says whether to wait.
async fn confirm(
    app: &App,
    who: &SignedIn,
    page: &DeskPage,
    typed: String,
    field: &'static str,
    errors: &mut FormErrors,
) -> Result<StatusCode, Error> {
    Ok(match sign_in::confirm_password(app, who, typed).await? {
        Outcome::Right(()) => StatusCode::OK,
        Outcome::Wrong => {
            errors.add(field, page.t("desk-account-password-wrong"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Outcome::Wait(wait) => {
            errors.add(field, page.tn("door-sign-in-wait", wait.minutes));
            StatusCode::TOO_MANY_REQUESTS
        }
    })
}

async fn change_second_factor(
    State(app): State<App>,
    who: SignedIn,
    page: DeskPage,
    plain: Page,
    Form(form): Form<AgainForm>,
) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let status = confirm(&app, &who, &page, form.password, "password-second-factor", &mut errors).await?;
    if !errors.is_empty() {
        return render(&app, &who, page, errors, status).await;
    }
    door::enrolment_page(plain, sign_in::begin_enrolment(&app, &who)?)
}

async fn renew_recovery_codes(
    State(app): State<App>,
    who: SignedIn,
    page: DeskPage,
    plain: Page,
    Form(form): Form<AgainForm>,
) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let status = confirm(&app, &who, &page, form.password, "password-recovery", &mut errors).await?;
    if !errors.is_empty() {
        return render(&app, &who, page, errors, status).await;
    }
    door::recovery_codes_page(plain, sign_in::renew_recovery_codes(&app, &who).await?)
}

async fn end_session(State(app): State<App>, who: SignedIn, Path(id): Path<SessionId>) -> Result<Response, Error> {
    sign_in::end_session(&app, &who, id).await?;
    Ok(web::redirect("/desk/account?done=session-end"))
}

async fn end_other_sessions(State(app): State<App>, who: SignedIn) -> Result<Response, Error> {
    sign_in::end_other_sessions(&app, &who).await?;
    Ok(web::redirect("/desk/account?done=session-end"))
}
