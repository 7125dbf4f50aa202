//! A practice gift through the real code, from what a form asks for to the letter with its receipt, in a transaction that is always taken
//! back. The canary tries the books with it.
//!
//! Nothing of it is outside that transaction: [`open::write_all`] and [`settle::apply_in`] write there and nowhere else (it is their callers
//! who ask Stripe and ring the bell), so the receipt's number is given back, the letter was never in the outbox, and nobody sees any of it. The
//! gift is for the general work and from nobody who is known, so that no item, matching pot or supporter is locked for it; each is a short
//! transaction of its own, because on SQLite everybody else who writes waits meanwhile.

use super::{OpenProblem, open, settle, store};
use crate::{
    app::App,
    asks::{Gift, Particulars},
    error::Error,
    i18n::Language,
    ledger,
    payments::{CheckoutState, CheckoutStatus, FeeFact, IntentStatus, PaymentStatus},
    receipts,
};
use chrono::Datelike;
use entity::{
    Currency, Money, donation,
    ids::DonationId,
    words::{DonationStatus, LetterState},
};
use sea_orm::DatabaseTransaction;
use std::pin::Pin;

/// Settles practice gifts by the organisation's own rules, so that each of its currencies and each language had its turn, and takes each back.
///
/// # Errors
/// Says what did not come out as it should. Nothing is changed either way.
pub fn rehearse(app: &App) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>> {
    Box::pin(async move {
        let (currencies, languages) = (&app.config.org_currencies, Language::ALL);
        for number in 0..currencies.len().max(languages.len()) {
            let gift = practice_gift(app, currencies[number % currencies.len()], languages[number % languages.len()]);
            let id = app.db.rehearse(async |tx| settle_in(tx, app, &gift).await).await?;
            if store::find(app.db.read(), id).await?.is_some() {
                return Err(fault("it was kept although it was taken back"));
            }
        }
        Ok(())
    })
}

fn fault(why: &str) -> Error {
    Error::Internal(format!("the practice gift: {why}"))
}

/// The smallest gift that the form takes, from an address that nobody can have.
fn practice_gift(app: &App, currency: Currency, language: Language) -> Gift {
    let form_token = app.random.token();
    Gift {
        money: app.config.limits(currency).min,
        fee_cover_minor: 0,
        every: None,
        campaign_id: None,
        item: None,
        article_id: None,
        fund_id: None,
        email: format!("{form_token}@practice.invalid"),
        name: "Practice Gift".to_owned(),
        public_name: false,
        note: String::new(),
        wants_updates: false,
        discreet: false,
        language,
        // Official receipts of some countries need it.
        particulars: Particulars { address: "1 Practice Road".to_owned(), gift_aid: None },
        form_token,
    }
}

async fn settle_in(tx: &DatabaseTransaction, app: &App, gift: &Gift) -> Result<DonationId, Error> {
    let donation = match open::write_all(tx, app, gift).await {
        Ok(donation) => donation,
        Err(OpenProblem::Other(error)) => return Err(error),
        Err(problem) => return Err(fault(&format!("it could not be written down: {problem:?}"))),
    };
    let applied = settle::apply_in(tx, app, donation.id, &as_paid(app, &donation)).await?;
    let settled = store::find(tx, donation.id).await?.ok_or_else(|| fault("it is lost"))?;
    if applied != settle::Applied::Changed || settled.status != DonationStatus::Paid {
        return Err(fault(&format!("it was not settled: {applied:?}")));
    }
    check_ledger(tx, &settled).await?;
    check_receipt(tx, app, &settled).await?;
    Ok(donation.id)
}

/// What Stripe would say of it.
fn as_paid(app: &App, donation: &donation::Model) -> CheckoutState {
    let (id, now) = (donation.id, app.now());
    let money = |minor| Money::new(minor, donation.currency);
    let fee = (donation.amount_minor / 10).max(1);
    CheckoutState {
        session_id: format!("cs_practice_{id}"),
        donation_id: Some(id.to_string()),
        recurring_id: None,
        subscription_id: None,
        invoice_id: None,
        status: CheckoutStatus::Complete,
        payment_status: PaymentStatus::Paid,
        amount: Some(money(donation.amount_minor)),
        paid_at: None,
        livemode: donation.livemode,
        url: None,
        created: now,
        expires_at: donation.expires_at,
        payment_intent_id: Some(format!("pi_practice_{id}")),
        charge_id: Some(format!("ch_practice_{id}")),
        intent_status: Some(IntentStatus::Succeeded),
        last_payment_error: None,
        fee: Some(FeeFact {
            balance_transaction_id: format!("txn_practice_{id}"),
            gross: money(donation.amount_minor),
            fee: money(fee),
            net: money(donation.amount_minor - fee),
            created: now,
            available_on: now,
        }),
        came_back: false,
    }
}

/// The gift and its fee are posted, each sums to zero, and the gift is worth what was given.
async fn check_ledger(tx: &DatabaseTransaction, gift: &donation::Model) -> Result<(), Error> {
    let posted = ledger::entries_of_donation(tx, gift.id).await?;
    let balances = posted.iter().all(|(_, sides)| {
        sides.len() > 1
            && sides.iter().all(|side| side.currency == gift.currency)
            && sides.iter().map(|side| side.amount_minor).sum::<i64>() == 0
    });
    if posted.len() != 2 || !balances {
        return Err(fault("what was posted for it does not balance"));
    }
    if ledger::worth_of(tx, gift.id, gift.currency).await?.minor != gift.amount_minor {
        return Err(fault("the ledger does not hold its worth"));
    }
    Ok(())
}

/// The receipt has the number after the last one, and its letter, which shows it, waits to leave.
async fn check_receipt(tx: &DatabaseTransaction, app: &App, gift: &donation::Model) -> Result<(), Error> {
    let receipt = receipts::store::issued_for_donation(tx, gift.id).await?.ok_or_else(|| fault("it has no receipt"))?;
    let (prefix, year) = (&app.config.org_receipt_prefix, i64::from(receipt.gift_on.year()));
    let before = receipts::code(prefix, year, receipt.number - 1);
    let follows = receipt.number == 1 || receipts::store::find_by_code(tx, &before).await?.is_some();
    if receipt.code != receipts::code(prefix, year, receipt.number) || !follows {
        return Err(fault("its receipt has a number that does not follow the last one"));
    }
    let letters = receipts::store::letters(tx, receipt.id).await?;
    match letters.as_slice() {
        [letter]
            if letter.state == LetterState::Queued
                && letter.text_body.contains(&receipt.code)
                && letter.html_body.contains(&receipt.code) =>
        {
            Ok(())
        }
        _ => Err(fault("its receipt has no letter that shows it")),
    }
}
