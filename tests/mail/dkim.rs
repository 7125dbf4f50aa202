//! Signatures, checked by other programs: opendkim, and dkimpy where it is installed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use lettre::message::Mailbox;
use wellwisher::mail::{
    dkim::Signer,
    outbox::Outbox,
    transport::{Mailer, Memory},
};

use super::{outbox::Office, streams::Mailing};
use crate::support::{FromDatabase, TestDatabase, unique_number};

struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// An RSA key and an Ed25519 one; none where openssl is not installed.
    fn make() -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("dkim-{}-{}", std::process::id(), unique_number()));
        std::fs::create_dir_all(&folder).unwrap();
        let keys = Self { folder };
        for arguments in [
            &["genrsa", "-traditional", "-out", "rsa.pem", "2048"][..],
            &["genrsa", "-out", "rsa8.pem", "2048"],
            &["genrsa", "-traditional", "-out", "short.pem", "1024"],
            &["genpkey", "-algorithm", "ed25519", "-out", "ed.pem"],
        ] {
            let made = Command::new("openssl").current_dir(&keys.folder).args(arguments).output();
            if !made.is_ok_and(|made| made.status.success()) {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl is not installed");
                eprintln!("openssl is not installed: the signatures are not checked.");
                return None;
            }
        }
        Some(keys)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What stands in the DNS for a key.
    fn record(&self, name: &str) -> String {
        use base64::Engine;
        let arguments = ["pkey", "-in", name, "-pubout", "-outform", "DER"];
        let der = Command::new("openssl").current_dir(&self.folder).args(arguments).output().unwrap().stdout;
        // RFC 8463 §4.2: of an Ed25519 key, only the 32 bytes themselves.
        let (kind, key) = if name.starts_with("ed") { ("ed25519", &der[der.len() - 32..]) } else { ("rsa", &der[..]) };
        format!("v=DKIM1; k={kind}; p={}", base64::engine::general_purpose::STANDARD.encode(key))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A receipt and a letter of news, signed with this key.
async fn signed(key: &Path) -> Vec<Vec<u8>> {
    let office = Office::from_database(TestDatabase::sqlite().await).await;
    // A signature made in the future is refused.
    office.clock.set("2026-05-01T09:30:00Z".parse().unwrap());
    let memory = Memory::default();
    let from = Mailbox::new(Some("خبرخانه".into()), "news@newsroom.example".parse().unwrap());
    let outbox = Outbox::new(Mailer::Memory(memory.clone()), from).with_signer(Signer::open(key, "wellwisher").unwrap());
    let mailing = Mailing::open(&office).await;
    mailing.to(&office, &outbox, ["wren@example.org".to_owned()]).await;
    office.receipt(&outbox, "wren@example.org").await;
    office.round(&outbox).await;
    office.round(&outbox).await;
    memory.letters().into_iter().map(|parcel| parcel.raw).collect()
}

/// What opendkim says; none where it is not installed.
fn opendkim(keys: &Keys, record: &str, message: &[u8]) -> Option<bool> {
    let program = ["/usr/sbin/opendkim", "/usr/bin/opendkim"].into_iter().find(|path| Path::new(path).exists());
    let Some(program) = program else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "opendkim is not installed");
        eprintln!("opendkim is not installed: it does not check the signatures.");
        return None;
    };
    let number = unique_number();
    let (mail, dns, conf) =
        (keys.file(&format!("{number}.eml")), keys.file(&format!("{number}.dns")), keys.file(&format!("{number}.conf")));
    std::fs::write(&mail, message).unwrap();
    std::fs::write(&dns, format!("wellwisher._domainkey.newsroom.example {record}\n")).unwrap();
    std::fs::write(&conf, format!("TestDNSData file:{}\nMode v\nSyslog no\n", dns.display())).unwrap();
    let said = Command::new(program).arg("-t").arg(&mail).arg("-x").arg(&conf).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.contains("succeeded") || said.contains("failed"), "{said}");
    Some(said.contains("succeeded"))
}

/// What dkimpy says; none where it is not installed.
fn dkimpy(keys: &Keys, record: &str, message: &[u8]) -> Option<bool> {
    let python = std::env::var_os("WELLWISHER_PYTHON").unwrap_or_else(|| "python3".into());
    let mail = keys.file(&format!("{}.eml", unique_number()));
    std::fs::write(&mail, message).unwrap();
    let script = "import sys\ntry:\n    import dkim\nexcept ImportError:\n    print('absent')\n    sys.exit()\n\
                  print(dkim.verify(open(sys.argv[1], 'rb').read(), dnsfunc=lambda *a, **k: sys.argv[2].encode()))";
    let said = Command::new(python).args(["-c", script]).arg(&mail).arg(record).output().ok()?;
    match String::from_utf8_lossy(&said.stdout).trim() {
        "True" => Some(true),
        "False" => Some(false),
        _ => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "dkimpy is not installed: {said:?}");
            None
        }
    }
}

/// The message with some bytes replaced, which must be in it.
fn changed(message: &[u8], what: &str, by: &str) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    assert!(text.contains(what), "{what} in {text}");
    text.replacen(what, by, 1).into_bytes()
}

#[tokio::test]
async fn other_programs_verify_our_signatures_and_notice_a_changed_or_added_header() {
    let Some(keys) = Keys::make() else { return };
    for (key, by_opendkim) in [("rsa.pem", true), ("rsa8.pem", true), ("ed.pem", false)] {
        let record = keys.record(key);
        let letters = signed(&keys.file(key)).await;
        assert_eq!(letters.len(), 2);
        // opendkim of Debian 12 knows no Ed25519.
        let checks = |message: &[u8]| -> Vec<bool> {
            let opendkim = if by_opendkim { opendkim(&keys, &record, message) } else { None };
            [opendkim, dkimpy(&keys, &record, message)].into_iter().flatten().collect()
        };
        let news = letters.iter().find(|raw| String::from_utf8_lossy(raw).contains("\r\nList-Unsubscribe: ")).unwrap();
        for raw in &letters {
            assert!(checks(raw).iter().all(|good| *good), "{key}: {}", String::from_utf8_lossy(raw));
            assert!(!String::from_utf8_lossy(raw).replace("\r\n", "").contains('\n'), "every line ends with CRLF");
        }
        let head = String::from_utf8_lossy(news).split("\r\n\r\n").next().unwrap().replace("\r\n ", "");
        let signed = head.lines().next().unwrap().to_owned();
        assert!(
            signed.contains("List-Unsubscribe:List-Unsubscribe") && signed.contains(":List-Unsubscribe-Post:List-Unsubscribe-Post"),
            "{signed}"
        );
        for tampered in [
            changed(news, "/unsubscribe/A", "/unsubscribe/B"),
            changed(news, "List-Unsubscribe=One-Click", "List-Unsubscribe=No"),
            changed(news, "Subject: ", "Subject: Re: "),
            // A second header of a name that was signed once more than it was there.
            changed(news, "Precedence: bulk", "From: evil@example.org\r\nPrecedence: bulk"),
            changed(news, "Precedence: bulk", "Reply-To: evil@example.org\r\nPrecedence: bulk"),
        ] {
            assert!(checks(&tampered).iter().all(|good| !*good), "{key}: {}", String::from_utf8_lossy(&tampered));
        }
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_the_name_of_the_setting() {
    let Some(keys) = Keys::make() else { return };
    std::fs::write(keys.file("rubbish.pem"), "no key").unwrap();
    for name in ["missing.pem", "rubbish.pem", "short.pem"] {
        let error = Signer::open(&keys.file(name), "wellwisher").unwrap_err().to_string();
        assert!(error.contains("MAIL_DKIM_KEY"), "{name}: {error}");
    }
    assert!(Signer::open(&keys.file("ed.pem"), "two words").unwrap_err().to_string().contains("MAIL_DKIM_SELECTOR"));
}
