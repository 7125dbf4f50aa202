//! Funds: what gifts are designated for, with their codes in the books.

use super::store;
use crate::{
    app::App,
    asks::gift::without_controls,
    db::is_unique_violation,
    error::Error,
    staff::audit::{self, Actor},
    web::FormErrors,
};
use entity::{fund, ids::FundId, words::Restriction};
use serde::Deserialize;
use serde_json::json;

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the fund's field of that name, as typed")]
pub struct RawFund {
    pub code: String,
    pub name: String,
    pub restriction: String,
    pub gl_income: String,
    pub gl_fee: String,
}

impl RawFund {
    /// What stands in the form for a fund that is there.
    pub fn of(fund: &fund::Model) -> Self {
        Self {
            code: fund.code.clone(),
            name: fund.name.clone(),
            restriction: fund.restriction.to_string(),
            gl_income: fund.gl_income.clone(),
            gl_fee: fund.gl_fee.clone(),
        }
    }
}

/// What may be written of a fund.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the fund's field of that name")]
pub struct Details {
    pub code: String,
    pub name: String,
    pub restriction: Restriction,
    pub gl_income: String,
    pub gl_fee: String,
}

/// Reads the form.
pub fn parse(raw: &RawFund) -> Result<Details, FormErrors> {
    let mut errors = FormErrors::default();
    let code = raw.code.trim().to_ascii_uppercase();
    if !is_code(&code) || code.is_empty() {
        errors.add("code", "Use 1 to 20 letters, digits and hyphens");
    }
    let name = without_controls(&raw.name, false);
    if name.is_empty() || name.chars().count() > 200 {
        errors.add("name", "Write a name of at most 200 characters");
    }
    let restriction = raw.restriction.parse().map_err(|_| errors.add("restriction", "Choose what binds the money")).ok();
    let mut account = |field: &'static str, text: &str| {
        let text = text.trim().to_owned();
        if !is_code(&text) {
            errors.add(field, "Use at most 20 letters, digits and hyphens, or leave it empty");
        }
        text
    };
    let (gl_income, gl_fee) = (account("gl_income", &raw.gl_income), account("gl_fee", &raw.gl_fee));
    match restriction {
        Some(restriction) if errors.is_empty() => Ok(Details { code, name, restriction, gl_income, gl_fee }),
        _ => Err(errors),
    }
}

/// Whether a text may stand as a code in the books; empty passes.
fn is_code(text: &str) -> bool {
    text.len() <= 20 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b))
}

/// Makes a fund.
pub async fn create(app: &App, actor: &Actor, details: &Details) -> Result<fund::Model, Error> {
    let (id, now): (FundId, _) = (app.new_id(), app.now());
    let fund = filled(blank(id, now), details);
    app.db
        .write(async |tx| {
            store::insert_fund(tx, fund.clone()).await.map_err(code_taken)?;
            audit::record(tx, now, actor, "fund.create", "fund", &id.to_string(), json!({ "code": fund.code })).await
        })
        .await?;
    Ok(fund)
}

/// Changes a fund. Gifts keep the codes and the restriction that it had when they were made; a general-ledger code that there was none of
/// is given to them now, as long as their period is open.
pub async fn edit(app: &App, actor: &Actor, id: FundId, details: &Details) -> Result<fund::Model, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let before = store::fund(tx, id).await?.ok_or(Error::NotFound)?;
            let after = filled(before.clone(), details);
            store::update_fund(tx, after.clone()).await.map_err(code_taken)?;
            for (column, old, new) in [("gl_income", &before.gl_income, &after.gl_income), ("gl_fee", &before.gl_fee, &after.gl_fee)] {
                if old.is_empty() && !new.is_empty() {
                    store::fill_codes(tx, id, column, new).await?;
                }
            }
            let detail = json!({
                "code": [before.code, after.code], "restriction": [before.restriction, after.restriction],
                "gl_income": [before.gl_income, after.gl_income], "gl_fee": [before.gl_fee, after.gl_fee],
            });
            audit::record(tx, now, actor, "fund.edit", "fund", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await
}

fn blank(id: FundId, now: chrono::DateTime<chrono::Utc>) -> fund::Model {
    fund::Model {
        id,
        code: String::new(),
        name: String::new(),
        restriction: Restriction::Without,
        gl_income: String::new(),
        gl_fee: String::new(),
        created_at: now,
    }
}

fn filled(fund: fund::Model, details: &Details) -> fund::Model {
    fund::Model {
        code: details.code.clone(),
        name: details.name.clone(),
        restriction: details.restriction,
        gl_income: details.gl_income.clone(),
        gl_fee: details.gl_fee.clone(),
        ..fund
    }
}

fn code_taken(error: sea_orm::DbErr) -> Error {
    if is_unique_violation(&error) { Error::Conflict("another fund has this code: choose another one".to_owned()) } else { error.into() }
}
