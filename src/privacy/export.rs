//! Everything about a supporter, for her to take along: one JSON document, or a CSV file for each kind of thing.
//!
//! What is in it follows from [`super::inventory`]: each column that is hers, under its own name.

use super::{
    inventory,
    person::{Person, ordered_by},
};
use crate::{
    app::App,
    error::Error,
    mail::{keyless::without_keys, outbox::is_secret},
    reports::write::Lines,
    staff::{Actor, audit},
};
use chrono::{SecondsFormat, Utc};
use entity::{
    address_change, audit_entry, balance_movement, bounce, checkout_ending, confirmation, deposit_gift, dispute, donation,
    donation_address, donation_step, gift_aid_declaration, gift_aid_line, ids::SupporterId, ledger_transaction, letter, letter_attempt,
    match_hold, match_payment, match_step, news_ask, portal_link, portal_session, promise_choice, receipt, recurring_donation,
    recurring_step, refund, statement, stripe_event, subscription, supporter, suppression, wish_order, wish_reservation, wish_step,
    words::LetterKind,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IdenStatic, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, QueryOrder,
    sea_query::{IntoCondition, sea_value_to_json_value},
};
use serde_json::{Map, Value, json};

/// The form of the document; raised when a field changes its meaning.
pub const FORMAT: &str = "wellwisher-export-1";

/// What stands in the document about the data that is not in it.
const AT_STRIPE: &str = "Our payment service Stripe took the payments and has its own record of them: your name and card as you gave them \
    there, and the ids in this document that begin with cs_, pi_, ch_, re_, in_, sub_ and cus_. For a copy of that ask Stripe \
    (https://stripe.com/privacy), or ask us and we ask Stripe.";

/// Rows of one kind.
#[derive(Clone, Debug)]
pub struct Part {
    /// The table, whose name the file bears.
    pub table: &'static inventory::Table,
    /// Each row: its columns that are hers.
    pub rows: Vec<Map<String, Value>>,
}

/// Everything about a supporter.
#[derive(Clone, Debug)]
pub struct Export {
    /// The kinds, also those of which there is nothing.
    pub parts: Vec<Part>,
}

impl Export {
    /// The document.
    pub fn to_json(&self, app: &App) -> Value {
        let about: Map<String, Value> = self.parts.iter().map(|part| (part.table.name.to_owned(), part.table.what.into())).collect();
        let data: Map<String, Value> = self.parts.iter().map(|part| (part.table.name.to_owned(), json!(part.rows))).collect();
        json!({
            "format": FORMAT, "organisation": app.config.org_name, "made_at": app.now().to_rfc3339_opts(SecondsFormat::Secs, true),
            "about": about, "data": data, "at_stripe": AT_STRIPE,
        })
    }

    /// One kind as comma-separated values, first the names of the columns. No cell is a formula to a spreadsheet program.
    pub fn to_csv(&self, kind: &str) -> Option<Vec<u8>> {
        let part = self.parts.iter().find(|part| part.table.name == kind)?;
        let columns: Vec<&str> = part.table.columns().filter(|column| part.table.is_hers(column)).collect();
        let mut lines = Lines::default();
        columns.iter().for_each(|column| lines.text(column));
        lines.end();
        for row in &part.rows {
            for column in &columns {
                match row.get(*column) {
                    None | Some(Value::Null) => lines.text(""),
                    Some(Value::String(text)) => lines.text(text),
                    Some(Value::Number(number)) => lines.number(number),
                    Some(other) => lines.text(&other.to_string()),
                }
            }
            lines.end();
        }
        Some(lines.take())
    }
}

/// Reads everything about a supporter.
pub async fn everything(db: &impl ConnectionTrait, app: &App, id: SupporterId) -> Result<Export, Error> {
    let who = Person::find(db, app, id).await?.ok_or(Error::NotFound)?;
    let mut parts = vec![part::<supporter::Entity>(db, supporter::Column::Id.eq(id)).await?];
    parts.extend(gifts(db, &who).await?);
    parts.extend(papers(db, &who).await?);
    parts.extend(letters(db, &who).await?);
    parts.extend(wishes(db, &who).await?);
    parts.extend(books(db, &who).await?);
    // In the order of the list, so that nothing of it is forgotten here.
    inventory::HERS
        .iter()
        .map(|table| {
            let place = parts.iter().position(|part| part.table.name == table.name);
            let place = place.ok_or_else(|| Error::Internal(format!("the table {} is not read for an export", table.name)))?;
            Ok(parts.swap_remove(place))
        })
        .collect::<Result<Vec<_>, _>>()
        .map(|parts| Export { parts })
}

async fn gifts(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Part>, Error> {
    let (hers, all) = (who.supporter.id, || who.donations.iter().copied());
    Ok(vec![
        part::<donation::Entity>(db, donation::Column::SupporterId.eq(hers)).await?,
        part::<donation_address::Entity>(db, donation_address::Column::DonationId.is_in(all())).await?,
        part::<donation_step::Entity>(db, donation_step::Column::DonationId.is_in(all())).await?,
        part::<refund::Entity>(db, refund::Column::DonationId.is_in(all())).await?,
        part::<dispute::Entity>(db, dispute::Column::DonationId.is_in(all())).await?,
        part::<recurring_donation::Entity>(db, recurring_donation::Column::SupporterId.eq(hers)).await?,
        part::<recurring_step::Entity>(db, recurring_step::Column::RecurringDonationId.is_in(who.recurring.iter().copied())).await?,
        part::<promise_choice::Entity>(db, promise_choice::Column::DonationId.is_in(all())).await?,
        part::<match_hold::Entity>(db, match_hold::Column::DonationId.is_in(all())).await?,
        part::<match_step::Entity>(db, match_step::Column::DonationId.is_in(all())).await?,
        part::<match_payment::Entity>(db, match_payment::Column::DonationId.is_in(all())).await?,
        part::<checkout_ending::Entity>(db, checkout_ending::Column::DonationId.is_in(all())).await?,
    ])
}

async fn papers(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Part>, Error> {
    let (hers, all) = (who.supporter.id, || who.donations.iter().copied());
    Ok(vec![
        part::<receipt::Entity>(db, receipt::Column::DonationId.is_in(all())).await?,
        part::<statement::Entity>(db, statement::Column::SupporterId.eq(hers)).await?,
        part::<confirmation::Entity>(db, confirmation::Column::DonationId.is_in(all())).await?,
        part::<gift_aid_declaration::Entity>(db, gift_aid_declaration::Column::SupporterId.eq(hers)).await?,
        part::<gift_aid_line::Entity>(db, gift_aid_line::Column::DonationId.is_in(all())).await?,
    ])
}

async fn letters(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Part>, Error> {
    let (hers, all) = (who.supporter.id, || who.letters.iter().copied());
    let hashes = || who.address_hashes.iter().map(String::as_str);
    let mut written = part::<letter::Entity>(db, letter::Column::Id.is_in(all())).await?;
    for row in &mut written.rows {
        let kind = row["kind"].as_str().and_then(|kind| kind.parse::<LetterKind>().ok());
        if kind.is_some_and(is_secret) {
            row.insert("text_body".to_owned(), Value::String("(only the letter itself shows it)".to_owned()));
        } else if let Some(Value::String(text)) = row.get_mut("text_body") {
            // Others have links that end, change or open something too.
            *text = without_keys(text);
        }
    }
    Ok(vec![
        written,
        part::<letter_attempt::Entity>(db, letter_attempt::Column::LetterId.is_in(all())).await?,
        part::<bounce::Entity>(db, bounce::Column::LetterId.is_in(all())).await?,
        part::<subscription::Entity>(db, subscription::Column::SupporterId.eq(hers)).await?,
        part::<suppression::Entity>(db, suppression::Column::AddressHash.is_in(hashes())).await?,
        part::<address_change::Entity>(db, address_change::Column::SupporterId.eq(hers)).await?,
        part::<portal_link::Entity>(db, portal_link::Column::SupporterId.eq(hers)).await?,
        part::<portal_session::Entity>(db, portal_session::Column::SupporterId.eq(hers)).await?,
        part::<news_ask::Entity>(db, news_ask::Column::SupporterId.eq(hers)).await?,
    ])
}

async fn wishes(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Part>, Error> {
    let ordered = part::<wish_order::Entity>(db, ordered_by(who)).await?;
    let orders: Vec<_> = ordered.rows.iter().filter_map(|row| row["id"].as_str()?.parse::<entity::ids::WishOrderId>().ok()).collect();
    let all = || who.donations.iter().copied();
    let because = Condition::any().add(wish_step::Column::DonationId.is_in(all())).add(wish_step::Column::OrderId.is_in(orders));
    Ok(vec![
        ordered,
        part::<wish_reservation::Entity>(db, wish_reservation::Column::DonationId.is_in(all())).await?,
        part::<wish_step::Entity>(db, because).await?,
    ])
}

async fn books(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Part>, Error> {
    let all = || who.donations.iter().copied();
    let of = |kind: &str, ids: Vec<String>| {
        Condition::all().add(audit_entry::Column::ObjectKind.eq(kind)).add(audit_entry::Column::ObjectId.is_in(ids))
    };
    let named = Condition::any()
        .add(of("supporter", vec![who.supporter.id.to_string()]))
        .add(of("donation", who.donations.iter().map(ToString::to_string).collect()))
        .add(of("recurring_donation", who.recurring.iter().map(ToString::to_string).collect()))
        .add(of("letter", who.letters.iter().map(ToString::to_string).collect()))
        .add(of("address", who.address_hashes.clone()));
    Ok(vec![
        part::<ledger_transaction::Entity>(db, ledger_transaction::Column::DonationId.is_in(all())).await?,
        part::<balance_movement::Entity>(db, balance_movement::Column::DonationId.is_in(all())).await?,
        part::<deposit_gift::Entity>(db, deposit_gift::Column::DonationId.is_in(all())).await?,
        part::<stripe_event::Entity>(db, events_about(who)).await?,
        part::<audit_entry::Entity>(db, named).await?,
    ])
}

/// The events about her payments, her customer at Stripe and her subscriptions.
pub(super) fn events_about(who: &Person) -> Condition {
    Condition::any()
        .add(stripe_event::Column::DonationId.is_in(who.donations.iter().copied()))
        .add(stripe_event::Column::ObjectId.is_in(who.stripe_ids.iter().map(String::as_str)))
}

/// The rows of a table that fit, in the order of their keys.
async fn part<E>(db: &impl ConnectionTrait, fits: impl IntoCondition) -> Result<Part, Error>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let name = E::default().table_name().to_owned();
    let table = inventory::table(&name).ok_or_else(|| Error::Internal(format!("the table {name} is nobody's")))?;
    let mut found = E::find().filter(fits.into_condition());
    for key in E::PrimaryKey::iter() {
        found = found.order_by_asc(key.into_column());
    }
    let rows = found.all(db).await?.iter().map(|model| row_of::<E>(table, model)).collect();
    Ok(Part { table, rows })
}

fn row_of<E>(table: &inventory::Table, model: &E::Model) -> Map<String, Value>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    E::Column::iter()
        .filter(|column| table.is_hers(column.as_str()))
        .map(|column| (column.as_str().to_owned(), told(sea_value_to_json_value(&model.get(column)))))
        .collect()
}

/// A document that is kept as JSON is a part of this one, not a text in it.
fn told(value: Value) -> Value {
    let nested = value.as_str().filter(|text| text.starts_with('{')).and_then(|text| serde_json::from_str(text).ok());
    nested.unwrap_or(value)
}

/// Reads everything about a supporter and writes down that somebody took it: `form` is `json`, or the kind of a CSV file.
pub async fn take_along(app: &App, by: &Actor, id: SupporterId, form: &str) -> Result<Export, Error> {
    let export = everything(app.db.read(), app, id).await?;
    let now: chrono::DateTime<Utc> = app.now();
    let detail = json!({ "form": form });
    app.db.write(async |tx| audit::record(tx, now, by, "supporter.export", "supporter", &id.to_string(), detail.clone()).await).await?;
    Ok(export)
}
