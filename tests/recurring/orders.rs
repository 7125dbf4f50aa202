//! A subscription's events in every order, doubled and with gaps, come to the same end.

use super::helpers::*;
use crate::support::{FromDatabase, TestApp, TestDatabase, on_both_databases};
use entity::{ids::RecurringId, words::RecurringStatus};
use futures_util::{StreamExt, stream};
use wellwisher::donations::store;

/// Every order of `items`.
fn orders(items: &[usize]) -> Vec<Vec<usize>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, first);
            order
        }));
    }
    all
}

/// What a gift came to, without ids and times.
async fn end_of(app: &TestApp, id: RecurringId) -> String {
    let db = app.app.db.read();
    let gift = wellwisher::recurring::store::find(db, id).await.unwrap().unwrap();
    let story: Vec<String> = wellwisher::recurring::store::steps(db, id).await.unwrap().into_iter().map(|step| step.kind).collect();
    let mut payments = Vec::new();
    for donation in wellwisher::recurring::store::donations(db, id, 100).await.unwrap() {
        let ledger = wellwisher::ledger::entries_of_donation(db, donation.id).await.unwrap();
        let notes = store::steps(db, donation.id).await.unwrap().len() > 1;
        payments.push(format!("{} {} {} {notes}", donation.status, donation.amount_minor, ledger.len()));
    }
    format!("{} {:?} {:?} {story:?} {payments:?}", gift.status, gift.end_reason, gift.failing_since.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_720_orders_of_a_beginnings_events_come_to_the_same_end() {
    let places: Vec<usize> = (0..6).collect();
    let expected = r#"active "" false ["created", "begun"] ["paid 2500 2 true"]"#;
    let all = orders(&places);
    assert_eq!(all.len(), 720);
    // Some orders in each newsroom: listing thousands of events again and again would be most of the time. Several newsrooms at once,
    // because most of what is left is waiting for the disk.
    stream::iter(all.chunks(24)).for_each_concurrent(8, |some| play(some, expected)).await;
}

async fn play(some: &[Vec<usize>], expected: &str) {
    let app = TestApp::with(TestDatabase::sqlite().await, |settings| settings.checkouts_per_hour = 10_000).await;
    for (number, order) in some.iter().enumerate() {
        begin_unheard(&app, "monthly", GOOD_CARD).await;
        let events: Vec<_> = app.stripe.standin.events().into_iter().take(6).collect();
        for at in order {
            // Every other order is told twice.
            for _ in 0..=number % 2 {
                assert_eq!(deliver(&app, &events[*at].body).await.status, 200);
            }
            work(&app).await;
        }
        let id = gifts(&app).await.pop().unwrap().id;
        assert_eq!(end_of(&app, id).await, expected, "{order:?}");
    }
    assert_eq!((count(&app.app, "receipt").await, count(&app.app, "recurring_donation").await), (24, 24));
    assert!(all_jobs(&app.app).await.is_empty());
}

/// Begins, renews, fails, is mended, renews again; `hears` says which of the events arrive.
async fn live(app: &TestApp, hears: impl Fn(usize) -> bool) -> String {
    begin_unheard(app, "monthly", FAILING).await;
    let subscription = app.stripe.standin.subscriptions().remove(0);
    let customer = app.app.stripe.fetch_subscription(&subscription).await.unwrap().customer_id;
    let mut told = 0;
    for stage in 0..5 {
        match stage {
            0 => {}
            1 => wait(app, 31).await,
            2 => {
                app.stripe.standin.give_card(&customer, GOOD_CARD, (12, 2040));
                wait(app, 3).await;
            }
            3 => wait(app, 30).await,
            _ => {
                app.stripe.standin.end_subscription(&subscription, true);
            }
        }
        let mut events = app.stripe.standin.events();
        events.reverse();
        for (number, event) in events.iter().enumerate().skip(told) {
            if hears(number) {
                deliver(app, &event.body).await;
                work(app).await;
            }
        }
        told = events.len();
        reconcile(app).await;
    }
    end_of(app, the_gift(app).await.id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_third_of_the_events_lost_reconciling_comes_to_the_same_end() {
    let fresh = async || TestApp::from_database(TestDatabase::sqlite().await).await;
    let expected = live(&fresh().await, |_| true).await;
    assert!(expected.starts_with(r#"ended "payment_disputed" false ["created", "begun", "failing", "recovered", "ended"]"#), "{expected}");
    assert_eq!(live(&fresh().await, |_| false).await, expected, "all lost");
    for seed in 1..=6usize {
        let hears = |number: usize| (number + 1).wrapping_mul(2_654_435_761).wrapping_mul(seed) >> 7 & 15 >= 5;
        assert_eq!(live(&fresh().await, hears).await, expected, "seed {seed}");
    }
}

on_both_databases! {
    async fn all_events_lost_a_renewal_is_found_by_reconciling(app: TestApp) {
        begin_unheard(&app, "monthly", GOOD_CARD).await;
        reconcile(&app).await;
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        wait(&app, 31).await;
        let report = reconcile(&app).await;
        assert_eq!((report.changed, report.unknown.len(), report.failed.len()), (1, 0, 0));
        assert_eq!(count(&app.app, "receipt").await, 2);
        let before = everything(&app.app).await;
        assert_eq!(reconcile(&app).await.changed, 0);
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
    }
}
