//! The newsroom: articles, categories, import.
//!
//! An article is hosted here, or is a page elsewhere known by its canonical URL. It begins as a draft; readers see it once it is
//! published and its publication date has come; it is never deleted, only unpublished. A *sensitive* article asks for nothing. A
//! *corrected* one says what was corrected, and is sensitive until somebody has looked at its ask, unless staff say at once that it
//! stands; a *retracted* one says why, asks for nothing, and stays readable ([`notices`]). When an article stops asking, whatever the
//! change was, its open checkouts are ended in the same transaction's wake.
//!
//! What an import brought and staff have not touched follows its source; what staff have touched stays as they left it
//! (see [`import`]). That is why every verb here that staff use marks the article as theirs.

mod desk;
mod desk_state;
mod details;
/// Reading articles from files.
pub mod import;
mod naming;
/// Corrections and retractions.
pub mod notices;
mod pages;
mod recent;
mod store;

pub use desk::desk_routes;
pub use details::{BODY_MAX, Details, Fault, one_line, web_address};
pub use naming::{category_line, category_parts};
pub use pages::routes;
pub use store::{Filter, Mark};

use crate::{
    app::App,
    asks::{article_may_ask, asks_for_nothing},
    donations::ending,
    error::Error,
};
use chrono::{DateTime, Utc};
use entity::{
    article, category,
    ids::{ArticleId, CategoryId},
    words::{ArticleKind, ArticleStatus, EndingReason},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DatabaseTransaction, IntoActiveModel};

/// What stands behind the hash of an import once staff have touched the article.
const TOUCHED: &str = " touched";

/// Makes a draft of `details`, which must have been [`Details::checked`].
///
/// # Errors
/// [`Error::Conflict`] when another article has the same canonical URL.
pub async fn create(app: &App, tx: &DatabaseTransaction, details: &Details) -> Result<article::Model, Error> {
    insert(app, tx, details, Origin::default()).await
}

/// What only an import knows of an article.
#[derive(Clone, Debug, Default)]
struct Origin {
    import_key: Option<String>,
    import_hash: Option<String>,
    imported_views: i64,
    publish: bool,
}

async fn insert(app: &App, tx: &DatabaseTransaction, details: &Details, origin: Origin) -> Result<article::Model, Error> {
    refuse_taken_url(tx, details, None).await?;
    let now = app.now();
    let model = article::Model {
        id: app.new_id::<ArticleId>(),
        slug: String::new(),
        kind: details.kind,
        canonical_url: details.canonical_url.clone(),
        title: details.title.clone(),
        standfirst: details.standfirst.clone(),
        byline: details.byline.clone(),
        body_markdown: details.body_markdown.clone(),
        source_name: details.source_name.clone(),
        source_url: details.source_url.clone(),
        source_date: details.source_date,
        category_id: find_or_make_category(app, tx, &details.category).await?,
        language: details.language.clone(),
        status: if origin.publish { ArticleStatus::Published } else { ArticleStatus::Draft },
        sensitive: details.sensitive,
        retracted: false,
        published_at: details.published_at.or(origin.publish.then_some(now)),
        imported_views: origin.imported_views,
        import_key: origin.import_key,
        import_hash: origin.import_hash,
        created_at: now,
        updated_at: now,
    };
    let wished = if details.slug.is_empty() { naming::slug_of(&details.title) } else { Some(details.slug.clone()) };
    insert_under_free_slug(app, tx, model, wished).await
}

/// Tries the slug that is wished for, then the same with a number, then one by chance. Whoever else writes at the same time,
/// the database decides who has a slug first; nobody fails for it.
async fn insert_under_free_slug(
    app: &App,
    tx: &DatabaseTransaction,
    mut model: article::Model,
    wished: Option<String>,
) -> Result<article::Model, Error> {
    let numbered = |wished: &str| [wished.to_owned()].into_iter().chain((2..=9).map(|n| format!("{wished}-{n}"))).collect::<Vec<_>>();
    let day = model.published_at.unwrap_or(model.created_at).with_timezone(&app.config.org_timezone).date_naive();
    let by_chance = (0..20).map(|_| naming::slug_by_chance(day, app.random.bytes::<6>()));
    for slug in wished.as_deref().map(numbered).unwrap_or_default().into_iter().chain(by_chance) {
        model.slug = slug;
        if store::insert_unless_slug_taken(tx, &model).await? {
            return Ok(model);
        }
    }
    Err(Error::Internal("twenty slugs made by chance were all taken".to_owned()))
}

/// Changes what an article says to `details`, which must have been [`Details::checked`]. Its slug stays.
///
/// # Errors
/// [`Error::Conflict`] when another article has the same canonical URL.
pub async fn change(app: &App, tx: &DatabaseTransaction, id: ArticleId, details: &Details) -> Result<article::Model, Error> {
    let model = store::by_id_locked(tx, id).await?;
    refuse_taken_url(tx, details, Some(id)).await?;
    let mut row = model.clone().into_active_model();
    apply(app, tx, &mut row, details).await?;
    touch(app, &model, &mut row);
    let saved = row.update(tx).await?;
    follow_ask(app, tx, &model, &saved).await?;
    Ok(saved)
}

/// Where an article stops asking with a change, its open checkouts are to be ended; see [`ending`]. Returns how many.
async fn follow_ask(app: &App, tx: &DatabaseTransaction, before: &article::Model, after: &article::Model) -> Result<usize, Error> {
    let now = app.now();
    if !article_may_ask(before, now) || article_may_ask(after, now) {
        return Ok(0);
    }
    let reason = match asks_for_nothing(after) {
        true if after.retracted => EndingReason::Retracted,
        true => EndingReason::Sensitive,
        false => EndingReason::Unpublished,
    };
    ending::ask(tx, app, after.id, reason, now).await
}

async fn apply(app: &App, tx: &DatabaseTransaction, row: &mut article::ActiveModel, details: &Details) -> Result<(), Error> {
    row.kind = Set(details.kind);
    row.canonical_url = Set(details.canonical_url.clone());
    row.title = Set(details.title.clone());
    row.standfirst = Set(details.standfirst.clone());
    row.byline = Set(details.byline.clone());
    row.body_markdown = Set(details.body_markdown.clone());
    row.source_name = Set(details.source_name.clone());
    row.source_url = Set(details.source_url.clone());
    row.source_date = Set(details.source_date);
    row.category_id = Set(find_or_make_category(app, tx, &details.category).await?);
    row.language = Set(details.language.clone());
    row.sensitive = Set(details.sensitive);
    if details.published_at.is_some() {
        row.published_at = Set(details.published_at);
    }
    Ok(())
}

/// Marks the article as touched by staff: from now on an import leaves it alone.
fn touch(app: &App, before: &article::Model, row: &mut article::ActiveModel) {
    row.updated_at = Set(app.now());
    if let Some(hash) = before.import_hash.as_deref().filter(|hash| !hash.ends_with(TOUCHED)) {
        row.import_hash = Set(Some(format!("{hash}{TOUCHED}")));
    }
}

/// Shows the article to readers, from its publication date on; without one, from now on.
pub async fn publish(app: &App, tx: &DatabaseTransaction, id: ArticleId) -> Result<article::Model, Error> {
    let model = store::by_id_locked(tx, id).await?;
    let mut row = model.clone().into_active_model();
    row.status = Set(ArticleStatus::Published);
    row.published_at = Set(Some(model.published_at.unwrap_or_else(|| app.now())));
    touch(app, &model, &mut row);
    Ok(row.update(tx).await?)
}

/// Hides the article from readers; it stays on the desk.
pub async fn unpublish(app: &App, tx: &DatabaseTransaction, id: ArticleId) -> Result<article::Model, Error> {
    let model = store::by_id_locked(tx, id).await?;
    let mut row = model.clone().into_active_model();
    row.status = Set(ArticleStatus::Unpublished);
    touch(app, &model, &mut row);
    let saved = row.update(tx).await?;
    follow_ask(app, tx, &model, &saved).await?;
    Ok(saved)
}

/// Makes the article ask for nothing, or lets it ask again.
pub async fn mark_sensitive(app: &App, tx: &DatabaseTransaction, id: ArticleId, sensitive: bool) -> Result<article::Model, Error> {
    let model = store::by_id_locked(tx, id).await?;
    let mut row = model.clone().into_active_model();
    row.sensitive = Set(sensitive);
    touch(app, &model, &mut row);
    let saved = row.update(tx).await?;
    follow_ask(app, tx, &model, &saved).await?;
    Ok(saved)
}

async fn refuse_taken_url(tx: &DatabaseTransaction, details: &Details, own: Option<ArticleId>) -> Result<(), Error> {
    let Some(url) = &details.canonical_url else { return Ok(()) };
    match store::by_canonical_url(tx, url).await? {
        Some(other) if Some(other.id) != own => Err(Error::Conflict(Fault::UrlTaken.to_string())),
        _ => Ok(()),
    }
}

/// The category of a path such as `Taliban/ISIS`, made together with those above it where it is not there yet; none for an
/// empty path. Paths that differ only in case or spaces are one category. Any number of callers may ask for the same at once.
pub async fn find_or_make_category(app: &App, tx: &DatabaseTransaction, path: &str) -> Result<Option<CategoryId>, Error> {
    let mut innermost = None;
    for (path, slug) in category_line(path) {
        let found = match store::category_by_slug(tx, &slug).await? {
            Some(found) => found,
            None => {
                let new = category::Model { id: app.new_id::<CategoryId>(), path, slug: slug.clone(), created_at: app.now() };
                store::insert_category_unless_there(tx, &new).await?;
                store::category_by_slug(tx, &slug).await?.ok_or(Error::Internal(format!("category {slug} was neither made nor found")))?
            }
        };
        innermost = Some(found.id);
    }
    Ok(innermost)
}

/// Whether readers see the article at `now`.
pub fn is_public(article: &article::Model, now: DateTime<Utc>) -> bool {
    article.status == ArticleStatus::Published && article.published_at.is_some_and(|at| at <= now)
}

/// The article of this slug, if readers may see it at `now`. A draft, an unpublished one, and one that never was are all
/// [`Error::NotFound`], so that nobody learns which it is.
pub async fn for_readers(db: &impl ConnectionTrait, slug: &str, now: DateTime<Utc>) -> Result<article::Model, Error> {
    store::by_slug(db, slug).await?.filter(|article| is_public(article, now)).ok_or(Error::NotFound)
}

/// The article of this id, whatever its state: for the desk.
pub async fn by_id(db: &impl ConnectionTrait, id: ArticleId) -> Result<article::Model, Error> {
    store::by_id(db, id).await?.ok_or(Error::NotFound)
}

/// The category of this id.
pub async fn category_of(db: &impl ConnectionTrait, id: Option<CategoryId>) -> Result<Option<category::Model>, Error> {
    match id {
        Some(id) => store::category_by_id(db, id).await,
        None => Ok(None),
    }
}

/// What an article says now, as [`Details`] to change.
pub fn details_of(article: &article::Model, category: Option<&category::Model>) -> Details {
    Details {
        kind: article.kind,
        canonical_url: article.canonical_url.clone(),
        slug: article.slug.clone(),
        title: article.title.clone(),
        standfirst: article.standfirst.clone(),
        byline: article.byline.clone(),
        body_markdown: article.body_markdown.clone(),
        source_name: article.source_name.clone(),
        source_url: article.source_url.clone(),
        source_date: article.source_date,
        category: category.map(|category| category.path.clone()).unwrap_or_default(),
        language: article.language.clone(),
        sensitive: article.sensitive,
        published_at: article.published_at,
    }
}

/// An article in a list, with its category.
#[derive(Clone, Debug)]
pub struct Card {
    /// The article.
    pub article: article::Model,
    /// Its category.
    pub category: Option<category::Model>,
}

/// What readers see, newest publication date first, at most `limit` of them.
pub async fn public_cards(app: &App, filter: &Filter, after: Option<Mark>, limit: u64) -> Result<Vec<Card>, Error> {
    let db = app.db.read();
    with_categories(db, store::public_list(db, filter, after, app.now(), limit).await?).await
}

/// What the desk sees, the last made first, at most `limit` of them.
pub async fn desk_cards(app: &App, filter: &Filter, after: Option<ArticleId>, limit: u64) -> Result<Vec<Card>, Error> {
    let db = app.db.read();
    with_categories(db, store::desk_list(db, filter, after, limit).await?).await
}

async fn with_categories(db: &impl ConnectionTrait, articles: Vec<article::Model>) -> Result<Vec<Card>, Error> {
    let categories = store::categories_by_id(db, articles.iter().filter_map(|article| article.category_id).collect()).await?;
    let category = |article: &article::Model| article.category_id.and_then(|id| categories.get(&id).cloned());
    Ok(articles.into_iter().map(|article| Card { category: category(&article), article }).collect())
}

/// The categories that readers find articles in, and those above them, in the order of their paths. A category of drafts only is
/// not among them.
pub async fn categories_for_readers(app: &App) -> Result<Vec<category::Model>, Error> {
    store::categories_for_readers(app.db.read(), app.now()).await
}

/// Every category, in the order of their paths.
pub async fn categories(db: &impl ConnectionTrait) -> Result<Vec<category::Model>, Error> {
    store::categories(db).await
}

/// Whether the article is read elsewhere.
pub fn is_elsewhere(article: &article::Model) -> bool {
    article.kind == ArticleKind::Elsewhere
}
