//! The newsroom on the desk: find, write, preview, publish, unpublish, mark sensitive. Every change is in the audit trail.

use super::{
    Card, Details, Fault, Filter, by_id, category_of, change, create, desk_cards, details_of, import::values, is_public, mark_sensitive,
    publish, unpublish,
};
use crate::{
    app::App,
    clock::parse_day,
    error::Error,
    staff::{DeskPage, Editor, audit},
    web::{
        self, Form, FormErrors, Path, Query, markdown,
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
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    article, category,
    ids::ArticleId,
    words::{ArticleKind, ArticleStatus},
};
use serde::Deserialize;
use serde_json::json;

/// The pages of the desk.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/articles", get(list).post(make))
        .route("/desk/articles/new", get(show_new))
        .route("/desk/articles/{id}", get(show).post(save))
        .route("/desk/articles/{id}/{verb}", post(act))
        .merge(super::desk_state::routes())
}

/// The filter as it stands in the address; empty fields filter nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    category: String,
    language: String,
    status: String,
    after: String,
}

impl Asked {
    fn is_empty(&self) -> bool {
        [&self.q, &self.category, &self.language, &self.status].iter().all(|field| field.trim().is_empty())
    }

    fn filter(&self) -> Result<Filter, Error> {
        let clean = |text: &str| text.trim().replace('\0', "");
        let status = match self.status.trim() {
            "" => None,
            word => Some(word.parse::<ArticleStatus>().map_err(|_| Error::Invalid("choose one of the states".to_owned()))?),
        };
        Ok(Filter { words: clean(&self.q), category: clean(&self.category), language: clean(&self.language), status })
    }

    fn address_after(&self, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [("q", &self.q), ("category", &self.category), ("language", &self.language), ("status", &self.status)];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
            query.append_pair(name, value);
        }
        format!("/desk/articles?{}", query.append_pair("after", after).finish())
    }
}

#[derive(Template)]
#[template(path = "articles/desk_list.html")]
struct ListPage {
    page: DeskPage,
    asked: Asked,
    articles: Vec<Card>,
    categories: Vec<category::Model>,
    next: Option<String>,
}

/// Every article, whatever its state.
async fn list(State(app): State<App>, _who: Editor, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let after = match asked.after.as_str() {
        "" => None,
        id => Some(id.parse::<ArticleId>().map_err(|_| Error::NotFound)?),
    };
    let found = Pager::from_rows(desk_cards(&app, &asked.filter()?, after, PAGE_ROWS + 1).await?, |card| card.article.id.to_string());
    let title = page.t("desk-articles-title");
    web::html(&ListPage {
        page: page.titled(title),
        categories: super::categories(app.db.read()).await?,
        next: found.next.map(|after| asked.address_after(&after)),
        articles: found.rows,
        asked,
    })
}

/// The form as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    kind: String,
    title: String,
    standfirst: String,
    byline: String,
    body_markdown: String,
    canonical_url: String,
    source_name: String,
    source_url: String,
    source_date: String,
    category: String,
    language: String,
    published_on: String,
    sensitive: String,
    /// Which button was pressed: `preview` saves nothing.
    then: String,
}

impl Typed {
    fn of(app: &App, details: Details) -> Self {
        let day = |at: DateTime<Utc>| at.with_timezone(&app.config.org_timezone).date_naive().to_string();
        Self {
            kind: details.kind.to_string(),
            title: details.title,
            standfirst: details.standfirst,
            byline: details.byline,
            body_markdown: details.body_markdown,
            canonical_url: details.canonical_url.unwrap_or_default(),
            source_name: details.source_name,
            source_url: details.source_url.unwrap_or_default(),
            source_date: details.source_date.map(|day| day.to_string()).unwrap_or_default(),
            category: details.category,
            language: details.language,
            published_on: details.published_at.map(day).unwrap_or_default(),
            sensitive: if details.sensitive { "yes".to_owned() } else { String::new() },
            then: String::new(),
        }
    }

    /// What was typed as an article's details; what is not understood is told in `errors`, in the order of the fields.
    fn parse(&self, app: &App, page: &DeskPage, before: Option<&article::Model>) -> Result<Details, FormErrors> {
        let mut errors = FormErrors::default();
        let mut day = |field: &'static str, text: &str| match text.trim() {
            "" => None,
            text => {
                let day = parse_day(text);
                if day.is_none() {
                    errors.add(field, page.t("desk-article-fault-date"));
                }
                day
            }
        };
        let source_date = day("source_date", &self.source_date);
        let published_on = day("published_on", &self.published_on);
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        let details = Details {
            kind: self.kind.parse().unwrap_or(ArticleKind::Hosted),
            canonical_url: filled(&self.canonical_url),
            slug: before.map(|article| article.slug.clone()).unwrap_or_default(),
            title: self.title.clone(),
            standfirst: self.standfirst.clone(),
            byline: self.byline.clone(),
            body_markdown: self.body_markdown.clone(),
            source_name: self.source_name.clone(),
            source_url: filled(&self.source_url),
            source_date,
            category: self.category.clone(),
            language: self.language.clone(),
            sensitive: !self.sensitive.is_empty(),
            published_at: published_on.map(|day| published_at(app, day, before)),
        };
        match details.checked() {
            Ok(details) if errors.is_empty() => Ok(details),
            Ok(_) => Err(errors),
            Err(faults) => {
                for (field, fault) in faults {
                    errors.add(field, sentence(page, fault));
                }
                Err(errors)
            }
        }
    }
}

/// The time of day is kept while the day stays the same; another day begins at midnight in the organisation's zone.
fn published_at(app: &App, day: NaiveDate, before: Option<&article::Model>) -> DateTime<Utc> {
    let zone = app.config.org_timezone;
    let kept = before.and_then(|article| article.published_at).filter(|at| at.with_timezone(&zone).date_naive() == day);
    kept.unwrap_or_else(|| values::start_of(day, zone))
}

fn sentence(page: &DeskPage, fault: Fault) -> String {
    match fault {
        Fault::TooLong(max) => page.t1(fault.key(), "max", max),
        _ => page.t(fault.key()),
    }
}

#[derive(Template)]
#[template(path = "articles/desk_article.html")]
struct EditPage {
    page: DeskPage,
    article: Option<article::Model>,
    is_public: bool,
    typed: Typed,
    errors: FormErrors,
    kinds: Vec<(String, String)>,
    categories: Vec<category::Model>,
    /// The text as readers would see it.
    preview: Option<Preview>,
}

struct Preview {
    details: Details,
    body: String,
}

async fn edit_page(
    app: &App,
    page: DeskPage,
    article: Option<article::Model>,
    typed: Typed,
    errors: FormErrors,
) -> Result<EditPage, Error> {
    let title = article.as_ref().map_or_else(|| page.t("desk-article-new"), |article| article.title.clone());
    let kinds = ArticleKind::ALL.iter().map(|kind| (kind.to_string(), page.t(&format!("desk-article-kind-{kind}")))).collect();
    Ok(EditPage {
        is_public: article.as_ref().is_some_and(|article| is_public(article, app.now())),
        categories: super::categories(app.db.read()).await?,
        page: page.titled(title),
        preview: None,
        kinds,
        article,
        typed,
        errors,
    })
}

async fn show_new(State(app): State<App>, _who: Editor, page: DeskPage) -> Result<Response, Error> {
    let typed = Typed::of(&app, Details::default());
    web::html(&edit_page(&app, page, None, typed, FormErrors::default()).await?)
}

async fn show(State(app): State<App>, _who: Editor, page: DeskPage, Path(id): Path<ArticleId>) -> Result<Response, Error> {
    let article = by_id(app.db.read(), id).await?;
    let category = category_of(app.db.read(), article.category_id).await?;
    let typed = Typed::of(&app, details_of(&article, category.as_ref()));
    web::html(&edit_page(&app, page, Some(article), typed, FormErrors::default()).await?)
}

async fn make(State(app): State<App>, who: Editor, page: DeskPage, Form(typed): Form<Typed>) -> Result<Response, Error> {
    write(&app, &who, page, None, typed).await
}

async fn save(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<ArticleId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Error> {
    let article = by_id(app.db.read(), id).await?;
    write(&app, &who, page, Some(article), typed).await
}

/// Saves what was typed, or shows it again: with what is wrong, or as readers would see it.
async fn write(app: &App, who: &Editor, page: DeskPage, before: Option<article::Model>, typed: Typed) -> Result<Response, Error> {
    let details = match typed.parse(app, &page, before.as_ref()) {
        Ok(details) => details,
        Err(errors) => {
            let shown = edit_page(app, page, before, typed, errors).await?;
            return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    if typed.then == "preview" {
        let mut shown = edit_page(app, page, before, typed, FormErrors::default()).await?;
        shown.preview = Some(Preview { body: markdown::to_html(&details.body_markdown), details });
        return web::html(&shown);
    }
    match keep(app, who, before.as_ref().map(|article| article.id), &details).await {
        Ok(saved) => Ok(web::redirect(&format!("/desk/articles/{}?done=saved", saved.id))),
        Err(Error::Conflict(_)) => {
            let mut errors = FormErrors::default();
            errors.add("canonical_url", sentence(&page, Fault::UrlTaken));
            let shown = edit_page(app, page, before, typed, errors).await?;
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
        Err(other) => Err(other),
    }
}

async fn keep(app: &App, who: &Editor, id: Option<ArticleId>, details: &Details) -> Result<article::Model, Error> {
    app.db
        .write(async |tx| {
            let (saved, action) = match id {
                Some(id) => (change(app, tx, id, details).await?, "article.change"),
                None => (create(app, tx, details).await?, "article.create"),
            };
            let told =
                json!({"title": saved.title, "language": saved.language, "category": details.category, "sensitive": saved.sensitive});
            audit::record(tx, app.now(), &who.actor(), action, "article", &saved.id.to_string(), told).await?;
            Ok(saved)
        })
        .await
}

/// Publishes, unpublishes, or says whether the article may ask.
async fn act(State(app): State<App>, who: Editor, Path((id, verb)): Path<(ArticleId, String)>) -> Result<Response, Error> {
    let verb = verb.as_str();
    app.db
        .write(async |tx| {
            let saved = match verb {
                "publish" => publish(&app, tx, id).await?,
                "unpublish" => unpublish(&app, tx, id).await?,
                "sensitive" => mark_sensitive(&app, tx, id, true).await?,
                "not-sensitive" => mark_sensitive(&app, tx, id, false).await?,
                _ => return Err(Error::NotFound),
            };
            let told = json!({"status": saved.status, "sensitive": saved.sensitive});
            audit::record(tx, app.now(), &who.actor(), &format!("article.{verb}"), "article", &id.to_string(), told).await
        })
        .await?;
    Ok(web::redirect(&format!("/desk/articles/{id}?done=saved")))
}
