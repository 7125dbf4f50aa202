//! The webhook: what is taken, what is refused, and that a refusal changes nothing.

use super::{helpers::*, reconcile::foreign_session};
use crate::support::{TestApp, WEBHOOK_SECRET, on_both_databases};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{stripe_event, words::DonationStatus};
use sea_orm::EntityTrait;
use wellwisher::payments::{
    nameless,
    signature::{SignatureError, WebhookSecret, sign, verify},
};

fn secret() -> WebhookSecret {
    WebhookSecret::parse(WEBHOOK_SECRET).unwrap()
}

/// The event of a kind that the stand-in has for us.
fn event_body(app: &TestApp, kind: &str) -> String {
    app.stripe.standin.events().into_iter().find(|event| event.kind == kind).unwrap_or_else(|| panic!("{kind}")).body
}

async fn outcomes(app: &TestApp) -> Vec<String> {
    stripe_event::Entity::find().all(app.app.db.read()).await.unwrap().into_iter().map(|event| event.outcome).collect()
}

on_both_databases! {
    async fn what_is_not_signed_by_stripe_now_is_refused_and_changes_nothing(app: TestApp) {
        paid_session(&app, "").await;
        let body = event_body(&app, "checkout.session.completed");
        let now = app.app.now();
        let before = everything(&app.app).await;
        let good = sign(body.as_bytes(), &secret(), now);
        let wrong = sign(body.as_bytes(), &WebhookSecret::parse("whsec_wrongwrongwrongwrongwrongwrong").unwrap(), now);
        let other_body = sign(format!("{body} ").as_bytes(), &secret(), now);
        let stale = sign(body.as_bytes(), &secret(), now - TimeDelta::seconds(301));
        let early = sign(body.as_bytes(), &secret(), now + TimeDelta::seconds(301));
        let moved = good.replacen(&now.timestamp().to_string(), &(now.timestamp() - 1).to_string(), 1);
        let long = format!("{good},{}", "v0=00,".repeat(400));
        let headers = ["", "t=", "v1=", "nonsense", &good[..good.len() - 1], &wrong, &other_body, &stale, &early, &moved, &long];
        for header in headers {
            let answer = post_webhook(&app, body.clone(), header).await;
            assert_eq!(answer.status, 400, "{header}");
            assert!(!answer.body.contains("whsec"), "{}", answer.body);
        }
        let request = Request::post(WEBHOOK).body(Body::from(body.clone())).unwrap();
        assert_eq!(app.send(request).await.status, 400, "no signature at all");
        assert_eq!(everything(&app.app).await, before);
        for seconds in [-299, 299] {
            let header = sign(body.as_bytes(), &secret(), now + TimeDelta::seconds(seconds));
            assert_eq!(post_webhook(&app, body.clone(), &header).await.status, 200, "{seconds} s");
        }
    }

    async fn a_body_that_is_no_event_of_ours_is_refused_and_changes_nothing(app: TestApp) {
        let before = everything(&app.app).await;
        let no_id = r#"{"type":"charge.updated","livemode":false}"#;
        let no_mode = r#"{"id":"evt_1","type":"charge.updated"}"#;
        let odd_id = r#"{"id":"evt_1;drop","type":"charge.updated","livemode":false}"#;
        let live = r#"{"id":"evt_1","type":"charge.updated","livemode":true,"data":{"object":{}}}"#;
        let deep = "[".repeat(100_000);
        for body in ["", "{}", "null", "[]", "not json", "\u{feff}{}", no_id, no_mode, odd_id, live, &deep] {
            assert_eq!(deliver(&app, body).await.status, 400, "{}", &body[..body.len().min(60)]);
        }
        let bytes = b"{\"id\":\"evt_1\",\"type\":\"\xff\",\"livemode\":false}".to_vec();
        let header = sign(&bytes, &secret(), app.app.now());
        assert_eq!(post_webhook(&app, bytes, &header).await.status, 400, "not UTF-8");
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_body_of_more_than_a_megabyte_is_refused_before_it_is_read_and_when_it_streams(app: TestApp) {
        let before = everything(&app.app).await;
        let body = format!(r#"{{"id":"evt_big","type":"x","livemode":false,"pad":"{}"}}"#, "x".repeat(1024 * 1024));
        assert_eq!(deliver(&app, &body).await.status, 413);
        let announced = Request::post(WEBHOOK).header("content-length", "1048577").header("stripe-signature", "t=1,v1=00");
        let never_read = Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
        assert_eq!(app.send(announced.body(never_read).unwrap()).await.status, 413, "the body is not waited for");
        let pieces = (0..3_000).map(|_| Ok::<_, std::io::Error>(axum::body::Bytes::from_static(&[b'x'; 1024])));
        let streamed = Request::post(WEBHOOK).header("stripe-signature", signed(&app, "x"));
        let streamed = streamed.body(Body::from_stream(futures_util::stream::iter(pieces))).unwrap();
        assert_eq!(app.send(streamed).await.status, 413);
        assert_eq!(everything(&app.app).await, before);
        let fits = format!(r#"{{"id":"evt_big","type":"x","livemode":false,"pad":"{}"}}"#, "x".repeat(1024 * 1024 - 100));
        assert_eq!(deliver(&app, &fits).await.status, 200);
    }

    async fn an_event_is_stored_without_what_it_tells_of_a_person_with_its_job_and_then_acknowledged(app: TestApp) {
        paid_session(&app, "").await;
        let body = event_body(&app, "checkout.session.completed");
        assert_eq!(deliver(&app, &body).await.status, 200);
        let stored = stripe_event::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert!(body.to_lowercase().contains("zarmina") && !stored.payload.to_lowercase().contains("zarmina"), "{}", stored.payload);
        assert_eq!((stored.payload.as_str(), stored.outcome.as_str()), (&*nameless::without_persons(&body), "waiting"));
        assert_eq!(all_jobs(&app.app).await.len(), 1);
        assert_eq!(status(&app.app).await, DonationStatus::Pending, "nothing is done before the answer");
        work_off(&app.app).await;
        assert_eq!((status(&app.app).await, outcomes(&app).await), (DonationStatus::Paid, vec!["applied".to_owned()]));
    }

    async fn an_event_that_comes_again_is_acknowledged_and_changes_nothing(app: TestApp) {
        paid_session(&app, "").await;
        catch_up(&app).await;
        let before = everything(&app.app).await;
        for _ in 0..5 {
            deliver_all(&app).await;
            work_off(&app.app).await;
        }
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_type_that_we_do_not_act_on_is_stored_and_left_alone(app: TestApp) {
        let body = r#"{"id":"evt_1","type":"radar.early_fraud_warning.created","livemode":false,"data":{"object":{"id":"issfr_1"}}}"#;
        assert_eq!(deliver(&app, body).await.status, 200);
        work_off(&app.app).await;
        assert!(outcomes(&app).await[0].starts_with("left alone"));
        assert!(all_jobs(&app.app).await.is_empty());
    }

    async fn objects_that_are_not_ours_are_left_alone(app: TestApp) {
        foreign_session(&app).await;
        let before = (count(&app.app, "donation").await, count(&app.app, "ledger_entry").await);
        catch_up(&app).await;
        assert!(outcomes(&app).await.iter().all(|outcome| outcome.starts_with("left alone")), "{:?}", outcomes(&app).await);
        assert_eq!((count(&app.app, "donation").await, count(&app.app, "ledger_entry").await), before);
    }

    async fn an_event_that_says_paid_of_an_unpaid_session_changes_nothing(app: TestApp) {
        let session = begin(&app, "").await;
        let id = the_donation(&app.app).await.id;
        let object = serde_json::json!({ "id": session, "object": "checkout.session", "payment_status": "paid", "status": "complete",
            "amount_total": 2_500, "currency": "usd", "metadata": { "wellwisher_donation": id.to_string() } });
        let told = serde_json::json!({ "id": "evt_lie", "object": "event", "type": "checkout.session.completed", "livemode": false,
            "data": { "object": object } });
        assert_eq!(deliver(&app, &told.to_string()).await.status, 200);
        work_off(&app.app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Pending);
        assert_eq!((count(&app.app, "ledger_entry").await, count(&app.app, "receipt").await), (0, 0));
    }

    async fn an_event_cannot_pay_one_donation_with_another_ones_session(app: TestApp) {
        let paid = paid_session(&app, "").await;
        begin(&app, "").await;
        let unpaid = donations(&app.app).await.remove(1);
        let object = serde_json::json!({ "id": paid, "object": "checkout.session", "metadata": { "wellwisher_donation": unpaid.id.to_string() } });
        let told = serde_json::json!({ "id": "evt_mix", "type": "checkout.session.completed", "livemode": false, "data": { "object": object } });
        deliver(&app, &told.to_string()).await;
        work_off(&app.app).await;
        assert_eq!(donations(&app.app).await[1].status, DonationStatus::Pending);
    }

    async fn an_event_that_overtakes_our_own_note_of_the_session_is_acted_on(app: TestApp) {
        let app = impatient(app);
        let form = fill(&app, "").await;
        app.stripe.standin.fault(wellwisher::payments::standin::ApiFault::DropAnswer, 3);
        assert_eq!(form.send(&app).await.status, 503);
        let session = app.stripe.standin.sessions().remove(0).id;
        app.stripe.standin.pay(&session, GOOD_CARD);
        // First those that do not name the session: they wait, and are not lost.
        let (early, late): (Vec<_>, Vec<_>) = app.stripe.standin.events().into_iter().partition(|event| !event.kind.starts_with("checkout"));
        for event in early {
            deliver(&app, &event.body).await;
        }
        assert_eq!(work_off(&app.app).await.len(), 3);
        assert_eq!(status(&app.app).await, DonationStatus::Pending);
        for event in late {
            deliver(&app, &event.body).await;
        }
        work_off(&app.app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
        app.app.clock.advance(TimeDelta::minutes(1));
        assert!(work_off(&app.app).await.is_empty());
        assert!(all_jobs(&app.app).await.is_empty(), "those that waited are done too");
        let leads = form.send(&app).await;
        assert_eq!(leads.location(), crate::donations::way::donation_path(&app).await);
        assert_eq!(app.stripe.standin.sessions().len(), 1);
    }

    async fn an_event_waits_while_stripe_cannot_be_asked(app: TestApp) {
        let app = impatient(app);
        paid_session(&app, "").await;
        deliver(&app, &event_body(&app, "checkout.session.completed")).await;
        app.stripe.standin.fault(wellwisher::payments::standin::ApiFault::ServerError, 3);
        assert_eq!(work_off(&app.app).await.len(), 1);
        assert_eq!((status(&app.app).await, all_jobs(&app.app).await.len()), (DonationStatus::Pending, 1));
        app.app.clock.advance(TimeDelta::seconds(10));
        work_off(&app.app).await;
        assert_eq!((status(&app.app).await, all_jobs(&app.app).await.len()), (DonationStatus::Paid, 0));
    }

    async fn a_webhook_needs_no_origin_and_no_cookie(app: TestApp) {
        let body = r#"{"id":"evt_1","type":"x","livemode":false}"#;
        let request = Request::post(WEBHOOK).header("stripe-signature", signed(&app, body)).header("sec-fetch-site", "cross-site");
        assert_eq!(app.send(request.body(Body::from(body)).unwrap()).await.status, 200);
        assert_eq!(app.get(WEBHOOK).await.status, 405);
    }
}

#[test]
fn an_empty_or_short_secret_cannot_be_set() {
    for text in ["", " ", "whsec_", "whsec_short", "sk_test_0123456789abcdefghijklmnopqrstuv"] {
        assert!(WebhookSecret::parse(text).is_err(), "{text:?}");
    }
    let now = "2026-05-01T00:00:00Z".parse().unwrap();
    let header = sign(b"{}", &secret(), now);
    assert_eq!(verify(b"{}", &header, &[], now), Err(SignatureError::Secrets), "without a secret nothing is accepted");
}
