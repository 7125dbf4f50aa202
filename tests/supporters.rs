//! The people who give: one by e-mail, and nobody can change another one by typing her address.

use crate::support::{TestApp, on_both_databases};
use entity::supporter;
use sea_orm::EntityTrait;
use wellwisher::{
    app::App,
    supporters::{Introduction, find_or_add, welcome},
};

async fn find(app: &App, email: &str, language: &str) -> supporter::Model {
    let now = app.now();
    app.db.write(async |tx| find_or_add(tx, app.new_id(), email, language, now).await).await.expect("a supporter")
}

async fn tell(app: &App, who: &supporter::Model, name: &str, language: &str, wants_updates: bool) -> supporter::Model {
    let now = app.now();
    let told = Introduction { name, language, wants_updates, discreet: false };
    app.db.write(async |tx| welcome(tx, who.id, &told, now).await).await.expect("a supporter")
}

on_both_databases! {
    async fn one_address_is_one_supporter_however_it_is_written(app: TestApp) {
        let first = find(&app.app, "Zarmina@Example.ORG", "en").await;
        let second = find(&app.app, " zarmina@example.org ", "ps").await;
        assert_eq!((first.id, second.language.as_str(), second.email.as_str()), (second.id, "en", "zarmina@example.org"));
    }

    async fn an_address_that_comes_many_times_at_once_is_one_supporter(app: TestApp) {
        let finds = (0..8).map(|_| {
            let app = app.app.clone();
            tokio::spawn(async move { find(&app, "zarmina@example.org", "en").await.id })
        });
        let ids = futures_util::future::join_all(finds.collect::<Vec<_>>()).await;
        assert!(ids.iter().all(|id| id.as_ref().unwrap() == ids[0].as_ref().unwrap()));
        assert_eq!(supporter::Entity::find().all(app.app.db.read()).await.unwrap().len(), 1);
    }

    async fn an_unticked_box_takes_nothing_back_and_an_empty_name_keeps_the_known_one(app: TestApp) {
        let who = find(&app.app, "zarmina@example.org", "en").await;
        assert!(!who.wants_updates && who.wants_updates_since.is_none());
        let who = tell(&app.app, &who, "Zarmina", "fa-AF", true).await;
        let since = who.wants_updates_since;
        assert!(who.wants_updates && since == Some(app.app.now()));
        app.app.clock.advance(chrono::TimeDelta::days(1));
        let again = tell(&app.app, &who, "", "fa-AF", false).await;
        assert_eq!(again, who, "nothing was new");
        let again = tell(&app.app, &who, "Zarmina A.", "ps", true).await;
        assert_eq!((again.name.as_str(), again.language.as_str(), again.wants_updates_since), ("Zarmina A.", "ps", since));
    }
}
