//! What the receipts of some countries need besides: a postal address in Canada and Germany, a Gift Aid declaration in the United Kingdom.
//! Nobody else is asked.

use super::gift::{RawGift, parse_text, without_controls};
use crate::{
    app::App,
    web::{FormErrors, Page},
};
use entity::{Currency, words::GiftAidScope};

const ADDRESS_CHARACTERS_MAX: usize = 300;

/// The longest title in HMRC's schedule.
pub const TITLE_CHARACTERS_MAX: usize = 4;

/// The longest first or last name in HMRC's schedule.
pub const NAME_CHARACTERS_MAX: usize = 35;

const HOUSE_CHARACTERS_MAX: usize = 40;

/// Which wording of the declaration the form shows: a changed wording gets another word.
pub const WORDING_VERSION: &str = "uk-gift-aid-1";

/// What the receipts of some countries need besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Particulars {
    /// Her postal address on one line; may be empty.
    pub address: String,
    /// Her Gift Aid declaration.
    pub gift_aid: Option<Declared>,
}

/// A Gift Aid declaration as the form was filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Title; may be empty.
    pub title: String,
    /// First name or initial.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The name or number of the house.
    pub house: String,
    /// The postcode, in capitals with a space.
    pub postcode: String,
    /// Which gifts.
    pub scope: GiftAidScope,
    /// Every word that she agreed to.
    pub wording: String,
}

/// What she declares, as the form shows it beside each choice. HMRC's model declarations, with the charity's name.
pub fn intention(charity: &str, scope: GiftAidScope) -> String {
    match scope {
        GiftAidScope::This => format!("I want to Gift Aid this donation to {charity}."),
        GiftAidScope::All => {
            format!(
                "I want to Gift Aid this donation and any donations I make in the future or have made in the past 4 years to {charity}."
            )
        }
    }
}

/// The explanation that belongs to every declaration. HMRC's model sentences.
pub const EXPLANATION: &str = "I am a UK taxpayer and understand that if I pay less Income Tax and/or Capital Gains Tax in the current tax \
                               year than the amount of Gift Aid claimed on all my donations it is my responsibility to pay any difference.";

/// What she should tell the charity later.
pub const NOTICE: &str = "Please notify us if you want to cancel this declaration, change your name or home address, or no longer pay \
                          sufficient tax on your income and/or capital gains.";

/// Reads what the form says of them. Fields that the organisation's rules do not ask for count for nothing.
pub fn parse(app: &App, page: &Page, raw: &RawGift, currency: Option<Currency>, errors: &mut FormErrors) -> Particulars {
    let profile = app.config.org_receipt_profile;
    let mut particulars = Particulars::default();
    if profile.needs_address() {
        particulars.address = parse_address(page, &raw.address, errors);
    }
    if profile.offers_gift_aid() && !raw.gift_aid.is_empty() {
        if currency.is_some_and(|currency| currency.code() != "GBP") {
            errors.add("gift_aid", page.t("asks-error-gift-aid-currency"));
        }
        particulars.gift_aid = parse_declaration(page, &app.config.org_legal_name, raw, errors);
    }
    particulars
}

fn parse_address(page: &Page, text: &str, errors: &mut FormErrors) -> String {
    let lines = without_controls(text, true);
    let parts: Vec<&str> = lines.lines().map(|line| line.trim().trim_end_matches(',')).filter(|line| !line.is_empty()).collect();
    let address = parts.join(", ");
    if address.chars().count() > ADDRESS_CHARACTERS_MAX {
        errors.add("address", page.t1("asks-error-long", "most", page.number(ADDRESS_CHARACTERS_MAX as i64)));
    }
    address
}

/// Reads a Gift Aid declaration; none where something in it is wrong.
pub fn parse_declaration(page: &Page, charity: &str, raw: &RawGift, errors: &mut FormErrors) -> Option<Declared> {
    let scope: GiftAidScope = raw.gift_aid_scope.parse().unwrap_or(GiftAidScope::This);
    let before = errors.items.len();
    let title = parse_text(page, raw.gift_aid_title.trim().trim_end_matches('.'), "gift_aid_title", TITLE_CHARACTERS_MAX, errors);
    let mut needed = |text: &str, field: &'static str, most: usize| {
        let text = parse_text(page, text, field, most, errors);
        if text.is_empty() {
            errors.add(field, page.t("asks-error-gift-aid-empty"));
        }
        text
    };
    let first_name = needed(&raw.gift_aid_first, "gift_aid_first", NAME_CHARACTERS_MAX);
    let last_name = needed(&raw.gift_aid_last, "gift_aid_last", NAME_CHARACTERS_MAX);
    let house = needed(&raw.gift_aid_house, "gift_aid_house", HOUSE_CHARACTERS_MAX);
    let postcode = postcode(&raw.gift_aid_postcode);
    if postcode.is_none() {
        errors.add("gift_aid_postcode", page.t("asks-error-gift-aid-postcode"));
    }
    let wording = format!("{} {EXPLANATION} {NOTICE}", intention(charity, scope));
    (errors.items.len() == before).then_some(postcode).flatten().map(|postcode| Declared {
        title,
        first_name,
        last_name,
        house,
        postcode,
        scope,
        wording,
    })
}

/// A postcode of the United Kingdom in capitals with its space, however it was typed: `sw1a2aa` is `SW1A 2AA`. None when it can be none.
/// The forms are those of British Standard BS 7666: A9, A99, AA9, AA99, A9A, AA9A before the space, 9AA after it; and GIR 0AA.
pub fn postcode(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    if !bare.is_ascii() || !(5..=7).contains(&bare.len()) {
        return None;
    }
    let (outward, inward) = bare.split_at(bare.len() - 3);
    let shape = |part: &str| {
        part.chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    '9'
                } else if c.is_ascii_uppercase() {
                    'A'
                } else {
                    '-'
                }
            })
            .collect::<String>()
    };
    let fits = ["A9", "A99", "AA9", "AA99", "A9A", "AA9A"].contains(&shape(outward).as_str()) && shape(inward) == "9AA";
    (fits || bare == "GIR0AA").then(|| format!("{outward} {inward}"))
}
