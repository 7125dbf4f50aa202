//! What a page asks for: the giving form, its amounts and its checks.
//!
//! [`form::GivingForm`] is shown on articles, campaigns, items and `/donate`; [`gift::parse_gift`] turns what was sent into a
//! [`gift::Gift`] that cannot be wrong, or into one sentence for each field that is. [`target`] says what a gift is for.

pub mod amount;
pub mod form;
pub mod gift;
pub mod particulars;
pub mod rules;
pub mod store;
pub mod target;
pub mod token;

pub use form::{GivingForm, Prefill};
pub use gift::{Gift, RawGift, parse_gift};
pub use particulars::{Declared, Particulars};
pub use target::{Target, TargetItem, accepts_gifts, article_may_ask, asks_for_nothing};

use crate::{
    config::{Config, Limits},
    error::Error,
};
use entity::{Currency, Money};

/// The smallest and largest gift in `currency`.
pub fn limits(config: &Config, currency: Currency) -> Limits {
    config.limits(currency)
}

/// What to add to `gift` so that, after Stripe's estimated fee on the whole, the organisation has all of it: the smallest multiple of
/// the currency's step that does. The rate is a setting, because Stripe's differs by country and card; what Stripe then really
/// keeps is booked from Stripe's own figures.
pub fn fee_cover(config: &Config, gift: Money) -> Result<Money, Error> {
    let step = i128::from(gift.currency.step());
    let kept = i128::from(10_000 - config.fee_basis_points);
    let needed = (i128::from(gift.minor) + i128::from(fixed_fee(config, gift.currency).minor)) * 10_000;
    let charge = div_up(div_up(needed, kept), step) * step;
    let charge = i64::try_from(charge).map_err(|_| Error::Invalid("the amount is too large".to_owned()))?;
    Ok(Money::new(charge - gift.minor, gift.currency))
}

/// The part of the fee that does not grow with the gift. The setting is in hundredths of the unit.
pub fn fixed_fee(config: &Config, currency: Currency) -> Money {
    let minor = match currency.exponent() {
        0 => (config.fee_fixed + 99) / 100,
        3 => config.fee_fixed * 10,
        _ => config.fee_fixed,
    };
    Money::new(minor, currency)
}

const fn div_up(number: i128, by: i128) -> i128 {
    (number + by - 1) / by
}

/// The suggested amounts that can be given in `currency`, in minor units; where the settings' amounts do not fit the
/// currency (10 is no gift in yen), one, two, five and ten times the smallest gift.
pub fn suggestions(config: &Config, currency: Currency) -> Vec<Money> {
    let limits = limits(config, currency);
    let unit = 10i64.pow(currency.exponent());
    let allowed = |minor: &i64| (limits.min.minor..=limits.max.minor).contains(minor);
    let set: Vec<i64> = config.org_amounts.iter().filter_map(|amount| amount.checked_mul(unit)).filter(allowed).collect();
    let chosen = if set.len() < 2 { [1, 2, 5, 10].iter().map(|times| limits.min.minor * times).filter(allowed).collect() } else { set };
    chosen.into_iter().map(|minor| Money::new(minor, currency)).collect()
}
