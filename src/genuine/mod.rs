//! Is this really you? The organisation's genuine links: a list that administrators keep, shown on a page and signed, so that a supporter
//! who gets an appeal can see whether it is ours.
//!
//! The list is signed with an Ed25519 key that is derived from `SECRET_KEY` and the key's number, so nothing secret is stored: only the
//! public half, as readers first saw it, so that no key vouches for another that they never saw (after a change of `SECRET_KEY`). Each day's
//! document says when it was made and when it is over ([`LASTS`]), so that an old list cannot be shown for ever. Another key is a change of
//! its number ([`rotate`]): for a while the old key signs the same document beside the new one, unless it was lost or stolen.

mod desk;
mod key;
mod pages;
mod store;

pub use desk::desk_routes;
pub use key::{Key, fingerprint, public_pem, words_of};
pub use pages::routes;

use crate::{
    app::App,
    error::Error,
    staff::audit::{self, Actor},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{genuine_key, genuine_link, ids::GenuineLinkId, words::GenuineKind};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::json;
use url::Url;

/// How long a day's list counts.
pub const LASTS: TimeDelta = TimeDelta::days(14);

/// How long the key before the present one signs beside it.
pub const HANDOVER: TimeDelta = TimeDelta::days(90);

/// The most links that stand at once.
pub const LINKS_MAX: usize = 100;

/// The longest label, address or sentence, in characters.
pub const TEXT_MAX: usize = 300;

/// One genuine link as it is shown and signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What it is.
    pub kind: GenuineKind,
    /// What readers call it; may be empty.
    pub label: String,
    /// The address.
    pub address: String,
}

/// A key as the list names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyNamed {
    /// Its number, from 1.
    pub number: i64,
    /// The 32 bytes of the public key, in base64.
    pub ed25519: String,
    /// SHA-256 over the key as it stands in the file (SubjectPublicKeyInfo), in hex.
    pub sha256: String,
}

/// The signed list. Its fields stand in the file in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// What this is.
    pub what: &'static str,
    /// Whose list it is.
    pub organisation: String,
    /// When it was made: midnight of the day.
    pub made: DateTime<Utc>,
    /// When it counts no more.
    pub expires: DateTime<Utc>,
    /// The genuine links. What is not among them is not ours.
    pub links: Vec<Link>,
    /// The key that signs it.
    pub key: KeyNamed,
    /// The key before it, where that one signs it too.
    pub former_key: Option<KeyNamed>,
}

/// A document with its bytes and signatures.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What it says.
    pub document: Document,
    /// The bytes that are signed.
    pub bytes: Vec<u8>,
    /// The signature by the present key: 64 bytes.
    pub signature: Vec<u8>,
    /// The signature by the key before it, while that one vouches.
    pub former_signature: Option<Vec<u8>>,
}

/// The list as it stands today, signed.
pub async fn signed(app: &App) -> Result<Signed, Error> {
    let db = app.db.read();
    let changes = store::keys(db).await?;
    let number = changes.last().map_or(1, |change| change.number);
    let key = Key::derive(app, number)?;
    if store::shown(db, number).await?.is_none() {
        app.db.write(async |tx| store::insert_shown(tx, number, key.public_base64(), app.now()).await).await?;
    }
    let handing_over = changes.last().filter(|change| change.vouched && app.now() < change.begun_at + HANDOVER);
    let former = match handing_over {
        // After another SECRET_KEY the old key is not derived any more, and what is not the old key must not sign for it.
        Some(change) => Some(Key::derive(app, number - 1)?).filter(|old| old.public_base64() == change.old_public),
        None => None,
    };
    let made = made_on(app, app.today());
    let document = Document {
        what: "genuine links",
        organisation: app.config.org_name.clone(),
        made,
        expires: made + LASTS,
        links: links(app, db).await?,
        key: key.named(),
        former_key: former.as_ref().map(Key::named),
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(Signed { signature: key.sign(&bytes), former_signature: former.map(|key| key.sign(&bytes)), document, bytes })
}

fn made_on(app: &App, day: NaiveDate) -> DateTime<Utc> {
    crate::clock::start_of_day(app.config.org_timezone, day)
}

/// The links that stand: this site and its channels by the settings, then those that administrators added, the oldest first.
async fn links(app: &App, db: &impl ConnectionTrait) -> Result<Vec<Link>, Error> {
    let own = |kind, path| Link { kind, label: String::new(), address: app.config.link(path) };
    let channel = |link: &crate::config::Link| Link { kind: GenuineKind::Channel, label: link.name.clone(), address: link.url.clone() };
    let mut links = vec![own(GenuineKind::Site, "/"), own(GenuineKind::Donate, "/donate")];
    links.extend(app.config.org_channels.iter().map(channel));
    links.extend(app.config.org_wish_lists.iter().map(|link| Link { kind: GenuineKind::Other, ..channel(link) }));
    links.extend(store::standing(db).await?.into_iter().map(|row| Link { kind: row.kind, label: row.label, address: row.address }));
    Ok(links)
}

/// What cannot be right about a link: the field, and the key of the sentence.
pub type Wrong = (&'static str, &'static str);

/// A link as an administrator typed it, tidied; or what is wrong with it.
pub fn parse(kind: &str, label: &str, address: &str) -> Result<Link, Wrong> {
    let kind: GenuineKind = kind.parse().map_err(|_| ("kind", "desk-genuine-fault-kind"))?;
    let line = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let (label, typed) = (line(label), line(address));
    if label.chars().count() > TEXT_MAX {
        return Err(("label", "desk-genuine-fault-long"));
    }
    if typed.is_empty() || typed.chars().count() > TEXT_MAX {
        return Err(("address", if typed.is_empty() { "desk-genuine-fault-empty" } else { "desk-genuine-fault-long" }));
    }
    let address = match kind {
        GenuineKind::Bank => typed,
        GenuineKind::Email => {
            let whole = typed.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
            if !whole || typed.contains(' ') {
                return Err(("address", "desk-genuine-fault-email"));
            }
            typed
        }
        _ => web_address(&typed, kind).ok_or(("address", "desk-genuine-fault-address"))?,
    };
    Ok(Link { kind, label, address })
}

/// A full address; http only to an onion service, which is encrypted by itself.
fn web_address(typed: &str, kind: GenuineKind) -> Option<String> {
    let address = Url::parse(typed).ok()?;
    let is_onion = address.host_str().is_some_and(|host| host.ends_with(".onion"));
    let is_safe = address.scheme() == "https" || (address.scheme() == "http" && is_onion);
    let is_plain = address.username().is_empty() && address.password().is_none() && address.host_str().is_some_and(|host| !host.is_empty());
    (is_safe && is_plain && is_onion == (kind == GenuineKind::Onion)).then(|| address.to_string())
}

/// Adds a link to the list.
///
/// # Errors
/// `Conflict` when it stands there already, or the list is full.
pub async fn add(app: &App, actor: &Actor, link: &Link) -> Result<GenuineLinkId, Error> {
    let (id, now): (GenuineLinkId, _) = (app.new_id(), app.now());
    app.db
        .write(async |tx| {
            let standing = store::standing(tx).await?;
            if standing.iter().any(|row| row.kind == link.kind && row.address == link.address) {
                return Err(Error::Conflict("this link is on the list already".to_owned()));
            }
            if standing.len() >= LINKS_MAX {
                return Err(Error::Conflict(format!("the list has {LINKS_MAX} links: remove one first")));
            }
            let row = genuine_link::Model {
                id,
                kind: link.kind,
                label: link.label.clone(),
                address: link.address.clone(),
                added_by: actor.name.clone(),
                added_at: now,
                removed_by: String::new(),
                removed_at: None,
            };
            store::insert(tx, row).await?;
            audit::record(tx, now, actor, "genuine.add", "genuine_link", &id.to_string(), json!(link)).await
        })
        .await?;
    Ok(id)
}

/// Takes a link off the list.
pub async fn remove(app: &App, actor: &Actor, id: GenuineLinkId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let row = store::find(tx, id).await?.filter(|row| row.removed_at.is_none()).ok_or(Error::NotFound)?;
            let told = json!({ "kind": row.kind, "address": row.address });
            store::remove(tx, row, &actor.name, now).await?;
            audit::record(tx, now, actor, "genuine.remove", "genuine_link", &id.to_string(), told).await
        })
        .await
}

/// Goes over to the next key. The present one signs beside it for [`HANDOVER`], unless it was lost or stolen (`vouch` is false), or is not
/// the one that readers know by its number.
pub async fn rotate(app: &App, actor: &Actor, vouch: bool) -> Result<i64, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let number = store::keys(tx).await?.last().map_or(1, |change| change.number) + 1;
            let derived = Key::derive(app, number - 1)?.public_base64();
            let known = store::shown(tx, number - 1).await?;
            let vouched = vouch && known.as_ref() == Some(&derived);
            let old_public = known.unwrap_or(derived);
            let told = json!({ "number": number, "vouched": vouched, "old": old_public });
            store::insert_key(tx, genuine_key::Model { number, old_public, vouched, begun_by: actor.name.clone(), begun_at: now }).await?;
            store::insert_shown(tx, number, Key::derive(app, number)?.public_base64(), now).await?;
            audit::record(tx, now, actor, "genuine.key", "genuine_key", &number.to_string(), told).await?;
            Ok(number)
        })
        .await
}
