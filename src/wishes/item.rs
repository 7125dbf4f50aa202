//! Making and changing wish items: what staff type, and what must hold before it is written.

use super::{
    steps::{self, NewStep},
    store,
};
use crate::{
    app::App,
    asks::{self, amount},
    error::Error,
    staff::audit::{self, Actor},
    web::{FormErrors, slug},
};
use entity::{
    Currency, Money, campaign, fund,
    ids::{CampaignId, FundId, WishItemId},
    wish_item,
    words::{CancelReason, WishFunding, WishKind, WishStatus, WishStepKind},
};
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// The most that may be needed of one item.
pub const QUANTITY_MAX: i64 = 100_000;

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the item's field of that name, as typed")]
pub struct RawItem {
    pub title: String,
    pub slug: String,
    pub description: String,
    pub language: String,
    pub kind: String,
    pub funding: String,
    pub price: String,
    pub currency: String,
    pub quantity: String,
    pub shop_url: String,
    pub campaign: String,
    pub fund: String,
}

impl RawItem {
    /// What stands in the form for an item that is there.
    pub fn of(item: &wish_item::Model) -> Self {
        let price = super::price_of(item);
        Self {
            title: item.title.clone(),
            slug: item.slug.clone(),
            description: item.description.clone(),
            language: item.language.clone(),
            kind: item.kind.as_str().to_owned(),
            funding: item.funding.as_str().to_owned(),
            price: price.map(Money::decimal).unwrap_or_default(),
            currency: item.currency.map(String::from).unwrap_or_default(),
            quantity: item.quantity.to_string(),
            shop_url: item.shop_url.clone().unwrap_or_default(),
            campaign: item.campaign_id.map(|id| id.to_string()).unwrap_or_default(),
            fund: item.fund_id.to_string(),
        }
    }
}

/// What may be written of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the item's field of that name")]
pub struct Details {
    pub title: String,
    /// Empty: made from the title.
    pub slug: String,
    pub description: String,
    pub language: String,
    pub quantity: i64,
    pub way: Way,
    pub campaign_id: Option<CampaignId>,
    pub fund_id: FundId,
}

/// How an item is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Here, at this price for one.
    Priced(Money),
    /// Here, many together: each gives what she wants until this price for one is there.
    Shared(Money),
    /// On a shop's list elsewhere.
    Link(String),
}

/// Reads the form against the campaigns and funds that there are.
pub fn parse(app: &App, raw: &RawItem, campaigns: &[campaign::Model], funds: &[fund::Model]) -> Result<Details, FormErrors> {
    let mut errors = FormErrors::default();
    let title = asks::gift::without_controls(&raw.title, false);
    if title.is_empty() || title.chars().count() > 200 {
        errors.add("title", "Write a title of at most 200 characters");
    }
    let slug = raw.slug.trim().to_ascii_lowercase();
    if !slug.is_empty() && !slug::is_slug(&slug) {
        errors.add("slug", "Use small letters a to z, digits and hyphens, or leave it empty");
    }
    let description = asks::gift::without_controls(&raw.description, true);
    if description.chars().count() > 2_000 {
        errors.add("description", "Write at most 2,000 characters");
    }
    let way = parse_way(app, raw, &mut errors);
    let quantity = amount::parse_count(&raw.quantity).filter(|quantity| (1..=QUANTITY_MAX).contains(quantity));
    if quantity.is_none() {
        errors.add("quantity", "Write how many are needed, from 1 to 100,000");
    }
    let campaign = campaigns.iter().find(|campaign| campaign.id.to_string() == raw.campaign);
    if campaign.is_none() && !raw.campaign.is_empty() {
        errors.add("campaign", "Choose a campaign of the list");
    }
    // The money of a campaign's item goes where the campaign's money goes.
    let fund_id =
        campaign.map(|campaign| campaign.fund_id).or_else(|| funds.iter().find(|fund| fund.id.to_string() == raw.fund).map(|fund| fund.id));
    if fund_id.is_none() {
        errors.add("fund", "Choose a fund");
    }
    match (way, quantity, fund_id) {
        (Some(way), Some(quantity), Some(fund_id)) if errors.is_empty() => Ok(Details {
            title,
            slug,
            description,
            language: language_tag(&raw.language),
            quantity,
            way,
            campaign_id: campaign.map(|campaign| campaign.id),
            fund_id,
        }),
        _ => Err(errors),
    }
}

fn parse_way(app: &App, raw: &RawItem, errors: &mut FormErrors) -> Option<Way> {
    if raw.kind == WishKind::Link.as_str() {
        let url = Url::parse(raw.shop_url.trim()).ok().filter(|url| url.scheme() == "https" && url.as_str().len() <= 1_000);
        if url.is_none() {
            errors.add("shop_url", "Write the full address of the shop's list; it begins with https://");
        }
        return url.map(|url| Way::Link(url.to_string()));
    }
    let Ok(currency) = raw.currency.parse::<Currency>() else {
        errors.add("currency", "Choose a currency");
        return None;
    };
    let is_shared = raw.funding == WishFunding::Shared.as_str();
    match amount::parse(&raw.price, currency) {
        Ok(price) => {
            let limits = asks::limits(&app.config, currency);
            if price.minor < limits.min.minor || (price.minor > limits.max.minor && !is_shared) {
                errors.add("price", format!("One gift is from {} to {}, so the price must be too", limits.min, limits.max));
            }
            Some(if is_shared { Way::Shared(price) } else { Way::Priced(price) })
        }
        Err(error) => {
            errors.add("price", error.to_string());
            None
        }
    }
}

/// A BCP 47 tag as typed, `en` when it is none.
pub fn language_tag(text: &str) -> String {
    let text = text.trim();
    let is_tag = (2..=35).contains(&text.len())
        && text.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if is_tag { text.to_owned() } else { "en".to_owned() }
}

/// Makes an item, open at once.
pub async fn create(app: &App, actor: &Actor, details: &Details) -> Result<wish_item::Model, Error> {
    let (id, now): (WishItemId, _) = (app.new_id(), app.now());
    let blank = wish_item::Model {
        id,
        slug: String::new(),
        title: String::new(),
        description: String::new(),
        language: String::new(),
        kind: WishKind::Priced,
        price_minor: None,
        currency: None,
        quantity: 1,
        shop_url: None,
        campaign_id: None,
        fund_id: details.fund_id,
        status: WishStatus::Open,
        created_at: now,
        updated_at: now,
        funding: WishFunding::Whole,
        cancel_reason: CancelReason::None,
        picture_id: None,
        picture_text: String::new(),
    };
    let item = filled(blank, details);
    app.db
        .write(async |tx| {
            store::insert_item(tx, item.clone()).await.map_err(slug_taken)?;
            steps::write(tx, NewStep::by(actor, id, WishStepKind::Made, item.quantity, ""), now).await?;
            audit::record(tx, now, actor, "wish.create", "wish_item", &id.to_string(), json!({ "slug": item.slug })).await
        })
        .await?;
    Ok(item)
}

/// Changes an item. Its quantity cannot go below what is paid, held and bought, nor its currency and its way of paying change once a gift
/// was begun or something ordered.
pub async fn edit(app: &App, actor: &Actor, id: WishItemId, details: &Details) -> Result<wish_item::Model, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let before = store::lock_item(tx, id).await?.ok_or(Error::NotFound)?;
            let stock = super::stock(tx, &[id], now).await?.get(&id).copied().unwrap_or_default();
            let taken = (stock.paid + stock.reserved).max(stock.bought + if before.kind == WishKind::Link { stock.reserved } else { 0 });
            let after = wish_item::Model { updated_at: now, ..filled(before.clone(), details) };
            if after.quantity < taken {
                return Err(Error::Conflict(format!("{taken} of this item are paid or held already: at least as many must be needed")));
            }
            if let (Some(funding), Some(price)) = (stock.funding, super::price_of(&after)) {
                let given = funding.paid.checked_add(funding.held)?;
                if price.currency == given.currency && price.checked_mul(after.quantity)?.minor < given.minor {
                    return Err(Error::Conflict(format!("{given} are paid or held already: price and number must come to at least as much")));
                }
            }
            let is_other = (after.kind, after.currency, after.funding) != (before.kind, before.currency, before.funding);
            if is_other && (taken > 0 || store::was_ever_taken(tx, id).await?) {
                return Err(Error::Conflict("gifts were begun for this item: its kind, currency and way of paying stay; make another item instead".to_owned()));
            }
            store::update_item(tx, after.clone()).await.map_err(slug_taken)?;
            if after.quantity != before.quantity || after.price_minor != before.price_minor {
                steps::write(tx, NewStep::by(actor, id, WishStepKind::Edited, after.quantity, ""), now).await?;
            }
            let detail = json!({ "slug": after.slug, "quantity": [before.quantity, after.quantity], "price": [before.price_minor, after.price_minor] });
            audit::record(tx, now, actor, "wish.edit", "wish_item", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await
}

/// Asks for an item no more, and says why: readers get a sentence that endangers nobody, the note stays at the desk. Checkouts that are
/// open may still be paid.
///
/// # Errors
/// `Conflict` where it cannot be bought and money for it is not spent: then its givers are asked, which finance declares.
pub async fn cancel(app: &App, actor: &Actor, id: WishItemId, reason: CancelReason, note: &str) -> Result<(), Error> {
    set_status(app, actor, id, WishStatus::Cancelled, reason, note).await
}

/// Asks for a cancelled item again.
pub async fn reopen(app: &App, actor: &Actor, id: WishItemId) -> Result<(), Error> {
    set_status(app, actor, id, WishStatus::Open, CancelReason::None, "").await
}

const GIVERS_CHOOSE: &str = "Money for this item is paid and not spent. If it cannot be bought, those who gave it choose what becomes of it: \
     whoever does the finances declares so under “Promises”. If only the rest is not needed, choose another reason.";

const OVERFULL: &str =
    "More of this item is paid or held than is needed, because money came back to it: raise its number, or wait for its givers.";

/// Whether an item is asked for no more because it cannot be bought.
const fn cannot_be_bought(reason: CancelReason) -> bool {
    matches!(reason, CancelReason::Price | CancelReason::Unavailable | CancelReason::Border | CancelReason::Danger)
}

async fn set_status(
    app: &App,
    actor: &Actor,
    id: WishItemId,
    status: WishStatus,
    cancel_reason: CancelReason,
    note: &str,
) -> Result<(), Error> {
    let now = app.now();
    let (kind, verb) = match status {
        WishStatus::Cancelled => (WishStepKind::Cancelled, "wish.cancel"),
        WishStatus::Open => (WishStepKind::Reopened, "wish.reopen"),
    };
    app.db
        .write(async |tx| {
            let item = store::lock_item(tx, id).await?.ok_or(Error::NotFound)?;
            if item.status == status {
                return Err(Error::Conflict(format!("this item is {status} already")));
            }
            let stock = super::stock(tx, &[id], now).await?.remove(&id).unwrap_or_default();
            let is_out_of_reach = status == WishStatus::Cancelled && cannot_be_bought(cancel_reason);
            // Who is being asked already need not be asked for.
            if is_out_of_reach && stock.has_unspent() && !store::is_being_chosen(tx, id).await? {
                return Err(Error::Conflict(GIVERS_CHOOSE.to_owned()));
            }
            if status == WishStatus::Open && stock.is_overfull() {
                return Err(Error::Conflict(OVERFULL.to_owned()));
            }
            let left = stock.needed - stock.bought;
            store::update_item(tx, wish_item::Model { status, cancel_reason, updated_at: now, ..item }).await?;
            let note = if note.is_empty() && kind == WishStepKind::Cancelled { cancel_reason.as_str() } else { note };
            steps::write(tx, NewStep::by(actor, id, kind, left, note), now).await?;
            audit::record(tx, now, actor, verb, "wish_item", &id.to_string(), json!({ "reason": cancel_reason })).await
        })
        .await
}

/// The item with its details written in.
pub fn filled(item: wish_item::Model, details: &Details) -> wish_item::Model {
    let (price, shop_url) = match &details.way {
        Way::Priced(price) | Way::Shared(price) => (Some(*price), None),
        Way::Link(url) => (None, Some(url.clone())),
    };
    let made = || slug::of_title(&details.title).unwrap_or_else(|| slug::of_id("item", item.id.0));
    let slug = match (details.slug.is_empty(), item.slug.is_empty()) {
        (false, _) => details.slug.clone(),
        (true, false) => item.slug.clone(),
        (true, true) => made(),
    };
    wish_item::Model {
        slug,
        title: details.title.clone(),
        description: details.description.clone(),
        language: details.language.clone(),
        funding: if matches!(details.way, Way::Shared(_)) { WishFunding::Shared } else { WishFunding::Whole },
        kind: if shop_url.is_some() { WishKind::Link } else { WishKind::Priced },
        price_minor: price.map(|price| price.minor),
        currency: price.map(|price| price.currency),
        quantity: details.quantity,
        shop_url,
        campaign_id: details.campaign_id,
        fund_id: details.fund_id,
        ..item
    }
}

/// The error for an address that another item has; others pass.
fn slug_taken(error: sea_orm::DbErr) -> Error {
    if crate::db::is_unique_violation(&error) {
        Error::Conflict("another item has this address: choose another one".to_owned())
    } else {
        error.into()
    }
}
