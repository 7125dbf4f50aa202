//! Atom feeds (RFC 4287). An entry is known for ever by the id of its update, in every feed and language.

use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    i18n::Language,
    news::Entry,
    web::{headers::is_known, markdown},
};
use askama::Template;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

/// How many of the newest updates a feed holds.
pub const ENTRIES_MAX: u64 = 50;

/// How many written feeds are kept.
const WRITTEN_MAX: usize = 16;

/// What a feed says of itself.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// Its permanent id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its path.
    pub path: &'a str,
    /// The path of the page that says the same.
    pub page: &'a str,
    /// When it last changed, while it is empty.
    pub since: DateTime<Utc>,
}

/// The last feeds that were written, by their tags: on the app's shelf.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<HashMap<String, String>>>);

impl Written {
    fn find(&self, tag: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(tag).cloned()
    }

    fn keep(&self, tag: &str, body: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= WRITTEN_MAX {
            kept.clear();
        }
        kept.insert(tag.to_owned(), body.to_owned());
    }
}

struct Item {
    id: String,
    title: String,
    language: String,
    page: String,
    published: String,
    updated: String,
    story: String,
}

#[derive(Template)]
#[template(path = "updates/feed.xml")]
struct Feed<'a> {
    language: &'a str,
    id: &'a str,
    title: &'a str,
    org: &'a str,
    updated: String,
    here: String,
    page: String,
    items: Vec<Item>,
}

/// A feed, or the word that it is as it was (`ETag`). With a language each entry is in it where there is such a text.
pub async fn answer(
    app: &App,
    headers: &HeaderMap,
    head: &Head<'_>,
    entries: &[Entry],
    language: Option<Language>,
) -> Result<Response, Error> {
    let tag = tag_of(app, head, entries, language);
    let etag = HeaderValue::try_from(&tag).map_err(|error| Error::internal("the tag of a feed", error))?;
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let written = app.shelf.get_or_open(async || Ok(Written::default())).await?;
        let body = match written.find(&tag) {
            Some(body) => body,
            None => {
                let body = write(app, head, entries, language)?;
                written.keep(&tag, &body);
                body
            }
        };
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/atom+xml; charset=utf-8"))], body).into_response()
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// What a feed is known by, without writing it: its head, and of each entry the id and when it was last changed.
fn tag_of(app: &App, head: &Head<'_>, entries: &[Entry], language: Option<Language>) -> String {
    let mut all = format!("{} {head:?} {} {} {language:?}", env!("CARGO_PKG_VERSION"), app.config.org_name, app.config.base_url);
    for entry in entries {
        let _ = write!(all, " {} {:?} {:?}", entry.update.id, entry.update.published_at, entry.update.updated_at);
    }
    format!("W/\"{}\"", &sha256_hex(&all)[..32])
}

fn write(app: &App, head: &Head<'_>, entries: &[Entry], language: Option<Language>) -> Result<String, Error> {
    let query = language.map(|language| format!("?lang={}", language.tag())).unwrap_or_default();
    let feed = Feed {
        language: language.unwrap_or_default().tag(),
        id: &head.id,
        title: &allowed(&head.title),
        org: &allowed(&app.config.org_name),
        updated: time(entries.iter().map(changed).max().unwrap_or(head.since)),
        here: format!("{}{query}", app.config.link(head.path)),
        page: app.config.link(head.page),
        items: entries.iter().filter_map(|entry| item(app, entry, language)).collect(),
    };
    Ok(feed.render()?)
}

fn item(app: &App, entry: &Entry, language: Option<Language>) -> Option<Item> {
    let text = match language {
        Some(language) => entry.text_for(language.tag()),
        None => entry.text_for(&entry.update.language),
    }?;
    Some(Item {
        id: format!("urn:uuid:{}", entry.update.id),
        title: allowed(&text.title),
        language: text.language.clone(),
        page: app.config.link(&entry.path()),
        published: time(entry.update.published_at?),
        updated: time(changed(entry)),
        story: allowed(&markdown::to_html_for_elsewhere(&text.body_markdown, &app.config.base_url)),
    })
}

/// When a reader last saw something new: its publication, or a change of the text after it.
fn changed(entry: &Entry) -> DateTime<Utc> {
    entry.update.published_at.map_or(entry.update.updated_at, |at| at.max(entry.update.updated_at))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The text without what XML cannot hold.
fn allowed(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}') && (!c.is_control() || matches!(c, '\n' | '\t'))).collect()
}
