//! The rules of each country: what a receipt must say, what keeps one from being official, which tax year a gift is in.
//!
//! Whether these rules fit an organisation is for somebody to say who knows its law; [`REVIEWS`] names what she should look at.

use super::{Issuer, PaidGift};
use chrono::{Datelike, Days, Months, NaiveDate};
use entity::Currency;

/// What keeps a receipt from being an official one. It is then a plain acknowledgment that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Short {
    /// The organisation has not set what the form needs, or its German notice of exemption is too old.
    Issuer,
    /// The supporter's full name.
    Name,
    /// The supporter's postal address.
    Address,
    /// It was not given in the currency of that country.
    Currency,
    /// It is confirmed once a year, together with others.
    Annual,
}

impl Short {
    /// The word of it, and the end of its text's key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Name => "name",
            Self::Address => "address",
            Self::Currency => "currency",
            Self::Annual => "annual",
        }
    }
}

/// The largest gift in euro cents that a slip and a bank statement prove (§ 50 Abs. 4 EStDV: 300 EUR since 1 January 2021).
pub const GERMAN_SLIP_MAX: i64 = 30_000;

/// Profile, and what somebody who knows that country's law should look at before it is used.
pub const REVIEWS: &[(&str, &str)] = &[
    (
        "us",
        "that the organisation is a 501(c)(3), or that its fiscal sponsor is named as the legal entity, and that nothing is given in return",
    ),
    ("uk", "the Gift Aid declaration's wording, and that HMRC knows the charity"),
    (
        "ca",
        "the form of the e-mailed official receipt (CRA asks for one that cannot be edited), the signature, and the report of returned gifts",
    ),
    (
        "de",
        "the wording of the slip and of the annual confirmation, the purpose, and whether machine-made confirmations were announced to the tax office",
    ),
    ("au", "that the fund is endorsed as a deductible gift recipient, and that nothing is given in return"),
];

/// The language that the law's sentences are in.
pub fn language_of(profile: &str) -> &'static str {
    if profile == "de" { "de" } else { "en" }
}

/// The settings that official receipts of this profile need and that are empty.
pub fn lacks(issuer: &Issuer) -> Vec<&'static str> {
    let both = [("ORG_ADDRESS", &issuer.address), ("ORG_RECEIPT_PLACE", &issuer.place), ("ORG_RECEIPT_SIGNATORY", &issuer.signatory)];
    let needed: Vec<(&'static str, bool)> = match issuer.profile.as_str() {
        "ca" => both.iter().map(|(name, value)| (*name, value.is_empty())).collect(),
        "de" => {
            let own = &issuer.exemption;
            let german = [
                ("ORG_TAX_OFFICE", own.office.is_empty()),
                ("ORG_TAX_NUMBER", own.number.is_empty()),
                ("ORG_TAX_NOTICE_DATE", own.dated.is_none()),
                ("ORG_TAX_PURPOSE", own.purpose.is_empty()),
            ];
            both.iter().map(|(name, value)| (*name, value.is_empty())).chain(german).collect()
        }
        _ => Vec::new(),
    };
    needed.into_iter().filter_map(|(name, missing)| missing.then_some(name)).collect()
}

/// Until when a German notice of exemption carries confirmations: five years, or three for one under § 60a AO (§ 63 Abs. 5 AO).
pub fn notice_good_until(issuer: &Issuer) -> Option<NaiveDate> {
    let years = if issuer.exemption.period.is_empty() { 3 } else { 5 };
    issuer.exemption.dated?.checked_add_months(Months::new(12 * years))
}

/// The currency of official receipts, where there is one.
pub fn currency_of(profile: &str) -> Option<Currency> {
    match profile {
        "ca" => "CAD".parse().ok(),
        "de" => "EUR".parse().ok(),
        _ => None,
    }
}

/// What keeps the receipt of this gift from being official.
pub(super) fn short_of(issuer: &Issuer, gift: &PaidGift, on: NaiveDate) -> Option<Short> {
    let is_foreign = currency_of(&issuer.profile).is_some_and(|own| own != gift.amount.currency);
    let is_lacking = !lacks(issuer).is_empty();
    match issuer.profile.as_str() {
        "ca" if is_lacking => Some(Short::Issuer),
        "ca" if is_foreign => Some(Short::Currency),
        "ca" if gift.donor_name.trim().is_empty() => Some(Short::Name),
        "ca" if gift.donor_address.trim().is_empty() => Some(Short::Address),
        "de" if is_lacking || notice_good_until(issuer).is_none_or(|last| last < on) => Some(Short::Issuer),
        "de" if is_foreign => Some(Short::Currency),
        "de" if !issuer.exemption.slips || gift.amount.minor > GERMAN_SLIP_MAX => Some(Short::Annual),
        _ => None,
    }
}

/// The sentences that the law of the issuer's country asks for.
pub(super) fn statements(issuer: &Issuer, replaces: Option<&str>) -> Vec<String> {
    match issuer.profile.as_str() {
        // IRC 170(f)(8)(B): a later correction is not contemporaneous, so the sentence must be right the first time (Publication 1771).
        "us" => vec![
            "No goods or services were provided in exchange for this contribution.".to_owned(),
            format!("{} is tax-exempt under section 501(c)(3) of the Internal Revenue Code.", issuer.legal_name),
        ],
        // A receipt must not look as if tax could be reclaimed without a declaration (Charities Act marks: name and number).
        "uk" => vec![
            format!("{} is a registered charity, number {}.", issuer.legal_name, issuer.charity_number),
            "This receipt is not a Gift Aid declaration.".to_owned(),
        ],
        // Income Tax Regulations 3501(1): the statement, and the name and website of the Canada Revenue Agency.
        "ca" => {
            let mut all = vec!["This is an official receipt for income tax purposes.".to_owned()];
            all.extend(replaces.map(|code| format!("This receipt cancels and replaces receipt #{code}.")));
            all.push("Canada Revenue Agency: canada.ca/charities-giving".to_owned());
            all
        }
        "de" => {
            let mut all = vec![
                "Vereinfachter Zuwendungsnachweis nach § 50 Abs. 4 EStDV für Zuwendungen bis 300 Euro. Dieser Beleg gilt nur zusammen mit dem \
                 Buchungsbeleg Ihrer Bank."
                    .to_owned(),
                exemption(issuer),
                "Es handelt sich um eine Spende, nicht um einen Mitgliedsbeitrag.".to_owned(),
            ];
            all.extend(replaces.map(|code| format!("Dieser Beleg ersetzt den Beleg {code}, der ungültig ist.")));
            all
        }
        // Australian Taxation Office: a receipt of a deductible gift recipient shows name, ABN, and that it is for a gift.
        "au" => vec![
            "This receipt is for a gift.".to_owned(),
            format!("{} is a deductible gift recipient (DGR), ABN {}.", issuer.legal_name, issuer.tax_id),
        ],
        _ => Vec::new(),
    }
}

/// What the notice of exemption says, in the words of the official pattern (BMF, 7 November 2013).
pub(super) fn exemption(issuer: &Issuer) -> String {
    let own = &issuer.exemption;
    let dated = own.dated.map(german_day).unwrap_or_default();
    if own.period.is_empty() {
        return format!(
            "Die Einhaltung der satzungsmäßigen Voraussetzungen nach den §§ 51, 59, 60 und 61 AO wurde vom Finanzamt {}, StNr. {}, mit \
             Bescheid vom {dated} nach § 60a AO gesondert festgestellt. Wir fördern nach unserer Satzung den Zweck {}.",
            own.office, own.number, own.purpose
        );
    }
    format!(
        "Wir sind wegen Förderung {} nach dem Freistellungsbescheid bzw. nach der Anlage zum Körperschaftsteuerbescheid des Finanzamtes {}, \
         StNr. {}, vom {dated} für den letzten Veranlagungszeitraum {} nach § 5 Abs. 1 Nr. 9 des Körperschaftsteuergesetzes von der \
         Körperschaftsteuer und nach § 3 Nr. 6 des Gewerbesteuergesetzes befreit.",
        own.purpose, own.office, own.number, own.period
    )
}

/// A day as Germans write it, `09.03.2026`.
pub(super) fn german_day(day: NaiveDate) -> String {
    day.format("%d.%m.%Y").to_string()
}

/// A tax year of the issuer's country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxYear {
    /// The calendar year in which it begins.
    pub year: i32,
    /// Its first day.
    pub starts_on: NaiveDate,
    /// Its last day.
    pub ends_on: NaiveDate,
}

impl TaxYear {
    /// The tax year that begins in `year`: on 6 April in the United Kingdom, on 1 July in Australia, elsewhere on 1 January. None for years
    /// beyond the calendar's.
    pub fn beginning_in(profile: &str, year: i32) -> Option<Self> {
        let (month, day) = match profile {
            "uk" => (4, 6),
            "au" => (7, 1),
            _ => (1, 1),
        };
        let starts_on = NaiveDate::from_ymd_opt(year, month, day).filter(|day| (1..=9998).contains(&day.year()))?;
        let ends_on = NaiveDate::from_ymd_opt(year + 1, month, day)?.checked_sub_days(Days::new(1))?;
        Some(Self { year, starts_on, ends_on })
    }

    /// The tax year that a day is in.
    pub fn of_day(profile: &str, day: NaiveDate) -> Option<Self> {
        Self::beginning_in(profile, day.year()).filter(|year| year.starts_on <= day).or_else(|| Self::beginning_in(profile, day.year() - 1))
    }

    /// What people call it: `2026`, `2026–27`.
    pub fn name(&self) -> String {
        if self.ends_on.year() == self.year { self.year.to_string() } else { format!("{}–{:02}", self.year, (self.year + 1) % 100) }
    }
}
