//! Pictures of items and proofs of delivery: nothing is served but what is seen, and nothing before a second person has looked at it.

use super::life::{assert_all_agrees, pay_for};
use crate::support::{Answer, TestApp, on_both_databases};
use axum::{body::Body, http::Request};
use entity::{
    picture, wish_proof,
    words::{ProofState, Role},
};
use image::{ImageEncoder, RgbImage};
use sea_orm::EntityTrait;
use wellwisher::{
    staff::Actor,
    wishes::{
        pictures::{self, Refused},
        progress,
    },
};

/// A place that must never be served.
const SECRET_PLACE: &[u8] = b"34.5553N 69.2075E Zarmina's house";

fn seen(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 251) as u8, (y % 241) as u8, 90]))
}

fn plain_jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut out).encode_image(&seen(width, height)).unwrap();
    out
}

/// What a phone held upright writes: the picture lies on its side, orientation 6 says so, and the GPS directory says where it was taken.
fn phone_jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    // Directory 0: orientation 6, and where the GPS directory is.
    tiff.extend(b"\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0");
    // GPS: one text of the place.
    tiff.extend(b"\0\x01\0\x1c\0\x02");
    tiff.extend((SECRET_PLACE.len() as u32).to_be_bytes());
    tiff.extend(0x38_u32.to_be_bytes());
    tiff.extend(b"\0\0\0\0");
    tiff.extend(SECRET_PLACE);
    let mut segment = b"Exif\0\0".to_vec();
    segment.extend(&tiff);
    let plain = plain_jpeg(width, height);
    let mut jpeg = plain[..2].to_vec();
    jpeg.extend(b"\xff\xe1");
    jpeg.extend((segment.len() as u16 + 2).to_be_bytes());
    jpeg.extend(&segment);
    jpeg.extend(&plain[2..]);
    jpeg
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn upload(test: &TestApp, path: &str, file: Option<&[u8]>, fields: &[(&str, &str)]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
    }
    body.extend(b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n");
    body.extend(file.unwrap_or_default());
    body.extend(b"\r\n--xyz--\r\n");
    let request = Request::post(path)
        .header("content-type", "multipart/form-data; boundary=xyz")
        .header("accept", "text/html")
        .header("sec-fetch-site", "same-origin")
        .header("origin", "http://127.0.0.1:8080")
        .body(Body::from(body));
    test.send(request.unwrap()).await
}

#[test]
fn a_picture_is_made_anew_upright_and_without_the_place_it_was_taken_at() {
    let uploaded = phone_jpeg(64, 48);
    assert!(holds(&uploaded, SECRET_PLACE));
    let cleaned = pictures::clean(&uploaded).unwrap();
    assert!(!holds(&cleaned.bytes, SECRET_PLACE) && !holds(&cleaned.bytes, b"Exif") && !holds(&cleaned.bytes, b"Zarmina"));
    assert_eq!((cleaned.width, cleaned.height), (48, 64), "it stands upright without what the metadata said");
    let mut hidden = plain_jpeg(32, 32);
    hidden.extend(b"<script>alert(1)</script>PK\x03\x04");
    assert!(!holds(&pictures::clean(&hidden).unwrap().bytes, b"script"), "what is appended does not come along");
    assert_eq!(pictures::clean(&plain_jpeg(3_000, 1_500)).map(|small| (small.width, small.height)), Ok((1_280, 640)));
}

#[test]
fn what_is_no_picture_cut_off_or_a_bomb_is_refused() {
    let whole = plain_jpeg(400, 300);
    assert_eq!(pictures::clean(&whole[..whole.len() / 2]), Err(Refused::Broken), "cut off");
    for text in [&b"GIF89a/*<script>*/"[..], b"<svg onload=alert(1)>", b"%PDF-1.7", b"<html>", b""] {
        assert_eq!(pictures::clean(text), Err(Refused::NotAPicture));
    }
    let mut polyglot = b"<script>/*".to_vec();
    polyglot.extend(&whole);
    assert_eq!(pictures::clean(&polyglot), Err(Refused::NotAPicture), "a page that is a picture too");
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png).write_image(&[0; 300], 10, 10, image::ExtendedColorType::Rgb8).unwrap();
    assert!(pictures::clean(&png).is_ok());
    assert_eq!(pictures::clean(&png[..png.len() - 20]).map(|_| ()), Err(Refused::Broken));
    // The same head, saying 60,000 × 60,000, with a checksum that fits.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    assert!(matches!(pictures::clean(&bomb), Err(Refused::TooManyPixels)), "{:?}", pictures::clean(&bomb).map(|_| ()));
    assert_eq!(pictures::clean(&vec![0xff; pictures::UPLOAD_BYTES_MAX + 1]), Err(Refused::TooLarge));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

on_both_databases! {
    async fn an_items_picture_needs_words_and_is_served_for_ever_at_the_hash_of_its_bytes(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/wish-list/{}/picture", item.id);
        assert_eq!(test.get(&path).await.status, 200);
        let without_words = upload(&test, &path, Some(&phone_jpeg(64, 48)), &[("text", " ")]).await;
        assert_eq!((without_words.status.as_u16(), without_words.texts("#text-error").len()), (422, 1));
        let no_picture = upload(&test, &path, Some(b"GIF89a"), &[("text", "A red bag")]).await;
        assert_eq!((no_picture.status.as_u16(), no_picture.texts("#file-error").len()), (422, 1));
        assert_eq!(no_picture.attribute("#text", "value").as_deref(), Some("A red bag"), "what was typed stays");
        assert_eq!(upload(&test, &path, Some(&phone_jpeg(64, 48)), &[("text", "A red bag")]).await.status, 303);
        let stored = picture::Entity::find().one(test.app.db.read()).await.unwrap().expect("one picture");
        assert!(!holds(&stored.bytes, SECRET_PLACE));
        assert_eq!(test.get(&format!("/desk/wish-list/pictures/{}", stored.id)).await.status, 200);
        test.forget_cookies();
        let page = test.get("/wish-list/school-bag").await;
        let source = page.attribute("article img", "src").expect("a picture");
        assert_eq!(page.attribute("article img", "alt").as_deref(), Some("A red bag"));
        let served = test.get(&source).await;
        let header = |name: &str| served.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        assert_eq!((header("content-type"), header("x-content-type-options")), ("image/jpeg".to_owned(), "nosniff".to_owned()));
        assert!(header("cache-control").contains("immutable"));
        assert_eq!(test.get("/wish-list/pictures/nothing.jpg").await.status, 404);
        test.sign_in_as(Role::Editor).await;
        assert_eq!(upload(&test, &path, None, &[("text", "A blue bag")]).await.status, 303, "only the words");
        assert_eq!(test.post(&format!("/desk/wish-list/{}/picture/remove", item.id), &[]).await.status, 303);
        assert!(picture::Entity::find().one(test.app.db.read()).await.unwrap().is_none(), "what nothing shows is not kept");
        assert_eq!(test.get(&source).await.status, 404);
    }

    async fn a_proof_is_seen_by_readers_only_after_a_second_person_released_it(test: TestApp) {
        let item = test.item("School bag", None, |raw| raw.quantity = "2".into()).await;
        pay_for(&test, &item, 2).await;
        progress::buy(&test.app, &Actor::system(), item.id, 2, "").await.unwrap();
        progress::deliver(&test.app, &Actor::system(), item.id, 2, "").await.unwrap();
        test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/wish-list/{}/proofs", item.id);
        assert_eq!(test.get(&path).await.status, 200);
        let good = [("quantity", "2"), ("words", "Two bags in use"), ("place", "The north"), ("month", "2026-04"), ("text", "Two bags on a table")];
        let with = |name: &'static str, value: &'static str| good.map(|(field, typed)| (field, if field == name { value } else { typed }));
        for (name, value) in [("place", "House 12"), ("month", "2027-01"), ("month", "2026-04-03"), ("quantity", "3"), ("text", "")] {
            let wrong = upload(&test, &path, Some(&phone_jpeg(64, 48)), &with(name, value)).await;
            assert_eq!((wrong.status.as_u16(), wrong.texts(&format!("#{name}-error")).len()), (422, 1), "{name} {value}");
        }
        assert_eq!(upload(&test, &path, Some(&phone_jpeg(64, 48)), &good).await.status, 303);
        let proof = wish_proof::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        let photo = picture::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        let photo_path = format!("/wish-list/pictures/{}.jpg", photo.hash);
        assert!(!holds(&photo.bytes, SECRET_PLACE));
        let release = format!("/desk/wish-list/proofs/{}/release", proof.id);
        assert_eq!(test.post(&release, &[]).await.status, 403, "not by who made it");
        assert!(!test.get("/wish-list/school-bag").await.body.contains("Two bags in use"));
        assert_eq!(test.get(&photo_path).await.status, 404, "nor its photo");
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.post(&release, &[]).await.status, 303);
        let page = test.get("/wish-list/school-bag").await;
        assert!(page.body.contains("Two bags in use") && page.body.contains("April 2026") && page.body.contains("The north"));
        assert_eq!(test.get(&photo_path).await.status, 200);
        let news = test.get(&format!("/desk/wish-list/{}/proofs", item.id)).await.attribute("a[href^='/desk/updates/new']", "href");
        let news = test.get(&news.expect("a link to write news of it")).await;
        assert_eq!(news.attribute("select[name=about] option[selected]", "value"), Some(format!("item:{}", item.id)));
        assert_eq!(test.post(&format!("/desk/wish-list/proofs/{}/withdraw", proof.id), &[]).await.status, 303);
        assert_eq!(test.get(&photo_path).await.status, 404);
        assert_all_agrees(&test).await;
    }

    async fn a_delivery_can_be_confirmed_and_its_details_withheld(test: TestApp) {
        let item = test.item("School bag", None, |raw| raw.quantity = "1".into()).await;
        pay_for(&test, &item, 1).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        progress::deliver(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/wish-list/{}/proofs", item.id);
        let fields = [("quantity", "1"), ("withheld", "yes"), ("words", "To Zarmina"), ("place", "Kabul"), ("month", "2026-04"), ("text", "A photo")];
        assert_eq!(upload(&test, &path, Some(&phone_jpeg(64, 48)), &fields).await.status, 303);
        let proof = wish_proof::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!((proof.words.as_str(), proof.place.as_str(), proof.month, proof.picture_id), ("", "", None, None), "it is not kept either");
        test.sign_in_as(Role::Admin).await;
        assert_eq!(test.post(&format!("/desk/wish-list/proofs/{}/release", proof.id), &[]).await.status, 303);
        let page = test.get("/wish-list/school-bag").await;
        assert!(page.body.contains("Confirmed by two of us") && !page.body.contains("Kabul"));
        let after = wish_proof::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(after.state, ProofState::Released);
    }
}
