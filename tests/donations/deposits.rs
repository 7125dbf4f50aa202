//! Deposits: cash and cheques become one line of the bank statement, once, and a mistake is taken back.

use super::helpers::*;
use crate::support::{TestApp, hand_gift, on_both_databases};
use entity::{
    deposit,
    ids::{DepositId, DonationId},
    words::Role,
};
use sea_orm::EntityTrait;
use wellwisher::{
    donations::by_hand::{
        self, HandGift,
        deposits::{self, NewDeposit},
    },
    error::Error,
    ledger::periods,
    reports,
    staff::Actor,
};

async fn assert_books(app: &TestApp) {
    let report = reports::verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

async fn put_in(app: &TestApp, gifts: &[DonationId]) -> Result<DepositId, Error> {
    let new = NewDeposit { gifts: gifts.to_vec(), on: app.app.today(), reference: "Slip 7".into() };
    deposits::record(&app.app, &Actor::system(), &new).await
}

async fn balances_of(app: &TestApp, currency: &str) -> (i64, i64, i64) {
    (
        balance(&app.app, "undeposited", currency).await,
        balance(&app.app, "bank", currency).await,
        balance(&app.app, "donations", currency).await,
    )
}

async fn waiting(app: &TestApp) -> usize {
    deposits::list_waiting(app.app.db.read(), None).await.unwrap().rows.len()
}

on_both_databases! {
    async fn several_gifts_become_one_line_of_the_bank_statement(app: TestApp) {
        let (one, two) = (app.enter(&hand_gift(&app, 1_000, "EUR")).await.id, app.enter(&hand_gift(&app, 2_050, "EUR")).await.id);
        let left = app.enter(&hand_gift(&app, 700, "EUR")).await.id;
        app.enter(&HandGift { account: entity::words::Account::Bank, ..hand_gift(&app, 900, "EUR") }).await;
        app.sign_in_as(Role::Finance).await;
        let page = app.get("/desk/donations/deposits").await;
        assert_eq!(page.texts("fieldset tbody tr").len(), 3, "what is at the bank waits for nothing: {}", page.body);
        let (first, second) = (one.to_string(), two.to_string());
        for (day, gifts, said) in [("2026-05-02", vec![], "not come yet"), ("2026-05-01", vec![], "Choose the gifts"), ("2026-04-30", vec![first.as_str()], "given after that day")] {
            let mut fields = vec![("given_on", day), ("reference", "Slip 7")];
            fields.extend(gifts.iter().map(|gift| ("gift", *gift)));
            let answer = app.post("/desk/donations/deposits", &fields).await;
            assert_eq!(answer.status, 422, "{said}: {}", answer.body);
            assert!(answer.texts(".error-summary").join(" ").contains(said) && answer.body.contains("Slip 7"), "{said}: {}", answer.body);
        }
        let fields = [("given_on", "2026-05-01"), ("reference", "Slip 7"), ("gift", first.as_str()), ("gift", second.as_str())];
        let answer = app.post("/desk/donations/deposits", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(balances_of(&app, "EUR").await, (700, 3_950, -4_650), "what was given stays what it was");
        assert_eq!(app.post("/desk/donations/deposits", &fields).await.location(), answer.location(), "the same form again is the same deposit");
        assert_eq!((count(&app.app, "deposit").await, waiting(&app).await), (1, 1));
        let shown = app.get(answer.location()).await;
        assert!(shown.body.contains("Slip 7") && shown.body.contains("30.50") && shown.texts("tbody tr").len() == 2, "{}", shown.body);
        let mixed = put_in(&app, &[two, left]).await;
        assert!(matches!(mixed, Err(Error::Conflict(why)) if why.contains("not waiting any more")));
        let story = app.get(&format!("/desk/donations/{one}")).await;
        assert!(story.body.contains("Taken to the bank"), "{}", story.body);
        assert_books(&app).await;
    }

    async fn a_deposit_is_of_one_currency_and_of_gifts_by_hand(app: TestApp) {
        let (euros, yen) = (app.enter(&hand_gift(&app, 1_000, "EUR")).await.id, app.enter(&hand_gift(&app, 5_000, "JPY")).await.id);
        assert!(matches!(put_in(&app, &[euros, yen]).await, Err(Error::Invalid(why)) if why.contains("several currencies")));
        paid_session(&app, "").await;
        catch_up(&app).await;
        let of_stripe = donations(&app.app).await.into_iter().find(|gift| gift.checkout_session_id.is_some()).unwrap().id;
        assert!(matches!(put_in(&app, &[of_stripe]).await, Err(Error::Conflict(_))));
        assert!(matches!(put_in(&app, &[]).await, Err(Error::Invalid(_))));
        put_in(&app, &[yen, yen]).await.expect("the same gift twice is one");
        assert_eq!(balances_of(&app, "JPY").await, (0, 5_000, -5_000));
        assert_books(&app).await;
    }

    async fn two_who_deposit_the_same_gifts_at_once_deposit_them_once(app: TestApp) {
        let mut gifts = Vec::new();
        for minor in [1_000, 2_000, 3_000] {
            gifts.push(app.enter(&hand_gift(&app, minor, "EUR")).await.id);
        }
        let (some, others) = (&gifts[..2], &gifts[1..]);
        let (one, two) = tokio::join!(put_in(&app, some), put_in(&app, others));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!(count(&app.app, "deposit").await, 1);
        assert_books(&app).await;
    }

    async fn a_deposit_recorded_wrongly_is_taken_back_and_its_gifts_wait_again(app: TestApp) {
        let gift = app.enter(&hand_gift(&app, 1_000, "EUR")).await.id;
        let id = put_in(&app, &[gift]).await.unwrap();
        app.sign_in_as(Role::Finance).await;
        let path = format!("/desk/donations/deposits/{id}/reverse");
        assert_eq!(app.post(&path, &[("reason", " ")]).await.status, 422);
        assert_eq!(app.post(&path, &[("reason", "the wrong day")]).await.status, 303);
        assert_eq!(balances_of(&app, "EUR").await, (1_000, 0, -1_000));
        assert_eq!(app.post(&path, &[("reason", "again")]).await.status, 409);
        assert_eq!(waiting(&app).await, 1);
        assert_books(&app).await;
        let again = put_in(&app, &[gift]).await.unwrap();
        assert_ne!(again, id);
        assert_eq!(balances_of(&app, "EUR").await, (0, 1_000, -1_000));
        assert!(app.get(&format!("/desk/donations/deposits/{id}")).await.body.contains("the wrong day"));
        for change in ["update deposit set amount_minor = 1", "delete from deposit", "delete from deposit_gift"] {
            use sea_orm::ConnectionTrait;
            assert!(app.app.db.write(async |tx| Ok(tx.execute_unprepared(change).await?)).await.is_err(), "{change}");
        }
        assert_books(&app).await;
    }

    async fn a_cheque_that_bounced_leaves_the_rest_of_its_deposit(app: TestApp) {
        let (good, bad) = (app.enter(&hand_gift(&app, 1_000, "EUR")).await.id, app.enter(&hand_gift(&app, 2_000, "EUR")).await.id);
        let id = put_in(&app, &[good, bad]).await.unwrap();
        by_hand::reverse(&app.app, &Actor::system(), bad, "the cheque bounced").await.unwrap();
        assert_eq!(balances_of(&app, "EUR").await, (0, 1_000, -1_000), "the bank took back that one");
        assert!(by_hand::reverse(&app.app, &Actor::system(), bad, "again").await.unwrap().already);
        let refused = deposits::reverse(&app.app, &Actor::system(), id, "no").await;
        assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("taken back since")));
        assert_eq!(waiting(&app).await, 0);
        assert_eq!(balances_of(&app, "EUR").await, (0, 1_000, -1_000));
        assert_books(&app).await;
    }

    async fn a_deposit_of_a_closed_period_counts_later_and_closing_needs_none(app: TestApp) {
        let day = |text: &str| text.parse().unwrap();
        let gift = HandGift { given_on: day("2026-04-29"), ..hand_gift(&app, 1_000, "EUR") };
        let gift = app.enter(&gift).await.id;
        let period = periods::make(&app.app, &Actor::system(), day("2026-04-01"), day("2026-04-30")).await.unwrap();
        periods::close(&app.app, &Actor::system(), period.id).await.expect("what waits to be deposited keeps no period open");
        let new = NewDeposit { gifts: vec![gift], on: day("2026-04-30"), reference: String::new() };
        let id = deposits::record(&app.app, &Actor::system(), &new).await.unwrap();
        let source = deposit::Entity::find_by_id(id).one(app.app.db.read()).await.unwrap().unwrap().source;
        let (head, _) = wellwisher::ledger::find_by_source(app.app.db.read(), &source).await.unwrap().unwrap();
        assert_eq!((head.occurred_at.date_naive(), head.booked_at.to_rfc3339()), (day("2026-04-30"), "2026-05-01T00:00:00+00:00".to_owned()));
        assert_books(&app).await;
    }

    async fn who_may_deposit(app: TestApp) {
        let gift = app.enter(&hand_gift(&app, 1_000, "EUR")).await.id;
        let id = put_in(&app, &[gift]).await.unwrap();
        let money = &[Role::Admin, Role::Finance][..];
        let (see, back) = (format!("GET /desk/donations/deposits/{id}"), format!("POST /desk/donations/deposits/{id}/reverse"));
        app.assert_open_only_to(&[("GET /desk/donations/deposits", money), ("POST /desk/donations/deposits", money), (&see, money), (&back, money)]).await;
    }
}
