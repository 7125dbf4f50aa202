//! `serve` on SQLite: the first start of a new user, one process per file, and a stop that loses nothing.

use crate::support::{Folder, Program};
use std::{
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A client that follows no redirect.
pub fn browser() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(30));
    client.user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0").build().expect("a client")
}

async fn get(url: &str) -> (u16, String) {
    let answer = browser().get(url).header("accept", "text/html").header("accept-language", "en").send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

fn mode_of(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn serve_without_settings_starts_at_once_in_an_empty_folder_and_says_that_nothing_is_for_real() {
    let folder = Folder::new();
    let begun = Instant::now();
    let mut serve = Program::start(&folder, &["serve"], &[]);
    let site = serve.address().await;
    assert_eq!(get(&format!("{site}/readyz")).await, (200, "ready\n".to_owned()));
    eprintln!("serve was ready after {:.2} s", begun.elapsed().as_secs_f64());
    assert!(begun.elapsed() < Duration::from_secs(20), "a second is the aim; this is for busy machines");

    for words in ["a stand-in takes the place of Stripe: no real money moves", "letters are written as files"] {
        assert!(serve.err().contains(words), "{}", serve.err());
    }
    for path in ["/", "/articles", "/campaigns", "/wish-list", "/donate", "/desk/sign-in", "/no-such-page"] {
        let (_, page) = get(&format!("{site}{path}")).await;
        assert!(page.contains("no real money moves"), "{path}: {page}");
    }
    assert_eq!(mode_of(&folder.join("data")), 0o700);
    assert_eq!(mode_of(&folder.join("data/secret.key")), 0o600);
    assert!(!serve.err().contains('\u{1b}'), "no colours in a file");
}

#[tokio::test]
async fn the_link_to_the_first_account_is_printed_until_it_is_used_and_works_once() {
    let folder = Folder::new();
    let mut serve = Program::start(&folder, &["serve"], &[]);
    let link = serve.wait_for("the link works once):\n  http://", "\n").await;
    let site = serve.address().await;
    assert!(link.starts_with(&format!("{site}/desk/join/")), "{link}");
    assert!(!serve.err().contains("/desk/join/"), "a secret is not logged");

    let (status, form) = get(&link).await;
    assert!(status == 200 && form.contains("name=\"password\""), "{status} {form}");
    let fields = "name=Tamar+Wells&email=tamar%40example.org&password=seven+quiet+herons+at+dusk";
    let join = async || {
        let request = browser().post(&link).header("sec-fetch-site", "same-origin").header("origin", &site);
        request.header("content-type", "application/x-www-form-urlencoded").body(fields).send().await
    };
    let joined = join().await.expect("an answer");
    assert_eq!((joined.status().as_u16(), joined.headers()["location"].to_str().unwrap()), (303, "/desk/second-factor"));
    assert!(get(&link).await.0 >= 400, "the link works once");
    assert!(join().await.expect("an answer").status().is_client_error());
    assert_eq!(serve.stop().await.code, Some(0));

    let mut again = Program::start(&folder, &["serve"], &[]);
    again.address().await;
    assert!(!again.out().contains("/desk/join/"), "{}", again.out());
}

#[tokio::test]
async fn a_second_serve_on_the_same_file_is_refused_and_other_commands_work_beside_it() {
    let folder = Folder::new();
    let mut first = Program::start(&folder, &["serve"], &[]);
    let site = first.address().await;

    let second = Program::run(&folder, &["serve"], &[]).await;
    assert_eq!((second.code, second.out.as_str()), (Some(2), ""));
    assert!(second.err.contains("wellwisher.db") && second.err.contains("PostgreSQL"), "{}", second.err);

    let articles = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/articles/folder");
    for arguments in [&["migrate"][..], &["staff", "add", "one@example.org", "--role", "finance"], &["import", "articles", articles]] {
        let ended = Program::run(&folder, arguments, &[]).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
    }
    assert!(get(&format!("{site}/articles")).await.1.contains("The reading room that opened twice"));

    // The lock goes with the process, however it ends.
    first.kill();
    Program::start(&folder, &["serve"], &[]).address().await;
}

#[tokio::test]
async fn asked_to_stop_it_answers_what_is_under_way_and_leaves_one_clean_file() {
    let folder = Folder::new();
    let mut serve = Program::start(&folder, &["serve"], &[]);
    let site = serve.address().await;
    let host = site.strip_prefix("http://").unwrap();
    let mut idle = TcpStream::connect(host).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut bytes = [0; 64];
    assert!(idle.read(&mut bytes).await.unwrap() > 0, "and the connection stays open");

    let body = "article=nothing&load=0000000000000001&webdriver=0";
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!("POST /readers HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body.as_bytes()[..10]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    serve.ask_to_stop();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(TcpStream::connect(host).await.is_err(), "nobody new is let in");
    connection.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");

    let ended = serve.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let left = std::fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.contains("wal") || name.contains("shm")).collect();
    assert!(left.is_empty(), "{left:?}");
}
