//! The ways out, against a real mail server that misbehaves, and a real folder.

use std::{convert::Infallible, path::PathBuf, process::Command, sync::Arc, time::Duration};

use entity::words::LetterStage;
use wellwisher::mail::{
    files::MailFolder,
    smtp::{SmtpLimits, SmtpServer},
    transport::{Delivery, Mailer, Memory, Outcome, Parcel},
};

use crate::support::{SmtpSink, unique_number};

/// Short waits: the rules are the same.
pub fn quick() -> SmtpLimits {
    SmtpLimits {
        connect: Duration::from_secs(5),
        command: Duration::from_secs(2),
        after_dot: Duration::from_secs(2),
        ..SmtpLimits::default()
    }
}

fn mailer(url: &str, limits: SmtpLimits) -> Mailer {
    Mailer::Smtp(Arc::new(SmtpServer::new(url, "give.newsroom.example", limits).unwrap()))
}

fn parcel(to: &str) -> Parcel {
    let message_id = format!("{}@newsroom.example", unique_number());
    let raw = format!(
        "From: give@newsroom.example\r\nTo: {to}\r\nSubject: Hello\r\nMessage-ID: <{message_id}>\r\n\r\nThank you.\r\n.\r\nEnd.\r\n"
    );
    Parcel { from: "give@newsroom.example".parse().unwrap(), to: to.parse().unwrap(), message_id, raw: raw.into_bytes() }
}

async fn send(mailer: &Mailer, to: &str) -> Delivery {
    deliver(mailer, &parcel(to)).await
}

async fn deliver(mailer: &Mailer, parcel: &Parcel) -> Delivery {
    mailer.deliver(parcel, async { Ok::<(), Infallible>(()) }).await
}

fn code(delivery: &Delivery) -> Option<u16> {
    delivery.outcome.reply().code
}

#[tokio::test]
async fn a_letter_reaches_the_mail_server_whole_and_we_never_name_the_machine() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let delivery = send(&mailer(&sink.url(), quick()), "reader@example.org").await;
    assert_eq!(delivery.stage, LetterStage::Done);
    assert!(matches!(&delivery.outcome, Outcome::Sent(reply) if reply.code == Some(250) && reply.enhanced.as_deref() == Some("2.0.0")));
    let letters = sink.wait_for("letter", 1).await;
    assert_eq!(letters[0]["to"], "reader@example.org");
    assert_eq!(letters[0]["sender"], "give@newsroom.example");
    // A line that is a single dot does not end the letter.
    assert_eq!(letters[0]["text"].as_str().unwrap().replace("\r\n", "\n").trim_end(), "Thank you.\n.\nEnd.");
    assert_eq!(sink.wait_for("ehlo", 1).await[0]["name"], "give.newsroom.example");
}

#[tokio::test]
async fn answers_are_told_apart_by_class_and_stage() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let mailer = mailer(&sink.url(), quick());
    let expected = [
        ("greylisted@example.org", LetterStage::Rcpt, Some(451), "transient"),
        ("busy@example.org", LetterStage::Rcpt, Some(421), "transient"),
        ("nobody@example.org", LetterStage::Rcpt, Some(550), "permanent"),
        ("policy@example.org", LetterStage::Rcpt, Some(550), "permanent"),
        ("full@example.org", LetterStage::Dot, Some(452), "transient"),
        ("unwanted@example.org", LetterStage::Dot, Some(554), "permanent"),
        ("hangrcpt@example.org", LetterStage::Rcpt, None, "transient"),
        ("hangdot@example.org", LetterStage::Dot, None, "unknown"),
        ("cut@example.org", LetterStage::Dot, None, "unknown"),
    ];
    for (to, stage, answer, class) in expected {
        let delivery = send(&mailer, to).await;
        let found = match delivery.outcome {
            Outcome::Sent(_) => "sent",
            Outcome::Transient(_) => "transient",
            Outcome::Permanent(_) => "permanent",
            Outcome::Unknown(_) => "unknown",
        };
        assert_eq!((delivery.stage, code(&delivery), found), (stage, answer, class), "{to}: {delivery:?}");
    }
    // Two were taken although no answer came back: that is what "unknown" means.
    let kept: Vec<_> = sink.letters().iter().map(|letter| letter["to"].clone()).collect();
    assert_eq!(kept, ["hangdot@example.org", "cut@example.org"]);
}

#[tokio::test]
async fn a_refusal_does_not_cost_the_connection() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let mailer = mailer(&sink.url(), quick());
    for to in
        ["nobody-1@example.org", "unwanted-1@example.org", "full-1@example.org", "a@example.org", "nobody-2@example.org", "b@example.org"]
    {
        send(&mailer, to).await;
    }
    assert_eq!(sink.wait_for("letter", 2).await.len(), 2);
    assert_eq!(sink.wait_for("connect", 1).await.len(), 1);
    assert_eq!(sink.wait_for("rset", 4).await.len(), 4);
}

#[tokio::test]
async fn a_connection_carries_twenty_letters_and_no_more_than_four_are_open() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let mailer = mailer(&sink.url(), quick());
    for number in 0..25 {
        send(&mailer, &format!("reader-{number}@example.org")).await;
    }
    assert_eq!(sink.wait_for("letter", 25).await.len(), 25);
    assert_eq!(sink.wait_for("connect", 2).await.len(), 2);

    let all = (0..40).map(|number| {
        let mailer = mailer.clone();
        async move { send(&mailer, &format!("slow-{number}@example.org")).await }
    });
    let tasks: Vec<_> = all.take(12).map(tokio::spawn).collect();
    sink.wait_for("letter", 27).await;
    let open = sink.events("connect").len() - sink.events("disconnect").len();
    assert!(open <= 4, "{open} connections are open");
    for task in tasks {
        assert!(matches!(task.await.unwrap().outcome, Outcome::Sent(_)));
    }
    assert_eq!(sink.wait_for("letter", 37).await.len(), 37);
}

#[tokio::test]
async fn letters_do_not_wait_for_nagle() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let mailer = mailer(&sink.url(), SmtpLimits { letters_per_connection: 1000, ..quick() });
    send(&mailer, "warm@example.org").await;
    let mut waits = Vec::new();
    for number in 0..50 {
        let start = std::time::Instant::now();
        send(&mailer, &format!("reader-{number}@example.org")).await;
        waits.push(start.elapsed());
    }
    waits.sort();
    // With Nagle's algorithm on, each costs 40 ms; the median, because a busy machine makes some wait anyway.
    assert!(waits[25] < Duration::from_millis(30), "{waits:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_replaced_at_once() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let port = sink.port.to_string();
    let mailer = mailer(&sink.url(), quick());
    send(&mailer, "first@example.org").await;
    drop(sink);
    let sink = SmtpSink::start(&["--port", &port]).await.unwrap();
    let delivery = send(&mailer, "second@example.org").await;
    assert!(matches!(delivery.outcome, Outcome::Sent(_)), "{delivery:?}");
    assert_eq!(sink.wait_for("letter", 1).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_is_no_fault_of_the_letter() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = mailer(&format!("smtp://127.0.0.1:{port}"), quick());
    let delivery = send(&mailer, "reader@example.org").await;
    assert_eq!((delivery.stage, matches!(delivery.outcome, Outcome::Transient(_))), (LetterStage::Connect, true));
    let advice = mailer.check().await.unwrap_err();
    assert!(advice.contains("SMTP_URL") && advice.contains(&port.to_string()), "{advice}");
}

#[tokio::test]
async fn nothing_is_sent_when_our_own_note_of_it_fails() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let mailer = mailer(&sink.url(), quick());
    let delivery = mailer.deliver(&parcel("reader@example.org"), async { Err("disk full") }).await;
    assert_eq!(delivery.stage, LetterStage::Data);
    assert!(matches!(&delivery.outcome, Outcome::Transient(reply) if reply.text.contains("disk full")));
    sink.wait_for("disconnect", 1).await;
    assert_eq!(sink.letters().len(), 0);
}

/// A key and a certificate for 127.0.0.1, by openssl.
fn certificate() -> Option<(PathBuf, PathBuf)> {
    let dir = crate::support::scratch();
    let (cert, key) = (dir.join(format!("smtp-{}.pem", unique_number())), dir.join(format!("smtp-{}.key", unique_number())));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=sink.example", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), cert.as_os_str()])
        .output();
    if made.is_ok_and(|output| output.status.success()) {
        return Some((cert, key));
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl is needed to test letters over TLS.");
    eprintln!("openssl is not installed: the tests of letters over TLS are SKIPPED.");
    None
}

#[tokio::test]
async fn a_password_crosses_only_an_encrypted_connection_and_the_certificate_counts() {
    let Some((cert, key)) = certificate() else { return };
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let account = "desk%40newsroom.example:p%3Aa%2Fs%20s%25w";
    for (implicit, scheme, word) in [(false, "smtp", "&tls=required"), (true, "smtps", "")] {
        let mut arguments = vec!["--cert", cert, "--key", key, "--auth"];
        if implicit {
            arguments.push("--implicit");
        }
        let Some(sink) = SmtpSink::start(&arguments).await else { return };
        let with = |account: &str, ca: &str| mailer(&format!("{scheme}://{account}@127.0.0.1:{}?{ca}{word}", sink.port), quick());

        let delivery = send(&with(account, &format!("ca={cert}")), "reader@example.org").await;
        assert!(matches!(delivery.outcome, Outcome::Sent(_)), "{scheme}: {delivery:?}");
        assert_eq!(sink.wait_for("letter", 1).await[0]["tls"], true);

        let delivery = send(&with("desk:wrong", &format!("ca={cert}")), "reader@example.org").await;
        assert_eq!((delivery.stage, code(&delivery)), (LetterStage::Connect, Some(535)));
        assert!(matches!(delivery.outcome, Outcome::Transient(_)), "a wrong password is no fault of the letter");

        let delivery = send(&with(account, ""), "reader@example.org").await;
        assert_eq!(delivery.stage, LetterStage::Connect, "a certificate that nobody vouches for is refused");
        assert_eq!(sink.wait_for("auth", 2).await.len(), 2, "the password was not sent to a server we do not know");
    }
}

#[tokio::test]
async fn encryption_is_taken_when_offered_and_demanded_when_required() {
    let Some((cert, key)) = certificate() else { return };
    let Some(sink) = SmtpSink::start(&["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()]).await else { return };
    send(&mailer(&sink.url(), quick()), "reader@example.org").await;
    assert_eq!(sink.wait_for("letter", 1).await[0]["tls"], true);

    let plain = SmtpSink::start(&[]).await.unwrap();
    let delivery = send(&mailer(&format!("{}?tls=required", plain.url()), quick()), "reader@example.org").await;
    assert_eq!(delivery.stage, LetterStage::Connect);
    assert_eq!(plain.letters().len(), 0);
}

#[test]
fn a_wrong_smtp_url_says_what_to_write_and_never_repeats_the_password() {
    for url in [
        "mail.example.org",
        "https://mail.example.org",
        "smtp://mail.example.org?tls=maybe",
        "smtp://desk:hunter2@mail.example.org?tls=none",
        "smtp://desk:hunter2@mail.example.org?tls=opportunistic",
        "smtps://desk:hunter2@mail.example.org?tls=none",
        "smtp://mail.example.org?timeout=3",
        "smtps://mail.example.org?ca=/nowhere/ca.pem",
        "smtp://desk:hunter2%zz@mail.example.org",
    ] {
        let error = SmtpServer::new(url, "newsroom.example", quick()).unwrap_err();
        assert!(error.len() > 20 && !error.contains("hunter2"), "{url}: {error}");
    }
    let server = SmtpServer::new("smtps://desk:hunter2@mail.example.org", "newsroom.example", quick()).unwrap();
    assert!(format!("{server:?}").contains("mail.example.org:465") && !format!("{server:?}").contains("hunter2"));
    assert!(SmtpServer::new("smtp://mail.example.org", "two words", quick()).is_err());
}

#[tokio::test]
async fn a_folder_gets_each_letter_once_whole_and_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = crate::support::scratch().join(format!("letters-{}-{}", std::process::id(), unique_number()));
    let folder = Arc::new(MailFolder::new(dir.join("deep")));
    let mailer = Mailer::Files(folder.clone());
    let first = parcel("reader@example.org");
    for _ in 0..2 {
        assert!(matches!(deliver(&mailer, &first).await.outcome, Outcome::Sent(_)));
    }
    let hostile = Parcel { message_id: "../../../escape me@newsroom.example".into(), ..parcel("other@example.org") };
    assert!(matches!(deliver(&mailer, &hostile).await.outcome, Outcome::Sent(_)));
    let names: Vec<_> = std::fs::read_dir(folder.dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".eml") && !name.starts_with('.')), "{names:?}");
    let file = folder.path_of(&first.message_id);
    assert_eq!(std::fs::read(&file).unwrap(), first.raw);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(folder.dir()).unwrap().permissions().mode() & 0o777, 0o700);
    mailer.check().await.unwrap();
    assert_eq!(std::fs::read_dir(folder.dir()).unwrap().count(), 2, "a check leaves nothing behind");
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_delays_a_letter_and_says_which_setting() {
    let file = crate::support::scratch().join(format!("not-a-folder-{}-{}", std::process::id(), unique_number()));
    std::fs::write(&file, "").unwrap();
    let mailer = Mailer::Files(Arc::new(MailFolder::new(&file)));
    assert!(matches!(send(&mailer, "reader@example.org").await.outcome, Outcome::Transient(_)));
    assert!(mailer.check().await.unwrap_err().contains("MAIL_DIR"));
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn memory_keeps_each_letter_once() {
    let memory = Memory::default();
    let mailer = Mailer::Memory(memory.clone());
    let letter = parcel("reader@example.org");
    deliver(&mailer, &letter).await;
    deliver(&mailer, &letter).await;
    assert_eq!(memory.letters().len(), 1);
}
