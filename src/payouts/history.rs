//! The past of an existing Stripe account, charge by charge: what `donations` takes as a gift, with the movement of the balance that brought it.

use super::{keeping, mapping, movements, store};
use crate::{
    app::App,
    donations::{
        back,
        import::{
            self, Options,
            stripe::{self, History, Judged, tell},
        },
        settle::Applied,
    },
    error::Error,
    payments::{Pages, PastCharge},
};
use chrono::{DateTime, Utc};
use entity::{donation, fund, ids::DonationId, words::BalanceMapping};
use sea_orm::DatabaseTransaction;
use std::collections::HashSet;

/// Imports what was charged from `since` until before `until`. `progress` hears how many charges were looked at.
pub async fn import_history(
    app: &App,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    options: &Options,
    progress: impl Fn(u64),
) -> Result<History, Error> {
    keeping::refuse_test_key(app).await?;
    let fund = import::find_fund(app.db.read(), options.fund.as_deref()).await?;
    // A refund that failed leaves no mark on its charge, and its movements are the gift's all the same.
    let refunded: HashSet<String> =
        app.stripe.refunds_since(since).await.map_err(tell)?.into_iter().filter_map(|one| one.charge_id).collect();
    let mut history = History::default();
    let mut pages = Pages::new();
    while let Some(place) = pages.ahead().map_err(tell)? {
        let page = pages.turn(app.stripe.list_charges(since, until, place.as_deref()).await.map_err(tell)?);
        if !page.unread.is_empty() {
            history.skipped.entry("not to be read: the log says why").or_default().extend(page.unread);
        }
        for charge in &page.items {
            let came_back = charge.came_back || refunded.contains(&charge.charge_id);
            take(app, charge, came_back, fund.as_ref(), options, &mut history).await?;
            progress(history.seen);
        }
    }
    Ok(history)
}

async fn take(
    app: &App,
    charge: &PastCharge,
    came_back: bool,
    fund: Option<&fund::Model>,
    options: &Options,
    history: &mut History,
) -> Result<(), Error> {
    let known = match stripe::judge(app, charge, options, history).await? {
        Judged::Nothing => return Ok(()),
        Judged::Known(known) => Some(*known),
        Judged::New => None,
    };
    let is_first = history.added == 0;
    history.added += u64::from(known.is_none());
    if options.dry_run {
        return Ok(());
    }
    let donation = match known {
        Some(known) => known,
        None => {
            let write = async |tx: &DatabaseTransaction| {
                let donation = stripe::write_in(tx, app, charge, fund, is_first).await?;
                if let Some(fee) = &charge.fee {
                    own(tx, donation.id, &fee.balance_transaction_id, Some(BalanceMapping::Gift), app.now()).await?;
                }
                Ok(donation)
            };
            app.db.write(write).await?
        }
    };
    // The run that added it may have ended before the rest was asked for.
    if came_back && charge.payment_intent_id.is_some() && !take_back(app, &donation).await? {
        history.skipped.entry(REFUSED).or_default().push(charge.charge_id.clone());
        return Ok(());
    }
    // One that another run brought, and that is no gift as this one is asked for, gets none.
    if options.receipts && stripe::is_asked_for(options, charge) { stripe::give_receipt(app, charge, &donation).await } else { Ok(()) }
}

/// What went back of a gift and cannot be booked: nobody can say of how much its receipt would be.
const REFUSED: &str = "only what went back of it, which does not fit: the gift's story says why, and it gets no receipt";

/// What went back is asked for and booked by the door through which it comes for our own payments. Returns whether it fits the gift.
async fn take_back(app: &App, donation: &donation::Model) -> Result<bool, Error> {
    let present = back::ask(app, donation, None, true).await.map_err(tell)?;
    let movements: Vec<&str> = present.returned.iter().flat_map(back::Returned::movements).map(|movement| movement.id.as_str()).collect();
    let write = async |tx: &DatabaseTransaction| {
        if matches!(back::apply_in(tx, app, donation.id, &present).await?, Applied::Refused(_)) {
            return Ok(false);
        }
        for id in &movements {
            own(tx, donation.id, id, None, app.now()).await?;
        }
        Ok(true)
    };
    app.db.write(write).await
}

/// A movement of Stripe's balance is this donation's, whatever it was taken for before, also by a person: it counts once, and where Stripe
/// keeps it. `to` is what it is, where its category need not say so. One that has not been read yet becomes the donation's when it is.
async fn own(
    tx: &DatabaseTransaction,
    donation: DonationId,
    id: &str,
    to: Option<BalanceMapping>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    // The row's lock first: a person may be saying at this moment what it is.
    let Some(mut movement) = store::lock_movement(tx, id).await? else { return Ok(()) };
    let to = to.unwrap_or_else(|| mapping::mapping_in(&movement.balance, &movement.kind, &movement.category, true));
    if mapping::is_posted_here(to) || (movement.mapped_to, movement.donation_id) == (to, Some(donation)) {
        return Ok(());
    }
    movement.donation_id = Some(donation);
    mapping::map_to(tx, &movement, to, now).await?;
    movement.mapped_to = to;
    movements::note_where_it_is(tx, &movement, now).await
}
