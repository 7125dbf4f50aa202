//! A payout's page, followed link by link down to the gifts: every figure is the sum of what stands behind it, to the cent.

use super::{money, pay_out, payout_of, reconcile};
use crate::support::{Answer, TestApp, gift, on_both_databases};
use entity::words::Role;
use scraper::{ElementRef, Selector};
use std::collections::BTreeSet;
use wellwisher::{
    donations,
    payments::standin::{BalanceRow, Decision},
};

/// A figure as a page writes it, in cents.
fn cents(text: &str) -> i64 {
    let text: String = text.chars().filter(|c| c.is_ascii_digit() || ".-−".contains(*c)).collect();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let has_cents = text.split_once('.').is_some_and(|(_, cents)| cents.len() == 2);
    let minor: i64 = digits.parse().unwrap_or_else(|_| panic!("no figure: {text}"));
    let minor = if has_cents { minor } else { minor * 100 };
    if text.contains('-') || text.contains('−') { -minor } else { minor }
}

fn select<'a>(of: ElementRef<'a>, what: &str) -> Vec<ElementRef<'a>> {
    of.select(&Selector::parse(what).unwrap()).collect()
}

fn words(of: ElementRef<'_>) -> String {
    of.text().collect::<String>().trim().to_owned()
}

/// The figures of a row: how many (where it says so), before fees, fees, after.
fn figures(row: ElementRef<'_>, cells: usize) -> Vec<i64> {
    let all: Vec<String> = select(row, "td.figure").into_iter().map(words).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(all.len(), cells, "{all:?}");
    let count = cells == 4;
    all.iter().enumerate().map(|(place, text)| if count && place == 0 { text.parse().unwrap() } else { cents(text) }).collect()
}

/// How many parts a link leads to and what they come to, over all their pages; the donations that they name.
async fn follow(test: &TestApp, link: &str, donations: &mut BTreeSet<String>) -> Vec<i64> {
    let (mut sums, mut next, mut seen) = (vec![0, 0, 0, 0], Some(link.to_owned()), BTreeSet::new());
    while let Some(path) = next {
        let answer = test.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let page = answer.page();
        for row in page.select(&Selector::parse("main table tbody tr").unwrap()) {
            let movement = words(*select(row, "td").last().unwrap());
            assert!(seen.insert(movement.clone()), "{movement} is told twice at {path}");
            sums[0] += 1;
            for (sum, figure) in sums[1..].iter_mut().zip(figures(row, 3)) {
                *sum += figure;
            }
            donations.extend(select(row, "td a").iter().filter_map(|link| link.value().attr("href").map(str::to_owned)));
        }
        next = page.select(&Selector::parse("a[rel=next]").unwrap()).next().and_then(|link| link.value().attr("href").map(str::to_owned));
    }
    sums
}

/// Follows every link of each row of these tables and compares; returns what the rows come to, one table after another.
async fn follow_rows(test: &TestApp, page: &Answer, tables: &str, donations: &mut BTreeSet<String>) -> Vec<Vec<i64>> {
    let mut rows: Vec<(Vec<i64>, Vec<String>)> = Vec::new();
    for row in page.page().select(&Selector::parse(&format!("{tables} tbody tr")).unwrap()) {
        let links: Vec<String> = select(row, "a").iter().filter_map(|link| link.value().attr("href").map(str::to_owned)).collect();
        if !links.is_empty() {
            rows.push((figures(row, 4), links));
        }
    }
    let mut told = Vec::new();
    for (shown, links) in rows {
        for link in links {
            assert_eq!(follow(test, &link, donations).await, shown, "{link}");
        }
        told.push(shown);
    }
    told
}

/// What rows come to.
fn total(rows: &[Vec<i64>]) -> Vec<i64> {
    (0..4).map(|column| rows.iter().map(|row| row[column]).sum()).collect()
}

/// Fifty-six gifts of two funds, campaigns, items and an article, with refunds and a dispute, and what Stripe charges besides.
async fn a_full_payout(test: &TestApp) -> String {
    let (winter, schools) = (test.campaign("Winter").await, test.campaign("Schools").await);
    let item = test.item("School bag", Some(schools.id), |_| {}).await;
    let other = test.add_fund("RELIEF").await;
    let mut sessions = Vec::new();
    for number in 0..56_i64 {
        let mut given = gift(1_000 + 37 * number, "EUR");
        match number % 4 {
            0 => given.campaign_id = Some(winter.id),
            1 => given.campaign_id = Some(schools.id),
            2 if number < 20 => {
                given.money = money(2_500, "EUR");
                (given.item, given.campaign_id, given.fund_id) = (Some((item.id, 1)), item.campaign_id, Some(item.fund_id));
            }
            _ => given.fund_id = Some(other),
        }
        sessions.push(test.give(&given).await);
    }
    let session = |place: usize| sessions[place].checkout_session_id.clone().unwrap();
    test.stripe.standin.refund(&session(0), Some(333)).unwrap();
    test.stripe.standin.refund(&session(5), None).unwrap();
    let dispute = test.stripe.standin.dispute(&session(8), None, false).unwrap();
    test.stripe.standin.decide_dispute(&dispute, Decision::Won);
    let lost = test.stripe.standin.dispute(&session(12), None, false).unwrap();
    test.stripe.standin.decide_dispute(&lost, Decision::Lost);
    for place in [0, 5, 8, 12] {
        donations::refresh(&test.app, sessions[place].id).await.unwrap();
    }
    test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-250, "EUR"), fee: 0 });
    pay_out(test).await.remove(0)
}

on_both_databases! {
    async fn every_link_of_a_payout_leads_to_rows_that_add_up_to_its_figure(test: TestApp) {
        let id = a_full_payout(&test).await;
        reconcile(&test).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get(&format!("/desk/payouts/{}", payout_of(&test, &id).await.id)).await;
        let mut gifts = BTreeSet::new();
        // The last row that has links is the sum of all parts.
        let mut made_of = follow_rows(&test, &page, ".made-of", &mut gifts).await;
        let all = made_of.pop().unwrap();
        assert!(made_of.len() >= 5, "gifts, refunds, disputes, what came back of them, Stripe's own: {made_of:?}");
        assert_eq!(total(&made_of), all);
        assert_eq!(all[1] - all[2], all[3]);
        assert_eq!(all[3], payout_of(&test, &id).await.amount_minor, "and that is the line on the bank statement");
        for by in ["fund", "campaign", "item", "article"] {
            let shares = follow_rows(&test, &page, &format!(".by-{by}"), &mut gifts).await;
            assert_eq!(total(&shares), all, "by {by}");
        }
        assert_eq!(gifts.len(), 56, "each gift is reached");
        for gift in gifts {
            assert_eq!(test.get(&gift).await.status, 200, "{gift}");
        }
    }

    async fn every_link_of_a_payout_by_hand_leads_to_rows_that_add_up_to_its_figure(test: TestApp) {
        for minor in [5_000, 2_345, 1_999] {
            test.give(&gift(minor, "EUR")).await;
        }
        test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-250, "EUR"), fee: 0 });
        test.app.clock.advance(chrono::TimeDelta::days(3));
        let id = test.stripe.standin.pay_out_by_hand(money(3_000, "EUR"));
        test.stripe.standin.complete_payout(&id);
        reconcile(&test).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get(&format!("/desk/payouts/{}", payout_of(&test, &id).await.id)).await;
        let (mut sum, mut followed, mut gifts) = (0, 0, BTreeSet::new());
        let mut rows: Vec<(i64, Vec<String>)> = Vec::new();
        for row in page.page().select(&Selector::parse(".roll tbody tr").unwrap()) {
            let links = select(row, "a").iter().filter_map(|link| link.value().attr("href").map(str::to_owned)).collect();
            rows.push((figures(row, 1)[0], links));
        }
        let closing = rows.pop().unwrap().0;
        for (figure, links) in rows {
            sum += figure;
            for link in links {
                assert_eq!(follow(&test, &link, &mut gifts).await[3], figure, "{link}");
                followed += 1;
            }
        }
        assert_eq!((sum, followed, gifts.len()), (closing, 2, 3), "what was there, what moved and what leaves is what is left");
    }
}
