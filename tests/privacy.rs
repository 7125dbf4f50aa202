//! What is known of a supporter: she takes all of it along, and has it erased as far as the law lets us.

mod address;
mod claimed;
mod crash;
mod letters;
mod own;
mod race;

use crate::{
    recurring::helpers::{GOOD_CARD, begin, fill, hear, letters, the_gift, work},
    support::{TestApp, hand_gift, on_both_databases},
    updates::asks_for_news,
};
use chrono::TimeDelta;
use entity::{
    audit_entry, donation, erasure,
    ids::{DonationId, SupporterId},
    letter, receipt, supporter,
    words::{ErasureBy, LetterKind, LetterState, RecurringStatus, Role},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Statement};
use serde_json::Value;
use std::time::Duration;
use wellwisher::{
    donations::by_hand::HandGift,
    error::Error,
    mail::topic::Topic,
    payments::{nameless, standin::PayOutcome},
    privacy::{self, By, Erased, Obstacle, export, inventory, keep},
    receipts::annual,
    staff::Actor,
    worker,
};

/// What stands in everything that names her or that was written about her.
const CANARY: &str = "qanari";

const EMAIL: &str = "qanari@example.org";

async fn run(test: &TestApp, sql: &str) {
    test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn her(test: &TestApp) -> supporter::Model {
    privacy::find_by_address(test.app.db.read(), EMAIL).await.unwrap().expect("she is known")
}

/// Sends every letter that is due.
async fn send_letters(test: &TestApp) {
    while test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap().tried > 0 {}
}

/// Opens her own pages, as she does.
async fn go_home(test: &TestApp) {
    test.forget_cookies();
    test.app.clock.advance(TimeDelta::minutes(61));
    let before = letters(test, LetterKind::PortalLink).await.len();
    assert_eq!(test.post("/me/link", &[("email", EMAIL)]).await.location(), "/me?sent=1");
    for _ in 0..200 {
        let sent = letters(test, LetterKind::PortalLink).await;
        if sent.len() > before {
            let line = sent.last().unwrap().text_body.lines().find(|line| line.contains("/me/")).expect("a link").trim().to_owned();
            let path = line.strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned();
            assert_eq!(test.post(&path, &[]).await.location(), "/me");
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no link came");
}

/// A gift with everything that can be told with one.
async fn give_once(test: &TestApp) {
    let answer =
        fill(test, "").await.with("email", EMAIL).with("name", "Qanari Karimi").with("note", "For qanari's girls").send(test).await;
    let session = crate::recurring::helpers::session_of(test, &answer);
    assert_eq!(test.stripe.standin.pay(&session, GOOD_CARD), PayOutcome::Paid);
    hear(test).await;
}

/// A gift by hand, with what staff call it.
async fn give_by_hand(test: &TestApp, reference: &str) -> DonationId {
    let gift = hand_gift(test, 3_000, "USD");
    let gift = HandGift { email: Some(EMAIL.to_owned()), name: "Qanari Karimi".to_owned(), reference: reference.to_owned(), ..gift };
    test.enter(&gift).await.id
}

/// A supporter with a gift, a monthly gift, letters, receipts, a statement of a year, news, an order, a declaration: and her canary in every
/// column in which she or others can write.
async fn supporter_with_everything(test: &TestApp) -> SupporterId {
    give_once(test).await;
    let answer = fill(test, "").await.with("email", EMAIL).with("name", "Qanari Karimi").with("frequency", "monthly").send(test).await;
    let session = crate::recurring::helpers::session_of(test, &answer);
    assert_eq!(test.stripe.standin.pay(&session, GOOD_CARD), PayOutcome::Paid);
    hear(test).await;
    give_by_hand(test, "Qanari Karimi, cheque 7").await;
    send_letters(test).await;
    test.app.clock.set("2027-02-01T12:00:00Z".parse().unwrap());
    let year = annual::year_to_state(&test.app, 2026).unwrap();
    annual::run(&test.app, &Actor::system(), &year, false, |_, _| {}).await.unwrap();
    let id = her(test).await.id;
    write_about_her(test).await;
    id
}

/// What has no page in these tests is written by hand, as other parts of the program write it.
async fn write_about_her(test: &TestApp) {
    let item = test.add_item("camera", 2, test.add_campaign("cameras").await).await;
    let hex = |id: sea_orm::prelude::Uuid| {
        if test.app.db.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
    };
    let gift = donation::Entity::find().order_by_asc(donation::Column::Id).one(test.app.db.read()).await.unwrap().unwrap();
    let sent = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::Receipt)).one(test.app.db.read()).await.unwrap().unwrap();
    let (gift_id, who, letter_id, item) = (hex(gift.id.0), hex(gift.supporter_id.0), hex(sent.id.0), hex(item.0));
    let new = || hex(test.app.new_id::<SupporterId>().0);
    let hash = test.app.outbox.address_key().hash(EMAIL);
    let at = "'2027-01-05T10:00:00+00:00'";
    let event = r#"{"id":"evt_old","type":"charge.succeeded","livemode":false,"data":{"object":{"id":"ch_1","billing_details":{"name":"Qanari"}}}}"#;
    for sql in [
        format!("insert into donation_address (donation_id, address, updated_at) values ({gift_id}, 'Qanari Street 7', {at})"),
        format!("insert into donation_step (donation_id, at, kind, detail) values ({gift_id}, {at}, 'transfer_matched', 'QANARI KARIMI RF18')"),
        "update recurring_donation set end_note = 'qanari lost her work'".to_owned(),
        format!("update letter set last_reply = '250 ok <qanari@example.org>' where id = {letter_id}"),
        format!("insert into letter_attempt (letter_id, at, stage, state, smtp_code, reply) values ({letter_id}, {at}, 'done', 'bounced', null, '5.1.1 <qanari@example.org>')"),
        format!("insert into bounce (letter_id, via, severity, status, diagnostic, address_hash, at) values ({letter_id}, 'report', 'soft', '4.2.2', 'qanari: full', '{hash}', {at})"),
        format!("insert into subscription (id, supporter_id, address_hash, topic, language, wording, wording_version, token_hash, requested_at, expires_at, confirmed_at, ended_by)
            values ({}, {who}, '{hash}', 'updates', 'en', 'Yes, write to me', 'v', 't', {at}, {at}, {at}, '')", new()),
        format!("insert into suppression (id, address_hash, topic, reason, note, made_by, made_at, renewed_at, lifted_by, lifted_at, lift_note)
            values ({}, '{hash}', 'updates', 'staff', 'qanari called', 'Finance', {at}, {at}, 'Finance', {at}, 'qanari called again')", new()),
        format!("insert into wish_order (id, wish_item_id, form_token, quantity, state, email, language, expires_at, created_at, updated_at)
            values ({}, {item}, 'f', 1, 'expired', 'Qanari@example.org', 'en', {at}, {at}, {at})", new()),
        format!("insert into gift_aid_declaration (id, donation_id, supporter_id, title, first_name, last_name, house, postcode, scope, wording_version, wording, declared_at, cancel_reason, made)
            values ({}, {gift_id}, {who}, 'Ms', 'Qanari', 'Karimi-Qanari', 'Qanari House', 'QANARI 1', 'all', 'v', 'w', {at}, '', 'online')", new()),
        format!("insert into address_change (id, supporter_id, asked_by, old_address, new_address, old_token_hash, new_token_hash, old_letter_id, asked_at, expires_at, ended_at, ended_why)
            values ({}, {who}, 'supporter', '{EMAIL}', 'qanari@example.net', 'o', 'n', {letter_id}, {at}, {at}, {at}, 'refused')", new()),
        format!("insert into stripe_event (id, event_type, api_version, livemode, object_id, donation_id, payload, received_at, outcome, settled_at)
            values ('evt_old', 'charge.succeeded', '', false, 'ch_1', {gift_id}, '{event}', {at}, 'applied', {at})"),
    ] {
        run(test, &sql).await;
    }
}

/// Every place of the database, as text, in which `needle` stands, whatever its case: `table.column`.
async fn places_with(test: &TestApp, needle: &str) -> Vec<String> {
    let db = test.app.db.read();
    let backend = db.get_database_backend();
    let (columns, find) = match backend {
        DbBackend::Sqlite => (
            "select m.name as t, p.name as c from sqlite_master m join pragma_table_info(m.name) p where m.type = 'table'",
            "instr(lower(cast(@ as text)), '",
        ),
        _ => (
            "select table_name::text as t, column_name::text as c from information_schema.columns where table_schema = current_schema()",
            "0 < strpos(lower(@::text), '",
        ),
    };
    let rows = db.query_all_raw(Statement::from_string(backend, columns)).await.unwrap();
    assert!(rows.len() > 500, "all columns: {}", rows.len());
    let mut found = Vec::new();
    for row in rows {
        let (table, column): (String, String) = (row.try_get("", "t").unwrap(), row.try_get("", "c").unwrap());
        let sql = format!("select count(*) as n from \"{table}\" where {}{needle}')", find.replace('@', &format!("\"{column}\"")));
        let row = db.query_one_raw(Statement::from_string(backend, sql)).await.unwrap().unwrap();
        if row.try_get::<i64>("", "n").unwrap() > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// Does everything that could bring her back: every event again, both ways of asking Stripe, every schedule.
async fn everything_is_heard_again(test: &TestApp) {
    crate::recurring::helpers::deliver_all(test).await;
    work(test).await;
    crate::recurring::helpers::reconcile(test).await;
    test.app.clock.advance(TimeDelta::days(2));
    worker::run_schedules(&test.app).await;
    work(test).await;
    send_letters(test).await;
    keep::forget_gone_letters(&test.app).await.unwrap();
}

async fn end_monthly_gift(test: &TestApp) {
    let id = the_gift(test).await.id;
    assert_eq!(test.post(&format!("/me/recurring/{id}/end"), &[("reason", "")]).await.location(), "/me?done=end");
    hear(test).await;
    assert_eq!(the_gift(test).await.status, RecurringStatus::Ended);
}

fn is_something(value: &Value) -> bool {
    !value.is_null() && *value != Value::String(String::new())
}

on_both_databases! {
    async fn she_takes_along_every_field_that_is_hers(test: TestApp) {
        supporter_with_everything(&test).await;
        test.app.clock.advance(TimeDelta::minutes(61));
        assert_eq!(test.get("/me/export/everything.json").await.location(), "/me?stale=1", "not without the link");
        go_home(&test).await;
        let page = test.get("/me/data").await;
        assert!(page.status == 200 && page.texts("main li a").len() > 15, "{}", page.body);
        for lang in ["fa-AF", "ps"] {
            assert_eq!(test.get(&format!("/me/data?lang={lang}")).await.status, 200);
        }
        let file = test.get("/me/export/everything.json").await;
        assert_eq!((file.status.as_u16(), file.headers["cache-control"].to_str().unwrap()), (200, "no-store"));
        assert!(file.headers["content-disposition"].to_str().unwrap().contains("attachment"));
        let told: Value = serde_json::from_str(&file.body).unwrap();
        assert_eq!(told["format"], export::FORMAT);
        // No claim was made here: `claimed` has one.
        for table in inventory::HERS.iter().filter(|table| table.name != "gift_aid_line") {
            let rows = told["data"][table.name].as_array().unwrap_or_else(|| panic!("{} is not in it", table.name));
            for column in [table.erased, table.sealed].iter().flat_map(|list| list.split(' ')).filter(|column| !column.is_empty()) {
                assert!(rows.iter().any(|row| is_something(&row[column])), "{}.{column} is not told: {rows:?}", table.name);
            }
            for column in table.hidden.split(' ').filter(|column| !column.is_empty()) {
                assert!(rows.iter().all(|row| row.get(column).is_none()), "{}.{column} is a secret or staff's", table.name);
            }
        }
        let letters = told["data"]["letter"].as_array().unwrap();
        assert!(letters.iter().all(|letter| !letter["text_body"].as_str().unwrap().contains("/me/")), "no link that still opens something");
        let texts: Vec<&str> = letters.iter().filter_map(|letter| letter["text_body"].as_str()).collect();
        assert!(texts.iter().any(|text| text.contains("/donations/…")), "{texts:?}");
        let is_key = |word: &str| word.len() >= 43;
        let words = texts.iter().flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')));
        assert_eq!(words.filter(|word| is_key(word)).collect::<Vec<_>>(), Vec::<&str>::new(), "no key of any kind");
        let csv = test.get("/me/export/donation.csv").await;
        assert!(csv.body.starts_with("donor_name,public_name,note,") && csv.body.contains("Qanari Karimi") && csv.body.contains("\r\n"), "{}", csv.body);
        assert_eq!(test.get("/me/export/staff_member.csv").await.status, 404);
        let trail = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("supporter.export"));
        let trail = trail.all(test.app.db.read()).await.unwrap();
        assert_eq!(trail.len(), 2);
        assert!(trail.iter().all(|entry| entry.actor == "supporter" && !entry.detail.contains(CANARY)));
    }

    async fn a_cell_of_her_tables_is_no_formula(test: TestApp) {
        let answer = fill(&test, "").await.with("email", EMAIL).with("name", "=HYPERLINK(1)").with("note", "+1, \"quoted\"").send(&test).await;
        let session = crate::recurring::helpers::session_of(&test, &answer);
        assert_eq!(test.stripe.standin.pay(&session, GOOD_CARD), PayOutcome::Paid);
        hear(&test).await;
        let all = export::everything(test.app.db.read(), &test.app, her(&test).await.id).await.unwrap();
        let table = String::from_utf8(all.to_csv("donation").unwrap()).unwrap();
        assert!(table.contains("\n'=HYPERLINK(1),") && table.contains("\"'+1, \"\"quoted\"\"\""), "{table}");
    }

    async fn what_stands_in_the_way_is_said_in_words_and_nothing_is_changed(test: TestApp) {
        begin(&test, "monthly", GOOD_CARD).await;
        let id = privacy::find_by_address(test.app.db.read(), "zarmina@example.org").await.unwrap().unwrap().id;
        assert_eq!(privacy::obstacles(test.app.db.read(), id).await.unwrap(), [Obstacle::Recurring]);
        let before = places_with(&test, "zarmina").await;
        assert!(matches!(privacy::erase(&test.app, &By::Operator, id).await, Err(Error::Conflict(_))));
        assert_eq!(places_with(&test, "zarmina").await, before);
        crate::donations::helpers::begin(&test, "").await;
        let found = privacy::obstacles(test.app.db.read(), id).await.unwrap();
        assert!(matches!(found[..], [Obstacle::Recurring, Obstacle::Checkout(_)]), "{found:?}");
    }

    async fn she_is_erased_and_nothing_brings_her_back(test: TestApp) {
        let id = supporter_with_everything(&test).await;
        test.stripe.standin.catch_up();
        hear(&test).await;
        let books = books(&test).await;
        go_home(&test).await;
        let first = test.get("/me/erase").await;
        assert!(first.texts("input[name=confirm]").is_empty() && first.body.contains("every month"), "{}", first.body);
        end_monthly_gift(&test).await;
        for lang in ["en", "fa-AF", "ps"] {
            let page = test.get(&format!("/me/erase?lang={lang}")).await;
            assert_eq!((page.status.as_u16(), page.texts("main form button").len()), (200, 1), "{}", page.body);
        }
        test.get("/me?lang=en").await;
        let wrong = test.post("/me/erase", &[("confirm", "somebody@example.org")]).await;
        assert_eq!((wrong.status.as_u16(), wrong.attribute("#confirm", "value").as_deref()), (422, Some("somebody@example.org")));
        let places = places_with(&test, CANARY).await;
        assert!(places.len() > 15, "{places:?}");
        let done = test.post("/me/erase", &[("confirm", " Qanari@example.org ")]).await;
        assert_eq!((done.status.as_u16(), done.location()), (303, "/me?erased=1"), "{}", done.body);
        assert!(test.get("/me?erased=1").await.texts(".done").join(" ").contains("You are erased"));
        assert_eq!(test.get("/me/data").await.location(), "/me?stale=1");
        // Only the letter that says so, and what is still on its way, have her address until they have gone.
        let left = places_with(&test, CANARY).await;
        assert!(left.iter().all(|place| place.starts_with("letter.")), "{left:?}");
        send_letters(&test).await;
        assert!(keep::forget_gone_letters(&test.app).await.unwrap() > 0);
        assert_eq!(places_with(&test, CANARY).await, Vec::<String>::new());
        everything_is_heard_again(&test).await;
        assert_eq!(places_with(&test, CANARY).await, Vec::<String>::new(), "nothing brought her back");
        let row = erasure::Entity::find_by_id(id).one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!((row.asked_by, row.stripe_done_at.is_some()), (ErasureBy::Supporter, true));
        assert_eq!(self::books(&test).await, books, "numbers, amounts and days are as they were");
        assert_eq!(privacy::erase(&test.app, &By::Operator, id).await.unwrap(), Erased::Before);
        test.app.db.clear_log().await.unwrap();
        assert_not_in_the_file(&test);
    }

    async fn finance_opens_what_was_sealed_with_a_reason_until_its_key_is_destroyed(test: TestApp) {
        give_once(&test).await;
        send_letters(&test).await;
        let id = her(&test).await.id;
        test.sign_in_as(Role::Admin).await;
        let found = test.get(&format!("/desk/supporters?q={EMAIL}")).await;
        assert_eq!(found.location(), format!("/desk/supporters/{id}"));
        assert!(test.get("/desk/supporters?q=nobody@example.org").await.body.contains("Nobody with this address"));
        let page = test.get(found.location()).await;
        assert!(page.body.contains("Qanari Karimi"), "{}", page.body);
        let taken = test.post(&format!("/desk/supporters/{id}/export"), &[]).await;
        assert!(taken.status == 200 && taken.body.contains("Qanari Karimi"));
        assert_eq!(test.post(&format!("/desk/supporters/{id}/erase"), &[("confirm", "yes")]).await.status, 422);
        let done = test.post(&format!("/desk/supporters/{id}/erase"), &[("confirm", EMAIL)]).await;
        assert_eq!(done.status, 303, "{}", done.body);
        let page = test.get(done.location()).await;
        assert!(!page.body.to_lowercase().contains(CANARY), "{}", page.body);
        let link = page.attribute("main li a", "href").expect("a sealed receipt");
        let receipt = receipt::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert!(!test.get(&format!("/desk/receipts/{}", receipt.id)).await.body.to_lowercase().contains(CANARY));
        let again = test.post(&format!("/desk/receipts/{}/correct", receipt.id), &[("donor_name", "Qanari"), ("donor_address", "")]).await;
        assert!(again.status == 409 && again.body.contains("sealed"), "{}", again.body);
        let resent = test.post(&format!("/desk/donations/{}/receipt", receipt.donation_id), &[("to_address", "new@example.org")]).await;
        assert!(resent.status == 409 && resent.body.contains("sealed"), "{}", resent.body);
        assert_eq!(test.post(&link, &[("reason", " ")]).await.status, 422);
        let opened = test.post(&link, &[("reason", "the tax office asks for the receipts of 2026")]).await;
        assert!(opened.status == 200 && opened.body.contains("Qanari Karimi") && opened.body.contains(&receipt.code), "{}", opened.body);
        let trail = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("sealed.open"));
        assert_eq!(trail.count(test.app.db.read()).await.unwrap(), 1);
        assert_eq!(test.get("/desk/sealed/019a0000-0000-7000-8000-000000000000").await.status, 404);
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get(&link).await.status, 403);
        assert_eq!(test.get(&format!("/desk/supporters/{id}")).await.status, 403);
        test.app.clock.set("2033-12-31T12:00:00Z".parse().unwrap());
        assert_eq!(keep::forget_what_is_over(&test.app).await.unwrap().keys, 0, "kept for seven years after the year of its issue");
        test.app.clock.set("2034-01-01T12:00:00Z".parse().unwrap());
        assert_eq!(keep::forget_what_is_over(&test.app).await.unwrap().keys, 1);
        let row = erasure::Entity::find_by_id(id).one(test.app.db.read()).await.unwrap().unwrap();
        assert!(row.wrapped_key.is_none() && row.key_destroyed_at.is_some());
        test.sign_in_as(Role::Finance).await;
        assert_eq!(test.post(&link, &[("reason", "once more")]).await.status, 404, "nothing is left of it");
    }

    async fn what_staff_called_her_gifts_goes_and_codes_of_ours_stay(test: TestApp) {
        let (typed, announced) = (give_by_hand(&test, "Qanari's cheque").await, give_by_hand(&test, "RF18WW1").await);
        let id = test.donation(announced).await.id;
        let hex = if test.app.db.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.0.simple()) };
        let at = "'2026-01-05T10:00:00+00:00'";
        run(&test, &format!("insert into donation_step (donation_id, at, kind, detail) values ({hex}, {at}, 'transfer_announced', '')")).await;
        privacy::erase(&test.app, &By::Operator, her(&test).await.id).await.unwrap();
        assert_eq!((test.donation(typed).await.reference.as_str(), test.donation(announced).await.reference.as_str()), ("", "RF18WW1"));
    }

    async fn who_gives_or_gets_news_is_not_forgotten_by_itself(test: TestApp) {
        give_once(&test).await;
        let id = her(&test).await.id;
        test.app.clock.advance(TimeDelta::days(365 * 4));
        let before = test.app.now() - TimeDelta::days(365 * 3);
        asks_for_news(&test, id, Topic::Updates).await;
        assert!(matches!(privacy::erase(&test.app, &By::Retention(before), id).await, Err(Error::Conflict(_))), "she gets news");
        run(&test, "update subscription set ended_at = confirmed_at").await;
        give_by_hand(&test, "").await;
        assert!(matches!(privacy::erase(&test.app, &By::Retention(before), id).await, Err(Error::Conflict(_))), "she gave");
        test.app.clock.advance(TimeDelta::days(365 * 4));
        let before = test.app.now() - TimeDelta::days(365 * 3);
        assert!(matches!(privacy::erase(&test.app, &By::Retention(before), id).await, Ok(Erased::Now { .. })));
    }

    async fn who_gives_again_later_is_somebody_new(test: TestApp) {
        give_once(&test).await;
        let before = her(&test).await.id;
        privacy::erase(&test.app, &By::Operator, before).await.unwrap();
        give_once(&test).await;
        let after = her(&test).await;
        assert_ne!(after.id, before);
        let all = export::everything(test.app.db.read(), &test.app, after.id).await.unwrap();
        assert_eq!(all.parts.iter().find(|part| part.table.name == "donation").unwrap().rows.len(), 1, "the gift before is nobody's");
        let receipts = letters(&test, LetterKind::Receipt).await;
        assert_eq!(receipts.last().unwrap().state, LetterState::Queued, "her receipt is sent, although she gets no news");
    }

    async fn letters_lose_their_text_and_old_names_go_by_themselves(test: TestApp) {
        give_once(&test).await;
        send_letters(&test).await;
        let mut app = test.app.clone();
        app.config = std::sync::Arc::new(wellwisher::config::Config { forget_after_months: Some(36), ..(*test.app.config).clone() });
        test.app.clock.advance(TimeDelta::days(29));
        assert_eq!(keep::forget_what_is_over(&app).await.unwrap().letters, 0);
        test.app.clock.advance(TimeDelta::days(2));
        assert_eq!(keep::forget_what_is_over(&app).await.unwrap().letters, 1);
        let letter = letters(&test, LetterKind::Receipt).await.remove(0);
        assert_eq!((letter.text_body.as_str(), letter.to_address.as_str()), ("", EMAIL), "what was sent to whom is known");
        let gift = crate::donations::helpers::the_donation(&test.app).await;
        wellwisher::donations::care::resend_receipt(&test.app, &Actor::system(), gift.id, None).await.unwrap();
        let again = letters(&test, LetterKind::Receipt).await.remove(1);
        assert!(again.text_body.contains("Qanari Karimi"), "a receipt is sent again from what it says");
        send_letters(&test).await;
        test.app.clock.advance(TimeDelta::days(365 * 3));
        assert_eq!(keep::forget_what_is_over(&app).await.unwrap().supporters, 1);
        assert_eq!(places_with(&test, CANARY).await, Vec::<String>::new());
    }
}

/// Everything in the books and on receipts that must be as it was.
async fn books(test: &TestApp) -> Vec<String> {
    let db = test.app.db.read();
    let sql = "select code || ' ' || cast(number as text) || ' ' || cast(amount_minor as text) || ' ' || currency || ' ' || cast(gift_on as text) as line
        from receipt where issued_at < '2027-02-15' union all
        select source || ' ' || account || ' ' || cast(amount_minor as text) from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
        order by 1";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "line").unwrap()).collect()
}

/// Neither the SQLite file nor its log has her in it.
fn assert_not_in_the_file(test: &TestApp) {
    let Some(path) = wellwisher::db::sqlite_path(&test.database.url) else { return };
    for ending in ["", "-wal"] {
        let file = format!("{}{ending}", path.display());
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains(CANARY), "{file} still has her in it: …{}…", {
            let at = text.find(CANARY).unwrap_or(0);
            text[at.saturating_sub(60)..].chars().take(160).collect::<String>()
        });
    }
}

#[test]
fn an_event_is_kept_without_what_it_tells_of_a_person() {
    let told = r#"{"id":"evt_1","type":"checkout.session.completed","livemode":false,"data":{"object":{"id":"cs_1","object":"checkout.session",
        "customer_details":{"email":"qanari@example.org","name":"Qanari"},"metadata":{"wellwisher_donation":"d-1"},"payment_intent":"pi_1",
        "custom":["write to qanari@example.org"]},"previous_attributes":{"email":"qanari@example.org"}}}"#;
    let kept = nameless::without_persons(told);
    assert!(!kept.to_lowercase().contains(CANARY) && kept.contains("wellwisher_donation") && kept.contains("pi_1"), "{kept}");
    let nothing = r#"{"id":"evt_2", "type":"payout.paid","livemode":false,"data":{"object":{"id":"po_1"}}}"#;
    assert_eq!(nameless::without_persons(nothing), nothing, "word for word");
    assert_eq!(nameless::without_persons("no JSON"), "no JSON");
}
