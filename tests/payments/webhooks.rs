//! The stand-in's webhooks: signed, retried, doubled, delayed, lost.

use super::{GOOD_CARD, Hall, money, secret};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use std::{
    sync::{Arc, Mutex, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};
use wellwisher::payments::{
    event::Event,
    signature::{SignatureError, verify},
    standin::WebhookFault,
};

const LIMIT: Duration = Duration::from_secs(10);

/// A receiver that keeps what comes and refuses the first few.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(String, Bytes)>>>,
    refuse: Arc<AtomicUsize>,
}

impl Receiver {
    async fn listen(hall: &Hall) -> Self {
        let receiver = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/webhooks/stripe", listener.local_addr().expect("an address"));
        let router = Router::new().route("/webhooks/stripe", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        hall.standin().set_webhook_url(Some(&url));
        receiver
    }

    fn events(&self) -> Vec<Event> {
        self.got.lock().expect("the list").iter().map(|(_, body)| Event::parse(body).expect("an event")).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.kind).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if receiver.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let header = headers["stripe-signature"].to_str().expect("text").to_owned();
    receiver.got.lock().expect("the list").push((header, body));
    StatusCode::OK
}

#[tokio::test]
async fn a_payment_is_told_in_signed_events_that_we_believe() {
    let hall = Hall::open().await;
    let receiver = Receiver::listen(&hall).await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    assert!(hall.standin().quiet(LIMIT).await);
    assert_eq!(receiver.kinds(), ["charge.succeeded", "payment_intent.succeeded", "charge.updated", "checkout.session.completed"]);
    let now = hall.clock.now();
    for (header, body) in receiver.got.lock().expect("the list").iter() {
        assert_eq!(verify(body, header, &[secret()], now), Ok(()));
    }
    let last = receiver.events().pop().expect("an event");
    assert_eq!((last.session_id(), last.donation_id.as_deref(), last.livemode), (Some(id.as_str()), Some("d-1"), false));
    assert!(receiver.events().iter().all(|event| event.payment_intent_id.is_some() && event.donation_id.as_deref() == Some("d-1")));
    assert_eq!(last.api_version.as_deref(), Some("2026-09-30.endive"));
}

#[tokio::test]
async fn a_debit_an_expiry_and_a_failure_have_their_own_events() {
    let hall = Hall::open_with(|options| options.debit_delay = None).await;
    let receiver = Receiver::listen(&hall).await;
    for (name, succeeds) in [("d-1", true), ("d-2", false)] {
        let id = hall.checkout(name, money(2_500, "EUR")).await;
        hall.standin().pay_by_debit(&id, succeeds);
        hall.standin().settle_debit(&id, succeeds);
    }
    let left = hall.checkout("d-3", money(2_500, "EUR")).await;
    assert!(hall.standin().expire(&left));
    assert!(hall.standin().quiet(LIMIT).await);
    let about_sessions: Vec<_> = receiver.kinds().into_iter().filter(|kind| kind.starts_with("checkout")).collect();
    assert_eq!(
        about_sessions,
        [
            "checkout.session.completed",
            "checkout.session.async_payment_succeeded",
            "checkout.session.completed",
            "checkout.session.async_payment_failed",
            "checkout.session.expired"
        ]
    );
}

#[tokio::test]
async fn an_event_that_was_refused_comes_again() {
    let hall = Hall::open().await;
    let receiver = Receiver::listen(&hall).await;
    receiver.refuse.store(2, Ordering::SeqCst);
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().expire(&id);
    assert!(hall.standin().quiet(LIMIT).await);
    assert_eq!(receiver.kinds(), ["checkout.session.expired"]);
}

#[tokio::test]
async fn duplicates_are_the_same_event_byte_for_byte() {
    let hall = Hall::open().await;
    let receiver = Receiver::listen(&hall).await;
    hall.standin().webhook_fault(WebhookFault::Duplicate { times: 4 }, 1);
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().expire(&id);
    assert!(hall.standin().quiet(LIMIT).await);
    let bodies: Vec<_> = receiver.got.lock().expect("the list").iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(bodies.len(), 5);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let event = hall.standin().events().pop().expect("an event");
    assert!(hall.standin().resend(&event.id) && !hall.standin().resend("evt_none"));
    assert!(hall.standin().quiet(LIMIT).await);
    assert_eq!(receiver.got.lock().expect("the list").len(), 6);
}

#[tokio::test]
async fn events_can_be_lost_delayed_and_reversed() {
    let hall = Hall::open().await;
    let receiver = Receiver::listen(&hall).await;
    hall.standin().webhook_fault(WebhookFault::Drop, 1);
    hall.standin().webhook_fault(WebhookFault::Delay { ms: 300 }, 1);
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    assert!(hall.standin().quiet(LIMIT).await);
    assert_eq!(receiver.kinds(), ["charge.updated", "checkout.session.completed", "payment_intent.succeeded"]);

    receiver.got.lock().expect("the list").clear();
    hall.standin().webhook_fault(WebhookFault::Reverse { count: 4 }, 1);
    let id = hall.checkout("d-2", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    assert!(hall.standin().quiet(LIMIT).await);
    assert_eq!(receiver.kinds(), ["checkout.session.completed", "charge.updated", "payment_intent.succeeded", "charge.succeeded"]);
}

#[tokio::test]
async fn a_wrong_signature_is_not_believed() {
    let hall = Hall::open().await;
    let receiver = Receiver::listen(&hall).await;
    hall.standin().webhook_fault(WebhookFault::WrongSignature, 1);
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().expire(&id);
    assert!(hall.standin().quiet(LIMIT).await);
    let (header, body) = receiver.got.lock().expect("the list").pop().expect("an event");
    assert_eq!(verify(&body, &header, &[secret()], hall.clock.now()), Err(SignatureError::Mismatch));
}
