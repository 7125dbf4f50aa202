//! Bank transfers that supporters announce: offered only where the bank details are set, waited for, matched once.

use super::helpers::*;
use crate::support::{Answer, TestApp, gift, hand_gift, on_both_databases};
use chrono::TimeDelta;
use entity::{
    donation, letter,
    words::{DonationSource, DonationStatus, LetterKind, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{
    asks::Gift,
    clock::sha256_hex,
    donations::{
        self,
        by_hand::{self, HandGift, RecordProblem, transfers},
    },
    error::Error,
    ledger, reports, router,
    staff::Actor,
};

/// The same Wellwisher with a bank account.
fn with_bank(mut app: TestApp) -> TestApp {
    let details = vec!["Account: Women’s Voice".to_owned(), "IBAN: DE00 1234 5678".to_owned()];
    app.app.config = std::sync::Arc::new(wellwisher::config::Config { org_bank_details: details, ..(*app.app.config).clone() });
    app.router = router::build(app.app.clone()).expect("the routes fit");
    app
}

async fn announce(app: &TestApp, typed: &Typed) -> Answer {
    let fields: Vec<(&str, &str)> = typed.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.post("/donations/transfer", &fields).await
}

async fn assert_books(app: &TestApp) {
    let report = reports::verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

on_both_databases! {
    async fn a_transfer_is_announced_waited_for_and_matched(app: TestApp) {
        let app = with_bank(app);
        let campaign = new_campaign(&app.app).await;
        let typed = fill(&app, "campaign=schools").await.with("currency", "EUR").with("cover_fee", "yes");
        let answer = announce(&app, &typed).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(announce(&app, &typed).await.location(), answer.location(), "the same form again is the same gift");
        let gift = the_donation(&app.app).await;
        assert_eq!((gift.status, gift.source, gift.amount_minor, gift.fee_cover_minor), (DonationStatus::Pending, DonationSource::Manual, 2_500, 0));
        let page = app.get(answer.location()).await;
        for shown in ["IBAN: DE00 1234 5678", gift.reference.as_str(), "We are waiting for your bank transfer", "2026-06-30"] {
            let shown_day = shown == "2026-06-30";
            assert!(page.body.contains(shown) || shown_day && page.body.contains("30 June 2026"), "{shown}: {}", page.body);
        }
        assert!(!page.body.contains("http-equiv=\"refresh\"") && !page.body.contains("Zarmina"), "{}", page.body);
        assert!(balances(&app.app).await.is_empty(), "nothing is promised before it is paid");
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (0, 1), "a letter that says how to pay");

        app.app.clock.advance(TimeDelta::days(4));
        app.sign_in_as(Role::Finance).await;
        let found = gift.reference.to_lowercase();
        for (query, rows) in [("".to_owned(), 1), (found[2..8].to_owned(), 1), ("25.00".to_owned(), 1), ("26".to_owned(), 0), (format!("ww-{}", &found[2..]), 1)] {
            let list = app.get(&format!("/desk/donations/transfers?q={query}")).await;
            assert_eq!(list.texts("tbody tr").len(), rows, "{query}: {}", list.body);
        }
        let path = format!("/desk/donations/{}/transfer", gift.id);
        assert!(app.get(&path).await.body.contains(&gift.reference));
        for (day, amount) in [("2026-06-30", "25"), ("", "25"), ("2026-05-04", "x")] {
            assert_eq!(app.post(&path, &[("given_on", day), ("amount", amount)]).await.status, 422, "{day} {amount}");
        }
        let matched = app.post(&path, &[("given_on", "2026-05-04"), ("amount", "25"), ("statement", "line 7")]).await;
        assert_eq!(matched.location(), format!("/desk/donations/{}?done=transfer-matched", gift.id), "{}", matched.body);
        let paid = the_donation(&app.app).await;
        assert_eq!((paid.status, paid.paid_at.unwrap().to_rfc3339()), (DonationStatus::Paid, "2026-05-04T12:00:00+00:00".to_owned()));
        assert_eq!((balance(&app.app, "bank", "EUR").await, balance(&app.app, "donations", "EUR").await), (2_500, -2_500));
        assert_eq!(ledger::raised(app.app.db.read(), &[campaign]).await.unwrap()[0].money.minor, 2_500);
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (1, 2));
        assert_eq!(app.post(&path, &[("given_on", "2026-05-04"), ("amount", "25")]).await.status, 409, "once is enough");
        assert!(app.get(answer.location()).await.body.contains("R-2026-000001"));
        assert_books(&app).await;
    }

    async fn a_form_of_an_earlier_version_announces_the_same_transfer_when_it_is_sent_again(app: TestApp) {
        let app = with_bank(app);
        let asked = Gift { form_token: String::new(), ..gift(2_500, "EUR") };
        transfers::announce(&app.app, &Gift { form_token: "form-of-before".into(), ..asked.clone() }).await.unwrap();
        // Of a version that knew of no discreet letters.
        let before = format!("{asked:?}").replace("discreet: false, ", "");
        assert!(before.starts_with("Gift { form_token: \"\", money: ") && !before.contains("discreet"), "{before}");
        assert_eq!(the_donation(&app.app).await.request_hash, sha256_hex(&format!("transfer|EUR 25.00|{before}")));
    }

    async fn what_does_not_come_expires_and_is_still_found_when_it_comes_late(app: TestApp) {
        let app = with_bank(app);
        announce(&app, &fill(&app, "").await.with("currency", "EUR")).await;
        let gift = the_donation(&app.app).await;
        app.app.clock.advance(TimeDelta::days(59));
        donations::sweep(&app.app).await.unwrap();
        assert_eq!(status(&app.app).await, DonationStatus::Pending);
        app.app.clock.advance(TimeDelta::days(2));
        donations::sweep(&app.app).await.unwrap();
        assert_eq!(status(&app.app).await, DonationStatus::Expired);
        assert_eq!(transfers::list(&app.app, &transfers::Search::of(&app.app, ""), None).await.unwrap().rows.len(), 0);
        let found = transfers::list(&app.app, &transfers::Search::of(&app.app, &gift.reference), None).await.unwrap();
        assert_eq!(found.rows.len(), 1);
        let eur = |minor| entity::Money::new(minor, "EUR".parse().unwrap());
        let arrived = transfers::Arrived { on: app.app.today(), money: eur(2_350), statement: String::new() };
        transfers::match_transfer(&app.app, &Actor::system(), gift.id, &arrived).await.unwrap();
        let paid = the_donation(&app.app).await;
        assert_eq!((paid.status, paid.amount_minor), (DonationStatus::Paid, 2_350), "what came counts, not what was announced");
        assert_eq!(balance(&app.app, "bank", "EUR").await, 2_350);
        assert_books(&app).await;
    }

    async fn an_item_is_held_for_some_days_and_paid_at_its_price_only(app: TestApp) {
        let app = with_bank(app);
        let item = new_item(&app.app, 1, None).await;
        assert_eq!(announce(&app, &fill(&app, "item=bag").await).await.status, 303);
        let gift = the_donation(&app.app).await;
        assert_eq!(gift.wish_item_id, Some(item));
        let second = announce(&app, &fill(&app, "").await.with("item", "bag").with("quantity", "1")).await;
        assert_eq!(second.status, 409, "the last one is taken: {}", second.body);
        let eur = |minor| entity::Money::new(minor, "EUR".parse().unwrap());
        let less = transfers::Arrived { on: app.app.today(), money: eur(2_000), statement: String::new() };
        assert!(matches!(transfers::match_transfer(&app.app, &Actor::system(), gift.id, &less).await, Err(Error::Conflict(_))));
        app.app.clock.advance(TimeDelta::days(8));
        donations::sweep(&app.app).await.unwrap();
        let stock = wellwisher::wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item];
        assert_eq!(stock.left, 1, "it is not kept from others for ever");
        let whole = transfers::Arrived { on: app.app.today(), money: eur(2_500), statement: String::new() };
        transfers::match_transfer(&app.app, &Actor::system(), gift.id, &whole).await.unwrap();
        let stock = wellwisher::wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item];
        assert_eq!((stock.paid, stock.left), (1, 0), "it was still to be had");
        assert_books(&app).await;
    }

    async fn who_announces_gets_a_letter_with_the_code_and_how_to_pay(app: TestApp) {
        let app = with_bank(app);
        for (language, dir, said) in [("en", "ltr", "write the code"), ("fa-AF", "rtl", "به حیث مرجع"), ("ps", "rtl", "د حوالې په توګه")] {
            let typed = fill(&app, "").await.with("currency", "EUR").with("language", language).with("email", &format!("{language}@example.org"));
            let typed = if dir == "rtl" { typed.with("discreet", "yes") } else { typed };
            assert_eq!(announce(&app, &typed).await.status, 303);
            let letters = letter::Entity::find().filter(letter::Column::Language.eq(language)).all(app.app.db.read()).await.unwrap();
            let [letter] = letters.as_slice() else { panic!("one letter in {language}: {letters:?}") };
            let gift = donation::Entity::find_by_id(letter.donation_id.unwrap()).one(app.app.db.read()).await.unwrap().unwrap();
            assert_eq!((letter.kind, letter.to_address.as_str()), (LetterKind::TransferAnnounced, &*format!("{}@example.org", language.to_lowercase())));
            assert_eq!(letter.discreet, dir == "rtl", "as the form's box says");
            assert!(!letter.subject.contains(&gift.reference) && !letter.to_name.contains("Zarmina"), "{letter:?}");
            for part in [&letter.text_body, &letter.html_body] {
                for shown in ["IBAN: DE00 1234 5678", gift.reference.as_str(), said, "/donations/"] {
                    assert!(part.contains(shown), "{shown}: {part}");
                }
                assert!(!part.contains("Zarmina"), "anybody can type anybody's name: {part}");
            }
            assert!(letter.text_body.lines().any(|line| line == gift.reference), "the code can be copied: {}", letter.text_body);
            assert!(letter.html_body.contains(&format!("lang=\"{language}\" dir=\"{dir}\"")), "{}", letter.html_body);
        }
    }

    async fn nobody_is_flooded_with_letters_by_who_types_her_address(app: TestApp) {
        let app = with_bank(app);
        for _ in 0..5 {
            let typed = fill(&app, "").await.with("currency", "EUR").with("email", "rosa@example.org");
            assert_eq!(announce(&app, &typed).await.status, 303);
        }
        assert_eq!((count(&app.app, "donation").await, count(&app.app, "letter").await), (5, 3));
    }

    async fn two_who_match_one_transfer_at_once_match_it_once(app: TestApp) {
        let app = with_bank(app);
        announce(&app, &fill(&app, "").await.with("currency", "EUR")).await;
        let gift = the_donation(&app.app).await;
        let eur = |minor| entity::Money::new(minor, "EUR".parse().unwrap());
        let arrived = transfers::Arrived { on: app.app.today(), money: eur(2_500), statement: String::new() };
        let other = transfers::Arrived { money: eur(2_400), ..arrived.clone() };
        let actor = Actor::system();
        let (one, two) = tokio::join!(
            transfers::match_transfer(&app.app, &actor, gift.id, &arrived),
            transfers::match_transfer(&app.app, &actor, gift.id, &other),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert!(matches!(one.and(two), Err(Error::Conflict(why)) if why.contains("matched it already")));
        let paid = the_donation(&app.app).await;
        assert_eq!(balance(&app.app, "bank", "EUR").await, paid.amount_minor);
        assert_eq!(count(&app.app, "receipt").await, 1);
        assert_books(&app).await;
    }

    async fn an_announced_transfer_is_not_entered_by_hand_beside_it(app: TestApp) {
        let app = with_bank(app);
        announce(&app, &fill(&app, "").await.with("currency", "EUR")).await;
        let announced = the_donation(&app.app).await;
        let code = announced.reference.to_lowercase();
        let by_hand = HandGift { reference: format!("SEPA {} {} thanks", &code[..5], &code[5..]), ..hand_gift(&app, 2_500, "EUR") };
        let refused = by_hand::record(&app.app, &Actor::system(), &by_hand).await;
        assert!(matches!(&refused, Err(RecordProblem::IsAnnounced(id)) if *id == announced.id), "{refused:?}");
        let meant = HandGift { is_another: true, ..by_hand };
        by_hand::record(&app.app, &Actor::system(), &meant).await.expect("staff know better");
        assert_eq!(count(&app.app, "donation").await, 2);
    }

    async fn without_bank_details_nothing_is_offered(app: TestApp) {
        assert!(!app.get("/donate").await.body.contains("/donations/transfer"));
        assert_eq!(announce(&app, &fill(&app, "").await).await.status, 404);
        assert_eq!(count(&app.app, "donation").await, 0);
        let app = with_bank(app);
        let page = app.get("/donate").await;
        assert_eq!(page.attribute("button[formaction]", "formaction").as_deref(), Some("/donations/transfer"));
        let wrong = announce(&app, &fill(&app, "").await.with("email", "nobody")).await;
        assert_eq!(wrong.status, 422, "the same checks as for the checkout");
    }

    async fn who_may_match(app: TestApp) {
        let app = with_bank(app);
        announce(&app, &fill(&app, "").await).await;
        let id = the_donation(&app.app).await.id;
        let money = &[Role::Admin, Role::Finance][..];
        let (see, back) = (format!("GET /desk/donations/{id}/transfer"), format!("POST /desk/donations/{id}/transfer"));
        app.assert_open_only_to(&[("GET /desk/donations/transfers", money), (&see, money), (&back, money)]).await;
    }
}
