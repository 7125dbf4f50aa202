//! How fast news leave, beside the load generator of Postfix (`smtp-source`) against the same mail server (`smtp-sink`) in the same run:
//! `cargo bench --bench letters`.
//!
//! Each letter is taken from the database, looked up against those who want none, made into a MIME message, noted durably before its
//! text is sent and once more when it was taken. The load generator only sends bytes. Both use `CONNECTIONS` (default 32) connections, and as
//! many letters to each. `LETTERS` (default 20,000) letters are sent; then memory is compared between 1,000 recipients and `MANY` (default
//! 100,000), in batches as a mailing writes them. `SIGN=<file of a key>` signs each letter (DKIM).
//!
//! `DATABASE_URL` names an empty PostgreSQL database; the default is a new SQLite file in the system's temporary directory.

use entity::{
    ids::{LetterContentId, MailingId, SupporterId},
    words::LetterStream,
};
use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wellwisher::{
    clock::{Clock, Random},
    db::Db,
    mail::{
        dkim::Signer,
        mailing::{self, BATCH_MAX, Content, Recipient},
        outbox::{Outbox, Way},
        smtp::{SmtpLimits, SmtpServer},
        topic::Topic,
        transport::Mailer,
    },
};

/// What a letter of news weighs.
const TEXT: &str = "The winter coats have come, and we handed them out on Saturday.\n\n";

struct Sink {
    port: u16,
    child: Child,
}

impl Sink {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a free port").port();
        let mut command = Command::new("/usr/sbin/smtp-sink");
        if std::fs::metadata("/proc/self").is_ok_and(|us| std::os::unix::fs::MetadataExt::uid(&us) == 0) {
            command.args(["-u", "nobody"]);
        }
        let child =
            command.arg(format!("127.0.0.1:{port}")).arg("1000").stdin(Stdio::null()).spawn().expect("smtp-sink (package `postfix`)");
        let sink = Self { port, child };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        sink
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    let (letters, many, connections) = (number("LETTERS", 20_000), number("MANY", 100_000), number("CONNECTIONS", 32));
    let directory = std::env::temp_dir().join(format!("wellwisher-letters-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| format!("sqlite://{}", directory.join("letters.db").display()));
    let db = Db::open(&url).await.expect("the database");
    db.migrate().await.expect("the tables");
    let sink = Sink::start();

    // The generator before and after, because other work on the machine comes and goes.
    let before = generator(&sink, letters, connections);
    let ours = send(&db, &sink, letters, connections).await;
    let after = generator(&sink, letters, connections);
    let theirs = (before + after) / 2.0;
    println!("smtp-source: {before:.0} and {after:.0} letters a second");
    println!("wellwisher:  {ours:.0} letters a second, {:.2} of it", ours / theirs);

    for count in [1_000, many] {
        forget_peak();
        let rate = send(&db, &sink, count, connections).await;
        println!("{count:>7} recipients: {rate:.0} letters a second, peak {} MB", peak_megabytes());
    }
    drop(sink);
    let _ = std::fs::remove_dir_all(&directory);
}

/// Letters a second of Postfix's load generator: as many connections, as many letters to each, of about the same weight.
fn generator(sink: &Sink, letters: u32, connections: u32) -> f64 {
    let started = Instant::now();
    let done = Command::new("/usr/sbin/smtp-source")
        .args(["-d", "-s", &connections.to_string(), "-m", &letters.to_string(), "-l", "4000"])
        .args(["-f", "news@newsroom.example", "-t", "reader@example.org"])
        .arg(format!("127.0.0.1:{}", sink.port))
        .status();
    assert!(done.is_ok_and(|status| status.success()), "smtp-source (package `postfix`)");
    f64::from(letters) / started.elapsed().as_secs_f64()
}

/// Letters a second of ours, from the first look into the outbox until all are noted as taken.
async fn send(db: &Db, sink: &Sink, letters: u32, connections: u32) -> f64 {
    let limits = SmtpLimits { connections_max: connections as usize, letters_per_connection: u32::MAX, ..SmtpLimits::default() };
    let way = || Way {
        mailer: Mailer::Smtp(Arc::new(
            SmtpServer::new(&format!("smtp://127.0.0.1:{}?tls=none", sink.port), "newsroom.example", limits).expect("a server"),
        )),
        from: "The Newsroom <news@newsroom.example>".parse().expect("an address"),
        connections: connections as usize,
    };
    let mut outbox = Outbox::with_ways(way(), way());
    if let Ok(file) = std::env::var("SIGN") {
        outbox = outbox.with_signer(Signer::open(Path::new(&file), "bench").expect("a key"));
    }
    let (clock, random) = (Clock::System, Random::default());
    let mailing = write(db, &outbox, letters, &clock, &random).await;
    let (outbox, stop) = (Arc::new(outbox), CancellationToken::new());
    let started = Instant::now();
    let pump = outbox.send_stream(db.clone(), clock, LetterStream::Updates, Arc::new(Notify::new()), stop.clone());
    let pump = tokio::spawn(pump);
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let progress = mailing::progress(db.read(), mailing).await.expect("the count");
        if progress.is_over() {
            assert_eq!(progress.sent, u64::from(letters), "{progress:?}");
            break;
        }
    }
    let rate = f64::from(letters) / started.elapsed().as_secs_f64();
    stop.cancel();
    pump.await.expect("the pump ends");
    rate
}

/// Writes the letters of a mailing, as an update does.
async fn write(db: &Db, outbox: &Outbox, letters: u32, clock: &Clock, random: &Random) -> MailingId {
    let now = clock.now();
    let (mailing, content_id): (MailingId, LetterContentId) = (random.id(now), random.id(now));
    let content = Content {
        language: "en".to_owned(),
        subject: "The coats have come".to_owned(),
        text: format!("[[greeting]]\n\n{}[[unsubscribe]]\n", TEXT.repeat(20)),
        html: format!("<p>[[greeting]]</p><p>{}</p><p><a href=\"[[unsubscribe]]\">No more</a></p>", TEXT.repeat(20)),
        ..Content::default()
    };
    db.write(async |tx| {
        mailing::open(tx, mailing, "Winter coats", now).await?;
        mailing::add_content(tx, content_id, mailing, &content).await
    })
    .await
    .expect("the mailing is written");
    let started = Instant::now();
    for start in (0..letters).step_by(BATCH_MAX) {
        let recipients: Vec<Recipient> = (start..letters.min(start + BATCH_MAX as u32))
            .map(|number| Recipient {
                supporter_id: random.id::<SupporterId>(now),
                to_address: format!("reader-{number}@domain{}.example", number % 400),
                to_name: "Wren".to_owned(),
                content_id,
                language: "en".to_owned(),
                topic: Topic::Updates,
            })
            .collect();
        db.write(async |tx| outbox.enqueue_mailing(tx, mailing, &recipients, random, now).await).await.expect("a batch is written");
    }
    println!("{letters:>7} letters written in {:.1} s", started.elapsed().as_secs_f64());
    mailing
}

fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}
