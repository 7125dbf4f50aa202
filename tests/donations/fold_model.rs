//! The arithmetic of money that comes back against a model of it: whatever happens at Stripe, in whatever order, the books balance and the
//! gift is worth what an independent reckoning says. Faults planted in the arithmetic are found.

use super::fold::{at, dispute, gift, movement, refund};
use entity::words::{Account, DisputeOutcome, RefundState as State};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use std::collections::BTreeMap;
use wellwisher::{
    donations::back::{
        Returned,
        fold::{Folded, Misfit, PaidGift, fold},
    },
    ledger::Posting,
};

/// Something that happens at Stripe: to the refund or dispute with a number, by a share of what is left in per cent, or at a fee.
#[derive(Clone, Debug)]
enum Step {
    Refund(i64),
    Book(usize, i64),
    Succeed(usize),
    Fail(usize),
    Cancel(usize),
    Dispute(i64, bool),
    Withdraw(usize, i64),
    GiveBack(usize, i64),
    Decide(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1i64..=100).prop_map(Step::Refund),
        1 => ((0usize..3), prop_oneof![Just(0i64), 1i64..300]).prop_map(|(at, fee)| Step::Book(at, fee)),
        1 => (0usize..3).prop_map(Step::Succeed),
        1 => (0usize..3).prop_map(Step::Fail),
        1 => (0usize..3).prop_map(Step::Cancel),
        2 => ((1i64..=100), any::<bool>()).prop_map(|(share, inquiry)| Step::Dispute(share, inquiry)),
        2 => ((0usize..2), 0i64..3_000).prop_map(|(at, fee)| Step::Withdraw(at, fee)),
        2 => ((0usize..2), 1i64..=100).prop_map(|(at, share)| Step::GiveBack(at, share)),
        2 => ((0usize..2), any::<bool>()).prop_map(|(at, won)| Step::Decide(at, won)),
    ]
}

/// A life: what was paid, the rate of the settlement currency in per cent (100: the gift's own), what happens.
fn life() -> impl Strategy<Value = (i64, i64, Vec<Step>)> {
    let rate = prop_oneof![Just(100i64), 50i64..100, 101i64..300];
    (100i64..20_000, rate, prop::collection::vec(step(), 1..32))
}

/// What Stripe would hold after a step; steps that it would not take are left out.
fn act(said: &mut Returned, step: &Step, captured: i64, rate: i64) {
    let code = if rate == 100 { "USD" } else { "EUR" };
    let settled = |minor: i64| (minor * rate / 100).max(1);
    let is_over = |state: State| matches!(state, State::Failed | State::Canceled);
    let refunded: i64 = said.refunds.iter().filter(|one| !is_over(one.state)).map(|one| one.amount.minor).sum();
    let disputed: i64 = said.disputes.iter().map(|one| one.amount.minor).sum();
    let left = captured - refunded - disputed;
    let part = |share: i64| (left * share / 100).max(1);
    match step {
        Step::Refund(share) if left > 0 => said.refunds.push(refund(&format!("re_{}", said.refunds.len()), part(*share))),
        Step::Book(at, fee) => {
            if let Some(one) = said.refunds.get_mut(*at).filter(|one| one.movement.is_none() && !is_over(one.state)) {
                one.movement = Some(movement(&format!("txn_{}", one.refund_id), -settled(one.amount.minor), *fee, code));
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
        // Before Stripe booked anything of it.
        Step::Cancel(at) => {
            if let Some(one) = said.refunds.get_mut(*at).filter(|one| one.movement.is_none() && one.state == State::Pending) {
                one.state = State::Canceled;
            }
        }
        // A bank may dispute the whole payment, whatever was given back of it.
        Step::Dispute(share, inquiry) if said.disputes.len() < 2 => {
            let mut one = dispute(&format!("dp_{}", said.disputes.len()), (captured * share / 100).max(1));
            one.outcome = if *inquiry { DisputeOutcome::Inquiry } else { DisputeOutcome::Open };
            said.disputes.push(one);
        }
        Step::Withdraw(at, fee) => {
            if let Some(one) = said.disputes.get_mut(*at).filter(|one| one.movements.is_empty() && !one.closed) {
                one.outcome = DisputeOutcome::Open;
                one.movements.push(movement(&format!("txn_{}", one.dispute_id), -settled(one.amount.minor), *fee, code));
            }
        }
        // Before it is decided, with the decision, or long after it was lost.
        Step::GiveBack(at, share) => {
            if let Some(one) = said.disputes.get_mut(*at).filter(|one| one.movements.len() == 1) {
                let part = (-one.movements[0].gross.minor * share / 100).max(1);
                one.movements.push(movement(&format!("txnb_{}", one.dispute_id), part, 0, code));
            }
        }
        Step::Decide(at, won) => {
            let open = |one: &&mut wellwisher::payments::DisputeState| one.outcome == DisputeOutcome::Open && !one.movements.is_empty();
            if let Some(one) = said.disputes.get_mut(*at).filter(open) {
                (one.outcome, one.closed) = (if *won { DisputeOutcome::Won } else { DisputeOutcome::Lost }, true);
            }
        }
        _ => {}
    }
}

/// What a gift of which this came back is worth, and what each dispute costs of it, with what its bank keeps beyond that in the settlement
/// currency: reckoned from the lists by hand, in fractions.
fn reckon(said: &Returned, captured: i64, rate: i64) -> (i64, BTreeMap<String, (i64, i64)>) {
    let gone = said.refunds.iter().filter(|one| one.movement.is_some() && one.failure_movement.is_none());
    let mut worth = captured - gone.map(|one| one.amount.minor).sum::<i64>();
    let mut lost = BTreeMap::new();
    let mut disputes: Vec<_> = said.disputes.iter().filter(|one| !one.movements.is_empty()).collect();
    disputes.sort_by(|a, b| a.dispute_id.cmp(&b.dispute_id));
    for one in disputes {
        let taken = -one.movements[0].gross.minor;
        let back: i64 = one.movements[1..].iter().map(|part| part.gross.minor).sum();
        let share = match one.outcome {
            DisputeOutcome::Lost if rate == 100 => taken - back,
            // The part of the disputed amount that did not come back, to the nearest unit.
            DisputeOutcome::Lost => (2 * one.amount.minor * (taken - back) + taken).div_euclid(2 * taken),
            DisputeOutcome::Won if back > 0 && rate == 100 => taken - back,
            _ => 0,
        };
        let decided = one.outcome == DisputeOutcome::Lost || (one.outcome == DisputeOutcome::Won && back > 0);
        let (kept, share, whole) = (if decided { taken - back } else { 0 }, share.min(worth), share);
        let cost = match whole {
            _ if rate == 100 => kept - share,
            // All of what is kept less the part of it that is for the income, to the nearest unit.
            1.. => kept - (2 * kept * share + whole).div_euclid(2 * whole),
            _ => 0,
        };
        lost.insert(one.dispute_id.clone(), (share, cost));
        worth -= share;
    }
    (worth, lost)
}

/// Lives through the steps with this arithmetic, as `back::apply` uses it, and says what is wrong.
fn check(
    arithmetic: impl Fn(&PaidGift, &Returned) -> Result<Folded, Misfit>,
    captured: i64,
    rate: i64,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let gift = gift(captured);
    let mut said = Returned::default();
    let mut posted: BTreeMap<String, Posting> = BTreeMap::new();
    for one in steps {
        act(&mut said, one, captured, rate);
        let folded = arithmetic(&gift, &said).map_err(|misfit| TestCaseError::fail(format!("{misfit:?}")))?;
        for posting in &folded.postings {
            if let Some(known) = posted.insert(posting.source.clone(), posting.clone()) {
                prop_assert_eq!(&known, posting, "a later fact never changes a posting");
            }
            prop_assert!(posting.sums().unwrap().values().all(|sum| *sum == 0), "{posting:?}");
            let clearing: i64 = posting.legs.iter().filter(|leg| leg.account == Account::StripeClearing).map(|leg| leg.amount.minor).sum();
            let known = said.movements().find(|one| Some(one.id.as_str()) == posting.balance_transaction.as_deref());
            prop_assert_eq!(Some(clearing), known.map(|one| one.net.minor), "clearing is the net of the balance transaction");
        }
        prop_assert_eq!(posted.len(), said.movements().count(), "one posting for each balance transaction, and no other ever");
        prop_assert_eq!(folded.postings.len(), posted.len(), "what was posted once is always part of the whole");
        let (worth, lost) = reckon(&said, captured, rate);
        prop_assert!((0..=captured).contains(&worth));
        prop_assert_eq!(folded.worth.minor, worth, "what is left of {}", captured);
        prop_assert_eq!(folded.losses.len(), lost.len());
        for loss in &folded.losses {
            let dispute = said.disputes.iter().find(|one| one.dispute_id == loss.dispute_id).unwrap();
            let held: i64 = -dispute.movements.iter().map(|one| one.gross.minor).sum::<i64>();
            let is_decided =
                dispute.outcome == DisputeOutcome::Lost || (dispute.outcome == DisputeOutcome::Won && dispute.movements.len() > 1);
            prop_assert_eq!(loss.disputed.minor, if is_decided { held } else { 0 }, "nothing of a decided dispute stays disputed");
            prop_assert_eq!((loss.income.minor, loss.cost.minor), lost[&loss.dispute_id], "income lost to {}", loss.dispute_id);
            let posting = Posting::dispute_loss(gift.of, String::new(), (loss.income, loss.cost, loss.disputed), at(0)).unwrap();
            prop_assert!(posting.sums().unwrap().values().all(|sum| *sum == 0), "{posting:?}");
            prop_assert_eq!(posting.income_taken().unwrap(), loss.income.minor);
            let sides = |account| posting.legs.iter().filter(|leg| leg.account == account).map(|leg| leg.amount.minor).sum::<i64>();
            prop_assert_eq!((sides(Account::StripeFees), sides(Account::Disputed)), (loss.cost.minor, -loss.disputed.minor));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_at_stripe_the_books_balance_and_the_gift_is_worth_what_is_left((captured, rate, steps) in life()) {
        check(fold, captured, rate, &steps)?;
    }
}

type Planted = (&'static str, fn(&PaidGift, &Returned) -> Result<Folded, Misfit>);

/// The arithmetic with a fault that somebody could make.
const PLANTED: &[Planted] = &[
    ("a refund that failed stays taken", |gift, said| {
        let mut said = said.clone();
        said.refunds.iter_mut().for_each(|one| one.failure_movement = None);
        fold(gift, &said)
    }),
    ("a refund is taken when it is asked for, not when it is booked", |gift, said| {
        let mut folded = fold(gift, said)?;
        folded.worth.minor -= said.refunds.iter().filter(|one| one.movement.is_none()).map(|one| one.amount.minor).sum::<i64>();
        Ok(folded)
    }),
    ("a lost dispute costs nothing", |gift, said| {
        let mut folded = fold(gift, said)?;
        for loss in &mut folded.losses {
            folded.worth.minor += std::mem::take(&mut loss.income.minor);
        }
        Ok(folded)
    }),
    ("an open dispute is lost already", |gift, said| {
        let mut said = said.clone();
        for one in said.disputes.iter_mut().filter(|one| one.outcome == DisputeOutcome::Open) {
            one.outcome = DisputeOutcome::Lost;
        }
        fold(gift, &said)
    }),
    ("what came back of a lost dispute is forgotten", |gift, said| {
        let mut said = said.clone();
        said.disputes.iter_mut().filter(|one| one.outcome == DisputeOutcome::Lost).for_each(|one| one.movements.truncate(1));
        fold(gift, &said)
    }),
    ("a dispute that was won in part is won whole", |gift, said| {
        let mut folded = fold(gift, said)?;
        for loss in &mut folded.losses {
            if said.disputes.iter().any(|one| one.dispute_id == loss.dispute_id && one.outcome == DisputeOutcome::Won) {
                folded.worth.minor += std::mem::take(&mut loss.income.minor);
            }
        }
        Ok(folded)
    }),
    ("the settlement currency's figure is taken for the gift's", |gift, said| {
        let mut folded = fold(gift, said)?;
        for one in said.refunds.iter().filter(|one| one.failure_movement.is_none()) {
            folded.worth.minor += one.movement.as_ref().map_or(0, |booked| one.amount.minor + booked.gross.minor);
        }
        Ok(folded)
    }),
    ("a posting is keyed on its place and not on Stripe's object", |gift, said| {
        let mut folded = fold(gift, said)?;
        folded.postings.iter_mut().enumerate().for_each(|(at, posting)| posting.source = format!("{at}:back"));
        Ok(folded)
    }),
    ("a refund's fee is forgotten", |gift, said| {
        let mut said = said.clone();
        for booked in said.refunds.iter_mut().filter_map(|one| one.movement.as_mut()) {
            booked.net = booked.gross;
            booked.fee.minor = 0;
        }
        fold(gift, &said)
    }),
    ("what a bank keeps beyond the gift is a matter of the rate", |gift, said| {
        let mut folded = fold(gift, said)?;
        folded.losses.iter_mut().filter(|loss| loss.disputed.currency != loss.income.currency).for_each(|loss| loss.cost.minor = 0);
        Ok(folded)
    }),
    ("a loss is one unit too small", |gift, said| {
        let mut folded = fold(gift, said)?;
        if let Some(loss) = folded.losses.iter_mut().find(|loss| loss.income.minor > 0) {
            loss.income.minor -= 1;
            folded.worth.minor += 1;
        }
        Ok(folded)
    }),
];

/// What the model says of this arithmetic, over lives that are the same in every run.
fn judge(arithmetic: fn(&PaidGift, &Returned) -> Result<Folded, Misfit>) -> Result<(), TestError<(i64, i64, Vec<Step>)>> {
    let config = Config { cases: 600, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&life(), |(captured, rate, steps)| check(arithmetic, captured, rate, &steps))
}

#[test]
fn every_fault_that_is_planted_in_the_arithmetic_is_found() {
    assert!(judge(fold).is_ok(), "the arithmetic itself is right");
    for (fault, arithmetic) in PLANTED {
        let found = judge(*arithmetic);
        assert!(matches!(found, Err(TestError::Fail(..))), "not found: {fault}");
    }
}
