//! The commands that do one thing and end.

use super::{ExportArguments, prepare_folders};
use crate::{
    app::App,
    articles,
    config::{Config, Settings, create_private},
    db::Db,
    donations::list::Asked,
    error::Error,
    payouts, recurring,
    reports::{self, ExportRequest, FilePart, asked::AskedReport},
    staff,
};
use entity::words::Role;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A bar on a terminal; nothing when piped, where the last line tells the result.
pub(super) fn progress_bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar
}

/// Brings the tables up to date.
pub async fn migrate(settings: &Settings) -> Result<ExitCode, Error> {
    let config = Config::check(settings)?;
    prepare_folders(&config)?;
    let db = Db::open(&config.database_url).await?;
    db.migrate().await?;
    println!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// Checks the installation.
pub async fn doctor(app: &App) -> Result<ExitCode, Error> {
    let findings = reports::doctor::doctor(app).await;
    let mut code = ExitCode::SUCCESS;
    for finding in findings {
        println!("{:5} {}: {}", finding.level.as_str(), finding.name, finding.told);
        if !finding.fix.is_empty() {
            println!("      → {}", finding.fix);
        }
        if finding.level == reports::doctor::Level::Fail {
            code = ExitCode::from(1);
        }
    }
    Ok(code)
}

/// Recomputes every figure.
pub async fn verify(app: &App) -> Result<ExitCode, Error> {
    let report = reports::verify::verify(app).await?;
    for check in &report.checks {
        println!("{} {} ({} rows)", if check.findings.is_empty() { "ok  " } else { "FAIL" }, check.name, check.rows_checked);
        for finding in &check.findings {
            println!("     {finding}");
        }
    }
    Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Asks Stripe what we missed.
pub async fn reconcile(app: &App, days: u32) -> Result<ExitCode, Error> {
    if app.config.is_practice() {
        return Err(Error::Invalid(
            "`reconcile` needs STRIPE_SECRET_KEY: the stand-in lives inside `serve` only, which reconciles by itself".to_owned(),
        ));
    }
    let bar = progress_bar("Comparing checkouts");
    let look_back = chrono::TimeDelta::days(i64::from(days));
    let (recurring, report) = payouts::keeping::everything(app, look_back, true, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    // Each is told, also when the other did not come through.
    let (report, recurring) = (report.map(|report| tell_report(&report)), recurring.map(|recurring| tell_recurring(&recurring)));
    Ok(if report? & recurring? { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Says what reconciling found. Returns whether nothing waits for a person.
fn tell_report(report: &payouts::Report) -> bool {
    let (sessions, movements) = (&report.sessions, &report.movements);
    println!("{} checkouts at Stripe, {} of them ours, {} donations brought up to date.", sessions.seen, sessions.ours, sessions.changed);
    println!(
        "{} movements of the balance, {} of them new; {} payouts, {} itemised now.",
        movements.seen, movements.new, report.payouts.seen, report.payouts.itemised
    );
    for session in &sessions.unknown {
        println!("  {session} names a donation that is not here: was a backup restored?");
    }
    for session in &sessions.failed {
        println!("  {session} could not be looked at: run this again, and see the log for the reason.");
    }
    if sessions.refused > 0 {
        println!("  {} do not fit their donation: see the donations' stories on the desk.", sessions.refused);
    }
    for id in &report.returned.refused {
        println!("  what came back of donation {id} does not fit it: see its story on the desk.");
    }
    for id in &report.returned.failed {
        println!("  what came back of donation {id} could not be looked at: run this again, and see the log for the reason.");
    }
    for movement in &movements.not_posted {
        println!("  {movement} belongs to a donation and is not in its books: see the differences on the desk.");
    }
    if report.unmapped > 0 {
        println!("  {} movements are of a kind that is not known: say what they are on the desk, under Payouts.", report.unmapped);
    }
    if report.in_unknown_balances > 0 {
        println!("  {} movements lie in a balance that is not known: see Differences on the desk.", report.in_unknown_balances);
    }
    for unlisted in &report.unlisted {
        println!("  {}", unlisted.why);
    }
    report.is_clean()
}

/// The same of recurring donations.
fn tell_recurring(report: &recurring::reconcile::Report) -> bool {
    println!("{} recurring donations looked at, {} brought up to date.", report.seen, report.changed);
    for subscription in &report.unknown {
        println!("  {subscription} names a recurring donation that is not here: was a backup restored?");
    }
    for id in &report.failed {
        println!("  recurring donation {id} could not be looked at, or does not fit: see its story on the desk, and the log.");
    }
    if let Some(failure) = &report.unlisted {
        println!("  {}", payouts::lists::Unlisted::new(payouts::lists::SUBSCRIPTIONS, failure).why);
    }
    report.unknown.is_empty() && report.failed.is_empty() && report.unlisted.is_none()
}

/// Writes a report. A file appears under its name only when it is whole; what is taken only in pieces becomes numbered files.
pub async fn export(app: &App, arguments: &ExportArguments) -> Result<ExitCode, Error> {
    if !arguments.report.heeds_days() && (arguments.from.is_some() || arguments.to.is_some()) {
        let report = arguments.report.as_str();
        return Err(Error::Invalid(format!("the report `{report}` cannot be narrowed by days: leave `--from` and `--to` out")));
    }
    let (asked, filter) = in_words(arguments);
    let zone = arguments.tz.unwrap_or(app.config.org_timezone);
    let rows = asked.request(app, arguments.report, &filter, zone).await?;
    let trail = asked.trail(&filter, &rows);
    let mut request = ExportRequest { asked: rows, format: arguments.format, part: None };
    reports::export::check(&request)?;
    let Some(path) = &arguments.output else {
        let manifest = reports::export(app, &request, &mut reports::WriteSink(std::io::stdout())).await?;
        finish_export(app, &request, &trail, &manifest).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let files = reports::export::files(app, &request).await?;
    for part in 1..=files.len() {
        request.part = Some(part);
        let path = if files.len() == 1 { path.clone() } else { numbered(path, part) };
        export_file(app, &request, &trail, &files, &path).await?;
        if files.len() > 1 {
            eprintln!("{}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked for, as the desk's addresses say it.
fn in_words(arguments: &ExportArguments) -> (AskedReport, Asked) {
    let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let only = &arguments.narrowed;
    let asked = AskedReport {
        posted_from: day(arguments.from),
        posted_to: day(arguments.to),
        item: text(&only.item),
        article: text(&only.article),
        claim: text(&only.claim),
        currency: text(&only.currency),
        with_donors: if arguments.with_donors { "yes".to_owned() } else { String::new() },
        ..AskedReport::default()
    };
    let filter = Asked {
        status: text(&only.status),
        campaign: text(&only.campaign),
        fund: text(&only.fund),
        from: text(&only.given_from),
        to: text(&only.given_to),
        q: text(&only.search),
        after: String::new(),
    };
    (asked, filter)
}

/// `january.csv` as `january-2.csv`.
fn numbered(path: &Path, part: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{part}{ending}"))
}

/// Writes one file of a report, and who took it away into the audit trail.
pub(super) async fn export_file(
    app: &App,
    request: &ExportRequest,
    trail: &serde_json::Value,
    files: &[FilePart],
    path: &Path,
) -> Result<(), Error> {
    let partial = path.with_extension("partial");
    // One that names people nobody else on the machine may read.
    let file = if request.asked.names_people() { create_private(&partial) } else { std::fs::File::create(&partial) };
    let file = file.map_err(|e| cannot_write(&partial, &e))?;
    let bar = progress_bar(&format!("Exporting {}", request.asked.report.as_str()));
    match reports::export::count_rows(app, &request.asked).await? {
        Some(rows) => bar.set_length(u64::try_from(rows).unwrap_or(0)),
        None => {
            bar.set_style(ProgressStyle::with_template("{msg} {pos} rows {spinner}").unwrap_or_else(|_| ProgressStyle::default_spinner()))
        }
    }
    let mut sink = FileSink { file: std::io::BufWriter::new(file), bar };
    let manifest = reports::export::export_file(app, request, files, &mut sink).await?;
    sink.bar.finish_and_clear();
    let file = sink.file.into_inner().map_err(|e| cannot_write(&partial, e.error()))?;
    file.sync_all().and_then(|()| std::fs::rename(&partial, path)).map_err(|e| cannot_write(path, &e))?;
    finish_export(app, request, trail, &manifest).await
}

/// A file with a progress bar.
struct FileSink {
    file: std::io::BufWriter<std::fs::File>,
    bar: ProgressBar,
}

impl reports::Sink for FileSink {
    async fn put(&mut self, chunk: bytes::Bytes, _rows: u64) -> Result<(), Error> {
        use std::io::Write;
        self.file.write_all(&chunk).map_err(|e| Error::Unavailable(format!("the export cannot be written: {e}")))
    }

    fn progress(&mut self, rows: u64) {
        self.bar.set_position(rows);
    }
}

pub(super) fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::Invalid(format!("{} cannot be written: {error}", path.display()))
}

/// Who took what away is part of the audit trail, from the command line too. The manifest goes to stderr, beside the file.
async fn finish_export(app: &App, request: &ExportRequest, trail: &serde_json::Value, manifest: &reports::Manifest) -> Result<(), Error> {
    let now = app.now();
    let detail = serde_json::json!({ "asked": trail, "sent": manifest.to_json() });
    app.db
        .write(async |tx| {
            let actor = staff::Actor::system();
            staff::audit::record(tx, now, &actor, "report.export", "report", request.asked.report.as_str(), detail.clone()).await
        })
        .await?;
    eprintln!("{}", manifest.to_json());
    Ok(())
}

/// Imports articles.
pub async fn import_articles(app: &App, path: &Path) -> Result<ExitCode, Error> {
    let bar = progress_bar("Importing articles");
    let report = articles::import::import_articles(app, path, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    })
    .await?;
    bar.finish_and_clear();
    for remark in report.notes.iter().chain(&report.skipped) {
        eprintln!("{remark}");
    }
    println!("{} added, {} changed, {} unchanged, {} skipped.", report.added, report.changed, report.unchanged, report.skipped.len());
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Makes a one-time link for a new member of staff.
pub async fn add_staff(app: &App, email: &str, role: Role) -> Result<ExitCode, Error> {
    let link = staff::invite(app, &staff::Actor::system(), email, role).await?;
    println!("Give this link to {email}; it works once, within 24 hours:\n  {link}");
    Ok(ExitCode::SUCCESS)
}
