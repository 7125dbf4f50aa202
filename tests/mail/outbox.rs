//! The outbox: no letter is lost, and none is doubled but a receipt whose fate nobody knows.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::LetterId,
    letter,
    words::{LetterKind, LetterStage, LetterState, LetterStream},
};
use wellwisher::{
    clock::{Clock, Random},
    db::Db,
    error::Error,
    mail::{
        outbox::{self, NewLetter, Outbox},
        retry::{self, NEVER, Trouble},
        smtp::{SmtpLimits, SmtpServer},
        store::{self, LetterFilter},
        transport::{Delivery, Mailer, Memory, Outcome, Reply},
    },
};

use super::transport::quick;
use crate::support::{FromDatabase, SmtpSink, TestDatabase, on_both_databases};

/// A newsroom that only writes letters.
pub struct Office {
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    database: TestDatabase,
}

impl FromDatabase for Office {
    async fn from_database(database: TestDatabase) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        Self { db: Db::open(&database.url).await.unwrap(), clock, random: Random::default(), database }
    }
}

impl Office {
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    pub async fn write(&self, outbox: &Outbox, to: &str, kind: LetterKind) -> LetterId {
        let (id, now) = (self.random.id(self.clock.now()), self.clock.now());
        let letter = letter(to, kind, &format!("test:{id}"));
        self.db.write(async |tx| outbox.enqueue(tx, letter.clone(), id, now).await).await.unwrap()
    }

    pub async fn receipt(&self, outbox: &Outbox, to: &str) -> LetterId {
        self.write(outbox, to, LetterKind::Receipt).await
    }

    /// What is due now goes out.
    pub async fn round(&self, outbox: &Outbox) -> outbox::Round {
        outbox.deliver_due(&self.db, &self.clock).await.unwrap()
    }

    pub async fn find(&self, id: LetterId) -> letter::Model {
        store::find(self.db.read(), id).await.unwrap().0
    }

    pub async fn states_of_attempts(&self, id: LetterId) -> Vec<LetterState> {
        store::find(self.db.read(), id).await.unwrap().1.into_iter().map(|attempt| attempt.state).collect()
    }

    /// A worker takes all that is due and is then killed.
    async fn lease_and_die(&self) -> Vec<letter::Model> {
        let now = self.clock.now();
        self.db.write(async |tx| store::lease(tx, LetterStream::Transactional, now, now + TimeDelta::seconds(120), 10).await).await.unwrap()
    }

    pub fn minutes_pass(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }
}

fn letter(to: &str, kind: LetterKind, key: &str) -> NewLetter {
    NewLetter {
        kind,
        dedupe_key: key.to_owned(),
        donation_id: None,
        receipt_id: None,
        to_address: to.to_owned(),
        to_name: String::new(),
        subject: "Your receipt".into(),
        text: "Thank you.".into(),
        html: "<p>Thank you.</p>".into(),
        language: "en".into(),
        discreet: false,
    }
}

pub fn outbox_to(url: &str) -> Outbox {
    outbox_with(url, quick())
}

pub fn outbox_with(url: &str, limits: SmtpLimits) -> Outbox {
    let server = SmtpServer::new(url, "newsroom.example", limits).unwrap();
    Outbox::new(Mailer::Smtp(Arc::new(server)), "The Newsroom <give@newsroom.example>".parse().unwrap())
}

/// An address that nobody listens on.
fn outbox_to_nowhere() -> Outbox {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    outbox_to(&format!("smtp://127.0.0.1:{port}"))
}

fn message_ids(sink: &SmtpSink) -> Vec<String> {
    sink.letters().iter().map(|letter| letter["message_id"].as_str().unwrap().to_owned()).collect()
}

on_both_databases! {
    async fn a_letter_is_there_only_when_what_it_tells_was_committed(office: Office) {
        let memory = Memory::default();
        let outbox = Outbox::new(Mailer::Memory(memory.clone()), "give@newsroom.example".parse().unwrap());
        let (id, now) = (office.random.id(office.clock.now()), office.clock.now());
        let failed = office.db.write(async |tx| {
            outbox.enqueue(tx, letter("a@example.org", LetterKind::Receipt, "receipt:R-1"), id, now).await?;
            Err::<(), _>(Error::Conflict("the ledger said no".into()))
        }).await;
        assert!(failed.is_err());
        assert_eq!(office.round(&outbox).await, outbox::Round::default());

        let id = office.receipt(&outbox, "a@example.org").await;
        assert_eq!(office.round(&outbox).await, outbox::Round { tried: 1, sent: 1, recovered: 0 });
        assert_eq!(office.round(&outbox).await.tried, 0);
        let sent = office.find(id).await;
        assert_eq!((sent.state, sent.sent_at, sent.attempts), (LetterState::Sent, Some(office.clock.now()), 1));
        assert_eq!(memory.letters()[0].message_id, format!("{id}@newsroom.example"));
    }

    async fn the_same_news_is_told_once(office: Office) {
        let outbox = outbox_to_nowhere();
        let now = office.clock.now();
        let mut ids = Vec::new();
        for _ in 0..3 {
            let new = office.random.id(now);
            let letter = letter("a@example.org", LetterKind::Receipt, "receipt:R-2026-000001");
            ids.push(office.db.write(async |tx| outbox.enqueue(tx, letter.clone(), new, now).await).await.unwrap());
        }
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(store::list(office.db.read(), &LetterFilter::default(), None, 10).await.unwrap().count, 1);
    }

    async fn a_greylisted_letter_goes_out_a_minute_later_with_the_same_message_id(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let id = office.receipt(&outbox, "greylisted@example.org").await;
        office.round(&outbox).await;
        let letter = office.find(id).await;
        assert_eq!((letter.state, letter.smtp_code, letter.last_stage), (LetterState::Deferred, Some(451), Some(LetterStage::Rcpt)));
        assert!(letter.last_reply.contains("Greylisted"));
        office.clock.advance(TimeDelta::seconds(59));
        assert_eq!(office.round(&outbox).await.tried, 0);
        office.clock.advance(TimeDelta::seconds(1));
        assert_eq!(office.round(&outbox).await.sent, 1);
        assert_eq!(office.states_of_attempts(id).await, [LetterState::Deferred, LetterState::Sent]);
        assert_eq!(message_ids(&sink), [letter.message_id]);
    }

    async fn a_link_to_sign_in_that_has_ended_is_not_handed_over(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let id = office.write(&outbox, "greylisted@example.org", LetterKind::PortalLink).await;
        office.round(&outbox).await;
        assert_eq!(office.find(id).await.state, LetterState::Deferred);
        office.minutes_pass(1);
        let fresh = office.write(&outbox, "wren@example.org", LetterKind::PortalLink).await;
        office.minutes_pass(9);
        assert_eq!(office.round(&outbox).await, outbox::Round { tried: 1, sent: 1, recovered: 0 });
        let ended = office.find(id).await;
        assert_eq!((ended.state, ended.next_at), (LetterState::Suppressed, NEVER));
        assert!(ended.last_reply.contains("link in this letter has ended"), "{}", ended.last_reply);
        assert_eq!(office.states_of_attempts(id).await, [LetterState::Deferred]);
        assert_eq!(message_ids(&sink), [office.find(fresh).await.message_id]);
        let now = office.clock.now();
        let refused = office.db.write(async |tx| outbox::retry_letter(tx, id, now).await).await.unwrap_err();
        assert!(matches!(&refused, Error::Conflict(why) if why.contains("asks for a new one")), "{refused:?}");
    }

    async fn a_refused_letter_is_never_tried_again_and_staff_learn_whose_fault_it_is(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let nobody = office.receipt(&outbox, "nobody@example.org").await;
        let unwanted = office.receipt(&outbox, "unwanted@example.org").await;
        let policy = office.receipt(&outbox, "policy@example.org").await;
        let nonsense = office.receipt(&outbox, "not an address").await;
        assert_eq!(office.round(&outbox).await.tried, 4);
        for (id, state, trouble) in [
            (nobody, LetterState::Bounced, Trouble::Address),
            (unwanted, LetterState::Bounced, Trouble::Address),
            (policy, LetterState::Dead, Trouble::Sender),
            (nonsense, LetterState::Bounced, Trouble::Address),
        ] {
            let letter = office.find(id).await;
            assert_eq!((letter.state, letter.next_at), (state, NEVER), "{letter:?}");
            assert_eq!(Trouble::of(letter.state, letter.smtp_code), Some(trouble));
        }
        office.minutes_pass(60 * 24 * 365);
        assert_eq!(office.round(&outbox).await.tried, 0);
        assert_eq!(sink.wait_for("rcpt", 3).await.len(), 3);
        let troubled = LetterFilter { troubled: true, ..LetterFilter::default() };
        assert_eq!(store::list(office.db.read(), &troubled, None, 2).await.unwrap().count, 4);
    }

    async fn a_receipt_cut_off_after_the_final_dot_goes_out_once_more_as_the_same_message(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let id = office.receipt(&outbox, "cut@example.org").await;
        office.round(&outbox).await;
        let letter = office.find(id).await;
        assert_eq!((letter.state, letter.last_stage), (LetterState::Unknown, Some(LetterStage::Dot)));
        office.minutes_pass(14);
        assert_eq!(office.round(&outbox).await.tried, 0);
        office.minutes_pass(1);
        assert_eq!(office.round(&outbox).await.sent, 1);
        assert_eq!(message_ids(&sink), [letter.message_id.clone(), letter.message_id]);
        assert_eq!(office.states_of_attempts(id).await, [LetterState::Unknown, LetterState::Sent]);
    }

    async fn a_fate_that_stays_unknown_is_shown_and_not_tried_for_ever(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_with(&sink.url(), SmtpLimits { after_dot: std::time::Duration::from_millis(300), ..quick() });
        let receipt = office.receipt(&outbox, "hangdot-1@example.org").await;
        let notice = office.write(&outbox, "hangdot-2@example.org", LetterKind::StaffNotice).await;
        let question = office.write(&outbox, "hangdot-3@example.org", LetterKind::PromiseChanged).await;
        for _ in 0..10 {
            office.round(&outbox).await;
            office.minutes_pass(15);
        }
        assert_eq!(office.states_of_attempts(receipt).await, [LetterState::Unknown; 2]);
        assert_eq!(office.states_of_attempts(notice).await, [LetterState::Unknown; 1], "staff see the desk");
        assert_eq!(office.states_of_attempts(question).await, [LetterState::Unknown; 2], "her money waits for her word");
        let letter = office.find(receipt).await;
        assert_eq!((letter.state, letter.next_at), (LetterState::Unknown, NEVER));
        assert_eq!(sink.letters().len(), 5);
    }

    async fn a_server_that_stays_away_is_tried_for_72_hours(office: Office) {
        let outbox = outbox_to_nowhere();
        let id = office.receipt(&outbox, "a@example.org").await;
        let start = office.clock.now();
        let mut minutes = Vec::new();
        loop {
            assert_eq!(office.round(&outbox).await.tried, 1);
            let letter = office.find(id).await;
            if letter.state == LetterState::Dead {
                assert_eq!(Trouble::of(letter.state, letter.smtp_code), Some(Trouble::GivenUp));
                break;
            }
            assert_eq!(letter.state, LetterState::Deferred);
            minutes.push((letter.next_at - office.clock.now()).num_minutes());
            office.clock.set(letter.next_at - TimeDelta::microseconds(1));
            assert_eq!(office.round(&outbox).await.tried, 0);
            office.clock.set(letter.next_at);
        }
        assert_eq!(minutes[..9], [1, 5, 15, 30, 60, 120, 240, 240, 240]);
        let hours = (office.clock.now() - start).num_minutes() as f64 / 60.0;
        assert!((70.0..74.0).contains(&hours), "given up after {hours} hours");
    }

    async fn two_workers_never_send_one_letter_twice(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let (ours, theirs) = (outbox_to(&sink.url()), outbox_to(&sink.url()));
        let other = Db::open(&office.database.url).await.unwrap();
        for number in 0..60 {
            office.receipt(&ours, &format!("reader-{number}@example.org")).await;
        }
        let work = async |outbox: &Outbox, db: &Db| {
            let mut sent = 0;
            loop {
                let round = outbox.deliver_due(db, &office.clock).await.unwrap();
                sent += round.sent;
                if round.tried == 0 {
                    return sent;
                }
            }
        };
        let (first, second, third) = tokio::join!(work(&ours, &office.db), work(&theirs, &other), work(&theirs, &other));
        assert_eq!(first + second + third, 60);
        sink.wait_for("letter", 60).await;
        let mut ids = message_ids(&sink);
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), sink.letters().len()), (60, 60));
        other.close().await.unwrap();
    }

    async fn a_worker_killed_before_it_handed_a_letter_over_loses_nothing(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let id = office.receipt(&outbox, "a@example.org").await;
        assert_eq!(office.lease_and_die().await.len(), 1);
        office.clock.advance(TimeDelta::seconds(119));
        assert_eq!(office.round(&outbox).await.tried, 0);
        office.clock.advance(TimeDelta::seconds(1));
        assert_eq!(office.round(&outbox).await, outbox::Round { tried: 1, sent: 1, recovered: 0 });
        assert_eq!((office.find(id).await.attempts, sink.letters().len()), (2, 1));
    }

    async fn a_worker_killed_at_the_dot_leaves_an_unknown_fate_and_a_second_copy_later(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let id = office.receipt(&outbox, "a@example.org").await;
        let leased = office.lease_and_die().await.remove(0);
        let until = office.clock.now() + TimeDelta::minutes(11);
        assert!(office.db.write(async |tx| store::note_dot(tx, &leased, until).await).await.unwrap());
        office.minutes_pass(10);
        assert_eq!(office.round(&outbox).await, outbox::Round::default());
        office.minutes_pass(1);
        assert_eq!(office.round(&outbox).await, outbox::Round { tried: 0, sent: 0, recovered: 1 });
        assert_eq!(office.find(id).await.state, LetterState::Unknown);
        office.minutes_pass(15);
        assert_eq!(office.round(&outbox).await.sent, 1);
        assert_eq!(message_ids(&sink), [leased.message_id]);
    }

    async fn a_worker_that_lost_its_lease_sends_and_writes_nothing(office: Office) {
        let outbox = outbox_to_nowhere();
        let id = office.receipt(&outbox, "a@example.org").await;
        let slow = office.lease_and_die().await.remove(0);
        office.minutes_pass(3);
        let quick = office.lease_and_die().await.remove(0);
        assert_eq!((slow.id, quick.id), (id, id));
        let now: DateTime<Utc> = office.clock.now();
        let sent = Delivery { stage: LetterStage::Done, outcome: Outcome::Sent(Reply::none("")) };
        let verdict = retry::judge(LetterKind::Receipt, 1, 0, &sent, now);
        let (noted, recorded) = office.db.write(async |tx| {
            Ok((store::note_dot(tx, &slow, now).await?, store::record(tx, &slow, &sent, verdict, now).await?))
        }).await.unwrap();
        assert_eq!((noted, recorded), (false, false));
        assert_eq!(office.find(id).await, quick);
    }

    async fn staff_can_have_a_letter_tried_again_or_its_content_sent_once_more(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let id = office.receipt(&outbox, "nobody@example.org").await;
        office.round(&outbox).await;
        let now = office.clock.now();
        office.db.write(async |tx| outbox::retry_letter(tx, id, now).await).await.unwrap();
        assert_eq!(office.round(&outbox).await.tried, 1);
        assert_eq!(office.states_of_attempts(id).await, [LetterState::Bounced; 2]);

        let bounced = office.find(id).await;
        let copy = outbox::copy_of(&bounced, "test:again:1".into(), "right@example.org");
        let new = office.random.id(now);
        let again = office.db.write(async |tx| outbox.enqueue(tx, copy.clone(), new, now).await).await.unwrap();
        assert_eq!(office.round(&outbox).await.sent, 1);
        let (sent, kept) = (office.find(again).await, sink.wait_for("letter", 1).await);
        assert_eq!((kept[0]["to"].as_str(), &sent.text_body), (Some("right@example.org"), &bounced.text_body));
        assert_ne!(sent.message_id, bounced.message_id);

        let refused = office.db.write(async |tx| outbox::retry_letter(tx, again, now).await).await.unwrap_err();
        assert!(matches!(&refused, Error::Conflict(why) if why.contains("sent")), "{refused:?}");
        let unheard = office.random.id(now);
        assert!(matches!(office.db.write(async |tx| outbox::retry_letter(tx, unheard, now).await).await, Err(Error::NotFound)));
    }

    async fn the_desk_finds_letters_by_state_and_text_newest_first(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        for to in ["one@example.org", "nobody@example.org", "two_percent%@example.org"] {
            office.receipt(&outbox, to).await;
            office.minutes_pass(1);
        }
        office.round(&outbox).await;
        let db = office.db.read();
        let all = LetterFilter::default();
        let first = store::list(db, &all, None, 2).await.unwrap();
        let addresses = |page: &store::LetterPage| page.lines.iter().map(|line| line.to_address.clone()).collect::<Vec<_>>();
        assert_eq!((addresses(&first), first.count), (vec!["two_percent%@example.org".into(), "nobody@example.org".into()], 3));
        let second = store::list(db, &all, first.next, 2).await.unwrap();
        assert_eq!((addresses(&second), second.next, second.count), (vec!["one@example.org".into()], None, 3));
        let found = async |filter: LetterFilter| store::list(db, &filter, None, 10).await.unwrap().count;
        let sent = LetterFilter { state: Some(LetterState::Sent), ..LetterFilter::default() };
        assert_eq!(found(sent).await, 2);
        let search = |text: &str| LetterFilter { search: Some(text.into()), ..LetterFilter::default() };
        assert_eq!(found(search("nobody@")).await, 1);
        assert_eq!(found(search("ONE@Example")).await, 1, "capitals do not matter");
        assert_eq!(found(search("%")).await, 1, "a percent sign is a percent sign");
        let mut counts = store::count_by_state(db).await.unwrap();
        counts.sort();
        assert_eq!(counts, [(LetterState::Sent, 2), (LetterState::Bounced, 1)]);
    }
}
