//! Each matching pot: what its sponsor promised, what gifts have of it, what she paid and still owes. As it stands now: a period does not narrow
//! it. Sponsors are named, because the report is for finance.

use super::report::{Cell, Column, Kind, Link, Page, Period, Row, column, no_such_page};
use crate::{
    error::Error,
    matching::figures::{Figures, figures},
};
use entity::{
    campaign,
    ids::{CampaignId, MatchPotId},
    match_pot,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

/// The columns. `owed = confirmed − paid`, never below nothing; `left = promised − held − confirmed`.
pub const COLUMNS: &[Column] = &[
    column("pot", Kind::Text),
    column("sponsor", Kind::Text),
    column("campaign", Kind::Text),
    column("state", Kind::Text),
    column("ratio_percent", Kind::Text),
    column("promised", Kind::Money),
    column("held", Kind::Money),
    column("confirmed", Kind::Money),
    column("paid", Kind::Money),
    column("owed", Kind::Money),
    column("left", Kind::Money),
    column("currency", Kind::Text),
];

/// The next pots, in the order in which they were made.
pub async fn page(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page, Error> {
    period.bounds()?;
    let mut find = match_pot::Entity::find();
    if !after.is_empty() {
        let last: MatchPotId = after.parse().map_err(|_| no_such_page())?;
        find = find.filter(match_pot::Column::Id.gt(last));
    }
    let mut pots = find.order_by_asc(match_pot::Column::Id).limit(limit + 1).all(db).await?;
    let more = pots.len() as u64 > limit;
    pots.truncate(limit as usize);
    let next = pots.last().filter(|_| more).map(|pot| pot.id.to_string());
    let ids: Vec<CampaignId> = pots.iter().map(|pot| pot.campaign_id).collect();
    let named = campaign::Entity::find().select_only().columns([campaign::Column::Id, campaign::Column::Slug]);
    let named: Vec<(CampaignId, String)> = named.filter(campaign::Column::Id.is_in(ids)).into_tuple().all(db).await?;
    let slugs: HashMap<CampaignId, String> = named.into_iter().collect();
    let rows = figures(db, pots).await?.into_iter().map(|of| row_of(of, &slugs)).collect();
    Ok(Page { rows, next })
}

fn row_of(of: Figures, slugs: &HashMap<CampaignId, String>) -> Row {
    let link = Some(Link::Address(format!("/desk/matching/{}", of.pot.id)));
    let cells = vec![
        Cell::Text(of.pot.id.to_string()),
        Cell::Text(of.pot.sponsor_name),
        slugs.get(&of.pot.campaign_id).cloned().into(),
        Cell::Word(of.pot.status.as_str()),
        Cell::Text(crate::matching::pots::percent(of.pot.ratio_bp)),
        Cell::Money(of.total),
        Cell::Money(of.held),
        Cell::Money(of.confirmed),
        Cell::Money(of.paid),
        Cell::Money(of.owed),
        Cell::Money(of.left),
        Cell::Text(of.pot.currency.code().to_owned()),
    ];
    Row { cells, link }
}
