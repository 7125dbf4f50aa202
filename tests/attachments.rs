//! What stands on an article: order, inheritance, what is left out.

use crate::support::{TestApp, newsroom::move_to, on_both_databases};
use entity::words::CampaignStatus;
use wellwisher::{
    attachments::{self, Place, Thing},
    error::Error,
    staff::Actor,
};

async fn attach(test: &TestApp, thing: Thing, place: Place, position: i64) {
    attachments::attach(&test.app, &Actor::system(), thing, place, Some(position)).await.expect("it can be attached");
}

async fn campaigns_on(test: &TestApp, article: &entity::article::Model) -> Vec<String> {
    let attached = attachments::for_article(&test.app, article).await.unwrap();
    attached.campaigns.into_iter().map(|card| card.campaign.title).collect()
}

on_both_databases! {
    async fn by_hand_comes_before_category_before_everywhere_then_position(test: TestApp) {
        let isis = test.category("Taliban/ISIS").await;
        let taliban = test.category("Taliban").await;
        let other = test.category("Talibanistan").await;
        let article = test.article("a", |row| row.category_id = Some(isis)).await;
        let places = [
            ("Everywhere 1", Place::Everywhere, 1),
            ("Above 5", Place::Category(taliban), 5),
            ("Own 2", Place::Category(isis), 2),
            ("Hand 9", Place::Article(article.id), 9),
            ("Hand 3", Place::Article(article.id), 3),
            ("Elsewhere", Place::Category(other), 1),
        ];
        for (title, place, position) in places {
            let campaign = test.campaign(title).await;
            attach(&test, Thing::Campaign(campaign.id), place, position).await;
            if title == "Hand 9" {
                attach(&test, Thing::Campaign(campaign.id), Place::Everywhere, 0).await;
            }
        }
        assert_eq!(campaigns_on(&test, &article).await, ["Hand 3", "Hand 9", "Own 2", "Above 5", "Everywhere 1"]);
        let above = test.article("b", |row| row.category_id = Some(taliban)).await;
        assert_eq!(campaigns_on(&test, &above).await, ["Above 5", "Hand 9", "Everywhere 1"]);
        let without = test.article("c", |_| {}).await;
        assert_eq!(campaigns_on(&test, &without).await, ["Hand 9", "Everywhere 1"]);
        let ids = attachments::campaign_ids_for_article(&test.app, article.id).await.unwrap();
        let shown = attachments::for_article(&test.app, &article).await.unwrap().campaigns;
        assert_eq!(ids, shown.iter().map(|card| card.campaign.id).collect::<Vec<_>>());
    }

    async fn a_sensitive_article_asks_for_nothing(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let item = test.item("School bag", None, |_| {}).await;
        attach(&test, Thing::Campaign(campaign.id), Place::Everywhere, 1).await;
        attach(&test, Thing::Item(item.id), Place::Everywhere, 1).await;
        let plain = test.article("plain", |_| {}).await;
        let sensitive = test.article("sensitive", |row| row.sensitive = true).await;
        assert!(!attachments::for_article(&test.app, &plain).await.unwrap().is_empty());
        assert!(attachments::for_article(&test.app, &sensitive).await.unwrap().is_empty());
        assert_eq!(attachments::campaign_ids_for_article(&test.app, plain.id).await.unwrap(), [campaign.id]);
        assert_eq!(attachments::campaign_ids_for_article(&test.app, sensitive.id).await.unwrap(), []);
    }

    async fn only_what_can_be_given_stands_on_an_article(test: TestApp) {
        let article = test.article("a", |_| {}).await;
        let mut paused_campaign = None;
        for status in [CampaignStatus::Draft, CampaignStatus::Live, CampaignStatus::Paused, CampaignStatus::Closed] {
            let campaign = test.draft(&format!("Campaign {status}"), |_| {}).await;
            move_to(&test, &campaign, status).await;
            attach(&test, Thing::Campaign(campaign.id), Place::Everywhere, 1).await;
            if status == CampaignStatus::Paused {
                paused_campaign = Some(campaign.id);
            }
        }
        let over = test.draft("Over", |raw| raw.starts_on = "2027-01-01".into()).await;
        move_to(&test, &over, CampaignStatus::Live).await;
        attach(&test, Thing::Campaign(over.id), Place::Everywhere, 1).await;
        assert_eq!(campaigns_on(&test, &article).await, ["Campaign live"]);
        let open = test.item("Open", None, |_| {}).await;
        let cancelled = test.item("Cancelled", None, |_| {}).await;
        let of_paused = test.item("Of a paused campaign", paused_campaign, |_| {}).await;
        for item in [&open, &cancelled, &of_paused] {
            attach(&test, Thing::Item(item.id), Place::Article(article.id), 1).await;
        }
        wellwisher::wishes::item::cancel(&test.app, &Actor::system(), cancelled.id, entity::words::CancelReason::Other, "").await.unwrap();
        let items = attachments::for_article(&test.app, &article).await.unwrap().wish_items;
        assert_eq!(items.into_iter().map(|card| card.item.title).collect::<Vec<_>>(), ["Open"]);
    }

    async fn the_same_thing_stands_once_in_a_place_and_can_be_moved_and_removed(test: TestApp) {
        let (first, second) = (test.campaign("First").await, test.campaign("Second").await);
        let article = test.article("a", |_| {}).await;
        let actor = Actor::system();
        let attach_last = async |thing| attachments::attach(&test.app, &actor, thing, Place::Everywhere, None).await;
        let row = attach_last(Thing::Campaign(first.id)).await.unwrap();
        attach_last(Thing::Campaign(second.id)).await.unwrap();
        assert!(matches!(attach_last(Thing::Campaign(first.id)).await, Err(Error::Conflict(_))));
        assert_eq!(campaigns_on(&test, &article).await, ["First", "Second"]);
        attachments::place_at(&test.app, &actor, row, 7).await.unwrap();
        assert_eq!(campaigns_on(&test, &article).await, ["Second", "First"]);
        attachments::detach(&test.app, &actor, row).await.unwrap();
        assert_eq!(campaigns_on(&test, &article).await, ["Second"]);
        assert!(matches!(attachments::detach(&test.app, &actor, row).await, Err(Error::NotFound)));
    }
}

mod days {
    use super::*;
    use crate::support::gift;
    use chrono::NaiveDate;
    use entity::{ids::AttachmentId, words::CancelReason};
    use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
    use wellwisher::{
        asks::Gift,
        attachments::{Days, Why},
        wishes,
    };

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    async fn attach_for(test: &TestApp, thing: Thing, place: Place, from: Option<&str>, until: Option<&str>) -> AttachmentId {
        let days = Days { from: from.map(day), until: until.map(day) };
        attachments::attach_for(&test.app, &Actor::system(), thing, place, Some(1), days).await.unwrap()
    }

    async fn whys(test: &TestApp, article: &entity::article::Model, on: &str) -> Vec<Option<Why>> {
        attachments::judge(&test.app, article, day(on)).await.unwrap().into_iter().map(|one| one.left_out).collect()
    }

    on_both_databases! {
        async fn an_attachment_stands_on_its_days_in_the_organisations_zone(test: TestApp) {
            let campaign = test.campaign("Schools").await;
            let article = test.article("a", |_| {}).await;
            let row = attach_for(&test, Thing::Campaign(campaign.id), Place::Everywhere, Some("2026-05-02"), Some("2026-05-03")).await;
            let clock = &test.app.clock;
            for (at, stands) in [("2026-05-01T23:59:59Z", false), ("2026-05-02T00:00:00Z", true), ("2026-05-03T23:59:59Z", true), ("2026-05-04T00:00:00Z", false)] {
                clock.set(at.parse().unwrap());
                assert_eq!(!campaigns_on(&test, &article).await.is_empty(), stands, "{at}");
                let counted = attachments::campaign_ids_for_article(&test.app, article.id).await.unwrap();
                assert_eq!(!counted.is_empty(), stands, "{at}: readers are counted for what stands there");
            }
            attachments::set_days(&test.app, &Actor::system(), row, Days::default()).await.unwrap();
            assert_eq!(campaigns_on(&test, &article).await, ["Schools"]);
            let backwards = Days { from: Some(day("2026-05-03")), until: Some(day("2026-05-02")) };
            assert!(matches!(attachments::set_days(&test.app, &Actor::system(), row, backwards).await, Err(Error::Invalid(_))));
        }

        async fn what_is_tied_by_hand_outside_its_days_leaves_the_place_to_what_is_tied_everywhere(test: TestApp) {
            let campaign = test.campaign("Schools").await;
            let article = test.article("a", |_| {}).await;
            attach_for(&test, Thing::Campaign(campaign.id), Place::Article(article.id), Some("2026-06-01"), None).await;
            attach_for(&test, Thing::Campaign(campaign.id), Place::Everywhere, None, None).await;
            assert_eq!(campaigns_on(&test, &article).await, ["Schools"]);
            assert_eq!(whys(&test, &article, "2026-05-01").await, [Some(Why::Days), None]);
            assert_eq!(whys(&test, &article, "2026-06-01").await, [None, Some(Why::Twice)]);
        }

        async fn a_preview_says_of_everything_why_it_is_left_out(test: TestApp) {
            let article = test.article("a", |_| {}).await;
            let spring = test.draft("Spring", |raw| (raw.starts_on, raw.ends_on) = ("2026-06-01".into(), "2026-06-30".into())).await;
            move_to(&test, &spring, CampaignStatus::Live).await;
            let paused = test.draft("Paused", |_| {}).await;
            move_to(&test, &paused, CampaignStatus::Paused).await;
            let (gone, cancelled) = (test.item("Gone", None, |raw| raw.quantity = "1".into()).await, test.item("Cancelled", None, |_| {}).await);
            let of_paused = test.item("Of the paused", Some(paused.id), |_| {}).await;
            let things = [Thing::Campaign(spring.id), Thing::Campaign(paused.id), Thing::Item(gone.id), Thing::Item(cancelled.id), Thing::Item(of_paused.id)];
            for (position, thing) in (1..).zip(things) {
                attach(&test, thing, Place::Everywhere, position).await;
            }
            test.give(&Gift { item: Some((gone.id, 1)), ..gift(2_500, "EUR") }).await;
            wishes::item::cancel(&test.app, &Actor::system(), cancelled.id, CancelReason::Other, "").await.unwrap();
            let all = whys(&test, &article, "2026-05-01").await;
            assert_eq!(all, [Why::CampaignDays, Why::Campaign, Why::Paid, Why::Item, Why::Campaign].map(Some));
            assert_eq!(whys(&test, &article, "2026-06-15").await[0], None);
            assert_eq!(whys(&test, &article, "2026-04-30").await, [Some(Why::Hidden); 5], "before its publication date");
            let mut row = article.clone().into_active_model();
            row.sensitive = Set(true);
            let sensitive = test.app.db.write(async |tx| Ok(row.clone().update(tx).await?)).await.unwrap();
            assert_eq!(whys(&test, &sensitive, "2026-06-15").await, [Some(Why::Sensitive); 5]);
            assert_eq!(whys(&test, &entity::article::Model { retracted: true, ..sensitive }, "2026-06-15").await, [Some(Why::Retracted); 5]);
        }

        async fn an_editor_sets_days_and_previews_any_article_on_any_day(test: TestApp) {
            let campaign = test.campaign("Schools").await;
            let article = test.article("a-school", |_| {}).await;
            test.sign_in_as(entity::words::Role::Editor).await;
            let here = format!("/desk/attachments/campaign/{}", campaign.id);
            let form = [("scope", "everywhere"), ("from", "2026-06-01"), ("until", "2026-05-01")];
            let wrong = test.post(&here, &form).await;
            assert_eq!((wrong.status.as_u16(), wrong.attribute("input[name=from]", "value").as_deref()), (422, Some("2026-06-01")));
            assert_eq!(wrong.texts(".error-summary li"), ["The last day is before the first"]);
            assert_eq!(test.post(&here, &[("scope", "everywhere"), ("from", "2026-06-01")]).await.status, 303);
            let preview = test.get("/desk/attachments/preview?article=a-school&on=2026-05-31").await;
            assert_eq!((preview.texts("#stands li").len(), preview.texts("#left-out strong")), (0, vec!["outside the days of this attachment".to_owned()]));
            let preview = test.get("/desk/attachments/preview?article=https%3A%2F%2Fx.example%2Farticles%2Fa-school%2F&on=2026-06-01").await;
            assert_eq!((preview.texts("#stands li a"), preview.texts("#left-out li").len()), (vec!["Schools".to_owned()], 0));
            assert_eq!(test.get("/desk/attachments/preview").await.status, 200);
            assert_eq!(test.get("/desk/attachments/preview?article=nowhere&on=soon").await.texts(".error-summary li").len(), 2);
            let row = entity::attachment::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
            let days = format!("/desk/attachments/{}/days", row.id);
            assert_eq!(test.post(&days, &[("until", "never"), ("back", &here)]).await.status, 400);
            assert_eq!(test.post(&days, &[("from", ""), ("until", "2026-07-01"), ("back", &here)]).await.status, 303);
            assert_eq!(campaigns_on(&test, &article).await, ["Schools"]);
            assert_eq!(test.get(&here).await.attribute("tbody input[name=until]", "value").as_deref(), Some("2026-07-01"));
        }
    }
}

mod desk {
    use super::*;
    use entity::{attachment, words::Role};
    use sea_orm::{EntityTrait, QueryOrder};

    async fn rows(test: &TestApp) -> Vec<attachment::Model> {
        attachment::Entity::find().order_by_asc(attachment::Column::Position).all(test.app.db.read()).await.unwrap()
    }

    on_both_databases! {
        async fn an_editor_attaches_from_every_side_and_sees_what_an_article_shows(test: TestApp) {
            let campaign = test.campaign("Schools").await;
            let item = test.item("School bag", None, |_| {}).await;
            let category = test.category("Women").await;
            let article = test.article("a", |row| row.category_id = Some(category)).await;
            test.sign_in_as(Role::Editor).await;
            let of_campaign = format!("/desk/attachments/campaign/{}", campaign.id);
            let of_item = format!("/desk/attachments/item/{}", item.id);
            let of_article = format!("/desk/attachments/article/{}", article.id);
            assert!(test.get(&of_article).await.texts("main p").join(" ").contains("Nothing"));
            let wrong = test.post(&of_campaign, &[("scope", "article"), ("article", "no-such"), ("position", "x")]).await;
            assert_eq!((wrong.status.as_u16(), wrong.texts(".error-summary li").len()), (422, 2));
            assert_eq!(wrong.attribute("#article", "value").as_deref(), Some("no-such"));
            let by_address = [("scope", "article"), ("article", "http://127.0.0.1:8080/articles/a/"), ("position", "")];
            assert_eq!(test.post(&of_campaign, &by_address).await.location(), format!("{of_campaign}?done=saved"));
            assert_eq!(test.post(&of_campaign, &by_address).await.status, 422, "it stands there already");
            let in_category = [("scope", "category"), ("category", &*category.to_string()), ("position", "5")];
            assert_eq!(test.post(&of_item, &in_category).await.status, 303);
            let thing = format!("item:{}", item.id);
            assert_eq!(test.post(&of_article, &[("thing", &thing), ("position", "2")]).await.status, 303);
            assert_eq!(test.post(&of_article, &[("thing", "item:x")]).await.status, 422);
            let preview = test.get(&of_article).await;
            assert_eq!(preview.texts(".cards h3"), ["Schools", "School bag"]);
            assert_eq!(test.get("/desk/attachments").await.texts("tbody tr").len(), 3);
            assert_eq!(test.get(&of_item).await.texts("tbody tr").len(), 2);
            let first = rows(&test).await[0].id;
            let moved = test.post(&format!("/desk/attachments/{first}/position"), &[("position", "9"), ("back", &of_campaign)]).await;
            assert_eq!(moved.location(), format!("{of_campaign}?done=saved"));
            assert_eq!(rows(&test).await.last().unwrap().id, first);
            assert_eq!(test.post(&format!("/desk/attachments/{first}/position"), &[("position", "-1")]).await.status, 400);
            let removed = test.post(&format!("/desk/attachments/{first}/remove"), &[("back", "https://elsewhere.example/")]).await;
            assert_eq!(removed.location(), "/?done=saved", "never to another site");
            assert_eq!(rows(&test).await.len(), 2);
            let sensitive = test.article("s", |row| { row.category_id = Some(category); row.sensitive = true; }).await;
            let page = test.get(&format!("/desk/attachments/article/{}", sensitive.id)).await;
            assert_eq!(page.texts(".warn"), ["This article is sensitive or retracted: it asks for nothing."]);
            test.sign_in_as(Role::Finance).await;
            assert_eq!(test.get("/desk/attachments").await.status, 403);
        }
    }
}
