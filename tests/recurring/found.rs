//! What reconciling finds of recurring gifts is written down at the desk, with what was done about it.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    Money, difference,
    words::{GiftInterval, RecurringStatus, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wellwisher::{
    payments::{CHECKOUT_LIFE, NewCheckout, NewRecurring},
    payouts::{differences, keeping},
};

async fn found(app: &TestApp, kind: &str) -> Vec<difference::Model> {
    let all = difference::Entity::find().filter(difference::Column::Kind.eq(kind)).order_by_asc(difference::Column::Id);
    all.all(app.app.db.read()).await.unwrap()
}

async fn run(app: &TestApp) -> wellwisher::recurring::reconcile::Report {
    keeping::recurring_and_keep(&app.app, TimeDelta::hours(26), true).await.expect("Stripe answers")
}

on_both_databases! {
    async fn a_renewal_that_nobody_told_us_of_is_mended_and_written_down(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let gift = the_gift(&app).await;
        app.app.clock.set(gift.next_at.unwrap());
        app.stripe.standin.catch_up();
        assert_eq!(run(&app).await.changed, 1);
        assert_eq!(donations(&app.app).await.len(), 2);
        let missed = found(&app, differences::MISSED_GIFT).await;
        assert_eq!(missed.len(), 1);
        assert_eq!((missed[0].object_id.clone(), missed[0].done.as_str()), (gift.id.to_string(), "Brought up to date."));
        assert!(missed[0].settled_at.is_some());
        let before = everything(&app.app).await;
        run(&app).await;
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
        app.sign_in_as(Role::Finance).await;
        let page = app.get("/desk/differences").await;
        assert!(page.body.contains("A monthly or yearly gift of which we had missed something"));
        assert!(page.body.contains(&format!("href=\"/desk/recurring/{}\"", gift.id)));

        // The next one that is missed is told too.
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        run(&app).await;
        let again = found(&app, differences::MISSED_GIFT).await;
        assert!(again.len() == 1 && again[0].found_at > missed[0].found_at, "{again:?}");
    }

    async fn a_subscription_that_names_a_gift_which_is_not_here_waits_for_a_person(app: TestApp) {
        let new = NewCheckout {
            idempotency_key: "another installation".into(),
            donation_id: "0197f1a0-0000-7000-8000-000000000001".into(),
            money: Money::new(2_500, "USD".parse().unwrap()),
            product_name: "A gift".into(),
            email: "reader@example.org".into(),
            success_url: "https://news.example/thanks".into(),
            cancel_url: "https://news.example/".into(),
            locale: "en".into(),
            expires_at: app.app.now() + CHECKOUT_LIFE,
            recurring: Some(NewRecurring { recurring_id: "0197f1a0-0000-7000-8000-000000000002".into(), every: GiftInterval::Month }),
        };
        let session = app.app.stripe.create_checkout(&new).await.expect("a checkout").session_id;
        app.stripe.standin.pay(&session, GOOD_CARD);
        let subscription = app.stripe.standin.subscriptions().remove(0);
        for _ in 0..2 {
            assert_eq!(run(&app).await.unknown, std::slice::from_ref(&subscription));
            let unknown = found(&app, differences::UNKNOWN_GIFT).await;
            assert_eq!(unknown.len(), 1);
            assert!(unknown[0].object_id == subscription && unknown[0].settled_at.is_none());
        }
        app.sign_in_as(Role::Finance).await;
        let waits = app.get("/desk").await.texts("main ul:not(.cards) li");
        assert!(waits.iter().any(|one| one.contains("difference between the books and Stripe is open")), "{waits:?}");
    }

    async fn a_gift_that_could_not_be_looked_at_waits_and_is_settled_when_it_can_be(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let gift = the_gift(&app).await;
        app.stripe.standin.take_right("invoices", "rak_invoice_read");
        for _ in 0..2 {
            assert_eq!(run(&app).await.failed, [gift.id.to_string()]);
            let failed = found(&app, differences::FAILED_GIFT).await;
            assert!(failed.len() == 1 && failed[0].settled_at.is_none(), "{failed:?}");
        }
        app.stripe.standin.give_rights();
        assert!(run(&app).await.failed.is_empty());
        let failed = found(&app, differences::FAILED_GIFT).await;
        assert!(failed[0].settled_at.is_some() && failed[0].done == "It is up to date.", "{failed:?}");
        app.stripe.standin.take_right("invoices", "rak_invoice_read");
        run(&app).await;
        assert!(found(&app, differences::FAILED_GIFT).await[0].settled_at.is_none(), "it is open again");
    }

    async fn subscriptions_that_are_not_listed_are_told_and_no_gift_is_called_unreadable(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        app.stripe.standin.take_right("subscriptions", "rak_subscription_read");
        assert!(run(&app).await.unlisted.is_some());
        let told = found(&app, differences::UNLISTED).await;
        assert!(told.len() == 1 && told[0].object_id == "subscriptions" && told[0].detail.contains("rak_subscription_read"), "{told:?}");
        assert!(found(&app, differences::FAILED_GIFT).await.is_empty());
        app.stripe.standin.give_rights();
        run(&app).await;
        assert!(found(&app, differences::UNLISTED).await[0].settled_at.is_some());
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
    }
}
