//! What givers are told: on the form, before they pay, and on the page of their gift.

use super::{gift_for, open_pot, taken};
use crate::{
    donations::helpers::{catch_up, fill, session_of, the_donation},
    support::{TestApp, newsroom::plain, on_both_databases},
};
use chrono::TimeDelta;
use entity::words::Role;
use sea_orm::EntityTrait;
use wellwisher::donations;

on_both_databases! {
    async fn the_form_says_what_is_added_now_and_a_gift_that_gets_all_of_it_goes_straight_to_the_checkout(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        open_pot(&test, campaign.id, |raw| (raw.gift_min, raw.match_max) = ("10".into(), "60".into())).await;
        for path in ["/campaigns/schools", "/donate?campaign=schools"] {
            let page = test.get(path).await;
            let words = plain(&page.texts(".giving .match"));
            for said in ["A sponsor doubles your gift.", "€100 is left", "Gifts from €10", "At most €60", "60 minutes", "the first payment"] {
                assert!(words.contains(said), "{path}: {said}: {words}");
            }
        }
        let dari = test.get("/donate?campaign=schools&lang=fa-AF").await;
        assert!(dari.texts(".giving .match").join(" ").contains("یک حامی کمک شما را دو برابر می‌کند"));
        let typed = fill(&test, "campaign=schools&lang=en").await.with("currency", "EUR").with("match_offered", "yes");
        let session = session_of(&test, &typed.send(&test).await);
        let gift = the_donation(&test.app).await;
        let waiting = test.get(&donations::path_of(&test.app, gift.id)).await;
        let words = plain(&waiting.texts("dd"));
        assert!(words.contains("A sponsor adds €25 to your gift.") && words.contains("held for you for"), "{words}");
        test.stripe.standin.pay(&session, crate::donations::helpers::GOOD_CARD);
        catch_up(&test).await;
        let thanks = test.get(&donations::path_of(&test.app, gift.id)).await;
        assert!(plain(&thanks.texts("dd")).contains("A sponsor adds €25 to your gift."));
        assert!(plain(&thanks.texts(".told li")).contains("A sponsor adds €25"), "{:?}", thanks.texts(".told li"));
        assert!(!thanks.body.contains("Gulalai"));
        test.sign_in_as(Role::Finance).await;
        let story = test.get(&format!("/desk/donations/{}", gift.id)).await;
        let told = story.body;
        assert!(told.contains("match is held") && told.contains("match is confirmed"), "the story tells of it");
        let receipt = entity::receipt::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(receipt.amount_minor, 2_500, "a receipt is for the giver's own gift");
    }

    async fn a_gift_that_gets_less_than_the_form_said_is_told_so_before_it_is_paid(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| raw.total = "45".into()).await;
        let [first, second] = [fill(&test, "campaign=schools").await, fill(&test, "campaign=schools").await];
        test.start(&gift_for(&campaign, 2_500)).await;
        let answer = first.with("currency", "EUR").with("match_offered", "yes").send(&test).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(answer.location().starts_with("/donations/"), "her own page comes first: {}", answer.location());
        let page = test.get(answer.location()).await;
        let words = plain(&page.texts("dd"));
        assert!(words.contains("Your gift of €25 will be matched by €20: no more is left"), "{words}");
        assert!(page.attribute("main a.button", "href").unwrap().contains("/pay/"), "and leads on to the checkout");
        let answer = second.with("currency", "EUR").with("match_offered", "yes").with("email", "other@example.org").send(&test).await;
        let page = test.get(answer.location()).await;
        assert!(page.texts("dd").join(" ").contains("Your gift will not be matched"), "{:?}", page.texts("dd"));
        let now = test.get("/donate?campaign=schools").await;
        assert!(now.texts(".giving .match").is_empty(), "a form offers nothing that is not there");
        let campaign_page = test.get("/campaigns/schools").await;
        assert!(plain(&campaign_page.texts("section.match")).contains("All of €45 is promised"), "{:?}", campaign_page.texts("section.match"));
        test.app.clock.advance(TimeDelta::minutes(71));
        donations::sweep(&test.app).await.unwrap();
        assert_eq!(taken(&test, &pot).await, (0, 0));
        assert!(plain(&test.get("/donate?campaign=schools").await.texts(".giving .match")).contains("€45 is left"));
    }

    async fn a_sponsor_is_named_only_where_finance_wrote_a_name_for_readers(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        open_pot(&test, campaign.id, |raw| (raw.public_name, raw.ratio) = ("The Poplar Trust".into(), "50".into())).await;
        let page = test.get("/campaigns/schools").await;
        let words = plain(&page.texts("section.match"));
        assert!(words.contains("The Poplar Trust adds to your gift.") && words.contains("For each €10 that you give, a sponsor adds €5."), "{words}");
        assert!(!page.body.contains("Gulalai"));
    }
}
