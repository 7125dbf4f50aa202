//! What was not committed never happened: no letter goes out, no number is taken, nothing is posted.

use super::helpers::*;
use crate::support::{TestApp, hand_gift, on_both_databases};
use entity::words::LetterKind;
use wellwisher::{donations::by_hand, error::Error, mail::outbox::NewLetter, staff::Actor};

/// The letters that left the house, as files.
fn sent(app: &TestApp) -> usize {
    let folder = app.directory.join("mail");
    std::fs::read_dir(folder).map_or(0, |entries| entries.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "eml")).count())
}

on_both_databases! {
    async fn a_letter_of_what_failed_never_leaves_and_one_of_what_was_done_leaves_once(app: TestApp) {
        let now = app.app.now();
        let letter = NewLetter {
            kind: LetterKind::StaffNotice,
            dedupe_key: "undone".into(),
            donation_id: None,
            receipt_id: None,
            to_address: "rosa@example.org".into(),
            to_name: String::new(),
            subject: "Something was done".into(),
            text: "It was done.".into(),
            html: String::new(),
            language: "en".into(),
            discreet: false,
        };
        let failed: Result<(), Error> = app
            .app
            .db
            .write(async |tx| {
                app.app.outbox.enqueue(tx, letter.clone(), app.app.new_id(), now).await?;
                Err(Error::Conflict("the rest could not be written".into()))
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(sent(&app), 0, "nothing leaves before it is true");
        app.app.outbox.deliver_due(&app.app.db, &app.app.clock).await.unwrap();
        assert_eq!((sent(&app), count(&app.app, "letter").await), (0, 0), "and nothing leaves later");

        let gift = by_hand::HandGift { email: Some("rosa@example.org".into()), ..hand_gift(&app, 1_000, "EUR") };
        by_hand::record(&app.app, &Actor::system(), &gift).await.unwrap();
        assert_eq!(sent(&app), 0, "a letter waits for its worker");
        for _ in 0..2 {
            app.app.outbox.deliver_due(&app.app.db, &app.app.clock).await.unwrap();
        }
        assert_eq!(sent(&app), 1, "and leaves once");
    }
}
