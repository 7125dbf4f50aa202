//! The life of a match: held, confirmed, freed, late, smaller, back again; what sponsors owe and pay.

use super::{all_holds, assert_all_agrees, gift_for, of, open_pot, raw_pot, taken};
use crate::{
    donations::helpers::{catch_up, deliver_all, donations as all_donations},
    support::{TestApp, hand_gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    Money,
    words::{GiftInterval, MatchPotStatus, MatchState},
};
use wellwisher::{
    asks::Gift,
    campaigns,
    donations::{self, by_hand},
    error::Error,
    ledger,
    matching::{
        self,
        figures::figures,
        pots::{self, Verb},
    },
    staff::Actor,
};

const FAILING_REFUND_CARD: &str = "4000000000005126";

on_both_databases! {
    async fn a_match_is_held_with_the_checkout_and_confirmed_with_the_payment(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        let begun = test.start(&gift_for(&campaign, 3_000)).await;
        assert_eq!((of(&test, &begun).await, taken(&test, &pot).await), (vec![(MatchState::Held, 3_000)], (3_000, 0)));
        test.pay_unheard(&begun);
        test.settle(&begun).await;
        test.settle(&begun).await;
        assert_eq!((of(&test, &begun).await, taken(&test, &pot).await), (vec![(MatchState::Confirmed, 3_000)], (0, 3_000)));
        let raised = ledger::raised(test.app.db.read(), &[campaign.id]).await.unwrap();
        assert_eq!(raised[0].money.minor, 3_000, "only the giver's own money is income");
        let card = campaigns::cards(&test.app, test.app.db.read(), vec![campaign]).await.unwrap().remove(0);
        assert_eq!((card.progress.raised.minor, card.promised.unwrap().minor), (3_000, 3_000));
        let page = test.get("/campaigns/schools").await;
        let words = crate::support::newsroom::plain(&page.texts(".progress p"));
        assert!(words.contains("€30 of €1,000 raised") && words.contains("and €30 more promised by a sponsor"), "{words}");
        assert!(!page.body.contains("Gulalai"), "a sponsor is not named without consent");
        assert_all_agrees(&test).await;
    }

    async fn what_covers_the_fee_is_not_matched_and_the_rest_is_by_the_terms(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| {
            (raw.ratio, raw.gift_min, raw.match_max) = ("50".into(), "10".into(), "20".into());
        }).await;
        let with = |minor, cover| {
            let mut gift = gift_for(&campaign, minor);
            gift.fee_cover_minor = cover;
            gift
        };
        for (gift, expected) in [(with(3_100, 100), vec![1_500]), (with(999, 0), vec![]), (with(1_050, 51), vec![]), (with(9_000, 0), vec![2_000])] {
            let given = test.give(&gift).await;
            assert_eq!(of(&test, &given).await.iter().map(|one| one.1).collect::<Vec<_>>(), expected, "{}", gift.money);
        }
        let mut dollars = gift_for(&campaign, 5_000);
        dollars.money = Money::new(5_000, "USD".parse().unwrap());
        assert_eq!(of(&test, &test.give(&dollars).await).await, [], "another currency is not matched");
        assert_eq!(taken(&test, &pot).await, (0, 3_500));
        assert_all_agrees(&test).await;
    }

    async fn pots_are_used_up_in_their_order_and_a_draft_adds_nothing(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let second = open_pot(&test, campaign.id, |raw| (raw.total, raw.position, raw.ratio) = ("100".into(), "2".into(), "50".into())).await;
        let first = open_pot(&test, campaign.id, |raw| (raw.total, raw.position) = ("20".into(), "1".into())).await;
        let details = pots::parse(&raw_pot(campaign.id), campaign.currency, test.app.config.org_timezone).unwrap();
        let draft = pots::create(&test.app, &Actor::system(), campaign.id, &details).await.unwrap();
        let given = test.give(&gift_for(&campaign, 5_000)).await;
        assert_eq!(of(&test, &given).await, [(MatchState::Confirmed, 2_000), (MatchState::Confirmed, 1_500)]);
        assert_eq!((taken(&test, &first).await, taken(&test, &second).await, taken(&test, &draft).await), ((0, 2_000), (0, 1_500), (0, 0)));
        let other = test.campaign("Radio").await;
        assert_eq!(of(&test, &test.give(&gift_for(&other, 1_000)).await).await, [], "a pot is its campaign's");
        // Half of the gift goes back: what the later pot added goes first.
        donations::refunds::refund(&test.app, &Actor::system(), given.id, &donations::refunds::Wish {
            form: uuid::Uuid::from_u128(1), amount: Money::new(2_500, campaign.currency), reason: String::new() }).await.unwrap();
        catch_up(&test).await;
        assert_eq!(of(&test, &given).await, [(MatchState::Confirmed, 2_000), (MatchState::Confirmed, 250)]);
        assert_all_agrees(&test).await;
    }

    async fn a_hold_that_ran_out_goes_to_the_next_gift_and_late_money_gets_what_is_left(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| raw.total = "50".into()).await;
        let slow = test.start(&gift_for(&campaign, 5_000)).await;
        let too_soon = test.start(&gift_for(&campaign, 4_000)).await;
        assert_eq!(of(&test, &too_soon).await, [], "all of it is held");
        test.pay_unheard(&slow);
        test.app.clock.advance(TimeDelta::minutes(70));
        let offers = matching::offers(test.app.db.read(), campaign.id, test.app.now()).await.unwrap();
        assert_eq!(offers[0].left.minor, 5_000, "readers see what is free although no sweeper came by");
        let quick = test.give(&gift_for(&campaign, 3_000)).await;
        assert_eq!((of(&test, &quick).await, of(&test, &slow).await), (vec![(MatchState::Confirmed, 3_000)], vec![(MatchState::Freed, 0)]));
        test.settle(&slow).await;
        assert_eq!(of(&test, &slow).await, [(MatchState::Confirmed, 2_000)], "late money is matched with what is left");
        test.settle(&too_soon).await;
        assert_eq!(taken(&test, &pot).await, (0, 5_000));
        assert_all_agrees(&test).await;
    }

    async fn late_money_that_finds_nothing_left_or_a_closed_pot_stands_without_a_match(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| raw.total = "50".into()).await;
        let [first, second] = [test.start(&gift_for(&campaign, 3_000)).await, test.start(&gift_for(&campaign, 2_000)).await];
        test.pay_unheard(&first);
        test.pay_unheard(&second);
        test.app.clock.advance(TimeDelta::minutes(71));
        assert_eq!(matching::release_expired(&test.app).await.unwrap(), 2);
        assert_eq!(matching::release_expired(&test.app).await.unwrap(), 0);
        test.give(&gift_for(&campaign, 5_000)).await;
        test.settle(&first).await;
        assert_eq!(of(&test, &first).await, [(MatchState::Freed, 0)]);
        let page = test.get(&donations::path_of(&test.app, first.id)).await;
        assert!(page.texts("dd").join(" ").contains("is not matched"), "{:?}", page.texts("dd"));
        pots::apply(&test.app, &Actor::system(), pot.id, Verb::Close, "over").await.unwrap();
        test.settle(&second).await;
        assert_eq!((of(&test, &second).await, taken(&test, &pot).await), (vec![(MatchState::Freed, 0)], (0, 5_000)));
        assert_all_agrees(&test).await;
    }

    async fn what_was_promised_to_a_giver_stands_whatever_becomes_of_the_pot(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        let begun = test.start(&gift_for(&campaign, 3_000)).await;
        let mut raw = raw_pot(campaign.id);
        (raw.ratio, raw.match_max) = ("10".into(), "1".into());
        let zone = test.app.config.org_timezone;
        let details = |raw: &pots::RawPot| pots::parse(raw, campaign.currency, zone).unwrap();
        let edited = pots::edit(&test.app, &Actor::system(), pot.id, pot.version, &details(&raw)).await.unwrap();
        let again = pots::edit(&test.app, &Actor::system(), pot.id, pot.version, &details(&raw)).await;
        assert!(matches!(again, Err(Error::Conflict(why)) if why.contains("somebody else")), "nobody overwrites what somebody else wrote");
        raw.total = "29.99".into();
        let less = pots::edit(&test.app, &Actor::system(), pot.id, edited.version, &details(&raw)).await;
        assert!(matches!(less, Err(Error::Conflict(why)) if why.contains("already have")), "never below what gifts have");
        pots::apply(&test.app, &Actor::system(), pot.id, Verb::Close, "").await.unwrap();
        test.pay_unheard(&begun);
        test.settle(&begun).await;
        assert_eq!(of(&test, &begun).await, [(MatchState::Confirmed, 3_000)]);
        assert_eq!(of(&test, &test.give(&gift_for(&campaign, 1_000)).await).await, [], "a closed pot adds to no new gift");
        let mut dollars = raw_pot(campaign.id);
        dollars.total = "500".into();
        let other = pots::parse(&dollars, "USD".parse().unwrap(), zone).unwrap();
        assert!(matches!(pots::create(&test.app, &Actor::system(), campaign.id, &other).await, Err(Error::Conflict(_))));
        assert_all_agrees(&test).await;
    }

    async fn a_match_shrinks_with_a_refund_also_after_the_pot_is_closed_and_comes_back_when_the_refund_fails(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| raw.total = "60".into()).await;
        let begun = test.start(&gift_for(&campaign, 5_000)).await;
        test.stripe.standin.pay(begun.checkout_session_id.as_deref().unwrap(), FAILING_REFUND_CARD);
        test.settle(&begun).await;
        pots::apply(&test.app, &Actor::system(), pot.id, Verb::Close, "").await.unwrap();
        let wish = donations::refunds::Wish { form: uuid::Uuid::from_u128(2), amount: Money::new(2_000, campaign.currency), reason: String::new() };
        donations::refunds::refund(&test.app, &Actor::system(), begun.id, &wish).await.unwrap();
        catch_up(&test).await;
        assert_eq!(taken(&test, &pot).await, (0, 3_000), "less is owed for what went back");
        test.app.clock.advance(TimeDelta::seconds(20));
        test.stripe.standin.catch_up();
        catch_up(&test).await;
        assert_eq!((of(&test, &begun).await, taken(&test, &pot).await), (vec![(MatchState::Confirmed, 5_000)], (0, 5_000)), "the refund failed");
        let told = matching::told(test.app.db.read(), &test.donation(begun.id).await, test.app.now()).await.unwrap();
        assert_eq!(told, Some(matching::Told::Confirmed(Money::new(5_000, campaign.currency))));
        assert_all_agrees(&test).await;
    }

    async fn a_lost_dispute_takes_the_match_and_the_next_gift_gets_it(test: TestApp) {
        use wellwisher::payments::standin::Decision;
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| raw.total = "50".into()).await;
        let given = test.give(&gift_for(&campaign, 5_000)).await;
        let dispute = test.stripe.standin.dispute(given.checkout_session_id.as_deref().unwrap(), None, false).unwrap();
        catch_up(&test).await;
        assert_eq!(taken(&test, &pot).await, (0, 5_000), "an open dispute takes nothing yet");
        assert!(test.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        catch_up(&test).await;
        assert_eq!((of(&test, &given).await, taken(&test, &pot).await), (vec![(MatchState::Confirmed, 0)], (0, 0)));
        assert_eq!(of(&test, &test.give(&gift_for(&campaign, 4_000)).await).await, [(MatchState::Confirmed, 4_000)]);
        assert_all_agrees(&test).await;
    }

    async fn of_a_monthly_gift_the_first_payment_is_matched_and_no_gift_by_hand_is(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        let mut monthly = gift_for(&campaign, 2_000);
        monthly.every = Some(GiftInterval::Month);
        test.give(&monthly).await;
        deliver_all(&test).await;
        while wellwisher::worker::work_once(&test.app).await.unwrap() > 0 {}
        assert_eq!(taken(&test, &pot).await, (0, 2_000));
        test.app.clock.advance(TimeDelta::days(32));
        test.stripe.standin.catch_up();
        deliver_all(&test).await;
        while wellwisher::worker::work_once(&test.app).await.unwrap() > 0 {}
        assert!(all_donations(&test.app).await.len() >= 2, "the second payment came");
        let mut cash = hand_gift(&test, 1_000, "EUR");
        (cash.campaign_id, cash.fund_id) = (Some(campaign.id), Some(campaign.fund_id));
        test.enter(&cash).await;
        assert_eq!((taken(&test, &pot).await, all_holds(&test).await.len()), ((0, 2_000), 1));
        assert_all_agrees(&test).await;
    }

    async fn the_sponsors_own_money_is_raised_when_it_is_here_and_never_matched_itself(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        test.give(&gift_for(&campaign, 4_000)).await;
        // The sponsor pays a part online by herself, through the same form as everybody.
        let own = test.give(&gift_for(&campaign, 1_500)).await;
        assert_eq!(taken(&test, &pot).await, (0, 5_500));
        pots::link(&test.app, &Actor::system(), pot.id, own.id).await.unwrap();
        assert_eq!((of(&test, &own).await, taken(&test, &pot).await), (vec![(MatchState::Confirmed, 0)], (0, 4_000)));
        assert!(matches!(pots::link(&test.app, &Actor::system(), pot.id, own.id).await, Err(Error::Conflict(_))), "it pays once");
        let mut cash = hand_gift(&test, 3_000, "EUR");
        (cash.campaign_id, cash.fund_id) = (Some(campaign.id), Some(campaign.fund_id));
        let cash = test.enter(&cash).await;
        let owed = async || {
            let found = matching::pot(test.app.db.read(), pot.id).await.unwrap().unwrap();
            let of = figures(test.app.db.read(), vec![found]).await.unwrap().remove(0);
            (of.confirmed.minor, of.paid.minor, of.owed.minor, of.left.minor)
        };
        assert_eq!(owed().await, (4_000, 1_500, 2_500, 6_000));
        pots::link(&test.app, &Actor::system(), pot.id, cash.id).await.unwrap();
        assert_eq!(owed().await, (4_000, 4_500, 0, 6_000), "she paid ahead");
        by_hand::reverse(&test.app, &Actor::system(), cash.id, "entered twice").await.unwrap();
        assert_eq!(owed().await, (4_000, 1_500, 2_500, 6_000), "what was taken back is not paid");
        pots::unlink(&test.app, &Actor::system(), pot.id, own.id).await.unwrap();
        assert_eq!(owed().await, (5_500, 0, 5_500, 4_500));
        let wrong = test.campaign("Radio").await;
        for other in [test.give(&gift_for(&wrong, 1_000)).await.id, test.start(&gift_for(&campaign, 1_000)).await.id] {
            assert!(matches!(pots::link(&test.app, &Actor::system(), pot.id, other).await, Err(Error::Conflict(_))));
        }
        assert_all_agrees(&test).await;
    }

    async fn money_that_its_giver_moves_to_another_purpose_is_matched_no_more(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        let item = test.item("School bag", Some(campaign.id), |_| {}).await;
        let mut gift = gift_for(&campaign, 5_000);
        gift.item = Some((item.id, 2));
        let given = test.give(&gift).await;
        assert_eq!(taken(&test, &pot).await, (0, 5_000), "a gift for an item of the campaign is matched too");
        wellwisher::promises::declare(&test.app, &Actor::system(), item.id, entity::words::CancelReason::Price, "").await.unwrap();
        test.app.clock.advance(TimeDelta::days(test.app.config.promise_days + 2));
        wellwisher::promises::carry_out_due(&test.app).await.unwrap();
        assert_eq!((of(&test, &given).await, taken(&test, &pot).await), (vec![(MatchState::Confirmed, 0)], (0, 0)));
        assert_all_agrees(&test).await;
    }

    async fn a_sponsors_payment_counts_only_as_far_as_it_is_for_the_pots_campaign(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |_| {}).await;
        let item = test.item("School bag", Some(campaign.id), |_| {}).await;
        let mut gift = gift_for(&campaign, 2_500);
        gift.item = Some((item.id, 1));
        let [own, late] = [test.give(&gift).await, test.give(&Gift { form_token: "late".into(), ..gift }).await];
        pots::link(&test.app, &Actor::system(), pot.id, own.id).await.unwrap();
        let paid = async || {
            let found = matching::pot(test.app.db.read(), pot.id).await.unwrap().unwrap();
            figures(test.app.db.read(), vec![found]).await.unwrap().remove(0).paid.minor
        };
        assert_eq!(paid().await, 2_500);
        wellwisher::promises::declare(&test.app, &Actor::system(), item.id, entity::words::CancelReason::Price, "").await.unwrap();
        test.app.clock.advance(TimeDelta::days(test.app.config.promise_days + 2));
        assert_eq!(wellwisher::promises::carry_out_due(&test.app).await.unwrap(), 2);
        assert_eq!(paid().await, 0, "it is the general fund's now");
        assert!(matches!(pots::link(&test.app, &Actor::system(), pot.id, late.id).await, Err(Error::Conflict(_))));
        assert_all_agrees(&test).await;
    }

    async fn a_pot_moves_only_as_its_verbs_allow(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let pot = open_pot(&test, campaign.id, |raw| raw.ends_on = "2026-05-02".into()).await;
        let apply = async |verb| pots::apply(&test.app, &Actor::system(), pot.id, verb, "").await;
        assert!(matches!(apply(Verb::Open).await, Err(Error::Conflict(_))));
        assert_eq!(apply(Verb::Pause).await.unwrap().status, MatchPotStatus::Paused);
        assert_eq!(of(&test, &test.start(&gift_for(&campaign, 1_000)).await).await, []);
        assert_eq!(apply(Verb::Open).await.unwrap().status, MatchPotStatus::Open);
        test.app.clock.advance(TimeDelta::days(3));
        assert_eq!(of(&test, &test.start(&gift_for(&campaign, 1_000)).await).await, [], "its end is over");
        assert_eq!(apply(Verb::Close).await.unwrap().status, MatchPotStatus::Closed);
        assert!(matches!(apply(Verb::Open).await, Err(Error::Conflict(why)) if why.contains("end is over")));
    }
}
