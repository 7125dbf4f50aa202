//! Money: an integer count of minor units and a currency. Never a float.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Currencies without minor units at Stripe. ISO 4217 differs for MGA (which has fifths) and ISK, UGX: Stripe takes the latter two
/// with two decimals that must be zero. Source: docs.stripe.com/currencies (zero-decimal and special cases).
const ZERO_DECIMAL: [[u8; 3]; 15] = codes("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF");

/// Currencies with thousandths; Stripe asks that the last digit be 0. Source: docs.stripe.com/currencies (three-decimal).
const THREE_DECIMAL: [[u8; 3]; 5] = codes("BHD JOD KWD OMR TND");

/// Two decimals on the wire, but only whole units exist.
const WHOLE_UNITS_ONLY: [[u8; 3]; 2] = codes("ISK UGX");

/// Every other currency that Stripe takes, in the order of the alphabet: two decimals. IRR is not among them.
const TWO_DECIMAL: [[u8; 3]; 119] = codes(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE \
    CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR \
    LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD \
    SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD YER ZAR ZMW",
);

/// Codes of three letters with a blank between each two.
const fn codes<const N: usize>(words: &str) -> [[u8; 3]; N] {
    let (bytes, mut codes, mut at) = (words.as_bytes(), [[0; 3]; N], 0);
    assert!(bytes.len() == 4 * N - 1);
    while at < N {
        codes[at] = [bytes[4 * at], bytes[4 * at + 1], bytes[4 * at + 2]];
        at += 1;
    }
    codes
}

/// A currency that Stripe takes, by its ISO 4217 code in capitals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType, Serialize, Deserialize)]
#[sea_orm(value_type = "String")]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code in capitals, `EUR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// The code as Stripe writes it, `eur`.
    pub fn stripe_code(&self) -> String {
        self.code().to_ascii_lowercase()
    }

    /// How many decimals an amount has on Stripe's wire: 0, 2 or 3.
    pub fn exponent(&self) -> u32 {
        if ZERO_DECIMAL.contains(&self.0) {
            0
        } else if THREE_DECIMAL.contains(&self.0) {
            3
        } else {
            2
        }
    }

    /// The smallest step that can be charged, in minor units: 100 for ISK and UGX, 10 for three-decimal currencies, else 1.
    pub fn step(&self) -> i64 {
        if WHOLE_UNITS_ONLY.contains(&self.0) {
            100
        } else if self.exponent() == 3 {
            10
        } else {
            1
        }
    }

    /// Stripe's minimum charge in minor units (docs.stripe.com/currencies, minimum amounts); where Stripe names none, about half a US
    /// dollar cannot be known, so one step. Stripe tests it in the settlement currency, so this is only an early check.
    pub fn stripe_minimum(&self) -> i64 {
        match self.code() {
            "GBP" => 30,
            "USD" | "EUR" | "AUD" | "CAD" | "CHF" | "NZD" | "SGD" | "BRL" | "INR" | "ZAR" => 50,
            "AED" | "MYR" | "PLN" | "RON" => 200,
            "CZK" => 1_500,
            "DKK" => 250,
            "HKD" => 400,
            "HUF" => 17_500,
            "JPY" | "KRW" => 50,
            "MXN" | "THB" => 1_000,
            "NOK" | "SEK" => 300,
            _ => self.step(),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let mut code: [u8; 3] = text.trim().as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        code.make_ascii_uppercase();
        let is_known = TWO_DECIMAL.binary_search(&code).is_ok() || ZERO_DECIMAL.contains(&code) || THREE_DECIMAL.contains(&code);
        if is_known { Ok(Self(code)) } else { Err(MoneyError::UnknownCurrency) }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

/// What can be wrong with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// Not a currency that Stripe takes.
    UnknownCurrency,
    /// Two currencies were mixed in one sum.
    CurrencyMismatch,
    /// The sum does not fit in 64 bits.
    Overflow,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCurrency => "not a currency that can be paid in",
            Self::CurrencyMismatch => "two currencies in one sum",
            Self::Overflow => "the amount is too large",
        })
    }
}

impl std::error::Error for MoneyError {}

/// An amount: minor units of a currency (cents for EUR, yen for JPY, fils for KWD). May be negative in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The count of minor units.
    pub minor: i64,
    /// The currency they are units of.
    pub currency: Currency,
}

impl Money {
    /// An amount of `minor` units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum, when the currencies agree and it fits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        self.minor.checked_add(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The amount times a count, when it fits.
    pub fn checked_mul(self, count: i64) -> Result<Self, MoneyError> {
        self.minor.checked_mul(count).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The amount with its sign turned, for the other side of a posting.
    pub fn negated(self) -> Result<Self, MoneyError> {
        self.minor.checked_neg().map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The plain decimal number with a full stop and the currency's decimals, for machines: `-50.00`, `1200`, `3.500`.
    pub fn decimal(self) -> String {
        // Digit by digit, from the last: exports write millions of them, and a formatter takes longer.
        let mut text = [b'0'; 24];
        let (mut place, mut rest, exponent) = (text.len(), self.minor.unsigned_abs(), self.currency.exponent() as usize);
        let mut digits = 0;
        while rest > 0 || digits <= exponent {
            if digits == exponent && exponent > 0 {
                place -= 1;
                text[place] = b'.';
            }
            place -= 1;
            text[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
            digits += 1;
        }
        if self.minor < 0 {
            place -= 1;
            text[place] = b'-';
        }
        String::from_utf8_lossy(&text[place..]).into_owned()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.decimal())
    }
}
