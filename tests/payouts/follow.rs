//! Payouts from Stripe to the bank: on their way, paid, failed afterwards, made by hand.

use super::{all_payouts, give, money, pay_out, payout_of, reconcile};
use crate::{
    donations::helpers::{balance, count, deliver, deliver_all, everything},
    support::{TestApp, gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    ledger_transaction, stripe_event,
    words::{MovementKind, PayoutState, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{
    payments::standin::{ApiFault, BalanceRow},
    payouts::waterfall::{self, By, Waterfall},
    reports::verify,
    worker,
};

async fn explain(test: &TestApp, id: &str) -> Waterfall {
    waterfall::explain(test.app.db.read(), payout_of(test, id).await).await.unwrap()
}

async fn work(test: &TestApp) {
    while worker::work_once(&test.app).await.unwrap() > 0 {}
}

async fn assert_verified(test: &TestApp) {
    let report = verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

on_both_databases! {
    async fn a_payout_is_explained_down_to_funds_and_campaigns_to_the_cent(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let item = test.add_item("bag", 10, campaign).await;
        let mut for_item = gift(5_000, "EUR");
        (for_item.campaign_id, for_item.item) = (Some(campaign), Some((item, 2)));
        test.give(&for_item).await;
        let mut for_campaign = gift(3_000, "EUR");
        for_campaign.campaign_id = Some(campaign);
        test.give(&for_campaign).await;
        give(&test, 2_000, "EUR").await;
        test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-250, "EUR"), fee: 0 });
        let id = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        let fall = explain(&test, &id).await;
        let fees = 175 + 117 + 88;
        assert_eq!(fall.amount, money(10_000 - fees - 250, "EUR"));
        assert_eq!((fall.total.net, fall.total.count, fall.remainder.len()), (fall.amount, 4, 0));
        assert!(fall.payout.itemised_at.is_some() && fall.roll.is_none());
        let by = |wanted: By| fall.shares.iter().find(|(by, _)| *by == wanted).map(|(_, shares)| shares.clone()).unwrap();
        for wanted in By::ALL {
            let sum: i64 = by(wanted).iter().map(|share| share.sums.net.minor).sum();
            assert_eq!(sum, fall.amount.minor, "by {} it is the same money", wanted.as_str());
        }
        let campaigns = by(By::Campaign);
        assert_eq!((campaigns[0].name.as_str(), campaigns[0].sums.gross, campaigns[0].sums.fee), ("The winter", money(8_000, "EUR"), money(292, "EUR")));
        assert_eq!((campaigns[1].id, campaigns[1].sums.net), (None, money(2_000 - 88 - 250, "EUR")));
        assert_eq!(by(By::Item)[0].sums.gross, money(5_000, "EUR"));
        assert_eq!(by(By::Fund).iter().map(|share| share.sums.gross.minor).collect::<Vec<_>>().iter().sum::<i64>(), 9_750);
        assert_eq!((balance(&test.app, "bank", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (fall.amount.minor, 0));
        assert_verified(&test).await;
    }

    async fn a_payout_is_itemised_only_when_stripe_has_finished(test: TestApp) {
        give(&test, 2_500, "EUR").await;
        test.app.clock.advance(TimeDelta::days(3));
        let id = test.stripe.standin.pay_out().remove(0);
        assert_eq!(reconcile(&test).await.payouts.itemised, 0);
        let payout = payout_of(&test, &id).await;
        assert_eq!((payout.state, payout.itemised_at), (PayoutState::InTransit, None));
        assert_eq!(balance(&test.app, "bank", "EUR").await, 2_397, "it has left Stripe");
        test.stripe.standin.complete_payout(&id);
        assert_eq!(reconcile(&test).await.payouts.itemised, 1);
        assert_eq!(explain(&test, &id).await.total.net, money(2_397, "EUR"));
        let before = everything(&test.app).await;
        assert_eq!(reconcile(&test).await.payouts.itemised, 0);
        assert_eq!(everything(&test.app).await, before, "a second look writes nothing");
    }

    async fn parts_that_are_older_than_the_look_back_are_read_with_their_payout(test: TestApp) {
        reconcile(&test).await;
        give(&test, 2_500, "EUR").await;
        test.stripe.standin.book(&BalanceRow { kind: "topup", category: "topup", gross: money(1, "USD"), fee: 0 });
        test.app.clock.advance(TimeDelta::days(50));
        let made = pay_out(&test).await;
        wellwisher::payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        assert_eq!((made.len(), count(&test.app, "balance_movement").await), (2, 4));
        assert_verified(&test).await;
    }

    async fn a_payout_that_came_back_is_followed_into_the_next(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let mut given = gift(5_000, "EUR");
        given.campaign_id = Some(campaign);
        let gift = test.give(&given).await;
        let first = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        assert!(test.stripe.standin.fail_payout(&first));
        reconcile(&test).await;
        assert_eq!(payout_of(&test, &first).await.state, PayoutState::Failed);
        assert_eq!((balance(&test.app, "bank", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (0, 4_825));
        assert_verified(&test).await;

        give(&test, 2_000, "EUR").await;
        let second = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        test.stripe.standin.fail_payout(&second);
        let third = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        let fall = explain(&test, &third).await;
        assert_eq!((fall.amount, fall.total.net, fall.remainder.len()), (money(4_825 + 1_912, "EUR"), fall.amount, 0));
        assert_eq!(fall.came_back.iter().map(|old| &old.stripe_payout_id).collect::<Vec<_>>(), [&first, &second]);
        let campaigns = &fall.shares.iter().find(|(by, _)| *by == By::Campaign).unwrap().1;
        assert_eq!(campaigns.iter().map(|share| share.sums.net.minor).collect::<Vec<_>>(), [4_825, 1_912]);
        assert_eq!(explain(&test, &first).await.went_on_with.map(|next| next.stripe_payout_id), Some(second.clone()));
        test.sign_in_as(Role::Finance).await;
        let told = test.get(&format!("/desk/donations/{}", gift.id)).await.texts("main").join(" ");
        let at = [&first, &second, &third].map(|payout| told.find(payout.as_str()).unwrap_or_else(|| panic!("{payout} is not in {told}")));
        assert!(at.is_sorted(), "the gift's story goes to where its money stayed: {told}");
        assert_eq!((balance(&test.app, "bank", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (6_737, 0));
        assert_verified(&test).await;
    }

    async fn a_payout_by_hand_is_shown_by_the_balance_rolled_forward(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        test.app.clock.advance(TimeDelta::days(3));
        let first = test.stripe.standin.pay_out_by_hand(money(1_000, "EUR"));
        test.app.clock.advance(TimeDelta::days(1));
        give(&test, 2_000, "EUR").await;
        test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-40, "EUR"), fee: 0 });
        test.app.clock.advance(TimeDelta::days(3));
        let second = test.stripe.standin.pay_out_by_hand(money(3_000, "EUR"));
        reconcile(&test).await;
        let roll = explain(&test, &first).await.roll.expect("a roll-forward");
        assert_eq!((roll.since, roll.opening, roll.closing), (None, money(0, "EUR"), money(3_825, "EUR")));
        let fall = explain(&test, &second).await;
        let roll = fall.roll.expect("a roll-forward");
        assert_eq!((roll.opening, roll.closing), (money(3_825, "EUR"), money(3_825 + 1_912 - 40 - 3_000, "EUR")));
        let moved: i64 = roll.lines.iter().map(|line| line.sums.net.minor).sum();
        assert_eq!(roll.opening.minor + moved - fall.amount.minor, roll.closing.minor, "opening + movements − payout = closing");
        assert_eq!(roll.closing.minor, balance(&test.app, "stripe_clearing", "EUR").await);
        assert_verified(&test).await;
    }

    async fn the_bank_can_be_debited(test: TestApp) {
        test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-2_500, "EUR"), fee: 0 });
        let id = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        assert_eq!(explain(&test, &id).await.amount, money(-2_500, "EUR"));
        assert_eq!(balance(&test.app, "bank", "EUR").await, -2_500);
        assert_verified(&test).await;
    }

    async fn events_of_payouts_in_any_order_come_to_the_same_end(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        let id = pay_out(&test).await.remove(0);
        let mut events: Vec<_> = test.stripe.standin.events().into_iter().filter(|event| event.kind.starts_with("payout.")).collect();
        for event in &events {
            assert_eq!(deliver(&test, &event.body).await.status, 200);
        }
        work(&test).await;
        assert!(payout_of(&test, &id).await.itemised_at.is_some());
        let heard = stripe_event::Entity::find().filter(stripe_event::Column::EventType.starts_with("payout.")).all(test.app.db.read());
        assert!(heard.await.unwrap().iter().all(|event| event.outcome == "applied"));
        test.stripe.standin.fail_payout(&id);
        events = test.stripe.standin.events();
        for event in events.iter().rev() {
            assert_eq!(deliver(&test, &event.body).await.status, 200);
        }
        work(&test).await;
        assert_eq!(payout_of(&test, &id).await.state, PayoutState::Failed);
        assert_eq!(balance(&test.app, "bank", "EUR").await, 0);
        let kinds = ledger_transaction::Entity::find().all(test.app.db.read()).await.unwrap();
        let of = |kind| kinds.iter().filter(|one| one.kind == kind).count();
        assert_eq!((of(MovementKind::Payout), of(MovementKind::PayoutFailure)), (1, 1));
        // That the balance was read from its beginning is kept too, and says nothing of money.
        let all = async || everything(&test.app).await.lines().filter(|line| !line.starts_with("last_outcome:")).map(str::to_owned).collect::<Vec<_>>();
        let before = all().await;
        reconcile(&test).await;
        assert_eq!(all().await, before, "the events told all");
    }

    async fn an_event_of_a_payout_waits_while_stripe_is_down(test: TestApp) {
        let test = crate::donations::helpers::impatient(test);
        give(&test, 5_000, "EUR").await;
        pay_out(&test).await;
        deliver_all(&test).await;
        test.stripe.standin.fault(ApiFault::ServerError, 200);
        work(&test).await;
        assert!(all_payouts(&test).await.is_empty());
        test.stripe.standin.clear_faults();
        test.app.clock.advance(TimeDelta::hours(1));
        work(&test).await;
        assert_eq!(all_payouts(&test).await.len(), 1);
    }

    async fn what_happened_while_nobody_worked_is_found_by_the_next_run(test: TestApp) {
        wellwisher::payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.unwrap();
        give(&test, 5_000, "EUR").await;
        test.app.clock.advance(TimeDelta::days(9));
        wellwisher::payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.unwrap();
        assert_eq!(count(&test.app, "balance_movement").await, 1);
        test.app.clock.advance(TimeDelta::minutes(10));
        let again = wellwisher::payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::minutes(1)).await.unwrap();
        assert_eq!(again.movements.seen, 0, "ten minutes later an hour and ten are read");
    }
}
