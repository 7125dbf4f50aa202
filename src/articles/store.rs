//! The queries of the newsroom.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    article, category,
    ids::{ArticleId, CategoryId},
    words::ArticleStatus,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Statement, TryInsertResult,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, LockType, OnConflict, Query},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    str::FromStr,
};

/// How many categories one list shows.
const CATEGORIES_MAX: u64 = 500;

/// What a list of articles is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Words in the title or standfirst; empty: any.
    pub words: String,
    /// The slug of a category, with those under it; empty: any.
    pub category: String,
    /// A language tag; empty: any.
    pub language: String,
    /// A state, for the desk.
    pub status: Option<ArticleStatus>,
}

/// Where a page of a list ended: the next one goes on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The publication date of the last article shown.
    pub published_at: DateTime<Utc>,
    /// Its id.
    pub id: ArticleId,
}

impl Mark {
    /// The place of an article in the list of readers.
    pub fn of(article: &article::Model) -> Self {
        Self { published_at: article.published_at.unwrap_or(article.created_at), id: article.id }
    }
}

/// As it stands in the address of the next page: microseconds and id.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.published_at.timestamp_micros(), self.id)
    }
}

impl FromStr for Mark {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (micros, id) = text.split_once('.')?;
            Some(Self { published_at: DateTime::from_timestamp_micros(micros.parse().ok()?)?, id: id.parse().ok()? })
        };
        parse().ok_or_else(|| Error::Invalid("the address of the next page is not complete: begin at the first page again".to_owned()))
    }
}

pub async fn by_id(db: &impl ConnectionTrait, id: ArticleId) -> Result<Option<article::Model>, Error> {
    Ok(article::Entity::find_by_id(id).one(db).await?)
}

/// The article of this id, held until the transaction ends, so that two changes do not overwrite each other unseen. Its gifts, which
/// refer to it, do not wait for that.
pub async fn by_id_locked(tx: &DatabaseTransaction, id: ArticleId) -> Result<article::Model, Error> {
    article::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(tx).await?.ok_or(Error::NotFound)
}

pub async fn by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<article::Model>, Error> {
    Ok(article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await?)
}

pub async fn by_canonical_url(db: &impl ConnectionTrait, url: &str) -> Result<Option<article::Model>, Error> {
    Ok(article::Entity::find().filter(article::Column::CanonicalUrl.eq(url)).one(db).await?)
}

/// Waits until no other import writes. On SQLite there is one writer anyway.
pub async fn wait_for_other_imports(tx: &DatabaseTransaction) -> Result<(), Error> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_raw(Statement::from_string(DbBackend::Postgres, "select pg_advisory_xact_lock(770042002)")).await?;
    }
    Ok(())
}

pub async fn by_import_keys(tx: &DatabaseTransaction, keys: &[String]) -> Result<HashMap<String, article::Model>, Error> {
    let rows = article::Entity::find().filter(article::Column::ImportKey.is_in(keys)).lock(LockType::NoKeyUpdate).all(tx).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.import_key.clone()?, row))).collect())
}

/// Inserts the article; `false` when its slug is taken, which breaks nothing.
pub async fn insert_unless_slug_taken(tx: &DatabaseTransaction, model: &article::Model) -> Result<bool, Error> {
    let row = model.clone().into_active_model().reset_all();
    let unless_taken = OnConflict::column(article::Column::Slug).do_nothing().to_owned();
    let result = article::Entity::insert(row).on_conflict(unless_taken).try_insert().exec_without_returning(tx).await?;
    Ok(matches!(result, TryInsertResult::Inserted(rows) if rows > 0))
}

pub async fn category_by_id(db: &impl ConnectionTrait, id: CategoryId) -> Result<Option<category::Model>, Error> {
    Ok(category::Entity::find_by_id(id).one(db).await?)
}

pub async fn category_by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<category::Model>, Error> {
    Ok(category::Entity::find().filter(category::Column::Slug.eq(slug)).one(db).await?)
}

/// Inserts the category; does nothing when it is there already.
pub async fn insert_category_unless_there(tx: &DatabaseTransaction, model: &category::Model) -> Result<(), Error> {
    let row = model.clone().into_active_model().reset_all();
    let unless_there = OnConflict::new().do_nothing().to_owned();
    category::Entity::insert(row).on_conflict(unless_there).try_insert().exec_without_returning(tx).await?;
    Ok(())
}

/// Categories by id.
pub async fn categories_by_id(db: &impl ConnectionTrait, ids: Vec<CategoryId>) -> Result<HashMap<CategoryId, category::Model>, Error> {
    let rows = category::Entity::find().filter(category::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Every category, in the order of their paths, at most 500.
pub async fn categories(db: &impl ConnectionTrait) -> Result<Vec<category::Model>, Error> {
    Ok(category::Entity::find().order_by_asc(category::Column::Slug).limit(CATEGORIES_MAX).all(db).await?)
}

/// The categories with an article that readers see at `now`, and those above them.
pub async fn categories_for_readers(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<category::Model>, Error> {
    let mut used = Query::select();
    used.column(article::Column::CategoryId).from(article::Entity).cond_where(public(now).add(article::Column::CategoryId.is_not_null()));
    let own = category::Entity::find().filter(category::Column::Id.in_subquery(used)).limit(CATEGORIES_MAX).all(db).await?;
    let ends = |slug: &str| slug.match_indices('/').map(|(at, _)| slug[..at].to_owned()).collect::<Vec<_>>();
    let above: BTreeSet<String> = own.iter().flat_map(|category| ends(&category.slug)).collect();
    let above = category::Entity::find().filter(category::Column::Slug.is_in(above)).all(db).await?;
    let by_slug: BTreeMap<String, category::Model> =
        own.into_iter().chain(above).map(|category| (category.slug.clone(), category)).collect();
    Ok(by_slug.into_values().collect())
}

/// The languages that readers find articles in at `now`.
pub async fn languages(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
    Ok(article::Entity::find()
        .select_only()
        .column(article::Column::Language)
        .filter(public(now))
        .distinct()
        .order_by_asc(article::Column::Language)
        .into_tuple()
        .all(db)
        .await?)
}

/// Published, and its publication date has come.
fn public(now: DateTime<Utc>) -> Condition {
    Condition::all().add(article::Column::Status.eq(ArticleStatus::Published)).add(article::Column::PublishedAt.lte(now))
}

/// What readers see at `now`, newest publication date first.
pub async fn public_list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<Mark>,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<article::Model>, Error> {
    let mut wanted = condition(filter).add(public(now));
    if let Some(mark) = after {
        wanted = wanted.add(
            Condition::any()
                .add(article::Column::PublishedAt.lt(mark.published_at))
                .add(Condition::all().add(article::Column::PublishedAt.eq(mark.published_at)).add(article::Column::Id.lt(mark.id))),
        );
    }
    Ok(article::Entity::find()
        .filter(wanted)
        .order_by_desc(article::Column::PublishedAt)
        .order_by_desc(article::Column::Id)
        .limit(limit)
        .all(db)
        .await?)
}

/// What the desk sees: the last made first.
pub async fn desk_list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<ArticleId>,
    limit: u64,
) -> Result<Vec<article::Model>, Error> {
    let mut wanted = condition(filter);
    if let Some(id) = after {
        wanted = wanted.add(article::Column::Id.lt(id));
    }
    Ok(article::Entity::find().filter(wanted).order_by_desc(article::Column::Id).limit(limit).all(db).await?)
}

fn condition(filter: &Filter) -> Condition {
    let mut wanted = Condition::all();
    for word in filter.words.split_whitespace().take(8) {
        let pattern = LikeExpr::new(format!("%{}%", escaped(&folded(word)))).escape('\\');
        let says = |column: article::Column| folded_in_database(column).like(pattern.clone());
        wanted = wanted.add(Condition::any().add(says(article::Column::Title)).add(says(article::Column::Standfirst)));
    }
    if !filter.category.is_empty() {
        let mut inside = Query::select();
        inside.column(category::Column::Id).from(category::Entity).cond_where(
            Condition::any().add(category::Column::Slug.eq(&filter.category)).add(category::Column::Slug.like(below(&filter.category))),
        );
        wanted = wanted.add(article::Column::CategoryId.in_subquery(inside));
    }
    if !filter.language.is_empty() {
        wanted = wanted.add(article::Column::Language.eq(&filter.language));
    }
    if let Some(status) = filter.status {
        wanted = wanted.add(article::Column::Status.eq(status));
    }
    wanted
}

/// Everything under a category.
fn below(slug: &str) -> LikeExpr {
    LikeExpr::new(format!("{}/%", escaped(slug))).escape('\\')
}

/// What LIKE would take for a pattern, taken for itself.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// One spelling for letters that keyboards write in two ways: small and capital, Arabic and Persian yeh and kaf.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('ي', "ی").replace('ك', "ک")
}

/// Built from functions, not from a text with placeholders: those are counted otherwise by SQLite, which would then compare the
/// pattern with itself.
fn folded_in_database(column: article::Column) -> Expr {
    let replace = |text: Expr, from: &str, to: &str| Expr::from(Func::cust("replace").args([text, Expr::val(from), Expr::val(to)]));
    let lower = Expr::from(Func::lower(Expr::col((article::Entity, column))));
    replace(replace(lower, "ي", "ی"), "ك", "ک")
}
