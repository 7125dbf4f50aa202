//! The article's state drives the ask: corrected, retracted, sensitive, unpublished.

use super::reading::{details, publish};
use crate::support::{Answer, TestApp, gift, on_both_databases};
use chrono::TimeDelta;
use entity::{
    article, audit_entry, checkout_ending, donation,
    ids::WishItemId,
    recurring_donation,
    words::{DonationStatus, EndingOutcome, EndingReason, GiftInterval, NoticeKind, ReservationState, Role},
};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryOrder};
use std::time::Duration;
use wellwisher::{
    articles::{
        self,
        notices::{self, NewNotice, Texts},
    },
    asks::Gift,
    donations::{self, OpenProblem, ending},
    error::Error,
    payments::{Patience, standin::ApiFault},
    staff::Actor,
    wishes, worker,
};

fn texts() -> Texts {
    Texts::from([("en".to_owned(), "The number was wrong.".to_owned()), ("fa-AF".to_owned(), "شمار درست نبود.".to_owned())])
}

async fn notice(app: &TestApp, article: &article::Model, kind: NoticeKind) -> usize {
    tell(app, article, NewNotice { kind, texts: texts(), keeps_asking: false }).await
}

async fn tell(app: &TestApp, article: &article::Model, new: NewNotice) -> usize {
    let write = async |tx: &DatabaseTransaction| notices::add(&app.app, tx, article.id, &new, &Actor::system()).await;
    app.app.db.write(write).await.unwrap().1
}

async fn sensitive(app: &TestApp, article: &article::Model, is: bool) {
    app.app.db.write(async |tx| articles::mark_sensitive(&app.app, tx, article.id, is).await).await.unwrap();
}

async fn unpublish(app: &TestApp, article: &article::Model) {
    app.app.db.write(async |tx| articles::unpublish(&app.app, tx, article.id).await).await.unwrap();
}

fn from_article(article: &article::Model) -> Gift {
    Gift { article_id: Some(article.id), ..gift(2_500, "EUR") }
}

async fn work_off(app: &TestApp) {
    while worker::work_once(&app.app).await.unwrap() > 0 {}
}

async fn endings(app: &TestApp) -> Vec<checkout_ending::Model> {
    checkout_ending::Entity::find().order_by_asc(checkout_ending::Column::DonationId).all(app.app.db.read()).await.unwrap()
}

/// The form on the article's page, filled in as a person does.
async fn form_of(app: &TestApp, article: &article::Model) -> Vec<(&'static str, String)> {
    let page = app.get(&format!("/articles/{}", article.slug)).await;
    let hidden = |name: &str| page.attribute(&format!("input[name={name}]"), "value").unwrap_or_default();
    let mut fields: Vec<(&'static str, String)> =
        ["form_token", "campaign", "item", "article", "language"].into_iter().map(|name| (name, hidden(name))).collect();
    assert!(!fields[0].1.is_empty(), "the page has a form: {}", page.body);
    fields.extend([("email", "zarmina@example.org".to_owned()), ("note", "For the girls".to_owned())]);
    fields.extend([("amount", "25.00".to_owned()), ("currency", "USD".to_owned())]);
    app.wait(4);
    fields
}

async fn send(app: &TestApp, fields: &[(&'static str, String)]) -> Answer {
    app.post("/donations", &fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>()).await
}

fn impatient(mut app: TestApp) -> TestApp {
    let patience = Patience {
        attempt: Duration::from_millis(400),
        total: Duration::from_millis(1_500),
        pauses: [Duration::from_millis(10), Duration::from_millis(20)],
    };
    app.app.stripe = app.app.stripe.clone().with_patience(patience);
    app.router = wellwisher::router::build(app.app.clone()).expect("the routes fit");
    app
}

on_both_databases! {
    async fn a_corrected_article_says_so_in_the_readers_language_and_goes_on_asking_where_staff_say_so(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        let corrected = NewNotice { kind: NoticeKind::Corrected, texts: texts(), keeps_asking: true };
        assert_eq!(tell(&app, &article, corrected).await, 0);
        let page = app.get("/articles/a-school").await;
        assert_eq!(page.texts("aside.notice strong"), ["Correction"]);
        assert_eq!(page.texts("aside.notice p[lang=en]"), ["The number was wrong."]);
        assert_eq!(page.attribute("aside.notice time", "datetime").as_deref(), Some("2026-05-01"));
        assert!(page.attribute("input[name=form_token]", "value").is_some(), "it goes on asking");
        let dari = app.get("/articles/a-school?lang=fa-AF").await;
        assert_eq!(dari.texts("aside.notice strong"), ["اصلاح"]);
        assert_eq!(dari.texts("aside.notice p[dir=rtl]"), ["شمار درست نبود."]);
        let pashto = app.get("/articles/a-school?lang=ps").await;
        assert_eq!(pashto.texts("aside.notice p[lang=en]"), ["The number was wrong."], "where hers is not there, the article's");
        assert!(!app.get("/articles").await.body.contains("Retracted"));
    }

    async fn what_asks_no_more_answers_a_form_sent_from_before_kindly(app: TestApp) {
        for (at, state) in ["sensitive", "corrected", "retracted", "unpublished"].into_iter().enumerate() {
            let article = publish(&app, &details(&format!("Number {at}"))).await;
            let form = form_of(&app, &article).await;
            match state {
                "sensitive" => sensitive(&app, &article, true).await,
                "corrected" => assert_eq!(notice(&app, &article, NoticeKind::Corrected).await, 0),
                "retracted" => assert_eq!(notice(&app, &article, NoticeKind::Retracted).await, 0),
                _ => unpublish(&app, &article).await,
            }
            let page = app.get(&format!("/articles/{}", article.slug)).await;
            assert_eq!(page.status.as_u16(), if state == "unpublished" { 404 } else { 200 }, "{state}");
            assert!(page.attribute("input[name=form_token]", "value").is_none(), "{state} asks for nothing");
            let own = app.get(&format!("/donate?article={}", article.slug)).await;
            assert_eq!((own.texts("main > p.warn").len(), own.attribute("input[name=article]", "value").as_deref()), (1, Some("")), "{state}");

            let answer = send(&app, &form).await;
            assert_eq!(answer.status, 409, "{state}: {}", answer.body);
            assert_eq!(answer.texts(".error-summary li"), ["The page you came from asks for no gifts any more. Nothing was charged. You can give to our work as a whole; everything you typed is kept."]);
            assert_eq!(answer.texts("textarea[name=note]"), ["For the girls"]);
            assert_eq!(answer.attribute("input[name=email]", "value").as_deref(), Some("zarmina@example.org"));
            assert_eq!(answer.attribute("input[name=article]", "value").as_deref(), Some(""));
            assert_eq!(donations_of(&app).await.len(), at, "{state}: nothing was written");
            let mut again = form.clone();
            again.iter_mut().filter(|(name, _)| *name == "article").for_each(|(_, value)| value.clear());
            assert_eq!(send(&app, &again).await.status, 303, "{state}: the same form goes on without the article");
            assert_eq!(donations_of(&app).await[at].article_id, None);
        }
    }

    async fn a_gift_that_is_about_to_be_written_is_refused_too(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        notice(&app, &article, NoticeKind::Retracted).await;
        assert!(matches!(donations::open(&app.app, &from_article(&article)).await, Err(OpenProblem::ArticleClosed)));
        assert!(donations_of(&app).await.is_empty());
    }

    async fn open_checkouts_end_at_stripe_and_free_what_they_held(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        let campaign = app.campaign("Schools").await;
        let item: WishItemId = app.item("School bag", Some(campaign.id), |raw| raw.quantity = "1".into()).await.id;
        let held = Gift { item: Some((item, 1)), campaign_id: Some(campaign.id), ..from_article(&article) };
        let held = app.start(&held).await;
        let monthly = app.start(&Gift { every: Some(GiftInterval::Month), ..from_article(&article) }).await;
        let other = app.start(&gift(2_500, "EUR")).await;
        let paid = app.give(&from_article(&article)).await;
        assert_eq!(notice(&app, &article, NoticeKind::Retracted).await, 2, "what is paid, and what is of no article, is left alone");
        work_off(&app).await;
        for id in [held.id, monthly.id] {
            let ended = app.donation(id).await;
            assert_eq!((ended.status, ended.checkout_url), (DonationStatus::Expired, None));
        }
        assert_eq!(app.donation(other.id).await.status, DonationStatus::Pending);
        assert_eq!(app.donation(paid.id).await.status, DonationStatus::Paid);
        assert_eq!(app.stripe.standin.sessions().iter().filter(|session| session.open).count(), 1);
        let reservation = wishes::store::reservation(app.app.db.read(), held.id).await.unwrap().unwrap();
        assert_eq!(reservation.state, ReservationState::Released);
        let endings = endings(&app).await;
        assert!(endings.iter().all(|row| (row.reason, row.outcome) == (EndingReason::Retracted, EndingOutcome::Ended)), "{endings:?}");
        let kinds: Vec<String> = donations::store::steps(app.app.db.read(), held.id).await.unwrap().into_iter().map(|step| step.kind).collect();
        assert_eq!(kinds, ["created", "checkout_opened", "ending_asked", "expired", "ending_done"]);
        let thanks = app.get(&donations::path_of(&app.app, held.id)).await;
        assert!(thanks.texts("p.warn")[0].contains("so we closed the payment page"), "{:?}", thanks.texts("p.warn"));
        assert!(matches!(donations::ending::act(&app.app, &held.id.to_string()).await, wellwisher::jobs::Outcome::Done), "done twice is once");
        assert_eq!(donations::store::steps(app.app.db.read(), held.id).await.unwrap().len(), 5);

        app.sign_in_as(Role::Editor).await;
        let page = app.get(&format!("/desk/articles/{}/state", article.id)).await;
        let text = page.page().root_element().text().collect::<String>().replace(['\u{2068}', '\u{2069}'], "");
        assert!(text.contains("2 of 2 are over"), "{text}");
        let first = recurring_donation::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert!(page.body.contains(&format!("/desk/recurring/{}", first.id)), "the monthly gift is listed");
        assert!(page.body.contains("€25"), "what was given from here");
    }

    async fn who_paid_in_that_very_moment_has_given(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        let started = app.start(&from_article(&article)).await;
        app.pay_unheard(&started);
        assert_eq!(notice(&app, &article, NoticeKind::Retracted).await, 1);
        work_off(&app).await;
        let paid = app.donation(started.id).await;
        assert_eq!((paid.status, paid.article_id), (DonationStatus::Paid, Some(article.id)));
        assert_eq!(endings(&app).await[0].outcome, EndingOutcome::Paid);
        app.sign_in_as(Role::Admin).await;
        let page = app.get(&format!("/desk/articles/{}/state", article.id)).await;
        assert!(page.texts("p.warn").iter().any(|text| text.contains("Somebody paid in that very moment")), "{}", page.body);
    }

    async fn a_checkout_whose_answer_was_lost_ends_too_and_a_silent_stripe_is_asked_again(app: TestApp) {
        let app = impatient(app);
        let article = publish(&app, &details("A school")).await;
        app.stripe.standin.fault(ApiFault::DropAnswer, 9);
        assert!(matches!(donations::open(&app.app, &from_article(&article)).await, Err(OpenProblem::StripeDown)));
        sensitive(&app, &article, true).await;
        app.stripe.standin.fault(ApiFault::ServerError, 99);
        worker::work_once(&app.app).await.unwrap();
        assert_eq!(endings(&app).await[0].outcome, EndingOutcome::Open);
        app.stripe.standin.clear_faults();
        app.app.clock.advance(TimeDelta::minutes(10));
        work_off(&app).await;
        assert_eq!((endings(&app).await[0].outcome, endings(&app).await[0].reason), (EndingOutcome::Ended, EndingReason::Sensitive));
        assert!(app.stripe.standin.sessions().iter().all(|session| !session.open));
        assert_eq!(donations_of(&app).await[0].status, DonationStatus::Expired);
    }

    async fn a_checkout_whose_job_was_given_up_is_concluded_when_its_donation_ends(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        app.start(&from_article(&article)).await;
        sensitive(&app, &article, true).await;
        app.app.db.write(async |tx| Ok(entity::job::Entity::delete_many().exec(tx).await.map(|_| ())?)).await.unwrap();
        app.app.clock.advance(TimeDelta::hours(3));
        donations::sweep(&app.app).await.unwrap();
        let is_over = app.donation(donations_of(&app).await[0].id).await.status != DonationStatus::Pending;
        assert_eq!(endings(&app).await[0].outcome != EndingOutcome::Open, is_over, "not while it may be paid");
        app.app.clock.advance(TimeDelta::days(2));
        donations::sweep(&app.app).await.unwrap();
        donations::sweep(&app.app).await.unwrap();
        assert_eq!(donations_of(&app).await[0].status, DonationStatus::Expired);
        assert_eq!(endings(&app).await[0].outcome, EndingOutcome::Over);
    }

    async fn a_checkout_that_stripe_makes_after_the_end_leads_nowhere_and_ends(app: TestApp) {
        let app = impatient(app);
        let article = publish(&app, &details("A school")).await;
        let mut gift = from_article(&article);
        gift.form_token = "the-form".into();
        app.stripe.standin.fault(ApiFault::DropBefore, 9);
        assert!(matches!(donations::open(&app.app, &gift).await, Err(OpenProblem::StripeDown)));
        app.stripe.standin.clear_faults();
        unpublish(&app, &article).await;
        work_off(&app).await;
        assert_eq!(endings(&app).await[0].outcome, EndingOutcome::Ended, "Stripe had nothing, so it ended here");
        let opened = donations::open(&app.app, &gift).await.unwrap();
        assert_eq!(opened, donations::Opened::Over(donations::path_of(&app.app, donations_of(&app).await[0].id)), "no new checkout");
        assert!(app.stripe.standin.sessions().is_empty());
    }

    async fn taking_the_mark_back_brings_the_ask_back_but_no_ended_checkout(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        let started = app.start(&from_article(&article)).await;
        notice(&app, &article, NoticeKind::Retracted).await;
        work_off(&app).await;
        assert!(app.get("/articles").await.body.contains("Retracted"), "the list says so");
        let row = notices::of_article(app.app.db.read(), article.id).await.unwrap().remove(0);
        let lift = async |tx: &DatabaseTransaction| notices::lift(&app.app, tx, article.id, row.id, &Actor::system()).await;
        app.app.db.write(lift).await.unwrap();
        assert!(matches!(app.app.db.write(lift).await, Err(Error::Conflict(_))));
        let page = app.get("/articles/a-school").await;
        assert!(page.texts("aside.notice").is_empty() && page.attribute("input[name=form_token]", "value").is_some());
        assert_eq!(app.donation(started.id).await.status, DonationStatus::Expired);
        let second = app.start(&from_article(&article)).await;
        sensitive(&app, &article, true).await;
        work_off(&app).await;
        assert_eq!(app.donation(second.id).await.status, DonationStatus::Expired, "a later one ends as well");
        assert_eq!(ending::of_article(app.app.db.read(), article.id, 9).await.unwrap().len(), 2);
    }

    async fn an_editor_corrects_retracts_and_takes_back_and_all_of_it_is_audited(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        app.sign_in_as(Role::Editor).await;
        let here = format!("/desk/articles/{}/notices", article.id);
        let wrong = app.post(&here, &[("kind", "burnt"), ("text_fa", "شمار")]).await;
        assert_eq!((wrong.status.as_u16(), wrong.texts("textarea[name=text_fa]")), (422, vec!["شمار".to_owned()]));
        assert_eq!(app.post(&here, &[("kind", "retracted")]).await.texts(".error-summary li"), ["Write the notice in at least one language."]);
        assert_eq!(app.post(&here, &[("kind", "corrected"), ("text_en", &"x".repeat(1001))]).await.status, 422);
        assert_eq!(app.post(&here, &[("kind", "retracted"), ("text_ps", "غلطه وه"), ("text_en", " It was wrong. ")]).await.status, 303);
        assert_eq!(app.post(&here, &[("kind", "retracted"), ("text_en", "Again")]).await.status, 422);
        assert_eq!(app.get("/articles/a-school?lang=ps").await.texts("aside.notice p[dir=rtl][lang=ps]"), ["غلطه وه"]);
        let row = notices::of_article(app.app.db.read(), article.id).await.unwrap().remove(0);
        assert_eq!(app.post(&format!("/desk/articles/{}/notices/{}/lift", article.id, row.id), &[]).await.status, 303);
        let actions = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).all(app.app.db.read()).await.unwrap();
        let actions: Vec<String> = actions.into_iter().map(|entry| entry.action).filter(|action| action.starts_with("article.n")).collect();
        assert_eq!(actions, ["article.notice", "article.notice-lifted"]);
    }

    async fn only_editors_see_the_state(app: TestApp) {
        let article = publish(&app, &details("A school")).await;
        let state = format!("GET /desk/articles/{}/state", article.id);
        app.assert_open_only_to(&[(&state, &[Role::Admin, Role::Editor])]).await;
    }
}

async fn donations_of(app: &TestApp) -> Vec<donation::Model> {
    donation::Entity::find().order_by_asc(donation::Column::CreatedAt).all(app.app.db.read()).await.unwrap()
}
