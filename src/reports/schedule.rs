//! HMRC's schedule of a Gift Aid claim: the rows as they were set aside when the claim was made, in the order and with the names of HMRC's
//! columns. As comma-separated values this is the file that is pasted into HMRC's spreadsheet, so it is cut where that is full.

use super::{
    export::FilePart,
    report::{Cell, Column, Kind, Link, Page, ReportRequest, Row, column, no_such_page},
};
use crate::{
    error::Error,
    gift_aid::{
        claims,
        schedule::{self, COLUMNS as NAMES},
        store,
    },
};
use entity::{ids::GiftAidClaimId, words::GiftAidClaimState};
use sea_orm::ConnectionTrait;

pub use schedule::ROWS_MAX;

/// The columns: HMRC's.
pub const COLUMNS: &[Column] = &[
    column(NAMES[0], Kind::Text),
    column(NAMES[1], Kind::Text),
    column(NAMES[2], Kind::Text),
    column(NAMES[3], Kind::Text),
    column(NAMES[4], Kind::Text),
    column(NAMES[5], Kind::Text),
    column(NAMES[6], Kind::Text),
    column(NAMES[7], Kind::Text),
    column(NAMES[8], Kind::Money),
];

/// The next rows, oldest gift first, cut out of the whole claim, which is read for each page: a file asks once for all. None where no claim
/// was made; where it was withdrawn meanwhile an error, for its rows are gone.
pub async fn page(db: &impl ConnectionTrait, request: &ReportRequest, after: &str, limit: u64) -> Result<Page, Error> {
    let skip: usize = if after.is_empty() { 0 } else { after.parse().map_err(|_| no_such_page())? };
    let Some(claim) = request.claim else { return Ok(Page::default()) };
    let claims::Claim { head, gifts, .. } = claims::read(db, claim).await?;
    if head.state == GiftAidClaimState::Withdrawn {
        return Err(withdrawn(claim));
    }
    let more = gifts.len() > skip.saturating_add(limit as usize);
    let rows: Vec<Row> = gifts
        .iter()
        .skip(skip)
        .take(limit as usize)
        .map(|gift| Row { cells: cells(&gift.row), link: Some(Link::Donation(gift.donation_id)) })
        .collect();
    Ok(Page { next: more.then(|| (skip + rows.len()).to_string()), rows })
}

/// What is said of a claim that has no rows any more.
pub fn withdrawn(claim: GiftAidClaimId) -> Error {
    Error::Invalid(format!("the Gift Aid claim `{claim}` was withdrawn: it has no rows any more"))
}

/// A row of HMRC's as cells. What does not apply is blank.
pub fn cells(row: &schedule::Row) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    vec![
        text(&row.title),
        text(&row.first_name),
        text(&row.last_name),
        text(&row.house),
        text(&row.postcode),
        Cell::Empty,
        Cell::Empty,
        Cell::Text(row.gift_on.format("%d/%m/%y").to_string()),
        Cell::Money(row.amount),
    ]
}

/// The files that HMRC's spreadsheet can take, one at least.
pub async fn files(db: &impl ConnectionTrait, request: &ReportRequest) -> Result<Vec<FilePart>, Error> {
    let Some(claim) = request.claim else { return Ok(vec![FilePart::default()]) };
    let gifts = usize::try_from(store::count_gifts(db, claim).await?).unwrap_or(usize::MAX);
    let files = gifts.div_ceil(ROWS_MAX);
    let begins = |file: usize| if file == 0 { String::new() } else { (file * ROWS_MAX).to_string() };
    Ok((0..files.max(1)).map(|file| FilePart { page: begins(file), skip: 0 }).collect())
}
