//! Letters: to those who asked and to nobody else, each once, whatever dies in the midst; paused, stopped, ended.

use super::{
    asks_for_news, begin, count_of_letters, deliver, draft, everybody, finish, in_dari, letters, link_to_end, now_is, raw, reached,
    state_of, subscriber, subscribers, tell, work,
};
use crate::{
    donations::helpers::another_process,
    support::{TestApp, gift, on_both_databases},
};
use entity::{
    campaign, subscription, supporter,
    words::{CampaignStatus, LetterKind, LetterState, SuppressionReason, UpdateAudience, UpdateState},
};
use mail_parser::MessageParser;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use std::collections::BTreeSet;
use wellwisher::{
    jobs::Outcome,
    mail::{outbox::NewLetter, topic::Topic},
    updates::{
        audience::{self, Count},
        send::{self, Taken},
        state::Verb,
    },
};

fn many(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("reader-{number:04}@example.org")).collect()
}

/// Makes the database refuse the letter to one address, as a full disk or a fault would.
async fn refuse_letter_to(test: &TestApp, address: &str) {
    let db = test.app.db.clone();
    let sql = if db.is_postgres() {
        format!(
            "create function fault() returns trigger language plpgsql as $$ begin raise exception 'a fault'; end $$;
             create trigger fault before insert on letter for each row when (new.to_address = '{address}') execute function fault();"
        )
    } else {
        format!("create trigger fault before insert on letter when new.to_address = '{address}' begin select raise(abort, 'a fault'); end;")
    };
    db.write(async |tx| Ok(tx.execute_unprepared(&sql).await.map(|_| ())?)).await.unwrap();
}

async fn mend(test: &TestApp) {
    let sql = if test.app.db.is_postgres() { "drop trigger fault on letter; drop function fault();" } else { "drop trigger fault" };
    test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap();
}

/// Each of so many has exactly one letter.
async fn assert_each_once(test: &TestApp, count: usize) {
    let all = letters(test).await;
    let addresses: BTreeSet<&str> = all.iter().map(|letter| letter.to_address.as_str()).collect();
    assert_eq!((all.len(), addresses.len()), (count, count));
}

on_both_databases! {
    async fn news_reach_who_asked_and_confirmed_and_nobody_else_and_the_count_says_so(test: TestApp) {
        let campaign = test.campaign("Light").await;
        let topic = Topic::Campaign(campaign.id);
        let other = test.campaign("Another").await;
        let mut given = Vec::new();
        for email in ["gave-only@example.org", "gave-and-asked@example.org"] {
            let mut gift = gift(2_500, "EUR");
            (gift.campaign_id, gift.fund_id, gift.email) = (Some(campaign.id), Some(campaign.fund_id), email.into());
            given.push(test.give(&gift).await);
        }
        asks_for_news(&test, given[1].supporter_id, topic).await;
        subscriber(&test, "asked@example.org", topic, "en").await;
        subscriber(&test, "all-news@example.org", Topic::Updates, "en").await;
        subscriber(&test, "other-campaign@example.org", Topic::Campaign(other.id), "en").await;
        let unconfirmed = subscriber(&test, "unconfirmed@example.org", topic, "en").await;
        let set = async |column: subscription::Column, value: Expr, who| {
            let change = subscription::Entity::update_many().col_expr(column, value).filter(subscription::Column::SupporterId.eq(who));
            test.app.db.write(async |tx| Ok(change.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        };
        set(subscription::Column::ConfirmedAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>), unconfirmed).await;
        let ended = subscriber(&test, "ended@example.org", topic, "en").await;
        set(subscription::Column::EndedAt, Expr::value(test.app.now()), ended).await;
        subscriber(&test, "bounced@example.org", topic, "en").await;
        test.suppress("bounced@example.org", Topic::Everything, SuppressionReason::HardBounce).await;

        let update = draft(&test, &format!("campaign:{}", campaign.id), |_| {}).await;
        let count = audience::count(&test.app, &update).await.unwrap();
        let left_out = wellwisher::consents::LeftOut { suppressed: 1, ended: 1 };
        assert_eq!(count, Count { gets: 3, left_out, did_not_ask: 1, ..Count::default() });
        let givers = entity::news_update::Model { audience: UpdateAudience::Gave, ..update.clone() };
        assert_eq!(audience::count(&test.app, &givers).await.unwrap(), Count { gets: 1, other: 2, left_out, did_not_ask: 1, ..Count::default() });
        begin(&test, &update).await;
        finish(&test).await;
        assert_eq!(reached(&test).await, ["all-news@example.org", "asked@example.org", "gave-and-asked@example.org"]);
        assert_eq!(state_of(&test, &update).await, UpdateState::Sent);
    }

    async fn who_has_another_address_meanwhile_gets_no_letter_at_the_one_before(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscriber(&test, "before@example.org", Topic::Updates, "en").await;
        begin(&test, &update).await;
        let taken = test.app.db.write(async |tx| {
            tx.execute_unprepared("update supporter set email = 'after@example.org'").await?;
            let (app, id) = (test.app.clone(), update.id);
            let taken = tokio::spawn(async move { send::take_in(&app, id, false).await });
            // It has read the address as it was, where it does not wait for the end of this.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            Ok(taken)
        });
        taken.await.unwrap().await.unwrap().unwrap();
        assert!(letters(&test).await.iter().all(|letter| letter.to_address != "before@example.org"));
    }

    async fn only_givers_of_an_item_who_asked_get_its_news_when_that_was_chosen(test: TestApp) {
        let item = test.item("A stove", None, |_| {}).await;
        let mut gift = gift(2_500, "EUR");
        (gift.item, gift.fund_id) = (Some((item.id, 1)), Some(item.fund_id));
        let gave = test.give(&gift).await;
        asks_for_news(&test, gave.supporter_id, Topic::Item(item.id)).await;
        subscriber(&test, "asked@example.org", Topic::Item(item.id), "en").await;
        let update = draft(&test, &format!("item:{}", item.id), |_| {}).await;
        let plan = send::Plan { audience: UpdateAudience::Gave, ..everybody() };
        send::send(&test.app, &wellwisher::staff::Actor::system(), update.id, &plan).await.unwrap();
        finish(&test).await;
        assert_eq!(reached(&test).await, [gift.email]);
        assert_eq!(now_is(&test, &update).await.left_other, 1);
        assert_eq!(letters(&test).await[0].topic, format!("item:{}", item.id), "what the link in it ends");
    }

    async fn a_letter_has_her_language_and_no_pixel_and_can_be_ended_and_is_discreet_for_who_needs_it(test: TestApp) {
        let item = test.item("A stove", None, |_| {}).await;
        let update = draft(&test, &format!("item:{}", item.id), in_dari).await;
        subscriber(&test, "gul@example.org", Topic::Updates, "fa-AF").await;
        let hidden = subscriber(&test, "quiet@example.org", Topic::Updates, "en").await;
        let now = test.app.now();
        test.app.db.write(async |tx| wellwisher::consents::set_discreet(tx, hidden, true, now).await).await.unwrap();
        begin(&test, &update).await;
        finish(&test).await;
        let all = letters(&test).await;
        let (dari, quiet) = (raw(&test, &all[0]), raw(&test, &all[1]));
        let (dari, quiet) = (MessageParser::default().parse(&dari).unwrap(), MessageParser::default().parse(&quiet).unwrap());
        assert_eq!(dari.subject(), Some("بخاری‌ها رسید"));
        let html = dari.body_html(0).unwrap();
        assert!(html.contains("<html lang=\"fa-AF\" dir=\"rtl\">") && !html.contains("<img") && !html.contains("src="), "{html}");
        let link = link_to_end(&test, "gul@example.org", Topic::Updates);
        for part in [html.as_ref(), dari.body_text(0).unwrap().as_ref()] {
            assert!(part.contains(&format!("http://127.0.0.1:8080/updates/{}", update.slug)) && part.contains(&link), "{part}");
        }
        let head = String::from_utf8_lossy(dari.raw_message()).into_owned();
        assert!(head.contains("List-Unsubscribe: <http://127.0.0.1:8080/unsubscribe/") && head.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"));
        assert_eq!(quiet.subject(), Some("A letter for you"));
        assert_eq!(quiet.from().unwrap().first().unwrap().name(), None);
        // It names neither what the news are about nor what they say; her link leads to them, and the other one ends them.
        let page = format!("http://127.0.0.1:8080/updates/{}", update.id);
        let link = link_to_end(&test, "quiet@example.org", Topic::Updates);
        for part in [quiet.body_html(0).unwrap().as_ref(), quiet.body_text(0).unwrap().as_ref()] {
            assert!(part.contains(&page) && part.contains(&link), "{part}");
            assert!(!part.to_lowercase().contains("stoves") && !part.contains(&update.slug) && !part.contains("A stove"), "{part}");
        }
        let shown = test.get(&format!("/updates/{}", update.id)).await;
        assert!(shown.status == 200 && shown.body.contains("The stoves have come"), "{}", shown.body);
    }

    async fn a_receipt_goes_before_the_letters_of_an_update_that_were_there_first(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &many(60), Topic::Updates, "en").await;
        begin(&test, &update).await;
        work(&test).await;
        test.wait(60);
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        let before = reached(&test).await.len();
        assert!(before > 0 && before < 60);
        let (id, now) = (test.app.new_id(), test.app.now());
        let receipt = NewLetter {
            kind: LetterKind::Receipt, dedupe_key: "receipt:test".into(), donation_id: None, receipt_id: None, to_address: "giver@example.org".into(),
            to_name: String::new(), subject: "Your receipt".into(), text: "Thank you".into(), html: String::new(), language: "en".into(), discreet: false,
        };
        test.app.db.write(async |tx| test.app.outbox.enqueue(tx, receipt.clone(), id, now).await).await.unwrap();
        assert_eq!(test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap().sent, 1, "the receipt alone");
        assert_eq!(reached(&test).await.len(), before);
        finish(&test).await;
        assert_eq!(reached(&test).await.len(), 60);
    }

    async fn a_fault_in_the_midst_loses_and_repeats_no_letter(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &many(2_000), Topic::Updates, "en").await;
        begin(&test, &update).await;
        refuse_letter_to(&test, "reader-1234@example.org").await;
        let payload = serde_json::json!({ "update": update.id });
        for _ in 0..2 {
            assert!(matches!(send::act(&test.app, &payload).await, Outcome::Retry(_)));
            assert_eq!(count_of_letters(&test).await % audience::BATCH, 0, "whole batches only");
        }
        assert!(count_of_letters(&test).await < 2_000 && now_is(&test, &update).await.taken_in_at.is_none());
        mend(&test).await;
        // Another process goes on from there.
        let other = another_process(&test, test.app.db.clone());
        assert_eq!(send::act(&other, &payload).await, Outcome::Done);
        assert_each_once(&test, 2_000).await;
        assert_eq!(send::act(&test.app, &payload).await, Outcome::Done, "done again it does nothing");
        assert_each_once(&test, 2_000).await;
        let progress = send::progress(&test.app, &now_is(&test, &update).await).await.unwrap();
        assert_eq!((progress.letters.waiting, progress.expected, progress.done()), (2_000, 2_000, 0));
    }

    async fn two_processes_that_write_the_same_letters_write_each_once(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &many(2_000), Topic::Updates, "en").await;
        begin(&test, &update).await;
        let db = wellwisher::db::Db::open(&test.database.url).await.unwrap();
        let other = another_process(&test, db);
        let payload = serde_json::json!({ "update": update.id });
        let (one, two) = tokio::join!(send::act(&test.app, &payload), send::act(&other, &payload));
        assert_eq!((one, two), (Outcome::Done, Outcome::Done));
        assert_each_once(&test, 2_000).await;
        assert!(now_is(&test, &update).await.taken_in_at.is_some());
        other.db.close().await.unwrap();
    }

    async fn what_remains_is_handed_to_another_job_and_a_lost_job_is_written_again(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &many(1_200), Topic::Updates, "en").await;
        begin(&test, &update).await;
        let waiting = async || wellwisher::jobs::waiting(test.app.db.read(), send::JOB).await.unwrap().len();
        assert_eq!(waiting().await, 1);
        assert_eq!(send::take_in(&test.app, update.id, true).await.unwrap(), Taken::More);
        assert_eq!(waiting().await, 2, "the first job, and the one that goes on");
        test.app.db.write(async |tx| Ok(tx.execute_unprepared("delete from job").await.map(|_| ())?)).await.unwrap();
        send::tend(&test.app).await.unwrap();
        send::tend(&test.app).await.unwrap();
        assert_eq!(waiting().await, 1);
        finish(&test).await;
        assert_each_once(&test, 1_200).await;
        assert_eq!(state_of(&test, &update).await, UpdateState::Sent);
    }

    async fn a_pause_holds_back_writing_and_sending_and_a_stop_ends_both(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &many(700), Topic::Updates, "en").await;
        begin(&test, &update).await;
        assert_eq!(send::take_in(&test.app, update.id, false).await.unwrap(), Taken::More);
        tell(&test, &update, Verb::Pause).await;
        finish(&test).await;
        assert_eq!((count_of_letters(&test).await, reached(&test).await.len()), (500, 0));
        assert_eq!(state_of(&test, &update).await, UpdateState::Paused);
        tell(&test, &update, Verb::Resume).await;
        work(&test).await;
        assert_eq!(count_of_letters(&test).await, 700);
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        let left = reached(&test).await.len();
        assert!(left > 0 && left < 700);
        tell(&test, &update, Verb::Stop).await;
        finish(&test).await;
        assert_eq!((reached(&test).await.len(), state_of(&test, &update).await), (left, UpdateState::Stopped));
        assert!(wellwisher::updates::state::apply(&test.app, &wellwisher::staff::Actor::system(), update.id, Verb::Resume).await.is_err());
        assert_eq!(test.get(&format!("/updates/{}", update.slug)).await.status, 200, "the page stays");
    }

    async fn who_ends_her_news_in_the_midst_gets_none_and_opening_the_link_ends_nothing(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        subscribers(&test, &many(501), Topic::Updates, "en").await;
        begin(&test, &update).await;
        assert_eq!(send::take_in(&test.app, update.id, false).await.unwrap(), Taken::More);
        let written = letters(&test).await;
        let (early, scanned) = (written[0].to_address.clone(), written[1].to_address.clone());
        let late = many(501).into_iter().find(|address| written.iter().all(|letter| letter.to_address != *address)).unwrap();
        for _ in 0..3 {
            assert_eq!(test.get(&link_to_end(&test, &scanned, Topic::Updates)).await.status, 200);
        }
        let third = written[2].to_address.clone();
        let id = supporter::Entity::find().filter(supporter::Column::Email.eq(&third)).one(test.app.db.read()).await.unwrap().unwrap().id;
        let now = test.app.now();
        test.app.db.write(async |tx| wellwisher::consents::end_for_supporter(tx, id, Topic::Updates, now).await).await.unwrap();
        for address in [&early, &late] {
            assert_eq!(test.post(&link_to_end(&test, address, Topic::Updates), &[]).await.status, 200);
        }
        finish(&test).await;
        let reached = reached(&test).await;
        assert_eq!(reached.len(), 498);
        assert!(!reached.contains(&early) && !reached.contains(&third) && !reached.contains(&late) && reached.contains(&scanned));
        let all = letters(&test).await;
        assert_eq!(all.iter().filter(|letter| letter.state == LetterState::Suppressed).count(), 2, "those whose letters were written before");
        assert_eq!(state_of(&test, &update).await, UpdateState::Sent);
    }

    async fn what_may_not_be_told_any_more_is_stopped_in_the_midst(test: TestApp) {
        let campaign = test.campaign("Light").await;
        let about = format!("campaign:{}", campaign.id);
        let (first, second) = (draft(&test, &about, |_| {}).await, draft(&test, &about, |raw| raw.slug = "second".into()).await);
        subscribers(&test, &many(600), Topic::Updates, "en").await;
        begin(&test, &first).await;
        begin(&test, &second).await;
        for update in [&first, &second] {
            send::take_in(&test.app, update.id, false).await.unwrap();
        }
        tell(&test, &first, Verb::Hide).await;
        assert_eq!(state_of(&test, &first).await, UpdateState::Stopped);
        assert_eq!(test.get(&format!("/updates/{}", first.slug)).await.status, 404);
        let draft = campaign::Entity::update_many().col_expr(campaign::Column::Status, Expr::value(CampaignStatus::Draft));
        test.app.db.write(async |tx| Ok(draft.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        finish(&test).await;
        assert_eq!((count_of_letters(&test).await, reached(&test).await.len()), (1_000, 0));
        assert_eq!(state_of(&test, &second).await, UpdateState::Stopped);
        assert!(supporter::Entity::find().one(test.app.db.read()).await.unwrap().is_some());
    }

    async fn letters_that_were_written_are_held_when_the_campaign_is_no_longer_known(test: TestApp) {
        let campaign = test.campaign("Light").await;
        let update = draft(&test, &format!("campaign:{}", campaign.id), |_| {}).await;
        subscribers(&test, &many(40), Topic::Updates, "en").await;
        begin(&test, &update).await;
        work(&test).await;
        let draft = campaign::Entity::update_many().col_expr(campaign::Column::Status, Expr::value(CampaignStatus::Draft));
        test.app.db.write(async |tx| Ok(draft.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        send::tend(&test.app).await.unwrap();
        deliver(&test).await;
        assert_eq!((reached(&test).await.len(), state_of(&test, &update).await), (0, UpdateState::Stopped));
    }
}
