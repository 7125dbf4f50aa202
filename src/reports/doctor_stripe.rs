//! Whether Stripe answers, tells all that the program asks of it, sends what it needs, and was asked lately.

use super::doctor::Finding;
use crate::{
    app::App,
    config::PaymentWay,
    error::Error,
    payments::{
        event,
        rights::{Endpoint, RIGHTS},
    },
    payouts::{differences, keeping},
};

/// Each right that the program needs is tried, and all that are missing are named.
pub(super) async fn look_at_stripe(app: &App) -> Result<Finding, Error> {
    let mode = if app.stripe.livemode() { "live" } else { "test" };
    let who = match &app.config.payment {
        PaymentWay::Standin(_) => "the stand-in".to_owned(),
        PaymentWay::Stripe { .. } => format!("Stripe in {mode} mode"),
    };
    let mut missing = Vec::new();
    for right in &RIGHTS {
        match app.stripe.try_right(right).await {
            Ok(()) => {}
            Err(failure) if failure.lacks_right() => missing.push(match failure.lacking() {
                "" => right.name.to_owned(),
                word => format!("{} ({word})", right.name),
            }),
            Err(failure) if failure.outcome_unknown() => {
                let told = format!("{who} does not answer: {failure}");
                return Ok(Finding::fail("stripe", told, "See whether this machine reaches STRIPE_API_BASE."));
            }
            Err(failure) => {
                let told = format!("{who} refuses our key where it is asked for {}: {failure}", right.name);
                return Ok(Finding::fail("stripe", told, "Check STRIPE_SECRET_KEY."));
            }
        }
    }
    Ok(if missing.is_empty() {
        Finding::ok("stripe", format!("{who} answers, and the key may read all that is needed"))
    } else {
        Finding::fail(
            "stripe",
            format!("{who} answers, but the key lacks rights: {}", missing.join(", ")),
            "In Stripe's dashboard, under Developers, API keys, give the restricted key these rights: write for Checkout Sessions, Refunds, \
             Subscriptions, Invoices, Customers and Customer portal, read for the others.",
        )
    })
}

/// Whether the endpoint at Stripe sends every event that is acted on. What it does not send is found later, by asking.
pub(super) async fn look_at_endpoint(app: &App) -> Result<Finding, Error> {
    const FIX: &str = "In Stripe's dashboard, under Developers, Webhooks, have the endpoint BASE_URL/webhooks/stripe send these events.";
    if app.config.is_practice() {
        return Ok(Finding::ok("endpoint", "the stand-in sends every event"));
    }
    let url = app.config.link("/webhooks/stripe");
    let all = || event::all_needed().collect::<Vec<_>>().join(", ");
    let endpoints = match app.stripe.endpoints().await {
        Ok(endpoints) => endpoints,
        Err(failure) if failure.lacks_right() => {
            let told = format!("the key may not read Webhook Endpoints, so see yourself that {url} is sent {}", all());
            return Ok(Finding::ok("endpoint", told));
        }
        Err(failure) => {
            let told = format!("Stripe did not tell of its endpoints: {failure}");
            return Ok(Finding::warn("endpoint", told, "See whether this machine reaches STRIPE_API_BASE, and check STRIPE_SECRET_KEY."));
        }
    };
    let ours: Vec<&Endpoint> = endpoints.iter().filter(|one| one.enabled && one.url.trim_end_matches('/') == url).collect();
    let Some(first) = ours.first() else {
        return Ok(Finding::warn("endpoint", format!("Stripe sends nothing to {url}, which needs {}", all()), FIX));
    };
    // Two endpoints may share the work.
    let missing: Vec<&str> = first.lacks().into_iter().filter(|kind| ours.iter().all(|one| one.lacks().contains(kind))).collect();
    Ok(if missing.is_empty() {
        Finding::ok("endpoint", format!("{url} is sent every event that is needed"))
    } else {
        Finding::warn("endpoint", format!("{url} is not sent {}", missing.join(", ")), FIX)
    })
}

/// Whether Stripe was asked lately for what was missed, and gave every list.
pub(super) async fn look_at_reconciling(app: &App) -> Result<Finding, Error> {
    let untold = differences::open_of(app.db.read(), differences::UNLISTED).await?;
    let why: Vec<&str> = untold.iter().map(|found| found.detail.as_str()).collect();
    let fix = "Run `wellwisher serve` or `wellwisher work`, which ask every ten minutes; the log says why an answer did not come.";
    Ok(match keeping::overdue(app).await? {
        Some(since) => {
            let told = format!("nobody has asked Stripe for everything with success since {since}. {}", why.join(" "));
            Finding::fail("reconciling", told.trim_end(), fix)
        }
        None if !why.is_empty() => Finding::warn("reconciling", why.join(" "), "Give the key the right, and run `wellwisher reconcile`."),
        None => Finding::ok("reconciling", "what was missed is asked for"),
    })
}
