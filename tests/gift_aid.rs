//! Gift Aid: declarations as they were made, HMRC's schedule field by field, and no gift claimed on twice.

mod schedule;
mod schedule_report;

use crate::{
    donations::helpers::fill,
    support::{FromDatabase, TestApp, TestDatabase, gift, hand_gift, on_both_databases, take_back},
};
use entity::{
    Money, gift_aid_declaration,
    words::{GiftAidMade, GiftAidScope, Role},
};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use wellwisher::{
    asks::{Declared, Gift},
    donations,
    error::Error,
    gift_aid::{
        self, From,
        claims::{self, Claim},
        schedule::Fault,
    },
    payments::standin::Decision,
    staff::Actor,
};

/// A charity of the United Kingdom.
pub struct Charity(pub TestApp);

impl FromDatabase for Charity {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_legal_name = "Kestrel Papers".into();
                settings.org_receipt_profile = "uk".into();
                settings.org_charity_number = "7654321".into();
                settings.org_timezone = "Europe/London".into();
                settings.org_currencies = "GBP,USD".into();
            })
            .await,
        )
    }
}

/// What a supporter declares.
pub fn declared(scope: GiftAidScope) -> Declared {
    Declared {
        title: "Ms".into(),
        first_name: "Wren".into(),
        last_name: "Marlow-Teal".into(),
        house: "7 Reed Bank".into(),
        postcode: "S19 2BD".into(),
        scope,
        wording: "I want to Gift Aid …".into(),
    }
}

/// A gift of a supporter in pounds.
pub fn by(email: &str, minor: i64, declaration: Option<Declared>) -> Gift {
    let mut gift = Gift { email: email.into(), ..gift(minor, "GBP") };
    gift.particulars.gift_aid = declaration;
    gift
}

async fn declarations(test: &TestApp) -> Vec<gift_aid_declaration::Model> {
    gift_aid_declaration::Entity::find().order_by_asc(gift_aid_declaration::Column::Id).all(test.app.db.read()).await.unwrap()
}

async fn draft(test: &TestApp) -> claims::Draft {
    claims::draft(test.app.db.read(), &test.app, test.app.today()).await.unwrap()
}

async fn make(test: &TestApp) -> Claim {
    let id = claims::make(&test.app, &Actor::system(), test.app.today()).await.unwrap();
    claims::read(test.app.db.read(), id).await.unwrap()
}

on_both_databases! {
    async fn a_declaration_is_offered_unticked_and_kept_word_for_word(charity: Charity) {
        let test = &charity.0;
        let page = test.get("/donate").await;
        assert_eq!(page.attribute("#gift_aid", "checked"), None, "nobody declares by not looking");
        assert!(page.body.contains("it is my responsibility to pay any difference") && page.body.contains("to Kestrel Papers."));
        let typed = fill(test, "currency=GBP").await.with("currency", "GBP").with("gift_aid", "yes");
        let empty = typed.clone().send(test).await;
        assert_eq!(empty.status, 422);
        for field in ["gift_aid_first", "gift_aid_last", "gift_aid_house", "gift_aid_postcode"] {
            assert!(empty.attribute(&format!(".error-summary a[href='#{field}']"), "href").is_some(), "{field}: {}", empty.body);
        }
        assert!(empty.attribute("#gift_aid", "checked").is_some() && empty.attribute("details.gift-aid", "open").is_some(), "what was ticked stays ticked");
        let whole = typed
            .with("gift_aid_title", "Ms").with("gift_aid_first", "Wren").with("gift_aid_last", "Marlow-Teal")
            .with("gift_aid_house", "7 Reed Bank").with("gift_aid_postcode", "s192bd").with("gift_aid_scope", "all");
        let dollars = whole.clone().with("currency", "USD").send(test).await;
        assert!(dollars.status == 422 && dollars.body.contains("Gift Aid is for gifts in pounds"), "{}", dollars.body);
        assert_eq!(whole.send(test).await.status, 303);
        let kept = declarations(test).await.remove(0);
        assert_eq!((kept.title.as_str(), kept.first_name.as_str(), kept.last_name.as_str(), kept.house.as_str(), kept.postcode.as_str()), ("Ms", "Wren", "Marlow-Teal", "7 Reed Bank", "S19 2BD"));
        assert_eq!((kept.scope, kept.wording_version.as_str(), kept.declared_at), (GiftAidScope::All, "uk-gift-aid-1", test.app.now()));
        assert!(kept.wording.starts_with("I want to Gift Aid this donation and any donations I make in the future or have made in the past 4 years to Kestrel Papers."));
        assert!(kept.wording.contains("I am a UK taxpayer and understand") && kept.wording.contains("Please notify us if you want to cancel this declaration"));
        for change in ["update gift_aid_declaration set wording = 'x'", "update gift_aid_declaration set last_name = 'x'", "delete from gift_aid_declaration"] {
            assert!(test.app.db.write(async |tx| Ok(tx.execute_unprepared(change).await?)).await.is_err(), "{change}");
        }
        assert!(draft(test).await.gifts.is_empty(), "its gift was not paid: anybody can type anybody's address");
    }

    async fn a_form_of_another_country_knows_no_gift_aid(test: TestApp) {
        assert!(!test.get("/donate").await.body.contains("Gift Aid"));
        let typed = fill(&test, "").await.with("gift_aid", "yes").with("address", "7 Reed Bank");
        assert_eq!(typed.send(&test).await.status, 303, "fields that are not asked for count for nothing");
        assert!(declarations(&test).await.is_empty());
    }

    async fn a_declaration_for_all_covers_four_years_back_and_what_comes(charity: Charity) {
        let test = &charity.0;
        let at = async |time: &str, gift: &Gift| {
            test.app.clock.set(time.parse().unwrap());
            test.give(gift).await
        };
        at("2022-02-28T12:00:00Z", &by("wren@example.org", 100, None)).await;
        let edge = at("2022-02-28T12:00:01Z", &by("wren@example.org", 1_000, None)).await;
        at("2025-01-01T12:00:00Z", &by("ash@example.org", 50_000, None)).await;
        let own = at("2026-02-28T12:00:01Z", &by("wren@example.org", 2_000, Some(declared(GiftAidScope::All)))).await;
        let later = at("2026-03-30T23:30:00Z", &by("wren@example.org", 3_000, None)).await;
        at("2026-03-30T23:30:00Z", &Gift { money: Money::new(900, "USD".parse().unwrap()), ..by("wren@example.org", 1, None) }).await;
        at("2026-03-30T23:30:00Z", &by("teal@example.org", 700, Some(declared(GiftAidScope::This)))).await;
        at("2026-03-31T10:00:00Z", &by("teal@example.org", 800, None)).await;
        let draft = draft(test).await;
        let mut covered: Vec<i64> = draft.gifts.iter().map(|gift| gift.row.amount.minor).collect();
        covered.sort_unstable();
        assert_eq!(covered, [700, 1_000, 2_000, 3_000], "only this gift, or all of four years, and none of who declared nothing");
        assert_eq!(draft.problems.iter().map(|p| p.faults.clone()).collect::<Vec<_>>(), [vec![Fault::Currency]]);
        let find = |id| draft.gifts.iter().find(|gift| gift.donation_id == id).unwrap();
        assert_eq!(find(later.id).row.gift_on.to_string(), "2026-03-31", "the day in London, in summer time");
        assert!(draft.gifts.iter().any(|gift| gift.donation_id == edge.id) && draft.gifts.iter().any(|gift| gift.donation_id == own.id));
        assert_eq!(draft.sums().unwrap().tax.minor, 1_675);
    }

    async fn a_gift_is_claimed_on_once_and_a_claim_that_was_sent_never_changes(charity: Charity) {
        let test = &charity.0;
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::All)))).await;
        let claim = make(test).await;
        assert_eq!((claim.gifts.len(), claim.gifts[0].row.last_name.as_str(), claim.sums().unwrap().tax.minor), (1, "Marlow Teal", 500));
        let again = claims::make(&test.app, &Actor::system(), test.app.today()).await;
        assert!(matches!(again, Err(Error::Conflict(why)) if why.contains("not sent yet")));
        assert!(draft(test).await.gifts.is_empty(), "it is set aside");
        claims::withdraw(&test.app, &Actor::system(), claim.head.id).await.unwrap();
        assert_eq!(draft(test).await.gifts.len(), 1, "it is free again");

        let claim = make(test).await;
        assert!(matches!(claims::submit(&test.app, &Actor::system(), claim.head.id, " ").await, Err(Error::Invalid(_))));
        claims::submit(&test.app, &Actor::system(), claim.head.id, "IRMARK 7").await.unwrap();
        for settle in [claims::submit(&test.app, &Actor::system(), claim.head.id, "x").await, claims::withdraw(&test.app, &Actor::system(), claim.head.id).await] {
            assert!(matches!(settle, Err(Error::Conflict(_))), "{settle:?}");
        }
        for change in ["delete from gift_aid_line", "update gift_aid_line set amount_minor = 1", "update gift_aid_claim set reference = 'x'", "delete from gift_aid_claim"] {
            assert!(test.app.db.write(async |tx| Ok(tx.execute_unprepared(change).await?)).await.is_err(), "{change}");
        }
        let nothing = claims::make(&test.app, &Actor::system(), test.app.today()).await;
        assert!(matches!(nothing, Err(Error::Conflict(why)) if why.contains("no gift to claim on")));
        let future = claims::make(&test.app, &Actor::system(), test.app.today() + chrono::Days::new(1)).await;
        assert!(matches!(future, Err(Error::Invalid(_))));
    }

    async fn what_comes_back_after_a_claim_is_given_back_in_the_next_one(charity: Charity) {
        let test = &charity.0;
        let part = test.give(&by("wren@example.org", 10_000, Some(declared(GiftAidScope::All)))).await;
        let before = test.give(&by("wren@example.org", 3_000, None)).await;
        take_back(test, &before, 1_000).await;
        let claim = make(test).await;
        assert_eq!(claim.sums().unwrap().gifts.minor, 12_000, "what came back before is not claimed on");
        claims::submit(&test.app, &Actor::system(), claim.head.id, "1").await.unwrap();
        test.sign_in_as(Role::Finance).await;
        let told = async |gift: &entity::donation::Model| {
            test.get(&format!("/desk/donations/{}", gift.id)).await.texts("main").join(" ").replace(['\u{2068}', '\u{2069}'], "")
        };
        let (first, second) = (told(&part).await, told(&before).await);
        assert!(first.contains("Gift Aid was declared with it") && first.contains("£100 of it were put into a Gift Aid claim (submitted)"), "{first}");
        assert!(!second.contains("Gift Aid was declared") && second.contains("£20 of it were put into a Gift Aid claim"), "{second}");
        take_back(test, &part, 4_000).await;
        let only_back = draft(test).await;
        assert_eq!((only_back.gifts.len(), only_back.adjustments.len(), only_back.adjustments[0].too_much.minor), (0, 1, 4_000));
        assert!(claims::make(&test.app, &Actor::system(), test.app.today()).await.is_err(), "a claim cannot be of refunds only");
        test.give(&by("wren@example.org", 4_000, None)).await;
        assert!(matches!(claims::make(&test.app, &Actor::system(), test.app.today()).await, Err(Error::Conflict(why)) if why.contains("More would be given back")));
        test.give(&by("wren@example.org", 500, None)).await;
        let claim = make(test).await;
        let sums = claim.sums().unwrap();
        assert_eq!((sums.count, sums.gifts.minor, sums.tax.minor, sums.back.minor), (2, 4_500, 1_125, 1_000));
        claims::submit(&test.app, &Actor::system(), claim.head.id, "2").await.unwrap();
        assert_eq!(draft(test).await, claims::Draft::default(), "it is given back once");
    }

    async fn a_gift_that_is_disputed_is_left_out_of_a_claim_until_it_is_won(charity: Charity) {
        let test = &charity.0;
        let disputed = test.give(&by("wren@example.org", 10_000, Some(declared(GiftAidScope::All)))).await;
        let other = test.give(&by("wren@example.org", 3_000, None)).await;
        let dispute = test.stripe.standin.dispute(disputed.checkout_session_id.as_deref().unwrap(), None, false).expect("a dispute");
        donations::refresh(&test.app, disputed.id).await.unwrap();
        let would = draft(test).await;
        assert_eq!(would.gifts.iter().map(|gift| gift.donation_id).collect::<Vec<_>>(), [other.id]);
        assert_eq!(would.problems, [claims::Problem { donation_id: disputed.id, faults: vec![Fault::Disputed] }]);
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/gift-aid").await.body.contains("Its payer’s bank disputes it."));
        let claim = make(test).await;
        assert_eq!(claim.sums().unwrap().gifts.minor, 3_000);
        claims::submit(&test.app, &Actor::system(), claim.head.id, "1").await.unwrap();

        assert!(test.stripe.standin.decide_dispute(&dispute, Decision::Won));
        donations::refresh(&test.app, disputed.id).await.unwrap();
        let would = draft(test).await;
        assert_eq!((would.gifts.len(), would.gifts[0].donation_id, would.problems.len()), (1, disputed.id, 0));
    }

    async fn a_claim_up_to_an_earlier_day_gives_nothing_back_that_was_rightly_claimed(charity: Charity) {
        let test = &charity.0;
        let at = async |time: &str, gift: &Gift| {
            test.app.clock.set(time.parse().unwrap());
            test.give(gift).await
        };
        at("2026-04-10T12:00:00Z", &by("wren@example.org", 1_000, None)).await;
        at("2026-06-10T12:00:00Z", &by("wren@example.org", 2_000, Some(declared(GiftAidScope::All)))).await;
        let claim = make(test).await;
        claims::submit(&test.app, &Actor::system(), claim.head.id, "1").await.unwrap();
        let earlier = claims::draft(test.app.db.read(), &test.app, "2026-05-31".parse().unwrap()).await.unwrap();
        assert_eq!(earlier, claims::Draft::default(), "the declaration was proven by a gift after that day");
    }

    async fn what_is_too_old_or_may_have_been_claimed_elsewhere_is_left_out(charity: Charity) {
        let test = &charity.0;
        let file = "date,amount,currency,email\n2026-01-05,25,GBP,wren@example.org\n";
        let options = wellwisher::donations::import::Options::default();
        test.app.clock.set("2026-02-01T12:00:00Z".parse().unwrap());
        wellwisher::donations::import::import_table(&test.app, file.as_bytes(), &options, |_, _| {}).await.unwrap();
        test.app.clock.set("2022-04-05T12:00:00Z".parse().unwrap());
        test.give(&by("wren@example.org", 1_000, None)).await;
        test.app.clock.set("2022-04-06T12:00:00Z".parse().unwrap());
        test.give(&by("wren@example.org", 3_000, None)).await;
        test.app.clock.set("2026-03-31T12:00:00Z".parse().unwrap());
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::All)))).await;
        test.app.clock.set("2026-04-05T12:00:00Z".parse().unwrap());
        let faults = async || {
            let draft = draft(test).await;
            (draft.problems.into_iter().flat_map(|p| p.faults).collect::<Vec<_>>(), draft.gifts.len())
        };
        assert_eq!(faults().await, (vec![Fault::Imported], 3), "another system may have claimed on what came from it");
        test.app.clock.set("2026-04-06T12:00:00Z".parse().unwrap());
        assert_eq!(faults().await, (vec![Fault::TooLate, Fault::Imported], 2));
    }

    async fn two_who_make_a_claim_at_once_make_one(charity: Charity) {
        let test = &charity.0;
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::This)))).await;
        let (actor, today) = (Actor::system(), test.app.today());
        let (one, two) = tokio::join!(claims::make(&test.app, &actor, today), claims::make(&test.app, &actor, today));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert!(matches!(one.and(two), Err(Error::Conflict(_))), "it is said in words");
    }

    async fn a_cancelled_declaration_ends_from_now_or_was_never_right(charity: Charity) {
        let test = &charity.0;
        let hers = test.give(&by("wren@example.org", 10_000, Some(declared(GiftAidScope::All)))).await;
        test.give(&by("ash@example.org", 20_000, Some(declared(GiftAidScope::This)))).await;
        let all = declarations(test).await;
        let wren = all.iter().find(|declared| declared.donation_id == hers.id).unwrap();
        let ash = all.iter().find(|declared| declared.donation_id != hers.id).unwrap();
        test.wait(60);
        assert!(matches!(gift_aid::cancel(&test.app, &Actor::system(), wren.id, From::Now, " ").await, Err(Error::Invalid(_))));
        gift_aid::cancel(&test.app, &Actor::system(), wren.id, From::Now, "moved abroad").await.unwrap();
        assert!(matches!(gift_aid::cancel(&test.app, &Actor::system(), wren.id, From::Now, "again").await, Err(Error::Conflict(_))));
        test.wait(60);
        test.give(&by("wren@example.org", 70_000, None)).await;
        let claim = make(test).await;
        assert_eq!(claim.sums().unwrap().gifts.minor, 30_000, "what was given before stays covered");
        claims::submit(&test.app, &Actor::system(), claim.head.id, "1").await.unwrap();
        gift_aid::cancel(&test.app, &Actor::system(), ash.id, From::TheStart, "paid no tax").await.unwrap();
        let next = draft(test).await;
        assert_eq!((next.adjustments.len(), next.adjustments[0].too_much.minor), (1, 20_000));
    }

    async fn the_desk_makes_and_hands_out_a_claim_in_files_of_a_thousand(charity: Charity) {
        let test = &charity.0;
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::This)))).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/gift-aid").await;
        assert_eq!((page.status.as_u16(), page.texts("dl.facts dd")), (200, vec!["1".into(), "£20".into(), "£5".into(), "£0".into()]));
        assert_eq!(test.post("/desk/gift-aid", &[("until", "2099-01-01")]).await.status, 422);
        let until = test.app.today().to_string();
        let made = test.post("/desk/gift-aid", &[("until", &until)]).await;
        let path = made.location().split('?').next().unwrap().to_owned();
        assert!(path.starts_with("/desk/gift-aid/claims/"), "{}", made.body);
        let id = path.rsplit('/').next().unwrap();
        assert_eq!(test.get(&path).await.status, 200);
        let links = test.get(&path).await;
        assert_eq!(links.attribute("ul a[href*=file]", "href").unwrap(), format!("/desk/reports/gift-aid/file?claim={id}&part=1"));
        let file = test.get(&format!("/desk/reports/gift-aid/file?claim={id}&part=1")).await;
        assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8; header=present");
        assert_eq!(file.headers["content-disposition"], format!("attachment; filename=\"gift-aid-{until}.csv\""));
        assert!(file.body.contains("\r\nMs,Wren,Marlow Teal,7 Reed Bank,S19 2BD,,,") && file.body.ends_with(",20.00\r\n"), "{}", file.body);
        let shown = test.get("/desk/reports").await.texts("main tbody tr td");
        let manifest = ["gift-aid csv", "1", "GBP Amount 20.00", &wellwisher::clock::sha256_hex(&file.body)];
        assert!(manifest.iter().all(|part| shown.iter().any(|cell| cell.contains(part))), "{shown:?}");
        for wrong in ["0", "2"] {
            assert_eq!(test.get(&format!("/desk/reports/gift-aid/file?claim={id}&part={wrong}")).await.status, 400);
        }
        assert_eq!(test.post(&format!("/desk/gift-aid/claims/{id}/submit"), &[("reference", "")]).await.status, 422);
        assert_eq!(test.post(&format!("/desk/gift-aid/claims/{id}/submit"), &[("reference", "IR 7")]).await.status, 303);
        assert_eq!(test.post(&format!("/desk/gift-aid/claims/{id}/withdraw"), &[]).await.status, 409);
        let list = test.get("/desk/gift-aid/declarations").await;
        assert!(list.body.contains("Wren Marlow-Teal") && list.body.contains("S19 2BD"), "{}", list.body);
        let declaration = declarations(test).await.remove(0).id;
        let cancel = format!("/desk/gift-aid/declarations/{declaration}/cancel");
        assert_eq!(test.post(&cancel, &[("reason", "")]).await.status, 422);
        assert_eq!(test.post(&cancel, &[("reason", "moved"), ("from", "now")]).await.location(), "/desk/gift-aid/declarations?done=gift-aid-cancelled");
    }

    async fn a_declaration_on_paper_is_written_down_beside_a_cheque(charity: Charity) {
        let test = &charity.0;
        let cheque = wellwisher::donations::by_hand::HandGift { email: Some("wren@example.org".into()), ..hand_gift(test, 4_000, "GBP") };
        let id = test.enter(&cheque).await.id;
        test.give(&by("wren@example.org", 1_000, None)).await;
        test.wait(86_400 * 3);
        test.sign_in_as(Role::Finance).await;
        assert!(test.get(&format!("/desk/donations/{id}")).await.body.contains(&format!("/desk/donations/{id}/gift-aid")));
        let path = format!("/desk/donations/{id}/gift-aid");
        let page = test.get(&path).await;
        assert!(page.status == 200 && page.body.contains("I want to Gift Aid this donation to Kestrel Papers."), "{}", page.body);
        let today = test.app.today().to_string();
        let typed = [
            ("made", "paper"), ("declared_on", today.as_str()), ("gift_aid_scope", "all"), ("gift_aid_first", "Wren"), ("gift_aid_last", "Teal"),
            ("gift_aid_house", "7 Reed Bank"), ("gift_aid_postcode", "s192bd"), ("wording", "I want Kestrel Papers to claim on all of it."),
        ];
        let with = |name: &'static str, value: &'static str| typed.iter().copied().filter(|(known, _)| *known != name).chain([(name, value)]).collect::<Vec<_>>();
        for (name, value) in [("made", "online"), ("declared_on", "soon"), ("gift_aid_postcode", "10115"), ("gift_aid_last", ""), ("wording", " "), ("made", "oral"), ("record_sent_on", "2026-05-01"), ("declared_on", "2032-01-01")] {
            let answer = test.post(&path, &with(name, value)).await;
            assert_eq!(answer.status, 422, "{name}={value}");
            assert!(name == "gift_aid_last" || answer.body.contains("value=\"Teal\""), "what was typed is kept");
        }
        assert_eq!(test.post(&path, &typed).await.location(), "/desk/gift-aid/declarations?done=gift-aid-recorded");
        assert_eq!(test.post(&path, &typed).await.status, 409, "one for a gift");
        let kept = declarations(test).await.remove(0);
        assert_eq!((kept.made, kept.donation_id, kept.wording.as_str()), (GiftAidMade::Paper, id, "I want Kestrel Papers to claim on all of it."));
        assert!(kept.recorded_by.is_some());
        assert_eq!(kept.declared_at.date_naive(), test.app.today());
        assert_eq!(draft(test).await.sums().unwrap().gifts.minor, 5_000, "the cheque, and what she gave before");
        let list = test.get("/desk/gift-aid/declarations").await;
        assert!(list.body.contains("on paper"), "{}", list.body);
        for change in ["update gift_aid_declaration set made = 'oral'", "update gift_aid_declaration set wording = 'x'"] {
            assert!(test.app.db.write(async |tx| Ok(tx.execute_unprepared(change).await?)).await.is_err(), "{change}");
        }
    }

    async fn an_oral_declaration_counts_thirty_days_after_its_record_was_sent(charity: Charity) {
        let test = &charity.0;
        let id = test.enter(&hand_gift(test, 4_000, "GBP")).await.id;
        test.wait(86_400 * 2);
        let today = test.app.today();
        let oral = gift_aid::Recorded { made: GiftAidMade::Oral, declared: declared(GiftAidScope::This), on: today, record_sent_on: None };
        let unsent = gift_aid::record(&test.app, &Actor::system(), id, &oral).await;
        assert!(matches!(unsent, Err(Error::Invalid(why)) if why.contains("written record")));
        let sent_before = gift_aid::Recorded { record_sent_on: Some(today - chrono::Days::new(1)), ..oral.clone() };
        assert!(matches!(gift_aid::record(&test.app, &Actor::system(), id, &sent_before).await, Err(Error::Invalid(_))));
        let sent = gift_aid::Recorded { record_sent_on: Some(today), ..oral };
        gift_aid::record(&test.app, &Actor::system(), id, &sent).await.unwrap();
        test.wait(86_400 * 30);
        let waits = draft(test).await;
        assert_eq!((waits.gifts.len(), waits.problems[0].faults.clone()), (0, vec![Fault::OralWaits]), "the thirtieth day is hers");
        test.wait(86_400);
        assert_eq!(draft(test).await.gifts.len(), 1);
        gift_aid::cancel(&test.app, &Actor::system(), declarations(test).await[0].id, From::TheStart, "she changed her mind").await.unwrap();
        assert_eq!(draft(test).await, claims::Draft::default());
    }

    async fn a_declaration_on_paper_reaches_four_years_back_and_no_further(charity: Charity) {
        let test = &charity.0;
        test.app.clock.set("2022-03-01T12:00:00Z".parse().unwrap());
        let id = test.enter(&hand_gift(test, 4_000, "GBP")).await.id;
        test.app.clock.set("2026-03-05T12:00:00Z".parse().unwrap());
        let on = |day: &str| gift_aid::Recorded { made: GiftAidMade::Paper, declared: declared(GiftAidScope::This), on: day.parse().unwrap(), record_sent_on: None };
        let late = gift_aid::record(&test.app, &Actor::system(), id, &on("2026-03-02")).await;
        assert!(matches!(late, Err(Error::Invalid(why)) if why.contains("four years")));
        gift_aid::record(&test.app, &Actor::system(), id, &on("2026-03-01")).await.expect("four years to the day");
        assert_eq!(draft(test).await.gifts.len(), 1);
    }

    async fn gift_aid_is_for_finance_and_administrators(charity: Charity) {
        let test = &charity.0;
        let gift = test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::This)))).await.id;
        let (claim, declaration) = (make(test).await.head.id, declarations(test).await.remove(0).id);
        let money: &[Role] = &[Role::Admin, Role::Finance];
        test.assert_open_only_to(&[
            ("GET /desk/gift-aid", money),
            ("POST /desk/gift-aid", money),
            (&format!("GET /desk/gift-aid/claims/{claim}"), money),
            (&format!("GET /desk/reports/gift-aid/file?claim={claim}"), money),
            (&format!("POST /desk/gift-aid/claims/{claim}/submit"), money),
            (&format!("POST /desk/gift-aid/claims/{claim}/withdraw"), money),
            (&format!("GET /desk/donations/{gift}/gift-aid"), money),
            (&format!("POST /desk/donations/{gift}/gift-aid"), money),
            ("GET /desk/gift-aid/declarations", money),
            (&format!("POST /desk/gift-aid/declarations/{declaration}/cancel"), money),
        ]).await;
    }
}
