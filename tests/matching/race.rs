//! Many givers want the last of a pot at the same moment, at two processes on one PostgreSQL and at one on one SQLite file: never more than
//! is there is given, and the others are told before they pay. `MATCH_RACE_ROUNDS=200` makes it as many rounds.

use super::{all_holds, assert_all_agrees, gift_for, of, open_pot, taken};
use crate::{
    donations::helpers::{GOOD_CARD, another_process},
    support::{TestApp, TestDatabase, on_both_databases},
};
use entity::words::MatchState;
use wellwisher::{db::Db, donations, matching};

const GIVERS: usize = 12;

fn rounds() -> usize {
    std::env::var("MATCH_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

on_both_databases! {
    async fn of_many_givers_at_two_processes_no_more_is_matched_than_was_promised(database: TestDatabase) {
        let test = TestApp::with(database, |_| {}).await;
        let second = match test.app.db.is_postgres() {
            true => another_process(&test, Db::open(&test.database.url).await.unwrap()),
            false => test.app.clone(),
        };
        for round in 0..rounds() {
            let campaign = test.campaign(&format!("Schools {round}")).await;
            // Two pots with less than half of what all want together: 12 gifts of 10 to 21 euros.
            let pots = [
                open_pot(&test, campaign.id, |raw| (raw.total, raw.position) = ("50.00".into(), "1".into())).await,
                open_pot(&test, campaign.id, |raw| (raw.total, raw.position, raw.ratio) = ("21.37".into(), "2".into(), "50".into())).await,
            ];
            let givers = (0..GIVERS).map(|at| {
                let app = if at % 2 == 0 { test.app.clone() } else { second.clone() };
                let gift = gift_for(&campaign, 1_000 + 100 * i64::try_from(at).unwrap());
                tokio::spawn(async move { (donations::open(&app, &gift).await, gift.form_token) })
            });
            let mut begun = Vec::new();
            for opened in futures_util::future::join_all(givers).await {
                let (opened, form) = opened.unwrap();
                assert!(matches!(opened, Ok(donations::Opened::Checkout(_))), "{opened:?}: nobody is turned away because a pot is empty");
                begun.push(donations::store::find_by_form(test.app.db.read(), &form).await.unwrap().unwrap());
            }
            let held: i64 = taken(&test, &pots[0]).await.0 + taken(&test, &pots[1]).await.0;
            assert_eq!(held, 5_000 + 2_137, "all of it is held, and no cent more");
            // Everybody pays; both processes hear of each payment, at once.
            for donation in &begun {
                test.stripe.standin.pay(donation.checkout_session_id.as_deref().unwrap(), GOOD_CARD);
            }
            let heard = begun.iter().flat_map(|donation| [test.app.clone(), second.clone()].map(|app| (app, donation.clone()))).map(|(app, donation)| {
                tokio::spawn(async move {
                    let state = app.stripe.fetch_checkout(donation.checkout_session_id.as_deref().unwrap()).await.unwrap();
                    donations::settle::apply(&app, donation.id, &state).await.unwrap()
                })
            });
            let changed = futures_util::future::join_all(heard).await.into_iter().filter(|applied| *applied.as_ref().unwrap() == donations::settle::Applied::Changed).count();
            assert_eq!(changed, GIVERS, "each is settled once");
            assert_eq!((taken(&test, &pots[0]).await, taken(&test, &pots[1]).await), ((0, 5_000), (0, 2_137)));
            for donation in &begun {
                assert!(of(&test, donation).await.iter().all(|(state, minor)| *state == MatchState::Confirmed && *minor > 0));
            }
            let without = begun.len() - all_holds(&test).await.iter().filter(|hold| begun.iter().any(|one| one.id == hold.donation_id)).map(|hold| hold.donation_id).collect::<std::collections::HashSet<_>>().len();
            assert!(without > 0, "somebody came too late");
            for offer in matching::offers(test.app.db.read(), campaign.id, test.app.now()).await.unwrap() {
                assert_eq!(offer.left.minor, 0);
            }
        }
        assert_all_agrees(&test).await;
    }
}
