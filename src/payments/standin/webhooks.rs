//! Delivery of events, signed as Stripe signs them, with the faults that were ordered.

use super::{Standin, faults::WebhookFault, shapes};
use crate::payments::signature::{WebhookSecret, sign};
use axum::{body::Body, http::Request};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{sync::atomic::Ordering, time::Duration};

/// The pauses before each further try: Stripe tries for days, a practice hall for half a minute.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
    Duration::from_secs(20),
];

/// How long a receiver may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Signs what should not be believed.
const WRONG_SECRET: &str = "whsec_wrongwrongwrongwrongwrongwrong";

/// Plain HTTP, no proxy, no redirects: the receiver is on loopback.
type Sender = Client<HttpConnector, Body>;

/// One event on its way.
#[derive(Clone)]
struct Parcel {
    body: String,
    url: String,
    wrong: bool,
}

/// Takes events from the queue and delivers them until the task is dropped.
pub(super) async fn deliver_all(standin: Standin) {
    let client: Sender = Client::builder(TokioExecutor::new()).build_http();
    let mut held: Vec<Parcel> = Vec::new();
    let mut hold = 0usize;
    loop {
        let Some((parcel, fault)) = next_parcel(&standin) else {
            standin.inner.wake.notified().await;
            continue;
        };
        if let Some(WebhookFault::Reverse { count }) = fault {
            hold = usize::try_from(count).unwrap_or(usize::MAX).min(1_000);
        }
        if hold > 0 {
            held.push(parcel);
            if held.len() >= hold {
                hold = 0;
                for parcel in held.drain(..).rev() {
                    deliver(&standin, &client, parcel).await;
                }
            }
            continue;
        }
        match fault {
            Some(WebhookFault::Drop) => done(&standin),
            Some(WebhookFault::Delay { ms }) => {
                let (standin, client) = (standin.clone(), client.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    deliver(&standin, &client, parcel).await;
                });
            }
            Some(WebhookFault::Duplicate { times }) => {
                for _ in 0..times.min(1_000) {
                    post(&client, &standin, &parcel).await;
                }
                deliver(&standin, &client, parcel).await;
            }
            Some(WebhookFault::WrongSignature) => deliver(&standin, &client, Parcel { wrong: true, ..parcel }).await,
            Some(WebhookFault::Reverse { .. }) | None => deliver(&standin, &client, parcel).await,
        }
    }
}

/// Delivers in order; what is not taken at once is tried again beside the others.
async fn deliver(standin: &Standin, client: &Sender, parcel: Parcel) {
    if post(client, standin, &parcel).await || parcel.wrong {
        done(standin);
        return;
    }
    let (standin, client) = (standin.clone(), client.clone());
    tokio::spawn(async move {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            if post(&client, &standin, &parcel).await {
                break;
            }
        }
        done(&standin);
    });
}

fn done(standin: &Standin) {
    standin.inner.under_way.fetch_sub(1, Ordering::SeqCst);
}

/// The next event and the fault ordered for it. It counts as under way from here.
fn next_parcel(standin: &Standin) -> Option<(Parcel, Option<WebhookFault>)> {
    let url = standin.webhook_url();
    let mut vault = standin.lock();
    loop {
        let id = vault.outgoing.pop_front()?;
        let (Some(event), Some(url)) = (vault.events.get(&id), url.clone()) else { continue };
        let parcel = Parcel { body: shapes::event(event).to_string(), url, wrong: false };
        standin.inner.under_way.fetch_add(1, Ordering::SeqCst);
        return Some((parcel, vault.faults.take_webhook()));
    }
}

/// One try: true when the receiver took it.
async fn post(client: &Sender, standin: &Standin, parcel: &Parcel) -> bool {
    let wrong = if parcel.wrong { WebhookSecret::parse(WRONG_SECRET).ok() } else { None };
    let secret = wrong.as_ref().unwrap_or(&standin.inner.webhook_secret);
    let header = sign(parcel.body.as_bytes(), secret, standin.inner.clock.now());
    let request = Request::post(&parcel.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", header)
        .body(Body::from(parcel.body.clone()));
    let Ok(request) = request else { return false };
    matches!(tokio::time::timeout(ANSWER_LIMIT, client.request(request)).await, Ok(Ok(answer)) if answer.status().is_success())
}
