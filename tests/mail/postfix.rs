//! The same ways out against another program: `smtp-sink` of Postfix, where it is installed.

use std::{
    convert::Infallible,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use wellwisher::mail::{
    smtp::{SmtpLimits, SmtpServer},
    transport::{Mailer, Outcome, Parcel},
};

use super::transport::quick;
use crate::support::unique_number;

/// A running `smtp-sink` and the folder of what it kept.
struct PostfixSink {
    port: u16,
    dumps: PathBuf,
    child: Child,
}

impl PostfixSink {
    /// `WELLWISHER_SMTP_SINK` names the program, else it is looked for where packages put it.
    fn start(arguments: &[&str]) -> Option<Self> {
        let named = std::env::var_os("WELLWISHER_SMTP_SINK").map(PathBuf::from);
        let Some(program) = named.or_else(|| Some(PathBuf::from("/usr/sbin/smtp-sink")).filter(|path| path.exists())) else {
            let _ = writeln!(std::io::stderr(), "smtp-sink (package `postfix`) is not installed: the tests against it are SKIPPED.");
            return None;
        };
        let dumps = crate::support::scratch().join(format!("sink-{}-{}", std::process::id(), unique_number()));
        std::fs::create_dir_all(&dumps).unwrap();
        std::fs::set_permissions(&dumps, std::fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        // As root it insists on becoming somebody else.
        if std::fs::metadata("/proc/self").is_ok_and(|us| std::os::unix::fs::MetadataExt::uid(&us) == 0) {
            command.args(["-u", "nobody"]);
        }
        command.args(arguments).arg("-d").arg(dumps.join("letter.")).arg(format!("127.0.0.1:{port}")).arg("128");
        let child = command.stdin(Stdio::null()).spawn().expect("smtp-sink starts");
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "smtp-sink does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { port, dumps, child })
    }

    fn kept(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.dumps).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        files.filter(|text| text.contains("Message-ID:")).collect()
    }

    fn mailer(&self) -> Mailer {
        let limits = SmtpLimits { letters_per_connection: 500, ..quick() };
        let server = SmtpServer::new(&format!("smtp://127.0.0.1:{}", self.port), "newsroom.example", limits);
        Mailer::Smtp(Arc::new(server.unwrap()))
    }
}

impl Drop for PostfixSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dumps);
    }
}

async fn send(mailer: &Mailer) -> Outcome {
    let message_id = format!("{}@newsroom.example", unique_number());
    let raw = format!("From: give@newsroom.example\r\nTo: a@example.org\r\nMessage-ID: <{message_id}>\r\n\r\nThank you.\r\n").into_bytes();
    let parcel = Parcel { from: "give@newsroom.example".parse().unwrap(), to: "a@example.org".parse().unwrap(), message_id, raw };
    mailer.deliver(&parcel, async { Ok::<(), Infallible>(()) }).await.outcome
}

#[tokio::test]
async fn postfix_takes_what_we_send_and_its_refusals_keep_the_connection() {
    let Some(sink) = PostfixSink::start(&[]) else { return };
    let mailer = sink.mailer();
    for _ in 0..20 {
        assert!(matches!(send(&mailer).await, Outcome::Sent(_)));
    }
    assert_eq!(sink.kept().len(), 20);
    for (fault, answer) in [("-r", 450), ("-f", 500)] {
        let Some(sink) = PostfixSink::start(&[fault, "RCPT"]) else { return };
        let mailer = sink.mailer();
        for _ in 0..3 {
            let outcome = send(&mailer).await;
            assert_eq!(outcome.reply().code, Some(answer), "{outcome:?}");
            assert_eq!(matches!(outcome, Outcome::Permanent(_)), answer == 500);
        }
    }
}

#[tokio::test]
async fn a_letter_that_postfix_kept_without_an_answer_is_unknown() {
    let Some(sink) = PostfixSink::start(&["-q", "."]) else { return };
    assert!(matches!(send(&sink.mailer()).await, Outcome::Unknown(_)));
    let start = Instant::now();
    while sink.kept().len() != 1 {
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", sink.kept());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
