//! Recurring donations at the desk: the list by state, one gift's story with its payments, and what finance can do with it.

use super::{
    By, Refreshed,
    care::{self, REASON_CHARACTERS_MAX},
    store,
};
use crate::{
    app::App,
    asks::amount,
    clock,
    error::Error,
    staff::{AnyStaff, DeskPage, Finance},
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
use entity::{
    Money, campaign, donation,
    ids::{CampaignId, RecurringId, SupporterId},
    recurring_donation, recurring_step, supporter,
    words::{GiftInterval, RecurringStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use std::collections::HashMap;

/// How many payments a gift's page shows.
const PAYMENTS_MAX: u64 = 200;

/// The desk's routes of recurring donations.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/recurring", get(show_list))
        .route("/desk/recurring/{id}", get(show_gift))
        .route("/desk/recurring/{id}/amount", post(change_amount))
        .route("/desk/recurring/{id}/pause", post(pause))
        .route("/desk/recurring/{id}/resume", post(resume))
        .route("/desk/recurring/{id}/end", get(ask_end).post(end))
        .route("/desk/recurring/{id}/refresh", post(ask_stripe))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    status: String,
    every: String,
    after: String,
}

impl Asked {
    fn is_empty(&self) -> bool {
        self.status.is_empty() && self.every.is_empty()
    }
}

/// A row of the list.
struct Line {
    gift: recurring_donation::Model,
    amount: Money,
    email: String,
    campaign: Option<String>,
}

#[derive(Template)]
#[template(path = "recurring/desk_list.html")]
struct ListPage {
    page: DeskPage,
    asked: Asked,
    statuses: Vec<(String, String)>,
    kinds: Vec<(String, String)>,
    lines: Pager<Line>,
    next: Option<String>,
}

async fn show_list(State(app): State<App>, _who: AnyStaff, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let wrong = || Error::Invalid("Choose one of the words of the list.".to_owned());
    let status: Option<RecurringStatus> = parse(&asked.status).map_err(|()| wrong())?;
    let every: Option<GiftInterval> = parse(&asked.every).map_err(|()| wrong())?;
    let after: Option<RecurringId> = parse(&asked.after).map_err(|()| Error::Invalid("The page asked for does not exist.".to_owned()))?;
    let rows = store::page(app.db.read(), status, every, after, PAGE_ROWS + 1).await?;
    let lines = Pager::from_rows(lines(&app, rows).await?, |line| line.gift.id.to_string());
    let any = || std::iter::once((String::new(), page.t("desk-donations-any")));
    let shown = ListPage {
        statuses: any()
            .chain(RecurringStatus::ALL.iter().map(|one| (one.to_string(), page.word("desk-recurring-status", one.as_str()))))
            .collect(),
        kinds: any()
            .chain(GiftInterval::ALL.iter().map(|one| (one.to_string(), page.word("desk-recurring-every", one.as_str()))))
            .collect(),
        next: lines.next.as_deref().map(|after| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("status", &asked.status).append_pair("every", &asked.every).append_pair("after", after);
            format!("/desk/recurring?{}", query.finish())
        }),
        page: page.clone().titled(page.t("desk-nav-recurring")),
        lines,
        asked,
    };
    web::html(&shown)
}

/// A word of the address; nothing when it is empty.
fn parse<T: std::str::FromStr>(text: &str) -> Result<Option<T>, ()> {
    match text.trim() {
        "" => Ok(None),
        word => word.parse().map(Some).map_err(|_| ()),
    }
}

async fn lines(app: &App, rows: Vec<recurring_donation::Model>) -> Result<Vec<Line>, Error> {
    let db = app.db.read();
    let ids: Vec<SupporterId> = rows.iter().map(|gift| gift.supporter_id).collect();
    let supporters = supporter::Entity::find().filter(supporter::Column::Id.is_in(ids)).all(db).await?;
    let emails: HashMap<SupporterId, String> = supporters.into_iter().map(|one| (one.id, one.email)).collect();
    let ids: Vec<CampaignId> = rows.iter().filter_map(|gift| gift.campaign_id).collect();
    let campaigns = campaign::Entity::find().filter(campaign::Column::Id.is_in(ids)).all(db).await?;
    let titles: HashMap<CampaignId, String> = campaigns.into_iter().map(|one| (one.id, one.title)).collect();
    let line = |gift: recurring_donation::Model| Line {
        amount: Money::new(gift.amount_minor, gift.currency),
        email: emails.get(&gift.supporter_id).cloned().unwrap_or_default(),
        campaign: gift.campaign_id.and_then(|id| titles.get(&id).cloned()),
        gift,
    };
    Ok(rows.into_iter().map(line).collect())
}

#[derive(Template)]
#[template(path = "recurring/desk_gift.html")]
struct GiftPage {
    page: DeskPage,
    errors: FormErrors,
    gift: recurring_donation::Model,
    amount: Money,
    email: String,
    campaign: Option<String>,
    steps: Vec<recurring_step::Model>,
    payments: Vec<(donation::Model, Money)>,
    typed_amount: String,
    typed_until: String,
}

impl GiftPage {
    fn is_running(&self) -> bool {
        !matches!(self.gift.status, RecurringStatus::Ended | RecurringStatus::Pending)
    }

    /// An amount of a step of the story.
    fn money(&self, minor: &i64) -> Money {
        Money::new(*minor, self.gift.currency)
    }
}

async fn gift_page(app: &App, page: DeskPage, id: RecurringId) -> Result<GiftPage, Error> {
    let db = app.db.read();
    let gift = store::find(db, id).await?.ok_or(Error::NotFound)?;
    let line = lines(app, vec![gift]).await?.pop().ok_or(Error::NotFound)?;
    let payments = store::donations(db, id, PAYMENTS_MAX).await?;
    let title = page.t1("desk-recurring-title", "amount", page.money(line.amount));
    Ok(GiftPage {
        page: page.titled(title),
        errors: FormErrors::default(),
        amount: line.amount,
        email: line.email,
        campaign: line.campaign,
        steps: store::steps(db, id).await?,
        payments: payments.into_iter().map(|one| (one.clone(), Money::new(one.amount_minor, one.currency))).collect(),
        typed_amount: line.amount.decimal(),
        typed_until: String::new(),
        gift: line.gift,
    })
}

async fn show_gift(State(app): State<App>, _who: AnyStaff, page: DeskPage, Path(id): Path<RecurringId>) -> Result<Response, Error> {
    web::html(&gift_page(&app, page, id).await?)
}

fn done(id: RecurringId, word: &str) -> Response {
    web::redirect(&format!("/desk/recurring/{id}?done={word}"))
}

fn wrong(mut shown: GiftPage, field: &'static str, text: String) -> Result<Response, Error> {
    shown.errors.add(field, text);
    shown.page = shown.page.clone().titled(format!("{} {}", shown.page.t("error-prefix"), shown.page.title));
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

#[derive(Deserialize)]
struct AmountForm {
    #[serde(default)]
    amount: String,
}

async fn change_amount(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<RecurringId>,
    Form(form): Form<AmountForm>,
) -> Result<Response, Error> {
    let mut shown = gift_page(&app, page, id).await?;
    shown.typed_amount.clone_from(&form.amount);
    let money = match amount::parse(&form.amount, shown.gift.currency) {
        Ok(money) => money,
        Err(error) => return wrong(shown, "amount", error.to_string()),
    };
    match care::change_amount(&app, &By::Staff(who.actor()), id, money).await {
        Ok(()) => Ok(done(id, "recurring-amount")),
        Err(Error::Invalid(why)) => wrong(shown, "amount", why),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct PauseForm {
    #[serde(default)]
    until: String,
}

async fn pause(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<RecurringId>,
    Form(form): Form<PauseForm>,
) -> Result<Response, Error> {
    let until = match form.until.trim() {
        "" => None,
        day => match clock::parse_day(day).and_then(|day| care::pause_end(&app, day)) {
            Some(until) => Some(until),
            None => {
                let mut shown = gift_page(&app, page, id).await?;
                shown.typed_until.clone_from(&form.until);
                let text = shown.page.t("desk-recurring-until-wrong");
                return wrong(shown, "until", text);
            }
        },
    };
    care::pause(&app, &By::Staff(who.actor()), id, until).await?;
    Ok(done(id, "recurring-pause"))
}

async fn resume(State(app): State<App>, who: Finance, Path(id): Path<RecurringId>) -> Result<Response, Error> {
    care::resume(&app, &By::Staff(who.actor()), id).await?;
    Ok(done(id, "recurring-resume"))
}

#[derive(Template)]
#[template(path = "recurring/desk_end.html")]
struct EndPage {
    page: DeskPage,
    errors: FormErrors,
    gift: recurring_donation::Model,
    reason: String,
}

async fn ask_end(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<RecurringId>) -> Result<Response, Error> {
    let gift = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let title = page.t("desk-recurring-end");
    web::html(&EndPage { page: page.titled(title), errors: FormErrors::default(), gift, reason: String::new() })
}

#[derive(Deserialize)]
struct EndForm {
    #[serde(default)]
    reason: String,
}

async fn end(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<RecurringId>,
    Form(form): Form<EndForm>,
) -> Result<Response, Error> {
    if form.reason.chars().count() > REASON_CHARACTERS_MAX {
        let gift = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
        let mut errors = FormErrors::default();
        errors.add("reason", page.t1("asks-error-long", "most", page.number(REASON_CHARACTERS_MAX)));
        let title = format!("{} {}", page.t("error-prefix"), page.t("desk-recurring-end"));
        return web::html_status(
            StatusCode::UNPROCESSABLE_ENTITY,
            &EndPage { page: page.titled(title), errors, gift, reason: form.reason },
        );
    }
    let over = care::end(&app, &By::Staff(who.actor()), id, &form.reason).await?;
    Ok(done(id, if over { "recurring-end" } else { "recurring-end-later" }))
}

async fn ask_stripe(State(app): State<App>, who: Finance, Path(id): Path<RecurringId>) -> Result<Response, Error> {
    let word = match care::ask_stripe(&app, &By::Staff(who.actor()), id).await? {
        Refreshed::Changed => "recurring-stripe-changed",
        Refreshed::Unchanged => "recurring-stripe-unchanged",
        Refreshed::NotBegun => "recurring-stripe-none",
        Refreshed::Refused(_) => "recurring-stripe-refused",
    };
    Ok(done(id, word))
}
