//! Giving money back from the desk, and what the desk shows of refunds and disputes.

use super::helpers::*;
use crate::support::{Answer, TestApp, on_both_databases};
use axum::http::StatusCode;
use entity::{
    audit_entry, donation, refund,
    words::{RefundState, Role},
};
use sea_orm::EntityTrait;
use wellwisher::{
    donations::reconcile::LOOK_BACK,
    payments::standin::{ApiFault, ApiFaultOrder, Decision, FaultOn, FaultOrders},
    payouts::reconcile::reconcile,
};

/// A paid gift of 25 dollars, and finance signed in.
async fn paid(app: &TestApp) -> donation::Model {
    paid_session(app, "").await;
    catch_up(app).await;
    app.sign_in_as(Role::Finance).await;
    the_donation(&app.app).await
}

/// Opens the form and sends its first page with this amount: the page with the consequences.
async fn first_page(app: &TestApp, gift: &donation::Model, amount: &str) -> (String, Answer) {
    let path = format!("/desk/donations/{}/refund", gift.id);
    let page = app.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let form = page.attribute("input[name=form]", "value").expect("the form");
    let sent = app.post(&path, &[("form", &form), ("amount", amount), ("reason", "She asked by letter")]).await;
    (form, sent)
}

async fn confirm(app: &TestApp, gift: &donation::Model, form: &str, amount: &str, typed: &str) -> Answer {
    let fields = [("form", form), ("amount", amount), ("reason", "She asked by letter"), ("confirm", typed)];
    app.post(&format!("/desk/donations/{}/refund", gift.id), &fields).await
}

async fn rows(app: &TestApp) -> Vec<refund::Model> {
    refund::Entity::find().all(app.app.db.read()).await.unwrap()
}

/// A fault of everything that is sent to Stripe to change something.
fn writes_fail(app: &TestApp, fault: ApiFault, calls: u32) {
    app.stripe.standin.order_faults(&FaultOrders { api: vec![ApiFaultOrder { fault, calls, on: FaultOn::Writes }], webhooks: Vec::new() });
}

on_both_databases! {
    async fn a_refund_tells_its_consequences_and_happens_after_the_amount_is_typed_again(app: TestApp) {
        let gift = paid(&app).await;
        assert!(app.get(&format!("/desk/donations/{}", gift.id)).await.body.contains(&format!("/desk/donations/{}/refund", gift.id)));
        let (form, page) = first_page(&app, &gift, "10").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("R-2026-000001") && page.body.contains("takes its place"), "{}", page.body);
        assert!(rows(&app).await.is_empty() && app.stripe.standin.refunds().is_empty(), "nothing happens before it is confirmed");
        let wrong = confirm(&app, &gift, &form, "10", "25").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("She asked by letter") && rows(&app).await.is_empty());
        let done = confirm(&app, &gift, &form, "10", "10.00").await;
        assert_eq!(done.location(), format!("/desk/donations/{}?done=refund-made", gift.id), "{}", done.body);
        assert_eq!(balance(&app.app, "donations", "USD").await, -1_500, "in the books at once, before any event");
        let story = app.get(done.location()).await;
        for words in ["The refund was made", "Worth now", "given back", "R-2026-000002", "A refund was asked for", "She asked by letter"] {
            assert!(story.body.contains(words), "{words}: {}", story.body);
        }
        catch_up(&app).await;
        assert_eq!(balance(&app.app, "donations", "USD").await, -1_500, "the events add nothing");
        let twice = confirm(&app, &gift, &form, "10", "10").await;
        assert_eq!((twice.status, app.stripe.standin.refunds().len(), rows(&app).await.len()), (StatusCode::SEE_OTHER, 1, 1), "sent twice is one refund");
        let trail = audit_entry::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(trail.iter().filter(|entry| entry.action == "donation.refund").count(), 1);
        let list = app.get("/desk/refunds?state=succeeded").await;
        assert!(list.body.contains("She asked by letter") && list.body.contains("The finance"), "{}", list.body);
    }

    async fn the_whole_gift_can_be_given_back_and_then_nothing_is_left(app: TestApp) {
        let gift = paid(&app).await;
        let (form, page) = first_page(&app, &gift, "25.00").await;
        assert!(page.body.contains("will be void, and the supporter gets a letter"), "{}", page.body);
        assert_eq!(confirm(&app, &gift, &form, "25.00", "25.00").await.status, StatusCode::SEE_OTHER);
        assert_eq!(balance(&app.app, "donations", "USD").await, 0);
        assert!(app.get(&format!("/desk/donations/{}/refund", gift.id)).await.body.contains("Nothing of this gift is left"));
        assert!(!app.get(&format!("/desk/donations/{}", gift.id)).await.body.contains("Give money back"));
    }

    async fn what_cannot_be_given_back_is_refused_with_what_was_typed(app: TestApp) {
        let gift = paid(&app).await;
        for amount in ["", "0", "-5", "25.01", "ten", "1,5,5"] {
            let (_, page) = first_page(&app, &gift, amount).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{amount}");
            assert!(page.body.contains("She asked by letter") && page.attribute(".error-summary a", "href").as_deref() == Some("#amount"));
        }
        let unpaid = begin(&app, "").await;
        let waiting = donations(&app.app).await.into_iter().find(|gift| gift.checkout_session_id.as_ref() == Some(&unpaid)).unwrap();
        assert_eq!(app.get(&format!("/desk/donations/{}/refund", waiting.id)).await.status, StatusCode::CONFLICT);
        assert!(rows(&app).await.is_empty());
    }

    async fn what_a_bank_holds_or_has_taken_cannot_be_given_back_as_well(app: TestApp) {
        let gift = paid(&app).await;
        let session = gift.checkout_session_id.clone().unwrap();
        let dispute = app.stripe.standin.dispute(&session, Some(2_000), false).unwrap();
        catch_up(&app).await;
        let (_, page) = first_page(&app, &gift, "6").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "twenty of twenty-five are disputed");
        app.stripe.standin.decide_dispute(&dispute, Decision::Lost);
        catch_up(&app).await;
        let (_, page) = first_page(&app, &gift, "6").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "twenty of twenty-five are lost");
        let (form, page) = first_page(&app, &gift, "5").await;
        assert_eq!(page.status, StatusCode::OK);
        let refused = confirm(&app, &gift, &form, "5", "5").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "Stripe takes no refund of a charge that was charged back");
        assert!(refused.body.contains("charge_disputed") && refused.body.contains("She asked by letter"), "{}", refused.body);
        assert_eq!(rows(&app).await.iter().map(|row| row.state).collect::<Vec<_>>(), [RefundState::Failed]);
        assert_eq!(balance(&app.app, "donations", "USD").await, -500);
    }

    async fn a_refund_whose_answer_was_lost_is_made_once(app: TestApp) {
        let app = impatient(app);
        let gift = paid(&app).await;
        let (form, _) = first_page(&app, &gift, "10").await;
        writes_fail(&app, ApiFault::DropAnswer, 3);
        let waiting = confirm(&app, &gift, &form, "10", "10").await;
        assert!(waiting.location().ends_with("?done=refund-waiting"), "{}", waiting.body);
        assert_eq!(rows(&app).await[0].state, RefundState::Asked);
        assert_eq!(balance(&app.app, "donations", "USD").await, -2_500, "nothing is half done");
        app.stripe.standin.clear_faults();
        let again = confirm(&app, &gift, &form, "10", "10").await;
        assert!(again.location().ends_with("?done=refund-made"), "{}", again.body);
        assert_eq!((app.stripe.standin.refunds().len(), rows(&app).await.len()), (1, 1));
        assert_eq!(balance(&app.app, "donations", "USD").await, -1_500);
    }

    async fn with_stripe_down_the_schedule_asks_again(app: TestApp) {
        let app = impatient(app);
        let gift = paid(&app).await;
        let (form, _) = first_page(&app, &gift, "10").await;
        writes_fail(&app, ApiFault::DropBefore, 3);
        assert!(confirm(&app, &gift, &form, "10", "10").await.location().ends_with("?done=refund-waiting"));
        assert!(app.stripe.standin.refunds().is_empty());
        app.stripe.standin.clear_faults();
        let (_, page) = first_page(&app, &gift, "16").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "what is asked for already counts");
        app.app.clock.advance(chrono::TimeDelta::minutes(5));
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.unwrap();
        assert_eq!((app.stripe.standin.refunds().len(), rows(&app).await[0].state), (1, RefundState::Succeeded));
        assert_eq!(balance(&app.app, "donations", "USD").await, -1_500);
        let before = everything(&app.app).await;
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.unwrap();
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
    }

    async fn what_was_done_in_stripes_dashboard_is_found_without_events(app: TestApp) {
        let gift = paid(&app).await;
        let session = gift.checkout_session_id.clone().unwrap();
        app.app.clock.advance(chrono::TimeDelta::days(40));
        app.stripe.standin.refund(&session, Some(400)).unwrap();
        let dispute = app.stripe.standin.dispute(&session, Some(1_000), false).unwrap();
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.unwrap();
        assert_eq!((balance(&app.app, "donations", "USD").await, balance(&app.app, "disputed", "USD").await), (-2_100, 1_000));
        let before = everything(&app.app).await;
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.unwrap();
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
        // Decided long after it was opened.
        app.app.clock.advance(chrono::TimeDelta::days(60));
        app.stripe.standin.decide_dispute(&dispute, Decision::Lost);
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.unwrap();
        assert_eq!((balance(&app.app, "donations", "USD").await, balance(&app.app, "disputed", "USD").await), (-1_100, 0));
    }

    async fn the_lists_say_why_they_are_empty_and_name_the_day_evidence_is_due(app: TestApp) {
        app.sign_in_as(Role::Finance).await;
        assert!(app.get("/desk/refunds").await.body.contains("Nothing was given back yet"));
        assert!(app.get("/desk/disputes").await.body.contains("No gift was disputed yet"));
        let session = begin(&app, "").await;
        app.stripe.standin.pay(&session, "4000000000002685");
        catch_up(&app).await;
        let page = app.get("/desk/disputes?state=open").await;
        assert!(page.body.contains("2026-05-10") && page.body.contains("not received"), "{}", page.body);
        assert!(app.get("/desk/disputes?state=lost").await.body.contains("No dispute is in this state"));
        assert_eq!(app.get("/desk/disputes?state=rich").await.status, StatusCode::BAD_REQUEST);
        assert_eq!(app.get("/desk/refunds?after=x").await.status, StatusCode::BAD_REQUEST);
        let gift = the_donation(&app.app).await;
        assert!(app.get(&format!("/desk/donations/{}", gift.id)).await.body.contains("Evidence due"));
    }

    async fn only_finance_and_administrators_give_money_back(app: TestApp) {
        paid_session(&app, "").await;
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        let money = &[Role::Admin, Role::Finance][..];
        let (get, post) = (format!("GET /desk/donations/{}/refund", gift.id), format!("POST /desk/donations/{}/refund", gift.id));
        let routes = [(get.as_str(), money), (post.as_str(), money), ("GET /desk/refunds", money), ("GET /desk/disputes", money)];
        app.assert_open_only_to(&routes).await;
    }
}
