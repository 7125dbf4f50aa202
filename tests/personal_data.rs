//! A canary in every field that is about a person: nowhere on a page, in a file, in a log or in a letter to somebody else is it to be found.

use crate::{
    architecture::routes,
    support::{Answer, Folder, Program, TestApp, TestDatabase, gift, hand_gift, on_both_databases},
};
use entity::{
    donation, letter, recurring_donation,
    words::{CancelReason, GiftAidScope, GiftInterval, Role},
};
use sea_orm::EntityTrait;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use wellwisher::{
    asks::{Declared, Gift, Particulars},
    donations::{self, by_hand::transfers},
    promises,
    staff::Actor,
    wishes::orders,
    worker,
};

/// What every field of hers has in it.
const MARK: &str = "canary7f3q";

/// Her address, which has it too.
const ADDRESS: &str = "zala.canary7f3q@example.org";

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

fn hers(minor: i64) -> Gift {
    Gift {
        name: format!("Zala {MARK}"),
        email: ADDRESS.to_owned(),
        note: format!("a note of {MARK}"),
        wants_updates: true,
        particulars: Particulars {
            address: format!("7 {MARK} Row, Port Alder"),
            gift_aid: Some(Declared {
                title: "Ms".to_owned(),
                first_name: format!("Zala{MARK}"),
                last_name: format!("Wells{MARK}"),
                house: format!("7{MARK}"),
                postcode: "S19 2BD".to_owned(),
                scope: GiftAidScope::This,
                wording: format!("as {MARK} agreed"),
            }),
        },
        ..gift(minor, "GBP")
    }
}

async fn work_off(app: &TestApp) {
    while worker::work_once(&app.app).await.unwrap() > 0 {}
}

/// One person in every table that knows people, beside somebody else who gives to the same.
async fn fill(app: &TestApp) {
    let campaign = app.campaign("Schools").await;
    let item = app.item("School bag", Some(campaign.id), |raw| raw.currency = "GBP".into()).await;
    let linked = app.item("A stove", None, |raw| (raw.kind, raw.shop_url) = ("link".into(), "https://shop.example/stove".into())).await;
    let category = app.category("Women").await;
    let article = app.article("a-school", |row| row.category_id = Some(category)).await;
    let place = wellwisher::attachments::Place::Everywhere;
    for thing in [wellwisher::attachments::Thing::Campaign(campaign.id), wellwisher::attachments::Thing::Item(item.id)] {
        wellwisher::attachments::attach(&app.app, &Actor::system(), thing, place, None).await.unwrap();
    }
    let update = crate::updates::draft(app, &format!("campaign:{}", campaign.id), |_| {}).await;
    crate::updates::tell(app, &update, wellwisher::updates::state::Verb::Publish).await;
    app.add_person(Role::Finance).await;
    let to_campaign =
        |gift: Gift| Gift { campaign_id: Some(campaign.id), fund_id: Some(campaign.fund_id), article_id: Some(article.id), ..gift };
    let to_item = |gift: Gift| Gift { item: Some((item.id, 1)), ..to_campaign(gift) };
    app.give(&to_campaign(hers(2_500))).await;
    app.give(&to_item(hers(2_500))).await;
    app.give(&to_item(gift(2_500, "GBP"))).await;
    let monthly =
        app.start(&to_campaign(Gift { every: Some(GiftInterval::Month), particulars: Particulars::default(), ..hers(1_000) })).await;
    app.pay_unheard(&monthly);
    app.settle(&monthly).await;
    app.start(&to_campaign(hers(4_000))).await;
    let disputed = app.start(&to_campaign(hers(3_000))).await;
    app.stripe.standin.pay(disputed.checkout_session_id.as_deref().unwrap(), "4000000000000259");
    donations::refresh(&app.app, disputed.id).await.unwrap();
    let mut by_hand = hand_gift(app, 1_500, "GBP");
    (by_hand.email, by_hand.name) = (Some(ADDRESS.to_owned()), format!("Zala {MARK}"));
    (by_hand.address, by_hand.note, by_hand.reference) = (format!("7 {MARK} Row"), format!("note {MARK}"), format!("ref {MARK}"));
    app.enter(&by_hand).await;
    transfers::announce(&app.app, &Gift { particulars: Particulars::default(), ..hers(2_000) }).await.unwrap();
    let order = orders::Order { form_token: "an-order".to_owned(), quantity: 1, email: ADDRESS.to_owned() };
    assert_eq!(orders::tell(&app.app, linked.id, &order, "en").await.unwrap(), orders::Told::Held);
    promises::declare(&app.app, &Actor::system(), item.id, CancelReason::Danger, &format!("note {MARK}")).await.unwrap();
    work_off(app).await;
    wellwisher::recurring::refresh(&app.app, monthly.recurring_donation_id.unwrap(), &wellwisher::recurring::By::Stripe).await.unwrap();
    work_off(app).await;
    app.post("/me/link", &[("email", ADDRESS)]).await;
    app.forget_cookies();
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

/// What a supporter does with the running program, by HTTP.
struct Visitor {
    client: reqwest::Client,
    site: String,
}

impl Visitor {
    async fn get(&self, path: &str) -> String {
        let answer = self.client.get(format!("{}{path}", self.site)).header("accept", "text/html").send().await.expect("an answer");
        answer.text().await.unwrap_or_default()
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.site)).header("sec-fetch-site", "same-origin").header("origin", &self.site);
        let request = request.header("accept", "text/html").header("content-type", "application/x-www-form-urlencoded").body(body);
        let answer = request.send().await.expect("an answer");
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        (answer.status().as_u16(), to)
    }

    async fn form_token(&self) -> String {
        let page = scraper::Html::parse_document(&self.get("/donate").await);
        let field = scraper::Selector::parse("input[name=form_token]").unwrap();
        page.select(&field).next().and_then(|field| field.attr("value")).expect("a form").to_owned()
    }
}

#[tokio::test]
async fn the_log_at_its_most_talkative_names_nobody() {
    let folder = Folder::new();
    let mut serve =
        Program::start(&folder, &["serve"], &[("LOG", "trace"), ("ORG_BANK_DETAILS", "IBAN DE00 0000"), ("MAIL_DIR", "letters")]);
    let site = serve.address().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(30)).build().unwrap();
    let visitor = Visitor { client: client.clone(), site };
    let (name, note) = (format!("Zala {MARK}"), format!("note {MARK}"));
    let mut led = Vec::new();
    for path in ["/donations", "/donations", "/donations/transfer"] {
        let token = visitor.form_token().await;
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        let frequency = if led.is_empty() { "once" } else { "monthly" };
        let frequency = if path == "/donations" { frequency } else { "once" };
        let mut fields = vec![
            ("form_token", token.as_str()),
            ("amount", "25.00"),
            ("currency", "USD"),
            ("frequency", frequency),
            ("email", ADDRESS),
            ("name", &name),
            ("note", &note),
            ("updates", "yes"),
            ("language", "en"),
        ];
        let (status, to) = visitor.post(path, &fields).await;
        assert_eq!(status, 303, "{path}: {}", serve.err());
        led.push(to);
        // A mistake beside everything that is right: the same page again.
        fields[4].1 = "canary7f3q at example";
        assert_eq!(visitor.post(path, &fields).await.0, 422);
    }
    for checkout in &led[..2] {
        let paid = client.post(checkout).header("content-type", "application/x-www-form-urlencoded");
        let paid = paid.body("method=card&number=4242424242424242&expiry=12%2F40&cvc=123").send().await.expect("an answer");
        assert!(paid.status().is_redirection(), "{checkout}: {}", paid.status());
    }
    visitor.post("/me/link", &[("email", ADDRESS)]).await;
    visitor.post("/desk/sign-in", &[("email", ADDRESS), ("password", MARK)]).await;
    for path in ["/articles?q=canary7f3q", "/donate?amount=canary7f3q", "/receipts/check"] {
        visitor.get(path).await;
    }
    visitor.post("/receipts/check", &[("number", MARK), ("code", MARK)]).await;
    // The letters are written by the program in its own time.
    let begun = std::time::Instant::now();
    let receipts = || std::fs::read_dir(folder.join("letters")).map_or(0, |files| files.count());
    while receipts() < 3 && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(receipts() >= 3, "the program has written to her: {}", serve.err());
    let ended = serve.stop().await;
    for said in [&ended.err, &ended.out] {
        let named: Vec<&str> = said.lines().filter(|line| has_mark(line)).take(5).collect();
        assert!(named.is_empty(), "the log names her: {named:#?}");
    }
    assert!(["TRACE", "DEBUG"].iter().any(|level| ended.err.contains(level)), "the log is talkative: {}", ended.err);
}
