//! Movements of the balance and payouts: the client against the stand-in, and Stripe's own samples.

use super::{GOOD_CARD, Hall, money};
use chrono::TimeDelta;
use entity::words::{PayoutReconciliation, PayoutState};
use wellwisher::payments::{BalanceEntry, BalanceQuery, PayoutFact, StripeFailure, standin::BalanceRow};

async fn balance(hall: &Hall, query: BalanceQuery<'_>) -> Vec<BalanceEntry> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = hall.stripe.list_balance(query, after.as_deref()).await.expect("a page");
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_movement_tells_whose_money_it_is_and_nothing_about_the_payer() {
    let hall = Hall::open().await;
    let session = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&session, GOOD_CARD);
    hall.standin().book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-200, "EUR"), fee: 0 });
    let all = balance(&hall, BalanceQuery::Since(hall.clock.now())).await;
    let [fee, gift] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((gift.category.as_str(), gift.kind.as_str(), gift.net), ("charge", "charge", money(2_397, "EUR")));
    assert_eq!(gift.source.donation_id.as_deref(), Some("d-1"));
    assert_eq!(gift.source.charge_id.as_ref(), Some(&gift.source.id));
    assert!(gift.source.payment_intent_id.as_ref().is_some_and(|id| id.starts_with("pi_")));
    assert_eq!((fee.category.as_str(), fee.net, fee.source.id.as_str()), ("fee", money(-200, "EUR"), ""));
    let shown = format!("{all:?}");
    assert!(!shown.contains("reader@example.org") && !shown.contains("4242"), "{shown}");
    hall.clock.advance(TimeDelta::seconds(1));
    assert!(balance(&hall, BalanceQuery::Since(hall.clock.now())).await.is_empty());
}

#[tokio::test]
async fn an_automatic_payout_is_all_that_is_available_of_a_currency_and_its_parts_sum_to_it() {
    let hall = Hall::open().await;
    for (donation, paid) in [("d-1", money(2_500, "EUR")), ("d-2", money(5_000, "JPY")), ("d-3", money(7_000, "KWD"))] {
        let session = hall.checkout(donation, paid).await;
        hall.standin().pay(&session, GOOD_CARD);
    }
    assert!(hall.standin().pay_out().is_empty(), "nothing is available yet");
    hall.clock.advance(TimeDelta::days(2));
    let made = hall.standin().pay_out();
    assert_eq!((made.len(), hall.standin().pay_out().len()), (3, 0));
    for id in &made {
        let fact = hall.stripe.fetch_payout(id).await.expect("a payout");
        assert_eq!((fact.state, fact.automatic, fact.reconciliation), (PayoutState::InTransit, true, PayoutReconciliation::InProgress));
        let parts = balance(&hall, BalanceQuery::OfPayout(id)).await;
        let sum: i64 = parts.iter().filter(|part| part.source.id != *id).map(|part| part.net.minor).sum();
        assert_eq!((parts.len(), money(sum, fact.amount.currency.code())), (2, fact.amount));
        assert_eq!(parts.iter().map(|part| part.net.minor).sum::<i64>(), 0, "with its own row the list sums to zero");
        assert!(hall.standin().complete_payout(id) && !hall.standin().complete_payout(id));
        let fact = hall.stripe.fetch_payout(id).await.expect("a payout");
        assert_eq!((fact.state, fact.reconciliation), (PayoutState::Paid, PayoutReconciliation::Completed));
        assert!(!fact.trace_id.is_empty());
    }
    let listed = hall.stripe.list_payouts(hall.clock.now(), None).await.expect("a page");
    assert_eq!((listed.items.len(), listed.next), (3, None));
}

#[tokio::test]
async fn a_payout_that_fails_after_it_was_paid_is_in_the_balance_again() {
    let hall = Hall::open().await;
    hall.standin().book(&BalanceRow { kind: "topup", category: "topup", gross: money(9_000, "EUR"), fee: 0 });
    let first = hall.standin().pay_out().remove(0);
    hall.standin().complete_payout(&first);
    assert!(hall.standin().fail_payout(&first) && !hall.standin().fail_payout(&first));
    let fact = hall.stripe.fetch_payout(&first).await.expect("a payout");
    assert_eq!((fact.state, fact.failure_code.as_str()), (PayoutState::Failed, "account_closed"));
    let own = balance(&hall, BalanceQuery::OfSource(&first)).await;
    assert_eq!(
        own.iter().map(|row| (row.category.as_str(), row.net.minor)).collect::<Vec<_>>(),
        [("payout_reversal", 9_000), ("payout", -9_000)]
    );
    assert_eq!(fact.failure_balance_transaction_id.as_ref(), Some(&own[0].id));
    let second = hall.standin().pay_out().remove(0);
    let parts = balance(&hall, BalanceQuery::OfPayout(&second)).await;
    assert_eq!(parts.iter().filter(|part| part.source.id == first).count(), 1, "what came back goes out again");
}

#[tokio::test]
async fn stripe_does_not_say_what_a_manual_payout_is_made_of() {
    let hall = Hall::open().await;
    hall.standin().book(&BalanceRow { kind: "topup", category: "topup", gross: money(9_000, "EUR"), fee: 0 });
    let id = hall.standin().pay_out_by_hand(money(4_000, "EUR"));
    let fact = hall.stripe.fetch_payout(&id).await.expect("a payout");
    assert_eq!((fact.automatic, fact.reconciliation), (false, PayoutReconciliation::NotApplicable));
    let refused = hall.stripe.list_balance(BalanceQuery::OfPayout(&id), None).await;
    assert!(matches!(refused, Err(StripeFailure::Refused { status: 400, .. })));
    assert!(hall.stripe.fetch_payout("po_gone").await.expect_err("a failure").is_missing());
}

#[tokio::test]
async fn a_long_balance_is_read_page_by_page() {
    let hall = Hall::open().await;
    for _ in 0..205 {
        hall.standin().book(&BalanceRow { kind: "adjustment", category: "something_new", gross: money(1, "HUF"), fee: 0 });
    }
    let all = balance(&hall, BalanceQuery::Since(hall.clock.now())).await;
    let different: std::collections::BTreeSet<_> = all.iter().map(|entry| &entry.id).collect();
    assert_eq!((all.len(), different.len()), (205, 205));
}

#[test]
fn stripes_own_samples_are_read() {
    let samples: serde_json::Value = serde_json::from_str(include_str!("../fixtures/stripe-samples.json")).expect("the samples");
    let payout = PayoutFact::from_json(&samples["payout"].to_string()).expect("a payout");
    assert_eq!((payout.amount, payout.state, payout.trace_id.as_str()), (money(1_100, "USD"), PayoutState::InTransit, ""));
    let mut entry = samples["balance_transaction"].clone();
    let read = BalanceEntry::from_json(&entry.to_string()).expect("a movement");
    assert_eq!((read.source.charge_id.as_deref(), read.net), (Some("ch_1PgafuB7WZ01zgkWXYmPNZs8"), money(100, "USD")));
    entry["source"] = samples["refund"].clone();
    let read = BalanceEntry::from_json(&entry.to_string()).expect("a movement");
    assert!(read.source.id.starts_with("re_") && read.source.charge_id.is_some(), "{read:?}");
    entry["source"] = serde_json::json!({ "object": "something_new", "id": "xx_1", "metadata": [1, null, 2.5] });
    assert_eq!(BalanceEntry::from_json(&entry.to_string()).expect("a movement").source.id, "xx_1");
    entry["source"] = serde_json::Value::Null;
    assert_eq!(BalanceEntry::from_json(&entry.to_string()).expect("a movement").source.id, "");
    entry["fee"] = serde_json::json!(3);
    assert!(matches!(BalanceEntry::from_json(&entry.to_string()), Err(StripeFailure::BadAnswer { .. })));
}
