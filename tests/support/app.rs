//! A whole Wellwisher for one test: its own database, its own stand-in for Stripe, a clock moved by hand.

use super::{FromDatabase, TestDatabase};
use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use chrono::{DateTime, Utc};
use clap::{Args, FromArgMatches};
use secrecy::SecretString;
use std::path::PathBuf;
use tower::ServiceExt;
use wellwisher::{
    app::{App, Payment},
    clock::{Clock, Random},
    config::{Config, Settings},
    db::Db,
    payments::{
        signature::WebhookSecret,
        standin::{RunningStandin, Standin, StandinOptions},
    },
    router,
};

/// The secret that the test's webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_0123456789abcdefghijklmnopqrstuv";

/// When every test begins, unless it moves the clock.
const START: &str = "2026-05-01T09:30:00Z";

/// The same as a time.
pub fn start() -> DateTime<Utc> {
    START.parse().expect("a time")
}

/// A whole Wellwisher.
pub struct TestApp {
    pub app: App,
    pub router: Router,
    pub stripe: RunningStandin,
    pub database: TestDatabase,
    pub directory: PathBuf,
    /// Why `verify` must find something at the end of this test; nothing: it must find nothing.
    pub(super) broken_books: std::sync::OnceLock<&'static str>,
    cookies: std::sync::Mutex<Vec<(String, String)>>,
}

impl FromDatabase for TestApp {
    async fn from_database(database: TestDatabase) -> Self {
        Self::with(database, |_| {}).await
    }
}

/// The settings as they are without any environment.
pub fn default_settings() -> Settings {
    let command = Settings::augment_args(clap::Command::new("test"));
    let matches = command.try_get_matches_from(["test"]).expect("the defaults are valid");
    Settings::from_arg_matches(&matches).expect("the defaults are valid")
}

impl TestApp {
    /// A Wellwisher whose settings were changed before it started.
    pub async fn with(database: TestDatabase, change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_record(database, change, Some(super::stripe_traffic_file())).await
    }

    /// The same for a test that plays thousands of lives: what is said to its stand-in is not recorded.
    pub async fn unrecorded(database: TestDatabase) -> Self {
        Self::with_record(database, |_| {}, None).await
    }

    async fn with_record(database: TestDatabase, change: impl FnOnce(&mut Settings), record: Option<PathBuf>) -> Self {
        let clock = Clock::manual(start());
        let directory = super::scratch().join(format!("app-{}-{}", std::process::id(), super::unique_number()));
        std::fs::create_dir_all(&directory).expect("the target directory is writable");
        let mut settings = default_settings();
        settings.data_dir = directory.display().to_string();
        settings.database_url = database.url.clone();
        settings.base_url = "http://127.0.0.1:8080".to_owned();
        settings.secret_key = SecretString::from("a secret for tests, of more than 32 characters");
        settings.reader_key_dir = directory.join("reader-keys").display().to_string();
        change(&mut settings);
        let config = Config::check(&settings).expect("the settings are valid");
        let stripe = start_standin(&clock, record).await;
        let payment = Payment {
            key: SecretString::from("sk_test_wellwisher"),
            api_base: stripe.base_url.clone(),
            webhook_secrets: vec![SecretString::from(WEBHOOK_SECRET)],
            checkout_origin: stripe.base_url.trim_end_matches('/').to_owned(),
        };
        let db = Db::open(&config.database_url).await.expect("the test's database opens");
        let app = App::new(config, db, clock, payment).expect("the parts fit");
        let router = router::build(app.clone()).expect("the routes fit");
        Self { app, router, stripe, database, directory, broken_books: std::sync::OnceLock::new(), cookies: std::sync::Mutex::default() }
    }

    /// Sends a request, with the cookies kept so far, and keeps those of the answer.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let kept = self.cookies();
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert("127.0.0.1:8080".parse().unwrap());
        if !kept.is_empty() {
            headers.insert(header::COOKIE, kept.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.retain(|(kept, _)| kept != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Answer::read(response).await
    }

    /// Opens a page as a browser does.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).header("accept", "text/html").header("accept-language", "en").body(Body::empty()).unwrap()).await
    }

    /// Sends a form as a browser does from our own page.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html")
            .header("accept-language", "en")
            .header("sec-fetch-site", "same-origin")
            .header("origin", "http://127.0.0.1:8080")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// The cookies kept so far, for a request that a test sends by other means.
    pub fn cookies(&self) -> String {
        self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Forgets all cookies: another browser.
    pub fn forget_cookies(&self) {
        self.cookies.lock().unwrap().clear();
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.prove_books();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A stand-in for Stripe on the test's clock, recording what is said for the check against Stripe's own types.
async fn start_standin(clock: &Clock, record: Option<PathBuf>) -> RunningStandin {
    let secret = WebhookSecret::parse(WEBHOOK_SECRET).expect("a well-formed secret");
    let mut options = StandinOptions::new(clock.clone(), Random::default(), secret);
    options.controls = true;
    options.record = record;
    Standin::new(options).spawn("127.0.0.1:0").await.expect("a free port on loopback")
}

/// What the site answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 * 1024 * 1024).await.expect("the body ends");
        Self { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The page, parsed.
    pub fn page(&self) -> scraper::Html {
        scraper::Html::parse_document(&self.body)
    }

    /// The text of every element that a selector names.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let selector = scraper::Selector::parse(selector).expect("a valid selector");
        let words = |e: scraper::ElementRef<'_>| e.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        self.page().select(&selector).map(words).collect()
    }

    /// An attribute of the first element that a selector names.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let selector = scraper::Selector::parse(selector).expect("a valid selector");
        self.page().select(&selector).next()?.value().attr(name).map(str::to_owned)
    }
}
