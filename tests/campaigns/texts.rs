//! One campaign in several languages: one address, one sum, each reader's own words, and a word where they are missing.

use crate::support::{TestApp, newsroom::plain, on_both_databases};
use entity::words::Role;
use wellwisher::{
    campaigns::goals::{self, RawGoal},
    staff::Actor,
};

on_both_databases! {
    async fn readers_get_their_language_where_it_is_written_and_are_told_where_it_is_not(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let raw = RawGoal { amount: "50".into(), title: "Chalk".into(), text: "For all.".into() };
        let goal = goals::save(&test.app, &Actor::system(), campaign.id, None, &goals::parse(&raw, &campaign).unwrap()).await.unwrap();
        test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/campaigns/{}", campaign.id);
        let before = test.get(&path).await.texts("main p").join(" ");
        assert!(before.contains("دری (missing)") || before.matches("missing").count() == 2, "{before}");
        let wrong = test.post(&format!("/desk/campaigns/{}/texts/fa-AF", campaign.id), &[("title", ""), ("summary", "هر دختر"), ("story", "")]).await;
        assert_eq!((wrong.status.as_u16(), wrong.texts("#title-error").len()), (422, 1));
        assert_eq!(wrong.attribute("#summary", "value").as_deref(), Some("هر دختر"), "what was typed is kept");
        let (title_key, text_key) = (format!("goal-{goal}-title"), format!("goal-{goal}-text"));
        let fields = [("title", "صنف‌ها"), ("summary", "هر دختر در یک صنف."), ("story", "یک **قصه**."), (title_key.as_str(), "تباشیر"), (text_key.as_str(), "برای همه.")];
        assert_eq!(test.post(&format!("{path}/texts/fa-AF"), &fields).await.status, 303);
        assert_eq!(test.get(&format!("{path}/texts/fa-AF")).await.attribute("#title", "value").as_deref(), Some("صنف‌ها"));
        for unknown in ["de", "en"] {
            assert_eq!(test.get(&format!("{path}/texts/{unknown}")).await.status, 404, "{unknown}");
        }
        test.forget_cookies();
        test.give(&crate::matching::gift_for(&campaign, 6_000)).await;
        let dari = test.get("/campaigns/schools?lang=fa-AF").await;
        assert_eq!((dari.texts("h1"), dari.texts(".story strong")), (vec!["صنف‌ها".to_owned()], vec!["قصه".to_owned()]));
        assert_eq!((dari.attribute("article", "lang").as_deref(), dari.attribute("article", "dir").as_deref()), (Some("fa-AF"), Some("rtl")));
        assert!(dari.texts(".goals li").join(" ").contains("تباشیر"));
        assert_eq!(dari.attribute("main nav a", "hreflang").as_deref(), Some("en"), "the way to the other language");
        assert_eq!(dari.attribute("form[action='/donations'] input[name=campaign]", "value").as_deref(), Some("schools"), "one campaign, one sum");
        let pashto = test.get("/campaigns/schools?lang=ps").await;
        assert_eq!((pashto.texts("h1"), pashto.attribute("article", "dir").as_deref()), (vec!["Schools".to_owned()], Some("ltr")));
        assert!(pashto.texts("main > .columns p.quiet").join(" ").contains("ستاسو په ژبه"), "{:?}", pashto.texts("p.quiet"));
        let english = test.get("/campaigns/schools").await;
        assert!(english.texts("p.quiet").iter().all(|text| !text.contains("not written in your language")));
        assert!(plain(&test.get("/campaigns?lang=fa-AF").await.texts(".card h3")).contains("صنف‌ها"));
        test.sign_in_as(Role::Editor).await;
        let fund = campaign.fund_id.to_string();
        let edit = [("title", "Schools"), ("summary", "Classes."), ("language", "fa-AF"), ("goal", "1000"), ("currency", "EUR"), ("fund", fund.as_str())];
        let refused = test.post(&format!("{path}/edit"), &edit).await;
        assert_eq!((refused.status.as_u16(), refused.texts("#language-error").len()), (422, 1), "its own language is not one that it is translated into");
        assert_eq!(test.post(&format!("/desk/campaigns/{}/texts/fa-AF/remove", campaign.id), &[]).await.status, 303);
        assert_eq!(test.post(&format!("{path}/texts/fa-AF/remove"), &[]).await.status, 404);
        assert_eq!(test.get("/campaigns/schools?lang=fa-AF").await.texts("h1"), ["Schools"]);
    }
}
