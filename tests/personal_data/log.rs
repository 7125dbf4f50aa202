//! The log at its most talkative, while the running program and its commands do everything with a person: it names nobody.

use super::{ADDRESS, MARK, has_mark};
use crate::support::{Ended, Folder, Program, SmtpSink};
use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A form that is sent sooner was not read.
const READING: Duration = Duration::from_millis(3_500);

/// What a supporter does with the running program, by HTTP.
struct Visitor {
    client: reqwest::Client,
    site: String,
}

impl Visitor {
    fn of(site: String) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(30));
        Self { client: client.build().unwrap(), site }
    }

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

    /// Sends the form; answers with the status and where it leads.
    async fn give(&self, path: &str, token: &str, frequency: &str, email: &str) -> (u16, String) {
        let (name, note) = (format!("Zala {MARK}"), format!("note {MARK}"));
        let fields = [
            ("form_token", token),
            ("amount", "25.00"),
            ("currency", "USD"),
            ("frequency", frequency),
            ("email", email),
            ("name", &name),
            ("note", &note),
            ("wants_updates", "yes"),
            ("language", "en"),
        ];
        self.post(path, &fields).await
    }

    async fn pay(&self, checkout: &str) {
        let paid = self.client.post(checkout).header("content-type", "application/x-www-form-urlencoded");
        let paid = paid.body("method=card&number=4242424242424242&expiry=12%2F40&cvc=123").send().await.expect("an answer");
        assert!(paid.status().is_redirection(), "{checkout}: {}", paid.status());
    }
}

/// Waits for what the program does in its own time.
async fn until(what: &str, serve: &Program, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {}", serve.err());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What was said names nobody.
fn assert_names_nobody(what: &str, ended: &Ended) {
    for said in [&ended.err, &ended.out] {
        let named: Vec<&str> = said.lines().filter(|line| has_mark(line)).take(5).collect();
        assert!(named.is_empty(), "{what}: it names her: {named:#?}");
    }
}

#[tokio::test]
async fn the_log_at_its_most_talkative_names_nobody() {
    let folder = Folder::new();
    let mut serve =
        Program::start(&folder, &["serve"], &[("LOG", "trace"), ("ORG_BANK_DETAILS", "IBAN DE00 0000"), ("MAIL_DIR", "letters")]);
    let visitor = Visitor::of(serve.address().await);
    let mut led = Vec::new();
    for (path, frequency) in [("/donations", "once"), ("/donations", "monthly"), ("/donations/transfer", "once")] {
        let token = visitor.form_token().await;
        tokio::time::sleep(READING).await;
        let (status, to) = visitor.give(path, &token, frequency, ADDRESS).await;
        assert_eq!(status, 303, "{path}: {}", serve.err());
        led.push(to);
        // A mistake beside everything that is right: the same page again.
        assert_eq!(visitor.give(path, &token, frequency, "canary7f3q at example").await.0, 422);
    }
    for checkout in &led[..2] {
        visitor.pay(checkout).await;
    }
    visitor.post("/me/link", &[("email", ADDRESS)]).await;
    visitor.post("/desk/sign-in", &[("email", ADDRESS), ("password", MARK)]).await;
    for path in
        ["/articles?q=canary7f3q", "/donate?amount=canary7f3q", "/receipts/check", "/embed/campaigns/canary7f3q", "/oembed?url=canary7f3q"]
    {
        visitor.get(path).await;
    }
    visitor.post("/receipts/check", &[("number", MARK), ("code", MARK)]).await;
    let letters = || std::fs::read_dir(folder.join("letters")).map_or(0, |files| files.count());
    until("the program writes to her", &serve, || letters() >= 3).await;
    // The page of the announced transfer, behind a secret.
    visitor.get(&led[2]).await;
    let ended = serve.stop().await;
    assert_names_nobody("serve", &ended);
    assert!(["TRACE", "DEBUG"].iter().any(|level| ended.err.contains(level)), "the log is talkative: {}", ended.err);
    let secret = led[2].rsplit('/').next().and_then(|end| end.split('?').next()).filter(|secret| secret.len() > 40).expect("a secret");
    assert!(!ended.err.contains(secret), "the log tells a link's secret");
    let verified = Program::run(&folder, &["verify"], &[]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

/// Hands a message to `mail bounce`, as a mail server does.
fn hand_over(folder: &Folder, settings: &[(&str, &str)], message: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wellwisher"));
    command.current_dir(&folder.0).args(["mail", "bounce"]).env_clear().envs(settings.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().expect("piped").write_all(message.as_bytes()).expect("it reads");
    let ended = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) }
}

/// One gift each of people whose mail servers refuse, put off and take; returns to whom the receipts go back (the address on the envelope of hers).
async fn give_and_be_written_to(visitor: &Visitor, serve: &Program, sink: &SmtpSink) -> String {
    let people = ["named-canary7f3q", "unwanted-canary7f3q", "full-canary7f3q", "greylisted-canary7f3q"];
    let mut addresses: Vec<String> = people.iter().map(|name| format!("{name}@canary7f3q.example")).collect();
    addresses.push(ADDRESS.to_owned());
    let mut tokens = Vec::new();
    for _ in &addresses {
        tokens.push(visitor.form_token().await);
    }
    tokio::time::sleep(READING).await;
    for (address, token) in addresses.iter().zip(&tokens) {
        let (status, checkout) = visitor.give("/donations", token, "once", address).await;
        assert_eq!(status, 303, "{}", serve.err());
        visitor.pay(&checkout).await;
    }
    let hers = || sink.events("letter").into_iter().find(|letter| letter["to"] == ADDRESS && letter["text"].as_str().is_some_and(has_mark));
    let was_asked = |address: &String| sink.events("rcpt").iter().any(|event| event["to"] == address.as_str());
    until("everybody's mail server is asked, and hers takes her receipt", serve, || addresses.iter().all(was_asked) && hers().is_some())
        .await;
    hers().unwrap()["sender"].as_str().expect("an envelope").to_owned()
}

#[tokio::test]
async fn the_log_of_smtp_bounces_imports_exports_and_erasure_names_nobody() {
    let Some(sink) = SmtpSink::start(&[]).await else { return };
    let (folder, smtp) = (Folder::new(), sink.url());
    let keys = folder.join("reader-keys").display().to_string();
    let settings = [
        ("LOG", "trace"),
        ("SMTP_URL", smtp.as_str()),
        ("MAIL_FROM", "give@newsroom.example"),
        ("MAIL_BOUNCES", "bounces@newsroom.example"),
        ("READER_KEY_DIR", keys.as_str()),
    ];
    let mut serve = Program::start(&folder, &["serve"], &settings);
    let visitor = Visitor::of(serve.address().await);
    let return_path = give_and_be_written_to(&visitor, &serve, &sink).await;

    let report = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bounces/postfix-gone.eml");
    let report = std::fs::read_to_string(report).unwrap().replace("{return_path}", &return_path).replace("wren@example.org", ADDRESS);
    let bounced = hand_over(&folder, &settings, &report.replace('\n', "\r\n"));
    assert!(bounced.out.contains("came back"), "{bounced:?}");
    assert_names_nobody("mail bounce", &bounced);

    let (gifts, document) = (folder.join("gifts.csv").display().to_string(), folder.join("hers.json").display().to_string());
    let row = |day: &str, id: &str, email: &str| format!("{day},10.00,USD,{id},{email},Zala {MARK},note {MARK},ref {MARK}\n");
    let rows = [row("2024-12-31", "a-1", ADDRESS), row("2024-13-31", "a-2", ADDRESS), row("2024-12-30", "a-3", "canary7f3q at example")];
    std::fs::write(&gifts, format!("date,amount,currency,id,email,name,note,reference\n{}", rows.concat())).unwrap();
    let runs: [(&[&str], i32); 5] = [
        (&["import", "donations", &gifts], 1),
        (&["export", "donations", "--format", "csv", "--output", "register.csv"], 0),
        (&["supporters", "export", ADDRESS, "--output", &document], 0),
        (&["supporters", "erase", ADDRESS, "--yes"], 0),
        (&["supporters", "erase", ADDRESS, "--yes"], 2),
    ];
    for (arguments, code) in runs {
        let ended = Program::run(&folder, arguments, &settings).await;
        let what = arguments[..2].join(" ");
        assert_eq!(ended.code, Some(code), "{what}: {} {}", ended.out, ended.err);
        assert_names_nobody(&what, &ended);
    }
    assert!(has_mark(&std::fs::read_to_string(&document).unwrap()), "she has her data");
    assert_names_nobody("serve", &serve.stop().await);
    let verified = Program::run(&folder, &["verify"], &settings).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}
