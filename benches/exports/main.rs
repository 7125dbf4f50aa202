//! How fast reports leave and pages come when there are a million movements of money: `cargo bench --bench exports`.
//!
//! Fills an empty database (see `filling.rs`) with at least `MOVEMENTS` (default 1,000,000) ledger transactions. Then each report is
//! exported by a process of its own, beside the database's own tool for the same rows in the same run, and each list of the desk is asked
//! for over HTTP. Peak memory is that of the exporting process (VmHWM), from its start.
//!
//! `DATABASE_URL` names an SQLite file or a PostgreSQL database, empty or filled by an earlier run; the default is a new SQLite file in the
//! system's temporary directory, deleted at the end. `VERIFY=1` recomputes every figure first, as `wellwisher verify` does.

mod filling;
mod floor;
mod pages;

use bytes::Bytes;
use clap::{Args, FromArgMatches};
use secrecy::SecretString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wellwisher::app::{App, Payment};
use wellwisher::clock::Clock;
use wellwisher::config::{Config, Settings};
use wellwisher::db::Db;
use wellwisher::error::Error;
use wellwisher::reports::{self, ExportRequest, Format, Report, ReportRequest, Sink};

/// What is exported: the report, the format, and of what is taken in parts, which.
const EXPORTS: &[(Report, Format, Option<usize>)] = &[
    (Report::Donations, Format::Csv, None),
    (Report::Donations, Format::Jsonl, None),
    (Report::Donations, Format::Xlsx, None),
    (Report::Books, Format::Csv, None),
    (Report::Books, Format::Hledger, None),
    (Report::Receipts, Format::Csv, None),
    (Report::Waterfall, Format::Csv, None),
    (Report::ByMonth, Format::Csv, None),
    (Report::ByCampaign, Format::Csv, None),
    (Report::Journal, Format::Csv, None),
    (Report::Journal, Format::Xero, Some(2)),
];

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
    let directory = match std::env::var("BENCH_DIRECTORY") {
        Ok(directory) => directory.into(),
        Err(_) => std::env::temp_dir().join(format!("wellwisher-exports-{}", std::process::id())),
    };
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let app = build_app(&directory).await;
    if let Ok(number) = std::env::var("BENCH_EXPORT") {
        return export_one(&app, EXPORTS[number.parse::<usize>().expect("a number")]).await;
    }
    let movements: u64 = std::env::var("MOVEMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let started = Instant::now();
    if filling::fill(&app, movements).await {
        println!("{movements} movements, filled in {:.1} s", started.elapsed().as_secs_f32());
    }
    if std::env::var("VERIFY").is_ok() {
        verify(&app).await;
    }
    if std::env::var("PAGES_ONLY").is_err() {
        println!("\n{:<24} {:>9} {:>9} {:>7} {:>9} {:>9} {:>8}", "export", "rows", "MB", "time", "the tool", "ratio", "peak");
        for number in 0..EXPORTS.len() {
            time_export(&app, &directory, number);
        }
    }
    pages::time_all(&app).await;
    let _ = std::fs::remove_dir_all(&directory);
}

async fn verify(app: &App) {
    let started = Instant::now();
    let report = reports::verify(app).await.expect("a report");
    for check in report.checks.iter().filter(|check| !check.findings.is_empty()) {
        println!("FAIL {}: {:?}", check.name, check.findings.first());
    }
    println!("verify: {} checks in {:.1} s", report.checks.len(), started.elapsed().as_secs_f32());
}

/// In a process of its own, so that its peak of memory is this export's and nothing else's.
fn time_export(app: &App, directory: &Path, number: usize) {
    let (report, format, _) = EXPORTS[number];
    let own = std::env::current_exe().expect("our own file");
    let child = Command::new(own)
        .env("BENCH_EXPORT", number.to_string())
        .env("BENCH_DIRECTORY", directory)
        .env("DATABASE_URL", &app.config.database_url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("we start");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{} failed", report.as_str());
    let told = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = told.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [rows, bytes, seconds, peak] = figures[..] else { panic!("four figures: {told}") };
    let floor = if format.is_table() { floor::time(app, report) } else { None };
    let [tool, ratio] = match floor.as_ref().map(Duration::as_secs_f64) {
        Some(tool) => [format!("{tool:.2} s"), format!("{:.2} ×", seconds / tool)],
        None => [String::new(), String::new()],
    };
    println!(
        "{:<24} {rows:>9} {:>9.1} {seconds:>5.2} s {tool:>9} {ratio:>9} {peak:>5} MB",
        format!("{} {}", report.as_str(), format.as_str()),
        bytes / 1e6
    );
}

async fn export_one(app: &App, (report, format, part): (Report, Format, Option<usize>)) {
    let started = Instant::now();
    let mut away = Away::default();
    let request = ExportRequest { asked: ReportRequest::all(report, chrono_tz::Asia::Kabul), format, part };
    let manifest = reports::export(app, &request, &mut away).await.expect("the export");
    println!("{} {} {} {}", manifest.rows, away.0, started.elapsed().as_secs_f64(), peak_megabytes());
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

/// The most memory that this process ever had.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
