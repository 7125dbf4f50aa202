//! The sample newsroom: complete, made by the real code, and gone when it is stopped.

use crate::reports::accounting::assert_books_are_those_of;
use crate::support::{Folder, Program, TestDatabase, default_settings, on_both_databases};
use entity::{
    article, campaign, donation,
    ids::DonationId,
    ledger_entry, letter, news_update, reader_day, receipt, recurring_donation, staff_member, wish_item,
    words::{ArticleStatus, DonationSource, DonationStatus, LetterKind, LetterState, ReaderScope, Role, UpdateState},
};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use secrecy::SecretString;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};
use wellwisher::{config::Config, db::Db, demo, wishes};

on_both_databases! {
    async fn the_sample_newsroom_is_complete_and_its_books_are_right(database: TestDatabase) {
        let folder = Folder::new();
        let mut settings = default_settings();
        settings.data_dir = folder.display().to_string();
        settings.database_url = database.url.clone();
        settings.secret_key = SecretString::from("a secret for tests, of more than 32 characters");
        settings.reader_key_dir = folder.join("reader-keys").display().to_string();
        demo::prepare_settings(&mut settings).unwrap();
        let config = Config::check(&settings).unwrap();
        let db = Db::open_for_filling(&config.database_url).await.unwrap();
        demo::require_empty(&db).await.unwrap();
        Box::pin(demo::fill(&config, &db)).await.unwrap();
        assert!(demo::require_empty(&db).await.is_err(), "a second time would mix the samples");
        db.close_filled(&config.database_url).await.unwrap();

        // From here on with a database that was opened anew: everything is in it.
        let db = Db::open(&config.database_url).await.unwrap();
        assert_newsroom(db.read()).await;
        assert_readers(db.read()).await;
        assert_money(db.read(), &folder).await;
        assert_books(db.read(), &folder, &database.url).await;
        db.close().await.unwrap();
    }
}

async fn assert_newsroom(db: &DatabaseConnection) {
    let articles = article::Entity::find().all(db).await.unwrap();
    let published: Vec<&article::Model> = articles.iter().filter(|article| article.status == ArticleStatus::Published).collect();
    assert!(published.len() >= 12, "{}", published.len());
    let languages: BTreeSet<&str> = published.iter().map(|article| article.language.as_str()).collect();
    assert_eq!(languages, BTreeSet::from(["en", "fa-AF", "ps"]));
    let days: BTreeSet<_> = published.iter().filter_map(|article| article.published_at).map(|at| at.date_naive()).collect();
    let (first, last) = (days.first().unwrap(), days.last().unwrap());
    assert!(days.len() >= 10 && (*last - *first).num_days() >= 45, "the articles came over months: {days:?}");
    let quoted: Vec<_> = published.iter().filter_map(|article| article.source_date.zip(article.published_at)).collect();
    assert!(quoted.len() >= 3 && quoted.iter().all(|(source, at)| *source <= at.date_naive()), "quoted after it appeared: {quoted:?}");
    assert!(articles.iter().any(|article| article.sensitive), "one asks for nothing");

    let updates = news_update::Entity::find().all(db).await.unwrap();
    let in_state = |state| updates.iter().filter(|update| update.state == state).count();
    assert_eq!([UpdateState::Sent, UpdateState::Published, UpdateState::Draft].map(in_state), [1, 1, 1]);
    let news = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::Update)).all(db).await.unwrap();
    assert!(news.len() >= 8 && news.iter().all(|letter| letter.state == LetterState::Sent), "{}", news.len());

    assert_eq!(campaign::Entity::find().all(db).await.unwrap().len(), 4);
    let items = wish_item::Entity::find().all(db).await.unwrap();
    assert!(items.len() >= 10);
    let shared: Vec<_> = items.iter().filter(|item| wishes::is_shared(item)).collect();
    let stock = wishes::stock(db, &[shared[0].id], chrono::DateTime::UNIX_EPOCH).await.unwrap()[&shared[0].id];
    let funding = stock.funding.expect("many pay for it together");
    assert!(shared.len() == 1 && stock.paid == 0 && (1..120_000).contains(&funding.paid.minor), "paid in part: {stock:?}");
    let mut roles: Vec<Role> = staff_member::Entity::find().all(db).await.unwrap().into_iter().map(|member| member.role).collect();
    roles.sort();
    let mut all = vec![Role::Admin, Role::Editor, Role::Finance];
    all.sort();
    assert_eq!(roles, all, "one account for each role");
}

/// Three months of closed days, in each of which everything received ended in one bucket.
async fn assert_readers(db: &DatabaseConnection) {
    let rows = reader_day::Entity::find().all(db).await.unwrap();
    for row in &rows {
        let buckets = row.views + row.duplicates + row.bots + row.prefetch + row.opt_out + row.malformed + row.unknown_article;
        assert_eq!(row.received, buckets + row.capped + row.staff, "{row:?}");
        assert!(row.closed && row.readers_min <= row.readers && row.readers <= row.views, "{row:?}");
    }
    let site: BTreeMap<_, i64> = rows.iter().filter(|row| row.scope == ReaderScope::Site).map(|row| (row.day, row.readers)).collect();
    assert!(site.len() >= 85, "{} days", site.len());
    assert!(site.values().collect::<BTreeSet<_>>().len() > 10, "the days differ");
    let read: BTreeSet<&str> = rows.iter().filter(|row| row.scope == ReaderScope::Article).map(|row| row.scope_id.as_str()).collect();
    assert!(read.len() >= 12, "{} articles were read", read.len());
}

async fn assert_money(db: &DatabaseConnection, folder: &Folder) {
    let donations = donation::Entity::find().all(db).await.unwrap();
    let paid: BTreeSet<DonationId> = donations.iter().filter(|d| d.status == DonationStatus::Paid).map(|d| d.id).collect();
    assert!(paid.len() > 100, "{}", paid.len());
    let days: BTreeSet<_> = donations.iter().filter_map(|d| d.paid_at).map(|at| at.date_naive()).collect();
    assert!((*days.last().unwrap() - *days.first().unwrap()).num_days() > 80, "gifts came over three months");

    let published: HashMap<_, _> = article::Entity::find().all(db).await.unwrap().into_iter().map(|a| (a.id, a.published_at)).collect();
    let early = donations.iter().filter(|d| d.article_id.is_some_and(|id| published[&id].is_none_or(|at| at > d.created_at)));
    assert_eq!(early.count(), 0, "nobody gives from an article before it is published");

    let receipts = receipt::Entity::find().all(db).await.unwrap();
    assert_eq!(receipts.iter().map(|r| r.donation_id).collect::<BTreeSet<_>>(), paid);
    assert_eq!(receipts.len(), paid.len());
    let letters = letter::Entity::find().all(db).await.unwrap();
    let unsent: Vec<_> = letters.iter().filter(|letter| letter.state != LetterState::Sent).map(|letter| letter.state).collect();
    assert!(unsent.is_empty(), "{unsent:?}");
    assert_eq!(letters.iter().filter_map(|letter| letter.donation_id).collect::<BTreeSet<_>>(), paid);
    let ours = |address: &str| address.ends_with("@example.org") || address.ends_with("@demo.example");
    assert!(letters.iter().all(|letter| ours(&letter.to_address)), "nobody real is written to");
    assert_eq!(std::fs::read_dir(folder.join("mail")).unwrap().count(), letters.len());

    let mut recurring: Vec<&str> =
        recurring_donation::Entity::find().all(db).await.unwrap().iter().map(|gift| gift.status.as_str()).collect();
    recurring.sort_unstable();
    assert_eq!(recurring, ["active", "active", "ended", "past_due", "paused"], "every state is to be seen");
    let renewed = donations.iter().filter(|d| d.source == DonationSource::Recurring && d.checkout_session_id.is_none()).count();
    assert!(renewed >= 3, "{renewed} renewals");

    let mut sums: HashMap<_, i64> = HashMap::new();
    let mut campaigns: HashMap<_, i64> = HashMap::new();
    for entry in ledger_entry::Entity::find().all(db).await.unwrap() {
        *sums.entry((entry.transaction_id, entry.currency)).or_default() += entry.amount_minor;
        if let (entity::words::Account::Donations, Some(campaign)) = (entry.account, entry.campaign_id) {
            *campaigns.entry(campaign).or_default() -= entry.amount_minor;
        }
    }
    assert!(sums.len() >= paid.len() && sums.values().all(|sum| *sum == 0), "every movement adds up to nothing");
    let under_way = campaigns.values().filter(|raised| **raised > 0).count();
    assert!(under_way >= 3, "progress to be seen on {under_way} campaigns");
}

/// The books as a user takes them away: `verify` agrees with them, and so do programs that know nothing of ours.
async fn assert_books(db: &DatabaseConnection, folder: &Folder, url: &str) {
    let run = async |arguments: &[&str]| {
        let ended =
            Program::run(folder, arguments, &[("DATABASE_URL", url), ("SECRET_KEY", "a secret for tests, of more than 32 characters")])
                .await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.out, ended.err);
        ended.out.into_bytes()
    };
    run(&["verify"]).await;
    assert_books_are_those_of(db, async |format| run(&["export", "books", "--format", format.as_str()]).await).await;
}

#[tokio::test]
async fn the_demo_is_ready_in_seconds_says_how_to_sign_in_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let temporary = folder.join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let environment = [("TMPDIR", temporary.to_str().unwrap())];
    let begun = Instant::now();
    let mut demo = Program::start(&folder, &["demo"], &environment);
    let site = demo.wait_for("Site     http://", "/\n").await;
    demo.wait_for("Stop with", "\n").await;
    eprintln!("demo was ready after {:.1} s", begun.elapsed().as_secs_f64());
    assert!(begun.elapsed() < Duration::from_secs(30), "ten seconds is the aim; this is for busy machines");

    let out = demo.out();
    assert!(out.contains("No real money moves") && out.contains("4242 4242 4242 4242"), "{out}");
    for role in ["admin", "editor", "finance"] {
        let line = out.lines().find(|line| line.contains(&format!("{role}@demo.example"))).unwrap_or_default();
        let code = line.rsplit(' ').next().unwrap_or_default();
        assert!(line.contains("password: ") && code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{role}: {out}");
    }
    let page = reqwest::get(format!("{site}/articles")).await.unwrap().text().await.unwrap();
    assert!(page.contains("/articles/") && page.contains("no real money moves"), "{page}");
    assert!(!demo.err().contains("INFO") && !demo.err().contains("letter sent"), "the terminal stays readable: {}", demo.err());
    assert!(folder.names() == ["reader-keys", "tmp"] || folder.names() == ["tmp"], "{:?}", folder.names());

    let ended = demo.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "the samples are gone");
}

#[tokio::test]
async fn stopping_the_demo_while_it_is_being_made_leaves_nothing_behind() {
    let folder = Folder::new();
    let temporary = folder.join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let demo = Program::start(&folder, &["demo"], &[("TMPDIR", temporary.to_str().unwrap())]);
    let begun = Instant::now();
    while std::fs::read_dir(&temporary).unwrap().count() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin: {}", demo.err());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = demo.stop().await;
    assert_eq!((ended.code, ended.out.contains("password")), (Some(0), false), "{} {}", ended.out, ended.err);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
