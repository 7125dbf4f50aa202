//! What the tests of giving share: a supporter at the form, Stripe at the webhook, a worker, and a look at everything stored.

use crate::support::{Answer, TestApp, WEBHOOK_SECRET};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{
    Currency, campaign, donation, fund,
    ids::{CampaignId, FundId, WishItemId},
    job, ledger_entry, wish_item,
    words::{CampaignStatus, DonationStatus, Restriction, WishKind, WishStatus},
};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryOrder, Statement};
use secrecy::SecretString;
use std::{collections::BTreeMap, time::Duration};
use wellwisher::{
    app::{App, Payment},
    clock::Random,
    donations,
    jobs::{self, Outcome},
    payments::{
        Patience,
        signature::{WebhookSecret, sign},
        standin::{PayOutcome, Standin, StandinOptions},
    },
    router,
};

/// A practice card that pays.
pub const GOOD_CARD: &str = "4242424242424242";

/// A practice card that is declined.
pub const DECLINED_CARD: &str = "4000000000000002";

/// The webhook's path.
pub const WEBHOOK: &str = "/webhooks/stripe";

/// What a supporter types into the form.
#[derive(Clone, Debug)]
pub struct Typed(pub BTreeMap<&'static str, String>);

impl Typed {
    /// Another value in one field.
    pub fn with(mut self, field: &'static str, value: &str) -> Self {
        self.0.insert(field, value.to_owned());
        self
    }

    /// Sends the form.
    pub async fn send(&self, app: &TestApp) -> Answer {
        let fields: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        app.post("/donations", &fields).await
    }
}

/// Opens the form at `/donate` with this query, reads it for as long as a person does, and fills it in: 25 US dollars.
pub async fn fill(app: &TestApp, query: &str) -> Typed {
    let page = app.get(&format!("/donate?{query}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let hidden = |name: &str| page.attribute(&format!("input[name={name}]"), "value").unwrap_or_default();
    let mut typed = BTreeMap::new();
    for name in ["form_token", "campaign", "item", "article", "language"] {
        typed.insert(name, hidden(name));
    }
    typed.insert("email", "Zarmina@example.org".to_owned());
    typed.insert("name", "Zarmina Ahmadi".to_owned());
    if typed["item"].is_empty() {
        typed.insert("amount", "25.00".to_owned());
        typed.insert("currency", "USD".to_owned());
    } else {
        typed.insert("quantity", "1".to_owned());
    }
    app.app.clock.advance(TimeDelta::seconds(4));
    Typed(typed)
}

/// A form that was sent and led to a checkout: the session.
pub async fn begin(app: &TestApp, query: &str) -> String {
    let answer = fill(app, query).await.send(app).await;
    session_of(app, &answer)
}

/// The session that an answer leads to.
pub fn session_of(app: &TestApp, answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.location().starts_with(&format!("{}/pay/", app.app.checkout_origin)), "{}", answer.location());
    answer.location().rsplit('/').next().expect("a session").to_owned()
}

/// A gift that was paid at the card page; its webhooks wait.
pub async fn paid_session(app: &TestApp, query: &str) -> String {
    let session = begin(app, query).await;
    assert_eq!(app.stripe.standin.pay(&session, GOOD_CARD), PayOutcome::Paid);
    session
}

/// Sends a webhook with this signature.
pub async fn post_webhook(app: &TestApp, body: impl Into<Body>, signature: &str) -> Answer {
    let request = Request::post(WEBHOOK).header("content-type", "application/json").header("stripe-signature", signature);
    app.send(request.body(body.into()).expect("a request")).await
}

/// Signs as Stripe does, now.
pub fn signed(app: &TestApp, body: &str) -> String {
    sign(body.as_bytes(), &WebhookSecret::parse(WEBHOOK_SECRET).expect("a secret"), app.app.now())
}

/// Sends a webhook as Stripe does.
pub async fn deliver(app: &TestApp, body: &str) -> Answer {
    post_webhook(app, body.to_owned(), &signed(app, body)).await
}

/// Delivers all events of the stand-in, oldest first.
pub async fn deliver_all(app: &TestApp) {
    let mut events = app.stripe.standin.events();
    events.reverse();
    for event in events {
        assert_eq!(deliver(app, &event.body).await.status, 200);
    }
}

/// Does the jobs that are due, as a worker does. Returns those that could not be done, with why.
pub async fn work_off(app: &App) -> Vec<String> {
    let mut left = Vec::new();
    loop {
        let due = jobs::lease(&app.db, app.now(), 10).await.expect("jobs are leased");
        if due.is_empty() {
            return left;
        }
        for job in due {
            assert_eq!(job.kind, donations::events::JOB, "only events make jobs here");
            let payload: serde_json::Value = serde_json::from_str(&job.payload).expect("JSON");
            let outcome = donations::events::act(app, payload["event"].as_str().expect("an event")).await;
            if let Outcome::Retry(why) | Outcome::GiveUp(why) = &outcome {
                left.push(why.clone());
            }
            jobs::finish(&app.db, &app.random, &job, &outcome, app.now()).await.expect("the job is finished");
        }
    }
}

/// Delivers everything and does all jobs.
pub async fn catch_up(app: &TestApp) {
    deliver_all(app).await;
    assert_eq!(work_off(&app.app).await, Vec::<String>::new());
}

/// All donations, oldest first.
pub async fn donations(app: &App) -> Vec<donation::Model> {
    donation::Entity::find().order_by_asc(donation::Column::CreatedAt).all(app.db.read()).await.expect("donations are read")
}

/// The only donation.
pub async fn the_donation(app: &App) -> donation::Model {
    let mut all = donations(app).await;
    assert_eq!(all.len(), 1, "one donation");
    all.remove(0)
}

/// The state of the only donation.
pub async fn status(app: &App) -> DonationStatus {
    the_donation(app).await.status
}

/// How many rows a table has.
pub async fn count(app: &App, table: &str) -> i64 {
    number(app, &format!("select count(*) as n from {table}")).await
}

/// The number `n` that a query gives.
pub async fn number(app: &App, sql: &str) -> i64 {
    let db = app.db.read();
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("a query").expect("a row");
    row.try_get("", "n").expect("a number")
}

/// Every ledger transaction sums to zero in every currency; returns the balance of each account and currency.
pub async fn balances(app: &App) -> BTreeMap<(String, Currency), i64> {
    let mut accounts = BTreeMap::new();
    let mut sums: BTreeMap<(i64, Currency), i64> = BTreeMap::new();
    for entry in ledger_entry::Entity::find().all(app.db.read()).await.expect("the ledger is read") {
        *sums.entry((entry.transaction_id, entry.currency)).or_default() += entry.amount_minor;
        *accounts.entry((entry.account.to_string(), entry.currency)).or_default() += entry.amount_minor;
    }
    assert!(sums.values().all(|sum| *sum == 0), "each transaction sums to zero: {sums:?}");
    accounts
}

/// The balance of one account.
pub async fn balance(app: &App, account: &str, code: &str) -> i64 {
    balances(app).await.get(&(account.to_owned(), code.parse().expect("a currency"))).copied().unwrap_or(0)
}

/// Everything stored, as one text: equal texts mean that nothing was changed.
pub async fn everything(app: &App) -> String {
    let db = app.db.read();
    let backend = db.get_database_backend();
    let tables = if backend == DbBackend::Postgres {
        "select tablename as name from pg_tables where schemaname = 'public' order by 1"
    } else {
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by 1"
    };
    let mut all = String::new();
    for table in texts(app, tables, "name").await {
        let sql = if backend == DbBackend::Postgres {
            format!("select t::text as line from {table} t order by 1")
        } else {
            let columns = texts(app, &format!("select name from pragma_table_info('{table}')"), "name").await;
            let line = columns.iter().map(|column| format!("quote(\"{column}\")")).collect::<Vec<_>>().join(" || ',' || ");
            format!("select {line} as line from {table} order by 1")
        };
        for line in texts(app, &sql, "line").await {
            all.push_str(&format!("{table}: {line}\n"));
        }
    }
    all
}

async fn texts(app: &App, sql: &str, column: &str) -> Vec<String> {
    let db = app.db.read();
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("a query");
    rows.iter().map(|row| row.try_get("", column).expect("a text")).collect()
}

/// The jobs that wait or were given up.
pub async fn all_jobs(app: &App) -> Vec<job::Model> {
    job::Entity::find().order_by_asc(job::Column::Id).all(app.db.read()).await.expect("jobs are read")
}

/// The same Wellwisher that loses patience with Stripe soon.
pub fn impatient(mut app: TestApp) -> TestApp {
    let patience = Patience {
        attempt: Duration::from_millis(400),
        total: Duration::from_millis(1_500),
        pauses: [Duration::from_millis(10), Duration::from_millis(20)],
    };
    app.app.stripe = app.app.stripe.clone().with_patience(patience);
    app.router = router::build(app.app.clone()).expect("the routes fit");
    app
}

/// The same Wellwisher before another stand-in.
pub async fn before(mut app: TestApp, change: impl FnOnce(&mut StandinOptions)) -> TestApp {
    let secret = WebhookSecret::parse(WEBHOOK_SECRET).expect("a secret");
    let mut options = StandinOptions::new(app.app.clock.clone(), Random::default(), secret);
    change(&mut options);
    app.stripe = Standin::new(options).spawn("127.0.0.1:0").await.expect("a free port");
    app.app = another_process(&app, app.app.db.clone());
    app.router = router::build(app.app.clone()).expect("the routes fit");
    app
}

/// Another process on the same settings and stand-in.
pub fn another_process(app: &TestApp, db: wellwisher::db::Db) -> App {
    let payment = Payment {
        key: SecretString::from("sk_test_wellwisher"),
        api_base: app.stripe.base_url.clone(),
        webhook_secrets: vec![SecretString::from(WEBHOOK_SECRET)],
        checkout_origin: app.stripe.base_url.trim_end_matches('/').to_owned(),
    };
    App::new((*app.app.config).clone(), db, app.app.clock.clone(), payment).expect("the parts fit")
}

/// A fund of its own.
pub async fn new_fund(app: &App, code: &str) -> FundId {
    let fund = fund::Model {
        id: app.new_id(),
        code: code.to_owned(),
        name: "Schools".into(),
        restriction: Restriction::With,
        gl_income: "4000".into(),
        gl_fee: "6000".into(),
        created_at: app.now(),
    };
    let row = fund.clone().into_active_model();
    app.db.write(async |tx| Ok(fund::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?)).await.expect("a fund");
    fund.id
}

/// A live campaign with the slug `schools`, in euros.
pub async fn new_campaign(app: &App) -> CampaignId {
    let fund_id = new_fund(app, "SCHOOLS").await;
    let campaign = campaign::Model {
        id: app.new_id(),
        slug: "schools".into(),
        title: "Home schools".into(),
        summary: "Lessons at home.".into(),
        story_markdown: "Lessons at home.".into(),
        language: "en".into(),
        goal_minor: 1_000_000,
        currency: "EUR".parse().expect("a currency"),
        fund_id,
        status: CampaignStatus::Live,
        starts_on: None,
        ends_on: None,
        created_at: app.now(),
        updated_at: app.now(),
        ends_at_minute: None,
    };
    let row = campaign.clone().into_active_model();
    let written = app.db.write(async |tx| Ok(campaign::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?)).await;
    written.expect("a campaign");
    campaign.id
}

/// An item with the slug `bag` at 25 euros, of which `quantity` are needed.
pub async fn new_item(app: &App, quantity: i64, campaign_id: Option<CampaignId>) -> WishItemId {
    let fund_id = new_fund(app, "BAGS").await;
    let item = wish_item::Model {
        id: app.new_id(),
        slug: "bag".into(),
        title: "School bag".into(),
        description: "For a home school.".into(),
        language: "en".into(),
        kind: WishKind::Priced,
        price_minor: Some(2_500),
        currency: Some("EUR".parse().expect("a currency")),
        quantity,
        shop_url: None,
        campaign_id,
        fund_id,
        status: WishStatus::Open,
        created_at: app.now(),
        updated_at: app.now(),
        funding: entity::words::WishFunding::Whole,
        cancel_reason: entity::words::CancelReason::None,
        picture_id: None,
        picture_text: String::new(),
    };
    let row = item.clone().into_active_model();
    let written = app.db.write(async |tx| Ok(wish_item::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?)).await;
    written.expect("an item");
    item.id
}
