//! Importing articles: every format, twice, and with bad rows.

use crate::support::{TestApp, on_both_databases};
use entity::{
    article,
    words::{ArticleKind, ArticleStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use std::path::{Path, PathBuf};
use wellwisher::articles::{
    self,
    import::{ImportReport, Source, import_articles, import_sources},
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/articles").join(name)
}

async fn import(app: &TestApp, name: &str) -> ImportReport {
    import_articles(&app.app, &fixture(name), &mut |_| {}).await.expect("the fixture can be read")
}

async fn import_text(app: &TestApp, name: &str, text: &str) -> ImportReport {
    import_sources(&app.app, vec![Source { name: name.to_owned(), bytes: text.as_bytes().to_vec() }]).await.unwrap()
}

async fn titled(app: &TestApp, title: &str) -> article::Model {
    let found = article::Entity::find().filter(article::Column::Title.eq(title)).one(app.app.db.read()).await.unwrap();
    found.unwrap_or_else(|| panic!("no article is titled {title}"))
}

async fn category_path(app: &TestApp, article: &article::Model) -> String {
    articles::category_of(app.app.db.read(), article.category_id).await.unwrap().map(|category| category.path).unwrap_or_default()
}

fn said(remarks: &[articles::import::Remark]) -> Vec<String> {
    remarks.iter().map(ToString::to_string).collect()
}

fn figures(report: &ImportReport) -> (u64, u64, u64, usize) {
    (report.added, report.unchanged, report.changed, report.skipped.len())
}

on_both_databases! {
    async fn a_folder_of_markdown_with_front_matter_is_imported_with_every_field(app: TestApp) {
        let report = import(&app, "folder").await;
        assert_eq!(figures(&report), (3, 0, 0, 0), "{report:?}");
        assert_eq!(said(&report.notes), ["school.md:12: `layout` is not known and was left out"]);
        let school = titled(&app, "The reading room that opened twice").await;
        assert_eq!((school.slug.as_str(), school.imported_views, school.status), ("the-reading-room-that-opened-twice", 1204, ArticleStatus::Published));
        assert_eq!((school.source_name.as_str(), school.source_url.as_deref()), ("The Morning Lamp", Some("https://lamp.example/reading-room")));
        assert_eq!(school.source_date.unwrap().to_string(), "2026-03-20");
        assert_eq!(school.published_at.unwrap().to_rfc3339(), "2026-03-21T00:00:00+00:00");
        assert!(school.body_markdown.starts_with("Forty girls") && school.body_markdown.contains("## What they read"));
        assert_eq!(category_path(&app, &school).await, "Women/Education");
        let clinic = titled(&app, "کلینیک سیار دوباره به راه افتاد").await;
        assert_eq!((clinic.language.as_str(), clinic.sensitive), ("fa-AF", true));
        assert!(clinic.slug.starts_with("2026-04-02-"), "{}", clinic.slug);
        let elsewhere = titled(&app, "A report that stands elsewhere").await;
        assert_eq!((elsewhere.kind, elsewhere.canonical_url.as_deref()), (ArticleKind::Elsewhere, Some("https://reports.example/2026/winter")));
    }

    async fn importing_twice_changes_nothing(app: TestApp) {
        for name in ["folder", "feed.rss", "feed.atom", "table.csv", "old-page.txt", "old-page.html"] {
            let first = import(&app, name).await;
            assert!(first.added > 0, "{name}: {first:?}");
            let before = article::Entity::find().all(app.app.db.read()).await.unwrap();
            app.app.clock.advance(chrono::TimeDelta::hours(1));
            let second = import(&app, name).await;
            assert_eq!((second.added, second.unchanged, second.changed), (0, first.added, 0), "{name}: {second:?}");
            assert_eq!(article::Entity::find().all(app.app.db.read()).await.unwrap(), before, "{name}");
        }
    }

    async fn rss_brings_whole_texts_here_and_links_to_the_rest(app: TestApp) {
        let report = import(&app, "feed.rss").await;
        assert_eq!((report.added, said(&report.skipped)), (2, vec!["feed.rss:15: title: there is no title".to_owned()]));
        assert_eq!(said(&report.notes), ["feed.rss:5: an article has one category: `Women/Health` was taken, the others were left out"]);
        let whole = article::Entity::find().filter(article::Column::Kind.eq(ArticleKind::Hosted)).one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((whole.title.as_str(), whole.byline.as_str(), whole.language.as_str()), ("Midwives & maps", "Mira Solan", "en-US"));
        assert_eq!(whole.body_markdown, "They **drew** the roads.\n\nThen they walked.");
        assert_eq!(whole.source_url.as_deref(), Some("https://lamp.example/midwives"));
        let linked = titled(&app, "Only a summary").await;
        assert_eq!((linked.kind, linked.canonical_url.as_deref()), (ArticleKind::Elsewhere, Some("https://lamp.example/summary")));
        assert_eq!(linked.standfirst.replace(" .", "."), "Two lines here.");
    }

    async fn a_broken_entry_of_a_feed_is_named_and_the_others_go_in(app: TestApp) {
        let report = import(&app, "broken.rss").await;
        assert_eq!(figures(&report), (2, 0, 0, 1), "{report:?}");
        assert!(said(&report.skipped)[0].starts_with("broken.rss:4: the entry cannot be read"), "{report:?}");
        titled(&app, "Third").await;
    }

    async fn atom_is_imported_in_its_own_language(app: TestApp) {
        let report = import(&app, "feed.atom").await;
        assert_eq!(figures(&report), (1, 0, 0, 0), "{report:?}");
        let entry = titled(&app, "د نجونو ښوونځی بیا پرانیستل شو").await;
        assert_eq!((entry.language.as_str(), entry.byline.as_str()), ("ps", "زرغونه"));
        assert_eq!(entry.published_at.unwrap().to_rfc3339(), "2026-03-01T08:00:00+00:00");
    }

    async fn bad_rows_of_a_table_are_named_with_their_lines_and_the_rest_goes_in(app: TestApp) {
        let report = import(&app, "table.csv").await;
        assert_eq!(report.added, 3, "{report:?}");
        assert_eq!(said(&report.skipped), [
            "table.csv:5: this row has 3 fields and the first row has 10: is a quotation mark missing?",
            "table.csv:6: views: `many` is not a count such as 1204",
            "table.csv:7: title: there is no title",
            "table.csv:8: the same article stands on line 4 already (csv:2)",
        ]);
        assert_eq!(said(&report.notes), ["table.csv:1: the column `colour` is not known and was left out"]);
        assert!(!report.is_complete());
        let first = titled(&app, "A row with a second line in its title").await;
        assert_eq!(first.imported_views, 26_142);
        let draft = titled(&app, "Good").await;
        assert_eq!((draft.status, draft.sensitive), (ArticleStatus::Draft, true));
        assert_eq!(draft.category_id, first.category_id, "paths that differ in case and spaces are one category");
    }

    async fn an_older_sites_page_keeps_its_source_category_and_views(app: TestApp) {
        let report = import(&app, "old-page.txt").await;
        assert_eq!(figures(&report), (2, 0, 0, 0), "{report:?}");
        let wells = titled(&app, "The women who keep the wells").await;
        assert_eq!((wells.source_name.as_str(), wells.byline.as_str(), wells.imported_views), ("The Morning Lamp", "Mira Solan", 26_142));
        assert_eq!(wells.source_date.unwrap().to_string(), "2021-03-05");
        assert_eq!(category_path(&app, &wells).await, "Women/Work");
        assert_eq!(wells.body_markdown, "Every dawn four women open the valve\\_house and count the \\*drops\\*.\n\n\\# No one pays them.");
        let river = titled(&app, "A second page of the same book").await;
        assert_eq!((river.source_name.as_str(), river.imported_views), ("River Post", 17));
        assert_eq!(river.body_markdown, "The river was low in April.");

        let report = import(&app, "old-page.html").await;
        assert_eq!(figures(&report), (1, 0, 0, 0), "{report:?}");
        let strike = titled(&app, "The weavers’ strike").await;
        assert_eq!((strike.source_name.as_str(), strike.source_url.as_deref()), ("River Post", Some("https://river.example/weavers")));
        assert_eq!((strike.imported_views, category_path(&app, &strike).await.as_str()), (9_123, "Women/Work"));
        assert!(strike.body_markdown.starts_with("The looms fell silent") && strike.body_markdown.contains("**every**"), "{}", strike.body_markdown);
        for frame in ["Home", "count()", "Copyright", "Category"] {
            assert!(!strike.body_markdown.contains(frame), "{frame} in {}", strike.body_markdown);
        }
    }

    async fn what_cannot_be_read_is_named_by_file_and_line(app: TestApp) {
        assert_eq!(said(&import(&app, "bad.md").await.skipped), [
            "bad.md:4: published: `next week` is not a date such as 2026-03-21, or a date and time",
            "bad.md:5: sensitive: `perhaps` is not yes or no",
        ]);
        let broken = import(&app, "broken.md").await;
        assert!(said(&broken.skipped)[0].contains("the front matter is not YAML"), "{broken:?}");
        let latin = said(&import(&app, "latin.txt").await.skipped);
        assert_eq!(latin, ["latin.txt:2: the file is not UTF-8: byte 15 of it is 0xE9: save the file as UTF-8 and import it again"]);
        let open = import_text(&app, "open.md", "---\ntitle: x\n").await;
        assert_eq!(said(&open.skipped), ["open.md:1: the front matter has no end: put a line of --- after it"]);
        let deep = import_text(&app, "deep.html", &format!("<h1>T</h1>{}", "<div>".repeat(200_000))).await;
        assert_eq!(said(&deep.skipped), ["deep.html:1: the HTML is nested more than 500 levels deep"]);
        let large = import_text(&app, "large.md", &format!("# T\n{}", "x".repeat(articles::BODY_MAX + 1))).await;
        assert!(said(&large.skipped)[0].contains("larger than 1 MB"), "{large:?}");
        let missing = import_articles(&app.app, Path::new("/no/such/file.md"), &mut |_| {}).await;
        assert!(matches!(missing, Err(wellwisher::error::Error::Invalid(why)) if why.contains("/no/such/file.md")));
        assert_eq!(article::Entity::find().count(app.app.db.read()).await.unwrap(), 0);
    }

    async fn an_article_follows_its_source_until_staff_touch_it(app: TestApp) {
        import_text(&app, "a.md", "---\nid: a\nlanguage: en\n---\n# First\n\nOne.").await;
        let slug = titled(&app, "First").await.slug;
        let report = import_text(&app, "a.md", "---\nid: a\nlanguage: en\n---\n# Second\n\nTwo.").await;
        assert_eq!(figures(&report), (0, 0, 1, 0), "{report:?}");
        let article = titled(&app, "Second").await;
        assert_eq!((article.slug.as_str(), article.body_markdown.as_str()), (slug.as_str(), "Two."), "an address once given stays");

        let wellwisher = &app.app;
        wellwisher.db.write(async |tx| articles::unpublish(wellwisher, tx, article.id).await).await.unwrap();
        let report = import_text(&app, "a.md", "---\nid: a\nlanguage: en\n---\n# Second\n\nTwo.").await;
        assert_eq!(figures(&report), (0, 1, 0, 0), "the same file is still nothing new: {report:?}");
        let report = import_text(&app, "a.md", "---\nid: a\nlanguage: en\n---\n# Third\n\nThree.").await;
        assert_eq!(figures(&report), (0, 0, 0, 1), "{report:?}");
        assert!(report.skipped[0].why.contains("changed on the desk"));
        assert_eq!(titled(&app, "Second").await.status, ArticleStatus::Unpublished);
    }

    async fn an_address_that_another_article_has_is_skipped(app: TestApp) {
        let text = |id: &str| format!("---\nid: {id}\ntitle: T {id}\nlanguage: en\nurl: https://a.example/x\n---\n");
        assert_eq!(figures(&import_text(&app, "a.md", &text("a")).await), (1, 0, 0, 0));
        let report = import_text(&app, "b.md", &text("b")).await;
        assert_eq!(said(&report.skipped), ["b.md:1: another article has this address already"]);
    }

    async fn two_imports_at_once_add_each_article_once(app: TestApp) {
        let (one, other) = tokio::join!(import(&app, "folder"), import(&app, "folder"));
        assert_eq!((one.added + other.added, one.unchanged + other.unchanged), (3, 3), "{one:?} {other:?}");
        assert_eq!(article::Entity::find().count(app.app.db.read()).await.unwrap(), 3);
    }
}
