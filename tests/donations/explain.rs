//! One donation's whole story: for staff in sentences, on paper as evidence, for the supporter without anybody's name.

use super::{helpers::*, way::donation_path};
use crate::{
    matching::open_pot,
    support::{TestApp, gift, hand_gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    audit_entry, dispute, payout, refund,
    words::{DisputeOutcome, PayoutReconciliation, PayoutState, RefundState, Role},
};
use sea_orm::{ConnectionTrait, Database, EntityTrait, IntoActiveModel};
use wellwisher::{
    asks::Gift,
    donations::{by_hand, explain, story},
    i18n::Language,
    staff::Actor,
    web::Page,
};

/// Without the signs that isolate a number's direction, which people do not see.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

/// What other parts write, as their tables hold it.
async fn add_aftermath(test: &TestApp, id: entity::ids::DonationId) {
    let (app, now) = (&test.app, test.app.now());
    let eur = "EUR".parse().unwrap();
    let refund = refund::Model {
        id: app.new_id(),
        donation_id: id,
        stripe_refund_id: Some("re_1".into()),
        idempotency_key: "v1:refund:1".into(),
        amount_minor: 500,
        currency: eur,
        state: RefundState::Succeeded,
        reason: String::new(),
        failure: String::new(),
        asked_by: None,
        created_at: now,
        updated_at: now + TimeDelta::minutes(5),
    };
    let dispute = dispute::Model {
        id: app.new_id(),
        donation_id: id,
        stripe_dispute_id: "dp_1".into(),
        amount_minor: 4_500,
        currency: eur,
        reason: "fraudulent".into(),
        stripe_status: "won".into(),
        outcome: DisputeOutcome::Won,
        evidence_due_at: Some(now + TimeDelta::days(7)),
        opened_at: now + TimeDelta::hours(1),
        closed_at: Some(now + TimeDelta::days(3)),
        updated_at: now + TimeDelta::days(3),
    };
    let payout = payout::Model {
        id: app.new_id(),
        stripe_payout_id: "po_1".into(),
        amount_minor: 4_825,
        currency: eur,
        state: PayoutState::Paid,
        automatic: true,
        arrives_on: now.date_naive(),
        statement_descriptor: String::new(),
        trace_id: String::new(),
        balance_transaction_id: None,
        failure_balance_transaction_id: None,
        failure_code: String::new(),
        original_payout_id: None,
        reversed_by_id: None,
        reconciliation: PayoutReconciliation::Completed,
        livemode: false,
        itemised_at: None,
        created_at: now + TimeDelta::days(2),
        updated_at: now,
    };
    let (refund, dispute, payout) = (refund.into_active_model(), dispute.into_active_model(), payout.into_active_model());
    let write = async |tx: &sea_orm::DatabaseTransaction| {
        refund::Entity::insert(refund.clone()).exec_without_returning(tx).await?;
        dispute::Entity::insert(dispute.clone()).exec_without_returning(tx).await?;
        payout::Entity::insert(payout.clone()).exec_without_returning(tx).await?;
        Ok(())
    };
    app.db.write(write).await.unwrap();
    let db = Database::connect(&test.database.url).await.unwrap();
    db.execute_unprepared(
        "insert into balance_movement (id, category, kind, source_id, gross_minor, fee_minor, net_minor, currency, occurred_at, available_at,
            payout_id, donation_id, mapped_to, heard_at)
         select 'txn_story', 'charge', 'charge', 'ch_story', 5000, 175, 4825, 'EUR', created_at, created_at, 'po_1', id, 'gift', created_at
         from donation where amount_minor = 5000",
    )
    .await
    .unwrap();
}

on_both_databases! {
    async fn staff_read_the_whole_way_in_sentences_in_the_order_of_time(test: TestApp) {
        test.books_end_broken("what came back was written down without its postings");
        let campaign = test.add_campaign("winter").await;
        let given = test.give(&Gift { campaign_id: Some(campaign), email: "rosa@example.org".into(), ..gift(5_000, "EUR") }).await;
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        test.wait(3_600);
        add_aftermath(&test, given.id).await;
        let story = story::tell(&test.app, given.id).await.unwrap();
        let after = explain::Aftermath::of(test.app.db.read(), &story).await.unwrap();
        let page = Page::plain(&test.app, Language::English);
        let lines = explain::lines(&page, &story, &after);
        assert!(lines.is_sorted_by_key(|line| line.at));
        let told: Vec<String> = lines.iter().map(|line| plain(&line.text)).collect();
        let places: Vec<usize> = [
            "The form was sent: EUR 50.00",
            "Stripe’s payment page was opened: cs_",
            "Receipt R-2026-000001 was issued for €50, given on 1 May 2026",
            "was handed to the mail server",
            "€5 were to be given back, as asked for in Stripe’s dashboard",
            "€5 were given back",
            "The supporter’s bank disputed €45 (dp_1, fraudulent)",
            "It became part of payout po_1 of €48.25",
            "The dispute was decided for us",
        ]
        .iter()
        .map(|part| told.iter().position(|text| text.contains(part)).unwrap_or_else(|| panic!("{part}: {told:#?}")))
        .collect();
        assert!(places.is_sorted(), "{places:?} {told:#?}");
        let summary = plain(&explain::summary(&page, &story));
        assert!(summary.contains("€50 were given on") && summary.contains("The winter (fund GENERAL)"), "{summary}");
        assert!(summary.contains("worth €50."), "the ledger decides what it is worth: {summary}");
        test.sign_in_as(Role::Editor).await;
        let seen = test.get(&format!("/desk/donations/{}", given.id)).await;
        assert!(plain(&seen.body).contains("€50 were given on") && !seen.body.contains("class=\"told\""), "{}", seen.body);
        test.sign_in_as(Role::Finance).await;
        assert!(plain(&test.get(&format!("/desk/donations/{}", given.id)).await.body).contains("The supporter’s bank disputed"));
    }

    async fn what_was_taken_back_is_worth_nothing(test: TestApp) {
        let id = test.enter(&hand_gift(&test, 5_000, "EUR")).await.id;
        let page = Page::plain(&test.app, Language::English);
        let worth = async || explain::worth(&story::tell(&test.app, id).await.unwrap()).unwrap().minor;
        assert_eq!(worth().await, 5_000);
        by_hand::reverse(&test.app, &Actor::system(), id, "typed twice").await.unwrap();
        assert_eq!(worth().await, 0);
        let story = story::tell(&test.app, id).await.unwrap();
        let lines = explain::lines(&page, &story, &explain::Aftermath::default());
        assert!(lines.iter().any(|line| line.text.contains("took the gift back")), "{lines:#?}");
        let started = test.start(&gift(1_000, "EUR")).await;
        let waiting = story::tell(&test.app, started.id).await.unwrap();
        assert_eq!(explain::worth(&waiting), None);
        assert!(plain(&explain::summary(&page, &waiting)).contains("nothing has been paid"));
    }

    async fn the_record_on_paper_has_everything_a_bank_asks_for_in_both_times(test: TestApp) {
        let mut test = test;
        let config = wellwisher::config::Config { org_timezone: chrono_tz::Asia::Kabul, ..(*test.app.config).clone() };
        test.app.config = std::sync::Arc::new(config);
        test.router = wellwisher::router::build(test.app.clone()).unwrap();
        let given = test.give(&Gift { name: "Rosa Giver".into(), email: "rosa@example.org".into(), ..gift(5_000, "EUR") }).await;
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        let path = format!("/desk/donations/{}/evidence", given.id);
        test.sign_in_as(Role::Finance).await;
        let page = test.get(&path).await;
        let body = plain(&page.body);
        let session = given.checkout_session_id.clone().unwrap();
        for part in [
            "Record of a donation", "Rosa Giver", "rosa@example.org", "EUR 50.00", &session, "2026-05-01 14:00:00 +0430", "2026-05-01 09:30:00 UTC",
            "What the form said", "R-2026-000001", "Your receipt R-2026-000001", "This record was made",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(page.texts("pre").join(" ").contains("R-2026-000001"), "the letter itself");
        let trail = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        assert!(trail.iter().any(|entry| entry.action == "donation.evidence" && entry.object_id == given.id.to_string()), "it names people");
        test.assert_open_only_to(&[(&format!("GET {path}"), &[Role::Admin, Role::Finance])]).await;
    }

    async fn the_record_on_paper_has_the_rules_of_the_item_and_of_the_match_that_she_was_shown(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        open_pot(&test, campaign.id, |raw| (raw.gift_min, raw.match_max) = ("10".into(), "60".into())).await;
        let van = test.item("Van", Some(campaign.id), |raw| {
            (raw.funding, raw.price, raw.quantity) = ("shared".into(), "900".into(), "1".into());
        })
        .await;
        let mut for_van = gift(5_000, "EUR");
        (for_van.campaign_id, for_van.fund_id, for_van.item) = (Some(campaign.id), Some(van.fund_id), Some((van.id, 1)));
        let (given, plainly) = (test.give(&for_van).await, test.give(&gift(5_000, "EUR")).await);
        test.sign_in_as(Role::Finance).await;
        let mut shown = Vec::new();
        for id in [given.id, plainly.id] {
            shown.push(plain(&test.get(&format!("/desk/donations/{id}/evidence")).await.texts("main ul li").join(" ")));
        }
        for rule in [
            "your money stays with the campaign “Schools”", "Your money waits for the rest.", "Without an answer within 30 days it goes to our general work.",
            "A sponsor doubles your gift.", "Gifts from €10 are matched.", "At most €60 is added to one gift.", "held for you for 60 minutes", "It is for payments online in EUR",
        ] {
            assert!(shown[0].contains(rule), "{rule}: {}", shown[0]);
            assert!(!shown[1].contains(rule), "{rule}: {}", shown[1]);
        }
    }

    async fn the_supporter_reads_days_and_amounts_and_nobodys_name(test: TestApp) {
        paid_session(&test, "").await;
        catch_up(&test).await;
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        let path = donation_path(&test).await;
        test.forget_cookies();
        let page = test.get(&path).await;
        let told: Vec<String> = page.texts("ol.told li").iter().map(|text| plain(text)).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        for part in ["You sent the form.", "Your gift arrived.", "Receipt R-2026-000001 was made out.", "The receipt went out by e-mail."] {
            assert!(told.iter().any(|text| text.contains(part)), "{part}: {told:?}");
        }
        for hidden in ["Zarmina", "zarmina@", "example.org\"", "cs_", "pi_"] {
            assert!(!told.join(" ").contains(hidden), "{hidden}: {told:?}");
        }
    }
}
