//! Where letters about older gifts go, and that discreet ones stay discreet: after another address, and after an erasure.

use super::{
    EMAIL,
    address::{NEW, link_to, say},
    give_once, go_home, her, send_letters,
};
use crate::{
    donations::helpers::the_donation,
    recurring::helpers::{hear, letters},
    support::{TestApp, hand_gift, on_both_databases},
    updates,
};
use entity::{
    ids::SupporterId,
    letter, receipt,
    words::{ErasureBy, LetterKind, LetterState},
};
use mail_parser::MessageParser;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{
    consents,
    donations::{by_hand, care::resend_receipt},
    mail::topic::Topic,
    privacy,
    receipts::{
        self, Elsewhere,
        care::{self, Correction},
    },
    staff::Actor,
};

async fn wants_discreet_letters(test: &TestApp, id: SupporterId) {
    let now = test.app.now();
    test.app.db.write(async |tx| consents::set_discreet(tx, id, true, now).await).await.unwrap();
}

/// She asks for another address, and the new mailbox agrees.
async fn move_away(test: &TestApp, id: SupporterId) {
    privacy::address::ask(&test.app, ErasureBy::Supporter, &privacy::By::Supporter.actor(), id, NEW).await.unwrap();
    assert_eq!(say(test, &link_to(test, NEW).await, "yes").await, 200);
}

/// Where the letters of a kind go, oldest first.
async fn addresses(test: &TestApp, kind: LetterKind) -> Vec<String> {
    letters(test, kind).await.into_iter().map(|letter| letter.to_address).collect()
}

/// Sends everything that waits; each letter that left must tell nothing to whoever sees the mailbox. Returns their kinds and addresses.
async fn all_leave_discreetly(test: &TestApp) -> Vec<(LetterKind, String)> {
    let waiting = letter::Entity::find().filter(letter::Column::State.eq(LetterState::Queued)).all(test.app.db.read()).await.unwrap();
    send_letters(test).await;
    for letter in &waiting {
        let raw = std::fs::read(test.directory.join("mail").join(format!("{}.eml", letter.message_id))).expect("it left");
        let message = MessageParser::default().parse(&raw).unwrap();
        assert_eq!(message.subject(), Some("A letter for you"), "{} to {}", letter.kind, letter.to_address);
        assert_eq!(message.from().unwrap().first().unwrap().name(), None, "{}", letter.kind);
    }
    waiting.into_iter().map(|letter| (letter.kind, letter.to_address)).collect()
}

on_both_databases! {
    async fn letters_about_older_gifts_go_to_her_present_address(test: TestApp) {
        give_once(&test).await;
        let (gift, id) = (the_donation(&test.app).await, her(&test).await.id);
        move_away(&test, id).await;
        let first = receipt::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        let correction = Correction { name: "Qanari K.".into(), address: String::new() };
        care::correct(&test.app, &Actor::system(), first.id, &correction).await.unwrap();
        test.wait(1);
        resend_receipt(&test.app, &Actor::system(), gift.id, None).await.unwrap();
        test.wait(1);
        test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(1_000)).unwrap();
        hear(&test).await;
        assert_eq!(addresses(&test, LetterKind::Receipt).await, [EMAIL, NEW, NEW, NEW]);
        test.wait(1);
        test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), None).unwrap();
        hear(&test).await;
        assert_eq!(addresses(&test, LetterKind::ReceiptCancelled).await, [NEW]);
        let issued = receipt::Entity::find_by_id(first.id).one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(issued.snapshot, first.snapshot, "the receipt stays what was issued");
    }

    async fn an_address_that_staff_name_for_one_letter_counts_for_that_letter_alone(test: TestApp) {
        give_once(&test).await;
        let gift = the_donation(&test.app).await;
        let resent = async |to| {
            test.wait(1);
            resend_receipt(&test.app, &Actor::system(), gift.id, to).await.unwrap();
        };
        resent(Some(Elsewhere::once("slip@example.org"))).await;
        resent(None).await;
        test.wait(1);
        test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(1_000)).unwrap();
        hear(&test).await;
        assert_eq!(addresses(&test, LetterKind::Receipt).await, [EMAIL, "slip@example.org", EMAIL, EMAIL]);
    }

    async fn letters_about_a_receipt_go_where_staff_said_from_now_on_until_she_moves(test: TestApp) {
        give_once(&test).await;
        let (gift, id) = (the_donation(&test.app).await, her(&test).await.id);
        let resent = async |to| {
            test.wait(1);
            resend_receipt(&test.app, &Actor::system(), gift.id, to).await.unwrap();
        };
        let refunded = async |minor| {
            test.wait(1);
            test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(minor)).unwrap();
            hear(&test).await;
        };
        resent(Some(Elsewhere { address: "right@example.org", from_now_on: true })).await;
        resent(Some(Elsewhere::once("copy@example.org"))).await;
        refunded(500).await;
        let issued = receipts::store::issued_for_donation(test.app.db.read(), gift.id).await.unwrap().unwrap();
        let correction = Correction { name: "Qanari K.".into(), address: String::new() };
        test.wait(1);
        care::correct(&test.app, &Actor::system(), issued.id, &correction).await.unwrap();
        resent(None).await;
        let mut expected = vec![EMAIL, "right@example.org", "copy@example.org", "right@example.org", "right@example.org", "right@example.org"];
        assert_eq!(addresses(&test, LetterKind::Receipt).await, expected);
        // She has another address herself: that is newer.
        test.wait(1);
        move_away(&test, id).await;
        refunded(500).await;
        expected.push(NEW);
        assert_eq!(addresses(&test, LetterKind::Receipt).await, expected);
    }

    async fn who_holds_a_receipt_of_a_gift_by_hand_is_told_where_staff_sent_it_that_it_is_void(test: TestApp) {
        let given = test.enter(&by_hand::HandGift { email: Some("mistyped@example.org".into()), ..hand_gift(&test, 5_000, "EUR") }).await;
        test.wait(1);
        resend_receipt(&test.app, &Actor::system(), given.id, Some(Elsewhere { address: "right@example.org", from_now_on: true })).await.unwrap();
        by_hand::reverse(&test.app, &Actor::system(), given.id, "Entered twice").await.unwrap();
        assert_eq!(addresses(&test, LetterKind::ReceiptCancelled).await, ["right@example.org"]);
    }

    async fn another_address_takes_nothing_from_discreet_letters_to_either(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        updates::asks_for_news(&test, id, Topic::Updates).await;
        let update = updates::draft(&test, "", |_| {}).await;
        updates::begin(&test, &update).await;
        updates::work(&test).await;
        // Her receipt and the news wait already when she says so, and she is somewhere else when they leave.
        wants_discreet_letters(&test, id).await;
        let gift = the_donation(&test.app).await;
        resend_receipt(&test.app, &Actor::system(), gift.id, Some(Elsewhere::once("slip@example.org"))).await.unwrap();
        move_away(&test, id).await;
        let mut left = all_leave_discreetly(&test).await;
        left.sort();
        let mut expected: Vec<(LetterKind, String)> = [
            (LetterKind::Receipt, EMAIL),
            (LetterKind::Receipt, "slip@example.org"),
            (LetterKind::Update, EMAIL),
            (LetterKind::AddressChange, EMAIL),
            (LetterKind::AddressChange, EMAIL),
            (LetterKind::AddressChange, NEW),
        ]
        .map(|(kind, to)| (kind, to.to_owned()))
        .to_vec();
        expected.sort();
        assert_eq!(left, expected);
    }

    async fn an_erasure_takes_nothing_from_discreet_letters(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        go_home(&test).await;
        send_letters(&test).await;
        wants_discreet_letters(&test, id).await;
        let gift = the_donation(&test.app).await;
        resend_receipt(&test.app, &Actor::system(), gift.id, None).await.unwrap();
        privacy::erase(&test.app, &privacy::By::Supporter, id).await.unwrap();
        let mut left = all_leave_discreetly(&test).await;
        left.sort();
        let mut expected = vec![(LetterKind::Receipt, EMAIL.to_owned()), (LetterKind::Goodbye, EMAIL.to_owned())];
        expected.sort();
        assert_eq!(left, expected);
    }
}
