//! A mail server that greylists, refuses, hangs and cuts connections after the final dot, while the sending process is killed again and
//! again: no letter is lost, and none arrives twice but one whose fate was unknown.
//!
//! `WELLWISHER_STORM=10000,20 cargo test mail::storm` sends 10,000 letters and kills 20 times; without it, few letters and few kills.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{letter, letter_attempt, words::LetterState, words::LetterStream};
use sea_orm::EntityTrait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wellwisher::{
    clock::Clock,
    db::Db,
    mail::{
        outbox::{Outbox, Way},
        pace::DomainLimits,
        smtp::{SmtpLimits, SmtpServer},
        transport::Mailer,
    },
};

use super::{outbox::Office, streams::Mailing};
use crate::support::{SmtpSink, on_both_databases, unique_number};

/// Connections for each stream.
const CONNECTIONS: usize = 16;

fn outbox_to(url: &str) -> Outbox {
    let limits = SmtpLimits {
        connect: Duration::from_secs(5),
        command: Duration::from_secs(1),
        after_dot: Duration::from_secs(1),
        connections_max: CONNECTIONS,
        ..SmtpLimits::default()
    };
    let way = |from: &str| Way {
        mailer: Mailer::Smtp(Arc::new(SmtpServer::new(url, "newsroom.example", limits).unwrap())),
        from: from.parse().unwrap(),
        connections: CONNECTIONS,
    };
    let limits = DomainLimits { at_once: CONNECTIONS / 2, per_second: None };
    Outbox::with_ways(way("give@newsroom.example"), way("news@newsroom.example")).with_domain_limits(limits)
}

/// The time that the sender's clock shows, in a file, so that whoever starts it can let hours pass.
fn read_time(file: &Path) -> Option<DateTime<Utc>> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn write_time(file: &Path, time: DateTime<Utc>) {
    let draft = file.with_extension("part");
    std::fs::write(&draft, time.to_rfc3339()).unwrap();
    std::fs::rename(draft, file).unwrap();
}

/// The process that is killed: this very test, in a process of its own, told what to send by its environment. Without that it is nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender() {
    let Ok(told) = std::env::var("WELLWISHER_STORM_SENDER") else { return };
    let [database, server, time] = told.split('|').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let clock = Clock::manual(read_time(Path::new(time)).unwrap());
    let (db, outbox, stop) = (Db::open(database).await.unwrap(), Arc::new(outbox_to(server)), CancellationToken::new());
    let bell = Arc::new(Notify::new());
    for stream in [LetterStream::Transactional, LetterStream::Updates] {
        tokio::spawn(outbox.clone().send_stream(db.clone(), clock.clone(), stream, bell.clone(), stop.clone()));
    }
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(now) = read_time(Path::new(time)) {
            clock.set(now);
        }
    }
}

struct Sender(Child);

impl Sender {
    fn start(database: &str, server: &str, time: &Path) -> Self {
        let told = format!("{database}|{server}|{}", time.display());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "mail::storm::the_sender", "--nocapture"]).env("WELLWISHER_STORM_SENDER", told);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Sender {
    /// `kill -9`: nothing of it runs after this.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn size() -> (u32, u32) {
    let given = std::env::var("WELLWISHER_STORM").ok();
    let parsed =
        given.as_deref().and_then(|text| text.split_once(',')).map(|(letters, kills)| (letters.parse().unwrap(), kills.parse().unwrap()));
    parsed.unwrap_or((160, 3))
}

/// An address by number: of each hundred, some of every kind of trouble, spread over some domains.
fn address(number: u32) -> String {
    let manner = match number % 100 {
        0..=9 => "greylisted",
        10..=12 => "nobody",
        13..=15 => "cut",
        16 => "hangdot",
        17 => "hangrcpt",
        18 => "full",
        19 => "busy",
        _ => "reader",
    };
    format!("{manner}-{number}@domain{}.example", number % 23)
}

on_both_databases! {
    async fn no_letter_is_lost_and_none_doubled_but_the_unknown(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let (letters, kills) = size();
        let time = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("storm-{}-{}.time", std::process::id(), unique_number()));
        let writer = outbox_to(&sink.url());
        let mailing = Mailing::open(&office).await;
        let news = letters - letters / 10;
        for start in (0..news).step_by(1000) {
            mailing.to(&office, &writer, (start..news.min(start + 1000)).map(address)).await;
        }
        for number in news..letters {
            office.receipt(&writer, &address(number)).await;
        }
        let url = office.database_url().to_owned();
        write_time(&time, office.clock.now());
        let begun = Instant::now();
        for kill in 0..kills {
            let sender = Sender::start(&url, &sink.url(), &time);
            let enough = sink.letters_told() + (letters / (kills + 1)) as usize;
            let patience = Instant::now();
            while sink.letters_told() < enough.min(letters as usize * 3 / 4) && patience.elapsed() < Duration::from_secs(20) {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            tokio::time::sleep(Duration::from_millis(u64::from(kill * 7 % 40))).await;
            drop(sender);
            // What the dead process held is free again after its lease.
            office.minutes_pass(3);
            write_time(&time, office.clock.now());
        }
        let last = Sender::start(&url, &sink.url(), &time);
        let patience = Instant::now();
        loop {
            // Hours pass, so that every retry comes: what stays full or silent is given up after 72 hours.
            office.clock.advance(TimeDelta::seconds(60));
            write_time(&time, office.clock.now());
            tokio::time::sleep(Duration::from_millis(300)).await;
            let all = letter::Entity::find().all(office.db.read()).await.unwrap();
            let waits = |one: &&letter::Model| {
                let may_leave = matches!(one.state, LetterState::Queued | LetterState::Leased | LetterState::Deferred | LetterState::Unknown);
                may_leave && one.next_at < wellwisher::mail::retry::NEVER
            };
            let ended = all.iter().filter(|one| !one.to_address.starts_with("hangrcpt") && !one.to_address.starts_with("full"));
            if ended.filter(waits).count() == 0 {
                break;
            }
            assert!(patience.elapsed() < Duration::from_secs(400), "letters still wait");
        }
        drop(last);
        let _ = std::fs::remove_file(&time);
        judge(&office, &sink, kills as usize, begun).await;
    }
}

/// Compares what the mail server has with what the outbox says. A sender that is killed can leave those in doubt that it has in hand, and no
/// others: news of which nobody knows whether they arrived are not sent again.
async fn judge(office: &Office, sink: &SmtpSink, kills: usize, begun: Instant) {
    let mut arrived: HashMap<String, usize> = HashMap::new();
    for kept in sink.letters() {
        *arrived.entry(kept["message_id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let mut unknown: HashMap<_, usize> = HashMap::new();
    for attempt in letter_attempt::Entity::find().all(office.db.read()).await.unwrap() {
        if attempt.state == LetterState::Unknown {
            *unknown.entry(attempt.letter_id).or_default() += 1;
        }
    }
    let all = letter::Entity::find().all(office.db.read()).await.unwrap();
    let (mut doubled, mut unknown_and_not_there, mut sent) = (0, 0, 0);
    for one in &all {
        let copies = arrived.get(&one.message_id).copied().unwrap_or(0);
        let unknowns = unknown.get(&one.id).copied().unwrap_or(0);
        let manner = one.to_address.split('-').next().unwrap();
        sent += usize::from(one.state == LetterState::Sent);
        match one.state {
            LetterState::Sent => assert!(copies >= 1, "said to be sent and never arrived: {one:?}"),
            LetterState::Unknown => unknown_and_not_there += usize::from(copies == 0),
            LetterState::Bounced => assert_eq!((manner, copies), ("nobody", 0), "{one:?}"),
            _ => assert!(matches!(manner, "hangrcpt" | "full"), "neither sent nor refused: {one:?}"),
        }
        assert!(copies <= 1 + unknowns, "{copies} copies and {unknowns} unknown attempts: {one:?}");
        doubled += usize::from(copies > 1);
    }
    assert!(unknown_and_not_there <= kills * CONNECTIONS, "{unknown_and_not_there} of unknown fate did not arrive, of {kills} kills");
    println!(
        "{} letters in {:.1} s: {sent} sent, {} attempts of unknown fate, {doubled} arrived twice, {unknown_and_not_there} unknown that did not arrive",
        all.len(),
        begun.elapsed().as_secs_f64(),
        unknown.values().sum::<usize>(),
    );
}
