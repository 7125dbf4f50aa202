//! Subscriptions and invoices: the client against the stand-in, on a clock that is moved by hand, and Stripe's own samples.

use super::{GOOD_CARD, Hall, gift, money};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{Money, words::GiftInterval};
use wellwisher::payments::{
    CHECKOUT_LIFE, InvoiceState, InvoiceStatus, NewRecurring, StripeFailure, SubscriptionState, SubscriptionStatus,
    standin::{LastTry, PayOutcome, Retries},
};

/// A card that pays at the checkout and fails later.
const FAILING: &str = "4000000000000341";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

async fn open(hall: &Hall, name: &str, every: GiftInterval, money: Money) -> String {
    let mut new = gift(name, money);
    new.recurring = Some(NewRecurring { recurring_id: format!("r-{name}"), every });
    new.expires_at = hall.clock.now() + CHECKOUT_LIFE;
    hall.stripe.create_checkout(&new).await.expect("a checkout").session_id
}

/// A subscription that was begun with this card.
async fn begin(hall: &Hall, every: GiftInterval, card: &str) -> String {
    let session = open(hall, "d-1", every, money(2_500, "EUR")).await;
    assert_eq!(hall.standin().pay(&session, card), PayOutcome::Paid);
    hall.standin().subscriptions().remove(0)
}

fn kinds(hall: &Hall) -> Vec<String> {
    hall.standin().events().into_iter().map(|event| event.kind).rev().collect()
}

async fn state(hall: &Hall, id: &str) -> SubscriptionState {
    hall.stripe.fetch_subscription(id).await.expect("a state")
}

async fn paid(hall: &Hall, id: &str) -> Vec<InvoiceState> {
    let all = hall.stripe.invoices_of(id).await.expect("invoices");
    all.into_iter().filter(|invoice| invoice.status == InvoiceStatus::Paid).collect()
}

#[tokio::test]
async fn a_checkout_begins_a_subscription_and_its_session_tells_the_first_payment() {
    let hall = Hall::open().await;
    let session = open(&hall, "d-1", GiftInterval::Month, money(2_500, "EUR")).await;
    let before = hall.stripe.fetch_checkout(&session).await.expect("a state");
    assert_eq!((before.recurring_id.as_deref(), before.subscription_id, before.invoice_id), (Some("r-d-1"), None, None));
    hall.standin().pay(&session, GOOD_CARD);
    let after = hall.stripe.fetch_checkout(&session).await.expect("a state");
    assert!(after.is_paid() && after.payment_intent_id.is_some() && after.charge_id.is_some());
    assert_eq!(after.fee.as_ref().map(|fee| fee.fee), Some(money(103, "EUR")));
    let id = after.subscription_id.expect("a subscription");
    let known = state(&hall, &id).await;
    assert_eq!(
        (known.recurring_id.as_deref(), known.status, known.every),
        (Some("r-d-1"), SubscriptionStatus::Active, Some(GiftInterval::Month))
    );
    assert_eq!((known.amount, known.card_expires, known.collection_paused), (Some(money(2_500, "EUR")), Some((2040, 12)), false));
    let invoices = paid(&hall, &id).await;
    assert_eq!(invoices.len(), 1);
    let parts = &invoices[0].parts;
    assert!(invoices[0].is_first && invoices[0].paid == money(2_500, "EUR") && parts.len() == 1 && parts[0].is_default);
    assert_eq!((&parts[0].payment_intent_id, parts[0].amount), (&after.payment_intent_id, money(2_500, "EUR")));
    let intent = after.payment_intent_id.expect("a payment");
    assert_eq!(hall.stripe.payment_of_invoice(&invoices[0].id, &intent, "d-1").await.expect("a state").fee, after.fee);
    assert_eq!(hall.stripe.fetch_invoice(&invoices[0].id).await.expect("an invoice"), invoices[0]);
    assert_eq!(
        kinds(&hall),
        [
            "customer.subscription.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "charge.updated",
            "invoice.paid",
            "checkout.session.completed"
        ]
    );
    // Their shapes go into the recorded traffic, which is held against the types of Stripe's SDK.
    let http = reqwest::Client::new();
    for path in ["events?limit=100".to_owned(), format!("customers/{}", known.customer_id)] {
        let answer = http.get(format!("{}v1/{path}", hall.running.base_url)).bearer_auth("sk_test_practice").send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let shown = format!("{known:?} {invoices:?}");
    assert!(!shown.contains("reader@example.org") && !shown.contains("4242"), "{shown}");
}

#[tokio::test]
async fn months_are_counted_from_the_first_day_so_that_the_31st_comes_back() {
    let hall = Hall::open().await;
    hall.clock.set(at("2028-01-31T10:00:00Z"));
    let id = begin(&hall, GiftInterval::Month, GOOD_CARD).await;
    for day in ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"] {
        let due = at(&format!("{day}T10:00:00Z"));
        assert_eq!(state(&hall, &id).await.next_at, Some(due));
        hall.clock.set(due);
        hall.standin().catch_up();
    }
    assert_eq!(paid(&hall, &id).await.len(), 5);
}

#[tokio::test]
async fn a_year_from_a_leap_day_is_the_28th_until_the_next_leap_year() {
    let hall = Hall::open().await;
    hall.clock.set(at("2028-02-29T10:00:00Z"));
    let id = begin(&hall, GiftInterval::Year, GOOD_CARD).await;
    for day in ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"] {
        let due = at(&format!("{day}T10:00:00Z"));
        assert_eq!(state(&hall, &id).await.next_at, Some(due));
        hall.clock.set(due);
        hall.standin().catch_up();
    }
}

#[tokio::test]
async fn a_failing_card_is_tried_four_times_and_then_the_setting_decides() {
    for (last, end) in [
        (LastTry::Cancel, SubscriptionStatus::Canceled),
        (LastTry::MarkUnpaid, SubscriptionStatus::Unpaid),
        (LastTry::LeavePastDue, SubscriptionStatus::PastDue),
    ] {
        let hall = Hall::open_with(|options| options.retries = Retries { last, ..Retries::default() }).await;
        let id = begin(&hall, GiftInterval::Month, FAILING).await;
        assert!(hall.standin().renew(&id));
        for tries in 1..4 {
            let known = state(&hall, &id).await;
            assert_eq!(known.status, SubscriptionStatus::PastDue, "try {tries}");
            let open = hall.stripe.invoices_of(&id).await.unwrap().pop().unwrap();
            assert_eq!((open.status, open.attempts, open.next_try.is_some()), (InvoiceStatus::Open, tries, true));
            hall.clock.set(open.next_try.unwrap());
            hall.standin().catch_up();
        }
        let known = state(&hall, &id).await;
        assert_eq!(known.status, end);
        assert_eq!(known.end_reason.as_deref(), (end == SubscriptionStatus::Canceled).then_some("payment_failed"));
        assert_eq!(kinds(&hall).iter().filter(|kind| *kind == "invoice.payment_failed").count(), 4);
    }
}

#[tokio::test]
async fn a_mended_card_pays_at_the_next_try() {
    let hall = Hall::open().await;
    let id = begin(&hall, GiftInterval::Month, FAILING).await;
    hall.standin().renew(&id);
    let customer = state(&hall, &id).await.customer_id;
    let page = hall.stripe.card_page(&customer, "http://127.0.0.1:9/me").await.expect("a page");
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let shown = http.get(&page).send().await.unwrap();
    assert_eq!(shown.status(), 200);
    let refused = http.post(&page).body("number=1234&expiry=12%2F40&cvc=123").send().await.unwrap();
    assert_eq!(refused.status(), 422);
    let saved = http.post(&page).body("number=4242424242424242&expiry=11%2F41&cvc=123").send().await.unwrap();
    assert_eq!((saved.status().as_u16(), saved.headers()["location"].to_str().unwrap()), (303, "http://127.0.0.1:9/me"));
    let card = state(&hall, &id).await.new_card.expect("the customer's, and not the subscription's yet");
    hall.stripe.use_card(&id, &card).await.expect("it is used from now on");
    assert_eq!((state(&hall, &id).await.card_expires, state(&hall, &id).await.new_card), (Some((2041, 11)), None));
    assert!(hall.standin().retry(&id));
    assert_eq!(state(&hall, &id).await.status, SubscriptionStatus::Active);
    assert_eq!(paid(&hall, &id).await.len(), 2);
    assert_eq!(http.get(format!("{page}x")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_expired_card_fails_and_one_that_wants_confirmation_asks_for_it() {
    let hall = Hall::open().await;
    let session = open(&hall, "d-1", GiftInterval::Month, money(2_500, "EUR")).await;
    hall.standin().pay_with(&session, GOOD_CARD, (1, 2026));
    let id = hall.standin().subscriptions().remove(0);
    hall.standin().renew(&id);
    assert_eq!(state(&hall, &id).await.status, SubscriptionStatus::PastDue);
    let customer = state(&hall, &id).await.customer_id;
    assert!(hall.standin().give_card(&customer, "4000000000003184", (12, 2040)));
    let card = state(&hall, &id).await.new_card.expect("a new card");
    hall.stripe.use_card(&id, &card).await.expect("it is used from now on");
    assert!(!hall.standin().retry(&id));
    assert!(kinds(&hall).contains(&"invoice.payment_action_required".to_owned()));
}

#[tokio::test]
async fn amount_pause_resume_and_end_are_as_asked() {
    let hall = Hall::open().await;
    let id = begin(&hall, GiftInterval::Month, GOOD_CARD).await;
    let known = state(&hall, &id).await;
    hall.stripe.change_amount(&known, money(4_000, "EUR")).await.expect("changed");
    assert_eq!(state(&hall, &id).await.amount, Some(money(4_000, "EUR")));
    assert_eq!(paid(&hall, &id).await.len(), 1, "nothing is charged for the present month");
    hall.standin().renew(&id);
    assert_eq!(paid(&hall, &id).await[1].paid, money(4_000, "EUR"));

    let until = hall.clock.now() + TimeDelta::days(20);
    hall.stripe.pause(&id, Some(until)).await.expect("paused");
    let paused = state(&hall, &id).await;
    assert_eq!((paused.status, paused.collection_paused, paused.paused_until), (SubscriptionStatus::Active, true, Some(until)));
    hall.standin().renew(&id);
    assert_eq!(hall.stripe.invoices_of(&id).await.unwrap().pop().unwrap().status, InvoiceStatus::Void);
    hall.clock.set(until);
    hall.standin().catch_up();
    assert!(!state(&hall, &id).await.collection_paused, "the pause ends by itself");
    hall.stripe.pause(&id, None).await.expect("paused");
    hall.stripe.resume(&id).await.expect("resumed");
    assert!(!state(&hall, &id).await.collection_paused);

    hall.stripe.cancel(&id).await.expect("ended");
    let over = state(&hall, &id).await;
    assert_eq!((over.status, over.end_reason.as_deref()), (SubscriptionStatus::Canceled, Some("cancellation_requested")));
    assert!(matches!(hall.stripe.cancel(&id).await, Err(failure) if failure.is_missing()));
    assert!(matches!(hall.stripe.pause(&id, None).await, Err(StripeFailure::Refused { .. })));
    assert!(!hall.standin().renew(&id));
}

#[tokio::test]
async fn our_subscriptions_are_listed_whatever_became_of_them() {
    let hall = Hall::open().await;
    let since = hall.clock.now();
    for number in 0..3 {
        let session = open(&hall, &format!("d-{number}"), GiftInterval::Year, money(9_000, "JPY")).await;
        hall.standin().pay(&session, GOOD_CARD);
    }
    hall.standin().end_subscription(&hall.standin().subscriptions()[1], true);
    let all = hall.stripe.all_subscriptions(since).await.expect("a list");
    assert_eq!(all.len(), 3);
    assert_eq!(all[1].end_reason.as_deref(), Some("payment_disputed"));
    assert!(hall.stripe.all_subscriptions(since + TimeDelta::seconds(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn stripes_own_samples_are_read() {
    let samples: serde_json::Value = serde_json::from_str(include_str!("../fixtures/stripe-billing-samples.json")).expect("JSON");
    let known = SubscriptionState::from_json(&samples["subscription"].to_string()).expect("a subscription");
    assert_eq!((known.recurring_id, known.every, known.amount), (None, Some(GiftInterval::Month), Some(money(2_000, "USD"))));
    let invoice = InvoiceState::from_json(&samples["invoice"].to_string()).expect("an invoice");
    assert_eq!((invoice.status, invoice.paid, invoice.is_first), (InvoiceStatus::Draft, money(0, "USD"), false));
}

#[tokio::test]
async fn an_invoice_paid_in_parts_tells_each_of_them_however_many_they_are() {
    let hall = Hall::open().await;
    let id = begin(&hall, GiftInterval::Month, "4000000000000341").await;
    hall.clock.set(state(&hall, &id).await.next_at.expect("a next payment"));
    hall.standin().catch_up();
    for part in 1..=12 {
        assert!(hall.standin().pay_part(&id, 100).is_some_and(|intent| intent.starts_with("pi_")));
        hall.clock.advance(TimeDelta::seconds(1));
        let open = hall.stripe.invoices_of(&id).await.expect("invoices").pop().expect("the last");
        assert_eq!((open.status, open.parts.len(), open.paid), (InvoiceStatus::Open, part, money(100 * part as i64, "EUR")));
        assert_eq!(hall.stripe.fetch_invoice(&open.id).await.expect("an invoice"), open, "alone it is the same");
    }
    assert!(hall.standin().record_part(&id, 300), "money that Stripe does not have");
    hall.clock.advance(TimeDelta::seconds(1));
    assert!(hall.standin().retry(&id) || hall.standin().pay_part(&id, 1_000).is_some());
    let last = hall.stripe.invoices_of(&id).await.expect("invoices").pop().expect("the last");
    let parts: Vec<(bool, i64)> = last.parts.iter().map(|part| (part.payment_intent_id.is_some(), part.amount.minor)).collect();
    assert_eq!((last.status, parts.len(), parts[12], parts[13]), (InvoiceStatus::Paid, 14, (false, 300), (true, 1_000)));
    assert_eq!((last.paid, last.total), (money(2_500, "EUR"), money(2_500, "EUR")));
    assert!(hall.standin().pay_part(&id, 100).is_none(), "nothing is left to be paid");
}
