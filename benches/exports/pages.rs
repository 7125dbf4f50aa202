//! The desk's pages over HTTP, signed in: how long each answer takes.

use crate::filling::statement;
use entity::{ids::SessionId, staff_session, words::Role};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use std::time::Instant;
use wellwisher::app::App;
use wellwisher::clock::sha256_hex;
use wellwisher::router;
use wellwisher::staff::{Actor, NewMember, create_member, totp::TotpSecret};

/// How often each page is asked for; the middle one counts.
const TIMES: usize = 5;

/// What a page should take at most, in milliseconds.
const AIM: f64 = 100.0;

/// Every list of the desk, and the reports' pages; `{payout}`, `{donation}` and so on are one of each.
const PAGES: &[&str] = &[
    "/desk",
    "/desk/donations",
    "/desk/donations?after={donation}",
    "/desk/donations?status=paid",
    "/desk/donations?status=expired",
    "/desk/donations?campaign=campaign-7",
    "/desk/donations?fund=FUND2",
    "/desk/donations?from=2025-03-01&to=2025-03-31",
    "/desk/donations?q=B-2024-4321",
    "/desk/donations?q=pi_bench_4321",
    "/desk/donations?q=Reader%204321",
    "/desk/donations?q=reader4321@example.org",
    "/desk/donations?q=nobody",
    "/desk/donations/{donation}",
    "/desk/receipts",
    "/desk/receipts?status=void",
    "/desk/receipts?status=replaced&year=2025",
    "/desk/receipts?profile=uk",
    "/desk/receipts?q=B-2024-4321",
    "/desk/payouts",
    "/desk/payouts/unmapped",
    "/desk/payouts/{payout}",
    "/desk/payouts/{payout}/parts",
    "/desk/recurring",
    "/desk/recurring?status=active",
    "/desk/refunds",
    "/desk/refunds?state=failed",
    "/desk/disputes",
    "/desk/letters",
    "/desk/letters?state=sent",
    "/desk/letters?state=trouble",
    "/desk/letters?q=nobody",
    "/desk/gift-aid",
    "/desk/annual-receipts",
    "/desk/gift-aid/declarations",
    "/desk/campaigns",
    "/desk/campaigns/{campaign}",
    "/desk/funds",
    "/desk/matching",
    "/desk/promises",
    "/desk/wish-list",
    "/desk/wish-list/late",
    "/desk/wish-list/orders",
    "/desk/updates",
    "/desk/articles",
    "/desk/articles?q=article-17",
    "/desk/articles/{article}/state",
    "/desk/attachments",
    "/desk/readers",
    "/desk/supporters",
    "/desk/supporters/{supporter}",
    "/desk/donations/deposits",
    "/desk/donations/transfers",
    "/desk/differences",
    "/desk/mail",
    "/desk/staff",
    "/desk/audit",
    "/desk/periods",
    "/desk/reports",
    "/desk/reports/donations?period=2026-05",
    "/desk/reports/donations?period=all",
    "/desk/reports/donations?period=all&campaign=campaign-7",
    "/desk/reports/receipts?period=all",
    "/desk/reports/waterfall?period=all",
    "/desk/reports/waterfall?period=2026-05",
    "/desk/reports/books?period=all",
    "/desk/reports/journal?period=2026-05",
    "/desk/reports/journal?period=2026",
    "/desk/reports/by-month?period=2026-05",
    "/desk/reports/by-month?period=2026",
    "/desk/reports/by-month?period=all",
    "/desk/reports/by-campaign?period=2026-05",
    "/desk/reports/by-campaign?period=all",
    "/desk/reports/by-fund?period=all",
    "/desk/reports/by-article?period=all",
];

/// What stands for one of each in the addresses.
const ONE_OF: &[(&str, &str)] = &[
    ("{payout}", "select id from payout order by created_at desc limit 1"),
    ("{donation}", "select id from donation where status = 'paid' order by created_at limit 1 offset 300000"),
    ("{campaign}", "select id from campaign order by id limit 1"),
    ("{article}", "select id from article order by id limit 1"),
    ("{supporter}", "select id from supporter order by id desc limit 1"),
];

/// Asks for each page over a connection of its own server, and prints what it took.
pub async fn time_all(app: &App) {
    let cookie = format!("wellwisher={}", sign_in(app).await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let router = router::build(app.clone()).expect("the routes fit");
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let mut ones = Vec::new();
    for (name, question) in ONE_OF {
        ones.push((*name, one_of(app, question).await));
    }
    println!("\n{:<58} {:>9} {:>9}", "page of the desk", "middle", "slowest");
    let mut slow = 0;
    for page in PAGES {
        let path = ones.iter().fold((*page).to_owned(), |path, (name, id)| path.replace(name, id));
        let mut took = Vec::new();
        for _ in 0..TIMES {
            let started = Instant::now();
            let answer = client.get(format!("{origin}{path}")).header("cookie", &cookie).header("host", "localhost").send().await;
            let answer = answer.expect("an answer");
            let status = answer.status();
            let body = answer.text().await.expect("a page");
            took.push(started.elapsed().as_secs_f64() * 1000.0);
            assert!(status.is_success(), "{path}: {status} {body}");
        }
        took.sort_by(f64::total_cmp);
        let (middle, slowest) = (took[TIMES / 2], took[TIMES - 1]);
        slow += usize::from(middle > AIM);
        println!("{page:<58} {middle:>6.1} ms {slowest:>6.1} ms{}", if middle > AIM { "  over the aim" } else { "" });
    }
    println!("{} pages, {slow} over {AIM} ms", PAGES.len());
}

async fn one_of(app: &App, question: &str) -> String {
    let row = app.db.read().query_one_raw(statement(app, question)).await.expect("an answer").expect("a row");
    row.try_get::<uuid::Uuid>("", "id").expect("an id").to_string()
}

/// A session of a member of staff, and its token.
async fn sign_in(app: &App) -> String {
    let secret = TotpSecret::from_bytes(&app.random.bytes::<20>());
    let token = app.random.token();
    let new = NewMember {
        name: "Bench".to_owned(),
        email: format!("{}@example.org", token.to_lowercase()),
        role: Role::Admin,
        password_hash: String::new(),
        second_factor: Some(secret),
    };
    let made = app.db.write(async |tx| {
        let member = create_member(tx, app, &Actor::system(), &new).await?;
        let session = staff_session::ActiveModel {
            id: Set(app.new_id::<SessionId>()),
            staff_id: Set(member.id),
            token_hash: Set(sha256_hex(&token)),
            verified: Set(true),
            created_at: Set(app.now()),
            last_seen_at: Set(app.now()),
            expires_at: Set(app.now() + chrono::TimeDelta::hours(2)),
        };
        staff_session::Entity::insert(session).exec_without_returning(tx).await?;
        Ok(())
    });
    made.await.expect("a session");
    token
}
