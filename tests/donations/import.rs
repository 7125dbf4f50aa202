//! Past gifts: their real days, nobody written to, and a second import adds nothing.

use super::helpers::*;
use crate::support::{TestApp, hand_gift, on_both_databases};
use entity::{
    donation, receipt, supporter,
    words::{DonationSource, DonationStatus},
};
use sea_orm::{EntityTrait, QueryOrder};
use wellwisher::{
    donations::{
        by_hand,
        import::{Options, Report, import_table, table},
    },
    ledger, reports,
    staff::Actor,
};

async fn import(app: &TestApp, text: impl AsRef<[u8]>, options: &Options) -> Report {
    import_table(&app.app, text.as_ref(), options, |_, _| {}).await.expect("it is imported")
}

async fn assert_books(app: &TestApp) {
    let report = reports::verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

fn remarks(report: &Report) -> Vec<String> {
    report.skipped.iter().map(ToString::to_string).collect()
}

const FILE: &str = "Amount;Date;ID;currency;Email;Name;campaign;colour;reference
1.000,50;2024-12-31;a-1;EUR;Rosa@Example.org;Rosa;schools;red;Line 7
25;2025-02-03;a-2;GBP;;;;;
25;2025-02-30;a-3;GBP;;;;;
-5;2025-02-03;a-4;GBP;;;;;
25;2025-02-03;a-5;EURO;;;;;
25;2025-02-03;a-6;EUR;nobody;;;;
25;2025-02-03;a-7;EUR;;;summer;;
25;2026-05-02;a-8;EUR;;;;;
25;2025-02-03;a-1;EUR;;;;;
25;2025-02-03
;;;;;;;;
7;2025-02-04T23:30:00-05:00;a-9;USD;rosa@example.org;Somebody;;;
";

on_both_databases! {
    async fn good_rows_are_taken_and_bad_ones_named_by_their_line(app: TestApp) {
        let campaign = new_campaign(&app.app).await;
        let report = import(&app, FILE, &Options::default()).await;
        assert_eq!((report.added, report.known), (3, 0), "{:?}", report.skipped);
        let told = remarks(&report);
        for (line, why) in [
            (4, "not a day"), (5, "below zero"), (6, "not a currency"), (7, "not an e-mail address"), (8, "no campaign `summer`"),
            (9, "has not come yet"), (10, "stands in the file twice"), (11, "cannot be read"),
        ] {
            assert!(told.iter().any(|text| text.starts_with(&format!("line {line}: ")) && text.contains(why)), "{line} {why}: {told:#?}");
        }
        assert_eq!(told.len(), 8, "{told:#?}");
        assert!(report.notes[0].why.contains("`colour` is not known"));
        assert!(!told.join(" ").contains("nobody"), "what names people is not printed");
        let gifts = donation::Entity::find().order_by_asc(donation::Column::PaidAt).all(app.app.db.read()).await.unwrap();
        let seen: Vec<_> = gifts.iter().map(|g| (g.amount_minor, g.currency.code().to_owned(), g.paid_at.unwrap().to_rfc3339())).collect();
        assert_eq!(seen, [
            (100_050, "EUR".to_owned(), "2024-12-31T12:00:00+00:00".to_owned()),
            (2_500, "GBP".to_owned(), "2025-02-03T12:00:00+00:00".to_owned()),
            (700, "USD".to_owned(), "2025-02-05T04:30:00+00:00".to_owned()),
        ]);
        assert!(gifts.iter().all(|g| g.source == DonationSource::Imported && g.status == DonationStatus::Paid));
        assert_eq!((gifts[0].campaign_id, gifts[0].fund_code.as_str()), (Some(campaign), "SCHOOLS"), "the campaign brings its fund");
        assert_eq!(ledger::raised(app.app.db.read(), &[campaign]).await.unwrap()[0].money.minor, 100_050);
        assert_eq!((balance(&app.app, "bank", "EUR").await, balance(&app.app, "donations", "EUR").await), (100_050, -100_050));
        assert_eq!((count(&app.app, "letter").await, count(&app.app, "receipt").await), (0, 0), "nobody is written to");
        let rosa = supporter::Entity::find().all(app.app.db.read()).await.unwrap().into_iter().find(|who| !who.email.is_empty()).unwrap();
        assert_eq!((rosa.email.as_str(), rosa.name.as_str(), rosa.wants_updates), ("rosa@example.org", "Rosa", false));
        assert_books(&app).await;
    }

    async fn the_same_file_again_adds_nothing(app: TestApp) {
        new_campaign(&app.app).await;
        import(&app, FILE, &Options::default()).await;
        let before = everything(&app.app).await;
        let again = import(&app, format!("\u{feff}{}", FILE.replace("\n", "\r\n")), &Options::default()).await;
        assert_eq!((again.added, again.known), (0, 3), "a byte order mark and other line ends change nothing");
        assert_eq!(everything(&app.app).await, before);
        let more = import(&app, format!("{FILE}9;2025-03-01;a-10;EUR;;;;;\n"), &Options::default()).await;
        assert_eq!((more.added, more.known), (1, 3));
    }

    async fn rows_without_an_id_are_known_by_what_they_say(app: TestApp) {
        let file = "date,amount,name\n2025-01-01,10,Rosa\n2025-01-01,10,Rosa\n2025-01-02,10,Rosa\n";
        let options = Options { currency: "EUR".parse().ok(), ..Options::default() };
        assert_eq!(import(&app, file, &options).await.added, 3, "two that look the same are two");
        let turned = "name,date,amount\nRosa,2025-01-02,10.00\nRosa,2025-01-01,10\nRosa,2025-01-01,10\n";
        let again = import(&app, turned, &options).await;
        assert_eq!((again.added, again.known), (0, 3), "in any order of columns and rows");
        let none = import(&app, file, &Options::default()).await;
        assert!(remarks(&none)[0].contains("no currency is named"), "{none:?}");
    }

    async fn a_dry_run_writes_nothing_and_says_what_would_be_done(app: TestApp) {
        new_campaign(&app.app).await;
        let before = everything(&app.app).await;
        let report = import(&app, FILE, &Options { dry_run: true, ..Options::default() }).await;
        assert_eq!((report.added, report.skipped.len()), (3, 8));
        assert_eq!(everything(&app.app).await, before);
    }

    async fn receipts_are_given_when_asked_for_and_a_past_gift_can_be_taken_back(app: TestApp) {
        let file = "date,amount,currency,email\n2024-12-31,10,EUR,rosa@example.org\n";
        import(&app, file, &Options { receipts: true, ..Options::default() }).await;
        let receipts = receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!((receipts[0].code.as_str(), receipts[0].gift_on.to_string()), ("R-2024-000001", "2024-12-31".to_owned()));
        assert_eq!(count(&app.app, "letter").await, 0);
        let gift = the_donation(&app.app).await;
        by_hand::reverse(&app.app, &Actor::system(), gift.id, "it was never given").await.unwrap();
        assert_eq!((balance(&app.app, "bank", "EUR").await, balance(&app.app, "donations", "EUR").await), (0, 0));
        assert_books(&app).await;
    }

    async fn a_row_that_was_changed_since_it_was_imported_is_named(app: TestApp) {
        import(&app, "id,date,amount,currency\na-1,2025-01-01,10,EUR\n", &Options::default()).await;
        let before = everything(&app.app).await;
        for (row, here) in [("a-1,2025-01-01,12,EUR", "EUR 10.00"), ("a-1,2025-01-02,10,EUR", "2025-01-01"), ("a-1,2025-01-01,10,USD", "EUR 10.00")] {
            for dry_run in [true, false] {
                let report = import(&app, format!("id,date,amount,currency\n{row}\n"), &Options { dry_run, ..Options::default() }).await;
                assert_eq!((report.added, report.known), (0, 0));
                assert!(remarks(&report)[0].starts_with("line 2: it is here already as") && remarks(&report)[0].contains(here), "{report:?}");
            }
        }
        assert_eq!(everything(&app.app).await, before);
    }

    async fn what_came_another_way_is_not_counted_twice(app: TestApp) {
        let by_hand = by_hand::HandGift { email: Some("rosa@example.org".into()), reference: "Line 9".into(), ..hand_gift(&app, 1_000, "EUR") };
        let known = app.enter(&by_hand).await.id;
        let day = app.app.today();
        let head = "date,amount,currency,email,reference\n";
        for (row, is_alike) in [
            (format!("{day},10,EUR,Rosa@example.org,"), true),
            (format!("{day},10,EUR,,Line 9"), true),
            (format!("{day},10,EUR,,"), false),
            (format!("{day},11,EUR,rosa@example.org,"), false),
            (format!("{},10,EUR,rosa@example.org,", day - chrono::Days::new(1)), false),
        ] {
            let dry = import(&app, format!("{head}{row}\n"), &Options { dry_run: true, ..Options::default() }).await;
            assert_eq!(dry.skipped.len(), usize::from(is_alike), "{row}: {dry:?}");
            assert!(!is_alike || remarks(&dry)[0].contains(&known.to_string()), "{dry:?}");
        }
        let twice = format!("{head}{day},10,EUR,rosa@example.org,\n{day},10,EUR,rosa@example.org,\n");
        assert_eq!(import(&app, &twice, &Options::default()).await.added, 0);
        assert_eq!(import(&app, &twice, &Options { alike: true, ..Options::default() }).await.added, 2);
        assert_eq!(import(&app, &twice, &Options::default()).await.known, 2, "what was taken is known");
        by_hand::reverse(&app.app, &Actor::system(), known, "it was a slip").await.unwrap();
        let third = import(&app, format!("{head}{day},10,EUR,,Line 9\n"), &Options::default()).await;
        assert_eq!(third.added, 1, "what was taken back counts for nothing");
        assert_books(&app).await;
    }

    async fn an_unknown_fund_is_said_before_anything_is_written(app: TestApp) {
        let options = Options { fund: Some("NOWHERE".into()), ..Options::default() };
        let refused = import_table(&app.app, b"date,amount,currency\n2025-01-01,10,EUR\n", &options, |_, _| {}).await;
        assert!(refused.unwrap_err().to_string().contains("NOWHERE"));
        new_fund(&app.app, "OLD").await;
        import(&app, "date,amount,currency\n2025-01-01,10,EUR\n", &Options { fund: Some("OLD".into()), ..Options::default() }).await;
        assert_eq!(the_donation(&app.app).await.fund_code, "OLD");
    }

    async fn an_import_that_ends_midway_has_left_its_mark_in_the_trail(app: TestApp) {
        let mut file = "date,amount,currency,id\n".to_owned();
        for number in 0..450 {
            file.push_str(&format!("2025-02-03,{}.00,EUR,m-{number}\n", number + 1));
        }
        let begun = async || number(&app.app, "select count(*) as n from audit_entry where action = 'import.donations.begin'").await;
        import(&app, &file, &Options { dry_run: true, ..Options::default() }).await;
        assert_eq!(begun().await, 0, "nothing was written");
        let other = app.app.clone();
        let text = file.clone();
        // Ends as a killed program does: after the second of its three batches.
        let cut_off = tokio::spawn(async move {
            import_table(&other, text.as_bytes(), &Options::default(), |done, _| assert!(done < 400, "killed")).await
        });
        assert!(cut_off.await.is_err());
        assert_eq!((count(&app.app, "donation").await, begun().await), (400, 1));
        let report = import(&app, &file, &Options::default()).await;
        assert_eq!((report.added, report.known, begun().await), (50, 400, 2));
        let report = import(&app, &file, &Options::default()).await;
        assert_eq!((report.added, begun().await), (0, 2), "what adds nothing writes nothing");
        assert_books(&app).await;
    }
}

#[test]
fn a_row_that_could_be_read_in_two_ways_is_refused() {
    for (row, why) in [
        ("2025-01-01,1.000,EUR", "could be a thousand or one"),
        ("2025-01-01,۱۲.۳۴۵,JPY", "could be a thousand or one"),
        ("1404-02-11,10,EUR", "Gregorian calendar"),
        ("0025-01-01,10,EUR", "Gregorian calendar"),
        ("1949-12-31T23:59:59Z,10,EUR", "Gregorian calendar"),
        ("2025-01-01,99999999999999,EUR", "too large"),
        ("2025-01-01,15.50,ISK", "multiples of"),
        ("2025-01-01,1000.5,JPY", "decimals"),
    ] {
        let table = table::read(format!("date,amount,currency\n{row}\n").as_bytes(), None);
        assert!(table.rows.is_empty() && table.skipped[0].why.contains(why), "{row}: {:?}", table.skipped);
    }
    for (amount, currency, minor) in [
        ("1.000", "KWD", 1_000),
        ("12.345", "KWD", 12_345),
        ("\"1,000\"", "EUR", 100_000),
        ("1.000.000", "JPY", 1_000_000),
        ("1500", "ISK", 150_000),
    ] {
        let table = table::read(format!("date,amount,currency\n2025-01-01,{amount},{currency}\n").as_bytes(), None);
        assert_eq!(table.rows.first().map(|row| row.money.minor), Some(minor), "{amount} {currency}: {:?}", table.skipped);
    }
}

#[test]
fn a_file_that_cannot_be_right_is_refused_with_its_line() {
    let latin = table::read(b"date,amount,currency,name\n2025-01-01,10,EUR,Ros\xe9\n", None);
    assert!(latin.rows.is_empty() && latin.skipped[0].line == 2 && latin.skipped[0].why.contains("UTF-8"), "{latin:?}");
    for (text, why) in
        [("", "is missing"), ("date,currency\n", "`amount` is missing"), ("date,amount,Date\n", "two columns are called `date`")]
    {
        let table = table::read(text.as_bytes(), None);
        assert!(table.rows.is_empty() && table.skipped[0].why.contains(why), "{text}: {table:?}");
    }
    let tabs = table::read("date\tamount\tcurrency\tname\n2025-01-01\t10,00\tEUR\tنازنین\n".as_bytes(), None);
    assert_eq!((tabs.rows.len(), tabs.rows[0].name.as_str()), (1, "نازنین"), "{tabs:?}");
}
