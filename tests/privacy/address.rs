//! Another e-mail address: both mailboxes have their say, and nobody at the desk takes over somebody's gift.

use super::{EMAIL, give_once, go_home, her, places_with, run, send_letters};
use crate::{
    recurring::helpers::{GOOD_CARD, letters, the_gift, work},
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    letter, receipt, supporter,
    words::{ErasureBy, LetterKind, LetterState, Role, SuppressionReason},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::time::Duration;
use wellwisher::{mail::topic::Topic, privacy};

pub const NEW: &str = "somewhere@example.net";

/// The path of the link in the newest letter about another address to this mailbox.
pub async fn link_to(test: &TestApp, address: &str) -> String {
    let all = letters(test, LetterKind::AddressChange).await;
    let text = all.iter().rev().find(|letter| letter.to_address == address && letter.text_body.contains("/me/address/")).expect("a letter");
    let line = text.text_body.lines().find(|line| line.contains("/me/address/")).expect("a link");
    line.trim().strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned()
}

async fn address_of(test: &TestApp, id: entity::ids::SupporterId) -> String {
    supporter::Entity::find_by_id(id).one(test.app.db.read()).await.unwrap().unwrap().email
}

pub async fn say(test: &TestApp, path: &str, word: &str) -> u16 {
    test.app.clock.advance(TimeDelta::seconds(1));
    test.post(path, &[("say", word)]).await.status.as_u16()
}

/// Whether a link to the pages comes to an address that asks for one.
async fn gets_a_link(test: &TestApp, address: &str) -> bool {
    test.app.clock.advance(TimeDelta::minutes(61));
    let opens = async || {
        let all = letters(test, LetterKind::PortalLink).await;
        all.iter().filter(|one| one.to_address == address && one.dedupe_key.starts_with("portal:")).count()
    };
    let before = opens().await;
    test.forget_cookies();
    assert_eq!(test.post("/me/link", &[("email", address)]).await.location(), "/me?sent=1");
    for _ in 0..20 {
        if opens().await > before {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}

on_both_databases! {
    async fn she_changes_her_address_when_the_new_mailbox_agrees_and_the_old_one_can_take_it_back(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        go_home(&test).await;
        for lang in ["en", "fa-AF", "ps"] {
            assert_eq!(test.get(&format!("/me/details?lang={lang}")).await.status, 200);
        }
        test.get("/me?lang=en").await;
        let wrong = test.post("/me/email", &[("email", "nonsense")]).await;
        assert_eq!((wrong.status.as_u16(), wrong.attribute("#email", "value").as_deref()), (422, Some("nonsense")));
        assert_eq!(test.post("/me/email", &[("email", EMAIL)]).await.status, 422);
        assert_eq!(test.post("/me/email", &[("email", NEW)]).await.location(), "/me/details?done=asked");
        let nobodys = test.get("/me/address/0123456789012345678901234567890123456789012").await;
        assert!(nobodys.status == 200 && nobodys.body.contains("does nothing any more"));
        let (new, old) = (link_to(&test, NEW).await, link_to(&test, EMAIL).await);
        for path in [&new, &old] {
            // A mail scanner looks at both.
            let page = test.get(path).await;
            assert!(page.status == 200 && page.headers["cache-control"] == "no-store" && page.headers.get("set-cookie").is_none());
        }
        assert_eq!(address_of(&test, id).await, EMAIL, "looking changes nothing");
        assert_eq!(say(&test, &new, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, NEW);
        assert_eq!(test.get("/me/details").await.location(), "/me?stale=1", "what the old address opened is shut");
        assert_eq!(say(&test, &old, "no").await, 200);
        assert_eq!(address_of(&test, id).await, NEW, "the first letter can no more stop it");
        assert!(gets_a_link(&test, NEW).await && !gets_a_link(&test, EMAIL).await);
        let issued = receipt::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert!(issued.snapshot.contains(EMAIL), "a receipt is never edited");
        test.app.clock.advance(TimeDelta::days(13));
        let undo = link_to(&test, EMAIL).await;
        assert_ne!(undo, old);
        assert!(test.get(&undo).await.body.contains("take it back"));
        assert_eq!(say(&test, &undo, "no").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL);
        assert_eq!(say(&test, &new, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL, "nothing brings it back");
        let all = privacy::export::everything(test.app.db.read(), &test.app, id).await.unwrap();
        assert_eq!(all.parts.iter().find(|part| part.table.name == "address_change").unwrap().rows.len(), 1);
        privacy::erase(&test.app, &privacy::By::Operator, id).await.unwrap();
        send_letters(&test).await;
        privacy::keep::forget_gone_letters(&test.app).await.unwrap();
        assert_eq!(places_with(&test, NEW).await, Vec::<String>::new(), "the other address is forgotten too");
    }

    async fn no_other_change_is_asked_for_while_one_can_be_undone_and_an_undo_ends_them_all(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        go_home(&test).await;
        test.post("/me/email", &[("email", NEW)]).await;
        assert_eq!(say(&test, &link_to(&test, NEW).await, "yes").await, 200);
        let undo = link_to(&test, EMAIL).await;
        test.app.clock.advance(TimeDelta::days(2));
        // Whoever has the new mailbox wants to go on to a third one.
        assert!(gets_a_link(&test, NEW).await);
        let all = letters(&test, LetterKind::PortalLink).await;
        let line = all.last().unwrap().text_body.lines().find(|line| line.contains("/me/")).expect("a link").trim();
        test.post(line.strip_prefix("http://127.0.0.1:8080").expect("our own address"), &[]).await;
        for lang in ["fa-AF", "ps", "en"] {
            test.get(&format!("/me?lang={lang}")).await;
            let refused = test.post("/me/email", &[("email", "third@example.net")]).await;
            assert_eq!((refused.status.as_u16(), refused.attribute("#email", "value").as_deref()), (409, Some("third@example.net")));
        }
        let finance = test.add_person(Role::Finance).await;
        test.sign_in(&finance).await;
        let refused = test.post(&format!("/desk/supporters/{id}/address"), &[("email", "third@example.net")]).await;
        assert!(refused.status == 422 && refused.body.contains("two weeks") && refused.body.contains("third@example.net"), "{}", refused.body);
        // Even a wish that is there all the same does not outlive the undo.
        run(&test, "update address_change set undo_until = asked_at").await;
        let by = privacy::By::Supporter.actor();
        privacy::address::ask(&test.app, ErasureBy::Supporter, &by, id, "third@example.net").await.unwrap();
        run(&test, "update address_change set undo_until = expires_at where done_at is not null").await;
        assert_eq!(say(&test, &undo, "no").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL);
        assert_eq!(say(&test, &link_to(&test, "third@example.net").await, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL, "the wish went with the address that it was made at");
    }

    async fn a_wish_counts_only_for_the_address_that_it_was_made_at(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        go_home(&test).await;
        test.post("/me/email", &[("email", NEW)]).await;
        run(&test, "update supporter set email = 'meanwhile@example.net'").await;
        let new = link_to(&test, NEW).await;
        assert_eq!(say(&test, &new, "yes").await, 409);
        assert_eq!(address_of(&test, id).await, "meanwhile@example.net");
        assert!(test.get(&new).await.body.contains("does nothing any more"));
    }

    async fn two_supporters_are_never_made_one_and_a_wish_runs_out(test: TestApp) {
        give_once(&test).await;
        let other = crate::support::gift(2_500, "USD");
        test.give(&other).await;
        let id = her(&test).await.id;
        go_home(&test).await;
        assert_eq!(test.post("/me/email", &[("email", &other.email)]).await.location(), "/me/details?done=asked", "the same answer");
        let taken = link_to(&test, &other.email).await;
        assert_eq!(say(&test, &taken, "yes").await, 409);
        assert_eq!(address_of(&test, id).await, EMAIL);
        assert_eq!(test.post("/me/email", &[("email", NEW)]).await.location(), "/me/details?done=asked");
        let late = link_to(&test, NEW).await;
        assert_eq!(test.post("/me/email", &[("email", "third@example.net")]).await.location(), "/me/details?done=asked");
        assert_eq!(test.post("/me/email", &[("email", "fourth@example.net")]).await.status, 429);
        assert_eq!(say(&test, &late, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL, "a later wish took its place");
        let late = link_to(&test, "third@example.net").await;
        test.app.clock.advance(TimeDelta::days(4));
        assert_eq!(say(&test, &late, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL, "it ran out");
    }

    async fn staff_cannot_take_over_a_gift(test: TestApp) {
        give_once(&test).await;
        crate::recurring::helpers::begin(&test, "monthly", GOOD_CARD).await;
        let id = her(&test).await.id;
        let finance = test.add_person(Role::Finance).await;
        test.sign_in(&finance).await;
        let asked = test.post(&format!("/desk/supporters/{id}/address"), &[("email", NEW)]).await;
        assert_eq!(asked.location(), format!("/desk/supporters/{id}?done=address-asked"));
        assert_eq!(test.post(&format!("/desk/supporters/{id}/address"), &[("email", "x")]).await.status, 422);
        // She of finance owns the new mailbox, and agrees there.
        let new = link_to(&test, NEW).await;
        assert_eq!(say(&test, &new, "yes").await, 200);
        privacy::address::finish_waiting(&test.app).await.unwrap();
        assert_eq!(address_of(&test, id).await, EMAIL, "silence is no consent");
        assert!(!gets_a_link(&test, NEW).await);
        // Reading the outbox gives no key: not of her pages, not of the old mailbox's answer, not of a gift's page.
        assert!(gets_a_link(&test, EMAIL).await);
        test.sign_in(&finance).await;
        for one in letter::Entity::find().filter(letter::Column::ToAddress.eq(EMAIL)).all(test.app.db.read()).await.unwrap() {
            let shown = test.get(&format!("/desk/letters/{}", one.id)).await;
            assert_eq!(shown.status, 200);
            for word in one.text_body.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).filter(|word| word.len() >= 43) {
                assert!(!shown.body.contains(word), "{}", shown.body);
            }
        }
        // A receipt sent to another address leads nowhere but to its gift's page.
        let gift = receipt::Entity::find().one(test.app.db.read()).await.unwrap().unwrap().donation_id;
        let resent = test.post(&format!("/desk/donations/{gift}/receipt"), &[("to_address", NEW)]).await;
        assert_eq!(resent.status, 303, "{}", resent.body);
        assert!(!gets_a_link(&test, NEW).await, "it is not her address for that");
        // She says no, and that is that.
        let old = link_to(&test, EMAIL).await;
        assert!(test.get(&old).await.texts("main form button").len() == 2);
        assert_eq!(say(&test, &old, "no").await, 200);
        assert_eq!(say(&test, &new, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL);
    }

    async fn what_staff_mend_takes_hold_when_she_agrees_or_her_address_takes_no_letters(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        let finance = test.add_person(Role::Finance).await;
        test.sign_in(&finance).await;
        test.post(&format!("/desk/supporters/{id}/address"), &[("email", NEW)]).await;
        let (new, old) = (link_to(&test, NEW).await, link_to(&test, EMAIL).await);
        assert_eq!(say(&test, &old, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, EMAIL, "the new one has not agreed");
        assert_eq!(say(&test, &new, "yes").await, 200);
        assert_eq!(address_of(&test, id).await, NEW, "both agreed");
        // A typing mistake: the mail server refuses the letter to the address as it was written.
        test.app.clock.advance(TimeDelta::days(15));
        test.sign_in(&finance).await;
        test.post(&format!("/desk/supporters/{id}/address"), &[("email", EMAIL)]).await;
        let new = link_to(&test, EMAIL).await;
        assert_eq!(say(&test, &new, "yes").await, 200);
        privacy::address::finish_waiting(&test.app).await.unwrap();
        assert_eq!(address_of(&test, id).await, NEW);
        run(&test, &format!("update letter set state = 'bounced' where to_address = '{NEW}' and dedupe_key like 'address:%:old-staff'")).await;
        let came_back = |of: &str, via: &str, severity: &str| {
            format!(
                "insert into bounce (letter_id, via, severity, status, diagnostic, address_hash, at)
                    select id, '{via}', '{severity}', '', '', '', created_at from letter where to_address = '{NEW}' and {of}"
            )
        };
        // A full mailbox, and another letter that came back: neither says that nobody reads there.
        run(&test, &came_back("dedupe_key like 'address:%:old-staff'", "answer", "soft")).await;
        run(&test, &came_back("dedupe_key like 'address:%:new'", "report", "gone")).await;
        privacy::address::finish_waiting(&test.app).await.unwrap();
        assert_eq!(address_of(&test, id).await, NEW);
        run(&test, &came_back("dedupe_key like 'address:%:old-staff'", "report", "gone")).await;
        privacy::address::finish_waiting(&test.app).await.unwrap();
        assert_eq!(address_of(&test, id).await, EMAIL);
    }

    async fn nobody_at_the_desk_takes_over_a_gift_by_holding_back_the_letter_to_the_old_mailbox(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        // Something came back from there once, and the mailbox is there again.
        test.suppress(EMAIL, Topic::Everything, SuppressionReason::HardBounce).await;
        let finance = test.add_person(Role::Finance).await;
        test.sign_in(&finance).await;
        test.post(&format!("/desk/supporters/{id}/address"), &[("email", NEW)]).await;
        send_letters(&test).await;
        let old = |all: Vec<letter::Model>| all.into_iter().rev().find(|one| one.to_address == EMAIL).expect("a letter");
        assert_eq!(old(letters(&test, LetterKind::AddressChange).await).state, LetterState::Sent, "she is asked whatever came back before");
        assert_eq!(say(&test, &link_to(&test, NEW).await, "yes").await, 200);
        privacy::address::finish_waiting(&test.app).await.unwrap();
        assert_eq!(address_of(&test, id).await, EMAIL, "she has not agreed");
        // Who holds back every letter to her learns nothing of her mailbox either.
        test.suppress(EMAIL, Topic::Everything, SuppressionReason::Staff).await;
        test.post(&format!("/desk/supporters/{id}/address"), &[("email", NEW)]).await;
        send_letters(&test).await;
        assert_eq!(old(letters(&test, LetterKind::AddressChange).await).state, LetterState::Suppressed);
        assert_eq!(say(&test, &link_to(&test, NEW).await, "yes").await, 200);
        privacy::address::finish_waiting(&test.app).await.unwrap();
        assert_eq!(address_of(&test, id).await, EMAIL);
    }

    async fn stripe_hears_of_the_new_address(test: TestApp) {
        crate::recurring::helpers::begin(&test, "monthly", GOOD_CARD).await;
        let customer = the_gift(&test).await.customer_id.expect("a customer");
        run(&test, &format!("update supporter set email = '{EMAIL}'")).await;
        go_home(&test).await;
        test.post("/me/email", &[("email", NEW)]).await;
        let new = link_to(&test, NEW).await;
        say(&test, &new, "yes").await;
        work(&test).await;
        let events = test.stripe.standin.events();
        let told = events.iter().find(|event| event.body.contains("customer.updated")).expect("Stripe was told");
        assert!(told.body.contains(&customer) && told.body.contains(NEW), "{}", told.body);
    }
}
