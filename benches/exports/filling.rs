//! A database with a million movements, as the program would have written them, made by the database itself.
//!
//! Of every thousand gifts by checkout, ten are given back, half of them in part, and two payouts take the rest to the bank; a tenth as
//! many again ran out unpaid. Every gift has its receipt and its letter, every fifth another supporter. `wellwisher verify` finds nothing
//! wrong with it. All is in one currency, and nothing was disputed.

use sea_orm::ConnectionTrait;
use wellwisher::app::App;

/// The gifts of one payout.
const GIFTS_OF_A_PAYOUT: u64 = 500;

/// Fills the database, unless something is in it already. The tables' statistics are gathered at the end.
pub async fn fill(app: &App, movements: u64) -> bool {
    let row = app.db.read().query_one_raw(statement(app, "select count(*) as n from supporter")).await.expect("an answer").expect("a row");
    if row.try_get::<i64>("", "n").expect("a number") > 0 {
        return false;
    }
    let gifts = (movements / 2).next_multiple_of(GIFTS_OF_A_PAYOUT);
    for step in steps(&Words { postgres: app.db.is_postgres(), gifts }) {
        let written = app.db.write(async |tx| {
            if tx.get_database_backend() == sea_orm::DbBackend::Postgres {
                tx.execute_unprepared("set local statement_timeout = 0").await?;
            }
            tx.execute_unprepared(&step).await?;
            Ok(())
        });
        if let Err(error) = written.await {
            panic!("{step}: {error}");
        }
    }
    gather_statistics(app).await;
    true
}

/// As the program does every day, and PostgreSQL by itself.
async fn gather_statistics(app: &App) {
    app.db.gather_statistics().await.expect("statistics");
    if app.db.is_postgres() {
        let vacuum = std::process::Command::new("psql").args([app.config.database_url.as_str(), "-qc", "vacuum analyze"]).status();
        assert!(vacuum.expect("psql is installed").success(), "the tables could not be vacuumed");
    }
}

pub fn statement(app: &App, sql: &str) -> sea_orm::Statement {
    sea_orm::Statement::from_string(app.db.read().get_database_backend(), sql)
}

/// The few expressions that differ between the databases. `n` is an expression of a whole number.
struct Words {
    postgres: bool,
    gifts: u64,
}

impl Words {
    /// An id of the `kind`-th table.
    fn id(&self, kind: u32, n: &str) -> String {
        if self.postgres {
            format!("cast('00000000-0000-7000-8{kind:03}-' || lpad(to_hex({n}), 12, '0') as uuid)")
        } else {
            format!("unhex('00000000000070008{kind:03}' || printf('%012x', {n}))")
        }
    }

    /// The moment of the `n`-th gift: three years, evenly.
    fn at(&self, n: &str) -> String {
        let gifts = self.gifts;
        if self.postgres {
            format!("(timestamptz '2024-01-01 00:00:00+00' + (({n}) * 94608000 / {gifts}) * interval '1 second')")
        } else {
            format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 1704067200 + ({n}) * 94608000 / {gifts}, 'unixepoch')")
        }
    }

    fn day(&self, n: &str) -> String {
        let at = self.at(n);
        if self.postgres { format!("({at} at time zone 'UTC')::date") } else { format!("substr({at}, 1, 10)") }
    }

    /// `i` from 1 to `end`.
    fn to(&self, end: u64) -> String {
        if self.postgres {
            format!("(select i from generate_series(1::bigint, {end}) as i) n")
        } else {
            format!("(with recursive c(i) as (select 1 union all select i + 1 from c where i < {end}) select i from c) n")
        }
    }
}

/// What the `n`-th gift is, in minor units.
fn amount(n: &str) -> String {
    format!("(500 + ({n}) % 9000)")
}

/// The ledger's number of the first transaction of gift `n`; its fee is the next. Refunds and payouts stand among them, in time.
fn number(n: &str) -> String {
    format!("(2 * ({n}) - 1 + (({n}) - 1) / 100 + (({n}) - 1) / {GIFTS_OF_A_PAYOUT})")
}

/// Whether all of the gift is given back after gift `i`, which is every two-hundredth.
const WHOLE: &str = "i % 200 = 0";

/// What is given back after gift `i`: of the gift fifty before it.
fn given_back() -> String {
    let amount = amount("i - 50");
    format!("(case when {WHOLE} then {amount} else {amount} / 2 end)")
}

fn steps(words: &Words) -> Vec<String> {
    let mut steps = Vec::new();
    if !words.postgres {
        // Rows come by time, keys do not: with the tables' indexes in memory that costs little.
        steps.push("pragma cache_size = -1000000".to_owned());
    }
    steps.extend(newsroom(words));
    steps.extend(gifts(words));
    steps.extend(receipts(words));
    steps.extend(books(words));
    steps.extend(balance(words));
    steps
}

fn newsroom(w: &Words) -> Vec<String> {
    let (start, no) = (w.at("0"), if w.postgres { "false" } else { "0" });
    let (people, at) = (w.gifts / 5, w.at("i * 5"));
    vec![
        format!(
            "insert into fund (id, code, name, restriction, gl_income, gl_fee, created_at)
             select {}, 'FUND' || i, 'Fund ' || i, 'without', '' || (4000 + i), '' || (6000 + i), {start} from {}",
            w.id(0, "i"),
            w.to(4)
        ),
        format!(
            "insert into supporter (id, email, name, language, wants_updates, wants_updates_since, created_at, updated_at)
             select {}, 'reader' || i || '@example.org', 'Reader ' || i, 'en', {no}, null, {at}, {at} from {}",
            w.id(1, "i"),
            w.to(people)
        ),
        format!(
            "insert into campaign (id, slug, title, summary, story_markdown, language, goal_minor, currency, fund_id, status, starts_on, ends_on,
                created_at, updated_at)
             select {}, 'campaign-' || i, 'Campaign ' || i, '', '', 'en', 100000, 'EUR', {}, 'live', null, null, {start}, {start} from {}",
            w.id(2, "i"),
            w.id(0, "1 + i % 4"),
            w.to(200)
        ),
        format!(
            "insert into article (id, slug, kind, canonical_url, title, standfirst, byline, body_markdown, source_name, language, status, sensitive,
                published_at, imported_views, created_at, updated_at)
             select {}, 'article-' || i, 'hosted', null, 'Article ' || i, '', '', '', '', 'en', 'published', {no}, {start}, 0, {start}, {start} from {}",
            w.id(3, "i"),
            w.to(2_000)
        ),
        format!(
            "insert into recurring_donation (id, supporter_id, status, every, amount_minor, fee_cover_minor, currency, donor_name, public_name, language,
                campaign_id, article_id, fund_id, fund_code, restriction, livemode, started_at, end_reason, end_note, asked_end, subscription_id,
                customer_id, created_at, updated_at)
             select {}, {}, 'active', 'month', {}, 0, 'EUR', 'Reader ' || i, {no}, 'en', null, null, {}, 'FUND1', 'without', {no}, {at}, '', '', '',
                'sub_bench_' || i, 'cus_bench_' || i, {at}, {at} from {}",
            w.id(4, "i"),
            w.id(1, "i"),
            amount("i"),
            w.id(0, "1"),
            w.to(w.gifts / 50)
        ),
    ]
}

fn gifts(w: &Words) -> Vec<String> {
    let (at, no) = (w.at("i"), if w.postgres { "false" } else { "0" });
    let columns = "insert into donation (id, token_hash, form_token, request_hash, status, supporter_id, donor_name, public_name, note,
        wants_updates, language, amount_minor, fee_cover_minor, currency, campaign_id, article_id, fund_id, fund_code, restriction, gl_income, gl_fee,
        idempotency_key, checkout_session_id, payment_intent_id, charge_id, livemode, expires_at, created_at, paid_at, updated_at)";
    let hash = if w.postgres { "md5(i::text) || md5(i::text)" } else { "printf('%064x', i)" };
    let row = |id: &str, token: &str, status: &str, paid: &str, charged: [&str; 2]| {
        format!(
            "{columns} select {id}, '{token}' || {hash}, '{token}f' || i, '', '{status}', {}, 'Reader ' || (1 + (i - 1) / 5), {no}, '', {no}, 'en', {}, 0,
                'EUR', {}, {}, {}, 'FUND' || (1 + (1 + i % 200) % 4), 'without', '' || (4001 + (1 + i % 200) % 4), '' || (6001 + (1 + i % 200) % 4),
                '{token}k' || i, '{token}cs_bench_' || i, {}, {}, {no}, {at}, {at},
                {paid}, {at}",
            w.id(1, "1 + (i - 1) / 5"),
            amount("i"),
            w.id(2, "1 + i % 200"),
            w.id(3, "1 + i % 2000"),
            w.id(0, "1 + (1 + i % 200) % 4"),
            charged[0],
            charged[1],
        )
    };
    vec![
        format!("{} from {}", row(&w.id(5, "i"), "", "paid", &at, ["'pi_bench_' || i", "'ch_bench_' || i"]), w.to(w.gifts)),
        format!("{} from {}", row(&w.id(6, "i * 10"), "x", "expired", "null", ["null", "null"]), w.to(w.gifts / 10)),
        format!(
            "insert into refund (id, donation_id, stripe_refund_id, idempotency_key, amount_minor, currency, state, reason, failure, created_at, updated_at)
             select {}, {}, 're_bench_' || i, 're' || i, {}, 'EUR', 'succeeded', '', '', {at}, {at} from {} where i % 100 = 0",
            w.id(7, "i"),
            w.id(5, "i - 50"),
            given_back(),
            w.to(w.gifts)
        ),
    ]
}

fn receipts(w: &Words) -> Vec<String> {
    let series = w.id(8, "1");
    let snapshot = |number: &str, amount: &str, day: &str| {
        format!(
            "'{{\"version\":2,\"code\":\"B-2024-' || {number} || '\",\"issuer\":{{\"profile\":\"plain\",\"name\":\"Bench\",\"legal_name\":\"\",\"address\":\"\",
             \"email\":\"\",\"tax_id\":\"\",\"charity_number\":\"\"}},\"donor_name\":\"Reader\",\"donor_email\":\"\",\"amount\":{{\"minor\":' || {amount} ||
             ',\"currency\":\"EUR\"}},\"gift_on\":\"' || {day} || '\",\"campaign\":null,\"item\":null,\"language\":\"en\",\"wording\":\"plain-1\",
             \"statements\":[],\"practice\":false}}'"
        )
    };
    let columns =
        "insert into receipt (id, series_id, number, code, donation_id, status, status_reason, gift_on, issued_at, amount_minor, currency,
        profile, language, snapshot, replaces_id)";
    // The gift fifty before every hundredth came back.
    let status = "case when i % 200 = 150 then 'void' when i % 200 = 50 then 'replaced' else 'issued' end";
    let half = format!("({0} - {0} / 2)", amount("i"));
    let number = format!("({} + (i + 150) / 200)", w.gifts);
    let replacing = format!("{} where i % 200 = 50", w.to(w.gifts));
    let letter =
        "insert into letter (id, kind, dedupe_key, donation_id, receipt_id, to_address, to_name, subject, text_body, html_body, language,
        message_id, state, attempts, next_at, last_reply, created_at, sent_at)";
    let at = w.at("i");
    vec![
        format!(
            "insert into receipt_series (id, prefix, year, next_number) values ({series}, 'B', 2024, {})",
            w.gifts + (w.gifts + 150) / 200 + 1
        ),
        format!(
            "{columns} select {}, {series}, i, 'B-2024-' || i, {}, {status}, '', {}, {at}, {}, 'EUR', 'plain', 'en', {}, null from {}",
            w.id(9, "i"),
            w.id(5, "i"),
            w.day("i"),
            amount("i"),
            snapshot("i", &amount("i"), &w.day("i")),
            w.to(w.gifts)
        ),
        format!(
            "{columns} select {}, {series}, {number}, 'B-2024-' || {number}, {}, 'issued', '', {}, {at}, {half}, 'EUR', 'plain', 'en', {}, {} from {replacing}",
            w.id(10, "i"),
            w.id(5, "i"),
            w.day("i"),
            snapshot(&number, &half, &w.day("i")),
            w.id(9, "i"),
        ),
        format!(
            "{letter} select {}, 'receipt', 'receipt:' || r.code, r.donation_id, r.id, d.donor_name || '@example.org', d.donor_name,
                'Your receipt ' || r.code, 'Thank you.', '<p>Thank you.</p>', 'en', r.code || '@bench', 'sent', 1, r.issued_at, '250 OK', r.issued_at, r.issued_at
             from receipt r join donation d on d.id = r.donation_id",
            if w.postgres { "gen_random_uuid()" } else { "randomblob(16)" }
        ),
    ]
}

fn books(w: &Words) -> Vec<String> {
    let (gifts, at, first) = (w.to(w.gifts), w.at("i"), number("i"));
    let back = format!("{gifts} where i % 100 = 0");
    let (fund, campaign, article) = (w.id(0, "1 + (1 + i % 200) % 4"), w.id(2, "1 + i % 200"), w.id(3, "1 + i % 2000"));
    let of = |n: &str| {
        let i = format!("({n})");
        [fund.replace("i %", &format!("{i} %")), campaign.replace("i %", &format!("{i} %")), article.replace("i %", &format!("{i} %"))]
            .join(", ")
    };
    let [own, of_back] = [of("i"), of("i - 50")];
    let (amount, refund) = (amount("i"), given_back());
    let none = "null, null, null";
    vec![
        format!(
            "insert into ledger_transaction (id, kind, source, donation_id, occurred_at, posted_at, booked_at, stripe_balance_transaction)
             select * from (
             select {first} as id, 'donation', 'pi_bench_' || i || ':capture', {0}, {at}, {at} as posted, {at} as booked, null from {gifts}
             union all select {first} + 1, 'fee', 'txn_bench_' || i || ':fee', {0}, {at}, {at}, {at}, 'txn_bench_' || i from {gifts}
             union all select {first} + 2, 'refund', 'txn_back_' || i || ':refund', {1}, {at}, {at}, {at}, 'txn_back_' || i from {back}
             union all select {first} + 3, 'payout', 'txn_out_' || i || ':payout', null, {at}, {at}, {at}, 'txn_out_' || i from {gifts}
                where i % {GIFTS_OF_A_PAYOUT} = 0) t order by id",
            w.id(5, "i"),
            w.id(5, "i - 50"),
        ),
        format!(
            "insert into ledger_entry (transaction_id, account, amount_minor, currency, fund_id, campaign_id, article_id)
             select * from (
             select {first} as id, 'stripe_clearing' as account, {amount} as minor, 'EUR', {none} from {gifts}
             union all select {first}, 'donations', -{amount}, 'EUR', {own} from {gifts}
             union all select {first} + 1, 'stripe_fees', 45, 'EUR', {own} from {gifts}
             union all select {first} + 1, 'stripe_clearing', -45, 'EUR', {none} from {gifts}
             union all select {first} + 2, 'donations', {refund}, 'EUR', {of_back} from {back}
             union all select {first} + 2, 'stripe_clearing', -{refund}, 'EUR', {none} from {back}) t order by id, account"
        ),
    ]
}

fn balance(w: &Words) -> Vec<String> {
    let (gifts, at) = (w.to(w.gifts), w.at("i"));
    let payout = format!("'po_bench_' || ((i + {GIFTS_OF_A_PAYOUT} - 1) / {GIFTS_OF_A_PAYOUT})");
    let (refund, none, no) = (given_back(), if w.postgres { "cast(null as uuid)" } else { "null" }, if w.postgres { "false" } else { "0" });
    let columns = "insert into balance_movement (id, category, kind, source_id, gross_minor, fee_minor, net_minor, currency, occurred_at, available_at,
        payout_id, donation_id, mapped_to, heard_at)";
    vec![
        format!(
            "{columns} select 'txn_bench_' || i, 'charge', 'charge', 'ch_bench_' || i, {0}, 45, {0} - 45, 'EUR', {at}, {at}, {payout}, {1}, 'gift', {at}
             from {gifts}",
            amount("i"),
            w.id(5, "i")
        ),
        format!(
            "{columns} select 'txn_back_' || i, 'refund', 'refund', 're_bench_' || i, -{refund}, 0, -{refund}, 'EUR', {at}, {at}, {payout}, {}, 'refund', {at}
             from {gifts} where i % 100 = 0",
            w.id(5, "i - 50")
        ),
        format!(
            "insert into payout (id, stripe_payout_id, amount_minor, currency, state, automatic, arrives_on, statement_descriptor, trace_id,
                balance_transaction_id, failure_code, reconciliation, livemode, itemised_at, created_at, updated_at)
             select {}, {payout}, s.net, 'EUR', 'paid', {}, {}, 'BENCH', '', 'txn_out_' || i, '', 'completed', {no}, {at}, {at}, {at} from {gifts}
             join (select payout_id, sum(net_minor) as net from balance_movement group by payout_id) s on s.payout_id = {payout}
             where i % {GIFTS_OF_A_PAYOUT} = 0",
            w.id(11, "i"),
            if w.postgres { "true" } else { "1" },
            w.day("i"),
        ),
        format!(
            "{columns} select 'txn_out_' || i, 'payout', 'payout', {payout}, -p.amount_minor, 0, -p.amount_minor, 'EUR', {at}, {at}, {payout}, {none},
                'payout', {at} from {gifts} join payout p on p.stripe_payout_id = {payout} where i % {GIFTS_OF_A_PAYOUT} = 0"
        ),
        format!(
            "insert into ledger_entry (transaction_id, account, amount_minor, currency)
             select {0} + 3, 'bank', p.amount_minor, 'EUR' from {gifts} join payout p on p.stripe_payout_id = {payout}
                where i % {GIFTS_OF_A_PAYOUT} = 0
             union all select {0} + 3, 'stripe_clearing', -p.amount_minor, 'EUR' from {gifts} join payout p on p.stripe_payout_id = {payout}
                where i % {GIFTS_OF_A_PAYOUT} = 0",
            number("i"),
        ),
    ]
}
