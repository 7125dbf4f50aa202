//! Stripe's events about subscriptions and their invoices; all others are the donations' own.

use super::{By, Refreshed, refresh, store, tell};
use crate::{app::App, donations, error::Error, jobs::Outcome, payments::event::Event};
use entity::{ids::RecurringId, recurring_donation, stripe_event};
use sea_orm::EntityTrait;

/// The beginnings of the kinds that tell us something.
const OURS: [&str; 4] = ["customer.subscription.", "customer.updated", "invoice.", "invoice_payment."];

/// The job: acts on a stored event.
pub async fn act(app: &App, event_id: &str) -> Outcome {
    match act_on(app, event_id).await {
        Ok(outcome) => outcome,
        Err(error) => error.into(),
    }
}

async fn act_on(app: &App, event_id: &str) -> Result<Outcome, Error> {
    let row = stripe_event::Entity::find_by_id(event_id).one(app.db.read()).await?;
    let Some(row) = row.filter(|row| OURS.iter().any(|beginning| row.event_type.starts_with(beginning))) else {
        return Ok(donations::events::act(app, event_id).await);
    };
    let Ok(event) = Event::parse(row.payload.as_bytes()) else {
        return donations::events::conclude(app, &row, None, "refused: not understood").await;
    };
    let Some(gift) = find(app, &event).await? else {
        return donations::events::conclude(app, &row, None, "left alone: not one of our recurring donations").await;
    };
    let outcome = match refresh(app, gift.id, &By::Stripe).await? {
        Refreshed::NotBegun => return Ok(Outcome::Retry("the subscription is known, but its checkout is not complete".to_owned())),
        Refreshed::Refused(why) => format!("refused: {why}"),
        Refreshed::Unchanged | Refreshed::Changed => "applied".to_owned(),
    };
    donations::events::conclude(app, &row, None, &outcome).await
}

/// Ours are those that carry our metadata, or whose subscription we know; everything else on the account is left alone.
async fn find(app: &App, event: &Event) -> Result<Option<recurring_donation::Model>, Error> {
    if let Some(id) = event.recurring_id.as_deref().and_then(|id| id.parse::<RecurringId>().ok())
        && let Some(found) = store::find(app.db.read(), id).await?
    {
        return Ok(Some(found));
    }
    // A part of an invoice names its invoice only.
    let of_invoice = match event.invoice_id() {
        Some(id) => match app.stripe.fetch_invoice(id).await {
            Ok(invoice) => invoice.subscription_id,
            // Whose invoice Stripe does not show us is not ours.
            Err(failure) if !failure.outcome_unknown() => None,
            Err(failure) => return Err(tell(&failure)),
        },
        None => None,
    };
    match (event.subscription_id.as_ref().or(of_invoice.as_ref()), event.customer_id()) {
        (Some(id), _) => Ok(store::find_by_subscription(app.db.read(), id).await?),
        // Another card, given on Stripe's page, is told of the customer alone.
        (None, Some(id)) => Ok(store::find_by_customer(app.db.read(), id).await?),
        (None, None) => Ok(None),
    }
}

/// The job after a settled first payment: brings one recurring donation up to date.
pub async fn look_after(app: &App, id: &str) -> Outcome {
    let Ok(id) = id.parse::<RecurringId>() else { return Outcome::GiveUp("not an id".to_owned()) };
    match refresh(app, id, &By::Stripe).await {
        Ok(_) => Outcome::Done,
        Err(error) => error.into(),
    }
}
