//! The invariants of money, one by one: a row is changed behind the program's back, and `wellwisher verify` ends with 1 and names that row.

use super::{behind_its_back, books::let_everything_be_edited, run};
use crate::{
    donations::helpers::{deliver_all, work_off},
    support::{Folder, Program, TestApp, gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{donation, ledger_transaction, words::MovementKind};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{donations, ledger::periods, payouts, staff::Actor};

/// What the tamperings are about.
struct Given {
    /// For a campaign, and for two of an item.
    for_item: donation::Model,
    /// Refunded in part.
    refunded: donation::Model,
    /// The transaction of the refunded one's gift.
    posted: i64,
}

/// Gifts, an event, a refund, a closed month and an entry in the audit trail.
async fn some_months(test: &TestApp) -> Given {
    let campaign = test.add_campaign("winter").await;
    let item = test.add_item("bag", 10, campaign).await;
    let mut given = gift(5_000, "EUR");
    (given.campaign_id, given.item) = (Some(campaign), Some((item, 2)));
    let for_item = test.give(&given).await;
    let refunded = test.give(&gift(10_000, "USD")).await;
    deliver_all(test).await;
    assert!(work_off(&test.app).await.is_empty());
    test.stripe.standin.refund(refunded.checkout_session_id.as_deref().unwrap(), Some(1_000)).unwrap();
    donations::refresh(&test.app, refunded.id).await.unwrap();
    test.app.clock.set("2026-06-02T00:00:00Z".parse().unwrap());
    payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
    let day = |text: &str| text.parse().unwrap();
    let period = periods::make(&test.app, &Actor::system(), day("2026-05-01"), day("2026-05-31")).await.unwrap();
    periods::close(&test.app, &Actor::system(), period.id).await.unwrap();
    let of_gift = ledger_transaction::Entity::find()
        .filter(ledger_transaction::Column::DonationId.eq(refunded.id))
        .filter(ledger_transaction::Column::Kind.eq(MovementKind::Donation));
    let posted = of_gift.one(test.app.db.read()).await.unwrap().unwrap().id;
    Given { for_item, refunded, posted }
}

/// An invariant, what breaks it, what mends it, and the beginning of the line that names the row.
type Tampering = (&'static str, &'static str, &'static str, fn(&Given) -> String);

const TAMPERINGS: &[Tampering] = &[
    (
        "I1 zero-sum",
        "update ledger_entry set amount_minor = amount_minor + 1 where account = 'donations' and amount_minor = -10000",
        "update ledger_entry set amount_minor = amount_minor - 1 where account = 'donations' and amount_minor = -9999",
        |given| format!("ledger transaction {} (USD): 1 instead of 0", given.posted),
    ),
    (
        "I2 exactly one donation for each paid checkout",
        "update donation set checkout_url = checkout_session_id, checkout_session_id = null where currency = 'USD'",
        "update donation set checkout_session_id = checkout_url, checkout_url = null where currency = 'USD'",
        |given| format!("donation {} (no checkout)", given.refunded.id),
    ),
    (
        "I3 one receipt",
        "update receipt set status = 'void' where status = 'issued' and currency = 'USD'",
        "update receipt set status = 'issued' where status = 'void' and currency = 'USD'",
        |given| format!("donation {} (no valid receipt): nothing instead of 9000", given.refunded.id),
    ),
    (
        "I3 numbers without a gap",
        "update receipt set number = number + 10 where currency = 'EUR'",
        "update receipt set number = number - 10 where currency = 'EUR'",
        |_| "series R-2026 (receipts): 3 instead of 3".to_owned(),
    ),
    (
        "I4 the state that was agreed on is still the state",
        "update ledger_entry set account = 'bank' where account = 'stripe_fees' and currency = 'USD'",
        "update ledger_entry set account = 'stripe_fees' where account = 'bank' and currency = 'USD'",
        |_| "period from 2026-05-01 to before ".to_owned(),
    ),
    (
        "I6 no effect that Stripe did not cause",
        "update ledger_transaction set source = 'pi_forged:capture' where kind = 'donation' and source in
            (select payment_intent_id || ':capture' from donation where currency = 'USD')",
        "update ledger_transaction set source = (select payment_intent_id || ':capture' from donation where currency = 'USD')
            where source = 'pi_forged:capture'",
        |given| format!("ledger transaction {} (pi_forged:capture)", given.posted),
    ),
    ("I7 append-only", "select 1", "select 1", |_| "table ledger_entry: the database no longer refuses update".to_owned()),
    (
        "I8 no more comes back than was given",
        "update ledger_entry set amount_minor = 10001 where account = 'donations' and amount_minor = 1000",
        "update ledger_entry set amount_minor = 1000 where account = 'donations' and amount_minor = 10001",
        |given| format!("donation {} (came back): 10001 instead of 10000", given.refunded.id),
    ),
    (
        "I9 totals are derived",
        "update ledger_entry set amount_minor = -5001 where account = 'donations' and campaign_id is not null",
        "update ledger_entry set amount_minor = -5000 where account = 'donations' and campaign_id is not null",
        |_| "campaign winter: shows ".to_owned(),
    ),
    (
        "I10 no overselling",
        "update wish_item set quantity = 1",
        "update wish_item set quantity = 10",
        |_| "wish item bag (held, ordered and paid): 2 instead of 1".to_owned(),
    ),
    (
        "I11 one form, one gift",
        "update donation set checkout_url = form_token, form_token = (select other.checkout_session_id from donation other where other.currency = 'EUR')
            where currency = 'USD'",
        "update donation set form_token = checkout_url, checkout_url = null where currency = 'USD'",
        |given| format!("form or object of Stripe {}: 2 instead of 1", given.for_item.checkout_session_id.as_deref().unwrap()),
    ),
    (
        "I12 what was heard is acted on",
        "update stripe_event set outcome = 'waiting' where event_type = 'checkout.session.completed'",
        "update stripe_event set outcome = 'applied' where event_type = 'checkout.session.completed'",
        |_| "event evt_".to_owned(),
    ),
    (
        "I12 the ledger says what Stripe's balance says",
        "update balance_movement set gross_minor = gross_minor - 1, net_minor = net_minor - 1 where mapped_to = 'refund'",
        "update balance_movement set gross_minor = gross_minor + 1, net_minor = net_minor + 1 where mapped_to = 'refund'",
        |_| "movement txn_".to_owned(),
    ),
    (
        "I13 a letter for each receipt",
        "update letter set dedupe_key = 'lost' where dedupe_key = 'receipt:R-2026-000002'",
        "update letter set dedupe_key = 'receipt:R-2026-000002' where dedupe_key = 'lost'",
        |_| "receipt R-2026-000002 (letters): 0 instead of 1".to_owned(),
    ),
    (
        "I14 the audit trail",
        "update audit_entry set object_id = object_id || 'x'",
        "update audit_entry set object_id = substr(object_id, 1, length(object_id) - 1)",
        |_| "audit entry ".to_owned(),
    ),
];

on_both_databases! {
    async fn the_command_ends_with_1_and_names_the_row_that_breaks_an_invariant(test: TestApp) {
        let given = some_months(&test).await;
        let folder = Folder::new();
        let environment = [("DATABASE_URL", test.database.url.as_str()), ("SECRET_KEY", "a secret for tests, of more than 32 characters")];
        let verified = Program::run(&folder, &["verify"], &environment).await;
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);

        test.books_end_broken("the refusals to edit are taken out of the database");
        let db = behind_its_back(&test).await;
        let_everything_be_edited(&test, &db).await;
        for (invariant, tampering, mending, names) in TAMPERINGS {
            run(&db, tampering).await;
            let verified = Program::run(&folder, &["verify"], &environment).await;
            assert_eq!(verified.code, Some(1), "{invariant}: {}{}", verified.out, verified.err);
            let named = names(&given);
            let found = verified.out.lines().any(|line| line.trim_start().starts_with(&named));
            assert!(found, "{invariant}: no line begins with `{named}`:\n{}", verified.out);
            run(&db, mending).await;
            let verified = Program::run(&folder, &["verify"], &environment).await;
            let failed: Vec<_> = verified.out.lines().filter(|line| line.starts_with("FAIL")).collect();
            assert_eq!(failed.len(), 1, "{invariant} is mended, and the refusals are still gone: {}", verified.out);
        }
    }

    async fn a_refund_that_failed_does_not_excuse_money_that_is_missing(test: TestApp) {
        let paid = test.give(&gift(10_000, "USD")).await;
        let session = paid.checkout_session_id.as_deref().unwrap();
        let refund = test.stripe.standin.refund(session, Some(1_000)).unwrap();
        donations::refresh(&test.app, paid.id).await.unwrap();
        let db = behind_its_back(&test).await;
        // It fails, and of what it took nothing comes back.
        run(&db, "update refund set state = 'failed'").await;
        assert!(wellwisher::reports::verify(&test.app).await.unwrap().is_ok(), "Stripe books the failure a moment later");
        test.wait(3_600);
        let report = wellwisher::reports::verify(&test.app).await.unwrap();
        let found: Vec<_> = report.broken().flat_map(|check| check.findings.clone()).collect();
        assert_eq!(found, [format!("donation {} (refunds in the ledger): 1000 instead of 0", paid.id)]);
        run(&db, "update refund set state = 'succeeded'").await;
        assert!(test.stripe.standin.settle_refund(&refund, false));
        donations::refresh(&test.app, paid.id).await.unwrap();
        assert!(wellwisher::reports::verify(&test.app).await.unwrap().is_ok(), "the failure is booked");
    }
}
