//! Money that comes back: each fact once in the books, the receipt equal to the worth, whatever the order.

use super::helpers::*;
use crate::support::{TestApp, TestDatabase, on_both_databases};
use entity::{
    dispute, ledger_transaction, letter, receipt, wish_reservation,
    words::{DisputeOutcome, LetterKind, MovementKind, ReceiptStatus, RefundState, ReservationState, Role},
};
use sea_orm::{EntityTrait, QueryOrder, sea_query::Expr};
use std::collections::BTreeMap;
use wellwisher::{
    donations::{back, path_of},
    ledger,
    payments::standin::{Decision, StandinOptions},
    reports::verify,
};

const FRAUD_CARD: &str = "4000000000000259";
const INQUIRY_CARD: &str = "4000000000001976";
const SLOW_REFUND_CARD: &str = "4000000000007726";
const FAILING_REFUND_CARD: &str = "4000000000005126";

/// A gift that was paid with this card, with everything that followed.
async fn paid_with(app: &TestApp, query: &str, card: &str) -> String {
    let session = begin(app, query).await;
    app.stripe.standin.pay(&session, card);
    catch_up(app).await;
    session
}

/// What the only donation is worth.
async fn worth(app: &TestApp) -> i64 {
    let gift = the_donation(&app.app).await;
    ledger::worth_of(app.app.db.read(), gift.id, gift.currency).await.unwrap().minor
}

async fn receipts(app: &TestApp) -> Vec<receipt::Model> {
    receipt::Entity::find().order_by_asc(receipt::Column::Number).all(app.app.db.read()).await.unwrap()
}

/// The receipts as `number status amount`.
async fn receipts_in_short(app: &TestApp) -> Vec<String> {
    receipts(app).await.iter().map(|r| format!("{} {} {}", r.number, r.status, r.amount_minor)).collect()
}

async fn letters_of_kind(app: &TestApp, kind: LetterKind) -> Vec<letter::Model> {
    let all = letter::Entity::find().order_by_asc(letter::Column::CreatedAt).order_by_asc(letter::Column::Id).all(app.app.db.read()).await;
    all.unwrap().into_iter().filter(|letter| letter.kind == kind).collect()
}

async fn kinds(app: &TestApp) -> Vec<MovementKind> {
    let heads = ledger_transaction::Entity::find().order_by_asc(ledger_transaction::Column::Id).all(app.app.db.read()).await.unwrap();
    heads.into_iter().map(|head| head.kind).collect()
}

async fn steps(app: &TestApp) -> Vec<String> {
    let gift = the_donation(&app.app).await;
    wellwisher::donations::store::steps(app.app.db.read(), gift.id).await.unwrap().into_iter().map(|step| step.kind).collect()
}

async fn item_state(app: &TestApp) -> ReservationState {
    wish_reservation::Entity::find().one(app.app.db.read()).await.unwrap().expect("a reservation").state
}

/// Everything that is checked by `verify` holds, and what clearing holds is what the stand-in's balance is.
async fn assert_books_agree(app: &TestApp) {
    let report = verify::verify(&app.app).await.unwrap();
    let broken: Vec<_> = report.broken().map(|check| format!("{}: {:?}", check.name, check.findings)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(clearing(app).await, at_stripe(app).await, "clearing is Stripe's balance");
}

/// What the clearing account holds, by currency.
async fn clearing(app: &TestApp) -> BTreeMap<String, i64> {
    let all = balances(&app.app).await.into_iter().filter(|((account, _), minor)| account == "stripe_clearing" && *minor != 0);
    all.map(|((_, currency), minor)| (currency.code().to_owned(), minor)).collect()
}

/// The sum of all balance transactions, by currency, as Stripe lists them.
async fn at_stripe(app: &TestApp) -> BTreeMap<String, i64> {
    use wellwisher::payments::BalanceQuery;
    let since = app.app.now() - chrono::TimeDelta::days(400);
    let (mut sums, mut after) = (BTreeMap::new(), None::<String>);
    loop {
        let page = app.app.stripe.list_balance(BalanceQuery::Since(since), after.as_deref()).await.unwrap();
        for entry in page.items {
            *sums.entry(entry.net.currency.code().to_owned()).or_insert(0) += entry.net.minor;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    sums.retain(|_, minor| *minor != 0);
    sums
}

on_both_databases! {
    async fn a_gift_that_was_given_back_is_counted_no_more(app: TestApp) {
        let campaign = new_campaign(&app.app).await;
        let session = paid_with(&app, "campaign=schools", GOOD_CARD).await;
        paid_with(&app, "campaign=schools", GOOD_CARD).await;
        let raised = async || {
            let rows = ledger::raised(app.app.db.read(), &[campaign]).await.unwrap();
            rows.iter().map(|row| (row.money.minor, row.gifts)).collect::<Vec<_>>()
        };
        assert_eq!(raised().await, [(5_000, 2)]);
        app.stripe.standin.refund(&session, Some(1_000)).unwrap();
        catch_up(&app).await;
        assert_eq!(raised().await, [(4_000, 2)]);
        app.stripe.standin.refund(&session, None).unwrap();
        catch_up(&app).await;
        assert_eq!(raised().await, [(2_500, 1)]);
    }

    async fn the_cancellation_goes_to_her_whatever_address_one_letter_went_to_and_what_waited_stays_in(app: TestApp) {
        use entity::words::LetterState;
        use wellwisher::{donations::care, receipts::Elsewhere, staff::audit::Actor};
        let session = paid_with(&app, "", GOOD_CARD).await;
        let gift = the_donation(&app.app).await;
        app.app.clock.advance(chrono::TimeDelta::seconds(60));
        care::resend_receipt(&app.app, &Actor::system(), gift.id, Some(Elsewhere::once("slip@example.org"))).await.unwrap();
        app.stripe.standin.refund(&session, None).unwrap();
        catch_up(&app).await;
        let told = letters_of_kind(&app, LetterKind::ReceiptCancelled).await;
        assert_eq!(told.iter().map(|letter| letter.to_address.as_str()).collect::<Vec<_>>(), ["zarmina@example.org"]);
        let waited = letters_of_kind(&app, LetterKind::Receipt).await;
        assert_eq!(waited.iter().map(|letter| letter.state).collect::<Vec<_>>(), [LetterState::Suppressed; 2]);
    }

    async fn a_full_refund_takes_the_income_the_receipt_and_the_item_back(app: TestApp) {
        new_item(&app.app, 1, None).await;
        let session = paid_with(&app, "item=bag", GOOD_CARD).await;
        assert_eq!(item_state(&app).await, ReservationState::Paid);
        app.stripe.standin.refund(&session, None).unwrap();
        catch_up(&app).await;
        assert_eq!(kinds(&app).await, [MovementKind::Donation, MovementKind::Fee, MovementKind::Refund]);
        assert_eq!((worth(&app).await, balance(&app.app, "donations", "EUR").await), (0, 0));
        assert_eq!(receipts_in_short(&app).await, ["1 void 2500"]);
        assert_eq!(item_state(&app).await, ReservationState::Released);
        let told = letters_of_kind(&app, LetterKind::ReceiptCancelled).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].subject.contains("R-2026-000001") && told[0].text_body.contains("no longer valid"), "{}", told[0].text_body);
        assert!(steps(&app).await.ends_with(&["refunded".into(), "item_given_back".into(), "receipt_void".into()]), "{:?}", steps(&app).await);
        assert_books_agree(&app).await;
        let before = everything(&app.app).await;
        deliver_all(&app).await;
        work_off(&app.app).await;
        assert_eq!(everything(&app.app).await, before, "the same events again change nothing");
    }

    async fn two_partial_refunds_each_replace_the_receipt(app: TestApp) {
        new_item(&app.app, 1, None).await;
        let session = paid_with(&app, "item=bag", GOOD_CARD).await;
        app.stripe.standin.refund(&session, Some(1_000)).unwrap();
        catch_up(&app).await;
        assert_eq!((worth(&app).await, item_state(&app).await), (1_500, ReservationState::Paid));
        let page = app.get(&wellwisher::donations::path_of(&app.app, the_donation(&app.app).await.id)).await;
        assert!(page.body.contains("Given back") && page.body.contains("€10") && page.body.contains("R-2026-000002"), "{}", page.body);
        assert_eq!(receipts_in_short(&app).await, ["1 replaced 2500", "2 issued 1500"]);
        app.app.clock.advance(chrono::TimeDelta::seconds(60));
        app.stripe.standin.refund(&session, Some(500)).unwrap();
        catch_up(&app).await;
        assert_eq!(worth(&app).await, 1_000);
        assert_eq!(receipts_in_short(&app).await, ["1 replaced 2500", "2 replaced 1500", "3 issued 1000"]);
        let all = receipts(&app).await;
        assert_eq!((all[1].replaces_id, all[2].replaces_id), (Some(all[0].id), Some(all[1].id)));
        let letters = letters_of_kind(&app, LetterKind::Receipt).await;
        assert_eq!(letters.len(), 3);
        assert!(letters[2].text_body.contains("cancels and replaces receipt R-2026-000002"), "{}", letters[2].text_body);
        app.stripe.standin.refund(&session, None).unwrap();
        catch_up(&app).await;
        assert_eq!(receipts_in_short(&app).await[2], "3 void 1000");
        assert_eq!(worth(&app).await, 0);
        assert_books_agree(&app).await;
    }

    async fn a_refund_that_fails_restores_the_income_the_receipt_and_the_item(app: TestApp) {
        new_item(&app.app, 1, None).await;
        let session = paid_with(&app, "item=bag", FAILING_REFUND_CARD).await;
        app.stripe.standin.refund(&session, None).unwrap();
        catch_up(&app).await;
        assert_eq!((worth(&app).await, item_state(&app).await), (0, ReservationState::Released));
        app.app.clock.advance(chrono::TimeDelta::seconds(20));
        app.stripe.standin.catch_up();
        catch_up(&app).await;
        assert_eq!(kinds(&app).await[2..], [MovementKind::Refund, MovementKind::RefundFailure]);
        assert_eq!((worth(&app).await, item_state(&app).await), (2_500, ReservationState::Paid));
        assert_eq!(receipts_in_short(&app).await, ["1 void 2500", "2 issued 2500"]);
        let gift = the_donation(&app.app).await;
        let rows = back::store::refunds_of(app.app.db.read(), gift.id).await.unwrap();
        assert_eq!((rows.len(), rows[0].state, rows[0].failure.as_str()), (1, RefundState::Failed, "expired_or_canceled_card"));
        assert_books_agree(&app).await;
    }

    async fn a_pending_refund_counts_when_stripe_has_booked_it_and_succeeds_later(app: TestApp) {
        let session = paid_with(&app, "", SLOW_REFUND_CARD).await;
        app.stripe.standin.refund(&session, Some(500)).unwrap();
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        let state = async || back::store::refunds_of(app.app.db.read(), gift.id).await.unwrap()[0].state;
        assert_eq!((state().await, worth(&app).await), (RefundState::Pending, 2_000));
        app.app.clock.advance(chrono::TimeDelta::seconds(20));
        app.stripe.standin.catch_up();
        catch_up(&app).await;
        assert_eq!((state().await, worth(&app).await), (RefundState::Succeeded, 2_000));
        assert_eq!(receipts_in_short(&app).await, ["1 replaced 2500", "2 issued 2000"]);
        assert_books_agree(&app).await;
    }

    async fn a_dispute_holds_the_money_and_a_won_one_gives_it_back(app: TestApp) {
        let finance = app.add_person(Role::Finance).await;
        app.add_person(Role::Editor).await;
        paid_with(&app, "", FRAUD_CARD).await;
        let dispute = app.stripe.standin.disputes().remove(0).id;
        assert_eq!(kinds(&app).await[2..], [MovementKind::Dispute]);
        assert_eq!((balance(&app.app, "disputed", "USD").await, worth(&app).await), (2_500, 2_500));
        assert_eq!(balance(&app.app, "stripe_fees", "USD").await, 103 + 1_500);
        assert_eq!(receipts_in_short(&app).await, ["1 issued 2500"], "what is only disputed is still given");
        let notices = letters_of_kind(&app, LetterKind::StaffNotice).await;
        assert_eq!(notices.iter().map(|letter| letter.to_address.clone()).collect::<Vec<_>>(), [finance.email]);
        assert!(notices[0].subject.contains("answer by 2026-05-10") && !notices[0].text_body.contains("Zarmina"), "{}", notices[0].text_body);
        assert_books_agree(&app).await;
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Won));
        catch_up(&app).await;
        assert_eq!(kinds(&app).await[3..], [MovementKind::DisputeReversal]);
        assert_eq!((balance(&app.app, "disputed", "USD").await, worth(&app).await), (0, 2_500));
        assert_eq!(receipts_in_short(&app).await, ["1 issued 2500"]);
        assert_books_agree(&app).await;
    }

    async fn a_dispute_that_was_just_won_may_wait_for_its_money_but_not_for_ever(app: TestApp) {
        paid_with(&app, "", FRAUD_CARD).await;
        // Stripe says that it is won, and has not booked yet what comes back.
        let now = app.app.now();
        let won = dispute::Entity::update_many()
            .col_expr(dispute::Column::Outcome, Expr::value(DisputeOutcome::Won))
            .col_expr(dispute::Column::UpdatedAt, Expr::value(now));
        app.app.db.write(async |tx| Ok(won.clone().exec(tx).await?)).await.unwrap();
        let broken = async || verify::verify(&app.app).await.unwrap().broken().map(|check| check.name).collect::<Vec<_>>();
        assert_eq!(broken().await, Vec::<&str>::new());
        app.app.clock.advance(chrono::TimeDelta::minutes(16));
        assert_eq!(broken().await, ["Nothing stays disputed once every dispute of a gift is decided."]);
        assert!(app.stripe.standin.decide_dispute(&app.stripe.standin.disputes().remove(0).id, Decision::Won));
        catch_up(&app).await;
        assert_books_agree(&app).await;
    }

    async fn a_lost_dispute_takes_the_income_and_the_receipt(app: TestApp) {
        new_item(&app.app, 1, None).await;
        paid_with(&app, "item=bag", FRAUD_CARD).await;
        let dispute = app.stripe.standin.disputes().remove(0).id;
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        catch_up(&app).await;
        assert_eq!(kinds(&app).await[3..], [MovementKind::DisputeLoss]);
        assert_eq!((balance(&app.app, "disputed", "EUR").await, worth(&app).await), (0, 0));
        assert_eq!((receipts_in_short(&app).await, item_state(&app).await), (vec!["1 void 2500".to_owned()], ReservationState::Released));
        assert_books_agree(&app).await;
        let gift = the_donation(&app.app).await;
        let rows = back::store::disputes_of(app.app.db.read(), gift.id).await.unwrap();
        assert!(rows[0].outcome == DisputeOutcome::Lost && rows[0].closed_at.is_some());
        let hers = app.get(&path_of(&app.app, gift.id)).await.texts("ol.told li").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(hers.contains("Your bank took €25 back."), "{hers}");
        // Years later the bank decides otherwise: the loss is corrected, nothing is edited.
        assert!(app.stripe.standin.reinstate(&dispute, true));
        catch_up(&app).await;
        assert_eq!(kinds(&app).await[4..], [MovementKind::DisputeReversal, MovementKind::DisputeLoss]);
        assert_eq!((balance(&app.app, "disputed", "EUR").await, worth(&app).await), (0, 2_500));
        assert_eq!((receipts_in_short(&app).await[1].as_str(), item_state(&app).await), ("2 issued 2500", ReservationState::Paid));
        assert_books_agree(&app).await;
    }

    async fn a_dispute_of_a_part_loses_that_part_and_what_comes_back_of_it_is_not_lost(app: TestApp) {
        let session = paid_with(&app, "", GOOD_CARD).await;
        let dispute = app.stripe.standin.dispute(&session, Some(1_000), false).unwrap();
        catch_up(&app).await;
        assert_eq!((balance(&app.app, "disputed", "USD").await, worth(&app).await), (1_000, 2_500));
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::LostInPart { returned: 400 }));
        catch_up(&app).await;
        assert_eq!((balance(&app.app, "disputed", "USD").await, worth(&app).await), (0, 1_900));
        assert_eq!(receipts_in_short(&app).await, ["1 replaced 2500", "2 issued 1900"]);
        assert_books_agree(&app).await;
    }

    async fn what_does_not_come_back_of_a_dispute_that_was_won_is_lost(app: TestApp) {
        new_item(&app.app, 1, None).await;
        paid_with(&app, "item=bag", FRAUD_CARD).await;
        let dispute = app.stripe.standin.disputes().remove(0).id;
        for impossible in [0, 2_500] {
            assert!(!app.stripe.standin.decide_dispute(&dispute, Decision::WonInPart { returned: impossible }), "a part of what was taken");
        }
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::WonInPart { returned: 1_600 }));
        assert!(!app.stripe.standin.decide_dispute(&dispute, Decision::Lost), "it is decided");
        catch_up(&app).await;
        assert_eq!(kinds(&app).await[2..], [MovementKind::Dispute, MovementKind::DisputeReversal, MovementKind::DisputeLoss]);
        assert_eq!((balance(&app.app, "disputed", "EUR").await, worth(&app).await), (0, 1_600));
        assert_eq!((balance(&app.app, "donations", "EUR").await, balance(&app.app, "stripe_fees", "EUR").await), (-1_600, 1_603));
        assert_eq!((receipts_in_short(&app).await, item_state(&app).await), (vec!["1 replaced 2500".to_owned(), "2 issued 1600".to_owned()], ReservationState::Paid));
        let gift = the_donation(&app.app).await;
        let rows = back::store::disputes_of(app.app.db.read(), gift.id).await.unwrap();
        assert!(rows[0].outcome == DisputeOutcome::Won && rows[0].closed_at.is_some());
        assert_books_agree(&app).await;
        let before = everything(&app.app).await;
        deliver_all(&app).await;
        work_off(&app.app).await;
        assert_eq!(everything(&app.app).await, before, "the same events again change nothing");
    }

    async fn what_was_won_and_is_lost_after_all_is_lost_on_the_day_of_the_loss(app: TestApp) {
        use entity::Money;
        use wellwisher::payments::Movement;
        let session = paid_with(&app, "", GOOD_CARD).await;
        let dispute = app.stripe.standin.dispute(&session, None, false).expect("a dispute");
        catch_up(&app).await;
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Won));
        catch_up(&app).await;
        app.app.clock.advance(chrono::TimeDelta::days(40));
        let gift = the_donation(&app.app).await;
        let mut said = app.app.stripe.disputes_of(gift.payment_intent_id.as_deref().unwrap()).await.unwrap();
        let taken = said[0].movements.iter().find(|one| one.gross.minor < 0).cloned().expect("what was taken first");
        said[0].movements.push(Movement { id: "txn_taken_again".into(), fee: Money::new(0, taken.fee.currency), net: taken.gross, created: app.app.now(), ..taken });
        (said[0].status, said[0].outcome) = ("lost".into(), DisputeOutcome::Lost);
        let present = back::Present { checkout: None, returned: Some(back::Returned { refunds: vec![], disputes: said }) };
        back::apply(&app.app, gift.id, &present).await.unwrap();
        assert_eq!(worth(&app).await, 0);
        let rows = back::store::disputes_of(app.app.db.read(), gift.id).await.unwrap();
        assert_eq!((rows[0].outcome, rows[0].closed_at), (DisputeOutcome::Lost, Some(app.app.now())));
        let heads = ledger_transaction::Entity::find().all(app.app.db.read()).await.unwrap();
        let loss = heads.iter().find(|head| head.kind == MovementKind::DisputeLoss).expect("the loss");
        assert_eq!(loss.occurred_at, app.app.now());
    }

    async fn a_question_of_the_bank_moves_nothing_until_it_becomes_a_dispute(app: TestApp) {
        app.add_person(Role::Admin).await;
        paid_with(&app, "", INQUIRY_CARD).await;
        let dispute = app.stripe.standin.disputes().remove(0).id;
        assert_eq!((kinds(&app).await.len(), worth(&app).await), (2, 2_500));
        assert_eq!(letters_of_kind(&app, LetterKind::StaffNotice).await.len(), 1, "an administrator hears where nobody is in finance");
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Escalated));
        catch_up(&app).await;
        assert_eq!(balance(&app.app, "disputed", "USD").await, 2_500);
        assert_eq!(letters_of_kind(&app, LetterKind::StaffNotice).await.len(), 2);
        assert_books_agree(&app).await;
    }

    async fn a_question_that_came_to_nothing_is_closed(app: TestApp) {
        paid_with(&app, "", INQUIRY_CARD).await;
        let dispute = app.stripe.standin.disputes().remove(0).id;
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::InquiryClosed));
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        let rows = back::store::disputes_of(app.app.db.read(), gift.id).await.unwrap();
        assert!(rows[0].outcome == DisputeOutcome::Inquiry && rows[0].closed_at.is_some());
        assert_eq!(worth(&app).await, 2_500);
        assert_books_agree(&app).await;
    }

    async fn what_settles_in_another_currency_comes_back_through_the_exchange(app: TestApp) {
        let app = before(app, |options: &mut StandinOptions| options.fees.settlement_currency = Some("EUR".parse().unwrap())).await;
        let session = paid_with(&app, "", GOOD_CARD).await;
        app.stripe.standin.refund(&session, Some(1_000)).unwrap();
        catch_up(&app).await;
        assert_eq!(worth(&app).await, 1_500);
        assert_books_agree(&app).await;
        assert_eq!(balance(&app.app, "stripe_clearing", "USD").await, 0);
        let dispute = app.stripe.standin.dispute(&session, Some(600), false).unwrap();
        catch_up(&app).await;
        assert_eq!((balance(&app.app, "disputed", "EUR").await, worth(&app).await), (545, 1_500));
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        catch_up(&app).await;
        assert_eq!((balance(&app.app, "disputed", "EUR").await, worth(&app).await), (0, 900));
        assert_books_agree(&app).await;
    }

    async fn what_a_bank_keeps_beyond_the_gift_is_a_fee_also_in_another_currency(app: TestApp) {
        let app = before(app, |options: &mut StandinOptions| options.fees.settlement_currency = Some("EUR".parse().unwrap())).await;
        let session = paid_with(&app, "", GOOD_CARD).await;
        app.stripe.standin.refund(&session, Some(1_000)).unwrap();
        catch_up(&app).await;
        let fees = balance(&app.app, "stripe_fees", "EUR").await;
        let dispute = app.stripe.standin.dispute(&session, None, false).unwrap();
        assert!(app.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        catch_up(&app).await;
        // 25 dollars are 22.73 euros: of two fifths nothing was left that could be lost.
        assert_eq!(balance(&app.app, "stripe_fees", "EUR").await - fees, 1_500 + 909);
        assert_eq!((balance(&app.app, "exchange", "EUR").await, balance(&app.app, "exchange", "USD").await), (0, 0));
        assert_eq!((worth(&app).await, balance(&app.app, "disputed", "EUR").await), (0, 0));
        assert_books_agree(&app).await;
        // The bank gives all of it back after all, and so the cost is none.
        assert!(app.stripe.standin.reinstate(&dispute, true));
        catch_up(&app).await;
        assert_eq!((worth(&app).await, balance(&app.app, "stripe_fees", "EUR").await - fees), (1_500, 1_500));
        assert_books_agree(&app).await;
        let before = everything(&app.app).await;
        deliver_all(&app).await;
        work_off(&app.app).await;
        assert_eq!(everything(&app.app).await, before, "the same events again change nothing");
    }

    async fn currencies_without_and_with_three_decimals_come_back_to_the_unit(database: TestDatabase) {
        let app = TestApp::with(database, |settings| "USD,JPY,KWD".clone_into(&mut settings.org_currencies)).await;
        for (code, typed, part, left) in [("JPY", "5000", 1_234, 3_766), ("KWD", "12.340", 2_340, 10_000)] {
            let answer = fill(&app, "").await.with("currency", code).with("amount", "other").with("other_amount", typed).send(&app).await;
            let session = session_of(&app, &answer);
            app.stripe.standin.pay(&session, GOOD_CARD);
            catch_up(&app).await;
            app.stripe.standin.refund(&session, Some(part)).unwrap();
            catch_up(&app).await;
            assert_eq!(balance(&app.app, "donations", code).await, -left, "{code}");
            let dispute = app.stripe.standin.dispute(&session, Some(left), false).unwrap();
            app.stripe.standin.decide_dispute(&dispute, Decision::Lost);
            catch_up(&app).await;
            assert_eq!(balance(&app.app, "donations", code).await, 0, "{code}");
        }
        assert_books_agree(&app).await;
        assert!(receipts(&app).await.iter().all(|receipt| receipt.status != ReceiptStatus::Issued));
    }
}
