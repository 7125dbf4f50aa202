//! From what was typed to a gift that cannot be wrong: parse, do not validate.

use super::{
    Target, amount,
    amount::AmountError,
    fee_cover, particulars,
    particulars::Particulars,
    target::{TargetItem, TargetProblem},
    token,
};
use crate::{
    app::App,
    i18n::Language,
    web::{FormErrors, Page},
};
use entity::{
    Currency, Money,
    ids::{ArticleId, CampaignId, FundId, WishItemId},
    words::GiftInterval,
};
use serde::Deserialize;

/// The value of the choice “another amount”.
pub const OTHER: &str = "other";

const EMAIL_CHARACTERS_MAX: usize = 254;
const NAME_CHARACTERS_MAX: usize = 100;
const NOTE_CHARACTERS_MAX: usize = 1_000;

/// The form as it was sent, every field as typed. A box is ticked when its field is not empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawGift {
    /// The signed token of this rendering of the form.
    pub form_token: String,
    /// The campaign's slug.
    pub campaign: String,
    /// The item's slug.
    pub item: String,
    /// The article's slug.
    pub article: String,
    /// The language of the page that it was filled in on.
    pub language: String,
    /// The chosen amount, or [`OTHER`].
    pub amount: String,
    /// Another amount; it counts before the chosen one, because without scripts writing it does not choose “another amount”.
    pub other_amount: String,
    /// The currency's code.
    pub currency: String,
    /// `once`, `monthly` or `yearly`; empty is once.
    pub frequency: String,
    /// How many of the item.
    pub quantity: String,
    /// Where the receipt goes.
    pub email: String,
    /// The supporter's name.
    pub name: String,
    /// Whether the name may be shown.
    pub public_name: String,
    /// A note to the organisation.
    pub note: String,
    /// Whether she wants to hear what came of it.
    pub wants_updates: String,
    /// Whether letters to her are to be discreet.
    pub discreet: String,
    /// Whether she adds what Stripe keeps.
    pub cover_fee: String,
    /// A field that people do not see; programs fill it.
    pub website: String,
    /// Whether the form said that a sponsor adds to the gift: then she is told before she pays when it is less.
    pub match_offered: String,
    /// Her postal address, where receipts need one.
    pub address: String,
    /// Whether she declares Gift Aid.
    pub gift_aid: String,
    /// Which gifts she declares it for, a word of [`entity::words::GiftAidScope`].
    pub gift_aid_scope: String,
    /// Her title.
    pub gift_aid_title: String,
    /// Her first name or initial.
    pub gift_aid_first: String,
    /// Her last name.
    pub gift_aid_last: String,
    /// The name or number of her house.
    pub gift_aid_house: String,
    /// Her postcode.
    pub gift_aid_postcode: String,
}

/// A gift, ready to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift {
    /// The id inside the form token.
    pub form_token: String,
    /// What is charged: the gift, and the fee where it is covered.
    pub money: Money,
    /// The part of it that covers the fee, in minor units.
    pub fee_cover_minor: i64,
    /// How often it is to come; nothing for once.
    pub every: Option<GiftInterval>,
    /// The campaign that it is for.
    pub campaign_id: Option<CampaignId>,
    /// The item and how many of it.
    pub item: Option<(WishItemId, i64)>,
    /// The article that it came from.
    pub article_id: Option<ArticleId>,
    /// The fund, when the campaign or item names one; else the general one.
    pub fund_id: Option<FundId>,
    /// Where the receipt goes, as typed.
    pub email: String,
    /// The name; may be empty.
    pub name: String,
    /// Whether the name may be shown.
    pub public_name: bool,
    /// The note; may be empty.
    pub note: String,
    /// Whether news are wanted.
    pub wants_updates: bool,
    /// Whether letters are to be discreet.
    pub discreet: bool,
    /// The language of the receipt.
    pub language: Language,
    /// What the receipts of some countries need besides.
    pub particulars: Particulars,
}

/// Turns the form into a gift for `target`, which the caller looked up by the form's slugs.
///
/// # Errors
/// One sentence, in the page's language, for each field that is wrong. What is wrong with the form as a whole (its token, its target)
/// is said of `donate`, the button.
pub fn parse_gift(app: &App, page: &Page, raw: &RawGift, target: &Target) -> Result<Gift, FormErrors> {
    let mut errors = FormErrors::default();
    let money = match &target.item {
        Some(item) if item.missing.is_some() => parse_part(app, page, raw, target, item, &mut errors).map(|money| (money, Some(1))),
        Some(item) => parse_quantity(page, raw, item, &mut errors),
        None => parse_amount(app, page, raw, target, &mut errors).map(|money| (money, None)),
    };
    let charge = money.and_then(|(money, item)| add_fee(app, page, raw, money, &mut errors).map(|(total, cover)| (total, cover, item)));
    let every = parse_frequency(page, raw, target, &mut errors);
    let email = parse_email(page, raw, &mut errors);
    let name = parse_text(page, &raw.name, "name", NAME_CHARACTERS_MAX, &mut errors);
    let note = parse_text(page, &raw.note, "note", NOTE_CHARACTERS_MAX, &mut errors);
    let particulars = particulars::parse(app, page, raw, charge.map(|(money, ..)| money.currency), &mut errors);
    if !raw.website.is_empty() {
        errors.add("website", page.t("asks-error-website"));
    }
    // What is left is decided under a lock when the gift is written: here it may be this very form, sent twice, that holds the last one.
    if let Some(problem) = target.problem(&app.local_now()).filter(|problem| *problem != TargetProblem::NoneLeft) {
        errors.add("donate", page.t(problem.key()));
    }
    let token = token::check(app, &raw.form_token).map_err(|error| errors.add("donate", page.t(error.key()))).ok();
    match (charge, email, token) {
        (Some((money, fee_cover_minor, item)), Some(email), Some(token)) if errors.is_empty() => Ok(Gift {
            form_token: token.id,
            money,
            fee_cover_minor,
            every,
            campaign_id: target.campaign_id(),
            item: target.item.as_ref().map(|target| target.item.id).zip(item),
            article_id: target.article_id(),
            fund_id: target.fund_id(),
            email,
            public_name: !raw.public_name.is_empty() && !name.is_empty(),
            name,
            note,
            wants_updates: !raw.wants_updates.is_empty(),
            discreet: !raw.discreet.is_empty(),
            language: raw.language.parse().unwrap_or(page.lang),
            particulars,
        }),
        _ => Err(errors),
    }
}

/// The words of the form for how often a gift comes.
pub const FREQUENCIES: [(&str, Option<GiftInterval>); 3] =
    [("once", None), ("monthly", Some(GiftInterval::Month)), ("yearly", Some(GiftInterval::Year))];

/// An item is bought once: it cannot be given month after month.
fn parse_frequency(page: &Page, raw: &RawGift, target: &Target, errors: &mut FormErrors) -> Option<GiftInterval> {
    let known = FREQUENCIES.iter().find(|(word, _)| *word == raw.frequency.trim());
    match known {
        None if raw.frequency.trim().is_empty() => None,
        Some((_, every)) if every.is_none() || target.item.is_none() => *every,
        _ => {
            errors.add("frequency", page.t("asks-error-frequency"));
            None
        }
    }
}

/// The currencies that a gift for `target` may be in; the first one is offered first.
pub fn currencies_for(app: &App, target: &Target) -> Vec<Currency> {
    if let Some(currency) = target.item.as_ref().and_then(|target| target.item.currency) {
        return vec![currency];
    }
    let mut currencies: Vec<Currency> = target.campaign.iter().map(|campaign| campaign.currency).collect();
    currencies.extend(app.config.org_currencies.iter().filter(|currency| !currencies.contains(currency)).copied().collect::<Vec<_>>());
    currencies
}

/// A part of an item that many pay for together: not more than is missing, and not so much that what is left could not be given any more.
fn parse_part(app: &App, page: &Page, raw: &RawGift, target: &Target, item: &TargetItem, errors: &mut FormErrors) -> Option<Money> {
    let missing = item.missing?;
    let min = super::limits(&app.config, missing.currency).min.minor;
    // When nothing is missing any more, the lock under which the gift is written has the last word.
    if missing.minor < 1 {
        return parse_amount(app, page, raw, target, errors);
    }
    let rest = match parse_typed(page, raw, missing.currency, errors)? {
        money if money == missing => return Some(money),
        money => Money::new(missing.minor - money.minor, missing.currency),
    };
    if rest.minor < 0 {
        errors.add("other_amount", page.t1("asks-error-missing", "left", page.money(missing)));
    } else if rest.minor < min {
        let most = Money::new((missing.minor - min).max(0), missing.currency);
        errors.add("other_amount", page.t2("asks-error-rest", "left", page.money(missing), "most", page.money(most)));
    }
    if errors.of("other_amount").is_some() { None } else { parse_amount(app, page, raw, target, errors) }
}

fn parse_amount(app: &App, page: &Page, raw: &RawGift, target: &Target, errors: &mut FormErrors) -> Option<Money> {
    let allowed = currencies_for(app, target);
    let typed = if raw.currency.is_empty() { allowed.first().copied() } else { raw.currency.parse().ok() };
    let Some(currency) = typed.filter(|currency| allowed.contains(currency)) else {
        errors.add("currency", page.t("asks-error-currency"));
        return None;
    };
    let money = parse_typed(page, raw, currency, errors)?;
    within_limits(app, page, money, typed_field(raw), errors).then_some(money)
}

/// Where the amount was written: what was written into the field counts before the choices.
fn typed_field(raw: &RawGift) -> &'static str {
    if !raw.other_amount.trim().is_empty() || raw.amount == OTHER { "other_amount" } else { "amount" }
}

fn parse_typed(page: &Page, raw: &RawGift, currency: Currency, errors: &mut FormErrors) -> Option<Money> {
    let field = typed_field(raw);
    let text = if field == "amount" { &raw.amount } else { &raw.other_amount };
    amount::parse(text, currency).map_err(|error| errors.add(field, tell_amount_error(page, error))).ok()
}

/// What is wrong with an amount, in the page's language.
pub fn tell_amount_error(page: &Page, error: AmountError) -> String {
    match error {
        AmountError::TooManyDecimals(decimals) if decimals > 0 => page.t1(error.key(), "decimals", page.number(decimals)),
        _ => page.t(error.key()),
    }
}

fn within_limits(app: &App, page: &Page, money: Money, field: &'static str, errors: &mut FormErrors) -> bool {
    let limits = super::limits(&app.config, money.currency);
    if money.minor < limits.min.minor {
        errors.add(field, page.t1("asks-error-min", "min", page.money(limits.min)));
    } else if money.minor > limits.max.minor {
        errors.add(field, page.t1("asks-error-max", "max", page.money(limits.max)));
    }
    (limits.min.minor..=limits.max.minor).contains(&money.minor)
}

fn parse_quantity(page: &Page, raw: &RawGift, target: &TargetItem, errors: &mut FormErrors) -> Option<(Money, Option<i64>)> {
    let Some(quantity) = amount::parse_count(&raw.quantity).filter(|quantity| *quantity >= 1) else {
        errors.add("quantity", page.t("asks-error-quantity"));
        return None;
    };
    if quantity > target.item.quantity {
        errors.add("quantity", page.tn("asks-error-left", target.left));
        return None;
    }
    // An item without a price stands on a shop's list elsewhere: the target's problem says so.
    let price = target.item.price_minor.zip(target.item.currency).map(|(minor, currency)| Money::new(minor, currency))?;
    match price.checked_mul(quantity) {
        Ok(money) => Some((money, Some(quantity))),
        Err(_) => {
            errors.add("quantity", page.t(AmountError::TooLarge.key()));
            None
        }
    }
}

/// The total to charge and the part of it that covers the fee.
fn add_fee(app: &App, page: &Page, raw: &RawGift, gift: Money, errors: &mut FormErrors) -> Option<(Money, i64)> {
    let cover = if raw.cover_fee.is_empty() { Ok(Money::new(0, gift.currency)) } else { fee_cover(&app.config, gift) };
    let total = cover.ok().and_then(|cover| gift.checked_add(cover).ok().map(|total| (total, cover.minor)));
    let max = super::limits(&app.config, gift.currency).max;
    let total = total.filter(|(total, _)| total.minor <= max.minor);
    if total.is_none() {
        let field = match (raw.item.is_empty(), raw.cover_fee.is_empty()) {
            (_, false) => "cover_fee",
            (false, true) => "quantity",
            (true, true) => "other_amount",
        };
        errors.add(field, page.t1("asks-error-max", "max", page.money(max)));
    }
    total
}

fn parse_email(page: &Page, raw: &RawGift, errors: &mut FormErrors) -> Option<String> {
    let email = without_controls(&raw.email, false);
    if is_email(&email) {
        return Some(email);
    }
    errors.add("email", page.t(if email.is_empty() { "asks-error-email-empty" } else { "asks-error-email" }));
    None
}

/// Whether a text can be an e-mail address: one `@`, something before it, a dot within what follows, no spaces, at most 254 characters.
/// Whether it is *her* address only the letter shows.
pub fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
    text.chars().count() <= EMAIL_CHARACTERS_MAX
        && !name.is_empty()
        && !host.contains('@')
        && host.split('.').count() >= 2
        && host.split('.').all(|label| !label.is_empty())
        && !text.contains(odd)
}

pub(super) fn parse_text(page: &Page, text: &str, field: &'static str, most: usize, errors: &mut FormErrors) -> String {
    let text = without_controls(text, field == "note");
    if text.chars().count() > most {
        errors.add(field, page.t1("asks-error-long", "most", page.number(most as i64)));
    }
    text
}

/// The text without control characters and marks of writing direction, which could make it read as something else in a list or a
/// letter. The joiners that Persian and Pashto need stay.
pub fn without_controls(text: &str, keep_lines: bool) -> String {
    let unwanted = |c: char| {
        (c.is_control() && !(keep_lines && c == '\n'))
            || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.replace("\r\n", "\n").chars().filter(|c| !unwanted(*c)).collect::<String>().trim().to_owned()
}
