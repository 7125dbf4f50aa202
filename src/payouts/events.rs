//! Stripe's events about payouts: hints to ask how the payout stands.

use super::{
    follow::{self, Followed},
    movements::TakenIn,
};
use crate::{app::App, donations, error::Error, jobs::Outcome, recurring};
use entity::stripe_event;
use sea_orm::EntityTrait;

/// The job: acts on a stored event, whatever it is about.
pub async fn act(app: &App, event_id: &str) -> Outcome {
    match act_on(app, event_id).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => recurring::events::act(app, event_id).await,
        Err(error) => error.into(),
    }
}

async fn act_on(app: &App, event_id: &str) -> Result<Option<Outcome>, Error> {
    let Some(event) = stripe_event::Entity::find_by_id(event_id).one(app.db.read()).await? else { return Ok(None) };
    if !event.event_type.starts_with("payout.") || !event.object_id.starts_with("po_") {
        return Ok(None);
    }
    let fact = match app.stripe.fetch_payout(&event.object_id).await {
        Ok(fact) => fact,
        Err(failure) if failure.outcome_unknown() => {
            return Ok(Some(Outcome::Retry(format!("Stripe did not tell how a payout stands: {failure:?}"))));
        }
        Err(failure) if failure.is_missing() => {
            return donations::events::conclude(app, &event, None, "left alone: Stripe has no such payout").await.map(Some);
        }
        Err(failure) => return Ok(Some(Outcome::GiveUp(format!("Stripe refused to tell how a payout stands: {failure:?}")))),
    };
    let mut taken = TakenIn::default();
    follow::follow(app, &fact, &mut taken, &mut Followed::default()).await?;
    if let Some(unlisted) = taken.unlisted.first() {
        return Ok(Some(Outcome::Retry(unlisted.why.clone())));
    }
    donations::events::conclude(app, &event, None, "applied").await.map(Some)
}
