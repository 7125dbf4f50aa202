//! Finance's pages for pots.

use super::{gift_for, open_pot};
use crate::support::{TestApp, newsroom::plain, on_both_databases};
use entity::{audit_entry, match_pot, words::Role};
use sea_orm::EntityTrait;

on_both_databases! {
    async fn finance_makes_opens_changes_and_closes_a_pot_and_every_change_is_audited(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/matching").await.texts("main p").join(" ").contains("No matching pots yet."));
        let wrong = [("campaign", ""), ("sponsor_name", ""), ("total", "much"), ("ratio", "2000"), ("ends_time", "25:00"), ("gift_min", "-1")];
        let answer = test.post("/desk/matching/new", &wrong).await;
        assert_eq!((answer.status.as_u16(), answer.attribute("#total", "value").as_deref()), (422, Some("much")));
        let id = campaign.id.to_string();
        let wrong: Vec<(&str, &str)> = wrong.iter().map(|(name, value)| if *name == "campaign" { (*name, id.as_str()) } else { (*name, *value) }).collect();
        let answer = test.post("/desk/matching/new", &wrong).await;
        assert_eq!((answer.status.as_u16(), answer.texts(".error-summary li").len()), (422, 5), "{:?}", answer.texts(".error-summary li"));
        let fields = [("campaign", id.as_str()), ("sponsor_name", "Aunt Gulalai"), ("total", "5,000"), ("ratio", "33.33"), ("match_max", "100"),
            ("starts_on", "2026-05-01"), ("ends_on", "2026-06-30"), ("ends_time", "18:30")];
        let made = test.post("/desk/matching/new", &fields).await;
        assert_eq!(made.status, 303, "{:?}", made.texts(".error-summary li"));
        let pot = match_pot::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!((pot.total_minor, pot.ratio_bp, pot.match_max_minor, pot.position), (500_000, 3_333, Some(10_000), 1));
        let path = format!("/desk/matching/{}", pot.id);
        assert!(test.get("/campaigns/schools").await.texts("section.match").is_empty(), "readers see no draft");
        let refused = test.post(&format!("{path}/state/open"), &[("confirm", "500"), ("reason", "She called")]).await;
        assert_eq!((refused.status.as_u16(), refused.texts("#confirm-error").len()), (422, 1));
        assert_eq!(refused.attribute("#reason", "value").as_deref(), Some("She called"));
        assert_eq!(test.post(&format!("{path}/state/open"), &[("confirm", "5000"), ("reason", "She called")]).await.status, 303);
        assert_eq!(test.get("/campaigns/schools").await.texts("section.match").len(), 1);
        let form = test.get(&format!("/desk/matching/{}/edit", pot.id)).await;
        assert_eq!(form.attribute("#ratio", "value").as_deref(), Some("33.33"));
        assert_eq!(form.attribute("#ends_time", "value").as_deref(), Some("18:30"));
        let version = form.attribute("input[name=version]", "value").unwrap();
        let mut changed = fields.to_vec();
        changed[2].1 = "6,000";
        changed.push(("version", version.as_str()));
        assert_eq!(test.post(&format!("{path}/edit"), &changed).await.status, 303);
        let again = test.post(&format!("{path}/edit"), &changed).await;
        assert_eq!((again.status.as_u16(), again.texts("#total-error").len()), (422, 1), "somebody else was first");
        let shown = test.get(&path).await;
        let history = shown.texts("tbody td").join(" ");
        assert!(history.contains("Opened") && history.contains("She called") && history.contains("Changed"), "{history}");
        assert_eq!(test.post(&format!("/desk/matching/{}/state/pause", pot.id), &[]).await.status, 303);
        assert_eq!(test.post(&format!("{path}/state/pause"), &[]).await.status, 422);
        assert_eq!(test.post(&format!("{path}/state/close"), &[]).await.status, 303);
        assert_eq!(test.post(&format!("{path}/state/explode"), &[]).await.status, 404);
        assert_eq!(test.get("/desk/matching?status=closed").await.texts("tbody tr").len(), 1);
        assert!(test.get("/desk/matching?status=open").await.texts("main p").join(" ").contains("Nothing fits."));
        let entries = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).filter(|action| action.starts_with("match.")).collect();
        assert_eq!(actions, ["match.create", "match.open", "match.edit", "match.pause", "match.close"]);
        assert!(entries.iter().all(|entry| !entry.detail.contains("Gulalai")), "a sponsor's name is in no trail");
    }

    async fn finance_links_what_the_sponsor_paid_and_the_report_says_what_is_owed(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        test.give(&gift_for(&campaign, 4_000)).await;
        let own = test.give(&gift_for(&campaign, 1_000)).await;
        test.sign_in_as(Role::Finance).await;
        let path = format!("/desk/matching/{}", pot.id);
        for wrong in ["", "nothing", "https://news.example/desk/donations/01890000-0000-7000-8000-000000000000"] {
            let answer = test.post(&format!("/desk/matching/{}/payments", pot.id), &[("donation", wrong)]).await;
            assert_eq!((answer.status.as_u16(), answer.texts("#donation-error").len()), (422, 1), "{wrong}");
        }
        let address = format!("https://news.example/desk/donations/{}?x=1", own.id);
        assert_eq!(test.post(&format!("{path}/payments"), &[("donation", &address)]).await.status, 303);
        let again = test.post(&format!("{path}/payments"), &[("donation", &address)]).await;
        assert_eq!((again.status.as_u16(), again.attribute("#donation", "value")), (422, Some(address)));
        let report = test.get("/desk/reports/matching").await;
        let row = plain(&report.texts("tbody td"));
        assert!(row.contains("Aunt Gulalai") && row.contains("€40") && row.contains("€10") && row.contains("€30") && row.contains("€60"), "{row}");
        assert_eq!(test.post(&format!("/desk/matching/{}/payments/{}/undo", pot.id, own.id), &[]).await.status, 303);
        assert_eq!(test.post(&format!("{path}/payments/{}/undo", own.id), &[]).await.status, 404);
    }

    async fn pots_are_for_finance(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        let finance: &[Role] = &[Role::Admin, Role::Finance];
        let one = format!("GET /desk/matching/{}", pot.id);
        let edit = format!("{one}/edit");
        test.assert_open_only_to(&[("GET /desk/matching", finance), ("GET /desk/matching/new", finance), (&one, finance), (&edit, finance)]).await;
    }
}
