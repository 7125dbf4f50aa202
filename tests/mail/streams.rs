//! Two streams: receipts go before news, a slow domain holds up no other, and nobody gets a mailing twice.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use entity::{
    ids::{LetterContentId, MailingId, SupporterId},
    words::{LetterKind, LetterState, LetterStream, SuppressionReason},
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use wellwisher::mail::{
    mailing::{self, Content, Enqueued, Recipient},
    outbox::{Outbox, Way},
    pace::{DomainLimits, Pace, Turn},
    smtp::SmtpServer,
    store::{self, LetterFilter},
    streams,
    suppression::{self, AddressKey, NewSuppression},
    topic::Topic,
    transport::{Mailer, Memory},
};

use super::{
    outbox::{Office, outbox_to},
    transport::quick,
};
use crate::support::{SmtpSink, on_both_databases};

/// A mailing in English and Dari, not yet sent to anybody.
pub struct Mailing {
    pub id: MailingId,
    english: LetterContentId,
    dari: LetterContentId,
}

impl Mailing {
    pub async fn open(office: &Office) -> Self {
        let now = office.clock.now();
        let mailing = Self { id: office.random.id(now), english: office.random.id(now), dari: office.random.id(now) };
        let content = |language: &str, subject: &str| Content {
            language: language.into(),
            subject: subject.into(),
            text: "[[greeting]]\n\nThe winter coats have come.\n\n[[unsubscribe]]\n".into(),
            html: "<title>Coats</title><p>[[greeting]]</p><p><a href=\"[[unsubscribe]]\">No more</a></p>".into(),
            ..Content::default()
        };
        office
            .db
            .write(async |tx| {
                mailing::open(tx, mailing.id, "Winter coats", now).await?;
                mailing::add_content(tx, mailing.english, mailing.id, &content("en", "The coats have come")).await?;
                mailing::add_content(tx, mailing.dari, mailing.id, &content("fa-AF", "کرتی‌ها رسید")).await
            })
            .await
            .unwrap();
        mailing
    }

    pub fn recipient(&self, office: &Office, address: &str) -> Recipient {
        Recipient {
            supporter_id: office.random.id::<SupporterId>(office.clock.now()),
            to_address: address.to_owned(),
            to_name: String::new(),
            content_id: self.english,
            language: "en".into(),
            topic: Topic::Updates,
        }
    }

    pub async fn write(&self, office: &Office, outbox: &Outbox, recipients: &[Recipient]) -> Enqueued {
        let now = office.clock.now();
        office.db.write(async |tx| outbox.enqueue_mailing(tx, self.id, recipients, &office.random, now).await).await.unwrap()
    }

    pub async fn to(&self, office: &Office, outbox: &Outbox, addresses: impl IntoIterator<Item = String>) -> Enqueued {
        let recipients: Vec<_> = addresses.into_iter().map(|address| self.recipient(office, &address)).collect();
        self.write(office, outbox, &recipients).await
    }
}

fn in_memory() -> (Outbox, Memory) {
    let memory = Memory::default();
    let way = |from: &str| Way { mailer: Mailer::Memory(memory.clone()), from: from.parse().unwrap(), connections: 4 };
    (Outbox::with_ways(way("The Newsroom <give@newsroom.example>"), way("The Newsroom <news@updates.example>")), memory)
}

/// Sends both streams as `serve` does, until `done`.
async fn pump(office: &Office, outbox: Outbox, done: impl AsyncFn() -> bool) {
    let (outbox, bell, stop) = (Arc::new(outbox), Arc::new(Notify::new()), CancellationToken::new());
    let pumps = [LetterStream::Transactional, LetterStream::Updates].map(|stream| {
        let (outbox, db, clock, bell, stop) = (outbox.clone(), office.db.clone(), office.clock.clone(), bell.clone(), stop.clone());
        tokio::spawn(outbox.send_stream(db, clock, stream, bell, stop))
    });
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(60), "the letters do not leave");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    for pump in pumps {
        pump.await.unwrap();
    }
}

on_both_databases! {
    async fn a_receipt_goes_before_all_news_that_were_there_first(office: Office) {
        let (outbox, memory) = in_memory();
        let mailing = Mailing::open(&office).await;
        for thousand in 0..3 {
            let many = (0..1000).map(|number| format!("reader-{thousand}-{number}@example.org"));
            assert_eq!(mailing.to(&office, &outbox, many).await, Enqueued { queued: 1000, suppressed: 0, known: 0 });
        }
        office.minutes_pass(1);
        assert!(office.round(&outbox).await.sent > 0);
        office.receipt(&outbox, "giver@example.org").await;
        let before = memory.letters().len();
        office.round(&outbox).await;
        assert_eq!(memory.letters().len(), before + 1, "the receipt alone");
        assert_eq!(memory.letters()[before].to.to_string(), "giver@example.org");
        assert!(office.round(&outbox).await.sent > 1, "then news again");
    }

    async fn each_stream_has_its_own_sender_and_only_news_can_be_ended_by_a_click(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let way = |from: &str| {
            let from: lettre::message::Mailbox = from.parse().unwrap();
            let server = SmtpServer::new(&sink.url(), from.email.domain(), quick()).unwrap();
            Way { mailer: Mailer::Smtp(Arc::new(server)), from, connections: 2 }
        };
        let outbox = Outbox::with_ways(way("The Newsroom <give@newsroom.example>"), way("The Newsroom <news@updates.example>"));
        let mailing = Mailing::open(&office).await;
        let named = Recipient { to_name: "Wren <b>".into(), ..mailing.recipient(&office, "wren@example.org") };
        let dari = Recipient { content_id: mailing.dari, language: "fa-AF".into(), ..mailing.recipient(&office, "gul@example.org") };
        mailing.write(&office, &outbox, &[named, dari]).await;
        office.receipt(&outbox, "wren@example.org").await;
        assert_eq!(office.round(&outbox).await.sent, 1);
        assert_eq!(office.round(&outbox).await.sent, 2);
        let letters = sink.wait_for("letter", 3).await;
        let (receipt, news) = (&letters[0], letters.iter().find(|letter| letter["to"] == "wren@example.org" && letter["sender"] == "news@updates.example").unwrap());
        assert_eq!(receipt["sender"], "give@newsroom.example");
        assert!(receipt["list_unsubscribe"].is_null());
        assert!(news["message_id"].as_str().unwrap().ends_with("@updates.example"), "{news}");
        let link = news["list_unsubscribe"].as_str().unwrap().trim_matches(['<', '>']).to_owned();
        assert_eq!(news["list_unsubscribe_post"], "List-Unsubscribe=One-Click");
        assert!(news["text"].as_str().unwrap().contains(&link) && news["html"].as_str().unwrap().contains(&link), "{news}");
        assert!(news["text"].as_str().unwrap().contains("Wren <b>") && news["html"].as_str().unwrap().contains("Wren &lt;b&gt;"), "{news}");
        let wish = outbox.unsubscribe_key().read(link.rsplit('/').next().unwrap()).unwrap();
        assert_eq!((wish.address_hash, wish.topic), (outbox.address_key().hash(" WREN@Example.org "), Topic::Updates));
        assert!(letters.iter().any(|letter| letter["subject"] == "کرتی‌ها رسید"), "{letters:?}");
    }

    async fn a_mailing_reaches_each_recipient_once_however_often_a_batch_is_written(office: Office) {
        let (outbox, memory) = in_memory();
        let mailing = Mailing::open(&office).await;
        let mut recipients: Vec<_> = (0..600).map(|number| mailing.recipient(&office, &format!("reader-{number}@example.org"))).collect();
        recipients.push(mailing.recipient(&office, ""));
        assert_eq!(mailing.write(&office, &outbox, &recipients).await, Enqueued { queued: 600, suppressed: 1, known: 0 });
        recipients.push(mailing.recipient(&office, "late@example.org"));
        assert_eq!(mailing.write(&office, &outbox, &recipients).await, Enqueued { queued: 1, suppressed: 0, known: 601 });
        pump(&office, outbox, async || mailing::progress(office.db.read(), mailing.id).await.unwrap().is_over()).await;
        assert_eq!(memory.letters().len(), 601);
        let progress = mailing::progress(office.db.read(), mailing.id).await.unwrap();
        assert_eq!((progress.sent, progress.suppressed, progress.total()), (601, 1, 602));
    }

    async fn a_stream_or_a_mailing_is_held_back_and_goes_on_and_a_stopped_one_does_not(office: Office) {
        let (outbox, memory) = in_memory();
        let (first, second) = (Mailing::open(&office).await, Mailing::open(&office).await);
        first.to(&office, &outbox, ["a@example.org".to_owned()]).await;
        second.to(&office, &outbox, ["b@example.org".to_owned(), "c@example.org".to_owned()]).await;
        office.receipt(&outbox, "giver@example.org").await;
        let now = office.clock.now();
        office.db.write(async |tx| {
            streams::pause(tx, LetterStream::Updates, "the wrong photo", now).await?;
            mailing::pause(tx, second.id, "a mistake", now).await
        }).await.unwrap();
        assert_eq!(office.round(&outbox).await.sent, 1, "receipts leave while news are held back");
        assert_eq!(office.round(&outbox).await.tried, 0);
        assert_eq!(streams::paused(office.db.read()).await.unwrap()[0].reason, "the wrong photo");

        assert!(office.db.write(async |tx| streams::resume(tx, LetterStream::Updates).await).await.unwrap());
        assert_eq!(office.round(&outbox).await.sent, 1, "the other mailing is still held back");
        office.db.write(async |tx| mailing::resume(tx, second.id).await).await.unwrap();
        office.db.write(async |tx| mailing::pause(tx, second.id, "", now).await).await.unwrap();
        let held = office.db.write(async |tx| mailing::stop(tx, second.id, "withdrawn", now).await).await.unwrap();
        assert_eq!(held, 2);
        office.minutes_pass(60 * 24 * 30);
        assert_eq!(office.round(&outbox).await.tried, 0);
        assert_eq!(memory.letters().len(), 2);
        let recipients = [second.recipient(&office, "d@example.org")];
        let late = office.db.write(async |tx| outbox.enqueue_mailing(tx, second.id, &recipients, &office.random, now).await).await;
        assert!(late.is_err(), "a stopped mailing takes nobody in");
        assert!(office.db.write(async |tx| mailing::resume(tx, second.id).await).await.is_err());
    }

    async fn a_letter_that_was_only_taken_does_not_leave_once_its_mailing_or_stream_is_held_back(office: Office) {
        let (outbox, memory) = in_memory();
        let mailing = Mailing::open(&office).await;
        mailing.to(&office, &outbox, ["a@example.org".to_owned(), "b@example.org".to_owned()]).await;
        let (now, until) = (office.clock.now(), office.clock.now() + TimeDelta::minutes(2));
        let taken = office.db.write(async |tx| store::lease(tx, LetterStream::Updates, now, until, 10).await).await.unwrap();
        assert_eq!(taken.len(), 2);
        let may_leave = async || office.db.write(async |tx| store::note_dot(tx, &taken[0], until).await).await.unwrap();
        office.db.write(async |tx| mailing::pause(tx, mailing.id, "a mistake", now).await).await.unwrap();
        assert!(!may_leave().await, "its mailing is held back");
        office.db.write(async |tx| mailing::resume(tx, mailing.id).await).await.unwrap();
        office.db.write(async |tx| streams::pause(tx, LetterStream::Updates, "", now).await).await.unwrap();
        assert!(!may_leave().await, "its stream is held back");
        office.db.write(async |tx| streams::resume(tx, LetterStream::Updates).await).await.unwrap();
        assert_eq!(office.db.write(async |tx| mailing::stop(tx, mailing.id, "withdrawn", now).await).await.unwrap(), 0, "none waits");
        assert!(!may_leave().await, "its mailing was stopped");

        // Put back because it could not leave, it never does.
        let back: Vec<_> = taken.into_iter().map(|letter| (letter, now)).collect();
        office.db.write(async |tx| store::put_back(tx, &back).await).await.unwrap();
        assert_eq!(office.round(&outbox).await.tried, 0);
        let progress = mailing::progress(office.db.read(), mailing.id).await.unwrap();
        assert_eq!((progress.suppressed, progress.is_over(), memory.letters().len()), (2, true, 0));
    }

    async fn a_mailing_that_is_stopped_while_servers_are_asked_sends_nothing_more(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let mailing = Mailing::open(&office).await;
        let outbox = outbox_to(&sink.url());
        mailing.to(&office, &outbox, (0..20).map(|n| format!("slowrcpt-{n}@one.example"))).await;
        let now = office.clock.now();
        let stopped = std::sync::atomic::AtomicBool::new(false);
        pump(&office, outbox, async || {
            if !sink.events("rcpt").is_empty() && !stopped.swap(true, std::sync::atomic::Ordering::Relaxed) {
                office.db.write(async |tx| mailing::stop(tx, mailing.id, "withdrawn", now).await).await.unwrap();
            }
            mailing::progress(office.db.read(), mailing.id).await.unwrap().is_over()
        }).await;
        let progress = mailing::progress(office.db.read(), mailing.id).await.unwrap();
        assert_eq!((progress.suppressed, progress.sent, sink.letters().len()), (20, 0, 0), "{progress:?}");
    }

    async fn an_address_with_a_domain_in_its_own_script_is_written_to_in_ascii(office: Office) {
        let (outbox, memory) = in_memory();
        office.receipt(&outbox, "wren@bücher.example").await;
        assert_eq!(office.round(&outbox).await.sent, 1);
        assert_eq!(memory.letters()[0].to.to_string(), "wren@xn--bcher-kva.example");
    }

    async fn another_secret_key_holds_news_back_before_somebody_who_wants_none_gets_them(office: Office) {
        let now = office.clock.now();
        let (key, other) = (AddressKey::new(&[1; 32]), AddressKey::new(&[2; 32]));
        assert!(suppression::notice_key(&office.db, &key, now).await.unwrap());
        assert!(suppression::notice_key(&office.db, &other, now).await.unwrap(), "nobody has said anything yet");
        let new = NewSuppression {
            address_hash: other.hash("wren@example.org"),
            topic: Topic::Updates,
            reason: SuppressionReason::Unsubscribed,
            note: String::new(),
            letter_id: None,
            made_by: "supporter".into(),
        };
        let id = office.random.id(now);
        office.db.write(async |tx| suppression::suppress(tx, &new, id, now).await).await.unwrap();
        assert!(suppression::notice_key(&office.db, &other, now).await.unwrap());
        assert!(streams::paused(office.db.read()).await.unwrap().is_empty());
        assert!(!suppression::notice_key(&office.db, &key, now).await.unwrap());
        let paused = streams::paused(office.db.read()).await.unwrap();
        assert_eq!(paused.iter().map(|one| one.stream).collect::<Vec<_>>(), [LetterStream::Updates]);
        assert!(paused[0].reason.contains("SECRET_KEY"));
        office.db.write(async |tx| streams::resume(tx, LetterStream::Updates).await).await.unwrap();
        assert!(suppression::notice_key(&office.db, &key, now).await.unwrap(), "said once: staff decide");
        assert!(streams::paused(office.db.read()).await.unwrap().is_empty());
    }

    async fn a_domain_that_is_overrun_gets_a_pause_and_greylisting_does_not_count(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let mailing = Mailing::open(&office).await;
        let to = |kind: &str, domain: &str, count: u32| (0..count).map(|n| format!("{kind}-{n}@{domain}")).collect::<Vec<_>>();
        mailing.to(&office, &outbox, [to("busy", "overrun.example", 3), to("greylisted", "grey.example", 5)].concat()).await;
        office.round(&outbox).await;
        let resting = streams::resting_domains(office.db.read(), office.clock.now()).await.unwrap();
        assert_eq!(resting.iter().map(|one| one.domain.as_str()).collect::<Vec<_>>(), ["overrun.example"]);
        office.minutes_pass(1);
        mailing.to(&office, &outbox, to("reader", "overrun.example", 2)).await;
        assert_eq!(office.round(&outbox).await.sent, 5, "those of the other domain, at their own time");
        office.receipt(&outbox, "reader-9@overrun.example").await;
        assert_eq!(office.round(&outbox).await.sent, 1, "a receipt goes there all the same");
        office.minutes_pass(15);
        assert_eq!(office.round(&outbox).await.sent, 5);
    }

    async fn a_server_that_hangs_for_one_domain_holds_up_neither_receipts_nor_other_domains(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let server = |from: &str| SmtpServer::new(&sink.url(), from, wellwisher::mail::smtp::SmtpLimits { after_dot: Duration::from_secs(20), ..quick() }).unwrap();
        let way = |from: &str| Way { mailer: Mailer::Smtp(Arc::new(server("newsroom.example"))), from: from.parse().unwrap(), connections: 4 };
        let limits = DomainLimits { at_once: 2, per_second: None };
        let outbox = Outbox::with_ways(way("give@newsroom.example"), way("news@newsroom.example")).with_domain_limits(limits);
        let mailing = Mailing::open(&office).await;
        mailing.to(&office, &outbox, (0..40).map(|n| format!("hangdot-{n}@slow.example"))).await;
        mailing.to(&office, &outbox, (0..30).map(|n| format!("reader-{n}@quick{}.example", n % 3))).await;
        for n in 0..5 {
            office.receipt(&outbox, &format!("giver-{n}@slow.example")).await;
        }
        let start = Instant::now();
        let sent = LetterFilter { state: Some(LetterState::Sent), ..LetterFilter::default() };
        let (outbox, bell, stop) = (Arc::new(outbox), Arc::new(Notify::new()), CancellationToken::new());
        let pumps = [LetterStream::Transactional, LetterStream::Updates].map(|stream| {
            tokio::spawn(outbox.clone().send_stream(office.db.clone(), office.clock.clone(), stream, bell.clone(), stop.clone()))
        });
        while store::list(office.db.read(), &sent, None, 1).await.unwrap().count < 35 {
            assert!(start.elapsed() < Duration::from_secs(18), "{} letters left", store::list(office.db.read(), &sent, None, 1).await.unwrap().count);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let hung = sink.events("rcpt").iter().filter(|event| event["to"].as_str().unwrap().starts_with("hangdot")).count();
        assert!((1..=2).contains(&hung), "{hung} at once to one domain");
        stop.cancel();
        for pump in pumps {
            pump.abort();
        }
    }

    async fn who_wants_no_news_gets_none_also_when_she_says_so_after_they_were_written(office: Office) {
        let (outbox, memory) = in_memory();
        let mailing = Mailing::open(&office).await;
        let suppress = async |address: &str, topic: Topic, reason: SuppressionReason| {
            let new = NewSuppression {
                address_hash: outbox.address_key().hash(address),
                topic,
                reason,
                note: String::new(),
                letter_id: None,
                made_by: "supporter".into(),
            };
            let (id, now) = (office.random.id(office.clock.now()), office.clock.now());
            office.db.write(async |tx| suppression::suppress(tx, &new, id, now).await).await.unwrap();
        };
        suppress("before@example.org", Topic::Updates, SuppressionReason::Unsubscribed).await;
        suppress("gone@example.org", Topic::Everything, SuppressionReason::HardBounce).await;
        let addresses = ["Before@Example.org", "gone@example.org", "after@example.org", "stays@example.org"];
        let written = mailing.to(&office, &outbox, addresses.map(str::to_owned)).await;
        assert_eq!(written, Enqueued { queued: 2, suppressed: 2, known: 0 });
        suppress("after@example.org", Topic::Updates, SuppressionReason::Complaint).await;
        suppress("stays@example.org", Topic::Campaign(office.random.id(office.clock.now())), SuppressionReason::Unsubscribed).await;
        office.round(&outbox).await;
        assert_eq!(memory.letters().iter().map(|letter| letter.to.to_string()).collect::<Vec<_>>(), ["stays@example.org"]);
        assert_eq!(mailing::progress(office.db.read(), mailing.id).await.unwrap().suppressed, 3);

        // Receipts are no news; an address that took none is given another chance after a month.
        for to in ["before@example.org", "after@example.org", "gone@example.org"] {
            office.receipt(&outbox, to).await;
        }
        office.round(&outbox).await;
        assert_eq!(memory.letters().len(), 3);
        office.clock.advance(TimeDelta::days(31));
        office.receipt(&outbox, "gone@example.org").await;
        office.round(&outbox).await;
        assert_eq!(memory.letters().len(), 4);
    }

    async fn an_address_that_takes_no_letter_is_given_up_at_once_or_after_three_refusals_in_a_fortnight(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let in_force = async |address: &str| {
            let story = suppression::story(office.db.read(), &outbox.address_key().hash(address)).await.unwrap();
            story.iter().map(|one| one.reason).collect::<Vec<_>>()
        };
        office.receipt(&outbox, "nobody@example.org").await;
        office.receipt(&outbox, "policy@example.org").await;
        for _ in 0..3 {
            office.receipt(&outbox, "unwanted@example.org").await;
        }
        office.round(&outbox).await;
        assert_eq!(in_force("nobody@example.org").await, [SuppressionReason::HardBounce], "550 5.1.1");
        assert_eq!(in_force("policy@example.org").await, [], "550 5.7.1 says nothing of the address");
        assert_eq!(in_force("unwanted@example.org").await, [], "three in one hour may be one bad day");
        office.clock.advance(TimeDelta::days(15));
        office.write(&outbox, "unwanted@example.org", LetterKind::StaffNotice).await;
        office.round(&outbox).await;
        assert_eq!(in_force("unwanted@example.org").await, [SuppressionReason::HardBounce]);
    }

    async fn news_are_held_back_when_servers_of_several_domains_refuse_us(office: Office) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let outbox = outbox_to(&sink.url());
        let mailing = Mailing::open(&office).await;
        mailing.to(&office, &outbox, (0..6).map(|n| format!("policy-{n}@refuses.example"))).await;
        office.round(&outbox).await;
        assert!(streams::paused(office.db.read()).await.unwrap().is_empty(), "one domain may have a quarrel of its own");
        mailing.to(&office, &outbox, (0..3).map(|n| format!("policy-{n}@refuses{n}.example"))).await;
        office.round(&outbox).await;
        let paused = streams::paused(office.db.read()).await.unwrap();
        assert_eq!(paused.iter().map(|one| one.stream).collect::<Vec<_>>(), [LetterStream::Updates]);
        assert!(paused[0].reason.contains("SPF"));
    }
}

#[test]
fn a_domain_gets_as_many_letters_a_second_as_it_may_and_the_rest_are_spread_over_later() {
    let mut pace = Pace::new(DomainLimits { at_once: 2, per_second: Some(5) });
    let now = Instant::now();
    let turns: Vec<_> = (0..6).map(|_| pace.admit("one.example", now)).collect();
    assert_eq!((turns[0], turns[5]), (Turn::Soon(now), Turn::Soon(now + Duration::from_secs(1))));
    assert_eq!(pace.admit("two.example", now), Turn::Soon(now), "another domain has a row of its own");
    assert!(pace.begin("one.example", now) && pace.begin("one.example", now));
    assert!(!pace.begin("one.example", now), "two at once");
    assert!(!pace.is_stuck("one.example", now) && pace.is_stuck("one.example", now + Duration::from_secs(3)));
    pace.end("one.example", now);
    assert!(pace.begin("one.example", now));

    let mut slow = Pace::new(DomainLimits { at_once: 2, per_second: Some(1) });
    let kept = (0..20).map(|_| slow.admit("one.example", now)).collect::<Vec<_>>();
    assert_eq!(kept[..3], [Turn::Soon(now), Turn::Soon(now + Duration::from_secs(1)), Turn::Soon(now + Duration::from_secs(2))]);
    let later: Vec<u64> = kept[3..].iter().map(|turn| if let Turn::Later(by) = turn { by.as_secs() } else { 0 }).collect();
    assert_eq!(later, (3..20).collect::<Vec<u64>>(), "each at a moment of its own");
}
