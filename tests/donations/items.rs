//! Wish items under several buyers, and money that comes late.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    ledger_entry, receipt, wish_reservation,
    words::{DonationStatus, ReservationState},
};
use sea_orm::EntityTrait;
use wellwisher::{donations, wishes};

async fn reservation_states(app: &TestApp) -> Vec<ReservationState> {
    wish_reservation::Entity::find().all(app.app.db.read()).await.unwrap().into_iter().map(|held| held.state).collect()
}

on_both_databases! {
    async fn of_eight_buyers_of_the_last_item_one_gets_it_and_the_others_keep_their_forms(app: TestApp) {
        let item = new_item(&app.app, 1, None).await;
        let mut forms = Vec::new();
        for at in 0..8 {
            forms.push(fill(&app, "item=bag").await.with("email", &format!("buyer{at}@example.org")).with("note", "For the girls"));
        }
        let answers = futures_util::future::join_all(forms.iter().map(|form| form.send(&app))).await;
        let won = answers.iter().filter(|answer| answer.status == 303).count();
        assert_eq!(won, 1);
        for (answer, form) in answers.iter().zip(&forms).filter(|(answer, _)| answer.status != 303) {
            // 409 when it went while the form was on its way, 422 when it was gone before.
            assert!([409, 422].contains(&answer.status.as_u16()), "{}", answer.status);
            assert_eq!(answer.attribute("input[name=email]", "value").as_deref(), Some(form.0["email"].as_str()));
            assert_eq!(answer.texts("textarea[name=note]"), ["For the girls"]);
            assert_eq!(answer.attribute("input[name=other_amount]", "value").as_deref(), Some("25.00"), "the amount can still be given");
        }
        let stock = wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item];
        assert_eq!((stock.reserved, stock.left), (1, 0));
        assert_eq!(count(&app.app, "donation").await, 1, "who got nothing has left nothing");
        assert_eq!(count(&app.app, "supporter").await, 1);
    }

    async fn who_came_too_late_for_an_item_can_give_its_price(app: TestApp) {
        new_campaign(&app.app).await;
        let campaign = entity::campaign::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        new_item(&app.app, 1, Some(campaign.id)).await;
        let (first, second) = (fill(&app, "item=bag").await, fill(&app, "item=bag").await.with("email", "second@example.org"));
        session_of(&app, &first.send(&app).await);
        let answer = second.send(&app).await;
        assert_eq!(answer.attribute("input[name=campaign]", "value").as_deref(), Some("schools"));
        assert_eq!(answer.attribute("input[name=item]", "value").as_deref(), Some(""));
        let again = second.with("item", "").with("campaign", "schools").with("amount", "other").with("other_amount", "25.00").with("currency", "EUR");
        session_of(&app, &again.send(&app).await);
        assert_eq!(donations(&app.app).await[1].campaign_id, Some(campaign.id));
    }

    async fn a_paid_item_is_paid_once_and_its_gift_says_so(app: TestApp) {
        let item = new_item(&app.app, 3, None).await;
        let answer = fill(&app, "item=bag").await.with("quantity", "۲").send(&app).await;
        let session = session_of(&app, &answer);
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        deliver_all(&app).await;
        let stock = wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item];
        assert_eq!((stock.paid, stock.reserved, stock.left), (2, 0, 1));
        let gift = ledger_entry::Entity::find().all(app.app.db.read()).await.unwrap();
        assert!(gift.iter().any(|side| side.wish_item_id == Some(item) && side.amount_minor == -5_000));
    }

    async fn an_item_is_free_again_when_its_checkout_runs_out(app: TestApp) {
        let item = new_item(&app.app, 1, None).await;
        let session = begin(&app, "item=bag").await;
        app.stripe.standin.expire(&session);
        catch_up(&app).await;
        assert_eq!(status(&app.app).await, DonationStatus::Expired);
        assert_eq!(reservation_states(&app).await, [ReservationState::Released]);
        assert_eq!(wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item].left, 1);
    }

    async fn money_that_comes_after_the_hold_still_pays_a_free_item(app: TestApp) {
        let item = new_item(&app.app, 1, None).await;
        let session = begin(&app, "item=bag").await;
        app.stripe.standin.pay_by_debit(&session, true);
        catch_up(&app).await;
        app.app.clock.advance(TimeDelta::days(16));
        donations::sweep(&app.app).await.unwrap();
        assert_eq!(reservation_states(&app).await, [ReservationState::Released]);
        app.stripe.standin.catch_up();
        catch_up(&app).await;
        assert_eq!((status(&app.app).await, reservation_states(&app).await), (DonationStatus::Paid, vec![ReservationState::Paid]));
        assert_eq!(wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item].paid, 1);
    }

    async fn money_that_comes_when_the_item_is_gone_stays_with_the_fund_and_is_shown(app: TestApp) {
        let item = new_item(&app.app, 1, None).await;
        let late = begin(&app, "item=bag").await;
        app.stripe.standin.pay_by_debit(&late, true);
        catch_up(&app).await;
        app.app.clock.advance(TimeDelta::days(16));
        donations::sweep(&app.app).await.unwrap();
        let quick = begin(&app, "item=bag").await;
        app.stripe.standin.pay(&quick, GOOD_CARD);
        app.stripe.standin.catch_up();
        catch_up(&app).await;
        let gifts = donations(&app.app).await;
        assert!(gifts.iter().all(|gift| gift.status == DonationStatus::Paid), "no money is lost");
        assert_eq!(balance(&app.app, "donations", "EUR").await, -5_000);
        let stock = wishes::stock(app.app.db.read(), &[item], app.app.now()).await.unwrap()[&item];
        assert_eq!((stock.paid, stock.left), (1, 0), "the item is not sold twice");
        let steps = donations::store::steps(app.app.db.read(), gifts[0].id).await.unwrap();
        assert!(steps.iter().any(|step| step.kind == "item_paid_late" && step.detail.contains("gone")));
        let sides = ledger_entry::Entity::find().all(app.app.db.read()).await.unwrap();
        let for_item: i64 = sides.iter().filter(|side| side.wish_item_id == Some(item) && side.amount_minor < 0).map(|side| side.amount_minor).sum();
        assert_eq!(for_item, -2_500, "the books do not say that two were bought");
        let receipts = receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        let naming = receipts.iter().filter(|receipt| receipt.snapshot.contains("School bag")).count();
        assert_eq!((receipts.len(), naming), (2, 1), "a receipt does not promise what was not bought");
    }

    async fn gifts_for_one_item_that_are_paid_at_once_do_not_wait_for_each_other(app: TestApp) {
        new_item(&app.app, 8, None).await;
        for _ in 0..8 {
            paid_session(&app, "item=bag").await;
        }
        deliver_all(&app).await;
        let ids: Vec<_> = donations(&app.app).await.into_iter().map(|gift| (gift.id, gift.checkout_session_id.unwrap())).collect();
        let one = |(id, session): &(entity::ids::DonationId, String)| {
            let (app, id, session) = (app.app.clone(), *id, session.clone());
            tokio::spawn(async move {
                let state = app.stripe.fetch_checkout(&session).await.unwrap();
                donations::settle::apply(&app, id, &state).await.unwrap();
            })
        };
        for settled in ids.iter().map(one).collect::<Vec<_>>() {
            settled.await.expect("no gift fails for another");
        }
        assert_eq!(balance(&app.app, "donations", "EUR").await, -20_000);
        assert_eq!(number(&app.app, "select max(next_number) as n from receipt_series").await, 9, "numbers have no gaps");
    }
}
