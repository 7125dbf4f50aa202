//! The client against the stand-in, and Stripe's own sample objects through our readers.

use super::{GOOD_CARD, Hall, gift, money, noon};
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};
use wellwisher::payments::{
    CheckoutState, CheckoutStatus, DONATION_KEY, FeeFact, IntentStatus, PaymentStatus, SettingsError, Stripe, StripeFailure,
    event::Event,
    standin::{Fees, PayOutcome},
};

#[tokio::test]
async fn a_checkout_is_opened_paid_and_fetched_with_its_fee() {
    let hall = Hall::open().await;
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    assert!(opened.session_id.starts_with("cs_test_") && opened.url.contains(&opened.session_id) && !opened.livemode);
    assert_eq!(opened.expires_at, noon() + TimeDelta::minutes(35));

    let before = hall.stripe.fetch_checkout(&opened.session_id).await.expect("a state");
    assert_eq!((before.status, before.payment_status, before.fee.clone()), (CheckoutStatus::Open, PaymentStatus::Unpaid, None));
    assert_eq!((before.amount, before.donation_id.as_deref()), (Some(money(2_500, "EUR")), Some("d-1")));
    assert!(!before.is_paid() && !before.is_processing());

    assert_eq!(hall.standin().pay(&opened.session_id, GOOD_CARD), PayOutcome::Paid);
    let after = hall.stripe.fetch_checkout(&opened.session_id).await.expect("a state");
    assert_eq!(
        (after.status, after.payment_status, after.intent_status),
        (CheckoutStatus::Complete, PaymentStatus::Paid, Some(IntentStatus::Succeeded))
    );
    assert_eq!(after.url, None);
    assert!(after.payment_intent_id.expect("an intent").starts_with("pi_") && after.charge_id.expect("a charge").starts_with("ch_"));
    let fee = after.fee.expect("a fee");
    assert_eq!((fee.gross, fee.fee, fee.net), (money(2_500, "EUR"), money(103, "EUR"), money(2_397, "EUR")), "2.9 % and 30 cents");
    assert_eq!((fee.created, fee.available_on), (noon(), noon() + TimeDelta::days(2)));
    assert!(fee.balance_transaction_id.starts_with("txn_"));
}

#[tokio::test]
async fn nothing_about_the_payer_leaves_the_payments_module() {
    let hall = Hall::open().await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
    let shown = format!("{state:?}");
    assert!(!shown.contains("reader@example.org") && !shown.contains("4242"), "{shown}");
}

#[tokio::test]
async fn all_exponents_of_currencies_go_there_and_come_back() {
    let hall = Hall::open().await;
    for (minor, code, fee) in [(5_000, "KWD", 445), (1_200, "JPY", 65), (50_000, "UGX", 1_480), (999, "GBP", 59)] {
        let id = hall.checkout(&format!("d-{code}"), money(minor, code)).await;
        hall.standin().pay(&id, GOOD_CARD);
        let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
        assert_eq!(state.amount, Some(money(minor, code)));
        let found = state.fee.expect("a fee");
        assert_eq!((found.gross, found.fee), (money(minor, code), money(fee, code)));
        assert_eq!(found.net, money(minor - fee, code));
    }
}

#[tokio::test]
async fn the_fee_is_in_the_currency_of_settlement() {
    let hall = Hall::open_with(|options| options.fees = Fees { settlement_currency: "EUR".parse().ok(), ..Fees::default() }).await;
    let id = hall.checkout("d-1", money(11_000, "USD")).await;
    hall.standin().pay(&id, GOOD_CARD);
    let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
    let fee = state.fee.expect("a fee");
    assert_eq!(state.amount, Some(money(11_000, "USD")));
    assert_eq!((fee.gross, fee.fee, fee.net), (money(10_000, "EUR"), money(320, "EUR"), money(9_680, "EUR")));
}

#[tokio::test]
async fn a_fee_may_be_booked_after_the_payment() {
    let hall = Hall::open_with(|options| options.fee_delay = TimeDelta::hours(1)).await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
    assert!(state.is_paid() && state.fee.is_none());
    hall.clock.advance(TimeDelta::hours(1));
    let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
    assert_eq!(state.fee.map(|fee| fee.created), Some(noon() + TimeDelta::hours(1)));
    assert_eq!(hall.standin().events()[0].kind, "charge.updated");
}

#[tokio::test]
async fn a_bank_debit_is_processing_until_the_bank_answers() {
    let hall = Hall::open_with(|options| options.debit_delay = None).await;
    for succeeds in [true, false] {
        let id = hall.checkout(&format!("d-{succeeds}"), money(2_500, "EUR")).await;
        assert_eq!(hall.standin().pay_by_debit(&id, succeeds), PayOutcome::Processing);
        let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
        assert!(state.is_processing() && !state.is_paid() && state.fee.is_none());
        assert_eq!((state.status, state.intent_status), (CheckoutStatus::Complete, Some(IntentStatus::Processing)));
        assert!(hall.standin().settle_debit(&id, succeeds));
        let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
        assert_eq!((state.is_paid(), state.is_processing(), state.fee.is_some()), (succeeds, false, succeeds));
        assert_eq!(state.last_payment_error.is_none(), succeeds);
    }
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_open_and_names_the_banks_code() {
    let hall = Hall::open().await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    assert!(matches!(hall.standin().pay(&id, "4000000000009995"), PayOutcome::Declined(_)));
    let state = hall.stripe.fetch_checkout(&id).await.expect("a state");
    assert_eq!((state.status, state.last_payment_error.as_deref()), (CheckoutStatus::Open, Some("insufficient_funds")));
    assert!(!state.is_processing());
    assert_eq!(hall.standin().pay(&id, GOOD_CARD), PayOutcome::Paid);
    assert_eq!(hall.stripe.fetch_checkout(&id).await.expect("a state").last_payment_error, None);
}

#[tokio::test]
async fn the_same_key_gives_the_same_checkout_and_other_fields_are_refused() {
    let hall = Hall::open().await;
    let first = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    let again = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    assert_eq!(first, again);
    let other = hall.stripe.create_checkout(&gift("d-1", money(9_900, "EUR"))).await;
    assert!(matches!(other, Err(StripeFailure::Refused { status: 400, ref code, .. }) if code == "idempotency_error"), "{other:?}");
    assert_eq!(hall.standin().sessions().len(), 1);
    hall.clock.advance(TimeDelta::hours(25));
    let mut late = gift("d-1", money(2_500, "EUR"));
    late.expires_at = hall.clock.now() + TimeDelta::minutes(35);
    let later = hall.stripe.create_checkout(&late).await.expect("a checkout");
    assert_ne!(first.session_id, later.session_id, "a key is kept for a day");
}

#[tokio::test]
async fn a_session_without_our_metadata_is_not_ours() {
    let hall = Hall::open().await;
    let id = hall.checkout("", money(2_500, "EUR")).await;
    assert_eq!(hall.stripe.fetch_checkout(&id).await.expect("a state").donation_id, None);
    assert!(hall.stripe.all_checkouts(noon() - TimeDelta::hours(1)).await.expect("a list").items.is_empty());
}

#[tokio::test]
async fn listings_are_paged_to_the_end_and_newest_first() {
    let hall = Hall::open().await;
    let mut made = Vec::new();
    for number in 0..7 {
        hall.clock.set(noon() + TimeDelta::seconds(number));
        made.push(hall.checkout(&format!("d-{number}"), money(1_000 + number, "EUR")).await);
    }
    made.reverse();
    let page = hall.stripe.list_checkouts(noon(), None, 3).await.expect("a page");
    assert_eq!(page.items.iter().map(|state| &state.session_id).collect::<Vec<_>>(), made[..3].iter().collect::<Vec<_>>());
    let next = hall.stripe.list_checkouts(noon(), page.next.as_deref(), 3).await.expect("a page");
    let last = hall.stripe.list_checkouts(noon(), next.next.as_deref(), 3).await.expect("a page");
    assert_eq!((next.items.len(), last.items.len(), last.next), (3, 1, None));
    assert_eq!(last.items[0].session_id, made[6]);
    let late = hall.stripe.all_checkouts(noon() + TimeDelta::seconds(4)).await.expect("a list").items;
    assert_eq!(late.len(), 3, "created since, the second itself included");
}

#[tokio::test]
async fn more_than_a_page_of_sessions_is_found_whole() {
    let hall = Hall::open().await;
    for number in 0..103 {
        hall.checkout(&format!("d-{number}"), money(1_000, "EUR")).await;
    }
    assert_eq!(hall.stripe.all_checkouts(noon()).await.expect("a list").items.len(), 103);
    let oldest = hall.stripe.find_checkout_by_donation("d-0", noon()).await.expect("an answer").expect("a session");
    assert_eq!(oldest.donation_id.as_deref(), Some("d-0"));
    assert_eq!(hall.stripe.find_checkout_by_donation("d-103", noon()).await, Ok(None));
}

#[tokio::test]
async fn of_two_sessions_for_one_donation_the_paid_one_is_found() {
    let hall = Hall::open().await;
    let paid = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&paid, GOOD_CARD);
    let mut second = gift("d-1", money(2_500, "EUR"));
    second.idempotency_key = "v1:checkout:second".to_owned();
    hall.stripe.create_checkout(&second).await.expect("a checkout");
    let found = hall.stripe.find_checkout_by_donation("d-1", noon()).await.expect("an answer").expect("a session");
    assert_eq!(found.session_id, paid);
}

#[tokio::test]
async fn an_open_session_can_be_ended_once() {
    let hall = Hall::open().await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    assert_eq!(hall.stripe.expire_checkout(&id).await.expect("a state").status, CheckoutStatus::Expired);
    assert!(matches!(hall.stripe.expire_checkout(&id).await, Err(StripeFailure::Refused { status: 400, .. })));
    assert_eq!(hall.standin().pay(&id, GOOD_CARD), PayOutcome::Closed);
}

#[tokio::test]
async fn a_session_that_stripe_does_not_know_is_missing() {
    let hall = Hall::open().await;
    let failure = hall.stripe.fetch_checkout("cs_test_gone").await.expect_err("a failure");
    assert!(failure.is_missing() && !failure.outcome_unknown(), "{failure:?}");
    for bad in ["", "pi_1", "cs_test_1/expire", "cs_test_1?x=1", "cs_../../charges"] {
        assert!(matches!(hall.stripe.fetch_checkout(bad).await, Err(StripeFailure::Refused { status: 0, .. })), "{bad} is never asked for");
    }
}

#[tokio::test]
async fn a_refusal_names_the_parameter_and_no_person() {
    let hall = Hall::open().await;
    let mut bad = gift("d-1", money(2_500, "EUR"));
    bad.email = "not an address of Karima".to_owned();
    let failure = hall.stripe.create_checkout(&bad).await.expect_err("a failure");
    let shown = format!("{failure} {failure:?}");
    assert!(shown.contains("customer_email") && shown.contains("email_invalid") && !shown.contains("Karima"), "{shown}");
}

#[test]
fn keys_and_addresses_that_cannot_be_right_are_not_taken() {
    let make = |key: &str, base: &str| Stripe::new(&SecretString::from(key), base).map(|stripe| stripe.livemode());
    assert_eq!(make("sk_live_1", "https://api.stripe.com"), Ok(true));
    assert_eq!(make("rk_live_1", "https://api.stripe.com/"), Ok(true));
    assert_eq!(make("rk_test_1", "http://127.0.0.1:12111"), Ok(false));
    assert_eq!(make("sk_test_1", "http://[::1]:1/"), Ok(false));
    for key in ["", "sk_test_", "pk_test_1", "whsec_1", "sk_test_a b"] {
        assert_eq!(make(key, "https://api.stripe.com"), Err(SettingsError::SecretKey), "{key}");
    }
    for base in ["", "api.stripe.com", "http://api.stripe.com", "http://10.0.0.1/", "https://a@b/", "https://x/?y", "ftp://127.0.0.1/"] {
        assert_eq!(make("sk_test_1", base), Err(SettingsError::ApiBase), "{base}");
    }
}

/// Stripe's own sample of each object (github.com/stripe/openapi, openapi/fixtures3.json of August 2026, MIT).
fn sample(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../fixtures/stripe-samples.json")).expect("the samples");
    assert!(all[name].is_object(), "{name}");
    all[name].clone()
}

#[test]
fn stripes_own_sample_session_is_read() {
    let mut session = sample("checkout.session");
    let state = CheckoutState::from_json(&session.to_string()).expect("a state");
    assert_eq!((state.donation_id, state.amount, state.status), (None, None, CheckoutStatus::Open));
    assert_eq!(state.payment_intent_id.as_deref(), Some("pi_1PgafyB7WZ01zgkWSjxsAJo3"));

    session["metadata"] = json!({ DONATION_KEY: "d-1" });
    let unpriced = CheckoutState::from_json(&session.to_string());
    assert!(matches!(unpriced, Err(StripeFailure::BadAnswer { .. })), "one of ours without an amount is not believed");
}

#[test]
fn stripes_own_samples_are_read_when_expanded() {
    let (mut session, mut intent, mut charge) = (sample("checkout.session"), sample("payment_intent"), sample("charge"));
    charge["balance_transaction"] = sample("balance_transaction");
    intent["latest_charge"] = charge;
    session["payment_intent"] = intent;
    session["metadata"] = json!({ DONATION_KEY: "d-1" });
    session["amount_total"] = json!(100);
    session["currency"] = json!("usd");
    let state = CheckoutState::from_json(&session.to_string()).expect("a state");
    assert_eq!((state.amount, state.charge_id.as_deref()), (Some(money(100, "USD")), Some("ch_1PgafuB7WZ01zgkWXYmPNZs8")));
    assert_eq!(state.fee.map(|fee| fee.net), Some(money(100, "USD")));
    assert_eq!(state.last_payment_error.as_deref(), Some("idempotency_error"));
}

#[test]
fn stripes_own_sample_balance_transaction_is_read() {
    let mut entry = sample("balance_transaction");
    assert_eq!(FeeFact::from_json(&entry.to_string()).expect("a fee").fee, money(0, "USD"));
    entry["fee"] = json!(3);
    assert!(matches!(FeeFact::from_json(&entry.to_string()), Err(StripeFailure::BadAnswer { .. })), "net must be amount less fee");
}

#[test]
fn stripes_own_sample_event_is_read_with_any_object_inside() {
    for name in ["checkout.session", "charge", "payment_intent", "balance_transaction", "refund"] {
        let mut event = sample("event");
        event["data"]["object"] = sample(name);
        let read = Event::parse(event.to_string().as_bytes()).expect("an event");
        assert_eq!((read.object_kind.as_deref(), read.object_id.is_some()), (Some(name), true));
    }
    assert_eq!(Event::parse(sample("event").to_string().as_bytes()).expect("an event").kind, "plan.created");
}

#[test]
fn a_payment_status_that_we_do_not_know_counts_neither_as_paid_nor_as_unpaid() {
    let mut session = sample("checkout.session");
    session["payment_status"] = json!("paid_in_shells");
    assert!(matches!(CheckoutState::from_json(&session.to_string()), Err(StripeFailure::BadAnswer { .. })));
}
