//! The rules of `verify` about letters, each broken behind the program's back.

use super::{behind_its_back, run};
use crate::{
    support::{TestApp, gift, on_both_databases},
    updates::{begin, draft, finish, letters as news, subscriber},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    letter, letter_attempt, subscription,
    words::{LetterKind, LetterStage, LetterState, Role},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use wellwisher::{mail::topic::Topic, reports::verify};

/// The rows that break any rule.
async fn broken(test: &TestApp) -> Vec<String> {
    verify(&test.app).await.unwrap().broken().flat_map(|check| check.findings.clone()).collect()
}

async fn due(test: &TestApp, id: entity::ids::LetterId, at: DateTime<Utc>) {
    let change = letter::Entity::update_many().col_expr(letter::Column::NextAt, Expr::value(at)).filter(letter::Column::Id.eq(id));
    test.app.db.write(async |tx| Ok(change.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
}

async fn receipts(test: &TestApp) -> Vec<letter::Model> {
    let all = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::Receipt)).order_by_asc(letter::Column::CreatedAt);
    all.all(test.app.db.read()).await.unwrap()
}

async fn deliver(test: &TestApp) {
    test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
}

async fn try_once(test: &TestApp, letter_id: entity::ids::LetterId, state: LetterState) {
    let (at, stage) = (test.app.now(), LetterStage::Rcpt);
    let row = letter_attempt::ActiveModel {
        id: NotSet,
        letter_id: Set(letter_id),
        at: Set(at),
        stage: Set(stage),
        state: Set(state),
        smtp_code: Set(Some(250)),
        reply: Set(String::new()),
    };
    test.app
        .db
        .write(async |tx| Ok(letter_attempt::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?))
        .await
        .unwrap();
}

on_both_databases! {
    async fn a_letter_that_is_never_tried_or_was_passed_over_is_named(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        test.wait(10 * 86_400);
        assert!(broken(&test).await.is_empty(), "nobody sends letters, so none is late");
        let first = receipts(&test).await.remove(0);
        due(&test, first.id, test.app.now() + TimeDelta::days(4)).await;
        let found = broken(&test).await;
        assert!(found.len() == 1 && found[0].starts_with(&format!("letter {} (due ", first.id)), "{found:?}");

        due(&test, first.id, test.app.now() + TimeDelta::days(2)).await;
        assert!(broken(&test).await.is_empty());
        test.give(&gift(700, "EUR")).await;
        deliver(&test).await;
        assert!(broken(&test).await.is_empty(), "it waits for its time");
        // It fell due long before the other was written, which was tried.
        due(&test, first.id, test.app.now() - TimeDelta::days(10)).await;
        let found = broken(&test).await;
        assert!(found.len() == 1 && found[0].ends_with("later ones were tried, and it was not"), "{found:?}");
        let db = behind_its_back(&test).await;
        run(&db, "insert into mail_stream (stream, paused_at, reason) select 'transactional', created_at, 'held' from supporter limit 1").await;
        assert!(broken(&test).await.is_empty(), "all are held back");
        run(&db, "delete from mail_stream").await;
        deliver(&test).await;
        assert!(broken(&test).await.is_empty());
    }

    async fn a_letter_that_was_tried_after_its_end_is_named_unless_staff_asked(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        deliver(&test).await;
        assert_eq!(receipts(&test).await[0].state, LetterState::Sent);
        test.wait(1);
        let mut other = gift(700, "EUR");
        other.email = "other@example.org".into();
        test.give(&other).await;
        let refused = receipts(&test).await.remove(1);
        try_once(&test, refused.id, LetterState::Bounced).await;
        let change = letter::Entity::update_many().col_expr(letter::Column::State, Expr::value(LetterState::Bounced)).filter(letter::Column::Id.eq(refused.id));
        test.app.db.write(async |tx| Ok(change.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        test.wait(60);
        test.sign_in_as(Role::Finance).await;
        assert_eq!(test.post(&format!("/desk/letters/{}/retry", refused.id), &[]).await.status, 303);
        deliver(&test).await;
        assert!(broken(&test).await.is_empty(), "staff asked for it");

        test.books_end_broken("a letter was tried after it was sent");
        test.wait(60);
        try_once(&test, refused.id, LetterState::Sent).await;
        let found = broken(&test).await;
        assert!(found.len() == 1 && found[0].starts_with(&format!("letter {}: tried at ", refused.id)), "{found:?}");
        assert!(found[0].ends_with("after it was sent"), "{found:?}");
    }

    async fn news_written_after_she_ended_them_are_named(test: TestApp) {
        let who = subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        let update = draft(&test, "", |_| {}).await;
        begin(&test, &update).await;
        finish(&test).await;
        let written = news(&test).await.remove(0).created_at;
        let end = async |at: DateTime<Utc>| {
            let ends = subscription::Entity::update_many()
                .col_expr(subscription::Column::EndedAt, Expr::value(at))
                .col_expr(subscription::Column::ConfirmedAt, Expr::value(at - TimeDelta::days(1)))
                .filter(subscription::Column::SupporterId.eq(who));
            test.app.db.write(async |tx| Ok(ends.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        };
        end(written + TimeDelta::seconds(1)).await;
        assert!(broken(&test).await.is_empty(), "she had them while it was written");
        end(written - TimeDelta::minutes(4)).await;
        assert!(broken(&test).await.is_empty(), "it was under way when she ended them");
        test.books_end_broken("a letter was written after its reader had ended such news");
        end(written - TimeDelta::minutes(6)).await;
        let found = broken(&test).await;
        assert!(found.len() == 1 && found[0].contains("after its reader ended such news"), "{found:?}");
    }
}
