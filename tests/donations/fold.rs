//! The arithmetic of money that comes back, by itself: every order of learning the same facts ends in the same books.

use chrono::{DateTime, Utc};
use entity::{
    Currency, Money,
    words::{Account, DisputeOutcome, RefundState as State},
};
use std::collections::BTreeMap;
use wellwisher::{
    donations::back::{Returned, fold},
    ledger::{OfGift, Posting, Purpose},
    payments::{DisputeState, Movement, RefundState},
};

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

pub fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub fn gift(minor: i64) -> fold::PaidGift {
    let donation_id = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
    fold::PaidGift { of: OfGift { donation_id, purpose: Purpose::default() }, captured: Money::new(minor, currency("USD")) }
}

pub fn movement(id: &str, gross: i64, fee: i64, code: &str) -> Movement {
    let money = |minor| Money::new(minor, currency(code));
    Movement { id: id.to_owned(), gross: money(gross), fee: money(fee), net: money(gross - fee), created: at(0) }
}

pub fn refund(id: &str, minor: i64) -> RefundState {
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

pub fn dispute(id: &str, minor: i64) -> DisputeState {
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
    let lost = &folded.losses[0];
    let loss = Posting::dispute_loss(gift.of, "dp_1:loss".to_owned(), (lost.income, lost.cost, lost.disputed), at(9)).unwrap();
    let fees = loss.legs.iter().find(|leg| leg.account == Account::StripeFees).expect("what the bank took beyond the gift is a cost");
    assert_eq!(fees.amount.minor, 1_000);
    assert!(loss.sums().unwrap().values().all(|sum| *sum == 0));
}

#[test]
fn what_a_bank_takes_beyond_the_gift_is_a_cost_in_every_currency() {
    let given_back = RefundState { movement: Some(movement("txn_r", -909, 0, "EUR")), ..refund("re_1", 1_000) };
    let lost = DisputeState {
        outcome: DisputeOutcome::Lost,
        closed: true,
        movements: vec![movement("txn_d", -2_273, 1_500, "EUR")],
        ..dispute("dp_1", 2_500)
    };
    let gift = gift(2_500);
    let figures = |returned: &Returned| {
        let folded = fold::fold(&gift, returned).unwrap();
        let loss = &folded.losses[0];
        (folded.worth.minor, loss.income.minor, loss.cost.to_string(), loss.disputed.minor)
    };
    let mut said = Returned { refunds: vec![given_back], disputes: vec![lost] };
    // Two fifths of 25 dollars were given back, and so two fifths of 22.73 euros are beyond what was left.
    assert_eq!(figures(&said), (0, 1_500, "EUR 9.09".to_owned(), 2_273));
    // A part comes back of what the bank took.
    said.disputes[0].movements.push(movement("txn_b", 1_000, 0, "EUR"));
    assert_eq!(figures(&said), (100, 1_400, "EUR 0.00".to_owned(), 1_273), "what is lost is less than what was left");
    // Nothing says how much of the gift a dispute in a third currency is about: the rate may be all of the difference.
    said.disputes[0].movements.truncate(1);
    said.disputes[0].amount = Money::new(2_000, currency("GBP"));
    assert_eq!(figures(&said), (0, 1_500, "EUR 0.00".to_owned(), 2_273));
}
