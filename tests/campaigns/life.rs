//! A campaign's steps with who, when and why; its deadline in the organisation's zone.

use crate::support::{TestApp, TestDatabase, newsroom::move_to, newsroom::plain, on_both_databases};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    audit_entry,
    words::{CampaignMoney, CampaignStatus, CampaignStepKind, DonationStatus, Role},
};
use sea_orm::{ConnectionTrait, EntityTrait};
use wellwisher::{
    asks::target::deadline,
    campaigns::{self, Verb, accepts_gifts, life},
    clock,
    staff::Actor,
};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn time(text: &str) -> Option<NaiveTime> {
    clock::parse_time(text)
}

#[test]
fn a_day_ends_and_a_time_comes_as_the_clocks_of_the_zone_show_it() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let berlin: Tz = "Europe/Berlin".parse().unwrap();
    assert_eq!(clock::end_of("Asia/Kabul".parse().unwrap(), day("2026-05-31"), None), utc("2026-05-31T19:30:00Z"));
    assert_eq!(clock::end_of(berlin, day("2026-03-29"), None), utc("2026-03-29T22:00:00Z"), "a day of 23 hours");
    assert_eq!(
        clock::end_of(berlin, day("2026-03-29"), time("02:30")),
        utc("2026-03-29T01:00:00Z"),
        "a time that is skipped: after the gap"
    );
    assert_eq!(clock::end_of(berlin, day("2026-10-25"), time("02:30")), utc("2026-10-25T01:30:00Z"), "shown twice: nobody is cut short");
    assert_eq!(clock::moment_at(berlin, day("2026-10-25"), time("02:30").unwrap(), false), utc("2026-10-25T00:30:00Z"));
    assert_eq!(clock::end_of(berlin, NaiveDate::MAX, None), clock::start_of_day(berlin, NaiveDate::MAX));
    assert_eq!((time("24:00"), time("7"), time("")), (None, None, None));
}

on_both_databases! {
    async fn every_step_is_a_row_with_who_when_and_why_and_readers_see_what_is_for_them(test: TestApp) {
        let campaign = test.draft("Schools", |_| {}).await;
        move_to(&test, &campaign, CampaignStatus::Live).await;
        test.app.clock.advance(TimeDelta::days(2));
        let who = test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/campaigns/{}", campaign.id);
        let refused = test.post(&format!("{path}/state/pause"), &[("public_reason", "We look for a teacher"), ("money", "purpose")]).await;
        assert_eq!((refused.status.as_u16(), refused.texts("#reason-error").len()), (422, 1), "no pause without a reason");
        assert_eq!(refused.attribute("#public_reason", "value").as_deref(), Some("We look for a teacher"));
        assert_eq!(refused.attribute("#money option[selected]", "value").as_deref(), Some("purpose"));
        let long = "x".repeat(501);
        assert_eq!(test.post(&format!("{path}/state/pause"), &[("reason", long.as_str())]).await.status, 422);
        assert_eq!(test.post(&format!("{path}/state/pause"), &[("reason", "ill"), ("money", "spent")]).await.status, 422);
        let fields = [("reason", "The teacher fled"), ("public_reason", "We look for a teacher"), ("money", "purpose")];
        assert_eq!(test.post(&format!("{path}/state/pause"), &fields).await.status, 303);
        let steps = life::steps(test.app.db.read(), campaign.id).await.unwrap();
        assert_eq!(steps.len(), 2);
        assert_eq!((steps[0].kind, steps[0].status, steps[0].money), (CampaignStepKind::Pause, CampaignStatus::Paused, CampaignMoney::Purpose));
        assert_eq!((steps[0].at, steps[0].staff_id, steps[0].reason.as_str()), (test.app.now(), Some(who.id), "The teacher fled"));
        assert!(test.get(&path).await.texts("tbody td").join(" ").contains("The teacher fled"));
        test.forget_cookies();
        let page = test.get("/campaigns/schools").await;
        let words = page.texts(".why p").join(" ");
        assert!(words.contains("We look for a teacher") && words.contains("used for what it was given for"), "{words}");
        assert!(!page.body.contains("fled"), "what is for staff stays with staff");
        campaigns::apply(&test.app, &Actor::system(), campaign.id, Verb::Resume).await.unwrap();
        assert!(test.get("/campaigns/schools").await.texts(".why").is_empty());
        let edited = test.app.db.write(async |tx| Ok(tx.execute_unprepared("update campaign_step set reason = ''").await.map(|_| ())?)).await;
        assert!(edited.is_err(), "history is never edited");
    }

    async fn a_campaign_closes_by_itself_at_its_deadline_and_a_checkout_begun_before_is_taken(database: TestDatabase) {
        let test = TestApp::with(database, |settings| settings.org_timezone = "Asia/Kabul".to_owned()).await;
        // It is 14:00 on the first of May in Kabul.
        let days = |raw: &mut campaigns::details::RawCampaign| (raw.ends_on, raw.ends_time) = ("2026-05-01".into(), "15:00".into());
        let draft = test.draft("Schools", days).await;
        move_to(&test, &draft, CampaignStatus::Live).await;
        let other = test.draft("Radio", |raw| raw.ends_on = "2026-05-13".into()).await;
        move_to(&test, &other, CampaignStatus::Live).await;
        let live = campaigns::store::campaign(test.app.db.read(), draft.id).await.unwrap().unwrap();
        assert_eq!(deadline(&live, test.app.config.org_timezone), Some(utc("2026-05-01T10:30:00Z")));
        let words = plain(&test.get("/campaigns/schools").await.texts(".meta li"));
        assert!(words.contains("Ends on 1 May 2026, 15:00 (Asia/Kabul), today"), "{words}");
        let words = plain(&test.get("/campaigns/radio").await.texts(".meta li"));
        assert!(words.contains("Ends on 13 May 2026, 12 days left"), "{words}");
        test.app.clock.advance(TimeDelta::minutes(30));
        let begun = test.start(&crate::matching::gift_for(&live, 3_000)).await;
        assert_eq!(life::close_due(&test.app).await.unwrap(), 0);
        test.app.clock.advance(TimeDelta::minutes(29) + TimeDelta::seconds(59));
        assert!(accepts_gifts(&live, &test.app.local_now()));
        test.app.clock.advance(TimeDelta::seconds(1));
        assert!(!accepts_gifts(&live, &test.app.local_now()), "the clock decides, not the job");
        assert_eq!(test.get("/donate?campaign=schools").await.texts("form[action='/donations']").len(), 0);
        assert_eq!((life::close_due(&test.app).await.unwrap(), life::close_due(&test.app).await.unwrap()), (1, 0), "once");
        let now = campaigns::store::campaign(test.app.db.read(), draft.id).await.unwrap().unwrap();
        assert_eq!(now.status, CampaignStatus::Closed);
        let entries = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        let closed: Vec<_> = entries.iter().filter(|entry| entry.action == "campaign.deadline").map(|entry| entry.actor.as_str()).collect();
        assert_eq!(closed, ["system"]);
        test.pay_unheard(&begun);
        test.settle(&begun).await;
        assert_eq!(test.donation(begun.id).await.status, DonationStatus::Paid, "what was begun before is taken");
        let page = test.get("/campaigns/schools").await;
        assert!(page.texts(".why p").join(" ").contains("This campaign ended on"), "{:?}", page.texts(".why p"));
        assert!(plain(&page.texts(".progress p")).contains("€30"), "and what it raised is still told");
        assert!(campaigns::apply(&test.app, &Actor::system(), draft.id, Verb::Reopen).await.is_err(), "first the last day");
    }
}
