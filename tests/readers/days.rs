//! The closing of a day, and days that are over.

use super::counting::{House, article, campaign, open_tally, read_by};
use crate::support::{TestDatabase, on_both_databases};
use chrono::{Days, NaiveDate};
use entity::reader_day;
use entity::words::{ReaderScope, ReaderSource};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use wellwisher::error::Error;
use wellwisher::readers::PastView;
use wellwisher::readers::filter::{Bucket, RULES_VERSION};
use wellwisher::readers::token::Scope;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn rows(house: &House) -> Vec<reader_day::Model> {
    use sea_orm::QueryOrder;
    let query = reader_day::Entity::find().order_by_asc(reader_day::Column::Day).order_by_asc(reader_day::Column::Scope);
    query.all(house.db().await.read()).await.unwrap()
}

async fn keys_left(house: &House) -> u64 {
    let files = std::fs::read_dir(&house.directory).into_iter().flatten().count() as u64;
    files + entity::reader_key::Entity::find().count(house.db().await.read()).await.unwrap()
}

async fn pieces_left(house: &House) -> u64 {
    entity::reader_segment::Entity::find().count(house.db().await.read()).await.unwrap()
}

on_both_databases! {
    async fn a_day_is_closed_ten_minutes_after_midnight_and_its_key_and_journal_are_gone(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        for (reader, load) in [(1, 1), (1, 1), (1, 2), (2, 3)] {
            read_by(&counter, reader, load).await;
        }
        for bucket in [Bucket::Prefetch, Bucket::OptOut, Bucket::Malformed, Bucket::UnknownArticle, Bucket::Staff, Bucket::Bot] {
            counter.put(bucket, ReaderSource::Script, None).await.unwrap();
        }
        house.set("2026-03-02T00:09:59Z");
        counter.keep().await.unwrap();
        assert!(rows(&house).await.is_empty() && keys_left(&house).await == 1 && pieces_left(&house).await > 0);
        house.set("2026-03-02T00:10:00Z");
        counter.keep().await.unwrap();
        let closed = rows(&house).await;
        assert_eq!((closed.len(), keys_left(&house).await, pieces_left(&house).await), (3, 0, 0));
        let site = closed.iter().find(|row| row.scope == ReaderScope::Site).unwrap();
        assert_eq!((site.readers, site.readers_min, site.views, site.duplicates, site.received), (2, 2, 3, 1, 10));
        assert_eq!((site.bots, site.prefetch, site.opt_out, site.malformed, site.unknown_article, site.staff), (1, 1, 1, 1, 1, 1));
        assert_eq!((site.capped, site.epochs, site.form.as_str(), site.closed), (0, 1, "exact", true));
        assert_eq!((site.day, site.rules_version), (day("2026-03-01"), i64::from(RULES_VERSION)));
        assert_eq!(counter.views(article()), 3);
        assert!(counter.open_days().is_empty());
    }

    async fn closing_twice_or_by_two_processes_changes_nothing(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let (one, two) = (house.open().await, house.open().await);
        read_by(&one, 1, 1).await;
        read_by(&two, 1, 2).await;
        house.set("2026-03-02T00:11:00Z");
        let (first, second) = tokio::join!(one.keep(), two.keep());
        first.unwrap();
        second.unwrap();
        one.keep().await.unwrap();
        two.keep().await.unwrap();
        let closed = rows(&house).await;
        assert_eq!(closed.len(), 3);
        assert!(closed.iter().all(|row| (row.readers, row.views) == (1, 2)));
        assert_eq!((one.views(article()), two.views(article()), house.open().await.views(article())), (2, 2, 2));
    }

    async fn midnight_begins_a_new_day_with_a_new_key(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T23:59:59.999999Z");
        let counter = house.open().await;
        read_by(&counter, 1, 1).await;
        house.set("2026-03-02T00:00:00Z");
        read_by(&counter, 1, 1).await;
        let days: Vec<_> = counter.open_days_of(Scope::SITE).into_iter().map(|(day, _, tally)| (day, tally.readers)).collect();
        assert_eq!(days, [(day("2026-03-01"), 1), (day("2026-03-02"), 1)]);
        assert_eq!(keys_left(&house).await, 2);
        assert_ne!(counter.bytes_of(day("2026-03-01")), counter.bytes_of(day("2026-03-02")));
        house.set("2026-03-02T00:10:00Z");
        counter.keep().await.unwrap();
        assert_eq!(keys_left(&house).await, 1);
        assert_eq!(counter.views(article()), 2);
    }

    async fn a_day_that_ended_while_nobody_was_up_is_closed_at_the_next_start(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        read_by(&house.open().await, 1, 1).await;
        house.set("2026-03-05T12:00:00Z");
        let counter = house.open().await;
        assert_eq!((rows(&house).await.len(), keys_left(&house).await), (3, 0));
        assert_eq!(counter.views(article()), 1);
    }

    async fn the_past_is_counted_and_closed_by_the_same_code(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        let past: Vec<PastView> = (0..3u64)
            .flat_map(|back| (0..20u32).map(move |number| (back, number)))
            .map(|(back, number)| PastView {
                day: day("2026-02-28") - Days::new(back),
                article: article(),
                campaigns: vec![campaign()],
                reader: number % 8,
                filtered: (number >= 15).then_some(Bucket::Bot),
            })
            .collect();
        assert_eq!(counter.record_history(&past).await.unwrap(), 45);
        let closed = rows(&house).await;
        assert_eq!(closed.len(), 9);
        assert!(closed.iter().all(|row| (row.readers, row.views, row.bots, row.received) == (8, 15, 5, 20)));
        assert_eq!(counter.views(article()), 45);
        assert!(matches!(counter.record_history(&past).await, Err(Error::Conflict(_))));
        assert!(matches!(counter.record_history(&[PastView { day: day("2026-03-01"), ..past[0].clone() }]).await, Err(Error::Invalid(_))));
        let on_site = reader_day::Entity::find().filter(reader_day::Column::Scope.eq(ReaderScope::Site));
        assert_eq!(on_site.count(house.db().await.read()).await.unwrap(), 3);
        assert_eq!(open_tally(&counter, Scope::SITE).counts.received, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_months_of_history_take_seconds_not_minutes() {
    let house = House::new(TestDatabase::sqlite().await, "2026-03-01T12:00:00Z");
    let counter = house.open().await;
    let past: Vec<PastView> = (1..=90u64)
        .flat_map(|back| (0..12u128).flat_map(move |of| (0..40u32).map(move |reader| (back, of, reader))))
        .map(|(back, of, reader)| PastView {
            day: day("2026-03-01") - Days::new(back),
            article: entity::ids::ArticleId(uuid::Uuid::from_u128(of)),
            campaigns: vec![campaign()],
            reader: reader + of as u32,
            filtered: None,
        })
        .collect();
    let begin = std::time::Instant::now();
    assert_eq!(counter.record_history(&past).await.unwrap(), 43_200);
    let took = begin.elapsed();
    eprintln!("three months of history: {} ms", took.as_millis());
    assert!(took.as_secs() < 20, "{took:?}");
}
