//! Money that did not come through Stripe is given back by hand, when its giver chose so.

use super::{assert_all_agrees, carry_out, choice_of, declare, income, letters, link_of, stock};
use crate::support::{TestApp, hand_gift, on_both_databases};
use chrono::{NaiveDate, TimeDelta};
use entity::{
    audit_entry, donation, donation_step, letter, promise_choice, wish_item,
    words::{Account, LetterKind, MovementKind, PromiseWay, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use wellwisher::{
    donations::by_hand::{
        self, GivenBack, HandGift,
        deposits::{self, NewDeposit},
    },
    error::Error,
    ledger::{self, periods},
    promises, reports,
    staff::Actor,
    wishes::progress,
};

/// Cash for two of an item, from somebody with an address.
async fn cash(test: &TestApp, item: &wish_item::Model) -> donation::Model {
    let hand = HandGift {
        item: Some((item.id, 2)),
        fund_id: Some(item.fund_id),
        email: Some("latifa@example.org".into()),
        name: "Latifa".into(),
        is_another: true,
        ..hand_gift(test, 5_000, "EUR")
    };
    test.donation(test.enter(&hand).await.id).await
}

/// Cash whose giver wants it back.
async fn asked_back(test: &TestApp) -> (wish_item::Model, donation::Model) {
    let item = test.item("School bag", None, |_| {}).await;
    let gift = cash(test, &item).await;
    declare(test, &item).await;
    assert_eq!(test.post(&link_of(test, &gift).await, &[("way", "refund")]).await.status, 303);
    (item, gift)
}

async fn begin(test: &TestApp, gift: &donation::Model) -> Result<(), Error> {
    promises::giving_back(&test.app, &Actor::system(), choice_of(test, gift).await.id, true).await
}

async fn given_back(test: &TestApp, gift: &donation::Model, on: NaiveDate, from: Account) -> Result<(), Error> {
    let back = GivenBack { on, from, how: "in cash".into() };
    promises::given_back(&test.app, &Actor::system(), choice_of(test, gift).await.id, &back).await
}

async fn give_back(test: &TestApp, gift: &donation::Model) -> Result<(), Error> {
    begin(test, gift).await?;
    given_back(test, gift, test.app.today(), Account::Undeposited).await
}

async fn put_in(test: &TestApp, gifts: &[&donation::Model]) -> entity::ids::DepositId {
    let new = NewDeposit { gifts: gifts.iter().map(|gift| gift.id).collect(), on: test.app.today(), reference: "Slip 7".into() };
    deposits::record(&test.app, &Actor::system(), &new).await.unwrap()
}

/// What is not at the bank yet, what is, and how many gifts wait to be taken there.
async fn books(test: &TestApp) -> (i64, i64, usize) {
    use entity::{ledger_entry, ledger_entry::Column};
    let sum = async |account: Account| {
        let legs = ledger_entry::Entity::find().filter(Column::Account.eq(account)).all(test.app.db.read()).await.unwrap();
        legs.iter().map(|leg| leg.amount_minor).sum::<i64>()
    };
    let waiting = deposits::list_waiting(test.app.db.read(), None).await.unwrap().rows.len();
    (sum(Account::Undeposited).await, sum(Account::Bank).await, waiting)
}

async fn noted(test: &TestApp, gift: &donation::Model, kind: &str) -> u64 {
    use donation_step::Column;
    let find = donation_step::Entity::find().filter(Column::DonationId.eq(gift.id)).filter(Column::Kind.eq(kind));
    find.count(test.app.db.read()).await.unwrap()
}

async fn reversals(test: &TestApp, gift: &donation::Model) -> usize {
    let entries = ledger::entries_of_donation(test.app.db.read(), gift.id).await.unwrap();
    entries.iter().filter(|(head, _)| head.kind == MovementKind::Reversal).count()
}

on_both_databases! {
    async fn cash_is_given_back_by_hand_and_her_word_holds_until_then(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        let path = link_of(&test, &gift).await;
        let page = test.get(&format!("{path}?saved=yes")).await;
        assert!(page.body.contains("until we begin to give the money back") && page.body.contains("We give it back by hand"), "{}", page.body);
        assert_eq!(carry_out(&test).await, 0);
        test.app.clock.advance(TimeDelta::days(31));
        assert_eq!(promises::keep(&test.app).await.unwrap(), 0, "the default does not overrule her");
        let choice = choice_of(&test, &gift).await;
        assert_eq!((choice.way, choice.carried_at, choice.trouble.as_str()), (PromiseWay::Refund, None, ""));
        let form = format!("/desk/promises/choices/{}/given-back", choice.id);
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get(&form).await.status, 403);
        test.sign_in_as(Role::Finance).await;
        let home = test.get("/desk").await.texts("main ul a").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(home.contains("1 gift is to be given back by hand: its giver chose so."), "{home}");
        for page in ["/desk/promises".to_owned(), format!("/desk/promises/{}", choice.promise_id)] {
            assert!(test.get(&page).await.attribute(&format!("main a[href='{form}']"), "href").is_some(), "{page}");
        }
        let mark = format!("/desk/promises/choices/{}/giving-back", choice.id);
        let first = test.get(&form).await;
        assert_eq!((first.status.as_u16(), first.attribute("#given_on", "value")), (200, None), "first it is said that it begins");
        let fields = [("given_on", "2026-05-20"), ("from", "undeposited"), ("how", "in cash, against a signature")];
        assert_eq!(test.post(&form, &fields).await.status, 409);
        assert_eq!(test.post(&mark, &[("begins", "yes")]).await.location(), format!("{form}?done=saved"));
        let shown = test.get(&form).await;
        assert_eq!((shown.status.as_u16(), shown.attribute("#given_on", "value")), (200, Some(test.app.today().to_string())));
        assert_eq!(shown.attribute("#from option[selected]", "value").as_deref(), Some("undeposited"), "it is in the cash box");
        for (day, from, how) in [
            ("2026-07-01", "bank", "in cash"),
            ("2026-04-30", "bank", "in cash"),
            ("", "bank", "in cash"),
            ("2026-05-20", "bank", " "),
            ("2026-05-20", "donations", "in cash"),
        ] {
            let wrong = test.post(&form, &[("given_on", day), ("from", from), ("how", how)]).await;
            assert_eq!((wrong.status.as_u16(), wrong.attribute("#given_on", "value").as_deref()), (422, Some(day)), "{day} {how}");
            assert_eq!(wrong.attribute("#how", "value").as_deref(), Some(how));
            assert_eq!(wrong.attribute("#from option[selected]", "value").as_deref(), Some(from).filter(|from| *from == "bank"));
        }
        assert_eq!((reversals(&test, &gift).await, income(&test, &gift, &item).await), (0, (5_000, 5_000)));
        let done = test.post(&form, &fields).await;
        assert_eq!((done.status.as_u16(), done.location()), (303, format!("/desk/promises/{}?done=saved", choice.promise_id).as_str()));
        let carried = choice_of(&test, &gift).await;
        assert_eq!((carried.way, carried.moved_minor, carried.carried_at.is_some()), (PromiseWay::Refund, 5_000, true));
        assert_eq!((reversals(&test, &gift).await, income(&test, &gift, &item).await, stock(&test, &item).await.paid), (1, (0, 0), 0));
        let story = test.get(&format!("/desk/donations/{}", gift.id)).await;
        assert!(story.body.contains("given back on 2026-05-20 from the cash box: in cash, against a signature"), "{}", story.body);
        let (cancelled, told) = (letters(&test, LetterKind::ReceiptCancelled).await, letters(&test, LetterKind::PromiseDone).await);
        assert!(cancelled.len() == 1 && cancelled[0].text_body.contains("was given back"), "{cancelled:?}");
        assert!(told.len() == 1 && told[0].text_body.contains("was given back to you"), "{told:?}");
        assert!(test.get(&path).await.body.contains("was given back to you"));
        let again = test.post(&form, &fields).await;
        assert_eq!((test.get(&form).await.status.as_u16(), again.status.as_u16()), (409, 409));
        assert_eq!(test.post(&mark, &[("begins", "no")]).await.status, 409);
        assert_eq!(books(&test).await, (0, 0, 0));
        assert!(!test.get("/desk").await.body.contains("given back by hand"));
        assert_all_agrees(&test).await;
    }

    async fn given_back_by_two_at_once_it_is_given_back_once(test: TestApp) {
        let (_, gift) = asked_back(&test).await;
        begin(&test, &gift).await.unwrap();
        let recorded = async || given_back(&test, &gift, test.app.today(), Account::Undeposited).await;
        let (one, two) = tokio::join!(recorded(), recorded());
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!((reversals(&test, &gift).await, letters(&test, LetterKind::PromiseDone).await.len()), (1, 1));
        assert_eq!(carry_out(&test).await, 0);
        assert_all_agrees(&test).await;
    }

    async fn who_changes_her_mind_is_not_given_it_back(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", "general")]).await.status, 303);
        assert!(give_back(&test, &gift).await.is_err());
        assert_eq!((carry_out(&test).await, reversals(&test, &gift).await), (1, 0));
        assert_eq!(income(&test, &gift, &item).await, (0, 5_000));
        assert!(give_back(&test, &gift).await.is_err());
        assert_all_agrees(&test).await;
    }

    async fn an_entry_that_was_taken_back_otherwise_leaves_nothing_to_give_back(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        by_hand::reverse(&test.app, &Actor::system(), gift.id, "Entered twice").await.unwrap();
        assert!(give_back(&test, &gift).await.is_err());
        assert_eq!(carry_out(&test).await, 1);
        let choice = choice_of(&test, &gift).await;
        assert_eq!((choice.moved_minor, choice.source.as_str(), income(&test, &gift, &item).await), (0, "", (0, 0)));
        assert!(letters(&test, LetterKind::PromiseDone).await.is_empty());
        assert_all_agrees(&test).await;
    }

    async fn once_it_is_being_given_back_nothing_else_can_be_chosen(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        let (path, id) = (link_of(&test, &gift).await, choice_of(&test, &gift).await.id);
        let unmarked = given_back(&test, &gift, test.app.today(), Account::Bank).await;
        assert!(matches!(unmarked, Err(Error::Conflict(why)) if why.contains("Say first")));
        let person = test.sign_in_as(Role::Finance).await;
        let mark = format!("/desk/promises/choices/{id}/giving-back");
        assert_eq!(test.post(&mark, &[("begins", "yes")]).await.status, 303);
        let second = test.post(&mark, &[("begins", "yes")]).await;
        assert!(second.status == 409 && second.body.contains("It is being given back since"), "who presses second must not pay again: {}", second.body);
        assert_eq!(noted(&test, &gift, "promise_returning").await, 1);
        let as_mistake = by_hand::reverse(&test.app, &Actor::system(), gift.id, "Entered twice").await;
        assert!(matches!(as_mistake, Err(Error::Conflict(why)) if why.contains("is being given back")), "it is recorded where it was begun");
        assert_eq!(reversals(&test, &gift).await, 0);
        assert!(test.get("/desk/promises").await.body.contains("Is being given back since"));
        let page = test.get(&path).await;
        assert!(page.body.contains("back to you by hand, as you chose") && page.attribute("main form input[name=way]", "name").is_none(), "{}", page.body);
        for way in ["general", "refund"] {
            assert_eq!(test.post(&path, &[("way", way)]).await.status, 409, "{way}");
        }
        assert_eq!(choice_of(&test, &gift).await.way, PromiseWay::Refund);
        test.app.clock.advance(TimeDelta::days(31));
        assert_eq!(promises::keep(&test.app).await.unwrap(), 0);
        assert!(!promises::carry_out(&test.app, id).await.unwrap());
        assert_eq!(income(&test, &gift, &item).await, (5_000, 5_000));
        // Not after all: it is hers to choose again.
        test.sign_in(&person).await;
        assert_eq!(test.post(&mark, &[("begins", "no")]).await.status, 303);
        let find = audit_entry::Entity::find().filter(audit_entry::Column::Action.is_in(["promise.return", "promise.return_not"]));
        assert_eq!(find.count(test.app.db.read()).await.unwrap(), 2);
        assert_eq!(test.post(&path, &[("way", "general")]).await.status, 303);
        assert!(begin(&test, &gift).await.is_err(), "she chose otherwise");
        assert_eq!((carry_out(&test).await, income(&test, &gift, &item).await), (1, (0, 5_000)));
        assert_all_agrees(&test).await;
    }

    async fn it_is_booked_on_its_day_and_from_where_it_was_paid(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let (boxed, banked, moved) = (cash(&test, &item).await, cash(&test, &item).await, cash(&test, &item).await);
        declare(&test, &item).await;
        let deposit = put_in(&test, &[&banked, &moved]).await;
        assert_eq!(books(&test).await, (5_000, 10_000, 1));
        test.app.clock.advance(TimeDelta::days(3));
        let day = test.app.today() - chrono::Days::new(2);
        for gift in [&boxed, &banked, &moved] {
            assert_eq!(test.post(&link_of(&test, gift).await, &[("way", "refund")]).await.status, 303);
            begin(&test, gift).await.unwrap();
        }
        // Paid from the bank while its cash is in the box: the cash still goes there one day.
        given_back(&test, &boxed, day, Account::Bank).await.unwrap();
        assert_eq!(books(&test).await, (5_000, 5_000, 1));
        given_back(&test, &banked, day, Account::Bank).await.unwrap();
        assert_eq!(books(&test).await, (5_000, 0, 1));
        // From the box, although it was taken to the bank.
        given_back(&test, &moved, day, Account::Undeposited).await.unwrap();
        assert_eq!(books(&test).await, (0, 0, 1));
        for gift in [&boxed, &banked, &moved] {
            let entries = ledger::entries_of_donation(test.app.db.read(), gift.id).await.unwrap();
            let back = entries.iter().filter(|(head, _)| matches!(head.kind, MovementKind::Reversal | MovementKind::Deposit));
            assert!(back.clone().count() > 0 && back.clone().all(|(head, _)| head.booked_at.date_naive() == day), "{entries:?}");
        }
        assert_all_agrees(&test).await;
        // A deposit that was recorded wrongly: what was in it is in the box, less what the box paid.
        deposits::reverse(&test.app, &Actor::system(), deposit, "the wrong day").await.unwrap();
        assert_eq!(books(&test).await, (10_000, -10_000, 2));
        put_in(&test, &[&boxed, &banked]).await;
        assert_eq!(books(&test).await, (0, 0, 0));
        assert_all_agrees(&test).await;
    }

    async fn the_day_of_a_closed_period_counts_on_the_first_open_day(test: TestApp) {
        let (_, gift) = asked_back(&test).await;
        let day = test.app.today();
        test.app.clock.advance(TimeDelta::days(40));
        let last: NaiveDate = "2026-05-31".parse().unwrap();
        let period = periods::make(&test.app, &Actor::system(), "2026-05-01".parse().unwrap(), last).await.unwrap();
        periods::close(&test.app, &Actor::system(), period.id).await.unwrap();
        begin(&test, &gift).await.unwrap();
        given_back(&test, &gift, day, Account::Bank).await.unwrap();
        let entries = ledger::entries_of_donation(test.app.db.read(), gift.id).await.unwrap();
        let back: Vec<_> = entries.iter().filter(|(head, _)| head.kind != MovementKind::Donation).collect();
        assert_eq!(back.len(), 2, "the reversal, and from the bank to the box: {entries:?}");
        assert!(back.iter().all(|(head, _)| head.occurred_at.date_naive() == day && head.booked_at.date_naive() > last), "{back:?}");
        assert_all_agrees(&test).await;
    }

    async fn who_was_written_to_elsewhere_hears_there_and_an_earlier_year_is_noted(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let hand = HandGift { item: Some((item.id, 2)), fund_id: Some(item.fund_id), name: "Latifa".into(), ..hand_gift(&test, 5_000, "EUR") };
        let gift = test.donation(test.enter(&hand).await.id).await;
        test.sign_in_as(Role::Finance).await;
        let sent = test.post(&format!("/desk/donations/{}/receipt", gift.id), &[("to_address", "brother@example.org")]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        test.app.clock.advance(TimeDelta::days(300));
        declare(&test, &item).await;
        assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", "refund")]).await.status, 303);
        give_back(&test, &gift).await.unwrap();
        let find = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::ReceiptCancelled));
        let told = find.all(test.app.db.read()).await.unwrap();
        assert_eq!(told.iter().map(|letter| letter.to_address.as_str()).collect::<Vec<_>>(), ["brother@example.org"]);
        assert_eq!(noted(&test, &gift, "receipt_of_earlier_year").await, 1);
        assert_all_agrees(&test).await;
    }

    async fn what_has_bought_a_part_is_not_promised_back(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = cash(&test, &item).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        assert_eq!(test.post(&path, &[("way", "refund")]).await.status, 422);
        assert!(test.get(&path).await.body.contains("To have it back, write to us"));
        test.sign_in_as(Role::Finance).await;
        let list = test.get(&format!("/desk/promises/{}", choice_of(&test, &gift).await.promise_id)).await;
        assert!(list.body.contains("she should write to you for the rest"), "{}", list.body);
        assert_all_agrees(&test).await;
    }

    async fn a_choice_that_says_it_was_given_back_without_an_entry_is_found(test: TestApp) {
        let (_, gift) = asked_back(&test).await;
        let said = promise_choice::Model {
            carried_at: Some(test.app.now()),
            moved_minor: 5_000,
            source: by_hand::reversal_of(&gift),
            ..choice_of(&test, &gift).await
        };
        test.app.db.write(async |tx| Ok(promises::store::update(tx, said.clone()).await?)).await.unwrap();
        let report = reports::verify(&test.app).await.unwrap();
        assert!(report.broken().any(|check| check.name.contains("went to exactly one place")));
        test.books_end_broken("the choice was carried out behind the books");
    }
}
