//! The rules that need no database: tokens, sets, the filter, a day's arithmetic.

use entity::ids::{ArticleId, CampaignId};
use entity::words::ReaderSource;
use proptest::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;
use wellwisher::readers::day::{Beacon, Day, READERS_PER_NETWORK_MAX, Token};
use wellwisher::readers::filter::{Bucket, Signs, judge};
use wellwisher::readers::journal::Segment;
use wellwisher::readers::set::{EXACT_MAX, ReaderSet};
use wellwisher::readers::token::{DayKey, Network, Scope};

const BROWSER: &[u8] = b"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36";

fn article(number: u128) -> ArticleId {
    ArticleId(Uuid::from_u128(number))
}

fn network(text: &str) -> Network {
    Network::of(text.parse::<IpAddr>().unwrap())
}

fn key(secret: u8) -> DayKey {
    DayKey::new("2026-03-01".parse().unwrap(), 0, &[secret; 32])
}

fn mix(number: u64) -> u64 {
    // SplitMix64, by Sebastiano Vigna: spreads numbers as a keyed hash would.
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn a_token_is_the_first_eight_bytes_of_the_mac_that_the_definition_names() {
    let scope = Scope::article(article(7));
    let mut message = b"r1\x02".to_vec();
    message.extend(Uuid::from_u128(7).as_bytes());
    message.extend([203, 0, 113, 9, 0]);
    message.extend(BROWSER);
    let mac = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[1; 32]), &message);
    let expected = u64::from_be_bytes(mac.as_ref()[..8].try_into().unwrap());
    assert_eq!(key(1).token(scope, network("203.0.113.9"), BROWSER), expected);
}

#[test]
fn one_reader_has_unlike_tokens_in_two_scopes_and_on_two_days() {
    let here = network("203.0.113.9");
    let campaign = CampaignId(Uuid::from_u128(7));
    let tokens = [
        key(1).token(Scope::SITE, here, BROWSER),
        key(1).token(Scope::article(article(7)), here, BROWSER),
        key(1).token(Scope::campaign(campaign), here, BROWSER),
        key(2).token(Scope::SITE, here, BROWSER),
    ];
    let distinct: std::collections::BTreeSet<u64> = tokens.into();
    assert_eq!(distinct.len(), tokens.len());
}

#[test]
fn an_address_is_ipv4_whole_or_ipv6_to_its_64() {
    let token = |address: &str| key(1).token(Scope::SITE, network(address), BROWSER);
    assert_eq!(token("2001:db8:1:2:3:4:5:6"), token("2001:db8:1:2:ffff::1"));
    assert_ne!(token("2001:db8:1:2::1"), token("2001:db8:1:3::1"));
    assert_eq!(token("::ffff:203.0.113.9"), token("203.0.113.9"));
    assert_ne!(token("203.0.113.9"), token("203.0.113.8"));
}

#[test]
fn a_user_agent_counts_to_its_512th_byte() {
    let token = |name: &[u8]| key(1).token(Scope::SITE, network("203.0.113.9"), name);
    let long = vec![b'a'; 600];
    assert_eq!(token(&long), token(&long[..512]));
    assert_ne!(token(&long), token(&long[..511]));
}

#[test]
fn a_sketch_errs_within_three_sigma_and_its_bytes_depend_on_the_set_alone() {
    let readers = 1u64 << 21;
    let mut one = ReaderSet::default();
    for number in 0..readers {
        one.insert(mix(number));
    }
    assert!(!one.is_exact());
    let error = (one.readers() as f64 / readers as f64 - 1.0).abs();
    assert!(error < 3.0 * 0.00406, "{error}");
    // The same set as two halves that overlap, each exact on its own, in the other order.
    let (mut low, mut high) = (ReaderSet::default(), ReaderSet::default());
    for number in (0..1_048_000).rev() {
        low.insert(mix(number));
    }
    for number in (1_048_577..readers).rev() {
        high.insert(mix(number));
    }
    assert!(low.is_exact() && high.is_exact());
    low.merge(&high);
    for number in 1_048_000..1_048_577 {
        low.insert(mix(number));
    }
    assert!(low.to_bytes() == one.to_bytes());
}

#[test]
fn a_set_is_exact_up_to_its_bound() {
    let mut set = ReaderSet::default();
    for number in 0..EXACT_MAX as u64 {
        assert!(set.insert(mix(number)));
    }
    assert!(set.is_exact() && set.readers() == EXACT_MAX as u64 && !set.insert(mix(0)));
    set.insert(mix(EXACT_MAX as u64));
    assert!(!set.is_exact());
}

fn good() -> Signs<'static> {
    Signs {
        user_agent: BROWSER,
        has_language: true,
        fetch_site: Some("same-origin"),
        origin: Some("https://news.example"),
        ..Signs::default()
    }
}

fn judged(signs: &Signs<'_>) -> Option<Bucket> {
    judge(signs, &["https://news.example".to_owned()])
}

#[test]
fn a_browser_on_our_page_passes() {
    assert_eq!(judged(&good()), None);
    assert_eq!(judged(&Signs { fetch_site: None, ..good() }), None);
    assert_eq!(judged(&Signs { origin: None, ..good() }), None);
    let telephone = b"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36";
    assert_eq!(judged(&Signs { user_agent: telephone, ..good() }), None);
    let in_telegram = b"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/137 Mobile Safari/537.36 Telegram-Android/11.3.3";
    assert_eq!(judged(&Signs { user_agent: in_telegram, ..good() }), None);
}

#[test]
fn prefetch_comes_before_opting_out_and_that_before_programs() {
    let purposes = [Some("prefetch;prerender"), None, None];
    let everything_wrong = Signs { purposes, gpc: Some("1"), user_agent: b"curl/8.0", has_language: false, ..good() };
    assert_eq!(judged(&everything_wrong), Some(Bucket::Prefetch));
    assert_eq!(judged(&Signs { purposes: [None, None, Some("prefetch")], ..good() }), Some(Bucket::Prefetch));
    assert_eq!(judged(&Signs { purposes: [None; 3], ..everything_wrong }), Some(Bucket::OptOut));
    assert_eq!(judged(&Signs { purposes: [None; 3], gpc: None, dnt: Some("1"), ..everything_wrong }), Some(Bucket::OptOut));
    assert_eq!(judged(&Signs { purposes: [None; 3], gpc: None, ..everything_wrong }), Some(Bucket::Bot));
    assert_eq!(judged(&Signs { gpc: Some("0"), dnt: Some("0"), ..good() }), None);
}

#[test]
fn programs_are_known_by_their_name_or_by_what_they_leave_out() {
    let names: [&[u8]; 6] = [
        b"",
        b"Mozilla/5.0",
        b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/137.0.0.0 Safari/537.36",
        b"python-requests/2.32.3 and some more",
        b"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    ];
    for user_agent in names {
        assert_eq!(judged(&Signs { user_agent, ..good() }), Some(Bucket::Bot), "{}", String::from_utf8_lossy(user_agent));
    }
    assert_eq!(judged(&Signs { has_language: false, ..good() }), Some(Bucket::Bot));
}

#[test]
fn a_beacon_from_another_site_is_not_ours() {
    let foreign = Signs { origin: Some("https://other.example"), ..good() };
    assert_eq!(judged(&Signs { fetch_site: Some("cross-site"), ..foreign }), Some(Bucket::Bot));
    assert_eq!(judged(&Signs { fetch_site: None, ..foreign }), Some(Bucket::Bot));
    assert_eq!(judged(&Signs { fetch_site: None, origin: Some("null"), ..good() }), Some(Bucket::Bot));
    assert_eq!(judged(&Signs { fetch_site: None, origin: None, ..good() }), Some(Bucket::Bot));
    assert_eq!(judged(&Signs { fetch_site: None, origin: None, is_pixel: true, ..good() }), None);
    assert_eq!(judged(&Signs { fetch_site: Some("cross-site"), origin: None, is_pixel: true, ..good() }), Some(Bucket::Bot));
}

fn view(key: &DayKey, address: &str, user_agent: &[u8], load: Option<u64>) -> Beacon {
    let here = network(address);
    let tokens = [Scope::SITE, Scope::article(article(1))].map(|scope| Token {
        scope,
        token: key.token(scope, here, user_agent),
        crowd: key.crowd(here).within(scope),
    });
    Beacon::Qualified { epoch: key.epoch, load: load.map(|load| key.load(article(1), load)), tokens: tokens.into() }
}

fn count(day: &mut Day, beacon: &Beacon) -> Bucket {
    day.count(ReaderSource::Script, beacon, &mut Segment::default())
}

fn empty_day(node: &str) -> Day {
    Day::new("2026-03-01".parse().unwrap(), Arc::from(node))
}

#[test]
fn one_network_adds_at_most_32_readers_to_a_scope() {
    let (mut day, key) = (empty_day("a"), key(1));
    for number in 0..100u64 {
        let name = format!("Mozilla/5.0 (a browser of number {number})");
        let expected = if number < u64::from(READERS_PER_NETWORK_MAX) { Bucket::Counted } else { Bucket::Capped };
        assert_eq!(count(&mut day, &view(&key, "203.0.113.9", name.as_bytes(), Some(number))), expected, "{number}");
    }
    // Who was counted before may read on, and other networks are not touched.
    assert_eq!(count(&mut day, &view(&key, "203.0.113.9", b"Mozilla/5.0 (a browser of number 3)", Some(200))), Bucket::Counted);
    assert_eq!(count(&mut day, &view(&key, "203.0.113.10", BROWSER, Some(201))), Bucket::Counted);
    let tally = day.tally_of((Scope::SITE, ReaderSource::Script));
    assert_eq!((tally.readers, tally.counts.of(Bucket::Counted), tally.counts.of(Bucket::Capped)), (33, 34, 68));
    assert!(tally.holds());
}

#[test]
fn a_page_load_told_twice_is_one_view() {
    let (mut day, key) = (empty_day("a"), key(1));
    assert_eq!(count(&mut day, &view(&key, "203.0.113.9", BROWSER, Some(5))), Bucket::Counted);
    assert_eq!(count(&mut day, &view(&key, "203.0.113.9", BROWSER, Some(5))), Bucket::DuplicateView);
    assert_eq!(count(&mut day, &view(&key, "203.0.113.9", BROWSER, Some(6))), Bucket::Counted);
    let tally = day.tally_of((Scope::SITE, ReaderSource::Script));
    assert_eq!((tally.readers, tally.counts.of(Bucket::Counted), tally.counts.of(Bucket::DuplicateView)), (1, 2, 1));
}

#[test]
fn a_lost_key_brackets_the_readers_between_the_largest_epoch_and_their_sum() {
    let mut day = empty_day("a");
    let first = key(1);
    let second = DayKey::new(first.day, 1, &[9; 32]);
    for (key, readers) in [(&first, 1..=7u8), (&second, 5..=15)] {
        for reader in readers {
            count(&mut day, &view(key, &format!("203.0.113.{reader}"), BROWSER, None));
        }
    }
    let tally = day.tally_of((Scope::SITE, ReaderSource::Script));
    assert_eq!((tally.readers_min, tally.readers, tally.epochs), (11, 18, 2));
}

fn any_beacon() -> impl Strategy<Value = Beacon> {
    let filtered = prop::sample::select(Bucket::ALL[2..].to_vec())
        .prop_map(|bucket| Beacon::Filtered { bucket, scopes: vec![Scope::SITE, Scope::article(article(1))] });
    let qualified = (0u8..8, 0u8..60, prop::option::of(0u64..40)).prop_map(|(address, name, load)| {
        view(&key(1), &format!("203.0.113.{address}"), format!("Mozilla/5.0 (browser of number {name})").as_bytes(), load)
    });
    prop_oneof![1 => filtered, 4 => qualified]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_beacon_lands_in_exactly_one_bucket(beacons in prop::collection::vec(any_beacon(), 0..400)) {
        let mut day = empty_day("a");
        for beacon in &beacons {
            count(&mut day, beacon);
        }
        for (_, tally) in day.tally() {
            prop_assert_eq!(tally.counts.received, beacons.len() as u64);
            prop_assert!(tally.holds());
        }
    }

    #[test]
    fn journals_of_three_nodes_in_any_order_and_twice_give_the_same_bytes(
        beacons in prop::collection::vec((0usize..3, any_beacon()), 0..200), shuffle in prop::collection::vec(any::<u32>(), 600)
    ) {
        let mut nodes = ["a", "b", "c"].map(empty_day);
        let mut pieces = Vec::new();
        for (node, beacon) in &beacons {
            let mut news = Segment::default();
            nodes[*node].count(ReaderSource::Script, beacon, &mut news);
            let bytes = news.to_bytes();
            let read = Segment::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&read, &news);
            pieces.push((["a", "b", "c"][*node], read));
        }
        let mut in_order = empty_day("x");
        pieces.iter().for_each(|(node, piece)| in_order.absorb(node, 0, piece));
        let mut otherwise: Vec<_> = pieces.iter().chain(&pieces).zip(&shuffle).collect();
        otherwise.sort_by_key(|(_, key)| **key);
        let mut shuffled = empty_day("y");
        otherwise.iter().for_each(|((node, piece), _)| shuffled.absorb(node, 0, piece));
        // A node that has counted its own takes in the others'.
        pieces.iter().for_each(|(node, piece)| nodes[0].absorb(node, 0, piece));
        prop_assert!(in_order.to_bytes() == shuffled.to_bytes() && in_order.to_bytes() == nodes[0].to_bytes());
        prop_assert_eq!(in_order.tally(), shuffled.tally());
        prop_assert_eq!(in_order.tally(), nodes[0].tally());
    }

    #[test]
    fn a_damaged_piece_of_journal_is_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut piece = vec![1];
        piece.extend(bytes);
        let _ = Segment::from_bytes(&piece);
    }
}
