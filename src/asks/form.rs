//! The giving form as a page shows it: `templates/asks/giving_form.html`, included by every page that asks.

use super::{
    Target,
    gift::{FREQUENCIES, OTHER, RawGift, currencies_for},
    rules, suggestions,
    target::MatchOffer,
    token,
    token::TokenError,
};
use crate::{
    app::App,
    web::{FormErrors, Page},
};
use entity::{Currency, Money, wish_item, words::GiftAidScope};
use serde::Deserialize;

/// What a link to the form may fill in: `/donate?campaign=…&amount=30&currency=EUR`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Prefill {
    /// The campaign's slug.
    pub campaign: String,
    /// The item's slug.
    pub item: String,
    /// The article's slug.
    pub article: String,
    /// The amount, as people write it.
    pub amount: String,
    /// The currency's code.
    pub currency: String,
    /// How many of the item.
    pub quantity: String,
    /// `once`, `monthly` or `yearly`.
    pub frequency: String,
}

/// The form with what was typed and what is wrong with it. A template that includes it has it as `form`, beside `page`.
#[derive(Clone, Debug)]
pub struct GivingForm {
    /// What stands in the fields, and the token.
    pub values: RawGift,
    /// What is wrong.
    pub errors: FormErrors,
    /// The campaign or item that it is for, by title and language.
    pub subject: Option<(String, String)>,
    /// How the amount is asked for.
    pub ask: Ask,
    /// What is missing and what all of it costs, of an item that many pay for together.
    pub shared: Option<(Money, Money)>,
    /// What may become of the money, of a gift for an item.
    pub rules: Vec<String>,
    /// What the fee is estimated at: `2.9 %` and the fixed part.
    pub fee_rate: String,
    /// The fixed part of the fee.
    pub fee_fixed: Money,
    /// The smallest gift.
    pub min: Money,
    /// The largest gift.
    pub max: Money,
    /// What a Gift Aid declaration for this gift says.
    pub gift_aid_this: String,
    /// What one for all gifts says.
    pub gift_aid_all: String,
    /// What a sponsor adds to the gift.
    pub matching: Option<MatchOffer>,
    /// To which gifts, how much at most, and for how long it is held.
    pub match_rules: Vec<String>,
    /// Why nothing can be given, instead of the form; the key of its text.
    pub problem: Option<&'static str>,
}

/// How the amount is asked for.
#[derive(Clone, Debug)]
pub enum Ask {
    /// As an amount in one of some currencies.
    Amount {
        /// The suggested amounts.
        choices: Vec<Choice>,
        /// The currencies.
        currencies: Vec<Currency>,
    },
    /// As a quantity of an item.
    Quantity {
        /// The price of one.
        price: Money,
        /// How many are left.
        left: i64,
    },
}

/// A suggested amount.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The field's id.
    pub id: String,
    /// The value sent: the plain decimal number.
    pub value: String,
    /// The amount.
    pub money: Money,
    /// What it buys: how many, of what, in which language, at which price.
    pub buys: Option<(i64, String, String, Money)>,
    /// Whether it is the chosen one.
    pub chosen: bool,
}

impl GivingForm {
    /// A fresh form for `target`. `offers` are the priced items of the page: they say what an amount buys.
    pub fn new(app: &App, page: &Page, target: &Target, offers: &[wish_item::Model], prefill: &Prefill) -> Self {
        let values = RawGift {
            amount: prefill.amount.trim().chars().take(40).collect(),
            currency: prefill.currency.trim().to_ascii_uppercase(),
            frequency: prefill.frequency.trim().to_ascii_lowercase(),
            quantity: if prefill.quantity.is_empty() { page.number(1) } else { prefill.quantity.chars().take(10).collect() },
            language: page.lang.tag().to_owned(),
            form_token: token::issue(app),
            ..RawGift::default()
        };
        Self::build(app, page, target, offers, values, FormErrors::default(), true)
    }

    /// The form that was sent, with everything typed kept. Its token is kept where it may count yet (so that a double submit stays
    /// one donation), and replaced where it cannot.
    pub fn again(app: &App, page: &Page, target: &Target, offers: &[wish_item::Model], mut values: RawGift, errors: FormErrors) -> Self {
        if !matches!(token::check(app, &values.form_token), Ok(_) | Err(TokenError::TooFast)) {
            values.form_token = token::issue(app);
        }
        Self::build(app, page, target, offers, values, errors, false)
    }

    fn build(
        app: &App,
        page: &Page,
        target: &Target,
        offers: &[wish_item::Model],
        mut values: RawGift,
        errors: FormErrors,
        fresh: bool,
    ) -> Self {
        values.campaign = target.campaign.as_ref().map(|campaign| campaign.slug.clone()).unwrap_or_default();
        values.item = target.item.as_ref().map(|target| target.item.slug.clone()).unwrap_or_default();
        values.article = target.article.as_ref().map(|article| article.slug.clone()).unwrap_or_default();
        let price = target.item.as_ref().and_then(|target| {
            let price = Money::new(target.item.price_minor?, target.item.currency?);
            Some((price, target.left))
        });
        let missing = target.item.as_ref().and_then(|target| target.missing);
        let shared = missing
            .zip(price)
            .and_then(|(missing, (price, _))| Some((missing, price.checked_mul(target.item.as_ref()?.item.quantity).ok()?)));
        let currencies = currencies_for(app, target);
        let typed = values.currency.parse().ok().filter(|typed| currencies.contains(typed));
        let currency =
            price.map(|(price, _)| price.currency).or(typed).or(currencies.first().copied()).unwrap_or(app.config.org_currencies[0]);
        values.currency = currency.code().to_owned();
        let ask = match price {
            Some((price, left)) if missing.is_none() => Ask::Quantity { price, left },
            _ => {
                let mut choices = choices(app, currency, offers, &mut values, fresh);
                fit(&mut choices, missing, super::limits(&app.config, currency).min, fresh);
                Ask::Amount { choices, currencies }
            }
        };
        let subject = target.item.as_ref().map(|target| (target.item.title.clone(), target.item.language.clone()));
        let subject = subject.or_else(|| target.campaign.as_ref().map(|campaign| (campaign.title.clone(), campaign.language.clone())));
        let limits = super::limits(&app.config, currency);
        let stays_with = target.campaign.as_ref().map(|campaign| campaign.title.as_str());
        let rules = target.item.as_ref().map(|_| rules::of_item(page, stays_with, missing.is_some())).unwrap_or_default();
        Self {
            values,
            errors,
            subject,
            ask,
            shared,
            rules,
            fee_rate: page.lang.digits(&percent(app.config.fee_basis_points, page)),
            fee_fixed: super::fixed_fee(&app.config, currency),
            min: limits.min,
            max: limits.max,
            gift_aid_this: super::particulars::intention(&app.config.org_legal_name, GiftAidScope::This),
            gift_aid_all: super::particulars::intention(&app.config.org_legal_name, GiftAidScope::All),
            match_rules: target.matching.as_ref().map(|offer| rules::of_match(page, offer)).unwrap_or_default(),
            matching: target.matching.clone(),
            problem: target.problem(&app.local_now()).map(|problem| problem.key()),
        }
    }

    /// How often a gift may come: the word sent, and whether it is the chosen one.
    pub fn frequencies(&self) -> Vec<(&'static str, bool)> {
        let chosen = FREQUENCIES.iter().map(|(word, _)| *word).find(|word| *word == self.values.frequency).unwrap_or(FREQUENCIES[0].0);
        FREQUENCIES.iter().map(|(word, _)| (*word, *word == chosen)).collect()
    }

    /// Whether the sent value of a choice or box is ticked.
    pub fn is_other(&self) -> bool {
        self.values.amount == OTHER
    }
}

/// The suggested amounts, one of them chosen: what was typed, else the second one. A typed amount that is none of
/// them moves to the field for another amount.
fn choices(app: &App, currency: Currency, offers: &[wish_item::Model], values: &mut RawGift, fresh: bool) -> Vec<Choice> {
    let amounts = suggestions(&app.config, currency);
    let typed = super::amount::parse(&values.amount, currency).ok();
    let known = typed.is_some_and(|typed| amounts.contains(&typed));
    let written = !values.other_amount.trim().is_empty();
    if written || (!known && !values.amount.is_empty()) {
        if !written && values.amount != OTHER {
            values.other_amount.clone_from(&values.amount);
        }
        OTHER.clone_into(&mut values.amount);
    }
    let chosen = match typed {
        Some(typed) if known && !written => Some(typed),
        _ if values.amount == OTHER => None,
        _ if fresh => amounts.get(1).or(amounts.first()).copied(),
        _ => None,
    };
    let choice = |(place, money): (usize, &Money)| Choice {
        // The first one bears the field's name, where the summary of errors leads to.
        id: if place == 0 { "amount".to_owned() } else { format!("amount-{}", place + 1) },
        value: money.decimal(),
        money: *money,
        buys: what_it_buys(*money, offers),
        chosen: chosen == Some(*money),
    };
    amounts.iter().enumerate().map(choice).collect()
}

/// Of the suggestions for an item that many pay for together, those that leave nothing or enough to be given; the last one is all that
/// is missing.
fn fit(choices: &mut Vec<Choice>, missing: Option<Money>, min: Money, fresh: bool) {
    let Some(missing) = missing else { return };
    choices.retain(|choice| choice.money.minor + min.minor <= missing.minor);
    let all = Choice { id: "amount-all".to_owned(), value: missing.decimal(), money: missing, buys: None, chosen: false };
    choices.push(all);
    let none_chosen = fresh && !choices.iter().any(|choice| choice.chosen);
    if let Some(first) = choices.first_mut() {
        "amount".clone_into(&mut first.id);
        first.chosen |= none_chosen;
    }
}

/// The dearest item that the amount pays for, and how many of it.
fn what_it_buys(money: Money, offers: &[wish_item::Model]) -> Option<(i64, String, String, Money)> {
    let affordable = offers.iter().filter_map(|item| {
        let price = item.price_minor.filter(|price| *price > 0 && *price <= money.minor)?;
        (item.currency == Some(money.currency)).then_some((price, item))
    });
    let (price, item) = affordable.max_by_key(|(price, _)| *price)?;
    Some((money.minor / price, item.title.clone(), item.language.clone(), Money::new(price, money.currency)))
}

/// Hundredths of a percent as people write them: `290` is `2.9`.
fn percent(basis_points: i64, page: &Page) -> String {
    let (whole, rest) = (basis_points / 100, basis_points % 100);
    if rest == 0 {
        return whole.to_string();
    }
    let decimal = if page.lang == crate::i18n::Language::English { '.' } else { '٫' };
    format!("{whole}{decimal}{}", format!("{rest:02}").trim_end_matches('0'))
}
