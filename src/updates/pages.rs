//! The public's pages: one update, all of them, and the feeds with which one follows them without giving an address.

use super::{Subject, feed, store, subject_of};
use crate::{
    app::App,
    asks,
    error::Error,
    i18n::Language,
    news::{self, About, Entry, Line},
    web::{
        self, Page, Path, Query, markdown,
        pager::{PAGE_ROWS, Pager},
    },
};
use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use chrono::{DateTime, Utc};
use entity::ids::UpdateId;
use serde::Deserialize;

/// The public pages and feeds.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/updates", get(list))
        .route("/updates/{slug}", get(show))
        .route("/feed.xml", get(site_feed))
        .route("/campaigns/{slug}/feed.xml", get(campaign_feed))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct After {
    after: String,
}

#[derive(Template)]
#[template(path = "updates/list.html")]
struct ListPage {
    page: Page,
    news: Vec<Line>,
    next: Option<String>,
    feed: String,
}

/// Everything that was published, the newest first.
async fn list(State(app): State<App>, page: Page, Query(query): Query<After>) -> Result<Response, Error> {
    let db = app.db.read();
    let after = match query.after.parse::<UpdateId>() {
        Ok(id) => store::update(db, id).await?.and_then(|update| Some((update.published_at?, update.id))),
        Err(_) => None,
    };
    let found = news::store::published(db, About::Site, app.now(), after, PAGE_ROWS + 1).await?;
    let Pager { rows, next } = Pager::from_rows(found, |entry: &Entry| entry.update.id.to_string());
    let news = rows.iter().filter_map(|entry| news::line_of(entry, page.lang.tag())).collect();
    let (title, feed) = (page.t("updates-title"), "/feed.xml".to_owned());
    web::html(&ListPage { page: page.titled(title), news, next, feed })
}

#[derive(Template)]
#[template(path = "updates/update.html")]
struct UpdatePage {
    page: Page,
    title: String,
    story: String,
    language: String,
    at: DateTime<Utc>,
    /// When the text was changed after it was published.
    changed_at: Option<DateTime<Utc>>,
    subject: Option<Subject>,
    feed: String,
}

/// One update, in the reader's language where there is a text in it.
async fn show(State(app): State<App>, page: Page, Path(slug): Path<String>) -> Result<Response, Error> {
    let entry = news::store::by_slug(app.db.read(), &slug, app.now()).await?.ok_or(Error::NotFound)?;
    let text = entry.text_for(page.lang.tag()).ok_or(Error::NotFound)?;
    let at = entry.update.published_at.ok_or(Error::NotFound)?;
    let subject = subject_of(app.db.read(), &entry.update).await?;
    let feed = match &subject {
        Some(subject) if entry.update.campaign_id.is_some() => format!("{}/feed.xml", subject.path),
        _ => "/feed.xml".to_owned(),
    };
    let page = page.preferring(&text.language).titled(text.title.clone());
    let changed_at = Some(entry.update.updated_at).filter(|changed| *changed > at);
    web::html(&UpdatePage {
        page,
        title: text.title.clone(),
        story: markdown::to_html(&text.body_markdown),
        language: text.language.clone(),
        at,
        changed_at,
        subject,
        feed,
    })
}

/// Which language a feed is wanted in. The reader's own is not asked for: a feed's address says all of it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    lang: String,
}

impl Wanted {
    fn language(&self) -> Option<Language> {
        self.lang.parse().ok()
    }
}

async fn site_feed(State(app): State<App>, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Result<Response, Error> {
    let language = wanted.language();
    let title = app.config.org_name.clone();
    let entries = news::store::published(app.db.read(), About::Site, app.now(), None, feed::ENTRIES_MAX).await?;
    let head = feed::Head { id: app.config.link("/feed.xml"), title, path: "/feed.xml", page: "/updates", since: DateTime::UNIX_EPOCH };
    feed::answer(&app, &headers, &head, &entries, language).await
}

/// The news of a campaign and of its items. A draft is not known here either.
async fn campaign_feed(
    State(app): State<App>,
    headers: HeaderMap,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Error> {
    let db = app.db.read();
    let campaign = asks::store::campaign(db, &slug).await?.ok_or(Error::NotFound)?;
    let entries = news::store::published(db, About::Campaign(campaign.id), app.now(), None, feed::ENTRIES_MAX).await?;
    let page = format!("/campaigns/{}", campaign.slug);
    let head = feed::Head {
        id: format!("urn:uuid:{}", campaign.id),
        title: format!("{} – {}", campaign.title, app.config.org_name),
        path: &format!("{page}/feed.xml"),
        page: &page,
        since: campaign.created_at,
    };
    feed::answer(&app, &headers, &head, &entries, wanted.language()).await
}
