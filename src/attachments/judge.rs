//! What would stand on an article on a day, and why everything else would not.

use super::{is_within_days, order, store};
use crate::{app::App, clock::start_of_day, error::Error, wishes};
use chrono::{DateTime, Days, NaiveDate};
use chrono_tz::Tz;
use entity::{
    article, attachment, campaign,
    ids::{CampaignId, WishItemId},
    wish_item,
    words::{ArticleStatus, CampaignStatus, WishStatus},
};
use std::collections::{HashMap, HashSet};

/// Why an attachment does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Readers do not see the article on that day.
    Hidden,
    /// The article is retracted.
    Retracted,
    /// The article is sensitive.
    Sensitive,
    /// The day is outside the attachment's own days.
    Days,
    /// The same stands there already, by an attachment that comes before this one.
    Twice,
    /// The campaign is not live.
    Campaign,
    /// The day is outside the campaign's days.
    CampaignDays,
    /// The item is cancelled.
    Item,
    /// All of the item are paid, ordered or held.
    Paid,
}

impl Why {
    /// The key of its sentence.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hidden => "desk-attachment-why-hidden",
            Self::Retracted => "desk-attachment-why-retracted",
            Self::Sensitive => "desk-attachment-why-sensitive",
            Self::Days => "desk-attachment-why-days",
            Self::Twice => "desk-attachment-why-twice",
            Self::Campaign => "desk-attachment-why-campaign",
            Self::CampaignDays => "desk-attachment-why-campaign-days",
            Self::Item => "desk-attachment-why-item",
            Self::Paid => "desk-attachment-why-paid",
        }
    }
}

/// An attachment that reaches the article, and whether it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The attachment.
    pub row: attachment::Model,
    /// Why it does not show; none: it shows.
    pub left_out: Option<Why>,
}

/// Everything that reaches the article, in the order of the page, judged for a day. Campaigns, items and the article are taken as they
/// are now; the day is held against every day that somebody wrote down.
pub async fn judge(app: &App, article: &article::Model, day: NaiveDate) -> Result<Vec<Judged>, Error> {
    let db = app.db.read();
    let mut rows = store::of_article(db, article).await?;
    order(&mut rows);
    let things = Things::of(app, &rows).await?;
    let general = why_not_at_all(app, article, day);
    // A campaign that ends in the course of the day is open when the day begins.
    let morning = start_of_day(app.config.org_timezone, day).with_timezone(&app.config.org_timezone);
    let mut seen: HashSet<(Option<CampaignId>, Option<WishItemId>)> = HashSet::new();
    let judged = rows.into_iter().map(|row| {
        let own = if !is_within_days(&row, day) {
            Some(Why::Days)
        } else if !seen.insert((row.campaign_id, row.wish_item_id)) {
            Some(Why::Twice)
        } else {
            things.why_not(&row, &morning)
        };
        Judged { left_out: general.or(own), row }
    });
    Ok(judged.collect())
}

fn why_not_at_all(app: &App, article: &article::Model, day: NaiveDate) -> Option<Why> {
    let after = day.checked_add_days(Days::new(1)).unwrap_or(day);
    let end = start_of_day(app.config.org_timezone, after);
    if article.status != ArticleStatus::Published || article.published_at.is_none_or(|at| at >= end) {
        return Some(Why::Hidden);
    }
    match (article.retracted, article.sensitive) {
        (true, _) => Some(Why::Retracted),
        (_, true) => Some(Why::Sensitive),
        _ => None,
    }
}

/// What the attachments tie.
struct Things {
    campaigns: HashMap<CampaignId, campaign::Model>,
    items: HashMap<WishItemId, (wish_item::Model, bool)>,
}

impl Things {
    async fn of(app: &App, rows: &[attachment::Model]) -> Result<Self, Error> {
        let db = app.db.read();
        let ids: Vec<WishItemId> = rows.iter().filter_map(|row| row.wish_item_id).collect();
        let cards = wishes::cards(db, wishes::store::items_by_id(db, &ids).await?, app.now()).await?;
        let items: HashMap<_, _> = cards.into_iter().map(|card| (card.item.id, (card.item, card.stock.is_wanted()))).collect();
        let of_items = items.values().filter_map(|(item, _)| item.campaign_id);
        let ids = rows.iter().filter_map(|row| row.campaign_id).chain(of_items).collect();
        Ok(Self { campaigns: wishes::store::campaigns_by_id(db, ids).await?, items })
    }

    fn why_not(&self, row: &attachment::Model, at: &DateTime<Tz>) -> Option<Why> {
        let Some((item, is_wanted)) = row.wish_item_id.and_then(|id| self.items.get(&id)) else {
            return self.why_campaign(row.campaign_id, at);
        };
        if item.status != WishStatus::Open {
            return Some(Why::Item);
        }
        let of_campaign = item.campaign_id.and_then(|id| self.why_campaign(Some(id), at));
        of_campaign.or_else(|| (!is_wanted).then_some(Why::Paid))
    }

    fn why_campaign(&self, id: Option<CampaignId>, at: &DateTime<Tz>) -> Option<Why> {
        match id.and_then(|id| self.campaigns.get(&id)) {
            Some(campaign) if campaign.status == CampaignStatus::Live => {
                (!crate::asks::accepts_gifts(campaign, at)).then_some(Why::CampaignDays)
            }
            _ => Some(Why::Campaign),
        }
    }
}
