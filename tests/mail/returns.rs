//! What comes back: the reports of several mail servers lead to the right letter and say the right thing; a forged one has no effect.

use std::path::PathBuf;

use chrono::TimeDelta;
use entity::{
    bounce,
    ids::LetterId,
    letter, letter_attempt,
    words::{BounceSeverity, LetterState, SuppressionReason},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use wellwisher::mail::{
    outbox::Outbox,
    return_path::ReturnPath,
    returns::Heard,
    streams, suppression,
    topic::Topic,
    transport::{Mailer, Memory},
    unsubscribe::Wish,
};

use super::{outbox::Office, streams::Mailing};
use crate::support::{on_both_databases, unique_number};

fn with_return_path() -> (Outbox, Memory) {
    let memory = Memory::default();
    let path = ReturnPath::new(&"bounces@newsroom.example".parse().unwrap(), &[7; 32]).unwrap();
    (Outbox::new(Mailer::Memory(memory.clone()), "give@newsroom.example".parse().unwrap()).with_return_path(path), memory)
}

/// A letter that was sent, and the address that its bounce goes to.
async fn sent(office: &Office, outbox: &Outbox, memory: &Memory, to: &str) -> (LetterId, String) {
    let mailing = Mailing::open(office).await;
    mailing.to(office, outbox, [to.to_owned()]).await;
    assert_eq!(office.round(outbox).await.sent, 1);
    let parcel = memory.letters().pop().unwrap();
    (parcel.message_id.split('@').next().unwrap().parse().unwrap(), parcel.from.to_string())
}

/// A Maildir, gone with the test.
struct Maildir(PathBuf);

impl Maildir {
    fn make() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("maildir-{}-{}", std::process::id(), unique_number()));
        for part in ["new", "cur", "tmp"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        Self(folder)
    }

    fn put(&self, name: &str, message: &str) {
        std::fs::write(self.0.join("new").join(name), message).unwrap();
    }
}

impl Drop for Maildir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sample(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bounces").join(name);
    std::fs::read_to_string(path).unwrap().replace('\n', "\r\n")
}

async fn reasons(office: &Office, outbox: &Outbox, address: &str) -> Vec<SuppressionReason> {
    let story = suppression::story(office.db.read(), &outbox.address_key().hash(address)).await.unwrap();
    story.into_iter().map(|one| one.reason).collect()
}

on_both_databases! {
    async fn reports_of_many_servers_lead_to_the_right_letter_and_say_the_right_thing(office: Office) {
        let (outbox, memory) = with_return_path();
        let cases = [
            ("postfix-gone.eml", Some(BounceSeverity::Gone)),
            ("opensmtpd-gone.eml", Some(BounceSeverity::Gone)),
            ("qmail-gone.eml", Some(BounceSeverity::Gone)),
            ("exim-full.eml", Some(BounceSeverity::Soft)),
            ("expired.eml", Some(BounceSeverity::Soft)),
            ("exchange-policy.eml", Some(BounceSeverity::Sender)),
            ("postfix-late.eml", None),
            ("out-of-office.eml", None),
            // What the Postfix of `mail::mta` sent.
            ("from-postfix-gone.eml", Some(BounceSeverity::Gone)),
            ("from-postfix-policy.eml", Some(BounceSeverity::Sender)),
            ("from-postfix-full.eml", Some(BounceSeverity::Soft)),
            ("from-postfix-late.eml", None),
            ("from-postfix-expired.eml", Some(BounceSeverity::Soft)),
            // No code of a server's: the numbers stand in our own letter, which it brings back.
            ("numbers.eml", None),
            ("signature-failed.eml", None),
        ];
        for (number, (name, severity)) in cases.into_iter().enumerate() {
            let address = format!("reader-{number}@example.org");
            let (letter, path) = sent(&office, &outbox, &memory, &address).await;
            assert!(path.split('@').next().unwrap().len() <= 64, "{path}");
            let report = sample(name).replace("{return_path}", &path);
            let heard = outbox.hear(&office.db, &office.clock, report.as_bytes(), None).await.unwrap();
            assert_eq!(heard, severity.map_or(Heard::Nothing, |severity| Heard::Bounced(letter, severity)), "{name}");
            let gone = severity == Some(BounceSeverity::Gone);
            assert_eq!(reasons(&office, &outbox, &address).await, if gone { vec![SuppressionReason::HardBounce] } else { vec![] }, "{name}");
            let state = if severity.is_some() { LetterState::Bounced } else { LetterState::Sent };
            assert_eq!(office.find(letter).await.state, state, "{name}");
            // The same report again, as a mail server that is not sure sends it.
            assert_eq!(outbox.hear(&office.db, &office.clock, report.as_bytes(), None).await.unwrap(), Heard::Nothing, "{name}");
        }
    }

    async fn a_report_with_rubbish_in_it_is_kept_and_one_that_cannot_be_taken_in_holds_up_no_other(office: Office) {
        let (outbox, memory) = with_return_path();
        let (letter, path) = sent(&office, &outbox, &memory, "wren@example.org").await;
        let (held, other) = sent(&office, &outbox, &memory, "other@example.org").await;
        let rubbish = sample("postfix-gone.eml").replace("{return_path}", &path).replace("Diagnostic-Code: smtp; ", "Diagnostic-Code: smtp; \u{0}\u{7}");
        assert!(rubbish.contains('\u{0}'));
        let folder = Maildir::make();
        // A server nearby reports before we have written down that it took the letter.
        let until = office.clock.now() + TimeDelta::minutes(1);
        let leased = letter::Entity::update_many()
            .col_expr(letter::Column::State, Expr::value(LetterState::Leased))
            .col_expr(letter::Column::LeaseUntil, Expr::value(until))
            .filter(letter::Column::Id.eq(held));
        office.db.write(async |tx| Ok(leased.clone().exec(tx).await?)).await.unwrap();
        folder.put("1.a", &sample("postfix-gone.eml").replace("{return_path}", &other));
        folder.put("2.b", &rubbish);
        let heard = outbox.hear_maildir(&office.db, &office.clock, &folder.0).await.unwrap();
        assert_eq!(heard, [Heard::Bounced(letter, BounceSeverity::Gone)]);
        assert!(!office.find(letter).await.last_reply.contains('\u{0}'));
        assert!(folder.0.join("new/1.a").exists(), "it is looked at again");
        let sent = letter::Entity::update_many()
            .col_expr(letter::Column::State, Expr::value(LetterState::Sent))
            .filter(letter::Column::Id.eq(held));
        office.db.write(async |tx| Ok(sent.clone().exec(tx).await?)).await.unwrap();
        let heard = outbox.hear_maildir(&office.db, &office.clock, &folder.0).await.unwrap();
        assert_eq!(heard, [Heard::Bounced(held, BounceSeverity::Gone)]);
    }

    async fn a_report_about_somebody_who_was_erased_brings_nothing_of_her_back(office: Office) {
        let (outbox, memory) = with_return_path();
        let (letter, path) = sent(&office, &outbox, &memory, "wren@example.org").await;
        let erased = letter::Entity::update_many()
            .col_expr(letter::Column::ToAddress, Expr::value(""))
            .col_expr(letter::Column::LastReply, Expr::value(""))
            .filter(letter::Column::Id.eq(letter));
        office.db.write(async |tx| Ok(erased.clone().exec(tx).await?)).await.unwrap();
        let report = sample("postfix-gone.eml").replace("{return_path}", &path);
        let heard = outbox.hear(&office.db, &office.clock, report.as_bytes(), None).await.unwrap();
        assert_eq!(heard, Heard::Bounced(letter, BounceSeverity::Gone));
        let row = bounce::Entity::find().one(office.db.read()).await.unwrap().unwrap();
        assert_eq!((row.diagnostic.as_str(), office.find(letter).await.last_reply), ("", row.status));
        let attempts = letter_attempt::Entity::find().all(office.db.read()).await.unwrap();
        assert!(attempts.iter().all(|one| !one.reply.contains("wren")), "{attempts:?}");
        for address in ["", "wren@example.org"] {
            assert_eq!(reasons(&office, &outbox, address).await, []);
        }
    }

    async fn reports_that_servers_refuse_us_hold_news_back_as_their_own_answers_do(office: Office) {
        let (outbox, memory) = with_return_path();
        for number in 0..5 {
            let (_, path) = sent(&office, &outbox, &memory, &format!("reader@refuses{}.example", number % 2)).await;
            let report = sample("exchange-policy.eml").replace("{return_path}", &path);
            assert!(streams::paused(office.db.read()).await.unwrap().is_empty(), "{number}");
            outbox.hear(&office.db, &office.clock, report.as_bytes(), None).await.unwrap();
        }
        assert_eq!(streams::paused(office.db.read()).await.unwrap().len(), 1);
    }

    async fn a_forged_report_or_complaint_keeps_nobody_from_getting_letters(office: Office) {
        let (outbox, memory) = with_return_path();
        let (letter, path) = sent(&office, &outbox, &memory, "wren@example.org").await;
        let (_, other) = sent(&office, &outbox, &memory, "other@example.org").await;
        let id = path.split(['+', '.']).nth(1).unwrap();
        let forged = [
            format!("bounces+{id}.0123456789abcdef0123@newsroom.example"),
            format!("bounces+{id}@newsroom.example"),
            // Somebody else's signature.
            format!("bounces+{id}.{}", other.split('.').skip(1).collect::<Vec<_>>().join(".")),
            "bounces@newsroom.example".to_owned(),
        ];
        for path in forged {
            let report = sample("postfix-gone.eml").replace("{return_path}", &path);
            assert_eq!(outbox.hear(&office.db, &office.clock, report.as_bytes(), Some(&path)).await.unwrap(), Heard::NotOurs, "{path}");
        }
        let link = "https://newsroom.example/unsubscribe/AQQQQQQQQQQQQQQQQQQQQQ";
        let complaint = sample("complaint.eml").replace("{unsubscribe}", link);
        assert_eq!(outbox.hear(&office.db, &office.clock, complaint.as_bytes(), None).await.unwrap(), Heard::NotOurs);
        assert_eq!(reasons(&office, &outbox, "wren@example.org").await, []);
        assert_eq!(office.find(letter).await.state, LetterState::Sent);
        for rubbish in [&b""[..], b"\xff\xfe\x00", b"Subject: x\r\n\r\n", b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n"] {
            assert_eq!(outbox.hear(&office.db, &office.clock, rubbish, None).await.unwrap(), Heard::NotOurs);
        }
    }

    async fn a_complaint_ends_news_and_leaves_receipts(office: Office) {
        let (outbox, memory) = with_return_path();
        let wish = Wish { address_hash: outbox.address_key().hash("wren@example.org"), topic: Topic::Updates };
        let link = format!("https://newsroom.example/unsubscribe/{}", outbox.unsubscribe_key().token(&wish).unwrap());
        // As a pipe hands it over, with the line ends of this machine, and the long header folded on its way.
        let folded = format!("{}\n\t{}", &link[..60], &link[60..]);
        let complaint = sample("complaint.eml").replace("\r\n", "\n").replace("{unsubscribe}", &folded);
        let failed = complaint.replace("Feedback-Type: abuse", "Feedback-Type: auth-failure");
        assert_eq!(outbox.hear(&office.db, &office.clock, failed.as_bytes(), None).await.unwrap(), Heard::NotOurs, "nobody complained");
        assert_eq!(outbox.hear(&office.db, &office.clock, complaint.as_bytes(), None).await.unwrap(), Heard::Complained);
        assert_eq!(reasons(&office, &outbox, "wren@example.org").await, [SuppressionReason::Complaint]);
        let mailing = Mailing::open(&office).await;
        assert_eq!(mailing.to(&office, &outbox, ["wren@example.org".to_owned()]).await.suppressed, 1);
        office.receipt(&outbox, "wren@example.org").await;
        assert_eq!(office.round(&outbox).await.sent, 1);
        assert_eq!(memory.letters().len(), 1);
    }

    async fn a_maildir_is_taken_in_once_and_what_was_read_is_moved(office: Office) {
        let (outbox, memory) = with_return_path();
        let (letter, path) = sent(&office, &outbox, &memory, "wren@example.org").await;
        let folder = Maildir::make();
        folder.put("1.a", &sample("postfix-gone.eml").replace("{return_path}", &path));
        folder.put("2.b", "Subject: spam\r\n\r\nBuy!\r\n");
        let folder = &folder.0;
        let heard = outbox.hear_maildir(&office.db, &office.clock, folder).await.unwrap();
        assert_eq!(heard, [Heard::Bounced(letter, BounceSeverity::Gone), Heard::NotOurs]);
        assert_eq!(outbox.hear_maildir(&office.db, &office.clock, folder).await.unwrap(), []);
        let mut kept: Vec<_> = std::fs::read_dir(folder.join("cur")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        kept.sort();
        assert_eq!(kept, ["1.a:2,S", "2.b:2,S"]);
        std::fs::remove_dir_all(folder.join("new")).unwrap();
        assert!(outbox.hear_maildir(&office.db, &office.clock, folder).await.unwrap_err().to_string().contains("MAIL_BOUNCE_DIR"));
    }
}
