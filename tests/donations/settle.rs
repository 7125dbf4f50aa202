//! What Stripe says of a checkout, and what a donation is worth then.

use super::helpers::*;
use crate::support::{TestApp, TestDatabase, on_both_databases};
use chrono::TimeDelta;
use entity::{
    ledger_entry, wish_reservation,
    words::{DonationStatus, ReservationState},
};
use sea_orm::EntityTrait;
use wellwisher::{
    donations::settle::{self, Applied},
    payments::{CheckoutStatus, IntentStatus, PaymentStatus},
};

on_both_databases! {
    async fn a_bank_debit_is_nothing_until_the_bank_says_paid(app: TestApp) {
        let app = before(app, |options| options.debit_delay = None).await;
        new_item(&app.app, 1, None).await;
        let session = begin(&app, "item=bag").await;
        app.stripe.standin.pay_by_debit(&session, true);
        catch_up(&app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Processing);
        assert!(balances(&app.app).await.is_empty());
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (0, 0));
        // Days later, when the checkout has long run out, the item is still held.
        app.app.clock.advance(TimeDelta::days(5));
        wellwisher::donations::sweep(&app.app).await.unwrap();
        assert_eq!(wish_reservation::Entity::find().one(app.app.db.read()).await.unwrap().unwrap().state, ReservationState::Held);
        app.stripe.standin.settle_debit(&session, true);
        catch_up(&app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (1, 1));
        assert_eq!(balance(&app.app, "donations", "EUR").await, -2_500);
    }

    async fn a_bank_debit_that_comes_back_fails_and_frees_the_item(app: TestApp) {
        let app = before(app, |options| options.debit_delay = None).await;
        new_item(&app.app, 1, None).await;
        let session = begin(&app, "item=bag").await;
        app.stripe.standin.pay_by_debit(&session, false);
        catch_up(&app).await;
        app.stripe.standin.settle_debit(&session, false);
        catch_up(&app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Failed);
        assert_eq!(wish_reservation::Entity::find().one(app.app.db.read()).await.unwrap().unwrap().state, ReservationState::Released);
        assert!(balances(&app.app).await.is_empty());
        assert_eq!(count(&app.app, "letter").await, 0);
    }

    async fn a_declined_card_leaves_the_checkout_open(app: TestApp) {
        let session = begin(&app, "").await;
        app.stripe.standin.pay(&session, DECLINED_CARD);
        catch_up(&app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Pending);
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
        assert_eq!(count(&app.app, "receipt").await, 1);
    }

    async fn a_voucher_that_is_not_paid_yet_is_on_its_way_and_not_refused(app: TestApp) {
        let session = begin(&app, "").await;
        app.stripe.standin.pay(&session, "4000002500003155");
        let mut state = app.app.stripe.fetch_checkout(&session).await.unwrap();
        assert_eq!(state.intent_status, Some(IntentStatus::Processing));
        let id = the_donation(&app.app).await.id;
        assert_eq!(settle::apply(&app.app, id, &state).await.unwrap(), Applied::Unchanged, "the checkout is still open");
        assert_eq!(status(&app.app).await, DonationStatus::Pending);
        state.status = CheckoutStatus::Complete;
        settle::apply(&app.app, id, &state).await.unwrap();
        assert_eq!(status(&app.app).await, DonationStatus::Processing);
    }

    async fn what_is_paid_is_never_unpaid_by_what_is_heard_later(app: TestApp) {
        let session = paid_session(&app, "").await;
        catch_up(&app).await;
        let paid = app.app.stripe.fetch_checkout(&session).await.unwrap();
        let before = everything(&app.app).await;
        for status in [CheckoutStatus::Open, CheckoutStatus::Complete, CheckoutStatus::Expired] {
            for intent in [None, Some(IntentStatus::Open), Some(IntentStatus::Processing), Some(IntentStatus::Canceled)] {
                let mut old = paid.clone();
                (old.status, old.payment_status, old.intent_status, old.fee) = (status, PaymentStatus::Unpaid, intent, None);
                old.charge_id = Some("ch_another".into());
                assert_eq!(settle::apply(&app.app, the_donation(&app.app).await.id, &old).await.unwrap(), Applied::Unchanged);
            }
        }
        assert_eq!(settle::apply(&app.app, the_donation(&app.app).await.id, &paid).await.unwrap(), Applied::Unchanged);
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_session_that_does_not_fit_is_refused_and_shown(app: TestApp) {
        let session = paid_session(&app, "").await;
        let id = the_donation(&app.app).await.id;
        let good = app.app.stripe.fetch_checkout(&session).await.unwrap();
        let usd = |minor| Some(entity::Money::new(minor, "USD".parse().unwrap()));
        let mut wrong = Vec::new();
        for amount in [usd(2_499), usd(2_501), usd(0), None, Some(entity::Money::new(2_500, "EUR".parse().unwrap()))] {
            wrong.push(wellwisher::payments::CheckoutState { amount, ..good.clone() });
        }
        wrong.push(wellwisher::payments::CheckoutState { livemode: true, ..good.clone() });
        wrong.push(wellwisher::payments::CheckoutState { donation_id: None, ..good.clone() });
        wrong.push(wellwisher::payments::CheckoutState { session_id: "cs_test_another".into(), ..good.clone() });
        for state in wrong {
            assert!(matches!(settle::apply(&app.app, id, &state).await.unwrap(), Applied::Refused(_)), "{state:?}");
            assert_eq!(status(&app.app).await, DonationStatus::Pending);
        }
        assert_eq!((count(&app.app, "ledger_entry").await, count(&app.app, "receipt").await), (0, 0));
        let shown = number(&app.app, "select count(*) as n from donation_step where kind = 'refused'").await;
        assert_eq!(shown, 4, "each reason once");
    }

    async fn a_fee_that_stripe_books_later_is_learned_later(app: TestApp) {
        let app = before(app, |options| options.fee_delay = TimeDelta::hours(2)).await;
        paid_session(&app, "").await;
        catch_up(&app).await;
        assert_eq!((status(&app.app).await, balance(&app.app, "stripe_fees", "USD").await), (DonationStatus::Paid, 0));
        app.app.clock.advance(TimeDelta::hours(3));
        app.stripe.standin.catch_up();
        catch_up(&app).await;
        assert_eq!(balance(&app.app, "stripe_fees", "USD").await, 103);
        assert_eq!(count(&app.app, "receipt").await, 1);
    }

    async fn a_settlement_in_another_currency_sums_to_zero_in_each(app: TestApp) {
        let app = before(app, |options| options.fees.settlement_currency = Some("EUR".parse().unwrap())).await;
        paid_session(&app, "").await;
        catch_up(&app).await;
        // 25 dollars at 1.10 are 22.73 euros; the fee is 2.9 % of that and 0.30.
        assert_eq!(balance(&app.app, "donations", "USD").await, -2_500, "the gift is what was given");
        assert_eq!(balance(&app.app, "stripe_clearing", "USD").await, 0);
        assert_eq!(balance(&app.app, "exchange", "USD").await, 2_500);
        assert_eq!(balance(&app.app, "exchange", "EUR").await, -2_273);
        assert_eq!(balance(&app.app, "stripe_fees", "EUR").await, 96);
        assert_eq!(balance(&app.app, "stripe_clearing", "EUR").await, 2_177);
    }

    async fn a_payment_without_a_fee_is_settled_too(app: TestApp) {
        let app = before(app, |options| (options.fees.basis_points, options.fees.fixed_cents) = (0, 0)).await;
        paid_session(&app, "").await;
        catch_up(&app).await;
        assert_eq!(balance(&app.app, "stripe_clearing", "USD").await, 2_500);
        assert_eq!(ledger_entry::Entity::find().all(app.app.db.read()).await.unwrap().len(), 2);
    }

    async fn when_one_part_of_a_settlement_fails_nothing_of_it_stays(database: TestDatabase) {
        let app = TestApp::with(database, |_| {}).await;
        let session = paid_session(&app, "").await;
        let state = app.app.stripe.fetch_checkout(&session).await.unwrap();
        // The letter comes last: a table that refuses it takes everything before it back.
        use sea_orm::ConnectionTrait;
        let block = if app.app.db.is_postgres() {
            "create function no_letter() returns trigger language plpgsql as $$ begin raise exception 'no letter'; end $$;
             create trigger no_letter before insert on letter for each row execute function no_letter();"
        } else {
            "create trigger no_letter before insert on letter begin select raise(abort, 'no letter'); end;"
        };
        let run = async |sql: &'static str| {
            app.app.db.write(async move |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap();
        };
        run(block).await;
        let before = everything(&app.app).await;
        let id = the_donation(&app.app).await.id;
        assert!(settle::apply(&app.app, id, &state).await.is_err());
        assert_eq!(everything(&app.app).await, before, "all of it, or none");
        run(if app.app.db.is_postgres() { "drop trigger no_letter on letter" } else { "drop trigger no_letter" }).await;
        assert_eq!(settle::apply(&app.app, id, &state).await.unwrap(), Applied::Changed);
        assert_eq!(number(&app.app, "select number as n from receipt").await, 1, "the number was given back");
    }
}
