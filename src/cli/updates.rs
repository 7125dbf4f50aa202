//! `wellwisher updates`: the newest updates, and how far the letters of one are.

use super::data::progress_bar;
use crate::{
    app::App,
    error::Error,
    news,
    updates::{
        send::{self, Progress},
        store,
    },
};
use entity::{news_update, words::UpdateState};
use std::{io::IsTerminal, process::ExitCode, time::Duration};

/// How many updates the list shows.
const LISTED: u64 = 30;

/// How often a watched update is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lists the newest updates, a line each.
pub(super) async fn list(app: &App) -> Result<ExitCode, Error> {
    let updates = store::search(app.db.read(), &store::Filter::default(), None, LISTED).await?;
    if updates.is_empty() {
        println!("No updates yet.");
    }
    for entry in news::store::with_texts(app.db.read(), updates).await? {
        let progress = send::progress(app, &entry.update).await?;
        let title = entry.text_for(&entry.update.language).map(|text| text.title.clone()).unwrap_or_default();
        let letters =
            if entry.update.mailing_id.is_some() { format!("{} of {}", progress.done(), progress.expected) } else { "-".to_owned() };
        println!("{}  {:<9}  {letters:>15}  {}  {title}", entry.update.id, entry.update.state, entry.update.slug);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows how far the letters of an update are until they have left. Exit code 1 when they are held back, were ended or not asked for.
pub(super) async fn watch(app: &App, name: &str) -> Result<ExitCode, Error> {
    let on_terminal = std::io::stderr().is_terminal();
    let bar = progress_bar("Letters");
    let mut told = String::new();
    loop {
        let update = find(app, name).await?;
        let progress = send::progress(app, &update).await?;
        bar.set_length(progress.expected);
        bar.set_position(progress.done());
        let line = line_of(&update, &progress);
        let code = match update.state {
            UpdateState::Sent => Some(ExitCode::SUCCESS),
            UpdateState::Scheduled | UpdateState::Sending => None,
            UpdateState::Draft | UpdateState::Published | UpdateState::Paused | UpdateState::Stopped => Some(ExitCode::from(1)),
        };
        if let Some(code) = code {
            bar.finish_and_clear();
            println!("{line}");
            return Ok(code);
        }
        if !on_terminal && line != told {
            println!("{line}");
            told = line;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn find(app: &App, name: &str) -> Result<news_update::Model, Error> {
    let found = match name.parse() {
        Ok(id) => store::update(app.db.read(), id).await?,
        Err(_) => store::by_slug(app.db.read(), name).await?,
    };
    found.ok_or_else(|| Error::Invalid(format!("there is no update `{name}`: `wellwisher updates` lists them")))
}

fn line_of(update: &news_update::Model, progress: &Progress) -> String {
    if update.mailing_id.is_none() {
        return match update.send_at {
            Some(at) => format!("{} for {at}", update.state),
            None => update.state.to_string(),
        };
    }
    let letters = progress.letters;
    format!(
        "{}: {} of {} done, {} taken by the mail server, {} waiting, {} refused, {} not sent, {} unknown",
        update.state,
        progress.done(),
        progress.expected,
        letters.sent,
        letters.waiting + letters.in_hand,
        letters.bounced + letters.dead,
        letters.suppressed,
        letters.unknown
    )
}
