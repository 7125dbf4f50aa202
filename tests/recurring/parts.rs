//! Invoices that are paid in parts: each payment is a donation, with its own receipt, fee, refunds and disputes.

use super::helpers::*;
use crate::{
    matching::{gift_for, of, open_pot, taken},
    support::{FromDatabase, TestApp, TestDatabase, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    Money, donation, receipt, stripe_event,
    words::{DonationSource, DonationStatus, GiftInterval, LetterKind, MatchState, RecurringStatus, Role},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use wellwisher::{
    donations::{
        self,
        refunds::{self, Problem, Wish},
    },
    payments::standin::Decision,
    payouts,
    reports::verify,
    staff::Actor,
};

fn money(minor: i64) -> Money {
    Money::new(minor, "USD".parse().unwrap())
}

/// A gift whose first renewal has failed; nobody has heard of it.
async fn failing_unheard(app: &TestApp) -> String {
    let subscription = begin(app, "monthly", FAILING).await;
    app.app.clock.set(the_gift(app).await.next_at.unwrap());
    app.stripe.standin.catch_up();
    subscription
}

/// The donations after the first, as money and whether paid, in the order of their payment.
async fn later(app: &TestApp) -> Vec<donation::Model> {
    let mut all = donations(&app.app).await;
    all.remove(0);
    all.sort_by_key(|one| (one.paid_at, one.amount_minor));
    all
}

async fn receipts_of(app: &TestApp, donation: &donation::Model) -> Vec<(i64, String)> {
    let all = receipt::Entity::find().filter(receipt::Column::DonationId.eq(donation.id)).all(app.app.db.read()).await.unwrap();
    all.into_iter().map(|one| (one.amount_minor, one.status.to_string())).collect()
}

async fn assert_verified(app: &TestApp) {
    let report = verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

async fn reconcile_all(app: &TestApp) -> payouts::Report {
    payouts::reconcile(&app.app, app.app.now() - TimeDelta::days(60), |_, _| {}).await.expect("Stripe answers")
}

/// The events that were refused, which keep a period from being closed.
async fn refused(app: &TestApp) -> Vec<String> {
    let all = stripe_event::Entity::find().all(app.app.db.read()).await.unwrap();
    let refused = all.into_iter().filter(|event| event.outcome.starts_with("refused"));
    refused.map(|event| format!("{}: {}", event.event_type, event.outcome)).collect()
}

/// All donations as money and whether paid, by their amount.
async fn amounts(app: &TestApp) -> Vec<(i64, DonationStatus)> {
    let mut all: Vec<_> = donations(&app.app).await.into_iter().map(|one| (one.amount_minor, one.status)).collect();
    all.sort_by_key(|one| one.0);
    all
}

/// A gift whose first payment, a bank debit, was begun and has come back; only its beginning was heard of. Returns the subscription.
async fn debit_came_back_unheard(app: &TestApp, session: &str) -> String {
    app.stripe.standin.pay_by_debit(session, false);
    hear(app).await;
    assert!(app.stripe.standin.settle_debit(session, false));
    app.stripe.standin.subscriptions().remove(0)
}

on_both_databases! {
    async fn each_part_is_a_donation_at_once_with_its_own_receipt_and_fee_and_the_last_makes_the_gift_well(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        hear(&app).await;
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        hear(&app).await;
        let parts = later(&app).await;
        assert_eq!(parts.iter().map(|one| (one.amount_minor, one.status)).collect::<Vec<_>>(), [(1_000, DonationStatus::Paid)]);
        assert_eq!(the_gift(&app).await.status, RecurringStatus::PastDue, "the rest has not come");
        app.app.clock.advance(TimeDelta::hours(1));
        app.stripe.standin.pay_part(&subscription, 1_500).expect("a payment");
        hear(&app).await;
        let parts = later(&app).await;
        assert_eq!(parts.iter().map(|one| one.amount_minor).collect::<Vec<_>>(), [1_000, 1_500]);
        assert!(parts[0].invoice_id.is_some() && parts[0].invoice_id == parts[1].invoice_id);
        assert!(parts[0].payment_intent_id != parts[1].payment_intent_id && parts[0].charge_id != parts[1].charge_id);
        assert_eq!((the_gift(&app).await.status, steps(&app).await), (RecurringStatus::Active, ["created", "begun", "failing", "recovered"].map(String::from).to_vec()));
        for part in &parts {
            assert_eq!(receipts_of(&app, part).await, [(part.amount_minor, "issued".to_owned())], "what was truly received");
        }
        assert_eq!(letters(&app, LetterKind::Receipt).await.len(), 3);
        assert_eq!(balance(&app.app, "donations", "USD").await, -5_000);
        let report = reconcile_all(&app).await;
        assert!(report.is_clean(), "{report:?}");
        let fees = 103 + (30 + 29) + (30 + 44);
        assert_eq!((balance(&app.app, "stripe_fees", "USD").await, balance(&app.app, "stripe_clearing", "USD").await), (fees, 5_000 - fees));
        assert_eq!(balance(&app.app, "other_activity", "USD").await, 0, "each movement found its gift");
        let before = everything(&app.app).await;
        app.stripe.standin.events().iter().for_each(|event| assert!(app.stripe.standin.resend(&event.id)));
        hear(&app).await;
        reconcile_all(&app).await;
        reconcile(&app).await;
        let after = everything(&app.app).await;
        assert_eq!(after, before, "told again, nothing is new");
        assert_verified(&app).await;
    }

    async fn what_is_taken_back_of_a_part_is_taken_from_that_part_alone(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        app.app.clock.advance(TimeDelta::hours(1));
        app.stripe.standin.pay_part(&subscription, 1_500).expect("a payment");
        hear(&app).await;
        let parts = later(&app).await;
        let wish = |minor| Wish { form: uuid::Uuid::from_u128(7), amount: money(minor), reason: "asked for".to_owned() };
        let too_much = refunds::refund(&app.app, &Actor::system(), parts[0].id, &wish(1_001)).await;
        assert!(matches!(too_much, Err(Problem::TooMuch { left }) if left == money(1_000)), "not more than this part brought");
        refunds::refund(&app.app, &Actor::system(), parts[0].id, &wish(400)).await.expect("a refund");
        let dispute = app.stripe.standin.dispute(parts[1].payment_intent_id.as_deref().unwrap(), None, false).expect("a dispute");
        hear(&app).await;
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        hear(&app).await;
        reconcile_all(&app).await;
        let mut first = receipts_of(&app, &parts[0]).await;
        first.sort();
        assert_eq!(first, [(600, "issued".to_owned()), (1_000, "replaced".to_owned())]);
        assert_eq!(receipts_of(&app, &parts[1]).await, [(1_500, "void".to_owned())]);
        assert_eq!(balance(&app.app, "donations", "USD").await, -(2_500 + 600));
        assert_eq!(balance(&app.app, "disputed", "USD").await, 0);
        app.app.clock.advance(TimeDelta::days(9));
        let made = app.stripe.standin.pay_out();
        assert!(app.stripe.standin.complete_payout(&made[0]));
        reconcile_all(&app).await;
        assert_eq!((made.len(), balance(&app.app, "stripe_clearing", "USD").await), (1, 0));
        assert_verified(&app).await;
    }

    async fn a_part_that_stripe_never_had_is_told_to_staff_and_is_no_donation(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        assert!(app.stripe.standin.record_part(&subscription, 900));
        hear(&app).await;
        assert_eq!((later(&app).await.len(), the_gift(&app).await.status), (0, RecurringStatus::PastDue));
        app.stripe.standin.pay_part(&subscription, 1_600).expect("a payment");
        hear(&app).await;
        hear(&app).await;
        assert_eq!(later(&app).await.iter().map(|one| one.amount_minor).collect::<Vec<_>>(), [1_600], "only what Stripe has");
        assert_eq!(steps(&app).await.iter().filter(|step| *step == "part_paid_elsewhere").count(), 1);
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        assert!(reconcile_all(&app).await.is_clean());
        assert_verified(&app).await;
        app.sign_in_as(Role::Finance).await;
        let page = app.get(&format!("/desk/recurring/{}", the_gift(&app).await.id)).await;
        assert!(page.body.contains("Enter it as a gift by hand"), "{}", page.body);
    }

    async fn an_invoice_paid_from_credit_is_no_donation_and_says_so(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        assert!(app.stripe.standin.pay_from_credit(&subscription));
        hear(&app).await;
        assert_eq!((later(&app).await.len(), the_gift(&app).await.status), (0, RecurringStatus::Active));
        assert!(steps(&app).await.contains(&"paid_from_credit".to_owned()), "{:?}", steps(&app).await);
        assert_verified(&app).await;
    }

    async fn more_than_was_asked_for_is_what_the_receipt_states(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        app.stripe.standin.pay_part(&subscription, 4_000).expect("a payment");
        hear(&app).await;
        let parts = later(&app).await;
        assert_eq!((parts.len(), parts[0].amount_minor, receipts_of(&app, &parts[0]).await[0].0), (1, 4_000, 4_000));
        assert!(reconcile_all(&app).await.is_clean());
        assert_eq!(balance(&app.app, "donations", "USD").await, -6_500);
        assert_verified(&app).await;
    }

    async fn a_first_debit_that_came_back_and_was_paid_in_parts_is_what_came_in(app: TestApp) {
        let session = open(&app, "monthly").await;
        app.stripe.standin.pay_by_debit(&session, false);
        hear(&app).await;
        assert!(app.stripe.standin.settle_debit(&session, false));
        hear(&app).await;
        let subscription = app.stripe.standin.subscriptions().remove(0);
        assert_eq!(donations(&app.app).await[0].status, DonationStatus::Failed);
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        app.app.clock.advance(TimeDelta::hours(1));
        assert!(app.stripe.standin.retry(&subscription), "the rest, by the card");
        hear(&app).await;
        let mut all = donations(&app.app).await;
        all.sort_by_key(|one| one.amount_minor);
        assert_eq!(all.iter().map(|one| (one.amount_minor, one.status)).collect::<Vec<_>>(), [(1_000, DonationStatus::Paid), (1_500, DonationStatus::Paid)]);
        assert_eq!((receipts_of(&app, &all[0]).await.len(), receipts_of(&app, &all[1]).await[0].0), (1, 1_500));
        donations::refresh(&app.app, all[1].id).await.unwrap();
        assert!(reconcile_all(&app).await.is_clean());
        assert_verified(&app).await;
    }

    async fn a_first_debit_that_came_back_unheard_is_not_judged_by_what_others_paid(app: TestApp) {
        let session = open(&app, "monthly").await;
        let subscription = debit_came_back_unheard(&app, &session).await;
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        hear(&app).await;
        assert_eq!(amounts(&app).await, [(1_000, DonationStatus::Paid), (2_500, DonationStatus::Failed)]);
        app.app.clock.advance(TimeDelta::hours(1));
        app.stripe.standin.pay_part(&subscription, 1_500).expect("a payment");
        hear(&app).await;
        app.stripe.standin.events().iter().for_each(|event| assert!(app.stripe.standin.resend(&event.id)));
        hear(&app).await;
        reconcile(&app).await;
        let report = reconcile_all(&app).await;
        assert!(report.is_clean(), "{report:?}");
        let (paid, failed) = (DonationStatus::Paid, DonationStatus::Failed);
        assert_eq!(amounts(&app).await, [(1_000, paid), (1_500, paid), (2_500, failed)]);
        assert_eq!((refused(&app).await, the_gift(&app).await.status), (Vec::new(), RecurringStatus::Active));
        assert_eq!(balance(&app.app, "donations", "USD").await, -2_500);
        assert_verified(&app).await;
    }

    async fn what_others_paid_in_whole_is_not_the_failed_first_donation(app: TestApp) {
        let session = open(&app, "monthly").await;
        let told = app.stripe.standin.events().len();
        let subscription = debit_came_back_unheard(&app, &session).await;
        let late: Vec<String> = app.stripe.standin.events().into_iter().map(|event| event.body).collect();
        let late = &late[..late.len() - told];
        let others = app.stripe.standin.pay_part(&subscription, 2_500).expect("a payment");
        // What was told of the debit comes first, and is answered with how things stand now.
        for body in late.iter().rev() {
            assert_eq!(deliver(&app, body).await.status, 200);
            work(&app).await;
        }
        hear(&app).await;
        for _ in 0..2 {
            reconcile(&app).await;
            let report = reconcile_all(&app).await;
            assert!(report.is_clean(), "{report:?}");
        }
        let all = donations(&app.app).await;
        let first = all.iter().find(|one| one.checkout_session_id.is_some()).expect("the first");
        let second = all.iter().find(|one| one.payment_intent_id.as_deref() == Some(others.as_str())).expect("what others paid");
        assert_eq!((all.len(), first.status, second.status, second.amount_minor), (2, DonationStatus::Failed, DonationStatus::Paid, 2_500));
        assert!(second.charge_id.is_some() && first.charge_id != second.charge_id && first.payment_intent_id != second.payment_intent_id);
        assert_eq!((refused(&app).await, balance(&app.app, "donations", "USD").await), (Vec::new(), -2_500));
        assert_verified(&app).await;
    }

    async fn a_pot_adds_no_more_than_to_what_came_in(app: TestApp) {
        let campaign = app.campaign("Schools").await;
        let pot = open_pot(&app, campaign.id, |_| {}).await;
        let mut monthly = gift_for(&campaign, 2_500);
        monthly.every = Some(GiftInterval::Month);
        let first = app.start(&monthly).await;
        assert_eq!(of(&app, &first).await, [(MatchState::Held, 2_500)]);
        let session = app.donation(first.id).await.checkout_session_id.expect("a session");
        let subscription = debit_came_back_unheard(&app, &session).await;
        hear(&app).await;
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        app.app.clock.advance(TimeDelta::hours(1));
        assert!(app.stripe.standin.retry(&subscription), "the rest, by the card");
        hear(&app).await;
        assert_eq!(amounts(&app).await, [(1_000, DonationStatus::Paid), (1_500, DonationStatus::Paid)]);
        assert_eq!((of(&app, &first).await, taken(&app, &pot).await), (vec![(MatchState::Confirmed, 1_500)], (0, 1_500)));
        assert_verified(&app).await;
    }

    async fn an_invoice_in_parts_that_an_earlier_version_counted_whole_is_not_counted_again(app: TestApp) {
        app.books_end_broken("the donation is put as an earlier version wrote it, without its postings");
        let subscription = failing_unheard(&app).await;
        let intent = app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        app.stripe.standin.pay_part(&subscription, 1_500).expect("a payment");
        let invoice = app.app.stripe.invoices_of(&subscription).await.unwrap().pop().expect("the last");
        let mut whole = donations(&app.app).await.remove(0);
        (whole.id, whole.source, whole.amount_minor) = (app.app.new_id(), DonationSource::Recurring, 2_500);
        (whole.form_token, whole.idempotency_key, whole.token_hash) = (format!("invoice:{}", invoice.id), invoice.id.clone(), intent.clone());
        (whole.invoice_id, whole.payment_intent_id) = (Some(invoice.id), Some(intent));
        (whole.checkout_session_id, whole.checkout_url, whole.charge_id) = (None, None, None);
        let whole = whole.into_active_model().reset_all();
        app.app.db.write(async |tx| Ok(donation::Entity::insert(whole.clone()).exec_without_returning(tx).await?)).await.unwrap();
        hear(&app).await;
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!(later(&app).await.iter().map(|one| one.amount_minor).collect::<Vec<_>>(), [2_500], "nothing is added");
        assert_eq!(steps(&app).await.iter().filter(|step| *step == "counted_whole").count(), 1);
        app.sign_in_as(Role::Finance).await;
        let page = app.get(&format!("/desk/recurring/{}", the_gift(&app).await.id)).await;
        assert!(page.body.contains("counted as one donation by an earlier version"), "{}", page.body);
    }

    async fn a_part_that_brings_more_than_was_left_is_no_reason_to_leave_the_others_out(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        app.app.clock.advance(TimeDelta::hours(1));
        app.stripe.standin.pay_part(&subscription, 4_000).expect("a payment");
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!(later(&app).await.iter().map(|one| one.amount_minor).collect::<Vec<_>>(), [1_000, 4_000]);
        assert!(!steps(&app).await.contains(&"counted_whole".to_owned()));
        assert_verified(&app).await;
    }

    async fn two_who_hear_of_a_part_at_once_write_one_donation(app: TestApp) {
        let subscription = failing_unheard(&app).await;
        app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
        app.stripe.standin.pay_part(&subscription, 1_500).expect("a payment");
        let id = the_gift(&app).await.id;
        let hear = || wellwisher::recurring::refresh(&app.app, id, &wellwisher::recurring::By::Stripe);
        let all = futures_util::future::join_all([hear(), hear(), hear(), hear()]).await;
        assert!(all.iter().any(Result::is_ok), "{all:?}");
        hear().await.unwrap();
        assert_eq!((later(&app).await.len(), count(&app.app, "receipt").await), (2, 3));
        assert_verified(&app).await;
    }
}

/// A renewal that fails, and comes in two parts; `hears` says which of the events arrive, told in the order of `turn`.
async fn live(app: &TestApp, hears: impl Fn(usize) -> bool, turn: usize, reconciles_between: bool) -> String {
    begin(app, "monthly", FAILING).await;
    let told = app.stripe.standin.events().len();
    app.app.clock.set(the_gift(app).await.next_at.unwrap());
    app.stripe.standin.catch_up();
    let subscription = app.stripe.standin.subscriptions().remove(0);
    app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
    if reconciles_between {
        reconcile(app).await;
    }
    app.app.clock.advance(TimeDelta::hours(1));
    app.stripe.standin.pay_part(&subscription, 1_500).expect("a payment");
    let mut events = app.stripe.standin.events();
    events.truncate(events.len() - told);
    let length = events.len();
    events.rotate_left(turn % length);
    for (number, event) in events.iter().enumerate().filter(|(number, _)| hears(*number)) {
        for _ in 0..=number % 2 {
            assert_eq!(deliver(app, &event.body).await.status, 200);
        }
        work(app).await;
    }
    reconcile(app).await;
    reconcile_all(app).await;
    reconcile(app).await;
    work(app).await;
    let parts = later(app).await;
    let mut all = Vec::new();
    for part in &parts {
        all.push(format!("{} {} {:?}", part.amount_minor, part.status, receipts_of(app, part).await));
    }
    let sums = [
        balance(&app.app, "donations", "USD").await,
        balance(&app.app, "stripe_fees", "USD").await,
        balance(&app.app, "other_activity", "USD").await,
    ];
    let before = everything(&app.app).await;
    reconcile(app).await;
    assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
    assert_verified(app).await;
    format!("{} {all:?} {sums:?}", the_gift(app).await.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_any_order_twice_and_with_a_third_of_the_events_lost_the_parts_come_to_one_end() {
    let fresh = async || TestApp::from_database(TestDatabase::sqlite().await).await;
    let expected = live(&fresh().await, |_| true, 0, false).await;
    assert!(expected.starts_with("active") && expected.contains("1000 paid") && expected.contains("1500 paid"), "{expected}");
    assert_eq!(live(&fresh().await, |_| false, 0, false).await, expected, "all lost");
    assert_eq!(live(&fresh().await, |_| false, 0, true).await, expected, "all lost, and looked at in between");
    for seed in 1..=8usize {
        let hears = |number: usize| (number + 1).wrapping_mul(2_654_435_761).wrapping_mul(seed) >> 7 & 15 >= 5;
        assert_eq!(live(&fresh().await, hears, seed * 3, seed % 2 == 0).await, expected, "seed {seed}");
    }
}

/// A first debit that came back; a part is heard of, then the card pays the rest, told beginning at `turn`, the newest first or the oldest.
async fn rest_by_card(turn: usize, oldest_first: bool) -> usize {
    let app = TestApp::from_database(TestDatabase::sqlite().await).await;
    let session = open(&app, "monthly").await;
    let subscription = debit_came_back_unheard(&app, &session).await;
    hear(&app).await;
    app.stripe.standin.pay_part(&subscription, 1_000).expect("a payment");
    hear(&app).await;
    let told = app.stripe.standin.events().len();
    app.app.clock.advance(TimeDelta::hours(1));
    assert!(app.stripe.standin.retry(&subscription), "the rest, by the card");
    let mut events = app.stripe.standin.events();
    events.truncate(events.len() - told);
    if oldest_first {
        events.reverse();
    }
    let length = events.len();
    events.rotate_left(turn % length);
    for event in &events {
        assert_eq!(deliver(&app, &event.body).await.status, 200);
        work(&app).await;
    }
    let order: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(refused(&app).await, Vec::<String>::new(), "{order:?}");
    assert_eq!(amounts(&app).await, [(1_000, DonationStatus::Paid), (1_500, DonationStatus::Paid)], "{order:?}");
    assert!(reconcile_all(&app).await.is_clean(), "{order:?}");
    assert_verified(&app).await;
    length
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_event_tells_first_of_the_rest_of_a_first_payment_none_is_refused() {
    let length = rest_by_card(0, true).await;
    assert!(length >= 4, "the charge, the payment, the invoice and the subscription are told: {length}");
    for turn in 0..length {
        rest_by_card(turn, false).await;
        if turn > 0 {
            rest_by_card(turn, true).await;
        }
    }
}
