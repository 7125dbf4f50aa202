//! The audit trail as a page: who changed what, when; filtered by address, fifty at a time.

use super::{
    Admin, DeskPage,
    audit::{self, Chain, Filter},
    store,
};
use crate::{
    app::App,
    clock::parse_day,
    error::Error,
    web::{self, Query, pager::Pager},
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use entity::audit_entry;
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/desk/audit", get(show)).route("/desk/audit/check", get(check))
}

#[derive(Template)]
#[template(path = "staff/audit.html")]
struct TrailPage {
    page: DeskPage,
    asked: Asked,
    people: Vec<(String, String)>,
    entries: Pager<audit_entry::Model>,
    /// Where the next page is, with the same filter.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/audit_check.html")]
struct CheckPage {
    page: DeskPage,
    chain: Chain,
}

/// The filter as it stands in the address; empty fields filter nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    person: String,
    action: String,
    kind: String,
    object: String,
    from: String,
    to: String,
    after: String,
}

impl Asked {
    fn is_empty(&self) -> bool {
        [&self.person, &self.action, &self.kind, &self.object, &self.from, &self.to].iter().all(|field| field.trim().is_empty())
    }

    fn filter(&self, app: &App) -> Result<Filter, Error> {
        let text = |field: &str| Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        let day = |field: &str| match text(field) {
            None => Ok(None),
            Some(day) => match parse_day(&day) {
                None => Err(Error::Invalid(format!("`{day}` is not a day such as 2026-01-31"))),
                found => Ok(found),
            },
        };
        let person = text(&self.person).map(|id| id.parse().map_err(|_| Error::Invalid("Choose one of the people.".to_owned())));
        Ok(Filter {
            staff_id: person.transpose()?,
            action: text(&self.action),
            object_kind: text(&self.kind),
            object_id: text(&self.object),
            from: day(&self.from)?.map(|day| start_of(app, day)),
            until: day(&self.to)?.and_then(|day| day.checked_add_days(Days::new(1))).map(|day| start_of(app, day)),
        })
    }

    fn address_after(&self, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("person", &self.person),
            ("action", &self.action),
            ("kind", &self.kind),
            ("object", &self.object),
            ("from", &self.from),
            ("to", &self.to),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
            query.append_pair(name, value);
        }
        format!("/desk/audit?{}", query.append_pair("after", after).finish())
    }
}

fn start_of(app: &App, day: NaiveDate) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN);
    app.config.org_timezone.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |start| start.with_timezone(&Utc))
}

async fn show(State(app): State<App>, _who: Admin, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let after = match asked.after.trim() {
        "" => None,
        after => Some(after.parse().map_err(|_| Error::Invalid("the page asked for does not exist".to_owned()))?),
    };
    let entries = audit::list(&app.db, &asked.filter(&app)?, after).await?;
    let members = store::members(app.db.read()).await?;
    let people = std::iter::once((String::new(), page.t("desk-audit-everybody")))
        .chain(members.into_iter().map(|member| (member.id.to_string(), member.name)))
        .collect();
    let title = page.t("desk-nav-audit");
    let next = entries.next.as_deref().map(|after| asked.address_after(after));
    web::html(&TrailPage { page: page.titled(title), asked, people, entries, next })
}

async fn check(State(app): State<App>, _who: Admin, page: DeskPage) -> Result<Response, Error> {
    let chain = audit::verify_chain(&app.db).await?;
    let title = page.t("desk-audit-check-title");
    web::html(&CheckPage { page: page.titled(title), chain })
}
