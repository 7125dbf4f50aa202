//! Payouts at the desk: the list, one payout explained, its parts, and movements that wait for somebody to say what they are.

use super::{
    mapping::{self, BY_HAND},
    store,
    waterfall::{self, By, Wanted, Waterfall},
};
use crate::{
    app::App,
    error::Error,
    staff::{DeskPage, Finance},
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
use entity::{Money, balance_movement, ids::PayoutId, payout, words::BalanceMapping};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/payouts", get(show_list))
        .route("/desk/payouts/unmapped", get(show_unmapped))
        .route("/desk/payouts/unmapped/{txn}", post(map))
        .route("/desk/payouts/{id}", get(show_payout))
        .route("/desk/payouts/{id}/parts", get(show_parts))
}

/// How many of the movements that a person has named are shown, to be corrected.
const SAID_MAX: u64 = 20;

/// A payout in the list.
struct Row {
    payout: payout::Model,
    amount: Money,
    left: Vec<Money>,
}

impl Row {
    fn is_itemised_by_stripe(&self) -> bool {
        waterfall::is_itemised_by_stripe(&self.payout)
    }
}

#[derive(Template)]
#[template(path = "payouts/desk_list.html")]
struct ListPage {
    page: DeskPage,
    rows: Pager<Row>,
    unmapped: usize,
}

#[derive(Template)]
#[template(path = "payouts/desk_payout.html")]
struct PayoutPage {
    page: DeskPage,
    fall: Waterfall,
}

/// A part, with its amounts.
struct Part {
    movement: balance_movement::Model,
    gross: Money,
    fee: Money,
    net: Money,
}

impl Part {
    fn of(movement: balance_movement::Model) -> Self {
        let money = |minor| Money::new(minor, movement.currency);
        Self { gross: money(movement.gross_minor), fee: money(movement.fee_minor), net: money(movement.net_minor), movement }
    }
}

#[derive(Template)]
#[template(path = "payouts/desk_parts.html")]
struct PartsPage {
    page: DeskPage,
    payout: payout::Model,
    amount: Money,
    parts: Pager<Part>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "payouts/desk_unmapped.html")]
struct UnmappedPage {
    page: DeskPage,
    errors: FormErrors,
    /// The movement whose form was sent, and what was typed.
    typed: Option<(String, MapForm)>,
    parts: Pager<Part>,
    /// What a person has said lately, which can be corrected.
    said: Vec<Part>,
    choices: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: String,
}

async fn show_list(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<After>) -> Result<Response, Error> {
    let after: Option<PayoutId> = match asked.after.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?),
    };
    let db = app.db.read();
    let found = Pager::from_rows(store::page(db, after).await?, |payout| payout.id.to_string());
    let itemised: Vec<payout::Model> = found.rows.iter().filter(|payout| payout.itemised_at.is_some()).cloned().collect();
    let mut left = waterfall::remainders(db, &itemised).await?;
    let row = |payout: payout::Model| Row {
        amount: Money::new(payout.amount_minor, payout.currency),
        left: left.remove(&payout.stripe_payout_id).unwrap_or_default(),
        payout,
    };
    let rows = found.rows.into_iter().map(row).collect();
    let unmapped = usize::try_from(store::count_left_over(db).await?).unwrap_or(usize::MAX);
    let title = page.t("desk-nav-payouts");
    web::html(&ListPage { page: page.titled(title), rows: Pager { rows, next: found.next }, unmapped })
}

async fn show_payout(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<PayoutId>) -> Result<Response, Error> {
    let payout = store::payout(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let fall = waterfall::explain(app.db.read(), payout).await?;
    let title = page.t1("desk-payout-title", "amount", page.money(fall.amount));
    web::html(&PayoutPage { page: page.titled(title), fall })
}

/// Which parts, as it stands in the address: `kind=gift`, `by=fund&of=<id>`, `by=campaign&of=` for those without one, `rolled=yes` for what
/// moved since the payout before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AskedParts {
    kind: String,
    by: String,
    of: String,
    rolled: String,
    after: String,
}

impl AskedParts {
    fn wanted(&self) -> Result<Wanted, Error> {
        let unknown = || Error::Invalid("The parts asked for do not exist.".to_owned());
        let kind = match self.kind.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|_| unknown())?),
        };
        let of = match self.by.as_str() {
            "" => None,
            word => {
                let by = By::ALL.into_iter().find(|by| by.as_str() == word).ok_or_else(unknown)?;
                let id = if self.of.is_empty() { None } else { Some(self.of.parse().map_err(|_| unknown())?) };
                Some((by, id))
            }
        };
        Ok(Wanted { kind, rolled: !self.rolled.is_empty(), of })
    }

    fn address_after(&self, payout: PayoutId, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("kind", self.kind.as_str()), ("by", &self.by), ("of", &self.of), ("rolled", &self.rolled), ("after", after)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/desk/payouts/{payout}/parts?{}", query.finish())
    }
}

async fn show_parts(
    State(app): State<App>,
    _who: Finance,
    page: DeskPage,
    Path(id): Path<PayoutId>,
    Query(asked): Query<AskedParts>,
) -> Result<Response, Error> {
    let payout = store::payout(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let after = Some(asked.after.as_str()).filter(|after| !after.is_empty());
    let found = waterfall::parts(app.db.read(), &payout, asked.wanted()?, after).await?;
    let found = Pager::from_rows(found, |movement| movement.id.clone());
    let title = page.t("desk-payout-parts");
    let shown = PartsPage {
        amount: Money::new(payout.amount_minor, payout.currency),
        next: found.next.as_deref().map(|after| asked.address_after(id, after)),
        parts: Pager { rows: found.rows.into_iter().map(Part::of).collect(), next: None },
        page: page.titled(title),
        payout,
    };
    web::html(&shown)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct MapForm {
    mapped_to: String,
    note: String,
}

/// `at` is the movement that the page is asked for, if it is asked for one; else the page begins after `after`.
async fn unmapped_page(app: &App, page: DeskPage, after: Option<&str>, at: Option<&str>) -> Result<UnmappedPage, Error> {
    let mut found = Pager::from_rows(store::left_over_page(app.db.read(), after).await?, |movement| movement.id.clone());
    if let Some(id) = at.filter(|id| !found.rows.iter().any(|movement| movement.id == *id))
        && let Some(movement) = store::movement(app.db.read(), id).await?
    {
        found.rows.insert(0, movement);
    }
    let mut said = mapping::said_by_persons(app.db.read(), SAID_MAX).await?;
    said.retain(|movement| !found.rows.iter().any(|shown| shown.id == movement.id));
    let choices = BY_HAND.iter().map(|to| (to.to_string(), page.word("desk-movement", to.as_str())));
    let title = page.t("desk-unmapped-title");
    Ok(UnmappedPage {
        choices: std::iter::once((String::new(), page.t("desk-unmapped-choose"))).chain(choices).collect(),
        errors: FormErrors::default(),
        typed: None,
        parts: Pager { rows: found.rows.into_iter().map(Part::of).collect(), next: found.next },
        said: said.into_iter().map(Part::of).collect(),
        page: page.titled(title),
    })
}

async fn show_unmapped(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<After>) -> Result<Response, Error> {
    let after = Some(asked.after.as_str()).filter(|after| !after.is_empty());
    web::html(&unmapped_page(&app, page, after, None).await?)
}

async fn map(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(txn): Path<String>,
    Form(form): Form<MapForm>,
) -> Result<Response, Error> {
    store::movement(app.db.read(), &txn).await?.ok_or(Error::NotFound)?;
    let mapping: Option<BalanceMapping> = form.mapped_to.parse().ok().filter(|mapping| BY_HAND.contains(mapping));
    let note = form.note.trim().to_owned();
    let mut errors = FormErrors::default();
    if mapping.is_none() {
        errors.add("mapped_to", page.t("desk-unmapped-choose-wrong"));
    }
    if note.is_empty() || note.chars().count() > 500 {
        errors.add("note", page.t("desk-unmapped-note-wrong"));
    }
    let (Some(mapping), true) = (mapping, errors.is_empty()) else {
        let mut shown = unmapped_page(&app, page, None, Some(&txn)).await?;
        let title = format!("{} {}", shown.page.t("error-prefix"), shown.page.title);
        shown.page = shown.page.titled(title);
        (shown.errors, shown.typed) = (errors, Some((txn, form)));
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    };
    match mapping::map_movement(&app, &who.actor(), &txn, mapping, &note).await {
        Ok(()) => Ok(web::redirect("/desk/payouts/unmapped?done=mapped")),
        Err(Error::Conflict(why)) => {
            let mut shown = unmapped_page(&app, page, None, Some(&txn)).await?;
            let title = format!("{} {}", shown.page.t("error-prefix"), shown.page.title);
            shown.page = shown.page.titled(title);
            shown.errors.add("mapped_to", why);
            shown.typed = Some((txn, form));
            web::html_status(StatusCode::CONFLICT, &shown)
        }
        Err(other) => Err(other),
    }
}
