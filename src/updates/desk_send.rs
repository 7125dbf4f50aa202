//! Staff's page for sending an update: whom it goes to, how many that are and why others get none, when, and a typed confirmation.

use super::{
    audience::{self, Count},
    desk::entry_of,
    send::{self, Plan},
};
use crate::{
    app::App,
    asks::amount,
    error::Error,
    i18n::Language,
    news::Entry,
    staff::{Admin, DeskPage, Editor},
    web::{self, Form, FormErrors, Path, Query},
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use entity::{ids::UpdateId, news_update, words::UpdateAudience};
use serde::Deserialize;

/// The desk's page for sending.
pub fn desk_routes() -> Router<App> {
    Router::new().route("/desk/updates/{id}/send", get(ask).post(confirm))
}

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawPlan {
    audience: String,
    language: String,
    /// The day and time in the organisation's zone, such as `2026-05-31T18:00`; empty: now.
    send_at: String,
    /// How many get it, typed once more.
    confirm: String,
}

#[derive(Template)]
#[template(path = "updates/desk_send.html")]
struct SendPage {
    page: DeskPage,
    update: news_update::Model,
    title: String,
    values: RawPlan,
    errors: FormErrors,
    count: Count,
    audiences: Vec<(String, String)>,
    languages: Vec<(String, String)>,
    zone: String,
    asks_per_month: i64,
}

/// The update as it would be sent: what the count goes by.
fn planned(update: &news_update::Model, raw: &RawPlan) -> news_update::Model {
    news_update::Model {
        audience: raw.audience.parse().unwrap_or(UpdateAudience::Asked),
        only_language: raw.language.parse::<Language>().map(|language| language.tag().to_owned()).unwrap_or_default(),
        ..update.clone()
    }
}

fn send_page(app: &App, page: DeskPage, entry: Entry, values: RawPlan, count: Count, errors: FormErrors) -> SendPage {
    let about = match (entry.update.campaign_id, entry.update.wish_item_id) {
        (Some(_), _) => "campaign",
        (None, Some(_)) => "item",
        (None, None) => "all",
    };
    let audiences = UpdateAudience::ALL.iter().map(|one| (one.to_string(), page.t(&format!("desk-update-to-{one}-{about}")))).collect();
    let mut languages = vec![(String::new(), page.t("desk-any"))];
    languages.extend(page.languages().map(|language| (language.tag().to_owned(), language.name().to_owned())));
    let title = page.t("desk-update-send");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let text = entry.text_for(&entry.update.language).map(|text| text.title.clone()).unwrap_or_default();
    SendPage {
        page: page.titled(title),
        title: text,
        update: entry.update,
        values,
        errors,
        count,
        audiences,
        languages,
        zone: app.config.org_timezone.name().to_owned(),
        asks_per_month: app.config.asks_per_month,
    }
}

/// Whom it would go to now, and what must be typed for it.
async fn ask(
    State(app): State<App>,
    _: Editor,
    page: DeskPage,
    Path(id): Path<UpdateId>,
    Query(raw): Query<RawPlan>,
) -> Result<Response, Error> {
    let entry = entry_of(&app, id).await?;
    if !send::may_be_sent(&entry.update) {
        return Ok(web::redirect(&format!("/desk/updates/{id}")));
    }
    let count = audience::count(&app, &planned(&entry.update, &raw)).await?;
    let values = RawPlan { confirm: String::new(), ..raw };
    web::html(&send_page(&app, page, entry, values, count, FormErrors::default()))
}

/// Sends it, when the count that was typed is the count; otherwise says what it is now.
async fn confirm(
    State(app): State<App>,
    who: Admin,
    page: DeskPage,
    Path(id): Path<UpdateId>,
    Form(raw): Form<RawPlan>,
) -> Result<Response, Error> {
    let entry = entry_of(&app, id).await?;
    let planned = planned(&entry.update, &raw);
    let count = audience::count(&app, &planned).await?;
    let mut errors = FormErrors::default();
    let send_at = read_time(&raw.send_at, app.config.org_timezone).unwrap_or_else(|key| {
        errors.add("send_at", page.t1(key, "zone", app.config.org_timezone.name()));
        None
    });
    if count.gets == 0 {
        errors.add("audience", page.t("desk-update-nobody"));
    } else if amount::parse_count(&raw.confirm).and_then(|typed| u64::try_from(typed).ok()) != Some(count.gets) {
        errors.add("confirm", page.t1("desk-update-confirm-wrong", "count", count.gets));
    }
    if errors.is_empty() {
        let plan = Plan { audience: planned.audience, only_language: planned.only_language, send_at, expected: count.gets };
        match send::send(&app, &who.actor(), id, &plan).await {
            Ok(_) => return Ok(web::redirect(&format!("/desk/updates/{id}?done=saved"))),
            Err(Error::Conflict(why)) => errors.add(if why.contains("time to send") { "send_at" } else { "audience" }, why),
            Err(other) => return Err(other),
        }
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &send_page(&app, page, entry, raw, count, errors))
}

/// A day and time in a zone. Of a time that comes twice when clocks go back the first counts; one that is skipped is none.
fn read_time(text: &str, zone: Tz) -> Result<Option<DateTime<Utc>>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).ok_or("desk-update-time-wrong")?;
    let time = zone.from_local_datetime(&time).earliest().ok_or("desk-update-time-skipped")?;
    Ok(Some(time.with_timezone(&Utc)))
}

#[cfg(test)]
mod tests {
    use super::read_time;

    #[test]
    fn a_time_is_one_of_the_organisations_clock() {
        let zone = chrono_tz::Europe::Berlin;
        let read = |text: &str| read_time(text, zone).map(|time| time.map(|time| time.to_rfc3339()));
        assert_eq!(read("2026-05-31T18:00"), Ok(Some("2026-05-31T16:00:00+00:00".to_owned())));
        assert_eq!(read(" "), Ok(None));
        assert_eq!(read("2026-10-25T02:30"), Ok(Some("2026-10-25T00:30:00+00:00".to_owned())), "the first of two");
        assert_eq!(read("2026-03-29T02:30"), Err("desk-update-time-skipped"));
        assert_eq!(read("tomorrow"), Err("desk-update-time-wrong"));
        assert!(read_time("2026-05-31T18:00", chrono_tz::Asia::Kabul).is_ok());
    }
}
