//! The form for a gift by hand: what staff typed, and what must hold before it is written.

use super::{HandGift, Method};
use crate::{
    app::App,
    asks::{
        amount,
        gift::{is_email, tell_amount_error, without_controls},
        token,
    },
    clock,
    i18n::Language,
    web::{FormErrors, Page},
    wishes::{is_shared, price_of},
};
use chrono::{Months, NaiveDate};
use entity::{
    Currency, Money, article, campaign, fund, wish_item,
    words::{Account, WishStatus},
};
use serde::Deserialize;

/// The longest reference and name, in characters.
const TEXT_MAX: usize = 140;

/// How many years back a day may lie, in months: beyond, it is a slip of the finger, or a day of another calendar. Older gifts are imported.
const OLDEST: Months = Months::new(120);

/// The longest note, in characters.
const NOTE_MAX: usize = 1_000;

/// The form as it was sent. A box is ticked when its field is not empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the gift's field of that name, as typed")]
pub struct RawHandGift {
    pub form_token: String,
    pub method: String,
    pub amount: String,
    pub currency: String,
    pub given_on: String,
    pub reference: String,
    pub account: String,
    pub email: String,
    pub name: String,
    pub address: String,
    pub language: String,
    pub campaign: String,
    pub item: String,
    pub quantity: String,
    pub article: String,
    pub fund: String,
    pub note: String,
    pub letter: String,
    pub is_another: String,
}

impl RawHandGift {
    /// The form as it is first shown: today, in the organisation's first currency, with a receipt by e-mail.
    pub fn blank(app: &App) -> Self {
        Self {
            form_token: token::issue(app),
            method: Method::Cash.as_str().to_owned(),
            currency: app.config.org_currencies[0].code().to_owned(),
            given_on: app.today().to_string(),
            quantity: "1".to_owned(),
            letter: "yes".to_owned(),
            ..Self::default()
        }
    }
}

/// What a gift may be for.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The campaigns that are no drafts.
    pub campaigns: Vec<campaign::Model>,
    /// The priced items that are asked for.
    pub items: Vec<wish_item::Model>,
    /// The funds.
    pub funds: Vec<fund::Model>,
    /// The article named, when there is one with that name.
    pub article: Option<article::Model>,
}

/// Turns the form into a gift.
///
/// # Errors
/// One sentence for each field that is wrong.
pub fn parse(app: &App, page: &Page, raw: &RawHandGift, choices: &Choices) -> Result<HandGift, FormErrors> {
    let mut errors = FormErrors::default();
    let method = Method::of(&raw.method);
    if method.is_none() {
        errors.add("method", page.t("desk-hand-error-method"));
    }
    let money = parse_money(page, raw, &mut errors);
    let given_on = parse_day(app, page, &raw.given_on, &mut errors);
    let email = without_controls(&raw.email, false);
    if !email.is_empty() && !is_email(&email) {
        errors.add("email", page.t("desk-donation-address-wrong"));
    }
    let campaign = choose(&raw.campaign, &choices.campaigns, |c| c.id, page, "campaign", &mut errors);
    let item = choose(&raw.item, &choices.items, |i| i.id, page, "item", &mut errors);
    let fund = choose(&raw.fund, &choices.funds, |f| f.id, page, "fund", &mut errors);
    let item = item.and_then(|item| Some((item, parse_quantity(page, raw, item, money?, campaign, &mut errors)?)));
    if !raw.article.trim().is_empty() && choices.article.is_none() {
        errors.add("article", page.t("desk-hand-error-article"));
    }
    let reference = parse_text(page, &raw.reference, "reference", TEXT_MAX, &mut errors);
    let name = parse_text(page, &raw.name, "name", TEXT_MAX, &mut errors);
    let address = parse_text(page, &raw.address, "address", 300, &mut errors);
    let note = parse_text(page, &raw.note, "note", NOTE_MAX, &mut errors);
    let form_token = match token::check(app, &raw.form_token) {
        Ok(token) => Some(token.id),
        // Staff who know what they type may be fast.
        Err(token::TokenError::TooFast) => token::id_of(app, &raw.form_token),
        Err(error) => {
            errors.add("method", page.t(error.key()));
            None
        }
    };
    let (Some(method), Some(money), Some(given_on), Some(form_token), true) = (method, money, given_on, form_token, errors.is_empty())
    else {
        return Err(errors);
    };
    let campaign_id = item.and_then(|(item, _)| item.campaign_id).or(campaign.map(|c| c.id));
    let fund_of_target = item.map(|(item, _)| item.fund_id).or(campaign.map(|c| c.fund_id));
    Ok(HandGift {
        form_token,
        method,
        money,
        given_on,
        reference,
        account: account_of(raw, method),
        email: Some(email).filter(|email| !email.is_empty()),
        name,
        address,
        language: Language::nearest(&raw.language).unwrap_or_default(),
        campaign_id,
        item: item.map(|(item, quantity)| (item.id, quantity)),
        article_id: choices.article.as_ref().map(|article| article.id),
        fund_id: fund.map(|fund| fund.id).or(fund_of_target),
        note,
        letter: !raw.letter.is_empty(),
        is_another: !raw.is_another.is_empty(),
    })
}

/// Where the money is: as chosen, else a transfer at the bank and the rest not there yet.
fn account_of(raw: &RawHandGift, method: Method) -> Account {
    match (raw.account.as_str(), method) {
        ("bank", _) | ("", Method::Transfer) => Account::Bank,
        _ if method == Method::Transfer => Account::Bank,
        _ => Account::Undeposited,
    }
}

fn parse_money(page: &Page, raw: &RawHandGift, errors: &mut FormErrors) -> Option<Money> {
    let Ok(currency) = raw.currency.parse::<Currency>() else {
        errors.add("currency", page.t("desk-hand-error-currency"));
        return None;
    };
    match amount::parse_moved(&raw.amount, currency) {
        Ok(money) => Some(money),
        Err(error) => {
            errors.add("amount", tell_amount_error(page, error));
            None
        }
    }
}

/// A day that has come, and not so long ago that it must be a slip of the finger.
pub(crate) fn parse_day(app: &App, page: &Page, text: &str, errors: &mut FormErrors) -> Option<NaiveDate> {
    match clock::parse_day(text) {
        Some(day) if app.today().checked_sub_months(OLDEST).is_some_and(|oldest| day < oldest) => {
            errors.add("given_on", page.t("desk-hand-error-old"));
            None
        }
        Some(day) if day <= app.today() => Some(day),
        Some(_) => {
            errors.add("given_on", page.t("desk-hand-error-future"));
            None
        }
        None => {
            errors.add("given_on", page.t("desk-hand-error-day"));
            None
        }
    }
}

fn choose<'a, T, I: std::str::FromStr + PartialEq>(
    typed: &str,
    offered: &'a [T],
    id_of: impl Fn(&T) -> I,
    page: &Page,
    field: &'static str,
    errors: &mut FormErrors,
) -> Option<&'a T> {
    if typed.trim().is_empty() {
        return None;
    }
    let found = typed.parse::<I>().ok().and_then(|id| offered.iter().find(|one| id_of(one) == id));
    if found.is_none() {
        errors.add(field, page.t("desk-hand-error-choice"));
    }
    found
}

/// How many of the item; the amount must be what they cost, so that nobody has to guess what the rest was for.
fn parse_quantity(
    page: &Page,
    raw: &RawHandGift,
    item: &wish_item::Model,
    money: Money,
    campaign: Option<&campaign::Model>,
    errors: &mut FormErrors,
) -> Option<i64> {
    if campaign.is_some_and(|campaign| item.campaign_id != Some(campaign.id)) {
        errors.add("item", page.t("desk-hand-error-item-campaign"));
        return None;
    }
    let Some(quantity) = amount::parse_count(&raw.quantity).filter(|quantity| (1..=item.quantity).contains(quantity)) else {
        errors.add("quantity", page.t("asks-error-quantity"));
        return None;
    };
    let price = price_of(item).filter(|_| item.status == WishStatus::Open)?;
    if is_shared(item) {
        // Any amount pays towards it; how much is missing is decided when it is written.
        return Some(1);
    }
    match price.checked_mul(quantity) {
        Ok(total) if total == money => Some(quantity),
        Ok(total) => {
            errors.add("amount", page.t1("desk-hand-error-price", "total", page.money(total)));
            None
        }
        Err(_) => {
            errors.add("quantity", page.t("asks-error-quantity"));
            None
        }
    }
}

pub(crate) fn parse_text(page: &Page, text: &str, field: &'static str, most: usize, errors: &mut FormErrors) -> String {
    let text = without_controls(text, field == "note");
    if text.chars().count() > most {
        errors.add(field, page.t1("asks-error-long", "most", page.number(most as i64)));
    }
    text
}
