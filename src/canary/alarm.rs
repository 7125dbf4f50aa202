//! Looking after a run: what was broken off is taken up, the letter is watched, and silence is told.

use super::{
    chain::{self, Rehearsal},
    state::{name_of, state},
    store,
};
use crate::{app::App, error::Error, mail::outbox::NewLetter};
use entity::words::{CanaryLink, LetterKind};

/// Takes up what was broken off, sees whether the practice letter left, and writes to finance and administrators when a link is silent: once for
/// each run, naming the first. When that is the letter, nobody is written to, because no letter would come: the desk says it. Returns whether
/// a link is silent.
pub async fn look(app: &App, rehearse: Rehearsal) -> Result<bool, Error> {
    let Some(canary) = &app.config.canary else { return Ok(false) };
    chain::take_up(app, canary, rehearse).await?;
    chain::watch_letter(app).await?;
    let Some(report) = state(app).await? else { return Ok(false) };
    let Some(first) = report.first_silent() else { return Ok(false) };
    if first.link == CanaryLink::Letter {
        return Ok(true);
    }
    let all: Vec<String> = report.links.iter().map(|link| format!("- {}", report.told(link))).collect();
    let (all, resumed, link) = (all.join("\n"), report.resumed(), app.config.link("/desk"));
    let text = format!("{}\n\nThe daily practice gift, link by link:\n{all}\n{resumed}\n\n{link}\n", first.remedy());
    let (subject, now) = (format!("The practice gift stopped at {}", name_of(first.link)), app.now());
    app.db
        .write(async |tx| {
            for person in store::people(tx).await? {
                let letter = NewLetter {
                    kind: LetterKind::StaffNotice,
                    dedupe_key: format!("canary:{}:{}", report.run, person.id),
                    donation_id: None,
                    receipt_id: None,
                    to_address: person.email,
                    to_name: person.name,
                    subject: subject.clone(),
                    text: text.clone(),
                    html: String::new(),
                    language: "en".to_owned(),
                    discreet: false,
                };
                app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
            }
            Ok(())
        })
        .await?;
    app.bell.notify_waiters();
    Ok(true)
}
