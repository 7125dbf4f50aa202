//! What a letter is made of.

use chrono::{DateTime, Utc};
use lettre::{Address, message::Mailbox};
use wellwisher::mail::{
    message::{self, Parts, RIGHT_TO_LEFT_MARK},
    transport::{Mailer, Parcel},
};

use crate::support::SmtpSink;

fn written(parts: Parts<'_>) -> String {
    String::from_utf8(message::write(&parts).unwrap()).unwrap()
}

fn from() -> Mailbox {
    "The Newsroom <give@newsroom.example>".parse().unwrap()
}

fn parts<'a>(from: &'a Mailbox, to: &'a Address) -> Parts<'a> {
    Parts {
        from,
        to,
        to_name: Some("Wren"),
        message_id: "0192-abc@newsroom.example",
        date: DateTime::<Utc>::from_timestamp(1_767_225_600, 0).unwrap(),
        subject: "Your receipt",
        text: "Thank you.",
        html: Some("<p>Thank you.</p>"),
        language: "en",
    }
}

/// The lines before the first empty one.
fn head(message: &str) -> Vec<&str> {
    message.split("\r\n").take_while(|line| !line.is_empty()).collect()
}

#[test]
fn a_letter_has_the_headers_that_it_must_have_and_no_others() {
    let (from, to) = (from(), "wren@example.org".parse().unwrap());
    let message = written(parts(&from, &to));
    let head = head(&message);
    for line in [
        "From: \"The Newsroom\" <give@newsroom.example>",
        "To: \"Wren\" <wren@example.org>",
        "Subject: Your receipt",
        "Date: Thu, 01 Jan 2026 00:00:00 +0000",
        "Message-ID: <0192-abc@newsroom.example>",
        "Auto-Submitted: auto-generated",
        "Content-Language: en",
        "MIME-Version: 1.0",
    ] {
        assert!(head.iter().any(|found| *found == line || found.replace('"', "") == line.replace('"', "")), "{line} in {head:#?}");
    }
    let names: Vec<_> = head.iter().filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names.len(), 9, "{names:?}");
}

#[test]
fn a_name_or_subject_cannot_add_a_header_a_recipient_or_turn_the_line_round() {
    let (from, to): (Mailbox, Address) = (from(), "wren@example.org".parse().unwrap());
    let evil = "Wren\r\nBcc: all@example.org\u{202E}\u{2066}\u{0000}, \"x\" <evil@example.org>";
    let message = written(Parts { to_name: Some(evil), subject: evil, ..parts(&from, &to) });
    let head = head(&message);
    assert!(!head.iter().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head:#?}");
    assert_eq!(message::display_name("\u{202E}\u{200B}\r\n\t "), None);
    assert_eq!(message::display_name("  Wren \r\n  of\u{2028}the  hills\u{202E} ").unwrap(), "Wren of the hills");
    assert_eq!(message::display_name("می\u{200C}خواهم").unwrap(), "می\u{200C}خواهم", "the joiner is part of the word");
    assert_eq!(message::display_name(&"a".repeat(500)).unwrap().len(), 100);
}

#[test]
fn a_message_id_that_could_break_the_header_is_refused() {
    let (from, to) = (from(), "wren@example.org".parse().unwrap());
    for id in ["", "no-at-sign", "a b@example.org", "a@b>\r\nBcc: x@example.org", "@example.org", "a@", "ä@example.org"] {
        assert!(message::write(&Parts { message_id: id, ..parts(&from, &to) }).is_err(), "{id:?}");
    }
}

#[test]
fn a_plain_text_from_the_right_starts_with_the_mark_once() {
    let (from, to) = (from(), "wren@example.org".parse().unwrap());
    for language in ["fa-AF", "ps"] {
        let marked = format!("{RIGHT_TO_LEFT_MARK}R-2026-000001 سپاس");
        for text in ["R-2026-000001 سپاس", &marked] {
            let message = written(Parts { text, html: None, language, ..parts(&from, &to) });
            let body = message.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "");
            use base64::Engine;
            let body = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(body).unwrap()).unwrap();
            assert_eq!(body, marked);
        }
    }
    assert!(!written(parts(&from, &to)).contains(RIGHT_TO_LEFT_MARK));
}

#[tokio::test]
async fn another_programs_parser_reads_names_subjects_and_texts_in_every_script() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let from: Mailbox = Mailbox::new(Some("خبرخانه".into()), "give@newsroom.example".parse().unwrap());
    let to: Address = "reader@example.org".parse().unwrap();
    let text = "سلام\n\nشماره: R-2026-000001 – ۵۰٫۰۰\n".repeat(20);
    let html = format!("<p dir=\"rtl\">{text}</p>");
    let name = "ګلالۍ, \"the\" <first>";
    let raw = message::write(&Parts {
        to_name: Some(name),
        text: &text,
        html: Some(&html),
        language: "ps",
        subject: "رسید شما R-2026-000001 – خبرخانه",
        ..parts(&from, &to)
    });
    let parcel = Parcel { from: from.email.clone(), to, message_id: "0192-abc@newsroom.example".into(), raw: raw.unwrap() };
    assert!(parcel.raw.is_ascii(), "a server without 8BITMIME and SMTPUTF8 can carry it");
    assert!(parcel.raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
    let server = wellwisher::mail::smtp::SmtpServer::new(&sink.url(), "newsroom.example", super::transport::quick()).unwrap();
    Mailer::Smtp(std::sync::Arc::new(server)).deliver(&parcel, async { Ok::<(), String>(()) }).await;
    let letter = &sink.wait_for("letter", 1).await[0];
    assert_eq!(letter["defects"].as_array().unwrap().len(), 0, "{letter}");
    assert_eq!(letter["subject"], "رسید شما R-2026-000001 – خبرخانه");
    assert_eq!(letter["message_id"], "0192-abc@newsroom.example");
    assert_eq!(letter["auto_submitted"], "auto-generated");
    assert!(letter["header_from"].as_str().unwrap().contains("خبرخانه"), "{letter}");
    assert!(
        letter["header_to"].as_str().unwrap().contains("ګلالۍ") && letter["header_to"].as_str().unwrap().ends_with("<reader@example.org>")
    );
    let same =
        |found: &serde_json::Value, meant: &str| assert_eq!(found.as_str().unwrap().replace("\r\n", "\n").trim_end(), meant.trim_end());
    same(&letter["text"], &format!("{RIGHT_TO_LEFT_MARK}{text}"));
    same(&letter["html"], &html);
}
