//! `wellwisher import donations` and `wellwisher import stripe-history`: past gifts.

use super::data::progress_bar;
use crate::{app::App, clock::start_of_day, donations::import, error::Error, payouts, staff};
use chrono::{DateTime, Days, NaiveDate, Utc};
use entity::Currency;
use std::{path::PathBuf, process::ExitCode};

/// Past gifts of another system.
#[derive(clap::Args, Debug)]
pub struct TableArguments {
    /// The CSV file: columns `date`, `amount` and `currency`, and perhaps `id`, `email`, `name`, `campaign`, `article`, `fund`, `reference`, `note`, `language`.
    pub file: PathBuf,
    /// The code of the fund for gifts that name none and whose campaign has none.
    #[arg(long)]
    pub fund: Option<String>,
    /// The currency of rows that name none.
    #[arg(long)]
    pub currency: Option<Currency>,
    /// Give each gift a receipt; no letters are sent.
    #[arg(long)]
    pub receipts: bool,
    /// Also take rows that look like gifts which came another way: of the same giver (or reference), day and amount.
    #[arg(long)]
    pub alike: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Imports a file of past gifts.
pub async fn import_table(app: &App, arguments: &TableArguments) -> Result<ExitCode, Error> {
    let bytes = std::fs::read(&arguments.file).map_err(|e| Error::Invalid(format!("{} cannot be read: {e}", arguments.file.display())))?;
    let options = import::Options {
        fund: arguments.fund.clone(),
        currency: arguments.currency,
        receipts: arguments.receipts,
        dry_run: arguments.dry_run,
        alike: arguments.alike,
        only: Vec::new(),
    };
    let bar = progress_bar("Importing gifts");
    let report = import::import_table(app, &bytes, &options, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    let name = arguments.file.display();
    for remark in report.notes.iter().chain(&report.skipped) {
        eprintln!("{name}: {remark}");
    }
    let detail = serde_json::json!({
        "file": arguments.file.file_name().map(|name| name.to_string_lossy()), "added": report.added, "known": report.known,
        "skipped": report.skipped.len(),
    });
    tell(app, "import.donations", arguments.dry_run, &report, detail).await
}

/// Says what was done, and writes it into the trail.
async fn tell(app: &App, action: &str, dry_run: bool, report: &import::Report, detail: serde_json::Value) -> Result<ExitCode, Error> {
    if !dry_run && report.added > 0 {
        let now = app.now();
        app.db
            .write(async |tx| staff::audit::record(tx, now, &staff::Actor::system(), action, "import", "donations", detail.clone()).await)
            .await?;
    }
    let would = if dry_run { "Nothing was written. To do: " } else { "" };
    println!("{would}{} added, {} here already, {} skipped.", report.added, report.known, report.skipped.len());
    if report.later > 0 {
        println!("{} of them count in the first open period, because their own is closed.", report.later);
    }
    Ok(if report.skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The past of an existing Stripe account.
#[derive(clap::Args, Debug)]
pub struct HistoryArguments {
    /// First day (YYYY-MM-DD) in ORG_TIMEZONE; the beginning when left out.
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// Last day (YYYY-MM-DD), included; today when left out.
    #[arg(long)]
    pub to: Option<NaiveDate>,
    /// The code of the fund that the gifts belong to; the general one when left out.
    #[arg(long)]
    pub fund: Option<String>,
    /// Give each gift a receipt; no letters are sent.
    #[arg(long)]
    pub receipts: bool,
    /// Only charges with this in their metadata (KEY=VALUE) or in their description (description=WORDS); several: all of it. Without, every charge on the account is a gift: where a shop uses the account too, say which ones are.
    #[arg(long, value_name = "KEY=VALUE")]
    pub only: Vec<import::Only>,
    /// Also take charges that look like gifts which came another way: of the same giver, day and amount.
    #[arg(long)]
    pub alike: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Imports what Stripe knows of the time before this program.
pub async fn import_history(app: &App, arguments: &HistoryArguments) -> Result<ExitCode, Error> {
    if app.config.is_practice() {
        return Err(Error::Invalid("`import stripe-history` needs STRIPE_SECRET_KEY: the stand-in has no past".to_owned()));
    }
    let zone = app.config.org_timezone;
    let since = arguments.from.map_or(DateTime::UNIX_EPOCH, |day| start_of_day(zone, day));
    let after_last = |day: NaiveDate| day.checked_add_days(Days::new(1)).unwrap_or(day);
    let until: DateTime<Utc> = arguments.to.map_or_else(|| app.now(), |day| start_of_day(zone, after_last(day)));
    let options = import::Options {
        fund: arguments.fund.clone(),
        currency: None,
        receipts: arguments.receipts,
        dry_run: arguments.dry_run,
        alike: arguments.alike,
        only: arguments.only.clone(),
    };
    let bar = progress_bar("Reading Stripe's charges");
    let history = payouts::history::import_history(app, since, until, &options, |seen| {
        bar.set_length(seen);
        bar.set_position(seen);
    })
    .await?;
    bar.finish_and_clear();
    let left_out: usize = history.skipped.values().map(Vec::len).sum();
    if !arguments.dry_run && history.added > 0 {
        let now = app.now();
        let detail = serde_json::json!({ "added": history.added, "known": history.known, "skipped": left_out });
        let actor = staff::Actor::system();
        let write = async |tx: &sea_orm::DatabaseTransaction| {
            staff::audit::record(tx, now, &actor, "import.stripe_history", "import", "stripe", detail.clone()).await
        };
        app.db.write(write).await?;
    }
    for (why, charges) in &history.skipped {
        eprintln!("{} left out ({why}): {}", charges.len(), list_some(charges));
    }
    let would = if arguments.dry_run { "Nothing was written. To do: " } else { "" };
    println!(
        "{would}{} charges at Stripe: {} added, {} here already, {} made by this program, {} of other kinds, {left_out} left out.",
        history.seen, history.added, history.known, history.ours, history.others
    );
    if !arguments.dry_run && history.added > 0 {
        println!(
            "The next reconciliation reads Stripe's balance from the first of these gifts on, so that the payouts, fees and other movements of \
             that time are in the books as well: `wellwisher reconcile`, or within ten minutes while `serve` or `work` runs."
        );
    }
    Ok(if history.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn list_some(charges: &[String]) -> String {
    let more = if charges.len() > 20 { " …" } else { "" };
    format!("{}{more}", charges.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(" "))
}
