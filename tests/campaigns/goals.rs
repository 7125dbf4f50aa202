//! Milestones and stretch goals: reached by the ledger, when the booking crossed them, and reached no more when money goes back.

use crate::support::{TestApp, newsroom::plain, on_both_databases};
use chrono::TimeDelta;
use entity::{Money, campaign, words::Role};
use wellwisher::{
    campaigns::{
        self, GoalStep,
        goals::{self, RawGoal},
    },
    donations::refunds::{Wish, refund},
    staff::Actor,
};

async fn add(test: &TestApp, campaign: &campaign::Model, amount: &str, title: &str) {
    let raw = RawGoal { amount: amount.into(), title: title.into(), text: format!("{title} for all.") };
    let details = goals::parse(&raw, campaign).expect("a goal");
    goals::save(&test.app, &Actor::system(), campaign.id, None, &details).await.expect("it is added");
}

async fn ladder(test: &TestApp, campaign: &campaign::Model) -> Vec<GoalStep> {
    let db = test.app.db.read();
    let mut steps = campaigns::cards(&test.app, db, vec![campaign.clone()]).await.unwrap().remove(0).goals;
    goals::tell_when(db, campaign, &mut steps).await.unwrap();
    steps
}

on_both_databases! {
    async fn a_milestone_is_reached_by_the_booking_that_crosses_it_and_can_be_lost_again(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        add(&test, &campaign, "1500", "A second stove").await;
        add(&test, &campaign, "50", "Chalk").await;
        let first = test.give(&crate::matching::gift_for(&campaign, 4_000)).await;
        assert!(ladder(&test, &campaign).await.iter().all(|step| !step.is_reached && step.reached_at.is_none()));
        test.app.clock.advance(TimeDelta::days(1));
        test.give(&crate::matching::gift_for(&campaign, 1_000)).await;
        let crossed = test.app.now();
        test.app.clock.advance(TimeDelta::days(1));
        test.give(&crate::matching::gift_for(&campaign, 500)).await;
        let steps = ladder(&test, &campaign).await;
        assert_eq!(steps.iter().map(|step| (step.amount.minor, step.is_stretch, step.is_reached)).collect::<Vec<_>>(),
            [(5_000, false, true), (100_000, false, false), (150_000, true, false)]);
        assert_eq!(steps[0].reached_at.map(|at| at.date_naive()), Some(crossed.date_naive()), "the second gift crossed it");
        let page = test.get("/campaigns/schools").await;
        let words = plain(&page.texts(".goals li"));
        assert!(words.contains("€50 Chalk – Chalk for all. reached ") && words.contains("€1,500 A second stove"), "{words}");
        assert!(plain(&page.texts(".progress p")).contains("Next: €1,000"), "{:?}", page.texts(".progress p"));
        let wish = Wish { form: uuid::Uuid::from_u128(9), amount: Money::new(4_000, campaign.currency), reason: String::new() };
        refund(&test.app, &Actor::system(), first.id, &wish).await.unwrap();
        crate::donations::helpers::catch_up(&test).await;
        let lost = ladder(&test, &campaign).await;
        assert_eq!((lost[0].is_reached, lost[0].reached_at), (false, None), "a refund takes it back");
        test.app.clock.advance(TimeDelta::days(3));
        test.give(&crate::matching::gift_for(&campaign, 9_000)).await;
        assert_eq!(ladder(&test, &campaign).await[0].reached_at.map(|at| at.date_naive()), Some(test.app.now().date_naive()), "and it is reached anew");
    }

    async fn staff_keep_them_in_growing_order_and_are_told_what_is_wrong(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/campaigns/{}/goals", campaign.id);
        for (amount, field) in [("1000", "amount"), ("x", "amount"), ("", "amount")] {
            let answer = test.post(&path, &[("amount", amount), ("title", "Stove"), ("text", "")]).await;
            assert_eq!((answer.status.as_u16(), answer.texts(&format!("#{field}-error")).len()), (422, 1), "{amount}");
            assert_eq!(answer.attribute("#title", "value").as_deref(), Some("Stove"));
        }
        assert_eq!(test.post(&path, &[("amount", "2000"), ("title", "Stove"), ("text", "Warm rooms.")]).await.status, 303);
        let twice = test.post(&path, &[("amount", "2000"), ("title", "Lamps"), ("text", "")]).await;
        assert_eq!((twice.status.as_u16(), twice.texts("#amount-error").len()), (422, 1));
        assert_eq!(test.post(&path, &[("amount", "500"), ("title", "Books"), ("text", "")]).await.status, 303);
        let shown = test.get(&path).await;
        assert_eq!(shown.texts("tbody td:first-child").len(), 3);
        let goals = goals::of_campaigns(test.app.db.read(), &[campaign.id]).await.unwrap().remove(&campaign.id).unwrap();
        assert_eq!(goals.iter().map(|goal| goal.title.as_str()).collect::<Vec<_>>(), ["Books", "Stove"]);
        let one = format!("/desk/campaigns/{}/goals/{}", campaign.id, goals[1].id);
        assert_eq!(test.get(&one).await.attribute("#amount", "value").as_deref(), Some("2000.00"));
        assert_eq!(test.post(&one, &[("amount", "3000"), ("title", "Stoves"), ("text", "")]).await.status, 303);
        // The goal cannot be moved onto it.
        let fund = campaign.fund_id.to_string();
        let edit = [("title", "Schools"), ("summary", "Classes."), ("language", "en"), ("goal", "3000"), ("currency", "EUR"), ("fund", fund.as_str())];
        let refused = test.post(&format!("/desk/campaigns/{}/edit", campaign.id), &edit).await;
        assert_eq!((refused.status.as_u16(), refused.texts("#goal-error").len()), (422, 1));
        assert_eq!(test.post(&format!("/desk/campaigns/{}/goals/{}/remove", campaign.id, goals[1].id), &[]).await.status, 303);
        assert_eq!(test.post(&format!("{one}/remove"), &[]).await.status, 404);
        test.forget_cookies();
        test.assert_open_only_to(&[(&format!("GET {path}"), &[Role::Admin, Role::Editor])]).await;
    }
}
