//! Several processes on one PostgreSQL.

use super::serving::browser;
use crate::support::{Folder, Program, TestApp, TestDatabase, WEBHOOK_SECRET, beside};
use entity::{
    Currency, Money, donation,
    ids::DonationId,
    job, ledger_entry, ledger_transaction, letter, receipt,
    words::{DonationStatus, LetterState},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, Statement};
use sea_orm_migration::MigratorTrait;
use std::time::{Duration, Instant};
use wellwisher::{
    asks::Gift,
    clock::Clock,
    donations::{self, Opened},
    i18n::Language,
    payments::signature::{WebhookSecret, sign},
};

/// A Wellwisher on PostgreSQL at the present time; none where PostgreSQL is not installed.
async fn present_day() -> Option<TestApp> {
    let app = TestApp::with(TestDatabase::postgres().await?, |_| {}).await;
    app.app.clock.set(Clock::System.now());
    Some(app)
}

/// A gift of 25 dollars, paid at the stand-in, of which nobody has told us yet.
async fn pay_untold(app: &TestApp) -> donation::Model {
    let gift = Gift {
        form_token: wellwisher::clock::hex(&app.app.random.bytes::<16>()),
        money: Money::new(2_500, "USD".parse::<Currency>().unwrap()),
        fee_cover_minor: 0,
        every: None,
        campaign_id: None,
        item: None,
        article_id: None,
        fund_id: None,
        email: "supporter@example.org".to_owned(),
        public_name: false,
        name: String::new(),
        note: String::new(),
        wants_updates: false,
        discreet: false,
        language: Language::English,
        particulars: Default::default(),
    };
    assert!(matches!(donations::open(&app.app, &gift).await, Ok(Opened::Checkout(_))));
    let by_form = donation::Column::FormToken.eq(&gift.form_token);
    let donation = donation::Entity::find().filter(by_form).one(app.app.db.read()).await.unwrap().unwrap();
    app.stripe.standin.pay(donation.checkout_session_id.as_deref().unwrap(), "4242424242424242");
    donation
}

/// Sends an event as Stripe does; the answer's status.
async fn tell(site: &str, body: &str) -> u16 {
    let signature = sign(body.as_bytes(), &WebhookSecret::parse(WEBHOOK_SECRET).unwrap(), Clock::System.now());
    let request = browser().post(format!("{site}/webhooks/stripe")).header("stripe-signature", signature).body(body.to_owned());
    request.send().await.expect("an answer").status().as_u16()
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(90), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn is_paid(app: &TestApp, id: DonationId) -> bool {
    let donation = donation::Entity::find_by_id(id).one(app.app.db.read()).await.unwrap().unwrap();
    donation.status == DonationStatus::Paid
}

async fn is_written_to(app: &TestApp, id: DonationId) -> bool {
    let sent = letter::Entity::find().filter(letter::Column::DonationId.eq(id)).filter(letter::Column::State.eq(LetterState::Sent));
    sent.count(app.app.db.read()).await.unwrap() == 1
}

/// One receipt, one letter, one file of it, one posting of the gift, and a ledger that adds up to nothing.
async fn assert_counted_once(app: &TestApp, id: DonationId, folders: &[&Folder]) {
    let db = app.app.db.read();
    assert_eq!(receipt::Entity::find().filter(receipt::Column::DonationId.eq(id)).count(db).await.unwrap(), 1);
    assert_eq!(letter::Entity::find().filter(letter::Column::DonationId.eq(id)).count(db).await.unwrap(), 1);
    let gifts = ledger_transaction::Column::Kind.eq(entity::words::MovementKind::Donation);
    let posted = ledger_transaction::Entity::find().filter(ledger_transaction::Column::DonationId.eq(id)).filter(gifts);
    assert_eq!(posted.count(db).await.unwrap(), 1);
    let sum: i64 = ledger_entry::Entity::find().all(db).await.unwrap().iter().map(|entry| entry.amount_minor).sum();
    assert_eq!(sum, 0);
    let letters = |folder: &&Folder| std::fs::read_dir(folder.join("data/mail")).map_or(0, |files| files.flatten().count());
    assert_eq!(folders.iter().map(letters).sum::<usize>(), 1, "one letter left, by one of the processes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_on_an_empty_database_make_its_tables_once() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let db = sea_orm::Database::connect(&database.url).await.unwrap();
    db.execute_unprepared("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    let folders = [Folder::new(), Folder::new()];
    let settings = beside(&database.url, "http://127.0.0.1:9/");
    let mut all: Vec<Program> = folders.iter().map(|folder| Program::start(folder, &["serve"], &settings)).collect();
    for serve in &mut all {
        let site = serve.address().await;
        let ready = browser().get(format!("{site}/readyz")).send().await.unwrap();
        assert_eq!(ready.status().as_u16(), 200);
    }
    let count = Statement::from_string(sea_orm::DbBackend::Postgres, "SELECT count(*) FROM seaql_migrations");
    let steps: i64 = db.query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(usize::try_from(steps).unwrap(), migration::Migrator::migrations().len());
    // The link to the first account is the same secret for nobody: each process may print one, and the first used wins.
    for serve in all {
        assert_eq!(serve.stop().await.code, Some(0));
    }
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_events_told_to_two_processes_settle_a_gift_once() {
    let Some(app) = present_day().await else { return };
    let folders = [Folder::new(), Folder::new(), Folder::new()];
    let settings = beside(&app.database.url, &app.stripe.base_url);
    let mut serves: Vec<Program> = folders[..2].iter().map(|folder| Program::start(folder, &["serve"], &settings)).collect();
    let work = Program::start(&folders[2], &["work"], &settings);
    let sites = (serves[0].address().await, serves[1].address().await);

    let donation = pay_untold(&app).await;
    let events = app.stripe.standin.events();
    assert!(events.iter().any(|event| event.kind == "checkout.session.completed"));
    for event in &events {
        assert_eq!(tokio::join!(tell(&sites.0, &event.body), tell(&sites.1, &event.body)), (200, 200), "{}", event.kind);
    }
    until("the gift is paid", async || is_paid(&app, donation.id).await).await;
    until("the letter is sent", async || is_written_to(&app, donation.id).await).await;
    until("no job is left", async || job::Entity::find().count(app.app.db.read()).await.unwrap() == 0).await;
    assert_counted_once(&app, donation.id, &folders.each_ref()).await;
    for ended in [serves.remove(1).stop().await, serves.remove(0).stop().await, work.stop().await] {
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_had_promised_to_do_another_does() {
    let Some(app) = present_day().await else { return };
    let folders = [Folder::new(), Folder::new()];
    // This one hears of the gift and cannot ask Stripe: it keeps the job and tries later.
    let mut cut_off = Program::start(&folders[0], &["serve"], &beside(&app.database.url, "http://127.0.0.1:9/"));
    let site = cut_off.address().await;
    let donation = pay_untold(&app).await;
    let events = app.stripe.standin.events();
    let completed = events.iter().find(|event| event.kind == "checkout.session.completed").unwrap();
    assert_eq!(tell(&site, &completed.body).await, 200);
    let tried = job::Column::Attempts.gte(1).and(job::Column::LeaseUntil.is_null());
    until("the job was tried", async || job::Entity::find().filter(tried.clone()).count(app.app.db.read()).await.unwrap() == 1).await;
    cut_off.kill();
    assert!(!is_paid(&app, donation.id).await);

    let work = Program::start(&folders[1], &["work"], &beside(&app.database.url, &app.stripe.base_url));
    until("the gift is paid", async || is_paid(&app, donation.id).await).await;
    until("the letter is sent", async || is_written_to(&app, donation.id).await).await;
    assert_counted_once(&app, donation.id, &folders.each_ref()).await;
    assert_eq!(work.stop().await.code, Some(0));
}
