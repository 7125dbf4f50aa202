//! Reads an amount as people write it: `1,000.50`, `1.000,50`, `1 000,50`, `1'000.50`, `۱٬۰۰۰٫۵۰`, `$25`. Never a float.
//!
//! How a separator is read:
//! - `٫` is the decimal separator; spaces of any width, apostrophes and `٬` group thousands; `.` and `,` may do either.
//! - Where both `.` and `,` stand, the last one is the decimal separator.
//! - One that stands several times groups thousands: `1,000,000` (or as India writes it, `10,00,000`).
//! - One that stands once, after spaces or apostrophes, is the decimal separator: `1 000,50`.
//! - One that stands once and alone is the decimal separator, unless exactly three digits follow one to three that do not begin with
//!   zero. Then `1,000` and `1.000` are a thousand where the currency has no or two decimals. Where it has three, `1.000` is one
//!   (as we print it ourselves) and `1,000` is refused, because Kuwait means a thousand by it and Tunisia one.
//!
//! A number that could be meant in two ways is refused, never guessed: the error asks for another spelling.

use entity::{Currency, Money};
use std::fmt;

/// The longest text that is looked at, in characters: more cannot be an amount.
const CHARACTERS_MAX: usize = 40;

/// The largest amount, in minor units: an account number that slipped into the field is none, and a million gifts of this size still have a sum.
const MINOR_MAX: i64 = 10_000_000_000_000;

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Nothing was written.
    Empty,
    /// It is no number, or its thousands are grouped as nobody groups them.
    NotANumber,
    /// It could be meant in two ways that differ a thousandfold.
    Ambiguous,
    /// It has more decimals than the currency, which has this many.
    TooManyDecimals(u32),
    /// The currency is only charged in multiples of this.
    NotAStep(Money),
    /// It is zero.
    NotPositive,
    /// It does not fit.
    TooLarge,
}

impl AmountError {
    /// The key of its text in the translations.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Empty => "asks-error-amount-empty",
            Self::NotANumber => "asks-error-amount-number",
            Self::Ambiguous => "asks-error-amount-ambiguous",
            Self::TooManyDecimals(0) | Self::NotAStep(_) => "asks-error-amount-whole",
            Self::TooManyDecimals(_) => "asks-error-amount-decimals",
            Self::NotPositive => "asks-error-amount-positive",
            Self::TooLarge => "asks-error-amount-large",
        }
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("write an amount"),
            Self::NotANumber => f.write_str("write the amount as a number, such as 25 or 1,000.50"),
            Self::Ambiguous => f.write_str("this could be a thousand or one: write it without a comma"),
            Self::TooManyDecimals(decimals) => write!(f, "write at most {decimals} decimals"),
            Self::NotAStep(step) => write!(f, "only multiples of {step} can be paid"),
            Self::NotPositive => f.write_str("write an amount above zero"),
            Self::TooLarge => f.write_str("the amount is too large"),
        }
    }
}

impl std::error::Error for AmountError {}

/// The amount that `text` means in `currency`: more than zero, and a multiple of the smallest step that can be charged.
///
/// # Errors
/// Says what is wrong; [`AmountError::key`] names the text for people.
pub fn parse(text: &str, currency: Currency) -> Result<Money, AmountError> {
    parse_in_steps(text, currency, currency.step())
}

/// The amount of money that moved without Stripe: a bank transfers single fils too, which Stripe does not charge. Where only whole units
/// exist (ISK, UGX) that holds here as well.
///
/// # Errors
/// As for [`parse`].
pub fn parse_moved(text: &str, currency: Currency) -> Result<Money, AmountError> {
    parse_in_steps(text, currency, if currency.exponent() == 3 { 1 } else { currency.step() })
}

fn parse_in_steps(text: &str, currency: Currency, step: i64) -> Result<Money, AmountError> {
    let parts = Parts::read(text, currency)?;
    let (whole, fraction) = parts.whole_and_fraction(currency)?;
    let minor = to_minor(&whole, &fraction, currency)?;
    if minor == 0 {
        return Err(AmountError::NotPositive);
    }
    if minor > MINOR_MAX {
        return Err(AmountError::TooLarge);
    }
    if minor % step != 0 {
        return Err(AmountError::NotAStep(Money::new(step, currency)));
    }
    Ok(Money::new(minor, currency))
}

/// Whether a machine and a person could read a number a thousandfold apart: `1.000` is one where a program wrote three decimals, and a
/// thousand in much of Europe. Nobody looks at each row of a file, so there it is refused.
pub fn is_ambiguous_in_a_file(text: &str, currency: Currency) -> bool {
    let mut parts = text.trim().split('.');
    let (Some(whole), Some(rest), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    let are_digits = |part: &str| part.chars().all(|c| latin_digit(c).is_some());
    currency.exponent() != 3
        && are_digits(whole)
        && are_digits(rest)
        && (1..=3).contains(&whole.chars().count())
        && rest.chars().count() == 3
}

/// A count as people write it, with Persian and Arabic digits too: `3`, `۳`. None when it is no whole number.
pub fn parse_count(text: &str) -> Option<i64> {
    let digits: Option<String> = text.trim().chars().filter(|c| !is_invisible(*c)).map(latin_digit).collect();
    digits.filter(|digits| !digits.is_empty() && digits.len() <= 9)?.parse().ok()
}

/// What stands between two groups of digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Comma,
    FullStop,
    /// `٫`: decimal only.
    Decimal,
    /// `٬`: thousands only.
    Thousands,
    Space,
    Apostrophe,
}

impl Separator {
    const fn of(character: char) -> Option<Self> {
        Some(match character {
            ',' | '،' => Self::Comma,
            '.' => Self::FullStop,
            '٫' => Self::Decimal,
            '٬' => Self::Thousands,
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' => Self::Space,
            '\'' | '’' => Self::Apostrophe,
            _ => return None,
        })
    }

    /// Whether it may be a decimal separator in one place and a thousands separator in another.
    fn is_double_faced(self) -> bool {
        matches!(self, Self::Comma | Self::FullStop)
    }
}

/// Groups of digits and what stands between them: one separator fewer than groups.
struct Parts {
    groups: Vec<String>,
    separators: Vec<Separator>,
}

impl Parts {
    fn read(text: &str, currency: Currency) -> Result<Self, AmountError> {
        if text.chars().count() > CHARACTERS_MAX {
            return Err(AmountError::TooLarge);
        }
        let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let number = without_currency(visible.trim(), currency);
        if number.is_empty() {
            return Err(AmountError::Empty);
        }
        let mut parts = Self { groups: vec![String::new()], separators: Vec::new() };
        for character in number.chars() {
            match (latin_digit(character), Separator::of(character)) {
                (Some(digit), _) => parts.groups.last_mut().ok_or(AmountError::NotANumber)?.push(digit),
                (None, Some(separator)) => {
                    parts.separators.push(separator);
                    parts.groups.push(String::new());
                }
                (None, None) => return Err(AmountError::NotANumber),
            }
        }
        // `.50` is fifty cents; any other empty group is a slip of the finger.
        if parts.separators.len() == 1 && parts.groups[0].is_empty() {
            "0".clone_into(&mut parts.groups[0]);
        }
        if parts.groups.iter().any(String::is_empty) { Err(AmountError::NotANumber) } else { Ok(parts) }
    }

    /// The digits before and after the decimal separator.
    fn whole_and_fraction(mut self, currency: Currency) -> Result<(String, String), AmountError> {
        let fraction = if self.last_is_decimal(currency)? {
            self.separators.pop();
            self.groups.pop().unwrap_or_default()
        } else {
            String::new()
        };
        self.check_thousands()?;
        Ok((self.groups.concat(), fraction))
    }

    fn last_is_decimal(&self, currency: Currency) -> Result<bool, AmountError> {
        let Some((&last, before)) = self.separators.split_last() else { return Ok(false) };
        if before.contains(&Separator::Decimal) {
            return Err(AmountError::NotANumber);
        }
        if !last.is_double_faced() {
            return Ok(last == Separator::Decimal);
        }
        if !before.is_empty() {
            return Ok(!before.contains(&last));
        }
        let could_be_thousands = self.groups[1].len() == 3 && (1..=3).contains(&self.groups[0].len()) && !self.groups[0].starts_with('0');
        match (could_be_thousands, currency.exponent(), last) {
            (false, _, _) | (true, 3, Separator::FullStop) => Ok(true),
            (true, 3, _) => Err(AmountError::Ambiguous),
            (true, _, _) => Ok(false),
        }
    }

    /// Thousands are separated by one and the same sign, in threes; or in twos before the last three, as in India.
    fn check_thousands(&self) -> Result<(), AmountError> {
        let Some((first_separator, more)) = self.separators.split_first() else { return Ok(()) };
        let lengths: Vec<usize> = self.groups.iter().map(String::len).collect();
        let same = more.iter().all(|separator| separator == first_separator);
        let (middle, last) = (&lengths[1..lengths.len() - 1], lengths[lengths.len() - 1]);
        let threes = (1..=3).contains(&lengths[0]) && middle.iter().all(|length| *length == 3);
        let twos = (1..=2).contains(&lengths[0]) && !middle.is_empty() && middle.iter().all(|length| *length == 2);
        if same && last == 3 && (threes || twos) && !self.groups[0].starts_with('0') { Ok(()) } else { Err(AmountError::NotANumber) }
    }
}

fn to_minor(whole: &str, fraction: &str, currency: Currency) -> Result<i64, AmountError> {
    let exponent = currency.exponent();
    let decimals = exponent as usize;
    // `500.00` for a currency without decimals says the same as `500`.
    let fraction = if decimals == 0 && fraction.len() <= 2 { fraction.trim_end_matches('0') } else { fraction };
    if fraction.len() > decimals {
        return Err(AmountError::TooManyDecimals(exponent));
    }
    let digits = format!("{whole}{fraction:0<decimals$}");
    digits.parse().map_err(|_| AmountError::TooLarge)
}

/// The number without the currency's own sign or code; another currency's sign stays and is refused as no number.
fn without_currency(text: &str, currency: Currency) -> &str {
    let sign = match currency.code() {
        "USD" | "CAD" | "AUD" | "NZD" | "HKD" | "SGD" | "MXN" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" | "CNY" => "¥",
        "INR" => "₹",
        "KRW" => "₩",
        "AFN" => "؋",
        _ => currency.code(),
    };
    for mark in [sign, currency.code(), &currency.stripe_code()] {
        if let Some(rest) = text.strip_prefix(mark).or_else(|| text.strip_suffix(mark)) {
            return rest.trim();
        }
    }
    text
}

fn latin_digit(character: char) -> Option<char> {
    let value = match character {
        '0'..='9' => return Some(character),
        '۰'..='۹' => character as u32 - '۰' as u32,
        '٠'..='٩' => character as u32 - '٠' as u32,
        _ => return None,
    };
    char::from_digit(value, 10)
}

/// Marks of writing direction, which copying from a right-to-left page brings along.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
