//! Is this really you: the list, its signature as openssl sees it, the change of its key.

use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{audit_entry, genuine_link, words::Role};
use sea_orm::{EntityTrait, QueryOrder};
use std::path::Path;
use wellwisher::{
    app::{App, Payment},
    genuine,
    staff::Actor,
};

async fn add(app: &TestApp, kind: &str, label: &str, address: &str) {
    let link = genuine::parse(kind, label, address).expect("a link");
    genuine::add(&app.app, &Actor::system(), &link).await.expect("it is added");
}

/// Whether openssl finds that the signature fits; nothing where there is no openssl.
fn verify(key: &Path, list: &Path, signature: &Path) -> Option<bool> {
    let ended = std::process::Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-inkey"])
        .arg(key)
        .args(["-rawin", "-in"])
        .arg(list)
        .arg("-sigfile")
        .arg(signature)
        .output();
    match ended {
        Ok(ended) => Some(ended.status.success() && String::from_utf8_lossy(&ended.stdout).contains("Signature Verified Successfully")),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "openssl is needed: {error}");
            eprintln!("skipped: there is no openssl ({error})");
            None
        }
    }
}

/// Saves a file as a reader would.
async fn save(app: &TestApp, name: &str) -> std::path::PathBuf {
    let signed = genuine::signed(&app.app).await.unwrap();
    let answer = app.get(&format!("/genuine/{name}")).await;
    assert_eq!(answer.status, 200, "{name}");
    let path = app.directory.join(name);
    // A signature is no text: the answer of the test client is one, so those bytes come from where the page has them.
    let bytes = match name {
        "links.json.sig" => signed.signature,
        "links.json.former.sig" => signed.former_signature.expect("a former key"),
        _ => answer.body.into_bytes(),
    };
    std::fs::write(&path, bytes).unwrap();
    path
}

on_both_databases! {
    async fn the_page_names_every_genuine_link_and_what_we_never_do_in_every_language(app: TestApp) {
        add(&app, "onion", "", "http://expyuzz4wqqyqhjn.onion/").await;
        add(&app, "bank", "", "Account ending in 4711, held by Kestrel Papers").await;
        for (language, direction) in [("en", "ltr"), ("fa-AF", "rtl"), ("ps", "rtl")] {
            let page = app.get(&format!("/genuine?lang={language}")).await;
            assert_eq!((page.status.as_u16(), page.attribute("html", "dir").as_deref()), (200, Some(direction)));
            assert!(!page.body.contains("genuine-"), "a text is missing in {language}: {}", page.body);
            for link in [app.app.config.link("/donate"), "http://expyuzz4wqqyqhjn.onion/".to_owned(), "Account ending in 4711".to_owned()] {
                assert!(page.body.contains(&link), "{language}: {link}");
            }
            assert_eq!(page.texts("section[aria-labelledby=never] li").len(), 6);
        }
        assert!(app.get("/").await.body.contains("/genuine"), "every page leads there");
        assert_eq!(app.get("/genuine/other").await.status, 404);
        assert_eq!(app.get("/genuine/former-key.pem").await.status, 404);
    }

    async fn openssl_verifies_the_list_and_refuses_a_changed_one(app: TestApp) {
        add(&app, "channel", "Telegram", "https://t.me/kestrel").await;
        let (list, signature, key) = (save(&app, "links.json").await, save(&app, "links.json.sig").await, save(&app, "key.pem").await);
        let Some(fits) = verify(&key, &list, &signature) else { return };
        assert!(fits);
        let text = std::fs::read_to_string(&list).unwrap();
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((said["made"].as_str(), said["expires"].as_str()), (Some("2026-05-01T00:00:00Z"), Some("2026-05-15T00:00:00Z")));
        assert!(said["links"].as_array().unwrap().iter().any(|link| link["address"] == "https://t.me/kestrel"));
        let fingerprint = said["key"]["sha256"].as_str().unwrap();
        assert!(app.get("/genuine").await.body.contains(fingerprint));
        std::fs::write(&list, text.replace("t.me/kestrel", "t.me/kestre1")).unwrap();
        assert_eq!(verify(&key, &list, &signature), Some(false), "a changed list is refused");
    }

    async fn the_same_day_is_the_same_file_and_the_next_day_another(app: TestApp) {
        let first = genuine::signed(&app.app).await.unwrap();
        app.app.clock.advance(TimeDelta::hours(14));
        assert_eq!(genuine::signed(&app.app).await.unwrap().bytes, first.bytes);
        app.app.clock.advance(TimeDelta::hours(1));
        let next = genuine::signed(&app.app).await.unwrap();
        assert_ne!(next.bytes, first.bytes);
        assert_eq!(next.document.key, first.document.key);
    }

    async fn a_former_key_vouches_for_the_new_one_for_a_while_unless_it_was_stolen(app: TestApp) {
        let old_key = save(&app, "key.pem").await;
        let kept = app.directory.join("kept.pem");
        std::fs::copy(&old_key, &kept).unwrap();
        let first = genuine::signed(&app.app).await.unwrap().document;
        assert_eq!(genuine::rotate(&app.app, &Actor::system(), true).await.unwrap(), 2);
        let second = genuine::signed(&app.app).await.unwrap().document;
        assert_ne!(second.key, first.key);
        assert_eq!(second.former_key.as_ref(), Some(&first.key));
        let (list, signature, former) = (save(&app, "links.json").await, save(&app, "links.json.sig").await, save(&app, "links.json.former.sig").await);
        if let Some(fits) = verify(&kept, &list, &former) {
            assert!(fits, "who knows the old key is led to the new one");
            assert_eq!(verify(&kept, &list, &signature), Some(false));
            assert_eq!(verify(&save(&app, "key.pem").await, &list, &signature), Some(true));
            assert_eq!(std::fs::read(save(&app, "former-key.pem").await).unwrap(), std::fs::read(&kept).unwrap());
        }
        app.app.clock.advance(genuine::HANDOVER);
        assert_eq!(genuine::signed(&app.app).await.unwrap().document.former_key, None, "the handover is over");
        genuine::rotate(&app.app, &Actor::system(), false).await.unwrap();
        assert_eq!(genuine::signed(&app.app).await.unwrap().document.former_key, None, "a stolen key vouches for nothing");
        assert_eq!(app.get("/genuine/links.json.former.sig").await.status, 404);
    }

    async fn a_key_that_nobody_saw_vouches_for_nothing_after_another_secret_key(app: TestApp) {
        let first = genuine::signed(&app.app).await.unwrap().document.key;
        let mut config = (*app.app.config).clone();
        config.secret_key = "another secret for tests, of more than 32 characters".to_owned().into();
        let other = App::new(config, app.app.db.clone(), app.app.clock.clone(), Payment::nobody()).unwrap();
        assert_ne!(genuine::signed(&other).await.unwrap().document.key, first);
        genuine::rotate(&other, &Actor::system(), true).await.unwrap();
        let signed = genuine::signed(&other).await.unwrap();
        assert_eq!((signed.document.key.number, signed.document.former_key), (2, None));
        let row = entity::genuine_key::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((row.vouched, row.old_public), (false, first.ed25519), "what readers knew is what is kept");
        genuine::rotate(&other, &Actor::system(), true).await.unwrap();
        assert!(genuine::signed(&other).await.unwrap().document.former_key.is_some(), "from then on keys vouch again");
    }

    async fn an_administrator_keeps_the_list_and_every_change_is_audited(app: TestApp) {
        app.sign_in_as(Role::Admin).await;
        for (kind, address) in [
            ("moon", "https://a.example"), ("site", ""), ("site", "http://a.example"), ("site", "javascript:alert(1)"), ("channel", "https://u:p@a.example"),
            ("site", "http://abc.onion/"), ("onion", "https://a.example/"), ("email", "nobody"), ("bank", &"x".repeat(301)),
        ] {
            let answer = app.post("/desk/genuine", &[("kind", kind), ("address", address), ("label", "Kept")]).await;
            assert_eq!((answer.status.as_u16(), answer.attribute("input[name=label]", "value").as_deref()), (422, Some("Kept")), "{kind} {address}");
        }
        let good = [("kind", "channel"), ("address", "https://t.me/kestrel"), ("label", "Telegram")];
        assert_eq!(app.post("/desk/genuine", &good).await.status, 303);
        assert_eq!(app.post("/desk/genuine", &good).await.status, 422, "once is enough");
        assert!(app.get("/genuine").await.body.contains("https://t.me/kestrel"));
        let row = genuine_link::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        let remove = format!("/desk/genuine/{}/remove", row.id);
        assert_eq!(app.post(&remove, &[]).await.status, 303);
        assert_eq!(app.post(&remove, &[]).await.status, 404);
        assert!(!app.get("/genuine").await.body.contains("https://t.me/kestrel"));
        assert_eq!(app.post("/desk/genuine/key", &[("confirm", "yes")]).await.status, 422);
        assert_eq!(app.post("/desk/genuine/key", &[("confirm", "New key"), ("stolen", "yes")]).await.status, 303);
        let actions = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).all(app.app.db.read()).await.unwrap();
        let actions: Vec<String> = actions.into_iter().map(|entry| entry.action).filter(|action| action.starts_with("genuine.")).collect();
        assert_eq!(actions, ["genuine.add", "genuine.remove", "genuine.key"]);
    }

    async fn only_administrators_keep_the_list(app: TestApp) {
        app.assert_open_only_to(&[("GET /desk/genuine", &[Role::Admin]), ("POST /desk/genuine", &[Role::Admin]), ("POST /desk/genuine/key", &[Role::Admin])]).await;
    }
}
