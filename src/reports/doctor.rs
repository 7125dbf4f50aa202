//! Whether the installation is well: each thing that can be wrong, what is wrong with it, and what to do.

use super::{doctor_stripe, verify::verify};
use crate::staff::outcomes;
use crate::{app::App, canary, config::MailWay, db::sqlite_path, error::Error, readers::key::KeyPlace, receipts};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    job, letter, staff_member, stripe_event,
    words::{LetterState, Role},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use std::path::Path;

/// How far the database's clock may be from ours.
const CLOCKS_APART_MAX: TimeDelta = TimeDelta::seconds(60);

/// How long an event may wait to be acted on.
const EVENT_WAITS_MAX: TimeDelta = TimeDelta::hours(1);

/// How long ago the hourly check of the books may be.
const CHECKED_WITHIN: TimeDelta = TimeDelta::hours(3);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Well.
    Ok,
    /// It works, but somebody should look.
    Warn,
    /// It does not work, or money or people are at risk.
    Fail,
}

impl Level {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The thing.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// How it is.
    pub told: String,
    /// What to do; empty where nothing is to be done.
    pub fix: &'static str,
}

impl Finding {
    pub(super) fn ok(name: &'static str, told: impl Into<String>) -> Self {
        Self { name, level: Level::Ok, told: told.into(), fix: "" }
    }

    pub(super) fn warn(name: &'static str, told: impl Into<String>, fix: &'static str) -> Self {
        Self { name, level: Level::Warn, told: told.into(), fix }
    }

    pub(super) fn fail(name: &'static str, told: impl Into<String>, fix: &'static str) -> Self {
        Self { name, level: Level::Fail, told: told.into(), fix }
    }
}

/// Looks at everything. What cannot be looked at is a finding, not an error, so that one fault does not hide the others.
pub async fn doctor(app: &App) -> Vec<Finding> {
    let mut findings = vec![look_at_settings(app), look_at_receipts(app), look_at_pdf(app), look_at_reader_key(app)];
    findings.extend(look_at_files(app));
    let looks = [
        ("database", look_at_database(app).await),
        ("clock", look_at_clock(app).await),
        ("stripe", doctor_stripe::look_at_stripe(app).await),
        ("endpoint", doctor_stripe::look_at_endpoint(app).await),
        ("reconciling", doctor_stripe::look_at_reconciling(app).await),
        ("webhook", look_at_webhook(app).await),
        ("mail", Ok(look_at_mail(app).await)),
        ("letters", look_at_letters(app).await),
        ("jobs", look_at_jobs(app).await),
        ("staff", look_at_staff(app).await),
        ("books", look_at_books(app).await),
        ("hourly check", look_at_hourly_check(app).await),
    ];
    findings.extend(looks.into_iter().map(|(name, look)| {
        look.unwrap_or_else(|error| Finding::fail(name, format!("could not be looked at: {error}"), "See whether the database answers."))
    }));
    findings.extend(look_at_canary(app).await.unwrap_or_else(|error| {
        vec![Finding::fail("canary", format!("could not be looked at: {error}"), "See whether the database answers.")]
    }));
    findings
}

fn look_at_settings(app: &App) -> Finding {
    let url = &app.config.base_url;
    let is_local =
        url.host_str().is_some_and(|host| host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()));
    match (app.config.is_practice(), url.scheme()) {
        (true, _) if is_local => Finding::warn(
            "address",
            format!("{url}, for practice: no real money moves"),
            "For real gifts set STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET and BASE_URL.",
        ),
        (true, _) => {
            Finding::fail("address", format!("{url} takes gifts for practice only"), "Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET.")
        }
        (false, "https") => Finding::ok("address", url.as_str()),
        (false, _) if is_local => Finding::warn(
            "address",
            format!("{url} can be reached from this machine only"),
            "Set BASE_URL to the https address that readers use.",
        ),
        (false, _) => Finding::fail(
            "address",
            format!("{url} is not encrypted"),
            "Put a proxy with a certificate before the program and set BASE_URL to https.",
        ),
    }
}

fn look_at_receipts(app: &App) -> Finding {
    let profile = app.config.org_receipt_profile.as_str();
    let issuer = receipts::IssuerSettings::from_config(&app.config).issuer;
    let mut missing: Vec<&str> = [("ORG_ADDRESS", app.config.org_address.is_empty()), ("ORG_NAME", app.config.org_name == "Our Newsroom")]
        .into_iter()
        .filter_map(|(setting, missing)| missing.then_some(setting))
        .collect();
    let lacking = receipts::profiles::lacks(&issuer);
    missing.extend(lacking.iter().filter(|setting| **setting != "ORG_ADDRESS"));
    if !missing.is_empty() {
        let consequence = if lacking.is_empty() { "" } else { ", so no official receipts are issued" };
        return Finding::warn(
            "receipts",
            format!("by the rules `{profile}`: {} not set{consequence}", missing.join(", ")),
            "Set them: they stand on every receipt, and a receipt is never edited.",
        );
    }
    if profile == "de" && receipts::profiles::notice_good_until(&issuer).is_none_or(|last| last < app.today()) {
        return Finding::fail(
            "receipts",
            "the German notice of exemption is too old (§ 63 Abs. 5 AO), so no official receipts are issued",
            "Set ORG_TAX_NOTICE_DATE and ORG_TAX_NOTICE_PERIOD to those of a newer notice.",
        );
    }
    if let Some(own) = receipts::profiles::currency_of(profile).filter(|own| !app.config.org_currencies.contains(own)) {
        return Finding::warn(
            "receipts",
            format!("by the rules `{profile}` only gifts in {own} get official receipts, and ORG_CURRENCIES has none"),
            "Add the currency to ORG_CURRENCIES.",
        );
    }
    let review = receipts::profiles::REVIEWS.iter().find(|(of, _)| *of == profile).map(|(_, what)| *what);
    Finding {
        fix: review.unwrap_or_default(),
        ..Finding::ok(
            "receipts",
            match review {
                Some(_) => {
                    format!("issued by {} by the rules `{profile}`; somebody who knows that law should have looked at:", issuer.legal_name)
                }
                None => format!("issued by {} by the rules `{profile}`", issuer.legal_name),
            },
        )
    }
}

/// Whether this build makes PDFs, and has their fonts.
#[cfg(feature = "pdf")]
fn look_at_pdf(app: &App) -> Finding {
    let missing = receipts::pdf::fonts::missing(&app.config.pdf_fonts);
    if missing.is_empty() {
        return Finding::ok("pdf", "receipts and statements are offered as PDF");
    }
    Finding::warn(
        "pdf",
        format!("no PDF can be made: {} not in the folders of PDF_FONTS", missing.join(" and ")),
        "Install these fonts (Debian: fonts-noto-core) or name their folder in PDF_FONTS. Pages to print are there without them.",
    )
}

#[cfg(not(feature = "pdf"))]
fn look_at_pdf(_app: &App) -> Finding {
    Finding::ok("pdf", "not in this build: receipts and statements have pages to print")
}

fn look_at_reader_key(app: &App) -> Finding {
    match KeyPlace::of(&app.config.database_url, &app.config.reader_key_dir) {
        Ok(KeyPlace::Table) => Finding::ok("reader key", "in a table that the database neither logs nor backs up"),
        Ok(KeyPlace::Directory(dir)) => Finding::ok("reader key", format!("in {}, apart from the database", dir.display())),
        Err(error) => Finding::fail("reader key", error.to_string(), "Set READER_KEY_DIR to a directory in memory."),
    }
}

/// The files that hold secrets or people: nobody else on the machine may read them.
fn look_at_files(app: &App) -> Vec<Finding> {
    let key = app.config.data_dir.join("secret.key");
    let database = sqlite_path(&app.config.database_url);
    let files = [Some(key.as_path()), database.as_deref()];
    let seen = files.into_iter().flatten().filter(|path| path.exists()).map(look_at_file);
    seen.collect()
}

#[cfg(unix)]
fn look_at_file(path: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            let told = format!("{} has mode {mode:o}", path.display());
            let is_secret = path.extension().is_some_and(|extension| extension == "key");
            // A database is also safe in a folder that only its owner may enter.
            let is_sheltered =
                !is_secret && path.parent().and_then(|dir| dir.metadata().ok()).is_some_and(|m| m.permissions().mode() & 0o077 == 0);
            if mode & 0o077 == 0 || is_sheltered {
                Finding::ok("files", told)
            } else if is_secret {
                Finding::fail("files", told, "Run `chmod 600` on it: whoever reads it can sign as us.")
            } else {
                Finding::warn("files", told, "Run `chmod 600` on it, or `chmod 700` on its folder: it names people.")
            }
        }
        Err(error) => Finding::warn("files", format!("{}: {error}", path.display()), "See who owns it."),
    }
}

#[cfg(not(unix))]
fn look_at_file(path: &Path) -> Finding {
    Finding::ok("files", path.display().to_string())
}

async fn one_text(app: &App, question: &str) -> Result<String, Error> {
    let db = app.db.read();
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), question)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

async fn look_at_database(app: &App) -> Result<Finding, Error> {
    let waiting = app.db.pending_migrations().await?;
    if waiting > 0 {
        return Ok(Finding::fail("database", format!("{waiting} migrations have not run"), "Run `wellwisher migrate`."));
    }
    if app.db.is_postgres() {
        let version = one_text(app, "select version()").await?;
        let durable = one_text(app, "show fsync").await?;
        return Ok(if durable == "on" {
            Finding::ok("database", version)
        } else {
            Finding::fail("database", format!("{version}, with fsync {durable}"), "Set fsync = on: without it a loss of power loses gifts.")
        });
    }
    let version = one_text(app, "select sqlite_version()").await?;
    let (mode, check) = (one_text(app, "pragma journal_mode").await?, one_text(app, "pragma quick_check(1)").await?);
    Ok(if check != "ok" {
        Finding::fail(
            "database",
            format!("SQLite {version} is damaged: {check}"),
            "Stop the program, keep a copy, and restore the last backup.",
        )
    } else if mode != "wal" {
        Finding::fail(
            "database",
            format!("SQLite {version} in mode {mode}"),
            "Put it on a local disk: network disks cannot keep a write-ahead log.",
        )
    } else {
        Finding::ok("database", format!("SQLite {version}, write-ahead log, no damage"))
    })
}

async fn look_at_clock(app: &App) -> Result<Finding, Error> {
    let question = match app.db.read().get_database_backend() {
        DbBackend::Sqlite => "select strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
        _ => "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    };
    let told = one_text(app, question).await?;
    let theirs: DateTime<Utc> = told.parse().map_err(|error| Error::internal("the database's clock", error))?;
    let apart = (app.now() - theirs).abs();
    Ok(if apart <= CLOCKS_APART_MAX {
        Finding::ok("clock", format!("agrees with the database's, {told}"))
    } else {
        let told = format!("{} seconds apart from the database's, {told}", apart.num_seconds());
        Finding::warn("clock", told, "Let both machines ask a time server: signatures of webhooks are good for five minutes only.")
    })
}

/// Events that nobody has acted on, and whether any came since the last gift was started.
async fn look_at_webhook(app: &App) -> Result<Finding, Error> {
    let db = app.db.read();
    let late = stripe_event::Entity::find()
        .filter(stripe_event::Column::SettledAt.is_null())
        .filter(stripe_event::Column::ReceivedAt.lt(app.now() - EVENT_WAITS_MAX))
        .count(db)
        .await?;
    if late > 0 {
        return Ok(Finding::fail(
            "webhook",
            format!("{late} events wait for more than an hour"),
            "Run `wellwisher serve` or `wellwisher work`; the desk shows jobs that were given up.",
        ));
    }
    let last: Option<DateTime<Utc>> = stripe_event::Entity::find()
        .select_only()
        .column(stripe_event::Column::ReceivedAt)
        .order_by_desc(stripe_event::Column::ReceivedAt)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    let fix = "In Stripe's dashboard add an endpoint for BASE_URL/webhooks/stripe and set STRIPE_WEBHOOK_SECRET to its signing secret.";
    Ok(match last {
        Some(at) => Finding::ok("webhook", format!("the last event came {} minutes ago", (app.now() - at).num_minutes())),
        None => Finding::warn("webhook", "no event has come yet", fix),
    })
}

/// What the last practice gift said of each link of the chain.
async fn look_at_canary(app: &App) -> Result<Vec<Finding>, Error> {
    let Some(report) = canary::state(app).await? else {
        let why = if app.config.canary.is_some() { "none was made yet" } else { "none is made: STRIPE_CANARY_KEY is not set" };
        return Ok(vec![Finding::ok("canary", format!("practice gifts: {why}"))]);
    };
    let mut findings: Vec<Finding> = report
        .links
        .iter()
        .map(|link| match link.is_silent() {
            true => Finding::fail("canary", report.told(link), link.remedy()),
            false => Finding::ok("canary", report.told(link)),
        })
        .collect();
    if !report.unfinished.is_empty() {
        findings.push(Finding::warn("canary", report.resumed(), "The log says what ended the program."));
    }
    if report.is_overdue {
        findings.push(Finding::fail("canary", report.overdue(), "See whether `serve` or `work` runs."));
    }
    Ok(findings)
}

async fn look_at_mail(app: &App) -> Finding {
    let way = match &app.config.mail {
        MailWay::Smtp(_) => "the mail server takes letters from us".to_owned(),
        MailWay::Files(dir) => format!("letters are written as files into {}", dir.display()),
    };
    match (app.outbox.mailer().check().await, &app.config.mail) {
        (Ok(()), MailWay::Files(_)) if !app.config.is_practice() => {
            Finding::warn("mail", way, "Set SMTP_URL and MAIL_FROM, or nobody gets a receipt.")
        }
        (Ok(()), _) => Finding::ok("mail", way),
        (Err(why), _) => Finding::fail("mail", why, "Check SMTP_URL, or MAIL_DIR and who may write in it."),
    }
}

async fn look_at_letters(app: &App) -> Result<Finding, Error> {
    let lost = [LetterState::Bounced, LetterState::Dead, LetterState::Unknown];
    let count = letter::Entity::find().filter(letter::Column::State.is_in(lost)).count(app.db.read()).await?;
    Ok(match count {
        0 => Finding::ok("letters", "none was given up"),
        count => Finding::warn(
            "letters",
            format!("{count} were not delivered, or perhaps not"),
            "Look at them under Letters at the desk: /desk/letters?state=trouble.",
        ),
    })
}

async fn look_at_jobs(app: &App) -> Result<Finding, Error> {
    let count = job::Entity::find().filter(job::Column::GivenUpAt.is_not_null()).count(app.db.read()).await?;
    Ok(match count {
        0 => Finding::ok("jobs", "none was given up"),
        count => Finding::fail(
            "jobs",
            format!("{count} were given up"),
            "The log says why. Run `wellwisher reconcile`: it finds what they would have done.",
        ),
    })
}

async fn look_at_staff(app: &App) -> Result<Finding, Error> {
    let db = app.db.read();
    let active = || staff_member::Entity::find().filter(staff_member::Column::DisabledAt.is_null());
    let admins = active().filter(staff_member::Column::Role.eq(Role::Admin)).count(db).await?;
    let bare = active().filter(staff_member::Column::TotpSecret.is_null()).count(db).await?;
    Ok(match (admins, bare) {
        (0, _) => Finding::warn("staff", "there is no administrator", "Run `wellwisher staff add --role admin`."),
        (_, 0) => Finding::ok("staff", "everybody has a second factor"),
        (_, bare) => Finding::warn(
            "staff",
            format!("{bare} have no second factor yet"),
            "They are asked for it when they next sign in; disable accounts that nobody uses.",
        ),
    })
}

async fn look_at_books(app: &App) -> Result<Finding, Error> {
    let report = verify(app).await?;
    let broken: Vec<&str> = report.broken().map(|check| check.name).collect();
    Ok(if broken.is_empty() {
        Finding::ok("books", format!("{} rules hold", report.checks.len()))
    } else {
        Finding::fail(
            "books",
            format!("broken: {}", broken.join(" ")),
            "Run `wellwisher verify`, which names the rows, and keep a copy of the database.",
        )
    })
}

/// Whether the check of the books that `serve` makes every hour is made, and what it found.
async fn look_at_hourly_check(app: &App) -> Result<Finding, Error> {
    let last = outcomes::last(app.db.read(), outcomes::VERIFY).await?;
    let fix = "Run `wellwisher serve` or `wellwisher work`: they check the books every hour.";
    Ok(match last {
        None => Finding::warn("hourly check", "the books were not checked yet", fix),
        Some(last) if !last.ok => Finding::fail(
            "hourly check",
            format!("{} ago: broken: {}", minutes(app, last.began_at), last.summary),
            "See /desk/reports/verify/last, which names the rows, and keep a copy of the database.",
        ),
        Some(last) if app.now() - last.began_at > CHECKED_WITHIN => {
            Finding::warn("hourly check", format!("the last one was {} ago", minutes(app, last.began_at)), fix)
        }
        Some(last) => Finding::ok("hourly check", format!("all rules held {} ago", minutes(app, last.began_at))),
    })
}

fn minutes(app: &App, at: DateTime<Utc>) -> String {
    format!("{} minutes", (app.now() - at).num_minutes())
}
