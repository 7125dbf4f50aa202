//! How fast a reader is counted and an article is shown, beside a bare axum server in the same run: `cargo bench --bench throughput`.
//!
//! Both servers and the load share this machine's processors, over loopback with connections kept alive, so the figures say little on
//! their own; the ratio within one run is what counts. Rounds alternate between the two, and the median of each is compared. What is
//! counted: every request is a new reader on a new page load, which is the most work there can be, and it is answered only after the
//! commit that keeps it.
//!
//! `SECONDS` (default 2) is the length of a round, `CONNECTIONS` (default 64) how many there are, `DATABASE_URL` a database for the
//! run (default a new SQLite file in the system's temporary directory).

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use clap::{Args, FromArgMatches};
use entity::words::ArticleStatus;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wellwisher::app::{App, Payment};
use wellwisher::articles::{self, Details};
use wellwisher::clock::Clock;
use wellwisher::config::{Config, Settings};
use wellwisher::db::Db;
use wellwisher::readers;
use wellwisher::router;

/// Rounds of each of two.
const ROUNDS: usize = 3;

/// No more requests than this in a round, whatever the seconds say.
const REQUESTS_MAX: u64 = 1_000_000;

const BROWSER: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36";

/// A bare page: a template with one value and as many bytes as the page it is held against.
#[derive(Template)]
#[template(source = "<!doctype html><title>{{ title }}</title><main>{{ text }}</main>", ext = "html")]
struct BarePage<'a> {
    title: &'a str,
    text: &'a str,
}

#[tokio::main]
async fn main() {
    let directory = std::env::temp_dir().join(format!("wellwisher-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let app = build_app(&directory).await;
    let slug = publish_article(&app).await;
    let ours = serve(router::build(app.clone()).expect("the routes fit")).await;
    println!("{} connections; rounds of {} s", connections(), seconds().as_secs_f32());
    let accept = serve(Router::new().route("/", post(async |_: axum::body::Bytes| StatusCode::NO_CONTENT.into_response()))).await;
    let bare_post = Load::new(accept, |_| post_request("/", "article=a-bench&load=0123456789abcdef&webdriver=0"));
    let readers_post = Load::new(ours, beacon);
    compare("reader counted, answered after the commit", "bare axum POST", &readers_post, &bare_post).await;
    let counted = readers::counter(&app).await.expect("the counter is open").open_days();
    let views: u64 = counted.iter().flat_map(|(_, tallies)| tallies.values()).map(|tally| tally.counts.received).max().unwrap_or(0);
    println!("views kept: {views} of {} answered", readers_post.answered.load(Ordering::Relaxed));
    assert_eq!(views, readers_post.answered.load(Ordering::Relaxed), "every answered view is kept, and no other");

    let page = Load::new(ours, move |_| {
        format!("GET /articles/{slug} HTTP/1.1\r\nhost: bench\r\nuser-agent: {BROWSER}\r\naccept-language: en\r\n\r\n")
    });
    let length = page.length_of_one().await;
    let bare = serve(bare_page(length)).await;
    let bare_page = Load::new(bare, |_| format!("GET / HTTP/1.1\r\nhost: bench\r\nuser-agent: {BROWSER}\r\n\r\n"));
    println!("article page of {length} bytes");
    compare("article page", "bare axum + askama page", &page, &bare_page).await;
    let _ = std::fs::remove_dir_all(&directory);
}

async fn build_app(directory: &std::path::Path) -> App {
    let command = Settings::augment_args(clap::Command::new("bench"));
    let matches = command.try_get_matches_from(["bench"]).expect("the defaults are valid");
    let mut settings = Settings::from_arg_matches(&matches).expect("the defaults are valid");
    settings.data_dir = directory.display().to_string();
    settings.reader_key_dir = directory.join("keys").display().to_string();
    settings.database_url = std::env::var("DATABASE_URL").unwrap_or_default();
    settings.trusted_proxies = "127.0.0.1".to_owned();
    let config = Config::check(&settings).expect("the settings are valid");
    let db = Db::open(&config.database_url).await.expect("the database opens");
    db.migrate().await.expect("the tables are made");
    let nobody = Payment {
        key: SecretString::from("sk_test_bench"),
        api_base: "http://127.0.0.1:9/".to_owned(),
        webhook_secrets: Vec::new(),
        checkout_origin: "http://127.0.0.1:9".to_owned(),
    };
    App::new(config, db, Clock::System, nobody).expect("the parts fit")
}

async fn publish_article(app: &App) -> String {
    let paragraph = "Words enough for a page of the usual length, again and again until it is one. ".repeat(6);
    let details = Details { title: "A bench".to_owned(), body_markdown: vec![paragraph; 12].join("\n\n"), ..Details::default() };
    let article = app.db.write(async |tx| {
        let draft = articles::create(app, tx, &details).await?;
        articles::publish(app, tx, draft.id).await
    });
    let article = article.await.expect("the article is published");
    assert_eq!(article.status, ArticleStatus::Published);
    article.slug
}

fn bare_page(length: usize) -> Router {
    let text: Arc<str> = "x".repeat(length).into();
    let show = async move || {
        let page = BarePage { title: "A bench", text: &text };
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        ([(header::CONTENT_TYPE, kind)], page.render().expect("a template with two values renders"))
    };
    Router::new().route("/", get(show))
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

fn post_request(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: bench\r\nuser-agent: {BROWSER}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A view by a reader that was never here before.
fn beacon(number: u64) -> String {
    let [_, _, _, _, _, b, c, d] = number.to_be_bytes();
    let body = format!("article=a-bench&load={number:016x}&webdriver=0");
    format!(
        "POST /readers HTTP/1.1\r\nhost: bench\r\nuser-agent: {BROWSER}\r\naccept-language: en\r\nsec-fetch-site: same-origin\r\n\
         x-forwarded-for: 10.{b}.{c}.{d}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Requests to one server.
struct Load {
    address: SocketAddr,
    request: Arc<dyn Fn(u64) -> String + Send + Sync>,
    sent: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
}

impl Load {
    fn new(address: SocketAddr, request: impl Fn(u64) -> String + Send + Sync + 'static) -> Self {
        Self { address, request: Arc::new(request), sent: Arc::default(), answered: Arc::default() }
    }

    /// The length of the body of one answer, which must be a success.
    async fn length_of_one(&self) -> usize {
        let mut connection = TcpStream::connect(self.address).await.expect("the server listens");
        connection.write_all((self.request)(0).as_bytes()).await.expect("the server reads");
        read_answer(&mut connection, &mut Vec::new()).await
    }

    /// One round: answers a second.
    async fn run(&self) -> f64 {
        let begin = Instant::now();
        let end = begin + seconds();
        let before = self.answered.load(Ordering::Relaxed);
        let most = self.sent.load(Ordering::Relaxed) + REQUESTS_MAX;
        let tasks: Vec<_> = (0..connections())
            .map(|_| {
                let (address, request) = (self.address, Arc::clone(&self.request));
                let (sent, answered) = (Arc::clone(&self.sent), Arc::clone(&self.answered));
                tokio::spawn(async move {
                    let mut connection = TcpStream::connect(address).await.expect("the server listens");
                    connection.set_nodelay(true).expect("loopback");
                    let mut buffer = Vec::with_capacity(32 * 1_024);
                    while Instant::now() < end {
                        let number = sent.fetch_add(1, Ordering::Relaxed);
                        if number >= most {
                            break;
                        }
                        connection.write_all(request(number).as_bytes()).await.expect("the server reads");
                        read_answer(&mut connection, &mut buffer).await;
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("every answer is a success");
        }
        (self.answered.load(Ordering::Relaxed) - before) as f64 / begin.elapsed().as_secs_f64()
    }
}

/// Reads one answer and checks that it is a success; its body's length.
async fn read_answer(connection: &mut TcpStream, buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    let end_of_head = loop {
        assert!(connection.read_buf(buffer).await.expect("the server answers") > 0, "the server closed the connection");
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = std::str::from_utf8(&buffer[..end_of_head]).expect("a head is text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 20"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    assert!(length.is_some() || head.starts_with("http/1.1 204"), "an answer without its length: {head}");
    let length: usize = length.unwrap_or(0);
    while buffer.len() < end_of_head + length {
        assert!(connection.read_buf(buffer).await.expect("the server answers") > 0, "the server closed the connection");
    }
    length
}

/// Runs two loads in turns and prints the median of each, their ratio, and the range of ratios.
async fn compare(name: &str, bare_name: &str, ours: &Load, bare: &Load) {
    let (mut our_rates, mut bare_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (bare, ours) = (bare.run().await, ours.run().await);
        ratios.push(ours / bare);
        our_rates.push(ours);
        bare_rates.push(bare);
    }
    for rates in [&mut our_rates, &mut bare_rates, &mut ratios] {
        rates.sort_by(f64::total_cmp);
    }
    let middle = ROUNDS / 2;
    println!(
        "{name}: {:.0}/s; {bare_name}: {:.0}/s; ratio {:.2} [{:.2}–{:.2}]",
        our_rates[middle],
        bare_rates[middle],
        ratios[middle],
        ratios[0],
        ratios[ROUNDS - 1]
    );
}

fn seconds() -> Duration {
    Duration::from_secs_f64(number("SECONDS", 2.0).clamp(0.1, 60.0))
}

fn connections() -> usize {
    number("CONNECTIONS", 64.0).clamp(1.0, 1_024.0) as usize
}

fn number(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}
