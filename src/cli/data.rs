//! The commands that do one thing and end.

use super::prepare_folders;
use crate::{
    app::App,
    articles,
    config::{Config, Settings},
    db::Db,
    donations,
    error::Error,
    staff,
};
use entity::words::Role;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{path::Path, process::ExitCode};

/// A bar on a terminal; nothing when piped, where the last line tells the result.
fn progress_bar(what: &str) -> ProgressBar {
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

/// Asks Stripe what we missed.
pub async fn reconcile(app: &App, days: u32) -> Result<ExitCode, Error> {
    if app.config.is_practice() {
        return Err(Error::Invalid(
            "`reconcile` needs STRIPE_SECRET_KEY: the stand-in lives inside `serve` only, which reconciles by itself".to_owned(),
        ));
    }
    let bar = progress_bar("Comparing checkouts");
    let since = app.now() - chrono::TimeDelta::days(i64::from(days));
    let report = donations::reconcile::reconcile(app, since, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    println!("{} checkouts at Stripe, {} of them ours, {} donations brought up to date.", report.seen, report.ours, report.changed);
    for session in &report.unknown {
        println!("  {session} names a donation that is not here: was a backup restored?");
    }
    if report.refused > 0 {
        println!("  {} do not fit their donation: see the donations' stories on the desk.", report.refused);
    }
    Ok(if report.refused == 0 && report.unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
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
