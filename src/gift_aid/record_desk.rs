//! Staff's page for declarations that were made on paper or by word of mouth.

use super::{Recorded, record};
use crate::{
    app::App,
    asks::{
        gift::{RawGift, without_controls},
        particulars::{EXPLANATION, NOTICE, intention, parse_declaration},
    },
    clock::parse_day,
    error::Error,
    staff::{DeskPage, Finance},
    web::{self, Form, FormErrors, Path},
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use chrono::NaiveDate;
use entity::{
    Money, donation,
    ids::DonationId,
    words::{GiftAidMade, GiftAidScope},
};
use sea_orm::EntityTrait;
use serde::Deserialize;

/// The longest wording, in characters.
const WORDING_MAX: usize = 2_000;

/// The desk's route.
pub fn routes() -> Router<App> {
    Router::new().route("/desk/donations/{id}/gift-aid", get(show).post(write_down))
}

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawRecord {
    made: String,
    declared_on: String,
    record_sent_on: String,
    gift_aid_scope: String,
    gift_aid_title: String,
    gift_aid_first: String,
    gift_aid_last: String,
    gift_aid_house: String,
    gift_aid_postcode: String,
    wording: String,
}

#[derive(Template)]
#[template(path = "gift_aid/desk_record.html")]
struct RecordPage {
    page: DeskPage,
    donation: donation::Model,
    amount: Money,
    values: RawRecord,
    errors: FormErrors,
    ways: Vec<(String, String)>,
    scopes: Vec<(String, String)>,
}

async fn find_gift(app: &App, id: DonationId) -> Result<donation::Model, Error> {
    if !app.config.org_receipt_profile.offers_gift_aid() {
        return Err(Error::NotFound);
    }
    let donation = donation::Entity::find_by_id(id).one(app.db.read()).await?.ok_or(Error::NotFound)?;
    if donation.paid_at.is_none() {
        return Err(Error::Conflict("Only a gift that was paid can have a declaration.".to_owned()));
    }
    Ok(donation)
}

fn record_page(page: DeskPage, donation: donation::Model, values: RawRecord, errors: FormErrors) -> RecordPage {
    let title = page.t("desk-gift-aid-record");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let ways = [GiftAidMade::Paper, GiftAidMade::Oral];
    RecordPage {
        ways: ways.iter().map(|way| (way.to_string(), page.word("desk-gift-aid-made", way.as_str()))).collect(),
        scopes: GiftAidScope::ALL.iter().map(|scope| (scope.to_string(), page.word("desk-gift-aid-scope", scope.as_str()))).collect(),
        amount: Money::new(donation.amount_minor, donation.currency),
        page: page.titled(title),
        donation,
        values,
        errors,
    }
}

async fn show(State(app): State<App>, _: Finance, page: DeskPage, Path(id): Path<DonationId>) -> Result<Response, Error> {
    let donation = find_gift(&app, id).await?;
    let values = RawRecord {
        made: GiftAidMade::Paper.to_string(),
        declared_on: app.today().to_string(),
        gift_aid_scope: GiftAidScope::This.to_string(),
        wording: format!("{} {EXPLANATION} {NOTICE}", intention(&app.config.org_legal_name, GiftAidScope::This)),
        ..RawRecord::default()
    };
    web::html(&record_page(page, donation, values, FormErrors::default()))
}

async fn write_down(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<DonationId>,
    Form(raw): Form<RawRecord>,
) -> Result<Response, Error> {
    let donation = find_gift(&app, id).await?;
    let mut errors = FormErrors::default();
    if let Some(recorded) = parse(&app, &page, &raw, &mut errors) {
        match record(&app, &who.actor(), id, &recorded).await {
            Ok(_) => return Ok(web::redirect("/desk/gift-aid/declarations?done=gift-aid-recorded")),
            Err(Error::Invalid(why)) => errors.add("declared_on", why),
            Err(error) => return Err(error),
        }
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &record_page(page, donation, raw, errors))
}

fn parse(app: &App, page: &DeskPage, raw: &RawRecord, errors: &mut FormErrors) -> Option<Recorded> {
    let made = raw.made.parse().ok().filter(|made| *made != GiftAidMade::Online);
    if made.is_none() {
        errors.add("made", page.t("desk-gift-aid-record-error-made"));
    }
    let come = |text: &str| parse_day(text).filter(|day: &NaiveDate| *day <= app.today());
    let on = come(&raw.declared_on);
    if on.is_none() {
        errors.add("declared_on", page.t("desk-gift-aid-record-error-day"));
    }
    let record_sent_on = come(&raw.record_sent_on);
    let is_oral = made == Some(GiftAidMade::Oral);
    if is_oral != record_sent_on.is_some() || (!is_oral && !raw.record_sent_on.trim().is_empty()) {
        errors.add("record_sent_on", page.t("desk-gift-aid-record-error-sent"));
    }
    let wording = without_controls(&raw.wording, true);
    if wording.is_empty() || wording.chars().count() > WORDING_MAX {
        errors.add("wording", page.t("desk-gift-aid-record-error-wording"));
    }
    let as_typed = RawGift {
        gift_aid_scope: raw.gift_aid_scope.clone(),
        gift_aid_title: raw.gift_aid_title.clone(),
        gift_aid_first: raw.gift_aid_first.clone(),
        gift_aid_last: raw.gift_aid_last.clone(),
        gift_aid_house: raw.gift_aid_house.clone(),
        gift_aid_postcode: raw.gift_aid_postcode.clone(),
        ..RawGift::default()
    };
    let declared = parse_declaration(page, &app.config.org_legal_name, &as_typed, errors);
    let (Some(made), Some(on), Some(mut declared), true) = (made, on, declared, errors.is_empty()) else { return None };
    declared.wording = wording;
    Some(Recorded { made, declared, on, record_sent_on })
}
