//! Pictures of items and of deliveries. What was uploaded is decoded within bounds and a new picture is made from what is seen, so that no
//! place, camera, name or hidden file comes along. Kept in the database, because every process must be able to serve it.

use super::store;
use crate::{
    app::App,
    error::Error,
    staff::audit::{self, Actor},
};
use chrono::{DateTime, Utc};
use entity::{
    campaign,
    ids::{PictureId, WishItemId},
    picture, wish_item, wish_proof,
    words::{CampaignStatus, ProofState},
};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder, imageops::FilterType};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde_json::json;
use std::{collections::HashMap, fmt, io::Cursor, sync::LazyLock};
use tokio::sync::Semaphore;

/// The largest file that may be uploaded, in bytes: what phones take is half of it.
pub const UPLOAD_BYTES_MAX: usize = 12 * 1024 * 1024;

/// The largest picture that is decoded, in pixels: phones take up to 50 million.
const PIXELS_MAX: u64 = 50_000_000;

/// The longest side that is decoded.
const DECODED_SIDE_MAX: u32 = 12_000;

/// The most memory that decoding one may take, in bytes.
const DECODING_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The longest side of what is served: sharp on a desktop, small on a slow line.
const SERVED_SIDE_MAX: u32 = 1_280;

/// The longest text that says what a picture shows.
pub const TEXT_CHARACTERS_MAX: usize = 300;

/// One at a time, because each may need much memory.
static DECODING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));

/// Why a picture is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The file is too large.
    TooLarge,
    /// It is no JPEG, PNG or WebP.
    NotAPicture,
    /// It has too many pixels.
    TooManyPixels,
    /// It is cut off or damaged.
    Broken,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "The file is larger than 12 MB: choose a smaller one",
            Self::NotAPicture => "This is no picture that can be shown: choose a JPEG, PNG or WebP file",
            Self::TooManyPixels => "The picture has more than 50 million pixels: make it smaller",
            Self::Broken => "The picture is damaged or cut off: export it again, or choose another one",
        })
    }
}

/// A picture made anew: JPEG, upright, no metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The JPEG.
    pub bytes: Vec<u8>,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// Makes a new picture from what a file shows. It takes a processor for up to seconds: call it off the runtime.
pub fn clean(bytes: &[u8]) -> Result<Cleaned, Refused> {
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    let format = image::guess_format(bytes).map_err(|_| Refused::NotAPicture)?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) {
        return Err(Refused::NotAPicture);
    }
    // The decoder fills what is missing of a JPEG with grey.
    if format == ImageFormat::Jpeg && !is_whole_jpeg(bytes) {
        return Err(Refused::Broken);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODED_SIDE_MAX);
    limits.max_image_height = Some(DECODED_SIDE_MAX);
    limits.max_alloc = Some(DECODING_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| tell(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(Refused::TooManyPixels);
    }
    // How the camera was held stands in the metadata that is about to be lost.
    let orientation = decoder.orientation().map_err(|error| tell(&error))?;
    let mut seen = DynamicImage::from_decoder(decoder).map_err(|error| tell(&error))?;
    seen.apply_orientation(orientation);
    if seen.width().max(seen.height()) > SERVED_SIDE_MAX {
        seen = seen.resize(SERVED_SIDE_MAX, SERVED_SIDE_MAX, FilterType::Triangle);
    }
    let flat = on_white(&seen);
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, 80).encode_image(&flat).map_err(|_| Refused::Broken)?;
    Ok(Cleaned { bytes: out, width: flat.width(), height: flat.height() })
}

fn tell(error: &image::ImageError) -> Refused {
    match error {
        image::ImageError::Limits(_) => Refused::TooManyPixels,
        image::ImageError::Unsupported(_) => Refused::NotAPicture,
        _ => Refused::Broken,
    }
}

/// JPEG knows no transparency: what is transparent becomes white.
fn on_white(seen: &DynamicImage) -> image::RgbImage {
    if !seen.color().has_alpha() {
        return seen.to_rgb8();
    }
    let mut flat = image::RgbImage::new(seen.width(), seen.height());
    for (to, from) in flat.pixels_mut().zip(seen.to_rgba8().pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let over = |part: u32| u8::try_from((part * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        to.0 = [over(red), over(green), over(blue)];
    }
    flat
}

/// Whether a JPEG's picture has its end (ITU-T T.81, B.1.1.3): what phones append after it may be anything.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    // The segments before the picture tell their length; after the start of scan (FFDA) only markers can be looked for.
    while let Some([0xff, marker]) = bytes.get(at..at + 2) {
        match marker {
            0xff => at += 1,
            0xda => return bytes[at..].windows(2).any(|two| two == [0xff, 0xd9]),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => match bytes.get(at + 2..at + 4) {
                Some([high, low]) => at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2),
                _ => return false,
            },
        }
    }
    false
}

/// The same, beside the runtime and one at a time in this process.
pub async fn clean_beside(bytes: Vec<u8>) -> Result<Result<Cleaned, Refused>, Error> {
    let _one = DECODING.acquire().await.map_err(|error| Error::internal("a picture waits for its turn", error))?;
    // A file on which the decoder stumbles is a broken picture, not a broken program.
    Ok(tokio::task::spawn_blocking(move || clean(&bytes)).await.unwrap_or(Err(Refused::Broken)))
}

/// Keeps a picture, once however often it is uploaded, in the transaction of what it is for.
pub async fn keep(tx: &DatabaseTransaction, new_id: PictureId, cleaned: &Cleaned, now: DateTime<Utc>) -> Result<PictureId, Error> {
    let hash = sha256_of(&cleaned.bytes);
    let known = picture::Entity::find().select_only().column(picture::Column::Id).filter(picture::Column::Hash.eq(&hash));
    if let Some(id) = known.into_tuple::<PictureId>().one(tx).await? {
        return Ok(id);
    }
    let row = picture::ActiveModel {
        id: Set(new_id),
        hash: Set(hash),
        content_type: Set("image/jpeg".to_owned()),
        bytes: Set(cleaned.bytes.clone()),
        width: Set(i64::from(cleaned.width)),
        height: Set(i64::from(cleaned.height)),
        created_at: Set(now),
    };
    picture::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(new_id)
}

fn sha256_of(bytes: &[u8]) -> String {
    crate::clock::hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Forgets a picture that nothing shows any more.
pub async fn drop_unused(tx: &DatabaseTransaction, id: PictureId) -> Result<(), Error> {
    let items = wish_item::Entity::find().filter(wish_item::Column::PictureId.eq(id)).count(tx).await?;
    let proofs = wish_proof::Entity::find().filter(wish_proof::Column::PictureId.eq(id)).count(tx).await?;
    if items + proofs == 0 {
        picture::Entity::delete_by_id(id).exec(tx).await?;
    }
    Ok(())
}

/// What a page needs of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its address on the public site.
    pub path: String,
    /// In pixels.
    pub width: i64,
    /// In pixels.
    pub height: i64,
}

/// The pictures of these ids, without their bytes.
pub async fn shown(db: &impl ConnectionTrait, ids: Vec<PictureId>) -> Result<HashMap<PictureId, Shown>, Error> {
    use picture::Column;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(PictureId, String, i64, i64)> = picture::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Hash, Column::Width, Column::Height])
        .filter(Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    let shown = |(id, hash, width, height)| (id, Shown { path: format!("/wish-list/pictures/{hash}.jpg"), width, height });
    Ok(rows.into_iter().map(shown).collect())
}

/// The picture of an address, where readers may see it: of an item that they may know of, or of a proof that was released.
pub async fn find_public(app: &App, hash: &str) -> Result<Option<picture::Model>, Error> {
    let db = app.db.read();
    let Some(found) = picture::Entity::find().filter(picture::Column::Hash.eq(hash)).one(db).await? else { return Ok(None) };
    let released = wish_proof::Entity::find()
        .filter(wish_proof::Column::PictureId.eq(found.id))
        .filter(wish_proof::Column::State.eq(ProofState::Released))
        .count(db)
        .await?;
    if released > 0 {
        return Ok(Some(found));
    }
    for item in wish_item::Entity::find().filter(wish_item::Column::PictureId.eq(found.id)).all(db).await? {
        let campaign = match item.campaign_id {
            Some(id) => campaign::Entity::find_by_id(id).one(db).await?,
            None => return Ok(Some(found)),
        };
        if campaign.is_some_and(|campaign| campaign.status != CampaignStatus::Draft) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A picture for the desk, whoever may see it.
pub async fn find(app: &App, id: PictureId) -> Result<Option<picture::Model>, Error> {
    Ok(picture::Entity::find_by_id(id).one(app.db.read()).await?)
}

/// Gives an item a picture, or only another text for the one that it has. The picture before it is forgotten.
pub async fn set(app: &App, actor: &Actor, item_id: WishItemId, new: Option<&Cleaned>, text: &str) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let item = store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
            let before = item.picture_id;
            let picture_id = match new {
                Some(cleaned) => keep(tx, app.new_id(), cleaned, now).await?,
                None => before.ok_or_else(|| Error::Conflict("there is no picture yet: choose a file".to_owned()))?,
            };
            let item = wish_item::Model { picture_id: Some(picture_id), picture_text: text.to_owned(), updated_at: now, ..item };
            store::update_item(tx, item).await?;
            if let Some(before) = before.filter(|before| *before != picture_id) {
                drop_unused(tx, before).await?;
            }
            audit::record(tx, now, actor, "wish.picture", "wish_item", &item_id.to_string(), json!({ "picture": picture_id })).await
        })
        .await
}

/// Takes an item's picture away.
pub async fn remove(app: &App, actor: &Actor, item_id: WishItemId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let item = store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
            let before = item.picture_id;
            store::update_item(tx, wish_item::Model { picture_id: None, picture_text: String::new(), updated_at: now, ..item }).await?;
            if let Some(before) = before {
                drop_unused(tx, before).await?;
            }
            audit::record(tx, now, actor, "wish.picture_remove", "wish_item", &item_id.to_string(), json!({})).await
        })
        .await
}
