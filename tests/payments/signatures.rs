//! Webhook signatures and the event envelope.

use super::{noon, secret};
use chrono::TimeDelta;
use wellwisher::payments::{
    event::Event,
    signature::{SignatureError, WebhookSecret, sign, verify},
};

const BODY: &[u8] = br#"{"id":"evt_1","type":"x"}"#;

fn other() -> WebhookSecret {
    WebhookSecret::parse("whsec_anotheranotheranotheranother").expect("a secret")
}

#[test]
fn a_signature_made_with_our_secret_is_believed() {
    let header = sign(BODY, &secret(), noon());
    assert_eq!(verify(BODY, &header, &[secret()], noon()), Ok(()));
    assert_eq!(verify(BODY, &header, &[other(), secret()], noon()), Ok(()), "either of two active secrets");
}

#[test]
fn the_signature_is_the_one_that_other_programs_compute() {
    // printf '1790000000.{"id":"evt_1","type":"x"}' | openssl dgst -sha256 -hmac whsec_practicepracticepractice00
    let header = sign(BODY, &secret(), noon());
    assert_eq!(header, "t=1790000000,v1=defd46e4aae583c9d0cd8ace1c91ce24872454dee7ca331e265b0518557f103b");
}

#[test]
fn while_a_secret_is_rolled_either_of_two_signatures_is_believed() {
    let ours = sign(BODY, &secret(), noon());
    let theirs = sign(BODY, &other(), noon());
    let old = theirs.split_once(',').expect("a header").1;
    assert_eq!(verify(BODY, &format!("{ours},{old}"), &[secret()], noon()), Ok(()));
    let new = ours.split_once(',').expect("a header").1;
    assert_eq!(verify(BODY, &format!("{theirs},{new},v0=abc"), &[secret()], noon()), Ok(()));
}

#[test]
fn a_signature_made_with_another_secret_is_refused() {
    let header = sign(BODY, &other(), noon());
    assert_eq!(verify(BODY, &header, &[secret()], noon()), Err(SignatureError::Mismatch));
}

#[test]
fn a_changed_body_is_refused() {
    let header = sign(BODY, &secret(), noon());
    assert_eq!(verify(b"{}", &header, &[secret()], noon()), Err(SignatureError::Mismatch));
    assert_eq!(verify(&[BODY, b" "].concat(), &header, &[secret()], noon()), Err(SignatureError::Mismatch));
}

#[test]
fn a_changed_time_is_refused() {
    let header = sign(BODY, &secret(), noon()).replace("t=1790000000", "t=1790000001");
    assert_eq!(verify(BODY, &header, &[secret()], noon()), Err(SignatureError::Mismatch));
}

#[test]
fn a_signature_is_believed_for_five_minutes_either_way() {
    let header = sign(BODY, &secret(), noon());
    for (seconds, expected) in [(299, Ok(())), (300, Ok(())), (301, Err(SignatureError::Stale { seconds: 301 }))] {
        assert_eq!(verify(BODY, &header, &[secret()], noon() + TimeDelta::seconds(seconds)), expected);
    }
    assert_eq!(verify(BODY, &header, &[secret()], noon() - TimeDelta::seconds(300)), Ok(()));
    let early = verify(BODY, &header, &[secret()], noon() - TimeDelta::seconds(301));
    assert_eq!(early, Err(SignatureError::Stale { seconds: -301 }));
}

#[test]
fn no_secret_or_three_secrets_believe_nothing() {
    let header = sign(BODY, &secret(), noon());
    assert_eq!(verify(BODY, &header, &[], noon()), Err(SignatureError::Secrets));
    assert_eq!(verify(BODY, &header, &[secret(), other(), secret()], noon()), Err(SignatureError::Secrets));
}

#[test]
fn an_empty_or_malformed_secret_is_not_taken() {
    for bad in [
        "",
        "whsec_",
        "whsec_short",
        " whsec_practicepracticepractice00",
        "whsec_practice practicepractice00",
        "sk_test_practicepracticepractice00",
    ] {
        assert!(WebhookSecret::parse(bad).is_err(), "{bad:?}");
    }
    assert!(WebhookSecret::parse("whsec_abcdefghijklmnopqrstuv+/=").is_ok());
    assert_eq!(format!("{:?}", secret()), "WebhookSecret(…)", "a secret is never printed");
}

#[test]
fn a_missing_or_oversized_header_is_refused_unread() {
    let header = sign(BODY, &secret(), noon());
    assert_eq!(verify(BODY, "", &[secret()], noon()), Err(SignatureError::Header));
    let long = format!("{header},v0={}", "0".repeat(1024));
    assert_eq!(verify(BODY, &long, &[secret()], noon()), Err(SignatureError::Header));
}

#[test]
fn a_malformed_header_is_refused() {
    let good = sign(BODY, &secret(), noon());
    let mac = good.split_once("v1=").expect("a header").1;
    for bad in [
        "t=1790000000".to_owned(),
        format!("v1={mac}"),
        format!("t=,v1={mac}"),
        format!("t=-5,v1={mac}"),
        format!("t=99999999999999999999,v1={mac}"),
        format!("t=1790000000,t=1790000000,v1={mac}"),
        "t=1790000000,v1=".to_owned(),
        "t=1790000000,v1=zz".to_owned(),
        format!("t=1790000000,v1={mac}00"),
        "nonsense".to_owned(),
    ] {
        assert_eq!(verify(BODY, &bad, &[secret()], noon()), Err(SignatureError::Malformed), "{bad}");
    }
    assert!(verify(BODY, &format!("t=1790000000,v0={mac}"), &[secret()], noon()).is_err(), "v0 counts for nothing");
}

#[test]
fn at_most_fourteen_signatures_are_compared() {
    let good = sign(BODY, &secret(), noon());
    let mac = good.split_once(',').expect("a header").1;
    let wrong = format!("v1={},", "0".repeat(64));
    let full = format!("t=1790000000,{}{mac}", wrong.repeat(13));
    assert_eq!(verify(BODY, &full, &[secret()], noon()), Ok(()));
    let more = format!("t=1790000000,{}{mac}", wrong.repeat(14));
    assert_eq!(verify(BODY, &more, &[secret()], noon()), Err(SignatureError::Header));
}

#[test]
fn an_event_is_read_by_its_envelope_only() {
    let body =
        br#"{"id":"evt_1Abc","object":"event","type":"checkout.session.completed","api_version":"2026-09-30.endive","livemode":false,
        "created":1790000000,"unknown":{"a":[1]},"data":{"object":{"id":"cs_test_1","object":"checkout.session","client_reference_id":"d-1",
        "metadata":{"wellwisher_donation":"d-1"},"payment_intent":"pi_1","customer_details":{"email":"reader@example.org"}}}}"#;
    let event = Event::parse(body).expect("an event");
    assert_eq!(event.id, "evt_1Abc");
    assert_eq!(event.kind, "checkout.session.completed");
    assert_eq!(event.api_version.as_deref(), Some("2026-09-30.endive"));
    assert_eq!(event.created, Some(noon()));
    assert_eq!((event.livemode, event.session_id()), (false, Some("cs_test_1")));
    assert_eq!((event.donation_id.as_deref(), event.client_reference_id.as_deref()), (Some("d-1"), Some("d-1")));
    assert_eq!(event.payment_intent_id.as_deref(), Some("pi_1"));
    assert!(!format!("{event:?}").contains("reader@"), "nothing about a person is kept");
}

#[test]
fn an_event_of_an_unknown_kind_is_still_an_event() {
    let event = Event::parse(br#"{"id":"evt_2","type":"moon.full","livemode":true,"data":{"object":"odd"}}"#).expect("an event");
    assert_eq!((event.kind.as_str(), event.object_id, event.donation_id), ("moon.full", None, None));
    let intent = Event::parse(
        br#"{"id":"evt_3","type":"payment_intent.succeeded","livemode":false,"data":{"object":{"id":"pi_9","object":"payment_intent"}}}"#,
    );
    assert_eq!(intent.expect("an event").payment_intent_id.as_deref(), Some("pi_9"));
}

#[test]
fn what_is_not_an_event_is_named_so() {
    for bad in [&b""[..], b"[]", b"{}", b"null", br#"{"id":"evt_1","type":""}"#, br#"{"id":"x","type":"a","livemode":false}"#, b"\xff\xfe"]
    {
        assert!(Event::parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
    }
}
