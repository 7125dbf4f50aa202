//! A canary in every field that is about a person: nowhere on a page, in a file, in a log or in a letter to somebody else is it to be found.

mod filling;
mod log;

use crate::{
    architecture::routes,
    support::{Answer, TestApp, TestDatabase, on_both_databases},
};
use entity::{donation, letter, recurring_donation};
use filling::{assert_marked_everywhere, fill};
use mail_parser::MessageParser;
use sea_orm::EntityTrait;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wellwisher::donations;

/// What every field of hers has in it.
const MARK: &str = "canary7f3q";

/// Her address, which has it too, also in the domain: there are people with a mail server of their own.
const ADDRESS: &str = "zala.canary7f3q@canary7f3q.example";

/// The most pages that one crawl opens.
const PAGES_MAX: usize = 4_000;

/// Routes with a parameter that nobody can fill without being signed in, or that are not pages of ours.
const CLOSED: &[(&str, &str)] = &[
    ("/me/receipts/{id}", "behind the link of a letter"),
    ("/me/receipts/{id}/pdf", "behind the link of a letter"),
    ("/me/statements/{id}", "behind the link of a letter"),
    ("/me/statements/{id}/pdf", "behind the link of a letter"),
    ("/me/recurring/{id}/{action}", "behind the link of a letter"),
    ("/me/receipts/{id}/correct", "behind the link of a letter"),
    ("/me/address/{token}", "a link in a letter to a new address, which shows a button"),
    ("/me/export/{file}", "behind the link of a letter"),
    ("/me/{token}", "its letter is asked for apart, and its page shows a button"),
    ("/language/{tag}", "sets a cookie and goes back"),
    ("/readers/{article}", "a picture of one pixel"),
    ("/wish-list/pictures/{name}", "a picture"),
    ("/wish-list/{slug}/orders", "a form that is sent"),
    ("/unsubscribe/{token}", "stands in the head of a letter of news"),
    ("/unsubscribe/{token}/undo", "stands behind the former"),
];

fn has_mark(text: &str) -> bool {
    text.to_lowercase().contains(MARK)
}

/// Everything that was opened, and where the mark was found.
#[derive(Default)]
struct Crawl {
    opened: BTreeMap<String, u16>,
    found: BTreeSet<String>,
}

impl Crawl {
    fn look(&mut self, path: &str, answer: &Answer) {
        self.opened.insert(path.to_owned(), answer.status.as_u16());
        if has_mark(&answer.body) || has_mark(&format!("{:?}", answer.headers)) {
            self.found.insert(path.to_owned());
        }
    }
}

/// The paths on our own site that a page leads to.
fn links_of(app: &TestApp, answer: &Answer) -> Vec<String> {
    let base = app.app.config.link("/");
    let page = answer.page();
    let mut links = Vec::new();
    for (tag, attribute) in
        [("a", "href"), ("link", "href"), ("img", "src"), ("script", "src"), ("source", "srcset"), ("form[method=get]", "action")]
    {
        let selector = scraper::Selector::parse(&format!("{tag}[{attribute}]")).unwrap();
        links.extend(page.select(&selector).filter_map(|element| element.value().attr(attribute)).map(str::to_owned));
    }
    links.push(answer.location().to_owned());
    let own = links.into_iter().filter_map(|link| {
        let path = link.strip_prefix(base.trim_end_matches('/')).unwrap_or(&link).split('#').next()?.to_owned();
        (path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/language/")).then_some(path)
    });
    own.collect()
}

/// The paths on our own site that a letter leads to.
fn links_in(app: &TestApp, text: &str) -> Vec<String> {
    let base = app.app.config.link("/");
    let base = base.trim_end_matches('/');
    let links = text.match_indices(base).map(|(at, _)| &text[at + base.len()..]);
    links
        .map(|rest| {
            rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\u{2069}')).next().unwrap_or_default().to_owned()
        })
        .collect()
}

/// The public routes.
fn public_routes() -> Vec<String> {
    let all = routes::routes().into_iter().map(|(_, path)| path);
    all.filter(|path| !path.starts_with("/desk") && !path.starts_with("/webhooks")).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Opens every public route, every link of every page in every language, and sends an empty form to each route. Signed in nowhere.
async fn crawl(app: &TestApp) -> Crawl {
    let mut crawl = Crawl::default();
    let mut waiting: VecDeque<String> = VecDeque::new();
    for letter in letter::Entity::find().all(app.app.db.read()).await.unwrap() {
        waiting.extend(links_in(app, &letter.text_body));
    }
    for donation in donation::Entity::find().all(app.app.db.read()).await.unwrap() {
        waiting.push_back(donations::path_of(&app.app, donation.id));
    }
    for gift in recurring_donation::Entity::find().all(app.app.db.read()).await.unwrap() {
        waiting.push_back(wellwisher::recurring::card_path(&app.app, gift.id));
    }
    for pattern in public_routes() {
        let filled: String = pattern.split('/').map(|part| if part.contains('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        crawl.look(&format!("POST {filled}"), &app.post(&filled, &[]).await);
        waiting.push_back(filled);
    }
    waiting.extend(["/articles?q=school", "/donate?campaign=schools&article=a-school", "/no-such-page"].map(str::to_owned));
    waiting.extend(["/embed/articles/a-school", "/embed/campaigns/schools", "/embed/articles/gone"].map(str::to_owned));
    while let Some(path) = waiting.pop_front() {
        if crawl.opened.contains_key(&path) || crawl.opened.len() >= PAGES_MAX || path.is_empty() {
            continue;
        }
        let answer = app.get(&path).await;
        crawl.look(&path, &answer);
        let is_page = answer.headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap_or_default().starts_with("text/html"));
        if is_page || !answer.location().is_empty() {
            waiting.extend(links_of(app, &answer));
        }
        if is_page && !path.contains("lang=") {
            let joint = if path.contains('?') { '&' } else { '?' };
            waiting.extend(["fa-AF", "ps"].map(|language| format!("{path}{joint}lang={language}")));
        }
        app.forget_cookies();
    }
    assert!(crawl.opened.len() < PAGES_MAX, "the crawl found no end");
    crawl
}

/// A letter as it was handed over.
struct Left {
    to: String,
    /// Its head and everything else, raw, and its parts as they are read.
    whole: String,
}

fn letters_as_left(app: &TestApp) -> Vec<Left> {
    let files = std::fs::read_dir(app.directory.join("mail")).expect("letters were written").map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let raw = std::fs::read(path).unwrap();
        let letter = MessageParser::default().parse(&raw).expect("a letter");
        let to = letter.to().and_then(|to| to.first()).and_then(|one| one.address()).expect("a recipient").to_owned();
        let parts = [letter.subject().map(Into::into), letter.body_text(0), letter.body_html(0)].map(Option::unwrap_or_default);
        Left { to, whole: format!("{}\n{}", String::from_utf8_lossy(&raw), parts.join("\n")) }
    };
    files.filter(|path| path.extension().is_some_and(|end| end == "eml")).map(read).collect()
}

async fn newsroom(database: TestDatabase) -> TestApp {
    TestApp::with(database, |settings| {
        settings.org_bank_details = "IBAN DE00 0000".to_owned();
        settings.reader_pixel = true;
    })
    .await
}

on_both_databases! {
    async fn nothing_public_and_no_letter_to_others_names_a_supporter(database: TestDatabase) {
        let app = newsroom(database).await;
        fill(&app).await;
        assert_marked_everywhere(&app).await;
        let crawl = crawl(&app).await;
        assert!(crawl.found.is_empty(), "she is named at {:?}", crawl.found);
        let faults: Vec<_> = crawl.opened.iter().filter(|(_, status)| **status >= 500).collect();
        assert!(faults.is_empty(), "{faults:?}");
        let unseen: Vec<String> = public_routes()
            .into_iter()
            .filter(|pattern| pattern.contains('{') && !CLOSED.iter().any(|(closed, _)| closed == pattern))
            .filter(|pattern| !crawl.opened.iter().any(|(path, status)| *status == 200 && routes::matches(path.split('?').next().unwrap(), pattern)))
            .collect();
        assert!(unseen.is_empty(), "no page of these routes was opened: lead the crawl there, or say in CLOSED why nobody can: {unseen:?}");
        eprintln!("{} pages, files and answers were opened", crawl.opened.len());

        let letters = letter::Entity::find().all(app.app.db.read()).await.unwrap();
        let (to_her, to_others): (Vec<_>, Vec<_>) = letters.into_iter().partition(|letter| letter.to_address.eq_ignore_ascii_case(ADDRESS));
        assert!(to_her.len() >= 5 && to_her.iter().any(|letter| has_mark(&letter.text_body)), "her own letters name her: {}", to_her.len());
        assert!(to_others.len() >= 2, "there are letters to others: {}", to_others.len());
        for letter in to_others {
            let all = [&letter.to_address, &letter.to_name, &letter.subject, &letter.text_body, &letter.html_body];
            assert!(!all.into_iter().any(|part| has_mark(part)), "{} names her", letter.subject);
        }
        // And as they left, news among them.
        let left = letters_as_left(&app);
        let news = |to: &str| left.iter().any(|letter| letter.to == to && letter.whole.contains("The stoves have come"));
        assert!(news(ADDRESS) && news("somebody-else@example.org"), "the same news went to both");
        assert!(left.iter().filter(|letter| letter.to != ADDRESS).count() >= 3 && left.iter().any(|letter| has_mark(&letter.whole)));
        for letter in left.iter().filter(|letter| letter.to != ADDRESS) {
            assert!(!has_mark(&letter.whole), "a letter to {} names her: {}", letter.to, letter.whole);
        }
    }

    async fn a_name_on_a_public_page_would_be_found(database: TestDatabase) {
        let app = newsroom(database).await;
        app.article("told", |row| row.body_markdown = format!("Zala {MARK} gave.")).await;
        let crawl = crawl(&app).await;
        assert!(crawl.found.contains("/articles/told"), "{:?}", crawl.found);
        assert!(crawl.found.contains("/articles/told?lang=ps"));
        assert!(!crawl.found.contains("/campaigns"));
    }
}
