//! The live counter: what it acknowledges, it keeps.

use crate::support::{TestDatabase, on_both_databases, unique_number};
use chrono::{DateTime, Utc};
use entity::ids::{ArticleId, CampaignId};
use entity::words::ReaderSource;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use uuid::Uuid;
use wellwisher::clock::{Clock, Random};
use wellwisher::db::Db;
use wellwisher::readers::day::Tally;
use wellwisher::readers::filter::Bucket;
use wellwisher::readers::key::KeyPlace;
use wellwisher::readers::token::{Network, Scope};
use wellwisher::readers::{Counter, View};

const BROWSER: &[u8] = b"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36";

/// A place for counters: one database, one clock, one place for keys. Each `open` is a process of its own.
pub struct House {
    pub database: TestDatabase,
    pub clock: Clock,
    pub keys: KeyPlace,
    pub directory: PathBuf,
}

impl House {
    pub fn new(database: TestDatabase, now: &str) -> Self {
        let directory = crate::support::scratch().join(format!("reader-keys-{}-{}", std::process::id(), unique_number()));
        let keys = KeyPlace::of(&database.url, &directory).unwrap();
        Self { database, clock: Clock::manual(now.parse::<DateTime<Utc>>().unwrap()), keys, directory }
    }

    pub async fn db(&self) -> Db {
        Db::open(&self.database.url).await.unwrap()
    }

    pub async fn open(&self) -> Counter {
        Counter::open(self.db().await, self.clock.clone(), Random::default(), self.keys.clone()).await.unwrap()
    }

    pub fn set(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub fn article() -> ArticleId {
    ArticleId(Uuid::from_u128(1))
}

pub fn campaign() -> CampaignId {
    CampaignId(Uuid::from_u128(2))
}

pub async fn read_by(counter: &Counter, reader: u32, load: u64) -> Bucket {
    let view = View {
        article: article(),
        campaigns: &[campaign()],
        source: ReaderSource::Script,
        load: Some(load),
        network: Network::of(IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + reader))),
        user_agent: BROWSER,
    };
    counter.count(&view).await.unwrap()
}

pub fn open_tally(counter: &Counter, scope: Scope) -> Tally {
    counter.open_days_of(scope).pop().map(|(_, _, tally)| tally).unwrap_or_default()
}

on_both_databases! {
    async fn a_view_counts_for_the_site_the_article_and_its_campaigns(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        for (reader, load) in [(1, 1), (1, 2), (2, 3)] {
            assert_eq!(read_by(&counter, reader, load).await, Bucket::Counted);
        }
        for scope in [Scope::SITE, Scope::article(article()), Scope::campaign(campaign())] {
            let tally = open_tally(&counter, scope);
            assert_eq!((tally.readers, tally.counts.of(Bucket::Counted), tally.counts.received), (2, 3, 3), "{scope:?}");
        }
        assert_eq!(counter.views(article()), 3);
    }

    async fn what_was_acknowledged_is_there_after_the_process_is_gone(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        let views = (0..300).map(|number| { let counter = counter.clone(); tokio::spawn(async move { read_by(&counter, number % 70, number.into()).await }) });
        let tasks: Vec<_> = views.collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Bucket::Counted);
        }
        assert_eq!(counter.put(Bucket::Bot, ReaderSource::Script, None).await.unwrap(), Bucket::Bot);
        let before = (open_tally(&counter, Scope::SITE), counter.bytes_of("2026-03-01".parse().unwrap()));
        // Nothing is flushed or told: the process just goes.
        drop(counter);
        let counter = house.open().await;
        assert_eq!((open_tally(&counter, Scope::SITE), counter.bytes_of("2026-03-01".parse().unwrap())), before);
        assert_eq!((before.0.readers, before.0.counts.of(Bucket::Counted), before.0.counts.of(Bucket::Bot)), (70, 300, 1));
        // The same readers are known, and so is a page load that was told before.
        assert_eq!(read_by(&counter, 5, 5).await, Bucket::DuplicateView);
        assert_eq!(read_by(&counter, 5, 1_000).await, Bucket::Counted);
        assert_eq!(open_tally(&counter, Scope::SITE).readers, 70);
    }

    async fn three_processes_on_one_database_show_the_same_day(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let mut counters = Vec::new();
        for _ in 0..3 {
            counters.push(house.open().await);
        }
        for number in 0..90u32 {
            // Readers overlap between the processes.
            assert_eq!(read_by(&counters[number as usize % 3], number % 40, number.into()).await, Bucket::Counted);
        }
        let day = "2026-03-01".parse().unwrap();
        for counter in &counters {
            counter.keep().await.unwrap();
            let tally = open_tally(counter, Scope::SITE);
            assert_eq!((tally.readers, tally.counts.of(Bucket::Counted)), (40, 90));
            assert_eq!(counter.bytes_of(day), counters[0].bytes_of(day));
            assert_eq!(counter.views(article()), 90);
        }
    }

    async fn a_long_journal_is_folded_and_says_the_same(database: TestDatabase) {
        use sea_orm::{EntityTrait, PaginatorTrait};
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        for number in 0..300u32 {
            read_by(&counter, number % 50, number.into()).await;
        }
        counter.keep().await.unwrap();
        let before = (open_tally(&counter, Scope::SITE), counter.bytes_of("2026-03-01".parse().unwrap()));
        let pieces = entity::reader_segment::Entity::find().count(house.db().await.read()).await.unwrap();
        assert!(pieces < 60, "{pieces} pieces");
        let again = house.open().await;
        assert_eq!((open_tally(&again, Scope::SITE), again.bytes_of("2026-03-01".parse().unwrap())), before);
        assert_eq!(before.0.counts.of(Bucket::Counted), 300);
    }

    async fn a_database_that_does_not_answer_refuses_views_and_loses_none(database: TestDatabase) {
        use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        assert_eq!(read_by(&counter, 1, 1).await, Bucket::Counted);
        let db = house.db().await;
        db.write(async |tx| Ok(tx.execute_unprepared("alter table reader_segment rename to away").await.map(|_| ())?)).await.unwrap();
        let view = View {
            article: article(),
            campaigns: &[],
            source: ReaderSource::Script,
            load: Some(2),
            network: Network::of(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            user_agent: BROWSER,
        };
        assert!(matches!(counter.count(&view).await, Err(wellwisher::error::Error::Unavailable(_))));
        db.write(async |tx| Ok(tx.execute_unprepared("alter table away rename to reader_segment").await.map(|_| ())?)).await.unwrap();
        // The browser tries again: the view is there once, and now it is kept.
        assert_eq!(counter.count(&view).await.unwrap(), Bucket::DuplicateView);
        assert_eq!(entity::reader_segment::Entity::find().count(db.read()).await.unwrap(), 2);
        let again = house.open().await;
        assert_eq!(open_tally(&again, Scope::SITE).counts.of(Bucket::Counted), 2);
    }

    async fn a_lost_key_opens_a_new_epoch(database: TestDatabase) {
        use sea_orm::ConnectionTrait;
        let house = House::new(database, "2026-03-01T12:00:00Z");
        let counter = house.open().await;
        for reader in 0..7 {
            read_by(&counter, reader, reader.into()).await;
        }
        // A loss of power empties the memory of the machine; a crash of PostgreSQL empties its UNLOGGED tables.
        drop(counter);
        let _ = std::fs::remove_dir_all(&house.directory);
        house.db().await.write(async |tx| Ok(tx.execute_unprepared("delete from reader_key").await.map(|_| ())?)).await.unwrap();
        let counter = house.open().await;
        for reader in 5..15 {
            read_by(&counter, reader, 100 + u64::from(reader)).await;
        }
        let tally = open_tally(&counter, Scope::SITE);
        assert_eq!((tally.readers_min, tally.readers, tally.epochs), (10, 17, 2));
        assert!(tally.holds());
        // A process that held the old key goes over to the new one.
        house.set("2026-03-01T13:00:00Z");
        counter.keep().await.unwrap();
        read_by(&counter, 5, 500).await;
        assert_eq!(open_tally(&counter, Scope::SITE).epochs, 2);
    }

    async fn the_key_survives_a_restart(database: TestDatabase) {
        let house = House::new(database, "2026-03-01T12:00:00Z");
        for load in 0..3 {
            assert_eq!(read_by(&house.open().await, 1, load).await, Bucket::Counted);
        }
        let tally = open_tally(&house.open().await, Scope::SITE);
        assert_eq!((tally.readers, tally.epochs), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_in_a_private_file_and_never_in_the_sqlite_database() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new(TestDatabase::sqlite().await, "2026-03-01T12:00:00Z");
    let counter = house.open().await;
    read_by(&counter, 1, 1).await;
    let file = house.directory.join("readers-2026-03-01.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read(&file).unwrap()[4..].to_vec();
    let database = wellwisher::db::sqlite_path(&house.database.url).unwrap();
    let mut written = std::fs::read(&database).unwrap();
    written.extend(std::fs::read(format!("{}-wal", database.display())).unwrap_or_default());
    assert!(!written.windows(secret.len()).any(|window| window == secret));
    let beside = KeyPlace::of(&house.database.url, database.parent().unwrap());
    assert!(matches!(beside, Err(wellwisher::error::Error::Invalid(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_than_the_queue_holds_are_told_to_come_back() {
    let house = House::new(TestDatabase::sqlite().await, "2026-03-01T12:00:00Z");
    let counter = house.open().await;
    let db = house.db().await;
    // Another writer holds the database, so that nothing leaves the queue.
    let (counted, refused) = db
        .write(async |_| {
            let tasks: Vec<_> = (0..12_000u64)
                .map(|load| {
                    let counter = counter.clone();
                    tokio::spawn(async move { counter.put(Bucket::Bot, ReaderSource::Script, None).await.map(|_| load) })
                })
                .collect();
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let (done, waiting): (Vec<_>, Vec<_>) = tasks.into_iter().partition(tokio::task::JoinHandle::is_finished);
            Ok((waiting, done.len()))
        })
        .await
        .unwrap();
    assert!(refused > 1_000, "{refused}");
    let mut acknowledged = 0;
    for task in counted {
        acknowledged += u64::from(task.await.unwrap().is_ok());
    }
    drop(counter);
    let tally = open_tally(&house.open().await, Scope::SITE);
    assert_eq!(tally.counts.of(Bucket::Bot), acknowledged);
    assert!(tally.counts.add_up());
}
