//! What the stand-in keeps of a payment, and at which rate it changes money. Practice figures: Stripe's own are a matter of contract.

use entity::{Currency, Money};

/// Worth of one major unit in millionths of a US dollar; a currency that is not listed counts as one dollar.
const RATES: [(&str, i32); 10] = [
    ("USD", 1_000_000),
    ("EUR", 1_100_000),
    ("GBP", 1_300_000),
    ("CHF", 1_150_000),
    ("CAD", 730_000),
    ("AUD", 660_000),
    ("SEK", 95_000),
    ("JPY", 6_500),
    ("KWD", 3_250_000),
    ("AFN", 14_000),
];

/// The fee of one payment: a share and a fixed part, both in the settlement currency.
#[derive(Clone, Debug)]
pub struct Fees {
    /// Hundredths of a per cent.
    pub basis_points: i64,
    /// Hundredths of a major unit; in currencies without decimals, whole units.
    pub fixed_cents: i64,
    /// The currency that payments are settled in; `None` for each in its own.
    pub settlement_currency: Option<Currency>,
}

impl Default for Fees {
    /// 2.9 % and 30 cents, settled in the currency paid in.
    fn default() -> Self {
        Self { basis_points: 290, fixed_cents: 30, settlement_currency: None }
    }
}

impl Fees {
    /// The fee on an amount in the settlement currency, in minor units, never more than the amount.
    pub fn on(&self, gross: Money) -> i64 {
        let share = (i128::from(gross.minor) * i128::from(self.basis_points) + 5_000) / 10_000;
        let fixed = if gross.currency.exponent() == 3 { self.fixed_cents * 10 } else { self.fixed_cents };
        i64::try_from(share).unwrap_or(i64::MAX).saturating_add(fixed).clamp(0, gross.minor.max(0))
    }

    /// An amount in the settlement currency, and the rate when it differs.
    pub fn settle(&self, paid: Money) -> (Money, Option<f64>) {
        let Some(target) = self.settlement_currency.filter(|target| *target != paid.currency) else { return (paid, None) };
        let up = i128::from(worth(paid.currency)) * 10i128.pow(target.exponent());
        let down = i128::from(worth(target)) * 10i128.pow(paid.currency.exponent());
        let product = i128::from(paid.minor) * up;
        let minor = (product + product.signum() * (down / 2)) / down;
        // Shown as Stripe shows it; nothing is computed from it.
        let rate = f64::from(worth(paid.currency)) / f64::from(worth(target));
        (Money::new(i64::try_from(minor).unwrap_or(i64::MAX), target), Some(rate))
    }
}

fn worth(currency: Currency) -> i32 {
    RATES.iter().find(|(code, _)| *code == currency.code()).map_or(1_000_000, |(_, worth)| *worth)
}
