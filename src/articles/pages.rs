//! The front page, lists of articles, categories, and one article with what stands on it.

use super::{
    Card, Filter, Mark, categories_for_readers, category_line, category_of, for_readers, notices, public_cards,
    recent::{Key, RecentPages},
    store,
};
use crate::{
    app::App,
    asks::{GivingForm, Prefill, Target, article_may_ask},
    attachments::{self, Attached},
    campaigns::{self, CampaignCard},
    error::Error,
    i18n::Language,
    matching, readers,
    web::{
        self, Page, Path, Query, markdown,
        pager::{PAGE_ROWS, Pager},
    },
};
use askama::Template;
use axum::{Router, extract::State, http::Uri, response::Response, routing::get};
use entity::{article, category};
use serde::Deserialize;

/// How many articles the front page shows.
const FRONT_ROWS: u64 = 12;

/// The public pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(front))
        .route("/articles", get(list))
        .route("/articles/{slug}", get(show))
        .route("/categories/{*path}", get(show_category))
}

#[derive(Template)]
#[template(path = "articles/front.html")]
struct FrontPage {
    page: Page,
    articles: Vec<Card>,
    campaigns: Vec<CampaignCard>,
}

/// The newest articles, and the campaigns that take gifts.
async fn front(State(app): State<App>, page: Page) -> Result<Response, Error> {
    let articles = public_cards(&app, &Filter::default(), None, FRONT_ROWS).await?;
    let mut campaigns = campaigns::published(&app).await?;
    campaigns.retain(|card| card.accepts_gifts);
    web::html(&FrontPage { page, articles, campaigns })
}

/// The filter as it stands in the address; empty fields filter nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    category: String,
    language: String,
    after: String,
}

impl Asked {
    fn is_empty(&self) -> bool {
        [&self.q, &self.category, &self.language].iter().all(|field| field.trim().is_empty())
    }

    fn filter(&self) -> Filter {
        let words = self.q.trim().chars().take(200).filter(|c| !c.is_control()).collect();
        Filter { words, category: without_zero(&self.category), language: without_zero(&self.language), status: None }
    }

    fn mark(&self) -> Result<Option<Mark>, Error> {
        if self.after.is_empty() { Ok(None) } else { self.after.parse().map(Some) }
    }

    fn address_after(&self, base: &str, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [("q", &self.q), ("category", &self.category), ("language", &self.language)];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
            query.append_pair(name, value);
        }
        format!("{base}?{}", query.append_pair("after", after).finish())
    }
}

/// PostgreSQL refuses the zero character, which no slug and no tag has.
fn without_zero(text: &str) -> String {
    text.trim().replace('\0', "")
}

#[derive(Template)]
#[template(path = "articles/list.html")]
struct ListPage {
    page: Page,
    asked: Asked,
    articles: Vec<Card>,
    categories: Vec<category::Model>,
    languages: Vec<(String, String)>,
    next: Option<String>,
}

/// Every article, newest first, narrowed by words, category and language.
async fn list(State(app): State<App>, page: Page, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let found = pager(&app, &asked.filter(), asked.mark()?).await?;
    let title = page.t("articles-title");
    web::html(&ListPage {
        page: page.titled(title),
        categories: categories_for_readers(&app).await?,
        languages: store::languages(app.db.read(), app.now()).await?.into_iter().map(|tag| (name_of(&tag), tag)).collect(),
        next: found.next.map(|after| asked.address_after("/articles", &after)),
        articles: found.rows,
        asked,
    })
}

async fn pager(app: &App, filter: &Filter, after: Option<Mark>) -> Result<Pager<Card>, Error> {
    let cards = public_cards(app, filter, after, PAGE_ROWS + 1).await?;
    Ok(Pager::from_rows(cards, |card| Mark::of(&card.article).to_string()))
}

/// A language's own name where the pages know it, else its tag.
fn name_of(tag: &str) -> String {
    tag.parse::<Language>().map_or_else(|()| tag.to_owned(), |language| language.name().to_owned())
}

#[derive(Template)]
#[template(path = "articles/category.html")]
struct CategoryPage {
    page: Page,
    line: Vec<Step>,
    under: Vec<category::Model>,
    articles: Vec<Card>,
    next: Option<String>,
}

/// A category on the way from the outermost to the one shown.
struct Step {
    name: String,
    slug: String,
}

fn steps_of(path: &str) -> Vec<Step> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    category_line(path).into_iter().map(|(path, slug)| Step { name: name(&path), slug }).collect()
}

/// A category: its articles and those of the categories under it. One in which readers find nothing is not known to them.
async fn show_category(
    State(app): State<App>,
    page: Page,
    Path(path): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let slug = category_line(&without_zero(&path)).pop().map(|(_, slug)| slug).ok_or(Error::NotFound)?;
    let known = categories_for_readers(&app).await?;
    let category = known.iter().find(|category| category.slug == slug).cloned().ok_or(Error::NotFound)?;
    let found = pager(&app, &Filter { category: slug.clone(), ..Filter::default() }, asked.mark()?).await?;
    let depth = slug.matches('/').count() + 1;
    let lies_under = |other: &category::Model| other.slug.starts_with(&format!("{slug}/")) && other.slug.matches('/').count() == depth;
    let only_after = Asked::default();
    let base = format!("/categories/{}", encoded(&slug));
    web::html(&CategoryPage {
        page: page.titled(category.path.replace('/', " / ")),
        line: steps_of(&category.path),
        under: known.into_iter().filter(lies_under).collect(),
        next: found.next.map(|after| only_after.address_after(&base, &after)),
        articles: found.rows,
    })
}

/// A slug path as it stands in an address.
fn encoded(slug: &str) -> String {
    slug.split('/').map(|part| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>()).collect::<Vec<_>>().join("/")
}

#[derive(Template)]
#[template(path = "articles/article.html")]
struct ArticlePage {
    page: Page,
    article: article::Model,
    line: Vec<Step>,
    body: String,
    views: i64,
    description: String,
    locale: String,
    attached: Attached,
    form: Option<GivingForm>,
    /// What readers are told about it: retracted, corrected.
    notices: Vec<notices::Shown>,
}

/// One article with what stands on it. A sensitive article asks for nothing. With nothing to fill in, it may be a page of the last
/// second (see [`recent`]).
async fn show(
    State(app): State<App>,
    page: Page,
    Path(slug): Path<String>,
    uri: Uri,
    Query(prefill): Query<Prefill>,
) -> Result<Response, Error> {
    let (recent, commits) = (app.shelf.get_or_open(async || Ok(RecentPages::default())).await?, app.db.commits());
    let key = uri.query().is_none().then(|| Key { slug: slug.clone(), language: page.lang, chosen: page.lang_chosen });
    if let Some(html) = key.as_ref().and_then(|key| recent.find(&app, key)) {
        return Ok(web::html_text(html));
    }
    let shown = put_together(&app, page, &slug, &prefill).await?;
    let html = shown.render()?;
    if let Some(key) = key {
        recent.keep(key, commits, &html, shown.form.as_ref().map(|form| form.values.form_token.as_str()));
    }
    Ok(web::html_text(html))
}

async fn put_together(app: &App, page: Page, slug: &str, prefill: &Prefill) -> Result<ArticlePage, Error> {
    let article = for_readers(app.db.read(), &without_zero(slug), app.now()).await?;
    let page = page.preferring(&article.language).titled(article.title.clone());
    let category = category_of(app.db.read(), article.category_id).await?;
    let attached = attachments::for_article(app, &article).await?;
    let form = match article_may_ask(&article, app.now()) {
        false => None,
        true => {
            let campaign = attached.campaigns.first().map(|card| card.campaign.clone());
            let matching = matching::offer(app.db.read(), campaign.as_ref().map(|campaign| campaign.id), app.now()).await?;
            let target = Target { campaign, item: None, article: Some(article.clone()), matching };
            Some(GivingForm::new(app, &page, &target, &attached.offers(), prefill))
        }
    };
    Ok(ArticlePage {
        notices: notices::for_readers(app.db.read(), &article, page.lang).await?,
        line: category.map(|category| steps_of(&category.path)).unwrap_or_default(),
        body: markdown::to_html(&article.body_markdown),
        views: article.imported_views.saturating_add(readers::views_of(app, article.id).await?),
        description: if article.standfirst.is_empty() { article.title.clone() } else { article.standfirst.clone() },
        locale: article.language.replace('-', "_"),
        attached,
        form,
        article,
        page,
    })
}
