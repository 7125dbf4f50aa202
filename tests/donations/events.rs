//! Events in every order, doubled and with gaps, come to the same end.

use super::helpers::*;
use crate::support::{FromDatabase, TestApp, TestDatabase, on_both_databases};
use entity::words::DonationStatus;

/// What a gift is worth in the end, without ids and times.
async fn end_of(app: &TestApp) -> String {
    let gift = the_donation(&app.app).await;
    let tables = ["ledger_transaction", "ledger_entry", "receipt", "letter", "job"];
    let mut counts = Vec::new();
    for table in tables {
        counts.push(count(&app.app, table).await);
    }
    format!("{} {:?} {:?}", gift.status, counts, balances(&app.app).await)
}

/// Every order of `items`.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// The events of a paid gift, by kind, delivered in this order; after each the worker acts.
async fn play(order: &[usize], doubled: bool) -> String {
    let app = TestApp::from_database(TestDatabase::sqlite().await).await;
    paid_session(&app, "").await;
    let events = app.stripe.standin.events();
    for at in order {
        for _ in 0..if doubled { 2 } else { 1 } {
            assert_eq!(deliver(&app, &events[*at].body).await.status, 200);
        }
        assert!(work_off(&app.app).await.is_empty());
    }
    end_of(&app).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_of_the_events_comes_to_the_same_end() {
    let places: Vec<usize> = (0..4).collect();
    let expected = play(&places, false).await;
    assert!(expected.starts_with("paid [2, 4, 1, 1, 0]"), "{expected}");
    for order in orders(&places) {
        assert_eq!(play(&order, true).await, expected, "{order:?}");
    }
    for at in places {
        assert_eq!(play(&[at], false).await, expected, "one alone is enough");
    }
}

on_both_databases! {
    async fn the_events_of_a_bank_debit_in_reverse_order_come_to_the_same_end(app: TestApp) {
        let app = before(app, |options| options.debit_delay = None).await;
        let session = begin(&app, "").await;
        app.stripe.standin.pay_by_debit(&session, true);
        app.stripe.standin.settle_debit(&session, true);
        for event in app.stripe.standin.events() {
            deliver(&app, &event.body).await;
            assert!(work_off(&app.app).await.is_empty());
            assert_eq!(status(&app.app).await, DonationStatus::Paid, "never unpaid again");
        }
        assert!(end_of(&app).await.starts_with("paid [2, 4, 1, 1, 0]"), "{}", end_of(&app).await);
    }

    async fn what_the_stand_in_doubles_delays_and_reverses_is_settled_once(app: TestApp) {
        use wellwisher::payments::standin::WebhookFault;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/stripe", listener.local_addr().unwrap());
        let router = app.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        app.stripe.standin.set_webhook_url(Some(&url));
        app.stripe.standin.webhook_fault(WebhookFault::Duplicate { times: 3 }, 1);
        app.stripe.standin.webhook_fault(WebhookFault::Delay { ms: 50 }, 1);
        app.stripe.standin.webhook_fault(WebhookFault::Reverse { count: 2 }, 1);
        paid_session(&app, "").await;
        assert!(app.stripe.standin.quiet(std::time::Duration::from_secs(20)).await);
        assert!(work_off(&app.app).await.is_empty());
        assert_eq!(count(&app.app, "stripe_event").await, 4);
        assert!(end_of(&app).await.starts_with("paid [2, 4, 1, 1, 0]"), "{}", end_of(&app).await);
    }
}
