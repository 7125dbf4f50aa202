//! Tells supporters whose card is about to expire, once for each card.

use super::{
    letters::{self, News},
    store,
};
use crate::{app::App, error::Error};
use chrono::{Datelike, Days};

/// How many days before the end of a card's last month its supporter is told.
pub const DAYS_BEFORE: u64 = 30;

/// How many are read at once.
const ROUND: u64 = 100;

/// Writes to those whose card expires within [`DAYS_BEFORE`] days. Stripe says nothing of a card's expiry by itself, so this is a
/// schedule of ours. Returns how many gifts were looked at.
pub async fn remind(app: &App) -> Result<u64, Error> {
    // A card is good until the last day of its month, so those of the month that the day falls into are told.
    let day = app.today().checked_add_days(Days::new(DAYS_BEFORE)).unwrap_or(app.today());
    let (mut seen, mut last) = (0, None);
    loop {
        let round = store::cards_expiring(app.db.read(), i64::from(day.year()), i64::from(day.month()), last, ROUND).await?;
        for gift in &round {
            let (Some(year), Some(month)) = (gift.card_exp_year, gift.card_exp_month) else { continue };
            app.db.write(async |tx| letters::write(tx, app, gift, &News::CardExpiring { year, month }).await).await?;
            seen += 1;
        }
        last = round.last().map(|gift| gift.id);
        if last.is_none() {
            return Ok(seen);
        }
    }
}
