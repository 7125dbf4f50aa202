//! Letters to supporters in every language, as they leave: text and HTML, from the left or from the right. Their HTML is left in
//! `target/tmp/letters` to be looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use chrono::TimeDelta;
use entity::{
    campaign, letter, promise_choice,
    words::{CancelReason, ErasureBy, LetterKind, PromiseWay},
};
use fluent_templates::fluent_bundle::FluentValue;
use mail_parser::MessageParser;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{
    asks::particulars::Particulars,
    consents,
    i18n::Language,
    mail::{message::RIGHT_TO_LEFT_MARK, outbox::NewLetter, topic::Topic},
    payments::standin::PayOutcome,
    privacy, promises,
    receipts::{
        self, Ended, annual,
        care::{self, Correction},
    },
    recurring,
    staff::Actor,
    supporters,
    updates::details::RawUpdate,
    wishes::{
        orders::{self, Order, Told},
        progress,
    },
};

use crate::{
    donations::helpers::{fill, session_of},
    recurring::helpers::{FAILING, GOOD_CARD, begin, hear, open, the_gift, wait},
    support::{TestApp, TestDatabase, gift},
    updates, wishes,
};

/// What happens so that a letter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    OneGift,
    MonthlyGift,
    FailingCard,
    ExpiringCard,
    TaxYear,
    Transfer,
    BrokenPromise,
    News,
    OtherAddress,
    Erasure,
    Ordered,
    /// A gift to an organisation of another country.
    Abroad(Country),
    /// Not to supporters.
    Elsewhere,
}

/// The rules of another country: the word for them, and the currency of a gift there.
type Country = (&'static str, &'static str);

const OCCASIONS: [Occasion; 15] = [
    Occasion::OneGift,
    Occasion::MonthlyGift,
    Occasion::FailingCard,
    Occasion::ExpiringCard,
    Occasion::TaxYear,
    Occasion::Transfer,
    Occasion::BrokenPromise,
    Occasion::News,
    Occasion::OtherAddress,
    Occasion::Erasure,
    Occasion::Ordered,
    Occasion::Abroad(("uk", "GBP")),
    Occasion::Abroad(("ca", "CAD")),
    Occasion::Abroad(("de", "EUR")),
    Occasion::Abroad(("au", "AUD")),
];

/// Texts that are in some letter of a kind only: each of these must have been written.
const TEXTS: [(LetterKind, &str); 9] = [
    (LetterKind::Receipt, "receipt-replaces"),
    (LetterKind::ReceiptCancelled, "receipt-cancelled-returned"),
    (LetterKind::ReceiptCancelled, "receipt-cancelled-mistake"),
    (LetterKind::PromiseDone, "promises-done-general"),
    (LetterKind::PromiseDone, "promises-done-default"),
    (LetterKind::PromiseDone, "promises-done-refund"),
    (LetterKind::RecurringFailed, "recurring-letter-failed-again"),
    (LetterKind::RecurringEnded, "recurring-letter-ended-failed"),
    (LetterKind::Receipt, "receipt-statement-in-german"),
];

/// The same of letters that are not discreet, and of those that are.
const OPEN_TEXTS: [(LetterKind, &str); 2] =
    [(LetterKind::PromiseChanged, "promises-letter-sorry"), (LetterKind::PromiseDone, "promises-done-item")];
const DISCREET_TEXTS: [(LetterKind, &str); 3] = [
    (LetterKind::PromiseChanged, "promises-letter-sorry-discreet"),
    (LetterKind::PromiseDone, "promises-done-item-discreet"),
    (LetterKind::Update, "updates-letter-discreet"),
];

/// What the laws of other countries ask for, in their words.
const LAWS: [&str; 4] = [
    "is a registered charity, number",
    "Official receipt for income tax purposes",
    "Vereinfachter Zuwendungsnachweis",
    "deductible gift recipient",
];

/// What was given for and what the news are about: in no discreet letter.
const TITLES: [&str; 10] =
    ["School bag", "Warm coat", "The lanterns", "wood stove", "stoves", "Camera", "camera", "بخاری", "بخارۍ", "صنف‌ها"];

/// When a kind of letter is written. A new kind compiles only once it has its place here, and is then looked for.
fn occasion_of(kind: LetterKind) -> Occasion {
    use LetterKind as Kind;
    match kind {
        Kind::Receipt | Kind::ReceiptCancelled | Kind::Confirmation => Occasion::OneGift,
        Kind::RecurringBegun | Kind::RecurringChanged | Kind::RecurringPaused | Kind::RecurringEnded | Kind::PortalLink => {
            Occasion::MonthlyGift
        }
        Kind::RecurringFailed => Occasion::FailingCard,
        Kind::CardExpiring => Occasion::ExpiringCard,
        Kind::Statement => Occasion::TaxYear,
        Kind::TransferAnnounced => Occasion::Transfer,
        Kind::PromiseChanged | Kind::PromiseDone => Occasion::BrokenPromise,
        Kind::Update => Occasion::News,
        Kind::AddressChange => Occasion::OtherAddress,
        Kind::Goodbye => Occasion::Erasure,
        Kind::OrderSettled => Occasion::Ordered,
        Kind::StaffNotice => Occasion::Elsewhere,
    }
}

/// How many different letters there are of a kind, where its texts share no more than their occasion.
fn texts_of(kind: LetterKind) -> usize {
    match kind {
        // Of a gift in either of two occasions, and of the statement of a year.
        LetterKind::ReceiptCancelled => 3,
        // To the new mailbox; to the old one when she asked, when staff asked, and when it is done.
        LetterKind::AddressChange => 4,
        // With something that is kept, and with nothing.
        LetterKind::Goodbye => 2,
        // It came, it did not, and it was said that it did.
        LetterKind::OrderSettled => 3,
        _ => 1,
    }
}

/// A Wellwisher whose supporter reads this language, where the occasion can come to pass.
async fn app_in(language: Language, occasion: Occasion, discreet: bool) -> TestApp {
    let app = TestApp::with(TestDatabase::sqlite().await, |settings| {
        settings.mail_discreet = discreet;
        settings.org_receipt_profile = "us".into();
        settings.org_tax_id = "00-1234567".into();
        if let Occasion::Abroad((profile, currency)) = occasion {
            settings.org_receipt_profile = profile.into();
            settings.org_currencies = currency.into();
            settings.org_charity_number = "12345 6789 RR0001".into();
            settings.org_address = "12 Lantern Row, Port Alder".into();
            settings.org_receipt_place = "Port Alder".into();
            settings.org_receipt_signatory = "R. Tern, Treasurer".into();
            settings.org_tax_office = "Berlin für Körperschaften I".into();
            settings.org_tax_number = "27/123/45678".into();
            settings.org_tax_notice_date = "2025-03-14".into();
            settings.org_tax_notice_period = "2021 bis 2023".into();
            settings.org_tax_purpose = "der Volksbildung".into();
        }
        settings.org_bank_details = "Account: Women’s Voice; IBAN: DE00 1234 5678".into();
    })
    .await;
    app.get(&format!("/language/{}", language.tag())).await;
    app
}

/// Lets the occasion come to pass.
async fn live(app: &TestApp, language: Language, occasion: Occasion) {
    match occasion {
        Occasion::OneGift => Box::pin(give_once(app)).await,
        Occasion::MonthlyGift => Box::pin(give_monthly(app)).await,
        Occasion::FailingCard => fail(app).await,
        Occasion::ExpiringCard => {
            let session = open(app, "monthly").await;
            app.stripe.standin.pay_with(&session, GOOD_CARD, (5, 2026));
            hear(app).await;
            recurring::remind::remind(&app.app).await.unwrap();
        }
        Occasion::TaxYear => {
            let given = app.give(&wellwisher::asks::Gift { language, ..gift(2_500, "USD") }).await;
            app.app.clock.set("2027-02-01T09:00:00Z".parse().unwrap());
            let year = annual::year_to_state(&app.app, 2026).unwrap();
            annual::run(&app.app, &Actor::system(), &year, false, |_, _| {}).await.unwrap();
            deliver(app).await;
            // All of it goes back, and the statement ends.
            app.stripe.standin.refund(given.checkout_session_id.as_deref().unwrap(), None).expect("a refund");
            wellwisher::donations::refresh(&app.app, given.id).await.unwrap();
            annual::run(&app.app, &Actor::system(), &year, false, |_, _| {}).await.unwrap();
        }
        Occasion::Transfer => {
            let typed = fill(app, "").await.with("currency", "EUR");
            let fields: Vec<(&str, &str)> = typed.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(app.post("/donations/transfer", &fields).await.status, 303);
        }
        Occasion::BrokenPromise => Box::pin(break_a_promise(app, language)).await,
        Occasion::News => write_news(app, language).await,
        Occasion::OtherAddress => move_away(app, language).await,
        Occasion::Erasure => erase(app, language).await,
        Occasion::Ordered => order(app, language).await,
        Occasion::Abroad((_, currency)) => {
            let campaign = campaign::Entity::find_by_id(app.add_campaign("lanterns").await).one(app.app.db.read()).await.unwrap().unwrap();
            let particulars = Particulars { address: "7 Reed Bank, Lower Vale".into(), ..Particulars::default() };
            let gift = wellwisher::asks::Gift { language, particulars, ..gift(2_500, currency) };
            app.give(&wellwisher::asks::Gift { campaign_id: Some(campaign.id), fund_id: Some(campaign.fund_id), ..gift }).await;
        }
        Occasion::Elsewhere => {}
    }
}

async fn letters(app: &TestApp) -> Vec<letter::Model> {
    letter::Entity::find().all(app.app.db.read()).await.unwrap()
}

/// Everything that is due leaves.
async fn deliver(app: &TestApp) {
    while app.app.outbox.deliver_due(&app.app.db, &app.app.clock).await.unwrap().tried > 0 {}
}

/// A supporter gives once, asks for news, has her receipt issued anew, and it is cancelled: for either reason.
async fn give_once(app: &TestApp) {
    let session = session_of(app, &fill(app, "").await.with("wants_updates", "yes").send(app).await);
    assert_eq!(app.stripe.standin.pay(&session, GOOD_CARD), PayOutcome::Paid);
    hear(app).await;
    // A receipt that is no longer valid does not leave.
    deliver(app).await;
    let receipt = entity::receipt::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
    let correction = Correction { name: "Zarmina A.".into(), address: String::new() };
    let receipt = care::correct(&app.app, &Actor::system(), receipt.id, &correction).await.unwrap();
    let gift = app.donation(receipt.donation_id).await;
    let giver = supporters::recipient(app.app.db.read(), &app.app.outbox, gift.supporter_id).await.unwrap();
    for why in [Ended::Returned, Ended::Mistake] {
        let cancelled = receipts::cancelled_letter(&receipt, Some(&giver), why).unwrap();
        let cancelled = NewLetter { dedupe_key: format!("cancelled: {why:?}"), ..cancelled };
        let (id, now) = (app.app.new_id(), app.app.now());
        app.app.db.write(async |tx| app.app.outbox.enqueue(tx, cancelled.clone(), id, now).await).await.unwrap();
    }
}

/// Three gave for what cannot be bought: one chooses another item, one her money back, one says nothing.
async fn break_a_promise(app: &TestApp, language: Language) {
    let (item, other) = (app.item("School bag", None, |_| {}).await, app.item("Warm coat", None, |_| {}).await);
    let mut gifts = Vec::new();
    for _ in 0..3 {
        let mut gift = wellwisher::asks::Gift { language, ..gift(2_500, "EUR") };
        (gift.item, gift.campaign_id, gift.fund_id) = (Some((item.id, 1)), item.campaign_id, Some(item.fund_id));
        gifts.push(app.give(&gift).await);
    }
    deliver(app).await;
    promises::declare(&app.app, &Actor::system(), item.id, CancelReason::Price, "Too dear by now").await.unwrap();
    deliver(app).await;
    for (gift, way, to) in [(&gifts[0], PromiseWay::Item, Some(other.id)), (&gifts[1], PromiseWay::Refund, None)] {
        let hers = promise_choice::Entity::find().filter(promise_choice::Column::DonationId.eq(gift.id));
        let choice = hers.one(app.app.db.read()).await.unwrap().expect("a choice");
        promises::choose(&app.app, choice.id, way, to).await.unwrap();
    }
    for _ in 0..2 {
        app.app.clock.advance(TimeDelta::days(32));
        promises::carry_out_due(&app.app).await.unwrap();
    }
}

/// A supporter gives every month, and changes, pauses and ends it on her own pages.
async fn give_monthly(app: &TestApp) {
    begin(app, "monthly", GOOD_CARD).await;
    let id = the_gift(app).await.id;
    app.post("/me/link", &[("email", "zarmina@example.org")]).await;
    let link = loop {
        let all = letters(app).await;
        if let Some(letter) = all.iter().find(|letter| letter.kind == LetterKind::PortalLink) {
            let line = letter.text_body.lines().find(|line| line.contains("/me/")).expect("a link");
            break line.trim().strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    };
    app.post(&link, &[]).await;
    for (action, field, value) in [("amount", "amount", "30"), ("pause", "until", ""), ("resume", "", ""), ("end", "reason", "")] {
        let answer = app.post(&format!("/me/recurring/{id}/{action}"), &[(field, value)]).await;
        assert_eq!(answer.location(), format!("/me?done={action}"), "{}", answer.body);
    }
    hear(app).await;
}

/// A card fails in the second month, and each time that it is tried again, until Stripe ends the gift.
async fn fail(app: &TestApp) {
    begin(app, "monthly", FAILING).await;
    app.app.clock.set(the_gift(app).await.next_at.expect("it goes on"));
    app.stripe.standin.catch_up();
    for days in [3, 5, 7] {
        hear(app).await;
        wait(app, days).await;
    }
    hear(app).await;
}

/// News of a wish item go to a supporter who asked for them.
async fn write_news(app: &TestApp, language: Language) {
    let item = app.item("A wood stove", None, |_| {}).await;
    let (title, body) = match language {
        Language::English => ("The stoves have come", "Both are in the classrooms: [see them](/wish-list/a-wood-stove)."),
        Language::Dari => ("بخاری‌ها رسید", "هر دو در صنف‌ها است: [ببینید](/wish-list/a-wood-stove)."),
        Language::Pashto => ("بخارۍ راورسېدې", "دواړه په ټولګیو کې دي: [وګورئ](/wish-list/a-wood-stove)."),
    };
    let update = updates::draft(app, &format!("item:{}", item.id), |raw| {
        *raw = RawUpdate { about: raw.about.clone(), language: language.tag().into(), slug: "stoves".into(), ..RawUpdate::default() };
        let (to_title, to_body) = match language {
            Language::English => (&mut raw.title_en, &mut raw.body_en),
            Language::Dari => (&mut raw.title_fa, &mut raw.body_fa),
            Language::Pashto => (&mut raw.title_ps, &mut raw.body_ps),
        };
        (*to_title, *to_body) = (title.into(), body.into());
    })
    .await;
    updates::subscriber(app, "zarmina@example.org", Topic::Item(item.id), language.tag()).await;
    updates::begin(app, &update).await;
    updates::work(app).await;
}

/// Somebody changes her address, and another is asked about hers by staff.
async fn move_away(app: &TestApp, language: Language) {
    for email in ["zarmina@example.org", "reader@example.org"] {
        app.give(&wellwisher::asks::Gift { language, email: email.into(), ..gift(2_500, "USD") }).await;
    }
    let known = async |email: &str| privacy::find_by_address(app.app.db.read(), email).await.unwrap().expect("she gave").id;
    let (hers, other) = (known("zarmina@example.org").await, known("reader@example.org").await);
    privacy::address::ask(&app.app, ErasureBy::Supporter, &privacy::By::Supporter.actor(), hers, "new@example.net").await.unwrap();
    privacy::address::ask(&app.app, ErasureBy::Staff, &Actor::system(), other, "other@example.net").await.unwrap();
    let all = letters(app).await;
    let asking = all.iter().find(|letter| letter.to_address == "new@example.net").expect("the new mailbox is asked");
    let link = asking.text_body.lines().find_map(|line| line.trim().strip_prefix("http://127.0.0.1:8080/me/address/")).expect("a link");
    privacy::address::decide(&app.app, link, true).await.unwrap();
}

/// Two of which something is kept, or nothing, are erased.
async fn erase(app: &TestApp, language: Language) {
    app.give(&wellwisher::asks::Gift { language, ..gift(2_500, "USD") }).await;
    updates::subscriber(app, "reader@example.org", Topic::Updates, language.tag()).await;
    for who in entity::supporter::Entity::find().all(app.app.db.read()).await.unwrap() {
        privacy::erase(&app.app, &privacy::By::Operator, who.id).await.unwrap();
    }
}

/// Somebody ordered twice at a shop, and wants to hear of it; one of both came.
async fn order(app: &TestApp, language: Language) {
    let item = wishes::orders::camera(app, "3").await;
    for number in ["1", "2", "3"] {
        let new = Order { form_token: number.into(), quantity: 1, email: "zarmina@example.org".into() };
        assert_eq!(orders::tell(&app.app, item.id, &new, language.tag()).await.unwrap(), Told::Held);
    }
    let all = letters(app).await;
    let link = all[0].text_body.lines().find_map(|line| line.trim().strip_prefix("http://127.0.0.1:8080/news/")).expect("a link");
    consents::confirm(&app.app, link).await.unwrap();
    let all = wishes::orders::all_orders(app).await;
    orders::confirm(&app.app, &Actor::system(), all[0].id).await.unwrap();
    orders::refuse(&app.app, &Actor::system(), all[1].id).await.unwrap();
    orders::confirm(&app.app, &Actor::system(), all[2].id).await.unwrap();
    let step = wishes::life::steps(app).await.pop().expect("it was confirmed");
    progress::undo(&app.app, &Actor::system(), item.id, step.id, "another parcel").await.unwrap();
}

/// The text of a letter without its links, which differ in each, and without what only orders directions.
fn words_of(text: &str) -> String {
    let text = text.replace(['\u{2068}', '\u{2069}', RIGHT_TO_LEFT_MARK], "");
    text.split_whitespace().filter(|word| !word.starts_with("http")).collect::<Vec<_>>().join(" ")
}

/// The longest part of a text that is the same whatever it is about.
fn sentence(language: Language, key: &str) -> String {
    let names = ["code", "amount", "item", "again"];
    let text = language.text_with(key, &names.map(|name| (name, FluentValue::from("\u{1}"))));
    let longest = text.split('\u{1}').map(words_of).max_by_key(String::len).unwrap_or_default();
    assert!(longest.chars().count() > 5, "{key}: {text}");
    longest
}

/// What must hold of every letter to a supporter.
fn check(language: Language, letter: &letter::Model, raw: &[u8], discreet: bool) {
    let rtl = language.dir() == "rtl";
    let told = format!("{} in {}", letter.kind, language.tag());
    let message = MessageParser::default().parse(raw).unwrap();
    let (text, html) = (message.body_text(0).unwrap(), message.body_html(0).unwrap());
    assert_eq!(letter.language, language.tag(), "{told}");
    // What came of an order is told discreetly, whatever she has chosen.
    let discreet = discreet || letter.kind == LetterKind::OrderSettled;
    let subject = if discreet { language.text("letter-discreet-subject") } else { letter.subject.clone() };
    assert_eq!(message.subject(), Some(subject.as_str()), "{told}");
    if discreet {
        assert_eq!(message.from().unwrap().first().unwrap().name(), None, "{told}");
        assert!(text.trim_start_matches(RIGHT_TO_LEFT_MARK).starts_with(&language.text("letter-discreet-first")), "{told}: {text}");
        for title in TITLES {
            assert!(!text.contains(title) && !html.contains(title), "{told}: `{title}` in {text}\n{html}");
        }
    }
    assert_eq!(text.starts_with(RIGHT_TO_LEFT_MARK), rtl, "{told}: {text}");
    assert!(html.contains(&format!("<html lang=\"{}\" dir=\"{}\">", language.tag(), language.dir())), "{told}: {html}");
    let page = scraper::Html::parse_document(&html);
    assert!(page.errors.is_empty(), "{told}: {:?}", page.errors);
    for (part, name) in [(letter.subject.as_str(), "subject"), (text.as_ref(), "text"), (html.as_ref(), "html")] {
        assert!(part.trim().chars().count() > 8, "{told}: {name} is empty");
        for sign in ["Unknown localization", "{ $", "{$", "[[", "<img", "src=", "url("] {
            assert!(!part.contains(sign), "{told}: `{sign}` in the {name}: {part}");
        }
    }
    if rtl {
        let of_script = |part: &str| part.chars().filter(|c| ('\u{0600}'..='\u{06FF}').contains(c)).count();
        assert!(of_script(&letter.subject) > 3 && of_script(&text) > 20 && of_script(&html) > 20, "{told} is in another language: {text}");
    }
    // A link that shows where it leads is a long word: unbroken, it would make the letter wider than a phone.
    let all = scraper::Selector::parse("a").unwrap();
    for link in page.select(&all).filter(|link| Some(link.text().collect::<String>().as_str()) == link.value().attr("href")) {
        assert_eq!(link.value().attr("style"), Some("word-break: break-all"), "{told}: {}", link.html());
    }
    for link in text.split_whitespace().filter(|word| word.starts_with("http")) {
        assert!(
            link.starts_with("http://127.0.0.1:8080/") && html.contains(link),
            "{told}: {link} leads elsewhere, or is in the text only"
        );
    }
}

/// Leaves the HTML where it can be looked at.
fn leave_to_be_looked_at(name: &str, raw: &[u8]) {
    let message = MessageParser::default().parse(raw).unwrap();
    let html = message.body_html(0).unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("letters");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.html")), html.as_bytes()).unwrap();
}

/// Every letter of every occasion, as it leaves: what it says, by its kind.
async fn all_letters(language: Language, discreet: bool) -> BTreeMap<LetterKind, BTreeSet<String>> {
    let mut texts: BTreeMap<LetterKind, BTreeSet<String>> = BTreeMap::new();
    for occasion in OCCASIONS {
        let app = app_in(language, occasion, discreet).await;
        live(&app, language, occasion).await;
        deliver(&app).await;
        for letter in letters(&app).await.iter().filter(|letter| occasion_of(letter.kind) != Occasion::Elsewhere) {
            let raw = std::fs::read(app.directory.join("mail").join(format!("{}.eml", letter.message_id))).unwrap();
            check(language, letter, &raw, discreet);
            let message = MessageParser::default().parse(&raw).unwrap();
            let of_kind = texts.entry(letter.kind).or_default();
            if of_kind.insert(words_of(&message.body_text(0).unwrap())) {
                let manner = if discreet { "-discreet" } else { "" };
                leave_to_be_looked_at(&format!("{}-{}-{}{manner}", letter.kind, of_kind.len(), language.tag()), &raw);
            }
        }
    }
    texts
}

async fn every_letter_is_whole(discreet: bool) {
    for language in Language::ALL {
        let texts = all_letters(language, discreet).await;
        for kind in LetterKind::ALL.iter().filter(|kind| occasion_of(**kind) != Occasion::Elsewhere) {
            let written = texts.get(kind).map_or(0, BTreeSet::len);
            assert!(written >= texts_of(*kind), "{written} letters `{kind}` were written in {}", language.tag());
        }
        let of_manner: &[(LetterKind, &str)] = if discreet { &DISCREET_TEXTS } else { &OPEN_TEXTS };
        for (kind, key) in TEXTS.iter().chain(of_manner) {
            let said = sentence(language, key);
            assert!(texts[kind].iter().any(|text| text.contains(&said)), "no letter `{kind}` in {} says: {said}", language.tag());
        }
        for law in LAWS {
            assert!(texts[&LetterKind::Receipt].iter().any(|text| text.contains(law)), "no receipt in {} says: {law}", language.tag());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_letter_is_whole_in_every_language_and_direction() {
    every_letter_is_whole(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_discreet_letter_is_whole_and_names_nothing_that_was_given_for() {
    every_letter_is_whole(true).await;
}
