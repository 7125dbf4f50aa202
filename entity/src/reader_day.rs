//! One day's count of one scope and source. Integers only.

use crate::words::{ReaderScope, ReaderSource};
use chrono::NaiveDate;
use sea_orm::entity::prelude::*;

/// One day's count of one scope and source. Integers only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reader_day")]
pub struct Model {
    /// Site, campaign or article.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: ReaderScope,
    /// Which; empty for the site.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope_id: String,
    /// The UTC day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: NaiveDate,
    /// Script or pixel.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source: ReaderSource,
    /// Distinct reader tokens.
    pub readers: i64,
    /// Qualified views.
    pub views: i64,
    /// The same page load told twice.
    pub duplicates: i64,
    /// Robots.
    pub bots: i64,
    /// Fetched before being looked at.
    pub prefetch: i64,
    /// Asked not to be counted.
    pub opt_out: i64,
    /// Not understood (site scope only).
    pub malformed: i64,
    /// No such article (site scope only).
    pub unknown_article: i64,
    /// Past the bound of one network.
    pub capped: i64,
    /// By staff.
    pub staff: i64,
    /// Everything received.
    pub received: i64,
    /// How many day keys: more than one after a lost key.
    pub epochs: i64,
    /// The lower bound, where epochs are more than one.
    pub readers_min: i64,
    /// `exact` or `hll16`.
    pub form: String,
    /// The version of the bot rules.
    pub rules_version: i64,
    /// Whether the number is final.
    pub closed: bool,
}

impl ActiveModelBehavior for ActiveModel {}
