//! The canary: a practice payment a day, an alarm when it goes unheard, and never a part of the books.

use crate::{
    donations::helpers::{catch_up, count, everything, number},
    support::{Answer, TestApp, WEBHOOK_SECRET, default_settings, on_both_databases},
};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{letter, words::Role};
use sea_orm::EntityTrait;
use secrecy::SecretString;
use wellwisher::{
    canary::{self, State},
    config::{Canary, Config},
    donations::import::Options,
    payments::{
        signature::{WebhookSecret, sign},
        standin::ApiFault,
    },
    payouts::history::import_history,
    reports::doctor,
    router,
};

const SECRET: &str = "whsec_canary0123456789abcdefghijklmno";

fn with_canary(mut app: TestApp) -> TestApp {
    let canary = Canary { key: SecretString::from("sk_test_canary"), webhook_secret: SecretString::from(SECRET) };
    app.app.config = std::sync::Arc::new(Config { canary: Some(canary), ..(*app.app.config).clone() });
    app.router = router::build(app.app.clone()).expect("the routes fit");
    app
}

async fn tell(app: &TestApp, body: &str, secret: &str) -> Answer {
    let signature = sign(body.as_bytes(), &WebhookSecret::parse(secret).expect("a secret"), app.app.now());
    let request = Request::post("/webhooks/stripe/canary").header("content-type", "application/json").header("stripe-signature", signature);
    app.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

on_both_databases! {
    async fn what_is_heard_is_well_and_nothing_of_it_is_in_the_books(app: TestApp) {
        let app = with_canary(app);
        let before = everything(&app.app).await;
        let id = canary::begin(&app.app).await.unwrap().expect("a run");
        assert_eq!(canary::state(&app.app).await.unwrap(), State::Waiting);
        let event = app.stripe.standin.events().into_iter().find(|event| event.kind == "payment_intent.succeeded").expect("a payment");
        assert!(event.body.contains(&id), "the payment carries the run's id");
        assert_eq!(tell(&app, &event.body, SECRET).await.status, 200);
        assert_eq!(canary::state(&app.app).await.unwrap(), State::Well(app.app.now()));
        assert_eq!(tell(&app, &event.body, SECRET).await.status, 200, "twice is once");
        // The program's own address may hear of it too, when it works in test mode itself.
        catch_up(&app).await;
        assert!(!canary::look(&app.app).await.unwrap(), "nobody is told");
        for table in ["donation", "ledger_transaction", "ledger_entry", "receipt", "letter", "supporter", "balance_movement"] {
            assert_eq!(count(&app.app, table).await, 0, "{table}");
        }
        let history = import_history(&app.app, chrono::DateTime::UNIX_EPOCH, app.app.now() + TimeDelta::hours(1), &Options::default(), |_| {}).await.unwrap();
        assert_eq!((history.added, history.ours), (0, 1), "it is no past gift either");
        let after = everything(&app.app).await;
        let rest: Vec<&str> = after.lines().filter(|line| !line.starts_with("canary_run") && !line.starts_with("stripe_event")).collect();
        assert!(rest.iter().all(|line| before.contains(line)), "{rest:#?}");
    }

    async fn silence_is_told_to_finance_and_administrators_once_and_shown_on_every_page_of_the_desk(app: TestApp) {
        let app = with_canary(app);
        let (_, _, _) = (app.add_person(Role::Admin).await, app.add_person(Role::Finance).await, app.add_person(Role::Editor).await);
        canary::begin(&app.app).await.unwrap();
        app.app.clock.advance(TimeDelta::minutes(59));
        assert!(!canary::look(&app.app).await.unwrap(), "not yet");
        app.app.clock.advance(TimeDelta::minutes(2));
        assert!(canary::look(&app.app).await.unwrap());
        assert!(canary::look(&app.app).await.unwrap());
        let letters = letter::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(letters.len(), 2, "once each, however often it is looked");
        assert!(letters.iter().all(|l| !l.to_address.starts_with("editor") && l.text_body.contains("none is lost")), "{letters:#?}");
        app.sign_in_as(Role::Editor).await;
        let page = app.get("/desk").await;
        assert!(page.texts("[role=alert]").join(" ").contains("Stripe may not reach us"), "{}", page.body);
        let findings = doctor::doctor(&app.app).await;
        let found = findings.iter().find(|finding| finding.name == "canary").expect("a line");
        assert_eq!(found.level, doctor::Level::Fail);
        canary::begin(&app.app).await.unwrap();
        let event = app.stripe.standin.events().into_iter().find(|event| event.kind == "charge.succeeded").expect("the newest");
        assert_eq!(tell(&app, &event.body, SECRET).await.status, 200);
        assert!(app.get("/desk").await.texts("[role=alert]").is_empty(), "the alarm ends with the next run that is heard");
    }

    async fn a_payment_that_cannot_be_made_is_an_alarm_too(app: TestApp) {
        let app = with_canary(app);
        app.add_person(Role::Admin).await;
        app.stripe.standin.fault(ApiFault::ServerError, 9);
        canary::begin(&app.app).await.unwrap();
        assert!(matches!(canary::state(&app.app).await.unwrap(), State::Failed { why, .. } if why.contains("500")));
        assert!(canary::look(&app.app).await.unwrap());
    }

    async fn only_stripe_in_test_mode_is_believed(app: TestApp) {
        let without = tell(&app, "{}", SECRET).await;
        assert_eq!(without.status, 404, "no canary, no address");
        assert_eq!(canary::begin(&app.app).await.unwrap(), None);
        let app = with_canary(app);
        let id = canary::begin(&app.app).await.unwrap().unwrap();
        let event = app.stripe.standin.events().into_iter().next().expect("an event");
        assert!(event.body.contains(&id));
        assert_eq!(tell(&app, &event.body, WEBHOOK_SECRET).await.status, 400, "the other address's secret is another one");
        assert_eq!(tell(&app, &event.body.replace("\"livemode\":false", "\"livemode\":true"), SECRET).await.status, 400, "live is refused");
        assert_eq!(tell(&app, "not an event", SECRET).await.status, 400);
        assert_eq!(number(&app.app, "select count(*) as n from canary_run where heard_at is not null").await, 0);
    }
}

#[test]
fn a_live_key_is_never_taken_for_practice() {
    let check = |key: &str, secret: &str| {
        let mut settings = default_settings();
        settings.secret_key = SecretString::from("a secret for tests, of more than 32 characters");
        settings.stripe_canary_key = SecretString::from(key);
        settings.stripe_canary_webhook_secret = SecretString::from(secret);
        Config::check(&settings).map(|config| config.canary.is_some()).map_err(|error| error.to_string())
    };
    assert_eq!(check("", ""), Ok(false));
    assert_eq!(check("sk_test_1", SECRET), Ok(true));
    for live in ["sk_live_1", "rk_live_1", "pk_test_1"] {
        assert!(check(live, SECRET).unwrap_err().contains("STRIPE_CANARY_KEY"), "{live}");
    }
    assert!(check("sk_test_1", "").unwrap_err().contains("STRIPE_CANARY_WEBHOOK_SECRET"));
}
