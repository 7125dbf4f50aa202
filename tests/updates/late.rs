//! What changes after letters were written: a wish that ends, a job that was given up, an update that is taken back.

use super::{begin, deliver, draft, everybody, finish, letters, reached, state_of, subscriber, subscribers, tell, work};
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    campaign, job, letter, supporter,
    words::{CampaignStatus, LetterState, UpdateState},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr};
use wellwisher::{
    consents,
    mail::{outbox::retry_letter, topic::Topic},
    staff::Actor,
    updates::{send, state::Verb},
};

/// Puts the letter to an address into a state, due now.
async fn put(test: &TestApp, address: &str, state: LetterState) {
    let change = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(state))
        .col_expr(letter::Column::NextAt, Expr::value(test.app.now()))
        .filter(letter::Column::ToAddress.eq(address));
    test.app.db.write(async |tx| Ok(change.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
}

on_both_databases! {
    async fn who_ends_her_news_while_her_letter_is_in_hand_gets_none_also_at_a_corrected_address(test: TestApp) {
        let hers = subscribers(&test, &["wren@example.org".to_owned(), "gul@example.org".to_owned(), "old@example.org".to_owned()], Topic::Updates, "en").await;
        let correct = supporter::Entity::update_many().col_expr(supporter::Column::Email, Expr::value("new@example.org"));
        let correct = correct.filter(supporter::Column::Id.eq(hers[2]));
        test.app.db.write(async |tx| Ok(correct.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        let update = draft(&test, "", |_| {}).await;
        begin(&test, &update).await;
        work(&test).await;
        let now = test.app.now();
        for (id, address) in [(hers[0], "wren@example.org"), (hers[2], "new@example.org")] {
            put(&test, address, LetterState::Leased).await;
            test.app.db.write(async |tx: &DatabaseTransaction| consents::end_for_supporter(tx, id, Topic::Updates, now).await).await.unwrap();
            put(&test, address, LetterState::Deferred).await;
        }
        finish(&test).await;
        assert_eq!(reached(&test).await, ["gul@example.org"]);
        let kept: Vec<_> = letters(&test).await.into_iter().filter(|letter| letter.state == LetterState::Suppressed).collect();
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().all(|letter| letter.last_reply == "she wants no such letters"), "{kept:?}");
        assert_eq!(state_of(&test, &update).await, UpdateState::Sent);
    }

    async fn a_published_update_whose_letters_are_not_sent_after_all_is_no_draft(test: TestApp) {
        let campaign = test.campaign("Light").await;
        let hidden = draft(&test, "", |_| {}).await;
        let held = draft(&test, &format!("campaign:{}", campaign.id), |raw| raw.slug = "held".into()).await;
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        let plan = send::Plan { send_at: Some(test.app.now() + TimeDelta::hours(1)), ..everybody() };
        for update in [&hidden, &held] {
            tell(&test, update, Verb::Publish).await;
            send::send(&test.app, &Actor::system(), update.id, &plan).await.unwrap();
        }
        tell(&test, &hidden, Verb::Hide).await;
        assert_eq!(state_of(&test, &hidden).await, UpdateState::Published);
        tell(&test, &hidden, Verb::Unhide).await;
        assert_eq!(test.get(&format!("/updates/{}", hidden.slug)).await.status, 200);
        let unknown = campaign::Entity::update_many().col_expr(campaign::Column::Status, Expr::value(CampaignStatus::Draft));
        test.app.db.write(async |tx| Ok(unknown.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        test.app.clock.advance(TimeDelta::hours(2));
        finish(&test).await;
        assert_eq!((state_of(&test, &held).await, letters(&test).await.len()), (UpdateState::Published, 0));
    }

    async fn a_job_that_was_given_up_is_begun_anew_after_a_while(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        begin(&test, &update).await;
        let give_up = job::Entity::update_many().col_expr(job::Column::GivenUpAt, Expr::value(test.app.now()));
        let give_up = give_up.col_expr(job::Column::Attempts, Expr::value(wellwisher::jobs::ATTEMPTS_MAX)).filter(job::Column::Kind.eq(send::JOB));
        test.app.db.write(async |tx| Ok(give_up.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        test.app.clock.advance(TimeDelta::minutes(14));
        send::tend(&test.app).await.unwrap();
        finish(&test).await;
        assert_eq!(letters(&test).await.len(), 0, "it rests");
        test.app.clock.advance(TimeDelta::minutes(1));
        send::tend(&test.app).await.unwrap();
        finish(&test).await;
        assert_eq!((reached(&test).await.len(), state_of(&test, &update).await), (1, UpdateState::Sent));
    }

    async fn no_letter_of_an_update_that_was_taken_back_leaves_when_it_is_tried_again(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &["wren@example.org".to_owned(), "gul@example.org".to_owned()], Topic::Updates, "en").await;
        begin(&test, &update).await;
        work(&test).await;
        put(&test, "wren@example.org", LetterState::Dead).await;
        finish(&test).await;
        assert_eq!((reached(&test).await.len(), state_of(&test, &update).await), (1, UpdateState::Sent));
        for verb in [Verb::Hide, Verb::Unhide, Verb::Hide] {
            tell(&test, &update, verb).await;
        }
        let (all, now) = (letters(&test).await, test.app.now());
        let failed = all.iter().find(|letter| letter.to_address == "wren@example.org").unwrap().id;
        test.app.db.write(async |tx| retry_letter(tx, failed, now).await).await.unwrap();
        deliver(&test).await;
        assert_eq!((reached(&test).await.len(), state_of(&test, &update).await), (1, UpdateState::Sent));
    }
}
