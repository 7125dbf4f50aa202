//! The desk's home: what came in, and what waits for a person.

mod home;
mod store;

pub use home::routes;

use crate::{
    app::App,
    clock::start_of_day,
    donations::by_hand::transfers,
    error::Error,
    ledger::{self, Income},
    payouts, promises,
    receipts::annual,
    wishes,
};
use chrono::{DateTime, Days, Utc};
use entity::words::Role;

/// How many days back a failed refund and late money are called to mind: by then somebody has found a way, or will not.
const REFUND_DAYS: u64 = 30;

/// Something that waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its text, which takes the count.
    pub text: &'static str,
    /// How many there are.
    pub count: u64,
    /// Where it is done; empty where only the log says more.
    pub path: &'static str,
}

/// What came in, net of what went back, as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Since midnight in the organisation's time zone, by currency.
    pub today: Vec<Income>,
    /// In the last thirty of its days, today included, by currency.
    pub thirty_days: Vec<Income>,
}

/// Adds up what came in.
pub async fn add_up(app: &App) -> Result<Figures, Error> {
    let db = app.db.read();
    Ok(Figures {
        today: ledger::income_since(db, midnight(app, 0)).await?,
        thirty_days: ledger::income_since(db, midnight(app, 29)).await?,
    })
}

/// What waits for a member of staff with this role, the most pressing first; what nothing waits for is left out.
pub async fn needs(app: &App, role: Role) -> Result<Vec<Need>, Error> {
    let (db, now) = (app.db.read(), app.now());
    let mut needs = Vec::new();
    let mut add = |text, path, count| {
        if count > 0 {
            needs.push(Need { text, count, path });
        }
    };
    let money_left = wishes::with_money_left(db, now).await?.len() as u64;
    if matches!(role, Role::Admin | Role::Finance) {
        add("desk-need-disputes", "/desk/disputes", store::disputes_to_answer(db, now).await?);
        add("desk-need-differences", "/desk/differences", store::open_differences(db).await?);
        let overdue = payouts::keeping::overdue(app).await?.map_or(0, |since| (now - since).num_hours().max(1).unsigned_abs());
        add("desk-need-reconcile", "/desk/differences", overdue);
        add("desk-need-unmapped", "/desk/payouts/unmapped", payouts::store::count_left_over(db).await?);
        add("desk-need-refunds", "/desk/refunds?state=failed", store::refunds_failed_since(db, midnight(app, REFUND_DAYS)).await?);
        let outdated = annual::outdated(app).await?.iter().map(|(_, count)| count).sum();
        add("desk-need-statements", "/desk/annual-receipts", outdated);
        add("desk-need-choices-trouble", "/desk/promises", store::choices_in_trouble(db).await?);
        add("desk-need-choices", "/desk/promises", store::choices_waiting(db).await?);
        add("desk-need-give-back", "/desk/promises", promises::store::to_give_back(db).await?.len() as u64);
        add("desk-need-late-gifts", "/desk/promises", promises::count_late(app).await?);
        add("desk-need-money-to-decide", "/desk/promises", money_left);
        add("desk-need-transfers", "/desk/donations/transfers", transfers::count_waiting(db).await?);
        add("desk-need-past-due", "/desk/recurring?status=past_due", store::gifts_past_due(db).await?);
        add("desk-need-letters", "/desk/letters?state=trouble", store::letters_in_trouble(db).await?);
    }
    if matches!(role, Role::Admin | Role::Editor) {
        add("desk-need-orders", "/desk/wish-list/orders", store::orders_to_confirm(db, now).await?);
        let stalled = wishes::store::stalled(db, wishes::stalled_since(app)).await?.len();
        add("desk-need-stalled", "/desk/wish-list?status=stalled", stalled as u64);
        add("desk-need-money-left", "/desk/wish-list?status=with-money", money_left);
        add("desk-need-late", "/desk/wish-list/late", store::late_money_since(db, midnight(app, REFUND_DAYS)).await?);
    }
    add("desk-need-jobs", "", store::jobs_given_up(db).await?);
    Ok(needs)
}

/// The first moment of a day of the organisation, so many days before today.
fn midnight(app: &App, days: u64) -> DateTime<Utc> {
    start_of_day(app.config.org_timezone, app.today() - Days::new(days))
}
