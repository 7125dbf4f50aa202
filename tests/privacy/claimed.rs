//! What a Gift Aid claim says of her: she takes it along, and it is sealed when she is erased.

use super::{CANARY, EMAIL, her, places_with, send_letters};
use crate::{
    gift_aid::{Charity, by, declared},
    support::on_both_databases,
};
use entity::{gift_aid_line, words::GiftAidScope};
use sea_orm::EntityTrait;
use wellwisher::{
    asks::Declared,
    gift_aid::claims,
    privacy::{self, By, Erased, Obstacle, export, inventory},
    staff::Actor,
};

fn hers() -> Declared {
    Declared { first_name: "Qanari".into(), last_name: "Karimi".into(), house: "Qanari House".into(), ..declared(GiftAidScope::All) }
}

on_both_databases! {
    async fn the_line_of_a_claim_is_taken_along_whole_and_is_sealed_with_her(charity: Charity) {
        let test = &charity.0;
        let gift = test.give(&by(EMAIL, 2_000, Some(hers()))).await;
        test.give(&by("wren@example.org", 3_000, Some(declared(GiftAidScope::All)))).await;
        let id = her(test).await.id;
        let claim = claims::make(&test.app, &Actor::system(), test.app.today()).await.unwrap();
        let told = export::everything(test.app.db.read(), &test.app, id).await.unwrap();
        let lines = &told.parts.iter().find(|part| part.table.name == "gift_aid_line").expect("a part of its own").rows;
        assert_eq!(lines.len(), 1, "hers alone: {lines:?}");
        let line = &lines[0];
        let table = inventory::table("gift_aid_line").unwrap();
        for column in table.columns().filter(|column| table.is_hers(column) && *column != "sealed_at") {
            assert!(!line[column].is_null(), "{column} is not told: {line:?}");
        }
        assert_eq!((line["amount_minor"].as_i64(), line["donation_id"].as_str()), (Some(2_000), Some(gift.id.to_string().as_str())));
        let schedule = &line["schedule"];
        for (field, text) in [("first_name", "Qanari"), ("last_name", "Karimi"), ("house", "Qanari House"), ("postcode", "S19 2BD")] {
            assert_eq!(schedule[field], text, "{schedule}");
        }
        let csv = String::from_utf8(told.to_csv("gift_aid_line").unwrap()).unwrap();
        assert!(csv.contains("Qanari") && !csv.contains("Wren"), "{csv}");
        assert_eq!(told.to_json(&test.app)["data"]["gift_aid_line"][0]["schedule"]["last_name"], "Karimi");
        assert_eq!(privacy::obstacles(test.app.db.read(), id).await.unwrap(), [Obstacle::Claim]);
        claims::submit(&test.app, &Actor::system(), claim, "HMRC 1").await.unwrap();
        send_letters(test).await;
        assert!(matches!(privacy::erase(&test.app, &By::Operator, id).await.unwrap(), Erased::Now { .. }));
        send_letters(test).await;
        privacy::keep::forget_gone_letters(&test.app).await.unwrap();
        assert_eq!(places_with(test, CANARY).await, Vec::<String>::new());
        let all = gift_aid_line::Entity::find().all(test.app.db.read()).await.unwrap();
        let line = all.iter().find(|line| line.donation_id == gift.id).expect("the claim keeps its line");
        assert_eq!((line.amount_minor, line.sealed_at.is_some()), (2_000, true));
    }
}
