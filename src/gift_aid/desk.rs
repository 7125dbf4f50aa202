//! Gift Aid at the desk: what the next claim would have, the claims, the declarations. The rows of a claim are a report.
//! Finance and administrators only.

use super::{
    From, cancel,
    claims::{self, Claim, Draft, Sums},
    store,
};
use crate::{
    app::App,
    clock::parse_day,
    error::Error,
    staff::{DeskPage, Finance},
    web::{
        self, Form, FormErrors, Path, Query,
        pager::{PAGE_ROWS, Pager},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use chrono::NaiveDate;
use entity::{
    donation, gift_aid_claim, gift_aid_declaration,
    ids::{GiftAidClaimId, GiftAidDeclarationId},
};
use serde::Deserialize;

/// How many claims the page shows: decades of them.
const CLAIMS_SHOWN: u64 = 200;

/// How many problems and adjustments a page shows.
const ROWS_SHOWN: usize = 200;

/// The desk's routes of Gift Aid.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/gift-aid", get(show).post(make))
        .route("/desk/gift-aid/claims/{id}", get(show_claim))
        .route("/desk/gift-aid/claims/{id}/submit", post(submit))
        .route("/desk/gift-aid/claims/{id}/withdraw", post(withdraw))
        .route("/desk/gift-aid/declarations", get(show_declarations))
        .route("/desk/gift-aid/declarations/{id}/cancel", post(cancel_declaration))
}

#[derive(Template)]
#[template(path = "gift_aid/desk.html")]
struct GiftAidPage {
    page: DeskPage,
    errors: FormErrors,
    until: NaiveDate,
    draft: Draft,
    sums: Sums,
    refusal: Option<&'static str>,
    made: Option<gift_aid_claim::Model>,
    claims: Vec<gift_aid_claim::Model>,
}

#[derive(Template)]
#[template(path = "gift_aid/desk_claim.html")]
struct ClaimPage {
    page: DeskPage,
    errors: FormErrors,
    sums: Sums,
    files: Vec<usize>,
    claim: Claim,
    reference: String,
}

#[derive(Template)]
#[template(path = "gift_aid/desk_declarations.html")]
struct DeclarationsPage {
    page: DeskPage,
    errors: FormErrors,
    declarations: Pager<(gift_aid_declaration::Model, Option<donation::Model>)>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Until {
    until: String,
}

impl Until {
    fn day(&self, app: &App) -> Result<NaiveDate, Error> {
        match self.until.trim() {
            "" => Ok(app.today()),
            day => parse_day(day).ok_or_else(|| Error::Invalid(format!("`{day}` is not a day such as 2026-04-05."))),
        }
    }
}

async fn tell(app: &App, page: DeskPage, until: NaiveDate, errors: FormErrors) -> Result<GiftAidPage, Error> {
    let db = app.db.read();
    let draft = claims::draft(db, app, until).await?;
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    Ok(GiftAidPage {
        page: page.clone().titled(format!("{prefix}{}", page.t("desk-nav-gift-aid"))),
        errors,
        until,
        sums: draft.sums()?,
        refusal: draft.refusal()?,
        draft,
        made: store::made_claim(db).await?,
        claims: store::claims(db, CLAIMS_SHOWN).await?,
    })
}

async fn show(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Until>) -> Result<Response, Error> {
    let until = asked.day(&app)?;
    web::html(&tell(&app, page, until, FormErrors::default()).await?)
}

async fn make(State(app): State<App>, who: Finance, page: DeskPage, Form(form): Form<Until>) -> Result<Response, Error> {
    let until = form.day(&app)?;
    match claims::make(&app, &who.actor(), until).await {
        Ok(id) => Ok(web::redirect(&format!("/desk/gift-aid/claims/{id}?done=gift-aid-made"))),
        Err(Error::Invalid(why) | Error::Conflict(why)) => {
            let mut errors = FormErrors::default();
            errors.add("until", why);
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &tell(&app, page, until, errors).await?)
        }
        Err(error) => Err(error),
    }
}

async fn tell_claim(app: &App, page: DeskPage, id: GiftAidClaimId, errors: FormErrors, reference: String) -> Result<ClaimPage, Error> {
    let claim = claims::read(app.db.read(), id).await?;
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    let title = format!("{prefix}{}", page.t1("desk-gift-aid-claim", "until", page.date(claim.head.until_on)));
    Ok(ClaimPage { page: page.titled(title), errors, sums: claim.sums()?, files: (1..=claim.file_count()).collect(), claim, reference })
}

async fn show_claim(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<GiftAidClaimId>) -> Result<Response, Error> {
    web::html(&tell_claim(&app, page, id, FormErrors::default(), String::new()).await?)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SubmitForm {
    reference: String,
}

async fn submit(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<GiftAidClaimId>,
    Form(form): Form<SubmitForm>,
) -> Result<Response, Error> {
    match claims::submit(&app, &who.actor(), id, &form.reference).await {
        Ok(()) => Ok(web::redirect(&format!("/desk/gift-aid/claims/{id}?done=gift-aid-submitted"))),
        Err(Error::Invalid(why)) => {
            let mut errors = FormErrors::default();
            errors.add("reference", why);
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &tell_claim(&app, page, id, errors, form.reference).await?)
        }
        Err(error) => Err(error),
    }
}

async fn withdraw(State(app): State<App>, who: Finance, Path(id): Path<GiftAidClaimId>) -> Result<Response, Error> {
    claims::withdraw(&app, &who.actor(), id).await?;
    Ok(web::redirect("/desk/gift-aid?done=gift-aid-withdrawn"))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct After {
    after: String,
}

async fn tell_declarations(app: &App, page: DeskPage, after: &str, errors: FormErrors) -> Result<DeclarationsPage, Error> {
    let after: Option<GiftAidDeclarationId> = match after.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?),
    };
    let rows = store::page(app.db.read(), after, PAGE_ROWS + 1).await?;
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    let title = format!("{prefix}{}", page.t("desk-gift-aid-declarations"));
    let declarations = Pager::from_rows(rows, |(declared, _)| declared.id.to_string());
    Ok(DeclarationsPage { page: page.titled(title), errors, declarations })
}

async fn show_declarations(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<After>) -> Result<Response, Error> {
    web::html(&tell_declarations(&app, page, &asked.after, FormErrors::default()).await?)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CancelForm {
    reason: String,
    from: String,
}

async fn cancel_declaration(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<GiftAidDeclarationId>,
    Form(form): Form<CancelForm>,
) -> Result<Response, Error> {
    let from = if form.from == "start" { From::TheStart } else { From::Now };
    match cancel(&app, &who.actor(), id, from, &form.reason).await {
        Ok(()) => Ok(web::redirect("/desk/gift-aid/declarations?done=gift-aid-cancelled")),
        Err(Error::Invalid(why)) => {
            let mut errors = FormErrors::default();
            errors.add("main", why);
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &tell_declarations(&app, page, "", errors).await?)
        }
        Err(error) => Err(error),
    }
}

impl GiftAidPage {
    fn problems(&self) -> &[claims::Problem] {
        &self.draft.problems[..self.draft.problems.len().min(ROWS_SHOWN)]
    }
}

impl DeclarationsPage {
    fn is_unpaid(&self, gift: &Option<donation::Model>) -> bool {
        gift.as_ref().is_none_or(|gift| gift.paid_at.is_none())
    }
}
