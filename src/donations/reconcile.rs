//! Asks Stripe what we missed: sessions that were paid while we were down or whose events were lost. Doing it again writes nothing.

use super::{settle, store};
use crate::{
    app::App,
    error::Error,
    payments::{CheckoutState, StripeFailure},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{donation, ids::DonationId, words::DonationStatus};

/// How far back the schedule looks: a checkout's life, and an hour for clocks and delays.
pub const LOOK_BACK: TimeDelta = TimeDelta::hours(26);

/// How far back `wellwisher reconcile` looks unless told otherwise: a bank debit's life and more.
pub const LOOK_BACK_LONG: TimeDelta = TimeDelta::days(35);

/// How many donations of one kind are looked at in one run.
const ROUND: u64 = 1_000;

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Sessions that Stripe has since then.
    pub seen: u64,
    /// Of these, ours.
    pub ours: u64,
    /// Donations that changed.
    pub changed: u64,
    /// Which those are.
    pub caught_up: Vec<DonationId>,
    /// Sessions that do not fit their donation: staff are shown why.
    pub refused: u64,
    /// Sessions that name a donation which is not here (a restored backup, another installation on the same account).
    pub unknown: Vec<String>,
    /// Sessions that could not be looked at or applied; the log says why.
    pub failed: Vec<String>,
    /// Why Stripe did not list its sessions: nothing was compared then.
    pub unlisted: Option<StripeFailure>,
}

/// Compares Stripe's sessions since `since` with our donations and brings ours up to date. `progress` hears how many of how many are done.
pub async fn reconcile(app: &App, since: DateTime<Utc>, progress: impl Fn(u64, u64)) -> Result<Report, Error> {
    let mut report = Report::default();
    let listed = match app.stripe.all_checkouts(since).await {
        Ok(listed) => listed,
        Err(failure) if failure.may_pass() => {
            return Err(Error::Unavailable(format!("Stripe did not list its checkouts: {failure:?}")));
        }
        Err(failure) => {
            tracing::error!(%failure, "Stripe did not list its checkouts");
            report.unlisted = Some(failure);
            return Ok(report);
        }
    };
    report.failed = listed.unread;
    let total = listed.items.len() as u64;
    for session in listed.items {
        report.seen += 1;
        compare(app, session, &mut report).await?;
        progress(report.seen, total);
    }
    // A bank debit is answered days after its session was made, long before `since`.
    for donation in store::processing(app.db.read(), since, ROUND).await? {
        if donation.checkout_session_id.is_some() || donation.invoice_id.is_some() {
            refresh(app, &donation, &mut report).await?;
        }
    }
    for donation in store::without_fee(app.db.read(), since, ROUND).await? {
        if donation.checkout_session_id.is_some() || donation.invoice_id.is_some() {
            refresh(app, &donation, &mut report).await?;
        }
    }
    Ok(report)
}

async fn compare(app: &App, session: CheckoutState, report: &mut Report) -> Result<(), Error> {
    let Some(named) = &session.donation_id else { return Ok(()) };
    report.ours += 1;
    let known = match named.parse::<DonationId>() {
        Ok(id) => store::find(app.db.read(), id).await?,
        Err(_) => None,
    };
    let Some(donation) = known else {
        tracing::error!(session_id = session.session_id, "Stripe has a session of a donation that is not here");
        report.unknown.push(session.session_id);
        return Ok(());
    };
    if is_up_to_date(&donation, &session) { Ok(()) } else { refresh_session(app, donation.id, &session.session_id, report).await }
}

/// Whether the list's short answer already agrees with us; fees are looked after separately.
fn is_up_to_date(donation: &donation::Model, session: &CheckoutState) -> bool {
    use crate::payments::CheckoutStatus;
    let settled = matches!(donation.status, DonationStatus::Paid | DonationStatus::Failed | DonationStatus::Expired);
    let linked = donation.checkout_session_id.as_deref() == Some(&session.session_id);
    linked && (donation.status == DonationStatus::Paid) == session.is_paid() && (settled || session.status == CheckoutStatus::Open)
}

async fn refresh(app: &App, donation: &donation::Model, report: &mut Report) -> Result<(), Error> {
    let name = donation.checkout_session_id.as_ref().or(donation.invoice_id.as_ref()).cloned().unwrap_or_default();
    let state = super::fetch_state(app, donation).await;
    take_over(
        app,
        donation.id,
        &name,
        state.and_then(|state| state.ok_or(StripeFailure::BadAnswer { detail: "there is no such checkout" })),
        report,
    )
    .await
}

async fn refresh_session(app: &App, id: DonationId, session: &str, report: &mut Report) -> Result<(), Error> {
    take_over(app, id, session, app.stripe.fetch_checkout(session).await, report).await
}

async fn take_over(
    app: &App,
    id: DonationId,
    session: &str,
    state: Result<CheckoutState, StripeFailure>,
    report: &mut Report,
) -> Result<(), Error> {
    let state = match state {
        Ok(state) => state,
        Err(failure @ (StripeFailure::Unreachable | StripeFailure::Busy { .. })) => {
            return Err(Error::Unavailable(format!("Stripe did not tell how a checkout stands: {failure:?}")));
        }
        // One that cannot be looked at must not keep the others from being found.
        Err(failure) => {
            tracing::error!(donation_id = %id, ?failure, "a checkout could not be looked at");
            report.failed.push(session.to_owned());
            return Ok(());
        }
    };
    match settle::apply(app, id, &state).await {
        Ok(settle::Applied::Changed) => {
            report.changed += 1;
            report.caught_up.push(id);
        }
        Ok(settle::Applied::Refused(_)) => report.refused += 1,
        Ok(settle::Applied::Unchanged | settle::Applied::Overtaken) => {}
        Err(Error::Unavailable(why)) => return Err(Error::Unavailable(why)),
        Err(error) => {
            tracing::error!(donation_id = %id, %error, "a checkout's state could not be applied");
            report.failed.push(session.to_owned());
        }
    }
    Ok(())
}
