//! The whole life of a recurring gift.

use super::helpers::*;
use crate::{
    donations::reconcile::foreign_checkout,
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    stripe_event,
    words::{DonationSource, DonationStatus, GiftInterval, LetterKind, RecurringStatus, Role},
};
use sea_orm::EntityTrait;
use wellwisher::{
    donations,
    payments::standin::ApiFault,
    recurring::{self, By, care},
};

on_both_databases! {
    async fn a_monthly_gift_begins_comes_again_and_each_payment_is_a_donation_with_its_receipt(app: TestApp) {
        let subscription = begin(&app, "monthly", GOOD_CARD).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.every, gift.amount_minor), (RecurringStatus::Active, GiftInterval::Month, 2_500));
        assert_eq!((gift.subscription_id.as_ref(), gift.card_exp_year, gift.card_exp_month), (Some(&subscription), Some(2040), Some(12)));
        let first = donations(&app.app).await.remove(0);
        assert_eq!((first.status, first.source, first.recurring_donation_id), (DonationStatus::Paid, DonationSource::Recurring, Some(gift.id)));
        assert!(first.invoice_id.is_some() && first.checkout_session_id.is_some());
        for month in 1..4 {
            app.app.clock.set(the_gift(&app).await.next_at.expect("a next payment"));
            app.stripe.standin.catch_up();
            hear(&app).await;
            assert_eq!(donations(&app.app).await.len(), month + 1);
        }
        let all = donations(&app.app).await;
        assert!(all.iter().all(|one| one.status == DonationStatus::Paid && one.recurring_donation_id == Some(gift.id)));
        assert!(all[1].checkout_session_id.is_none() && all[1].charge_id.is_some());
        assert_eq!((count(&app.app, "receipt").await, letters(&app, LetterKind::Receipt).await.len()), (4, 4));
        assert_eq!((balance(&app.app, "donations", "USD").await, balance(&app.app, "stripe_fees", "USD").await), (-10_000, 4 * 103));
        assert_eq!(letters(&app, LetterKind::RecurringBegun).await.len(), 1);
        assert_eq!(steps(&app).await, ["created", "begun"]);
        assert!(all_jobs(&app.app).await.is_empty());
        let before = everything(&app.app).await;
        hear(&app).await;
        reconcile(&app).await;
        assert_eq!(everything(&app.app).await, before, "told again, nothing is new");
        let page = app.get(&donations::path_of(&app.app, all[3].id)).await;
        assert_eq!(page.status, 200, "a later payment has its own page");
    }

    async fn a_failed_month_is_past_due_told_to_both_sides_mended_and_well_again(app: TestApp) {
        app.add_person(Role::Finance).await;
        begin(&app, "monthly", FAILING).await;
        let due = the_gift(&app).await.next_at.unwrap();
        app.app.clock.set(due);
        app.stripe.standin.catch_up();
        hear(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.failing_since), (RecurringStatus::PastDue, Some(due)));
        assert_eq!(donations(&app.app).await.len(), 1, "nothing was paid");
        assert_eq!(letters(&app, LetterKind::StaffNotice).await.len(), 1);
        let told = letters(&app, LetterKind::RecurringFailed).await;
        assert_eq!((told.len(), told[0].to_address.as_str()), (1, "zarmina@example.org"));
        let link = told[0].text_body.lines().find(|line| line.contains("/recurring/card/")).expect("a link").trim().to_owned();
        let path = link.strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned();
        assert_eq!(app.get(&path).await.status, 200);
        let stripes = app.post(&path, &[]).await;
        assert!(stripes.status == 303 && stripes.location().contains("/portal/"), "{}", stripes.body);
        assert_eq!(app.get(&format!("{path}x")).await.status, 404);
        assert_eq!(app.get("/recurring/card/nonsense").await.status, 404);
        assert!(app.stripe.standin.give_card(gift.customer_id.as_deref().unwrap(), GOOD_CARD, (11, 2041)));
        hear(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.failing_since, gift.card_exp_year), (RecurringStatus::Active, None, Some(2041)));
        assert_eq!(donations(&app.app).await.len(), 2);
        assert_eq!(steps(&app).await, ["created", "begun", "failing", "recovered"]);
        assert_eq!(letters(&app, LetterKind::RecurringFailed).await.len(), 1, "told once, however often it was tried");
        app.app.clock.advance(TimeDelta::days(40));
        assert_eq!(app.get(&path).await.status, 404, "the link does not hold for ever");
    }

    async fn a_gift_ends_only_when_stripe_says_so(app: TestApp) {
        begin(&app, "monthly", FAILING).await;
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        for days in [3, 5] {
            hear(&app).await;
            assert_eq!(the_gift(&app).await.status, RecurringStatus::PastDue);
            wait(&app, days).await;
        }
        hear(&app).await;
        assert_eq!(the_gift(&app).await.status, RecurringStatus::PastDue);
        wait(&app, 7).await;
        hear(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.end_reason.as_str(), gift.next_at), (RecurringStatus::Ended, "payment_failed", None));
        assert!(letters(&app, LetterKind::RecurringEnded).await[0].text_body.contains("could not be made"));
        let lines = recurring::health::health(&app.app, chrono_tz::UTC, (Some(gift.created_at), Some(app.app.now() + TimeDelta::days(1)))).await.unwrap();
        let lost: i64 = lines.iter().map(|line| line.lost.count).sum();
        let begun: i64 = lines.iter().map(|line| line.begun.minor).sum();
        assert_eq!((lost, begun, lines[0].month.to_string().as_str()), (1, 2_500, "2026-05-01"));
    }

    async fn amount_pause_resume_and_end_are_told_and_stand_in_the_story(app: TestApp) {
        begin(&app, "yearly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        let by = By::Supporter;
        let money = |minor| entity::Money::new(minor, "USD".parse().unwrap());
        assert!(care::change_amount(&app.app, &by, id, money(1)).await.is_err(), "below the least");
        assert!(care::change_amount(&app.app, &by, id, entity::Money::new(4_000, "EUR".parse().unwrap())).await.is_err());
        care::change_amount(&app.app, &by, id, money(4_000)).await.unwrap();
        assert_eq!(the_gift(&app).await.amount_minor, 4_000);
        let until = app.app.now() + TimeDelta::days(400);
        care::pause(&app.app, &by, id, Some(until)).await.unwrap();
        assert_eq!((the_gift(&app).await.status, the_gift(&app).await.paused_until), (RecurringStatus::Paused, Some(until)));
        wait(&app, 366).await;
        hear(&app).await;
        assert_eq!(donations(&app.app).await.len(), 1, "the year of the pause is not charged");
        wait(&app, 34).await;
        hear(&app).await;
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active, "it goes on by itself");
        care::pause(&app.app, &by, id, None).await.unwrap();
        care::resume(&app.app, &by, id).await.unwrap();
        care::end(&app.app, &by, id, "I moved away").await.unwrap();
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.end_reason.as_str(), gift.end_note.as_str()), (RecurringStatus::Ended, "supporter", "I moved away"));
        assert!(care::resume(&app.app, &by, id).await.is_err(), "what has ended cannot be resumed");
        hear(&app).await;
        assert_eq!(steps(&app).await, ["created", "begun", "amount_changed", "paused", "resumed", "paused", "resumed", "ended"]);
        for (kind, times) in [(LetterKind::RecurringChanged, 1), (LetterKind::RecurringPaused, 2), (LetterKind::RecurringEnded, 1)] {
            assert_eq!(letters(&app, kind).await.len(), times, "{kind}");
        }
        let lines = recurring::health::health(&app.app, chrono_tz::UTC, (Some(gift.created_at), Some(app.app.now() + TimeDelta::days(1)))).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.raised.minor).sum::<i64>(), 1_500);
        assert_eq!(lines.iter().map(|line| line.ended.count).sum::<i64>(), 1);
    }

    async fn a_form_left_at_the_checkout_is_no_gift(app: TestApp) {
        open(&app, "monthly").await;
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Pending);
        app.app.clock.advance(TimeDelta::hours(2));
        app.stripe.standin.catch_up();
        wellwisher::donations::sweep(&app.app).await.unwrap();
        reconcile(&app).await;
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.end_reason.as_str(), gift.started_at), (RecurringStatus::Ended, "not_completed", None));
        assert_eq!((count(&app.app, "letter").await, count(&app.app, "receipt").await), (0, 0));
    }

    async fn a_subscription_of_the_same_account_that_is_not_ours_is_left_alone(app: TestApp) {
        let ours = begin(&app, "monthly", GOOD_CARD).await;
        foreign_checkout(&app, "mode=subscription&line_items[0][price_data][recurring][interval]=month").await;
        let foreign = app.stripe.standin.subscriptions().into_iter().find(|id| *id != ours).expect("a second subscription");
        let tables = ["donation", "recurring_donation", "recurring_step", "ledger_entry", "receipt", "letter", "supporter", "refund"];
        let counts = async || {
            let mut counts = Vec::new();
            for table in tables {
                counts.push((table, count(&app.app, table).await));
            }
            counts
        };
        let events = async || stripe_event::Entity::find().all(app.app.db.read()).await.unwrap();
        let (before, gift, heard) = (counts().await, the_gift(&app).await, events().await);
        assert!(app.stripe.standin.renew(&foreign));
        hear(&app).await;
        let mut new = events().await;
        new.retain(|event| heard.iter().all(|known| known.id != event.id));
        for kind in ["customer.subscription.created", "invoice.paid"] {
            assert!(new.iter().any(|event| event.event_type == kind && event.payload.contains(&foreign)), "{kind} is told of it");
        }
        let acted: Vec<_> = new.iter().filter(|event| !event.outcome.starts_with("left alone")).map(|e| (&e.event_type, &e.outcome)).collect();
        assert!(acted.is_empty(), "{acted:?}");
        reconcile(&app).await;
        assert_eq!((counts().await, the_gift(&app).await), (before, gift));
    }

    async fn stripe_down_changes_nothing(app: TestApp) {
        let app = crate::donations::helpers::impatient(app);
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        let before = everything(&app.app).await;
        app.stripe.standin.fault(ApiFault::ServerError, 9);
        assert!(recurring::refresh(&app.app, id, &By::Stripe).await.is_err());
        app.stripe.standin.clear_faults();
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_card_about_to_expire_is_told_once(app: TestApp) {
        let session = open(&app, "monthly").await;
        app.stripe.standin.pay_with(&session, GOOD_CARD, (5, 2026));
        hear(&app).await;
        recurring::remind::remind(&app.app).await.unwrap();
        recurring::remind::remind(&app.app).await.unwrap();
        let told = letters(&app, LetterKind::CardExpiring).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].text_body.contains("05 / 2026"), "{}", told[0].text_body);
        let gift = the_gift(&app).await;
        app.stripe.standin.give_card(gift.customer_id.as_deref().unwrap(), GOOD_CARD, (12, 2040));
        hear(&app).await;
        assert_eq!(recurring::remind::remind(&app.app).await.unwrap(), 0);
    }
}
