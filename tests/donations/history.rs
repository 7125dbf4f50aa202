//! The past of an existing Stripe account: real days and fees, nobody written to, twice is once.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Money, balance_movement, donation, ledger_transaction, supporter,
    words::{BalanceMapping, DonationSource, DonationStatus, MovementKind},
};
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};
use wellwisher::{
    donations::import::{Only, Options, import_table, stripe::History},
    ledger::{
        self, Leg, Posting, Purpose,
        periods::{self, Obstacle},
    },
    payments::{
        BalanceQuery, PastCharge,
        standin::{BalanceRow, Decision},
    },
    payouts::{self, differences, history::import_history, mapping},
    reports,
    staff::Actor,
};

/// A card whose refunds fail some seconds later.
const FAILING_REFUND_CARD: &str = "4000000000005126";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Another program's payment at a time of the past.
async fn past_payment(app: &TestApp, time: &str, minor: i64, email: &str, card: &str) {
    past_payment_for(app, time, minor, email, card, "").await;
}

/// The same, with what the other program wrote down with it.
async fn past_payment_for(app: &TestApp, time: &str, minor: i64, email: &str, card: &str, purpose: &str) {
    let now = app.app.now();
    app.app.clock.set(at(time));
    let form = format!(
        "mode=payment&success_url=http%3A%2F%2F127.0.0.1%2F&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd\
         &line_items[0][price_data][unit_amount]={minor}&line_items[0][price_data][product_data][name]=Gift{}{}",
        if purpose.is_empty() { String::new() } else { format!("&payment_intent_data[metadata][purpose]={purpose}") },
        if email.is_empty() { String::new() } else { format!("&customer_email={}", email.replace('@', "%40")) }
    );
    let answer = reqwest::Client::new()
        .post(format!("{}v1/checkout/sessions", app.stripe.base_url))
        .bearer_auth("sk_test_wellwisher")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .expect("the stand-in answers");
    let text = answer.text().await.expect("text");
    let session: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    app.stripe.standin.pay(session["id"].as_str().unwrap_or_else(|| panic!("a session: {text}")), card);
    app.app.clock.set(now);
}

/// Money given back in Stripe's dashboard.
async fn refund(app: &TestApp, charge: &str, minor: &str) {
    let answer = reqwest::Client::new()
        .post(format!("{}v1/refunds", app.stripe.base_url))
        .bearer_auth("sk_test_wellwisher")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("charge={charge}&amount={minor}"))
        .send()
        .await
        .expect("the stand-in answers");
    assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap_or_default());
}

async fn import(app: &TestApp, options: &Options) -> History {
    import_history(&app.app, DateTime::UNIX_EPOCH, app.app.now(), options, |_| {}).await.expect("it is imported")
}

/// Stripe's charges, the newest first.
async fn charges(app: &TestApp) -> Vec<PastCharge> {
    app.app.stripe.list_charges(DateTime::UNIX_EPOCH, app.app.now(), None).await.expect("Stripe answers").items
}

async fn reconcile(app: &TestApp) -> payouts::Report {
    payouts::reconcile(&app.app, app.app.now() - TimeDelta::days(35), |_, _| {}).await.expect("Stripe answers")
}

/// Moves everything that Stripe lists of the balance into one of its balances.
async fn move_all(app: &TestApp, balance: &'static str) {
    let page = app.app.stripe.list_balance(BalanceQuery::Since(DateTime::UNIX_EPOCH), None).await.expect("Stripe answers");
    assert!(page.items.iter().all(|entry| app.stripe.standin.move_to(balance, &entry.id)));
}

/// Moves all of it into a balance that this version does not know.
async fn hide_all(app: &TestApp) {
    move_all(app, "settlement_reserved").await;
}

/// How many gifts' movements wait because their balance is not known.
async fn waiting(app: &TestApp) -> usize {
    differences::open_of(app.app.db.read(), differences::UNKNOWN_BALANCE).await.unwrap().len()
}

async fn assert_books(app: &TestApp) {
    let report = reports::verify(&app.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

on_both_databases! {
    async fn past_payments_of_others_become_gifts_with_their_days_and_fees(app: TestApp) {
        past_payment(&app, "2025-03-01T08:00:00Z", 4_200, "Rosa@example.org", GOOD_CARD).await;
        past_payment(&app, "2025-03-02T08:00:00Z", 900, "", DECLINED_CARD).await;
        past_payment(&app, "2025-12-31T23:59:00Z", 10_000, "", GOOD_CARD).await;
        paid_session(&app, "").await;
        catch_up(&app).await;
        let letters = count(&app.app, "letter").await;
        app.wait(3_600);
        let dry = import(&app, &Options { dry_run: true, ..Options::default() }).await;
        assert_eq!((dry.added, count(&app.app, "donation").await), (2, 1), "a dry run writes nothing");
        let history = import(&app, &Options::default()).await;
        assert_eq!((history.seen, history.added, history.ours, history.known), (4, 2, 1, 0), "{history:?}");
        assert!(history.is_complete(), "what was never paid is no gift: {history:?}");
        let mut gifts = donations(&app.app).await;
        gifts.retain(|gift| gift.source == DonationSource::Imported);
        let days: Vec<String> = gifts.iter().map(|gift| gift.paid_at.unwrap().to_rfc3339()).collect();
        assert_eq!(days, ["2025-03-01T08:00:00+00:00", "2025-12-31T23:59:00+00:00"]);
        assert!(gifts.iter().all(|gift| gift.status == DonationStatus::Paid && gift.charge_id.is_some()));
        // 2.9 % and 30 cents of 42 and of 100 dollars, and of the gift of today.
        assert_eq!(balance(&app.app, "stripe_fees", "USD").await, 152 + 320 + 103);
        assert_eq!(balance(&app.app, "stripe_clearing", "USD").await, 4_200 + 10_000 + 2_500 - 152 - 320 - 103);
        let source = format!("{}:capture", gifts[0].payment_intent_id.as_deref().unwrap());
        assert!(ledger::find_by_source(app.app.db.read(), &source).await.unwrap().is_some(), "known by the names of our own payments");
        assert_eq!(count(&app.app, "letter").await, letters, "nobody is written to");
        assert_eq!(count(&app.app, "receipt").await, 1, "no receipt is given unless asked for");
        let people = supporter::Entity::find().all(app.app.db.read()).await.unwrap();
        assert!(people.iter().any(|who| who.email == "rosa@example.org") && people.iter().any(|who| who.email.is_empty()), "{people:?}");
        assert_books(&app).await;

        let before = everything(&app.app).await;
        let again = import(&app, &Options::default()).await;
        assert_eq!((again.added, again.known, again.ours), (0, 2, 1));
        assert_eq!(everything(&app.app).await, before, "twice is once");
        let since = app.app.now() - TimeDelta::days(500);
        wellwisher::donations::reconcile::reconcile(&app.app, since, |_, _| {}).await.unwrap();
        assert_eq!(everything(&app.app).await, before, "and reconciling finds nothing to do");
    }

    async fn only_the_days_asked_for_are_read_and_the_fund_is_the_one_named(app: TestApp) {
        new_fund(&app.app, "PAST").await;
        past_payment(&app, "2025-03-01T00:00:00Z", 1_000, "", GOOD_CARD).await;
        past_payment(&app, "2025-03-02T00:00:00Z", 2_000, "", GOOD_CARD).await;
        past_payment(&app, "2025-03-03T00:00:00Z", 3_000, "", GOOD_CARD).await;
        let options = Options { fund: Some("past".to_uppercase()), receipts: true, ..Options::default() };
        let history = import_history(&app.app, at("2025-03-02T00:00:00Z"), at("2025-03-03T00:00:00Z"), &options, |_| {}).await.unwrap();
        assert_eq!((history.seen, history.added), (1, 1));
        let gift = the_donation(&app.app).await;
        assert_eq!((gift.amount_minor, gift.fund_code.as_str()), (2_000, "PAST"));
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (1, 0));
        assert_books(&app).await;
    }

    async fn what_went_back_of_a_past_payment_is_booked_and_nobody_is_told(app: TestApp) {
        past_payment(&app, "2025-03-01T08:00:00Z", 4_200, "rosa@example.org", GOOD_CARD).await;
        past_payment(&app, "2025-03-02T08:00:00Z", 1_000, "", GOOD_CARD).await;
        let page = app.app.stripe.list_charges(DateTime::UNIX_EPOCH, app.app.now(), None).await.unwrap();
        refund(&app, &page.items[1].charge_id, "1200").await;
        refund(&app, &page.items[0].charge_id, "1000").await;
        let history = import(&app, &Options { receipts: true, ..Options::default() }).await;
        assert_eq!((history.added, history.skipped.len()), (2, 0), "{history:?}");
        assert_eq!(balance(&app.app, "donations", "USD").await, -3_000, "what is left of both");
        assert_eq!((count(&app.app, "refund").await, count(&app.app, "letter").await), (2, 0));
        let receipts = entity::receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(receipts.iter().map(|receipt| receipt.amount_minor).collect::<Vec<_>>(), [3_000], "of what is left only");
        assert_books(&app).await;
        let before = everything(&app.app).await;
        assert_eq!(import(&app, &Options::default()).await.known, 2);
        assert_eq!(everything(&app.app).await, before);
    }

    async fn what_a_shop_on_the_same_account_sold_is_left_alone(app: TestApp) {
        past_payment_for(&app, "2025-03-01T08:00:00Z", 4_200, "", GOOD_CARD, "gift").await;
        past_payment_for(&app, "2025-03-02T08:00:00Z", 1_500, "", GOOD_CARD, "book").await;
        past_payment(&app, "2025-03-03T08:00:00Z", 1_600, "", GOOD_CARD).await;
        let only = Options { only: vec!["purpose=gift".parse().unwrap()], ..Options::default() };
        let history = import(&app, &only).await;
        assert_eq!((history.seen, history.added, history.others, history.skipped.len()), (3, 1, 2, 0), "{history:?}");
        assert_eq!(the_donation(&app.app).await.amount_minor, 4_200);
        assert_eq!(import(&app, &Options::default()).await.added, 2);
        assert_eq!(import(&app, &Options { receipts: true, ..only.clone() }).await.known, 3);
        assert_eq!(count(&app.app, "receipt").await, 1, "a run gives receipts for what it is asked for");
        for wrong in ["purpose", "=gift", "purpose="] {
            assert!(wrong.parse::<Only>().is_err(), "{wrong}");
        }
        assert_eq!("description=Winter appeal".parse(), Ok(Only::Description("Winter appeal".into())));
    }

    async fn a_run_that_ended_early_is_made_whole_by_the_next_one(app: TestApp) {
        past_payment(&app, "2025-03-01T08:00:00Z", 4_200, "rosa@example.org", GOOD_CARD).await;
        let page = app.app.stripe.list_charges(DateTime::UNIX_EPOCH, app.app.now(), None).await.unwrap();
        assert_eq!(import(&app, &Options::default()).await.added, 1);
        // What a crash between the gift and what came back of it leaves: the gift alone.
        refund(&app, &page.items[0].charge_id, "1200").await;
        assert_eq!(balance(&app.app, "donations", "USD").await, -4_200);
        let dry = import(&app, &Options { dry_run: true, ..Options::default() }).await;
        assert_eq!((dry.known, balance(&app.app, "donations", "USD").await), (1, -4_200), "a dry run writes nothing");
        let again = import(&app, &Options { receipts: true, ..Options::default() }).await;
        assert_eq!((again.added, again.known), (0, 1));
        assert_eq!(balance(&app.app, "donations", "USD").await, -3_000);
        let receipts = entity::receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(receipts.iter().map(|receipt| receipt.amount_minor).collect::<Vec<_>>(), [3_000], "and its receipt");
        let before = everything(&app.app).await;
        import(&app, &Options { receipts: true, ..Options::default() }).await;
        assert_eq!(everything(&app.app).await, before);
        assert_books(&app).await;
    }

    async fn a_refund_that_had_failed_before_is_booked_once_when_another_one_comes(app: TestApp) {
        past_payment(&app, "2026-05-01T08:00:00Z", 4_200, "", FAILING_REFUND_CARD).await;
        let charge = charges(&app).await.remove(0);
        refund(&app, &charge.charge_id, "1200").await;
        app.wait(20);
        app.stripe.standin.catch_up();
        assert!(!charges(&app).await[0].came_back, "its charge says nothing of it");
        reconcile(&app).await;
        // What nobody here had brought is somebody else's: the charge, the refund and its failure.
        let standing = async |kind: &str| {
            let sql = "select count(*) as n from ledger_transaction t where t.kind = '@kind'
                and not exists (select 1 from ledger_transaction r where r.reverses_id = t.id)";
            number(&app.app, &sql.replace("@kind", kind)).await
        };
        assert_eq!((standing("other").await, standing("refund").await), (3, 0));
        assert_eq!(import(&app, &Options { receipts: true, ..Options::default() }).await.added, 1);
        let gift = the_donation(&app.app).await;
        // Another one, of which an event tells.
        let twice = charges(&app).await.remove(0);
        refund(&app, &twice.charge_id, "500").await;
        wellwisher::donations::refresh(&app.app, gift.id).await.unwrap();
        assert_eq!((standing("other").await, standing("refund").await, standing("refund_failure").await), (0, 2, 1));
        assert_eq!(balance(&app.app, "donations", "USD").await, -3_700);
        assert_books(&app).await;
        let before = everything(&app.app).await;
        assert_eq!(import(&app, &Options { receipts: true, ..Options::default() }).await.known, 1);
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_gift_of_which_what_went_back_does_not_fit_gets_no_receipt(app: TestApp) {
        past_payment(&app, "2025-03-01T08:00:00Z", 4_200, "", GOOD_CARD).await;
        assert_eq!(import(&app, &Options::default()).await.added, 1);
        app.books_end_broken("the gift was made smaller behind the program's back");
        let on = if app.database.is_postgres() { " on donation" } else { "" };
        let edit = format!("drop trigger donation_refuses_update{on}; update donation set amount_minor = 1000");
        app.app.db.write(async |tx| Ok(tx.execute_unprepared(&edit).await.map(|_| ())?)).await.unwrap();
        refund(&app, &charges(&app).await[0].charge_id, "1200").await;
        let history = import(&app, &Options { receipts: true, ..Options::default() }).await;
        assert_eq!((history.known, history.is_complete(), count(&app.app, "receipt").await), (1, false, 0), "{history:?}");
        assert!(history.skipped.keys().all(|why| why.contains("does not fit")), "{history:?}");
    }

    async fn what_a_file_brought_already_is_not_brought_again_by_stripe(app: TestApp) {
        past_payment(&app, "2025-03-01T08:00:00Z", 4_200, "rosa@example.org", GOOD_CARD).await;
        past_payment(&app, "2025-03-02T08:00:00Z", 1_500, "", GOOD_CARD).await;
        let page = app.app.stripe.list_charges(DateTime::UNIX_EPOCH, app.app.now(), None).await.unwrap();
        let file = format!("date,amount,currency,email,reference\n2025-03-01,42,USD,rosa@example.org,\n2025-03-09,15,USD,,{}\n", page.items[0].charge_id);
        assert_eq!(import_table(&app.app, file.as_bytes(), &Options::default(), |_, _| {}).await.unwrap().added, 2);
        let history = import(&app, &Options::default()).await;
        assert_eq!((history.added, history.is_complete()), (0, false), "{history:?}");
        assert_eq!(history.skipped.values().map(Vec::len).sum::<usize>(), 2, "one by its giver, day and amount, one by its name at Stripe");
        assert_eq!(balance(&app.app, "donations", "USD").await, -5_700);
        assert_eq!(import(&app, &Options { alike: true, ..Options::default() }).await.added, 2);
        let other_way = format!("id,date,amount,currency\n{},2025-03-01,42,USD\n", page.items[1].charge_id);
        let refused = import_table(&app.app, other_way.as_bytes(), &Options::default(), |_, _| {}).await.unwrap();
        assert!(refused.added == 0 && refused.skipped[0].why.contains("--alike"), "{refused:?}");
    }

    async fn a_movement_that_was_taken_for_somebody_elses_becomes_the_gift_that_it_is(app: TestApp) {
        past_payment(&app, "2025-03-01T08:00:00Z", 4_200, "", GOOD_CARD).await;
        let page = app.app.stripe.list_charges(DateTime::UNIX_EPOCH, app.app.now(), None).await.unwrap();
        let fee = page.items[0].fee.clone().expect("a fee");
        let (now, id) = (app.app.now(), fee.balance_transaction_id.clone());
        let row = balance_movement::Model {
            id: id.clone(),
            category: "charge".into(),
            kind: "charge".into(),
            source_id: page.items[0].charge_id.clone(),
            gross_minor: fee.gross.minor,
            fee_minor: fee.fee.minor,
            net_minor: fee.net.minor,
            currency: fee.net.currency,
            occurred_at: fee.created,
            available_at: fee.available_on,
            payout_id: None,
            donation_id: None,
            mapped_to: BalanceMapping::Other,
            heard_at: now,
            balance: "payments".to_owned(),
        };
        let leg = |account, amount| Leg { account, amount, purpose: Purpose::default() };
        let posting = Posting {
            kind: MovementKind::Other,
            source: format!("{id}:other"),
            donation_id: None,
            occurred_at: fee.created,
            balance_transaction: Some(id.clone()),
            reverses_id: None,
            legs: vec![
                leg(entity::words::Account::StripeClearing, fee.net),
                leg(entity::words::Account::OtherActivity, fee.net.negated().unwrap()),
            ],
        };
        let row = row.into_active_model();
        let write = async |tx: &sea_orm::DatabaseTransaction| {
            balance_movement::Entity::insert(row.clone()).exec_without_returning(tx).await?;
            ledger::post(tx, &posting, now).await
        };
        assert!(app.app.db.write(write).await.unwrap());
        assert_eq!(import(&app, &Options::default()).await.added, 1);
        assert_eq!(balance(&app.app, "stripe_clearing", "USD").await, fee.net.minor, "it counts once");
        assert_eq!(balance(&app.app, "other_activity", "USD").await, 0);
        let gift: donation::Model = the_donation(&app.app).await;
        let known = balance_movement::Entity::find_by_id(id).one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((known.mapped_to, known.donation_id), (BalanceMapping::Gift, Some(gift.id)));
    }

    async fn what_went_back_of_a_past_payment_counts_once_although_it_was_taken_for_somebody_elses(app: TestApp) {
        past_payment(&app, "2026-05-01T08:00:00Z", 4_200, "", GOOD_CARD).await;
        let charge = charges(&app).await.remove(0);
        refund(&app, &charge.charge_id, "1200").await;
        reconcile(&app).await;
        let net = charge.fee.expect("a fee").net.minor;
        let books = async |account| balance(&app.app, account, "USD").await;
        assert_eq!((books("other_activity").await, books("stripe_clearing").await), (1_200 - net, net - 1_200));
        assert_eq!(import(&app, &Options::default()).await.added, 1);
        assert_eq!((books("other_activity").await, books("stripe_clearing").await, books("donations").await), (0, net - 1_200, -3_000));
        assert_books(&app).await;
        assert!(reconcile(&app).await.is_clean());
        let before = everything(&app.app).await;
        assert_eq!(import(&app, &Options::default()).await.known, 1);
        reconcile(&app).await;
        assert_eq!(everything(&app.app).await, before);
    }

    async fn the_payouts_and_fees_of_the_years_before_come_in_although_the_balance_was_read_lately(app: TestApp) {
        past_payment(&app, "2024-03-01T08:00:00Z", 4_200, "", GOOD_CARD).await;
        past_payment(&app, "2024-03-02T08:00:00Z", 1_000, "", GOOD_CARD).await;
        let now = app.app.now();
        app.app.clock.set(at("2024-03-03T08:00:00Z"));
        let disputed = charges(&app).await.remove(0).payment_intent_id.expect("a payment");
        let dispute = app.stripe.standin.dispute(&disputed, None, false).expect("a dispute");
        let fee = Money::new(-250, "USD".parse().unwrap());
        app.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: fee, fee: 0 });
        app.app.clock.set(at("2024-03-20T08:00:00Z"));
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        let made = app.stripe.standin.pay_out();
        assert!(made.len() == 1 && app.stripe.standin.complete_payout(&made[0]), "{made:?}");
        app.app.clock.set(now);
        // `serve` has run, and has read the balance of the last weeks.
        let first = reconcile(&app).await;
        assert_eq!((first.movements.seen, first.payouts.seen), (0, 0));

        assert_eq!(import(&app, &Options::default()).await.added, 2);
        let report = reconcile(&app).await;
        assert_eq!((report.movements.not_posted.len(), report.payouts.itemised, report.is_clean()), (0, 1, true), "{report:?}");
        let books = async |account| balance(&app.app, account, "USD").await;
        // 2.9 % and 30 cents of both, what Stripe charges for a dispute, and its own fee.
        let fees = 152 + 59 + 1_500 + 250;
        assert_eq!((books("stripe_clearing").await, books("bank").await), (0, 4_200 - fees), "all of it went to the bank");
        assert_eq!((books("stripe_fees").await, books("donations").await, books("disputed").await), (fees, -4_200, 0));
        let payout = payouts::store::payout_of_stripe(app.app.db.read(), &made[0]).await.unwrap().expect("the payout");
        let rows = crate::reports::rows_of(&crate::reports::file_of(&app, &crate::reports::all_of(reports::Report::Donations)).await.0);
        assert!(rows.iter().any(|row| row["type"] == "donation"));
        // A loss moves no money at Stripe.
        for row in rows.iter().filter(|row| row["type"] != "dispute_loss") {
            assert_eq!((row["payout"].as_str(), row["at_bank_on"].as_str()), (made[0].as_str(), payout.arrives_on.to_string().as_str()), "{row:?}");
        }
        assert_books(&app).await;
        assert!(differences::open_of(app.app.db.read(), differences::BALANCE).await.unwrap().is_empty());

        let before = everything(&app.app).await;
        let again = reconcile(&app).await;
        assert_eq!((again.movements.seen, again.payouts.seen), (0, 0), "what is known is not read again");
        assert_eq!((import(&app, &Options::default()).await.known, reconcile(&app).await.is_clean()), (2, true));
        assert_eq!(everything(&app.app).await, before, "twice is once");
    }

    async fn a_dispute_that_was_lost_years_ago_lowers_the_year_in_which_it_was_lost(app: TestApp) {
        past_payment(&app, "2024-03-01T08:00:00Z", 4_200, "", GOOD_CARD).await;
        let payment = charges(&app).await.remove(0).payment_intent_id.expect("a payment");
        let now = app.app.now();
        app.app.clock.set(at("2024-03-05T08:00:00Z"));
        let dispute = app.stripe.standin.dispute(&payment, None, false).expect("a dispute");
        app.app.clock.set(at("2024-04-20T08:00:00Z"));
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::LostInPart { returned: 1_200 }));
        app.app.clock.set(now);
        assert_eq!(import(&app, &Options::default()).await.added, 1);
        let heads = ledger_transaction::Entity::find().all(app.app.db.read()).await.unwrap();
        let of = |kind| heads.iter().filter(|head| head.kind == kind).map(|head| (head.occurred_at, head.booked_at)).collect::<Vec<_>>();
        assert_eq!(of(MovementKind::DisputeLoss), [(at("2024-04-20T08:00:00Z"), at("2024-04-20T08:00:00Z"))]);
        assert_eq!(balance(&app.app, "donations", "USD").await, -1_200);
        assert!(heads.iter().all(|head| head.booked_at < at("2025-01-01T00:00:00Z")), "no later year hears of it: {heads:?}");
        let gift = the_donation(&app.app).await;
        let rows = wellwisher::donations::back::store::disputes_of(app.app.db.read(), gift.id).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.closed_at).collect::<Vec<_>>(), [Some(at("2024-04-20T08:00:00Z"))]);
        assert_books(&app).await;
    }

    async fn a_past_gift_in_a_balance_that_is_not_known_is_held_back_and_keeps_a_period_open(app: TestApp) {
        for (time, minor) in [("2026-05-01T08:00:00Z", 4_200), ("2026-05-01T08:10:00Z", 1_000), ("2026-05-01T08:20:00Z", 2_000)] {
            past_payment(&app, time, minor, "", GOOD_CARD).await;
        }
        let [last, said, first] = <[_; 3]>::try_from(charges(&app).await).expect("three");
        refund(&app, &first.charge_id, "1200").await;
        hide_all(&app).await;
        assert_eq!(reconcile(&app).await.unmapped, 4);
        let fees = [last, said, first].map(|charge| charge.fee.expect("a fee"));
        let actor = Actor::system();
        mapping::map_movement(&app.app, &actor, &fees[1].balance_transaction_id, BalanceMapping::Other, "a book").await.unwrap();
        let held = fees.iter().map(|fee| fee.net.minor).sum::<i64>() - 1_200;
        let books = async || {
            let mut sums = Vec::new();
            for account in ["donations", "stripe_clearing", "stripe_reserve", "unmapped", "other_activity"] {
                sums.push(balance(&app.app, account, "USD").await);
            }
            sums
        };
        assert_eq!(import(&app, &Options::default()).await.added, 3);
        assert_eq!(books().await, [-6_000, 0, held, 0, 0], "whatever it was taken for, and whoever said so");
        assert_eq!(waiting(&app).await, 4);
        assert_books(&app).await;

        // One whose movement is read after the import ends the same way.
        past_payment(&app, "2026-05-01T08:30:00Z", 3_000, "", GOOD_CARD).await;
        let net = charges(&app).await[0].fee.as_ref().expect("a fee").net.minor;
        hide_all(&app).await;
        assert_eq!(import(&app, &Options::default()).await.added, 1);
        assert_eq!(books().await, [-9_000, net, held, 0, 0]);
        app.app.clock.set(at("2026-06-02T00:00:00Z"));
        payouts::reconcile::reconcile_and_keep(&app.app, TimeDelta::days(35)).await.unwrap();
        assert_eq!(books().await, [-9_000, 0, held + net, 0, 0]);
        assert_books(&app).await;
        let day = |text: &str| text.parse().unwrap();
        let may = periods::make(&app.app, &actor, day("2026-05-01"), day("2026-05-31")).await.unwrap();
        let obstacles = async || periods::obstacles(app.app.db.read(), &may, app.app.now()).await.unwrap();
        assert_eq!(obstacles().await, [Obstacle::UnknownBalance(5)]);
        let before = everything(&app.app).await;
        assert_eq!(import(&app, &Options::default()).await.known, 4);
        reconcile(&app).await;
        assert_eq!(everything(&app.app).await, before, "twice is once");

        // Stripe moves it into the balance that is paid out.
        move_all(&app, "payments").await;
        reconcile(&app).await;
        assert_eq!(books().await, [-9_000, held + net, 0, 0, 0]);
        assert_eq!(obstacles().await, []);
        assert_books(&app).await;
    }
}
