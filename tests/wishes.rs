//! Wish items: what is needed, held, paid and left; pages and desk.

mod heard;
pub mod life;
pub mod orders;
mod pictures;
mod race;
mod shared;

use crate::support::{TestApp, newsroom::plain, on_both_databases};
use chrono::TimeDelta;
use entity::{
    Currency, Money, donation, fund,
    ids::{DonationId, FundId, SupporterId, WishItemId},
    supporter, wish_item,
    words::{CancelReason, DonationSource, DonationStatus, ReservationState, Restriction, WishKind, WishStatus},
};
use sea_orm::{EntityTrait, IntoActiveModel};
use wellwisher::{
    app::App,
    error::Error,
    wishes::{self, ItemState, Outcome, ReserveError, Share, Stock},
};

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

/// A fund and an item of which `quantity` are needed at 25 euros.
pub async fn item(app: &App, quantity: i64) -> WishItemId {
    let (id, now) = (app.new_id::<WishItemId>(), app.now());
    let fund_id = fund_for_tests(app).await;
    let item = wish_item::Model {
        id,
        slug: format!("item-{id}"),
        title: "School bag".into(),
        description: "For a home school.".into(),
        language: "en".into(),
        kind: WishKind::Priced,
        price_minor: Some(2_500),
        currency: Some(eur()),
        quantity,
        shop_url: None,
        campaign_id: None,
        fund_id,
        status: WishStatus::Open,
        created_at: now,
        updated_at: now,
        funding: entity::words::WishFunding::Whole,
        cancel_reason: entity::words::CancelReason::None,
        picture_id: None,
        picture_text: String::new(),
    };
    app.db
        .write(async |tx| Ok(wish_item::Entity::insert(item.clone().into_active_model()).exec_without_returning(tx).await.map(|_| ())?))
        .await
        .unwrap();
    id
}

async fn fund_for_tests(app: &App) -> FundId {
    let fund = fund::Model {
        id: app.new_id(),
        code: app.random.token(),
        name: "Schools".into(),
        restriction: Restriction::With,
        gl_income: "4000".into(),
        gl_fee: "6000".into(),
        created_at: app.now(),
    };
    app.db
        .write(async |tx| Ok(fund::Entity::insert(fund.clone().into_active_model()).exec_without_returning(tx).await.map(|_| ())?))
        .await
        .unwrap();
    fund.id
}

/// A donation that waits for its checkout.
pub async fn waiting_donation(app: &App, item_id: WishItemId, quantity: i64) -> DonationId {
    let (id, now) = (app.new_id::<DonationId>(), app.now());
    let item = wish_item::Entity::find_by_id(item_id).one(app.db.read()).await.unwrap().unwrap();
    let giver = supporter::Model {
        id: app.new_id::<SupporterId>(),
        email: format!("{id}@example.org"),
        name: String::new(),
        language: "en".into(),
        wants_updates: false,
        wants_updates_since: None,
        created_at: now,
        updated_at: now,
        discreet: false,
    };
    let gift = donation::Model {
        id,
        token_hash: id.to_string(),
        form_token: id.to_string(),
        request_hash: String::new(),
        status: DonationStatus::Pending,
        supporter_id: giver.id,
        donor_name: String::new(),
        public_name: false,
        note: String::new(),
        wants_updates: false,
        discreet: false,
        language: "en".into(),
        amount_minor: 2_500 * quantity,
        fee_cover_minor: 0,
        currency: eur(),
        campaign_id: None,
        wish_item_id: Some(item_id),
        wish_quantity: Some(quantity),
        article_id: None,
        fund_id: item.fund_id,
        fund_code: "S".into(),
        restriction: Restriction::With,
        gl_income: "4000".into(),
        gl_fee: "6000".into(),
        idempotency_key: id.to_string(),
        checkout_session_id: None,
        checkout_url: None,
        payment_intent_id: None,
        charge_id: None,
        livemode: false,
        expires_at: now + TimeDelta::minutes(30),
        created_at: now,
        paid_at: None,
        updated_at: now,
        source: DonationSource::Checkout,
        method: String::new(),
        reference: String::new(),
        invoice_id: None,
        recurring_donation_id: None,
    };
    app.db
        .write(async |tx| {
            supporter::Entity::insert(giver.clone().into_active_model()).exec_without_returning(tx).await?;
            donation::Entity::insert(gift.clone().into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
        .unwrap();
    id
}

async fn reserve(app: &App, item: WishItemId, donation: DonationId, quantity: i64) -> Result<(), Error> {
    let now = app.now();
    let share = Share { quantity, money: Money::new(2_500 * quantity, eur()) };
    app.db.write(async |tx| Ok(wishes::reserve(tx, item, donation, share, now + TimeDelta::minutes(40), now).await?)).await
}

async fn hold(app: &App, item: WishItemId, quantity: i64) -> DonationId {
    let donation = waiting_donation(app, item, quantity).await;
    reserve(app, item, donation, quantity).await.expect("enough is left");
    donation
}

async fn pay(app: &App, donation: DonationId) -> Outcome {
    let now = app.now();
    app.db.write(async |tx| wishes::pay(tx, donation, now).await).await.unwrap()
}

async fn release(app: &App, donation: DonationId) -> bool {
    let now = app.now();
    app.db.write(async |tx| wishes::release(tx, donation, now).await).await.unwrap()
}

async fn stock(app: &App, item: WishItemId) -> Stock {
    wishes::stock(app.db.read(), &[item], app.now()).await.unwrap()[&item]
}

on_both_databases! {
    async fn of_sixteen_who_want_the_last_item_exactly_one_holds_it(test: TestApp) {
        test.books_end_broken("items are held and paid without the gifts");
        let item = item(&test.app, 1).await;
        let mut buyers = Vec::new();
        for _ in 0..16 {
            let donation = waiting_donation(&test.app, item, 1).await;
            let app = test.app.clone();
            buyers.push(tokio::spawn(async move { reserve(&app, item, donation, 1).await }));
        }
        let (mut held, mut told) = (0, 0);
        for buyer in buyers {
            match buyer.await.unwrap() {
                Ok(()) => held += 1,
                Err(Error::Conflict(why)) => told += usize::from(why.contains("all of this item are taken")),
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((held, told), (1, 15));
        assert_eq!(stock(&test.app, item).await, Stock { needed: 1, reserved: 1, paid: 0, left: 0, ..Stock::default() });
    }

    async fn what_is_held_paid_and_left_adds_up(test: TestApp) {
        test.books_end_broken("items are held and paid without the gifts");
        let app = &test.app;
        let item = item(app, 10).await;
        let (first, second) = (hold(app, item, 3).await, hold(app, item, 4).await);
        assert_eq!(stock(app, item).await, Stock { needed: 10, reserved: 7, paid: 0, left: 3, ..Stock::default() });
        let too_many = waiting_donation(app, item, 4).await;
        let refused = reserve(app, item, too_many, 4).await.unwrap_err();
        assert!(matches!(&refused, Error::Conflict(why) if why.contains("only 3")), "{refused:?}");
        for quantity in [0, -1, i64::MAX] {
            let checked = app.db.write(async |tx| Ok(wishes::check_left(tx, item, Share { quantity, money: Money::new(1, eur()) }, app.now()).await)).await.unwrap();
            assert!(matches!(checked.map(|_| ()), Err(ReserveError::NotEnough { left: 3 })), "{quantity}");
        }
        assert_eq!(pay(app, first).await, Outcome::Paid);
        assert_eq!(pay(app, first).await, Outcome::Paid);
        assert!(release(app, second).await);
        assert!(!release(app, second).await);
        assert!(!release(app, first).await, "what is paid stays paid");
        let now = stock(app, item).await;
        assert_eq!(now, Stock { needed: 10, reserved: 0, paid: 3, left: 7, ..Stock::default() });
        assert_eq!(now.state(), ItemState::Needed);
        let rest = hold(app, item, 7).await;
        assert_eq!(stock(app, item).await.state(), ItemState::Reserved);
        pay(app, rest).await;
        assert_eq!(stock(app, item).await.state(), ItemState::Paid);
    }

    async fn a_hold_that_ran_out_counts_no_more_even_before_the_sweeper_came(test: TestApp) {
        test.books_end_broken("items are held and paid without the gifts");
        let app = &test.app;
        let item = item(app, 1).await;
        hold(app, item, 1).await;
        app.clock.advance(TimeDelta::minutes(40));
        assert_eq!(stock(app, item).await.left, 1);
        let other = hold(app, item, 1).await;
        let now = app.now();
        assert_eq!(app.db.write(async |tx| wishes::release_expired(tx, now).await).await.unwrap(), 1);
        assert_eq!(app.db.write(async |tx| wishes::release_expired(tx, now).await).await.unwrap(), 0);
        assert_eq!(pay(app, other).await, Outcome::Paid);
    }

    async fn money_that_comes_late_counts_for_the_item_only_where_enough_is_left(test: TestApp) {
        test.books_end_broken("items are held and paid without the gifts");
        let app = &test.app;
        let item = item(app, 2).await;
        let (late, later) = (hold(app, item, 1).await, hold(app, item, 1).await);
        app.clock.advance(TimeDelta::hours(1));
        release(app, later).await;
        let other = hold(app, item, 1).await;
        assert_eq!(pay(app, late).await, Outcome::PaidLate { counted: true });
        assert_eq!(pay(app, late).await, Outcome::Paid);
        assert_eq!(pay(app, later).await, Outcome::PaidLate { counted: false });
        assert_eq!(pay(app, other).await, Outcome::Paid);
        assert_eq!(stock(app, item).await, Stock { needed: 2, reserved: 0, paid: 2, left: 0, ..Stock::default() });
        let kept = entity::wish_reservation::Entity::find().all(app.db.read()).await.unwrap();
        assert_eq!(kept.iter().filter(|kept| kept.state == ReservationState::Released).count(), 1);
    }

    async fn a_bank_debit_keeps_its_hold_until_the_bank_has_spoken(test: TestApp) {
        test.books_end_broken("items are held and paid without the gifts");
        let app = &test.app;
        let item = item(app, 1).await;
        let donation = hold(app, item, 1).await;
        let until = app.now() + TimeDelta::days(14);
        let now = app.now();
        assert!(app.db.write(async |tx| wishes::keep(tx, donation, until, now).await).await.unwrap());
        app.clock.advance(TimeDelta::days(7));
        assert_eq!(stock(app, item).await.left, 0);
        assert_eq!(pay(app, donation).await, Outcome::Paid);
        let without_item = app.new_id::<DonationId>();
        assert_eq!(pay(app, without_item).await, Outcome::NoItem);
    }
}

on_both_databases! {
    async fn the_wish_list_shows_what_is_asked_for_and_leads_to_shops(test: TestApp) {
        test.item("School bag", None, |_| {}).await;
        test.app.clock.advance(TimeDelta::seconds(1));
        test.item("Camera", None, |raw| {
            raw.kind = "link".into();
            raw.shop_url = "https://shop.example/list".into();
        })
        .await;
        let gone = test.item("Gone", None, |_| {}).await;
        wishes::item::cancel(&test.app, &wellwisher::staff::Actor::system(), gone.id, CancelReason::Border, "").await.unwrap();
        let draft = test.draft("Secret", |_| {}).await;
        test.item("Of a draft", Some(draft.id), |_| {}).await;
        let list = test.get("/wish-list").await;
        assert_eq!(list.texts(".card h3 a"), ["Camera", "School bag"]);
        assert!(plain(&list.texts(".meta")).contains("0 of 10 paid"));
        let item = test.get("/wish-list/school-bag").await;
        assert_eq!(item.attribute("input[name=item]", "value").as_deref(), Some("school-bag"));
        assert!(test.get("/wish-list/gone").await.body.contains("cannot be bought as planned"), "readers do not hear of a border");
        let link = test.get("/wish-list/camera").await;
        assert_eq!(link.attribute("a[href='https://shop.example/list']", "rel").as_deref(), Some("noopener noreferrer"));
        assert!(link.attribute("form[action='/donations']", "method").is_none(), "what is bought elsewhere has no form here");
        assert_eq!(test.get("/wish-list/gone").await.texts(".warn"), ["This item is not asked for here any more."]);
        assert_eq!(test.get("/wish-list/of-a-draft").await.status, 404);
        assert_eq!(test.get("/wish-list/nothing").await.status, 404);
    }
}

mod desk {
    use super::*;
    use entity::words::Role;

    on_both_databases! {
        async fn an_editor_makes_changes_cancels_and_reopens_an_item(test: TestApp) {
            let fund = test.fund().await.id.to_string();
            test.sign_in_as(Role::Editor).await;
            let fields = |quantity: &'static str, price: &'static str, slug: &'static str| {
                vec![
                    ("title", "School bag"), ("description", "With books."), ("language", "en"), ("kind", "priced"), ("price", price),
                    ("currency", "EUR"), ("quantity", quantity), ("shop_url", ""), ("campaign", ""), ("slug", slug),
                ]
            };
            let with_fund = |mut fields: Vec<(&'static str, &'static str)>, fund: &str| {
                let mut fields: Vec<(String, String)> = fields.drain(..).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                fields.push(("fund".to_owned(), fund.to_owned()));
                fields
            };
            let post = async |path: &str, fields: Vec<(String, String)>| {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                test.post(path, &fields).await
            };
            let made = post("/desk/wish-list/new", with_fund(fields("4", "25,00", ""), &fund)).await;
            assert_eq!(made.status, 303, "{:?}", made.texts(".error-summary li"));
            let path = made.location().trim_end_matches("?done=saved").to_owned();
            assert_eq!(test.get(&path).await.texts(".card h3"), ["School bag"]);
            assert_eq!(test.get(&format!("{path}/edit")).await.attribute("#price", "value").as_deref(), Some("25.00"));
            let wrong = post("/desk/wish-list/new", with_fund(fields("0", "1", "Not a slug"), "")).await;
            assert_eq!(wrong.status, 422);
            assert_eq!(wrong.texts(".error-summary li").len(), 4, "{:?}", wrong.texts(".error-summary li"));
            assert_eq!(wrong.attribute("#price", "value").as_deref(), Some("1"));
            let taken = post("/desk/wish-list/new", with_fund(fields("4", "25", "school-bag"), &fund)).await;
            assert_eq!((taken.status.as_u16(), taken.texts("#slug-error").len()), (422, 1));
            let item: WishItemId = path.rsplit('/').next().unwrap().parse().unwrap();
            hold(&test.app, item, 3).await;
            let too_few = post(&format!("{path}/edit"), with_fund(fields("2", "25", ""), &fund)).await;
            assert_eq!((too_few.status.as_u16(), too_few.texts("#quantity-error").len()), (422, 1));
            assert_eq!(post(&format!("{path}/edit"), with_fund(fields("3", "30", ""), &fund)).await.status, 303);
            let list = test.get("/desk/wish-list?q=bag&status=open").await;
            assert_eq!(list.texts("tbody td"), ["School bag", "Reserved", "€30", "3", "3", "0", "0", "0"]);
            let cancel = format!("/desk/wish-list/{item}/cancel");
            assert_eq!(test.post(&cancel, &[]).await.status, 422, "a reason is needed");
            assert_eq!(test.post(&cancel, &[("reason", "border"), ("note", "The bridge is closed")]).await.status, 303);
            assert_eq!(test.post(&cancel, &[("reason", "border")]).await.status, 422);
            assert!(test.get(&path).await.body.contains("The bridge is closed"), "the note is for the desk");
            assert!(!test.get("/wish-list/school-bag").await.body.contains("The bridge is closed"), "and not for readers");
            assert_eq!(stock(&test.app, item).await.left, 0);
            assert_eq!(test.post(&format!("/desk/wish-list/{item}/reopen"), &[]).await.status, 303);
            assert!(test.get("/desk/wish-list?q=nothing").await.texts("main p").join(" ").contains("Nothing fits."));
        }

        async fn the_wish_list_of_the_desk_is_for_editors(test: TestApp) {
            let item = item(&test.app, 1).await;
            test.sign_in_as(Role::Finance).await;
            for path in ["/desk/wish-list".to_owned(), "/desk/wish-list/new".to_owned(), format!("/desk/wish-list/{item}/edit")] {
                assert_eq!(test.get(&path).await.status, 403, "{path}");
            }
            assert_eq!(test.post(&format!("/desk/wish-list/{item}/cancel"), &[]).await.status, 403);
        }
    }
}
