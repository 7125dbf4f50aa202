//! The same form twice, in a row and at once.

use super::helpers::*;
use crate::support::{TestApp, gift, on_both_databases};
use wellwisher::{asks::Gift, clock::sha256_hex, payments::standin::ApiFault};

on_both_databases! {
    async fn a_form_sent_eight_times_at_once_is_one_donation_and_one_checkout(app: TestApp) {
        let form = fill(&app, "").await;
        let answers = futures_util::future::join_all((0..8).map(|_| form.send(&app))).await;
        let first = answers[0].location().to_owned();
        for answer in &answers {
            assert_eq!((answer.status.as_u16(), answer.location()), (303, first.as_str()), "{}", answer.body);
        }
        assert_eq!((count(&app.app, "donation").await, app.stripe.standin.sessions().len()), (1, 1));
        assert_eq!(count(&app.app, "supporter").await, 1);
    }

    async fn a_form_of_an_earlier_version_is_the_same_gift_when_it_is_sent_again(app: TestApp) {
        let asked = Gift { email: "Rosa@example.org".into(), name: "Rosa".into(), ..gift(2_500, "EUR") };
        let given = app.start(&asked).await;
        let before = sha256_hex("EUR 25.00|0|None|None|None|None|rosa@example.org|Rosa|false||false");
        assert_eq!(given.request_hash, before);
        let discreet = Gift { discreet: true, form_token: "another-form".into(), ..asked };
        assert_ne!(app.start(&discreet).await.request_hash, before);
    }

    async fn a_form_sent_eight_times_at_once_for_the_last_item_takes_one(app: TestApp) {
        new_item(&app.app, 1, None).await;
        let form = fill(&app, "item=bag").await;
        let answers = futures_util::future::join_all((0..8).map(|_| form.send(&app))).await;
        let first = answers[0].location().to_owned();
        for answer in &answers {
            assert_eq!((answer.status.as_u16(), answer.location()), (303, first.as_str()), "{}", answer.body);
        }
        assert_eq!((count(&app.app, "donation").await, count(&app.app, "wish_reservation").await), (1, 1));
    }

    async fn the_same_form_with_another_gift_is_asked_about_and_writes_nothing(app: TestApp) {
        let form = fill(&app, "").await;
        form.send(&app).await;
        let before = everything(&app.app).await;
        let changed = form.clone().with("amount", "50.00").with("note", "Another note");
        let answer = changed.send(&app).await;
        assert_eq!(answer.status, 409);
        assert_eq!(answer.attribute("input[name=email]", "value").as_deref(), Some("Zarmina@example.org"));
        assert_eq!(answer.attribute("input[name=amount][checked]", "value").as_deref(), Some("50.00"));
        assert_eq!(answer.texts("textarea[name=note]"), ["Another note"]);
        assert_eq!(everything(&app.app).await, before, "nothing is new");
        assert_eq!(app.stripe.standin.sessions().len(), 1);
        let fresh = answer.attribute("input[name=form_token]", "value").unwrap();
        assert_ne!(fresh, form.0["form_token"], "pressing again means a second gift, as the page says");
        app.app.clock.advance(chrono::TimeDelta::seconds(3));
        assert_eq!(changed.with("form_token", &fresh).send(&app).await.status, 303);
        assert_eq!(count(&app.app, "donation").await, 2);
    }

    async fn the_same_form_with_another_person_is_not_the_same_gift(app: TestApp) {
        let form = fill(&app, "").await;
        form.send(&app).await;
        for (field, value) in [("email", "other@example.org"), ("name", "Other"), ("note", "x"), ("cover_fee", "yes"), ("currency", "EUR")] {
            assert_eq!(form.clone().with(field, value).send(&app).await.status, 409, "{field}");
        }
    }

    async fn an_answer_lost_on_its_way_is_asked_for_again_and_stays_one_session(app: TestApp) {
        let app = impatient(app);
        let form = fill(&app, "").await;
        // All three tries of the first sending are processed at Stripe, and their answers lost.
        app.stripe.standin.fault(ApiFault::DropAnswer, 3);
        let answer = form.send(&app).await;
        assert_eq!(answer.status, 503);
        assert_eq!(app.stripe.standin.sessions().len(), 1, "Stripe has it");
        assert_eq!(the_donation(&app.app).await.checkout_session_id, None, "we do not know it");
        let session = session_of(&app, &form.send(&app).await);
        assert_eq!(app.stripe.standin.sessions().len(), 1);
        assert_eq!(the_donation(&app.app).await.checkout_session_id, Some(session));
    }

    async fn a_form_sent_again_after_paying_leads_to_the_thank_you_page(app: TestApp) {
        new_item(&app.app, 1, None).await;
        let form = fill(&app, "item=bag").await;
        let session = session_of(&app, &form.send(&app).await);
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        let answer = form.send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, crate::donations::way::donation_path(&app).await.as_str()), "{}", answer.body);
        assert_eq!(count(&app.app, "donation").await, 1);
    }
}
