//! The canary: a practice gift a day through every link of the chain, an alarm that names the first silent one, and never a part of the books.

mod broken_off;
mod rehearsal;
mod silent;

use crate::{
    donations::helpers::{catch_up, count, everything, number},
    support::{Answer, TestApp, WEBHOOK_SECRET, default_settings, gift, on_both_databases},
};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{
    letter,
    words::{CanaryLink, LetterKind, Role},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;
use std::{collections::BTreeSet, sync::Arc};
use wellwisher::{
    canary::{self, Report, Standing},
    config::{Canary, Config},
    donations::{self, import::Options},
    mail::outbox::Outbox,
    payments::{
        NewCheckout, Stripe, StripeFailure,
        signature::{WebhookSecret, sign},
    },
    payouts::history::import_history,
    reports::{self, doctor},
    router, worker,
};

const SECRET: &str = "whsec_canary0123456789abcdefghijklmno";

/// Where the practice letter goes.
const WATCH: &str = "watch@newsroom.example";

/// The same Wellwisher with other settings.
fn with_settings(mut app: TestApp, change: impl FnOnce(&mut Config)) -> TestApp {
    let mut config = (*app.app.config).clone();
    change(&mut config);
    app.app.outbox = Arc::new(Outbox::open(&config).expect("an outbox"));
    app.app.config = Arc::new(config);
    app.router = router::build(app.app.clone()).expect("the routes fit");
    app
}

fn with_canary(app: TestApp) -> TestApp {
    let (key, webhook_secret) = (SecretString::from("sk_test_canary"), SecretString::from(SECRET));
    with_settings(app, |config| config.canary = Some(Canary { key, webhook_secret, email: Some(WATCH.to_owned()) }))
}

async fn tell(app: &TestApp, body: &str, secret: &str) -> Answer {
    let signature = sign(body.as_bytes(), &WebhookSecret::parse(secret).expect("a secret"), app.app.now());
    let request = Request::post("/webhooks/stripe/canary").header("content-type", "application/json").header("stripe-signature", signature);
    app.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

/// A run, tried with the real books.
async fn begin(app: &TestApp) -> String {
    canary::begin(&app.app, donations::rehearse).await.expect("a run is begun").expect("a test key is set")
}

async fn look(app: &TestApp) -> bool {
    canary::look(&app.app, donations::rehearse).await.expect("it is looked after")
}

/// Stripe's newest message of a kind.
fn message(app: &TestApp, kind: &str) -> String {
    app.stripe.standin.events().into_iter().find(|event| event.kind == kind).expect("a message").body
}

/// Stripe's message about the newest payment comes.
async fn hear(app: &TestApp) {
    assert_eq!(tell(app, &message(app, "payment_intent.succeeded"), SECRET).await.status, 200);
}

/// The letters that are due leave.
async fn send(app: &TestApp) {
    app.app.outbox.deliver_due(&app.app.db, &app.app.clock).await.expect("letters are sent");
}

async fn report(app: &TestApp) -> Report {
    canary::state(&app.app).await.expect("it is known").expect("a run")
}

async fn standing(app: &TestApp, link: CanaryLink) -> Standing {
    report(app).await.of(link).expect("every link").standing.clone()
}

/// The links that the last run found silent.
async fn silent(app: &TestApp) -> Vec<CanaryLink> {
    let is_silent = |link: &canary::Link| matches!(link.standing, Standing::Silent(_)).then_some(link.link);
    report(app).await.links.iter().filter_map(is_silent).collect()
}

/// The links that the last run found well.
async fn well(app: &TestApp) -> Vec<CanaryLink> {
    let is_well = |link: &canary::Link| matches!(link.standing, Standing::Well(..)).then_some(link.link);
    report(app).await.links.iter().filter_map(is_well).collect()
}

/// The letters about silence.
async fn alarms(app: &TestApp) -> Vec<letter::Model> {
    let told = letter::Entity::find().filter(letter::Column::DedupeKey.starts_with("canary:"));
    told.all(app.app.db.read()).await.expect("letters are read")
}

async fn run_sql(app: &TestApp, sql: &str) {
    app.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.expect("it is done");
}

/// The tables that hold something else than before.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), after.lines().collect());
    // A text may go on in another line.
    let is_table = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let table = |line: &&str| line.split_once(": ").map(|(name, _)| name).filter(is_table).map(str::to_owned);
    let tables = before.symmetric_difference(&after).filter_map(table);
    tables.collect::<BTreeSet<String>>().into_iter().collect()
}

on_both_databases! {
    async fn when_every_link_holds_all_are_well_and_nothing_of_it_is_in_the_books(app: TestApp) {
        let app = with_canary(app);
        app.give(&gift(5_000, "USD")).await;
        catch_up(&app).await;
        send(&app).await;
        let before = everything(&app.app).await;
        let id = begin(&app).await;
        use CanaryLink::{Books, Checkout, Letter, Message, Payment};
        assert_eq!(well(&app).await, [Checkout, Payment, Books]);
        assert_eq!((standing(&app, Message).await, standing(&app, Letter).await), (Standing::Waiting, Standing::Waiting));
        assert!(message(&app, "payment_intent.succeeded").contains(&id), "the payment carries the run's id");
        app.wait(2);
        hear(&app).await;
        hear(&app).await;
        send(&app).await;
        assert!(!look(&app).await, "nobody is told");
        assert_eq!(well(&app).await, CanaryLink::ALL);
        assert_eq!(standing(&app, Message).await, Standing::Well(app.app.now(), TimeDelta::seconds(2)), "each link is timed");
        let session = app.stripe.standin.sessions().into_iter().find(|one| one.client_reference_id.as_deref() == Some(id.as_str())).expect("a checkout");
        assert!(!session.open && !session.paid && (session.amount, session.currency.as_str()) == (100, "USD"), "it does not stay open");
        assert_eq!(changed(&before, &everything(&app.app).await), ["canary_link", "canary_run", "letter", "letter_attempt"]);
        // The program's own address may hear of all of it too, when it works in test mode itself.
        catch_up(&app).await;
        assert_eq!(changed(&before, &everything(&app.app).await), ["canary_link", "canary_run", "letter", "letter_attempt", "stripe_event"]);
        let of_run = letter::Entity::find().filter(letter::Column::ToAddress.eq(WATCH)).all(app.app.db.read()).await.unwrap();
        assert_eq!((of_run.len(), of_run[0].kind, count(&app.app, "letter").await), (1, LetterKind::StaffNotice, 2), "one practice letter");
        let found = donations::reconcile::reconcile(&app.app, app.app.now() - donations::reconcile::LOOK_BACK, |_, _| {}).await.unwrap();
        assert!(found.unknown.is_empty(), "the practice checkout is nobody's: {found:?}");
        let (since, until) = (chrono::DateTime::UNIX_EPOCH, app.app.now() + TimeDelta::hours(1));
        let history = import_history(&app.app, since, until, &Options::default(), |_| {}).await.unwrap();
        assert_eq!(history.added, 0, "it is no past gift either");
        assert_eq!(count(&app.app, "donation").await, 1);
        let next = app.give(&gift(700, "USD")).await;
        let receipt = wellwisher::receipts::store::issued_for_donation(app.app.db.read(), next.id).await.unwrap().expect("a receipt");
        assert_eq!(receipt.code, "R-2026-000002", "no number was used");
    }

    async fn the_desk_and_doctor_say_how_each_link_stands(app: TestApp) {
        let app = with_canary(app);
        app.sign_in_as(Role::Finance).await;
        assert!(app.get("/desk").await.texts(".chain li").is_empty(), "nothing was tried yet");
        begin(&app).await;
        hear(&app).await;
        send(&app).await;
        look(&app).await;
        let lines = app.get("/desk").await.texts(".chain li");
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines.iter().all(|line| line.contains("well after 0 s")), "{lines:?}");
        assert_eq!(lines[0], "the checkout at Stripe: tried at 2026-05-01 09:30 +00:00, well after 0 s");
        app.sign_in_as(Role::Editor).await;
        let page = app.get("/desk").await;
        assert!(page.texts(".chain li").is_empty() && page.texts("[role=alert]").is_empty());
        let findings = doctor::doctor(&app.app).await;
        let told: Vec<_> = findings.iter().filter(|finding| finding.name == "canary").map(|finding| (finding.level, &*finding.told)).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told.iter().all(|(level, told)| *level == doctor::Level::Ok && told.contains("well after")), "{told:?}");
    }

    async fn a_run_a_day_is_begun_by_the_schedule(app: TestApp) {
        let app = with_canary(app);
        worker::run_schedules(&app.app).await;
        worker::run_schedules(&app.app).await;
        assert_eq!((count(&app.app, "canary_run").await, count(&app.app, "canary_link").await), (1, 5));
        app.wait(86_400);
        worker::run_schedules(&app.app).await;
        assert_eq!(count(&app.app, "canary_run").await, 2);
        assert_eq!(well(&app).await, [CanaryLink::Checkout, CanaryLink::Payment, CanaryLink::Books]);
        app.wait(89 * 86_400 + 1);
        begin(&app).await;
        assert_eq!((count(&app.app, "canary_run").await, count(&app.app, "canary_link").await), (2, 10), "old runs are forgotten");
        let message = report(&app).await.of(CanaryLink::Message).cloned().expect("every link");
        assert_eq!(message.silent_since, Some(crate::support::start()), "but not since when a link is silent");
    }

    async fn only_stripe_in_test_mode_is_believed(app: TestApp) {
        let without = tell(&app, "{}", SECRET).await;
        assert_eq!(without.status, 404, "no canary, no address");
        assert_eq!(canary::begin(&app.app, donations::rehearse).await.unwrap(), None);
        assert_eq!(canary::state(&app.app).await.unwrap(), None);
        let app = with_canary(app);
        let id = begin(&app).await;
        let event = message(&app, "payment_intent.succeeded");
        assert!(event.contains(&id));
        assert_eq!(tell(&app, &event, WEBHOOK_SECRET).await.status, 400, "the other address's secret is another one");
        assert_eq!(tell(&app, &event.replace("\"livemode\":false", "\"livemode\":true"), SECRET).await.status, 400, "live is refused");
        assert_eq!(tell(&app, "not an event", SECRET).await.status, 400);
        let of_checkout = message(&app, "checkout.session.expired");
        assert!(of_checkout.contains(&id));
        assert_eq!(tell(&app, &of_checkout, SECRET).await.status, 200);
        let heard = "select count(*) as n from canary_link where link = 'message' and well_at is not null";
        assert_eq!(tell(&app, &event.replace("\"payment_intent.succeeded\"", "\"payment_intent.payment_failed\""), SECRET).await.status, 200);
        assert_eq!(number(&app.app, heard).await, 0, "only that it was paid says that it was paid");
        hear(&app).await;
        assert_eq!(number(&app.app, heard).await, 1);
    }

    async fn a_live_key_makes_nothing_for_practice(app: TestApp) {
        let live = Stripe::new(&SecretString::from("sk_live_wellwisher"), app.app.stripe.api_base()).unwrap();
        let new = NewCheckout {
            idempotency_key: "canary:checkout:live".into(),
            donation_id: "run".into(),
            money: entity::Money::new(100, "USD".parse().unwrap()),
            product_name: "Gift".into(),
            email: WATCH.into(),
            success_url: "https://example.org/".into(),
            cancel_url: "https://example.org/".into(),
            locale: "en".into(),
            expires_at: app.app.now() + TimeDelta::hours(1),
            recurring: None,
        };
        let refused = [live.open_for_practice(&new).await.map(|_| ()), live.pay_for_practice("run").await];
        assert!(refused.iter().all(|answer| matches!(answer, Err(StripeFailure::Refused { status: 0, .. }))), "{refused:?}");
        assert!(app.stripe.standin.sessions().is_empty() && app.stripe.standin.events().is_empty(), "nothing was asked");
    }
}

#[test]
fn a_live_key_is_never_taken_for_practice_and_the_letters_address_is_one() {
    let check = |key: &str, secret: &str, email: &str| {
        let mut settings = default_settings();
        settings.secret_key = SecretString::from("a secret for tests, of more than 32 characters");
        settings.stripe_canary_key = SecretString::from(key);
        settings.stripe_canary_webhook_secret = SecretString::from(secret);
        settings.stripe_canary_email = email.to_owned();
        Config::check(&settings).map(|config| config.canary.map(|canary| canary.email)).map_err(|error| error.to_string())
    };
    assert_eq!(check("", "", ""), Ok(None));
    assert_eq!(check("sk_test_1", SECRET, ""), Ok(Some(None)));
    assert_eq!(check("rk_test_1", SECRET, WATCH), Ok(Some(Some(WATCH.to_owned()))));
    for live in ["sk_live_1", "rk_live_1", "pk_test_1"] {
        assert!(check(live, SECRET, "").unwrap_err().contains("STRIPE_CANARY_KEY"), "{live}");
    }
    assert!(check("sk_test_1", "", "").unwrap_err().contains("STRIPE_CANARY_WEBHOOK_SECRET"));
    for wrong in ["watch", "Watch <watch@example.org>", "a@b"] {
        assert!(check("sk_test_1", SECRET, wrong).unwrap_err().contains("STRIPE_CANARY_EMAIL"), "{wrong}");
    }
}
