//! What we missed is found by asking Stripe.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::words::{DonationStatus, ReservationState};
use sea_orm::EntityTrait;
use wellwisher::{
    donations::{
        self,
        reconcile::{LOOK_BACK, Report, reconcile},
    },
    payments::standin::ApiFault,
};

async fn run(app: &TestApp) -> Report {
    reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.expect("Stripe answers")
}

on_both_databases! {
    async fn a_session_whose_webhooks_were_all_lost_is_found_and_a_second_look_writes_nothing(app: TestApp) {
        for _ in 0..3 {
            paid_session(&app, "").await;
        }
        let unpaid = begin(&app, "").await;
        let report = run(&app).await;
        assert_eq!((report.ours, report.changed, report.refused, report.unknown.len(), report.failed.len()), (4, 3, 0, 0, 0));
        let paid = donations(&app.app).await.iter().filter(|gift| gift.status == DonationStatus::Paid).count();
        assert_eq!((paid, count(&app.app, "receipt").await, count(&app.app, "letter").await), (3, 3, 3));
        assert_eq!(balance(&app.app, "donations", "USD").await, -7_500);
        let before = everything(&app.app).await;
        assert_eq!(run(&app).await.changed, 0);
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
        deliver_all(&app).await;
        work_off(&app.app).await;
        assert_eq!(count(&app.app, "receipt").await, 3, "events that come after all change nothing");
        assert_eq!(donations(&app.app).await.iter().filter(|gift| gift.checkout_session_id.as_ref() == Some(&unpaid)).count(), 1);
    }

    async fn a_session_whose_answer_was_lost_is_found_when_it_was_paid(app: TestApp) {
        let app = impatient(app);
        let form = fill(&app, "").await;
        app.stripe.standin.fault(ApiFault::DropAnswer, 3);
        assert_eq!(form.send(&app).await.status, 503);
        let session = app.stripe.standin.sessions().remove(0).id;
        app.stripe.standin.pay(&session, GOOD_CARD);
        assert_eq!(run(&app).await.changed, 1);
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
    }

    async fn a_debit_that_was_settled_days_after_its_session_is_found_by_the_schedule(app: TestApp) {
        let app = before(app, |options| options.debit_delay = None).await;
        let session = begin(&app, "").await;
        app.stripe.standin.pay_by_debit(&session, true);
        catch_up(&app).await;
        app.app.clock.advance(TimeDelta::days(6));
        app.stripe.standin.settle_debit(&session, true);
        // Its events are lost.
        assert_eq!(run(&app).await.changed, 1);
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
    }

    async fn a_fee_that_nobody_told_us_is_learned(app: TestApp) {
        let app = before(app, |options| options.fee_delay = TimeDelta::hours(2)).await;
        paid_session(&app, "").await;
        run(&app).await;
        assert_eq!((status(&app.app).await, balance(&app.app, "stripe_fees", "USD").await), (DonationStatus::Paid, 0));
        app.app.clock.advance(TimeDelta::hours(3));
        app.stripe.standin.catch_up();
        assert_eq!(run(&app).await.changed, 1);
        assert_eq!(balance(&app.app, "stripe_fees", "USD").await, 103);
        let before = everything(&app.app).await;
        run(&app).await;
        assert_eq!(everything(&app.app).await, before);
    }

    async fn sessions_of_other_programs_on_the_account_are_left_alone(app: TestApp) {
        foreign_session(&app).await;
        let before = everything(&app.app).await;
        let report = run(&app).await;
        assert_eq!((report.ours, report.changed, report.unknown.len()), (0, 0, 0));
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_session_of_a_donation_that_is_not_here_is_named(app: TestApp) {
        let mut new = a_checkout(&app, "019a0000-0000-7000-8000-000000000001");
        new.idempotency_key = "k".into();
        let session = app.app.stripe.create_checkout(&new).await.unwrap().session_id;
        assert_eq!(run(&app).await.unknown, [session]);
    }

    async fn stripe_down_is_said_and_changes_nothing(app: TestApp) {
        let app = impatient(app);
        paid_session(&app, "").await;
        let before = everything(&app.app).await;
        app.stripe.standin.fault(ApiFault::ServerError, 9);
        assert!(reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.is_err());
        assert_eq!(everything(&app.app).await, before);
    }

    async fn what_ran_out_is_ended_and_what_it_held_is_free(app: TestApp) {
        new_item(&app.app, 1, None).await;
        begin(&app, "item=bag").await;
        app.app.clock.advance(TimeDelta::minutes(59));
        assert_eq!(donations::sweep(&app.app).await.unwrap(), 0);
        app.app.clock.advance(TimeDelta::minutes(2));
        app.stripe.standin.catch_up();
        assert_eq!(donations::sweep(&app.app).await.unwrap(), 1);
        assert_eq!(status(&app.app).await, DonationStatus::Expired);
        let hold = entity::wish_reservation::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!(hold.state, ReservationState::Released);
        let before = everything(&app.app).await;
        assert_eq!(donations::sweep(&app.app).await.unwrap(), 0);
        assert_eq!(everything(&app.app).await, before);
    }

    async fn the_sweep_settles_what_was_paid_in_the_last_second(app: TestApp) {
        paid_session(&app, "").await;
        app.app.clock.advance(TimeDelta::hours(2));
        donations::sweep(&app.app).await.unwrap();
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
    }

    async fn the_sweep_ends_what_never_reached_stripe_and_keeps_what_it_cannot_ask_about(app: TestApp) {
        let app = impatient(app);
        let form = fill(&app, "").await;
        app.stripe.standin.fault(ApiFault::DropBefore, 3);
        assert_eq!(form.send(&app).await.status, 503);
        app.app.clock.advance(TimeDelta::hours(2));
        app.stripe.standin.fault(ApiFault::DropBefore, 3);
        assert_eq!(donations::sweep(&app.app).await.unwrap(), 0);
        assert_eq!(status(&app.app).await, DonationStatus::Pending, "not ended while Stripe cannot be asked");
        assert_eq!(donations::sweep(&app.app).await.unwrap(), 1);
        assert_eq!(status(&app.app).await, DonationStatus::Expired);
    }

    async fn a_checkout_that_was_opened_although_its_answer_was_lost_is_not_ended_unasked(app: TestApp) {
        let app = impatient(app);
        let form = fill(&app, "").await;
        app.stripe.standin.fault(ApiFault::DropAnswer, 3);
        form.send(&app).await;
        let session = app.stripe.standin.sessions().remove(0).id;
        app.stripe.standin.pay(&session, GOOD_CARD);
        app.app.clock.advance(TimeDelta::hours(2));
        donations::sweep(&app.app).await.unwrap();
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
    }
}

/// A checkout for something that is not in our books.
pub fn a_checkout(app: &TestApp, donation_id: &str) -> wellwisher::payments::NewCheckout {
    wellwisher::payments::NewCheckout {
        idempotency_key: donation_id.to_owned(),
        donation_id: donation_id.to_owned(),
        money: entity::Money::new(4_200, "USD".parse().unwrap()),
        product_name: "Something".into(),
        email: "a@example.org".into(),
        success_url: "http://127.0.0.1:8080/".into(),
        cancel_url: "http://127.0.0.1:8080/".into(),
        locale: "en".into(),
        expires_at: app.app.now() + TimeDelta::minutes(60),
        recurring: None,
    }
}

/// A session that another program on the same account made, and that was paid: no metadata of ours.
pub async fn foreign_session(app: &TestApp) -> String {
    foreign_checkout(app, "mode=payment").await
}

/// The same, in the mode that this beginning of the form names.
pub async fn foreign_checkout(app: &TestApp, mode: &str) -> String {
    let form = "&success_url=http%3A%2F%2F127.0.0.1%2F&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd\
                &line_items[0][price_data][unit_amount]=4200&line_items[0][price_data][product_data][name]=Book";
    let answer = reqwest::Client::new()
        .post(format!("{}v1/checkout/sessions", app.stripe.base_url))
        .bearer_auth("sk_test_wellwisher")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("{mode}{form}"))
        .send()
        .await
        .expect("the stand-in answers");
    let text = answer.text().await.expect("text");
    let session: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let id = session["id"].as_str().unwrap_or_else(|| panic!("a session: {text}")).to_owned();
    app.stripe.standin.pay(&id, GOOD_CARD);
    id
}
