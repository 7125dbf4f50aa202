//! What goes wrong between the supporter, Stripe and us, and must not: money asked for during a pause, a new card that nobody uses, an end
//! that gets lost.

use super::helpers::*;
use crate::donations::helpers::status;
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    audit_entry,
    words::{DonationStatus, LetterKind, RecurringStatus, Role},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use wellwisher::{
    donations,
    error::Error,
    payments::standin::{ApiFault, LastTry, PayOutcome, Retries},
    recurring::{self, By, care},
};

fn money(minor: i64) -> entity::Money {
    entity::Money::new(minor, "USD".parse().unwrap())
}

/// A gift whose first renewal has just failed.
async fn past_due(app: &TestApp) -> String {
    let subscription = begin(app, "monthly", FAILING).await;
    app.app.clock.set(the_gift(app).await.next_at.unwrap());
    app.stripe.standin.catch_up();
    hear(app).await;
    assert_eq!(the_gift(app).await.status, RecurringStatus::PastDue);
    subscription
}

on_both_databases! {
    async fn another_card_pays_at_once_what_waits_and_is_the_subscriptions_from_then_on(app: TestApp) {
        let subscription = past_due(&app).await;
        let gift = the_gift(&app).await;
        app.stripe.standin.give_card(gift.customer_id.as_deref().unwrap(), GOOD_CARD, (11, 2041));
        let state = app.app.stripe.fetch_subscription(&subscription).await.unwrap();
        assert!(state.new_card.is_some(), "at Stripe it is the customer's alone");
        hear(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.card_exp_year, gift.failing_since), (RecurringStatus::Active, Some(2041), None));
        assert_eq!(donations(&app.app).await.len(), 2, "paid now, not at Stripe's next try");
        assert_eq!(steps(&app).await, ["created", "begun", "failing", "recovered"]);
        assert_eq!(app.app.stripe.fetch_subscription(&subscription).await.unwrap().new_card, None);
        let before = everything(&app.app).await;
        reconcile(&app).await;
        assert_eq!(everything(&app.app).await, before);
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        hear(&app).await;
        assert_eq!((the_gift(&app).await.status, donations(&app.app).await.len()), (RecurringStatus::Active, 3), "the next month by the new card");
    }

    async fn a_new_card_that_does_not_pay_is_tried_once_and_the_gift_stays_past_due(app: TestApp) {
        past_due(&app).await;
        let customer = the_gift(&app).await.customer_id.unwrap();
        app.stripe.standin.give_card(&customer, "4000000000009995", (11, 2041));
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!((the_gift(&app).await.status, the_gift(&app).await.card_exp_year), (RecurringStatus::PastDue, Some(2041)));
        let tries = app.stripe.standin.events().iter().filter(|event| event.kind == "invoice.payment_failed").count();
        assert_eq!(tries, 2, "by the old card, and once by the new one");
        assert_eq!(letters(&app, LetterKind::RecurringFailed).await.len(), 1);
    }

    async fn a_gift_that_stripe_gave_up_unpaid_lives_again_with_another_card(app: TestApp) {
        let app = crate::donations::helpers::before(app, |options| {
            options.retries = Retries { pauses: vec![TimeDelta::days(3)], last: LastTry::MarkUnpaid };
        })
        .await;
        past_due(&app).await;
        wait(&app, 3).await;
        wait(&app, 31).await;
        hear(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, donations(&app.app).await.len()), (RecurringStatus::PastDue, 1), "failed months end nothing");
        app.stripe.standin.give_card(gift.customer_id.as_deref().unwrap(), GOOD_CARD, (11, 2041));
        reconcile(&app).await;
        assert_eq!((the_gift(&app).await.status, donations(&app.app).await.len()), (RecurringStatus::Active, 2), "the newest month is paid");
    }

    async fn nothing_is_charged_during_a_pause_not_even_what_failed_before_it(app: TestApp) {
        past_due(&app).await;
        let id = the_gift(&app).await.id;
        care::pause(&app.app, &By::Supporter, id, None).await.unwrap();
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Paused);
        let customer = the_gift(&app).await.customer_id.unwrap();
        app.stripe.standin.give_card(&customer, GOOD_CARD, (11, 2041));
        wait(&app, 20).await;
        hear(&app).await;
        assert_eq!((the_gift(&app).await.status, donations(&app.app).await.len()), (RecurringStatus::Paused, 1));
        care::resume(&app.app, &By::Supporter, id).await.unwrap();
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active, "and it can go on");
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        hear(&app).await;
        assert_eq!(donations(&app.app).await.len(), 2);
        assert_eq!(steps(&app).await, ["created", "begun", "failing", "paused", "resumed"], "what was voided never came");
    }

    async fn an_invoice_marked_as_paid_elsewhere_is_no_donation(app: TestApp) {
        let subscription = past_due(&app).await;
        assert!(app.stripe.standin.mark_paid(&subscription));
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!((donations(&app.app).await.len(), count(&app.app, "receipt").await), (1, 1), "no money came through Stripe");
        assert_eq!((the_gift(&app).await.status, balance(&app.app, "donations", "USD").await), (RecurringStatus::Active, -2_500));
        assert_eq!(steps(&app).await.iter().filter(|kind| *kind == "paid_elsewhere").count(), 1);
    }

    async fn what_is_paid_after_the_end_is_found_although_nothing_was_heard(app: TestApp) {
        let subscription = past_due(&app).await;
        let gift = the_gift(&app).await;
        care::end(&app.app, &By::Supporter, gift.id, "").await.unwrap();
        app.stripe.standin.give_card(gift.customer_id.as_deref().unwrap(), GOOD_CARD, (11, 2041));
        let card = app.app.stripe.fetch_subscription(&subscription).await.unwrap().new_card.unwrap();
        let open = app.app.stripe.invoices_of(&subscription).await.unwrap().pop().unwrap();
        app.app.stripe.pay_invoice(&open.id, &card).await.unwrap();
        app.app.clock.advance(TimeDelta::days(2));
        reconcile(&app).await;
        assert_eq!((the_gift(&app).await.status, donations(&app.app).await.len()), (RecurringStatus::Ended, 2));
        let end = steps(&app).await;
        assert_eq!(end.iter().filter(|kind| *kind == "ended").count(), 1, "{end:?}");
    }

    async fn a_change_is_measured_against_what_stripe_charges(app: TestApp) {
        let subscription = begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        let state = app.app.stripe.fetch_subscription(&subscription).await.unwrap();
        // Somebody raises it at Stripe's dashboard, and we do not hear of it.
        app.app.stripe.change_amount(&state, money(9_000)).await.unwrap();
        care::change_amount(&app.app, &By::Supporter, id, money(2_500)).await.unwrap();
        let state = app.app.stripe.fetch_subscription(&subscription).await.unwrap();
        assert_eq!((state.amount, the_gift(&app).await.amount_minor), (Some(money(2_500)), 2_500), "what she asked for is what is charged");
    }

    async fn an_answer_that_was_overtaken_changes_nothing(app: TestApp) {
        let subscription = begin(&app, "monthly", GOOD_CARD).await;
        let gift = the_gift(&app).await;
        app.stripe.standin.end_subscription(&subscription, false);
        let mut row = gift.clone().into_active_model();
        row.heard_at = Set(Some(app.app.now() + TimeDelta::minutes(1)));
        app.app.db.write(async |tx| Ok(row.clone().update(tx).await.map(|_| ())?)).await.unwrap();
        let came = recurring::refresh(&app.app, gift.id, &By::Stripe).await;
        assert!(matches!(came, Err(Error::Unavailable(_))), "asked again later: {came:?}");
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        app.app.clock.advance(TimeDelta::minutes(2));
        recurring::refresh(&app.app, gift.id, &By::Stripe).await.unwrap();
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Ended);
    }

    async fn what_staff_asked_for_is_in_the_trail_although_stripe_did_not_answer(app: TestApp) {
        let app = crate::donations::helpers::impatient(app);
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        app.sign_in_as(Role::Finance).await;
        app.stripe.standin.fault(ApiFault::ServerError, 99);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/pause"), &[("until", "")]).await.status, 503);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/end"), &[("reason", "")]).await.status, 303);
        app.stripe.standin.clear_faults();
        let trail: Vec<String> = audit_entry::Entity::find().all(app.app.db.read()).await.unwrap().into_iter().map(|entry| entry.action).collect();
        for action in ["recurring.pause", "recurring.pause.failed", "recurring.end"] {
            assert!(trail.iter().any(|known| known == action), "{action}: {trail:?}");
        }
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!((the_gift(&app).await.status, the_gift(&app).await.end_reason.as_str()), (RecurringStatus::Ended, "staff"));
    }

    async fn the_fee_of_a_renewal_that_is_booked_late_is_learned_like_any_other(app: TestApp) {
        let app = crate::donations::helpers::before(app, |options| options.fee_delay = TimeDelta::hours(2)).await;
        begin(&app, "monthly", GOOD_CARD).await;
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        hear(&app).await;
        let renewal = donations(&app.app).await.pop().unwrap();
        assert!(renewal.checkout_session_id.is_none() && donations(&app.app).await.len() == 2);
        let before = balance(&app.app, "stripe_fees", "USD").await;
        app.app.clock.advance(TimeDelta::hours(3));
        app.stripe.standin.catch_up();
        donations::refresh(&app.app, renewal.id).await.unwrap();
        assert_eq!(balance(&app.app, "stripe_fees", "USD").await, before + 103);
    }

    async fn a_gift_by_bank_debit_begins_when_the_money_is_there_and_not_before(app: TestApp) {
        let session = open(&app, "monthly").await;
        assert_eq!(app.stripe.standin.pay_by_debit(&session, true), PayOutcome::Processing);
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!((the_gift(&app).await.status, status(&app.app).await), (RecurringStatus::Pending, DonationStatus::Processing));
        assert_eq!((steps(&app).await, count(&app.app, "letter").await), (vec!["created".to_owned()], 0), "nothing is promised before it is paid");
        assert!(app.stripe.standin.settle_debit(&session, true) || the_gift(&app).await.status == RecurringStatus::Pending);
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!((the_gift(&app).await.status, status(&app.app).await), (RecurringStatus::Active, DonationStatus::Paid));
        assert_eq!(steps(&app).await, ["created", "begun"]);
    }

    async fn a_first_bank_debit_that_comes_back_is_told_and_begins_the_gift_when_another_card_pays_it(app: TestApp) {
        let session = open(&app, "monthly").await;
        app.stripe.standin.pay_by_debit(&session, false);
        hear(&app).await;
        app.stripe.standin.settle_debit(&session, false);
        hear(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, status(&app.app).await), (RecurringStatus::PastDue, DonationStatus::Failed));
        assert_eq!((steps(&app).await, letters(&app, LetterKind::RecurringFailed).await.len()), (vec!["created".to_owned(), "failing".to_owned()], 1));
        app.app.clock.advance(TimeDelta::days(1));
        app.stripe.standin.give_card(gift.customer_id.as_deref().unwrap(), GOOD_CARD, (11, 2041));
        hear(&app).await;
        assert_eq!((the_gift(&app).await.status, donations(&app.app).await.len()), (RecurringStatus::Active, 1));
        assert_eq!(status(&app.app).await, DonationStatus::Paid, "the same donation");
        assert_eq!(steps(&app).await, ["created", "failing", "begun", "recovered"]);
    }
}
