//! Erasing, while everything that could write her down again happens at the same moment.

use super::{CANARY, places_with, send_letters};
use crate::{
    recurring::helpers::{FAILING, count, donations, fill, hear, letters, reconcile, session_of, work},
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    ids::{RecurringId, SupporterId},
    letter,
    words::{DonationStatus, ErasureBy, LetterKind, RecurringStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::time::Duration;
use wellwisher::{
    payments::standin::PayOutcome,
    privacy::{self, By, Erased, address, keep},
    recurring::{self, care},
    staff::Actor,
};

/// How often the race is run.
const ROUNDS: u64 = 4;

/// Somebody whose monthly gift ended with a payment still to come; it has come, and nobody has heard of it.
async fn paid_after_the_end(test: &TestApp, round: u64) -> (SupporterId, RecurringId) {
    let email = format!("qanari{round}@example.org");
    let answer = fill(test, "").await.with("email", &email).with("name", "Qanari Karimi").with("frequency", "monthly").send(test).await;
    assert_eq!(test.stripe.standin.pay(&session_of(test, &answer), FAILING), PayOutcome::Paid);
    hear(test).await;
    let subscription = test.stripe.standin.subscriptions().remove(0);
    let gift = recurring::store::find_by_subscription(test.app.db.read(), &subscription).await.unwrap().expect("a gift");
    assert!(test.stripe.standin.renew(&subscription));
    hear(test).await;
    care::end(&test.app, &recurring::By::Supporter, gift.id, "qanari moved away").await.unwrap();
    hear(test).await;
    let ended = recurring::store::find(test.app.db.read(), gift.id).await.unwrap().unwrap();
    assert_eq!(ended.status, RecurringStatus::Ended);
    assert!(test.stripe.standin.pay_part(&subscription, 2_500).is_some(), "by the page that Stripe mailed her");
    (gift.supporter_id, gift.id)
}

/// The secret of the link in the letter to her other mailbox.
async fn asks_for_another_address(test: &TestApp, id: SupporterId, round: u64) -> String {
    let other = format!("qanari{round}@example.net");
    address::ask(&test.app, ErasureBy::Supporter, &Actor::system(), id, &other).await.unwrap();
    let told = letters(test, LetterKind::AddressChange).await;
    let text = told.iter().rev().find(|letter| letter.to_address == other).expect("a letter").text_body.clone();
    let (_, rest) = text.split_once("/me/address/").expect("a link");
    rest.split_whitespace().next().expect("a secret").to_owned()
}

/// Erases her, as often as it takes.
async fn erased(test: &TestApp, id: SupporterId, after: Duration) {
    tokio::time::sleep(after).await;
    let done = privacy::erase(&test.app, &By::Operator, id).await;
    assert!(matches!(done, Ok(Erased::Now { .. })), "{done:?}");
}

on_both_databases! {
    async fn nothing_that_happens_while_she_is_erased_writes_her_down_again(test: TestApp) {
        let mut gifts = Vec::new();
        for round in 0..ROUNDS {
            let (id, gift) = paid_after_the_end(&test, round).await;
            gifts.push(gift);
            let link = if round % 2 == 0 { Some(asks_for_another_address(&test, id, round).await) } else { None };
            let webhook = async {
                // An answer of Stripe's that was overtaken is asked for again.
                for _ in 0..3 {
                    if recurring::refresh(&test.app, gift, &recurring::By::Stripe).await.is_ok() {
                        break;
                    }
                }
            };
            let change = async {
                match &link {
                    Some(link) => address::decide(&test.app, link, true).await,
                    None => {
                        let other = format!("qanari{round}@example.net");
                        address::ask(&test.app, ErasureBy::Supporter, &Actor::system(), id, &other).await
                    }
                }
            };
            let leased = async { test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await };
            // Now before the others, now after, now in the middle of them.
            let erasing = erased(&test, id, Duration::from_millis(round * 3));
            let ((), (), change, leased) = futures_util::join!(erasing, webhook, change, leased);
            tracing::info!(round, ?change, "the change of address");
            leased.unwrap();
        }
        hear(&test).await;
        reconcile(&test).await;
        address::finish_waiting(&test.app).await.unwrap();
        work(&test).await;
        for _ in 0..3 {
            test.app.clock.advance(TimeDelta::hours(2));
            send_letters(&test).await;
            keep::forget_gone_letters(&test.app).await.unwrap();
        }
        let waiting = letter::Entity::find().filter(letter::Column::ToAddress.ne("")).all(test.app.db.read()).await.unwrap();
        let waiting: Vec<_> = waiting.iter().map(|one| (one.kind, one.state, &one.dedupe_key)).collect();
        assert_eq!(places_with(&test, CANARY).await, Vec::<String>::new(), "{waiting:?}");
        // The money is there, without her name.
        let all = donations(&test.app).await;
        assert_eq!(all.len() as u64, 2 * ROUNDS);
        assert!(all.iter().all(|one| one.status == DonationStatus::Paid && one.donor_name.is_empty()));
        assert_eq!(count(&test.app, "receipt").await as u64, 2 * ROUNDS);
        assert_eq!(count(&test.app, "erasure").await as u64, ROUNDS);
        for gift in gifts {
            let gift = recurring::store::find(test.app.db.read(), gift).await.unwrap().unwrap();
            assert_eq!((gift.donor_name.as_str(), gift.end_note.as_str()), ("", ""));
        }
    }
}
