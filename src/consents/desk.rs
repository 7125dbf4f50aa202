//! Letters at the desk: the two streams, held back or not, and what stands against an address. Finance and administrators only, because
//! addresses are people. The audit trail keeps an address's hash, never the address.

use super::store;
use crate::{
    app::App,
    error::Error,
    mail::{
        streams,
        suppression::{self, NewSuppression, normalised},
        topic::Topic,
    },
    staff::{DeskPage, Finance, audit},
    web::{self, Form, FormErrors, Path, Query},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use entity::{
    ids::SuppressionId,
    mail_domain, subscription, suppression as suppressions,
    words::{LetterStream, SuppressionReason},
};
use sea_orm::EntityTrait;
use serde::Deserialize;
use serde_json::json;

/// The longest reason that a member of staff may give.
const NOTE_CHARS_MAX: usize = 500;

/// The desk's routes of letters' streams and of addresses.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/mail", get(show))
        .route("/desk/mail/streams/{stream}", post(change_stream))
        .route("/desk/mail/suppressions", post(add))
        .route("/desk/mail/suppressions/{id}/lift", post(lift))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    address: String,
}

/// The form to add a reason, as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawReason {
    address: String,
    topic: String,
    note: String,
}

struct StreamLine {
    stream: LetterStream,
    from: String,
    paused: Option<(DateTime<Utc>, String)>,
}

#[derive(Template)]
#[template(path = "consents/desk.html")]
struct MailPage {
    page: DeskPage,
    errors: FormErrors,
    streams: Vec<StreamLine>,
    resting: Vec<mail_domain::Model>,
    asked: String,
    /// What was found for the address that was asked for.
    found: Option<Found>,
    raw: RawReason,
    topics: Vec<(String, String)>,
}

struct Found {
    story: Vec<suppressions::Model>,
    subscriptions: Vec<subscription::Model>,
}

async fn page_of(app: &App, page: DeskPage, address: &str, raw: RawReason, errors: FormErrors) -> Result<MailPage, Error> {
    let paused = streams::paused(app.db.read()).await?;
    let lines = LetterStream::ALL.iter().map(|stream| StreamLine {
        stream: *stream,
        from: app.outbox.way(*stream).from.email.to_string(),
        paused: paused.iter().find(|one| one.stream == *stream).and_then(|one| Some((one.paused_at?, one.reason.clone()))),
    });
    let found = match address.trim() {
        "" => None,
        address => {
            let hash = app.outbox.address_key().hash(address);
            let story = suppression::story(app.db.read(), &hash).await?;
            Some(Found { story, subscriptions: store::of_address(app.db.read(), &hash).await? })
        }
    };
    let topics = ["updates", "everything"].map(|word| (word.to_owned(), page.word("desk-mail-topic", word)));
    let title = page.t("desk-mail-title");
    Ok(MailPage {
        streams: lines.collect(),
        resting: streams::resting_domains(app.db.read(), app.now()).await?,
        asked: address.trim().to_owned(),
        page: page.titled(title),
        errors,
        found,
        raw,
        topics: topics.into(),
    })
}

async fn show(State(app): State<App>, _: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let raw = RawReason { address: asked.address.clone(), topic: "updates".to_owned(), note: String::new() };
    web::html(&page_of(&app, page, &asked.address, raw, FormErrors::default()).await?)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawChange {
    /// `pause` or `resume`.
    change: String,
    note: String,
}

async fn change_stream(
    State(app): State<App>,
    who: Finance,
    Path(stream): Path<String>,
    Form(raw): Form<RawChange>,
) -> Result<Response, Error> {
    let stream: LetterStream = stream.parse().map_err(|_| Error::NotFound)?;
    let (now, actor, note) = (app.now(), who.actor(), shortened(&raw.note));
    let pauses = match raw.change.as_str() {
        "pause" => true,
        "resume" => false,
        _ => return Err(Error::Invalid("Choose to hold the letters back or to let them leave.".to_owned())),
    };
    app.db
        .write(async |tx| {
            let action = if pauses {
                streams::pause(tx, stream, &note, now).await?;
                "mail_stream.pause"
            } else if streams::resume(tx, stream).await? {
                "mail_stream.resume"
            } else {
                return Ok(());
            };
            audit::record(tx, now, &actor, action, "mail_stream", stream.as_str(), json!({ "note": note })).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(web::redirect(if pauses { "/desk/mail?done=mail-paused" } else { "/desk/mail?done=mail-resumed" }))
}

/// Sends no more letters to an address, because a member of staff says so.
async fn add(State(app): State<App>, who: Finance, page: DeskPage, Form(raw): Form<RawReason>) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let address = normalised(&raw.address);
    if address.parse::<lettre::Address>().is_err() {
        errors.add("address", page.t("desk-mail-error-address"));
    }
    let topic = match raw.topic.parse::<Topic>() {
        Ok(topic @ (Topic::Everything | Topic::Updates)) => Some(topic),
        _ => {
            errors.add("topic", page.t("desk-mail-error-topic"));
            None
        }
    };
    if raw.note.trim().is_empty() {
        errors.add("note", page.t("desk-mail-error-note"));
    }
    let (Some(topic), true) = (topic, errors.is_empty()) else {
        let asked = raw.address.clone();
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &page_of(&app, page, &asked, raw, errors).await?);
    };
    let (now, actor, hash) = (app.now(), who.actor(), app.outbox.address_key().hash(&address));
    let new = NewSuppression {
        address_hash: hash.clone(),
        topic,
        reason: SuppressionReason::Staff,
        note: shortened(&raw.note),
        letter_id: None,
        made_by: actor.name.clone(),
    };
    app.db
        .write(async |tx| {
            suppression::suppress(tx, &new, app.new_id(), now).await?;
            // What was noted may name her: it stays beside the address, and out of the trail, which is kept for ever.
            let detail = json!({ "topic": topic.to_string() });
            audit::record(tx, now, &actor, "suppression.add", "address", &hash, detail).await
        })
        .await?;
    Ok(web::redirect(&address_page(&address, "suppressed")))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawLift {
    address: String,
    note: String,
}

/// Takes a reason away. That the supporter ended news by a link stays: only she can ask for them again. A complaint can be lifted, when she
/// says that it was a mistake; she gets news when she has asked for them again.
async fn lift(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<SuppressionId>,
    Form(raw): Form<RawLift>,
) -> Result<Response, Error> {
    let one = suppressions::Entity::find_by_id(id).one(app.db.read()).await?.ok_or(Error::NotFound)?;
    if one.reason == SuppressionReason::Unsubscribed {
        return Err(Error::Conflict(page.t("desk-mail-error-hers")));
    }
    if raw.note.trim().is_empty() {
        let mut errors = FormErrors::default();
        errors.add("look-up", page.t("desk-mail-error-note"));
        let again = RawReason { address: raw.address.clone(), topic: "updates".to_owned(), note: String::new() };
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &page_of(&app, page, &raw.address, again, errors).await?);
    }
    let topic: Topic = one.topic.parse().map_err(|_| Error::Internal("an unknown topic is stored".to_owned()))?;
    let (now, actor, note) = (app.now(), who.actor(), shortened(&raw.note));
    app.db
        .write(async |tx| {
            if !suppression::lift(tx, &one.address_hash, topic, one.reason, &actor.name, &note, now).await? {
                return Ok(());
            }
            let detail = json!({ "topic": one.topic, "reason": one.reason });
            audit::record(tx, now, &actor, "suppression.lift", "address", &one.address_hash, detail).await
        })
        .await?;
    Ok(web::redirect(&address_page(&raw.address, "suppression-lifted")))
}

fn shortened(note: &str) -> String {
    note.trim().chars().take(NOTE_CHARS_MAX).collect()
}

fn address_page(address: &str, done: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/desk/mail?{}", query.append_pair("address", address).append_pair("done", done).finish())
}
