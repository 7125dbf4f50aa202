//! What a real mail server sends back: Postfix takes our letters, is refused by the servers of the recipients, and its reports come into
//! the Maildir of bounces. It runs with folders of its own, on loopback only, and ends with the test.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use entity::{
    letter,
    words::{BounceSeverity, LetterState, SuppressionReason},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::mail::{return_path::ReturnPath, returns::Heard, suppression};

use super::{
    outbox::{Office, outbox_to},
    streams::Mailing,
};
use crate::support::{on_both_databases, unique_number};

/// The parts of Postfix.
const PARTS: &str = "/usr/lib/postfix/sbin";

/// Domains, how the mail server of each refuses (an option of `smtp-sink`), and in which words.
const SERVERS: [(&str, &str, &str); 4] = [
    ("gone.test", "-f RCPT -B", "550 5.1.1 User unknown"),
    ("policy.test", "-f RCPT -B", "550 5.7.1 We take nothing from you"),
    ("full.test", "-f RCPT -B", "552 5.2.2 Mailbox full"),
    ("late.test", "-r RCPT -b", "450 4.2.0 Come again later"),
];

/// A running Postfix and the servers that it relays to.
struct Postfix {
    folder: PathBuf,
    port: u16,
    running: Vec<Child>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The number of a user or group, from `/etc/passwd` or `/etc/group`.
fn number_of(file: &str, name: &str) -> Option<u32> {
    let all = std::fs::read_to_string(file).ok()?;
    all.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))?.split(':').nth(1)?.parse().ok())
}

/// Why there is no Postfix here, if so.
fn what_is_missing() -> Option<&'static str> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|us| std::os::unix::fs::MetadataExt::uid(&us) == 0);
    if !Path::new(PARTS).join("master").exists() || !Path::new("/usr/sbin/smtp-sink").exists() {
        Some("Postfix (package `postfix`) is not installed")
    } else if !is_root {
        Some("only root can start Postfix")
    } else {
        None
    }
}

impl Postfix {
    fn start() -> Option<Self> {
        if let Some(missing) = what_is_missing() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
            let _ = writeln!(std::io::stderr(), "{missing}: the test of a real mail server's reports is SKIPPED.");
            return None;
        }
        let folder = crate::support::scratch().join(format!("mta-{}-{}", std::process::id(), unique_number()));
        let port = free_port();
        let mut running = Vec::new();
        let mut ways = String::new();
        for (domain, option, words) in SERVERS {
            let port = free_port();
            let mut sink = Command::new("/usr/sbin/smtp-sink");
            sink.args(["-u", "nobody"]).args(option.split(' ')).arg(words).arg(format!("127.0.0.1:{port}")).arg("16");
            running.push(sink.stdin(Stdio::null()).spawn().expect("smtp-sink starts"));
            ways.push_str(&format!("{{{domain} = smtp:[127.0.0.1]:{port}}} "));
        }
        Self::lay_out(&folder, port, &ways);
        let mut master = Command::new(Path::new(PARTS).join("master"));
        master.arg("-c").arg(folder.join("conf")).arg("-d").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        running.push(master.spawn().expect("Postfix starts"));
        let server = Self { folder, port, running };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "Postfix does not listen: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// Its folders, as its own installation would make them, and its settings.
    fn lay_out(folder: &Path, port: u16, ways: &str) {
        let user = |name| number_of("/etc/passwd", name).expect("Postfix came with its user");
        let (postfix, nobody) = (user("postfix"), user("nobody"));
        let make = |path: &str, owner: u32, mode: u32| {
            let path = folder.join(path);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            chown(&path, Some(owner), None).unwrap();
        };
        for path in ["", "conf", "queue", "queue/pid", "mail"] {
            make(path, if path == "mail" { nobody } else { 0 }, 0o755);
        }
        for queue in ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace", "maildrop"] {
            make(&format!("queue/{queue}"), postfix, 0o700);
        }
        for path in ["queue/private", "queue/public", "data"] {
            make(path, postfix, 0o755);
        }
        for path in ["mail/bounces", "mail/bounces/new", "mail/bounces/cur", "mail/bounces/tmp"] {
            make(path, nobody, 0o777);
        }
        let at = folder.display();
        let settings = include_str!("postfix/main.cf")
            .replace("@folder@", &at.to_string())
            .replace("@nobody@", &nobody.to_string())
            .replace("@ways@", ways.trim_end());
        std::fs::write(folder.join("conf/main.cf"), settings).unwrap();
        std::fs::write(folder.join("conf/master.cf"), include_str!("postfix/master.cf").replace("@port@", &port.to_string())).unwrap();
    }

    fn maildir(&self) -> PathBuf {
        self.folder.join("mail/bounces")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        for mut one in self.running.drain(..).rev() {
            // Asked to end, Postfix ends its parts too.
            let _ = Command::new("kill").arg(one.id().to_string()).status();
            let asked = Instant::now();
            while matches!(one.try_wait(), Ok(None)) && asked.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = one.kill();
            let _ = one.wait();
        }
        if std::env::var_os("WELLWISHER_KEEP_BOUNCES").is_none() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

on_both_databases! {
    async fn the_reports_of_a_real_mail_server_lead_to_the_right_supporter_and_say_the_right_thing(office: Office) {
        let Some(server) = Postfix::start() else { return };
        let path = ReturnPath::new(&"bounces@newsroom.test".parse().unwrap(), &[7; 32]).unwrap();
        let outbox = outbox_to(&format!("smtp://127.0.0.1:{}", server.port)).with_return_path(path);
        let mailing = Mailing::open(&office).await;
        let addresses = SERVERS.map(|(domain, ..)| format!("wren@{domain}"));
        mailing.to(&office, &outbox, addresses.clone()).await;
        assert_eq!(office.round(&outbox).await.sent, 4, "Postfix takes them all: {}", server.log());
        let find = async |address: &str| {
            let find = letter::Entity::find().filter(letter::Column::ToAddress.eq(address));
            find.one(office.db.read()).await.unwrap().unwrap()
        };
        let late = find("wren@late.test").await;
        // Each that is refused comes back once; of the late one we hear twice: that it waits, and that it was given up.
        let (start, mut heard) = (Instant::now(), Vec::new());
        while heard.len() < 5 {
            assert!(start.elapsed() < Duration::from_secs(90), "{heard:?} {}", server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
            for one in outbox.hear_maildir(&office.db, &office.clock, &server.maildir()).await.unwrap() {
                if one == Heard::Nothing {
                    let state = find("wren@late.test").await.state;
                    assert!(!heard.contains(&Heard::Bounced(late.id, BounceSeverity::Soft)), "{heard:?}");
                    assert_eq!(state, LetterState::Sent, "it is only late");
                }
                heard.push(one);
            }
        }
        for (address, severity) in addresses.iter().zip([BounceSeverity::Gone, BounceSeverity::Sender, BounceSeverity::Soft, BounceSeverity::Soft]) {
            let letter = find(address).await;
            assert!(heard.contains(&Heard::Bounced(letter.id, severity)), "{address}: {heard:?}");
            assert_eq!(letter.state, LetterState::Bounced, "{address}");
            let story = suppression::story(office.db.read(), &outbox.address_key().hash(address)).await.unwrap();
            let reasons: Vec<_> = story.iter().map(|one| one.reason).collect();
            let expected = if severity == BounceSeverity::Gone { vec![SuppressionReason::HardBounce] } else { vec![] };
            assert_eq!(reasons, expected, "{address}");
        }
        assert!(heard.contains(&Heard::Nothing), "{heard:?}");
    }
}
