//! Stripe down, slow, confused: nothing half done, nothing typed lost, and the same form goes on later as the same donation.

use super::helpers::*;
use crate::support::{Answer, TestApp, on_both_databases};
use entity::words::{DonationStatus, ReservationState};
use sea_orm::EntityTrait;
use wellwisher::payments::standin::ApiFault;

fn keeps_all(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.attribute("input[name=email]", "value").as_deref(), Some("Zarmina@example.org"));
    assert_eq!(answer.attribute("input[name=name]", "value").as_deref(), Some("Zarmina Ahmadi"));
    assert_eq!(answer.texts("textarea[name=note]"), ["For the girls"]);
    assert_eq!(answer.texts(".error-summary li").len(), 1, "it says why");
}

on_both_databases! {
    async fn whatever_stripe_does_the_form_can_be_sent_again_and_stays_one_donation(app: TestApp) {
        let app = impatient(app);
        let faults = [
            ApiFault::TooManyRequests,
            ApiFault::Conflict,
            ApiFault::ServerError,
            ApiFault::Gateway,
            ApiFault::Hang { ms: 2_000 },
            ApiFault::DropBefore,
            ApiFault::DropAnswer,
            ApiFault::Malformed,
        ];
        for (at, fault) in faults.into_iter().enumerate() {
            let form = fill(&app, "").await.with("note", "For the girls");
            app.stripe.standin.fault(fault, 9);
            let answer = form.send(&app).await;
            keeps_all(&answer);
            assert_eq!(answer.attribute("input[name=form_token]", "value").as_deref(), Some(form.0["form_token"].as_str()));
            assert_eq!(count(&app.app, "donation").await, at as i64 + 1, "{fault:?}");
            assert_eq!(donations(&app.app).await[at].status, DonationStatus::Pending);
            app.stripe.standin.clear_faults();
            session_of(&app, &form.send(&app).await);
            assert_eq!((count(&app.app, "donation").await, app.stripe.standin.sessions().len()), (at as i64 + 1, at + 1), "{fault:?}");
        }
        assert_eq!((count(&app.app, "ledger_transaction").await, count(&app.app, "letter").await), (0, 0));
    }

    async fn a_fault_that_passes_within_the_tries_is_not_noticed(app: TestApp) {
        let app = impatient(app);
        app.stripe.standin.fault(ApiFault::TooManyRequests, 1);
        app.stripe.standin.fault(ApiFault::DropAnswer, 1);
        begin(&app, "").await;
        assert_eq!(app.stripe.standin.sessions().len(), 1);
    }

    async fn a_500_that_stripe_repeats_for_its_key_does_not_hold_the_form_up_for_ever(app: TestApp) {
        let app = impatient(app);
        let form = fill(&app, "").await.with("note", "For the girls");
        app.stripe.standin.fault(ApiFault::StoredServerError, 1);
        keeps_all(&form.send(&app).await);
        let answers = futures_util::future::join_all((0..4).map(|_| form.send(&app))).await;
        for answer in &answers {
            session_of(&app, answer);
            assert_eq!(answer.location(), answers[0].location());
        }
        assert_eq!((count(&app.app, "donation").await, app.stripe.standin.sessions().len()), (1, 1));
    }

    async fn the_last_item_stays_with_the_form_that_holds_it_while_stripe_is_down(app: TestApp) {
        let app = impatient(app);
        new_item(&app.app, 1, None).await;
        let form = fill(&app, "item=bag").await.with("note", "For the girls");
        app.stripe.standin.fault(ApiFault::ServerError, 3);
        let answer = form.send(&app).await;
        keeps_all(&answer);
        assert_eq!(answer.attribute("input[name=item]", "value").as_deref(), Some("bag"));
        session_of(&app, &form.send(&app).await);
    }

    async fn a_refusal_ends_the_donation_and_frees_what_it_held(app: TestApp) {
        new_item(&app.app, 1, None).await;
        let form = fill(&app, "item=bag").await.with("email", &format!("{}@example.org", "z".repeat(200))).with("note", "For the girls");
        // Stripe takes no session of less than half an hour: the same form, sent when the checkout has ten minutes left, is refused.
        let app = impatient(app);
        app.stripe.standin.fault(ApiFault::DropBefore, 3);
        assert_eq!(form.send(&app).await.status, 503);
        app.app.clock.advance(chrono::TimeDelta::minutes(50));
        let answer = form.send(&app).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.texts("textarea[name=note]"), ["For the girls"]);
        assert_eq!(status(&app.app).await, DonationStatus::Failed);
        let hold = entity::wish_reservation::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!(hold.state, ReservationState::Released);
        let fresh = answer.attribute("input[name=form_token]", "value").unwrap();
        assert_ne!(fresh, form.0["form_token"]);
        app.app.clock.advance(chrono::TimeDelta::seconds(3));
        session_of(&app, &form.with("form_token", &fresh).send(&app).await);
    }
}
