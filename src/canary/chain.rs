//! A run: one link after the other, each written down before it is tried.

use super::store;
use crate::{
    app::App,
    config::Canary,
    error::Error,
    mail::outbox::NewLetter,
    payments::{CHECKOUT_LIFE, CheckoutStatus, NewCheckout, PRACTICE_MINOR, Stripe, StripeFailure},
};
use entity::{
    Money, canary_link, canary_run,
    words::{CanaryLink, LetterKind, LetterState},
};
use std::pin::Pin;

/// How the books are tried: by the slice that knows them, which stands after this one.
pub type Rehearsal = for<'a> fn(&'a App) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Who a practice checkout is for: nobody.
const PAYER: &str = "canary@example.org";

/// Why a link counts as silent that the program does not survive.
const STOPPED: &str = "the program stopped in the middle of it";

/// Begins a run and tries every link. Nothing is done where no test key is set. Returns its id.
pub async fn begin(app: &App, rehearse: Rehearsal) -> Result<Option<String>, Error> {
    let Some(canary) = &app.config.canary else { return Ok(None) };
    let (id, now) = (app.random.token(), app.now());
    let unfinished = match store::last(app.db.read()).await? {
        Some((_, links)) => words(&unfinished(canary, &links)),
        None => String::new(),
    };
    if !unfinished.is_empty() {
        tracing::warn!(unfinished, "the canary's last run was not finished: a new one begins");
    }
    let run = canary_run::Model { id: id.clone(), started_at: now, unfinished };
    app.db.write(async |tx| store::add(tx, &run).await).await?;
    go_on(app, canary, &run, &[], &[], rehearse).await?;
    Ok(Some(id))
}

/// Takes up a run that was broken off: what it had not finished is tried again. A link in whose middle the program stops after that is silent,
/// so that one which ends the program does so twice at most.
pub(super) async fn take_up(app: &App, canary: &Canary, rehearse: Rehearsal) -> Result<(), Error> {
    let Some((run, links)) = store::last(app.db.read()).await? else { return Ok(()) };
    let last_sign = links.iter().map(|link| link.tried_at).max().unwrap_or(run.started_at);
    let left = unfinished(canary, &links);
    if left.is_empty() || last_sign + super::BROKEN_OFF_AFTER > app.now() {
        return Ok(());
    }
    if left == [CanaryLink::Letter] {
        // Nothing was broken off: nobody had said yet where it goes.
        return go_on(app, canary, &run, &links, &[], rehearse).await;
    }
    let (again, now) = (words(&left), app.now());
    tracing::warn!(unfinished = again, "the canary's run was broken off: it is taken up again");
    let open: Vec<&canary_link::Model> = links.iter().filter(|row| left.contains(&row.link)).collect();
    // One transaction: whoever looks beside us sees a run that is being worked on, or still the broken one.
    let claimed = app
        .db
        .write(async |tx| {
            let mut claimed = Vec::new();
            for row in &open {
                if is_in(&run.unfinished, row.link) {
                    store::stop(tx, row, STOPPED).await?;
                } else if store::claim(tx, &run.id, row.link, Some(row), now).await? {
                    claimed.push(row.link);
                }
            }
            store::note_unfinished(tx, &run.id, &again).await?;
            Ok(claimed)
        })
        .await?;
    go_on(app, canary, &run, &links, &claimed, rehearse).await
}

/// The links that were not tried to the end. What only waits for a sign (the message, the letter) was.
fn unfinished(canary: &Canary, links: &[canary_link::Model]) -> Vec<CanaryLink> {
    use CanaryLink::{Books, Checkout, Letter, Payment};
    let is_open = |row: &canary_link::Model| row.link != Letter && store::is_open(row);
    let is_left = |link: &CanaryLink| links.iter().find(|row| row.link == *link).is_none_or(is_open);
    [Checkout, Payment, Books, Letter].into_iter().filter(|link| *link != Letter || canary.email.is_some()).filter(is_left).collect()
}

fn words(links: &[CanaryLink]) -> String {
    links.iter().map(CanaryLink::as_str).collect::<Vec<_>>().join(" ")
}

/// Whether a link is one of these.
pub(super) fn is_in(words: &str, link: CanaryLink) -> bool {
    words.split(' ').any(|word| word == link.as_str())
}

/// Tries what was `claimed` anew, and what was not tried yet. Whoever claims a link tries it, so two processes at one run do nothing twice.
async fn go_on(
    app: &App,
    canary: &Canary,
    run: &canary_run::Model,
    links: &[canary_link::Model],
    claimed: &[CanaryLink],
    rehearse: Rehearsal,
) -> Result<(), Error> {
    let stripe = Stripe::new(&canary.key, app.stripe.api_base()).map_err(|error| format!("STRIPE_CANARY_KEY: {error}"));
    for link in [CanaryLink::Checkout, CanaryLink::Payment, CanaryLink::Books] {
        let (seen, now) = (links.iter().find(|row| row.link == link), app.now());
        let is_ours = match seen {
            Some(_) => claimed.contains(&link),
            None => app.db.write(async |tx| store::claim(tx, &run.id, link, None, now).await).await?,
        };
        if !is_ours {
            continue;
        }
        let tried = match (link, &stripe) {
            (CanaryLink::Books, _) => rehearse_apart(app, rehearse).await,
            (_, Err(why)) => Err(why.clone()),
            (CanaryLink::Checkout, Ok(stripe)) => try_checkout(app, stripe, &run.id, seen).await?.map_err(|failure| tell(&failure)),
            (_, Ok(stripe)) => stripe.pay_for_practice(&run.id).await.map_err(|failure| tell(&failure)),
        };
        if let Err(why) = &tried {
            tracing::error!(link = link.as_str(), why, "a link of the canary's chain does not hold");
        }
        let (tried, now) = (tried.as_ref().map(|_| ()).map_err(String::as_str), app.now());
        app.db.write(async |tx| store::end(tx, &run.id, link, tried, now).await).await?;
    }
    if let Some(address) = &canary.email {
        send_letter(app, run, address).await?;
    }
    Ok(())
}

/// Rehearses in a task of its own: whatever breaks in it is its failure, and ends nothing else. Details are for the log, because every page of
/// the desk says why a link is silent.
async fn rehearse_apart(app: &App, rehearse: Rehearsal) -> Result<(), String> {
    let theirs = app.clone();
    match tokio::spawn(async move { rehearse(&theirs).await }).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Error::Conflict(why) | Error::Invalid(why))) => Err(why),
        Ok(Err(error)) => {
            tracing::error!(%error, "the canary's gift could not be settled");
            Err("a practice gift could not be settled: the log says why".to_owned())
        }
        Err(_) => Err("the program failed in the middle of it: the log says where".to_owned()),
    }
}

fn tell(failure: &StripeFailure) -> String {
    match failure {
        StripeFailure::Unreachable => "Stripe did not answer".to_owned(),
        StripeFailure::Busy { status } => format!("Stripe answered with status {status}"),
        StripeFailure::Refused { status, code, .. } => {
            let lacking = failure.lacking();
            let lacking = if lacking.is_empty() { String::new() } else { format!(": the key lacks {lacking}") };
            format!("Stripe refused with status {status}, {code}{lacking}")
        }
        StripeFailure::BadAnswer { detail } => (*detail).to_owned(),
    }
}

/// Makes a checkout and ends it, so that none stays open. One that a run had made before it was broken off is ended; where even its name is not
/// known, it ends by itself at Stripe in [`CHECKOUT_LIFE`].
async fn try_checkout(
    app: &App,
    stripe: &Stripe,
    run: &str,
    known: Option<&canary_link::Model>,
) -> Result<Result<(), StripeFailure>, Error> {
    let (now, page) = (app.now(), app.config.link("/donate"));
    let money = Money::new(PRACTICE_MINOR, "USD".parse().map_err(|_| Error::Internal("the dollar is not known".to_owned()))?);
    let session = match known.filter(|row| !row.reference.is_empty()) {
        Some(row) => row.reference.clone(),
        None => {
            let new = NewCheckout {
                idempotency_key: format!("canary:checkout:{run}:{}", now.timestamp()),
                donation_id: run.to_owned(),
                money,
                product_name: app.config.org_name.clone(),
                email: PAYER.to_owned(),
                success_url: page.clone(),
                cancel_url: page,
                locale: "en".to_owned(),
                expires_at: now + CHECKOUT_LIFE,
                recurring: None,
            };
            let session = match stripe.open_for_practice(&new).await {
                Ok(checkout) => checkout.session_id,
                Err(failure) => return Ok(Err(failure)),
            };
            app.db.write(async |tx| store::refer(tx, run, CanaryLink::Checkout, &session).await).await?;
            session
        }
    };
    let ended = match stripe.expire_checkout(&session).await {
        // It is over already.
        Err(StripeFailure::Refused { .. }) => stripe.fetch_checkout(&session).await,
        answer => answer,
    };
    Ok(match ended {
        Ok(state) if state.status == CheckoutStatus::Expired && state.amount == Some(money) && !state.livemode => Ok(()),
        Ok(_) => Err(StripeFailure::BadAnswer { detail: "the practice checkout is not the one that was asked for, or did not end" }),
        Err(failure) => Err(failure),
    })
}

/// Writes the practice letter, together with that it was tried.
async fn send_letter(app: &App, run: &canary_run::Model, address: &str) -> Result<(), Error> {
    let letter = NewLetter {
        kind: LetterKind::StaffNotice,
        dedupe_key: format!("canary-letter:{}", run.id),
        donation_id: None,
        receipt_id: None,
        to_address: address.to_owned(),
        to_name: String::new(),
        subject: "Practice letter: letters leave".to_owned(),
        text: "This is the daily practice letter. It shows that letters leave, and nothing is to be done.\n".to_owned(),
        html: String::new(),
        language: "en".to_owned(),
        discreet: false,
    };
    let now = app.now();
    let written = app
        .db
        .write(async |tx| {
            if !store::claim(tx, &run.id, CanaryLink::Letter, None, now).await? {
                return Ok(false);
            }
            let id = app.outbox.enqueue(tx, letter.clone(), app.new_id(), now).await?;
            store::refer(tx, &run.id, CanaryLink::Letter, &id.to_string()).await?;
            Ok(true)
        })
        .await?;
    if written {
        app.bell.notify_waiters();
    }
    Ok(())
}

/// Looks what became of the last run's practice letter.
pub(super) async fn watch_letter(app: &App) -> Result<(), Error> {
    let Some((run, links)) = store::last(app.db.read()).await? else { return Ok(()) };
    let Some(row) = links.iter().find(|row| row.link == CanaryLink::Letter && store::is_open(row)) else { return Ok(()) };
    let letter = store::letter(app.db.read(), &row.reference).await?;
    let (at, why) = match letter {
        Some(letter) => match letter.state {
            LetterState::Queued | LetterState::Leased | LetterState::Deferred => return Ok(()),
            LetterState::Sent => (letter.sent_at.unwrap_or(app.now()), None),
            state => (app.now(), Some(format!("the letter is {state}"))),
        },
        None => (app.now(), Some("the letter is not there any more".to_owned())),
    };
    let found = why.as_deref().map_or(Ok(()), Err);
    app.db.write(async |tx| store::end(tx, &run.id, CanaryLink::Letter, found, at).await).await?;
    Ok(())
}
