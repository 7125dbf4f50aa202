//! How fast reports leave, beside the database's own tool for the same rows in the same run: `cargo bench --bench exports`.
//!
//! Fills an empty database with `MOVEMENTS` (default 1,000,000) movements of money, half of them gifts and half fees, and times the register
//! as CSV and as a spreadsheet, the months, the books, and the desk's list pages. The floor is `sqlite3 .mode csv` (or `psql`'s `\copy … to
//! stdout`) over a question that gives the same rows with the same joins. Peak memory is the process's own (VmHWM, reset before each).
//!
//! `DATABASE_URL` names an empty PostgreSQL database; the default is a new SQLite file in the system's temporary directory.

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use clap::{Args, FromArgMatches};
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tower::ServiceExt;
use wellwisher::app::{App, Payment};
use wellwisher::clock::Clock;
use wellwisher::config::{Config, Settings};
use wellwisher::db::{Db, sqlite_path};
use wellwisher::error::Error;
use wellwisher::reports::{self, ExportRequest, Format, Report, ReportRequest, Sink};
use wellwisher::router;

/// Takes everything, keeps nothing.
#[derive(Default)]
struct Away(u64);

impl Sink for Away {
    async fn put(&mut self, chunk: Bytes, _rows: u64) -> Result<(), Error> {
        self.0 += chunk.len() as u64;
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    let movements: u64 = std::env::var("MOVEMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let directory = std::env::temp_dir().join(format!("wellwisher-exports-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let app = build_app(&directory).await;
    let started = Instant::now();
    fill(&app, movements).await;
    println!("{movements} movements, filled in {:.1} s", started.elapsed().as_secs_f32());

    let floor = floor(&app);
    println!("{:<34} {:>8.2} s  {:>6.1} MB out", "floor: the database's own CSV", floor.0.as_secs_f32(), floor.1 as f64 / 1e6);
    for (report, format) in [
        (Report::Donations, Format::Csv),
        (Report::Donations, Format::Xlsx),
        (Report::Donations, Format::Jsonl),
        (Report::Books, Format::Hledger),
        (Report::Journal, Format::Csv),
        (Report::ByMonth, Format::Csv),
        (Report::ByCampaign, Format::Csv),
    ] {
        time_export(&app, report, format, floor.0).await;
    }
    time_pages(&app).await;
    let _ = std::fs::remove_dir_all(&directory);
}

async fn time_export(app: &App, report: Report, format: Format, floor: Duration) {
    forget_peak();
    let started = Instant::now();
    let mut away = Away::default();
    let request = ExportRequest { asked: ReportRequest::all(report, chrono_tz::Asia::Kabul), format, part: None };
    let manifest = reports::export(app, &request, &mut away).await.expect("the export");
    let took = started.elapsed();
    println!(
        "{:<34} {:>8.2} s  {:>6.1} MB out  {:>8} rows  {:>5.2} × the floor  peak {:>4} MB",
        format!("{} as {}", report.as_str(), format.as_str()),
        took.as_secs_f32(),
        away.0 as f64 / 1e6,
        manifest.rows,
        took.as_secs_f32() / floor.as_secs_f32(),
        peak_megabytes(),
    );
}

/// The desk's lists, the best of three each.
async fn time_pages(app: &App) {
    use wellwisher::donations::{list, register};
    let db = app.db.read();
    let filter = list::Filter::default();
    let mut best = [Duration::MAX; 6];
    for _ in 0..3 {
        let mut at = 0;
        let mut note = |started: Instant| {
            best[at] = best[at].min(started.elapsed());
            at += 1;
        };
        let started = Instant::now();
        list::page(db, &filter, None).await.expect("a page of donations");
        note(started);
        let started = Instant::now();
        list::totals(db, &filter).await.expect("the totals");
        note(started);
        let started = Instant::now();
        register::count(db, &register::Scope::default(), Some(register::COUNTED_MAX as u64 + 1)).await.expect("a count");
        note(started);
        for report in [Report::Donations, Report::Receipts, Report::Books] {
            let started = Instant::now();
            let request = ReportRequest::all(report, chrono_tz::Asia::Kabul);
            reports::report::page(app, &request, "", 50).await.expect("a page");
            note(started);
        }
    }
    let names =
        ["donations: a page", "donations: totals", "register: how many rows", "register: a page", "receipts: a page", "books: a page"];
    for (name, took) in names.iter().zip(best) {
        println!("{name:<34} {:>8.1} ms", took.as_secs_f32() * 1000.0);
    }
    // The desk's door answers a stranger quickly too.
    let router = router::build(app.clone()).expect("the routes fit");
    let request = Request::get("/desk/reports/by-month").header("host", "bench").body(axum::body::Body::empty()).expect("a request");
    let answer = router.oneshot(request).await.expect("an answer");
    assert_ne!(answer.status(), StatusCode::OK, "reports are not for strangers");
}

async fn build_app(directory: &Path) -> App {
    let command = Settings::augment_args(clap::Command::new("bench"));
    let matches = command.try_get_matches_from(["bench"]).expect("the defaults are valid");
    let mut settings = Settings::from_arg_matches(&matches).expect("the defaults are valid");
    settings.data_dir = directory.display().to_string();
    settings.reader_key_dir = directory.join("keys").display().to_string();
    settings.database_url = std::env::var("DATABASE_URL").unwrap_or_default();
    settings.secret_key = SecretString::from("a key for a bench, as long as a key has to be");
    let config = Config::check(&settings).expect("the settings are valid");
    let db = Db::open_for_filling(&config.database_url).await.expect("the database opens");
    db.migrate().await.expect("the tables are made");
    let nobody = Payment {
        key: SecretString::from("sk_test_bench"),
        api_base: "http://127.0.0.1:9/".to_owned(),
        webhook_secrets: Vec::new(),
        checkout_origin: "http://127.0.0.1:9".to_owned(),
    };
    App::new(config, db, Clock::System, nobody).expect("the parts fit")
}

/// Rows as the program would have written them, made by the database itself: three years, 200 campaigns, a fund.
async fn fill(app: &App, movements: u64) {
    let gifts = movements / 2;
    let postgres = app.db.is_postgres();
    let id = |prefix: &str, number: &str| {
        if postgres {
            format!("cast('{prefix}' || lpad(to_hex({number}), 12, '0') as uuid)")
        } else {
            let bare = prefix.replace('-', "");
            format!("unhex('{bare}' || printf('%012x', {number}))")
        }
    };
    let time = |number: &str| {
        if postgres {
            format!("timestamptz '2024-01-01 00:00:00+00' + {number} * interval '94608000 seconds' / {gifts}")
        } else {
            format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 1704067200 + {number} * 94608000 / {gifts}, 'unixepoch')")
        }
    };
    let yes = if postgres { "false" } else { "0" };
    let numbers = |end: u64| {
        if postgres {
            format!("(select i from generate_series(1, {end}) as i) n")
        } else {
            format!("(with recursive c(i) as (select 1 union all select i + 1 from c where i < {end}) select i from c) n")
        }
    };
    let (fund, person) = (id("00000000-0000-7000-8000-", "1"), id("00000000-0000-7000-8001-", "1"));
    let campaign = |number: &str| id("00000000-0000-7000-8002-", number);
    let gift = |number: &str| id("00000000-0000-7000-8003-", number);
    let at = time("i");
    let steps = [
        format!("insert into fund (id, code, name, restriction, gl_income, gl_fee, created_at) values ({fund}, 'BENCH', 'Bench', 'without', '4000', '6000', {})", time("0")),
        format!("insert into supporter (id, email, name, language, wants_updates, wants_updates_since, created_at, updated_at) values ({person}, 'bench@example.org', 'Bench', 'en', {yes}, null, {0}, {0})", time("0")),
        format!(
            "insert into campaign (id, slug, title, summary, story_markdown, language, goal_minor, currency, fund_id, status, starts_on, ends_on,
                created_at, updated_at) select {}, 'campaign-' || i, 'Campaign ' || i, '', '', 'en', 100000, 'EUR', {fund}, 'live', null, null, {at}, {at} from {}",
            campaign("i"),
            numbers(200)
        ),
        format!(
            "insert into donation (id, token_hash, form_token, request_hash, status, supporter_id, donor_name, public_name, note, wants_updates, language,
                amount_minor, fee_cover_minor, currency, campaign_id, fund_id, fund_code, restriction, idempotency_key, checkout_session_id,
                payment_intent_id, charge_id, livemode, expires_at, created_at, paid_at, updated_at)
             select {}, 't' || i, 'f' || i, '', 'paid', {person}, 'Bench', {yes}, '', {yes}, 'en', 500 + i % 9000, 0, 'EUR', {}, {fund}, 'BENCH', 'without',
                'k' || i, 'cs_bench_' || i, 'pi_bench_' || i, 'ch_bench_' || i, {yes}, {at}, {at}, {at}, {at} from {}",
            gift("i"),
            campaign("(1 + i % 200)"),
            numbers(gifts)
        ),
        format!(
            "insert into receipt_series (id, prefix, year, next_number) values ({}, 'B', 2024, {})",
            id("00000000-0000-7000-8004-", "1"),
            gifts + 1
        ),
        format!(
            "insert into receipt (id, series_id, number, code, donation_id, status, status_reason, gift_on, issued_at, amount_minor, currency, profile, language, snapshot)
             select {}, {}, i, 'B-2024-' || i, {}, 'issued', '', '2024-01-01', {at}, 500 + i % 9000, 'EUR', 'plain', 'en', '{{}}' from {}",
            id("00000000-0000-7000-8005-", "i"),
            id("00000000-0000-7000-8004-", "1"),
            gift("i"),
            numbers(gifts)
        ),
        format!(
            "insert into ledger_transaction (id, kind, source, donation_id, occurred_at, posted_at, booked_at, stripe_balance_transaction)
             select 2 * i - 1, 'donation', 'pi_bench_' || i || ':capture', {0}, {at}, {at}, {at}, null from {1}
             union all select 2 * i, 'fee', 'txn_bench_' || i || ':fee', {0}, {at}, {at}, {at}, 'txn_bench_' || i from {1}",
            gift("i"),
            numbers(gifts)
        ),
        format!(
            "insert into ledger_entry (transaction_id, account, amount_minor, currency, fund_id, campaign_id)
             select 2 * i - 1, 'stripe_clearing', 500 + i % 9000, 'EUR', null, null from {0}
             union all select 2 * i - 1, 'donations', -500 - i % 9000, 'EUR', {fund}, {1} from {0}
             union all select 2 * i, 'stripe_fees', 45, 'EUR', {fund}, {1} from {0}
             union all select 2 * i, 'stripe_clearing', -45, 'EUR', null, null from {0}",
            numbers(gifts),
            campaign("(1 + i % 200)")
        ),
        "analyze".to_owned(),
    ];
    for step in steps {
        let result = app
            .db
            .write(async |tx| {
                if tx.get_database_backend() == sea_orm::DbBackend::Postgres {
                    tx.execute_unprepared("set local statement_timeout = 0").await?;
                }
                tx.execute_unprepared(&step).await?;
                Ok(())
            })
            .await;
        if let Err(error) = result {
            panic!("{step}: {error}");
        }
    }
}

/// The same rows and columns by the database's own tool: how long, and how many bytes.
fn floor(app: &App) -> (Duration, u64) {
    let question = "select t.id, t.posted_at, t.occurred_at, t.booked_at, t.kind, d.id, r.code, d.supporter_id, c.slug, i.slug, a.slug, d.fund_code,
        d.restriction, f.gl_income, f.gl_fee, d.currency, d.amount_minor, s.gross, s.fee, s.exchanged, s.other, s.net, s.currency,
        d.checkout_session_id, d.payment_intent_id, d.charge_id, t.stripe_balance_transaction, t.reverses_id
        from ledger_transaction t left join donation d on d.id = t.donation_id left join campaign c on c.id = d.campaign_id
        left join wish_item i on i.id = d.wish_item_id left join article a on a.id = d.article_id left join fund f on f.id = d.fund_id
        left join receipt r on r.donation_id = d.id and r.status = 'issued'
        join (select transaction_id, currency, sum(case when account = 'donations' then -amount_minor else 0 end) as gross,
            sum(case when account = 'stripe_fees' then amount_minor else 0 end) as fee,
            sum(case when account = 'exchange' then -amount_minor else 0 end) as exchanged,
            sum(case when account not in ('donations', 'stripe_fees', 'exchange', 'stripe_clearing') then -amount_minor else 0 end) as other,
            sum(case when account = 'stripe_clearing' then amount_minor else 0 end) as net
            from ledger_entry group by transaction_id, currency) s on s.transaction_id = t.id
        order by t.booked_at, t.id";
    let mut tool = match sqlite_path(&app.config.database_url) {
        Some(path) => {
            let mut tool = Command::new("sqlite3");
            tool.arg("-readonly").arg("-csv").arg("-header").arg(path).arg(question);
            tool
        }
        None => {
            let mut tool = Command::new("psql");
            tool.arg(&app.config.database_url).arg("-qc").arg(format!("copy ({question}) to stdout with (format csv, header)"));
            tool
        }
    };
    let started = Instant::now();
    let mut child = tool.stdout(Stdio::piped()).spawn().expect("sqlite3 or psql is installed");
    let mut out = child.stdout.take().expect("piped");
    let bytes = std::io::copy(&mut out, &mut std::io::sink()).expect("readable");
    assert!(child.wait().expect("it ends").success(), "the floor failed");
    (started.elapsed(), bytes)
}

/// Lets the kernel begin anew with the peak of this process's memory.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
