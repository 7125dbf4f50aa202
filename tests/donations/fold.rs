//! The arithmetic of money that comes back, by itself: every order of learning the same facts ends in the same books.

use chrono::{DateTime, Utc};
use entity::{
    Currency, Money,
    words::{Account, DisputeOutcome, RefundState as State},
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use wellwisher::{
    donations::back::{Returned, fold},
    ledger::{OfGift, Posting, Purpose},
    payments::{DisputeState, Movement, RefundState},
};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn gift(minor: i64) -> fold::PaidGift {
    let donation_id = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
    fold::PaidGift { of: OfGift { donation_id, purpose: Purpose::default() }, captured: Money::new(minor, currency("USD")) }
}

fn movement(id: &str, gross: i64, fee: i64, code: &str) -> Movement {
    let money = |minor| Money::new(minor, currency(code));
    Movement { id: id.to_owned(), gross: money(gross), fee: money(fee), net: money(gross - fee), created: at(0) }
}

fn refund(id: &str, minor: i64) -> RefundState {
    RefundState {
        refund_id: id.to_owned(),
        our_id: None,
        payment_intent_id: None,
        charge_id: None,
        amount: Money::new(minor, currency("USD")),
        state: State::Pending,
        failure: None,
        created: at(0),
        movement: None,
        failure_movement: None,
    }
}

fn dispute(id: &str, minor: i64) -> DisputeState {
    DisputeState {
        dispute_id: id.to_owned(),
        payment_intent_id: None,
        charge_id: "ch_1".to_owned(),
        amount: Money::new(minor, currency("USD")),
        reason: "fraudulent".to_owned(),
        status: String::new(),
        outcome: DisputeOutcome::Open,
        closed: false,
        evidence_due_at: None,
        created: at(0),
        movements: Vec::new(),
    }
}

/// What was posted so far, by source, and the loss of each dispute as the books show it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Books {
    postings: BTreeMap<String, Posting>,
    losses: BTreeMap<String, (i64, i64)>,
}

impl Books {
    /// As `back::apply` does it: what is there stays, what is new is added, a loss is brought to its figure.
    fn hear(&mut self, gift: &fold::PaidGift, said: &Returned) {
        let folded = fold::fold(gift, said).expect("facts that fit");
        for posting in folded.postings {
            if let Some(known) = self.postings.get(&posting.source) {
                assert_eq!(*known, posting, "a later fact never changes a posting");
            }
            self.postings.insert(posting.source.clone(), posting);
        }
        for loss in folded.losses {
            self.losses.insert(loss.dispute_id, (loss.income.minor, loss.disputed.minor));
        }
    }

    fn balance(&self, account: Account) -> BTreeMap<Currency, i64> {
        let mut sums = BTreeMap::new();
        for leg in self.postings.values().flat_map(|posting| &posting.legs).filter(|leg| leg.account == account) {
            *sums.entry(leg.amount.currency).or_insert(0) += leg.amount.minor;
        }
        sums
    }
}

/// Every order of `0..n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(n - 1) {
        for place in 0..n {
            let mut order = shorter.clone();
            order.insert(place, n - 1);
            all.push(order);
        }
    }
    all
}

/// Seven facts about one gift, of which each can be learned at any time: a refund and its booking, a second one that fails and what that
/// gave back, a dispute that took money, that gave a part back, and that was lost.
fn learn(said: &mut Returned, fact: usize) {
    let entry = |list: &mut Vec<RefundState>, id: &str, minor: i64| {
        if !list.iter().any(|known| known.refund_id == id) {
            list.push(refund(id, minor));
        }
    };
    if fact < 4 {
        let (id, minor) = if fact < 2 { ("re_1", 1_000) } else { ("re_2", 500) };
        entry(&mut said.refunds, id, minor);
    } else if said.disputes.is_empty() {
        said.disputes.push(dispute("dp_1", 800));
    }
    let found = |list: &mut Vec<RefundState>, id: &str| list.iter().position(|known| known.refund_id == id).unwrap();
    match fact {
        0 => said.refunds.iter_mut().for_each(|one| {
            if one.refund_id == "re_1" {
                one.state = State::Succeeded
            }
        }),
        1 => {
            let place = found(&mut said.refunds, "re_1");
            said.refunds[place].movement = Some(movement("txn_r1", -920, 0, "EUR"));
        }
        2 => {
            let place = found(&mut said.refunds, "re_2");
            said.refunds[place].movement = Some(movement("txn_r2", -460, 0, "EUR"));
        }
        3 => {
            let place = found(&mut said.refunds, "re_2");
            said.refunds[place].failure_movement = Some(movement("txn_f2", 455, 0, "EUR"));
            said.refunds[place].state = State::Failed;
        }
        4 => said.disputes[0].movements.push(movement("txn_d1", -736, 1_500, "EUR")),
        5 => said.disputes[0].movements.push(movement("txn_d2", 184, 0, "EUR")),
        _ => (said.disputes[0].outcome, said.disputes[0].closed) = (DisputeOutcome::Lost, true),
    }
}

#[test]
fn every_one_of_5040_orders_of_learning_seven_facts_ends_in_the_same_books() {
    let gift = gift(2_500);
    let all = orders(7);
    assert_eq!(all.len(), 5_040);
    let mut expected = None;
    for order in all {
        let (mut books, mut said) = (Books::default(), Returned::default());
        for fact in &order {
            learn(&mut said, *fact);
            books.hear(&gift, &said);
            // Heard twice is heard once.
            let once = books.clone();
            books.hear(&gift, &said);
            assert_eq!(books, once);
        }
        said.disputes[0].movements.sort_by(|a, b| a.id.cmp(&b.id));
        let worth = fold::fold(&gift, &said).unwrap().worth.minor;
        let end = (books, worth);
        let expected = expected.get_or_insert_with(|| end.clone());
        assert_eq!(end, *expected, "{order:?}");
    }
    let (books, worth) = expected.unwrap();
    assert_eq!(books.postings.len(), 5);
    // Of 800 disputed for 736, three quarters do not come back.
    assert_eq!(books.losses["dp_1"], (600, 552));
    assert_eq!(worth, 2_500 - 1_000 - 600);
    assert_eq!(books.balance(Account::Disputed)[&currency("EUR")], 552);
}

#[derive(Clone, Debug)]
enum Step {
    Refund(i64),
    Book(usize),
    Succeed(usize),
    Fail(usize),
    Dispute(i64, bool),
    Withdraw(usize, i64),
    GiveBack(usize, i64),
    Decide(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1i64..=10_000).prop_map(Step::Refund),
        (0usize..4).prop_map(Step::Book),
        (0usize..4).prop_map(Step::Succeed),
        (0usize..4).prop_map(Step::Fail),
        ((1i64..=10_000), any::<bool>()).prop_map(|(minor, inquiry)| Step::Dispute(minor, inquiry)),
        ((0usize..3), 0i64..3_000).prop_map(|(at, fee)| Step::Withdraw(at, fee)),
        ((0usize..3), 1i64..=100).prop_map(|(at, share)| Step::GiveBack(at, share)),
        ((0usize..3), any::<bool>()).prop_map(|(at, won)| Step::Decide(at, won)),
    ]
}

/// What Stripe would hold after a step; steps that it would not take are left out. `rate` is the settlement currency's, in per cent; 100 is
/// the gift's own currency.
fn act(said: &mut Returned, step: &Step, captured: i64, rate: i64) {
    let code = if rate == 100 { "USD" } else { "EUR" };
    let settled = |minor: i64| (minor * rate / 100).max(1);
    let refunded: i64 = said.refunds.iter().filter(|one| one.state != State::Failed).map(|one| one.amount.minor).sum();
    let disputed: i64 = said.disputes.iter().map(|one| one.amount.minor).sum();
    let left = captured - refunded - disputed;
    match step {
        Step::Refund(minor) if *minor <= left => said.refunds.push(refund(&format!("re_{}", said.refunds.len()), *minor)),
        Step::Book(at) => {
            if let Some(one) = said.refunds.get_mut(*at).filter(|one| one.movement.is_none()) {
                one.movement = Some(movement(&format!("txn_{}", one.refund_id), -settled(one.amount.minor), 0, code));
            }
        }
        Step::Succeed(at) => {
            if let Some(one) = said.refunds.get_mut(*at).filter(|one| one.movement.is_some() && one.state == State::Pending) {
                one.state = State::Succeeded;
            }
        }
        Step::Fail(at) => {
            if let Some(one) = said.refunds.get_mut(*at).filter(|one| one.movement.is_some() && one.failure_movement.is_none()) {
                one.failure_movement = Some(movement(&format!("txnf_{}", one.refund_id), settled(one.amount.minor), 0, code));
                one.state = State::Failed;
            }
        }
        Step::Dispute(minor, inquiry) if *minor <= left => {
            let mut one = dispute(&format!("dp_{}", said.disputes.len()), *minor);
            one.outcome = if *inquiry { DisputeOutcome::Inquiry } else { DisputeOutcome::Open };
            said.disputes.push(one);
        }
        Step::Withdraw(at, fee) => {
            if let Some(one) = said.disputes.get_mut(*at).filter(|one| one.movements.is_empty() && !one.closed) {
                one.outcome = DisputeOutcome::Open;
                one.movements.push(movement(&format!("txn_{}", one.dispute_id), -settled(one.amount.minor), *fee, code));
            }
        }
        Step::GiveBack(at, share) => {
            if let Some(one) = said.disputes.get_mut(*at).filter(|one| one.movements.len() == 1) {
                let part = (-one.movements[0].gross.minor * share / 100).max(1);
                one.movements.push(movement(&format!("txnb_{}", one.dispute_id), part, 0, code));
            }
        }
        Step::Decide(at, won) => {
            if let Some(one) = said.disputes.get_mut(*at).filter(|one| one.outcome == DisputeOutcome::Open && one.movements.len() < 3) {
                if one.movements.is_empty() {
                    return;
                }
                (one.outcome, one.closed) = (if *won { DisputeOutcome::Won } else { DisputeOutcome::Lost }, true);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_at_stripe_the_books_balance_and_the_worth_stays_within_the_gift(
        captured in 100i64..20_000,
        rate in prop_oneof![Just(100i64), 50i64..100, 101i64..300],
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let gift = gift(captured);
        let (mut said, mut books) = (Returned::default(), Books::default());
        for one in &steps {
            act(&mut said, one, captured, rate);
            books.hear(&gift, &said);
            let folded = fold::fold(&gift, &said).unwrap();
            for posting in &folded.postings {
                prop_assert!(posting.sums().unwrap().values().all(|sum| *sum == 0), "{posting:?}");
                let clearing: i64 = posting.legs.iter().filter(|leg| leg.account == Account::StripeClearing).map(|leg| leg.amount.minor).sum();
                let known = said.movements().find(|one| Some(one.id.as_str()) == posting.balance_transaction.as_deref()).unwrap();
                prop_assert_eq!(clearing, known.net.minor, "clearing is the net of the balance transaction");
            }
            prop_assert!((0..=captured).contains(&folded.worth.minor), "worth {} of {captured}", folded.worth.minor);
            for loss in &folded.losses {
                let dispute = said.disputes.iter().find(|one| one.dispute_id == loss.dispute_id).unwrap();
                let held: i64 = -dispute.movements.iter().map(|one| one.gross.minor).sum::<i64>();
                match dispute.outcome {
                    DisputeOutcome::Lost => prop_assert_eq!(loss.disputed.minor, held, "nothing of a lost dispute stays disputed"),
                    DisputeOutcome::Won if dispute.movements.len() > 1 => prop_assert_eq!(loss.disputed.minor, held),
                    _ => prop_assert_eq!((loss.income.minor, loss.disputed.minor), (0, 0), "an open dispute loses nothing"),
                }
            }
        }
        // Learned at once or step by step: the same books.
        let mut at_once = Books::default();
        at_once.hear(&gift, &said);
        prop_assert_eq!(books, at_once);
    }
}

#[test]
fn a_lost_dispute_takes_no_more_income_than_a_refund_has_left() {
    let given_back = RefundState { movement: Some(movement("txn_r", -1_000, 0, "USD")), ..refund("re_1", 1_000) };
    let lost = DisputeState {
        outcome: DisputeOutcome::Lost,
        closed: true,
        movements: vec![movement("txn_d", -2_500, 1_500, "USD")],
        ..dispute("dp_1", 2_500)
    };
    let gift = gift(2_500);
    let folded = fold::fold(&gift, &Returned { refunds: vec![given_back], disputes: vec![lost] }).unwrap();
    assert_eq!((folded.worth.minor, folded.losses[0].income.minor, folded.losses[0].disputed.minor), (0, 1_500, 2_500));
    let loss = Posting::dispute_loss(gift.of, "dp_1:loss".to_owned(), folded.losses[0].income, folded.losses[0].disputed, at(9)).unwrap();
    let fees = loss.legs.iter().find(|leg| leg.account == Account::StripeFees).expect("what the bank took beyond the gift is a cost");
    assert_eq!(fees.amount.minor, 1_000);
    assert!(loss.sums().unwrap().values().all(|sum| *sum == 0));
}
