//! What Stripe and the network between can do, and that it ends in one checkout or a clear failure.

use super::{Hall, client, gift, money};
use std::time::{Duration, Instant};
use wellwisher::payments::{
    Patience, StripeFailure,
    standin::{ApiFault, ApiFaultOrder, FaultOn, FaultOrders},
};

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_is_the_same_session() {
    let hall = Hall::open().await;
    hall.standin().fault(ApiFault::DropAnswer, 1);
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    assert_eq!(hall.standin().sessions().len(), 1, "one session although it was asked for twice");
    assert_eq!(hall.standin().sessions()[0].id, opened.session_id);
}

#[tokio::test]
async fn when_every_answer_is_lost_the_outcome_is_unknown_and_a_later_try_finds_the_session() {
    let hall = Hall::open().await;
    hall.standin().fault(ApiFault::DropAnswer, 3);
    let failure = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect_err("a failure");
    assert_eq!(failure, StripeFailure::Unreachable);
    assert!(failure.outcome_unknown());
    let later = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    assert_eq!((hall.standin().sessions().len(), hall.standin().sessions()[0].id.clone()), (1, later.session_id));
}

#[tokio::test]
async fn a_call_cut_off_before_it_arrived_is_made_again() {
    let hall = Hall::open().await;
    hall.standin().fault(ApiFault::DropBefore, 2);
    hall.checkout("d-1", money(2_500, "EUR")).await;
    assert_eq!(hall.standin().sessions().len(), 1);
}

#[tokio::test]
async fn too_many_requests_conflicts_and_gateway_pages_are_waited_out() {
    let hall = Hall::open().await;
    for (number, fault) in [ApiFault::TooManyRequests, ApiFault::Conflict, ApiFault::ServerError, ApiFault::Gateway].into_iter().enumerate()
    {
        hall.standin().fault(fault, 2);
        hall.checkout(&format!("d-{number}"), money(2_500, "EUR")).await;
        assert_eq!(hall.standin().faults_waiting(), (0, 0), "two tries failed, the third went through");
    }
    assert_eq!(hall.standin().sessions().len(), 4);
}

#[tokio::test]
async fn after_three_tries_a_busy_stripe_is_reported() {
    let hall = Hall::open().await;
    hall.standin().fault(ApiFault::TooManyRequests, 4);
    let failure = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await;
    assert_eq!(failure, Err(StripeFailure::Busy { status: 429 }));
    assert_eq!(hall.standin().faults_waiting(), (1, 0), "three tries, not four");
}

#[tokio::test]
async fn a_server_error_that_stripe_has_stored_is_repeated_for_its_key_only() {
    let hall = Hall::open().await;
    hall.standin().fault(ApiFault::StoredServerError, 1);
    let failure = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await;
    assert_eq!(failure, Err(StripeFailure::Busy { status: 500 }), "the same key gives the same 500");
    assert_eq!(hall.standin().faults_waiting(), (0, 0));
    let mut fresh = gift("d-1", money(2_500, "EUR"));
    fresh.idempotency_key = "v1:checkout:d-1:2".to_owned();
    hall.stripe.create_checkout(&fresh).await.expect("a new key gets through");
}

#[tokio::test]
async fn a_stripe_that_hangs_is_unreachable_in_good_time() {
    let hall = Hall::open().await;
    let patience = Patience {
        attempt: Duration::from_millis(150),
        total: Duration::from_millis(400),
        pauses: [Duration::from_millis(5), Duration::from_millis(10)],
    };
    let stripe = client(&hall.running.base_url).with_patience(patience);
    hall.standin().fault(ApiFault::Hang { ms: 60_000 }, 3);
    let started = Instant::now();
    let failure = stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await;
    assert_eq!(failure, Err(StripeFailure::Unreachable));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    hall.standin().clear_faults();
    let later = stripe.with_patience(Patience::default()).create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    assert_eq!((hall.standin().sessions().len(), hall.standin().sessions()[0].id.clone()), (1, later.session_id));
}

#[tokio::test]
async fn an_answer_cut_off_in_the_middle_is_asked_for_again() {
    let hall = Hall::open().await;
    hall.standin().fault(ApiFault::Malformed, 1);
    hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().fault(ApiFault::Malformed, 3);
    let failure = hall.stripe.create_checkout(&gift("d-2", money(2_500, "EUR"))).await;
    assert!(matches!(failure, Err(StripeFailure::BadAnswer { .. })), "{failure:?}");
    assert_eq!(hall.standin().sessions().len(), 2);
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    assert_eq!(client(&base).create_checkout(&gift("d-1", money(2_500, "EUR"))).await, Err(StripeFailure::Unreachable));
}

#[tokio::test]
async fn faults_can_wait_for_reads_or_for_writes() {
    let hall = Hall::open().await;
    let order = |on| ApiFaultOrder { fault: ApiFault::TooManyRequests, calls: 1, on };
    hall.standin().order_faults(&FaultOrders { api: vec![order(FaultOn::Reads)], webhooks: vec![] });
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    assert_eq!(hall.standin().faults_waiting(), (1, 0), "a write does not meet it");
    hall.stripe.fetch_checkout(&id).await.expect("the second try succeeds");
    assert_eq!(hall.standin().faults_waiting(), (0, 0));
}
