//! Money that goes back, or may, while givers choose what becomes of it: refunds, disputes, and what fails of them.

use super::*;

on_both_databases! {
    async fn a_lost_dispute_takes_a_gift_from_where_its_money_stands(test: TestApp) {
        let (item, gift) = one_of_three(&test).await;
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        carry_out(&test).await;
        assert_eq!(income(&test, &gift, &item).await, (2_500, 7_500));
        let dispute = test.stripe.standin.dispute(session(&gift), Some(6_000), false).unwrap();
        hear(&test, &gift).await;
        assert_eq!(income(&test, &gift, &item).await, (2_500, 7_500), "nothing is lost before it is decided");
        test.stripe.standin.decide_dispute(&dispute, Decision::Lost);
        hear(&test, &gift).await;
        assert_eq!(income(&test, &gift, &item).await, (1_500, 1_500), "first what is not spent");
        assert_all_agrees(&test).await;
    }

    async fn what_went_back_meanwhile_is_of_what_was_not_spent(test: TestApp) {
        let (item, gift) = one_of_three(&test).await;
        test.wait(60);
        test.stripe.standin.refund(session(&gift), Some(5_000)).unwrap();
        hear(&test, &gift).await;
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        assert_eq!(carry_out(&test).await, 1);
        assert_eq!((choice_of(&test, &gift).await.moved_minor, income(&test, &gift, &item).await), (0, (2_500, 2_500)));
        assert_eq!((stock(&test, &item).await.paid, stock(&test, &item).await.bought), (1, 1));
        assert_all_agrees(&test).await;
    }

    async fn what_is_asked_back_is_no_more_than_is_left(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        test.stripe.standin.refund(session(&gift), Some(2_000)).unwrap();
        hear(&test, &gift).await;
        assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", "refund")]).await.status, 303, "some is left");
        assert_eq!(carry_out(&test).await, 1);
        let choice = choice_of(&test, &gift).await;
        assert_eq!((choice.moved_minor, choice.trouble.as_str()), (3_000, ""));
        assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((0, 0), 0));
        assert_all_agrees(&test).await;
    }

    async fn nothing_is_said_to_be_given_back_before_stripe_says_so(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        test.post(&path, &[("way", "refund")]).await;
        test.stripe.standin.fault(ApiFault::ServerError, 50);
        assert_eq!(carry_out(&test).await, 0);
        assert!(letters(&test, LetterKind::PromiseDone).await.is_empty());
        assert_eq!(test.post(&path, &[("way", "general")]).await.status, 409, "it is on its way");
        test.stripe.standin.clear_faults();
        assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 1);
        let refunds = entity::refund::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!((refunds.len(), test.stripe.standin.refunds().len()), (1, 1));
        assert_eq!((choice_of(&test, &gift).await.way, letters(&test, LetterKind::PromiseDone).await.len()), (PromiseWay::Refund, 1));
        assert_all_agrees(&test).await;
    }

    async fn what_a_bank_holds_waits_until_it_is_free(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "refund")]).await;
        let dispute = test.stripe.standin.dispute(session(&gift), None, false).unwrap();
        hear(&test, &gift).await;
        assert_eq!(carry_out(&test).await, 0);
        assert_eq!(choice_of(&test, &gift).await.trouble, "", "it is tried again by itself");
        test.stripe.standin.decide_dispute(&dispute, Decision::Won);
        hear(&test, &gift).await;
        assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 1);
        assert_eq!(income(&test, &gift, &item).await, (0, 0));
        assert_all_agrees(&test).await;
    }

    async fn a_refund_that_stripe_refused_can_be_asked_for_anew(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "refund")]).await;
        // Nobody has told us of the dispute yet.
        let dispute = test.stripe.standin.dispute(session(&gift), None, false).unwrap();
        assert_eq!(carry_out(&test).await, 0);
        assert!(choice_of(&test, &gift).await.trouble.contains("charge_disputed"));
        test.stripe.standin.decide_dispute(&dispute, Decision::Won);
        hear(&test, &gift).await;
        assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 0, "it waits for a person");
        assert!(promises::carry_out(&test.app, choice_of(&test, &gift).await.id).await.unwrap());
        assert_eq!(income(&test, &gift, &item).await, (0, 0));
        assert_all_agrees(&test).await;
    }

    async fn a_refund_that_fails_goes_back_to_the_item_that_its_giver_chose(test: TestApp) {
        for heard in [true, false] {
            let item = test.item(&format!("School bag {heard}"), None, |_| {}).await;
            let other = test.item(&format!("Lamp {heard}"), None, |_| {}).await;
            let gift = give(&test, &item, 2, 5_000).await;
            declare(&test, &item).await;
            test.post(&link_of(&test, &gift).await, &[("way", &format!("item:{}", other.slug))]).await;
            carry_out(&test).await;
            let refund = test.stripe.standin.refund(session(&gift), None).unwrap();
            if heard {
                hear(&test, &gift).await;
                assert_eq!((income(&test, &gift, &other).await, stock(&test, &other).await.paid), ((0, 0), 0));
            }
            bank_sends_back(&test, &gift, &refund).await;
            assert_eq!((income(&test, &gift, &item).await, income(&test, &gift, &other).await), ((0, 5_000), (5_000, 5_000)));
            assert_eq!((stock(&test, &item).await.paid, stock(&test, &other).await.paid), (0, 2));
        }
        assert_all_agrees(&test).await;
    }

    async fn a_refund_that_fails_goes_back_to_where_it_was_taken_from(test: TestApp) {
        for heard in [true, false] {
            let item = test.item(&format!("School bag {heard}"), None, |_| {}).await;
            let gift = give(&test, &item, 3, 7_500).await;
            progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
            declare(&test, &item).await;
            test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
            carry_out(&test).await;
            let refund = test.stripe.standin.refund(session(&gift), Some(5_000)).unwrap();
            if heard {
                hear(&test, &gift).await;
                assert_eq!(income(&test, &gift, &item).await, (2_500, 2_500));
            }
            bank_sends_back(&test, &gift, &refund).await;
            assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((2_500, 7_500), 1));
        }
        assert_all_agrees(&test).await;
    }

    async fn a_dispute_that_is_won_after_all_gives_back_to_where_it_was_taken_from(test: TestApp) {
        let (item, gift) = one_of_three(&test).await;
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        carry_out(&test).await;
        let dispute = test.stripe.standin.dispute(session(&gift), Some(6_000), false).unwrap();
        test.stripe.standin.decide_dispute(&dispute, Decision::Lost);
        hear(&test, &gift).await;
        assert_eq!(income(&test, &gift, &item).await, (1_500, 1_500));
        assert!(test.stripe.standin.reinstate(&dispute, true));
        hear(&test, &gift).await;
        assert_eq!(income(&test, &gift, &item).await, (2_500, 7_500));
        assert_all_agrees(&test).await;
    }

    async fn what_went_back_before_the_rest_moved_follows_it_when_the_refund_fails(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        let refund = give_back(&test, &gift, 2_000).await;
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        carry_out(&test).await;
        bank_sends_back(&test, &gift, &refund).await;
        assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((0, 5_000), 0));
        assert_all_agrees(&test).await;
    }

    async fn a_refund_that_the_bank_sent_back_before_it_was_noted_is_asked_for_anew(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        test.post(&path, &[("way", "refund")]).await;
        // Stripe was asked, and then the power went: nothing says that the choice is carried out.
        let wish = refunds::Wish { form: choice_of(&test, &gift).await.id.0, amount: Money::new(2_500, gift.currency), reason: String::new() };
        refunds::refund(&test.app, &Actor::system(), gift.id, &wish).await.unwrap();
        assert_eq!(test.post(&path, &[("way", "general")]).await.status, 409, "it is on its way");
        bank_sends_back(&test, &gift, &test.stripe.standin.refunds()[0].id).await;
        assert_eq!(income(&test, &gift, &item).await, (2_500, 2_500));
        assert_eq!(carry_out(&test).await, 1);
        let refunds = refund::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!(refunds.iter().filter(|refund| refund.state == RefundState::Succeeded).count(), 1);
        assert_eq!((refunds.len(), letters(&test, LetterKind::PromiseDone).await.len()), (2, 1));
        assert_eq!((income(&test, &gift, &item).await, choice_of(&test, &gift).await.moved_minor), ((0, 0), 2_500));
        assert_all_agrees(&test).await;
    }

    async fn a_choice_waits_for_another_refund_that_may_fail(test: TestApp) {
        for way in ["general", "refund"] {
            let item = test.item(&format!("School bag {way}"), None, |_| {}).await;
            let mut asked = gift(2_500, "EUR");
            (asked.item, asked.fund_id) = (Some((item.id, 1)), Some(item.fund_id));
            let begun = test.start(&asked).await;
            test.stripe.standin.pay(session(&begun), SLOW_REFUND_CARD);
            hear(&test, &begun).await;
            let gift = test.donation(begun.id).await;
            declare(&test, &item).await;
            assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", way)]).await.status, 303);
            let refund = give_back(&test, &gift, 2_500).await;
            assert_eq!(income(&test, &gift, &item).await, (0, 0));
            assert_eq!((carry_out(&test).await, choice_of(&test, &gift).await.carried_at), (0, None), "{way}");
            bank_sends_back(&test, &gift, &refund).await;
            assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 1, "{way}");
            let left = if way == "general" { 2_500 } else { 0 };
            assert_eq!((income(&test, &gift, &item).await, choice_of(&test, &gift).await.moved_minor), ((0, left), 2_500));
        }
        assert_all_agrees(&test).await;
    }
}
