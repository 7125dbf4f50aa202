//! Answers of Stripe that overtake each other on their way to us.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use entity::{stripe_event, words::RefundState};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::time::Duration;
use wellwisher::{
    donations::{back, events, settle::Applied},
    jobs::Outcome,
    ledger,
    payments::standin::{ApiFault, EventView},
};

/// The newest event of this kind, delivered: its id.
async fn hear_newest(app: &TestApp, kind: &str) -> String {
    let newest: Option<EventView> = app.stripe.standin.events().into_iter().find(|event| event.kind == kind);
    let event = newest.expect("it was told");
    assert_eq!(deliver(app, &event.body).await.status, 200);
    event.id
}

async fn outcome_of(app: &TestApp, id: &str) -> String {
    let row = stripe_event::Entity::find().filter(stripe_event::Column::Id.eq(id)).one(app.app.db.read()).await.unwrap();
    row.expect("it was stored").outcome
}

async fn worth(app: &TestApp) -> i64 {
    let gift = the_donation(&app.app).await;
    ledger::worth_of(app.app.db.read(), gift.id, gift.currency).await.unwrap().minor
}

on_both_databases! {
    async fn an_event_whose_answer_was_overtaken_is_tried_again_and_not_called_applied(app: TestApp) {
        let session = paid_session(&app, "").await;
        catch_up(&app).await;
        app.stripe.standin.refund(&session, Some(500)).unwrap();
        let first = hear_newest(&app, "refund.created").await;
        // Stripe answers the first event's three questions at once, but the last answer, of the disputes, is long on its way.
        for ms in [0, 0, 700] {
            app.stripe.standin.fault(ApiFault::Hang { ms }, 1);
        }
        let overtaking = async {
            while app.stripe.standin.faults_waiting().0 > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            app.stripe.standin.refund(&session, Some(300)).unwrap();
            let second = hear_newest(&app, "refund.created").await;
            assert_eq!(events::act(&app.app, &second).await, Outcome::Done);
            assert_eq!(outcome_of(&app, &second).await, "applied");
        };
        let (outcome, ()) = tokio::join!(events::act(&app.app, &first), overtaking);
        assert!(matches!(outcome, Outcome::Retry(_)), "{outcome:?}");
        assert_eq!(outcome_of(&app, &first).await, "waiting");
        assert_eq!(worth(&app).await, 2_500 - 500 - 300, "the newer answer stands");
        assert_eq!(events::act(&app.app, &first).await, Outcome::Done);
        assert_eq!(outcome_of(&app, &first).await, "applied");
        assert_eq!(work_off(&app.app).await, Vec::<String>::new());
        assert_eq!(worth(&app).await, 2_500 - 500 - 300);
    }

    async fn of_an_answer_that_was_overtaken_nothing_is_applied(app: TestApp) {
        let session = paid_session(&app, "").await;
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        let old = back::ask(&app.app, &gift, Some(&session), true).await.unwrap();
        app.stripe.standin.refund(&session, Some(500)).unwrap();
        let new = back::ask(&app.app, &gift, Some(&session), true).await.unwrap();
        assert_eq!(back::apply(&app.app, gift.id, &new).await.unwrap(), Applied::Changed);
        let before = everything(&app.app).await;
        assert_eq!(back::apply(&app.app, gift.id, &old).await.unwrap(), Applied::Overtaken);
        assert_eq!(everything(&app.app).await, before);
        assert_eq!(back::apply(&app.app, gift.id, &new).await.unwrap(), Applied::Unchanged);
        let refunds = back::store::refunds_of(app.app.db.read(), gift.id).await.unwrap();
        assert_eq!(refunds.iter().map(|one| one.state).collect::<Vec<_>>(), [RefundState::Succeeded]);
        catch_up(&app).await;
    }
}
