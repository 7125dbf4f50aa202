//! Staff's pages for attachments, from three sides: of a campaign, of a wish item, of an article with a preview of what it shows.

use super::{Attached, Days, Place, Side, Thing, attach_for, desk_preview, detach, for_article, order, place_at, set_days, store};
use crate::{
    app::App,
    asks::{amount::parse_count, asks_for_nothing},
    campaigns,
    clock::parse_day,
    error::Error,
    staff::{DeskPage, Editor},
    web::{self, Form, FormErrors, Path, own_path},
    wishes,
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::{
    article, attachment,
    ids::{ArticleId, AttachmentId, CampaignId, WishItemId},
    words::AttachmentScope,
};
use serde::Deserialize;
use std::collections::HashMap;

/// The desk's pages.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/attachments", get(everything))
        .route("/desk/attachments/campaign/{id}", get(of_campaign).post(add_to_campaign))
        .route("/desk/attachments/item/{id}", get(of_item).post(add_to_item))
        .route("/desk/attachments/article/{id}", get(of_article).post(add_to_article))
        .route("/desk/attachments/preview", get(desk_preview::show))
        .route("/desk/attachments/{id}/position", post(change_position))
        .route("/desk/attachments/{id}/days", post(change_days))
        .route("/desk/attachments/{id}/remove", post(remove))
}

/// The form that ties something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawAttachment {
    /// On an article's side: `campaign:<id>` or `item:<id>`.
    thing: String,
    scope: String,
    article: String,
    category: String,
    position: String,
    from: String,
    until: String,
}

/// One attachment as the desk shows it.
pub(super) struct Row {
    pub id: AttachmentId,
    pub thing: String,
    pub thing_path: String,
    pub scope: String,
    pub place: String,
    pub position: i64,
    /// Its days as a form has them; empty: no bound.
    pub from: String,
    pub until: String,
}

#[derive(Template)]
#[template(path = "attachments/desk.html")]
struct AttachmentsPage {
    page: DeskPage,
    /// The path of this page, where its forms lead and whence they come back.
    here: String,
    back: String,
    rows: Vec<Row>,
    values: RawAttachment,
    errors: FormErrors,
    /// What can be tied, on an article's side; empty on the others.
    things: Vec<(String, String)>,
    scopes: Vec<(String, String)>,
    categories: Vec<(String, String)>,
    /// Whether something can be added here.
    can_add: bool,
    /// What the article shows, on an article's side.
    preview: Option<Attached>,
    /// Whether the article asks for nothing.
    sensitive: bool,
    /// The article's name, on its side.
    slug: String,
}

async fn everything(State(app): State<App>, _: Editor, page: DeskPage) -> Result<Response, Error> {
    let rows = store::of_side(app.db.read(), Side::Everything).await?;
    let title = page.t("desk-attachments-all");
    let mut shown = frame(&app, page.titled(title), "/desk/attachments".to_owned(), "/desk/campaigns".to_owned(), rows).await?;
    shown.can_add = false;
    web::html(&shown)
}

async fn of_campaign(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<CampaignId>) -> Result<Response, Error> {
    web::html(&campaign_page(&app, page, id).await?)
}

async fn of_item(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    web::html(&item_page(&app, page, id).await?)
}

async fn of_article(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<ArticleId>) -> Result<Response, Error> {
    web::html(&article_page(&app, page, id).await?)
}

async fn add_to_campaign(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<CampaignId>,
    Form(raw): Form<RawAttachment>,
) -> Result<Response, Error> {
    let shown = campaign_page(&app, page, id).await?;
    let place = parse_place(&app, &raw).await?;
    add(&app, &who, shown, raw, Ok(Thing::Campaign(id)), place).await
}

async fn add_to_item(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Form(raw): Form<RawAttachment>,
) -> Result<Response, Error> {
    let shown = item_page(&app, page, id).await?;
    let place = parse_place(&app, &raw).await?;
    add(&app, &who, shown, raw, Ok(Thing::Item(id)), place).await
}

async fn add_to_article(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<ArticleId>,
    Form(raw): Form<RawAttachment>,
) -> Result<Response, Error> {
    let shown = article_page(&app, page, id).await?;
    let known = shown.things.iter().any(|(key, _)| *key == raw.thing);
    let thing = match raw.thing.split_once(':').filter(|_| known) {
        Some(("campaign", id)) => id.parse().ok().map(Thing::Campaign),
        Some((_, id)) => id.parse().ok().map(Thing::Item),
        None => None,
    };
    let thing = thing.ok_or(("thing", "Choose a campaign or a wish item"));
    add(&app, &who, shown, raw, thing, Ok(Place::Article(id))).await
}

/// A field and what is wrong with it.
type Wrong = (&'static str, &'static str);

async fn parse_place(app: &App, raw: &RawAttachment) -> Result<Result<Place, Wrong>, Error> {
    let place = match raw.scope.parse() {
        Ok(AttachmentScope::Everywhere) => Ok(Place::Everywhere),
        Ok(AttachmentScope::Category) => {
            let categories = store::categories(app.db.read()).await?;
            let found = categories.into_iter().find(|category| category.id.to_string() == raw.category);
            found.map(|category| Place::Category(category.id)).ok_or(("category", "Choose a category"))
        }
        Ok(AttachmentScope::Article) => {
            // The whole address may be pasted: its last part is the article's name.
            let slug = raw.article.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let found = store::article_by_slug(app.db.read(), slug).await?;
            found.map(|article| Place::Article(article.id)).ok_or(("article", "There is no article with this address"))
        }
        Err(_) => Err(("scope", "Choose where it stands")),
    };
    Ok(place)
}

/// Ties, and goes back to the page; or says what is wrong, with everything typed kept.
async fn add(
    app: &App,
    who: &Editor,
    mut shown: AttachmentsPage,
    raw: RawAttachment,
    thing: Result<Thing, Wrong>,
    place: Result<Place, Wrong>,
) -> Result<Response, Error> {
    let position = parse_count(&raw.position);
    for (field, text) in [thing.as_ref().err(), place.as_ref().err()].into_iter().flatten() {
        shown.errors.add(field, *text);
    }
    if position.is_none() && !raw.position.trim().is_empty() {
        shown.errors.add("position", "Write a whole number, or leave it empty");
    }
    let days = parse_days(&raw.from, &raw.until);
    if let Err((field, text)) = days {
        shown.errors.add(field, text);
    }
    if let (Ok(thing), Ok(place), Ok(days), true) = (thing, place, days, shown.errors.is_empty()) {
        match attach_for(app, &who.actor(), thing, place, position, days).await {
            Ok(_) => return Ok(web::redirect(&format!("{}?done=saved", shown.here))),
            Err(Error::Conflict(why)) => shown.errors.add(if shown.things.is_empty() { "scope" } else { "thing" }, why),
            Err(other) => return Err(other),
        }
    }
    shown.values = raw;
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

/// The days of a form; empty fields are no bound.
fn parse_days(from: &str, until: &str) -> Result<Days, Wrong> {
    let day = |field: &'static str, text: &str| match text.trim() {
        "" => Ok(None),
        text => parse_day(text).map(Some).ok_or((field, "Write a day such as 2026-03-21")),
    };
    let days = Days { from: day("from", from)?, until: day("until", until)? };
    match (days.from, days.until) {
        (Some(from), Some(until)) if until < from => Err(("until", "The last day is before the first")),
        _ => Ok(days),
    }
}

async fn campaign_page(app: &App, page: DeskPage, id: CampaignId) -> Result<AttachmentsPage, Error> {
    let campaign = campaigns::store::campaign(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let rows = store::of_side(app.db.read(), Side::Campaign(id)).await?;
    frame(app, page.titled(campaign.title), format!("/desk/attachments/campaign/{id}"), format!("/desk/campaigns/{id}"), rows).await
}

async fn item_page(app: &App, page: DeskPage, id: WishItemId) -> Result<AttachmentsPage, Error> {
    let item = wishes::store::item(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let rows = store::of_side(app.db.read(), Side::Item(id)).await?;
    frame(app, page.titled(item.title), format!("/desk/attachments/item/{id}"), format!("/desk/wish-list/{id}"), rows).await
}

async fn article_page(app: &App, page: DeskPage, id: ArticleId) -> Result<AttachmentsPage, Error> {
    let db = app.db.read();
    let article = store::article(db, id).await?.ok_or(Error::NotFound)?;
    // Everything that reaches it, also outside its days; what stands there today is below.
    let mut rows = store::of_article(db, &article).await?;
    order(&mut rows);
    let preview = for_article(app, &article).await?;
    let page = page.titled(article.title.clone());
    let mut shown = frame(app, page, format!("/desk/attachments/article/{id}"), format!("/desk/articles/{id}"), rows).await?;
    let campaigns = wishes::store::campaigns(db).await?.into_iter().map(|campaign| (format!("campaign:{}", campaign.id), campaign.title));
    let items = wishes::store::open_items(db, None).await?.into_iter().map(|item| (format!("item:{}", item.id), item.title));
    shown.things = campaigns.chain(items).collect();
    shown.sensitive = asks_for_nothing(&article);
    shown.slug = article.slug;
    shown.preview = Some(preview);
    Ok(shown)
}

/// The page without what only one side has.
async fn frame(app: &App, page: DeskPage, here: String, back: String, rows: Vec<attachment::Model>) -> Result<AttachmentsPage, Error> {
    let rows = describe(app, &page, rows).await?;
    let scopes = AttachmentScope::ALL.iter().map(|scope| (scope.to_string(), page.t(&format!("desk-attachment-{scope}")))).collect();
    let mut categories = vec![(String::new(), page.t("desk-attachment-no-category"))];
    categories.extend(store::categories(app.db.read()).await?.into_iter().map(|category| (category.id.to_string(), category.path)));
    Ok(AttachmentsPage {
        page,
        here,
        back,
        rows,
        values: RawAttachment { scope: AttachmentScope::Article.to_string(), ..RawAttachment::default() },
        errors: FormErrors::default(),
        things: Vec::new(),
        scopes,
        categories,
        can_add: true,
        preview: None,
        sensitive: false,
        slug: String::new(),
    })
}

/// The attachments with the titles of what they tie together.
pub(super) async fn describe(app: &App, page: &DeskPage, rows: Vec<attachment::Model>) -> Result<Vec<Row>, Error> {
    let db = app.db.read();
    let campaigns = wishes::store::campaigns_by_id(db, rows.iter().filter_map(|row| row.campaign_id).collect()).await?;
    let item_ids: Vec<WishItemId> = rows.iter().filter_map(|row| row.wish_item_id).collect();
    let items: HashMap<WishItemId, String> =
        wishes::store::items_by_id(db, &item_ids).await?.into_iter().map(|item| (item.id, item.title)).collect();
    let articles: HashMap<ArticleId, article::Model> = store::articles(db, rows.iter().filter_map(|row| row.article_id).collect())
        .await?
        .into_iter()
        .map(|article| (article.id, article))
        .collect();
    let categories: HashMap<_, String> = store::categories(db).await?.into_iter().map(|category| (category.id, category.path)).collect();
    let described = rows.into_iter().map(|row| {
        let campaign = row.campaign_id.and_then(|id| Some((campaigns.get(&id)?.title.clone(), format!("/desk/campaigns/{id}"))));
        let item = row.wish_item_id.and_then(|id| Some((items.get(&id)?.clone(), format!("/desk/wish-list/{id}"))));
        let (thing, thing_path) = campaign.or(item).unwrap_or_default();
        let article = row.article_id.and_then(|id| articles.get(&id)).map(|article| article.title.clone());
        let category = row.category_id.and_then(|id| categories.get(&id)).cloned();
        let place = article.or(category).unwrap_or_default();
        let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        let (from, until) = (day(row.starts_on), day(row.ends_on));
        let scope = page.t(&format!("desk-attachment-{}", row.scope));
        Row { id: row.id, thing, thing_path, scope, place, position: row.position, from, until }
    });
    Ok(described.collect())
}

/// The small forms of a row.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawRow {
    position: String,
    from: String,
    until: String,
    back: String,
}

async fn change_position(
    State(app): State<App>,
    who: Editor,
    Path(id): Path<AttachmentId>,
    Form(raw): Form<RawRow>,
) -> Result<Response, Error> {
    let position = parse_count(&raw.position).ok_or_else(|| Error::Invalid("write the position as a whole number".to_owned()))?;
    place_at(&app, &who.actor(), id, position).await?;
    Ok(web::redirect(&format!("{}?done=saved", own_path(&raw.back))))
}

async fn change_days(
    State(app): State<App>,
    who: Editor,
    Path(id): Path<AttachmentId>,
    Form(raw): Form<RawRow>,
) -> Result<Response, Error> {
    let days = parse_days(&raw.from, &raw.until).map_err(|(_, text)| Error::Invalid(text.to_owned()))?;
    set_days(&app, &who.actor(), id, days).await?;
    Ok(web::redirect(&format!("{}?done=saved", own_path(&raw.back))))
}

async fn remove(State(app): State<App>, who: Editor, Path(id): Path<AttachmentId>, Form(raw): Form<RawRow>) -> Result<Response, Error> {
    detach(&app, &who.actor(), id).await?;
    Ok(web::redirect(&format!("{}?done=saved", own_path(&raw.back))))
}
