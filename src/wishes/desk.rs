//! Staff's pages for wish items: list, make, change.

use super::{
    ItemCard, cards, desk_item,
    item::{self, RawItem},
    orders_desk, pictures_desk, steps,
    stock::with_money_left,
    store,
};
use crate::{
    app::App,
    error::Error,
    staff::{DeskPage, Editor},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use entity::{
    ids::WishItemId,
    wish_step,
    words::{OrderState, WishStatus},
};
use serde::Deserialize;

/// The filter for items that nobody gives the rest for.
const STALLED: &str = "stalled";

/// The filter for items that are asked for no more, with money that is not spent.
const WITH_MONEY: &str = "with-money";

/// The desk's pages.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/wish-list", get(list))
        .route("/desk/wish-list/new", get(blank).post(create))
        .route("/desk/wish-list/late", get(late))
        .route("/desk/wish-list/{id}/edit", get(edit).post(change))
        .merge(desk_item::routes())
        .merge(orders_desk::routes())
        .merge(pictures_desk::desk_routes())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    q: String,
    status: String,
    after: String,
}

#[derive(Template)]
#[template(path = "wishes/desk_list.html")]
struct ListPage {
    page: DeskPage,
    filter: Filter,
    states: Vec<(String, String)>,
    items: Vec<ItemCard>,
    next: Option<String>,
    /// Whether orders at shops wait for staff.
    has_orders: bool,
    /// Whether money came too late for its item.
    has_late: bool,
}

/// The items, the newest first, by words of the title and by state.
async fn list(State(app): State<App>, _: Editor, page: DeskPage, Query(filter): Query<Filter>) -> Result<Response, Error> {
    let rows = match filter.status.as_str() {
        STALLED => store::items_by_id(app.db.read(), &store::stalled(app.db.read(), super::stalled_since(&app)).await?).await?,
        WITH_MONEY => {
            let (all, after) = (with_money_left(app.db.read(), app.now()).await?, filter.after.parse().ok());
            all.into_iter().filter(|item| after.is_none_or(|after: WishItemId| item.id < after)).collect()
        }
        status => store::search(app.db.read(), &filter.q, status.parse().ok(), filter.after.parse().ok()).await?,
    };
    let Pager { rows, next } = Pager::from_rows(rows, |item| item.id.to_string());
    let items = cards(app.db.read(), rows, app.now()).await?;
    let mut states = vec![(String::new(), page.t("desk-any")), (STALLED.to_owned(), page.t("desk-wish-stalled"))];
    states.push((WITH_MONEY.to_owned(), page.t("desk-wish-with-money")));
    states.extend(WishStatus::ALL.iter().map(|status| (status.to_string(), page.t(&format!("desk-wish-{status}")))));
    let title = page.t("desk-nav-wish-list");
    let has_orders = !store::orders(app.db.read(), None, Some(OrderState::Held), None).await?.is_empty();
    let has_late = !steps::page_of(app.db.read(), steps::missed(), None).await?.rows.is_empty();
    web::html(&ListPage { page: page.titled(title), filter, states, items, next, has_orders, has_late })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct After {
    after: String,
}

#[derive(Template)]
#[template(path = "wishes/desk_late.html")]
struct LatePage {
    page: DeskPage,
    late: Vec<(wish_step::Model, String)>,
    next: Option<String>,
}

/// Gifts whose money came when their item was gone, and whose givers were not asked what is to become of it: somebody may want to write to them.
async fn late(State(app): State<App>, _: Editor, page: DeskPage, Query(query): Query<After>) -> Result<Response, Error> {
    let db = app.db.read();
    let Pager { rows, next } = steps::page_of(db, steps::missed(), query.after.parse().ok()).await?;
    let ids: Vec<WishItemId> = rows.iter().map(|step| step.wish_item_id).collect();
    let items = store::items_by_id(db, &ids).await?;
    let title_of = |id| items.iter().find(|item| item.id == id).map(|item| item.title.clone()).unwrap_or_default();
    let late = rows.into_iter().map(|step| (step.clone(), title_of(step.wish_item_id))).collect();
    let title = page.t("desk-wish-late-title");
    web::html(&LatePage { page: page.titled(title), late, next })
}

#[derive(Template)]
#[template(path = "wishes/desk_edit.html")]
struct EditPage {
    page: DeskPage,
    id: Option<WishItemId>,
    values: RawItem,
    errors: FormErrors,
    kinds: Vec<(String, String)>,
    fundings: Vec<(String, String)>,
    languages: Vec<(String, String)>,
    currencies: Vec<(String, String)>,
    campaigns: Vec<(String, String)>,
    funds: Vec<(String, String)>,
}

async fn edit_page(app: &App, page: DeskPage, id: Option<WishItemId>, values: RawItem, errors: FormErrors) -> Result<EditPage, Error> {
    let db = app.db.read();
    let kinds = ["priced", "link"].map(|kind| (kind.to_owned(), page.t(&format!("desk-wish-kind-{kind}"))));
    let fundings = ["whole", "shared"].map(|funding| (funding.to_owned(), page.t(&format!("desk-wish-funding-{funding}"))));
    let languages = page.languages().map(|language| (language.tag().to_owned(), language.name().to_owned()));
    let mut campaigns = vec![(String::new(), page.t("desk-wish-no-campaign"))];
    campaigns.extend(store::campaigns(db).await?.into_iter().map(|campaign| (campaign.id.to_string(), campaign.title)));
    let funds = store::funds(db).await?.into_iter().map(|fund| (fund.id.to_string(), format!("{} – {}", fund.code, fund.name)));
    let currencies = app.config.org_currencies.iter().map(|currency| (currency.to_string(), currency.to_string()));
    let title = page.t(if id.is_some() { "desk-wish-edit" } else { "desk-wish-new" });
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(EditPage {
        page: page.titled(title),
        id,
        values,
        errors,
        kinds: kinds.into(),
        fundings: fundings.into(),
        languages: languages.into(),
        currencies: currencies.collect(),
        campaigns,
        funds: funds.collect(),
    })
}

async fn blank(State(app): State<App>, _: Editor, page: DeskPage) -> Result<Response, Error> {
    let values =
        RawItem { quantity: "1".to_owned(), language: page.lang.tag().to_owned(), kind: "priced".to_owned(), ..RawItem::default() };
    web::html(&edit_page(&app, page, None, values, FormErrors::default()).await?)
}

async fn create(State(app): State<App>, who: Editor, page: DeskPage, Form(raw): Form<RawItem>) -> Result<Response, Error> {
    save(&app, &who, page, None, raw).await
}

async fn edit(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    let item = store::item(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    web::html(&edit_page(&app, page, Some(id), RawItem::of(&item), FormErrors::default()).await?)
}

async fn change(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Form(raw): Form<RawItem>,
) -> Result<Response, Error> {
    save(&app, &who, page, Some(id), raw).await
}

/// Writes a new item or a change; what is wrong is said on the same page, with everything typed kept.
async fn save(app: &App, who: &Editor, page: DeskPage, id: Option<WishItemId>, raw: RawItem) -> Result<Response, Error> {
    let db = app.db.read();
    let mut parsed = item::parse(app, &raw, &store::campaigns(db).await?, &store::funds(db).await?);
    if let Ok(details) = &parsed
        && store::is_slug_taken(db, &details.slug, id).await?
    {
        let mut errors = FormErrors::default();
        errors.add("slug", page.t("desk-slug-taken"));
        parsed = Err(errors);
    }
    let errors = match parsed {
        Ok(details) => {
            let written = match id {
                Some(id) => item::edit(app, &who.actor(), id, &details).await,
                None => item::create(app, &who.actor(), &details).await,
            };
            match written {
                Ok(item) => return Ok(web::redirect(&format!("/desk/wish-list/{}?done=saved", item.id))),
                Err(Error::Conflict(why)) => {
                    let mut errors = FormErrors::default();
                    errors.add("quantity", why);
                    errors
                }
                Err(other) => return Err(other),
            }
        }
        Err(errors) => errors,
    };
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &edit_page(app, page, id, raw, errors).await?)
}
