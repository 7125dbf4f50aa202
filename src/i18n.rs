//! The languages, and how amounts, numbers and dates are written in them.
//!
//! Dari is `fa-AF`, never bare `fa`: its months have Afghan names. Texts are in `templates/locales/<tag>/*.ftl`.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use entity::Money;
use fluent_templates::{Loader, fluent_bundle::FluentValue, static_loader};
use std::{borrow::Cow, collections::HashMap, str::FromStr};

static_loader! {
    static TEXTS = {
        locales: "templates/locales",
        fallback_language: "en",
    };
}

/// Starts and ends a piece whose direction is its own (Unicode 15, UAX 9).
pub const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// A text of a letter that is read from `dir` (`ltr` or `rtl`): isolates help where directions mix, and only get in the way of searching and
/// copying where they do not.
pub fn plain(text: String, dir: &str) -> String {
    if dir == "rtl" { text } else { text.replace(ISOLATE, "") }
}

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Dari, `fa-AF`.
    Dari,
    /// Pashto, `ps`.
    Pashto,
}

impl Language {
    /// Every language of the pages.
    pub const ALL: [Self; 3] = [Self::English, Self::Dari, Self::Pashto];

    /// Its BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Dari => "fa-AF",
            Self::Pashto => "ps",
        }
    }

    /// Its own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Dari => "دری",
            Self::Pashto => "پښتو",
        }
    }

    /// `ltr` or `rtl`.
    pub fn dir(self) -> &'static str {
        dir_of(self.tag())
    }

    /// The page language nearest to a tag: `fa`, `fa-IR` and `prs` are read in Dari.
    pub fn nearest(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "fa" | "prs" => Some(Self::Dari),
            "ps" => Some(Self::Pashto),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header that the pages are written in.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut wanted: Vec<(f32, &str)> = header
            .split(',')
            .take(16)
            .map(|part| {
                let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
                (weight.trim().parse().unwrap_or(0.0), tag.trim())
            })
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.into_iter().filter(|(weight, _)| *weight > 0.0).find_map(|(_, tag)| Self::nearest(tag))
    }

    fn uses_persian_digits(self) -> bool {
        self != Self::English
    }

    /// The text of `key`.
    pub fn text(self, key: &str) -> String {
        TEXTS.lookup(&self.identifier(), key)
    }

    /// The text of `key` with its arguments filled in.
    pub fn text_with(self, key: &str, arguments: &[(&'static str, FluentValue<'_>)]) -> String {
        let arguments: HashMap<Cow<'static, str>, FluentValue<'_>> =
            arguments.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
        TEXTS.lookup_with_args(&self.identifier(), key, &arguments)
    }

    /// Whether there is a text for `key` in this very language.
    pub fn has(self, key: &str) -> bool {
        TEXTS.try_lookup(&self.identifier(), key).is_some()
    }

    fn identifier(self) -> fluent_templates::LanguageIdentifier {
        self.tag().parse().unwrap_or_default()
    }

    /// A whole number with its groups: `1,234`, `۱٬۲۳۴`.
    pub fn number(self, number: i64) -> String {
        let grouped = group(&number.unsigned_abs().to_string(), if self.uses_persian_digits() { '٬' } else { ',' });
        let sign = if number < 0 { "\u{2212}" } else { "" };
        self.digits(&format!("{sign}{grouped}"))
    }

    /// An amount: `€25`, `USD` and others by code where a sign would be ambiguous, decimals only where there are cents.
    pub fn money(self, money: Money) -> String {
        let plain = money.decimal();
        let (sign, plain) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("\u{2212}", rest));
        let (whole, cents) = plain.split_once('.').unwrap_or((plain, ""));
        let cents = if cents.bytes().all(|b| b == b'0') { "" } else { cents };
        let persian = self.uses_persian_digits();
        let mut amount = group(whole, if persian { '٬' } else { ',' });
        if !cents.is_empty() {
            amount.push(if persian { '٫' } else { '.' });
            amount.push_str(cents);
        }
        let amount = self.digits(&amount);
        match (persian, money.currency.code()) {
            (false, "EUR") => format!("{sign}€{amount}"),
            (false, "GBP") => format!("{sign}£{amount}"),
            (false, "USD") => format!("{sign}${amount}"),
            (false, code) => format!("{sign}{code}\u{a0}{amount}"),
            (true, code) => format!("{sign}{amount}\u{a0}{code}"),
        }
    }

    /// `text` with its Latin digits turned into this language's.
    pub fn digits(self, text: &str) -> String {
        if !self.uses_persian_digits() {
            return text.to_owned();
        }
        text.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(0x06F0 + d)).unwrap_or(c)).collect()
    }

    /// A day: `21 March 2026`, `۱ حمل ۱۴۰۵`.
    pub fn date(self, day: NaiveDate) -> String {
        match self {
            Self::English => day.format("%-d %B %Y").to_string(),
            Self::Dari | Self::Pashto => {
                let (year, month, date) = solar_hijri(day);
                let names = if self == Self::Dari { DARI_MONTHS } else { PASHTO_MONTHS };
                self.digits(&format!("{date} {} {year}", names[month as usize - 1]))
            }
        }
    }

    /// The UTC day of an instant.
    pub fn day(self, instant: DateTime<Utc>) -> String {
        self.date(instant.date_naive())
    }
}

impl FromStr for Language {
    type Err = ();
    fn from_str(tag: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|language| language.tag() == tag).ok_or(())
    }
}

/// The direction of a language by its tag: `rtl` for those written in Arabic or Hebrew letters.
pub fn dir_of(tag: &str) -> &'static str {
    match tag.split(['-', '_']).next().unwrap_or_default() {
        "ar" | "fa" | "prs" | "ps" | "ur" | "he" | "ckb" | "sd" | "ug" => "rtl",
        _ => "ltr",
    }
}

const DARI_MONTHS: [&str; 12] = ["حمل", "ثور", "جوزا", "سرطان", "اسد", "سنبله", "میزان", "عقرب", "قوس", "جدی", "دلو", "حوت"];
const PASHTO_MONTHS: [&str; 12] = ["وری", "غویی", "غبرګولی", "چنګاښ", "زمری", "وږی", "تله", "لړم", "لیندۍ", "مرغومی", "سلواغه", "کب"];

/// A day in the solar hijri calendar as (year, month, day), by the 33-year cycle of leap years, which agrees with the
/// astronomical calendar from 1799 to 2256 (R. G. van Gent, "The Persian calendar").
pub fn solar_hijri(day: NaiveDate) -> (i32, u32, u32) {
    // 1 Farvardin (Hamal) 1 falls on day 226895 of the Gregorian count from 1 January of year 1.
    const EPOCH: i64 = 226_895;
    let is_leap = |year: i64| (25 * year + 11).rem_euclid(33) < 8;
    let days = i64::from(day.num_days_from_ce()) - EPOCH;
    let mut year = days.div_euclid(366) + 1;
    let start_of = |year: i64| {
        let before = year - 1;
        let (cycles, rest) = (before.div_euclid(33), before.rem_euclid(33));
        cycles * (33 * 365 + 8) + rest * 365 + (1..=rest).filter(|y| is_leap(*y)).count() as i64
    };
    while start_of(year + 1) <= days {
        year += 1;
    }
    let of_year = (days - start_of(year)) as u32;
    let (month, date) =
        if of_year < 186 { (of_year / 31 + 1, of_year % 31 + 1) } else { ((of_year - 186) / 30 + 7, (of_year - 186) % 30 + 1) };
    (year as i32, month, date)
}

fn group(digits: &str, separator: char) -> String {
    let mut out = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solar(y: i32, m: u32, d: u32) -> (i32, u32, u32) {
        solar_hijri(NaiveDate::from_ymd_opt(y, m, d).unwrap())
    }

    #[test]
    fn solar_hijri_days_agree_with_the_published_calendar() {
        assert_eq!(solar(2026, 3, 20), (1404, 12, 29));
        assert_eq!(solar(2026, 3, 21), (1405, 1, 1));
        assert_eq!(solar(2025, 3, 20), (1403, 12, 30));
        assert_eq!(solar(2025, 3, 21), (1404, 1, 1));
        assert_eq!(solar(2024, 3, 20), (1403, 1, 1));
        assert_eq!(solar(2026, 11, 22), (1405, 9, 1));
    }

    #[test]
    fn amounts_are_written_as_readers_write_them() {
        let eur = |minor| Money::new(minor, "EUR".parse().unwrap());
        assert_eq!(Language::English.money(eur(123_450)), "€1,234.50");
        assert_eq!(Language::English.money(eur(2_500)), "€25");
        assert_eq!(Language::Dari.money(eur(123_450)), "۱٬۲۳۴٫۵۰\u{a0}EUR");
        assert_eq!(Language::English.money(Money::new(1_200, "JPY".parse().unwrap())), "JPY\u{a0}1,200");
        assert_eq!(Language::English.money(Money::new(-3_500, "KWD".parse().unwrap())), "\u{2212}KWD\u{a0}3.500");
    }

    #[test]
    fn the_readers_language_is_the_best_of_those_she_accepts() {
        assert_eq!(Language::accepted("de, ps;q=0.8, en;q=0.9"), Some(Language::English));
        assert_eq!(Language::accepted("fa-IR,fa;q=0.9"), Some(Language::Dari));
        assert_eq!(Language::accepted("de,fr"), None);
    }
}
