//! `mail`: what comes back.

use super::open;
use crate::{config::Settings, error::Error, mail::returns::Heard};
use std::{io::Read, process::ExitCode};

/// What asks a mail server to deliver again later (`EX_TEMPFAIL` of sysexits).
const TRY_LATER: u8 = 75;

/// The most that is read of one message.
const MESSAGE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Takes in one message from standard input. A message that is not ours, or says nothing new, is done as well: answering a bounce with
/// a bounce would help nobody.
pub(super) async fn hear_bounce(settings: &Settings, recipient: Option<&str>) -> Result<ExitCode, Error> {
    let app = match open(settings).await {
        Ok(app) => app,
        Err(Error::Unavailable(why)) => return Ok(later(&why)),
        Err(error) => return Err(error),
    };
    if app.config.mail_bounces.is_none() {
        return Err(Error::Invalid("MAIL_BOUNCES is not set: letters do not have the addresses that bounces are known by".to_owned()));
    }
    let mut raw = Vec::new();
    std::io::stdin().take(MESSAGE_BYTES_MAX).read_to_end(&mut raw).map_err(|error| Error::internal("reading the message", error))?;
    match app.outbox.hear(&app.db, &app.clock, &raw, recipient).await {
        Ok(heard) => {
            println!("{}", told(&heard));
            Ok(ExitCode::SUCCESS)
        }
        Err(Error::Unavailable(why)) => Ok(later(&why)),
        Err(error) => Err(error),
    }
}

fn later(why: &str) -> ExitCode {
    eprintln!("wellwisher: {why}");
    ExitCode::from(TRY_LATER)
}

fn told(heard: &Heard) -> String {
    match heard {
        Heard::Bounced(letter, severity) => format!("letter {letter} came back: {severity}"),
        Heard::Complained => "a recipient complained: she gets no more news".to_owned(),
        Heard::Nothing => "nothing new".to_owned(),
        Heard::NotOurs => "not about a letter of ours".to_owned(),
    }
}
