//! The pages before the desk: sign-in, the code, joining, enrolment, sign-out.

use super::{
    DemoAccount, demo_accounts,
    guard::{AtTheDoor, own_next, with_next},
    password, people,
    session::{self, SignedIn},
    sign_in::{self, Enrolment, Outcome},
};
use crate::{
    app::App,
    error::Error,
    web::{self, Form, FormErrors, Page, Path, Query, client::ClientAddress},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/sign-in", get(show_sign_in).post(take_password))
        .route("/desk/sign-in/code", get(show_code).post(take_code))
        .route("/desk/sign-out", post(sign_out))
        .route("/desk/join/{token}", get(show_join).post(join))
        .route("/desk/second-factor", get(show_enrolment).post(enrol))
}

#[derive(Template)]
#[template(path = "staff/sign_in.html")]
struct SignInPage {
    page: Page,
    errors: FormErrors,
    email: String,
    next: String,
    demo: Vec<DemoAccount>,
}

#[derive(Template)]
#[template(path = "staff/code.html")]
struct CodePage {
    page: Page,
    errors: FormErrors,
    next: String,
    demo: Vec<DemoAccount>,
}

#[derive(Template)]
#[template(path = "staff/join.html")]
struct JoinPage {
    page: Page,
    errors: FormErrors,
    token: String,
    is_known: bool,
    fixed_email: Option<String>,
    name: String,
    email: String,
}

#[derive(Template)]
#[template(path = "staff/second_factor.html")]
pub(super) struct EnrolmentPage {
    page: Page,
    errors: FormErrors,
    enrolment: Enrolment,
}

#[derive(Template)]
#[template(path = "staff/recovery_codes.html")]
pub(super) struct RecoveryCodesPage {
    page: Page,
    codes: Vec<String>,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct CodeForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct JoinForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
struct EnrolmentForm {
    #[serde(default)]
    sealed: String,
    #[serde(default)]
    code: String,
}

/// The page with the text of `title` as its title.
fn framed(page: Page, title: &str) -> Page {
    let title = page.t(title);
    page.titled(title)
}

async fn show_sign_in(
    State(app): State<App>,
    page: Page,
    AtTheDoor(who): AtTheDoor,
    Query(asked): Query<Next>,
) -> Result<Response, Response> {
    if who.is_some_and(|who| who.session.verified) {
        return Ok(web::redirect(own_next(&asked.next)));
    }
    let shown = SignInPage {
        page: framed(page, "door-sign-in-title"),
        errors: FormErrors::default(),
        email: String::new(),
        next: own_next(&asked.next).to_owned(),
        demo: demo_accounts(&app).await.map_err(IntoResponse::into_response)?,
    };
    web::html(&shown).map_err(IntoResponse::into_response)
}

async fn take_password(
    State(app): State<App>,
    page: Page,
    client: ClientAddress,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Error> {
    let page = framed(page, "door-sign-in-title");
    let next = own_next(&form.next).to_owned();
    let mut errors = FormErrors::default();
    let status = match sign_in::sign_in(&app, &form.email, form.password, client.network()).await? {
        Outcome::Right((token, enrolled)) => {
            let door = if enrolled { "/desk/sign-in/code" } else { "/desk/second-factor" };
            return Ok(([session::cookie(&app, &token)], web::redirect(&with_next(door, &next))).into_response());
        }
        Outcome::Wrong => {
            errors.add("email", page.t("door-sign-in-wrong"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Outcome::Wait(wait) => {
            errors.add("email", page.tn("door-sign-in-wait", wait.minutes));
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    web::html_status(status, &SignInPage { page, errors, email: form.email, next, demo: demo_accounts(&app).await? })
}

async fn show_code(State(app): State<App>, page: Page, AtTheDoor(who): AtTheDoor, Query(asked): Query<Next>) -> Result<Response, Response> {
    let next = own_next(&asked.next);
    match who {
        None => Ok(web::redirect(&with_next("/desk/sign-in", next))),
        Some(who) if who.session.verified => Ok(web::redirect(next)),
        Some(who) if who.staff.totp_secret.is_none() => Ok(web::redirect("/desk/second-factor")),
        Some(who) => {
            let demo = own_demo(&app, &who).await.map_err(IntoResponse::into_response)?;
            let shown = CodePage { page: framed(page, "door-code-title"), errors: FormErrors::default(), next: next.to_owned(), demo };
            web::html(&shown).map_err(IntoResponse::into_response)
        }
    }
}

/// The one demo account that is signing in.
async fn own_demo(app: &App, who: &SignedIn) -> Result<Vec<DemoAccount>, Error> {
    Ok(demo_accounts(app).await?.into_iter().filter(|account| account.email == who.staff.email).collect())
}

async fn take_code(
    State(app): State<App>,
    page: Page,
    AtTheDoor(who): AtTheDoor,
    Form(form): Form<CodeForm>,
) -> Result<Response, Response> {
    let next = own_next(&form.next).to_owned();
    let Some(who) = who.filter(|who| who.staff.totp_secret.is_some()) else {
        return Ok(web::redirect(&with_next("/desk/sign-in", &next)));
    };
    if who.session.verified {
        return Ok(web::redirect(&next));
    }
    let page = framed(page, "door-code-title");
    let mut errors = FormErrors::default();
    let outcome = sign_in::give_code(&app, &who, &form.code).await.map_err(IntoResponse::into_response)?;
    let status = match outcome {
        Outcome::Right(token) => return Ok(([session::cookie(&app, &token)], web::redirect(&next)).into_response()),
        Outcome::Wrong => {
            errors.add("code", page.t("door-code-wrong"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Outcome::Wait(wait) => {
            errors.add("code", page.tn("door-sign-in-wait", wait.minutes));
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    let demo = own_demo(&app, &who).await.map_err(IntoResponse::into_response)?;
    web::html_status(status, &CodePage { page, errors, next, demo }).map_err(IntoResponse::into_response)
}

/// Ends the session, and asks the browser to forget what it kept of these pages.
async fn sign_out(State(app): State<App>, AtTheDoor(who): AtTheDoor) -> Result<Response, Response> {
    if let Some(who) = who {
        sign_in::sign_out(&app, &who).await.map_err(IntoResponse::into_response)?;
    }
    let mut response = ([session::no_cookie(&app)], web::redirect("/desk/sign-in")).into_response();
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert(header::HeaderName::from_static("clear-site-data"), forget);
    Ok(response)
}

async fn show_join(State(app): State<App>, page: Page, Path(token): Path<String>) -> Result<Response, Error> {
    let invite = people::find_invite(&app, &token).await?;
    let is_known = people::is_known(&app, invite.email.as_deref()).await?;
    web::html(&JoinPage {
        page: framed(page, "door-join-title"),
        errors: FormErrors::default(),
        token,
        is_known,
        fixed_email: invite.email,
        name: String::new(),
        email: String::new(),
    })
}

async fn join(State(app): State<App>, page: Page, Path(token): Path<String>, Form(form): Form<JoinForm>) -> Result<Response, Error> {
    let invite = people::find_invite(&app, &token).await?;
    let is_known = people::is_known(&app, invite.email.as_deref()).await?;
    let page = framed(page, "door-join-title");
    let mut errors = FormErrors::default();
    let (name, email) = (form.name.trim(), invite.email.as_deref().unwrap_or(form.email.trim()));
    if !is_known && !(1..=100).contains(&name.chars().count()) {
        errors.add("name", page.t("door-join-name-wrong"));
    }
    if !people::is_email(email) {
        errors.add("email", page.t("door-join-email-wrong"));
    }
    if let Err(weakness) = password::check(&form.password, &[&app.config.org_name, name, email]) {
        errors.add("password", page.t(weakness.key()));
    }
    if !errors.is_empty() {
        let shown = JoinPage { page, errors, token, is_known, name: name.to_owned(), email: email.to_owned(), fixed_email: invite.email };
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let hash = password::hash(form.password, &app.random).await?;
    let session = people::join(&app, &token, name, email, &hash).await?;
    Ok(([session::cookie(&app, &session)], web::redirect("/desk/second-factor")).into_response())
}

async fn show_enrolment(State(app): State<App>, page: Page, AtTheDoor(who): AtTheDoor) -> Result<Response, Response> {
    match who {
        None => Ok(web::redirect("/desk/sign-in")),
        // A second factor is exchanged from one's account, with the password.
        Some(who) if who.staff.totp_secret.is_some() => {
            Ok(web::redirect(if who.session.verified { "/desk/account" } else { "/desk/sign-in/code" }))
        }
        Some(who) => {
            let enrolment = sign_in::begin_enrolment(&app, &who).map_err(IntoResponse::into_response)?;
            enrolment_page(page, enrolment).map_err(IntoResponse::into_response)
        }
    }
}

/// The picture and the field for the first code.
pub(super) fn enrolment_page(page: Page, enrolment: Enrolment) -> Result<Response, Error> {
    web::html(&EnrolmentPage { page: framed(page, "door-enrol-title"), errors: FormErrors::default(), enrolment })
}

/// The recovery codes, shown once.
pub(super) fn recovery_codes_page(page: Page, codes: Vec<String>) -> Result<Response, Error> {
    web::html(&RecoveryCodesPage { page: framed(page, "door-recovery-title"), codes })
}

async fn enrol(
    State(app): State<App>,
    page: Page,
    AtTheDoor(who): AtTheDoor,
    Form(form): Form<EnrolmentForm>,
) -> Result<Response, Response> {
    let Some(who) = who else { return Ok(web::redirect("/desk/sign-in")) };
    let mut errors = FormErrors::default();
    let framed_page = framed(page.clone(), "door-enrol-title");
    let outcome = sign_in::finish_enrolment(&app, &who, &form.sealed, &form.code).await.map_err(IntoResponse::into_response)?;
    let status = match outcome {
        Outcome::Right((token, codes)) => {
            let shown = recovery_codes_page(page, codes).map_err(IntoResponse::into_response)?;
            return Ok(([session::cookie(&app, &token)], shown).into_response());
        }
        Outcome::Wrong => {
            errors.add("code", framed_page.t("door-enrol-wrong"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Outcome::Wait(wait) => {
            errors.add("code", framed_page.tn("door-sign-in-wait", wait.minutes));
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    let enrolment = sign_in::repeat_enrolment(&app, &who, &form.sealed).map_err(IntoResponse::into_response)?;
    web::html_status(status, &EnrolmentPage { page: framed_page, errors, enrolment }).map_err(IntoResponse::into_response)
}
