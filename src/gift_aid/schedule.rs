//! HMRC's schedule of Gift Aid donations: its columns and its rules.
//!
//! Source: "Schedule spreadsheet to claim back tax on Gift Aid donations" (gov.uk, as updated on 28 November 2025). The spreadsheet itself is
//! HMRC's and must not be changed, so what is taken away (`reports`) is a file in the order of its columns.

use crate::asks::particulars::{NAME_CHARACTERS_MAX, TITLE_CHARACTERS_MAX, postcode};
use chrono::NaiveDate;
use entity::{Currency, Money, gift_aid_declaration};
use serde::{Deserialize, Serialize};

/// The most rows of one file.
pub const ROWS_MAX: usize = 1_000;

/// The columns, in HMRC's order.
pub const COLUMNS: [&str; 9] = [
    "Title",
    "First name",
    "Last name",
    "House name or number",
    "Postcode",
    "Aggregated donations",
    "Sponsored event",
    "Donation date (DD/MM/YY)",
    "Amount",
];

/// One row of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Title; may be empty.
    pub title: String,
    /// First name or initial.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// House name or number.
    pub house: String,
    /// Postcode.
    pub postcode: String,
    /// The day of the gift, where the charity is.
    pub gift_on: NaiveDate,
    /// What of the gift is claimed on.
    pub amount: Money,
}

/// What is wrong with a row, so that it cannot be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// More than four characters.
    Title,
    /// Empty, or more than 35 characters.
    FirstName,
    /// Empty, or more than 35 characters.
    LastName,
    /// Empty.
    House,
    /// Not a postcode of the United Kingdom.
    Postcode,
    /// Not in pounds.
    Currency,
    /// Nothing, or less.
    Amount,
    /// A field begins with a character that a spreadsheet would take for a formula.
    Formula,
    /// It was given back after it was claimed on and then came again: an earlier claim has it already.
    ClaimedBefore,
    /// It came from another system, which may have claimed on it.
    Imported,
    /// More than four years have passed since the end of its tax year.
    TooLate,
    /// It was declared by word of mouth, and she can still cancel that.
    OralWaits,
    /// Its payer's bank disputes it.
    Disputed,
}

impl Fault {
    /// Its word, and the end of its text's key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::FirstName => "first-name",
            Self::LastName => "last-name",
            Self::House => "house",
            Self::Postcode => "postcode",
            Self::Currency => "currency",
            Self::Amount => "amount",
            Self::Formula => "formula",
            Self::ClaimedBefore => "claimed-before",
            Self::Imported => "imported",
            Self::TooLate => "too-late",
            Self::OralWaits => "oral-waits",
            Self::Disputed => "disputed",
        }
    }
}

impl Row {
    /// The row of a gift under a declaration: a space for each hyphen, no spaces at the ends, the postcode in capitals with its space.
    pub fn of(declared: &gift_aid_declaration::Model, gift_on: NaiveDate, amount: Money) -> Self {
        let tidy =
            |text: &str| text.replace(['-', '\u{2010}', '\u{2011}', '\u{2013}'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            title: tidy(&declared.title),
            first_name: tidy(&declared.first_name),
            last_name: tidy(&declared.last_name),
            house: declared.house.split_whitespace().collect::<Vec<_>>().join(" "),
            postcode: postcode(&declared.postcode).unwrap_or_else(|| declared.postcode.trim().to_owned()),
            gift_on,
            amount,
        }
    }

    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<Fault> {
        let length = |text: &str| text.chars().count();
        let is_name = |text: &str| (1..=NAME_CHARACTERS_MAX).contains(&length(text));
        let is_formula = |text: &String| text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\0']);
        let checks = [
            (Fault::Title, length(&self.title) > TITLE_CHARACTERS_MAX),
            (Fault::FirstName, !is_name(&self.first_name)),
            (Fault::LastName, !is_name(&self.last_name)),
            (Fault::House, self.house.is_empty()),
            (Fault::Postcode, postcode(&self.postcode).as_deref() != Some(&self.postcode)),
            (Fault::Currency, self.amount.currency.code() != "GBP"),
            (Fault::Amount, self.amount.minor <= 0),
            (Fault::Formula, [&self.title, &self.first_name, &self.last_name, &self.house].into_iter().any(is_formula)),
        ];
        checks.into_iter().filter_map(|(fault, is_wrong)| is_wrong.then_some(fault)).collect()
    }
}

/// The tax on gifts of this sum: a quarter of it, because a basic rate of 20 % was paid before. HMRC takes whole pence of the total.
pub fn tax_on(pence: i64, currency: Currency) -> Money {
    Money::new(pence / 4, currency)
}
