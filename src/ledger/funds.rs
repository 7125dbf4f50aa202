//! The fund of an entry as it was: its code, restriction and general-ledger codes when the gift was given, or when the gift's money was
//! moved to it. So what a period was exported with stays when somebody edits the fund.
//!
//! Money that is moved goes by the code that the fund has on that day, because it is booked on that day. What is taken back of it later
//! goes by the same code, however the fund is called by then, so that no code keeps a rest.

use super::Posting;
use crate::error::Error;
use entity::{
    donation_fund,
    ids::{DonationId, FundId},
    words::MovementKind,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, Value};
use std::collections::BTreeSet;

/// Joins the fund as it was to the entries `e` of the transactions `t` with their donations `d`. What is booked for a fund and no gift goes
/// by the fund as it is.
pub const AS_IT_WAS: &str = "left join donation_fund x on x.donation_id = t.donation_id and x.fund_id = e.fund_id
    left join fund f on f.id = e.fund_id and t.donation_id is null";

/// The code of that fund.
pub const CODE: &str = "coalesce(x.fund_code, d.fund_code, f.code)";
/// What bound its money.
pub const RESTRICTION: &str = "coalesce(x.restriction, d.restriction, f.restriction)";
/// The general-ledger code of its income.
pub const GL_INCOME: &str = "coalesce(x.gl_income, d.gl_income, f.gl_income)";
/// The general-ledger code of its fees.
pub const GL_FEE: &str = "coalesce(x.gl_fee, d.gl_fee, f.gl_fee)";

/// Keeps the funds that a gift's money is moved to as they are now, the first time that some of it comes there.
pub(super) async fn keep(tx: &impl ConnectionTrait, posting: &Posting) -> Result<(), Error> {
    let Some(donation) = posting.donation_id.filter(|_| posting.kind == MovementKind::Reclassification) else { return Ok(()) };
    let funds: BTreeSet<FundId> = posting.legs.iter().filter_map(|leg| leg.purpose.fund_id).collect();
    if funds.is_empty() {
        return Ok(());
    }
    let places = (2..funds.len() + 2).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "insert into donation_fund (donation_id, fund_id, fund_code, restriction, gl_income, gl_fee)
         select d.id, f.id, f.code, f.restriction, f.gl_income, f.gl_fee from donation d join fund f on f.id <> d.fund_id
         where d.id = $1 and f.id in ({places}) on conflict do nothing"
    );
    let values = std::iter::once(Value::from(donation)).chain(funds.into_iter().map(Value::from));
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}

/// The funds that money of these gifts was moved to, as they were then.
pub async fn moved_to(db: &impl ConnectionTrait, gifts: impl Iterator<Item = DonationId>) -> Result<Vec<donation_fund::Model>, Error> {
    Ok(donation_fund::Entity::find().filter(donation_fund::Column::DonationId.is_in(gifts)).all(db).await?)
}
