//! Letters to supporters in every language, as they leave: text and HTML, from the left or from the right.

use std::{collections::BTreeSet, time::Duration};

use entity::{letter, words::LetterKind};
use mail_parser::MessageParser;
use sea_orm::EntityTrait;
use wellwisher::{
    i18n::Language,
    mail::{message::RIGHT_TO_LEFT_MARK, topic::Topic},
    payments::standin::PayOutcome,
    receipts,
    updates::details::RawUpdate,
};

use crate::{
    donations::helpers::{fill, session_of},
    recurring::helpers::{FAILING, GOOD_CARD, begin, hear, the_gift, wait},
    support::{FromDatabase, TestApp, TestDatabase},
    updates,
};

/// A Wellwisher whose supporter reads this language.
async fn app_in(language: Language) -> TestApp {
    let app = TestApp::from_database(TestDatabase::sqlite().await).await;
    app.get(&format!("/language/{}", language.tag())).await;
    app
}

async fn letters(app: &TestApp) -> Vec<letter::Model> {
    letter::Entity::find().all(app.app.db.read()).await.unwrap()
}

/// A supporter gives once, asks for news, and her receipt is cancelled.
async fn give_once(app: &TestApp) {
    let session = session_of(app, &fill(app, "").await.with("wants_updates", "yes").send(app).await);
    assert_eq!(app.stripe.standin.pay(&session, GOOD_CARD), PayOutcome::Paid);
    hear(app).await;
    let receipt = entity::receipt::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
    let cancelled = receipts::cancelled_letter(&receipt, receipts::Ended::Returned).unwrap();
    let (id, now) = (app.app.new_id(), app.app.now());
    app.app.db.write(async |tx| app.app.outbox.enqueue(tx, cancelled.clone(), id, now).await).await.unwrap();
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

/// A card fails in the second month.
async fn fail(app: &TestApp) {
    begin(app, "monthly", FAILING).await;
    wait(app, 32).await;
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

/// What must hold of every letter to a supporter.
fn check(language: Language, letter: &letter::Model, raw: &[u8]) {
    let rtl = language.dir() == "rtl";
    let told = format!("{} in {}", letter.kind, language.tag());
    let message = MessageParser::default().parse(raw).unwrap();
    let (text, html) = (message.body_text(0).unwrap(), message.body_html(0).unwrap());
    assert_eq!(letter.language, language.tag(), "{told}");
    assert_eq!(message.subject(), Some(letter.subject.as_str()), "{told}");
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
    for link in text.split_whitespace().filter(|word| word.starts_with("http")) {
        assert!(
            link.starts_with("http://127.0.0.1:8080/") && html.contains(link),
            "{told}: {link} leads elsewhere, or is in the text only"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_letter_is_whole_in_every_language_and_direction() {
    for language in [Language::English, Language::Dari, Language::Pashto] {
        let mut kinds = BTreeSet::new();
        for which in 0..4 {
            let app = app_in(language).await;
            match which {
                0 => give_once(&app).await,
                1 => Box::pin(give_monthly(&app)).await,
                2 => write_news(&app, language).await,
                _ => fail(&app).await,
            }
            while app.app.outbox.deliver_due(&app.app.db, &app.app.clock).await.unwrap().tried > 0 {}
            for letter in letters(&app).await.iter().filter(|letter| letter.kind != LetterKind::StaffNotice) {
                let raw = std::fs::read(app.directory.join("mail").join(format!("{}.eml", letter.message_id))).unwrap();
                check(language, letter, &raw);
                kinds.insert(letter.kind);
            }
        }
        use LetterKind::{
            Confirmation, PortalLink, Receipt, ReceiptCancelled, RecurringBegun, RecurringChanged, RecurringEnded, RecurringFailed,
            RecurringPaused, Update,
        };
        for kind in [
            Receipt,
            RecurringBegun,
            RecurringChanged,
            RecurringPaused,
            RecurringEnded,
            RecurringFailed,
            PortalLink,
            ReceiptCancelled,
            Confirmation,
            Update,
        ] {
            assert!(kinds.contains(&kind), "no letter `{kind}` was written in {}", language.tag());
        }
    }
}
