//! Whether everything that was written down still agrees: every figure computed again, in one view of the database.
//!
//! Each rule is a question that answers with the rows that break it. They are asked of the database as it stands, whoever wrote to it,
//! so a row that was changed behind the program's back is found and named.

mod balance;
mod letters;
mod matching;
mod privacy;
mod promises;
mod rules;
mod shown;
mod triggers;
mod wishes;

pub use triggers::REFUSALS;

use crate::{
    app::App,
    error::Error,
    staff::{audit, outcomes},
};
use chrono::TimeDelta;
use entity::last_outcome;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbErr, IsolationLevel, QueryResult, Statement, TransactionOptions, TransactionTrait,
    Value,
};
use serde::{Deserialize, Serialize};

/// How long something that happens in two steps may take until it counts as broken.
const RECENT: TimeDelta = TimeDelta::minutes(15);

/// How many rows that break a rule are named.
const FINDINGS_MAX: usize = 50;

/// One rule, and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule, as a sentence.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// How many rows were looked at.
    pub rows_checked: u64,
    /// The rows that break it, each in a sentence that names it; at most fifty, and then a line that there are more.
    pub findings: Vec<String>,
}

impl Check {
    fn new(name: &'static str, rows_checked: u64, mut findings: Vec<String>) -> Self {
        let ok = findings.is_empty();
        if findings.len() > FINDINGS_MAX {
            findings.truncate(FINDINGS_MAX);
            findings.push("… and more".to_owned());
        }
        Self { name, ok, rows_checked, findings }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Every rule, in the order of a donation's life.
    pub checks: Vec<Check>,
}

impl VerifyReport {
    /// Whether every rule holds.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// The report as it is kept.
    pub fn kept(&self) -> Vec<KeptCheck> {
        let kept = |check: &Check| KeptCheck {
            name: check.name.to_owned(),
            ok: check.ok,
            rows_checked: check.rows_checked,
            findings: check.findings.clone(),
        };
        self.checks.iter().map(kept).collect()
    }

    /// The rules that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.ok)
    }
}

/// A rule and whether it held, as it is kept in the database: the program that reads it may know other rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCheck {
    /// The rule, as a sentence.
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// How many rows were looked at.
    pub rows_checked: u64,
    /// The rows that broke it.
    pub findings: Vec<String>,
}

/// Verifies, and keeps the outcome for every page of the desk and for the doctor.
pub async fn verify_and_keep(app: &App) -> Result<VerifyReport, Error> {
    let began = app.now();
    let report = verify(app).await?;
    let broken: Vec<&str> = report.broken().map(|check| check.name).collect();
    if !broken.is_empty() {
        tracing::error!(rules = broken.join(" "), "the books do not agree: see /desk/reports/verify/last");
    }
    let (ok, summary, kept, ended) = (report.is_ok(), broken.join(" "), serde_json::to_string(&report.kept())?, app.now());
    let outcome = outcomes::Kept { name: outcomes::VERIFY, ok, summary: &summary, report: &kept, began, ended };
    app.db.write(async |tx| outcomes::keep(tx, outcome).await).await?;
    Ok(report)
}

/// What the last verification found, if there was one.
pub async fn last(app: &App) -> Result<Option<(last_outcome::Model, Vec<KeptCheck>)>, Error> {
    let Some(last) = outcomes::last(app.db.read(), outcomes::VERIFY).await? else { return Ok(None) };
    let checks = serde_json::from_str(&last.report)?;
    Ok(Some((last, checks)))
}

/// A rule as a question.
struct Rule {
    /// The rule, as a sentence.
    name: &'static str,
    /// What a row that breaks it is: `donation`.
    noun: &'static str,
    /// What `who` is in the answer.
    key: Key,
    /// How many rows are looked at: one figure, `n`.
    counted: &'static str,
    /// The rows that break it: `who`, a `note` in words, and where they are numbers what was `found` and what was `expected`.
    /// `$1` is the present time; `@recent`, in its stead, a moment ago.
    broken: &'static str,
}

/// How a row is named.
#[derive(Clone, Copy)]
enum Key {
    Id,
    Number,
    Text,
}

/// Recomputes everything. Memory stays constant: the database does the sums.
pub async fn verify(app: &App) -> Result<VerifyReport, Error> {
    let tx = begin(app).await?;
    let mut checks = Vec::new();
    let of_slices = [wishes::RULES, promises::RULES, matching::RULES, privacy::RULES, balance::RULES];
    for rule in rules::RULES.iter().chain(of_slices.into_iter().flatten()) {
        checks.push(ask(app, &tx, rule).await?);
    }
    checks.push(shown::campaigns_show_the_ledger(&tx).await?);
    checks.push(shown::receipts_say_what_they_stand_for(&tx).await?);
    checks.push(balance::periods_are_as_they_were_closed(&tx).await?);
    checks.push(letters::each_ends_in_time(&tx, app.now()).await?);
    checks.push(letters::none_is_tried_after_its_end(&tx).await?);
    checks.push(letters::none_is_written_after_she_ended_it(&tx).await?);
    checks.push(triggers::nothing_can_be_edited(&tx).await?);
    tx.rollback().await?;
    checks.push(trail_is_whole(app).await?);
    Ok(VerifyReport { checks })
}

/// One view of the database for all questions, so that a gift which comes in meanwhile is in all of them or in none.
async fn begin(app: &App) -> Result<DatabaseTransaction, Error> {
    let is_postgres = app.db.is_postgres();
    let options = TransactionOptions {
        isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
        access_mode: is_postgres.then_some(AccessMode::ReadOnly),
        sqlite_transaction_mode: None,
    };
    Ok(app.db.read().begin_with_options(options).await?)
}

async fn ask(app: &App, tx: &DatabaseTransaction, rule: &Rule) -> Result<Check, Error> {
    let backend = tx.get_database_backend();
    let counted = tx.query_one_raw(Statement::from_string(backend, rule.counted)).await?;
    let counted: i64 = counted.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
    let is_of_recent = rule.broken.contains("@recent");
    let question = format!("{} limit {}", rule.broken.replace("@recent", "$1"), FINDINGS_MAX + 1);
    let values: Vec<Value> = match (rule.broken.contains("$1"), is_of_recent) {
        (_, true) => vec![(app.now() - RECENT).into()],
        (true, false) => vec![app.now().into()],
        (false, false) => Vec::new(),
    };
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, question, values)).await?;
    let findings = rows.iter().map(|row| tell(rule, row)).collect::<Result<Vec<_>, DbErr>>()?;
    Ok(Check::new(rule.name, u64::try_from(counted).unwrap_or(0), findings))
}

fn tell(rule: &Rule, row: &QueryResult) -> Result<String, DbErr> {
    let who = match rule.key {
        Key::Id => row.try_get::<uuid::Uuid>("", "who")?.to_string(),
        Key::Number => row.try_get::<i64>("", "who")?.to_string(),
        Key::Text => row.try_get::<String>("", "who")?,
    };
    let note: String = row.try_get("", "note")?;
    let found: Option<i64> = row.try_get("", "found")?;
    let expected: Option<i64> = row.try_get("", "expected")?;
    let figures = match (found, expected) {
        (Some(found), Some(expected)) => format!(": {found} instead of {expected}"),
        (None, Some(expected)) => format!(": nothing instead of {expected}"),
        _ => String::new(),
    };
    let note = if note.is_empty() { note } else { format!(" ({note})") };
    Ok(format!("{} {who}{note}{figures}", rule.noun))
}

async fn trail_is_whole(app: &App) -> Result<Check, Error> {
    let chain = audit::verify_chain(&app.db).await?;
    let findings = chain.broken.map(|broken| format!("audit entry {}: {}", broken.entry, broken.why));
    Ok(Check::new("The audit trail is whole: no entry was changed or taken out.", chain.entries, findings.into_iter().collect()))
}
