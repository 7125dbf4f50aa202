//! Pots that drifted are found, put right, and told of in the audit trail.

use super::{assert_all_agrees, gift_for, of, open_pot, taken};
use crate::support::{TestApp, on_both_databases};
use entity::{audit_entry, words::MatchState};
use sea_orm::{ConnectionTrait, EntityTrait};
use wellwisher::{matching, reports};

async fn run(test: &TestApp, sql: &str) {
    let sql = sql.to_owned();
    test.app.db.write(async |tx| Ok(tx.execute_unprepared(&sql).await.map(|_| ())?)).await.unwrap();
}

async fn repairs(test: &TestApp) -> Vec<(String, String)> {
    let all = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().filter(|entry| entry.action == "match.repair").map(|entry| (entry.actor, entry.object_kind)).collect()
}

on_both_databases! {
    async fn a_pot_that_drifted_is_put_right_and_that_is_in_the_trail(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        test.give(&gift_for(&campaign, 3_000)).await;
        let begun = test.start(&gift_for(&campaign, 1_000)).await;
        assert_eq!(matching::repair(&test.app).await.unwrap(), 0, "nothing drifts by itself");
        run(&test, "update match_pot set held_minor = 0, confirmed_minor = 9000").await;
        let found = reports::verify(&test.app).await.unwrap();
        assert!(found.broken().any(|check| check.name.contains("the pot says what its gifts say")));
        assert_eq!(matching::repair(&test.app).await.unwrap(), 1);
        assert_eq!((taken(&test, &pot).await, repairs(&test).await), ((1_000, 3_000), vec![("system".into(), "match_pot".into())]));
        assert_eq!(matching::repair(&test.app).await.unwrap(), 0);
        // A pot whose figures are wrong never keeps a payment from being settled.
        run(&test, "update match_pot set held_minor = 0, confirmed_minor = 0").await;
        test.pay_unheard(&begun);
        test.settle(&begun).await;
        assert_eq!((of(&test, &begun).await, taken(&test, &pot).await), (vec![(MatchState::Confirmed, 1_000)], (0, 4_000)));
        assert_all_agrees(&test).await;
    }

    async fn the_database_refuses_a_pot_of_which_more_is_taken_than_promised_and_edited_history(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        open_pot(&test, campaign.id, |_| {}).await;
        test.give(&gift_for(&campaign, 3_000)).await;
        for sql in [
            "update match_pot set confirmed_minor = 10001",
            "update match_pot set total_minor = 2999",
            "update match_pot set held_minor = -1",
            "update match_hold set minor = 3001",
            "update match_hold set promised_minor = 4000",
            "update match_step set change_minor = 1",
            "delete from match_hold",
            "delete from match_pot",
        ] {
            let refused = test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await;
            assert!(refused.is_err(), "{sql}");
        }
        assert_all_agrees(&test).await;
    }
}
