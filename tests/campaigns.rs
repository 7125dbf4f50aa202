//! Campaigns: their life, their days, their progress; pages and desk.

use crate::support::{
    TestApp,
    newsroom::{move_to, plain},
    on_both_databases,
};
use chrono::{NaiveDate, TimeDelta};
use entity::words::CampaignStatus::{self, Closed, Draft, Live, Paused};
use wellwisher::{
    campaigns::{self, Verb, accepts_gifts},
    error::Error,
    staff::Actor,
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_campaign_moves_only_as_its_verbs_allow() {
    let allowed = |status: CampaignStatus| Verb::allowed(status).into_iter().map(Verb::as_str).collect::<Vec<_>>();
    assert_eq!(allowed(Draft), ["launch"]);
    assert_eq!(allowed(Live), ["pause", "close"]);
    assert_eq!(allowed(Paused), ["resume", "close"]);
    assert_eq!(allowed(Closed), ["reopen"]);
    assert_eq!(Verb::Pause.from(Live), Some(Paused));
    assert_eq!(Verb::Reopen.from(Closed), Some(Live));
    assert_eq!(Verb::Close.from(Draft), None);
}

on_both_databases! {
    async fn a_verb_out_of_place_changes_nothing(test: TestApp) {
        for status in [Draft, Live, Paused, Closed] {
            let campaign = test.draft(&format!("Campaign {status}"), |_| {}).await;
            move_to(&test, &campaign, status).await;
            for verb in Verb::ALL.into_iter().filter(|verb| verb.from(status).is_none()) {
                let refused = campaigns::apply(&test.app, &Actor::system(), campaign.id, verb).await;
                assert!(matches!(refused, Err(Error::Conflict(_))), "{verb} of {status}");
            }
            let kept = campaigns::store::campaign(test.app.db.read(), campaign.id).await.unwrap().unwrap();
            assert_eq!(kept.status, status);
        }
    }

    async fn a_campaign_takes_gifts_only_when_live_and_on_its_days(test: TestApp) {
        let days = |raw: &mut campaigns::details::RawCampaign| {
            raw.starts_on = "2026-05-01".into();
            raw.ends_on = "2026-05-03".into();
        };
        let campaign = test.draft("Three days", days).await;
        assert!(!accepts_gifts(&campaign, day("2026-05-02")), "a draft takes none");
        let live = campaigns::apply(&test.app, &Actor::system(), campaign.id, Verb::Launch).await.unwrap();
        let open = ["2026-04-30", "2026-05-01", "2026-05-03", "2026-05-04"].map(|text| accepts_gifts(&live, day(text)));
        assert_eq!(open, [false, true, true, false]);
        let paused = campaigns::apply(&test.app, &Actor::system(), campaign.id, Verb::Pause).await.unwrap();
        assert!(!accepts_gifts(&paused, day("2026-05-02")));
        test.app.clock.advance(TimeDelta::days(5));
        let refused = campaigns::apply(&test.app, &Actor::system(), campaign.id, Verb::Resume).await;
        assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("last day")));
    }

    async fn progress_is_what_the_ledger_holds(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let other = test.campaign("Radio").await;
        for (minor, currency) in [(25_000, "EUR"), (100_000, "EUR"), (5_000, "USD")] {
            test.raise(&campaign, minor, currency).await;
        }
        test.raise(&other, 700, "EUR").await;
        let progress = campaigns::progress(test.app.db.read(), &[campaign.clone(), other.clone()]).await.unwrap();
        let of = &progress[&campaign.id];
        assert_eq!((of.raised.minor, of.goal.minor, of.gifts), (125_000, 100_000, 3));
        assert_eq!((of.percent(), of.bar()), (125, 100), "the bar is full, the words tell the truth");
        assert_eq!(of.others.iter().map(ToString::to_string).collect::<Vec<_>>(), ["USD 50.00"]);
        assert_eq!((progress[&other.id].raised.minor, progress[&other.id].percent()), (700, 0));
        let page = test.get("/campaigns/schools").await;
        assert_eq!(page.attribute("progress", "value").as_deref(), Some("100"));
        let words = plain(&page.texts(".progress p"));
        assert!(words.contains("€1,250") && words.contains("€1,000") && words.contains("125 %") && words.contains("$50"), "{words}");
        assert!(words.contains("3 gifts"), "{words}");
    }

    async fn readers_know_of_no_draft_and_can_still_read_what_is_over(test: TestApp) {
        for status in [Draft, Live, Paused, Closed] {
            let campaign = test.draft(&format!("Campaign {status}"), |_| {}).await;
            move_to(&test, &campaign, status).await;
        }
        assert_eq!(test.get("/campaigns/campaign-draft").await.status, 404);
        assert_eq!(test.get("/donate?campaign=campaign-draft").await.status, 404);
        let list = test.get("/campaigns").await;
        let titles = list.texts(".card h3 a");
        assert_eq!(titles, ["Campaign live", "Campaign paused", "Campaign closed"]);
        let live = test.get("/campaigns/campaign-live").await;
        assert_eq!(live.texts("h1"), ["Campaign live"]);
        assert_eq!(live.texts(".story strong"), ["story"]);
        assert_eq!(live.attribute("form[action='/donations'] input[name=campaign]", "value").as_deref(), Some("campaign-live"));
        for slug in ["campaign-paused", "campaign-closed"] {
            let page = test.get(&format!("/campaigns/{slug}")).await;
            assert_eq!(page.status, 200);
            assert_eq!(page.texts("form[action='/donations']").len(), 0, "{slug}");
            assert_eq!(page.texts(".warn"), ["This campaign does not take gifts at the moment."]);
        }
        assert_eq!(test.get("/campaigns/nothing").await.status, 404);
    }

    async fn a_page_takes_the_language_of_its_campaign(test: TestApp) {
        let campaign = test
            .draft("صنف‌های خانگی", |raw| {
                raw.slug = "home-classes".into();
                raw.language = "fa-AF".into();
            })
            .await;
        move_to(&test, &campaign, Live).await;
        let page = test.send(axum::http::Request::get("/campaigns/home-classes").body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(page.attribute("html", "dir").as_deref(), Some("rtl"));
        assert_eq!(page.texts("#donate"), ["کمک می‌کنم"]);
        let english = test.get("/campaigns/home-classes?lang=en").await;
        assert_eq!(english.attribute("html", "dir").as_deref(), Some("ltr"));
        assert_eq!(english.attribute("article", "dir").as_deref(), Some("rtl"), "the story keeps its own direction");
    }
}
