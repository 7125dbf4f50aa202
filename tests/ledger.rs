//! The ledger: every transaction sums to zero in every currency, is posted once, and is what all figures come from.

mod periods;

use crate::{
    donations::helpers::{GOOD_CARD, balances, catch_up, count, fill, new_campaign, session_of, the_donation},
    support::{TestApp, on_both_databases},
};
use entity::{
    Currency, Money,
    ids::{CampaignId, DonationId},
    words::{Account, MovementKind},
};
use proptest::prelude::*;
use sea_orm::prelude::Uuid;
use wellwisher::ledger::{self, Leg, Posting, Purpose};

fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, code.parse::<Currency>().expect("a currency"))
}

fn a_time() -> chrono::DateTime<chrono::Utc> {
    "2026-05-01T00:00:00Z".parse().expect("a time")
}

on_both_databases! {
    async fn what_does_not_sum_to_zero_in_each_currency_is_refused(app: TestApp) {
        let donation = a_paid_donation(&app).await;
        let before = (count(&app.app, "ledger_transaction").await, count(&app.app, "ledger_entry").await);
        let leg = |account, minor, code| Leg { account, amount: money(minor, code), purpose: Purpose::default() };
        let crooked = [
            vec![leg(Account::StripeClearing, 100, "EUR")],
            vec![leg(Account::StripeClearing, 100, "EUR"), leg(Account::Donations, -99, "EUR")],
            vec![leg(Account::StripeClearing, 100, "EUR"), leg(Account::Donations, -100, "USD")],
            vec![leg(Account::StripeClearing, i64::MAX, "EUR"), leg(Account::Donations, 1, "EUR")],
        ];
        for legs in crooked {
            let posting = Posting {
                kind: MovementKind::Donation,
                source: "pi_crooked:capture".into(),
                donation_id: Some(donation),
                occurred_at: a_time(),
                balance_transaction: None,
                reverses_id: None,
                legs,
            };
            let now = app.app.now();
            assert!(app.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.is_err(), "{posting:?}");
        }
        assert_eq!((count(&app.app, "ledger_transaction").await, count(&app.app, "ledger_entry").await), before);
    }

    async fn the_same_source_is_posted_once_however_often_and_at_the_same_time(app: TestApp) {
        app.books_end_broken("postings were written into the ledger alone");
        let donation = a_paid_donation(&app).await;
        let before = count(&app.app, "ledger_transaction").await;
        let posting = Posting::gift("pi_one:capture".into(), donation, a_time(), money(500, "EUR"), Purpose::default()).unwrap();
        let posts = (0..8).map(|_| {
            let (app, posting) = (app.app.clone(), posting.clone());
            tokio::spawn(async move {
                let now = app.now();
                app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap()
            })
        });
        let new = futures_util::future::join_all(posts.collect::<Vec<_>>()).await.into_iter().filter(|new| *new.as_ref().unwrap()).count();
        assert_eq!((new, count(&app.app, "ledger_transaction").await), (1, before + 1));
    }

    async fn a_campaigns_figure_is_the_sum_of_its_entries_by_currency(app: TestApp) {
        let campaign = new_campaign(&app.app).await;
        for (code, amount) in [("EUR", "25.00"), ("EUR", "10.00"), ("USD", "50.00")] {
            let form = fill(&app, "campaign=schools").await.with("currency", code).with("amount", amount);
            let session = session_of(&app, &form.send(&app).await);
            app.stripe.standin.pay(&session, GOOD_CARD);
        }
        catch_up(&app).await;
        let raised = ledger::raised(app.app.db.read(), &[campaign]).await.unwrap();
        let told: Vec<_> = raised.iter().map(|row| (row.money, row.gifts)).collect();
        assert_eq!(told, [(money(3_500, "EUR"), 2), (money(5_000, "USD"), 1)]);
        assert!(ledger::raised(app.app.db.read(), &[]).await.unwrap().is_empty());
    }

    async fn a_campaigns_gifts_are_counted_once_each_and_nothing_else_is(app: TestApp) {
        app.books_end_broken("postings were written into the ledger alone");
        let campaign = new_campaign(&app.app).await;
        let donation = a_paid_donation(&app).await;
        let purpose = Purpose { campaign_id: Some(campaign), ..Purpose::default() };
        let raised = async || {
            let rows = ledger::raised(app.app.db.read(), &[campaign]).await.unwrap();
            rows.iter().map(|row| (row.money, row.gifts)).collect::<Vec<_>>()
        };
        let post = async |kind, income: &[i64]| {
            let leg = |account, minor, purpose| Leg { account, amount: money(minor, "USD"), purpose };
            let mut legs: Vec<Leg> = income.iter().map(|minor| leg(Account::Donations, -minor, purpose)).collect();
            legs.push(leg(Account::StripeClearing, income.iter().sum(), Purpose::default()));
            let posting = Posting {
                kind,
                source: format!("{kind}:{income:?}"),
                donation_id: Some(donation),
                occurred_at: a_time(),
                balance_transaction: None,
                reverses_id: None,
                legs,
            };
            let now = app.app.now();
            assert!(app.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap());
        };
        assert_eq!(raised().await, []);
        for (kind, income, minor, gifts) in [
            (MovementKind::Donation, [1_000].as_slice(), 1_000, 1),
            (MovementKind::Donation, &[500], 1_500, 2),
            (MovementKind::Refund, &[-300], 1_200, 2),
            (MovementKind::RefundFailure, &[150, 50], 1_400, 2),
            (MovementKind::Reclassification, &[-100, 60, 40], 1_400, 2),
            (MovementKind::Shortfall, &[10], 1_410, 2),
            (MovementKind::Reversal, &[20, 20], 1_450, 3),
            (MovementKind::DisputeLoss, &[-5_000, 50], -3_500, 1),
        ] {
            post(kind, income).await;
            assert_eq!(raised().await, [(money(minor, "USD"), gifts)], "{kind} {income:?}");
        }
    }

    async fn a_gift_that_moved_and_of_which_nothing_is_left_counts_for_no_campaign(app: TestApp) {
        app.books_end_broken("postings were written into the ledger alone");
        let (one, other) = (app.add_campaign("one").await, app.add_campaign("other").await);
        let donation = a_paid_donation(&app).await;
        let of = |campaign| Purpose { campaign_id: campaign, ..Purpose::default() };
        let post = async |kind, sides: &[(Option<CampaignId>, i64)]| {
            let leg = |account, minor, purpose| Leg { account, amount: money(minor, "USD"), purpose };
            let mut legs: Vec<Leg> = sides.iter().map(|(campaign, minor)| leg(Account::Donations, -minor, of(*campaign))).collect();
            legs.push(leg(Account::StripeClearing, sides.iter().map(|(_, minor)| minor).sum(), Purpose::default()));
            let (source, occurred_at) = (format!("{kind}:moved"), a_time());
            let posting = Posting { kind, source, donation_id: Some(donation), occurred_at, balance_transaction: None, reverses_id: None, legs };
            let now = app.app.now();
            assert!(app.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap());
        };
        let raised = async |campaigns: &[CampaignId]| {
            let rows = ledger::raised(app.app.db.read(), campaigns).await.unwrap();
            let of = |id: &CampaignId| rows.iter().find(|row| row.campaign_id == *id).map(|row| (row.money.minor, row.gifts));
            campaigns.iter().map(|id| of(id).expect("a row")).collect::<Vec<_>>()
        };
        post(MovementKind::Donation, &[(Some(one), 1_000)]).await;
        post(MovementKind::Reclassification, &[(Some(one), -1_000), (Some(other), 1_000)]).await;
        assert_eq!(raised(&[one, other]).await, [(0, 1), (1_000, 0)], "it counts where it was given");
        // What is left of it, and what the gift was before.
        post(MovementKind::Refund, &[(Some(other), -1_000), (None, -2_500)]).await;
        for campaigns in [[one, other].as_slice(), &[one], &[other]] {
            assert!(raised(campaigns).await.iter().all(|told| *told == (0, 0)), "together and alone: {campaigns:?}");
        }
    }

    async fn the_entries_of_a_donation_come_with_their_transactions_in_order(app: TestApp) {
        let donation = a_paid_donation(&app).await;
        let entries = ledger::entries_of_donation(app.app.db.read(), donation).await.unwrap();
        let kinds: Vec<_> = entries.iter().map(|(head, sides)| (head.kind, sides.len())).collect();
        assert_eq!(kinds, [(MovementKind::Donation, 2), (MovementKind::Fee, 2)]);
        assert!(!balances(&app.app).await.is_empty());
    }
}

async fn a_paid_donation(app: &TestApp) -> DonationId {
    crate::donations::helpers::paid_session(app, "").await;
    catch_up(app).await;
    the_donation(&app.app).await.id
}

proptest! {
    #[test]
    fn a_fee_in_any_currency_sums_to_zero(gift in 1i64..i64::MAX / 4, gross in 1i64..i64::MAX / 4, fee in 0i64..i64::MAX / 4, same: bool) {
        let id: DonationId = Uuid::nil().into();
        let settled = if same { money(gift, "EUR") } else { money(gross, "USD") };
        let kept = Money::new(fee, settled.currency);
        let posting = Posting::fee(id, money(gift, "EUR"), settled, kept, "txn_1", a_time(), Purpose::default()).unwrap();
        prop_assert!(posting.sums().unwrap().values().all(|sum| *sum == 0));
        prop_assert_eq!(posting.source, "txn_1:fee");
    }
}
