//! Reading what was sealed: a deliberate act of finance, with a reason, that the audit trail keeps.

use super::seal;
use crate::{
    app::App,
    error::Error,
    receipts::{
        Snapshot,
        document::Document,
        statement::{YearSnapshot, document_of},
    },
    staff::{Actor, audit},
};
use entity::{ids::SealedDocumentId, sealed_document, words::SealedKind};
use sea_orm::EntityTrait;
use serde_json::json;

pub use super::seal::documents_of;

/// The longest reason that is kept.
pub const REASON_CHARACTERS_MAX: usize = 200;

/// What a sealed document said.
#[derive(Debug)]
pub enum Opened {
    /// A receipt or statement, as it is shown.
    Paper(Box<Document>),
    /// Fields with their values: a declaration, or a row of a claim.
    Fields(Vec<(String, String)>),
}

/// A sealed document by its id.
pub async fn find(app: &App, id: SealedDocumentId) -> Result<sealed_document::Model, Error> {
    sealed_document::Entity::find_by_id(id).one(app.db.read()).await?.ok_or(Error::NotFound)
}

/// Opens a sealed document. Who did it and why is written down before it is opened.
pub async fn open(app: &App, actor: &Actor, id: SealedDocumentId, reason: &str) -> Result<Opened, Error> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX {
        return Err(Error::Invalid(format!("Say in up to {REASON_CHARACTERS_MAX} characters why it must be read; name nobody in it.")));
    }
    let document = find(app, id).await?;
    let now = app.now();
    let detail = json!({ "kind": document.kind, "supporter": document.supporter_id, "reason": reason });
    app.db.write(async |tx| audit::record(tx, now, actor, "sealed.open", "sealed_document", &id.to_string(), detail.clone()).await).await?;
    let text = seal::open(app.db.read(), app, &document).await?;
    Ok(match document.kind {
        SealedKind::Receipt => Opened::Paper(Box::new(Document::of(&serde_json::from_str::<Snapshot>(&text)?))),
        SealedKind::Statement => Opened::Paper(Box::new(document_of(&serde_json::from_str::<YearSnapshot>(&text)?)?)),
        SealedKind::GiftAidDeclaration | SealedKind::GiftAidLine => {
            let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
            let told = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            Opened::Fields(fields.iter().map(|(name, value)| (name.clone(), told(value))).collect())
        }
    })
}
