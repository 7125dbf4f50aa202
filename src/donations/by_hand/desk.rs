//! Staff's pages for gifts by hand: entering one, and taking one back.

use super::{
    HandGift, Method, RawHandGift, RecordProblem, can_be_reversed,
    form::{Choices, parse},
    is_reversed, record, reverse,
};
use crate::{
    app::App,
    asks::{amount, gift::tell_amount_error},
    donations::store,
    error::Error,
    i18n::Language,
    staff::{DeskPage, Finance},
    web::{self, Form, FormErrors, Path},
    wishes,
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use entity::{
    Money, article, donation,
    ids::DonationId,
    words::{CampaignStatus, WishKind},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;

/// The desk's routes of gifts by hand.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/donations/new", get(show_form).post(enter))
        .route("/desk/donations/{id}/reverse", get(show_reversal).post(take_back))
}

type Pairs = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "donations/desk_new.html")]
struct NewPage {
    page: DeskPage,
    values: RawHandGift,
    errors: FormErrors,
    methods: Pairs,
    accounts: Pairs,
    campaigns: Pairs,
    items: Pairs,
    funds: Pairs,
    languages: Pairs,
    /// A gift that looks the same, or that the form made before.
    other: Option<DonationId>,
    /// Whether the box that says "another gift" is offered.
    asks_whether_another: bool,
}

async fn find_choices(app: &App, article: &str) -> Result<Choices, Error> {
    let db = app.db.read();
    let campaigns = wishes::store::campaigns(db).await?.into_iter().filter(|c| c.status != CampaignStatus::Draft);
    let items = wishes::store::open_items(db, None).await?.into_iter().filter(|item| item.kind == WishKind::Priced);
    let article = match article.trim() {
        "" => None,
        slug => article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await?,
    };
    Ok(Choices { campaigns: campaigns.collect(), items: items.collect(), funds: wishes::store::funds(db).await?, article })
}

fn new_page(page: DeskPage, values: RawHandGift, errors: FormErrors, choices: &Choices, other: Option<DonationId>) -> NewPage {
    let none = |key: &str| std::iter::once((String::new(), page.t(key)));
    let title = page.t("desk-hand-title");
    let asks_whether_another = errors.of("is_another").is_some();
    let price = |item: &entity::wish_item::Model| wishes::price_of(item).map(|price| page.money(price)).unwrap_or_default();
    NewPage {
        methods: Method::ALL.iter().map(|m| (m.as_str().to_owned(), page.word("desk-hand-method", m.as_str()))).collect(),
        accounts: none("desk-hand-account-usual")
            .chain(["bank", "undeposited"].map(|word| (word.to_owned(), page.word("desk-account", word))))
            .collect(),
        campaigns: none("desk-hand-no-campaign").chain(choices.campaigns.iter().map(|c| (c.id.to_string(), c.title.clone()))).collect(),
        items: none("desk-hand-no-item")
            .chain(choices.items.iter().map(|i| (i.id.to_string(), format!("{} – {}", i.title, price(i)))))
            .collect(),
        funds: none("desk-hand-usual-fund")
            .chain(choices.funds.iter().map(|f| (f.id.to_string(), format!("{} – {}", f.code, f.name))))
            .collect(),
        languages: Language::ALL.iter().map(|l| (l.tag().to_owned(), l.name().to_owned())).collect(),
        page: page.titled(title),
        values,
        errors,
        other,
        asks_whether_another,
    }
}

async fn show_form(State(app): State<App>, _: Finance, page: DeskPage) -> Result<Response, Error> {
    let choices = find_choices(&app, "").await?;
    web::html(&new_page(page, RawHandGift::blank(&app), FormErrors::default(), &choices, None))
}

async fn enter(State(app): State<App>, who: Finance, page: DeskPage, Form(raw): Form<RawHandGift>) -> Result<Response, Error> {
    let choices = find_choices(&app, &raw.article).await?;
    let gift: HandGift = match parse(&app, &page, &raw, &choices) {
        Ok(gift) => gift,
        Err(errors) => return show_again(&app, page, raw, errors, &choices, None),
    };
    let mut errors = FormErrors::default();
    let other = match record(&app, &who.actor(), &gift).await {
        Ok(done) => {
            let word = if done.booked_at == done.paid_at { "gift-entered" } else { "gift-entered-later" };
            return Ok(web::redirect(&format!("/desk/donations/{}?done={word}", done.id)));
        }
        Err(RecordProblem::LooksTheSame(id)) => {
            errors.add("is_another", page.t("desk-hand-error-same"));
            Some(id)
        }
        Err(RecordProblem::IsAnnounced(id)) => {
            errors.add("is_another", page.t("desk-hand-error-announced"));
            Some(id)
        }
        Err(RecordProblem::AnotherGift(id)) => {
            errors.add("method", page.t("desk-hand-error-sent-before"));
            Some(id)
        }
        Err(RecordProblem::InTheFuture) => {
            errors.add("given_on", page.t("desk-hand-error-future"));
            None
        }
        Err(RecordProblem::NotEnough(left)) => {
            errors.add("quantity", page.tn("asks-error-left", left));
            None
        }
        Err(RecordProblem::TooMuch(left)) => {
            errors.add("amount", page.t1("donations-too-much", "left", page.money(left)));
            None
        }
        Err(RecordProblem::ItemClosed) => {
            errors.add("item", page.t("asks-problem-item"));
            None
        }
        Err(RecordProblem::Other(error)) => return Err(error),
    };
    show_again(&app, page, raw, errors, &choices, other)
}

fn show_again(
    app: &App,
    page: DeskPage,
    mut raw: RawHandGift,
    errors: FormErrors,
    choices: &Choices,
    other: Option<DonationId>,
) -> Result<Response, Error> {
    let sent_before = other.is_some() && errors.of("is_another").is_none();
    if sent_before || crate::asks::token::id_of(app, &raw.form_token).is_none() {
        raw.form_token = crate::asks::token::issue(app);
    }
    let mut shown = new_page(page, raw, errors, choices, other);
    shown.page = shown.page.clone().titled(format!("{} {}", shown.page.t("error-prefix"), shown.page.t("desk-hand-title")));
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

#[derive(Template)]
#[template(path = "donations/desk_reverse.html")]
struct ReversePage {
    page: DeskPage,
    donation: donation::Model,
    amount: Money,
    values: RawReversal,
    errors: FormErrors,
}

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawReversal {
    /// The amount, typed once more, so that the right gift is taken back.
    amount: String,
    reason: String,
}

async fn find_reversible(app: &App, id: DonationId) -> Result<donation::Model, Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    if !can_be_reversed(&donation) {
        return Err(Error::Conflict("Only a paid gift that was entered by hand is taken back like this.".to_owned()));
    }
    if is_reversed(app.db.read(), &donation).await? {
        return Err(Error::Conflict("This gift was taken back already.".to_owned()));
    }
    Ok(donation)
}

fn reverse_page(page: DeskPage, donation: donation::Model, values: RawReversal, errors: FormErrors) -> ReversePage {
    let title = page.t("desk-reverse-title");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    ReversePage { page: page.titled(title), amount: Money::new(donation.amount_minor, donation.currency), donation, values, errors }
}

async fn show_reversal(State(app): State<App>, _: Finance, page: DeskPage, Path(id): Path<DonationId>) -> Result<Response, Error> {
    let donation = find_reversible(&app, id).await?;
    web::html(&reverse_page(page, donation, RawReversal::default(), FormErrors::default()))
}

async fn take_back(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<DonationId>,
    Form(raw): Form<RawReversal>,
) -> Result<Response, Error> {
    let donation = find_reversible(&app, id).await?;
    let mut errors = FormErrors::default();
    match amount::parse_moved(&raw.amount, donation.currency) {
        Ok(typed) if typed.minor == donation.amount_minor => {}
        Ok(_) => errors.add("amount", page.t("desk-reverse-error-amount")),
        Err(error) => errors.add("amount", tell_amount_error(&page, error)),
    }
    let reason = super::form::parse_text(&page, &raw.reason, "reason", 500, &mut errors);
    if reason.is_empty() {
        errors.add("reason", page.t("desk-reverse-error-reason"));
    }
    if !errors.is_empty() {
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &reverse_page(page, donation, raw, errors));
    }
    reverse(&app, &who.actor(), id, &reason).await?;
    Ok(web::redirect(&format!("/desk/donations/{id}?done=gift-reversed")))
}
