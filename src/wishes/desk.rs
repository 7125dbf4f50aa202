//! Staff's pages for wish items: list, preview, make, change, cancel.

use super::{
    ItemCard, cards,
    item::{self, RawItem},
    store,
};
use crate::{
    app::App,
    error::Error,
    staff::{DeskPage, Editor},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::{ids::WishItemId, words::WishStatus};
use serde::Deserialize;

/// The desk's pages.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/wish-list", get(list))
        .route("/desk/wish-list/new", get(blank).post(create))
        .route("/desk/wish-list/{id}", get(show))
        .route("/desk/wish-list/{id}/edit", get(edit).post(change))
        .route("/desk/wish-list/{id}/cancel", post(cancel))
        .route("/desk/wish-list/{id}/reopen", post(reopen))
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
}

/// The items, the newest first, by words of the title and by state.
async fn list(State(app): State<App>, _: Editor, page: DeskPage, Query(filter): Query<Filter>) -> Result<Response, Error> {
    let rows = store::search(app.db.read(), &filter.q, filter.status.parse().ok(), filter.after.parse().ok()).await?;
    let Pager { rows, next } = Pager::from_rows(rows, |item| item.id.to_string());
    let items = cards(app.db.read(), rows, app.now()).await?;
    let mut states = vec![(String::new(), page.t("desk-any"))];
    states.extend(WishStatus::ALL.iter().map(|status| (status.to_string(), page.t(&format!("desk-wish-{status}")))));
    let title = page.t("desk-nav-wish-list");
    web::html(&ListPage { page: page.titled(title), filter, states, items, next })
}

#[derive(Template)]
#[template(path = "wishes/desk_item.html")]
struct ItemPage {
    page: DeskPage,
    card: ItemCard,
    campaign: Option<String>,
    fund: String,
}

/// One item as readers see it, with what can be done to it.
async fn show(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    let db = app.db.read();
    let item = store::item(db, id).await?.ok_or(Error::NotFound)?;
    let campaigns = store::campaigns_by_id(db, item.campaign_id.into_iter().collect()).await?;
    let campaign = item.campaign_id.and_then(|id| campaigns.get(&id)).map(|campaign| campaign.title.clone());
    let fund = store::funds(db).await?.into_iter().find(|fund| fund.id == item.fund_id).map(|fund| fund.name).unwrap_or_default();
    let page = page.titled(item.title.clone());
    let card = cards(db, vec![item], app.now()).await?.pop().ok_or(Error::NotFound)?;
    web::html(&ItemPage { page, card, campaign, fund })
}

#[derive(Template)]
#[template(path = "wishes/desk_edit.html")]
struct EditPage {
    page: DeskPage,
    id: Option<WishItemId>,
    values: RawItem,
    errors: FormErrors,
    kinds: Vec<(String, String)>,
    languages: Vec<(String, String)>,
    currencies: Vec<(String, String)>,
    campaigns: Vec<(String, String)>,
    funds: Vec<(String, String)>,
}

async fn edit_page(app: &App, page: DeskPage, id: Option<WishItemId>, values: RawItem, errors: FormErrors) -> Result<EditPage, Error> {
    let db = app.db.read();
    let kinds = ["priced", "link"].map(|kind| (kind.to_owned(), page.t(&format!("desk-wish-kind-{kind}"))));
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

async fn cancel(State(app): State<App>, who: Editor, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    item::cancel(&app, &who.actor(), id).await?;
    Ok(web::redirect(&format!("/desk/wish-list/{id}?done=saved")))
}

async fn reopen(State(app): State<App>, who: Editor, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    item::reopen(&app, &who.actor(), id).await?;
    Ok(web::redirect(&format!("/desk/wish-list/{id}?done=saved")))
}
