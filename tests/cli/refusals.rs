//! Settings that cannot be right, or would be dangerous: said in a sentence that names the setting, and nothing is started.

use crate::support::{Folder, Program};

const GOOD_SECRET: &str = "whsec_0123456789abcdefghijklmnopqrstuv";
const GOOD_KEY: &str = "a secret for tests, of more than 32 characters";

/// Refuses to `serve` with exit code 2, nothing on stdout, and what to do on stderr. Answers what was said.
async fn refuses(folder: &Folder, environment: &[(&str, &str)], says: &[&str]) -> String {
    let ended = Program::run(folder, &["serve"], environment).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{environment:?}: {}", ended.err);
    for words in says {
        assert!(ended.err.contains(words), "{environment:?} should say `{words}`: {}", ended.err);
    }
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    ended.err
}

#[tokio::test]
async fn settings_that_would_be_dangerous_are_refused_before_anything_is_made() {
    let folder = Folder::new();
    let test_key = ("STRIPE_SECRET_KEY", "sk_test_abc");
    let public = ("BASE_URL", "https://give.example.org");
    // Practice payments where others could take them for real ones.
    refuses(&folder, &[public], &["STRIPE_SECRET_KEY", "STANDIN_ON_PUBLIC_URL"]).await;
    // Supporters' data in the open.
    let live = [("STRIPE_SECRET_KEY", "sk_live_abc"), ("STRIPE_WEBHOOK_SECRET", GOOD_SECRET), ("BASE_URL", "http://give.example.org")];
    refuses(&folder, &live, &["https"]).await;
    // A live key to anybody but Stripe over http.
    let elsewhere =
        [("STRIPE_SECRET_KEY", "sk_live_abc"), ("STRIPE_WEBHOOK_SECRET", GOOD_SECRET), public, ("STRIPE_API_BASE", "http://127.0.0.1:9/")];
    refuses(&folder, &elsewhere, &["STRIPE_API_BASE", "https"]).await;
    // Webhooks that anyone could sign.
    for secret in ["", ",", " "] {
        refuses(&folder, &[test_key, ("STRIPE_WEBHOOK_SECRET", secret)], &["STRIPE_WEBHOOK_SECRET"]).await;
    }
    refuses(&folder, &[("STRIPE_SECRET_KEY", "pk_test_abc")], &["STRIPE_SECRET_KEY", "sk_test_"]).await;
    // Keys that can be guessed, or that each process would make for itself.
    refuses(&folder, &[("SECRET_KEY", "short")], &["SECRET_KEY", "32"]).await;
    refuses(&folder, &[("DATABASE_URL", "postgres://u:p@127.0.0.1:1/w")], &["SECRET_KEY"]).await;
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[tokio::test]
async fn a_malformed_webhook_secret_refuses_to_start() {
    let folder = Folder::new();
    for secret in ["whsec_short", "0123456789abcdefghijklmnopqrstuv", "whsec_01234567890123456789012 456789"] {
        let settings =
            [("STRIPE_SECRET_KEY", "sk_test_abc"), ("STRIPE_WEBHOOK_SECRET", secret), ("STRIPE_API_BASE", "http://127.0.0.1:9/")];
        let said = refuses(&folder, &settings, &["STRIPE_WEBHOOK_SECRET must be whsec_"]).await;
        assert!(!said.contains(secret), "a secret is not repeated");
    }
}

#[tokio::test]
async fn settings_that_are_not_understood_are_named() {
    let folder = Folder::new();
    let cases = [
        ("LISTEN", "nowhere"),
        ("BASE_URL", "give.example.org"),
        ("BASE_URL", "http://127.0.0.1:8080/path"),
        ("DATABASE_URL", "mysql://localhost/w"),
        ("MAIL_FROM", "nobody"),
        ("ORG_TIMEZONE", "Mars/Olympus"),
        ("ORG_CURRENCIES", "XYZ"),
        ("ORG_RECEIPT_PREFIX", "r-1"),
        ("ORG_RECEIPT_PROFILE", "fr"),
        ("ORG_CHANNELS", "Video=http://video.example"),
        ("GIFT_LIMITS", "USD=10-5"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("EMBED_ORIGINS", "http://news.example.org"),
    ];
    for (name, value) in cases {
        refuses(&folder, &[(name, value), ("SECRET_KEY", GOOD_KEY)], &[name]).await;
    }
    assert!(!folder.join("data/wellwisher.db").exists());
    refuses(&folder, &[("SMTP_URL", "imap://mail.example.org")], &["SMTP_URL"]).await;
}

#[tokio::test]
async fn a_port_in_use_a_database_that_is_not_there_and_a_folder_that_cannot_be_made_are_told_with_what_to_do() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&folder, &[("LISTEN", &address)], &[&address, "Another port"]).await;

    let wrong = [("DATABASE_URL", "postgres://giver:hunter2@127.0.0.1:1/wishes"), ("SECRET_KEY", GOOD_KEY)];
    let said = refuses(&folder, &wrong, &["127.0.0.1:1", "DATABASE_URL", "Is it running"]).await;
    assert!(!said.contains("hunter2") && !said.contains("giver"), "{said}");

    refuses(&folder, &[("DATA_DIR", "/dev/null/data")], &["/dev/null/data", "DATA_DIR"]).await;
    std::fs::write(
        folder.join("text.db"),
        "This is a text, and longer than a database's first hundred bytes, so that it is read as one. ".repeat(9),
    )
    .unwrap();
    refuses(&folder, &[("DATABASE_URL", "sqlite://text.db")], &["text.db", "DATABASE_URL"]).await;
}

#[tokio::test]
async fn work_is_for_postgresql_and_a_demo_only_for_an_empty_database() {
    let folder = Folder::new();
    let work = Program::run(&folder, &["work"], &[]).await;
    assert_eq!((work.code, work.out.as_str()), (Some(2), ""));
    assert!(work.err.contains("PostgreSQL"), "{}", work.err);

    let articles = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/articles/folder");
    let url = [("DATABASE_URL", "sqlite://full.db")];
    assert_eq!(Program::run(&folder, &["import", "articles", articles], &url).await.code, Some(0));
    let demo = Program::run(&folder, &["demo"], &url).await;
    assert_eq!((demo.code, demo.out.as_str()), (Some(2), ""));
    assert!(demo.err.contains("not empty"), "{}", demo.err);
}
