//! Uploads at the desk: the picture of an item, proofs of its delivery. And the addresses at which pictures are served.

use super::{
    pictures::{self, Cleaned, Refused, Shown},
    proofs::{self, RawProof, Verdict},
    store,
};
use crate::{
    app::App,
    asks::gift,
    error::Error,
    staff::{DeskPage, Editor},
    web::{self, FormErrors, Path},
};
use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Multipart, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use entity::{
    ids::{PictureId, WishItemId, WishProofId},
    picture, wish_item, wish_proof,
    words::ProofState,
};
use std::collections::HashMap;

/// The largest body of an upload: the file, and room for the other fields.
pub const UPLOAD_BODY_BYTES_MAX: usize = pictures::UPLOAD_BYTES_MAX + 256 * 1024;

/// The routes whose bodies may be larger than those of other forms.
pub fn upload_routes() -> Router<App> {
    Router::new()
        .route("/desk/wish-list/{id}/picture", post(set_picture))
        .route("/desk/wish-list/{id}/proofs", post(make_proof))
        .layer(DefaultBodyLimit::max(UPLOAD_BODY_BYTES_MAX))
}

pub(super) fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/wish-list/{id}/picture", get(show_picture))
        .route("/desk/wish-list/{id}/picture/remove", post(remove_picture))
        .route("/desk/wish-list/{id}/proofs", get(show_proofs))
        .route("/desk/wish-list/proofs/{id}/{verdict}", post(decide))
        .route("/desk/wish-list/pictures/{id}", get(serve_for_desk))
}

pub(super) fn public_routes() -> Router<App> {
    Router::new().route("/wish-list/pictures/{name}", get(serve))
}

/// A picture by the hash of its bytes: it never changes, so a browser may keep it for ever.
async fn serve(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Error> {
    let hash = name.strip_suffix(".jpg").filter(|hash| hash.len() == 64).ok_or(Error::NotFound)?;
    let found = pictures::find_public(&app, hash).await?.ok_or(Error::NotFound)?;
    Ok(send(found, "public, max-age=31536000, immutable"))
}

async fn serve_for_desk(State(app): State<App>, _: Editor, Path(id): Path<PictureId>) -> Result<Response, Error> {
    Ok(send(pictures::find(&app, id).await?.ok_or(Error::NotFound)?, "no-store"))
}

fn send(found: picture::Model, caching: &'static str) -> Response {
    let kind = HeaderValue::from_str(&found.content_type).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
    ];
    (headers, found.bytes).into_response()
}

/// What was uploaded: the fields as typed, and the file unless none was chosen.
struct Upload {
    fields: HashMap<String, String>,
    file: Option<Result<Vec<u8>, Refused>>,
}

impl Upload {
    fn take(&mut self, name: &str) -> String {
        self.fields.remove(name).unwrap_or_default()
    }

    /// The picture, made anew; what is wrong with it is said of `file`.
    async fn picture(&mut self, errors: &mut FormErrors) -> Result<Option<Cleaned>, Error> {
        let cleaned = match self.file.take() {
            None => return Ok(None),
            Some(Ok(bytes)) => pictures::clean_beside(bytes).await?,
            Some(Err(refused)) => Err(refused),
        };
        Ok(cleaned.map_err(|refused| errors.add("file", refused.to_string())).ok())
    }
}

async fn read(mut multipart: Multipart) -> Result<Upload, Error> {
    let cut_off = |error| Error::Invalid(format!("the form was cut off or is too large: {error}"));
    let mut upload = Upload { fields: HashMap::new(), file: None };
    while let Some(mut field) = multipart.next_field().await.map_err(cut_off)? {
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(cut_off)? {
            // What is too much is read to its end and thrown away, so that the browser hears why.
            if bytes.len() <= pictures::UPLOAD_BYTES_MAX {
                bytes.extend_from_slice(&chunk);
            }
        }
        match name.as_str() {
            "file" if bytes.is_empty() => {}
            "file" if bytes.len() > pictures::UPLOAD_BYTES_MAX => upload.file = Some(Err(Refused::TooLarge)),
            "file" => upload.file = Some(Ok(bytes)),
            _ if bytes.len() <= 10_000 && upload.fields.len() < 20 => {
                upload.fields.insert(name, String::from_utf8_lossy(&bytes).into_owned());
            }
            _ => return Err(Error::Invalid("a field of the form is too long".to_owned())),
        }
    }
    Ok(upload)
}

#[derive(Template)]
#[template(path = "wishes/desk_picture.html")]
struct PicturePage {
    page: DeskPage,
    item: wish_item::Model,
    picture: Option<Shown>,
    text: String,
    errors: FormErrors,
}

async fn picture_page(app: &App, page: DeskPage, id: WishItemId, text: Option<String>, errors: FormErrors) -> Result<PicturePage, Error> {
    let item = store::item(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let picture = pictures::shown(app.db.read(), item.picture_id.into_iter().collect()).await?.into_values().next();
    let title = page.t("desk-picture-title");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(PicturePage { page: page.titled(title), picture, text: text.unwrap_or_else(|| item.picture_text.clone()), item, errors })
}

async fn show_picture(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    web::html(&picture_page(&app, page, id, None, FormErrors::default()).await?)
}

async fn set_picture(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    multipart: Multipart,
) -> Result<Response, Error> {
    let mut upload = read(multipart).await?;
    let mut errors = FormErrors::default();
    let typed = upload.take("text");
    let text = gift::without_controls(&typed, false);
    let cleaned = upload.picture(&mut errors).await?;
    if text.is_empty() {
        errors.add("text", page.t("desk-picture-error-text"));
    } else if text.chars().count() > pictures::TEXT_CHARACTERS_MAX {
        errors.add("text", page.t("desk-picture-error-long"));
    }
    if errors.is_empty() {
        match pictures::set(&app, &who.actor(), id, cleaned.as_ref(), &text).await {
            Ok(()) => return Ok(web::redirect(&format!("/desk/wish-list/{id}?done=saved"))),
            Err(Error::Conflict(why)) => errors.add("file", why),
            Err(other) => return Err(other),
        }
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &picture_page(&app, page, id, Some(typed), errors).await?)
}

async fn remove_picture(State(app): State<App>, who: Editor, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    pictures::remove(&app, &who.actor(), id).await?;
    Ok(web::redirect(&format!("/desk/wish-list/{id}?done=saved")))
}

#[derive(Template)]
#[template(path = "wishes/desk_proofs.html")]
struct ProofsPage {
    page: DeskPage,
    item: wish_item::Model,
    proofs: Vec<wish_proof::Model>,
    values: RawProof,
    errors: FormErrors,
}

impl ProofsPage {
    /// Whether who is signed in may release a proof: not who made it.
    fn may_release(&self, proof: &wish_proof::Model) -> bool {
        proof.state == ProofState::Waiting && proof.made_by != Some(self.page.staff.id)
    }
}

async fn proofs_page(app: &App, page: DeskPage, id: WishItemId, values: RawProof, errors: FormErrors) -> Result<ProofsPage, Error> {
    let item = store::item(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let proofs = proofs::of_item(app.db.read(), id, None).await?;
    let title = page.t("desk-proof-title");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(ProofsPage { page: page.titled(title), item, proofs, values, errors })
}

async fn show_proofs(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    let values = RawProof { quantity: "1".to_owned(), ..RawProof::default() };
    web::html(&proofs_page(&app, page, id, values, FormErrors::default()).await?)
}

async fn make_proof(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    multipart: Multipart,
) -> Result<Response, Error> {
    let mut upload = read(multipart).await?;
    let mut errors = FormErrors::default();
    let photo = upload.picture(&mut errors).await?;
    let raw = RawProof {
        quantity: upload.take("quantity"),
        withheld: upload.take("withheld"),
        words: upload.take("words"),
        place: upload.take("place"),
        month: upload.take("month"),
        text: upload.take("text"),
    };
    match proofs::parse(&app, &raw, photo) {
        Ok(new) if errors.is_empty() => match proofs::make(&app, &who.actor(), id, &new).await {
            Ok(_) => return Ok(web::redirect(&format!("/desk/wish-list/{id}/proofs?done=saved"))),
            Err(Error::Conflict(why)) => errors.add("quantity", why),
            Err(other) => return Err(other),
        },
        Ok(_) => {}
        Err(wrong) => errors.items.extend(wrong.items),
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &proofs_page(&app, page, id, raw, errors).await?)
}

async fn decide(State(app): State<App>, who: Editor, Path((id, verdict)): Path<(WishProofId, String)>) -> Result<Response, Error> {
    let verdict: Verdict = verdict.parse()?;
    let item = proofs::decide(&app, &who.actor(), id, verdict).await?;
    Ok(web::redirect(&format!("/desk/wish-list/{item}/proofs?done=saved")))
}
