//! The commands for an operator who acts on a letter of request.

use super::data::cannot_write;
use crate::{
    app::App,
    error::Error,
    privacy::{self, By, Erased, Obstacle, export},
    staff::Actor,
};
use entity::{ids::SupporterId, supporter};
use std::{
    io::{BufRead, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

/// Writes everything that is known of her.
pub async fn export(app: &App, who: &str, output: Option<&Path>) -> Result<ExitCode, Error> {
    let supporter = find(app, who).await?;
    let all = export::take_along(app, &Actor::system(), supporter.id, "json").await?;
    let mut text = serde_json::to_string_pretty(&all.to_json(app))?;
    text.push('\n');
    match output {
        Some(path) => std::fs::write(path, text).map_err(|error| cannot_write(path, &error))?,
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| Error::Unavailable(format!("the document cannot be written: {error}")))?,
    }
    let rows: usize = all.parts.iter().map(|part| part.rows.len()).sum();
    eprintln!("{rows} rows of {} kinds.", all.parts.iter().filter(|part| !part.rows.is_empty()).count());
    Ok(ExitCode::SUCCESS)
}

/// Erases her, after a question on a terminal.
pub async fn erase(app: &App, who: &str, yes: bool) -> Result<ExitCode, Error> {
    let supporter = find(app, who).await?;
    let in_the_way = privacy::obstacles(app.db.read(), supporter.id).await?;
    for obstacle in &in_the_way {
        eprintln!("{}", told(obstacle));
    }
    if !in_the_way.is_empty() {
        eprintln!("Nothing was changed.");
        return Ok(ExitCode::from(1));
    }
    let (documents, until) = privacy::erase::preview(app.db.read(), app, supporter.id).await?;
    if let Some(until) = until {
        eprintln!("{documents} documents are kept, sealed, until {until}.");
    }
    if !yes && !is_meant(&supporter)? {
        eprintln!("Nothing was changed.");
        return Ok(ExitCode::from(1));
    }
    match privacy::erase(app, &By::Operator, supporter.id).await? {
        Erased::Before => println!("She was erased before."),
        Erased::Now { .. } => println!("Erased. Stripe is told by the next worker; the last letter to her goes out first."),
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(app: &App, who: &str) -> Result<supporter::Model, Error> {
    let db = app.db.read();
    let found = match who.parse::<SupporterId>() {
        Ok(id) => Some(privacy::find(db, id).await?),
        Err(_) => privacy::find_by_address(db, who).await?,
    };
    found.ok_or_else(|| Error::Invalid("nobody with this address or id is known".to_owned()))
}

/// Her address, or her id where she has none, is to be typed: a wrong line of the history of a shell erases nobody.
fn is_meant(supporter: &supporter::Model) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Invalid("this erases somebody for good: run it on a terminal, or add --yes".to_owned()));
    }
    let id = supporter.id.to_string();
    let wanted = if supporter.email.is_empty() { &id } else { &supporter.email };
    eprint!("This cannot be undone. Type {wanted} to erase her: ");
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(|error| Error::internal("reading the answer", error))?;
    Ok(typed.trim() == wanted)
}

fn told(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Recurring => "She gives every month or year: end that first, at the desk.".to_owned(),
        Obstacle::Checkout(until) => format!("A checkout is open or a transfer announced, until {until}."),
        Obstacle::Processing => "Her bank has not answered yet whether a payment comes.".to_owned(),
        Obstacle::Dispute => "Her bank disputes a payment: wait until that is decided.".to_owned(),
        Obstacle::Claim => "Her gifts are in a Gift Aid claim that was made and not sent: submit or withdraw it.".to_owned(),
    }
}
