//! What readers see of the newsroom.

use crate::support::{TestApp, on_both_databases};
use entity::{article, category};
use sea_orm::{EntityTrait, PaginatorTrait};
use wellwisher::articles::{self, Details};

fn details(title: &str) -> Details {
    Details { title: title.to_owned(), body_markdown: "Text.".to_owned(), ..Details::default() }.checked().expect("the details are right")
}

async fn write(app: &TestApp, details: &Details) -> article::Model {
    let wellwisher = &app.app;
    wellwisher.db.write(async |tx| articles::create(wellwisher, tx, details).await).await.expect("the article is written")
}

on_both_databases! {
    async fn articles_written_at_once_each_get_a_slug_of_their_own(app: TestApp) {
        let same = Details { category: "Women/Health".to_owned(), ..details("The same title") };
        let written = futures_util::future::join_all((0..12).map(|_| write(&app, &same))).await;
        let slugs: std::collections::BTreeSet<String> = written.iter().map(|article| article.slug.clone()).collect();
        assert_eq!(slugs.len(), 12, "{slugs:?}");
        assert!(slugs.contains("the-same-title") && slugs.contains("the-same-title-2"), "{slugs:?}");
        assert_eq!(category::Entity::find().count(app.app.db.read()).await.unwrap(), 2, "Women and Women/Health, once each");
    }
}
