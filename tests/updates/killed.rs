//! The program itself, killed while it writes and sends the letters of an update; and the commands that show them on a terminal.

use super::{begin, draft, letters, now_is, subscriber, subscribers};
use crate::support::{Folder, Program, TestApp, TestDatabase};
use entity::words::{LetterState, UpdateState};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use wellwisher::{clock::Clock, mail::topic::Topic, updates::send};

/// How many are written to.
const READERS: usize = 2_000;
/// How many news a program has in hand at once, with the settings that it has by itself.
const CONNECTIONS: usize = 4;

/// A Wellwisher on the machine's clock, as the program that works beside it is.
async fn on_the_machines_clock(database: TestDatabase) -> TestApp {
    let mut test = TestApp::with(database, |_| {}).await;
    test.app.clock = Clock::System;
    test
}

fn environment<'a>(test: &'a TestApp, mail: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DATABASE_URL", test.database.url.as_str()),
        ("SECRET_KEY", "a secret for tests, of more than 32 characters"),
        ("BASE_URL", "http://127.0.0.1:8080"),
        ("MAIL_DOMAIN_RATE", "0"),
        ("MAIL_DIR", mail),
    ]
}

async fn killed_in_the_midst(database: TestDatabase) {
    let test = on_the_machines_clock(database).await;
    let folder = Folder::new();
    let mail = folder.join("mail").display().to_string();
    let environment = environment(&test, &mail);
    let update = draft(&test, "", |_| {}).await;
    let addresses: Vec<String> = (0..READERS).map(|number| format!("reader-{number:04}@example.org")).collect();
    subscribers(&test, &addresses, Topic::Updates, "en").await;
    begin(&test, &update).await;
    let begun = Instant::now();
    let mut kills = 0;
    loop {
        let mut serve = Program::start(&folder, &["serve"], &environment);
        serve.address().await;
        let started = Instant::now();
        // Long enough to get somewhere, too short to finish; the last one may.
        let patience = if kills < 4 { Duration::from_millis(300 + 250 * kills) } else { Duration::from_secs(120) };
        while started.elapsed() < patience && now_is(&test, &update).await.state != UpdateState::Sent {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if kills >= 4 {
                // What the program does by itself every twenty seconds.
                send::tend(&test.app).await.unwrap();
            }
        }
        serve.kill();
        // The lease of a killed worker's job and letters would be waited for; their clock is moved instead.
        let late = "update job set lease_until = null, run_at = created_at; \
                    update letter set lease_until = created_at, next_at = created_at where state = 'leased';";
        test.app.db.write(async |tx| Ok(sea_orm::ConnectionTrait::execute_unprepared(tx, late).await.map(|_| ())?)).await.unwrap();
        kills += 1;
        if now_is(&test, &update).await.state == UpdateState::Sent || kills > 8 {
            break;
        }
    }
    let all = letters(&test).await;
    let recipients: BTreeSet<&str> = all.iter().map(|letter| letter.to_address.as_str()).collect();
    assert_eq!((all.len(), recipients.len()), (READERS, READERS), "each has one letter");
    let sent = all.iter().filter(|letter| letter.state == LetterState::Sent).count();
    let unknown = all.iter().filter(|letter| letter.state == LetterState::Unknown).count();
    let files =
        std::fs::read_dir(&mail).unwrap().flatten().filter(|file| file.path().extension().is_some_and(|ending| ending == "eml")).count();
    eprintln!("{kills} kills in {:.1} s: {sent} sent, {unknown} unknown, {files} files", begun.elapsed().as_secs_f64());
    assert_eq!(sent + unknown, READERS, "none is lost");
    assert!(unknown <= kills as usize * CONNECTIONS, "{unknown} in doubt of {kills} kills: more than a program has in hand");
    assert!((sent..=sent + unknown).contains(&files), "{files} files of {sent} sent letters and {unknown} unknown ones");
    assert_eq!(now_is(&test, &update).await.state, UpdateState::Sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_again_and_again_loses_and_repeats_no_letter_on_sqlite() {
    killed_in_the_midst(TestDatabase::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_again_and_again_loses_and_repeats_no_letter_on_postgres() {
    if let Some(database) = TestDatabase::postgres().await {
        killed_in_the_midst(database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_lists_updates_and_watches_one_to_its_end_in_plain_lines() {
    let test = on_the_machines_clock(TestDatabase::sqlite().await).await;
    let folder = Folder::new();
    let mail = folder.join("mail").display().to_string();
    let environment = environment(&test, &mail);
    let none = Program::run(&folder, &["updates"], &environment).await;
    assert_eq!((none.code, none.out.as_str()), (Some(0), "No updates yet.\n"), "{}", none.err);
    let update = draft(&test, "", |_| {}).await;
    let unknown = Program::run(&folder, &["updates", "watch", "no-such"], &environment).await;
    assert_eq!(unknown.code, Some(2), "{}", unknown.err);
    let not_sent = Program::run(&folder, &["updates", "watch", &update.slug], &environment).await;
    assert_eq!((not_sent.code, not_sent.out.as_str()), (Some(1), "draft\n"), "{}", not_sent.err);
    subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
    begin(&test, &update).await;
    let serve = Program::start(&folder, &["serve"], &environment);
    let watched = Program::run(&folder, &["updates", "watch", &update.id.to_string()], &environment).await;
    assert_eq!(watched.code, Some(0), "{}", watched.err);
    assert!(
        watched.out.ends_with("sent: 1 of 1 done, 1 taken by the mail server, 0 waiting, 0 refused, 0 not sent, 0 unknown\n"),
        "{}",
        watched.out
    );
    assert!(!watched.out.contains('\u{1b}'), "no colours in a pipe");
    serve.stop().await;
    let list = Program::run(&folder, &["updates"], &environment).await;
    assert!(list.out.contains(&update.slug) && list.out.contains("sent") && list.out.contains("1 of 1"), "{}", list.out);
}
