//! Finance's pages for matching pots: list, one pot with its figures and history, make, change, open, pause, close, the sponsor's payments.

use super::{
    figures::{Figures, figures, payments},
    pots::{self, RawPot, Verb},
    store,
};
use crate::{
    app::App,
    asks::{self, amount},
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
use entity::{
    Money, campaign,
    ids::{CampaignId, DonationId, MatchPotId},
    match_payment, match_step, receipt,
    words::MatchPotStatus,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use std::collections::HashMap;

/// How many campaigns the form offers.
const CAMPAIGNS_MAX: u64 = 200;

/// The desk's pages for pots.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/matching", get(list))
        .route("/desk/matching/new", get(blank).post(create))
        .route("/desk/matching/{id}", get(show))
        .route("/desk/matching/{id}/edit", get(edit).post(change))
        .route("/desk/matching/{id}/state/{verb}", post(apply))
        .route("/desk/matching/{id}/payments", post(link))
        .route("/desk/matching/{id}/payments/{donation}/undo", post(unlink))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    status: String,
    after: String,
}

/// A pot in the list.
struct Row {
    of: Figures,
    campaign: Option<campaign::Model>,
}

#[derive(Template)]
#[template(path = "matching/desk_list.html")]
struct ListPage {
    page: DeskPage,
    filter: Filter,
    states: Vec<(String, String)>,
    rows: Vec<Row>,
    next: Option<String>,
}

async fn list(State(app): State<App>, _: Finance, page: DeskPage, Query(filter): Query<Filter>) -> Result<Response, Error> {
    let db = app.db.read();
    let found = store::search(db, filter.status.parse().ok(), filter.after.parse().ok(), PAGE_ROWS + 1).await?;
    let Pager { rows, next } = Pager::from_rows(found, |pot| pot.id.to_string());
    let ids: Vec<CampaignId> = rows.iter().map(|pot| pot.campaign_id).collect();
    let named = campaign::Entity::find().filter(campaign::Column::Id.is_in(ids)).all(db).await?;
    let named: HashMap<CampaignId, campaign::Model> = named.into_iter().map(|campaign| (campaign.id, campaign)).collect();
    let rows = figures(db, rows).await?.into_iter().map(|of| Row { campaign: named.get(&of.pot.campaign_id).cloned(), of }).collect();
    let mut states = vec![(String::new(), page.t("desk-any"))];
    states.extend(MatchPotStatus::ALL.iter().map(|status| (status.to_string(), page.t(&format!("desk-match-state-{status}")))));
    let title = page.t("desk-nav-matching");
    web::html(&ListPage { page: page.titled(title), filter, states, rows, next })
}

/// What is typed on a pot's own page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Sent {
    reason: String,
    confirm: String,
    donation: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    after: String,
}

#[derive(Template)]
#[template(path = "matching/desk_pot.html")]
struct PotPage {
    page: DeskPage,
    sums: Figures,
    campaign: campaign::Model,
    ratio: String,
    confirm_label: String,
    gift_min: Option<Money>,
    match_max: Option<Money>,
    is_open: bool,
    verbs: Vec<(Verb, String)>,
    payments: Vec<(match_payment::Model, Money)>,
    steps: Vec<(match_step::Model, Money)>,
    next: Option<String>,
    sent: Sent,
    errors: FormErrors,
}

async fn pot_page(app: &App, page: DeskPage, id: MatchPotId, after: &str, sent: Sent, errors: FormErrors) -> Result<PotPage, Error> {
    let db = app.db.read();
    let pot = store::pot(db, id).await?.ok_or(Error::NotFound)?;
    let campaign = asks::store::campaign_by_id(db, pot.campaign_id).await?.ok_or(Error::NotFound)?;
    let found = store::steps(db, id, after.parse().ok(), PAGE_ROWS + 1).await?;
    let Pager { rows, next } = Pager::from_rows(found, |step| step.id.to_string());
    let title = page.t1("desk-match-of", "campaign", &campaign.title);
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    let verbs = Verb::allowed(pot.status).into_iter().map(|verb| (verb, page.t(&format!("desk-match-{verb}")))).collect();
    let own = |minor: Option<i64>| minor.map(|minor| Money::new(minor, pot.currency));
    Ok(PotPage {
        ratio: pots::percent(pot.ratio_bp),
        confirm_label: page.t1("desk-match-confirm", "total", page.money(Money::new(pot.total_minor, pot.currency))),
        gift_min: own(pot.gift_min_minor),
        match_max: own(pot.match_max_minor),
        is_open: super::is_open(&pot, app.now()),
        verbs,
        payments: payments(db, std::slice::from_ref(&pot)).await?,
        steps: rows.into_iter().map(|step| (step.clone(), Money::new(step.change_minor, pot.currency))).collect(),
        next,
        sums: figures(db, vec![pot]).await?.pop().ok_or(Error::NotFound)?,
        campaign,
        page: page.titled(format!("{prefix}{title}")),
        sent,
        errors,
    })
}

async fn show(
    State(app): State<App>,
    _: Finance,
    page: DeskPage,
    Path(id): Path<MatchPotId>,
    Query(place): Query<Place>,
) -> Result<Response, Error> {
    web::html(&pot_page(&app, page, id, &place.after, Sent::default(), FormErrors::default()).await?)
}

async fn refuse(app: &App, page: DeskPage, id: MatchPotId, sent: Sent, errors: FormErrors) -> Result<Response, Error> {
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &pot_page(app, page, id, "", sent, errors).await?)
}

#[derive(Template)]
#[template(path = "matching/desk_edit.html")]
struct EditPage {
    page: DeskPage,
    id: Option<MatchPotId>,
    values: RawPot,
    errors: FormErrors,
    campaigns: Vec<(String, String)>,
    currency: String,
    zone: String,
}

async fn edit_page(app: &App, page: DeskPage, id: Option<MatchPotId>, values: RawPot, errors: FormErrors) -> Result<EditPage, Error> {
    let find = campaign::Entity::find().order_by_desc(campaign::Column::Id).limit(CAMPAIGNS_MAX);
    let all = find.all(app.db.read()).await?;
    let currency = all.iter().find(|campaign| campaign.id.to_string() == values.campaign).map(|campaign| campaign.currency.to_string());
    let campaigns = all.into_iter().map(|campaign| (campaign.id.to_string(), format!("{} ({})", campaign.title, campaign.currency)));
    let title = page.t(if id.is_some() { "desk-match-edit" } else { "desk-match-new" });
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let zone = app.config.org_timezone.name().to_owned();
    Ok(EditPage {
        campaigns: campaigns.collect(),
        currency: currency.unwrap_or_default(),
        page: page.titled(title),
        id,
        values,
        errors,
        zone,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct For {
    campaign: String,
}

async fn blank(State(app): State<App>, _: Finance, page: DeskPage, Query(asked): Query<For>) -> Result<Response, Error> {
    let values = RawPot { campaign: asked.campaign, ratio: "100".to_owned(), position: "1".to_owned(), ..RawPot::default() };
    web::html(&edit_page(&app, page, None, values, FormErrors::default()).await?)
}

async fn edit(State(app): State<App>, _: Finance, page: DeskPage, Path(id): Path<MatchPotId>) -> Result<Response, Error> {
    let pot = store::pot(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    web::html(&edit_page(&app, page, Some(id), RawPot::of(&pot, app.config.org_timezone), FormErrors::default()).await?)
}

async fn create(State(app): State<App>, who: Finance, page: DeskPage, Form(raw): Form<RawPot>) -> Result<Response, Error> {
    save(&app, &who, page, None, raw).await
}

async fn change(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<MatchPotId>,
    Form(mut raw): Form<RawPot>,
) -> Result<Response, Error> {
    let pot = store::pot(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    raw.campaign = pot.campaign_id.to_string();
    save(&app, &who, page, Some(id), raw).await
}

/// Writes a new pot or a change; what is wrong is said on the same page, with everything typed kept.
async fn save(app: &App, who: &Finance, page: DeskPage, id: Option<MatchPotId>, raw: RawPot) -> Result<Response, Error> {
    let campaign = match raw.campaign.parse() {
        Ok(campaign) => asks::store::campaign_by_id(app.db.read(), campaign).await?,
        Err(_) => None,
    };
    let errors = match campaign.as_ref().map(|campaign| pots::parse(&raw, campaign.currency, app.config.org_timezone)) {
        None => {
            let mut errors = FormErrors::default();
            errors.add("campaign", page.t("desk-match-campaign-missing"));
            errors
        }
        Some(Err(errors)) => errors,
        Some(Ok(details)) => {
            let campaign = campaign.ok_or(Error::NotFound)?;
            let written = match id {
                Some(id) => pots::edit(app, &who.actor(), id, raw.version.parse().unwrap_or(-1), &details).await,
                None => pots::create(app, &who.actor(), campaign.id, &details).await,
            };
            let mut errors = FormErrors::default();
            match written {
                Ok(pot) => return Ok(web::redirect(&format!("/desk/matching/{}?done=saved", pot.id))),
                Err(Error::Conflict(why)) => errors.add("total", why),
                Err(other) => return Err(other),
            }
            errors
        }
    };
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &edit_page(app, page, id, raw, errors).await?)
}

/// Opens, pauses or closes a pot. To open one, its total is typed once more, because givers are told of it.
async fn apply(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path((id, verb)): Path<(MatchPotId, String)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Error> {
    let verb: Verb = verb.parse()?;
    let pot = store::pot(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let mut errors = FormErrors::default();
    let total = Money::new(pot.total_minor, pot.currency);
    if verb == Verb::Open && amount::parse(&sent.confirm, pot.currency) != Ok(total) {
        errors.add("confirm", page.t1("desk-match-confirm-wrong", "total", page.money(total)));
        return refuse(&app, page, id, sent, errors).await;
    }
    match pots::apply(&app, &who.actor(), id, verb, &sent.reason).await {
        Ok(_) => Ok(web::redirect(&format!("/desk/matching/{id}?done=saved"))),
        Err(Error::Conflict(why) | Error::Invalid(why)) => {
            errors.add("reason", why);
            refuse(&app, page, id, sent, errors).await
        }
        Err(other) => Err(other),
    }
}

/// Counts a donation as the sponsor's payment.
async fn link(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<MatchPotId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let Some(donation) = find_donation(&app, &sent.donation).await? else {
        errors.add("donation", page.t("desk-match-payment-unknown"));
        return refuse(&app, page, id, sent, errors).await;
    };
    match pots::link(&app, &who.actor(), id, donation).await {
        Ok(()) => Ok(web::redirect(&format!("/desk/matching/{id}?done=saved"))),
        Err(Error::Conflict(why)) => {
            errors.add("donation", why);
            refuse(&app, page, id, sent, errors).await
        }
        Err(Error::NotFound) => {
            errors.add("donation", page.t("desk-match-payment-unknown"));
            refuse(&app, page, id, sent, errors).await
        }
        Err(other) => Err(other),
    }
}

/// A donation by the address of its page at the desk, its id, or the number of its receipt.
async fn find_donation(app: &App, typed: &str) -> Result<Option<DonationId>, Error> {
    let typed = typed.trim().trim_end_matches('/');
    let last = typed.rsplit('/').next().unwrap_or_default();
    if let Ok(id) = last.split('?').next().unwrap_or_default().parse() {
        return Ok(Some(id));
    }
    if typed.is_empty() || typed.len() > 60 || typed.contains('\0') {
        return Ok(None);
    }
    let found = receipt::Entity::find().filter(receipt::Column::Code.eq(typed)).one(app.db.read()).await?;
    Ok(found.map(|receipt| receipt.donation_id))
}

async fn unlink(State(app): State<App>, who: Finance, Path((id, donation)): Path<(MatchPotId, DonationId)>) -> Result<Response, Error> {
    pots::unlink(&app, &who.actor(), id, donation).await?;
    Ok(web::redirect(&format!("/desk/matching/{id}?done=saved")))
}
