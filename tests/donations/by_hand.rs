//! Gifts by hand: entered once, on their day, in the books, and taken back by a reversing entry only.

use super::helpers::*;
use crate::support::{Answer, TestApp, hand_gift, on_both_databases};
use chrono::{NaiveDate, TimeDelta};
use entity::{
    audit_entry, donation, letter, receipt, supporter,
    words::{DonationSource, DonationStatus, LetterState, ReceiptStatus, Role},
};
use sea_orm::{EntityTrait, QueryOrder};
use wellwisher::{
    donations::{
        by_hand::{self, RecordProblem},
        care,
    },
    error::Error,
    ledger::{self, periods},
    receipts::Elsewhere,
    reports,
    staff::Actor,
};

async fn fields(app: &TestApp) -> Vec<(&'static str, String)> {
    let page = app.get("/desk/donations/new").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let token = page.attribute("input[name=form_token]", "value").expect("a token");
    vec![
        ("form_token", token),
        ("method", "cheque".into()),
        ("amount", "120.50".into()),
        ("currency", "gbp".into()),
        ("given_on", "2026-04-30".into()),
        ("reference", "Cheque 004711".into()),
        ("name", "Rosa Giver".into()),
        ("email", "Rosa@Example.org".into()),
        ("language", "en".into()),
        ("quantity", "1".into()),
        ("letter", "yes".into()),
    ]
}

async fn send(app: &TestApp, fields: &[(&'static str, String)], other: &[(&'static str, &str)]) -> Answer {
    let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (name, value) in other {
        all.retain(|(known, _)| known != name);
        all.push((name, value));
    }
    app.post("/desk/donations/new", &all).await
}

async fn assert_books(app: &TestApp) {
    let report = reports::verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

/// Closes the books from a first to a last day.
async fn close(app: &TestApp, first: &str, last: &str) {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let period = periods::make(&app.app, &Actor::system(), day(first), day(last)).await.expect("a period");
    periods::close(&app.app, &Actor::system(), period.id).await.expect("it closes");
}

on_both_databases! {
    async fn a_cheque_is_paid_on_its_day_with_its_receipt_and_its_letter(app: TestApp) {
        app.sign_in_as(Role::Finance).await;
        let fields = fields(&app).await;
        let answer = send(&app, &fields, &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let gift = the_donation(&app.app).await;
        assert_eq!(answer.location(), format!("/desk/donations/{}?done=gift-entered", gift.id));
        assert_eq!((gift.status, gift.source, gift.method.as_str()), (DonationStatus::Paid, DonationSource::Manual, "cheque"));
        assert_eq!((gift.amount_minor, gift.currency.code(), gift.reference.as_str()), (12_050, "GBP", "Cheque 004711"));
        assert_eq!(gift.paid_at.unwrap().date_naive().to_string(), "2026-04-30");
        assert_eq!((balance(&app.app, "undeposited", "GBP").await, balance(&app.app, "donations", "GBP").await), (12_050, -12_050));
        let (head, _) = ledger::find_by_source(app.app.db.read(), &format!("manual:{}", gift.id)).await.unwrap().expect("one posting");
        assert_eq!((head.kind.as_str(), head.booked_at), ("donation", gift.paid_at.unwrap()));
        let receipts = receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!((receipts.len(), receipts[0].gift_on.to_string()), (1, "2026-04-30".to_owned()));
        let letters = letter::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!((letters.len(), letters[0].to_address.as_str(), letters[0].state), (1, "rosa@example.org", LetterState::Queued));
        let story = app.get(answer.location()).await;
        for said in ["The gift was entered.", "Cheque", "Cheque 004711", "Entered by hand", "Take this entry back", "Not at the bank yet"] {
            assert!(story.body.contains(said), "{said}: {}", story.body);
        }
        assert!(!story.body.contains("/refresh\""), "Stripe knows nothing of it");
        assert_eq!(send(&app, &fields, &[]).await.location(), answer.location(), "the same form again is the same gift");
        assert_eq!(count(&app.app, "donation").await, 1);
        let another = send(&app, &fields, &[("amount", "99")]).await;
        assert_eq!(another.status, 422);
        assert!(another.body.contains("This form was sent before with another gift in it."), "{}", another.body);
        let trail = audit_entry::Entity::find().order_by_desc(audit_entry::Column::Id).one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!(trail.action, "donation.enter");
        assert!(!trail.detail.contains("Rosa") && !trail.detail.contains("example.org"), "{}", trail.detail);
        assert_books(&app).await;
    }

    async fn a_gift_without_an_address_has_a_receipt_and_no_letter(app: TestApp) {
        let (one, two) = (app.enter(&hand_gift(&app, 1_000, "EUR")).await, app.enter(&hand_gift(&app, 2_000, "EUR")).await);
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (2, 0));
        let people = supporter::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(people.len(), 2, "nobody is taken for somebody else");
        assert!(people.iter().all(|who| who.email.is_empty()));
        let again = care::resend_receipt(&app.app, &Actor::system(), one.id, None).await;
        assert!(matches!(again, Err(Error::Conflict(why)) if why.contains("No address is known")));
        care::resend_receipt(&app.app, &Actor::system(), two.id, Some(Elsewhere::once("found@example.org"))).await.unwrap();
        assert_eq!(count(&app.app, "letter").await, 1);
        assert_books(&app).await;
    }

    async fn an_unticked_box_writes_no_letter_and_a_transfer_is_at_the_bank(app: TestApp) {
        app.sign_in_as(Role::Admin).await;
        let fields = fields(&app).await;
        let answer = send(&app, &fields, &[("letter", ""), ("method", "transfer"), ("currency", "JPY"), ("amount", "5000")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (1, 0));
        assert_eq!(balance(&app.app, "bank", "JPY").await, 5_000);
        assert_books(&app).await;
    }

    async fn of_two_who_type_one_cheque_at_once_the_second_is_asked(app: TestApp) {
        let cheque = |reference: &str| by_hand::HandGift { method: by_hand::Method::Cheque, reference: reference.into(), ..hand_gift(&app, 5_000, "EUR") };
        for round in 0..5 {
            let (one, two) = (cheque(&format!("00{round}-117 A")), cheque(&format!("{round}117a")));
            let actor = Actor::system();
            let both = tokio::join!(by_hand::record(&app.app, &actor, &one), by_hand::record(&app.app, &actor, &two));
            let entered = [both.0, both.1].into_iter().map(|end| match end {
                Ok(_) => true,
                Err(RecordProblem::LooksTheSame(_)) => false,
                Err(other) => panic!("{other:?}"),
            });
            assert_eq!(entered.filter(|entered| *entered).count(), 1, "round {round}");
        }
        assert_eq!(count(&app.app, "donation").await, 5);
        assert_books(&app).await;
    }

    async fn what_looks_the_same_is_asked_about_and_what_is_wrong_is_said(app: TestApp) {
        app.sign_in_as(Role::Finance).await;
        let first = fields(&app).await;
        assert_eq!(send(&app, &first, &[]).await.status, 303);
        let second = fields(&app).await;
        let asked = send(&app, &second, &[("name", "Somebody else")]).await;
        assert_eq!(asked.status, 422);
        let first_gift = the_donation(&app.app).await;
        assert!(asked.body.contains(&format!("/desk/donations/{}", first_gift.id)), "it leads to the other one");
        assert!(asked.body.contains("name=\"is_another\"") && asked.body.contains("Somebody else"), "what was typed is kept");
        assert_eq!(send(&app, &second, &[("name", "Somebody else"), ("is_another", "yes")]).await.status, 303);
        assert_eq!(count(&app.app, "donation").await, 2);
        let third = fields(&app).await;
        for (field, value, said) in [
            ("given_on", "2026-05-02", "has not come yet"),
            ("given_on", "yesterday", "Write the day like"),
            ("amount", "12.3456", "after the decimal point"),
            ("amount", "-5", "number"),
            ("amount", "0", "above zero"),
            ("currency", "EURO", "three letters"),
            ("method", "barter", "Choose how it was given"),
            ("email", "rosa", "not an e-mail address"),
            ("campaign", "nothing", "Choose one of the list"),
            ("article", "no-such-article", "No article has this address"),
        ] {
            let answer = send(&app, &third, &[("reference", "other"), (field, value)]).await;
            assert_eq!(answer.status, 422, "{field}={value}");
            let summary = answer.texts(".error-summary").join(" ");
            assert!(summary.contains(said), "{field}={value}: {summary}");
        }
        assert_eq!(count(&app.app, "donation").await, 2, "nothing was written");
    }

    async fn a_day_is_the_organisations_day(app: TestApp) {
        let mut app = app;
        let config = wellwisher::config::Config { org_timezone: chrono_tz::Asia::Kabul, ..(*app.app.config).clone() };
        app.app.config = std::sync::Arc::new(config);
        app.app.clock.set("2026-05-01T21:00:00Z".parse().unwrap());
        let mut gift = hand_gift(&app, 1_000, "USD");
        assert_eq!(gift.given_on.to_string(), "2026-05-02", "it is tomorrow in Kabul");
        let recorded = app.enter(&gift).await;
        assert!(recorded.paid_at <= app.app.now(), "nothing is paid in the future");
        gift = by_hand::HandGift { form_token: "other".into(), given_on: "2025-12-31".parse().unwrap(), ..gift };
        let at_new_year = app.enter(&gift).await;
        let codes: Vec<String> = receipt::Entity::find().order_by_asc(receipt::Column::IssuedAt).order_by_asc(receipt::Column::Code)
            .all(app.app.db.read()).await.unwrap().into_iter().map(|r| format!("{} {}", r.code, r.gift_on)).collect();
        assert_eq!(codes, ["R-2025-000001 2025-12-31", "R-2026-000001 2026-05-02"]);
        assert_eq!(at_new_year.paid_at.to_rfc3339(), "2025-12-31T07:30:00+00:00", "noon in Kabul");
        let tomorrow = by_hand::HandGift { form_token: "later".into(), given_on: "2026-05-03".parse().unwrap(), ..gift };
        assert!(matches!(by_hand::record(&app.app, &Actor::system(), &tomorrow).await, Err(RecordProblem::InTheFuture)));
    }

    async fn a_gift_of_a_closed_period_counts_later_and_says_so(app: TestApp) {
        close(&app, "2026-04-01", "2026-04-30").await;
        app.sign_in_as(Role::Finance).await;
        let fields = fields(&app).await;
        let answer = send(&app, &fields, &[]).await;
        assert!(answer.location().ends_with("done=gift-entered-later"), "{}", answer.location());
        let story = app.get(answer.location()).await;
        assert!(story.body.contains("its day is closed") || story.body.contains("period of its day is closed"), "{}", story.body);
        assert!(story.body.contains("2026-05-01"), "the day from which it counts: {}", story.body);
        let gift = the_donation(&app.app).await;
        let (head, _) = ledger::find_by_source(app.app.db.read(), &by_hand::source_of(gift.id)).await.unwrap().unwrap();
        assert_eq!((head.occurred_at, head.booked_at.to_rfc3339()), (gift.paid_at.unwrap(), "2026-05-01T00:00:00+00:00".to_owned()));
        assert_books(&app).await;
    }

    async fn a_mistake_is_taken_back_by_the_same_figures_the_other_way_round(app: TestApp) {
        let campaign = new_campaign(&app.app).await;
        let item = new_item(&app.app, 3, Some(campaign)).await;
        let gift = by_hand::HandGift {
            item: Some((item, 2)),
            campaign_id: Some(campaign),
            email: Some("rosa@example.org".into()),
            ..hand_gift(&app, 5_000, "EUR")
        };
        let id = app.enter(&gift).await.id;
        assert_eq!(ledger::raised(app.app.db.read(), &[campaign]).await.unwrap()[0].money.minor, 5_000);
        app.sign_in_as(Role::Finance).await;
        let path = format!("/desk/donations/{id}/reverse");
        let page = app.get(&path).await;
        assert!(page.body.contains("a reversing entry takes it back today"), "{}", page.body);
        for (amount, reason, said) in [("49", "typed twice", "not the amount of this gift"), ("50", " ", "Say why"), ("", "x", "amount")] {
            let answer = app.post(&path, &[("amount", amount), ("reason", reason)]).await;
            assert_eq!(answer.status, 422);
            assert!(answer.texts(".error-summary").join(" ").contains(said), "{amount} {reason}: {}", answer.body);
        }
        app.wait(86_400 * 3);
        let person = app.add_person(Role::Finance).await;
        app.sign_in(&person).await;
        let answer = app.post(&path, &[("amount", "50.00"), ("reason", "Typed twice")]).await;
        assert_eq!(answer.location(), format!("/desk/donations/{id}?done=gift-reversed"));
        let gift = donation::Entity::find_by_id(id).one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((gift.status, gift.amount_minor), (DonationStatus::Paid, 5_000), "the entry itself stays as it was");
        assert_eq!((balance(&app.app, "undeposited", "EUR").await, balance(&app.app, "donations", "EUR").await), (0, 0));
        let raised = ledger::raised(app.app.db.read(), &[campaign]).await.unwrap();
        assert!(raised.iter().all(|of| of.money.minor == 0), "{raised:?}");
        let left = wellwisher::wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item];
        assert_eq!((left.paid, left.left), (0, 3), "the item is needed again");
        let receipts = receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!((receipts[0].status, receipts[0].status_reason.as_str()), (ReceiptStatus::Void, "Typed twice"));
        let entry = ledger::find_by_source(app.app.db.read(), &by_hand::source_of(id)).await.unwrap().unwrap().0;
        let (back, _) = ledger::find_by_source(app.app.db.read(), &format!("manual:{id}:reversal")).await.unwrap().expect("a reversal");
        assert_eq!((back.reverses_id, back.kind.as_str(), back.occurred_at), (Some(entry.id), "reversal", app.app.now()));
        let before = everything(&app.app).await;
        let again = by_hand::reverse(&app.app, &Actor::system(), id, "again").await.unwrap();
        assert!(again.already);
        assert_eq!(everything(&app.app).await, before, "twice is once");
        assert_eq!(app.post(&path, &[("amount", "50"), ("reason", "x")]).await.status, 409);
        let story = app.get(&format!("/desk/donations/{id}")).await;
        assert!(story.body.contains("Taken back by a reversing entry") && !story.body.contains("/reverse\""), "{}", story.body);
        assert_books(&app).await;
    }

    async fn a_slip_of_the_finger_is_no_day_and_no_amount(app: TestApp) {
        app.sign_in_as(Role::Finance).await;
        let typed = fields(&app).await;
        for (field, value, said) in [
            ("given_on", "1405-02-11", "Gregorian calendar"),
            ("given_on", "0026-04-30", "Gregorian calendar"),
            ("given_on", "2016-04-30", "ten years ago"),
            ("amount", "12345678901234567", "too large"),
        ] {
            let answer = send(&app, &typed, &[(field, value)]).await;
            assert_eq!(answer.status, 422, "{field}={value}");
            let summary = answer.texts(".error-summary").join(" ");
            assert!(summary.contains(said), "{field}={value}: {summary}");
        }
        assert_eq!(count(&app.app, "donation").await, 0);
        // What a bank moves and Stripe would not charge.
        for (code, amount, minor) in
            [("KWD", "12.345", 12_345), ("JPY", "۵۰۰۰", 5_000), ("ISK", "1.500", 150_000), ("HUF", "1 750,50", 175_050), ("KWD", "۱۲٫۳۴۰", 12_340)]
        {
            let typed = fields(&app).await;
            let answer = send(&app, &typed, &[("currency", code), ("amount", amount), ("method", "transfer"), ("reference", amount)]).await;
            assert_eq!(answer.status, 303, "{code} {amount}: {}", answer.body);
            let id = answer.location().split('?').next().unwrap().rsplit('/').next().unwrap().parse().unwrap();
            let gift = donation::Entity::find_by_id::<entity::ids::DonationId>(id).one(app.app.db.read()).await.unwrap().unwrap();
            assert_eq!((gift.amount_minor, gift.currency.code()), (minor, code));
        }
        let typed = fields(&app).await;
        assert_eq!(send(&app, &typed, &[("currency", "ISK"), ("amount", "15.50")]).await.status, 422, "no part of a króna exists");
        assert_books(&app).await;
    }

    async fn what_stripe_holds_is_not_taken_back_by_hand(app: TestApp) {
        paid_session(&app, "").await;
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        let refused = by_hand::reverse(&app.app, &Actor::system(), gift.id, "no").await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }

    async fn of_an_item_no_more_is_entered_than_is_left(app: TestApp) {
        let item = new_item(&app.app, 2, None).await;
        let two = by_hand::HandGift { item: Some((item, 2)), ..hand_gift(&app, 5_000, "EUR") };
        app.enter(&two).await;
        let more = by_hand::HandGift { form_token: "more".into(), item: Some((item, 1)), ..hand_gift(&app, 2_500, "EUR") };
        assert!(matches!(by_hand::record(&app.app, &Actor::system(), &more).await, Err(RecordProblem::NotEnough(0))));
        assert_eq!(count(&app.app, "donation").await, 1);
        app.sign_in_as(Role::Finance).await;
        let fields = fields(&app).await;
        let typed = [("item", item.to_string()), ("currency", "EUR".to_owned())];
        let typed: Vec<(&'static str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = send(&app, &fields, &typed).await;
        assert!(answer.texts(".error-summary").join(" ").contains("The items cost"), "{}", answer.body);
        assert_books(&app).await;
    }

    async fn many_who_send_one_form_at_once_enter_one_gift(app: TestApp) {
        let gift = hand_gift(&app, 7_700, "EUR");
        let sends = (0..6).map(|_| {
            let (app, gift) = (app.app.clone(), gift.clone());
            tokio::spawn(async move { by_hand::record(&app, &Actor::system(), &gift).await.map(|recorded| recorded.id).map_err(|p| format!("{p:?}")) })
        });
        let ids = futures_util::future::join_all(sends.collect::<Vec<_>>()).await;
        let first = ids[0].as_ref().unwrap().clone().unwrap();
        assert!(ids.iter().all(|id| id.as_ref().unwrap().as_ref() == Ok(&first)), "{ids:?}");
        assert_eq!((count(&app.app, "donation").await, count(&app.app, "receipt").await), (1, 1));
        assert_books(&app).await;
    }

    async fn the_nightly_look_at_stripe_passes_by_what_came_by_hand(app: TestApp) {
        app.enter(&hand_gift(&app, 1_000, "EUR")).await;
        let before = everything(&app.app).await;
        let since = app.app.now() - TimeDelta::days(35);
        let report = wellwisher::donations::reconcile::reconcile(&app.app, since, |_, _| {}).await.unwrap();
        assert_eq!((report.changed, report.failed.len()), (0, 0));
        app.wait(86_400);
        wellwisher::donations::sweep(&app.app).await.unwrap();
        assert_eq!(everything(&app.app).await, before);
    }

    async fn who_may_enter_and_take_back(app: TestApp) {
        let id = app.enter(&hand_gift(&app, 1_000, "EUR")).await.id;
        let money = &[Role::Admin, Role::Finance][..];
        let (see, back) = (format!("GET /desk/donations/{id}/reverse"), format!("POST /desk/donations/{id}/reverse"));
        app.assert_open_only_to(&[
            ("GET /desk/donations/new", money),
            ("POST /desk/donations/new", money),
            (&see, money),
            (&back, money),
        ])
        .await;
    }
}
