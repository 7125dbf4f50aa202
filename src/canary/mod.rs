//! The canary: once a day a practice payment in Stripe's test mode, and an alarm when Stripe's message about it does not come back. So a
//! link that has gone silent (a proxy, a certificate, a webhook that somebody deleted) is noticed on a day without gifts too.
//!
//! It is kept apart from everything that counts: a key of its own that must be a test key, a webhook address and secret of its own, one
//! table of its own. It makes no donation, posts nothing to the ledger, and a message that says it is live is refused.

mod store;
mod webhook;

pub use store::{State, state};
pub use webhook::routes;

use crate::{
    app::App,
    error::Error,
    mail::outbox::NewLetter,
    payments::{Stripe, StripeFailure},
};
use chrono::TimeDelta;
use entity::words::LetterKind;

/// How long Stripe's message may take before the link counts as silent.
pub const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// How often a practice payment is made.
pub const EVERY: TimeDelta = TimeDelta::hours(24);

/// Begins a run: written down first, then paid. Nothing is done where no test key is set. Returns its id.
pub async fn begin(app: &App) -> Result<Option<String>, Error> {
    let Some(canary) = &app.config.canary else { return Ok(None) };
    let stripe = Stripe::new(&canary.key, app.stripe.api_base()).map_err(|error| Error::Invalid(format!("STRIPE_CANARY_KEY: {error}")))?;
    let (id, now) = (app.random.token(), app.now());
    app.db.write(async |tx| store::add(tx, &id, now).await).await?;
    if let Err(failure) = stripe.pay_for_practice(&id).await {
        tracing::error!(?failure, "the canary's practice payment was not made");
        let why = tell(&failure);
        app.db.write(async |tx| store::fail(tx, &id, &why).await).await?;
    }
    Ok(Some(id))
}

fn tell(failure: &StripeFailure) -> String {
    match failure {
        StripeFailure::Unreachable => "Stripe did not answer".to_owned(),
        StripeFailure::Busy { status } => format!("Stripe answered with status {status}"),
        StripeFailure::Refused { status, code, .. } => format!("Stripe refused with status {status}, {code}"),
        StripeFailure::BadAnswer { detail } => (*detail).to_owned(),
    }
}

/// Writes to finance and administrators when the last run went unheard or could not be made. Once for each run, however often it is asked.
pub async fn look(app: &App) -> Result<bool, Error> {
    let (id, why) = match state(app).await? {
        State::Silent { id, .. } => (id, "Stripe took a practice payment, and its message about it has not come to this program."),
        State::Failed { id, .. } => (id, "The daily practice payment could not be made."),
        State::Off | State::Waiting | State::Well(_) => return Ok(false),
    };
    let (now, link) = (app.now(), app.config.link("/desk"));
    app.db
        .write(async |tx| {
            for person in store::people(tx).await? {
                let letter = NewLetter {
                    kind: LetterKind::StaffNotice,
                    dedupe_key: format!("canary:{id}:{}", person.id),
                    donation_id: None,
                    receipt_id: None,
                    to_address: person.email,
                    to_name: person.name,
                    subject: "Stripe may not reach us".to_owned(),
                    text: format!(
                        "{why}\n\nGifts that are paid now may be noticed late: the program asks Stripe itself every ten minutes, so none is lost. \
                         Look at the webhook in Stripe’s dashboard and run `wellwisher doctor`.\n\n{link}\n"
                    ),
                    html: String::new(),
                    language: "en".to_owned(),
                };
                app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
            }
            Ok(())
        })
        .await?;
    app.bell.notify_waiters();
    Ok(true)
}
