//! Every order of one gift's seven events through the whole program: webhook, job, Stripe's answer, books, receipt, item. Stripe has moved on
//! only as far as the events heard so far need, so each order is a life of its own. The end must be one state, as one hash.
//!
//! Each order is lived twice: with every event doubled, and with a third of the events lost and `reconcile` in their place. The suite lives a
//! spread of the 5,040 orders; `WELLWISHER_ORDERS=all cargo test every_order` lives all of them, a number that many.

use super::helpers::*;
use crate::support::{TestApp, TestDatabase, gift, start};
use entity::{dispute, ids::CampaignId, ledger_entry, ledger_transaction, receipt, refund, words::ReceiptStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use wellwisher::{
    clock::sha256_hex,
    donations::reconcile::LOOK_BACK,
    ledger,
    payments::standin::{Decision, Standin},
    payouts::reconcile::reconcile,
};

/// How many events the gift has, and in which chapter of its life at Stripe each is told.
const CHAPTER_OF: [usize; 7] = [0, 1, 1, 2, 2, 3, 3];

const ORDERS: usize = 5_040;

/// The order with this number, of those of so many events.
pub fn order(mut number: usize, events: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..events).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        order.push(left.remove(number % left.len()));
        number /= left.len() + 1;
    }
    order
}

#[test]
fn the_orders_are_all_different() {
    let all: std::collections::BTreeSet<Vec<usize>> = (0..ORDERS).map(|number| order(number, CHAPTER_OF.len())).collect();
    assert_eq!(all.len(), ORDERS);
}

/// The numbers of the orders to live of so many that there are: `usual` of them spread over all, unless the environment asks for more.
pub fn chosen(usual: usize, orders: usize) -> Vec<usize> {
    let wanted = match std::env::var("WELLWISHER_ORDERS").as_deref() {
        Ok("all") => orders,
        Ok(number) => number.parse().expect("WELLWISHER_ORDERS is a number, or all"),
        Err(_) => usual,
    };
    let wanted = wanted.clamp(1, orders);
    // Not evenly: neighbours differ in their first events only, and every place should differ.
    (0..wanted).map(|at| if wanted == orders { at } else { (at * 1_999 + at / 7) % orders }).collect()
}

/// How an order is lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With every event told twice.
    Doubled,
    /// With a third of the events lost, and `reconcile` in their place.
    Lost,
}

/// A gift at Stripe, which lives on when it is asked to.
struct Life<'a> {
    standin: &'a Standin,
    session: String,
    dispute: String,
    chapters: usize,
    /// The bodies of the seven events, as far as they were told.
    events: Vec<String>,
}

impl Life<'_> {
    /// Lives to the end of this chapter. Each begins an hour after the one before.
    fn live(&mut self, app: &TestApp, chapter: usize) {
        while self.chapters <= chapter {
            let told = self.standin.events().len();
            match self.chapters {
                0 => assert_eq!(self.standin.pay(&self.session, GOOD_CARD), wellwisher::payments::standin::PayOutcome::Paid),
                1 => drop(self.standin.refund(&self.session, Some(1_000)).expect("it can be given back")),
                2 => self.dispute = self.standin.dispute(&self.session, Some(800), false).expect("it can be disputed"),
                _ => assert!(self.standin.decide_dispute(&self.dispute, Decision::LostInPart { returned: 300 })),
            }
            let mut new = self.standin.events();
            new.truncate(new.len() - told);
            new.reverse();
            // Of the payment's four events any one is enough, which `events.rs` shows.
            let counts = |kind: &str| self.chapters > 0 || kind == "checkout.session.completed";
            self.events.extend(new.into_iter().filter(|event| counts(&event.kind)).map(|event| event.body));
            self.chapters += 1;
            app.wait(3_600);
        }
        assert_eq!(self.events.len(), CHAPTER_OF.iter().filter(|of| **of < self.chapters).count());
    }
}

/// Whether the event at `place` of an order is lost: three of ten.
pub fn is_lost(number: usize, place: usize) -> bool {
    let mixed = (number as u64 * 7 + place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) % 10 < 3
}

async fn live_in(app: &TestApp, number: usize, way: Way) -> String {
    let campaign = app.add_campaign("winter").await;
    let item = app.add_item("bag", 1, campaign).await;
    let mut given = gift(2_500, "EUR");
    (given.campaign_id, given.item) = (Some(campaign), Some((item, 1)));
    let session = app.start(&given).await.checkout_session_id.expect("a checkout");
    let standin = &app.stripe.standin;
    let mut life = Life { standin, session, dispute: String::new(), chapters: 0, events: Vec::new() };
    for (place, event) in order(number, CHAPTER_OF.len()).into_iter().enumerate() {
        life.live(app, CHAPTER_OF[event]);
        if way == Way::Lost && is_lost(number, place) {
            continue;
        }
        for again in 0..=usize::from(way == Way::Doubled) {
            assert_eq!(deliver(app, &life.events[event]).await.status, 200);
            // Every other order hears both before it acts on either.
            if again == 1 || number.is_multiple_of(2) || way == Way::Lost {
                assert_eq!(work_off(&app.app).await, Vec::<String>::new());
            }
        }
    }
    if way == Way::Lost {
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.expect("Stripe answers");
    }
    assert!(all_jobs(&app.app).await.is_empty());
    end_of(app, campaign).await
}

/// Everything that must be the same in the end, without ids: what is left out depends on when the program heard of something (how many
/// receipts were replaced on the way, when a loss was posted).
async fn end_of(app: &TestApp, campaign: CampaignId) -> String {
    let db = app.app.db.read();
    let since = |at: chrono::DateTime<chrono::Utc>| (at - start()).num_seconds();
    let gift = the_donation(&app.app).await;
    let mut lines = vec![format!("{} {} {:?} {:?}", gift.status, gift.amount_minor, gift.paid_at.map(since), gift.currency.code())];
    let mut losses: BTreeMap<String, i64> = BTreeMap::new();
    for head in ledger_transaction::Entity::find().all(db).await.unwrap() {
        let is_loss = head.kind == entity::words::MovementKind::DisputeLoss;
        for leg in ledger_entry::Entity::find().filter(ledger_entry::Column::TransactionId.eq(head.id)).all(db).await.unwrap() {
            let purpose = (leg.fund_id.is_some(), leg.campaign_id.is_some(), leg.wish_item_id.is_some());
            let leg_in_words = format!("{} {} {purpose:?}", leg.account, leg.currency.code());
            if is_loss {
                *losses.entry(leg_in_words).or_default() += leg.amount_minor;
            } else {
                lines.push(format!("{} {} {leg_in_words} {}", head.kind, since(head.occurred_at), leg.amount_minor));
            }
        }
    }
    lines.extend(losses.into_iter().map(|(leg, minor)| format!("lost {leg} {minor}")));
    lines.extend(balances(&app.app).await.into_iter().map(|(account, minor)| format!("{account:?} {minor}")));
    for one in receipt::Entity::find().filter(receipt::Column::Status.eq(ReceiptStatus::Issued)).all(db).await.unwrap() {
        lines.push(format!("receipt {} {}", one.amount_minor, one.gift_on));
    }
    for one in refund::Entity::find().all(db).await.unwrap() {
        lines.push(format!("refund {} {} {}", one.amount_minor, one.state, since(one.created_at)));
    }
    for one in dispute::Entity::find().all(db).await.unwrap() {
        lines.push(format!("dispute {} {} {} {}", one.amount_minor, one.outcome, one.stripe_status, one.closed_at.is_some()));
    }
    let item = entity::wish_reservation::Entity::find().one(db).await.unwrap().expect("a reservation");
    lines.push(format!("item {} {}", item.state, item.quantity));
    for raised in ledger::raised(db, &[campaign]).await.unwrap() {
        lines.push(format!("raised {} {}", raised.money.minor, raised.gifts));
    }
    lines.push(format!("worth {}", ledger::worth_of(db, gift.id, gift.currency).await.unwrap().minor));
    lines.sort();
    lines.join("\n")
}

/// Lives the chosen orders in both ways by `live`, each in a database of its own, on as many threads as the machine has. The one end of all
/// of them has lines that begin so.
pub fn live_all(
    numbers: &[usize],
    fresh: impl AsyncFn() -> Option<TestDatabase> + Sync,
    live: impl AsyncFn(&TestApp, usize, Way) -> String + Sync,
    lines: &[&str],
) {
    let (next, lives, first) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(None::<String>));
    let begun = Instant::now();
    let work = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            for way in [Way::Doubled, Way::Lost] {
                let life = async {
                    let database = fresh().await?;
                    let app = TestApp::unrecorded(database).await;
                    Some(Box::pin(live(&app, *number, way)).await)
                };
                let Some(end) = runtime.block_on(life) else { return };
                let mut first = first.lock().expect("no thread failed");
                let expected = first.get_or_insert_with(|| end.clone());
                assert_eq!(end, *expected, "order {number}, {way:?}");
                lives.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(numbers.len());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (lives, seconds) = (lives.into_inner(), begun.elapsed().as_secs_f64());
    let Some(end) = first.into_inner().expect("no thread failed") else { return };
    assert_eq!(lives, 2 * numbers.len());
    for line in lines {
        assert!(end.lines().any(|one| one.starts_with(line)), "{line}\n{end}");
    }
    eprintln!("{} orders, {lives} lives, {seconds:.1} s: all end in {}", numbers.len(), &sha256_hex(&end)[..16]);
}

/// What the end of every order has.
const END: [&str; 7] =
    ["paid 2500", "worth 1000", "raised 1000 1", "receipt 1000", "refund 1000 succeeded", "dispute 800 lost", "item paid 1"];

#[test]
fn every_order_of_a_gifts_events_comes_to_one_end_on_sqlite() {
    live_all(&chosen(40, ORDERS), async || Some(TestDatabase::sqlite().await), live_in, &END);
}

#[test]
fn every_order_of_a_gifts_events_comes_to_one_end_on_postgres() {
    live_all(&chosen(12, ORDERS), TestDatabase::postgres, live_in, &END);
}
