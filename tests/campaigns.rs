//! Campaigns: their life, their days, their progress; pages and desk.

mod goals;
mod life;
mod texts;

use crate::support::{
    TestApp,
    newsroom::{move_to, plain},
    on_both_databases,
};
use chrono::{DateTime, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use entity::words::CampaignStatus::{self, Closed, Draft, Live, Paused};
use wellwisher::{
    campaigns::{self, Verb, accepts_gifts},
    error::Error,
    staff::Actor,
};

/// Noon of a day by the clocks of the organisation's zone.
fn noon(test: &TestApp, text: &str) -> DateTime<Tz> {
    let day: NaiveDate = text.parse().unwrap();
    let zone = test.app.config.org_timezone;
    (wellwisher::clock::start_of_day(zone, day) + TimeDelta::hours(12)).with_timezone(&zone)
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
        assert!(!accepts_gifts(&campaign, &noon(&test, "2026-05-02")), "a draft takes none");
        let live = campaigns::apply(&test.app, &Actor::system(), campaign.id, Verb::Launch).await.unwrap();
        let open = ["2026-04-30", "2026-05-01", "2026-05-03", "2026-05-04"].map(|text| accepts_gifts(&live, &noon(&test, text)));
        assert_eq!(open, [false, true, true, false]);
        let paused = campaigns::apply(&test.app, &Actor::system(), campaign.id, Verb::Pause).await.unwrap();
        assert!(!accepts_gifts(&paused, &noon(&test, "2026-05-02")));
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

mod desk {
    use super::*;
    use crate::support::Answer;
    use entity::{audit_entry, campaign, fund, words::Role};
    use sea_orm::EntityTrait;

    fn typed(fund: &str) -> Vec<(&'static str, String)> {
        let fields = [
            ("title", "Winter fuel"),
            ("summary", "Warm classrooms."),
            ("story", "A *long* winter."),
            ("language", "en"),
            ("goal", "5.000,50"),
            ("currency", "EUR"),
            ("starts_on", "2026-05-01"),
            ("ends_on", "2026-06-30"),
            ("slug", ""),
        ];
        fields.map(|(name, value)| (name, value.to_owned())).into_iter().chain([("fund", fund.to_owned())]).collect()
    }

    async fn post(test: &TestApp, path: &str, fields: &[(&str, String)]) -> Answer {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        test.post(path, &fields).await
    }

    async fn actions(test: &TestApp) -> Vec<String> {
        let entries = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        entries
            .into_iter()
            .map(|entry| entry.action)
            .filter(|action| action.starts_with("campaign.") || action.starts_with("fund."))
            .collect()
    }

    on_both_databases! {
        async fn an_editor_makes_previews_and_moves_a_campaign_and_every_change_is_audited(test: TestApp) {
            test.sign_in_as(Role::Editor).await;
            let fund = test.post("/desk/funds/new", &[("code", "win"), ("name", "Winter"), ("restriction", "with"), ("gl_income", "4010"), ("gl_fee", "")]).await;
            assert_eq!(fund.location(), "/desk/funds?done=saved");
            assert_eq!(test.get("/desk/funds").await.texts("tbody td:first-child"), ["WIN"]);
            let fund = fund::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
            let made = post(&test, "/desk/campaigns/new", &typed(&fund.id.to_string())).await;
            assert_eq!(made.status, 303, "{:?}", made.texts(".error-summary li"));
            let campaign = campaign::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
            assert_eq!((campaign.goal_minor, campaign.slug.as_str(), campaign.status), (500_050, "winter-fuel", Draft));
            let path = format!("/desk/campaigns/{}", campaign.id);
            let preview = test.get(&path).await;
            assert_eq!(preview.texts(".story em"), ["long"]);
            assert_eq!(plain(&preview.texts(".warn")), "This is a draft: readers cannot see it.");
            assert_eq!(test.get("/campaigns/winter-fuel").await.status, 404);
            for (verb, status) in [("launch", Live), ("pause", Paused), ("resume", Live), ("close", Closed), ("reopen", Live)] {
                assert_eq!(test.post(&format!("/desk/campaigns/{}/state/{verb}", campaign.id), &[("reason", "Why not")]).await.status, 303, "{verb}");
                let now = campaign::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
                assert_eq!(now.status, status);
            }
            assert_eq!(test.post(&format!("/desk/campaigns/{}/state/launch", campaign.id), &[]).await.status, 422);
            assert_eq!(test.post(&format!("/desk/campaigns/{}/state/explode", campaign.id), &[]).await.status, 404);
            let form = test.get(&format!("/desk/campaigns/{}/edit", campaign.id)).await;
            assert_eq!(form.attribute("#goal", "value").as_deref(), Some("5000.50"));
            let mut changed = typed(&fund.id.to_string());
            changed[0].1 = "Winter fuel for all".into();
            changed[4].1 = "۶٬۰۰۰".into();
            assert_eq!(post(&test, &format!("{path}/edit"), &changed).await.status, 303);
            let now = campaign::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
            assert_eq!((now.title.as_str(), now.goal_minor, now.slug.as_str()), ("Winter fuel for all", 600_000, "winter-fuel"));
            let done = ["fund.create", "campaign.create", "campaign.launch", "campaign.pause", "campaign.resume", "campaign.close", "campaign.reopen", "campaign.edit"];
            assert_eq!(actions(&test).await, done);
        }

        async fn what_is_wrong_with_a_campaign_is_said_and_what_was_typed_is_kept(test: TestApp) {
            let fund = test.fund().await;
            test.campaign("Taken").await;
            test.sign_in_as(Role::Editor).await;
            let mut fields = typed(&fund.id.to_string());
            fields[0].1 = String::new();
            fields[4].1 = "a lot".into();
            fields[7].1 = "2026-04-01".into();
            let answer = post(&test, "/desk/campaigns/new", &fields).await;
            assert_eq!(answer.status, 422);
            assert_eq!(answer.texts(".error-summary li").len(), 3, "{:?}", answer.texts(".error-summary li"));
            assert_eq!(answer.attribute("#goal", "value").as_deref(), Some("a lot"));
            let mut taken = typed(&fund.id.to_string());
            taken[8].1 = "taken".into();
            let answer = post(&test, "/desk/campaigns/new", &taken).await;
            assert_eq!((answer.status.as_u16(), answer.texts("#slug-error").len()), (422, 1));
            let mut unknown_fund = typed("nothing");
            unknown_fund[5].1 = "XXX".into();
            assert_eq!(post(&test, "/desk/campaigns/new", &unknown_fund).await.texts(".error-summary li").len(), 2);
        }

        async fn the_list_finds_by_words_and_state_and_means_percent_signs_as_such(test: TestApp) {
            for title in ["Winter fuel", "Schools 100%", "Radio"] {
                test.campaign(title).await;
                test.app.clock.advance(TimeDelta::seconds(1));
            }
            test.draft("Winter boots", |_| {}).await;
            test.sign_in_as(Role::Admin).await;
            let titles = async |path: &str| test.get(path).await.texts("tbody td:first-child");
            assert_eq!(titles("/desk/campaigns").await, ["Winter boots", "Radio", "Schools 100%", "Winter fuel"]);
            assert_eq!(titles("/desk/campaigns?q=WINTER").await, ["Winter boots", "Winter fuel"]);
            assert_eq!(titles("/desk/campaigns?q=winter&status=live").await, ["Winter fuel"]);
            assert_eq!(titles("/desk/campaigns?q=%25").await, ["Schools 100%"]);
            assert_eq!(titles("/desk/campaigns?q=_").await, [""; 0]);
            let nothing = test.get("/desk/campaigns?q=nothing").await;
            assert!(nothing.texts("main p").join(" ").contains("Nothing fits."));
        }

        async fn finance_may_keep_funds_but_not_campaigns(test: TestApp) {
            let fund = test.fund().await;
            let campaign = test.campaign("Schools").await;
            test.sign_in_as(Role::Finance).await;
            for path in ["/desk/campaigns", "/desk/campaigns/new"] {
                assert_eq!(test.get(path).await.status, 403, "{path}");
            }
            assert_eq!(test.post(&format!("/desk/campaigns/{}/state/close", campaign.id), &[]).await.status, 403);
            let path = format!("/desk/funds/{}", fund.id);
            assert_eq!(test.get(&path).await.attribute("#code", "value").as_deref(), Some("TEST"));
            let fields = [("code", "a b"), ("name", ""), ("restriction", "none"), ("gl_income", "4000"), ("gl_fee", "6000")];
            let answer = test.post(&path, &fields).await;
            assert_eq!((answer.status.as_u16(), answer.texts(".error-summary li").len()), (422, 3));
            let fields = [("code", "EDU"), ("name", "Education"), ("restriction", "designated"), ("gl_income", "4000"), ("gl_fee", "6000")];
            assert_eq!(test.post(&path, &fields).await.status, 303);
            assert_eq!(test.post("/desk/funds/new", &fields).await.texts("#code-error").len(), 1);
            test.forget_cookies();
            assert_eq!(test.get("/desk/funds/new").await.status, 303);
        }
    }
}
