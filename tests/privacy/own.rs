//! What she sees to herself: news, name, postal address, language, discreet letters; and how many clicks it takes to stop a gift.

use super::{EMAIL, give_once, go_home, her, run};
use crate::{
    recurring::helpers::{GOOD_CARD, begin, letters, the_gift},
    support::{TestApp, on_both_databases},
};
use entity::{
    receipt, subscription,
    words::{LetterKind, ReceiptStatus, RecurringStatus},
};
use sea_orm::{EntityTrait, QueryOrder};

on_both_databases! {
    async fn news_begin_and_end_at_once_because_the_link_came_from_her_mailbox(test: TestApp) {
        give_once(&test).await;
        let who = her(&test).await;
        assert_eq!(test.get("/me/news").await.location(), "/me?stale=1", "not without the link");
        assert_eq!(test.post("/me/news", &[("topic", "updates"), ("change", "begin")]).await.location(), "/me?stale=1");
        go_home(&test).await;
        for lang in ["fa-AF", "ps", "en"] {
            assert_eq!(test.get(&format!("/me/news?lang={lang}")).await.status, 200);
        }
        assert_eq!(test.post("/me/news", &[("topic", "updates"), ("change", "begin")]).await.location(), "/me/news?done=begun");
        let all = subscription::Entity::find().all(test.app.db.read()).await.unwrap();
        assert!(all.len() == 1 && all[0].confirmed_at.is_some() && all[0].wording == "Send me news of what came of it", "{all:?}");
        assert_eq!(letters(&test, LetterKind::Confirmation).await.len(), 0, "nothing is left to confirm");
        let about = wellwisher::mail::topic::Topic::Updates;
        assert_eq!(wellwisher::consents::audience_size(test.app.db.read(), about).await.unwrap(), 1);
        assert_eq!(test.post("/me/news", &[("topic", "updates"), ("change", "begin")]).await.location(), "/me/news?done=begun", "twice is once");
        assert_eq!(test.post("/me/news", &[("topic", "updates"), ("change", "end")]).await.location(), "/me/news?done=ended");
        assert_eq!(wellwisher::consents::audience_size(test.app.db.read(), about).await.unwrap(), 0);
        test.post("/me/news", &[("topic", "updates"), ("change", "begin")]).await;
        assert_eq!(test.post("/me/news", &[("change", "end-all")]).await.location(), "/me/news?done=all-ended");
        assert_eq!(wellwisher::consents::audience_size(test.app.db.read(), about).await.unwrap(), 0);
        test.post("/me/news", &[("topic", "updates"), ("change", "begin")]).await;
        assert_eq!(wellwisher::consents::audience_size(test.app.db.read(), about).await.unwrap(), 1, "she may think better of it");
        for wrong in ["everything", "nonsense", "campaign:019a0000-0000-7000-8000-000000000000"] {
            assert_eq!(test.post("/me/news", &[("topic", wrong), ("change", "begin")]).await.status, 404, "{wrong}");
        }
        assert!(who.email == EMAIL);
    }

    async fn she_corrects_her_name_and_address_and_a_receipt_is_replaced_never_edited(test: TestApp) {
        give_once(&test).await;
        go_home(&test).await;
        let long = "n".repeat(101);
        let wrong = test.post("/me/details", &[("name", &long), ("language", "ps"), ("address", "Street 1")]).await;
        assert_eq!((wrong.status.as_u16(), wrong.attribute("#name", "value")), (422, Some(long)));
        assert_eq!(test.post("/me/details", &[("name", "Z"), ("language", "xx")]).await.status, 422);
        let fields = [("name", "Qanari K."), ("public_name", "yes"), ("address", "Street 1\r\nKabul"), ("language", "ps"), ("discreet", "yes")];
        assert_eq!(test.post("/me/details", &fields).await.location(), "/me/details?done=saved");
        let who = her(&test).await;
        assert_eq!((who.name.as_str(), who.language.as_str(), who.discreet), ("Qanari K.", "ps", true));
        let page = test.get("/me/details?lang=en").await;
        assert!(page.body.contains("Street 1, Kabul"), "{}", page.body);
        let path = page.attribute("form[action^='/me/receipts/']", "action").expect("a receipt that says another name");
        assert_eq!(test.post(&path, &[]).await.location(), "/me/details?done=corrected");
        let all = receipt::Entity::find().order_by_asc(receipt::Column::Number).all(test.app.db.read()).await.unwrap();
        assert!(all.len() == 2 && all[0].status == ReceiptStatus::Replaced && all[0].snapshot.contains("Qanari Karimi"));
        assert!(all[1].snapshot.contains("Qanari K.") && all[1].snapshot.contains("Street 1, Kabul"));
        let other = test.give(&crate::support::gift(2_500, "USD")).await;
        let foreign = receipt::Entity::find().all(test.app.db.read()).await.unwrap().into_iter().find(|one| one.donation_id == other.id).unwrap();
        assert_eq!(test.post(&format!("/me/receipts/{}/correct", foreign.id), &[]).await.status, 404, "another supporter's");
    }

    async fn a_monthly_gift_is_stopped_in_two_clicks(test: TestApp) {
        begin(&test, "monthly", GOOD_CARD).await;
        run(&test, &format!("update supporter set email = '{EMAIL}'")).await;
        go_home(&test).await;
        let home = test.get("/me").await;
        let id = the_gift(&test).await.id;
        for (action, sends) in [("pause", vec![("until", "")]), ("resume", vec![]), ("end", vec![("reason", "")])] {
            let home = test.get("/me").await;
            // The first click: a link on her page.
            let link = home.attribute(&format!("a[href$='/{action}']"), "href").unwrap_or_else(|| panic!("no link to {action}"));
            let ask = test.get(&link).await;
            // The second: the one button of the page that it leads to, with nothing that must be filled in.
            assert_eq!(ask.texts("main form button").len(), 1);
            assert!(ask.texts("main [required]").is_empty());
            let sent = test.post(&ask.attribute("main form", "action").expect("a form"), &sends).await;
            assert_eq!(sent.location(), format!("/me?done={action}"));
        }
        assert!(home.body.contains(&format!("/me/recurring/{id}/end")));
        assert_eq!(the_gift(&test).await.status, RecurringStatus::Ended);
    }
}
