//! Reading articles from files: Markdown with front matter, RSS 2.0 and Atom, CSV, and saved pages of an older site as plain text
//! or HTML. The format is told by the file's name and content; a folder is read whole.
//!
//! **Twice changes nothing.** Each article is known by a key: the `id` or path of a Markdown file, the guid of a feed's entry, the
//! id or address in a CSV row, the address or path of a saved page. What is there already under its key is left as it is. When the
//! file says something new, the article follows it, unless staff have touched the article on the desk since: then it stays as they
//! left it, and the report says so.
//!
//! **A bad row is skipped, the rest goes in.** It is named with its file and line. Rows go in by two hundred in a transaction.

mod fields;
mod feed;
mod files;
mod markdown;
mod page;
mod reading;
mod table;
pub(super) mod values;

pub use files::{FILE_MAX, ROWS_MAX};
pub use reading::Remark;

use super::{Origin, TOUCHED, apply, follow_ask, insert, refuse_taken_url, store};
use crate::{app::App, clock::sha256_hex, error::Error};
use entity::{article, words::ArticleStatus};
use reading::{Found, Reading};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use std::{collections::HashMap, path::Path};

/// How many rows one transaction takes.
const BATCH_ROWS: usize = 200;

/// The stack of the thread that reads a file: HTML may be nested more deeply than a worker's stack allows.
const READING_STACK: usize = 64 * 1024 * 1024;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Articles that are new here.
    pub added: u64,
    /// Articles that were here already, as the file says.
    pub unchanged: u64,
    /// Articles that follow what the file says anew.
    pub changed: u64,
    /// Rows and files that were left out, and why. With any of these an import has not fully succeeded.
    pub skipped: Vec<Remark>,
    /// What was left out of articles that did go in: columns that are not known, further categories.
    pub notes: Vec<Remark>,
}

impl ImportReport {
    /// Whether everything went in.
    pub fn is_complete(&self) -> bool {
        self.skipped.is_empty()
    }
}

/// How far an import is, in bytes of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes whose articles are in the database.
    pub done: u64,
    /// Bytes of all files together.
    pub total: u64,
}

/// One file's name and content, for what is not read from a disk.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from where the import began, with forward slashes.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Imports the articles of a file, or of every file of a folder.
///
/// # Errors
/// [`Error::Invalid`] when there is no such file or folder, or nothing in it that could be an article; database errors. What cannot
/// be read *within* the files is in the report.
pub async fn import_articles(app: &App, path: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<ImportReport, Error> {
    let files = files::find(path).await?;
    let total = files.iter().map(|file| file.bytes).sum();
    let (mut report, mut done) = (ImportReport::default(), 0);
    for file in files {
        match files::read(&file).await {
            Ok(source) => {
                let mut within = |part: f64| progress(Progress { done: done + (part * file.bytes as f64) as u64, total });
                import_source(app, source, &mut report, &mut within).await?;
            }
            Err(why) => report.skipped.push(Remark { file: file.name.clone(), line: 1, why }),
        }
        done += file.bytes;
        progress(Progress { done, total });
    }
    Ok(report)
}

/// Imports articles from sources that are in memory.
pub async fn import_sources(app: &App, sources: Vec<Source>) -> Result<ImportReport, Error> {
    let mut report = ImportReport::default();
    for source in sources {
        import_source(app, source, &mut report, &mut |_| {}).await?;
    }
    Ok(report)
}

async fn import_source(app: &App, source: Source, report: &mut ImportReport, progress: &mut (dyn FnMut(f64) + Send)) -> Result<(), Error> {
    let mut reading = read_on_a_thread_of_its_own(source, app.config.org_timezone).await?;
    let so_far = report.added + report.unchanged + report.changed;
    reading.limit_rows(ROWS_MAX.saturating_sub(so_far as usize));
    report.skipped.append(&mut reading.skipped);
    report.notes.append(&mut reading.notes);
    let (rows, mut done) = (reading.found.len(), 0);
    for batch in reading.found.chunks(BATCH_ROWS) {
        for (found, outcome) in batch.iter().zip(write(app, batch).await?) {
            match outcome {
                Outcome::Added => report.added += 1,
                Outcome::Unchanged => report.unchanged += 1,
                Outcome::Changed => report.changed += 1,
                Outcome::Skipped(why) => report.skipped.push(Remark { file: reading.file.clone(), line: found.line, why }),
            }
        }
        done += batch.len();
        progress(done as f64 / rows as f64);
    }
    Ok(())
}

async fn read_on_a_thread_of_its_own(source: Source, zone: chrono_tz::Tz) -> Result<Reading, Error> {
    let name = source.name.clone();
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("import".to_owned())
        .stack_size(READING_STACK)
        .spawn(move || {
            let _ = send.send(files::understand(&source, zone));
        })
        .map_err(|error| Error::internal("starting a thread", error))?;
    receive.await.map_err(|_| Error::Internal(format!("reading {name} failed; see the message above")))
}

/// What became of one row.
#[derive(Debug)]
enum Outcome {
    Added,
    Unchanged,
    Changed,
    Skipped(String),
}

async fn write(app: &App, batch: &[Found]) -> Result<Vec<Outcome>, Error> {
    let keys: Vec<String> = batch.iter().map(|found| found.key.clone()).collect();
    app.db
        .write(async |tx| {
            // Two imports at once take turns, so that neither adds what the other has just added.
            store::wait_for_other_imports(tx).await?;
            let known: HashMap<String, article::Model> = store::by_import_keys(tx, &keys).await?;
            let mut outcomes = Vec::with_capacity(batch.len());
            for found in batch {
                let outcome = write_one(app, tx, found, known.get(&found.key)).await;
                outcomes.push(match outcome {
                    Err(Error::Conflict(why)) => Outcome::Skipped(why),
                    other => other?,
                });
            }
            Ok(outcomes)
        })
        .await
}

async fn write_one(app: &App, tx: &DatabaseTransaction, found: &Found, known: Option<&article::Model>) -> Result<Outcome, Error> {
    let hash = hash_of(found)?;
    let Some(known) = known else {
        let origin =
            Origin { import_key: Some(found.key.clone()), import_hash: Some(hash), imported_views: found.views, publish: found.publish };
        insert(app, tx, &found.details, origin).await?;
        return Ok(Outcome::Added);
    };
    let before = known.import_hash.as_deref().unwrap_or_default();
    let untouched = before.strip_suffix(TOUCHED);
    if untouched.unwrap_or(before) == hash {
        return Ok(Outcome::Unchanged);
    }
    if untouched.is_some() {
        let why = "the file says something new, but the article was changed on the desk: it stays as it is there";
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    refuse_taken_url(tx, &found.details, Some(known.id)).await?;
    let mut row = known.clone().into_active_model();
    apply(app, tx, &mut row, &found.details).await?;
    row.status = Set(if found.publish { ArticleStatus::Published } else { ArticleStatus::Draft });
    row.published_at = Set(found.details.published_at.or(known.published_at).or(found.publish.then(|| app.now())));
    row.imported_views = Set(found.views);
    row.import_hash = Set(Some(hash));
    row.updated_at = Set(app.now());
    let saved = row.update(tx).await?;
    follow_ask(app, tx, known, &saved).await?;
    Ok(Outcome::Changed)
}

fn hash_of(found: &Found) -> Result<String, Error> {
    Ok(sha256_hex(&serde_json::to_string(&(&found.details, found.views, found.publish))?))
}
