//! Accounting periods: [start, end) in the organisation's zone, closed only when all is explained, never changed after.

use crate::{
    donations::helpers::{balance, number},
    support::{TestApp, TestDatabase, gift, on_both_databases},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    accounting_period, balance_movement, difference, ledger_transaction, stripe_event,
    words::{PeriodState, Role},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, IntoActiveModel};
use wellwisher::{
    error::Error,
    ledger::{
        self, Posting, Purpose,
        periods::{self, Obstacle},
    },
    payments::standin::BalanceRow,
    payouts::{
        self,
        differences::{self, Found, REMAINDER},
    },
    reports::verify,
    staff::Actor,
};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

async fn in_zone(database: TestDatabase, zone: &str) -> TestApp {
    TestApp::with(database, |settings| zone.clone_into(&mut settings.org_timezone)).await
}

async fn make(test: &TestApp, first: &str, last: &str) -> Result<accounting_period::Model, Error> {
    periods::make(&test.app, &Actor::system(), day(first), day(last)).await
}

async fn close(test: &TestApp, period: &accounting_period::Model) -> Result<accounting_period::Model, Error> {
    periods::close(&test.app, &Actor::system(), period.id).await
}

async fn ask_stripe(test: &TestApp) {
    payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.expect("Stripe answers");
}

async fn obstacles(test: &TestApp, period: &accounting_period::Model) -> Vec<Obstacle> {
    periods::obstacles(test.app.db.read(), period, test.app.now()).await.unwrap()
}

/// Posts a gift of one euro that happened then, to a paid donation. Returns when it counts.
async fn post(test: &TestApp, source: &str, happened: DateTime<Utc>) -> DateTime<Utc> {
    let donation = test.give(&gift(500, "EUR")).await;
    let money = entity::Money::new(100, "EUR".parse().unwrap());
    let posting = Posting::gift(source.to_owned(), donation.id, happened, money, Purpose::default()).unwrap();
    let now = test.app.now();
    test.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap();
    test.books_end_broken("a donation was posted twice");
    let all = ledger_transaction::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().find(|one| one.source == source).unwrap().booked_at
}

on_both_databases! {
    async fn a_period_is_its_days_in_the_zone_of_the_organisation(database: TestDatabase) {
        let test = in_zone(database, "Asia/Kabul").await;
        let month = make(&test, "2026-04-01", "2026-04-30").await.unwrap();
        assert_eq!((month.starts_at, month.ends_at), (at("2026-03-31T19:30:00Z"), at("2026-04-30T19:30:00Z")), "half past, as in Kabul");
        assert_eq!((month.timezone.as_str(), month.ends_on), ("Asia/Kabul", day("2026-05-01")));
        let leap = make(&test, "2028-02-29", "2028-02-29").await.unwrap();
        assert_eq!(leap.ends_at - leap.starts_at, TimeDelta::hours(24));
        let year_end = make(&test, "2026-12-01", "2026-12-31").await.unwrap();
        assert_eq!(year_end.ends_at, at("2026-12-31T19:30:00Z"));
    }

    async fn days_of_twenty_three_and_twenty_five_hours_are_days(database: TestDatabase) {
        let test = in_zone(database, "America/St_Johns").await;
        let spring = make(&test, "2026-03-08", "2026-03-08").await.unwrap();
        assert_eq!((spring.starts_at, spring.ends_at - spring.starts_at), (at("2026-03-08T03:30:00Z"), TimeDelta::hours(23)));
        let autumn = make(&test, "2026-11-01", "2026-11-01").await.unwrap();
        assert_eq!((autumn.starts_at, autumn.ends_at - autumn.starts_at), (at("2026-11-01T02:30:00Z"), TimeDelta::hours(25)));
        let between = make(&test, "2026-03-09", "2026-10-31").await.unwrap();
        assert_eq!((between.starts_at, between.ends_at), (spring.ends_at, autumn.starts_at), "they tile the time");
    }

    async fn periods_do_not_overlap_and_are_neither_empty_nor_endless(test: TestApp) {
        make(&test, "2026-03-01", "2026-03-31").await.unwrap();
        for (first, last) in [("2026-03-31", "2026-04-30"), ("2026-02-01", "2026-03-01"), ("2026-03-10", "2026-03-11"), ("2026-01-01", "2026-12-31")] {
            assert!(matches!(make(&test, first, last).await, Err(Error::Conflict(_))), "{first} {last}");
        }
        for (first, last) in [("2026-05-02", "2026-05-01"), ("2026-05-01", "2028-05-01")] {
            assert!(matches!(make(&test, first, last).await, Err(Error::Invalid(_))), "{first} {last}");
        }
        make(&test, "2026-04-01", "2026-04-30").await.unwrap();
        let both = futures_util::future::join(make(&test, "2026-05-01", "2026-05-31"), make(&test, "2026-05-01", "2026-05-31")).await;
        assert!(both.0.is_ok() != both.1.is_ok(), "one of two at the same moment");
        let all = periods::list(test.app.db.read()).await.unwrap();
        assert_eq!(periods::suggest(&all, day("2026-05-01")), (day("2026-06-01"), day("2026-06-30")));
        assert_eq!(periods::suggest(&[], day("2026-03-15")), (day("2026-02-01"), day("2026-02-28")));
    }

    async fn no_moment_is_in_two_periods_or_in_none_when_the_zone_changes(database: TestDatabase) {
        let mut test = in_zone(database, "UTC").await;
        let may = make(&test, "2026-05-01", "2026-05-31").await.unwrap();
        for zone in ["Asia/Kabul", "America/St_Johns"] {
            let org_timezone = zone.parse().unwrap();
            test.app.config = std::sync::Arc::new(wellwisher::config::Config { org_timezone, ..(*test.app.config).clone() });
            let june = make(&test, "2026-06-01", "2026-06-30").await.unwrap();
            assert_eq!(june.starts_at, may.ends_at, "{zone}");
            let april = make(&test, "2026-04-01", "2026-04-30").await.unwrap();
            assert_eq!(april.ends_at, may.starts_at, "{zone}");
            for period in [june, april] {
                periods::remove(&test.app, &Actor::system(), period.id).await.unwrap();
            }
        }
    }

    async fn the_last_moment_of_a_year_is_in_it_and_the_next_is_not(database: TestDatabase) {
        let test = in_zone(database, "Asia/Kabul").await;
        let year = make(&test, "2025-01-01", "2025-12-31").await.unwrap();
        post(&test, "pi_in:capture", at("2025-12-31T19:29:59.999999Z")).await;
        post(&test, "pi_out:capture", at("2025-12-31T19:30:00Z")).await;
        let held = periods::control(test.app.db.read(), year.starts_at, year.ends_at).await.unwrap();
        assert_eq!(held.entries, 2, "the two sides of one gift");
    }

    async fn what_is_heard_of_late_counts_in_the_first_open_moment(database: TestDatabase) {
        let test = in_zone(database, "Asia/Kabul").await;
        let march = make(&test, "2026-03-01", "2026-03-31").await.unwrap();
        let april = make(&test, "2026-04-01", "2026-04-30").await.unwrap();
        test.app.clock.set(at("2026-05-02T00:00:00Z"));
        let noon = at("2026-03-10T12:00:00Z");
        assert_eq!(post(&test, "pi_a:capture", noon).await, noon);
        ask_stripe(&test).await;
        let closed = close(&test, &march).await.unwrap();
        assert_eq!((closed.state, closed.entries, closed.control_hash.len()), (PeriodState::Closed, 2, 64));
        assert_eq!(post(&test, "pi_b:capture", noon).await, april.starts_at, "its own month is closed");
        ask_stripe(&test).await;
        close(&test, &april).await.unwrap();
        assert_eq!(post(&test, "pi_c:capture", noon).await, april.ends_at, "both are closed");
        let unchanged = periods::control(test.app.db.read(), march.starts_at, march.ends_at).await.unwrap();
        assert_eq!((unchanged.entries, unchanged.hash), (2, closed.control_hash));
        assert!(matches!(close(&test, &march).await, Err(Error::Conflict(_))));
        assert!(matches!(periods::remove(&test.app, &Actor::system(), march.id).await, Err(Error::Conflict(_))));
    }

    async fn a_period_is_closed_only_when_everything_in_it_is_explained(test: TestApp) {
        let may = make(&test, "2026-05-01", "2026-05-31").await.unwrap();
        let given = test.give(&gift(5_000, "EUR")).await;
        let standin = &test.stripe.standin;
        let money = |minor| entity::Money::new(minor, "EUR".parse().unwrap());
        let txn = standin.book(&BalanceRow { kind: "adjustment", category: "something_new", gross: money(-50), fee: 0 });
        assert_eq!(obstacles(&test, &may).await, [Obstacle::NotOver]);
        ask_stripe(&test).await;
        test.app.clock.set(at("2026-05-31T10:00:00Z"));
        let payout = standin.pay_out().remove(0);
        test.app.clock.set(at("2026-06-01T12:00:00Z"));
        assert_eq!(obstacles(&test, &may).await, [Obstacle::NotAsked, Obstacle::Unmapped(1)]);
        ask_stripe(&test).await;
        assert_eq!(obstacles(&test, &may).await, [Obstacle::Unmapped(1), Obstacle::NotItemised(1)]);
        assert!(matches!(close(&test, &may).await, Err(Error::Conflict(_))));
        payouts::map_movement(&test.app, &Actor::system(), &txn, entity::words::BalanceMapping::StripeFee, "looked it up").await.unwrap();
        standin.complete_payout(&payout);
        let event = stripe_event::ActiveModel {
            id: Set("evt_odd".into()), event_type: Set("charge.succeeded".into()), api_version: Set(String::new()), livemode: Set(false),
            object_id: Set("ch_odd".into()), donation_id: Set(None), payload: Set("{}".into()), received_at: Set(at("2026-05-20T00:00:00Z")),
            outcome: Set("refused: it does not fit".into()), settled_at: Set(None), stripped_at: Set(None),
        };
        test.app.db.write(async |tx| Ok(stripe_event::Entity::insert(event.clone()).exec_without_returning(tx).await.map(|_| ())?)).await.unwrap();
        ask_stripe(&test).await;
        assert_eq!(obstacles(&test, &may).await, [Obstacle::Events(1)]);
        let told = difference::Entity::find().all(test.app.db.read()).await.unwrap();
        let told = told.into_iter().find(|one| one.kind == "event").expect("a refused event is a difference");
        payouts::differences::settle_by_hand(&test.app, &Actor::system(), told.id, "another shop's").await.unwrap();
        assert_eq!(obstacles(&test, &may).await, []);
        let closed = close(&test, &may).await.unwrap();
        assert!(closed.entries > 6, "{closed:?}");
        test.sign_in_as(Role::Finance).await;
        let told = test.get(&format!("/desk/donations/{}", given.id)).await.texts("main").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(told.contains("The accounting period from 1 May 2026 until 31 May 2026, in which it counts, was closed"), "its last day: {told}");
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
    }

    async fn a_period_waits_until_recurring_gifts_and_every_list_were_asked_for(test: TestApp) {
        let may = make(&test, "2026-05-01", "2026-05-31").await.unwrap();
        crate::recurring::helpers::begin(&test, "monthly", crate::recurring::helpers::GOOD_CARD).await;
        test.app.clock.set(at("2026-06-01T00:30:00Z"));
        ask_stripe(&test).await;
        assert_eq!(obstacles(&test, &may).await, [Obstacle::NotAsked], "a renewal may have been missed");
        payouts::keeping::recurring_and_keep(&test.app, TimeDelta::days(35), true).await.expect("Stripe answers");
        assert_eq!(obstacles(&test, &may).await, []);
        let note = async |object: &'static str, done: Option<&'static str>| {
            let found = Found { kind: differences::UNLISTED, object, detail: "the key lacks a right", done };
            test.app.db.write(async |tx| differences::note(tx, found, test.app.now()).await).await.unwrap();
        };
        note("balance", None).await;
        assert_eq!(obstacles(&test, &may).await, [], "what Stripe holds is no list");
        note("refunds", None).await;
        assert_eq!(obstacles(&test, &may).await, [Obstacle::Unlisted(1)]);
        assert!(matches!(close(&test, &may).await, Err(Error::Conflict(_))));
        note("refunds", Some("given again")).await;
        close(&test, &may).await.unwrap();
    }

    async fn what_is_not_explained_read_or_posted_keeps_its_period_open_whatever_somebody_says_of_it(test: TestApp) {
        let may = make(&test, "2026-05-01", "2026-05-31").await.unwrap();
        test.give(&gift(5_000, "EUR")).await;
        test.app.clock.set(at("2026-05-31T10:00:00Z"));
        let payout = test.stripe.standin.pay_out().remove(0);
        test.stripe.standin.complete_payout(&payout);
        test.app.clock.set(at("2026-06-01T12:00:00Z"));
        ask_stripe(&test).await;
        assert_eq!(obstacles(&test, &may).await, []);
        let change = async |sql: &'static str| test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap();
        change("update payout set amount_minor = amount_minor + 7").await;
        assert_eq!(obstacles(&test, &may).await, [Obstacle::Remainder(1)]);
        let payout = payout.as_str();
        test.app.db.write(async |tx| {
            let found = Found { kind: REMAINDER, object: payout, detail: "0.07 EUR", done: None };
            differences::note(tx, found, test.app.now()).await
        }).await.unwrap();
        let told = difference::Entity::find().all(test.app.db.read()).await.unwrap().into_iter().find(|one| one.kind == REMAINDER).unwrap();
        differences::settle_by_hand(&test.app, &Actor::system(), told.id, "we looked").await.unwrap();
        assert_eq!(obstacles(&test, &may).await, [Obstacle::Remainder(1)], "a word explains no money");
        assert!(matches!(close(&test, &may).await, Err(Error::Conflict(_))));
        change("update payout set amount_minor = amount_minor - 7").await;
        let known = balance_movement::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        let odd = balance_movement::Model { id: "txn_odd".into(), payout_id: None, source_id: "ch_odd".into(), ..known };
        let odd = odd.into_active_model();
        test.app.db.write(async |tx| Ok(balance_movement::Entity::insert(odd.clone()).exec_without_returning(tx).await.map(|_| ())?)).await.unwrap();
        assert_eq!(obstacles(&test, &may).await, [Obstacle::NotPosted(1)]);
        differences::note_unread(&test.app, differences::UNREAD_MOVEMENT, &["txn_strange".to_owned()]).await.unwrap();
        assert_eq!(obstacles(&test, &may).await, [Obstacle::Unread(1), Obstacle::NotPosted(1)]);
        assert!(matches!(close(&test, &may).await, Err(Error::Conflict(_))));
    }

    async fn closing_and_posting_at_the_same_moment_leave_the_period_as_it_was_closed(test: TestApp) {
        test.books_end_broken("postings were written into the ledger alone");
        let april = make(&test, "2026-04-01", "2026-04-30").await.unwrap();
        let donation = test.give(&gift(500, "EUR")).await;
        ask_stripe(&test).await;
        let posts = (0..12).map(|number| {
            let app = test.app.clone();
            tokio::spawn(async move {
                let happened = at("2026-04-10T00:00:00Z");
                let money = entity::Money::new(100, "EUR".parse().unwrap());
                let posting = Posting::gift(format!("pi_{number}:capture"), donation.id, happened, money, Purpose::default()).unwrap();
                let now = app.now();
                app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap();
            })
        });
        let posts = posts.collect::<Vec<_>>();
        let closing = {
            let (app, id) = (test.app.clone(), april.id);
            tokio::spawn(async move { periods::close(&app, &Actor::system(), id).await.unwrap() })
        };
        let closed = closing.await.unwrap();
        for one in posts {
            one.await.unwrap();
        }
        let held = periods::control(test.app.db.read(), april.starts_at, april.ends_at).await.unwrap();
        assert_eq!((held.entries, held.hash), (closed.entries, closed.control_hash));
        let after = number(&test.app, "select count(*) as n from ledger_transaction where source like 'pi_%:capture'").await;
        assert_eq!(after, 13, "none was lost: those too late count later");
    }

    async fn opening_again_needs_a_reason_and_is_kept_in_the_trail(test: TestApp) {
        let april = make(&test, "2026-04-01", "2026-04-30").await.unwrap();
        let closed = close(&test, &april).await.unwrap();
        for reason in ["", "  "] {
            assert!(matches!(periods::reopen(&test.app, &Actor::system(), april.id, reason).await, Err(Error::Invalid(_))));
        }
        periods::reopen(&test.app, &Actor::system(), april.id, "a bill came late").await.unwrap();
        let open = periods::find(test.app.db.read(), april.id).await.unwrap().unwrap();
        assert_eq!((open.state, open.entries, open.control_hash.as_str(), open.closed_at), (PeriodState::Open, 0, "", None));
        let trail = entity::audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        let entry = trail.iter().find(|entry| entry.action == "period.reopen").expect("an entry");
        assert!(entry.detail.contains("a bill came late") && entry.detail.contains(&closed.control_hash), "{}", entry.detail);
        let noon = at("2026-04-10T12:00:00Z");
        assert_eq!(post(&test, "pi_a:capture", noon).await, noon);
        periods::remove(&test.app, &Actor::system(), april.id).await.unwrap();
        assert!(periods::list(test.app.db.read()).await.unwrap().is_empty());
        assert_eq!(balance(&test.app, "donations", "EUR").await, -600);
    }

    async fn finance_makes_closes_and_opens_periods_at_the_desk(test: TestApp) {
        test.app.clock.set(at("2026-05-10T09:00:00Z"));
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/periods").await;
        assert_eq!(page.attribute("#first", "value").as_deref(), Some("2026-04-01"), "the last whole month is offered");
        for (first, last, wrong) in [("", "2026-04-30", "#first"), ("2026-04-01", "30.4.", "#last"), ("2026-04-30", "2026-04-01", "#last")] {
            let answer = test.post("/desk/periods", &[("first", first), ("last", last)]).await;
            assert_eq!(answer.status, 422);
            assert_eq!(answer.attribute(".error-summary a", "href").as_deref(), Some(wrong));
            assert_eq!(answer.attribute("#last", "value").as_deref(), Some(last), "what was typed is kept");
        }
        assert_eq!(test.post("/desk/periods", &[("first", "2026-04-01"), ("last", "2026-04-30")]).await.status, 303);
        assert_eq!(test.post("/desk/periods", &[("first", "2026-05-01"), ("last", "2026-05-31")]).await.status, 303);
        let list = test.get("/desk/periods").await;
        assert_eq!(list.texts("tbody tr").len(), 2);
        let periods = periods::list(test.app.db.read()).await.unwrap();
        let (may_id, april_id) = (periods[0].id, periods[1].id);
        let (may, april) = (format!("/desk/periods/{may_id}"), format!("/desk/periods/{april_id}"));
        assert!(test.get(&may).await.texts(".obstacles li")[0].contains("not over"));
        assert_eq!(test.post(&format!("/desk/periods/{may_id}/close"), &[]).await.status, 409);
        let answer = test.post(&format!("/desk/periods/{april_id}/close"), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("{april}?done=period-closed").as_str()));
        let page = test.get(&april).await;
        assert_eq!(page.texts("dd code")[0].len(), 64);
        assert_eq!(test.post(&format!("/desk/periods/{april_id}/reopen"), &[("reason", "")]).await.status, 422);
        let answer = test.post(&format!("/desk/periods/{april_id}/reopen"), &[("reason", "a bill came late")]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("{april}?done=period-reopened").as_str()));
        assert_eq!(test.post(&format!("/desk/periods/{may_id}/remove"), &[]).await.location(), "/desk/periods?done=saved");
        assert_eq!(test.get(&may).await.status, 404);
    }
}
