//! Refunds and disputes: what is asked, what is read, and how the stand-in plays them.

use super::{GOOD_CARD, Hall, money};
use chrono::TimeDelta;
use entity::words::{DisputeOutcome, RefundState as State};
use serde_json::{Value, json};
use wellwisher::payments::{
    DisputeState, NewRefund, RefundState, StripeFailure,
    standin::{ApiFault, Decision, PayOutcome},
};

async fn paid(hall: &Hall, card: &str) -> (String, String) {
    let session = hall.checkout(&format!("d-{card}"), money(2_500, "EUR")).await;
    assert_eq!(hall.standin().pay(&session, card), PayOutcome::Paid);
    let state = hall.stripe.fetch_checkout(&session).await.expect("a state");
    (session, state.payment_intent_id.expect("a payment"))
}

fn wish(intent: &str, key: &str, minor: i64) -> NewRefund {
    NewRefund {
        idempotency_key: key.to_owned(),
        refund_id: "r-1".to_owned(),
        payment_intent_id: intent.to_owned(),
        amount: money(minor, "EUR"),
    }
}

fn kinds(hall: &Hall) -> Vec<String> {
    let mut kinds: Vec<String> = hall.standin().events().into_iter().map(|event| event.kind).collect();
    kinds.reverse();
    kinds
}

fn code_of(failure: StripeFailure) -> String {
    match failure {
        StripeFailure::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refund_is_made_once_for_its_key_and_lists_its_movement() {
    let hall = Hall::open().await;
    let (session, intent) = paid(&hall, GOOD_CARD).await;
    hall.standin().fault(ApiFault::DropAnswer, 1);
    let made = hall.stripe.create_refund(&wish(&intent, "k-1", 1_000)).await.expect("a refund");
    let again = hall.stripe.create_refund(&wish(&intent, "k-1", 1_000)).await.expect("the same");
    assert_eq!(made, again);
    assert_eq!((made.state, made.our_id.as_deref(), made.amount), (State::Succeeded, Some("r-1"), money(1_000, "EUR")));
    assert_eq!(made.movement.as_ref().map(|movement| movement.net), Some(money(-1_000, "EUR")));
    let all = hall.stripe.refunds_of(&intent).await.expect("a list");
    assert_eq!(all, std::slice::from_ref(&made));
    assert_eq!(hall.stripe.fetch_refund(&made.refund_id).await.expect("one"), made);
    assert_eq!(hall.stripe.refunds_since(hall.clock.now()).await.expect("a list").len(), 1);
    assert!(hall.stripe.fetch_checkout(&session).await.expect("a state").came_back);
    let too_much = hall.stripe.create_refund(&wish(&intent, "k-2", 1_501)).await.expect_err("more than is left");
    assert!(matches!(too_much, StripeFailure::Refused { .. }));
    hall.stripe.create_refund(&wish(&intent, "k-3", 1_500)).await.expect("the rest");
    let nothing = hall.stripe.create_refund(&wish(&intent, "k-4", 1)).await.expect_err("nothing is left");
    assert_eq!(code_of(nothing), "charge_already_refunded");
}

#[tokio::test]
async fn a_refund_of_a_practice_card_is_slow_or_fails_later() {
    let hall = Hall::open().await;
    let (_, slow) = paid(&hall, "4000000000007726").await;
    let (_, failing) = paid(&hall, "4000000000005126").await;
    let pending = hall.stripe.create_refund(&wish(&slow, "k-1", 2_500)).await.expect("a refund");
    let succeeded = hall.stripe.create_refund(&wish(&failing, "k-2", 2_500)).await.expect("a refund");
    assert_eq!((pending.state, succeeded.state), (State::Pending, State::Succeeded));
    hall.clock.advance(TimeDelta::seconds(10));
    assert_eq!(hall.stripe.refunds_of(&slow).await.expect("a list")[0].state, State::Succeeded);
    let failed = hall.stripe.refunds_of(&failing).await.expect("a list").remove(0);
    assert_eq!((failed.state, failed.failure.as_deref()), (State::Failed, Some("expired_or_canceled_card")));
    assert_eq!(failed.failure_movement.map(|movement| movement.net), Some(money(2_500, "EUR")));
    let told = kinds(&hall);
    assert_eq!(told.iter().filter(|kind| *kind == "refund.updated").count(), 2);
    assert_eq!(told.iter().filter(|kind| *kind == "refund.failed").count(), 1);
    hall.stripe.create_refund(&wish(&failing, "k-3", 2_500)).await.expect("what came back can be given back again");
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_a_fee_and_gives_it_back_when_won() {
    let hall = Hall::open().await;
    let (_, intent) = paid(&hall, "4000000000000259").await;
    let open = hall.stripe.disputes_of(&intent).await.expect("a list").remove(0);
    assert_eq!((open.outcome, open.reason.as_str(), open.amount), (DisputeOutcome::Open, "fraudulent", money(2_500, "EUR")));
    assert_eq!(open.evidence_due_at, Some(hall.clock.now() + TimeDelta::days(9)));
    assert_eq!((open.movements[0].gross, open.movements[0].net), (money(-2_500, "EUR"), money(-4_000, "EUR")));
    let refused = hall.stripe.create_refund(&wish(&intent, "k-1", 100)).await.expect_err("the bank has it");
    assert_eq!(code_of(refused), "charge_disputed");
    assert!(hall.standin().decide_dispute(&open.dispute_id, Decision::Won));
    assert!(!hall.standin().decide_dispute(&open.dispute_id, Decision::Lost), "it is decided");
    let won = hall.stripe.disputes_since(hall.clock.now()).await.expect("a list").remove(0);
    assert!(won.outcome == DisputeOutcome::Won && won.closed && won.movements.len() == 2);
    assert_eq!(won.movements[1].net, money(2_500, "EUR"));
    let told: Vec<String> = kinds(&hall).into_iter().filter(|kind| kind.starts_with("charge.dispute")).collect();
    let expected = ["created", "funds_withdrawn", "closed", "funds_reinstated"].map(|word| format!("charge.dispute.{word}"));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_question_of_a_bank_takes_nothing() {
    let hall = Hall::open().await;
    let (_, intent) = paid(&hall, "4000000000001976").await;
    let asked = hall.stripe.disputes_of(&intent).await.expect("a list").remove(0);
    assert!(asked.outcome == DisputeOutcome::Inquiry && !asked.closed && asked.movements.is_empty());
    assert!(hall.standin().decide_dispute(&asked.dispute_id, Decision::InquiryClosed));
    let closed = hall.stripe.disputes_of(&intent).await.expect("a list").remove(0);
    assert!(closed.outcome == DisputeOutcome::Inquiry && closed.closed);
}

#[tokio::test]
async fn the_controls_refund_and_dispute() {
    let hall = Hall::open().await;
    let (session, _) = paid(&hall, GOOD_CARD).await;
    let control = async |path: String, body: Value| -> Value {
        let url = format!("{}_standin/{path}", hall.running.base_url);
        let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body.to_string());
        serde_json::from_str(&request.send().await.expect("an answer").text().await.expect("a body")).expect("JSON")
    };
    let refund = control(format!("sessions/{session}/refund"), json!({ "amount": 500 })).await;
    assert!(refund["id"].as_str().is_some_and(|id| id.starts_with("re_")), "{refund}");
    let settled = control(format!("refunds/{}/settle", refund["id"].as_str().unwrap()), json!({ "succeeds": false })).await;
    assert_eq!(settled["done"], true);
    let dispute = control(format!("sessions/{session}/dispute"), json!({ "amount": 700, "inquiry": true })).await;
    let id = dispute["id"].as_str().expect("a dispute").to_owned();
    assert_eq!(control(format!("disputes/{id}/decide"), json!({ "decision": "escalated" })).await["done"], true);
    let decision = json!({ "decision": { "lost_in_part": { "returned": 200 } } });
    assert_eq!(control(format!("disputes/{id}/decide"), decision).await["done"], true);
    assert_eq!(hall.standin().disputes()[0].status, "lost");
    assert_eq!(hall.standin().refunds()[0].status, "failed");
}

/// Stripe's own samples (github.com/stripe/openapi, openapi/fixtures3.json of August 2026, MIT), shortened to what every version has.
#[test]
fn stripes_own_samples_are_read_and_unknown_words_count_as_nothing() {
    let refund = json!({ "id": "re_1Pgc72B7WZ01zgkWqPvrRrPE", "object": "refund", "amount": 100, "balance_transaction": null,
        "charge": "ch_1PgafuB7WZ01zgkWXYmPNZs8", "created": 1_234_567_890, "currency": "usd",
        "destination_details": { "card": { "type": "reversal" }, "type": "card" }, "metadata": {}, "payment_intent": null,
        "reason": null, "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null });
    let read = RefundState::from_json(&refund.to_string()).expect("a refund");
    assert_eq!((read.state, read.amount, read.movement), (State::Succeeded, money(100, "USD"), None));
    let named = json!({ "status": "succeeded", "balance_transaction": "txn_1" });
    let mut only_named = refund.clone();
    only_named.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
    assert!(RefundState::from_json(&only_named.to_string()).is_err(), "a movement that is only named would be lost");
    let mut strange = refund;
    strange["status"] = json!("teleported");
    assert!(RefundState::from_json(&strange.to_string()).is_err());
    let mut dispute = json!({ "id": "dp_1Pgc71B7WZ01zgkWMevJiAUx", "object": "dispute", "amount": 1000, "balance_transactions": [],
        "charge": "ch_1PgafuB7WZ01zgkWXYmPNZs8", "created": 1_234_567_890, "currency": "usd", "evidence": { "enhanced_evidence": {} },
        "evidence_details": { "due_by": 1_723_679_999, "has_evidence": false, "past_due": false, "submission_count": 0 },
        "is_charge_refundable": true, "livemode": false, "metadata": {}, "payment_intent": null, "reason": "general",
        "status": "warning_needs_response" });
    assert_eq!(DisputeState::from_json(&dispute.to_string()).expect("a dispute").outcome, DisputeOutcome::Inquiry);
    dispute["status"] = json!("pondered");
    let unknown = DisputeState::from_json(&dispute.to_string()).expect("a dispute");
    assert!(unknown.outcome == DisputeOutcome::Open && !unknown.closed, "neither lost nor won");
}
