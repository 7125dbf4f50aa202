//! From each row of the register to the line of the bank statement with which its money came.

use super::{Row, everything, file_of, movements::money, rows_of};
use crate::{
    donations::helpers::before,
    support::{TestApp, gift, hand_gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    ids::DonationId,
    words::{Account, BalanceMapping},
};
use sea_orm::ConnectionTrait;
use std::collections::BTreeMap;
use wellwisher::{
    donations::{
        self,
        by_hand::{
            HandGift, Method,
            deposits::{self, NewDeposit},
        },
    },
    payouts,
    reports::ExportRequest,
    staff::Actor,
};

async fn reconcile(test: &TestApp) {
    payouts::reconcile(&test.app, test.app.now() - TimeDelta::days(35), |_, _| {}).await.expect("Stripe answers");
}

/// Days later, everything that is available is paid out and itemised: Stripe's id and the day at the bank.
async fn pay_out(test: &TestApp) -> (String, String) {
    test.app.clock.advance(TimeDelta::days(3));
    let made = test.stripe.standin.pay_out();
    assert_eq!(made.len(), 1, "one currency");
    assert!(test.stripe.standin.complete_payout(&made[0]));
    reconcile(test).await;
    let payout = payouts::store::payout_of_stripe(test.app.db.read(), &made[0]).await.unwrap().expect("the payout");
    (payout.stripe_payout_id, payout.arrives_on.to_string())
}

async fn register(test: &TestApp) -> Vec<Row> {
    rows_of(&file_of(test, &everything()).await.0)
}

fn line(row: &Row) -> (&str, &str, &str) {
    (&row["payout"], &row["deposit"], &row["at_bank_on"])
}

/// The lines of the rows of a kind that belong to this gift.
fn lines_of<'r>(rows: &'r [Row], gift: DonationId, kind: &str) -> Vec<(&'r str, &'r str, &'r str)> {
    rows.iter().filter(|row| row["donation_id"] == gift.to_string() && row["type"] == kind).map(line).collect()
}

/// What went into a payout is what went out with it, or it came back.
fn assert_that_payouts_come_to_nothing(rows: &[Row]) {
    let mut sums: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row["payout"].is_empty()) {
        *sums.entry((&row["payout"], &row["currency"])).or_default() += row["net_minor"].parse::<i64>().unwrap();
    }
    assert!(!sums.is_empty() && sums.values().all(|sum| *sum == 0), "{sums:?}: {rows:#?}");
}

const NOT_YET: (&str, &str, &str) = ("", "", "");

on_both_databases! {
    async fn a_gift_and_what_came_back_of_it_name_the_payouts_that_they_are_in(test: TestApp) {
        let test = before(test, |options| options.fees.settlement_currency = Some("EUR".parse().unwrap())).await;
        let given = test.give(&gift(5_000, "EUR")).await;
        let dollars = test.give(&gift(10_000, "USD")).await;
        reconcile(&test).await;
        let unpaid = file_of(&test, &everything()).await;
        assert!(rows_of(&unpaid.0).iter().all(|row| line(row) == NOT_YET), "nothing was paid out yet");
        let (first, day) = pay_out(&test).await;
        let at_bank = (first.as_str(), "", day.as_str());
        let rows = register(&test).await;
        for (gift, kind) in [(given.id, "donation"), (given.id, "fee"), (dollars.id, "donation"), (dollars.id, "exchange"), (dollars.id, "fee")] {
            assert_eq!(lines_of(&rows, gift, kind), [at_bank], "{kind}: {rows:#?}");
        }
        let own: Vec<_> = rows.iter().filter(|row| row["type"] == "payout").map(line).collect();
        assert_eq!(own, [at_bank], "the payout is its own line");
        assert_that_payouts_come_to_nothing(&rows);

        let (of_unpaid, of_paid) = (unpaid.1.totals, file_of(&test, &everything()).await.1.totals);
        for column in ["gross", "fee", "exchanged"] {
            let eur = "EUR".parse().unwrap();
            assert_eq!(of_unpaid[&eur][column], of_paid[&eur][column], "the control totals know nothing of payouts: {column}");
        }

        let (session, other) = (given.checkout_session_id.as_deref().unwrap(), test.give(&gift(7_000, "EUR")).await);
        test.stripe.standin.refund(session, Some(2_000)).unwrap();
        donations::refresh(&test.app, given.id).await.unwrap();
        let (second, later) = pay_out(&test).await;
        let rows = register(&test).await;
        assert_eq!(lines_of(&rows, given.id, "donation"), [at_bank], "what came back later takes nothing from that");
        assert_eq!(lines_of(&rows, given.id, "refund"), [(second.as_str(), "", later.as_str())]);
        assert_eq!(lines_of(&rows, other.id, "donation"), [(second.as_str(), "", later.as_str())]);
        assert_that_payouts_come_to_nothing(&rows);
    }

    async fn a_payout_that_came_back_brought_nothing_and_the_next_one_did(test: TestApp) {
        let given = test.give(&gift(5_000, "EUR")).await;
        let (first, _) = pay_out(&test).await;
        assert!(test.stripe.standin.fail_payout(&first));
        reconcile(&test).await;
        let rows = register(&test).await;
        assert_eq!(lines_of(&rows, given.id, "donation"), [NOT_YET], "the money is at Stripe again");
        let own: Vec<_> = rows.iter().filter(|row| row["type"] == "payout").map(line).collect();
        assert_eq!(own, [(first.as_str(), "", "")], "it left by this name, and is on no bank statement");
        assert_that_payouts_come_to_nothing(&rows);

        let second = test.give(&gift(2_000, "EUR")).await;
        let (came_back_too, _) = pay_out(&test).await;
        assert!(test.stripe.standin.fail_payout(&came_back_too));
        let (last, day) = pay_out(&test).await;
        let rows = register(&test).await;
        for gift in [given.id, second.id] {
            assert_eq!(lines_of(&rows, gift, "donation"), [(last.as_str(), "", day.as_str())], "however often it came back");
        }
        let back: Vec<_> = rows.iter().filter(|row| row["type"] == "payout_failure").map(line).collect();
        assert_eq!(back, [(first.as_str(), "", ""), (came_back_too.as_str(), "", "")], "by the name by which it had left");
        let out: Vec<_> = rows.iter().filter(|row| row["type"] == "payout").map(line).collect();
        assert_eq!(out, [back[0], back[1], (last.as_str(), "", day.as_str())]);
        assert_that_payouts_come_to_nothing(&rows);
    }

    async fn a_gift_in_two_payouts_names_both_and_the_day_from_which_on_all_is_there(test: TestApp) {
        test.books_end_broken("movements were written down that no list of Stripe has");
        let given = test.give(&gift(5_000, "EUR")).await;
        for (number, (payout, day)) in [("po_late", "2026-05-09"), ("po_early", "2026-05-04"), ("po_early", "2026-05-04")].into_iter().enumerate() {
            test.add_movement(&format!("txn_part_{number}"), BalanceMapping::Gift, (1_000, 0, "EUR"), Some(payout), Some(given.id)).await;
            if number < 2 {
                test.add_payout(payout, money(1_000, "EUR"), day.parse().unwrap(), &format!("txn_out_{number}")).await;
            }
        }
        let rows = register(&test).await;
        assert_eq!(lines_of(&rows, given.id, "donation"), [("po_early po_late", "", "2026-05-09")]);
        assert_eq!(rows.iter().filter(|row| row["type"] == "donation").count(), 1, "and is still one row");
        // One comes back, by a movement that it lists itself: that leads nowhere.
        let fails = "update payout set state = 'failed', failure_balance_transaction_id = 'txn_part_0' where stripe_payout_id = 'po_late'";
        test.app.db.write(async |tx| Ok(tx.execute_unprepared(fails).await?)).await.unwrap();
        assert_eq!(lines_of(&register(&test).await, given.id, "donation"), [("po_early", "", "")], "a part of it is not at the bank");
    }

    async fn cash_names_its_deposit_and_a_transfer_its_own_day(test: TestApp) {
        let kept = test.enter(&hand_gift(&test, 700, "EUR")).await.id;
        let cash = test.enter(&hand_gift(&test, 1_000, "EUR")).await.id;
        let transfer = HandGift { account: Account::Bank, method: Method::Transfer, ..hand_gift(&test, 900, "EUR") };
        let transfer = test.enter(&transfer).await.id;
        test.wait(86_400);
        let new = NewDeposit { gifts: vec![cash], on: test.app.today(), reference: "Rosa’s slip".into() };
        let deposit = deposits::record(&test.app, &Actor::system(), &new).await.unwrap();
        let (id, day) = (deposit.to_string(), test.app.today().to_string());
        let (file, _) = file_of(&test, &everything()).await;
        assert!(!file.contains("Rosa"), "what was written on the slip may name somebody");
        let rows = rows_of(&file);
        assert_eq!(lines_of(&rows, cash, "donation"), [("", id.as_str(), day.as_str())]);
        assert_eq!(lines_of(&rows, kept, "donation"), [NOT_YET], "it waits to be taken to the bank");
        assert_eq!(lines_of(&rows, transfer, "donation"), [("", "", "2026-05-01")]);
        let own: Vec<_> = rows.iter().filter(|row| row["type"] == "deposit").map(line).collect();
        assert_eq!(own, [("", id.as_str(), day.as_str())]);

        deposits::reverse(&test.app, &Actor::system(), deposit, "another day").await.unwrap();
        let rows = register(&test).await;
        assert!(rows.iter().filter(|row| row["donation_id"] != transfer.to_string()).all(|row| line(row) == NOT_YET), "{rows:#?}");
    }

    async fn rows_that_stand_far_apart_keep_their_lines(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let of_campaign = || {
            let mut given = gift(2_500, "EUR");
            given.campaign_id = Some(campaign);
            given
        };
        let first = test.give(&of_campaign()).await;
        for _ in 0..10 {
            test.give(&gift(1_000, "EUR")).await;
        }
        let last = test.give(&of_campaign()).await;
        let (payout, day) = pay_out(&test).await;
        let mut request: ExportRequest = everything();
        request.asked.filter.campaign = Some("winter".to_owned());
        let rows = rows_of(&file_of(&test, &request).await.0);
        assert_eq!(rows.len(), 4);
        for gift in [first.id, last.id] {
            assert_eq!(lines_of(&rows, gift, "donation"), [(payout.as_str(), "", day.as_str())]);
        }
    }
}
