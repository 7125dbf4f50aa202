//! A subscription's events in every order, doubled and with gaps, come to the same end.

use super::helpers::*;
use crate::support::{FromDatabase, TestApp, TestDatabase, on_both_databases};
use entity::{
    ids::RecurringId,
    letter, receipt,
    words::{Account, RecurringStatus},
};
use futures_util::{StreamExt, stream};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
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
        let sum: i64 = ledger
            .iter()
            .flat_map(|(_, entries)| entries)
            .filter(|entry| entry.account == Account::Donations)
            .map(|entry| entry.amount_minor)
            .sum();
        let receipts = receipt::Entity::find().filter(receipt::Column::DonationId.eq(donation.id)).count(db).await.unwrap();
        payments.push(format!("{} {} {} {sum} {receipts} {notes}", donation.status, donation.amount_minor, ledger.len()));
    }
    let letters = letter::Entity::find().filter(letter::Column::DedupeKey.starts_with(format!("recurring:{id}:"))).all(db).await.unwrap();
    let mut letters: Vec<&str> = letters.iter().map(|letter| letter.kind.as_str()).collect();
    letters.sort_unstable();
    format!("{} {:?} {:?} {story:?} {payments:?} {letters:?}", gift.status, gift.end_reason, gift.failing_since.is_some())
}

/// Six events from a gift's whole life.
const SIX: [(&str, usize); 6] = [
    ("checkout.session.completed", 0),
    ("customer.subscription.created", 0),
    ("invoice.paid", 0),
    ("invoice.payment_failed", 0),
    ("invoice.paid", 1),
    ("customer.subscription.deleted", 0),
];

/// The orders to live: a spread of the 720, or all of them with `WELLWISHER_ORDERS=all`.
fn chosen() -> Vec<Vec<usize>> {
    let all = orders(&(0..SIX.len()).collect::<Vec<_>>());
    assert_eq!(all.len(), 720);
    // Not evenly: neighbours differ in their last events only.
    let step = if std::env::var("WELLWISHER_ORDERS").is_ok_and(|wanted| wanted == "all") { 1 } else { 7 };
    all.into_iter().step_by(step).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_of_a_lifes_events_doubled_and_with_a_third_lost_comes_to_the_same_end() {
    let all = chosen();
    // Some orders in each newsroom: listing thousands of events again and again would be most of the time. Several newsrooms at once,
    // because most of what is left is waiting for the disk.
    let ends = stream::iter(all.chunks(24).enumerate()).map(|(number, some)| play(some, number * 24)).buffer_unordered(8).concat().await;
    assert_eq!(ends.len(), all.len());
    let first = ends[0].1.clone();
    assert!(first.starts_with(r#"ended "payment_disputed" false ["created", "begun", "failing", "recovered", "ended"]"#), "{first}");
    assert!(first.contains("recurring_begun") && first.contains("recurring_ended"), "{first}");
    for (order, end) in &ends {
        assert_eq!(*end, first, "{order}");
    }
}

/// Lives as many lives as there are orders, tells of each in another order, reconciles, and says what all of them came to.
async fn play(some: &[Vec<usize>], first: usize) -> Vec<(String, String)> {
    let app = TestApp::with(TestDatabase::sqlite().await, |settings| settings.checkouts_per_hour = 10_000).await;
    for (number, order) in some.iter().enumerate().map(|(number, order)| (first + number, order)) {
        let told = app.stripe.standin.events().len();
        let subscription = begin_unheard(&app, "monthly", FAILING).await;
        wait(&app, 31).await;
        mend(&app, &subscription).await;
        app.stripe.standin.end_subscription(&subscription, true);
        let mut events = app.stripe.standin.events();
        events.truncate(events.len() - told);
        events.reverse();
        for at in order {
            let (kind, nth) = SIX[*at];
            let event = events.iter().filter(|event| event.kind == kind).nth(nth).unwrap_or_else(|| panic!("no {kind}"));
            // Three of ten are lost; every other life's are told twice.
            if (number * 6 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33 & 1023 < 307 {
                continue;
            }
            for _ in 0..=number % 2 {
                assert_eq!(deliver(&app, &event.body).await.status, 200);
            }
            work(&app).await;
        }
    }
    // Abandoned checkouts are looked at when they cannot be paid any more.
    app.app.clock.advance(chrono::TimeDelta::hours(2));
    reconcile(&app).await;
    work(&app).await;
    assert_eq!((count(&app.app, "receipt").await, count(&app.app, "recurring_donation").await), (2 * some.len() as i64, some.len() as i64));
    assert!(all_jobs(&app.app).await.is_empty());
    let before = everything(&app.app).await;
    assert_eq!(reconcile(&app).await.changed, 0);
    assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
    let report = wellwisher::reports::verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    let mut ends = Vec::new();
    for (gift, order) in gifts(&app).await.into_iter().zip(some) {
        ends.push((format!("{order:?}"), end_of(&app, gift.id).await));
    }
    ends
}

/// She gives a card that pays, and pays what waits with it, while nobody here hears of it.
async fn mend(app: &TestApp, subscription: &str) {
    let customer = app.app.stripe.fetch_subscription(subscription).await.unwrap().customer_id;
    assert!(app.stripe.standin.give_card(&customer, GOOD_CARD, (12, 2040)));
    let card = app.app.stripe.fetch_subscription(subscription).await.unwrap().new_card.unwrap();
    app.app.stripe.use_card(subscription, &card).await.unwrap();
    assert!(app.stripe.standin.retry(subscription));
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
