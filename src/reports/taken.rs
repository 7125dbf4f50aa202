//! What was taken away last, with the manifest of each file: what finance holds a file against that somebody sent on.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::audit_entry::{self, Column};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

/// A file that was taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Of what: `donations`, `gift-aid`.
    pub what: String,
    /// How it is written: `csv`.
    pub format: String,
    /// How many rows it has, or had when it was cut off.
    pub rows: i64,
    /// Whether it was cut off before its end.
    pub is_cut_off: bool,
    /// The control totals: `EUR gross 50.00`.
    pub totals: Vec<String>,
    /// SHA-256 of the file; empty when it was cut off.
    pub sha256: String,
    /// When it was read.
    pub as_of: String,
}

impl Taken {
    fn of(entry: audit_entry::Model) -> Self {
        let detail: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
        let sent = &detail["sent"];
        let text = |name: &str| sent[name].as_str().unwrap_or_default().to_owned();
        let cut_off_after = sent["cut_off_after_rows"].as_i64();
        let of_currency = |(currency, sums): (&String, &Value)| -> Vec<String> {
            let sum = |(column, sum): (&String, &Value)| format!("{currency} {column} {}", sum.as_str().unwrap_or_default());
            sums.as_object().into_iter().flatten().map(sum).collect()
        };
        Self {
            at: entry.at,
            by: entry.actor,
            what: sent["report"].as_str().map_or(entry.object_id, str::to_owned),
            format: text("format"),
            rows: cut_off_after.or(sent["rows"].as_i64()).unwrap_or(0),
            is_cut_off: cut_off_after.is_some(),
            totals: sent["totals"].as_object().into_iter().flatten().flat_map(of_currency).collect(),
            sha256: text("sha256"),
            as_of: text("as_of"),
        }
    }
}

/// The last files, the newest first, as the audit trail has them. Files of Gift Aid claims once had a word of their own there.
pub async fn last(db: &impl ConnectionTrait, most: u64) -> Result<Vec<Taken>, Error> {
    let files = audit_entry::Entity::find()
        .filter(Column::ObjectKind.is_in(["report", "gift_aid_claim"]))
        .filter(Column::Action.is_in(["report.export", "gift_aid.download"]));
    Ok(files.order_by_desc(Column::Id).limit(most).all(db).await?.into_iter().map(Taken::of).collect())
}
