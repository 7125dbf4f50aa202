//! The list of receipts at the desk.

use crate::{
    error::Error,
    web::pager::{PAGE_ROWS, Pager},
};
use chrono::NaiveDate;
use entity::{ids::ReceiptId, receipt, words::ReceiptStatus};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;

/// The filter as it stands in the address; empty fields filter nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// A word of [`ReceiptStatus`].
    pub status: String,
    /// The calendar year of the gift.
    pub year: String,
    /// A profile's word.
    pub profile: String,
    /// A code or its beginning.
    pub q: String,
    /// The last receipt of the page before.
    pub after: String,
}

impl Asked {
    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_empty())
    }

    fn fields(&self) -> [(&'static str, &str); 4] {
        [("status", self.status.trim()), ("year", self.year.trim()), ("profile", self.profile.trim()), ("q", self.q.trim())]
    }

    /// The address of the page after `after`, with the same filter.
    pub fn address_after(&self, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields().into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        format!("/desk/receipts?{}", query.append_pair("after", after).finish())
    }

    fn condition(&self, backend: DbBackend) -> Result<Condition, Error> {
        use receipt::Column as C;
        let wrong = |what: &str| Error::Invalid(format!("Choose one of the {what}."));
        let [(_, status), (_, year), (_, profile), (_, code)] = self.fields();
        let mut all = Condition::all();
        if !status.is_empty() {
            all = all.add(C::Status.eq(status.parse::<ReceiptStatus>().map_err(|_| wrong("states"))?));
        }
        if !year.is_empty() {
            let year = year.parse::<i32>().ok().filter(|year| (1..=9998).contains(year)).ok_or_else(|| wrong("years"))?;
            let first = |year| NaiveDate::from_ymd_opt(year, 1, 1).ok_or_else(|| wrong("years"));
            all = all.add(C::GiftOn.gte(first(year)?)).add(C::GiftOn.lt(first(year + 1)?));
        }
        if !profile.is_empty() {
            all = all.add(C::Profile.eq(profile));
        }
        if !code.is_empty() {
            // Letters, digits and hyphens only: nothing of it is a wildcard.
            let plain: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            let plain = plain.to_ascii_uppercase();
            all = all.add(C::Code.starts_with(&plain));
            if backend == DbBackend::Sqlite {
                // It looks no beginning up in an index, as PostgreSQL does in one made for it; but what stands between two codes it does.
                all = all.add(C::Code.gte(plain.as_str())).add(C::Code.lt(format!("{plain}\u{10ffff}")));
            }
        }
        Ok(all)
    }
}

/// A page of receipts, the newest first.
pub async fn page(db: &impl ConnectionTrait, asked: &Asked) -> Result<Pager<receipt::Model>, Error> {
    let mut find = receipt::Entity::find().filter(asked.condition(db.get_database_backend())?);
    if !asked.after.trim().is_empty() {
        let after: ReceiptId = asked.after.trim().parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?;
        find = find.filter(receipt::Column::Id.lt(after));
    }
    let rows = find.order_by_desc(receipt::Column::Id).limit(PAGE_ROWS + 1).all(db).await?;
    Ok(Pager::from_rows(rows, |receipt| receipt.id.to_string()))
}

/// The receipt that replaces this one.
pub async fn replacement_of(db: &impl ConnectionTrait, id: ReceiptId) -> Result<Option<receipt::Model>, Error> {
    Ok(receipt::Entity::find().filter(receipt::Column::ReplacesId.eq(id)).one(db).await?)
}
