//! The statements of a tax year.

use crate::support::{FromDatabase, TestApp, TestDatabase, gift, on_both_databases, take_back};
use chrono::NaiveDate;
use entity::{
    confirmation, donation, letter, statement,
    words::{LetterKind, LetterState, LetterStream, ReceiptStatus, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use wellwisher::{
    asks::Gift,
    donations,
    error::Error,
    mail::store,
    payments::standin::Decision,
    receipts::{
        annual::{self, Report},
        care::{self, Correction},
        pdf,
        profiles::TaxYear,
        statement::YearSnapshot,
    },
    staff::Actor,
    worker,
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_tax_year_begins_where_each_country_begins_it() {
    let of = |profile: &str, text: &str| {
        let year = TaxYear::of_day(profile, day(text)).unwrap();
        format!("{} {} {}", year.name(), year.starts_on, year.ends_on)
    };
    for profile in ["us", "ca", "de", "plain"] {
        assert_eq!(of(profile, "2028-02-29"), "2028 2028-01-01 2028-12-31");
        assert_eq!(of(profile, "2026-12-31"), "2026 2026-01-01 2026-12-31");
    }
    assert_eq!(of("uk", "2026-04-05"), "2025–26 2025-04-06 2026-04-05");
    assert_eq!(of("uk", "2026-04-06"), "2026–27 2026-04-06 2027-04-05");
    assert_eq!(of("uk", "2028-02-29"), "2027–28 2027-04-06 2028-04-05");
    assert_eq!(of("au", "2026-06-30"), "2025–26 2025-07-01 2026-06-30");
    assert_eq!(of("au", "2099-07-01"), "2099–00 2099-07-01 2100-06-30");
}

/// An organisation in the zone with the half hour, by the rules of the United States.
struct Kabul(TestApp);
/// One in Newfoundland, by those of Canada.
struct Newfoundland(TestApp);
/// One in Germany.
struct Berlin(TestApp);
/// One in the United Kingdom.
struct London(TestApp);
/// One in Kabul whose statements go out by themselves.
struct Punctual(TestApp);

impl FromDatabase for Punctual {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_receipt_profile = "us".into();
                settings.org_tax_id = "00-1234567".into();
                settings.org_timezone = "Asia/Kabul".into();
                settings.statements_after_days = "31".into();
            })
            .await,
        )
    }
}

impl FromDatabase for Kabul {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_receipt_profile = "us".into();
                settings.org_tax_id = "00-1234567".into();
                settings.org_timezone = "Asia/Kabul".into();
                settings.org_currencies = "USD,JPY,KWD,ISK,HUF".into();
            })
            .await,
        )
    }
}

impl FromDatabase for Newfoundland {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_receipt_profile = "ca".into();
                settings.org_charity_number = "12345 6789 RR0001".into();
                settings.org_address = "12 Lantern Row, St. John's".into();
                settings.org_receipt_place = "St. John's".into();
                settings.org_receipt_signatory = "R. Tern, Treasurer".into();
                settings.org_timezone = "America/St_Johns".into();
                settings.org_currencies = "CAD".into();
            })
            .await,
        )
    }
}

impl FromDatabase for Berlin {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_receipt_profile = "de".into();
                settings.org_legal_name = "Turmfalken e. V.".into();
                settings.org_address = "Laternenweg 12, 10115 Berlin".into();
                settings.org_receipt_place = "Berlin".into();
                settings.org_receipt_signatory = "R. Seeschwalbe, Vorstand".into();
                settings.org_tax_office = "Berlin für Körperschaften I".into();
                settings.org_tax_number = "27/123/45678".into();
                settings.org_tax_notice_date = "2025-03-14".into();
                settings.org_tax_notice_period = "2021 bis 2023".into();
                settings.org_tax_purpose = "der Volksbildung".into();
                settings.org_timezone = "Europe/Berlin".into();
                settings.org_currencies = "EUR,USD".into();
            })
            .await,
        )
    }
}

impl FromDatabase for London {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_receipt_profile = "uk".into();
                settings.org_charity_number = "7654321".into();
                settings.org_timezone = "Europe/London".into();
                settings.org_currencies = "GBP".into();
            })
            .await,
        )
    }
}

/// A gift by this person, with her postal address.
fn by(email: &str, name: &str, address: &str, minor: i64, currency: &str) -> Gift {
    let mut gift = Gift { email: email.into(), name: name.into(), ..gift(minor, currency) };
    gift.particulars.address = address.into();
    gift
}

async fn give_at(test: &TestApp, at: &str, gift: &Gift) -> donation::Model {
    test.app.clock.set(at.parse().unwrap());
    test.give(gift).await
}

async fn run(test: &TestApp, year: i32, dry: bool) -> Report {
    let year = annual::year_to_state(&test.app, year).unwrap();
    annual::run(&test.app, &Actor::system(), &year, dry, |_, _| {}).await.unwrap()
}

async fn statements(test: &TestApp) -> Vec<(statement::Model, YearSnapshot)> {
    let all = statement::Entity::find().order_by_asc(statement::Column::Number).all(test.app.db.read()).await.unwrap();
    all.into_iter().map(|row| (row.clone(), serde_json::from_str(&row.snapshot).unwrap())).collect()
}

async fn letters(test: &TestApp) -> Vec<letter::Model> {
    let all = letter::Entity::find().order_by_asc(letter::Column::Id).all(test.app.db.read()).await.unwrap();
    all.into_iter().filter(|letter| letter.kind == LetterKind::Statement).collect()
}

on_both_databases! {
    async fn a_year_ends_at_midnight_in_kabul_and_its_statement_alone_satisfies_the_law(kabul: Kabul) {
        let test = &kabul.0;
        // 23:59 on 31 December, and midnight, in Kabul.
        give_at(test, "2025-12-31T19:29:00Z", &by("wren@example.org", "Wren Marlow", "", 99_900, "USD")).await;
        give_at(test, "2025-12-31T19:30:00Z", &by("wren@example.org", "Wren Marlow", "", 25_000, "USD")).await;
        give_at(test, "2026-05-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 120_000, "JPY")).await;
        give_at(test, "2026-12-31T19:29:59Z", &by("wren@example.org", "Wren Marlow", "", 45_500, "KWD")).await;
        give_at(test, "2026-12-31T19:30:00Z", &by("wren@example.org", "Wren Marlow", "", 1_000, "USD")).await;
        test.app.clock.set("2026-12-31T19:29:59Z".parse().unwrap());
        assert!(matches!(annual::year_to_state(&test.app, 2026), Err(Error::Invalid(why)) if why.contains("2026-12-31")), "the year is not over");
        test.app.clock.set("2027-01-02T08:00:00Z".parse().unwrap());

        let expected = Report { issued: 1, ..Report::default() };
        assert_eq!(run(test, 2026, true).await, expected);
        assert!(statements(test).await.is_empty() && letters(test).await.is_empty(), "a dry run writes nothing");
        assert_eq!(run(test, 2026, false).await, expected);
        assert_eq!(run(test, 2026, false).await, Report { unchanged: 1, ..Report::default() }, "once more changes nothing");

        test.sign_in_as(Role::Finance).await;
        let gifts = donation::Entity::find().order_by_asc(donation::Column::PaidAt).all(test.app.db.read()).await.unwrap();
        for (gift, is_listed) in gifts.iter().zip([false, true, true, true, false]) {
            let told = test.get(&format!("/desk/donations/{}", gift.id)).await.texts("main").join(" ").replace(['\u{2068}', '\u{2069}'], "");
            let is_told = told.contains("The annual receipt R-Y-2026-000001 was issued, which lists it (issued)");
            assert_eq!(is_told, is_listed, "of the gift of {:?}: {told}", gift.paid_at);
        }
        let all = letters(test).await;
        assert_eq!((all.len(), all[0].to_address.as_str(), all[0].subject.as_str()), (1, "wren@example.org", "Your gifts of 2026 – Our Newsroom"));
        for needed in [
            "R-Y-2026-000001", "Our Newsroom", "00-1234567", "Wren Marlow", "1 January 2026 – 31 December 2026",
            "Total: JPY 120,000", "Total: KWD 45.500", "Total: USD 250.00",
            "- Date: 1 January 2026; Given: USD 250.00; Receipt: R-2026-000001",
            "- Date: 31 December 2026; Given: KWD 45.500; Receipt: R-2026-000003",
            "No goods or services were provided in exchange for these contributions.",
            "tax-exempt under section 501(c)(3)",
        ] {
            assert!(all[0].text_body.contains(needed), "{needed:?} is not in\n{}", all[0].text_body);
        }
        assert!(!all[0].text_body.contains("999.00") && !all[0].text_body.contains("USD 10.00"), "{}", all[0].text_body);
        let page = scraper::Html::parse_document(&all[0].html_body);
        for piece in page.select(&scraper::Selector::parse("td strong, td bdi, th, p").unwrap()).flat_map(|e| e.text()) {
            let piece = crate::receipts::letters::bare(piece.trim());
            assert!(piece.is_empty() || all[0].text_body.contains(&piece), "{piece:?} is in the HTML only");
        }
    }

    async fn what_was_given_back_is_listed_and_a_changed_year_is_stated_anew(kabul: Kabul) {
        let test = &kabul.0;
        let whole = give_at(test, "2026-02-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 250_000, "HUF")).await;
        let part = give_at(test, "2026-03-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 500_000, "ISK")).await;
        give_at(test, "2026-03-01T08:00:00Z", &by("ash@example.org", "Ash", "", 2_500, "USD")).await;
        test.app.clock.set("2027-01-15T08:00:00Z".parse().unwrap());
        take_back(test, &part, 200_000).await;
        assert_eq!(run(test, 2026, false).await.issued, 2);
        let text = letters(test).await.into_iter().find(|letter| letter.to_address == "wren@example.org").unwrap().text_body;
        assert!(text.contains("Given: HUF 2,500.00; Receipt:") && text.contains("Given: ISK 5,000.00; Given back: ISK 2,000.00; Remains: ISK 3,000.00; Receipt:"), "{text}");
        assert!(text.contains("Total: ISK 3,000.00"), "{text}");

        let outdated = async || annual::outdated(&test.app).await.unwrap().iter().map(|(year, count)| (year.year, *count)).collect::<Vec<_>>();
        assert_eq!(outdated().await, []);
        take_back(test, &whole, 250_000).await;
        assert_eq!(outdated().await, [(2026, 1)]);
        assert_eq!(run(test, 2026, true).await, Report { replaced: 1, unchanged: 1, ..Report::default() });
        assert_eq!(run(test, 2026, false).await, Report { replaced: 1, unchanged: 1, ..Report::default() });
        let all = statements(test).await;
        assert_eq!(all.iter().map(|(row, _)| row.number).collect::<Vec<_>>(), [1, 2, 3], "numbers without a gap");
        let (new, said) = all.last().unwrap();
        let (old, _) = all.iter().find(|(row, _)| Some(row.id) == new.replaces_id).unwrap();
        assert_eq!((old.status, said.replaces.as_deref()), (ReceiptStatus::Replaced, Some(old.code.as_str())));
        let said = format!("This statement cancels and replaces statement {}.", old.code);
        assert!(letters(test).await.iter().any(|letter| letter.text_body.contains(&said)));

        assert_eq!(outdated().await, [], "it was made anew");
        take_back(test, &part, 300_000).await;
        test.sign_in_as(Role::Finance).await;
        let (home, page) = (test.get("/desk").await, test.get("/desk/annual-receipts").await);
        let need = home.texts("a[href='/desk/annual-receipts']");
        assert!(need.iter().any(|text| text.contains("statement of a year no longer says")), "{need:?}");
        assert_eq!(page.texts("p.warn a[href='/desk/annual-receipts?year=2026']"), ["2026"], "{}", page.body);
        assert_eq!(run(test, 2026, false).await, Report { ended: 1, unchanged: 1, ..Report::default() });
        assert_eq!(run(test, 2026, false).await, Report { unchanged: 1, ..Report::default() });
        assert!(statements(test).await.iter().any(|(row, _)| row.id == new.id && row.status == ReceiptStatus::Void));
        assert_eq!(outdated().await, []);
        // She hears of it, once, and what had not gone out does not go out any more.
        let all = letter::Entity::find().all(test.app.db.read()).await.unwrap();
        let told: Vec<_> = all.iter().filter(|letter| letter.kind == LetterKind::ReceiptCancelled).collect();
        assert_eq!(told.iter().map(|letter| letter.to_address.as_str()).collect::<Vec<_>>(), ["wren@example.org"]);
        assert_eq!(told[0].subject, format!("Statement {} is cancelled – Our Newsroom", new.code));
        for needed in ["CANCELLED", "is no longer valid", "Please do not use it for your taxes.", "together with the statement", new.code.as_str()] {
            assert!(told[0].text_body.contains(needed), "{needed}: {}", told[0].text_body);
        }
        assert!(!told[0].text_body.contains("section 501(c)(3)"), "{}", told[0].text_body);
        let own = all.iter().find(|letter| letter.dedupe_key == format!("statement:{}", new.code)).expect("the statement's letter");
        assert_eq!(own.state, LetterState::Suppressed);
        let again = test.post(&format!("/desk/letters/{}/retry", own.id), &[]).await;
        assert!(again.status == 409 && again.body.contains("is no longer valid"), "{}", again.body);
        // Nor when it was in somebody's hands as the statement ended.
        let now = test.app.now();
        let waits = letter::Entity::update_many()
            .col_expr(letter::Column::State, Expr::value(LetterState::Deferred))
            .col_expr(letter::Column::NextAt, Expr::value(now))
            .filter(letter::Column::Id.eq(own.id));
        test.app.db.write(async |tx| Ok(waits.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        let until = now + chrono::TimeDelta::seconds(120);
        let taken = test.app.db.write(async |tx| store::lease(tx, LetterStream::Transactional, now, until, 100).await).await.unwrap();
        let taken = taken.iter().find(|letter| letter.id == own.id).expect("it waits");
        assert!(!test.app.db.write(async |tx| store::note_dot(tx, taken, until).await).await.unwrap(), "its text does not leave");
        test.app.db.write(async |tx| Ok(waits.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        assert_eq!(store::find(test.app.db.read(), own.id).await.unwrap().0.state, LetterState::Suppressed);
    }

    async fn a_statement_that_a_dispute_has_ended_is_asked_for_anew_when_it_is_won(kabul: Kabul) {
        let test = &kabul.0;
        let won = give_at(test, "2026-02-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 9_000, "USD")).await;
        let lost = give_at(test, "2026-03-01T08:00:00Z", &by("ash@example.org", "Ash", "", 700, "USD")).await;
        test.app.clock.set("2027-01-15T08:00:00Z".parse().unwrap());
        assert_eq!(run(test, 2026, false).await.issued, 2);
        let outdated = async || annual::outdated(&test.app).await.unwrap().iter().map(|(year, count)| (year.year, *count)).collect::<Vec<_>>();
        let mut disputes = Vec::new();
        for gift in [&won, &lost] {
            disputes.push(test.stripe.standin.dispute(gift.checkout_session_id.as_deref().unwrap(), None, false).expect("a dispute"));
            donations::refresh(&test.app, gift.id).await.unwrap();
        }
        assert_eq!(outdated().await, [(2026, 2)]);
        assert_eq!(run(test, 2026, false).await, Report { ended: 2, disputed: 2, ..Report::default() });
        assert_eq!(outdated().await, []);
        test.app.clock.set("2027-02-15T08:00:00Z".parse().unwrap());
        for (dispute, gift, decision) in [(&disputes[0], &won, Decision::Won), (&disputes[1], &lost, Decision::Lost)] {
            assert!(test.stripe.standin.decide_dispute(dispute, decision));
            donations::refresh(&test.app, gift.id).await.unwrap();
        }
        assert_eq!(outdated().await, [(2026, 1)]);
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/annual-receipts").await;
        assert_eq!(page.texts("p.warn a[href='/desk/annual-receipts?year=2026']"), ["2026"], "{}", page.body);
        assert_eq!(run(test, 2026, false).await, Report { issued: 1, ..Report::default() });
        assert_eq!(outdated().await, []);
        let (row, said) = statements(test).await.into_iter().find(|(row, _)| row.status == ReceiptStatus::Issued).expect("a new one");
        assert_eq!((row.number, said.totals.iter().map(ToString::to_string).collect::<Vec<_>>()), (3, vec!["USD 90.00".to_owned()]));
    }

    async fn a_gift_that_is_disputed_is_on_no_statement_until_it_is_won(kabul: Kabul) {
        let test = &kabul.0;
        let disputed = give_at(test, "2026-02-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 9_000, "USD")).await;
        give_at(test, "2026-03-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 2_500, "USD")).await;
        let alone = give_at(test, "2026-03-01T08:00:00Z", &by("ash@example.org", "Ash", "", 700, "USD")).await;
        let mut disputes = Vec::new();
        for gift in [&disputed, &alone] {
            disputes.push(test.stripe.standin.dispute(gift.checkout_session_id.as_deref().unwrap(), None, false).expect("a dispute"));
            donations::refresh(&test.app, gift.id).await.unwrap();
        }
        test.app.clock.set("2027-01-15T08:00:00Z".parse().unwrap());
        for dry in [true, false] {
            assert_eq!(run(test, 2026, dry).await, Report { issued: 1, disputed: 2, ..Report::default() });
        }
        let text = letters(test).await.remove(0).text_body;
        assert!(text.contains("USD 25.00") && !text.contains("USD 90.00") && !text.contains("115.00"), "{text}");
        assert_eq!(run(test, 2026, false).await, Report { unchanged: 1, disputed: 2, ..Report::default() });
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/annual-receipts?year=2026").await.body.contains("while their payers’ banks dispute them"));

        for (dispute, gift) in disputes.iter().zip([&disputed, &alone]) {
            assert!(test.stripe.standin.decide_dispute(dispute, Decision::Won));
            donations::refresh(&test.app, gift.id).await.unwrap();
        }
        assert_eq!(run(test, 2026, false).await, Report { issued: 1, replaced: 1, ..Report::default() });
    }

    async fn a_year_in_newfoundland_ends_half_an_hour_after_its_neighbours_and_is_no_official_receipt(st_johns: Newfoundland) {
        let test = &st_johns.0;
        // 23:59:59 on 31 December, and midnight, three and a half hours behind.
        give_at(test, "2027-01-01T03:29:59Z", &by("wren@example.org", "Wren Marlow", "7 Reed Bank, Gander", 10_000, "CAD")).await;
        give_at(test, "2027-01-01T03:30:00Z", &by("wren@example.org", "Wren Marlow", "7 Reed Bank, Gander", 20_000, "CAD")).await;
        test.app.clock.set("2027-01-03T12:00:00Z".parse().unwrap());
        run(test, 2026, false).await;
        let text = letters(test).await.remove(0).text_body;
        assert!(text.contains("31 December 2026; Given: CAD 100.00; Receipt: R-2026-000001") && !text.contains("200.00"), "{text}");
        assert!(text.contains("it is no receipt itself") && !text.to_lowercase().contains("official receipt for income tax"), "{text}");
        let single = letter::Entity::find().order_by_asc(letter::Column::Id).one(test.app.db.read()).await.unwrap().unwrap();
        for needed in ["Official receipt for income tax purposes", "Address of the donor: 7 Reed Bank, Gander", "Date gift received: 31 December 2026", "Date of issue: 31 December 2026"] {
            assert!(single.text_body.contains(needed), "{needed}: {}", single.text_body);
        }
    }

    async fn a_german_confirmation_lists_what_no_slip_has_proved_with_total_and_words(berlin: Berlin) {
        let test = &berlin.0;
        let home = "Am Ried 7, 20095 Hamburg";
        give_at(test, "2026-02-28T12:00:00Z", &by("wren@example.org", "Wren Marlow", home, 30_000, "EUR")).await;
        let first = give_at(test, "2026-03-09T12:00:00Z", &by("wren@example.org", "Wren Marlow", home, 100_050, "EUR")).await;
        give_at(test, "2026-12-31T22:59:59Z", &by("wren@example.org", "Wren Marlow", home, 50_000, "EUR")).await;
        give_at(test, "2026-04-09T12:00:00Z", &by("wren@example.org", "Wren Marlow", home, 70_000, "USD")).await;
        give_at(test, "2026-04-09T12:00:00Z", &by("ash@example.org", "Ash", "", 70_000, "EUR")).await;
        test.app.clock.set("2027-01-15T08:00:00Z".parse().unwrap());
        assert_eq!(run(test, 2026, false).await, Report { issued: 1, no_address: 1, ..Report::default() });
        assert!(letters(test).await.is_empty(), "it is printed and signed, not e-mailed");

        let (row, said) = statements(test).await.remove(0);
        assert_eq!(said.lines.iter().map(|line| line.left.minor).collect::<Vec<_>>(), [100_050, 50_000], "no slip, no dollars");
        assert_eq!(said.lines.iter().map(|line| line.left.minor).sum::<i64>(), said.totals[0].minor, "the annex adds up to the total");
        let shown = wellwisher::receipts::statement::document(&row).unwrap();
        let fields: Vec<String> = shown.fields.iter().map(|field| format!("{}: {}", field.label, field.value)).collect();
        for needed in [
            "Aussteller: Turmfalken e. V., Laternenweg 12, 10115 Berlin",
            "Name und Anschrift des Zuwendenden: Wren Marlow, Am Ried 7, 20095 Hamburg",
            "Gesamtbetrag der Zuwendung - in Ziffern -: 1.500,50 EUR",
            "- in Buchstaben -: eintausendfünfhundert Euro und fünfzig Cent",
            "Zeitraum der Sammelbestätigung: 01.01.2026 bis 31.12.2026",
            "Ort, Datum und Unterschrift des Zuwendungsempfängers: Berlin, 15.01.2027, R. Seeschwalbe, Vorstand",
        ] {
            assert!(fields.iter().any(|field| field == needed), "{needed:?} is not in {fields:#?}");
        }
        assert!(shown.heading.unwrap().starts_with("Sammelbestätigung über Geldzuwendungen"));
        assert!(shown.statements.iter().any(|s| s.contains("keine weiteren Bestätigungen, weder formelle Zuwendungsbestätigungen noch Beitragsquittungen")));
        assert!(shown.statements.iter().any(|s| s.contains("haftet für die entgangene Steuer")));
        let on = confirmation::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!((on.iter().filter(|row| row.receipt_id.is_some()).count(), on.iter().filter(|row| row.statement_id.is_some()).count()), (1, 2));

        take_back(test, &first, 100_050).await;
        assert_eq!(run(test, 2026, false).await, Report { replaced: 1, no_address: 1, ..Report::default() });
        let (_, said) = statements(test).await.pop().unwrap();
        assert_eq!((said.totals[0].minor, said.replaces.as_deref()), (50_000, Some("R-Y-2026-000001")));
        assert_eq!(confirmation::Entity::find().all(test.app.db.read()).await.unwrap().len(), 2, "each gift on one confirmation");

        let path = crate::portal::ask_for_link(test, "wren@example.org", 1).await.expect("a letter");
        crate::portal::press(test, &path).await;
        let home = test.get("/me?lang=en").await;
        assert!(home.body.contains("counts only when it is signed on paper") && home.body.contains(&format!("mailto:{}", test.app.config.org_email)), "{}", home.body);
        assert!(!home.body.contains("/me/statements/"), "it is not offered as a page");
    }

    async fn a_mended_name_or_address_makes_a_new_receipt_and_a_new_statement(st_johns: Newfoundland) {
        let test = &st_johns.0;
        let gift = give_at(test, "2026-03-01T12:00:00Z", &by("wren@example.org", "Wren", "", 10_000, "CAD")).await;
        test.app.clock.set("2027-01-03T12:00:00Z".parse().unwrap());
        run(test, 2026, false).await;
        let first = wellwisher::receipts::store::issued_for_donation(test.app.db.read(), gift.id).await.unwrap().unwrap();
        let correction = Correction { name: "Wren Marlow".into(), address: "7 Reed Bank, Gander".into() };
        let new = care::correct(&test.app, &Actor::system(), first.id, &correction).await.unwrap();
        assert_eq!((new.code.as_str(), new.replaces_id), ("R-2026-000002", Some(first.id)));
        let last = wellwisher::receipts::store::letters(test.app.db.read(), new.id).await.unwrap().remove(0);
        for needed in ["Official receipt for income tax purposes", "cancels and replaces receipt #R-2026-000001", "7 Reed Bank, Gander", "Date of issue: 3 January 2027"] {
            assert!(last.text_body.contains(needed), "{needed}: {}", last.text_body);
        }
        assert!(matches!(care::correct(&test.app, &Actor::system(), new.id, &correction).await, Err(Error::Invalid(_))), "nothing new");
        assert!(matches!(care::correct(&test.app, &Actor::system(), first.id, &correction).await, Err(Error::Conflict(_))), "it was replaced");
        assert_eq!(run(test, 2026, false).await, Report { replaced: 1, ..Report::default() });
        let (_, said) = statements(test).await.pop().unwrap();
        assert_eq!((said.donor.name.as_str(), said.donor.address.as_str()), ("Wren Marlow", "7 Reed Bank, Gander"));
    }

    async fn statements_go_out_by_themselves_on_their_day_once_for_each_year(punctual: Punctual) {
        let test = &punctual.0;
        give_at(test, "2026-05-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 25_000, "USD")).await;
        give_at(test, "2026-06-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 5_000, "USD")).await;
        give_at(test, "2026-07-01T08:00:00Z", &by("ash@example.org", "Ash", "", 5_000, "USD")).await;
        // The last second of 30 January in Kabul, and the first of the 31st.
        test.app.clock.set("2027-01-30T19:29:59Z".parse().unwrap());
        assert!(!annual::begin_when_due(&test.app).await.unwrap(), "not before its day");
        test.app.clock.set("2027-01-30T19:30:00Z".parse().unwrap());
        let ask = || annual::begin_when_due(&test.app);
        let (a, b, c) = tokio::join!(ask(), ask(), ask());
        assert_eq!([a, b, c].into_iter().filter(|begun| *begun.as_ref().unwrap()).count(), 1, "however many ask at once");
        let year = TaxYear::beginning_in("us", 2026).unwrap();
        assert!(annual::is_running(&test.app, &year).await.unwrap() && letters(test).await.is_empty());
        test.sign_in_as(entity::words::Role::Finance).await;
        let page = test.get("/desk/annual-receipts?year=2026").await;
        assert!(page.texts("p[role=status]")[0].contains("being made") && page.texts("form[method=post] button").iter().all(|b| !b.contains("Make and send")), "{}", page.body);

        // A worker dies in the middle: the job is done again from its beginning.
        annual::act(&test.app, &serde_json::json!({ "year": 2026 })).await;
        while worker::work_once(&test.app).await.unwrap() > 0 {}
        let to: Vec<String> = letters(test).await.into_iter().map(|letter| letter.to_address).collect();
        assert_eq!((to.len(), to.contains(&"wren@example.org".to_owned()), to.contains(&"ash@example.org".to_owned())), (2, true, true), "each once");
        assert!(!annual::is_running(&test.app, &year).await.unwrap());

        test.app.clock.set("2027-02-20T08:00:00Z".parse().unwrap());
        worker::run_schedules(&test.app).await;
        while worker::work_once(&test.app).await.unwrap() > 0 {}
        assert_eq!(letters(test).await.len(), 2, "once for each year");
    }

    async fn statements_of_a_day_long_past_do_not_go_out_by_themselves(punctual: Punctual) {
        let test = &punctual.0;
        give_at(test, "2026-05-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 25_000, "USD")).await;
        test.app.clock.set("2027-04-02T08:00:00Z".parse().unwrap());
        assert!(!annual::begin_when_due(&test.app).await.unwrap());
        test.app.clock.set("2027-03-31T08:00:00Z".parse().unwrap());
        assert!(annual::begin_when_due(&test.app).await.unwrap(), "a program that stood still for two months makes up for it");
    }

    async fn nothing_goes_out_by_itself_unless_it_is_set(kabul: Kabul) {
        let test = &kabul.0;
        give_at(test, "2026-05-01T08:00:00Z", &by("wren@example.org", "Wren Marlow", "", 25_000, "USD")).await;
        test.app.clock.set("2027-02-02T08:00:00Z".parse().unwrap());
        assert!(!annual::begin_when_due(&test.app).await.unwrap());
        test.sign_in_as(entity::words::Role::Finance).await;
        assert!(test.get("/desk/annual-receipts?year=2026").await.body.contains("STATEMENTS_AFTER_DAYS"));
    }

    async fn a_preview_looks_at_the_first_supporters_and_says_that_there_are_more(london: London) {
        let test = &london.0;
        give_at(test, "2026-05-05T10:00:00Z", &by("wren@example.org", "Wren Marlow", "", 10_000, "GBP")).await;
        give_at(test, "2026-05-06T10:00:00Z", &by("ash@example.org", "Ash", "", 20_000, "GBP")).await;
        test.app.clock.set("2027-04-10T12:00:00Z".parse().unwrap());
        let year = annual::year_to_state(&test.app, 2026).unwrap();
        let first = annual::preview(&test.app, &year, 1).await.unwrap();
        assert_eq!(first, Report { issued: 1, is_part: true, ..Report::default() });
        for most in [2, 3, annual::PREVIEWED_MAX] {
            assert_eq!(annual::preview(&test.app, &year, most).await.unwrap(), Report { issued: 2, ..Report::default() }, "{most}");
        }
    }

    async fn the_desk_previews_a_year_and_the_worker_makes_it(london: London) {
        let test = &london.0;
        give_at(test, "2026-04-05T22:59:59Z", &by("wren@example.org", "Wren Marlow", "", 10_000, "GBP")).await;
        give_at(test, "2026-04-05T23:00:00Z", &by("ash@example.org", "Ash", "", 20_000, "GBP")).await;
        test.app.clock.set("2027-04-10T12:00:00Z".parse().unwrap());
        test.sign_in_as(entity::words::Role::Finance).await;
        let page = test.get("/desk/annual-receipts?year=2026").await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(crate::receipts::letters::bare(&page.texts("h1")[0]), "Statements of 2026–27");
        assert_eq!(page.texts("dl.facts dd")[0], "1");
        let sent = test.post("/desk/annual-receipts", &[("year", "2026")]).await;
        assert_eq!(sent.location(), "/desk/annual-receipts?year=2026&done=annual-begun");
        while worker::work_once(&test.app).await.unwrap() > 0 {}
        let all = statements(test).await;
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].1.donor.email.as_str(), all[0].1.year.as_str(), all[0].0.code.as_str()), ("ash@example.org", "2026–27", "R-Y-2026-000001"));
        let page = test.get("/desk/annual-receipts?year=2026").await;
        assert!(page.body.contains("ash@example.org") && page.body.contains("R-Y-2026-000001"), "{}", page.body);
        let path = format!("/desk/annual-receipts/{}", all[0].0.id);
        assert!(test.get(&path).await.body.contains("GBP 200.00"));
        assert!(test.get(&format!("/desk/annual-receipts/{}/print", all[0].0.id)).await.body.contains("This statement is not a Gift Aid declaration."));
        assert_eq!(test.get(&format!("/desk/annual-receipts/{}/pdf", all[0].0.id)).await.status.as_u16(), if pdf::IS_BUILT { 200 } else { 404 });
        assert_eq!(test.post("/desk/annual-receipts", &[("year", "2027")]).await.status, 400, "that year is not over");
        assert_eq!(test.post("/desk/annual-receipts", &[("year", "x")]).await.status, 400);
    }
}

#[test]
fn a_year_beyond_the_calendar_is_none() {
    assert!(TaxYear::beginning_in("us", 0).is_none() && TaxYear::beginning_in("us", 999_999).is_none());
}
