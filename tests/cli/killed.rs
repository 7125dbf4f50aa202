//! `kill -9` of `serve` under load: whatever was acknowledged is there afterwards.

use super::serving::browser;
use crate::support::{Folder, Program, TestApp, TestDatabase, WEBHOOK_SECRET, on_both_databases};
use entity::{article, stripe_event};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use wellwisher::{
    clock::Clock,
    payments::signature::{WebhookSecret, sign},
    readers,
};

/// Clients of each kind, each with one request under way at a time.
const CLIENTS: usize = 4;

/// A round is over when so many of each kind were acknowledged.
const ACKNOWLEDGED_MIN: u64 = 60;

const SETTINGS: [(&str, &str); 5] = [
    ("STRIPE_SECRET_KEY", "sk_test_wellwisher"),
    ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
    // Nobody listens there: the events are of a kind that nobody need be asked about.
    ("STRIPE_API_BASE", "http://127.0.0.1:9/"),
    ("SECRET_KEY", "a secret for tests, of more than 32 characters"),
    ("LOG", "warn"),
];

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    views: Mutex<HashMap<String, u64>>,
    events: Mutex<Vec<String>>,
    view_count: AtomicU64,
    event_count: AtomicU64,
}

/// Sends views of one article until the connection breaks; a client has an article of its own, so that no view can stand for another.
async fn read_on(site: String, slug: String, noted: Arc<Acknowledged>) {
    let client = browser();
    for load in 1u64.. {
        let body = format!("article={slug}&load={load:016x}&webdriver=0");
        let request = client.post(format!("{site}/readers")).header("origin", &site).header("sec-fetch-site", "same-origin");
        let Ok(answer) = request.header("accept-language", "en").body(body).send().await else { return };
        if answer.status().as_u16() == 204 {
            *noted.views.lock().unwrap().entry(slug.clone()).or_default() += 1;
            noted.view_count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends signed events until the connection breaks.
async fn tell_on(site: String, name: String, noted: Arc<Acknowledged>) {
    let (client, secret) = (browser(), WebhookSecret::parse(WEBHOOK_SECRET).expect("well formed"));
    for number in 1u64.. {
        let id = format!("evt_{name}_{number}");
        let body = serde_json::json!({
            "id": id, "object": "event", "type": "customer.created", "livemode": false, "created": 1,
            "data": { "object": { "id": "cus_1", "object": "customer" } },
        });
        let body = body.to_string();
        let signature = sign(body.as_bytes(), &secret, Clock::System.now());
        let request = client.post(format!("{site}/webhooks/stripe")).header("stripe-signature", signature).body(body);
        let Ok(answer) = request.send().await else { return };
        if answer.status().as_u16() == 200 {
            noted.events.lock().unwrap().push(id);
            noted.event_count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn slug_of(round: usize, client: usize) -> String {
    format!("round-{round}-client-{client}")
}

fn write_articles(folder: &Folder, rounds: usize) {
    std::fs::create_dir_all(folder.join("articles")).unwrap();
    for (round, client) in (0..rounds).flat_map(|round| (0..CLIENTS).map(move |client| (round, client))) {
        let slug = slug_of(round, client);
        let text = format!("---\ntitle: {slug}\nslug: {slug}\nlanguage: en\npublished: 2026-01-02\n---\n\nText.\n");
        std::fs::write(folder.join("articles").join(format!("{slug}.md")), text).unwrap();
    }
}

/// One life of the program, ended in the middle of its work.
async fn live_and_die(mut serve: Program, round: usize, noted: &Arc<Acknowledged>) {
    let site = serve.address().await;
    let before = (noted.view_count.load(Ordering::Relaxed), noted.event_count.load(Ordering::Relaxed));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(read_on(site.clone(), slug_of(round, client), Arc::clone(noted)));
        clients.spawn(tell_on(site.clone(), format!("{round}_{client}"), Arc::clone(noted)));
    }
    let begun = Instant::now();
    loop {
        let after = (noted.view_count.load(Ordering::Relaxed), noted.event_count.load(Ordering::Relaxed));
        if after.0 >= before.0 + ACKNOWLEDGED_MIN && after.1 >= before.1 + ACKNOWLEDGED_MIN {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{before:?} {after:?}: {}", serve.err());
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    serve.kill();
    while clients.join_next().await.is_some() {}
}

on_both_databases! {
    async fn what_was_acknowledged_survives_kill_9(database: TestDatabase) {
        let rounds = if database.is_postgres() { 2 } else { 3 };
        let folder = Folder::new();
        write_articles(&folder, rounds);
        let mut settings = SETTINGS.to_vec();
        let url = database.url.clone();
        settings.push(("DATABASE_URL", &url));
        let imported = Program::run(&folder, &["import", "articles", "articles"], &settings).await;
        assert_eq!(imported.code, Some(0), "{}", imported.err);

        let noted = Arc::new(Acknowledged::default());
        for round in 0..rounds {
            live_and_die(Program::start(&folder, &["serve"], &settings), round, &noted).await;
        }
        // It comes back by itself and ends in order.
        let mut last = Program::start(&folder, &["serve"], &settings);
        last.address().await;
        let ended = last.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);

        let app = TestApp::with(database, |_| {}).await;
        app.app.clock.set(Clock::System.now());
        let db = app.app.db.read();
        let events = noted.events.lock().unwrap().clone();
        let kept = stripe_event::Entity::find().all(db).await.unwrap();
        let kept: std::collections::HashSet<String> = kept.into_iter().map(|event| event.id).collect();
        let lost: Vec<&String> = events.iter().filter(|id| !kept.contains(*id)).collect();
        assert!(lost.is_empty(), "{} of {} events were lost: {lost:?}", lost.len(), events.len());
        assert!(kept.len() <= events.len() + rounds * CLIENTS);

        let views = noted.views.lock().unwrap().clone();
        for (slug, acknowledged) in &views {
            let article = article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await.unwrap().unwrap();
            let counted = readers::views_of(&app.app, article.id).await.unwrap().unsigned_abs();
            // The last one may have been counted without an answer.
            assert!((*acknowledged..=acknowledged + 1).contains(&counted), "{slug}: {acknowledged} acknowledged, {counted} counted");
        }
        eprintln!("{rounds} kills: {} views and {} events acknowledged, none lost", views.values().sum::<u64>(), events.len());
    }
}
